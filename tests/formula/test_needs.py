"""Formulas of a family: designs, other linear predictors, constants left out."""

import pickle

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pandas as pd
import pytest
import statsmodels.formula
from statsmodels.formula._manager import FormulaManager

from statsmodels_gllamm.exceptions import DataError, FormulaError
from statsmodels_gllamm.formula import build_sample
from statsmodels_gllamm.formula.terms import current_spec, term_slices
from statsmodels_gllamm.spec import Factor, Needs


def matrix(formula, data):
    """The design as statsmodels makes it."""
    return FormulaManager().get_matrices(formula, data, pandas=True)


def test_designs(data):
    formulas = {"dispersion": "1", "thresholds": "~ x + kind", ("dispersion", "a b"): "0 + C(item)"}
    sample = build_sample("y ~ z", data, needs=Needs(formulas=formulas))
    assert list(sample.designs) == list(formulas) and sample.parts == {}
    for key, formula in formulas.items():
        expected = matrix(formula.lstrip("~ "), data)
        assert list(sample.designs[key].columns) == list(expected.columns)
        assert_array_equal(sample.designs[key], expected)
        assert sample.designs[key].index.equals(data.index)
    assert sample.designs["dispersion"].to_numpy().strides[0] == 0  # no memory
    new = sample.design.on(data.iloc[[5, 2]], [*formulas])
    for key in formulas:
        pd.testing.assert_frame_equal(new.designs[key], sample.designs[key].iloc[[5, 2]])
    assert new.exog is None and new.parts == new.numbers == new.labels == {}


@pytest.mark.parametrize(
    "formula, kept",
    [
        ("1", []),
        ("kind", ["kind[T.b]", "kind[T.c]"]),
        ("x + kind", ["kind[T.b]", "kind[T.c]", "x"]),
        ("0 + kind", ["kind[a]", "kind[b]", "kind[c]"]),
        ("0 + x", ["x"]),
        ("kind:x + np.exp(z)", None),
        ("0 + Intercept", ["Intercept"]),
    ],
)
def test_without_intercept(data, engine, formula, kept):
    data["Intercept"] = data["x"] * 2
    full = matrix(formula, data)
    place = [] if formula.startswith("0") else [0]  # both engines put the constant first
    expected = np.delete(full.to_numpy(), place, axis=1)
    keys = frozenset({"exog", "thresholds", "zero"})
    needs = Needs(formulas={"thresholds": formula, "zero": formula, "dispersion": formula},
                  latent=frozenset({"zero"}), without_intercept=keys)
    sample = build_sample(f"y ~ {formula}", data, needs=needs)
    assert_array_equal(sample.designs["dispersion"], full)
    kept = list(np.delete(full.columns, place)) if kept is None else kept
    for again in (sample, pickle.loads(pickle.dumps(sample))):
        rows = again.design.on(data, ("exog", "thresholds", "zero"))
        for part in (sample, rows):
            for design in (part.exog, part.designs["thresholds"], part.parts["zero"].exog):
                assert list(design.columns) == kept and design.shape == (60, len(kept))
                assert_allclose(design, expected, rtol=1e-12)
            assert part.parts["zero"].exog_factors == (None,) * len(kept)
    slices = term_slices(sample.design.exog, tuple(kept))
    assert [name for s in slices.values() for name in kept[s]] == kept
    assert all(s.stop > s.start for s in slices.values())


def test_without_intercept_under_the_other_engine(data, engine):
    needs = Needs(without_intercept=frozenset({"exog"}))
    sample = build_sample("y ~ center(x) + kind", data, needs=needs)
    other = {"patsy": "formulaic", "formulaic": "patsy"}[engine]
    pytest.importorskip(other)
    statsmodels.formula.options.formula_engine = other
    again = pickle.loads(pickle.dumps(sample))
    assert_allclose(again.design.on(data, ["exog"]).exog, sample.exog, rtol=1e-12)
    assert len(current_spec(again.design.exog).terms) == 3


def test_terms_beside_a_constant_left_out(data):
    needs = Needs(without_intercept=frozenset({"exog"}))
    sample = build_sample("y ~ kind*x + z", data, needs=needs)
    slices = term_slices(sample.design.exog, tuple(sample.exog.columns))
    names = list(sample.exog.columns)
    assert {term: names[s] for term, s in slices.items()} == {
        "kind": ["kind[T.b]", "kind[T.c]"], "x": ["x"], "z": ["z"],
        "kind:x": ["kind[T.b]:x", "kind[T.c]:x"],
    }


ZERO = Needs(formulas={"zero": "z + (1 + x | school) + (1 | pid)"}, latent=frozenset({"zero"}))


def test_part(data):
    sample = build_sample("y ~ x + (1 + x | school)", data, needs=ZERO)
    part = sample.parts["zero"]
    assert_array_equal(part.exog, matrix("z", data))
    assert list(part.exog.columns) == ["Intercept", "z"] and sample.designs == {}
    assert [(b.group, b.names) for b in part.bars] == [
        ("school", ("Intercept", "x")), ("pid", ("Intercept",))]
    assert part.bars[0].matrix is sample.bars[0].matrix  # the same formula, evaluated once
    assert [b.group for b in sample.bars] == ["school"] and set(sample.groups) == {"school", "pid"}
    again = pickle.loads(pickle.dumps(sample))
    new = again.design.on(data.iloc[7:3:-1], ("zero", "codes"))
    assert_array_equal(new.parts["zero"].exog, part.exog.iloc[7:3:-1])
    for mine, theirs in zip(new.parts["zero"].bars, part.bars):
        assert_array_equal(mine.matrix, theirs.matrix[7:3:-1])
        assert (mine.group, mine.names) == (theirs.group, theirs.names)
    assert_array_equal(new.codes["pid"], sample.groups["pid"].codes[7:3:-1])
    assert new.exog is None and new.bars is None


def test_part_without_fixed_terms(data):
    latent = frozenset({"zero", "one"})
    needs = Needs(formulas={"zero": "~ (1 | pid)", "one": "0 + (0 + x | pid)"}, latent=latent)
    sample = build_sample("y ~ x", data, needs=needs)
    assert sample.bars == () and list(sample.parts["zero"].exog.columns) == ["Intercept"]
    assert sample.parts["one"].exog.shape == (60, 0)
    assert sample.parts["one"].bars[0].names == ("x",)


def test_factors_in_a_part(data):
    needs = Needs(formulas={"zero": "0 + x:f + (0 + f | pid)", "dispersion": "1"},
                  latent=frozenset({"zero"}))
    sample = build_sample("y ~ x", data, factors={"f": Factor("item")}, needs=needs)
    part = sample.parts["zero"]
    assert part.exog_factors == ("f",) and part.bars[0].factors == ("f",)
    assert sample.factors["f"].names == ("1", "2", "3")
    wrong = Needs(formulas={"thresholds": "f"})
    with pytest.raises(FormulaError, match="'f' cannot stand in the thresholds"):
        build_sample("y ~ (0 + f | pid)", data, factors={"f": "item"}, needs=wrong)


def test_rows_missing_in_any_formula(data):
    data.loc["row3", "z"] = np.nan
    data.loc["row4", "item"] = np.nan
    data.loc["row5", "pid"] = np.nan
    needs = Needs(formulas={**ZERO.formulas, "thresholds": "0 + C(item)"}, latent=ZERO.latent)
    sample = build_sample("y ~ x + (1 | school)", data, needs=needs)
    assert sample.dropped == {
        "'z' is missing": 1, "'item' is missing": 1, "the group 'pid' is missing": 1}
    lengths = {len(sample.endog), len(sample.parts["zero"].exog), len(sample.designs["thresholds"]),
               len(sample.parts["zero"].bars[0].matrix), len(sample.groups["pid"].codes)}
    assert lengths == {57}
    new = sample.design.on(data, ("exog", "thresholds"))
    assert list(data.index[~new.kept]) == ["row4"] and len(new.exog) == 59


@pytest.mark.parametrize(
    "key, formula, part",
    [
        ("dispersion", "x + (1 | pid)", r"The dispersion 'x \+ \(1 . pid\)' must be a formula without"
         " left side and bars"),
        (("thresholds", "a"), "(1 | pid)", "The thresholds of 'a' .* without left side and bars"),
        ("dispersion", "y ~ x", "without left side"),
        ("dispersion", " ", "without left side"),
        ("zero", "y ~ x + (1 | pid)", "The zero part .* must be a formula without left side"),
        ("zero", "", "without left side"),
        ("zero", "x + (1 | skool)", "the column 'skool'.*did you mean 'school'"),
        ("zero", "itm + (1 | pid)", "'itm' in the formula.*did you mean 'item'"),
        ("thresholds", "0 + itm", "'itm' in the formula.*did you mean 'item'"),
        ("zero", "x - (1 | pid)", "cannot be subtracted"),
        ("zero", "(1 | pid) + (x | pid)", r"Intercept\[pid\] stands in two bars"),
        ("zero", "x + (0 | pid)", "has no terms"),
        ("dispersion", "nosuch(x)", "'nosuch' in the dispersion is neither"),
        (("zero", "a"), "nosuch(x)", "'nosuch' in the zero part of 'a' is neither"),
    ],
)
def test_refused(data, key, formula, part):
    needs = Needs(formulas={key: formula}, latent=frozenset({"zero", ("zero", "a")}))
    with pytest.raises(FormulaError, match=part) as caught:
        build_sample("y ~ x", data, needs=needs)
    assert str(caught.value).endswith((".", "?"))


def test_refused_otherwise(data):
    infinite = data.astype({"total": float})
    infinite.loc["row4", "total"] = np.inf
    for latent, where in ((frozenset(), "the zero"), (frozenset({"zero"}), "the zero part")):
        with pytest.raises(DataError, match=f"'total' in {where} is infinite in 1 row"):
            build_sample("y ~ x", infinite, needs=Needs(formulas={"zero": "total"}, latent=latent))
    with pytest.raises(TypeError, match="The dispersion must be a string, not int"):
        build_sample("y ~ x", data, needs=Needs(formulas={"dispersion": 1}))
    for key in ("exog", ("numbers", "a")):
        with pytest.raises(ValueError, match="cannot have the key"):
            build_sample("y ~ x", data, needs=Needs(formulas={key: "1"}))
    sample = build_sample("y ~ x", data, needs=Needs(formulas={"thresholds": "z"}))
    with pytest.raises(FormulaError, match="no column 'z', which the thresholds needs"):
        sample.design.on(data[["x"]], ("exog", "thresholds"))
    with pytest.raises(ValueError, match="'dispersion' is not a part .* labels, thresholds"):
        sample.design.on(data, ("dispersion",))
