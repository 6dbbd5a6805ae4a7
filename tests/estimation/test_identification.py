"""What is not identified is said before the fit, with a direction in which nothing changes."""
import warnings

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor, datasets
from statsmodels_gllamm.estimation import identification
from statsmodels_gllamm.exceptions import IdentificationWarning
from statsmodels_gllamm.families import Ordinal

BINOMIAL = sm.families.Binomial()
ITEMS = ["a", "b", "c", "d", "e", "f"]


@pytest.fixture(scope="module")
def wide():
    rng = np.random.default_rng(8)
    eta = rng.multivariate_normal([0, 0], [[1.0, 0.4], [0.4, 0.7]], size=90)
    y = np.repeat(eta, 3, axis=1) + rng.normal(scale=0.7, size=(90, 6))
    return pd.DataFrame(y, columns=ITEMS).assign(x=rng.normal(size=90), g=np.arange(90) % 2)


@pytest.fixture(scope="module")
def long(wide):
    data = wide.rename_axis("id").reset_index().melt(["id", "x", "g"], var_name="item",
                                                     value_name="y")
    return data.assign(bit=(data["y"] > 0).astype(int), grade=np.digitize(data["y"], [-0.5, 0.5]))


def directions(model, constraints=None):
    """(directions (k, m), a point) of a model."""
    design = model.design if constraints is None else constraints
    start = design.to_working(model.start_params)
    found = identification.unidentified(model.structure, model.outcomes, design, start)
    return (found if found.size else np.zeros((len(start), 0))), start


def free_factor(n=6):
    return {"f": Factor("item", loadings=[None] * n)}


NOT = {
    "scale of a factor": ("y ~ 0 + item + (0 + f | id)", {"factors": free_factor()},
                          {"lambda[f,a]", "lambda[f,f]", "var[f[id]]"}, "fix a loading of f at 1"),
    "scale of a binary factor": ("bit ~ 0 + item + (0 + f | id)",
                                 {"factors": free_factor(), "family": BINOMIAL},
                                 {"lambda[f,a]", "var[f[id]]"}, "standardized=True"),
    "mean of a factor": ("y ~ 0 + item + f + (0 + f | id)", {"factors": {"f": Factor("item")}},
                         {"item[a]", "item[f]", "f"}, "drop one of them"),
    "rotation": ("y ~ 0 + item + (0 + f + h || id)",
                 {"factors": {k: Factor("item", standardized=True) for k in "fh"}},
                 {"lambda[f,a]", "lambda[h,a]"}, "rotated"),
    "a random term of each row": ("y ~ 0 + item + (1 | id/row)", {},
                                  {"var[Intercept[id:row]]", "logsd[Intercept]"}, "cannot tell"),
    "scale of ordinal items at two levels": (
        "grade ~ 0 + (0 + f | g2/id)", {"factors": free_factor(), "family": Ordinal(),
                                        "thresholds": "0 + item"},
        {"lambda[f,a]", "var[f[g2]]", "var[f[g2:id]]"}, "fix a loading"),
}


@pytest.mark.parametrize("case", NOT)
def test_not_identified(long, case):
    formula, options, names, advice = NOT[case]
    data = long.assign(row=np.arange(len(long)), g2=long["id"] // 5)
    model = GLLAMM.from_formula(formula, data, **options)
    found, start = directions(model)
    assert found.shape[1] == 1
    inside = {n for n, w in zip(model.param_names, found[:, 0]) if w}
    assert names <= inside
    text = identification.describe(found[:, 0], model.param_names)
    assert advice in text and all(name in text for name in inside)


@pytest.mark.parametrize("case", ["scale of a factor", "scale of a binary factor", "mean of a factor",
                                  "scale of ordinal items at two levels"])
def test_the_likelihood_does_not_change_along_the_direction(long, case):
    """Rates of change along the direction at the parameters where it was found, and across it."""
    formula, options, *_ = NOT[case]
    model = GLLAMM.from_formula(formula, long.assign(g2=long["id"] // 5), **options)
    rows = identification.sample_rows(model.structure, model.outcomes, 200, np.random.default_rng(0))
    params = model.start_params * 0.9 + 0.05
    working = model.design.to_working(params)
    null = identification.null_space(
        identification.moment_jacobian(model.design, working, rows, model.design.q))
    assert null.shape[1] == 1
    score = model._objective((3,) * len(model.design.q)).at(working).gradient
    null = null[:, 0] / np.linalg.norm(null)
    assert abs(score @ null) < 1e-7 * np.linalg.norm(score)


FINE = {
    "factor": ("y ~ 0 + item + (0 + f | id)", {"factors": {"f": Factor("item")}}),
    "two factors": ("y ~ 0 + item + (0 + f + h | id)", {"factors": {
        "f": Factor("item", loadings=[1, None, None, 0, 0, 0]),
        "h": Factor("item", loadings=[0, 0, 0, 1, None, None])}}),
    "factor mean": ("y ~ 0 + item + f:g + (0 + f | id)", {"factors": {"f": Factor("item")}}),
    "random slope": ("bit ~ x + (1 + x | g3)", {"family": BINOMIAL}),
    "graded responses": ("grade ~ 0 + (0 + f | id)", {
        "factors": {"f": Factor("item", standardized=True)}, "family": Ordinal(),
        "thresholds": "0 + item"}),
    "two levels": ("y ~ x + (1 | g3/id)", {}),
    "regression": ("y ~ 0 + item + (0 + f | id)", {"factors": {"f": Factor("item")},
                                                   "regressions": ["f ~ x + g"]}),
}


@pytest.mark.parametrize("case", FINE)
def test_identified(long, case):
    formula, options = FINE[case]
    model = GLLAMM.from_formula(formula, long.assign(g3=long["id"] // 10), **options)
    assert directions(model)[0].shape[1] == 0
    start = model.design.to_working(model.start_params)
    points = identification.points(model.design.q)
    found = identification.silent(
        lambda problem: model._objective(points, "quadrature", problem=problem), model.structure,
        model.design, model._engine_rows(None), start)
    assert not found.size


def test_moments_against_differences(long):
    """The Jacobian of moments that are computed from psi by plain loops."""
    model = GLLAMM.from_formula("y ~ 0 + item + (0 + f | g2/id)", long.assign(g2=long["id"] // 5),
                                factors={"f": Factor("item")}, dispersion="0 + item")
    design = model.design
    working = np.random.default_rng(1).normal(size=design.layout.size)
    rows = identification.sample_rows(model.structure, model.outcomes, 60, np.random.default_rng(0))

    def moments(working):
        psi = design.psi(working)
        o, one, two, logsd = psi.T @ rows.columns
        pairs = []
        for i in range(len(o)):
            for j in range(i + 1):
                if rows.codes[1, i] == rows.codes[1, j]:
                    same = rows.codes[0, i] == rows.codes[0, j]
                    pairs.append(two[i] * two[j] + (one[i] * one[j] if same else 0)
                                 + (np.exp(2 * logsd[i]) if i == j else 0))
        return np.concatenate([pairs, *(psi[:, c] @ triangle for c, triangle in rows.single)])

    got = identification.moment_jacobian(design, working, rows, design.q)
    expected = [(moments(working + h) - moments(working - h)) / 2e-6
                for h in 1e-6 * np.eye(len(working))]
    assert_allclose(got, np.transpose(expected), atol=1e-6)


def test_one_binary_response_in_every_unit():
    data = datasets.lsat.load_pandas().data.drop_duplicates("id")
    model = GLLAMM.from_formula("y ~ 1 + (1 | id)", data, family=BINOMIAL)
    with pytest.warns(IdentificationWarning,
                      match=r"Intercept.*var\[Intercept\[id\]\]; the data cannot"):
        model.fit(n_quad=5)


def test_two_items_are_too_few(wide):
    with pytest.warns(IdentificationWarning, match=r"factor has too few items.*lambda\[factor,b\]"):
        found = GLLAMM.from_wide(wide, ["a", "b"]).fit()
    model = GLLAMM.from_wide(wide, ["a", "b"])
    with warnings.catch_warnings():
        warnings.simplefilter("error", IdentificationWarning)
        fixed = model.fit_constrained({"lambda[factor,b]": 1.0})
    assert_allclose(fixed.llf, found.llf, atol=1e-3)


def test_constraints_identify(wide):
    """What a constraint identifies is not complained of; what it leaves free is."""
    text = "t =~ NA*a + b + c; t ~~ v*t; t ~ 1"
    model = GLLAMM.from_wide(wide, text + "; v == 1; a ~ 0*1")
    with warnings.catch_warnings():
        warnings.simplefilter("error", IdentificationWarning)
        found = model.fit()
    assert_allclose(found.llf, GLLAMM.from_wide(wide, ["a", "b", "c"]).fit().llf, atol=1e-6)
    with pytest.warns(IdentificationWarning, match=r"item\[a\].* t"):
        GLLAMM.from_wide(wide, text + "; v == 1").fit()


def test_many_groups(rng, monkeypatch):
    """Parameters of one item in one group are seen although the model has many parameters."""
    monkeypatch.setattr(identification, "WORK", 1e6)
    n = 300
    f = np.repeat(rng.normal(size=(n, 2)), 6, axis=1)
    y = f + rng.normal(size=(n, 12))
    y[rng.random(y.shape) < 0.1] = np.nan
    wide = pd.DataFrame(y, columns=[f"x{i}" for i in range(12)])
    wide["group"] = np.arange(n) % 3
    text = "; ".join(f"f{k} =~ " + " + ".join(f"x{6 * k + i}" for i in range(6)) for k in range(2))
    model = GLLAMM.from_wide(wide, text, groups="group")
    found, _ = directions(model)
    assert found.shape[1] == 0
