"""Starting values come from some of the units of large data, of all groups."""
import numpy as np

from statsmodels_gllamm import GLLAMM, Factor
from statsmodels_gllamm.estimation import start_scores, starts
from statsmodels_gllamm.estimation.sampling import some_units
from statsmodels_gllamm.latent.hierarchy import Level


def test_groups_that_take_turns():
    level = Level(("id",), np.repeat(np.arange(6000), 20), 6000)
    rows = some_units(level, 20_000, 200)
    units = np.unique(level.codes[rows])
    assert len(rows) == 20 * len(units) and 900 < len(units) < 1100
    for n in (2, 3, 6):
        assert (np.bincount(units % n) > 0.8 * len(units) / n).all()
    assert len(np.unique(level.codes[some_units(level, 20_000, 2500)])) == 3000
    assert np.array_equal(some_units(Level(("id",), np.arange(500), 500), 200, 300), np.arange(500))


def test_latent_variables_of_groups(rng, monkeypatch):
    """A factor of its own for every third person has a finite start, whatever rows are looked at."""
    for module in (starts, start_scores):
        monkeypatch.setattr(module, "MAX_ROWS", 1200)
    n = 1200
    code = np.repeat(np.arange(n), 3)
    data = {"id": code, "item": np.tile(list("abc"), n), "y": rng.normal(size=3 * n) + code % 7}
    for group in range(3):
        data[f"g{group}"] = (code % 3 == group) * 1.0
    model = GLLAMM.from_formula(
        "y ~ 0 + item + (0 + f:g0 || id) + (0 + f:g1 || id) + (0 + f:g2 || id)", data,
        factors={"f": Factor("item")})
    start = model.start_params[model.design.layout.positions("cov")]
    assert (start > 0.01).all() and (start < 100).all()
