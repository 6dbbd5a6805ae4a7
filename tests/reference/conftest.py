"""Factors of the cases that are read here only, reference category first."""
import pandas as pd
import pytest

FAMILIES = {"fam": ["gaussian", "binomial"]}
LEVELS = {
    "galamm_diet": {**FAMILIES, "item": ["fiber1", "fiber2", "chd"]},
    "galamm_hsced": {"item": [1, 2]},
    "galamm_mresp": {**FAMILIES, "itemgroup": ["a", "b"]},
    "galamm_mresp_hsced": {**FAMILIES, "itemgroup": ["a", "b"], "grp": ["a", "b"]},
    "mlmus_yogurt": {"brand": ["brand2", "brand1", "brand4"]},
    "salamanders": {
        "mined": ["yes", "no"],
        "spp": ["GP", "PR", "DM", "EC-A", "EC-L", "DES-L", "DF"],
        "site": None,
    },
    "wine": {"temp": ["cold", "warm"], "contact": ["no", "yes"]},
}


@pytest.fixture(scope="session")
def reference(reference):
    """Reader of reference cases, as in tests/conftest.py, with these factors restored."""

    def read(case):
        data, expected = reference(case)
        for column, levels in LEVELS.get(case, {}).items():
            data[column] = pd.Categorical(data[column], categories=levels)
            assert data[column].notna().all(), f"{case}: {column} has a level not listed"
        return data, expected

    return read
