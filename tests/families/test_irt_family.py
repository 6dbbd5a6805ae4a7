"""What IRT and scaled binomial families ask of the data, and what they name."""
import numpy as np
from numpy.testing import assert_array_equal
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm.exceptions import FormulaError
from statsmodels_gllamm.families.base import FamilyData
from statsmodels_gllamm.families.binomial import BinomialFamily
from statsmodels_gllamm.families.irt import IRT3PL, IRT4PL
from statsmodels_gllamm.responses import as_response
from statsmodels_gllamm.responses.irt import IRT
from statsmodels_gllamm.responses.scaled import Scaled

PROBIT = sm.families.Binomial(sm.families.links.Probit())
ITEMS = pd.DataFrame(np.eye(2)[[0, 1, 0, 1]], columns=["C(item)[1]", "C(item)[2]"])


def data(endog=(0, 1, 1, 0), **designs):
    return FamilyData(None if endog is None else np.array(endog, dtype=float), pd.RangeIndex(4),
                      designs=designs)


def parameters(outcomes):
    return [name for block in outcomes.aux for name, _, _ in block.terms]


@pytest.mark.parametrize(("by", "formula"), [
    (None, "1"), ("item", "0 + C(item)"), ("0 + item", "0 + item"), ("C(type)", "C(type)"),
    (" item ", "0 + C(item)"), ("1", "1")])
def test_formulas(by, formula):
    assert IRT3PL(by).needs().formulas == {"guess": formula}
    assert IRT3PL(by, slip="item").needs().formulas == {"guess": formula, "slip": "0 + C(item)"}


def test_names_of_a_column():
    constant = pd.DataFrame({"Intercept": np.ones(4)})
    out = IRT3PL("item").outcomes(data(guess=ITEMS))
    assert parameters(out) == ["logitguess[item[1]]", "logitguess[item[2]]"]
    out = IRT3PL(slip="item", link="probit").outcomes(data(guess=constant, slip=ITEMS))
    assert parameters(out) == ["logitguess[Intercept]", "logitslip[item[1]]",
                               "logitslip[item[2]]"]
    assert [number for block in out.aux for _, _, number in block.terms] == [0, 1, 1]
    assert [block.key for block in out.aux] == ["guess", "slip"]
    assert_array_equal(out.aux[1].values, ITEMS)
    (member,) = out.members
    assert member.response == IRT(as_response(PROBIT).link, True)
    assert_array_equal(member.y, [[0, 1, 1, 0]])
    formula = IRT3PL("0 + C(item)").outcomes(data(guess=ITEMS))
    assert parameters(formula)[0] == "logitguess[C(item)[1]]"


def test_rows_to_predict():
    assert_array_equal(IRT3PL("item").outcomes(data(None, guess=ITEMS)).members[0].y,
                       np.zeros((1, 4)))


def test_four_parameters():
    assert IRT4PL("item") == IRT3PL("item", "item")
    assert IRT4PL() == IRT3PL(None, "1") and IRT4PL("item", "1") == IRT3PL("item", "1")
    assert IRT4PL().name == "IRT4PL(logit)" and IRT3PL(link="probit").name == "IRT3PL(probit)"


@pytest.mark.parametrize("arguments", [{"by": 3}, {"slip": ""}, {"by": ["item"]}])
def test_refused_formula(arguments):
    with pytest.raises(TypeError, match="name of a column or a formula"):
        IRT3PL(**arguments)


def test_refused():
    with pytest.raises(ValueError, match="'logit', 'probit', not 'cloglog'"):
        IRT3PL(link="cloglog")
    for formula in ("dispersion", "thresholds"):
        with pytest.raises(ValueError, match=f"no {formula}"):
            IRT3PL().needs(**{formula: "1"})


def test_plain_binomial():
    family = BinomialFamily(as_response(PROBIT))
    assert family.name == "Binomial(probit)" and family.needs().formulas == {}
    out = family.fitted(data()).outcomes(data())
    assert out.members[0].response is family.response and out.aux == ()
    with pytest.raises(ValueError, match="no thresholds"):
        family.needs(thresholds="1")


def test_scaled_binomial():
    family = BinomialFamily(as_response(PROBIT))
    needs = family.needs(dispersion="sex")
    assert needs.formulas == {"dispersion": "sex"} and needs.without_intercept == {"dispersion"}
    sex = pd.DataFrame({"sex[T.m]": [0.0, 1.0, 1.0, 0.0]})
    out = family.fitted(data(dispersion=sex)).outcomes(data(dispersion=sex))
    assert out.members[0].response == Scaled(family.response)
    assert parameters(out) == ["logscale[sex[T.m]]"] and out.aux_names == ("logscale",)


@pytest.mark.parametrize(("columns", "message"), [
    ({}, "nothing but the constant")])
def test_scale_not_identified(columns, message):
    family = BinomialFamily(as_response(PROBIT))
    design = pd.DataFrame(columns, index=range(4))
    with pytest.raises(FormulaError, match=message):
        family.fitted(data(dispersion=design))
