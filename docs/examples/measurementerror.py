"""A covariate measured with error, a binary outcome: diet and heart disease."""

# data
import numpy as np
import pandas as pd
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor, datasets

diet = datasets.diet.load_pandas().data
print(diet[diet["id"].isin([1, 219])])
wide = diet.pivot(index=["id", "age", "bus"], columns="item", values="y").reset_index()
twice = wide.dropna()
print(f"{len(wide)} men, {len(twice)} measured twice, correlation "
      f"{twice.fiber1.corr(twice.fiber2):.2f}, {wide.chd.sum():.0f} cases")
# end

# naive
wide["measured"] = wide["fiber1"] - wide["fiber1"].mean()
naive = sm.Logit.from_formula("chd ~ age * bus + measured", wide).fit(disp=False)
print(pd.DataFrame({"estimate": naive.params, "se": naive.bse}).round(4))
# end

# model
families = {"gaussian": sm.families.Gaussian(), "binomial": sm.families.Binomial()}
intake = Factor("item", loadings={"fiber1": 1, "fiber2": 1, "chd": None})

def make(fixed, intake=intake, data=diet):
    """The model with some fixed terms."""
    return GLLAMM.from_formula(
        f"y ~ 0 + {fixed} + (0 + intake | id)", data, family=families, family_by="fam",
        factors={"intake": intake}, regressions="intake ~ age * bus")

model = make("fiber + fiber2 + chd + chd:age + chd:bus + chd:age:bus")
print(model.describe())
# end

# fit
direct = model.fit()
print(direct.summary())
# end

# error
variance, error = direct.params["var[intake[id]]"], np.exp(2 * direct.params["logsd[gaussian]"])
loading, slope = direct.params["lambda[intake,chd]"], naive.params["measured"]
print(f"reliability of a measurement {variance / (variance + error):.3f}")
print("odds ratio of 10 g more a day")
print(f"  as measured                {np.exp(10 * slope):.3f}")
print(f"  divided by the reliability {np.exp(10 * slope * (variance + error) / variance):.3f}")
print(f"  usual intake               {np.exp(10 * loading):.3f}")
# end

# indirect
indirect = make("fiber + fiber2 + chd").fit()
test = direct.lr_test(indirect)
print(f"direct effects: chi-squared {test.statistic:.3f}, df = {test.df}, p = {test.pvalue:.3f}")
none = indirect.model.fit_constrained({"lambda[intake,chd]": 0})
test = indirect.lr_test(none)
print(f"effect of intake: chi-squared {test.statistic:.3f}, df = {test.df}, p = {test.pvalue:.4f}")
names = ["gamma[intake[id] on bus]", "lambda[intake,chd]"]
gamma, loading = indirect.params[names]
slopes = np.array([loading, gamma])
se = np.sqrt(slopes @ indirect.cov_params().loc[names, names] @ slopes)
print(f"bus staff to bank staff of average age, through intake: {gamma * loading:.3f} (se {se:.3f})")
# end

# known
single = make("fiber + chd + chd:age + chd:bus + chd:age:bus",
              Factor("item", {"fiber1": 1, "chd": None}), diet[diet["item"] != "fiber2"])
for sd in [0.05, 1.0, 2.0, 2.64, 3.0, 3.5]:
    known = single.fit_constrained({"logsd[gaussian]": np.log(sd)})
    effect, se = known.params["lambda[intake,chd]"], known.bse["lambda[intake,chd]"]
    print(f"error of {sd:4} g   log-likelihood {known.llf:.3f}   log odds {effect:.4f} (se {se:.4f})"
          f"   odds ratio of 10 g {np.exp(10 * effect):.3f}")
# end

# predict
latent = direct.latent()
print(latent.loc[[1, 2, 219]].round(2))
rows = diet[["id", "item", "y"]].copy()
rows["mean"] = direct.predict()
rows["posterior"] = direct.predict(which="posterior")
print(rows[rows["id"].isin([1, 2, 219])].round(3))
# end
