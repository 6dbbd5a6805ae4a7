"""Item curves and information against predictions, closed forms and differences; their pictures."""

from types import SimpleNamespace

from matplotlib.colors import same_color
from matplotlib.figure import Figure
import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy.special import expit
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor, datasets, families
from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.results.item_curves import item_curves, item_information
from statsmodels_gllamm.results.item_plots import plot_information, plot_item_curves
from statsmodels_gllamm.results.predict import predict_results

ABILITY = {"ability": Factor("item", standardized=True)}
FORMULA = "y ~ 0 + item + (0 + ability | id)"
GRID = np.linspace(-3, 3, 13)


def stub(model, rng):
    working = model.design.to_working(model.start_params)
    working = working + 0.3 * rng.random(len(working))
    record = SimpleNamespace(working=working, n_quad=(5,), integration="adaptive",
                             params=model.design.to_natural(working))
    return SimpleNamespace(model=model, record=record)


def binary(family=None):
    return GLLAMM.from_formula(FORMULA, datasets.lsat.load_pandas().data, factors=ABILITY,
                               family=family or sm.families.Binomial())


def graded(**kwargs):
    data = datasets.neuroticism.load_pandas().data.query("id < 400")
    return GLLAMM.from_formula("y ~ 0 + (0 + ability | id)", data, factors=ABILITY,
                               family=families.Ordinal(**kwargs), thresholds="0 + item")


MODELS = {
    "2PL": binary, "probit": lambda: binary(sm.families.Binomial(sm.families.links.Probit())),
    "3PL": lambda: binary(families.IRT3PL("item")), "graded": graded,
    "credit": lambda: graded(kind="adjacent"),
    "sequential": lambda: graded(kind="continuation", link="cloglog")}


@pytest.fixture(params=MODELS)
def any_model(request, rng):
    return stub(MODELS[request.param](), rng)


def test_curves_are_predictions(any_model):
    model = any_model.model
    frame = model.data.frame.drop_duplicates("item")
    for curve in item_curves(any_model, grid=GRID):
        rows = frame[frame["item"] == curve.label].iloc[np.zeros(len(GRID), dtype=int)]
        found = predict_results(any_model, rows.reset_index(drop=True), which="prob", given="zero",
                                latent={"ability[id]": GRID})
        assert curve.latent == "ability[id]"
        assert_allclose(curve.values[-1], np.atleast_2d(found.T)[-1], rtol=1e-12)
        assert_allclose(curve.values.sum(axis=0), 1, rtol=1e-12)
    mean = item_curves(any_model, kind="expected", grid=GRID)[-1]
    values = np.array(curve.categories, dtype=float)
    assert_allclose(mean.values[0], values @ curve.values, rtol=1e-12)


def test_information_against_differences(any_model):
    """sum_k (dP_k / d eta)^2 / P_k, with central differences of the curves."""
    step = 1e-5
    curves, low, high = (item_curves(any_model, grid=GRID + h) for h in (0, -step, step))
    found = item_information(any_model, GRID)
    assert found.index.name == "ability[id]"
    for p, a, b in zip(curves, low, high):
        slope = (b.values - a.values) / (2 * step)
        assert_allclose(found[p.label], (slope**2 / p.values).sum(axis=0), rtol=1e-5)


def test_information_of_the_2pl(rng):
    res = stub(binary(), rng)
    params = pd.Series(res.record.params, res.model.param_names)
    found = item_information(res, GRID, items=["Q2", "Q5"])
    assert list(found) == ["Q2", "Q5"]
    for item in found:
        a = params[f"lambda[ability,{item}]"]
        p = expit(params[f"item[{item}]"] + a * GRID)
        assert_allclose(found[item], a**2 * p * (1 - p), rtol=1e-12)


def two_factors(rng):
    wide = pd.DataFrame(rng.integers(0, 3, (80, 4)), columns=list("abcd"))
    return stub(GLLAMM.from_wide(wide, "f =~ a + b; g =~ c + d", family=families.Ordinal()), rng)


def test_several_latent_variables(rng):
    res = two_factors(rng)
    assert [c.latent for c in item_curves(res)] == ["f[id]", "f[id]", "g[id]", "g[id]"]
    with pytest.raises(ValueError, match=r"different latent variables, f\[id\], g\[id\]; name one"):
        item_information(res)
    assert list(item_information(res, latent="g")) == ["c", "d"]
    assert [c.label for c in item_curves(res, latent="g[id]")] == ["c", "d"]
    figure = plot_information(res)
    assert [axis.get_xlabel() for axis in figure.axes[:4]] == ["f[id]", "f[id]", "g[id]", "g[id]"]
    with pytest.raises(ValueError, match="no item has a loading on 'g'"):
        plot_item_curves(res, ["a"], latent="g")


def test_covariates_need_data(rng):
    data = datasets.lsat.load_pandas().data
    data["old"] = (data.id % 2) * 1.0
    model = GLLAMM.from_formula(FORMULA + " + old", data, factors=ABILITY,
                                family=sm.families.Binomial())
    res = stub(model, rng)
    with pytest.raises(DataError, match="rows of the item 'Q1' differ; pass data= with one row"):
        plot_item_curves(res)
    rows = pd.DataFrame({"item": ["Q1", "Q2"], "old": [0.0, 1.0]})
    found = item_curves(res, data=rows, grid=[0.0])
    params = pd.Series(res.record.params, model.param_names)
    assert_allclose(found[0].values[1], expit(params["item[Q1]"]))
    assert_allclose(found[1].values[1], expit(params["item[Q2]"] + params["old"]))
    regression = GLLAMM.from_formula(FORMULA, data, factors=ABILITY, regressions=["ability ~ old"],
                                     family=sm.families.Binomial())
    res = stub(regression, rng)
    params = pd.Series(res.record.params, regression.param_names)
    found = item_curves(res, grid=[0.0])  # the factor's covariates do not matter
    assert_allclose(found[4].values[1], expit(params["item[Q5]"]))


def test_products_in_regressions(rng):
    """Curves are those of the measurement model."""
    model = GLLAMM.from_wide(pd.DataFrame(rng.integers(0, 2, (80, 6)), columns=list("abcxyz")),
                             "f =~ a + b; g =~ c + x; h =~ y + z", family=sm.families.Binomial())
    rows = model.data.frame[["id", "item", "y"]]
    product = GLLAMM.from_formula(
        "y ~ 0 + item + (0 + f + g | id) + (0 + h | id)", rows, factors=model.wide.factors,
        family=sm.families.Binomial(), regressions=["h ~ f*g"])
    res = stub(product, rng)
    params = pd.Series(res.record.params, product.param_names)
    curve = next(c for c in item_curves(res, grid=GRID) if c.label == "z")
    assert curve.latent == "h[id]"
    assert_allclose(curve.values[1], expit(params["item[z]"] + params["lambda[h,z]"] * GRID))
    assert len(plot_item_curves(res).axes) == 3


def test_nominal_curves(rng):
    data = pd.DataFrame({"id": np.repeat(np.arange(40), 3), "item": np.tile(list("abc"), 40),
                         "y": rng.choice(["red", "blue", "green"], 120)})
    model = GLLAMM.from_formula("y ~ item + (1 | id)", data, family=families.Nominal())
    res = stub(model, rng)
    for curve in item_curves(res, item="item"):
        assert curve.categories == ("blue", "green", "red")
        assert_allclose(curve.values.sum(axis=0), 1)
    assert len(plot_item_curves(res, item="item").axes) == 3
    with pytest.raises(ValueError, match="several linear predictors"):
        item_information(res, item="item")


def test_picture_of_binary_items(rng):
    res = stub(binary(), rng)
    figure = plot_item_curves(res, grid=GRID)
    (axis,) = figure.axes
    assert isinstance(figure, Figure)
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("ability[id]", "probability of 1")
    assert [t.get_text() for t in axis.get_legend().get_texts()] == [f"Q{k}" for k in range(1, 6)]
    for line, curve in zip(axis.lines, item_curves(res, grid=GRID)):
        assert_allclose(line.get_xydata(), np.column_stack([GRID, curve.values[1]]))
    assert len(plot_item_curves(res, ["Q4"]).axes[0].lines) == 1
    drawn(figure)


def test_picture_of_categories(rng):
    res = stub(graded(), rng)
    figure = plot_item_curves(res)
    assert [axis.get_title() for axis in figure.axes if axis.get_visible()] == [
        f"N{k}" for k in range(1, 6)]
    axis = figure.axes[1]
    assert [line.get_label() for line in axis.lines] == [str(k) for k in range(1, 7)]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [str(k) for k in range(1, 7)]
    assert same_color(legend.get_lines()[2].get_color(), axis.lines[2].get_color())
    drawn(figure)
    (axis,) = plot_item_curves(res, kind="expected").axes
    assert axis.get_ylabel() == "expected response" and len(axis.lines) == 5


def test_picture_of_information(rng):
    res = stub(graded(), rng)
    figure = plot_information(res, grid=GRID)
    left, right, error = figure.axes
    found = item_information(res, GRID)
    assert_allclose(left.lines[3].get_ydata(), found["N4"])
    total = found.sum(axis=1)
    assert_allclose(right.lines[0].get_ydata(), total)
    assert_allclose(error.lines[0].get_ydata(), 1 / np.sqrt(total))
    assert error.get_ylabel() == "standard error"
    drawn(figure)


def drawn(figure):
    """The panels' texts do not cover one another."""
    figure.canvas.draw()
    boxes = [axis.get_tightbbox() for axis in figure.axes if axis.get_visible()]
    spots = {tuple(np.round(axis.get_position().bounds, 6)) for axis in figure.axes}
    for i, one in enumerate(boxes):
        for other in boxes[:i]:
            if len(spots) == len(figure.axes):  # no twins
                assert not one.shrunk(0.98, 0.98).overlaps(other.shrunk(0.98, 0.98))


def test_errors(rng):
    res = stub(binary(), rng)
    with pytest.raises(ValueError, match="'Q9' is no item; there are Q1, Q2"):
        plot_item_curves(res, ["Q9"])
    with pytest.raises(ValueError, match="kind must be 'category' or 'expected'"):
        plot_item_curves(res, kind="mean")
    with pytest.raises(ValueError, match="grid is a list of finite numbers"):
        item_information(res, [[0, 1]])
    counts = pd.DataFrame({"id": [1, 1, 2, 2, 3, 3], "item": ["a", "b"] * 3, "y": [1, 2, 0, 3, 4, 1]})
    poisson = GLLAMM.from_formula(FORMULA, counts, family=sm.families.Poisson(), factors=ABILITY)
    with pytest.raises(ValueError, match="binary, ordinal and Gaussian responses, not for Poisson"):
        item_information(stub(poisson, rng))
    normal = GLLAMM.from_formula(FORMULA, counts, factors=ABILITY)
    res = stub(normal, rng)
    params = pd.Series(res.record.params, normal.param_names)
    expected = params["lambda[ability,b]"]**2 * np.exp(-2 * params["logsd[Intercept]"])
    assert_allclose(item_information(res, [0.0, 1.0])["b"], expected)
