"""S-X2: the recursion against enumeration, tables that add up, numbers of other programs."""

from itertools import product
from types import SimpleNamespace

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor, datasets, families
from statsmodels_gllamm.results.item_fit import (
    expected_shares,
    item_fit,
    merged_categories,
    merged_scores,
    own_parameters,
    score_distribution,
    score_tables,
)
from statsmodels_gllamm.results.item_table import (
    item_table,
    jacobians,
    probabilities,
    standard_nodes,
)

LSAT7 = [12, 19, 1, 7, 3, 19, 3, 17, 10, 5, 3, 7, 7, 23, 8, 28,
         7, 39, 11, 34, 14, 51, 15, 90, 6, 25, 7, 35, 18, 136, 32, 308]


def stub(model, working=None):
    working = model.design.to_working(model.start_params) if working is None else working
    record = SimpleNamespace(working=working, boundary=(), constraints=None)
    return SimpleNamespace(model=model, record=record)


@pytest.fixture(scope="module")
def neuroticism():
    data = datasets.neuroticism.load_pandas().data
    model = GLLAMM.from_formula("y ~ 0 + (0 + neuro | id)", data, family=families.Ordinal(),
                                thresholds="0 + item", factors={"neuro": Factor("item")})
    return stub(model)


def items(rng, sizes, nodes=3):
    p = [rng.random((k, nodes)) for k in sizes]
    return [q / q.sum(axis=0) for q in p]


def test_recursion_against_enumeration(rng):
    p = items(rng, (2, 3, 4, 2))
    expected, shares = np.zeros((8, 3)), np.zeros((8, 3))
    weights = np.array([0.2, 0.5, 0.3])
    for answers in product(*(range(len(q)) for q in p)):
        chance = np.prod([q[k] for q, k in zip(p, answers)], axis=0)
        expected[sum(answers)] += chance
        shares[sum(answers), answers[1]] += chance @ weights
    assert_allclose(score_distribution(p), expected, rtol=1e-13)
    shares /= shares.sum(axis=1, keepdims=True)
    assert_allclose(expected_shares(p, 1, weights), shares, rtol=1e-13)


def test_tables_add_up(neuroticism):
    table = item_table(neuroticism.model).complete("drop", "item_fit")
    nodes, weights = standard_nodes(1)
    p = probabilities(table, neuroticism.model.design, neuroticism.record.working, nodes)
    score = pd.Series(table.codes.sum(axis=1)).value_counts().reindex(range(26), fill_value=0)
    for i, (observed, expected) in enumerate(score_tables(table, p, weights)):
        for counts in (observed, expected):
            assert_allclose(counts.sum(axis=1), score, atol=1e-9)
        assert_allclose(observed.sum(axis=0), np.bincount(table.codes[:, i]))


def test_merging_keeps_counts_and_reaches_the_least(rng):
    expected = np.array([[0.3, 4.0], [0.9, 5.0], [3.0, 3.0], [6.0, 0.4], [2.0, 0.8]])
    observed = np.array([[1.0, 3.0], [1.0, 5.0], [2.0, 4.0], [5.0, 1.0], [2.0, 1.0]])
    cells = merged_scores(observed, expected, 1.0)
    assert [e.round(9).tolist() for _, e in cells] == [[1.2, 9.0], [3.0, 3.0], [8.0, 1.2]]
    assert [o.tolist() for o, _ in cells] == [[2.0, 8.0], [2.0, 4.0], [7.0, 2.0]]
    expected = 4 * rng.random((30, 5)) ** 3
    observed = np.rint(expected)
    for merge in (merged_scores, merged_categories):
        cells = merge(observed, expected, 1.0)
        assert min(e.min() for _, e in cells) >= 1
        assert_allclose(sum(e.sum() for _, e in cells), expected.sum())
        assert_allclose(sum(o.sum() for o, _ in cells), observed.sum())


def test_sections_6_and_7_against_mirt():
    """mirt's own tests, of fits that stop early: 0.01."""
    patterns = pd.DataFrame(list(product([0, 1], repeat=5)), columns=list("abcde")).assign(n=LSAT7)
    seven = GLLAMM.from_wide(patterns, list("abcde"), family=sm.families.Binomial(),
                             freq_weights="n").fit()
    found = seven.item_fit()
    assert_allclose(found.statistic, [4.749440, 14.451071, 1.270381, 5.237400, 0.941125], atol=0.01)
    assert found.df.tolist() == [2] * 5 and found.index.name == "item"
    data = datasets.lsat.load_pandas().data
    six = GLLAMM.from_formula("y ~ 0 + item + (0 + ability | id)", data,
                              family=sm.families.Binomial(), factors={"ability": Factor("item")})
    assert_allclose(six.fit().item_fit().pvalue["Q1"], 0.7984, atol=2e-3)


def test_own_parameters_whatever_the_scale():
    data = datasets.lsat.load_pandas().data
    formula, binomial = "y ~ 0 + item + (0 + ability | id)", {"family": sm.families.Binomial()}
    counts = {"first": Factor("item"), "unit": Factor("item", standardized=True)}
    models = {name: GLLAMM.from_formula(formula, data, factors={"ability": factor}, **binomial)
              for name, factor in counts.items()}
    models["equal"] = GLLAMM.from_formula("y ~ item + (1 | id)", data, **binomial)
    models["guessing"] = GLLAMM.from_formula(formula, data, family=families.IRT3PL("item"),
                                             factors={"ability": Factor("item")})
    for name, expected in {"first": 2, "unit": 2, "equal": 1, "guessing": 3}.items():
        model = models[name]
        working = stub(model).record.working + 0.1
        nodes = standard_nodes(1, 15)[0]
        found = jacobians(item_table(model, "item"), model.design, working, nodes)
        assert own_parameters(found, np.eye(len(working))) == [expected] * 5, name


@pytest.mark.parametrize("standardized", [True, False])
def test_equal_loadings_by_constraints(standardized):
    """The Rasch model in three ways."""
    data = datasets.lsat.load_pandas().data
    binomial = {"family": sm.families.Binomial()}
    rasch = GLLAMM.from_formula("y ~ 0 + item + (1 | id)", data, **binomial).fit()
    same = GLLAMM.from_formula(
        "y ~ 0 + item + (0 + ability | id)", data, constraints=[
            f"lambda[ability,Q{k}] = {'lambda[ability,Q1]' if standardized else 1}"
            for k in range(2, 6)],
        factors={"ability": Factor("item", standardized=standardized)}, **binomial).fit()
    assert_allclose(same.item_fit(), rasch.item_fit(items="item"), atol=1e-3)
    found = same.m2()
    assert found.df == 9
    assert_allclose(found.statistic, rasch.m2(items="item").statistic, atol=1e-3)


def test_ordinal_items(neuroticism):
    found = item_fit(neuroticism, missing="drop")
    assert list(found.index) == ["N1", "N2", "N3", "N4", "N5"]
    assert (found.df > 30).all() and found.pvalue.between(0, 1).all()
    fewer = item_fit(neuroticism, missing="drop", min_expected=10)
    assert (fewer.df < found.df).all()
    with pytest.raises(ValueError, match="item_fit.missing='drop'"):
        item_fit(neuroticism)
    with pytest.raises(ValueError, match="min_expected must be positive"):
        item_fit(neuroticism, min_expected=0)
