"""Mixtures of regressions, of counts and of growth curves."""

# data
import numpy as np
import pandas as pd
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes, families, select_classes

engel = np.log(sm.datasets.engel.load_pandas().data)
print(engel.describe().loc[["count", "mean", "std"]].round(2))
# end

# fit
model = GLLAMM.from_formula("foodexp ~ 0 + (income | c)", engel, classes={"c": Classes(2)})
result = model.fit(rng=1)
print(result.summary())
# end

# numbers
found = select_classes(model, 4, rng=1)
print(found)
print(found.relative["bic"].round(2))
# end

# picture
import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(5.6, 3.8), layout="constrained")
points = ax.scatter(engel["income"], engel["foodexp"], c=result.class_probabilities()["c=2"], s=14,
                    cmap="coolwarm", vmin=0, vmax=1)
figure.colorbar(points, label="probability of class 2")
grid = pd.DataFrame({"income": np.linspace(engel["income"].min(), engel["income"].max(), 50)})
for (name, line), colour in zip(result.predict(grid, which="class").items(), ("#3b4cc0", "#b40426")):
    ax.plot(grid["income"], line, color=colour, label=name)
ax.set(xlabel="log income", ylabel="log expenditure on food")
ax.legend(frameon=False)
# end

# variances
apart = GLLAMM.from_formula("foodexp ~ 0 + (income | c)", engel,
                            classes={"c": Classes(2, varying="dispersion")}).fit(rng=1)
print(pd.DataFrame({"estimate": apart.params, "std err": apart.bse}).round(3))
print(f"log-likelihood {result.llf:.2f} and {apart.llf:.2f}; BIC {result.bic:.1f} and {apart.bic:.1f}")
# end

# elasticity
print(result.t_test("income[c=1] = 1, income[c=2] = 1").summary_frame().round(3))
# end

# visits
visits = sm.datasets.randhie.load_pandas().data
users = GLLAMM.from_formula("mdvis ~ 0 + (lncoins + disea | c)", visits,
                            family=families.NegativeBinomial(), classes={"c": Classes(2)}).fit(rng=1)
print(pd.DataFrame({"estimate": users.params, "std err": users.bse}).round(3))
print(users.class_sizes.assign(visits=users.predict(which="class").mean()).round(3))
# end

# compared
one = GLLAMM.from_formula("mdvis ~ lncoins + disea", visits, family=families.NegativeBinomial()).fit()
print(one.compare(users, names=["one class", "two classes"])[["llf", "n_params", "bic"]].round(1))
print(f"lncoins, one class: {one.params['lncoins']:.3f} ({one.bse['lncoins']:.3f})")
# end

# patients
patients = pd.read_csv("tests/reference/mlmus_schiz/data.csv")
print(patients[["id", "week", "weeksqrt", "treatment", "imps"]].head(4))
# end

# growth
classes = {"c": Classes(2, within="id", membership="treatment")}
growth = GLLAMM.from_formula("imps ~ 0 + (weeksqrt | c) + (1 | id)", patients,
                             classes=classes).fit(rng=1)
print(growth.summary())
# end

# persons
print(growth.class_sizes.round(3))
print(f"entropy {growth.entropy:.2f}")
print(patients.assign(c=patients["id"].map(growth.modal_class)).pivot_table(
    index="c", columns="week", values="imps").loc[:, [0, 1, 3, 6]].round(2))
# end

# plain
plain = GLLAMM.from_formula("imps ~ weeksqrt * treatment + (1 | id)", patients).fit()
slopes = GLLAMM.from_formula("imps ~ weeksqrt * treatment + (weeksqrt | id)", patients).fit()
print(plain.compare(slopes, growth, names=["random intercepts", "random slopes", "growth mixture"])[
    ["llf", "n_params", "aic", "bic"]].round(1))
# end
