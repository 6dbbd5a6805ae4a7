"""A continuous and a binary response that share a latent variable: measurement error."""

# data
import numpy as np
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor, datasets

diet = datasets.diet.load_pandas().data
print(diet[diet["id"].isin([1, 219])])
# end

# naive
wide = diet.pivot(index=["id", "age", "bus"], columns="item", values="y").reset_index()
wide["measured"] = wide["fiber1"] - wide["fiber1"].mean()
naive = sm.Logit.from_formula("chd ~ age * bus + measured", wide).fit(disp=False)
print(naive.params.round(4))
# end

# model
families = {"gaussian": sm.families.Gaussian(), "binomial": sm.families.Binomial()}
intake = Factor("item", loadings={"fiber1": 1, "fiber2": 1, "chd": None})
model = GLLAMM.from_formula(
    "y ~ 0 + chd + chd:age + chd:bus + chd:age:bus"
    " + fiber + fiber2 + fiber:age + fiber:bus + fiber:age:bus + (0 + intake | id)",
    diet, family=families, family_by="fam", factors={"intake": intake},
)
print(model.describe())
# end

# fit
results = model.fit()
print(results.summary())
# end

# error
variance = results.params["var[intake[id]]"]
residual = np.exp(2 * results.params["logsd[gaussian]"])
loading = results.params["lambda[intake,chd]"]
print(f"reliability of a measurement     {variance / (variance + residual):.3f}")
print(f"odds ratio of 10 g: measured     {np.exp(10 * naive.params['measured']):.3f}")
print(f"odds ratio of 10 g: true intake  {np.exp(10 * loading):.3f}")
# end

# indirect
indirect = GLLAMM.from_formula(
    "y ~ 0 + chd + fiber + fiber2 + intake:(age + bus + age:bus) + (0 + intake | id)",
    diet, family=families, family_by="fam", factors={"intake": intake},
).fit()
print(indirect.summary().tables[2])
test = results.lr_test(indirect)
print(f"likelihood ratio {test.statistic:.3f}, df = {test.df}, p = {test.pvalue:.3f}")
# end

# predict
latent = results.latent()
print(latent.loc[[1, 2, 219]].round(2))
rows = diet[["id", "item", "y"]].copy()
rows["mean"] = results.predict()
rows["posterior"] = results.predict(which="posterior")
print(rows[rows["id"].isin([1, 2, 219])].round(3))
# end
