"""Nesting is found from the data."""
import numpy as np
from numpy.testing import assert_array_equal
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM
from statsmodels_gllamm.exceptions import CrossedGroupsError
from statsmodels_gllamm.latent.hierarchy import build_levels, parent_units
from tests.integration.frames import nested_frame, random_params


def codes(values):
    labels, code = np.unique(values, return_inverse=True)
    return code, len(labels)


CHILD = codes(np.array([3, 3, 1, 1, 2, 2, 0, 4]))
PARENT = codes(np.array([1, 1, 0, 0, 1, 1, 0, 2]))
TOP = codes(np.array([0, 0, 0, 0, 0, 0, 0, 1]))


@pytest.mark.parametrize("order", [("c", "p", "t"), ("t", "c", "p"), ("p", "t", "c")])
def test_levels_run_from_the_bottom(order):
    groups = {"c": CHILD, "p": PARENT, "t": TOP}
    levels = build_levels({name: groups[name] for name in order})
    assert [level.groups for level in levels] == [("c",), ("p",), ("t",)]
    assert [level.n_units for level in levels] == [5, 3, 2]
    assert_array_equal(levels[0].parent, [0, 0, 1, 1, 2])
    assert_array_equal(levels[1].parent, [0, 0, 1])
    assert levels[2].parent is None
    assert levels[0].name == "c"


def test_parents():
    assert_array_equal(parent_units(*CHILD, PARENT[0]), [0, 0, 1, 1, 2])
    assert parent_units(*PARENT, CHILD[0]) is None


def test_coinciding_groups_are_one_level():
    levels = build_levels({"c": CHILD, "same": ((CHILD[0] + 1) % 5, 5), "t": TOP})
    assert [level.groups for level in levels] == [("c", "same"), ("t",)]


def test_crossed_groups_are_named():
    crossed = codes(np.array([0, 1, 0, 1, 0, 1, 0, 1]))
    with pytest.raises(CrossedGroupsError, match="'c' and 'x' are crossed.*x/c"):
        build_levels({"c": CHILD, "x": crossed})


def test_crossed_in_the_third_place():
    one = codes(np.array([0, 0, 1, 1, 2, 2, 3, 3]))
    two = codes(np.array([0, 0, 0, 0, 1, 1, 1, 1]))
    three = codes(np.array([0, 0, 1, 1, 1, 1, 2, 2]))
    with pytest.raises(CrossedGroupsError, match="'three' and 'two'"):
        build_levels({"one": one, "two": two, "three": three})


def test_no_groups():
    assert build_levels({}) == ()


def test_order_of_bars_does_not_matter(rng):
    data = nested_frame(rng)
    family = sm.families.Poisson()
    one = GLLAMM.from_formula("count ~ x + (x | s) + (1 | g)", data, family=family)
    two = GLLAMM.from_formula("count ~ (1 | g) + x + (x | s)", data, family=family)
    assert [level.name for level in one.structure.levels] == ["g", "s"]
    params = random_params(one, rng)
    place = [one.param_names.index(name) for name in two.param_names]
    np.testing.assert_allclose(two.loglike(params[place]), one.loglike(params), rtol=1e-13)


def test_several_bars_on_coinciding_groups(rng):
    """Two names of one grouping make one level; their bars stay uncorrelated."""
    data = nested_frame(rng)
    data["same"] = data["s"] + "!"
    family = sm.families.Poisson()
    two = GLLAMM.from_formula("count ~ x + (1 | s) + (0 + x | same)", data, family=family)
    assert [level.groups for level in two.structure.levels] == [("s", "same")]
    one = GLLAMM.from_formula("count ~ x + (x || s)", data, family=family)
    params = random_params(one, rng)
    np.testing.assert_allclose(two.loglike(params), one.loglike(params), rtol=1e-13)


def test_crossed_error_from_a_model(rng):
    data = nested_frame(rng)
    with pytest.raises(NotImplementedError, match="'item' and 's' are crossed|'s' and 'item'"):
        GLLAMM.from_formula("number ~ x + (1 | s) + (1 | item)", data)
