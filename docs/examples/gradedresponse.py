"""Items with ordered categories: graded response, partial credit and rating scale models."""

# data
import pandas as pd

from statsmodels_gllamm import GLLAMM, Factor, datasets, families

answers = datasets.neuroticism.load_pandas().data
print(pd.crosstab(answers.item, answers.y))
# end

# model
neuro = {"neuro": Factor("item")}
model = GLLAMM.from_formula(
    "y ~ 0 + (0 + neuro | id)", answers, family=families.Ordinal(), thresholds="0 + item",
    factors=neuro,
)
print(model.describe())
# end

# fit
graded = model.fit()
print(graded.summary())
# end

# curves
import matplotlib.pyplot as plt
import numpy as np

sd = graded.cov_re["id"].iloc[0, 0] ** 0.5
grid = pd.DataFrame({"z": np.linspace(-3, 3, 121)})
grid = grid.merge(pd.DataFrame({"item": answers.item.cat.categories}), how="cross")
grid["item"] = pd.Categorical(grid.item, answers.item.cat.categories)
curves = graded.predict(grid, which="prob", latent={"neuro[id]": sd * grid.z})

figure, axes = plt.subplots(1, 5, figsize=(11, 2.8), sharey=True, layout="constrained")
colors = plt.get_cmap("viridis")(np.linspace(0, 0.9, 6))
for axis, (item, rows) in zip(axes, grid.groupby("item", observed=True)):
    for category, color in zip(curves, colors):
        axis.plot(rows.z, curves.loc[rows.index, category], color=color, label=category)
    axis.set(title=item, xlabel="neuroticism, in sd")
axes[0].set_ylabel("probability")
axes[-1].legend(title="answer", bbox_to_anchor=(1.02, 1), loc="upper left", frameon=False)
# end

# credit
adjacent = families.Ordinal(kind="adjacent")
generalized = GLLAMM.from_formula(
    "y ~ 0 + (0 + neuro | id)", answers, family=adjacent, thresholds="0 + item", factors=neuro
).fit()
credit = GLLAMM.from_formula(
    "y ~ 0 + (1 | id)", answers, family=adjacent, thresholds="0 + item"
).fit()
rating = GLLAMM.from_formula("y ~ item + (1 | id)", answers, family=adjacent).fit()
for name, fit in {"graded response": graded, "generalized partial credit": generalized,
                  "partial credit": credit, "rating scale": rating}.items():
    print(f"{name:27} {len(fit.params):3} parameters  {fit.llf:11.2f}  AIC {fit.aic:9.1f}")
# end

# tests
for larger, smaller in [(generalized, credit), (credit, rating)]:
    test = larger.lr_test(smaller)
    print(f"chi-squared {test.statistic:.1f} with df = {test.df}, p-value {test.pvalue:.2g}")
# end

# rating
print(rating.summary())
# end

# persons
answers["decades"] = (answers.age - 30) / 10
explained = GLLAMM.from_formula(
    "y ~ 0 + neuro:female + neuro:decades + (0 + neuro | id)", answers,
    family=families.Ordinal(), thresholds="0 + item", factors=neuro,
).fit()
print(explained.summary().tables[2])
test = explained.lr_test(graded)
print(f"chi-squared {test.statistic:.1f} with df = {test.df}, p-value {test.pvalue:.2g}")
# end

# scores
scores = graded.latent()
sums = answers.groupby("id").y.agg(["sum", "size"])
complete = sums.join(scores).query("size == 5").groupby("sum")
print(complete.neuro.agg(["size", "min", "max"]).iloc[::5].round(2))
# end
