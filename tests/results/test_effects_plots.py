"""Average predictions against predictions of changed data, and their picture."""

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy.special import expit
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, families


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(2)
    n = 240
    frame = pd.DataFrame({"x": rng.normal(size=n), "g": rng.choice(list("uvw"), n),
                          "id": np.arange(n) // 6, "m": rng.uniform(1, 2, n),
                          "w": 1 + np.arange(n) // 6 % 2})
    nu = frame.x * (1 + 0.3 * (frame.g == "v")) + rng.normal(size=40)[frame.id]
    return frame.assign(y=(rng.random(n) < expit(nu)) * 1, k=rng.poisson(np.exp(0.5 * nu)),
                        grade=np.digitize(nu, [-1, 1]))


@pytest.fixture(scope="module")
def binary(data):
    return GLLAMM.from_formula("y ~ x * g + (1 | id)", data, family=sm.families.Binomial(),
                               freq_weights={"id": "w"}).fit(n_quad=7)


def test_averages(binary, data):
    found = binary.average_predictions("x", values=[-1, 0.5])
    for x in (-1, 0.5):
        mean = np.average(binary.predict(data.assign(x=x)), weights=data.w)
        assert_allclose(found.loc[x, "estimate"], mean, rtol=1e-10)
    both = binary.average_predictions("x", by="g", values={"x": [0, 1], "g": ["w", "u"]})
    assert list(both.index) == [(0, "w"), (1, "w"), (0, "u"), (1, "u")]
    row = pd.DataFrame({"x": [1.0], "g": ["u"]})
    assert_allclose(both.loc[(1, "u"), "estimate"], binary.predict(row).item(), rtol=1e-10)
    low, high = found["conf_low"], found["conf_high"]
    logit = np.log(found["estimate"] / (1 - found["estimate"]))
    half = 1.959964 * found["std_err"] / (found["estimate"] * (1 - found["estimate"]))
    assert_allclose(np.stack([low, high]), expit(np.stack([logit - half, logit + half])), rtol=1e-6)
    at = binary.average_predictions("x", values=[1], at="mean", atexog={"g": "u"})
    assert_allclose(at["estimate"], both.loc[(1, "u"), "estimate"], rtol=1e-10)


def test_errors_by_hand(binary, data):
    x = np.column_stack([np.ones(1), 1.0])

    def mean(p):
        p = pd.Series(p, binary.model.param_names)
        z, w = np.polynomial.hermite_e.hermegauss(60)
        nu = x @ [p["Intercept"], p["x"]]
        return expit(nu + np.sqrt(p["var[Intercept[id]]"]) * z) @ w / w.sum()

    found = binary.average_predictions("x", by="g", values={"x": [1], "g": ["u"]})
    hand = binary.nonlinear(mean)
    assert_allclose(found["estimate"], hand["estimate"], rtol=1e-8)
    assert_allclose(found["std_err"], hand["std_err"], rtol=1e-5)


def test_scales_of_intervals(data):
    fit = GLLAMM.from_formula("k ~ x + (1 | id)", data, family=sm.families.Poisson(), exposure="m").fit(
        n_quad=7)
    found = fit.average_predictions("x", values=[0])
    mean = fit.predict(data.assign(x=0), exposure=data.m).mean()
    assert_allclose(found["estimate"], mean, rtol=1e-10)
    ratio = np.exp(1.959964 * found["std_err"] / found["estimate"])
    assert_allclose(found["conf_high"], found["estimate"] * ratio, rtol=1e-6)
    line = GLLAMM.from_formula("m ~ x + (1 | id)", data)
    with pytest.warns(UserWarning, match="at the boundary"):
        fit = line.fit()
    found = fit.average_predictions("x", values=[0, 1])
    assert_allclose(found["std_err"], np.sqrt([r @ fit.cov_params().iloc[:2, :2] @ r for r in
                                               np.array([[1, 0], [1, 1]])]), rtol=1e-6)
    assert_allclose(found["conf_high"] - found["estimate"], 1.959964 * found["std_err"], rtol=1e-6)


def test_grids(binary, data):
    table = binary.average_predictions("x", by="g")
    assert len(table) == 75
    assert_allclose(table.index.get_level_values(0)[[0, 24]], [data.x.min(), data.x.max()])
    quartiles = binary.average_predictions("g", by="x").index.get_level_values("x").unique()
    assert len(quartiles) == 3
    below = [np.average(data.x <= q, weights=data.w) for q in quartiles]
    assert_allclose(below, [0.25, 0.5, 0.75], atol=0.01)


def test_picture(binary):
    figure = binary.plot_effects("x", by="g", values={"x": [-1, 0, 1]})
    axis = figure.axes[0]
    table = binary.average_predictions("x", by="g", values={"x": [-1, 0, 1]})
    for line, level in zip(axis.lines, "uvw"):
        assert line.get_label() == level
        assert_allclose(line.get_ydata(), table.xs(level, level="g")["estimate"])
    assert axis.get_xlabel() == "x" and axis.get_ylabel() == "probability of y"
    own = figure.subplots()
    assert binary.plot_effects("g", ax=own) is figure
    assert [label.get_text() for label in own.get_xticklabels()] == list("uvw")
    with pytest.raises(ValueError, match="ax has 2 Axes but there are 1 panels"):
        binary.plot_effects("g", ax=[own, own])


def test_picture_of_categories(data):
    fit = GLLAMM.from_formula("grade ~ x + g", data, family=families.Ordinal()).fit()
    figure = fit.plot_effects("x", by="g", values={"x": [0, 1]})
    assert [axis.get_title() for axis in figure.axes] == ["g = u", "g = v", "g = w"]
    assert figure.axes[0].get_ylabel() == "probability"
    table = fit.average_predictions("x", by="g", values={"x": [0, 1]})
    assert_allclose(figure.axes[1].lines[2].get_ydata(), table.xs(("v", 2), level=(1, 2))["estimate"])
    assert_allclose(table.groupby(level=[0, 1])["estimate"].sum(), 1)


@pytest.mark.parametrize("arguments, message", [
    (("q",), "'q' is no variable of the formula; there are x, g"),
    (("x", "x"), "by is 'x', the variable itself"),
    (("g", None, ["q"]), "values has 'q' for 'g'; there are u, v, w"),
    (("x", None, None, "all"), "at must be one of 'overall', 'mean'"),
])
def test_errors(binary, arguments, message):
    with pytest.raises(ValueError, match=message):
        binary.plot_effects(*arguments)


def test_the_column_of_families_is_no_variable():
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"part": np.tile(["a", "b"], 60), "x": rng.normal(size=120)})
    data["y"] = np.where(data.part == "a", rng.normal(size=120), rng.integers(0, 2, 120))
    res = GLLAMM.from_formula("y ~ 0 + part + x:part", data, family_by="part", family={
        "a": sm.families.Gaussian(), "b": sm.families.Binomial()}).fit()
    with pytest.raises(ValueError, match="'part' says which response a row is of"):
        res.average_predictions("part")
    assert set(res.get_margeff().summary_frame().index.get_level_values("exog")) == {"x"}
    found = res.average_predictions("x", values=[0])
    assert set(found.index.get_level_values("response")) == {"a", "b"}


def test_boxes_have_short_labels():
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"x": np.tile([0, 1 / 3, 2 / 3], 40), "y": rng.normal(size=120)})
    axis = GLLAMM.from_formula("y ~ x", data).fit().plot_residuals(rng=0).axes[0]
    assert all(len(label.get_text()) < 10 for label in axis.get_xticklabels())
