"""Results of models with products in regressions, against lattices over all latent variables."""
from dataclasses import replace
import warnings

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy import special, stats
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor
from statsmodels_gllamm.results.results import GLLAMMResults, GLLAMMResultsWrapper

BINOMIAL = sm.families.Binomial()
ITEMS = list("abcdef")
X = np.array([0.4, -1.0, 1.3, -0.3])
PARAMS = {"item[a]": 0.3, "item[b]": -0.2, "item[c]": 0.1, "item[d]": 0.5, "item[e]": 0.0,
          "item[f]": -0.4, "lambda[f,b]": 0.8, "lambda[h,d]": 1.3, "lambda[k,f]": 0.7,
          "gamma[f[g] on x]": 0.6, "gamma[k[g] on x]": -0.3, "b[k[g] on f[g]]": 0.5,
          "b[k[g] on h[g]]": -0.4, "b[k[g] on h[g]:x]": 0.35, "b[k[g] on f[g]:h[g]]": 0.6,
          "b[k[g] on f[g]:f[g]]": 0.25, "var[f[g]]": 0.9, "cov[f[g],h[g]]": 0.3,
          "var[h[g]]": 1.2, "var[k[g]]": 0.5, "logsd[Intercept]": -0.3}
REGRESSIONS = ["k ~ f*h + h:x + f:f + x", "f ~ x"]


def factors():
    def of(names):
        return Factor("item", loadings={
            i: None if i == names[1] else float(i == names[0]) for i in ITEMS})
    return {"f": of("ab"), "h": of("cd"), "k": of("ef")}


def frame():
    rng = np.random.default_rng(8)
    data = pd.DataFrame({"g": np.repeat(np.arange(4), 6), "item": np.tile(ITEMS, 4),
                         "x": np.repeat(X, 6)})
    return data.assign(y=rng.integers(0, 2, 24), z=rng.normal(size=24))


def fitted(column, family, regressions=REGRESSIONS, n_quad=2):
    """Results at ``PARAMS`` with so many points."""
    model = GLLAMM.from_formula(f"{column} ~ 0 + item + (0 + f + h | g) + (0 + k | g)", frame(),
                                family=family, factors=factors(), regressions=regressions)
    params = np.array([PARAMS[n] for n in model.param_names])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        record = model.fit(params, maxiter=0, n_quad=2).record
    exact = record.integration == "exact"
    record = replace(record, params=params, working=model.design.to_working(params),
                     loglik=model.loglike(params, n_quad=n_quad), n_quad=(1 if exact else n_quad,))
    return GLLAMMResultsWrapper(GLLAMMResults(model, record))


@pytest.fixture(scope="module")
def binary():
    return fitted("y", BINOMIAL, n_quad=21)


@pytest.fixture(scope="module")
def gaussian():
    return fitted("z", None, n_quad=63)


class Lattice:
    """Latent variables of a person on a lattice, their log weights, and the items' predictors."""

    def __init__(self, x):
        u = np.linspace(-7, 7, 57)
        one, two, three = (g.ravel() for g in np.meshgrid(u, u, u, indexing="ij"))
        self.log_weight = sum(stats.norm.logpdf(g) for g in (one, two, three)) + 3 * np.log(u[1] - u[0])
        p = PARAMS
        root = np.linalg.cholesky([[p["var[f[g]]"], p["cov[f[g],h[g]]"]],
                                   [p["cov[f[g],h[g]]"], p["var[h[g]]"]]])
        f = p["gamma[f[g] on x]"] * x + root[0, 0] * one
        h = root[1, 0] * one + root[1, 1] * two
        k = (p["b[k[g] on f[g]]"] * f + p["b[k[g] on h[g]]"] * h + p["b[k[g] on h[g]:x]"] * h * x
             + p["b[k[g] on f[g]:h[g]]"] * f * h + p["b[k[g] on f[g]:f[g]]"] * f * f
             + p["gamma[k[g] on x]"] * x + np.sqrt(p["var[k[g]]"]) * three)
        self.eta = np.stack([f, h, k])
        loading = [p.get(f"lambda[{name},{item}]", 1.0) for name, item in zip("ffhhkk", ITEMS)]
        self.nu = np.array([p[f"item[{i}]"] for i in ITEMS])[:, None] + np.array(loading)[:, None] * (
            self.eta[[0, 0, 1, 1, 2, 2]])

    def posterior(self, y, gaussian):
        density = (stats.norm.logpdf(y[:, None], self.nu, np.exp(PARAMS["logsd[Intercept]"]))
                   if gaussian else -np.log1p(np.exp((1 - 2 * y[:, None]) * self.nu)))
        log_joint = density.sum(0) + self.log_weight
        loglik = special.logsumexp(log_joint)
        return loglik, np.exp(log_joint - loglik)


@pytest.fixture(scope="module")
def lattices():
    return [Lattice(x) for x in X]


@pytest.mark.parametrize("kind", ["binary", "gaussian"])
def test_brute(kind, lattices, request):
    """Log-likelihood, posterior means and covariances, and predictions of the items' means."""
    results = request.getfixturevalue(kind)
    is_gaussian = kind == "gaussian"
    y = frame()["z" if is_gaussian else "y"].to_numpy().reshape(4, 6)
    latent, cov = results.latent(covariances=True)
    total, given, prior = 0.0, [], []
    for j, lattice in enumerate(lattices):
        mean = lattice.nu if is_gaussian else special.expit(lattice.nu)
        loglik, p = lattice.posterior(y[j], is_gaussian)
        total += loglik
        eta = lattice.eta @ p
        assert_allclose(latent.loc[j, ["f", "h", "k"]], eta, rtol=0, atol=2e-7)
        assert_allclose(cov[j], (lattice.eta * p) @ lattice.eta.T - np.outer(eta, eta), rtol=0,
                        atol=5e-7)
        given.append(mean @ p)
        prior.append(mean @ np.exp(lattice.log_weight))
    assert_allclose(results.llf, total, rtol=0, atol=1e-7)
    assert_allclose(results.predict(which="posterior"), np.ravel(given), rtol=0, atol=2e-7)
    assert_allclose(results.predict(which="mean"), np.ravel(prior), rtol=0, atol=1e-6)
    assert_allclose(results.predict(frame()[:12], which="mean"), np.ravel(prior)[:12], atol=1e-6)


def test_other_predictions(gaussian, binary, lattices):
    new = frame().assign(g=lambda d: d["g"] + 100)[:6]
    assert_allclose(binary.predict(new, which="posterior"), binary.predict(new), rtol=0, atol=1e-6)
    variance = [np.exp(lattices[0].log_weight) @ (row - gaussian.predict(new).iloc[i])**2
                for i, row in enumerate(lattices[0].nu)]
    assert_allclose(gaussian.predict(new, which="var"),
                    np.array(variance) + np.exp(2 * PARAMS["logsd[Intercept]"]), rtol=1e-6)
    own = lattices[2].posterior(frame()["z"].to_numpy()[12:18], True)[1]
    about = [own @ (row - own @ row)**2 for row in lattices[2].nu]
    assert_allclose(gaussian.predict(which="var", given="posterior")[12:18],
                    np.array(about) + np.exp(2 * PARAMS["logsd[Intercept]"]), rtol=1e-6)
    f = PARAMS["gamma[f[g] on x]"] * X
    k = (PARAMS["b[k[g] on f[g]]"] + PARAMS["b[k[g] on f[g]:f[g]]"] * f) * f
    k = k + PARAMS["gamma[k[g] on x]"] * X
    for which in ("linear", "conditional"):
        assert_allclose(gaussian.predict(which=which)[4::6], k, rtol=1e-12)
    assert_allclose(binary.predict(which="prob", given="zero")[4::6], special.expit(k), rtol=1e-12)


def test_simulated(gaussian, lattices):
    draws = gaussian.simulate(4000, rng=1).to_numpy().reshape(4, 6, 4000)
    for j in (0, 2):
        weight = np.exp(lattices[j].log_weight)
        mean = lattices[j].nu @ weight
        cov = (lattices[j].nu * weight) @ lattices[j].nu.T - np.outer(mean, mean)
        cov += np.exp(2 * PARAMS["logsd[Intercept]"]) * np.eye(6)
        assert_allclose(draws[j].mean(axis=1), mean, atol=4 * np.sqrt(cov.max() / 4000))
        assert_allclose(np.cov(draws[j]), cov, atol=0.08 * cov.max())


def test_printed_and_refused(binary):
    assert "b[k[g] on f[g]:h[g]] f[g]:h[g]" in " ".join(binary.model.describe().split())
    assert "b[k[g] on f[g]:f[g]]" in str(binary.summary())
    assert binary.to_frame().loc["b[k[g] on h[g]:x]", "kind"] == "regression"
    assert binary.cov_re["g"].shape == (3, 3)
    with pytest.raises(NotImplementedError, match="kind='mode'"):
        binary.latent(kind="mode")
    with pytest.raises(NotImplementedError, match="latent="):
        binary.predict(latent={"f": 1.0})
    with pytest.raises(ValueError, match="laplace"):
        binary.model.fit(integration="laplace")
    with pytest.raises(ValueError, match="need the column 'x'"):
        binary.model.predict(binary.params, np.zeros((2, 6)))
    light = fitted("y", BINOMIAL, ["k ~ f + f:h"])
    before = light.predict(frame()[:6])
    light.remove_data()
    assert_allclose(light.predict(frame()[:6]), before)
    with pytest.raises(ValueError, match="remove_data"):
        light.predict(frame()[:6], which="posterior")


@pytest.mark.parametrize("regressions", [["k ~ f + f:h"], ["k ~ f + h*x"]])
def test_what_rests_on_one_covariance_matrix_is_refused(regressions):
    for column, family in (("y", BINOMIAL), ("z", None)):
        results = fitted(column, family, regressions)
        for method in ("standardized", "r_squared_latent", "r_squared_items", "reliability",
                       "plot_path", *(() if family else ("fit_measures",))):
            with pytest.raises(NotImplementedError, match="products"):
                getattr(results, method)()
        for method in ("m2", "item_fit"):  # where covariates do not forbid them
            with pytest.raises((NotImplementedError, ValueError)):
                getattr(results, method)()
        for method in ("item_information", "plot_item_curves", "plot_information"):
            with pytest.raises(NotImplementedError, match="products"):
                getattr(results, method)(latent="f")
        for cause in ("f", "h"):
            with pytest.raises(NotImplementedError, match="products"):
                results.effects("k", cause)


def test_moderated_by_covariates_only():
    """Posterior and predictions of a model that is Gaussian given x, in closed form."""
    results = fitted("z", None, ["k ~ f + h*x", "f ~ x"])
    assert results.integration == "exact"
    latent, cov = results.latent(covariances=True)
    p, y = results.params, frame()["z"].to_numpy().reshape(4, 6)
    psi = np.array([[p["var[f[g]]"], p["cov[f[g],h[g]]"], 0], [p["cov[f[g],h[g]]"], p["var[h[g]]"], 0],
                    [0, 0, p["var[k[g]]"]]])
    loading = np.zeros((6, 3))
    loading[np.arange(6), [0, 0, 1, 1, 2, 2]] = [1, p["lambda[f,b]"], 1, p["lambda[h,d]"], 1,
                                                 p["lambda[k,f]"]]
    sd = np.exp(p["logsd[Intercept]"])
    for j, x in enumerate(X):
        inverse = np.eye(3)
        inverse[2, :2] = p["b[k[g] on f[g]]"], p["b[k[g] on h[g]]"] + p["b[k[g] on h[g]:x]"] * x
        prior = inverse @ [p["gamma[f[g] on x]"] * x, 0, p["gamma[k[g] on x]"] * x]
        own = inverse @ psi @ inverse.T
        sigma = loading @ own @ loading.T + sd**2 * np.eye(6)
        mean = p[[f"item[{i}]" for i in ITEMS]].to_numpy() + loading @ prior
        gain = own @ loading.T @ np.linalg.inv(sigma)
        eta = prior + gain @ (y[j] - mean)
        rows = slice(6 * j, 6 * j + 6)
        assert_allclose(latent.loc[j, ["f", "h", "k"]], eta, rtol=1e-8)
        assert_allclose(cov[j], own - gain @ loading @ own, rtol=1e-8, atol=1e-12)
        assert_allclose(results.predict()[rows], mean, rtol=1e-8, atol=1e-12)
        assert_allclose(results.predict(which="linear")[rows], mean, rtol=1e-8, atol=1e-12)
        assert_allclose(results.predict(which="var")[rows], np.diag(sigma), rtol=1e-7)
        assert_allclose(results.predict(which="posterior")[rows],
                        mean + loading @ (eta - prior), rtol=1e-7)
    draws = results.simulate(3000, rng=2).to_numpy()[12:18]
    inverse[2, 1] = p["b[k[g] on h[g]]"] + p["b[k[g] on h[g]:x]"] * X[2]
    sigma = loading @ inverse @ psi @ inverse.T @ loading.T + sd**2 * np.eye(6)
    assert_allclose(np.cov(draws), sigma, atol=0.1 * sigma.max())
