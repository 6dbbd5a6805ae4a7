"""The code of the quick start; ``python docs/examples/record.py`` records what it prints."""

# data
from statsmodels_gllamm import datasets

irtsim = datasets.irtsim.load_pandas().data
print(irtsim.head(6))
# end

# model
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor

model = GLLAMM.from_formula(
    "y ~ C(item) + (0 + ability | school / sid)",
    irtsim,
    family=sm.families.Binomial(),
    factors={"ability": Factor("item", loadings=[1, None, None, None, None])},
)
# end

# describe
print(model.describe())
# end

# laplace
laplace = model.fit(integration="laplace")
print(laplace.summary())
# end

# adaptive
results = model.fit()
print(results.summary())
# end

# certificate
print(results.certificate)
for name in ["var[ability[school:sid]]", "var[ability[school]]"]:
    print(name, laplace.params[name].round(3), results.params[name].round(3))
# end

# latent
print(results.latent("school").head(3))
# end

# picture
figure = results.plot_random_effects()
# end

# tests
print(results.t_test("lambda[ability,2] = 1"))
joint = results.wald_test("lambda[ability,2] = lambda[ability,3] = lambda[ability,4] = 1")
print(f"chi-squared {joint.statistic:.3f}, p-value {joint.pvalue:.4f}")
# end

# rasch
rasch = GLLAMM.from_formula(
    "y ~ C(item) + (0 + ability | school / sid)",
    irtsim,
    family=sm.families.Binomial(),
    factors={"ability": Factor("item", loadings=[1, 1, 1, 1, 1])},
).fit()
test = results.lr_test(rasch)
print(f"chi-squared {test.statistic:.3f} with df = {test.df}, p-value {test.pvalue:.4f}")
# end

# frame
print(results.to_frame()[["kind", "estimate", "std_err", "derived", "status"]])
# end
