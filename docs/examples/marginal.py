"""Effects given the latent variables and averaged over them; variances and what explains them."""

# model
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, datasets

toenail = datasets.toenail.load_pandas().data
model = GLLAMM.from_formula(
    "y ~ treatment * time + (1 | patientID)", toenail, family=sm.families.Binomial()
)
results = model.fit()
averaged = results.marginal_params()
print(averaged.summary())
# end

# ratios
import numpy as np
import pandas as pd
import statsmodels.formula.api as smf

gee = smf.gee("y ~ treatment * time", "patientID", toenail, family=sm.families.Binomial(),
              cov_struct=sm.cov_struct.Exchangeable()).fit()
columns = {"of a patient": averaged.conditional, "population": averaged.params, "GEE": gee.params}
ratios = np.exp(pd.DataFrame(columns)).round(3)
ratios["conf_low"], ratios["conf_high"] = np.exp(averaged.conf_int().to_numpy()).T.round(3)
print(ratios)
print(averaged.t_test("time + treatment[T.terbinafine]:time = 0"))
# end

# margeff
effects = results.get_margeff()
print(effects.summary())
# end

# kinds
print(results.get_margeff(variables="treatment", atexog={"time": 12}).summary_frame().T.round(4))
print(results.get_margeff(at="mean", variables="time").summary_frame().T.round(4))
print(results.get_margeff(method="eydx", variables="time").summary_frame().T.round(4))
# end

# months
months = results.average_predictions("time", by="treatment", values={"time": [0, 3, 12]})
print(months.round(3))
# end

# picture
figure = results.plot_effects("time", by="treatment")
# end

# icc
print(results.icc().round(3))
print(results.icc(at={"time": [0, 6, 12]}, scale="response").round(3))
print(results.median_odds_ratio().round(1))
# end

# explained
print(results.r_squared().round(3))
print(results.variance_parts("response").round(4))
# end

# slopes
sleepstudy = datasets.sleepstudy.load_pandas().data
growth = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", sleepstudy).fit()
print(growth.icc(at={"Days": [0, 3, 6, 9]}).round(3))
print(growth.r_squared().round(3))
# end

# error
growth.icc()
# end

# ordinal
from statsmodels_gllamm import families

wine = datasets.wine.load_pandas().data
ratings = GLLAMM.from_formula("rating ~ temp + contact + (1 | judge)", wine,
                              family=families.Ordinal()).fit()
print(ratings.get_margeff(variables="temp").summary_frame().round(3))
# end

# choices
yogurt = pd.read_csv("tests/reference/mlmus_yogurt/data.csv")
family = families.Choice(set=["house", "occ"], alternative="brand")
bought = GLLAMM.from_formula("choice ~ brand + feature + price", yogurt, family=family).fit()
elasticity = bought.get_margeff(variables="price", method="eyex")
print(elasticity.summary_frame()["d(lny)/d(lnx)"].unstack("endog").round(2))
# end

# wine
figure = ratings.plot_effects("temp", by="contact")
# end
