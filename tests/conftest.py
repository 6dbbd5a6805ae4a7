"""Fixtures shared by the whole suite."""

from functools import cache
import json
from pathlib import Path
import sys

from hypothesis import settings
import matplotlib
import numpy as np
import pandas as pd
import pytest
from statsmodels.datasets.utils import load_csv
import statsmodels.formula

matplotlib.use("agg")
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

REFERENCE = Path(__file__).parent / "reference"

# Factors of the reference cases, reference category first: the coding of the other programs.
_FAMILIES = {"fam": ["gaussian", "binomial"]}
LEVELS = {
    "cbpp": {"period": [1, 2, 3, 4]},
    "contraception": {
        "use": ["N", "Y"],
        "livch": ["0", "1", "2", "3+"],
        "urban": ["N", "Y"],
    },
    "guimmun": dict.fromkeys(["immun", "kid2p", "mom25p", "rural"], ["N", "Y"]),
    "seed_betablocker": {"Treatment": ["Control", "Treated"]},
    "seed_glmmadaptive_bin": {"sex": ["male", "female"]},
    "seed_glmmadaptive_pois": {"sex": ["male", "female"]},
    "seed_irtsim": {"item": [1, 2, 3, 4, 5]},
    "seed_lsat": {"item": ["Q1", "Q2", "Q3", "Q4", "Q5"]},
    "toenail": {
        "outcome": ["none or mild", "moderate or severe"],
        "treatment": ["itraconazole", "terbinafine"],
    },
    "galamm_cognition": {"item": [11, 12, 13]},
    "galamm_diet": {**_FAMILIES, "item": ["fiber1", "fiber2", "chd"]},
    "galamm_hsced": {"item": [1, 2]},
    "galamm_mresp": {**_FAMILIES, "itemgroup": ["a", "b"]},
    "galamm_mresp_hsced": {**_FAMILIES, "itemgroup": ["a", "b"], "grp": ["a", "b"]},
    "hs_cfa": {"item": [f"x{k}" for k in range(1, 10)]},
    "orthodont": {"Subject": None, "Sex": ["Male", "Female"]},
    "poldem": {"item": [*(f"x{k}" for k in range(1, 4)), *(f"y{k}" for k in range(1, 9))]},
    "mlmus_yogurt": {"brand": ["brand2", "brand1", "brand4"]},
    "salamanders": {
        "mined": ["yes", "no"],
        "spp": ["GP", "PR", "DM", "EC-A", "EC-L", "DES-L", "DF"],
        "site": None,
    },
    "wine": {"temp": ["cold", "warm"], "contact": ["no", "yes"]},
}


@cache
def _read(case):
    folder = REFERENCE / case
    data = load_csv(folder / "data.csv", "data.csv")
    for column, levels in LEVELS.get(case, {}).items():
        data[column] = pd.Categorical(data[column], categories=levels)
        assert data[column].notna().all(), f"{case}: {column} has a level not listed"
    return data, (folder / "expected.json").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def reference():
    """Reader of reference cases: ``data, expected = reference("toenail")``, fresh copies."""

    def read(case):
        data, text = _read(case)
        return data.copy(), json.loads(text)

    return read


@pytest.fixture(params=["patsy", "formulaic"])
def formula_engine(request, monkeypatch):
    """Run the test under each formula engine of statsmodels; the name of the engine."""
    monkeypatch.setattr(statsmodels.formula.options, "formula_engine", request.param)
    return request.param


@pytest.fixture
def rng():
    """Random numbers, the same ones in every test."""
    return np.random.default_rng(20040602)


@pytest.fixture(autouse=True)
def _close_figures():
    """Close every figure that a test has opened."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
