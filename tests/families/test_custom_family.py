"""A family of the user's own: what it finds out on the data, and what it refuses."""
import numpy as np
from numpy.testing import assert_array_equal
import pandas as pd
import pytest
from scipy.special import gammaln, loggamma

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
