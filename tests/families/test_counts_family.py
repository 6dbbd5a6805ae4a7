"""What users write for counts and proportions: NegativeBinomial, GeneralizedPoisson, Truncated,
Beta and BetaBinomial."""
import doctest

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm.families import counts, proportions
from statsmodels_gllamm.families.base import Elementwise, FamilyData
from statsmodels_gllamm.families.counts import GeneralizedPoisson, NegativeBinomial, Truncated
from statsmodels_gllamm.families.proportions import Beta, BetaBinomial
from statsmodels_gllamm.responses import as_response
from statsmodels_gllamm.responses.negative_binomial1 import NegativeBinomial1

L = sm.families.links


def test_names_and_auxiliary_predictors():
    for family, name, aux in (
            (NegativeBinomial(), "NegativeBinomial(log)", ("logsize",)),
            (NegativeBinomial(1), "NegativeBinomial1(log)", ("logsize",)),
            (NegativeBinomial(1, alpha=2), "NegativeBinomial1(log)", ()),
            (NegativeBinomial(link=L.Identity()), "NegativeBinomial(identity)", ("logsize",)),
            (NegativeBinomial(1, link=L.Log()), "NegativeBinomial1(log)", ("logsize",)),
            (GeneralizedPoisson(), "GeneralizedPoisson(log)", ("logdisp",)),
            (GeneralizedPoisson(2), "GeneralizedPoisson2(log)", ("logdisp",)),
            (Beta(), "Beta(logit)", ("logprec",)),
            (Beta(L.Probit()), "Beta(probit)", ("logprec",)),
            (BetaBinomial(), "BetaBinomial(logit)", ("logprec",)),
            (BetaBinomial(L.LogLog()), "BetaBinomial(loglog)", ("logprec",)),
            (Truncated(sm.families.Poisson()), "Truncated(Poisson(log))", ()),
            (Truncated(sm.families.Binomial), "Truncated(Binomial(logit))", ()),
            (Truncated(NegativeBinomial(1)), "Truncated(NegativeBinomial1(log))", ("logsize",)),
            (Truncated(sm.families.NegativeBinomial(alpha=0.5)),
             "Truncated(NegativeBinomial(log))", ())):
        assert family.name == name and family.aux_names == aux
        assert as_response(family) is family


def test_kinds_differ():
    y, nu, aux = np.array([[3.0]]), np.array([1.0]), np.array([[0.2]])
    one, two = NegativeBinomial(1), NegativeBinomial(2)
    assert isinstance(one, NegativeBinomial1)
    assert_allclose(one.variance(nu, aux), np.e * (1 + np.exp(-0.2)))
    assert_allclose(two.variance(nu, aux), np.e + np.e**2 * np.exp(-0.2))
    assert one.log_density(y, nu, aux) != two.log_density(y, nu, aux)
    assert_allclose(NegativeBinomial(1, alpha=np.exp(-0.2)).log_density(y, nu),
                    one.log_density(y, nu, aux), rtol=1e-14)


@pytest.mark.parametrize("make, error, message", [
    (lambda: NegativeBinomial(kind=3), ValueError, r"is 2 \(NB2\) or 1 \(NB1\), not 3"),
    (lambda: NegativeBinomial(1, link=L.Identity()), TypeError,
     r"NegativeBinomial\(kind=1\) has the log link only, not Identity: .* take kind=2"),
    (lambda: NegativeBinomial(1, link="log"), TypeError, "log link only, not 'log'"),
    (lambda: NegativeBinomial(1, alpha=-2), ValueError, "alpha of a NegativeBinomial must be pos"),
    (lambda: NegativeBinomial(2, link=L.Logit()), TypeError, "has no link Logit"),
    (lambda: GeneralizedPoisson(p=0), ValueError, "p of a GeneralizedPoisson is 1 or 2, not 0"),
    (lambda: Beta(L.Cauchy()), TypeError, "Beta has no link Cauchy here: .* Logit, Probit, CLog"),
    (lambda: BetaBinomial("logit"), TypeError, "BetaBinomial has no link 'logit'"),
    (lambda: Truncated(sm.families.Gaussian()), TypeError, "Gaussian.* is no distribution of co"),
    (lambda: Truncated(Beta()), TypeError, r"Beta\(logit\) is no distribution of counts"),
    (lambda: Truncated(Truncated(sm.families.Poisson())), TypeError, "no distribution of counts"),
    (lambda: Truncated("poisson"), TypeError, "not 'poisson'"),
])
def test_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_truncated_family_of_one_predictor():
    assert Truncated(Elementwise(NegativeBinomial(1))) == Truncated(NegativeBinomial(1))


def test_outcomes_have_a_dispersion_formula():
    family = Elementwise(Truncated(NegativeBinomial()))
    assert family.needs().formulas == {"dispersion": "1"}
    assert family.needs(dispersion="x").formulas == {"dispersion": "x"}
    index = pd.RangeIndex(3)
    design = pd.DataFrame({"Intercept": 1.0, "x": [0.0, 1.0, 2.0]}, index=index)
    out = family.outcomes(FamilyData(np.array([1, 4, 2]), index, designs={"dispersion": design}))
    assert [t[0] for t in out.aux[0].terms] == ["logsize[Intercept]", "logsize[x]"]
    assert_allclose(out.members[0].y, [[1, 4, 2]])


@pytest.mark.parametrize("family, sm_model, alpha", [
    (NegativeBinomial(1), lambda y, x: sm.NegativeBinomialP(y, x, p=1), -1),
    (GeneralizedPoisson(2), lambda y, x: sm.GeneralizedPoisson(y, x, p=2), 1)])
def test_estimates_are_statsmodels(family, sm_model, alpha):
    """The score is zero at the estimates of the discrete models."""
    rng = np.random.default_rng(0)
    x = sm.add_constant(rng.normal(size=(400, 1)))
    nu = x @ [0.8, 0.3]
    y = family.simulate(rng, nu, np.full((1, 400), -alpha * 0.9))
    fit = sm_model(y, x).fit(disp=0, method="newton", maxiter=200)
    rows, nu = family.prepare(y), x @ fit.params[:2]
    aux = np.full((1, 400), alpha * np.log(fit.params[2]))
    assert_allclose(family.log_density(rows, nu, aux).sum(), fit.llf, rtol=1e-10)
    score = [*(x.T @ family.derivatives(rows, nu, aux)[0]), family.aux_score(rows, nu, aux).sum()]
    assert_allclose(score, 0.0, atol=1e-2)


@pytest.mark.parametrize("module", [counts, proportions])
def test_examples_run(module):
    failed, tried = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert tried and not failed
