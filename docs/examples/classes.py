"""Latent classes of respondents to a test, and of growth curves."""

# data
import numpy as np
import pandas as pd
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes, datasets

data = datasets.lsat.load_pandas().data
print(data.head(3))
# end

# fit
model = GLLAMM.from_formula("y ~ 0 + (0 + item | c)", data, family=sm.families.Binomial(),
                            classes={"c": Classes(2, within="id")})
print(model.describe())
result = model.fit(rng=1)
print(result.summary())
# end

# optima
print(result.optima)
# end

# probabilities
wide = data.pivot(index="id", columns="item", values="y")
patterns = wide.assign(p=result.class_probabilities()["c=1"]).groupby(list(wide))["p"]
print(patterns.agg(["size", "mean"]).round(3).iloc[[0, 5, 15, 23, 31 - 2]])
print(result.class_sizes.round(3))
print(f"entropy {result.entropy:.3f}")
# end

# questions
print(result.t_test("item[Q3][c=1] - item[Q3][c=2] = 0").summary_frame().round(3))
# end

# compare
def with_classes(n):
    return GLLAMM.from_formula("y ~ 0 + (0 + item | c)", data, family=sm.families.Binomial(),
                               classes={"c": Classes(n, within="id")}).fit(rng=1)


rasch = GLLAMM.from_formula("y ~ 0 + item + (1 | id)", data, family=sm.families.Binomial()).fit()
print(with_classes(1).compare(result, with_classes(3), rasch,
                              names=["1 class", "2 classes", "3 classes", "Rasch"])[
    ["llf", "n_params", "aic", "bic"]].round(2))
# end

# picture
import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(5.6, 3.4), layout="constrained")
means = result.predict(which="class").groupby(data["item"]).first()
for column, colour in zip(means, ("#1f4e79", "#b35806")):
    share = result.class_sizes.loc[column, "prior"]
    ax.plot(means.index, means[column], "o-", color=colour, label=f"{column} ({share:.0%})")
ax.plot(wide.mean(), "x", color="black", label="all")
ax.set(ylim=(0, 1), ylabel="probability of a right answer")
ax.legend(frameon=False, loc="lower right")
# end

# growth
rng = np.random.default_rng(3)
n, times = 250, 5
person, time = np.repeat(np.arange(n), times), np.tile(np.arange(times), n)
treated = rng.integers(0, 2, n)
improving = rng.random(n) < 1 / (1 + np.exp(0.8 - 1.2 * treated))
score = 10 + rng.normal(size=n)[person] - np.where(improving[person], 1.2, 0.1) * time
growth = pd.DataFrame({"id": person, "time": time, "treated": treated[person],
                       "score": score + rng.normal(size=n * times)})
mixture = GLLAMM.from_formula("score ~ 0 + (time | c) + (1 | id)", growth,
                              classes={"c": Classes(2, within="id", membership="treated")}).fit(rng=1)
print(pd.DataFrame({"estimate": mixture.params, "std err": mixture.bse}).round(3))
agree = (mixture.modal_class == 2) == improving
print(f"entropy {mixture.entropy:.2f}; {max(agree.mean(), 1 - agree.mean()):.0%} classified as drawn")
# end

# known
seen = np.where(rng.random(n) < 0.3, np.where(improving, 2.0, 1.0), np.nan)
growth["seen"] = seen[person]
partly = GLLAMM.from_formula("score ~ 0 + (time | c) + (1 | id)", growth, classes={
    "c": Classes(2, within="id", membership="treated", known="seen")}).fit(rng=1)
print(pd.DataFrame({"estimate": partly.params, "std err": partly.bse}).filter(
    like="prob", axis=0).round(3))
# end

# error
result.lr_test(with_classes(1))
# end

# profiles
print(result.class_profiles().round(3))
print(result.classification_table().round(1))
print(f"classification error {result.classification_error:.3f}")
# end

# pairs
print(with_classes(1).bivariate_residuals()["residual"].unstack().round(1).to_string(na_rep=""))
print(result.bivariate_residuals()["residual"].unstack().round(1).to_string(na_rep=""))
# end

# numbers
from statsmodels_gllamm import select_classes

found = select_classes(model, 3, rng=1)
print(found.table.drop(columns=["aic", "bic"]).round(2))
# end

# bootstrap
print(result.bootstrap_lrt(found.results[1], n=40, rng=1))
print(found.results[3].bootstrap_lrt(result, n=40, rng=1))
# end
