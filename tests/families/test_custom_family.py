"""A family of the user's own: what it finds out on the data, and what it refuses."""
import copy
import pickle

import numpy as np
from numpy.testing import assert_array_equal
import pandas as pd
import pytest
from scipy.special import gammaln, loggamma

from statsmodels_gllamm import GLLAMM
from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.families.base import FamilyData
from statsmodels_gllamm.families.custom import Custom

Y = np.array([0.5, 2.0, 1.0, 3.5])


def data(endog=Y, **designs):
    n = 4 if endog is None else len(endog)
    return FamilyData(endog, pd.Index([f"r{i}" for i in range(n)]), designs=designs)


def normal(y, nu):
    return -0.5 * (y - nu) ** 2


def two_pieces(y, nu):
    """log(1 + e^x) without overflow: each piece is the same analytic function."""
    x = y - nu
    right = np.real(x) > 0
    return -np.where(right, x, 0) - np.log1p(np.exp(np.where(right, -x, x)))


def fitted(logpdf, **arguments):
    return Custom(logpdf, **arguments).fitted(data())


@pytest.mark.parametrize(("logpdf", "aux", "by"), [
    (normal, None, "complex step"),
    (lambda y, nu, a: loggamma(y + np.exp(a)) - loggamma(np.exp(a)) + y * nu - np.exp(nu),
     {"logsize": 0.0}, "complex step"),
    (lambda y, nu, a: gammaln(y + np.exp(a)) - gammaln(np.exp(a)) + y * nu - np.exp(nu),
     {"logsize": 0.0}, "finite differences"),  # gammaln takes no complex numbers
    (lambda y, nu: -np.log(np.cosh(np.abs(y - nu))), None, "finite differences"),
    (lambda y, nu: y * nu - np.exp(np.asarray(nu).astype(float)), None, "finite differences"),
    (lambda y, nu: y * nu - np.logaddexp(0, nu), None, "finite differences"),
    (two_pieces, None, "complex step"),
])
def test_complex_numbers_are_tried(logpdf, aux, by):
    family = fitted(logpdf, aux=aux, name="mine")
    assert family.derivatives_by == by
    assert family.name == f"Custom(mine; derivatives by {by})"


def test_outcomes():
    design = pd.DataFrame({"Intercept": np.ones(4), "x": Y})
    family = Custom(lambda y, nu, a: -0.5 * ((y - nu) * np.exp(-a)) ** 2 - a, aux={"logsd": 0.3})
    assert family.name == "Custom(logpdf)" and family.derivatives_by is None
    assert family.needs(dispersion="x").formulas == {"dispersion": "x"}
    for ready in (family, family.fitted(data())):
        out = ready.outcomes(data(dispersion=design))
        assert out.members[0].response.by_complex
        assert_array_equal(out.members[0].y, Y[None])
        assert [t[0] for t in out.aux[0].terms] == ["logsd[Intercept]", "logsd[x]"]
    once = family.fitted(data())
    assert once.fitted(data(Y[::-1])) is once
    new = once.outcomes(data(None, dispersion=design)).members[0]
    assert new.response is once.response and new.y.shape == (1, 4)


def test_no_dispersion():
    with pytest.raises(ValueError, match="no dispersion"):
        Custom(normal).needs(dispersion="x")


@pytest.mark.parametrize(("logpdf", "error", "message"), [
    (lambda y, nu: np.sum(normal(y, nu)), ValueError, r"shape \(\) .* elementwise"),
    (lambda y, nu: normal(y, nu)[:, None], ValueError, r"shape \(4, 1\)"),
    (lambda y, nu: normal(y, nu) + 0j, ValueError, "complex128 for real arguments"),
    (lambda y, nu: normal(y, nu) * np.mean(y), ValueError, "comes with other rows"),
    (lambda y, nu, a: normal(y, nu), ValueError, r"logpdf\(y, nu\).*TypeError"),
    (lambda y, nu: {}["x"], ValueError, "KeyError"),
    (lambda y, nu: np.where(y == 2, np.nan, normal(y, nu)), DataError, "NaN in row r1: "),
    (lambda y, nu: np.where(y < 2, np.inf, 0 * nu), DataError, "plus infinity in rows r0, r2"),
    (lambda y, nu: np.full(len(nu), -np.inf), DataError, "minus infinity in every row"),
])
def test_mistakes(logpdf, error, message):
    with pytest.raises(error, match=message) as caught:
        fitted(logpdf, name="mine")
    assert "of mine" in str(caught.value)


def huber(y, nu):
    x = y - nu
    return np.where(np.abs(x) < 1.3, -0.5 * x * x, 0.845 - 1.3 * np.abs(x))


@pytest.mark.parametrize(("logpdf", "message"), [
    (lambda y, nu: -np.abs(y - nu), "has a kink at nu = 0.5 where y = 0.5; replace"),
    (lambda y, nu: -np.abs(y - nu) - 0.1 * (y - nu) ** 2, "has a kink"),
    (lambda y, nu: -(y - nu) * (0.3 - (y < nu)), "has a kink"),
    (lambda y, nu: -np.sqrt(np.abs(y - nu)), "has a kink"),
    (lambda y, nu: -np.abs(y - np.exp(nu)), "has a kink at nu = -0.693147 where y = 0.5"),
    (lambda y, nu: np.where(y > 2, -np.abs(nu), -nu * nu), "has a kink at nu = 0 where y = 3.5"),
    (lambda y, nu: np.where(np.abs(y - nu) < 2, 0.0, -np.inf), "second derivative that is zero"),
    (lambda y, nu: 3.0 * nu - y, "second derivative that is zero"),
])
def test_kinks(logpdf, message):
    with pytest.raises(ValueError, match="The density must be smooth in nu: logpdf of mine "
                                         f".*{message}"):
        fitted(logpdf, name="mine")


def test_no_second_derivative_by_the_users_functions():
    with pytest.raises(ValueError, match="must be smooth in nu"):
        fitted(lambda y, nu: -nu * np.sign(y), score=lambda y, nu: -np.sign(y) + 0 * nu,
               hessian=lambda y, nu: 0 * nu)
    with pytest.raises(ValueError, match="must be smooth in nu"):
        fitted(lambda y, nu: -nu * np.sign(y), score=lambda y, nu: -np.sign(y) + 0 * nu)


@pytest.mark.parametrize("logpdf", [
    normal, huber, two_pieces,
    lambda y, nu: -1e6 * (y - nu) ** 2,
    lambda y, nu: -1e-6 * (y - nu) ** 2,
    lambda y, nu: 1e8 - 0.5 * (y - nu) ** 2,
    lambda y, nu: -np.logaddexp(0, 1e3 * (y - nu)) - np.logaddexp(0, -1e3 * (y - nu)),
    lambda y, nu: -np.sqrt((y - nu) ** 2 + 1e-4),
    lambda y, nu: -np.abs(y - nu) ** 3,
    lambda y, nu: np.where(nu > 0, np.log(np.maximum(nu, 1e-300)) - y * nu, -np.inf),
])
def test_no_kinks(logpdf):
    assert fitted(logpdf, name="mine").derivatives_by is not None


def test_functions_without_a_name_cannot_be_saved():
    family = fitted(normal)
    assert pickle.loads(pickle.dumps(family)).response == family.response

    def local(y, nu):
        return normal(y, nu)

    cases = [({"logpdf": local}, "logpdf"), ({"logpdf": lambda y, nu: normal(y, nu)}, "logpdf"),
             ({"logpdf": normal, "mean": lambda nu: nu}, "mean")]
    for functions, argument in cases:
        family = fitted(**functions, name="mine")
        with pytest.raises(pickle.PicklingError, match=f"{argument} of mine cannot be saved, .* "
                                                       "define it with def at the top"):
            pickle.dumps(family)
        assert copy.deepcopy(family).response is copy.copy(family.response) is family.response


def test_saved_models(tmp_path):
    frame = pd.DataFrame({"y": np.append(Y, [1.0, 2.5])})
    model = GLLAMM.from_formula("y ~ 1", frame, family=Custom(lambda y, nu: normal(y, nu)))
    with pytest.raises(pickle.PicklingError, match="logpdf of logpdf cannot be saved"):
        model.fit().save(tmp_path / "mine.pickle")
    results = GLLAMM.from_formula("y ~ 1", frame, family=Custom(normal)).fit()
    results.save(tmp_path / "mine.pickle")
    assert type(results).load(tmp_path / "mine.pickle").llf == results.llf


@pytest.mark.parametrize(("functions", "message"), [
    ({"score": lambda y, nu: nu - y}, "score of mine is not the derivative of logpdf"),
    ({"hessian": lambda y, nu: 0 * nu + 1}, "hessian of mine is not the derivative of logpdf"),
    ({"score": lambda y, nu: y - nu, "third": lambda y, nu: 0 * nu + 1},
     "third of mine is not the derivative of score"),
    ({"score": lambda y, nu: 1.0}, r"score of mine gives an array of shape \(\)"),
])
def test_wrong_derivative(functions, message):
    with pytest.raises(ValueError, match=message):
        fitted(normal, name="mine", **functions)


def test_right_derivatives():
    family = fitted(normal, score=lambda y, nu: y - nu, hessian=lambda y, nu: 0 * nu - 1,
                    third=lambda y, nu: 0 * nu)
    assert family.derivatives_by == "analytic"
    assert family.name == "Custom(normal; analytic derivatives)"


@pytest.mark.parametrize("arguments", [
    {"logpdf": 3}, {"logpdf": None}, {"logpdf": normal, "score": 1},
    {"logpdf": normal, "mean": "mu"}, {"logpdf": normal, "aux": ["logsd"]},
    {"logpdf": normal, "aux": {"logsd": None}}, {"logpdf": normal, "aux": {"logsd": np.nan}},
    {"logpdf": normal, "aux": {1: 0.0}}])
def test_refused(arguments):
    with pytest.raises(TypeError, match="of a Custom family"):
        Custom(**arguments)


def test_responses_are_numbers():
    with pytest.raises(DataError, match="mine response is nan in row r1"):
        Custom(normal, name="mine").fitted(data(np.array([1.0, np.nan])))
