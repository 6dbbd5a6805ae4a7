"""Observed information and the covariance that follows."""
import numpy as np
from numpy.testing import assert_allclose
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor, families
from statsmodels_gllamm.estimation.information import differenced, observed_information
from tests.integration.frames import nested_frame, slope_along

CASES = {
    "louis": ("count ~ x + (x | s)", sm.families.Poisson(), {}),
    "three levels": ("count ~ x + (1 | s/g)", sm.families.Poisson(), {}),
    "factor": ("count ~ x + (0 + f | s)", sm.families.Poisson(), {"factors": {"f": Factor("item")}}),
    "gaussian": ("number ~ x + (x | s)", sm.families.Gaussian(), {}),
    "negative binomial": ("count ~ x + (1 | s)", families.NegativeBinomial(), {}),
    "gamma": ("positive ~ x + (1 | s)", sm.families.Gamma(sm.families.links.Log()),
              {"dispersion": "x"}),
}


@pytest.fixture(params=CASES)
def model(request, rng):
    data = nested_frame(rng, n_top=40)
    school, person = (data[name].astype("category").cat.codes for name in ("s", "g"))
    u, v, w = rng.normal(size=40), rng.normal(size=40), rng.normal(size=200)
    nu = 0.5 + 0.3 * data["x"] + u[school] + 0.7 * v[school] * data["x"] + 0.8 * w[person]
    size = rng.gamma(1.5, 1 / 1.5, len(data))
    data["count"] = rng.poisson(np.exp(nu) * (size if "binomial" in request.param else 1))
    data["number"] = nu + rng.normal(size=len(data))
    data["positive"] = rng.gamma(2.0, np.exp(nu) / 2)
    formula, family, options = CASES[request.param]
    return GLLAMM.from_formula(formula, data, family=family, **options)


def test_covariance_of_a_fit(model):
    """Inverse of the second derivatives in natural parameters at the maximum."""
    fit = model.fit(n_quad=9, tol=1e-11)
    assert not fit.record.boundary and not fit.record.flat
    params = fit.params.to_numpy()
    se = np.sqrt(np.diag(fit.record.cov))
    n = fit.record.n_quad[0]
    slopes = np.array([slope_along(lambda p: model.score(p, n_quad=n), params, e, h=0.02)
                       for e in np.diag(se)])
    assert_allclose(np.linalg.inv(-slopes * se), fit.record.cov / np.outer(se, se), atol=3e-3)
    assert_allclose(-model.hessian(params, n_quad=n) * np.outer(se, se), -slopes * se, atol=3e-3)
    scores = fit.record.unit_scores
    assert_allclose(scores, model.score_obs(params, n_quad=n), atol=1e-6 * np.abs(scores).max())
    assert_allclose(scores.sum(0) * se, 0.0, atol=1e-3)


def test_observed_information(model):
    objective = model._objective((9,) * len(model.design.q))
    wanted = {"units": True, "information": not model.design.n_aux and bool(model.design.q)}
    point = objective.at(model.fit(n_quad=9).record.working, **wanted)
    k = len(point.working)
    information = observed_information(objective, point, np.arange(k), point.opg)
    exact = differenced(objective, point, np.arange(k), 1e-4 * np.ones(k))
    scale = np.sqrt(np.diag(exact))
    assert_allclose(information.matrix / np.outer(scale, scale), exact / np.outer(scale, scale),
                    atol=1e-2)
    assert_allclose(information.matrix @ information.inverse, np.eye(k), atol=1e-6)
    assert information.definite and information.flat.shape == (k, 0)
    some = np.array([0, 1])
    part = observed_information(objective, point, some, point.opg)
    assert part.matrix.shape == (2, 2)
    none = observed_information(objective, point, np.arange(0), point.opg)
    assert none.inverse.shape == (0, 0) and none.definite
