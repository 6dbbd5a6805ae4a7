"""Data for predictions."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def wide(rng):
    n = 24
    return pd.DataFrame({
        "id": np.repeat(np.arange(6), 4), "x": rng.normal(size=n), "z": rng.normal(size=n),
        "grade": rng.permutation(np.arange(n) % 4) + 1.0,
        "kind": rng.permutation(np.array(["a", "b", "c"] * 8)), "k": rng.poisson(1.5, n)},
        index=[f"r{i}" for i in range(n)])
