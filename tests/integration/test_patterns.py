"""Gaussian models by patterns against the engine, and the exact second derivatives."""
import pickle

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy.stats import multivariate_normal

from statsmodels_gllamm import GLLAMM, Factor, datasets, families
from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.integration import grids, patterns
from statsmodels_gllamm.results import covariance
from tests.integration.frames import nested_frame, random_params, slope_along

TEXT = "a =~ y0 + y1 + y2; b =~ y3 + y4 + y5; "


@pytest.fixture(autouse=True)
def always(monkeypatch):
    """Small data would leave patterns to the engine."""
    monkeypatch.setattr(patterns, "TABLE", (0.0,) * 4)


def sleep():
    data = datasets.sleepstudy.load_pandas().data
    return data.assign(Reaction=data["Reaction"] / 50, Days=data["Days"] / 5)


def visits(rng, share=1.0):
    data = sleep()
    data["x"] = rng.normal(size=len(data))
    data["z"] = data["Subject"].astype("category").cat.codes % 3
    return data.sample(frac=share, random_state=1)


def persons(rng, missing=0.0, n=60):
    f = rng.normal(size=(n, 2)) @ np.array([[1, 0.4], [0, 0.9]])
    y = f[:, [0, 0, 0, 1, 1, 1]] + rng.normal(size=(n, 6)) + 3
    y[rng.random(y.shape) < missing] = np.nan
    data = pd.DataFrame(y, columns=[f"y{i}" for i in range(6)])
    data["x"], data["sex"] = rng.normal(size=n), rng.integers(0, 2, n)
    data["school"] = np.arange(n) // 6
    return data


def long_groups(rng):
    """Persons of two groups, whose items have nothing in common."""
    data = persons(rng, 0.2)
    long = GLLAMM.from_wide(data, TEXT).wide.long(data)
    return long.assign(sex=np.where(long["sex"] == 1, "m", "f"))


def nested(rng, formula, n_top=4, **options):
    return GLLAMM.from_formula(f"number ~ x + {formula}", nested_frame(rng, n_top), **options)


MODELS = {
    "intercept": lambda rng: GLLAMM.from_formula("Reaction ~ Days + (1 | Subject)", sleep()),
    "slopes": lambda rng: GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", sleep(),
                                              dispersion="Days"),
    "visits left out": lambda rng: GLLAMM.from_formula(
        "Reaction ~ Days + (Days || Subject)", visits(rng, 0.8)),
    "covariates": lambda rng: GLLAMM.from_formula("Reaction ~ Days * z + x + (1 | Subject)",
                                                  visits(rng)),
    "covariates, visits left out": lambda rng: GLLAMM.from_formula(
        "Reaction ~ Days * z + x + (1 | Subject)", visits(rng, 0.7)),
    "unique designs": lambda rng: nested(rng, "(x | s)"),
    "three levels": lambda rng: nested(rng, "(1 | s/g)"),
    "slopes at two levels": lambda rng: nested(rng, "(x | s) + (0 + x | s:g)"),
    "factor at two levels": lambda rng: nested(rng, "(0 + f | s/g)", factors={"f": Factor("item")}),
    "log-normal": lambda rng: GLLAMM.from_formula("positive ~ z + (1 | s)", nested_frame(rng),
                                                  family=families.LogNormal()),
    "offset": lambda rng: GLLAMM.from_formula("number ~ item + (item | s)", nested_frame(rng),
                                              offset="x"),
    "weights": lambda rng: GLLAMM.from_formula(
        "number ~ z + item + (1 | s)", (d := nested_frame(rng)).assign(
            w=d["s"].astype("category").cat.codes % 3), freq_weights={"s": "w"}),
    "factors": lambda rng: GLLAMM.from_wide(persons(rng), TEXT),
    "regressions": lambda rng: GLLAMM.from_wide(persons(rng), TEXT + "b ~ a + x"),
    "missing items": lambda rng: GLLAMM.from_wide(persons(rng, 0.2), TEXT + "b ~ a + x",
                                                  fixed="item:sex"),
    "groups": lambda rng: GLLAMM.from_formula(
        "y ~ 0 + item:sex + (0 + a | id)", long_groups(rng), dispersion="0 + item:sex",
        factors={"a": Factor("0 + item:sex", loadings=[1.0, 1.0] + [None] * 10)}),
    "schools": lambda rng: GLLAMM.from_wide(persons(rng), TEXT, fixed="(1 | school)"),
}


@pytest.fixture(params=MODELS)
def model(request, rng):
    return MODELS[request.param](rng)


def both(model, **wanted):
    """Points of the engine and of the closed form, at random parameters."""
    working = model.design.to_working(random_params(model, np.random.default_rng(5)))
    points = (1,) * len(model.design.q)
    engine, closed = model._objective(points), model._likelihood(points)
    assert closed.closed and not engine.closed
    return engine.at(working, units=True), closed.at(working, units=True, **wanted), closed


def test_engine(model):
    """Log-likelihood and gradient, in all and by top-level unit."""
    engine, closed, _ = both(model)
    size = np.abs(engine.gradient).max()
    assert_allclose(closed.loglik, engine.loglik, rtol=1e-12)
    assert_allclose(closed.gradient, engine.gradient, rtol=1e-8, atol=1e-10 * size)
    weight = model._patterns.top_weight
    assert_allclose(closed.value.unit_loglik * weight, engine.value.unit_loglik * weight, rtol=1e-9)
    assert_allclose(closed.unit_scores * weight[:, None], engine.unit_scores * weight[:, None],
                    rtol=1e-8, atol=1e-10 * size)


def test_second_derivatives(model):
    """Against differences of the exact gradient, in working coordinates."""
    _, closed, objective = both(model, information=True)
    slopes = [slope_along(lambda w: -objective.at(w).gradient, closed.working, e, h=1e-4)
              for e in np.eye(len(closed.working))]
    assert_allclose(closed.louis, slopes, rtol=1e-6, atol=1e-8 * np.abs(slopes).max())


def test_small_pieces(model, monkeypatch):
    """The number of patterns computed at a time makes no difference beyond rounding."""
    _, whole, objective = both(model, information=True)
    monkeypatch.setattr(grids, "PIECE", 1)
    pieces = objective.at(whole.working, information=True, units=True)
    assert_allclose(pieces.loglik, whole.loglik, rtol=1e-13)
    assert_allclose(pieces.louis, whole.louis, rtol=1e-9, atol=1e-11 * np.abs(whole.louis).max())
    size = np.abs(whole.unit_scores).max()
    assert_allclose(pieces.unit_scores, whole.unit_scores, rtol=1e-9, atol=1e-12 * size)


def test_expected_information(rng):
    """The mean of the observed information over simulated data."""
    model = GLLAMM.from_wide(persons(rng, n=400), TEXT)
    result = model.fit()
    working = result.record.working
    observed = []
    for draw in result.simulate(60, rng=3).to_numpy().T:
        data = pd.DataFrame(draw.reshape(-1, 6), columns=[f"y{i}" for i in range(6)])
        other = GLLAMM.from_wide(data, TEXT)
        observed.append(other._likelihood((1,)).at(working, information=True).louis)
    mean, se = np.mean(observed, 0), np.std(observed, 0) / np.sqrt(60)
    expected = model._likelihood((1,)).at(working).expected
    assert (np.abs(mean - expected) < 5 * se + 1e-8).all()
    assert (np.linalg.eigvalsh(expected) > 0).all()


@pytest.mark.parametrize("name", ["slopes", "covariates", "missing items", "schools", "weights"])
def test_whole_fits(name, rng, monkeypatch):
    model = MODELS[name](rng)
    closed = model.fit()
    monkeypatch.setattr(type(model), "_patterns", None)
    engine = model.fit()
    assert closed.record.information.method == "closed form"
    assert engine.record.information.method != "closed form"
    assert_allclose(closed.llf, engine.llf, rtol=1e-10)
    assert_allclose(closed.params, engine.params, rtol=1e-3, atol=1e-4)
    assert_allclose(closed.bse, engine.bse, rtol=2e-3)


@pytest.mark.parametrize("cov_type", ["opg", "robust", "cluster"])
def test_robust_covariances(cov_type, rng, monkeypatch):
    """Scores of the units are found when they are asked for, not before."""
    model = GLLAMM.from_wide(persons(rng, 0.1, n=150), TEXT)
    kwds = {"groups": np.arange(150) // 5} if cov_type == "cluster" else None
    result = model.fit()
    assert result.record.unit_scores is None
    robust = model.fit(cov_type=cov_type, cov_kwds=kwds)
    again = pickle.loads(pickle.dumps(robust))
    assert_allclose(again.bse, robust.bse)
    monkeypatch.setattr(type(model), "_patterns", None)
    scores = model._likelihood((1,)).at(result.record.working, units=True).unit_scores
    monkeypatch.setattr(covariance, "_working_scores", lambda *_: scores)
    engine, _ = covariance.covariance(model, result.record, cov_type, kwds)
    assert_allclose(np.sqrt(np.diag(engine)), robust.bse, rtol=1e-8)


def test_far_from_zero(rng):
    """Sums of squares about the means keep their digits where the means are large."""
    data = persons(rng, n=80)
    near = GLLAMM.from_wide(data, TEXT)
    shifted = data.copy()
    shifted.iloc[:, :6] += 1e6
    far = GLLAMM.from_wide(shifted, TEXT)
    params = random_params(near, rng)
    moved = params.copy()
    moved[:6] += 1e6
    assert_allclose(far.loglike(moved), near.loglike(params), rtol=1e-8)


def test_one_factorisation_for_all(rng):
    """Persons with the same items missing are one pattern."""
    model = GLLAMM.from_wide(persons(rng, n=500), TEXT)
    (grid,) = model._patterns.grids
    assert grid.present.shape == (1, 6) and grid.n == [500]
    y = persons(np.random.default_rng(1), n=300)
    y.loc[:99, "y1"] = np.nan
    y.loc[100, ["y1", "y2"]] = np.nan
    (grid,) = GLLAMM.from_wide(y, TEXT)._patterns.grids
    assert sorted(grid.n) == [1, 100, 199] and len(grid.scatter) == 2


def test_groups_have_tables_of_their_own(rng):
    first, second = MODELS["groups"](rng)._patterns.grids
    assert first.m == second.m == 6
    assert not set(first.units) & set(second.units)


def test_multivariate_normal(rng):
    """Persons with missing items against scipy, at random parameters."""
    data = persons(rng, 0.25, n=25)
    model = GLLAMM.from_wide(data, TEXT)
    params = random_params(model, rng)
    value = dict(zip(model.param_names, params))
    lam = np.zeros((6, 2))
    for i in range(6):
        lam[i, i // 3] = value.get(f"lambda[{'ab'[i // 3]},y{i}]", 1.0)
    c = value["cov[a[id],b[id]]"]
    psi = np.array([[value["var[a[id]]"], c], [c, value["var[b[id]]"]]])
    cov = lam @ psi @ lam.T + np.diag([np.exp(2 * value[f"logsd[item[y{i}]]"]) for i in range(6)])
    mean = np.array([value[f"item[y{i}]"] for i in range(6)])
    total = 0.0
    for y in data.to_numpy()[:, :6]:
        there = ~np.isnan(y)
        total += multivariate_normal(mean[there], cov[np.ix_(there, there)]).logpdf(y[there])
    assert_allclose(model.loglike(params), total, rtol=1e-12)


def test_left_to_the_engine(rng, monkeypatch):
    """What has no closed form, and where patterns do not pay."""
    data = nested_frame(rng)
    data["w"] = 1.0 + data["item"].eq("a")
    rows = GLLAMM.from_formula("number ~ x + (1 | s)", data, freq_weights="w")
    assert rows._patterns is None
    inner = GLLAMM.from_formula("number ~ x + (1 | s/g)", data.assign(
        w=1.0 + data["g"].str.endswith("0")), freq_weights={"s:g": "w"})
    assert inner._patterns is None
    monkeypatch.undo()
    costly = GLLAMM.from_formula("number ~ x + (x | s/g)", nested_frame(rng, 40, 3))
    assert costly._patterns is None


def test_small_residual_variances(rng):
    """An item that is its factor all but exactly: no digits are lost in V^-1."""
    data = persons(rng, 0.1, n=40)
    model = GLLAMM.from_wide(data, TEXT)
    params = random_params(model, rng)
    place = model.param_names.index("logsd[item[y1]]")
    direction = np.eye(len(params))[place]
    values = []
    for logsd in (-8.0, -12.0, -16.0):
        params[place] = logsd
        values.append(model.loglike(params))
        slope = slope_along(model.loglike, params, direction, h=1e-2)
        assert_allclose(model.score(params)[place], slope, rtol=1e-4, atol=1e-6)
    assert_allclose(values[2], values[1], atol=1e-3)
    params[place] = -400.0  # the variance is zero to a double, and V positive definite
    assert_allclose(model.loglike(params), values[2], rtol=1e-9)


def test_impossible_points(rng):
    """Far from anything, an error and no warnings."""
    model = GLLAMM.from_wide(persons(rng, 0.1), TEXT)
    params = random_params(model, rng)
    for logsd in (400.0, 800.0):
        params[-1] = logsd
        with pytest.raises(DataError, match="positive definite|not finite"):
            model.loglike(params)
    huge = random_params(model, rng)
    huge[0] = 1e200
    with pytest.raises(DataError, match="not finite"):
        model.loglike(huge)
