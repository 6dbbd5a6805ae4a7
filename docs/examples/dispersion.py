"""Residuals: a standard deviation with covariates, heavy tails, limits, overdispersion."""

# gaussian
import numpy as np
import pandas as pd
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, datasets, families

sleepstudy = datasets.sleepstudy.load_pandas().data
formula = "Reaction ~ Days + (Days | Subject)"
constant = GLLAMM.from_formula(formula, sleepstudy).fit()
growing = GLLAMM.from_formula(formula, sleepstudy, dispersion="Days").fit()
print(growing.summary())
test = growing.lr_test(constant)
print(f"likelihood ratio {test.statistic:.3f}, p = {test.pvalue:.5f}")
# end

# sd
delta = growing.params[["logsd[Intercept]", "logsd[Days]"]]
print(np.exp(delta.iloc[0] + delta.iloc[1] * np.array([0, 3, 6, 9])).round(1))
new = pd.DataFrame({"Subject": "new", "Days": [0, 3, 6, 9]})
print(np.sqrt(growing.predict(new, which="var")).round(1).tolist())
# end

# student
student = GLLAMM.from_formula(formula, sleepstudy, family=families.StudentT()).fit()
print(student.summary().tables[-1])
print(f"AIC: Gaussian {constant.aic:.1f}, growing {growing.aic:.1f}, Student t {student.aic:.1f}")
# end

# outliers
import matplotlib.pyplot as plt

three = sleepstudy[sleepstudy["Subject"].isin([308, 332, 352])]
fits = {"Gaussian": constant.predict(which="posterior"),
        "Student t": student.predict(which="posterior")}
figure, axes = plt.subplots(1, 3, figsize=(8, 3), sharey=True)
for (subject, rows), ax in zip(three.groupby("Subject"), axes):
    ax.plot(rows["Days"], rows["Reaction"], "k.")
    for (name, fit), style in zip(fits.items(), ["--", "-"]):
        ax.plot(rows["Days"], fit[rows.index], style, label=name)
    ax.set(title=f"subject {subject}", xlabel="days", xticks=[0, 3, 6, 9])
axes[0].set_ylabel("reaction time")
axes[2].legend(frameon=False, loc="upper left")
figure.tight_layout()
# end

# tobit
seen = sleepstudy.assign(Reaction=sleepstudy["Reaction"].clip(upper=350))
print((seen["Reaction"] == 350).sum(), "of", len(seen), "at the limit")
tobit = families.Censored(sm.families.Gaussian(), upper=350)
fits = {
    "complete data": constant,
    "limit ignored": GLLAMM.from_formula(formula, seen).fit(),
    "rows dropped": GLLAMM.from_formula(formula, seen[seen["Reaction"] < 350]).fit(),
    "censored": GLLAMM.from_formula(formula, seen, family=tobit).fit(),
}
table = pd.DataFrame({name: fit.params for name, fit in fits.items()})
print(table.loc[constant.params.index].round(2))
# end

# size
epilep = datasets.epilep.load_pandas().data
formula = "y ~ lbas * treat + lage + v4 + (1 | subj)"
negbin = GLLAMM.from_formula(formula, epilep, family=families.NegativeBinomial()).fit()
size = GLLAMM.from_formula(
    formula, epilep, family=families.NegativeBinomial(), dispersion="treat").fit()
print(size.summary().tables[-1])
test = size.lr_test(negbin)
print(f"likelihood ratio {test.statistic:.3f}, p = {test.pvalue:.3f}")
a, b = size.params[["logsize[Intercept]", "logsize[treat]"]]
print(f"alpha: placebo {np.exp(-a):.3f}, progabide {np.exp(-a - b):.3f}")
# end
