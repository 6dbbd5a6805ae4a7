"""Every reference case is complete and readable."""

from pathlib import Path

import pytest

CASES = sorted(path.parent.name for path in Path(__file__).parent.glob("*/expected.json"))
WIDE = ("hs_cfa", "poldem")  # the program's observations are persons


@pytest.mark.parametrize("case", CASES)
def test_case_is_complete(case, reference):
    data, expected = reference(case)
    assert expected["case"] == case
    assert len(expected["fits"]) > 0
    for fit in expected["fits"].values():
        persons = data["id"].nunique() if case in WIDE else len(data)
        assert fit.get("n_obs", persons) == persons
    assert not data.isna().any(axis=None)
    assert not list(data.select_dtypes(exclude=["number", "category"])), "a factor without levels"
    assert (Path(__file__).parent / case / "README.rst").exists()


def test_formula_engine_is_switched(formula_engine):
    import statsmodels.formula

    assert statsmodels.formula.options.formula_engine == formula_engine
