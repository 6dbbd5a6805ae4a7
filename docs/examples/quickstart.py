"""The code of the quick start; ``python docs/examples/record.py`` records what it prints."""

# data
from statsmodels_gllamm import datasets

irtsim = datasets.irtsim.load_pandas().data
print(irtsim.head(6))
# end

# model
import statsmodels.api as sm  # noqa: E402

from statsmodels_gllamm import GLLAMM, Factor  # noqa: E402

model = GLLAMM.from_formula(
    "y ~ C(item) + (0 + ability | school / sid)",
    irtsim,
    family=sm.families.Binomial(),
    factors={"ability": Factor("item", loadings=[1, None, None, None, None])},
)
# end

# laplace
laplace = model.fit(integration="laplace")
print(laplace.summary())
# end

# adaptive
results = model.fit()
print(results.summary())
# end

# next
print(results.loadings)
print(results.latent("school").head(3))
print(results.t_test("lambda[ability,2] = 1"))
# end
