"""What does not fit: residuals of rows, latent variables of clusters, influence of clusters."""

# data
import pandas as pd
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, datasets, families

epilepsy = datasets.epilep.load_pandas().data
formula = "y ~ lbas * treat + lage + v4 + (1 | subj)"
poisson = GLLAMM.from_formula(formula, epilepsy, family=sm.families.Poisson()).fit()
# end

# kinds
print(pd.DataFrame({
    "response": poisson.resid_response, "pearson": poisson.resid_pearson,
    "deviance": poisson.resid_deviance, "quantile": poisson.resid_quantile(rng=1),
}).assign(subj=epilepsy["subj"]).head(4).round(2))
# end

# given
table = {given: poisson.resid_quantile(rng=1, given=given)
         for given in ["prior", "history", "posterior"]}
table = pd.DataFrame(table)
print(table.std().round(2).to_dict())
print((table.abs() > 3).sum().to_dict())
# end

# qq
figure = poisson.plot_qq(given="history", rng=1)
# end

# negbin
negbin = GLLAMM.from_formula(formula, epilepsy, family=families.NegativeBinomial()).fit()
print(f"AIC {poisson.aic:.1f} of Poisson, {negbin.aic:.1f} of negative binomial responses")
print(f"standard deviation {negbin.resid_quantile(rng=1, given='history').std():.2f}")
# end

# better
figure = negbin.plot_qq(given="history", rng=1)
# end

# predictor
import matplotlib.pyplot as plt

figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True, layout="constrained")
negbin.plot_residuals(rng=1, ax=axes[0])
negbin.plot_residuals(x="visit", rng=1, ax=axes[1])
# end

# latent
figure = negbin.plot_qq("subj")
# end

# influence
influence = negbin.get_influence()
frame = influence.summary_frame()
columns = ["dfb_treat", "dfb_lbas", "dfb_var[Intercept[subj]]", "cooks_d", "hat_diag", "covratio"]
print(frame.nlargest(4, "cooks_d")[columns].round(2))
# end

# cooks
figure = influence.plot_index("cooks")
# end

# without
worst = frame["cooks_d"].idxmax()
print(epilepsy[epilepsy["subj"] == worst][["subj", "treat", "lbas", "visit", "y"]])
without = GLLAMM.from_formula(formula, epilepsy[epilepsy["subj"] != worst],
                              family=families.NegativeBinomial()).fit()
print(pd.DataFrame({"all": negbin.params, "one step": influence.params_one.loc[worst],
                    f"without {worst}": without.params}).round(3))
# end

# errors
students = datasets.irtsim.load_pandas().data
rasch = GLLAMM.from_formula("y ~ 0 + item + (1 | school / sid)", students,
                            family=sm.families.Binomial()).fit(n_quad=5, quad_tol=10)
rasch.get_influence("school:sid")
# end
