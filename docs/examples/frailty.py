"""Durations with censoring and a frailty per patient."""

# data
import numpy as np
import pandas as pd
from scipy import stats

from statsmodels_gllamm import GLLAMM, datasets, families

kidney = datasets.kidney.load_pandas().data
print(kidney.head(4))
# end

# model
formula = "time ~ sex + age + (1 | patient)"
weibull = families.Censored(families.Weibull(metric="hazard"), event="status")
model = GLLAMM.from_formula(formula, kidney, family=weibull)
print(model.describe())
# end

# hazard
hazard = model.fit()
print(hazard.summary())
hazard_ratio = np.exp(hazard.fe_params["sex[T.female]"])
print(f"hazard ratio of women: {hazard_ratio:.2f}")
# end

# time
time = GLLAMM.from_formula(
    formula, kidney, family=families.Censored(families.Weibull(), event="status")).fit()
shape = np.exp(hazard.params["logshape[Intercept]"])
print(pd.DataFrame({"hazard": hazard.params, "time": time.params,
                    "-hazard / shape": -hazard.fe_params / shape}).round(4))
print(f"{hazard.llf:.4f} {time.llf:.4f}")
# end

# exponential
exponential = GLLAMM.from_formula(
    formula, kidney, family=families.Censored(families.Exponential("hazard"), event="status")).fit()
print(hazard.t_test("logshape[Intercept] = 0"))
statistic = 2 * (hazard.llf - exponential.llf)
print(f"likelihood ratio {statistic:.3f}, p = {stats.chi2.sf(statistic, 1):.3f}")
# end

# alternatives
fits = {"Weibull": hazard, "exponential": exponential}
for family in [families.LogNormal(), families.LogLogistic()]:
    fits[family.name] = GLLAMM.from_formula(
        formula, kidney, family=families.Censored(family, event="status")).fit()
fits["Weibull, no frailty"] = GLLAMM.from_formula(
    "time ~ sex + age", kidney, family=weibull).fit()
table = {name: [f.llf, f.aic] for name, f in fits.items()}
print(pd.DataFrame(table, index=["log-likelihood", "AIC"]).T.round(2))
test = hazard.lr_test(fits["Weibull, no frailty"])
print(f"likelihood ratio {test.statistic:.3f}, p = {test.pvalue:.4f}")
# end

# outlier
without = GLLAMM.from_formula(formula, kidney[kidney["patient"] != 21], family=weibull).fit()
print(pd.DataFrame({"all": hazard.params, "without patient 21": without.params}).round(3))
frailty = hazard.latent()
print(frailty.assign(factor=np.exp(frailty["Intercept"])).sort_values("Intercept").iloc[[0, 1, -1]])
# end

# median
new = pd.DataFrame({"patient": "new", "sex": ["male", "female"], "age": 44})
linear = np.asarray(hazard.predict(new, which="linear"))
table = {"median": (np.log(2) / np.exp(linear)) ** (1 / shape),
         "mean": hazard.predict(new, which="conditional"),
         "mean over patients": hazard.predict(new, which="mean")}
print(new.assign(**table).round(1))
# end

# survival
import matplotlib.pyplot as plt

node, weight = np.polynomial.hermite_e.hermegauss(41)
weight = weight / weight.sum()
eta = node * np.sqrt(hazard.params["var[Intercept[patient]]"])
days = np.linspace(0, 600, 200)
figure, axes = plt.subplots(figsize=(6.5, 3.5))
for nu, sex, color in zip(linear, new["sex"], ["C0", "C1"]):
    typical = np.exp(-days**shape * np.exp(nu))
    average = np.exp(-days[:, None] ** shape * np.exp(nu + eta)) @ weight
    axes.plot(days, typical, "--", color=color, label=f"{sex}, frailty 1")
    axes.plot(days, average, color=color, label=f"{sex}, over patients")
axes.set(xlabel="days", ylabel="without infection", ylim=(0, 1))
axes.legend(frameon=False)
figure.tight_layout()
# end
