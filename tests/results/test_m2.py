"""M2 and its kin against brute force over all answer patterns, and against other programs."""

from itertools import product
from types import SimpleNamespace

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy import integrate, linalg, stats
from scipy.special import expit
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor, datasets, families
from statsmodels_gllamm.exceptions import BoundaryWarning, DataError
from statsmodels_gllamm.results.item_table import item_table, probabilities, standard_nodes
from statsmodels_gllamm.results.m2 import m2, rmsea_interval

ABILITY = {"ability": Factor("item")}
LSAT7 = [12, 19, 1, 7, 3, 19, 3, 17, 10, 5, 3, 7, 7, 23, 8, 28,
         7, 39, 11, 34, 14, 51, 15, 90, 6, 25, 7, 35, 18, 136, 32, 308]


def lsat7(weights=True):
    """Section 7 of the Law School Admission Test (Bock and Lieberman, 1970), as patterns."""
    patterns = np.array(list(product([0, 1], repeat=5)))
    wide = pd.DataFrame(patterns, columns=[f"Item{k}" for k in range(1, 6)]).assign(n=LSAT7)
    return wide if weights else wide.iloc[np.repeat(np.arange(32), LSAT7)].reset_index(drop=True)


@pytest.fixture(scope="module")
def lsat():
    data = datasets.lsat.load_pandas().data
    return GLLAMM.from_formula("y ~ 0 + item + (0 + ability | id)", data,
                               family=sm.families.Binomial(), factors=ABILITY).fit()


@pytest.fixture(scope="module")
def seven():
    return GLLAMM.from_wide(lsat7(), [f"Item{k}" for k in range(1, 6)], std_lv=True,
                            family=sm.families.Binomial(), freq_weights="n").fit()


def stub(model, working):
    record = SimpleNamespace(working=np.asarray(working), boundary=(), constraints=None)
    return SimpleNamespace(model=model, record=record)


def pattern_probabilities(results, patterns, n_quad=41):
    """P of every answer pattern (R,), by Gauss-Hermite quadrature of the product."""
    table, design = item_table(results.model), results.model.design
    z, w = np.polynomial.hermite_e.hermegauss(n_quad)
    nodes = np.array(list(product(z, repeat=design.n_latent)))
    w = np.prod(list(product(w / w.sum(), repeat=design.n_latent)), axis=1)
    p = probabilities(table, design, results.record.working, nodes)
    return np.array([np.prod([q[k] for q, k in zip(p, row)], axis=0) @ w for row in patterns])


def brute_force(results, functions, step=1e-5):
    """The statistic with the exact multinomial covariance and the orthogonal complement of Delta.

    ``functions(patterns)`` (R, S): what the moments are means of.
    """
    table = item_table(results.model)
    patterns = list(product(*[range(item.n_categories) for item in table.items]))
    g = functions(np.array(patterns, dtype=float))
    place = {pattern: k for k, pattern in enumerate(patterns)}
    p = np.zeros(len(patterns))
    np.add.at(p, [place[tuple(row)] for row in table.codes], table.weights / table.n)
    working = results.record.working
    pi = pattern_probabilities(results, patterns)
    assert_allclose(pi.sum(), 1, rtol=1e-10)
    jacobian = np.column_stack([
        (pattern_probabilities(stub(results.model, working + h), patterns)
         - pattern_probabilities(stub(results.model, working - h), patterns)) / (2 * step)
        for h in step * np.eye(len(working))])
    xi = g.T @ (np.diag(pi) - np.outer(pi, pi)) @ g
    complement = linalg.null_space((g.T @ jacobian).T)
    e = complement.T @ g.T @ (p - pi)
    return table.n * e @ np.linalg.solve(complement.T @ xi @ complement, e), complement.shape[1]


def products(values):
    """Columns and products of columns of different items; ``values`` lists (R, A_i)."""
    pairs = [a[:, [j]] * b for i, a in enumerate(values) for b in values[i + 1:]
             for j in range(a.shape[1])]
    return np.hstack(pairs)


def indicators(patterns):
    return [(column[:, None] == np.arange(1, column.max() + 1)) * 1.0 for column in patterns.T]


def scores(patterns):
    return [column[:, None] for column in patterns.T]


FUNCTIONS = {
    "M2": lambda y: np.hstack([*indicators(y), products(indicators(y))]),
    "M2*": lambda y: np.hstack([*scores(y), products(scores(y))]),
    "C2": lambda y: np.hstack([*indicators(y), products(scores(y))])}


def test_all_patterns_of_lsat(lsat):
    found = lsat.m2()
    value, df = brute_force(lsat, FUNCTIONS["M2"])
    assert (found.kind, found.df, df, found.n) == ("M2", 5, 5, 1000)
    assert_allclose(found.statistic, value, rtol=1e-6)
    assert_allclose(found.pvalue, stats.chi2.sf(value, 5), rtol=1e-5)
    assert "M2 = 4.738, df = 5" in str(found)


def test_sections_6_and_7_against_mirt(lsat, seven):
    """mirt's own tests: section 6 with equal slopes 5.2916 and free ones 4.7371; section 7 11.938."""
    data = datasets.lsat.load_pandas().data
    rasch = GLLAMM.from_formula("y ~ 0 + item + (1 | id)", data, family=sm.families.Binomial()).fit()
    found = m2(rasch, items="item")
    assert found.df == 9
    assert_allclose(found.statistic, 5.2916, atol=1e-3)
    assert_allclose(m2(lsat).statistic, 4.7371, atol=2e-3)
    found = m2(seven)
    assert found.df == 5 and found.n == 1000
    assert_allclose(found.statistic, 11.9384, atol=2e-3)


def test_patterns_with_weights_are_persons(seven):
    single = GLLAMM.from_wide(lsat7(False), [f"Item{k}" for k in range(1, 6)], std_lv=True,
                              family=sm.families.Binomial())
    found = m2(stub(single, seven.record.working))
    assert_allclose(found.statistic, seven.m2().statistic, rtol=1e-10)
    assert_allclose(found.residuals, seven.m2().residuals, atol=1e-12)


@pytest.fixture(scope="module")
def ordinal():
    """Two factors, items with 3, 2, 3, 3, 3, 2 categories, at parameters that are no maximum."""
    rng = np.random.default_rng(4)
    eta = rng.multivariate_normal([0, 0], [[1, 0.4], [0.4, 1]], 400)
    cuts = [[-1, 0.5], [0.2], [-1.2, 1], [-0.5, 0.8], [0, 1], [-0.3]]
    wide = pd.DataFrame({f"x{i}": ((eta[:, i // 3] + rng.logistic(size=400))[:, None] > c).sum(1)
                         for i, c in enumerate(cuts)})
    model = GLLAMM.from_wide(wide, "a =~ x0 + x1 + x2; b =~ x3 + x4 + x5",
                             family=families.Ordinal())
    start = model.design.to_working(model.start_params)
    return stub(model, start + 0.2 * rng.random(len(start)))


@pytest.mark.parametrize("kind, df", [("M2", 10 + 41 - 17), ("M2*", 21 - 17),
                                      ("C2", 10 + 15 - 17)])
def test_all_patterns_of_ordinal_items(ordinal, kind, df):
    value, free = brute_force(ordinal, FUNCTIONS[kind])
    found = m2(ordinal, kind)
    assert found.df == df == free
    assert_allclose(found.statistic, value, rtol=1e-5)


def test_kind_by_degrees_of_freedom(ordinal, monkeypatch):
    assert m2(ordinal).kind == "M2*"
    data = datasets.neuroticism.load_pandas().data
    model = GLLAMM.from_formula("y ~ 0 + (0 + ability | id)", data, family=families.Ordinal(),
                                thresholds="0 + item", factors=ABILITY)
    res = stub(model, model.design.to_working(model.start_params))
    with pytest.raises(DataError, match="106 of 2800 lack some; m2\\(missing='drop'\\) uses the 2694"):
        m2(res)
    found = m2(res, missing="drop")
    assert (found.kind, found.df, found.n, found.n_moments) == ("C2", 5, 2694, 35)
    with pytest.raises(ValueError, match="M2\\* has no degrees of freedom: 15 moments"):
        m2(res, "M2*", missing="drop")


def test_rule_of_steep_curves():
    """Logistic curves of slope 8 against adaptive integration; moments of the normal."""
    nodes, w = standard_nodes(1)
    exact = integrate.quad(lambda u: expit(8 * u - 4)**2 * stats.norm.pdf(u), -9, 9, points=[0.5])
    assert_allclose(w @ expit(8 * nodes[:, 0] - 4)**2, exact[0], rtol=1e-9)
    for d in (1, 2, 3, 4, 5):
        nodes, w = standard_nodes(d)
        assert_allclose(nodes.T @ (w[:, None] * nodes), np.eye(d), atol=5e-5)
        assert_allclose(w @ nodes[:, 0]**4, 3, rtol=1e-3)
    with pytest.raises(ValueError, match="6 latent variables, too many"):
        standard_nodes(6)
    with pytest.raises(ValueError, match="200001 nodes; at most 200000"):
        standard_nodes(1, 200_001)


def test_correlations(lsat):
    """Those of the sample are pandas', those of the model Monte Carlo's."""
    table = item_table(lsat.model)
    sample = pd.DataFrame(table.codes).corr().to_numpy()
    simulated = lsat.simulate(400, rng=1).to_numpy().reshape(1000, 5, 400)
    implied = np.corrcoef(np.moveaxis(simulated, 1, 0).reshape(5, -1))
    found = lsat.m2()
    assert_allclose(found.residuals, sample - implied, atol=0.006)
    below = found.residuals.to_numpy()[np.tril_indices(5, -1)]
    assert_allclose(found.srmsr, np.sqrt(np.mean(below**2)))


def test_rmsea_interval():
    estimate, low, high = rmsea_interval(60.0, 20, 500)
    assert_allclose(estimate, np.sqrt(40 / 10000))
    assert_allclose(stats.ncx2.cdf(60, 20, low**2 * 10000), 0.95)
    assert_allclose(stats.ncx2.cdf(60, 20, high**2 * 10000), 0.05)
    assert rmsea_interval(15.0, 20, 500)[:2] == (0.0, 0.0) and rmsea_interval(2.0, 20, 500)[2] == 0


def test_mixed_items_and_guessing():
    """A binary item beside ordinal ones; and three-parameter items, by brute force."""
    wide = datasets.neuroticism.load_pandas().data.pivot(index="id", columns="item", values="y")
    wide = (wide.dropna().iloc[:600] - 1) // 2  # three categories
    wide["N5"] = (wide["N5"] > 0) * 1.0
    family = {item: families.Ordinal() for item in ("N1", "N2", "N3", "N4")}
    model = GLLAMM.from_wide(wide, list(wide), family={**family, "N5": sm.families.Binomial()})
    res = stub(model, model.design.to_working(model.start_params))
    assert_allclose(m2(res, "M2").statistic, brute_force(res, FUNCTIONS["M2"])[0], rtol=1e-5)
    data = datasets.lsat.load_pandas().data
    model = GLLAMM.from_formula("y ~ 0 + item + (0 + ability | id)", data, factors=ABILITY,
                                family=families.IRT3PL())
    res = stub(model, model.design.to_working(model.start_params))
    assert_allclose(m2(res).statistic, brute_force(res, FUNCTIONS["M2"])[0], rtol=1e-5)
    assert m2(res).df == 4


def test_variance_of_zero(lsat):
    working = lsat.record.working.copy()
    working[-1] = 0.0
    res = stub(lsat.model, working)
    res.record.boundary = ("var[ability[id]]",)
    with pytest.warns(BoundaryWarning, match=r"var\[ability\[id\]\] at a boundary"):
        found = m2(res)
    assert found.df == 10  # the intercepts alone


def test_refused(lsat):
    data = datasets.irtsim.load_pandas().data
    binomial = {"family": sm.families.Binomial()}
    nested = GLLAMM.from_formula("y ~ item + (1 | school / sid)", data, **binomial)
    with pytest.raises(ValueError, match="one level of groups; the model has groups at several"):
        m2(stub(nested, []), items="item")
    rows = datasets.lsat.load_pandas().data
    plain = GLLAMM.from_formula("y ~ item + (1 | id)", rows, **binomial)
    with pytest.raises(ValueError, match="the column of items is not known"):
        m2(stub(plain, []))
    with pytest.raises(ValueError, match="items='question' is not a column"):
        m2(stub(plain, []), items="question")
    rows["old"] = (rows.id % 3 == 0) * 1.0
    covariate = GLLAMM.from_formula("y ~ item + old + (0 + ability | id)", rows, factors=ABILITY,
                                    **binomial)
    with pytest.raises(DataError, match="the item 'Q1' differ between persons in the column 'old'"):
        m2(stub(covariate, []))
    twice = GLLAMM.from_formula("y ~ item + (0 + ability | old)", rows, factors=ABILITY, **binomial)
    with pytest.raises(DataError, match="has several rows of the item 'Q1'"):
        m2(stub(twice, []))
    gaussian = GLLAMM.from_formula("y ~ item + (0 + ability | id)", rows, factors=ABILITY)
    with pytest.raises(ValueError, match="for binary and ordinal items; the item 'Q1' is Gaussian"):
        m2(stub(gaussian, []))
    for wrong, match in (({"kind": "M3"}, "kind must be one of"), ({"n_quad": 1}, "2 or more"),
                         ({"missing": "ignore"}, "missing must be")):
        with pytest.raises(ValueError, match=match):
            lsat.m2(**wrong)
