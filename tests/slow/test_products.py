"""Effects of products of latent variables are recovered: run by ``make test-slow``."""
import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM

pytestmark = pytest.mark.slow
REPLICATIONS = 50
MEASURED = "f =~ a1 + a2 + a3; h =~ b1 + b2 + b3; dep =~ d1 + d2 + d3; "
TRUTH = {"b[dep[id] on f[id]]": 0.5, "b[dep[id] on h[id]]": 0.3, "var[f[id]]": 1.0,
         "cov[f[id],h[id]]": 0.3, "var[dep[id]]": 0.49}


def items(rng, f, dep, binary):
    eta = np.repeat(np.column_stack([f, dep]), 3, axis=1) * np.tile([1, 0.8, 1.2], 3)
    if binary:
        eta = 1.0 * (rng.random(eta.shape) < 1 / (1 + np.exp(-1.5 * eta)))
    else:
        eta = eta + 0.6 * rng.normal(size=eta.shape)
    return pd.DataFrame(eta, columns=[f"{name}{k}" for name in "abd" for k in (1, 2, 3)])


def kenny_judd(rng, n, binary=False):
    """The product of two latent variables (Kenny and Judd, 1984)."""
    f = rng.multivariate_normal([0, 0], [[1, 0.3], [0.3, 1]], size=n)
    dep = f @ [0.5, 0.3] + 0.4 * f[:, 0] * f[:, 1] + 0.7 * rng.normal(size=n)
    return items(rng, f, dep, binary)


def moderated(rng, n):
    """A latent variable times a covariate."""
    x = rng.normal(size=n)
    f = rng.multivariate_normal([0, 0], [[1, 0.3], [0.3, 1]], size=n)
    dep = (0.5 + 0.4 * x) * f[:, 0] + 0.3 * f[:, 1] + 0.7 * rng.normal(size=n)
    return items(rng, f, dep, False).assign(x=x)


CASES = {
    "two latent variables": (lambda rng: kenny_judd(rng, 300), "dep ~ f + h + f:h", None,
                             {**TRUTH, "b[dep[id] on f[id]:h[id]]": 0.4}),
    "with a covariate": (lambda rng: moderated(rng, 300), "dep ~ f + h + f:x", None,
                         {**TRUTH, "b[dep[id] on f[id]:x]": 0.4}),
    "binary items": (lambda rng: kenny_judd(rng, 600, True), "dep ~ f + h + f:h",
                     sm.families.Binomial(),
                     {"b[dep[id] on f[id]]": 0.5, "b[dep[id] on f[id]:h[id]]": 0.4 / 1.5,
                      "lambda[h,b2]": 0.8, "lambda[dep,d3]": 1.2}),
}


@pytest.mark.parametrize("case", CASES)
def test_recovery(case):
    """Bias within 3 standard errors of its mean, and intervals that cover."""
    make, text, family, truth = CASES[case]
    inside, error, passed = [], [], 0
    for r in range(REPLICATIONS if family is None else REPLICATIONS // 5):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = GLLAMM.from_wide(make(np.random.default_rng([7, r])), MEASURED + text,
                                   family=family).fit()
        assert fit.converged
        passed += fit.certificate.passed
        error.append(fit.params[list(truth)] - pd.Series(truth))
        inside.append(error[-1].abs() < 1.96 * fit.bse[list(truth)])
    error, inside = pd.DataFrame(error), pd.DataFrame(inside)
    bias = error.mean() / (error.std() / np.sqrt(len(error)))
    table = pd.DataFrame({"truth": truth, "mean error": error.mean(), "sd": error.std(),
                          "z": bias, "coverage": inside.mean()})
    print(f"\n{case}, {len(error)} replications\n{table.round(3).to_string()}")
    assert passed >= 0.9 * len(error)
    assert (bias.abs() < 3).all()
    assert (inside.mean() > 0.8).all()
