"""The bundled data are complete, documented and the same as in the reference cases."""

from pathlib import Path

import pandas as pd
import pytest

from statsmodels_gllamm import datasets

CASES = {
    "contraception": "contraception",
    "diet": "galamm_diet",
    "epilep": "seed_epilep",
    "irtsim": "seed_irtsim",
    "lsat": "seed_lsat",
    "salamanders": "salamanders",
    "sleepstudy": "sleepstudy",
    "toenail": "toenail",
}
OTHERS = {"holzinger", "kidney", "neuroticism", "verbagg", "wine"}  # not the data of a case
FOLDER = Path(datasets.__file__).parent


def test_every_folder_is_a_data_set():
    folders = {path.parent.name for path in FOLDER.glob("*/data.py")}
    assert folders == set(datasets.__all__) == set(CASES) | OTHERS


@pytest.mark.parametrize("name", sorted(CASES))
def test_data_set(name, reference):
    module = getattr(datasets, name)
    dataset = module.load_pandas()
    expected, _ = reference(CASES[name])
    if "site" in expected:  # a factor there, a label in the data set
        expected["site"] = expected["site"].astype("str")
    pd.testing.assert_frame_equal(dataset.data, expected)
    pd.testing.assert_frame_equal(module.load().data, dataset.data)
    pd.testing.assert_series_equal(dataset.endog, dataset.data[dataset.endog_name])
    assert list(dataset.exog.columns) == [c for c in dataset.data if c != dataset.endog_name]


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_loads(name):
    dataset = getattr(datasets, name).load_pandas()
    pd.testing.assert_frame_equal(getattr(datasets, name).load().data, dataset.data)
    pd.testing.assert_series_equal(dataset.endog, dataset.data[dataset.endog_name])


def test_wine_is_that_of_the_case(reference):
    expected, _ = reference("wine")
    data = datasets.wine.load_pandas().data
    assert list(data.temp.cat.categories) == ["cold", "warm"]
    text = {"temp": "str", "contact": "str"}
    pd.testing.assert_frame_equal(data.astype(text), expected[data.columns].astype(text))


def test_holzinger_is_that_of_the_case(reference):
    expected, _ = reference("hs_cfa")
    data = datasets.holzinger.load_pandas().data
    assert list(data["item"].cat.categories) == list(expected["item"].cat.categories)
    pd.testing.assert_frame_equal(data[["item", "y"]], expected[["item", "y"]])
    pupils = data.drop_duplicates("id")
    assert pupils["school"].value_counts().to_dict() == {"Pasteur": 156, "Grant-White": 145}
    assert pupils["id"].size == expected["id"].nunique()


def test_neuroticism_has_the_moments_of_its_source():
    """Numbers, means and standard deviations of N1 to N5 in the data set bfi of psych."""
    y = datasets.neuroticism.load_pandas().data.groupby("item", observed=True).y
    assert y.size().tolist() == [2778, 2779, 2789, 2764, 2771]
    assert y.mean().round(2).tolist() == [2.93, 3.51, 3.22, 3.19, 2.97]
    assert y.std().round(2).tolist() == [1.57, 1.53, 1.60, 1.57, 1.62]


def test_verbagg_is_complete():
    """24 items of 316 persons, 243 of them women, in every combination of what they are made of."""
    data = datasets.verbagg.load_pandas().data
    assert not data.isna().any(axis=None)
    persons = data.drop_duplicates("id")
    assert len(persons) == 316 and persons.male.sum() == 73 and persons.anger.sum() == 6321
    assert data.groupby("item", observed=True).id.nunique().tolist() == [316] * 24
    assert data.groupby(["do", "behaviour"], observed=True).item.nunique().tolist() == [4] * 6
    assert data.answer.value_counts().to_dict() == {0: 3973, 1: 2081, 2: 1530}


@pytest.mark.parametrize("name", sorted(datasets.__all__))
def test_data_set_is_documented(name):
    module = getattr(datasets, name)
    data = module.load_pandas().data
    for text in [module.TITLE, module.DESCRSHORT, module.DESCRLONG, module.SOURCE]:
        assert text.strip()
    assert module.COPYRIGHT.strip()
    assert f"Number of observations: {len(data)}" in module.NOTE
    assert f"Number of variables: {data.shape[1]}" in module.NOTE
    for column in data:
        assert f"\n        {column} " in module.NOTE
    assert f"\n{name} " in (FOLDER / "SOURCES.rst").read_text(encoding="utf-8")


def test_loading_twice_gives_independent_frames():
    first = datasets.epilep.load_pandas().data
    first["y"] = 0
    assert datasets.epilep.load_pandas().data["y"].sum() > 0
