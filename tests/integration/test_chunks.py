"""Chunks, threads and merging change nothing but the time."""
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor
from statsmodels_gllamm.integration import chunks
from tests.integration.frames import nested_frame, random_params

MODELS = {
    "none": ("x", {}),
    "intercept": ("x + (1 | s)", {}),
    "nested": ("x + (z | s) + (1 | s:g)", {}),
    "factor": ("item + (0 + f | s/g)", {"factors": {"f": Factor("item")}}),
}


@pytest.fixture(params=MODELS)
def model(request, rng):
    """Forty top-level units of 1 to 15 rows."""
    data = nested_frame(rng, n_top=40)
    data["w"] = 1.0 + data["s"].str[1:].astype(int) % 3
    formula, options = MODELS[request.param]
    weights = "w" if request.param == "none" else {"s": "w"}
    return GLLAMM.from_formula(f"count ~ {formula}", data, family=sm.families.Poisson(),
                               freq_weights=weights, **options)


def evaluate(model, params, pool=None, merge=True, n=3):
    points = (n,) * len(model.design.q)
    objective = model._objective(points, pool=pool, merge=merge)
    wanted = {"units": True, "information": bool(model.design.q)}
    return objective, objective.at(model.design.to_working(params), **wanted)


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK_ELEMENTS", 1)
    monkeypatch.setattr(chunks, "MIN_ROWS", 20)


def test_chunk_size(model, rng, monkeypatch):
    params = random_params(model, rng)
    objective, whole = evaluate(model, params)
    assert len(objective.problem.chunks) == 1
    model._problems.clear()
    monkeypatch.setattr(chunks, "CHUNK_ELEMENTS", 1)
    for rows in (1, 17, 60):
        monkeypatch.setattr(chunks, "MIN_ROWS", rows)
        objective, pieces = evaluate(model, params)
        assert len(objective.problem.chunks) > 1
        assert_allclose(pieces.loglik, whole.loglik, rtol=1e-13)
        assert_allclose(pieces.gradient, whole.gradient, rtol=1e-8, atol=1e-8)
        assert_allclose(pieces.unit_scores, whole.unit_scores, rtol=1e-8, atol=1e-8)
        if model.design.q:
            assert_allclose(pieces.louis, whole.louis, rtol=1e-8, atol=1e-8)
        model._problems.clear()


def test_threads(model, rng, small_chunks):
    """Two threads give the numbers of one, to the last bit."""
    params = random_params(model, rng)
    _, one = evaluate(model, params)
    with ThreadPoolExecutor(2) as pool:
        objective, two = evaluate(model, params, pool)
    assert len(objective.problem.chunks) > 3
    assert one.loglik == two.loglik
    assert_array_equal(one.gradient, two.gradient)
    assert_array_equal(one.unit_scores, two.unit_scores)
    if model.design.q:
        assert_array_equal(one.louis, two.louis)


def test_chunks_hold_every_row_once(model, small_chunks):
    objective = model._objective((1,) * len(model.design.q), merge=False)
    rows = np.concatenate([chunk.rows for chunk in objective.problem.chunks])
    assert_array_equal(np.sort(rows), np.arange(len(model.sample.index)))
    for chunk in objective.problem.chunks:
        assert_array_equal(chunk.observed.y, model.outcomes.members[0].y[:, chunk.rows])
        for level, (units, unit_level) in enumerate(zip(chunk.units, model.structure.levels)):
            spread = chunk.to_rows(units, level)
            assert_array_equal(spread, unit_level.codes[chunk.rows])


def test_warm_start(model, rng):
    """The modes of another call as a start change nothing."""
    params = random_params(model, rng)
    objective, cold = evaluate(model, params)
    working = model.design.to_working(params)
    near = objective.at(working + 0.1)
    warm = objective.at(working, near.value.state)
    assert_allclose(warm.loglik, cold.loglik, rtol=1e-11)
    assert_allclose(warm.gradient, cold.gradient, rtol=1e-7, atol=1e-7)


def test_gradient_alone(model, rng):
    """The gradient does not depend on what else is asked for."""
    params = random_params(model, rng)
    objective, full = evaluate(model, params)
    alone = objective.at(model.design.to_working(params))
    assert_allclose(alone.loglik, full.loglik, rtol=1e-14)
    assert_allclose(alone.gradient, full.gradient, rtol=1e-10, atol=1e-10)
    assert objective.at(model.design.to_working(params), gradient=False).loglik == alone.loglik


@pytest.fixture
def patterns(rng):
    """Items of persons in classes: many equal persons, some equal classes."""
    rows = []
    for s in range(30):
        kind = s % 4
        own = np.random.default_rng(kind)
        for p in range(2 + kind % 2):
            answers = own.integers(0, 2, 3) if s % 5 else rng.integers(0, 2, 3)
            order = rng.permutation(3)
            rows += [(s, f"{s}.{p}", "abc"[j], answers[j]) for j in order]
    data = pd.DataFrame(rows, columns=["s", "g", "item", "y"])
    return data.sample(frac=1.0, random_state=1)


@pytest.mark.parametrize("formula", ["(1 | g)", "(1 | s/g)", "(0 + f | s/g)", "(1 | s)"])
@pytest.mark.parametrize("weights", [None, "s", "s:g", "both"])
def test_merging(patterns, formula, weights, rng):
    groups = [name for name in ("s", "s:g", "g") if f" {name})" in formula.replace("s/g", "s:g")]
    if "s/g" in formula:
        groups = ["s", "s:g"]
    patterns["ws"] = 1.0 + patterns["s"] % 2
    patterns["wg"] = 1.0 + patterns["g"].str[-1].astype(int) % 2
    columns = {"s": "ws", "s:g": "wg", "g": "wg"}
    wanted = {name: columns[name] for name in groups if weights in (name, "both")}
    model = GLLAMM.from_formula(
        f"y ~ item + {formula}", patterns, family=sm.families.Binomial(),
        factors={"f": Factor("item")} if "f" in formula else None, freq_weights=wanted or None)
    params = random_params(model, rng)
    merged, one = evaluate(model, params)
    plain, two = evaluate(model, params, merge=False)
    size = [sum(len(c.rows) for c in o.problem.chunks) for o in (merged, plain)]
    assert size[0] < size[1] == len(patterns)
    assert_allclose(one.loglik, two.loglik, rtol=1e-12)
    assert_allclose(one.gradient, two.gradient, rtol=1e-8, atol=1e-8)
    assert_allclose(one.unit_scores, two.unit_scores, rtol=1e-8, atol=1e-8)
    assert_allclose(one.value.unit_loglik, two.value.unit_loglik, rtol=1e-11)
    assert_allclose(one.louis, two.louis, rtol=1e-8, atol=1e-8)
    assert_allclose(one.opg, two.opg, rtol=1e-8, atol=1e-8)
