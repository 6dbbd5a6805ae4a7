"""Choices, rankings and categories: engine rows from data, and errors."""
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pandas as pd
import pytest
from scipy.special import log_softmax

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.families.base import FamilyData
from statsmodels_gllamm.families.choice import Choice, Ranking, stages
from statsmodels_gllamm.families.labels import label_array, label_text, plain
from statsmodels_gllamm.families.nominal import Nominal
from statsmodels_gllamm.latent.runs import Runs


def family_data(endog, designs=None, numbers=None, categories=None, **labels):
    """FamilyData with labels from arrays, or from tuples of arrays."""
    n = len(next(iter(labels.values()))) if endog is None else len(endog)
    coded = {role: pd.factorize(pd.Index(values)) for role, values in labels.items()}
    return FamilyData(
        None if endog is None else np.asarray(endog), pd.RangeIndex(10, 10 + n), labels=coded,
        numbers=numbers or {}, categories=categories,
        designs={k: pd.DataFrame(v) for k, v in (designs or {}).items()})


def total(out, nu):
    """Log-likelihood of the outcomes at linear predictors (n_e,), sets in any order."""
    order = np.argsort(out.sets, kind="stable")
    counts = np.bincount(out.sets)
    counts = counts[counts > 0]
    runs = Runs(len(order), len(counts), counts, np.cumsum(counts) - counts)
    (member,) = out.members
    aux = np.zeros((len(member.response.aux_names), len(counts)))
    return member.response.kernel(member.y[:, order], nu[order], aux, runs).sum()


# --- Choice -------------------------------------------------------------------------------------

SETS = ["b", "a", "a", "b", "c", "b"]


def test_choice_rows():
    out = Choice(set="id").outcomes(family_data([0, 1, 0, 1, 1, 0], set=SETS))
    assert out.rows is None and out.part is None and out.aux == ()
    assert_array_equal(out.members[0].y, [[0, 1, 0, 1, 1, 0]])
    for s in "abc":
        same = np.array(SETS) == s
        assert len(set(out.sets[same])) == 1 and not np.isin(out.sets[~same], out.sets[same]).any()
    assert set(out.sets) == {0, 1, 2}
    nu = np.array([0.3, -0.2, 0.5, 1.0, 7.0, -1.0])
    expected = log_softmax(nu[[1, 2]])[0] + log_softmax(nu[[0, 3, 5]])[1]
    assert_allclose(total(out, nu), expected)


def test_choice_needs():
    family = Choice(set=["id", "task"], alternative="mode")
    assert family.set == ("id", "task") and hash(family) == hash(Choice(
        set=("id", "task"), alternative="mode"))
    needs = family.needs()
    assert needs.labels == {"set": ("id", "task"), "alternative": "mode"}
    assert needs.without_intercept == {"exog", "dispersion"} and not needs.formulas
    assert Choice(set=["id"]).needs("0 + x").formulas == {"dispersion": "0 + x"}
    with pytest.raises(ValueError, match="thresholds"):
        family.needs(thresholds="x")
    for bad in (None, 3, [], ["a", 1]):
        with pytest.raises(TypeError, match="set="):
            Choice(set=bad)


def test_choice_scale():
    x = np.array([1.0, 0, 0, 1, 2, 1])
    data = family_data([0, 1, 0, 1, 1, 0], {"dispersion": {"x": x}}, set=SETS)
    out = Choice(set="id").outcomes(data)
    assert out.aux_names == ("logscale",)
    (block,) = out.aux
    assert block.terms == (("logscale[x]", 0, 0),) and block.key == "dispersion"
    assert_array_equal(block.values[:, 0], x)
    empty = family_data([0, 1, 0, 1, 1, 0], {"dispersion": pd.DataFrame(index=range(6))}, set=SETS)
    assert Choice(set="id").outcomes(empty).aux_names == ()
    varying = family_data([0, 1, 0, 1, 1, 0], {"dispersion": {"x": np.arange(6.0)}}, set=SETS)
    for family in (Choice(set="id"), Ranking(set="id")):
        with pytest.raises(DataError, match="'x' varies in id = b"):
            family.outcomes(varying)


def test_choice_without_responses():
    out = Choice(set="id").outcomes(family_data(None, set=SETS))
    assert_array_equal(out.members[0].y, np.zeros((1, 6)))


@pytest.mark.parametrize(("endog", "text"), [
    ([0, 1, 0, 0, 1, 0], "no row of the choice set id = b"),
    ([0, 1, 1, 1, 1, 0], "2 rows of the choice set id = a"),
    ([0, 0, 0, 0, 1, 0], "no row of the choice set id = b .and 1 more"),
    ([0, 2, 0, 1, 1, 0], "is 2 in row 11"),
    ([0, np.nan, 0, 1, 1, 0], "row 11"),
])
def test_choice_errors(endog, text):
    with pytest.raises(DataError, match=text):
        Choice(set="id").outcomes(family_data(endog, set=SETS))


def test_choice_names_sets_of_two_columns():
    index = pd.MultiIndex.from_arrays([list("aabb"), [1, 1, 2, 2]])
    with pytest.raises(DataError, match="set id = b, task = 2"):
        Choice(set=["id", "task"]).outcomes(family_data([0, 1, 0, 0], set=index))


def test_alternative_twice():
    family = Choice(set="id", alternative="mode")
    y = [0, 1, 0, 1, 1, 0]
    modes = ["bus", "car", "bus", "car", "car", "train"]
    assert family.outcomes(family_data(y, set=SETS, alternative=modes)).aux == ()
    modes[5] = "bus"
    with pytest.raises(DataError, match="alternative bus stands more than once .* id = b"):
        family.outcomes(family_data(y, set=SETS, alternative=modes))


# --- Ranking ------------------------------------------------------------------------------------


def exploded(rank, nu):
    """Log probability of one ranking by the definition."""
    ranked = sorted((r, i) for i, r in enumerate(rank) if r > 0)
    left, value = set(range(len(rank))), 0.0
    for _, i in ranked:
        value += nu[i] - np.log(sum(np.exp(nu[j]) for j in left))
        left.remove(i)
    return value


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 6)), min_size=1, max_size=6),
       st.integers(0, 10**6))
def test_a_ranking_is_a_product_of_choices(shapes, seed):
    rng = np.random.default_rng(seed)
    sets, ranks = [], []
    for s, (size, ranked) in enumerate(shapes):
        rank = np.zeros(size)
        ranked = min(ranked, size)
        rank[rng.permutation(size)[:ranked]] = np.sort(rng.choice(20, ranked, replace=False)) + 1
        sets += [s] * size
        ranks += list(rank)
    order = rng.permutation(len(sets))
    sets, ranks = np.array(sets)[order], np.array(ranks)[order]
    nu = rng.normal(0, 2, len(sets))
    out = Ranking(set="id").outcomes(family_data(ranks, set=sets))
    expected = sum(exploded(ranks[sets == s], nu[sets == s]) for s in np.unique(sets))
    assert_allclose(total(out, nu[out.rows]), expected, rtol=1e-10, atol=1e-12)
    assert_array_equal(np.unique(out.rows), np.arange(len(sets)))  # no row is lost
    assert_array_equal(np.bincount(out.sets, out.members[0].y[0]), 1)


def test_stages():
    rows, stage, y = stages(np.array([2.0, 0, 1, 0, 5]), np.array([0, 0, 0, 1, 0]))
    got = [(sorted(rows[stage == k]), rows[(stage == k) & (y == 1)].tolist())
           for k in np.unique(stage)]
    assert got == [([0, 1, 2, 4], [2]), ([0, 1, 4], [0]), ([1, 4], [4]), ([3], [3])]


def test_ranking_needs_and_rank_column():
    family = Ranking(set="id", rank="r")
    assert family.needs().numbers == {"rank": "r"} and family.needs().labels == {"set": "id"}
    assert family.needs().without_intercept == {"exog", "dispersion"}
    data = family_data([9, 9, 9], numbers={"rank": np.array([2.0, 1, 3])}, set=[1, 1, 1])
    nu = np.array([0.2, -0.4, 1.0])
    out = family.outcomes(data)
    assert_allclose(total(out, nu[out.rows]), exploded([2, 1, 3], nu))
    assert out.members[0].response.name == family.name == "Ranking(logit)"


def test_ranking_without_responses_is_one_choice():
    out = Ranking(set="id").outcomes(family_data(None, set=SETS))
    assert out.rows is None and len(out.sets) == 6 and not out.members[0].y.any()


@pytest.mark.parametrize(("rank", "text"), [
    ([1, 2, 2, 2, 1, 3], "rank 2 more than once in the set id = a"),
    ([1, 2, 1, 2, 1, -3], "is -3 in row 15"),
    ([1, 2, 1, 2, 1, 1.5], "is 1.5 in row 15"),
])
def test_ranking_errors(rank, text):
    with pytest.raises(DataError, match=text):
        Ranking(set="id").outcomes(family_data(rank, set=SETS))


# --- Nominal ------------------------------------------------------------------------------------


def test_nominal_rows():
    data = family_data([2.0, 0, 1, 2], categories=("bus", "car", "walk"))
    family = Nominal(base="car").fitted(data)
    assert family.categories == ("bus", "car", "walk") and family.base == "car"
    out = family.outcomes(data)
    assert [(p.key, p.label) for p in out.predictors] == [("exog", "bus"), ("exog", "walk")]
    assert out.predictors[1].coefficient("x") == "walk[x]"
    order = np.lexsort((np.arange(12), out.rows))
    assert_array_equal(out.part[order].reshape(4, 3), [[0, -1, 1]] * 4)
    assert_array_equal(out.sets, out.rows)
    nu = np.random.default_rng(0).normal(size=(4, 2))
    value = total(out, np.where(out.part < 0, 0.0, nu[out.rows, out.part]))
    wide = np.column_stack([nu[:, 0], np.zeros(4), nu[:, 1]])
    assert_allclose(value, log_softmax(wide, axis=1)[np.arange(4), [2, 0, 1, 2]].sum())
    assert out.members[0].response.categories == family.categories


def test_nominal_numbers_and_unused_categories():
    family = Nominal().fitted(family_data([3.0, 1, 3, 2]))
    assert family.categories == (1, 2, 3) and family.base == 1
    assert [p.label for p in family.outcomes(family_data([2.0])).predictors] == ["2", "3"]
    family = Nominal().fitted(family_data([0.0, 2, 2], categories=pd.Index(["x", "y", "z"])))
    assert family.categories == ("x", "z")
    out = family.outcomes(family_data([0.0], categories=("z", "x")))  # other codes in new data
    assert_array_equal(out.members[0].y, [[0, 1]])
    family = Nominal(categories=(3.0, 1.0)).fitted(family_data([3.0, 1, 1]))
    assert list(map(repr, family.categories)) == ["3", "1"]
    labels = Nominal().fitted(family_data([0.0, 1], categories=(7.0, 7.5))).categories
    assert list(map(repr, labels)) == ["7", "7.5"]


def test_nominal_simulates_what_stands_in_the_data():
    data = family_data([3.0, 1, 3, 2])
    family = Nominal().fitted(data)
    nu = np.array([[50.0, -50, -50, -50], [-50.0, 50, -50, -50]])
    value = family.simulate(np.random.default_rng(0), nu, np.zeros((0, 4)), data)
    assert value.dtype.kind == "i" and value.tolist() == [2, 3, 1, 1]


@pytest.mark.parametrize(("label", "value", "text"), [
    (2.0, "2", "2"), (2, "2", "2"), (np.float64(2), "2", "2"), (2.5, "2.5", "2.5"),
    (True, "True", "True"), (np.True_, "True", "True"), ("a", "'a'", "a"),
    (1234567.0, "1234567", "1234567"), (2.1234567, "2.1234567", "2.1234567"),
    (10**17 + 1, str(10**17 + 1), str(10**17 + 1)), (1e-7, "1e-07", "1e-07")])
def test_labels(label, value, text):
    assert repr(plain(label)) == value and label_text(label) == text


def test_label_arrays():
    assert label_array((1, 2)).dtype.kind == "i" and label_array((1, 2.5)).dtype.kind == "f"
    assert label_array((1, "a")).tolist() == [1, "a"]


def test_nominal_needs_and_scale():
    needs = Nominal().needs("0 + x")
    assert needs.categorical and needs.without_intercept == {"dispersion"}
    assert needs.formulas == {"dispersion": "0 + x"} and not Nominal().needs().formulas
    data = family_data([1.0, 0], {"dispersion": {"x": [1.0, 2]}}, categories=("a", "b"))
    out = Nominal().fitted(data).outcomes(data)
    assert out.aux_names == ("logscale",) and out.aux[0].values.shape == (2, 1)


def test_nominal_without_responses():
    family = Nominal().fitted(family_data([0.0, 1, 1]))
    data = FamilyData(None, pd.RangeIndex(2))
    out = family.outcomes(data)
    assert_array_equal(out.rows, [0, 0, 1, 1])
    assert not out.members[0].y.any()


def test_nominal_errors():
    with pytest.raises(DataError, match="one category only, 1"):
        Nominal().fitted(family_data([1.0, 1]))
    with pytest.raises(DataError, match="base='d' is not a category .* 'a', 'b'"):
        Nominal(base="d").fitted(family_data([1.0, 0], categories=("a", "b")))
    family = Nominal().fitted(family_data([0.0, 1]))
    with pytest.raises(DataError, match="category 5, which the model has not seen; it knows 0, 1"):
        family.outcomes(family_data([0.0, 5]))
    with pytest.raises(DataError, match="one column"):
        Nominal().fitted(family_data(np.zeros((3, 2))))
    with pytest.raises(DataError, match="n_trials"):
        family.outcomes(FamilyData(np.zeros(2), pd.RangeIndex(2), n_trials=np.ones(2)))
