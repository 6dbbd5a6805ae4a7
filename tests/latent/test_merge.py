"""Identical units are found, and only those."""
import numpy as np
from numpy.testing import assert_array_equal
import pytest

from statsmodels_gllamm.latent.hierarchy import build_levels
from statsmodels_gllamm.latent.merge import merge_units


def merged(columns, groups, row_weight=None, unit_weight=None):
    levels = build_levels({
        name: (np.asarray(code), max(code) + 1) for name, code in groups.items()})
    weights = [None] * len(levels) if unit_weight is None else unit_weight
    return merge_units([np.asarray(c, float) for c in columns], levels, row_weight, weights)


PERSON = [0, 0, 1, 1, 2, 2, 3, 3]


def test_equal_persons():
    found = merged([[0, 1, 1, 0, 0, 0, 0, 1]], {"p": PERSON})
    assert_array_equal(found.representative[0], [0, 0, 2, 0])
    assert_array_equal(found.weight[0], [3, 0, 1, 0])


def test_order_of_rows_does_not_matter(rng):
    y, x = rng.integers(0, 2, 60), rng.integers(0, 2, 60)
    p = np.repeat(np.arange(20), 3)
    one = merged([y, x], {"p": p})
    order = rng.permutation(60)
    two = merged([y[order], x[order]], {"p": p[order]})
    assert_array_equal(one.representative[0], two.representative[0])
    key = [tuple(sorted(zip(y[p == g], x[p == g]))) for g in range(20)]
    for g, h in enumerate(one.representative[0]):
        assert key[g] == key[h]
    assert len(set(one.representative[0])) == len(set(key))


def test_columns_are_not_mixed_up():
    """Rows that hold the same numbers in different columns differ."""
    assert merged([[0, 1, 1, 0], [1, 0, 0, 1]], {"p": [0, 1, 2, 3]}).weight[0].tolist() == [
        2, 2, 0, 0]
    assert merged([[0, 0, 1, 1], [0, 1, 0, 1]], {"p": [0, 1, 2, 3]}) is None


def test_rows_do_not_move_between_columns_of_one_unit():
    """The pairing of two columns inside a unit counts."""
    assert merged([[0, 1, 0, 1], [0, 1, 1, 0]], {"p": [0, 0, 1, 1]}) is None


def test_repeated_rows_count():
    assert merged([[1, 1, 1, 1, 1, 1]], {"p": [0, 0, 0, 1, 1, 2]}) is None


def test_minus_zero_is_zero():
    found = merged([[0.0, -0.0, 1.0, 1.0]], {"p": [0, 1, 2, 3]})
    assert_array_equal(found.weight[0], [2, 0, 2, 0])


def test_row_weights_are_part_of_a_unit():
    columns, p = [[1, 1, 1, 1]], {"p": [0, 1, 2, 3]}
    found = merged(columns, p, row_weight=np.array([1.0, 2.0, 1.0, 2.0]))
    assert_array_equal(found.weight[0], [2, 2, 0, 0])


def test_top_weights_add_up():
    found = merged([[1, 1, 2, 1]], {"p": [0, 1, 2, 3]}, unit_weight=[np.array([1.0, 5, 2, 3])])
    assert_array_equal(found.weight[0], [9, 0, 2, 0])


def test_nested():
    """Persons merge inside a school, and schools as wholes; equal persons apart do not."""
    person = [0, 1, 2, 3, 4, 5, 6]
    school = [0, 0, 0, 1, 1, 1, 2]
    found = merged([[1, 1, 2, 1, 2, 1, 1]], {"p": person, "s": school})
    assert_array_equal(found.representative[1], [0, 0, 2])
    assert_array_equal(found.weight[1], [2, 0, 1])
    assert_array_equal(found.representative[0], [0, 0, 2, 0, 2, 0, 6])
    assert_array_equal(found.weight[0], [2, 0, 1, 0, 0, 0, 1])


@pytest.mark.parametrize("weights", [[1.0, 1, 1, 2], [2.0, 1, 1, 2]])
def test_weights_of_persons_are_part_of_a_school(weights):
    found = merged([[1, 2, 1, 2]], {"p": [0, 1, 2, 3], "s": [0, 0, 1, 1]},
                   unit_weight=[np.array(weights), None])
    assert found is None or len(set(found.representative[1])) == 2


def test_not_worth_while(rng):
    assert merged([rng.normal(size=40)], {"p": np.repeat(np.arange(20), 2)}) is None
