"""Path diagrams: what they show, and that texts do not cover one another or the nodes."""

from itertools import combinations
from types import SimpleNamespace

from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, FancyArrowPatch, FancyBboxPatch, Rectangle
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor, datasets, families
from statsmodels_gllamm.results.path_diagram import plot_path
from statsmodels_gllamm.results.path_geometry import Box
from statsmodels_gllamm.results.path_layout import layout
from statsmodels_gllamm.results.path_model import number, path_model

THREE = "visual =~ x1 + x2 + x3; textual =~ x4 + x5 + x6; speed =~ x7 + x8 + x9"
DEMOCRACY = """ind60 =~ x1 + x2 + x3
               dem60 =~ y1 + y2 + y3 + y4
               dem65 =~ y5 + y6 + y7 + y8
               dem60 ~ ind60
               dem65 ~ ind60 + dem60"""


def stub(model):
    """Results at values that tell parameters apart: the k-th is k tenths, where it may be."""
    params = np.array(model.start_params, dtype=float)
    for k, name in enumerate(model.param_names):
        if not name.startswith("cov["):
            params[k] = 0.1 * (k + 1)
    record = SimpleNamespace(working=model.design.to_working(params))
    return SimpleNamespace(model=model, params=params, record=record)


def wide(reference, case):
    return reference(case)[0].pivot(index="id", columns="item", values="y").reset_index()


def irt(formula, regressions=None, factors=None, **columns):
    data = datasets.irtsim.load_pandas().data.assign(**columns)
    return GLLAMM.from_formula(formula, data, family=sm.families.Binomial(), regressions=regressions,
                               factors=factors or {"ability": Factor("item")})


def two_level(reference):
    return irt("y ~ 0 + item + (0 + ability | school / sid)")


def schools(reference):
    none = Factor("item", loadings=[0] * 5, standardized=True)
    return irt("y ~ 0 + item + item:girl + (0 + ability | sid) + (0 + climate | school)",
               ["ability ~ girl + private + climate[school]", "climate ~ private"],
               {"ability": Factor("item"), "climate": none},
               girl=lambda d: d.sid % 2, private=lambda d: d.school % 2)


def intercepts(reference):
    return irt("y ~ 0 + item + item:girl + (0 + ability | sid) + (1 | school)", ["ability ~ private"],
               girl=lambda d: d.sid % 2, private=lambda d: d.school % 2)


def second_order(reference):
    return GLLAMM.from_wide(wide(reference, "hs_cfa"), THREE + "; g =~ visual + textual + speed;"
                            "g ~~ 1*g")


def four_factors(reference):
    data = pd.DataFrame(np.random.default_rng(1).normal(size=(60, 13)),
                        columns=[f"x{k}" for k in range(13)])
    return GLLAMM.from_wide(data, "one =~ x0 + x1 + x2 + x12; two =~ x3 + x4 + x5 + x12;"
                            "three =~ x6 + x7 + x8; four =~ x9 + x10 + x11")


def mimic(reference):
    data = datasets.neuroticism.load_pandas().data.query("id < 300")
    data = data.pivot(index=["id", "female", "age"], columns="item", values="y").reset_index()
    return GLLAMM.from_wide(data, "neuro =~ N1 + N2 + N3 + N4 + N5; neuro ~ female + age",
                            family=families.Ordinal(), fixed="item:female")


def three_levels(reference):
    data = datasets.irtsim.load_pandas().data.assign(district=lambda d: d.school // 9)
    two = {"f": [1, None, 0, 0, 0], "g": [0, 0, 1, None, None], "h": [0] * 5}
    factors = {k: Factor("item", loadings=v, standardized=k == "h") for k, v in two.items()}
    return GLLAMM.from_formula(
        "y ~ 0 + item + (0 + f + g | sid) + (0 + f | school) + (0 + h | district)", data,
        family=sm.families.Binomial(), factors=factors, regressions=["f[school] ~ h"])


def across(reference):
    """A factor at two levels, regressions within and across them."""
    data = datasets.irtsim.load_pandas().data
    data = data[data.item != 1].assign(ses=lambda d: d.sid % 3, private=lambda d: d.school % 2)
    factors = {"f": Factor("item", loadings=[1, None, 0, 0]),
               "g": Factor("item", loadings=[0, 0, 1, None])}
    return GLLAMM.from_formula(
        "y ~ 0 + item + (0 + f | school) + (0 + f + g || sid)", data, factors=factors,
        family=sm.families.Binomial(), regressions=[
            "f[school] ~ private", "f[sid] ~ ses", "g[sid] ~ ses + f[sid] + f[school]"])


def slopes(reference):
    return GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)",
                               datasets.sleepstudy.load_pandas().data)


MODELS = {
    "three": lambda read: GLLAMM.from_wide(wide(read, "hs_cfa"), THREE),
    "democracy": lambda read: GLLAMM.from_wide(wide(read, "poldem"), DEMOCRACY),
    "two levels": two_level, "schools": schools, "intercepts": intercepts,
    "three levels": three_levels, "across": across,
    "second order": second_order, "four": four_factors, "mimic": mimic, "slopes": slopes}


@pytest.mark.parametrize("name", MODELS)
def test_nothing_covers_anything(name, reference):
    """As drawn: no two texts, no text and a node that is not its own; arrows run clear of nodes."""
    results = stub(MODELS[name](reference))
    _check_arrows(layout(path_model(results)))
    figure = plot_path(results)
    assert isinstance(figure, Figure)
    figure.canvas.draw()
    (axis,) = figure.axes
    texts = [(t.get_text(), t.get_window_extent()) for t in axis.texts]
    for (one, a), (other, b) in combinations(texts, 2):
        assert not a.overlaps(b), (one, other)
    nodes = [p for p in axis.patches if isinstance(p, (Ellipse, Rectangle))]
    for text, box in texts:
        inside = [p for p in nodes if p.get_window_extent().overlaps(box)]
        assert len(inside) <= 1, text
        for patch in inside:
            extent = patch.get_window_extent()
            assert extent.contains(box.x0, box.y0) and extent.contains(box.x1, box.y1), text
    for box in (b for _, b in texts):
        assert figure.bbox.contains(box.x0, box.y0) and figure.bbox.contains(box.x1, box.y1)


def _check_arrows(places):
    for (one, a), (other, b) in combinations(places.boxes.items(), 2):
        assert not a.overlaps(b), (one, other)
    for curve in places.curves:
        if curve.edge.start == curve.edge.end:
            continue
        for key, box in places.boxes.items():
            if key not in (curve.edge.start, curve.edge.end):
                inner = Box(box.x, box.y, 0.9 * box.w, 0.9 * box.h)
                assert not any(inner.overlaps(Box(*p, 0, 0)) for p in curve.drawn()), (
                    curve.edge, key)


def edges(results, kind, **kwargs):
    return {(e.start, e.end): e.text for e in path_model(results, **kwargs).edges if e.kind == kind}


def test_numbers_of_democracy(reference):
    res = stub(MODELS["democracy"](reference))
    params = dict(zip(res.model.param_names, res.params))
    found = path_model(res)
    assert [n.text for n in found.of_kind("latent")] == ["ind60", "dem60", "dem65"]
    assert [n.regressed for n in found.of_kind("latent")] == [False, True, True]
    assert len(found.of_kind("item")) == 11 and found.levels == ("id (75 units)",)
    loads = edges(res, "loading")
    assert len(loads) == 11 and loads["dem60[id]", "y1"] == "1"
    assert loads["dem65[id]", "y7"] == number(params["lambda[dem65,y7]"])
    assert edges(res, "regression") == {
        (f"{a}[id]", f"{b}[id]"): number(params[f"b[{b}[id] on {a}[id]]"])
        for a, b in (("ind60", "dem60"), ("ind60", "dem65"), ("dem60", "dem65"))}
    assert edges(res, "variance")["dem60[id]", "dem60[id]"] == number(params["var[dem60[id]]"])
    assert edges(res, "residual")["y8", "y8"] == number(
        np.exp(2 * params["logsd[item[y8]]"]))
    assert edges(res, "covariance") == {}


def test_covariances_and_patches(reference):
    res = stub(MODELS["three"](reference))
    assert set(edges(res, "covariance")) == {
        ("visual[id]", "textual[id]"), ("visual[id]", "speed[id]"), ("textual[id]", "speed[id]")}
    axis = plot_path(res).axes[0]
    count = {kind: sum(type(p) is kind for p in axis.patches)
             for kind in (Ellipse, Rectangle, FancyArrowPatch, FancyBboxPatch)}
    assert count == {Ellipse: 3, Rectangle: 9, FancyArrowPatch: 9 + 9 + 3 + 3, FancyBboxPatch: 1}


def test_levels_and_covariates(reference):
    found = path_model(stub(schools(reference)))
    assert found.levels == ("sid (500 units)", "school (26 units)")
    level = {n.text: n.level for n in found.nodes}
    assert (level["ability"], level["climate"], level["girl"], level["private"]) == (0, 1, 0, 1)
    arrows = {(e.start, e.end) for e in found.edges if e.kind == "regression"}
    assert {("climate[school]", "ability[sid]"), ("covariate private", "climate[school]"),
            ("covariate private", "ability[sid]"), ("covariate girl", "2")} <= arrows
    places = layout(found)
    inner, outer = (box for box, _ in places.frames)
    for node in found.nodes:
        box, frames = places.boxes[node.key], [outer] + [inner] * (node.level == 0)
        for frame in frames:
            assert abs(box.x - frame.x) + box.w / 2 < frame.w / 2
            assert abs(box.y - frame.y) + box.h / 2 < frame.h / 2
        if node.level:
            assert not box.overlaps(inner)


def test_loadings_at_two_levels(reference):
    loads = edges(stub(two_level(reference)), "loading")
    assert len(loads) == 10
    assert all(loads["ability[school]", k] == loads["ability[school:sid]", k] for k in "12345")


def test_many_items_share_a_rectangle():
    data = pd.DataFrame(np.random.default_rng(2).integers(0, 2, (50, 9)),
                        columns=[f"q{k}" for k in range(1, 10)])
    res = stub(GLLAMM.from_wide(data, "f =~ q1 + q2 + q3 + q4; g =~ q5 + q6 + q7 + q8 + q9",
                                family=sm.families.Binomial()))
    texts = [n.text for n in path_model(res, max_items=8).of_kind("item")]
    assert texts == ["q1 ... q4\n4 items", "q5 ... q9\n5 items"]
    loads = edges(res, "loading", max_items=8)
    assert loads == {("f[id]", "q1"): "1.00 to 1.20", ("g[id]", "q5"): "1.00 to 1.60"}
    assert len(edges(res, "loading")) == 9
    plot_path(res, max_items=8).canvas.draw()


def test_effects_on_all_items_are_noted():
    res = stub(irt("y ~ 0 + item + girl + (0 + ability | sid)", girl=lambda d: d.sid % 2))
    assert path_model(res).notes == ("Effects on all items: girl 0.60",)
    assert plot_path(res).axes[0].texts[-1].get_text() == "Effects on all items: girl 0.60"


def test_standardized(reference):
    res = stub(MODELS["three"](reference))
    with pytest.raises(NotImplementedError, match="results.standardized"):
        plot_path(res, standardized=True)
    keys = ["lambda[visual,x1]", "cov[visual[id],speed[id]]", "var[visual[id]]", "var[x1]"]
    table = pd.DataFrame({"estimate": [0.77, 0.47, 1.0, 0.4]}, index=keys)
    res.standardized = lambda: table
    assert edges(res, "loading", standardized=True)["visual[id]", "x1"] == "0.77"
    assert edges(res, "covariance", standardized=True)["visual[id]", "speed[id]"] == "0.47"
    assert edges(res, "residual", standardized=True)["x1", "x1"] == "0.40"
    res = stub(two_level(reference))
    table.index = [f"lambda[ability[{level}],{k}]" for level in ("school", "school:sid") for k in "12"]
    res.standardized = lambda: table
    loads = edges(res, "loading", standardized=True)
    assert (loads["ability[school]", "2"], loads["ability[school:sid]", "2"]) == ("0.47", "0.40")


def test_standardized_solution_of_a_fit(reference):
    res = MODELS["democracy"](reference).fit()
    table = res.standardized()["estimate"]
    loads, paths = (edges(res, kind, standardized=True) for kind in ("loading", "regression"))
    assert loads["dem60[id]", "y1"] == number(table["lambda[dem60,y1]"])
    assert paths["dem60[id]", "dem65[id]"] == number(table["b[dem65[id] on dem60[id]]"])
    assert edges(res, "residual", standardized=True)["y1", "y1"] == number(table["var[y1]"])
    assert isinstance(res.plot_path(standardized=True), Figure)


def test_numbers_in_text():
    assert [number(v) for v in (0.0, 1.234, -0.05, 0.0031, -12345.6, np.nan, None)] == [
        "0.00", "1.23", "-0.05", "0.003", "-12346", "", ""]


def test_no_latent_variables():
    model = GLLAMM.from_formula("Reaction ~ Days", datasets.sleepstudy.load_pandas().data)
    with pytest.raises(ValueError, match="no latent variables, so that there is no path diagram"):
        plot_path(stub(model))


def test_items_of_groups_of_persons():
    """A latent variable times an indicator loads on the items of its group only."""
    data = pd.DataFrame({"id": np.repeat(np.arange(40), 3), "a": np.repeat(np.arange(40) % 2, 3) * 1.0,
                         "y": np.random.default_rng(3).normal(size=120)})
    data["b"] = 1 - data.a
    data["cell"] = [f"x{k % 3}{'a' if a else 'b'}" for k, a in enumerate(data.a)]
    loadings = {f"x{k}{g}": 1.0 if k == 0 else None for k in range(3) for g in "ab"}
    model = GLLAMM.from_formula("y ~ 0 + cell + (0 + f:a | id) + (0 + f:b | id)", data,
                                factors={"f": Factor("cell", loadings=loadings)})
    loads = edges(stub(model), "loading")
    assert set(loads) == {(f"f:{g}[id]", f"x{k}{g}") for k in range(3) for g in "ab"}
    assert loads["f:a[id]", "x0a"] == "1" and loads["f:b[id]", "x2b"].replace(".", "").isdigit()
    model = GLLAMM.from_formula("y ~ 0 + item + (0 + f:a | id)", data.assign(item=data.cell.str[:2]),
                                factors={"f": Factor("item")})
    assert edges(stub(model), "loading")["f:a[id]", "x0"] == "1 a"
