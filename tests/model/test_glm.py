"""Without latent variables the model is statsmodels' GLM, or its discrete model."""
import numpy as np
from numpy.testing import assert_allclose
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf

from statsmodels_gllamm import GLLAMM, families
from tests.integration.frames import nested_frame

L = sm.families.links
F = sm.families
FAMILIES = {
    "binary": [F.Binomial(), F.Binomial(L.Probit()), F.Binomial(L.CLogLog()), F.Binomial(L.LogLog()),
               F.Binomial(L.Cauchy())],
    "count": [F.Poisson(), F.Poisson(L.Sqrt()), F.NegativeBinomial(alpha=0.5)],
    "number": [F.Gaussian()],
    "positive": [F.Gamma(L.Log()), F.Gamma(L.InversePower()), F.Gamma(L.Identity()),
                 F.InverseGaussian(L.Log()), F.InverseGaussian(), F.Gaussian(L.Log())],
}
CASES = [(column, family) for column, some in FAMILIES.items() for family in some]


pytestmark = pytest.mark.filterwarnings("ignore::statsmodels.tools.sm_exceptions.DomainWarning")


def name(case):
    if isinstance(case, str):
        return case
    return f"{type(case).__name__}-{type(case.link).__name__}"


@pytest.fixture
def data(rng):
    data = nested_frame(rng, n_top=25)
    data["x"] = data["x"].clip(-2, 2)
    eta = 0.5 + 0.3 * data["x"]
    data["binary"] = rng.binomial(1, 1 / (1 + np.exp(-eta)))
    data["count"] = rng.poisson(np.exp(eta))
    data["positive"] = rng.gamma(3.0, np.exp(eta) / 3)
    data["w"] = rng.integers(1, 4, len(data))
    data["e"] = rng.uniform(0.5, 2.0, len(data))
    return data


def scale_of(fit):
    """The dispersion parameter of statsmodels' family at our estimates."""
    last = fit.params.index[-1]
    return np.exp(2 * fit.params.iloc[-1]) if last.startswith("log") else 1.0


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize(("column", "family"), CASES, ids=name)
def test_glm(data, column, family, weighted):
    weights = {"freq_weights": data["w"]} if weighted else {}
    ours = GLLAMM.from_formula(f"{column} ~ x + z", data, family=family, **weights).fit(tol=1e-12)
    glm = smf.glm(f"{column} ~ x + z", data, family=family, **weights)
    theirs = glm.fit(tol=1e-14, maxiter=200)
    se = np.sqrt(np.diag(ours.record.cov))[:3]
    assert_allclose((ours.params[:3] - theirs.params) / se, 0.0, atol=1e-4)
    llf = family.loglike(glm.endog, theirs.mu, freq_weights=glm.freq_weights, scale=scale_of(ours))
    assert_allclose(ours.llf, llf, rtol=1e-8)
    assert ours.record.retvals["converged"]


@pytest.mark.parametrize("family", [F.Binomial(), F.Poisson()], ids=name)
def test_standard_errors(data, family):
    column = "binary" if isinstance(family, F.Binomial) else "count"
    ours = GLLAMM.from_formula(f"{column} ~ x + z", data, family=family).fit(tol=1e-12)
    theirs = smf.glm(f"{column} ~ x + z", data, family=family).fit(tol=1e-14)
    assert_allclose(ours.record.cov, theirs.cov_params(), rtol=1e-4, atol=1e-8)


def test_negative_binomial(data, rng):
    data["count"] = rng.negative_binomial(2, 2 / (2 + np.exp(0.5 + 0.3 * data["x"])))
    ours = GLLAMM.from_formula(
        "count ~ x + z", data, family=families.NegativeBinomial()).fit(tol=1e-12)
    theirs = smf.negativebinomial("count ~ x + z", data).fit(disp=0, gtol=1e-9, maxiter=500)
    assert_allclose(ours.llf, theirs.llf, rtol=1e-9)
    assert_allclose(ours.params[:3], theirs.params[:3], atol=1e-5)
    assert_allclose(np.exp(-ours.params["logsize[Intercept]"]), theirs.params["alpha"], rtol=1e-4)


def test_offset_and_exposure(data):
    family = F.Poisson()
    ours = GLLAMM.from_formula("count ~ x", data, family=family, offset="z", exposure="e")
    theirs = smf.glm("count ~ x", data, family=family, offset=data["z"], exposure=data["e"]).fit()
    fit = ours.fit(tol=1e-12)
    assert_allclose(fit.params, theirs.params, atol=1e-6)
    assert_allclose(fit.llf, theirs.llf, rtol=1e-10)


def test_counts_of_successes(data, rng):
    data["k"] = rng.integers(1, 6, len(data))
    data["yes"] = rng.binomial(data["k"], 0.4)
    data["no"], data["share"] = data["k"] - data["yes"], data["yes"] / data["k"]
    two = GLLAMM.from_formula("yes + no ~ x", data, family=F.Binomial()).fit(tol=1e-12)
    one = GLLAMM.from_formula("share ~ x", data, family=F.Binomial(), n_trials="k").fit(tol=1e-12)
    theirs = smf.glm("yes + no ~ x", data, family=F.Binomial()).fit(tol=1e-14)
    assert_allclose(two.params, theirs.params, atol=1e-7)
    assert_allclose(one.params, theirs.params, atol=1e-7)
    assert_allclose([one.llf, two.llf], theirs.llf, rtol=1e-10)


@pytest.mark.parametrize(("column", "family"), CASES, ids=name)
def test_variance_of_zero_is_glm(data, column, family):
    """A model with latent variables at variances of zero, whatever the rule."""
    plain = GLLAMM.from_formula(f"{column} ~ x", data, family=family)
    mixed = GLLAMM.from_formula(f"{column} ~ x + (x | s) + (1 | s:g)", data, family=family)
    params = plain.start_params
    wide = np.insert(params, 2, np.zeros(4))
    for rule in ({"n_quad": 1}, {"n_quad": 3}, {"integration": "quadrature", "n_quad": 3}):
        assert_allclose(mixed.loglike(wide, **rule), plain.loglike(params), rtol=1e-11)
        score = mixed.score(wide, **rule)
        assert np.isfinite(score).all()
        fixed = [0, 1, *range(6, len(wide))]
        assert_allclose(score[fixed], plain.score(params), rtol=1e-5, atol=1e-4)
