"""What continuous, duration and censored families ask of the data, name and refuse."""
import pickle

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.families.base import FamilyData
from statsmodels_gllamm.families.continuous import Censored, StudentT
from statsmodels_gllamm.families.durations import Exponential, LogLogistic, LogNormal, Weibull
from statsmodels_gllamm.families.registry import as_family

GAUSSIAN = sm.families.Gaussian()
CONSTANT = pd.DataFrame({"Intercept": np.ones(4)})
SLOPE = pd.DataFrame({"Intercept": np.ones(4), "x": [0.0, 1.0, 2.0, 5.0]})


def data(endog=(1.0, 2.0, 3.0, 4.0), dispersion=CONSTANT, **numbers):
    return FamilyData(
        None if endog is None else np.array(endog), pd.Index(list("abcd")),
        numbers={role: np.broadcast_to(np.asarray(x, dtype=float), 4) for role, x in numbers.items()},
        designs={"dispersion": dispersion})


def parameters(outcomes):
    return [name for block in outcomes.aux for name, _, _ in block.terms]


@pytest.mark.parametrize(("response", "names"), [
    (LogNormal(), ["logsd[Intercept]", "logsd[x]"]),
    (LogLogistic(), ["logshape[Intercept]", "logshape[x]"]),
    (Weibull(), ["logshape[Intercept]", "logshape[x]"]),
    (Weibull("hazard"), ["logshape[Intercept]", "logshape[x]"]),
    (StudentT(), ["logsd[Intercept]", "logsd[x]", "logdf[Intercept]"]),
    (StudentT(df=5), ["logsd[Intercept]", "logsd[x]"]),
    (Censored(GAUSSIAN, lower=0), ["logsd[Intercept]", "logsd[x]"]),
    (Censored(Weibull(), event="d"), ["logshape[Intercept]", "logshape[x]"])], ids=str)
def test_auxiliary_parameters(response, names):
    family = as_family(response)
    assert family.needs().formulas == {"dispersion": "1"}
    assert family.needs("1 + x").formulas == {"dispersion": "1 + x"}
    outcomes = family.outcomes(data(dispersion=SLOPE, event=1, lower=0))
    assert parameters(outcomes) == names
    assert family.outcomes(data(None, dispersion=SLOPE)).members[0].y.shape[1] == 4
    with pytest.raises(ValueError, match="has no thresholds"):
        family.needs(thresholds="1")
    assert pickle.loads(pickle.dumps(family)) == family


@pytest.mark.parametrize("response", [Exponential(), Exponential("hazard"),
                                      Censored(Exponential(), event="d")], ids=str)
def test_exponential_has_no_dispersion(response):
    family = as_family(response)
    assert parameters(family.outcomes(data(event=1))) == []
    with pytest.raises(ValueError, match=r"Exponential\(.* has no dispersion"):
        family.needs("1 + x")


def test_columns_of_censored():
    needs = Censored(LogNormal(), event="died", entry="start", upper=9).needs()
    assert needs.numbers == {"event": "died", "entry": "start", "upper": 9}
    assert needs.may_miss == {"entry", "upper"}
    assert Censored(GAUSSIAN, until="to").needs().may_miss == {"until"}


def test_constant_hazard_estimate():
    """The score vanishes at events over time at risk, entries taken off."""
    family = Censored(Exponential("hazard"), event="d", entry="e")
    out = family.outcomes(data(event=[1, 0, 1, 1], entry=[np.nan, 0.5, 1.0, 0.0]))
    member, = out.members
    risk = 1.0 + 1.5 + 2.0 + 4.0
    nu = np.full(4, np.log(3 / risk))
    assert_allclose(member.response.derivatives(member.y, nu)[0].sum(), 0.0, atol=1e-14)
    assert_allclose(member.response.log_density(member.y, nu).sum(), 3 * np.log(3 / risk) - 3)


def test_weibull_of_censored_intervals():
    """Rows to be predicted need no columns; limits may be one number."""
    family = Censored(GAUSSIAN, lower=1.5, upper=3.5)
    y = family.outcomes(data(lower=1.5, upper=3.5)).members[0].y
    assert_array_equal(y[1], [-np.inf, 2, 3, 3.5])
    assert_array_equal(y[2], [1.5, 2, 3, np.inf])
    y = Censored(Weibull(), until="to").outcomes(data(until=[1, np.nan, 3, 5])).members[0].y
    assert_array_equal(y[1], [1, 2, 3, 4])
    assert_array_equal(y[2], [1, np.inf, 3, 5])
    blank = Censored(Weibull(), event="d", entry="e").outcomes(data(None)).members[0].y
    assert blank.shape == (4, 4) and np.isfinite(blank).all()


def test_rows_are_named():
    family = Censored(Weibull(), event="d")
    with pytest.raises(DataError, match="event is 2 in rows c, d: it must be 1"):
        family.outcomes(data(event=[0, 1, 2, 3]))
    with pytest.raises(DataError, match=r"Weibull\(time\) response is -3 in row b: it must be pos"):
        as_family(Weibull()).outcomes(data([1.0, -3.0, 2.0, 2.0]))


@pytest.mark.parametrize(("arguments", "error", "message"), [
    ({"family": GAUSSIAN}, ValueError, "needs what is known"),
    ({"family": GAUSSIAN, "event": "d", "until": "u"}, ValueError, "until= says all"),
    ({"family": GAUSSIAN, "lower": 0, "until": "u"}, ValueError, "until= says all"),
    ({"family": GAUSSIAN, "lower": 2, "upper": 2.0}, ValueError, "lower=2 must be less than upper"),
    ({"family": StudentT(), "lower": 2}, ValueError, r"such as StudentT\(df=4\)"),
    ({"family": sm.families.Poisson(), "lower": 2}, TypeError, r"Poisson\(log\) cannot be censored"),
    ({"family": sm.families.Gaussian(sm.families.links.Log()), "lower": 0}, TypeError,
     r"Gaussian\(log\) cannot be censored")])
def test_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        Censored(**arguments)


def test_metric():
    assert Weibull(metric="hazard").name == "Weibull(hazard)"
    with pytest.raises(ValueError, match='"time"'):
        Weibull(metric="aft")
