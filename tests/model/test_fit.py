"""What a fit promises: a maximum, the same one from everywhere, and the model left alone."""
import pickle
import warnings

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.tools.sm_exceptions import ConvergenceWarning

from statsmodels_gllamm import GLLAMM
from statsmodels_gllamm.exceptions import QuadratureWarning
from tests.integration.frames import nested_frame, slope_along

BINOMIAL, POISSON = sm.families.Binomial(), sm.families.Poisson()


@pytest.fixture(scope="module")
def data():
    """Schools with a random intercept and a slope of x, well away from any boundary."""
    rng = np.random.default_rng(8)
    data = nested_frame(rng, n_top=60)
    school = pd.factorize(data["s"])[0]
    u = rng.normal(size=(60, 2)) @ [[1.0, 0.3], [0.0, 0.6]]
    nu = 0.5 - 0.5 * data["x"] + u[school, 0] + u[school, 1] * data["x"]
    data["binary"] = rng.binomial(1, 1 / (1 + np.exp(-nu)))
    data["count"] = rng.poisson(np.exp(nu))
    return data


@pytest.fixture(scope="module")
def model(data):
    return GLLAMM.from_formula("count ~ x + (x | s)", data, family=POISSON)


@pytest.fixture(scope="module")
def fit(model):
    return model.fit()


@pytest.fixture(scope="module")
def simple(data):
    return GLLAMM.from_formula("binary ~ x + (1 | s)", data, family=BINOMIAL)


def test_maximum(model, fit):
    assert fit.record.retvals["converged"]
    n = dict(zip([level.name for level in model.structure.levels], fit.record.n_quad))
    assert_allclose(model.loglike(fit.params, n_quad=n), fit.llf, rtol=1e-11)
    score = model.score(fit.params, n_quad=n)
    step = fit.record.cov @ score
    assert score @ step / 2 < 1e-6
    for e in np.eye(len(score)):
        for h in (-0.3, 0.3):
            se = np.sqrt(np.diag(fit.record.cov))
            assert model.loglike(fit.params + h * se * e, n_quad=n) < fit.llf


def test_standard_errors(model, fit):
    """The covariance is the inverse of the differenced exact score."""
    n = fit.record.n_quad[0]
    information = -np.array([slope_along(lambda p: model.score(p, n_quad=n), fit.params.to_numpy(),
                                         e, h=1e-4) for e in np.eye(len(fit.params))])
    assert_allclose(fit.record.cov, np.linalg.inv(information), rtol=2e-3, atol=1e-5)


def test_certificate(model, fit):
    certificate = fit.record.certificate
    assert certificate.passed and not certificate.exact
    assert certificate.n_finer > certificate.n_quad
    assert abs(certificate.error_loglik) < 0.01 and certificate.error_se < 0.01
    assert abs(model.loglike(fit.params, n_quad=41) - fit.llf) < 0.01
    fine = model.fit(n_quad=31)
    assert np.abs((fine.params - fit.params) / np.sqrt(np.diag(fit.record.cov))).max() < 0.02


def test_certified_error_is_the_error(model):
    """At few points, the error that is reported is about the one that is made."""
    with pytest.warns(QuadratureWarning, match="n_quad='auto'"):
        coarse = model.fit(n_quad=2)
    error = model.loglike(coarse.params, n_quad=31) - coarse.llf
    assert_allclose(coarse.record.certificate.error_loglik, error, rtol=0.2)


def test_tight_tolerance_raises_the_points(model, fit):
    tight = model.fit(quad_tol=1e-6)
    assert tight.record.n_quad > fit.record.n_quad
    assert tight.record.certificate.passed
    assert len(tight.record.path) >= 2


@pytest.mark.parametrize("name", ["model", "simple"])
@pytest.mark.parametrize("options", [{}, {"integration": "laplace"}, {"starts": 2, "rng": 1},
                                     {"n_quad": 3}])
@pytest.mark.filterwarnings("ignore::statsmodels_gllamm.exceptions.QuadratureWarning")
def test_fit_does_not_change_the_model(name, options, request):
    model = request.getfixturevalue(name)
    keys, before = set(model.__dict__), pickle.dumps(model)
    results = model.fit(**options)
    assert set(model.__dict__) == keys
    assert pickle.dumps(model) == before
    again = model.fit(**options)
    assert_array_equal(results.params, again.params)
    assert results.llf == again.llf


def test_model_survives_pickling(model, fit):
    copy = pickle.loads(pickle.dumps(model))
    assert copy.loglike(fit.params) == model.loglike(fit.params)
    assert_array_equal(copy.fit().params, fit.params)


@pytest.mark.filterwarnings("ignore::statsmodels_gllamm.exceptions.QuadratureWarning")
def test_start_params(model, fit, simple):
    for start in (fit.params.to_numpy(), list(fit.params), fit.params, fit.params[::-1], fit,
                  fit.params.iloc[:2], model.start_params):
        again = model.fit(start_params=start)
        assert_allclose(again.llf, fit.llf, atol=1e-5)
    once = model.fit(start_params=fit, n_quad=fit.record.n_quad[0])
    assert once.record.retvals["iterations"] <= 1
    other = simple.fit(start_params=fit)
    assert_allclose(other.llf, simple.fit().llf, atol=1e-6)


def test_far_starts(model, fit):
    for start in ([3.0, 3.0, 0.01, 0, 0.01], [-2.0, -2.0, 9.0, 2.0, 4.0], [0, 0, 1, 0.99, 1.0]):
        again = model.fit(start_params=np.array(start))
        assert_allclose(again.llf, fit.llf, atol=1e-4)


@pytest.mark.parametrize("start", [[1.0], [np.nan] * 5, [np.inf] * 5, np.zeros((5, 2))])
def test_bad_start_params(model, start):
    with pytest.raises(ValueError, match=r"start_params must be 5 finite numbers, for Intercept, x"):
        model.fit(start_params=start)
    with pytest.raises(ValueError, match="not positive semi-definite"):
        model.fit(start_params=[0.0, 0.0, 1.0, 5.0, 1.0])


def test_several_starts(simple):
    one = simple.fit(n_quad=5, starts=1)
    three = simple.fit(n_quad=5, starts=3, rng=1)
    assert_allclose(three.llf, one.llf, atol=1e-6)
    again = simple.fit(n_quad=5, starts=3, rng=np.random.default_rng(1))
    assert_array_equal(three.params, again.params)
    assert three.record.retvals["fcalls"] > one.record.retvals["fcalls"]


@pytest.mark.parametrize(
    "method", ["bfgs", "lbfgs", "nm", "powell", "cg", "ncg", "basinhopping", "minimize"])
def test_other_methods(simple, method):
    best = simple.fit(n_quad=5)
    other = simple.fit(n_quad=5, method=method, maxiter=5 if method == "basinhopping" else 500)
    assert other.record.retvals["method"] == method
    assert other.record.retvals["converged"]
    assert_allclose(other.llf, best.llf, atol=1e-5)
    assert_allclose(other.params, best.params, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("maxiter", [0, 1])
def test_nonconvergence(data, maxiter):
    model = GLLAMM.from_formula("positive ~ x + (x | s)", data,
                                family=sm.families.Gamma(sm.families.links.Log()))
    with pytest.warns(ConvergenceWarning) as caught:
        results = model.fit(n_quad=3, maxiter=maxiter)
    text = str(caught[0].message)
    assert "did not converge" in text and "(1)" in text and "(5)" in text
    assert f"maxiter, now {maxiter}" in text
    assert f"maxiter, now {maxiter}" in " ".join(str(results.summary()).split())
    assert caught[0].filename == __file__
    assert not results.record.retvals["converged"]
    assert np.isfinite(results.params).all()


@pytest.mark.filterwarnings("ignore::statsmodels_gllamm.exceptions.QuadratureWarning")
def test_callback_and_disp(model, capsys):
    seen = []
    results = model.fit(n_quad=5, callback=lambda params: seen.append(params), disp=True)
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1 and "log-likelihood" in printed
    assert len(seen) > 2
    assert all(np.shape(params) == (5,) for params in seen)
    assert_allclose(seen[-1], results.params, atol=1e-2)
    model.fit(n_quad=5)
    assert not capsys.readouterr().out


def test_threads(data, monkeypatch):
    from statsmodels_gllamm.integration import chunks
    monkeypatch.setattr(chunks, "CHUNK_ELEMENTS", 1)
    monkeypatch.setattr(chunks, "MIN_ROWS", 40)
    model = GLLAMM.from_formula("count ~ x + (1 | s)", data, family=POISSON)
    one, two = (model.fit(n_quad=5, threads=n) for n in (1, 2))
    assert_array_equal(one.params, two.params)
    assert one.llf == two.llf
    assert_array_equal(one.record.cov, two.record.cov)


def test_laplace(model):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # what was asked for by name is reported, not warned of
        laplace = model.fit(integration="laplace")
    one = model.fit(n_quad=1) if laplace.record.certificate.passed else None
    assert laplace.record.n_quad == (1,)
    assert laplace.record.integration == "laplace"
    assert one is None or laplace.llf == one.llf
    assert_allclose(laplace.llf, model.loglike(laplace.params, "laplace"), rtol=1e-11)


def test_ordinary_quadrature(simple):
    plain = simple.fit(integration="quadrature", n_quad=41)
    adaptive = simple.fit(n_quad=15)
    assert_allclose(plain.llf, adaptive.llf, atol=1e-4)
    assert plain.record.integration == "quadrature"
    assert_allclose(plain.params, adaptive.params, atol=1e-3)


def test_points_by_group(data):
    model = GLLAMM.from_formula("count ~ x + (1 | s/g)", data, family=POISSON)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = model.fit(n_quad={"s": 5, "s:g": 3})
    assert [level.name for level in model.structure.levels] == ["s:g", "s"]
    assert results.record.n_quad == (3, 5)


def test_no_parameters_but_one(rng):
    """The smallest models there are."""
    y = rng.poisson(2.0, 40)
    group = np.repeat(np.arange(8), 5)
    family = POISSON
    only_mean = GLLAMM(y, np.ones((40, 1)), family=family).fit()
    assert_allclose(only_mean.params, np.log(y.mean()), atol=1e-6)
    no_fixed = GLLAMM.from_formula(
        "y ~ 0 + (1 | g)", pd.DataFrame({"y": y, "g": group}), family=family).fit()
    assert list(no_fixed.params.index) == ["var[Intercept[g]]"]
    assert no_fixed.params.iloc[0] > 0
