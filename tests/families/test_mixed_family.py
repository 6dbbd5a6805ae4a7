"""Mixed responses: sets that are dropped whole, and what is refused."""
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, families
from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.families.registry import as_family

GAUSSIAN, POISSON = sm.families.Gaussian(), sm.families.Poisson()


@pytest.fixture
def data(rng):
    """Choices among three and numbers, of the same units."""
    n = 60
    kind = np.where(np.arange(n) < 30, "choice", "number")
    y = np.where(kind == "choice", np.arange(n) % 3 == 0, rng.normal(size=n))
    return pd.DataFrame({"y": y, "x": rng.normal(size=n), "kind": kind, "unit": np.arange(n) // 3 % 10,
                         "group": np.arange(n) // 6 % 5})


FAMILY = {"choice": families.Choice(set="unit"), "number": GAUSSIAN}


def test_whole_sets(data):
    needs = as_family(FAMILY, by="kind").needs()
    assert needs.whole == {("set", "choice"): ("family_by", "choice")}
    data.loc[[4, 40], "x"] = np.nan
    model = GLLAMM.from_formula("y ~ 0 + x", data, family=FAMILY, family_by="kind")
    assert model.sample.dropped == {
        "'x' is missing": 2, "another row of its set of 'choice' ('unit') is missing": 2}
    assert set(range(60)) - set(model.sample.positions) == {3, 4, 5, 40}


def test_whole_sets_of_families():
    assert families.Choice(set="s").needs().whole == {"set": None}
    assert families.Ranking(set="s").needs().whole == {"set": None}
    assert families.Composite(POISSON, cluster="c").needs().whole == {"cluster": None}


def test_prediction_needs_the_column_of_the_labels(data):
    model = GLLAMM.from_formula("y ~ 0 + x", data, family=FAMILY, family_by="kind")
    params = np.array([0.3, 0.0])
    with pytest.raises(DataError, match="family_by='kind' is not a column of the data"):
        model.predict(params, data[["x", "unit"]])
    assert np.isfinite(model.predict(params, data[["x", "unit", "kind"]])).all()
    data.loc[0, "kind"] = None
    model = GLLAMM.from_formula("y ~ 0 + x", data, family=FAMILY, family_by="kind")
    assert model.sample.dropped == {  # whose set it may have been in
        "family_by column 'kind' is missing": 1,
        "another row of its set of 'choice' ('unit') is missing": 2}


@pytest.mark.parametrize(("family", "instead"), [
    (families.Nominal(), "use Choice, with a row for every category"),
    (families.ZeroInflated(POISSON), "fit it in a model of its own"),
    (families.Hurdle(POISSON), "make two labels of it"),
    (families.Hurdle(sm.families.Gamma(sm.families.links.Log())), "make two labels of it")])
def test_several_linear_predictors(data, family, instead):
    with pytest.raises(NotImplementedError) as caught:
        GLLAMM.from_formula("y ~ x", data, family={"number": GAUSSIAN, "choice": family},
                            family_by="kind")
    text = str(caught.value)
    assert text.startswith(f"the label 'choice' of a mixed response cannot stand for {family.name}, "
                           "which has several linear predictors: ") and instead in text


@pytest.mark.parametrize("family", [families.ZeroInflated, families.Hurdle])
def test_correlated_parts_share_a_group(data, family):
    data["count"] = np.arange(60) % 4
    for zero, has in (("1 + (1 | group)", "'group'"), ("1", "none")):
        with pytest.raises(ValueError, match="correlated=True .* the main part has 'unit' and the "
                                             f"zero part has {has};"):
            GLLAMM.from_formula("count ~ x + (1 | unit)", data,
                                family=family(POISSON, zero, correlated=True))
    with pytest.raises(ValueError, match="the main part has none and the zero part has none"):
        GLLAMM.from_formula("count ~ x", data, family=family(POISSON, correlated=True))
    model = GLLAMM.from_formula("count ~ x + (1 | unit)", data,
                                family=family(POISSON, "1 + (1 | unit)", correlated=True))
    assert "cov[Intercept[unit],zero:Intercept[unit]]" in model.param_names
