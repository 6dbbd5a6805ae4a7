"""What describe() says of auxiliary parameters."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, families


@pytest.fixture
def data():
    rng = np.random.default_rng(8)
    return pd.DataFrame({"id": np.arange(120) // 6, "x": rng.normal(size=120),
                         "y": rng.normal(size=120), "grade": rng.integers(1, 6, 120),
                         "item": np.tile(["A", "B", "C"], 40),
                         "form": np.tile(["g1", "g1,2"], 60)})


def lines(formula, data, **keywords):
    return GLLAMM.from_formula(formula, data, **keywords).describe().splitlines()


def test_mixed(data):
    gaussian = {"g1": sm.families.Gaussian(), "g1,2": sm.families.Gaussian()}
    found = lines("y ~ x + (1 | id)", data, family=gaussian, family_by="form")
    assert found[2:4] == ["logsd (g1) = logsd[g1]", "logsd (g1,2) = logsd[g1,2]"]
    found = lines("grade ~ x + (1 | id)", data, family={**gaussian, "g1": families.Ordinal()},
                  family_by="form", thresholds="item", dispersion="x")
    assert found[2:5] == [
        f"thresholds (g1) of {c}: cut[g1,{c},1|2], ..., cut[g1,{c},4|5]"
        for c in ("Intercept", "item[T.B]", "item[T.C]")]
    assert found[5:7] == ["logscale (g1) = logscale[g1,x] x",
                          "logsd (g1,2) = logsd[g1,2] + logsd[g1,2,x] x"]


def test_thresholds(data):
    assert lines("grade ~ x", data, family=families.Ordinal())[2] == (
        "thresholds: cut[1|2], ..., cut[4|5]")
    assert lines("item ~ x", data.assign(item=pd.Categorical(data.item, ordered=True)),
                 family=families.Ordinal())[2] == "thresholds: cut[A|B], cut[B|C]"
    found = lines("grade ~ x", data, family=families.Ordinal("probit"), thresholds="0 + item",
                  dispersion="item")
    assert found[2:5] == [f"thresholds of item[{i}]: cut[item[{i}],1|2], ..., cut[item[{i}],4|5]"
                          for i in "ABC"]
    assert found[5].startswith("logscale = logscale[item[T.B]] item[T.B] + ") and len(found) == 6
    assert lines("grade ~ x", data, family=families.Ordinal(increments=True))[2] == (
        "thresholds: cut[1|2], logstep[2|3], ..., logstep[4|5]")


def test_others(data):
    assert lines("y ~ x", data, dispersion="0 + item")[2] == (
        "logsd = logsd[item[A]] item[A] + logsd[item[B]] item[B] + logsd[item[C]]")
    found = lines("y ~ x", data, family=families.StudentT())
    assert found[2:] == ["logsd = logsd[Intercept]", "logdf = logdf[Intercept]"]
    found = lines("y ~ x", data.assign(y=data.y > 0), family=families.IRT3PL("item"))
    assert found[2].startswith("logitguess = logitguess[item[A]] ")
