"""From statsmodels' families and links to responses."""
import copy
import pickle
import warnings

import numpy as np
from numpy.testing import assert_array_equal
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import families
from statsmodels_gllamm.responses import as_response
from tests.responses.cases import CASES, IDS

F, L = sm.families, sm.families.links


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_responses_are_values(case):
    r = case.response
    assert as_response(r) is r
    assert str(r) == r.name and r.name.endswith(")")
    for other in (pickle.loads(pickle.dumps(r)), copy.deepcopy(r)):
        assert other == r and hash(other) == hash(r)
    if case.family.__class__ is not F.NegativeBinomial:
        assert as_response(case.family) == r


@pytest.mark.parametrize("cls", [F.Gaussian, F.Binomial, F.Poisson, F.Gamma, F.InverseGaussian,
                                 F.NegativeBinomial])
def test_every_link_of_statsmodels(cls):
    """Every link statsmodels lists for the family has a response."""
    kwds = {"alpha": 1.0} if cls is F.NegativeBinomial else {}
    for link in cls.links:
        r = as_response(cls(link(), **kwds))
        assert r.name.startswith(cls.__name__)


def test_classes_and_names():
    assert as_response(F.Binomial).name == "Binomial(logit)"
    assert as_response(F.Gaussian()).name == "Gaussian(identity)"
    assert as_response(F.Gaussian()).gaussian and not as_response(F.Gaussian(L.Log())).gaussian
    assert as_response(F.Gamma()).name == "Gamma(inverse_power)"
    assert as_response(F.Binomial(L.Power(1.0), check_link=False)).name == "Binomial(identity)"
    assert as_response(F.Poisson(L.Power(0.5), check_link=False)) == as_response(
        F.Poisson(L.Sqrt()))


def test_deprecated_aliases():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        assert as_response(F.Binomial(L.probit())).name == "Binomial(probit)"
        assert as_response(F.Poisson(L.identity())).name == "Poisson(identity)"


def test_negative_binomial_alpha():
    fixed = as_response(F.NegativeBinomial(alpha=0.5))
    free = families.NegativeBinomial()
    assert fixed.alpha == 0.5 and fixed.aux_names == ()
    assert free.alpha is None and free.aux_names == ("logsize",)
    assert families.NegativeBinomial(alpha=0.5) == fixed
    y, nu = free.prepare([0, 3]), np.array([0.1, 0.4])
    assert_array_equal(fixed.aux_score(y, nu).shape, (0, 2))
    aux = np.full((1, 2), np.log(2.0))
    np.testing.assert_allclose(free.log_density(y, nu, aux), fixed.log_density(y, nu), rtol=1e-14)
    with pytest.raises(ValueError, match="kind"):
        families.NegativeBinomial(kind=3)
    with pytest.raises(ValueError, match="alpha of a NegativeBinomial must be positive, not -1"):
        families.NegativeBinomial(alpha=-1)
    with pytest.raises(TypeError, match="NegativeBinomial has no link Logit"):
        families.NegativeBinomial(link=L.Logit())


class OwnLink(L.Logit):
    pass


class OwnFamily(F.Binomial):
    pass


@pytest.mark.parametrize("family, error, message", [
    (F.Tweedie(), NotImplementedError, "Tweedie has no density"),
    ("binomial", TypeError, "Gaussian, Binomial, Poisson.*not 'binomial'"),
    (None, TypeError, "not None"),
    (OwnFamily(), TypeError, "family must be a statsmodels family"),
    (F.Binomial(OwnLink()), TypeError, "Binomial has no link OwnLink here: .*Logit, Probit"),
    (F.Binomial(L.Power(2.0), check_link=False), TypeError, "Binomial has no link Power"),
    (F.Binomial(L.CDFLink()), TypeError, "Binomial has no link CDFLink"),
    (F.Poisson(L.Logit(), check_link=False), TypeError, "Poisson has no link Logit here: .*Sqrt"),
    (F.Gamma(L.Power(0.0), check_link=False), ValueError, "the limit at zero is the log link"),
])
def test_refused(family, error, message):
    with pytest.raises(error, match=message):
        as_response(family)
