"""Ordinal responses: the bitterness of wine, and the graders of essays."""

# data
import pandas as pd

from statsmodels_gllamm import GLLAMM, datasets, families

wine = datasets.wine.load_pandas().data
print(pd.crosstab([wine.temp, wine.contact], wine.rating))
# end

# model
model = GLLAMM.from_formula(
    "rating ~ temp + contact + (1 | judge)", wine, family=families.Ordinal()
)
print(model.describe())
# end

# fit
results = model.fit()
print(results.summary())
# end

# links
for link in ["logit", "probit", "cloglog", "loglog", "cauchit"]:
    fit = GLLAMM.from_formula(
        "rating ~ temp + contact + (1 | judge)", wine, family=families.Ordinal(link)
    ).fit()
    print(f"{link:8} {fit.llf:8.3f}  temp {fit.params['temp[T.warm]']:.3f}")
# end

# kinds
for kind in ["cumulative", "adjacent", "continuation"]:
    fit = GLLAMM.from_formula(
        "rating ~ temp + contact + (1 | judge)", wine, family=families.Ordinal(kind=kind)
    ).fit()
    print(f"{kind:12} {fit.llf:8.3f}  temp {fit.params['temp[T.warm]']:.3f}")
# end

# predict
cells = wine[["temp", "contact"]].drop_duplicates().reset_index(drop=True)
over_judges = results.predict(cells, which="prob")
print(cells.join(over_judges.round(3)))
# end

# zero
average_judge = results.predict(cells, which="prob", given="zero")
print(cells.join(average_judge.round(3)))
# end

# cumulative
print(results.predict(cells, which="prob", above=3).round(3))
# end

# picture
import matplotlib.pyplot as plt

figure, axis = plt.subplots(figsize=(7, 2.6), layout="constrained")
labels = cells.temp.astype(str) + ", contact: " + cells.contact.astype(str)
left = 0
for category, color in zip(over_judges, plt.get_cmap("Blues")([0.15, 0.3, 0.5, 0.7, 0.9])):
    axis.barh(labels, over_judges[category], left=left, color=color, label=category)
    left = left + over_judges[category]
axis.set(xlim=(0, 1), xlabel="probability")
axis.invert_yaxis()
axis.legend(title="rating", bbox_to_anchor=(1.01, 1), loc="upper left", frameon=False)
# end

# partial
partial = GLLAMM.from_formula(
    "rating ~ temp + (1 | judge)", wine, family=families.Ordinal(), thresholds="1 + contact"
).fit()
print(partial.thresholds)
test = partial.lr_test(results)
print(f"chi-squared {test.statistic:.2f} with df = {test.df}, p-value {test.pvalue:.2f}")
# end

# twice
model = GLLAMM.from_formula(
    "rating ~ temp + contact + (1 | judge)", wine, family=families.Ordinal(),
    thresholds="1 + contact",
)
# end

# scaled
scaled = GLLAMM.from_formula(
    "rating ~ temp + contact + (1 | judge)", wine, family=families.Ordinal(), dispersion="temp"
).fit()
test = scaled.lr_test(results)
print(f"chi-squared {test.statistic:.2f} with df = {test.df}, p-value {test.pvalue:.2f}")
# end

# essays
essays = pd.read_csv("tests/reference/mlmus_essays/data.csv", dtype={"grader": str})
probit = families.Ordinal("probit")
graders = GLLAMM.from_formula("grade ~ grader + (1 | essay)", essays, family=probit).fit()
noisy = GLLAMM.from_formula(
    "grade ~ grader + (1 | essay)", essays, family=probit, dispersion="grader"
).fit()
print(noisy.summary())
# end

# graders
test = noisy.lr_test(graders)
print(f"chi-squared {test.statistic:.1f} with df = {test.df}, p-value {test.pvalue:.2g}")
# end
