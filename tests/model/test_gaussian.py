"""The Gaussian model in closed form, against MixedLM and against least squares."""
import numpy as np
from numpy.testing import assert_allclose
import pytest
from scipy.stats import multivariate_normal
import statsmodels.api as sm
import statsmodels.formula.api as smf

from statsmodels_gllamm import GLLAMM, Factor, datasets
from tests.integration.frames import nested_frame, random_params, slope_along

MODELS = {
    "intercept": ("(1 | s)", {}),
    "slopes": ("(x | s)", {}),
    "uncorrelated": ("(x || s)", {}),
    "three levels": ("(1 | s/g)", {}),
    "slopes at two levels": ("(x | s) + (0 + x | s:g)", {}),
    "four levels": ("(1 | s/g/item)", {}),
    "factor": ("(0 + f | s/g)", {"factors": {"f": Factor("item")}}),
    "dispersion": ("(x | s)", {"dispersion": "z"}),
}


@pytest.fixture
def data(rng):
    return nested_frame(rng)


@pytest.fixture(params=MODELS)
def model(request, data):
    formula, options = MODELS[request.param]
    return GLLAMM.from_formula(f"number ~ x + {formula}", data, **options)


def density(model, data, params):
    """Multivariate normal log density of all rows; covariances put together by names."""
    value = dict(zip(model.param_names, params))
    fixed = value["Intercept"] + value["x"] * data["x"].to_numpy()
    logsd = np.full(len(data), value["logsd[Intercept]"])
    logsd += value.get("logsd[z]", 0.0) * data["z"].to_numpy()
    cov = np.diag(np.exp(2 * logsd))
    columns = {"Intercept": np.ones(len(data)), "x": data["x"].to_numpy(),
               "f": data["item"].map(lambda i: value.get(f"lambda[f,{i}]", 1.0)).to_numpy()}
    for name, v in value.items():
        if not name.startswith(("var", "cov")):
            continue
        latent = name[4:-1].split(",")
        (one, group), (two, _) = (x[:-1].split("[") for x in (latent[0], latent[-1]))
        label = data[group.split(":")].agg("/".join, axis=1).to_numpy()
        same = label[:, None] == label
        outer = np.outer(columns[one], columns[two])
        cov += v * same * (outer if one == two else outer + outer.T)
    return multivariate_normal(fixed, cov).logpdf(data["number"])


def test_closed_form(model, data, rng):
    for _ in range(3):
        params = random_params(model, rng)
        exact = density(model, data, params)
        for rule in ({"integration": "laplace"}, {"n_quad": 1}, {"n_quad": 5}, {"n_quad": "auto"}):
            assert_allclose(model.loglike(params, **rule), exact, rtol=1e-11)


def test_exact_whatever_is_asked(model, data, rng):
    params = random_params(model, rng)
    for n in ("auto", 1, 5):
        assert_allclose(model.loglike(params, "quadrature", n), density(model, data, params))


def test_score(model, data, rng):
    params = random_params(model, rng)
    score = model.score(params)
    slopes = [slope_along(lambda p: density(model, data, p), params, e)
              for e in np.eye(len(params))]
    assert_allclose(score, slopes, rtol=1e-6, atol=1e-6)


def test_hessian(model, data, rng):
    params = random_params(model, rng)
    hessian = model.hessian(params)
    slopes = [slope_along(model.score, params, e, h=1e-4) for e in np.eye(len(params))]
    assert_allclose(hessian, slopes, rtol=0, atol=1e-4 * np.abs(hessian).max())


@pytest.fixture(scope="module")
def sleep():
    return datasets.sleepstudy.load_pandas().data


@pytest.mark.parametrize(("bar", "re_formula"), [("(1 | Subject)", "1"), ("(Days | Subject)", "Days")])
def test_mixedlm(sleep, bar, re_formula):
    ours = GLLAMM.from_formula(f"Reaction ~ Days + {bar}", sleep).fit()
    theirs = smf.mixedlm("Reaction ~ Days", sleep, groups="Subject", re_formula=re_formula).fit(
        reml=False, method=["lbfgs", "bfgs", "nm"], maxiter=2000)
    assert ours.llf >= theirs.llf - 1e-8
    assert_allclose(ours.llf, theirs.llf, atol=1e-5)
    assert_allclose(ours.params[["Intercept", "Days"]], theirs.fe_params, rtol=1e-4)
    assert_allclose(np.exp(2 * ours.params["logsd[Intercept]"]), theirs.scale, rtol=1e-4)
    ours_cov = ours.params[[n for n in ours.params.index if n.startswith(("var", "cov"))]]
    theirs_cov = theirs.cov_re.to_numpy()[np.tril_indices(len(theirs.cov_re))]
    assert_allclose(ours_cov, theirs_cov, rtol=1e-3)
    se = np.sqrt(np.diag(ours.record.cov))[:2]
    assert_allclose(se, theirs.bse_fe, rtol=1e-3)
    assert ours.record.integration == "exact"
    assert ours.record.certificate.exact


def test_balanced_one_way_layout(rng):
    """The maximum in closed form: between and within mean squares."""
    k, m = 12, 5
    u, e = rng.normal(size=k), rng.normal(size=(k, m))
    y = 3 + 1.5 * u[:, None] + e
    fit = GLLAMM(y.ravel(), np.ones((k * m, 1)), groups=np.repeat(np.arange(k), m)).fit(tol=1e-12)
    within = ((y - y.mean(1, keepdims=True)) ** 2).sum() / (k * (m - 1))
    between = m * ((y.mean(1) - y.mean()) ** 2).sum() / k
    beta, variance, logsd = np.asarray(fit.params)
    assert_allclose(beta, y.mean(), rtol=1e-6)
    assert_allclose(np.exp(2 * logsd), within, rtol=1e-6)
    assert_allclose(variance, (between - within) / m, rtol=1e-6)
    llf = -0.5 * (k * m * np.log(2 * np.pi) + k * (m - 1) * np.log(within)
                  + k * np.log(between) + k * m)
    assert_allclose(fit.llf, llf, rtol=1e-12)


def test_ols(data):
    ours = GLLAMM.from_formula("number ~ x + z", data).fit(tol=1e-13)
    theirs = smf.ols("number ~ x + z", data).fit()
    assert_allclose(ours.llf, theirs.llf, rtol=1e-12)
    assert_allclose(ours.params[:3], theirs.params, rtol=1e-7)
    assert_allclose(np.exp(2 * ours.params.iloc[3]), theirs.ssr / len(data), rtol=1e-6)
    scale = theirs.ssr / len(data) / theirs.scale
    assert_allclose(ours.record.cov[:3, :3], theirs.cov_params() * scale, rtol=1e-4, atol=1e-9)


def test_heteroscedastic_least_squares(rng):
    """With a log standard deviation per group, WLS with the groups' own variances."""
    data = nested_frame(rng, n_top=20)
    data["number"] *= 1 + 3 * data["z"]
    ours = GLLAMM.from_formula("number ~ z", data, dispersion="z").fit(tol=1e-13)
    sd = data.groupby("z")["number"].std(ddof=0)
    assert_allclose(ours.params["logsd[Intercept]"], np.log(sd[0.0]), rtol=1e-6)
    assert_allclose(ours.params["logsd[z]"], np.log(sd[1.0] / sd[0.0]), rtol=1e-6)


def test_other_links_are_not_exact(data, rng):
    family = sm.families.Gaussian(sm.families.links.Log())
    model = GLLAMM.from_formula("number ~ x + (1 | s)", data, family=family)
    params = random_params(model, rng)
    assert model.loglike(params, n_quad=1) != model.loglike(params, n_quad=5)
