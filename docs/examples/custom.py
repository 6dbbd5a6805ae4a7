"""A log density of one's own, and a response with closed-form derivatives."""

# density
import numpy as np
import pandas as pd

from statsmodels_gllamm import GLLAMM, datasets, families


def discrete_weibull(y, nu, logshape):
    shape = np.exp(logshape)
    start = np.where(y > 0, np.exp(shape * (np.log(np.maximum(y, 1)) - nu)), 0)
    end = np.exp(shape * (np.log(y + 1) - nu))
    return -start + np.log(-np.expm1(start - end))


def mean(nu, logshape):
    above = [np.exp(-np.exp(np.exp(logshape) * (np.log(k) - nu))) for k in range(1, 1000)]
    return sum(above)  # of P(Y >= k)
# end

# fit
epilep = datasets.epilep.load_pandas().data
formula = "y ~ lbas * treat + lage + v4 + (1 | subj)"
family = families.Custom(discrete_weibull, mean=mean, aux={"logshape": 0.0})
model = GLLAMM.from_formula(formula, epilep, family=family)
print(model.describe())
results = model.fit()
print(results.summary())
# end

# check
interval = families.Censored(families.Weibull(), until=epilep["y"] + 1)
builtin = GLLAMM.from_formula(formula, epilep, family=interval).fit()
print(pd.DataFrame({"custom": results.params, "built-in": builtin.params}))
print(f"{results.llf:.8f} {builtin.llf:.8f}")
# end

# compare
negbin = GLLAMM.from_formula(formula, epilep, family=families.NegativeBinomial()).fit()
print(f"discrete Weibull  {results.aic:.2f}")
print(f"negative binomial {negbin.aic:.2f}")
# end

# predict
rows = epilep[["subj", "y"]].copy()
for which in ["mean", "conditional", "posterior"]:
    rows[which] = results.predict(which=which)
    rows[which + ", NB"] = negbin.predict(which=which)
print(rows[rows["subj"].isin([1, 25])].round(3))
# end

# mistakes
def squared(y, nu):
    return -np.sum((y - nu) ** 2)


GLLAMM.from_formula(formula, epilep, family=families.Custom(squared))
# end

# gradient
def poisson(y, nu):
    return y * nu - np.exp(nu)


GLLAMM.from_formula(formula, epilep,
                    family=families.Custom(poisson, score=lambda y, nu: y + np.exp(nu)))
# end

# response
from statsmodels_gllamm.responses.base import Response


class Logistic(Response):
    """Logistic errors: z = (y - nu) / s, log density -z - 2 log(1 + exp(-z)) - log s."""

    name = "Logistic(identity)"
    aux_names = ("logscale",)
    log_concave = True

    def prepare(self, endog, n_trials=None, *, index=None, columns=None):
        return np.asarray(endog, dtype=float)[None]

    def parts(self, y, nu, aux):
        """1 / s, z and three derivatives of the log density in z."""
        rate = np.exp(-aux[0])
        z = (y[0] - nu) * rate
        slope = -np.tanh(z / 2)
        second = -0.5 * (1 - slope**2)
        return rate, z, slope, second, slope * second

    def constant(self, y, aux=None):
        return -aux[0]

    def kernel(self, y, nu, aux=None):
        z = (y[0] - nu) * np.exp(-aux[0])
        size = np.where(np.real(z) < 0, -z, z)  # the density is even: no overflow
        return -size - 2 * np.log1p(np.exp(-size))

    def derivatives(self, y, nu, aux=None):
        rate, _, first, second, third = self.parts(y, nu, aux)
        return -rate * first, rate**2 * second, -(rate**3) * third

    def expected_information(self, y, nu, aux=None):
        return np.exp(-2 * aux[0]) / 3 + np.zeros(np.shape(nu))

    def aux_score(self, y, nu, aux=None):
        _, z, first, *_ = self.parts(y, nu, aux)
        return (-z * first - 1)[None]

    def aux_derivatives(self, y, nu, aux=None):
        rate, z, first, second, third = self.parts(y, nu, aux)
        return (rate * (first + z * second))[None], (-(rate**2) * (2 * second + z * third))[None]

    def mean(self, nu, aux=None, y=None):
        return nu

    def variance(self, nu, aux=None, y=None):
        return np.exp(2 * aux[0]) * np.pi**2 / 3 + np.zeros(np.shape(nu))

    def simulate(self, rng, nu, aux=None, y=None):
        return nu + np.exp(aux[0]) * rng.logistic(size=np.shape(nu))

    def aux_start(self, y, mu):
        return np.log([np.std(y[0] - mu) * np.sqrt(3) / np.pi])
# end

# closed
def logistic(y, nu, logscale):
    z = (y - nu) * np.exp(-logscale)
    z = np.where(np.real(z) < 0, -z, z)
    return -z - 2 * np.log1p(np.exp(-z)) - logscale


sleepstudy = datasets.sleepstudy.load_pandas().data
formula = "Reaction ~ Days + (Days | Subject)"
closed = GLLAMM.from_formula(formula, sleepstudy, family=Logistic()).fit()
family = families.Custom(logistic, mean=lambda nu, logscale: nu, aux={"logscale": 3.0})
numeric = GLLAMM.from_formula(formula, sleepstudy, family=family).fit()
print(pd.DataFrame({"closed form": closed.params, "Custom": numeric.params}))
print(f"{closed.llf:.6f} {numeric.llf:.6f}")
# end
