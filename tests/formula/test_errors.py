"""Every refusal is one sentence that names the culprit."""

import numpy as np
import pandas as pd
import pytest

from statsmodels_gllamm.exceptions import (
    ConvergenceWarning,
    CrossedGroupsError,
    DataError,
    FormulaError,
    MissingValuesError,
    QuadratureWarning,
)
from statsmodels_gllamm.formula import build_sample
from statsmodels_gllamm.spec import Factor, Needs


def refused(data, part, formula="y ~ x + (1 | school)", error=DataError, **options):
    with pytest.raises(error, match=part) as caught:
        build_sample(formula, data, **options)
    text = str(caught.value)
    assert "\n" not in text and text.endswith((".", "?"))
    assert "np.int" not in text and "np.float" not in text
    return text


def test_no_rows(data):
    refused(data.iloc[:0], "data have no rows")


def test_not_a_frame():
    with pytest.raises(TypeError, match="must be a pandas DataFrame, not list"):
        build_sample("y ~ x", [1, 2])
    with pytest.raises(ValueError, match="'drop' or 'raise'"):
        build_sample("y ~ x", pd.DataFrame({"y": [1], "x": [1]}), missing="none")


def test_all_missing(data):
    refused(data.assign(y=np.nan), "'y' is missing in every row")
    refused(data.assign(school=None), "The group 'school' is missing in every row")
    refused(data.assign(x=np.nan), "'x' is missing in every row")
    half = np.arange(60) < 30
    broken = data.assign(x=data["x"].where(half), y=data["y"].where(~half))
    refused(broken, "No complete row is left: 'y' is missing .30 rows., 'x' is missing")


@pytest.mark.parametrize("sign", [1, -1])
def test_infinite(data, sign):
    broken = data.astype({"y": float})
    broken.loc["row4", ["x", "z", "y"]] = sign * np.inf
    refused(broken.assign(y=1), "'x' in the fixed part is infinite in 1 row .first: row 'row4'")
    refused(broken, "'z' in the random terms .z . school. is infinite", "total ~ 1 + (z | school)")
    refused(broken, "'y' in the response is infinite", "y ~ 1")
    refused(broken, "'z' in the dispersion is infinite", "total ~ 1",
            needs=Needs(formulas={"dispersion": "z"}))
    refused(broken, "offset is -?inf in row 'row4'; it must be finite", "total ~ 1", offset="z")
    refused(
        broken, "'z' in the loadings of the factor 'f' is infinite", "total ~ (0 + f | pid)",
        factors={"f": Factor("0 + z")},
    )


@pytest.mark.filterwarnings("ignore:divide by zero")
def test_infinite_term(data):
    data.loc["row9", "total"] = 0
    refused(data, "'np.log.total.' in the fixed part is infinite", "y ~ np.log(total)")


def test_row_arguments(data):
    data.loc["row7", "total"] = 0
    refused(data, "exposure is 0 in row 'row7'; it must be finite and positive", exposure="total")
    refused(data, "n_trials is 0 in row 'row7'", n_trials="total")
    refused(data, "offset='nosuch' is not a column", offset="nosuch")
    refused(data, "Offset has shape .3,. but the data have 60 rows", offset=[1, 2, 3])
    refused(data, "Offset column 'kind' must hold numbers", offset="kind")
    refused(data, "index of offset", offset=pd.Series(np.zeros(60)))
    refused(data, "use one of them", "y + w ~ x", n_trials=3)


def test_weights(data):
    negative = data.assign(w=data["w"].mask(data["pid"] == 2, -1.0))
    varying = data.assign(w=np.arange(60.0))
    refused(negative, "freq_weights column 'w' is -1 in row 'row6'", freq_weights="w")
    part = "'w' is -1 in the cluster 's2' of the group 'school'"
    refused(negative, part, freq_weights={"school": "w"})
    refused(
        varying, "column 'w' varies inside the cluster 's2' of the group 'school'; give each",
        freq_weights={"school": "w"},
    )
    one = data["w"].where(data.index != "row18", 9.0)
    refused(
        data, r"of 'school:pid' varies inside the cluster \('s1', 1\) of the group 'school:pid'",
        "y ~ x + (1 | school:pid)", freq_weights={"school:pid": one},
    )
    refused(data, "'nosuch', which is not a level of the formula; use 'rows', 'school'",
            freq_weights={"nosuch": "w"})
    refused(data.assign(w=0.0), "zero in every row", freq_weights="w")
    refused(data, "freq_weights='nosuch' is not a column", freq_weights={"rows": "nosuch"})


def test_names(data):
    refused(data, "the column 'skool'.*did you mean 'school'", "y ~ (1 | skool)", FormulaError)
    refused(data, "'itm'.*did you mean 'item'", "y ~ C(itm) + (1 | pid)", FormulaError)
    refused(data, "'yy'.*neither a column", "yy ~ x", FormulaError)
    refused(data, "'nosuch' in the fixed part is neither", "y ~ nosuch(x)", FormulaError)
    refused(data, "neither a column", "y ~ x + (1 + nosuch | school)", FormulaError)
    dotted = data.rename(columns={"x": "x.1"})
    refused(dotted, r"Write Q\('x.1'\) for the column", "y ~ x.length", FormulaError)
    assert list(build_sample("y ~ Q('x.1')", dotted).exog)[1] in ("Q('x.1')", 'Q("x.1")')
    twice = pd.concat([data, data[["x"]]], axis=1)
    refused(twice, "more than one column 'x'")


def test_random_terms(data):
    refused(data, r"Intercept\[school\] stands in two bars", "y ~ (1 | school) + (x | school)",
            FormulaError)
    refused(data, r"Intercept\[school\] stands in two", "y ~ (1 | school) + (1 | school/pid)",
            FormulaError)
    refused(data, "has no terms; write .1 . school.", "y ~ (0 | school)", FormulaError)
    zero = data.assign(z=0.0)
    refused(zero, r"The random term z\[school\] is zero in every row", "y ~ x + (z | school)")


def test_long_formula_is_not_printed_whole(data):
    terms = " + ".join(["x"] * 200 + ["np.cos(pid, item, 1)"])
    assert len(refused(data, r"\.\.\.", f"y ~ {terms} + (1 | school)", FormulaError)) < 400


def test_hierarchy():
    assert issubclass(MissingValuesError, DataError) and issubclass(DataError, ValueError)
    assert issubclass(CrossedGroupsError, NotImplementedError)
    assert issubclass(QuadratureWarning, UserWarning)
    assert issubclass(ConvergenceWarning, UserWarning)
