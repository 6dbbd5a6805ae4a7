"""Counts: robust standard errors, latent variables and the four kinds of prediction."""

# model
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, datasets, families

epilep = datasets.epilep.load_pandas().data
formula = "y ~ lbas * treat + lage + v4 + (1 | subj)"
model = GLLAMM.from_formula(formula, epilep, family=sm.families.Poisson())
results = model.fit()
print(results.summary())
# end

# robust
import pandas as pd

robust = results.with_cov_type("robust")
print(pd.DataFrame({"nonrobust": results.bse, "robust": robust.bse}).round(4))
print(robust.t_test("treat = 0"))
# end

# latent
print(results.latent().head(4))
print(results.latent(kind="mode").head(4))
# end

# predict
rows = epilep[["subj", "y"]].copy()
for which in ["mean", "conditional", "linear", "posterior"]:
    rows[which] = results.predict(which=which)
print(rows[rows["subj"].isin([1, 10, 25])].round(3))
# end

# new
new = pd.DataFrame({"subj": [10, 10, 1000], "treat": [0, 1, 1],
                    "lbas": 0.0, "lage": 0.0, "v4": -0.25})
print(results.predict(new, which="mean"))
print(results.predict(new, which="posterior"))
print(results.predict(new, which="conditional", latent={"Intercept[subj]": 0.5}))
# end

# negbin
negbin = GLLAMM.from_formula(formula, epilep, family=families.NegativeBinomial()).fit()
print(negbin.summary().tables[-1])
print(f"Poisson  {results.llf:.3f}, AIC {results.aic:.2f}")
print(f"negative binomial  {negbin.llf:.3f}, AIC {negbin.aic:.2f}")
# end
