"""Zero inflation and hurdles: engine rows from data, against statsmodels, and errors."""
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit
import statsmodels.api as sm
from statsmodels.discrete.count_model import ZeroInflatedPoisson
from statsmodels.discrete.truncated_model import HurdleCountModel

from statsmodels_gllamm import families
from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.families.base import Elementwise, FamilyData, Predictor
from statsmodels_gllamm.families.nominal import Nominal
from statsmodels_gllamm.families.zero import Hurdle, ZeroInflated
from statsmodels_gllamm.latent.runs import Runs
from statsmodels_gllamm.responses.durations import LogNormal
from statsmodels_gllamm.responses.generalized_poisson import GeneralizedPoisson
from statsmodels_gllamm.responses.negative_binomial1 import NegativeBinomial1

F, L = sm.families, sm.families.links
COUNTS = np.array([0.0, 3, 1, 0, 2, 0])
LOG_GAMMA = F.Gamma(L.Log())


def data(endog, dispersion=None, **more):
    n = len(endog) if endog is not None else 6
    design = pd.DataFrame({"Intercept": np.ones(n)} if dispersion is None else dispersion)
    return FamilyData(None if endog is None else np.asarray(endog), pd.RangeIndex(n),
                      designs={"dispersion": design, "zero": design}, **more)


def loglike(out, nus, aux=None):
    """By data row: the sum over members of log densities at ``nus[part][data row]``."""
    total, start = np.zeros(len(nus[0])), 0
    for member in out.members:
        n = member.y.shape[1]
        at = slice(start, start + n)
        start += n
        rows, part = out.rows[at], out.part[at]
        nu, r = np.stack(nus)[part, rows], member.response
        m = len(r.aux_names)
        phi = None if aux is None else aux[:m][:, rows]
        if out.sets is None:
            np.add.at(total, rows, r.log_density(member.y, nu, phi))
        else:
            assert_array_equal(out.sets[at], rows)
            sets = Runs(n, n // 2)
            phi = None if phi is None else r.row_aux(member.y, phi, sets)
            total += r.kernel(member.y, nu, phi, sets) + r.constant(member.y, phi, sets)
    assert start == len(out.rows) == len(out.part)
    return total


@pytest.fixture
def nus():
    return np.random.default_rng(0).normal(0.3, 0.6, (2, 6))


def test_zero_inflated_counts(nus):
    family = ZeroInflated(F.Poisson(), "1 + x")
    out = family.outcomes(data(COUNTS))
    pi = expit(nus[1])
    f = stats.poisson.pmf(COUNTS, np.exp(nus[0]))
    assert_allclose(loglike(out, nus), np.log(pi * (COUNTS == 0) + (1 - pi) * f))
    assert out.predictors == (Predictor("exog"), Predictor("zero", "zero"))
    assert out.predictors[1].coefficient("x") == "zero[x]"
    assert out.predictors[1].latent("Intercept") == "zero:Intercept"
    assert len(out.members) == 1 and out.aux == ()


def test_zero_inflated_is_statsmodels():
    rng = np.random.default_rng(4)
    x = sm.add_constant(rng.normal(size=(30, 1)))
    y = rng.poisson(1.5, 30) * rng.integers(0, 2, 30)
    params = np.array([0.3, -0.6, 0.5, 0.4])
    out = ZeroInflated(F.Poisson(), "x").outcomes(data(y))
    assert_allclose(loglike(out, [x @ params[2:], x @ params[:2]]),
                    ZeroInflatedPoisson(y, x, exog_infl=x).loglikeobs(params), rtol=1e-10)


def test_zero_inflated_auxiliary_and_trials(nus):
    family = ZeroInflated(families.NegativeBinomial(), link="probit")
    assert family.name == "ZeroInflated(NegativeBinomial(log), probit)"
    out = family.outcomes(data(COUNTS))
    assert out.aux_names == ("logsize",)
    assert out.aux[0].terms == (("logsize[Intercept]", 0, 0),) and out.aux[0].values.shape == (6, 1)
    pi = stats.norm.cdf(nus[1])
    f = stats.nbinom.pmf(COUNTS, 2.0, 2 / (2 + np.exp(nus[0])))
    assert_allclose(loglike(out, nus, np.full((1, 6), np.log(2.0))),
                    np.log(pi * (COUNTS == 0) + (1 - pi) * f))
    out = ZeroInflated(F.Binomial()).outcomes(data(np.column_stack([COUNTS, 4 - COUNTS])))
    pi, f = expit(nus[1]), stats.binom.pmf(COUNTS, 4, expit(nus[0]))
    assert_allclose(loglike(out, nus), np.log(pi * (COUNTS == 0) + (1 - pi) * f))


@pytest.mark.parametrize("cls", [ZeroInflated, Hurdle])
def test_continuous_responses_are_two_outcomes(cls, nus):
    pi, aux = expit(nus[1]), np.full((1, 6), np.log(0.5))
    cases = [
        (LOG_GAMMA, lambda y: stats.gamma.logpdf(y, 4.0, scale=np.exp(nus[0]) / 4)),
        (LogNormal(), lambda y: stats.lognorm.logpdf(y, 0.5, scale=np.exp(nus[0]))),
    ]
    for inner, density in cases:
        family = cls(inner, "1")
        out = family.outcomes(data(COUNTS))
        value = loglike(out, nus, aux)
        expected = np.where(COUNTS == 0, np.log(pi), 0)
        some = COUNTS > 0
        expected[some] = np.log(1 - pi[some]) + density(np.where(some, COUNTS, 1))[some]
        assert_allclose(value, expected)
        assert out.sets is None and out.predictors[1].label == "zero"
        assert out.aux[0].values.shape == (6, 1)
        assert [m.y.shape[1] for m in out.members] == [3, 6]
        assert family.fitted(data(COUNTS)) is family


def test_other_links_of_two_outcomes(nus):
    out = Hurdle(LOG_GAMMA, link="cloglog").outcomes(data(COUNTS))
    assert out.members[1].response.name == "Binomial(cloglog)"
    assert Hurdle(LOG_GAMMA, link="cloglog").name == "Hurdle(Gamma(log), cloglog)"
    assert ZeroInflated(LOG_GAMMA, link="cloglog").link == "cloglog"


def test_hurdle_is_statsmodels():
    rng = np.random.default_rng(5)
    x = sm.add_constant(rng.normal(size=(30, 1)))
    y = rng.poisson(1.5, 30)
    beta, gamma = np.array([0.5, 0.4]), np.array([0.4, -0.3])
    out = Hurdle(F.Poisson(), "x", link="logit").outcomes(data(y))
    value = loglike(out, [x @ beta, x @ gamma])
    model = HurdleCountModel(y, x, dist="poisson", zerodist="poisson")
    # its zero part is a Poisson, P(0) = e^-mu: ours has it with the link below
    out = Hurdle(F.Poisson(), "x", link="loglog").outcomes(data(y))
    assert out.members[1].response.name == "Binomial(loglog)"
    # loglog: F(nu) = exp(-exp(-nu)), so that nu = -log mu
    two = loglike(out, [x @ beta, -(x @ gamma)])
    assert_allclose(two.sum(), model.loglike(np.concatenate([gamma, beta])), rtol=1e-10)
    some = y > 0
    expected = np.where(some, np.log(expit(-(x @ gamma))), np.log(expit(x @ gamma)))
    mu = np.exp(x @ beta)
    expected[some] += (stats.poisson.logpmf(y, mu) - np.log(-np.expm1(-mu)))[some]
    assert_allclose(value, expected, rtol=1e-12)


@pytest.mark.parametrize("inner", [
    F.Poisson(), families.NegativeBinomial(), NegativeBinomial1(), GeneralizedPoisson()])
def test_hurdles_of_counts(inner, nus):
    out = Hurdle(inner).outcomes(data(COUNTS))
    assert [m.y.shape[1] for m in out.members] == [3, 6]
    aux = np.zeros((len(out.aux_names), 6))
    assert np.all(np.isfinite(loglike(out, nus, aux)))
    k = np.arange(1.0, 300)  # the two parts together sum to one
    p = np.exp(out.members[0].response.log_density(k[None], np.full(299, 0.4), np.zeros((1, 299))))
    assert_allclose(p.sum(), 1)


def test_hurdle_of_a_binomial(nus):
    both = np.column_stack([COUNTS, 4 - COUNTS])
    out = Hurdle(F.Binomial()).outcomes(data(both))
    p = expit(nus[0])
    expected = np.log(np.where(COUNTS == 0, expit(nus[1]), expit(-nus[1])))
    expected += np.where(COUNTS == 0, 0, stats.binom.logpmf(COUNTS, 4, p) - np.log(1 - (1 - p) ** 4))
    assert_allclose(loglike(out, nus), expected)


@pytest.mark.parametrize("family", [
    ZeroInflated(F.Poisson()), ZeroInflated(LOG_GAMMA), Hurdle(LOG_GAMMA),
    Hurdle(F.Poisson())], ids=lambda f: f.name)
def test_rows_to_predict_have_both_parts(family):
    out = family.outcomes(data(None))
    assert_array_equal(np.sort(out.rows), np.repeat(np.arange(6), 2))
    for part in (0, 1):
        assert_array_equal(out.rows[out.part == part], np.arange(6))
    assert sum(m.y.shape[1] for m in out.members) == 12


def test_needs():
    needs = ZeroInflated(families.NegativeBinomial(), "~ x + (1 | id)").needs("g")
    assert needs.formulas == {"dispersion": "g", "zero": " x + (1 | id)"}
    assert needs.latent == {"zero"} and not needs.categorical
    assert Hurdle(LOG_GAMMA).needs().formulas == {"dispersion": "1", "zero": "1"}
    with pytest.raises(ValueError, match="dispersion"):
        ZeroInflated(F.Poisson()).needs("x")
    assert ZeroInflated(F.Poisson(), correlated=True).correlated
    assert not Hurdle(F.Poisson()).correlated
    assert hash(Hurdle(F.Poisson())) == hash(Hurdle(F.Poisson()))
    assert ZeroInflated(Elementwise(LogNormal())).family == LogNormal()


def test_errors():
    with pytest.raises(DataError, match="never 0"):
        ZeroInflated(F.Poisson()).fitted(data([1, 2, 3]))
    with pytest.raises(DataError, match="0 in all rows"):
        Hurdle(LOG_GAMMA).fitted(data([0.0, 0, 0]))
    with pytest.raises(DataError, match="row 1"):
        ZeroInflated(F.Poisson()).outcomes(data([0.0, -1, 2]))
    with pytest.raises(DataError, match="must be positive"):
        Hurdle(LOG_GAMMA).outcomes(data([0.0, -1, 2]))
    with pytest.raises(DataError, match="numbers"):
        Hurdle(LOG_GAMMA).outcomes(data(np.array(["a", "b"], dtype=object)))
    with pytest.raises(ValueError, match="logit, probit, not 'cloglog'"):
        ZeroInflated(F.Poisson(), link="cloglog")
    with pytest.raises(TypeError, match="formula"):
        Hurdle(F.Poisson(), zero=None)
    with pytest.raises(TypeError, match="one linear predictor per row"):
        ZeroInflated(Nominal())
    with pytest.raises(TypeError, match="family must be"):
        Hurdle("poisson")
