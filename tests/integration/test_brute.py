"""The log-likelihood against brute force."""
import numpy as np
from numpy.testing import assert_allclose
import pytest
from scipy import special
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM
from tests.integration import brute
from tests.integration.frames import nested_frame, slope_along

FAMILIES = {
    "binary": (sm.families.Binomial(), brute.binomial),
    "count": (sm.families.Poisson(), brute.poisson),
}
BETA = np.array([0.3, -0.6])
COV = np.array([[1.3, -0.4], [-0.4, 0.7]])


@pytest.fixture
def data(rng):
    return nested_frame(rng)


def fixed_part(data):
    return BETA[0] + BETA[1] * data["x"].to_numpy()


@pytest.fixture(params=FAMILIES)
def response(request):
    return request.param, *FAMILIES[request.param]


def two_levels(data, response, formula="(x | s)"):
    column, family, logpmf = response
    model = GLLAMM.from_formula(f"{column} ~ x + {formula}", data, family=family)
    z = np.column_stack([np.ones(len(data)), data["x"]])
    exact = brute.two_levels(
        logpmf, data[column].to_numpy(), fixed_part(data), z, COV, data["s"].to_numpy())
    return model, np.array([*BETA, COV[0, 0], COV[0, 1], COV[1, 1]]), exact


def three_levels(data, response):
    column, family, logpmf = response
    model = GLLAMM.from_formula(f"{column} ~ x + (1 | s/g)", data, family=family)
    sd = {"Intercept[s]": 0.9, "Intercept[s:g]": 1.2}
    params = dict(zip(model.param_names[2:], (0.0, 0.0)))
    for name, value in sd.items():
        params[f"var[{name}]"] = value**2
    exact = brute.three_levels(
        logpmf, data[column].to_numpy(), fixed_part(data), sd["Intercept[s:g]"],
        sd["Intercept[s]"], data["g"].to_numpy(), data["s"].to_numpy())
    return model, np.array([*BETA, *params.values()]), exact


@pytest.mark.parametrize("build", [two_levels, three_levels])
def test_enough_points(data, response, build):
    model, params, exact = build(data, response)
    assert_allclose(model.loglike(params, n_quad=31), exact, rtol=0, atol=1e-7)


@pytest.mark.parametrize("build", [two_levels, three_levels])
def test_more_points_are_better(data, response, build):
    model, params, exact = build(data, response)
    errors = [abs(model.loglike(params, n_quad=n) - exact) for n in (3, 7, 13, 21)]
    assert errors[0] > errors[1] > errors[2] > errors[3]
    assert errors[3] < 1e-6


@pytest.mark.parametrize("build", [two_levels, three_levels])
def test_laplace_is_one_point(data, response, build):
    model, params, exact = build(data, response)
    assert model.loglike(params, "laplace") == model.loglike(params, n_quad=1)
    assert 1e-5 < abs(model.loglike(params, "laplace") - exact) < 1.0


@pytest.mark.parametrize("build", [two_levels, three_levels])
def test_ordinary_quadrature(data, response, build):
    model, params, exact = build(data, response)
    assert_allclose(model.loglike(params, "quadrature", n_quad=101), exact, rtol=0, atol=1e-4)


def test_nodes_outside_the_support(rng):
    """Identity link: nodes of the top level below which no density is left weigh nothing."""
    data = nested_frame(rng)
    data["count"] += 1
    family = sm.families.Poisson(sm.families.links.Identity())
    model = GLLAMM.from_formula("count ~ x + (1 | s/g)", data, family=family)
    assert model.param_names[2:] == ["var[Intercept[s:g]]", "var[Intercept[s]]"]
    params = np.array([2.0, 0.0, 0.05, 1.5])

    def logpmf(y, nu):
        inside = np.where(nu > 0, nu, 1.0)
        return np.where(nu > 0, y * np.log(inside) - inside - special.gammaln(y + 1), -np.inf)

    exact = brute.three_levels(
        logpmf, data["count"].to_numpy(), np.full(len(data), 2.0), np.sqrt(0.05), np.sqrt(1.5),
        data["g"].to_numpy(), data["s"].to_numpy())
    for rule in ({"n_quad": 31}, {"integration": "quadrature", "n_quad": 63}):
        assert_allclose(model.loglike(params, **rule), exact, rtol=0, atol=1e-4)
        score = model.score(params, **rule)
        slopes = [slope_along(lambda p, rule=rule: model.loglike(p, **rule), params, e, h=1e-5)
                  for e in np.eye(4)]
        assert_allclose(score, slopes, rtol=1e-4)


def test_points_by_level(data, response):
    model, params, exact = three_levels(data, response)
    few = model.loglike(params, n_quad={"s": 3, "s:g": 3})
    assert_allclose(few, model.loglike(params, n_quad=3), rtol=0, atol=1e-12)
    mixed = model.loglike(params, n_quad={"s": 31, "s:g": 3})
    assert mixed not in (few, exact)
    many = model.loglike(params, n_quad={"s": 25, "s:g": 31})
    assert_allclose(many, exact, rtol=0, atol=1e-7)


def test_order_of_a_bar_does_not_matter(data, response):
    """Two bars without covariance are the correlated bar with a covariance of zero."""
    model, params, _ = two_levels(data, response)
    split, _, _ = two_levels(data, response, "(1 | s) + (0 + x | s)")
    params[3] = 0.0
    assert_allclose(
        split.loglike(params[[0, 1, 2, 4]], n_quad=9), model.loglike(params, n_quad=9),
        rtol=1e-11)
