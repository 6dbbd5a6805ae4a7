"""A model from arrays."""

# model
import numpy as np
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, datasets

sleepstudy = datasets.sleepstudy.load_pandas().data
reaction = sleepstudy["Reaction"].to_numpy()
days = sm.add_constant(sleepstudy["Days"].to_numpy(dtype=float))
results = GLLAMM(reaction, days, groups=sleepstudy["Subject"], exog_re=days).fit()
print(results.summary())
# end

# names
results = GLLAMM(
    sleepstudy["Reaction"], sm.add_constant(sleepstudy[["Days"]]), groups=sleepstudy["Subject"],
    exog_re=sm.add_constant(sleepstudy[["Days"]]),
).fit()
print(results.params)
# end

# levels
irtsim = datasets.irtsim.load_pandas().data
dummies = np.eye(5)[irtsim["item"].cat.codes]
nested = GLLAMM(
    irtsim["y"], dummies, groups=irtsim[["school", "sid"]], family=sm.families.Binomial(),
)
results = nested.fit()
print(nested.param_names)
print(f"{results.llf:.3f}")
# end

# predict
print(results.predict(np.eye(5)))
print(results.predict(np.eye(5), which="conditional"))
# end

# likelihood
params = results.params
for n_quad in [results.n_quad, 15, 21]:
    loglik, score = nested.loglike(params, n_quad=n_quad), nested.score(params, n_quad=n_quad)
    print(f"{loglik:.6f}, largest element of the score {np.abs(score).max():.1g}", n_quad)
# end
