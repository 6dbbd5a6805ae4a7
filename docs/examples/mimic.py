"""Causes of a factor and items that work differently: MIMIC with differential item functioning."""

# data
from statsmodels_gllamm import GLLAMM, Factor, datasets, families

answers = datasets.verbagg.load_pandas().data
answers["anger"] = (answers.anger - 20) / 5
means = answers.pivot_table(index=["do", "behaviour"], columns="male", values="answer", observed=True)
means.columns = ["women", "men"]
means["difference"] = means.men - means.women
print(means.round(2))
# end

# model
def fit(direct="", factor="item", causes="male + anger"):
    """The model with some direct effects."""
    return GLLAMM.from_formula(
        f"answer ~ 0 {direct} + (0 + aggression | id)", answers, factors={"aggression": factor},
        regressions=f"aggression ~ {causes}", family=families.Ordinal(), thresholds="0 + item",
    ).fit()

mimic = fit()
print("\n".join(mimic.model.describe().splitlines()[-4:]))
# end

# fit
def table(results, *kinds):
    """Estimates of some kinds."""
    frame = results.to_frame()
    return frame.loc[frame.kind.isin(kinds), ["estimate", "std_err", "pvalue"]].round(4)

print(f"log-likelihood {mimic.llf:.3f}")
print(table(mimic, "regression", "variance"))
print(table(mimic, "loading").iloc[[0, 1, 2, -2, -1]])
# end

# items
import pandas as pd
from statsmodels.stats.multitest import multipletests

items = answers.item.cat.categories

def by_item(base, direct=""):
    """A likelihood-ratio test of a direct effect of male on each item, besides those of base."""
    rows = {}
    for item in items:
        answers["dif"] = answers.male * (answers.item == item)
        larger = fit(f"{direct} + dif")
        test = larger.lr_test(base)
        rows[item] = larger.params["dif"], larger.bse["dif"], test.statistic, test.pvalue
    frame = pd.DataFrame(rows, ["effect", "std err", "chi-squared", "p"]).T
    frame["Holm"] = multipletests(frame.p, method="holm")[1]
    return frame.sort_values("p")

alone = by_item(mimic)
print(alone.head(8).round(4))
# end

# doing
doing = fit("+ do:male")
print(table(doing, "regression", "coefficient"))
test = doing.lr_test(mimic)
print(f"do:male   chi-squared {test.statistic:.2f}, df = {test.df}, p = {test.pvalue:.2g}")
again = by_item(doing, "+ do:male")
print(again.head(4).round(4))
# end

# behaviour
answers["shout"] = 1 * (answers.behaviour == "shout")
shouting = fit("+ do:male + shout:male")
print(table(shouting, "regression", "coefficient"))
test = shouting.lr_test(doing)
print(f"shout:male  chi-squared {test.statistic:.2f}, df = {test.df}, p = {test.pvalue:.2g}")
test = fit("+ do:male + shout:male + do:shout:male").lr_test(shouting)
print(f"do:shout:male  chi-squared {test.statistic:.2f}, df = {test.df}, p = {test.pvalue:.2g}")
test = shouting.lr_test(fit("+ do:male + shout:male", causes="anger"))
print(f"aggression ~ male  chi-squared {test.statistic:.2f}, df = {test.df}, p = {test.pvalue:.2g}")
again = by_item(shouting, "+ do:male + shout:male")
print(f"smallest p of an item {again.p.min():.4f}, by Holm {again.Holm.min():.3f}")
# end

# loadings
steeper = fit("+ do:male + shout:male", Factor("0 + item + do:male", [1, *[None] * 24]))
print(table(steeper, "loading").tail(1))
test = steeper.lr_test(shouting)
print(f"chi-squared {test.statistic:.2f}, df = {test.df}, p = {test.pvalue:.2g}")
# end

# picture
import matplotlib.pyplot as plt
import numpy as np

sd = shouting.cov_re["id"].loc["aggression", "aggression"] ** 0.5
z = np.linspace(-2.5, 2.5, 81)
figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True, layout="constrained")
for axis, item in zip(axes, ["S2WantCurse", "S2DoCurse"]):
    rows = answers[answers.item == item].drop_duplicates("male").sort_values("male")
    for (_, row), style in zip(rows.iterrows(), ["-", "--"]):
        grid = pd.DataFrame([row] * len(z)).reset_index(drop=True).astype({"male": int, "do": int})
        grid["item"] = pd.Categorical(grid.item, items)
        p = shouting.predict(grid, which="prob", latent={"aggression[id]": sd * z}, above=0)
        axis.plot(z, p, style, color="C0" if row.male else "C1", label="men" if row.male else "women")
    axis.set(title=item, xlabel="aggression, in sd")
axes[0].set_ylabel("P(perhaps or yes)")
axes[0].legend(frameon=False)
# end

# wide
persons = answers.pivot(index=["id", "male", "anger"], columns="item", values="answer").reset_index()
text = f"aggression =~ {' + '.join(items)}; aggression ~ male + anger"
same = "; ".join(f"{item} ~ d*male" for item in items if "Do" in item)
labelled = GLLAMM.from_wide(persons, f"{text}; {same}", family=families.Ordinal()).fit()
print(f"do:male               {doing.llf:.4f}  {doing.params['do:male']:.4f}")
print(f"equal direct effects  {labelled.llf:.4f}  {labelled.params['S1DoCurse:male']:.4f}")
# end
