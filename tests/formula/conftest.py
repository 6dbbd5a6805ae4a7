"""Every test of this folder runs on both formula engines."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula


@pytest.fixture(params=["patsy", "formulaic"], autouse=True)
def engine(request):
    """Set statsmodels' formula engine, and restore it."""
    pytest.importorskip(request.param)
    options = statsmodels.formula.options
    before = options.formula_engine
    options.formula_engine = request.param
    yield request.param
    options.formula_engine = before


@pytest.fixture
def data():
    """Sixty rows: items in persons in schools, with labels in no order."""
    rng = np.random.default_rng(3)
    n = 60
    return pd.DataFrame(
        {
            "y": rng.integers(0, 2, n),
            "x": rng.normal(size=n),
            "z": rng.normal(size=n),
            "item": np.tile([1, 2, 3], n // 3),
            "kind": np.tile(["b", "c", "a"], n // 3),
            "pid": np.repeat(np.arange(n // 3) % 5, 3),
            "school": np.repeat([f"s{k}" for k in (2, 1, 4, 3)], 15),
            "w": np.repeat([2.0, 1.0, 3.0, 1.0], 15),
            "total": rng.integers(2, 9, n),
        },
        index=[f"row{k}" for k in range(n)],
    )
