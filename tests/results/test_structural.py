"""Latent values, predictions and tables of models whose latent variables are regressed."""
import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor

BINOMIAL = sm.families.Binomial()


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    s = np.repeat(np.arange(20), 6)
    x, w = rng.normal(size=120), rng.normal(size=20)[s]
    eta = 0.8 * x + 0.5 * w + rng.normal(size=20)[s] * 0.7 + rng.normal(size=120)
    data = pd.DataFrame({"s": s, "g": np.arange(120), "x": x, "w": w, "eta": eta})
    data = data.loc[data.index.repeat(4)].reset_index(drop=True)
    data["item"] = np.tile(list("abcd"), 120)
    nu = data["eta"] * np.tile([1.0, 0.8, 1.2, 0.6], 120) + np.tile([0.3, -0.2, 0.0, 0.5], 120)
    data["y"] = (rng.random(480) < 1 / (1 + np.exp(-nu))).astype(float)
    data["z"] = nu + rng.normal(size=480)
    return data


def test_gaussian_equal(data):
    """Regressions are products of the factor with covariates in the fixed part."""
    two = GLLAMM.from_formula("z ~ 0 + item + f:x + f:w + (0 + f | s / g)", data,
                              factors={"f": Factor("item")}).fit()
    one = GLLAMM.from_formula("z ~ 0 + item + (0 + f | s:g) + (0 + f | s)", data,
                              factors={"f": Factor("item")}, regressions="f[s:g] ~ x + w").fit()
    assert_allclose(one.llf, two.llf, rtol=1e-9)
    rename = {"gamma[f[s:g] on x]": "f:x", "gamma[f[s:g] on w]": "f:w"}
    moved = one.params.rename(rename)[two.params.index] - two.params
    assert (moved.abs() < 1e-3 * two.bse).all()
    assert_allclose(one.bse.rename(rename)[two.params.index], two.bse, rtol=1e-3)
    for which in ("mean", "conditional", "posterior", "linear", "var"):
        assert_allclose(one.predict(which=which), two.predict(which=which), rtol=1e-4, atol=1e-4)
        assert_allclose(one.predict(data.iloc[::7], which=which),
                        two.predict(data.iloc[::7], which=which), rtol=1e-4, atol=1e-4)
    disturbance = two.latent("s:g")
    latent = one.latent("s:g")
    own = data.drop_duplicates("g")
    mean = one.params["gamma[f[s:g] on x]"] * own["x"] + one.params["gamma[f[s:g] on w]"] * own["w"]
    assert_allclose(latent["f"].to_numpy(), disturbance["f"].to_numpy() + mean.to_numpy(), rtol=1e-3,
                    atol=1e-4)
    assert_allclose(latent["se[f]"], disturbance["se[f]"], rtol=1e-3)
    assert_allclose(one.simulate(1, rng=4), two.simulate(1, rng=4), rtol=1e-3, atol=1e-4)


def test_posterior_through_levels(data):
    """A cause at a higher level: f = k + zeta has the posterior of a factor at both levels added."""
    one = GLLAMM.from_formula(
        "z ~ 0 + item + (0 + f | s:g) + (0 + k | s)", data,
        factors={"f": Factor("item"), "k": Factor("item", loadings=[0] * 4, standardized=True)},
        regressions="f ~ k").fit()
    two = GLLAMM.from_formula("z ~ 0 + item + (0 + f | s / g)", data,
                              factors={"f": Factor("item")}).fit()
    assert_allclose(one.llf, two.llf, rtol=1e-9)
    b = one.params["b[f[s:g] on k[s]]"]
    assert_allclose(b**2, two.params["var[f[s]]"], rtol=1e-3)
    persons, schools = two.latent("s:g"), two.latent("s")
    own = data.drop_duplicates("g")
    total = persons["f"].to_numpy() + schools["f"].to_numpy()[own["s"]]
    assert_allclose(one.latent("s:g")["f"], total, rtol=1e-3, atol=1e-3)
    assert_allclose(np.sign(b) * one.latent("s")["k"], schools["f"] / abs(b), rtol=1e-3, atol=1e-3)
    assert_allclose(one.predict(which="posterior"), two.predict(which="posterior"), rtol=1e-4,
                    atol=1e-4)


def test_binary_model_prints(data):
    model = GLLAMM.from_formula("y ~ 0 + item + (0 + f | s:g)", data, family=BINOMIAL,
                                factors={"f": Factor("item")}, regressions="f ~ x + w")
    assert ("f[s:g] = gamma[f[s:g] on x] x + gamma[f[s:g] on w] w + zeta[f[s:g]]"
            in model.describe())
    assert "zeta[f[s:g]]: normal with mean 0" in model.describe()
    results = model.fit()
    text = str(results.summary())
    assert "Regressions" in text and "gamma[f[s:g] on x]" in text
    table = results.to_frame()
    assert table.loc["gamma[f[s:g] on x]", "kind"] == "regression"
    assert abs(results.params["gamma[f[s:g] on x]"] - 0.8) < 3 * results.bse["gamma[f[s:g] on x]"]
    wide = results.predict(data.assign(x=data["x"] + 1), which="linear") - results.predict(
        which="linear")
    loading = results.loadings["estimate"].to_numpy()[np.tile(np.arange(4), 120)]
    assert_allclose(wide, results.params["gamma[f[s:g] on x]"] * loading, rtol=1e-9)
    with pytest.raises(Exception, match="'x'"):
        results.predict(data.drop(columns="x"))
