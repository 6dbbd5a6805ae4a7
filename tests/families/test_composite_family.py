"""Composite links: outcomes from data, and errors."""
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pandas as pd
import pytest
from scipy import stats
import statsmodels.api as sm

from statsmodels_gllamm import families
from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.families.base import FamilyData
from statsmodels_gllamm.families.composite import Composite
from statsmodels_gllamm.latent.runs import Runs
from statsmodels_gllamm.responses.durations import LogNormal

F = sm.families
CLUSTER = ["u", "v", "v", "u", "u"]
Y = np.array([4.0, 1, 1, 4, 4])
W = np.array([1.0, 2, 0.5, 0, 1])


def data(endog=Y, weights=None, dispersion=None, **more):
    designs = {} if dispersion is None else {"dispersion": pd.DataFrame(dispersion)}
    return FamilyData(
        None if endog is None else np.asarray(endog), pd.RangeIndex(5), designs=designs,
        numbers={} if weights is None else {"weights": np.asarray(weights)},
        labels={"cluster": pd.factorize(pd.Index(CLUSTER))}, **more)


def test_outcomes():
    family = Composite(F.Poisson(), cluster="id", weights="w")
    out = family.outcomes(data(weights=W))
    assert_array_equal(out.members[0].y, [Y, W])
    assert out.rows is None and out.part is None
    order = np.argsort(out.sets, kind="stable")
    counts = np.bincount(out.sets)
    sets = Runs(5, 2, counts, np.cumsum(counts) - counts)
    nu = np.random.default_rng(0).normal(size=5)
    y = out.members[0].y[:, order]
    value = out.members[0].response.kernel(y, nu[order], None, sets) + (
        out.members[0].response.constant(y, None, sets))
    in_u = np.array(CLUSTER) == "u"
    mu = [np.sum((W * np.exp(nu))[in_u]), np.sum((W * np.exp(nu))[~in_u])]
    assert_allclose(value, stats.poisson.logpmf([4, 1], mu))


def test_needs_and_names():
    family = Composite(F.Gamma(F.links.Log()), cluster=["a", "b"], weights="w")
    assert family.name == "Composite(Gamma(log))" and family.cluster == ("a", "b")
    needs = family.needs("x")
    assert needs.labels == {"cluster": ("a", "b")} and needs.numbers == {"weights": "w"}
    assert needs.formulas == {"dispersion": "x"}
    assert Composite(F.Poisson(), cluster="a").needs().numbers == {}
    assert hash(family) == hash(Composite(F.Gamma(F.links.Log()), cluster=("a", "b"), weights="w"))


def test_unit_weights_auxiliary_and_prediction():
    family = Composite(families.NegativeBinomial(), cluster="id")
    out = family.outcomes(data(dispersion={"Intercept": np.ones(5)}))
    assert_array_equal(out.members[0].y[-1], 1)
    assert out.aux[0].terms == (("logsize[Intercept]", 0, 0),)
    out = Composite(F.Poisson(), cluster="id", weights="w").outcomes(data(None, W))
    assert_array_equal(out.members[0].y, [np.zeros(5), W])


def test_binomial_trials():
    both = np.array([[1, 3], [2, 0], [2, 0], [1, 3], [1, 3]])
    out = Composite(F.Binomial(), cluster="id", weights="w").outcomes(data(both, np.full(5, 1 / 3)))
    assert out.members[0].y.shape == (3, 5)


def test_errors():
    family = Composite(F.Poisson(), cluster="id", weights="w")
    with pytest.raises(DataError, match="varies in id = u"):
        family.outcomes(data([4.0, 1, 1, 4, 3], W))
    with pytest.raises(DataError, match="varies in id = v"):
        Composite(F.Binomial(), cluster="id", weights="w").outcomes(
            data(np.array([[1, 3], [2, 0], [2, 1], [1, 3], [1, 3]]), np.full(5, 0.1)))
    with pytest.raises(DataError, match="weight .* is -1 in row 2"):
        family.outcomes(data(weights=[1, 1, -1, 1, 1]))
    with pytest.raises(DataError, match="is nan in row 0"):
        family.outcomes(data(weights=[np.nan, 1, 1, 1, 1]))
    with pytest.raises(DataError, match="weights of the cluster id = v are zero"):
        family.outcomes(data(weights=[1, 0, 0, 1, 1]))
    with pytest.raises(DataError, match="id = u .and 1 more. sum to more than one"):
        Composite(F.Binomial(), cluster="id").outcomes(data([0.0, 1, 1, 0, 0]))
    with pytest.raises(DataError, match="dispersion .* 'x' varies in id = u"):
        Composite(F.Gaussian(), cluster="id").outcomes(data(dispersion={"x": np.arange(5.0)}))
    with pytest.raises(TypeError, match="no LogNormal"):
        Composite(LogNormal(), cluster="id")
    with pytest.raises(TypeError, match="cluster="):
        Composite(F.Poisson(), cluster=None)
    Composite(F.Gaussian(), cluster="id", weights="w").outcomes(
        data(weights=-W, dispersion={"Intercept": np.ones(5)}))
