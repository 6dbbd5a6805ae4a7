"""Every family with every link is started inside its support, and fitted to a maximum."""
import warnings

import numpy as np
from numpy.testing import assert_allclose
import pytest

from statsmodels_gllamm import GLLAMM
from tests.integration.frames import nested_frame
from tests.responses.cases import CASES, IDS


@pytest.fixture
def make(rng):
    """Maker of models whose responses come from the model itself."""
    def build(case, formula, n_top=40):
        data = nested_frame(rng, n_top=n_top)
        data["x"] = rng.uniform(-1, 1, len(data))
        width, middle = case.high - case.low, (case.low + case.high) / 2
        u = np.clip(rng.normal(size=n_top), -2, 2)[data["s"].str[1:].astype(int)]
        nu = middle + width * (0.08 * data["x"].to_numpy() + 0.1 * u)
        aux = np.full((len(case.response.aux_names), len(data)), -0.7)
        if case.response.name.startswith("Binomial"):
            if case.trials:
                data["y"] = rng.integers(1, 6, len(data))
                y = case.response.prepare(np.column_stack([data["y"], 0 * data["y"]]))
                share = case.response.simulate(rng, nu, aux, y)
                data["no"] = np.round(data["y"] * (1 - share)).astype(int)
                data["y"] -= data["no"]
                left = "y + no"
            else:
                y = case.response.prepare(rng.integers(0, 2, len(data)))
                data["y"] = case.response.simulate(rng, nu, aux, y)
                left = "y"
        else:
            data["y"] = case.response.simulate(rng, nu, aux)
            left = "y"
        return GLLAMM.from_formula(f"{left} ~ {formula}", data, family=case.response)
    return build


@pytest.mark.parametrize("formula", ["x", "x + (x | s)", "x + (1 | s/g)"])
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_start(case, formula, make):
    model = make(case, formula)
    start = model.start_params
    assert np.isfinite(start).all()
    for n in (1, 5):
        assert np.isfinite(model.loglike(start, n_quad=n))
        assert np.isfinite(model.score(start, n_quad=n)).all()


@pytest.mark.parametrize("formula", ["x", "x + (1 | s)"])
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_fit(case, formula, make):
    model = make(case, formula)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="at the boundary|the error of the rule")
        fit = model.fit(n_quad=5)
    assert fit.record.retvals["converged"]
    assert fit.llf >= model.loglike(model.start_params, n_quad=5)
    free = np.isfinite(np.diag(fit.record.cov))
    se = np.sqrt(np.diag(fit.record.cov)[free])
    assert (se > 0).all()
    score = model.score(fit.params, n_quad=5)[free]
    assert_allclose(score * se, 0.0, atol=2e-3)
