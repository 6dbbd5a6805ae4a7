r"""Item fit by sum scores: S-X2 of Orlando and Thissen, generalised to ordinal items.

Among the N_s persons with the sum score s, item i has the category k with probability

.. math:: E_{isk} = \frac{\int P_{ik}(u)\, S^{*i}_{s-k}(u)\, \phi(u)\, du}{\int S_s(u)\, \phi(u)\, du},
          \qquad S\text{-}X^2_i = \sum_s N_s \sum_k \frac{(O_{isk} - E_{isk})^2}{E_{isk}}

with S_s the probability of the sum score s given u and S*i that without item i, both by the
recursion of Lord and Wingersky (1984),

.. math:: S_s^{(i)}(u) = \sum_k P_{ik}(u)\, S_{s-k}^{(i-1)}(u) .

References
----------
Orlando, M. and Thissen, D. (2000). Applied Psychological Measurement 24, 50-64.
Kang, T. and Chen, T. T. (2008). Journal of Educational Measurement 45, 391-406.
"""
from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from statsmodels_gllamm.results.item_table import (
    free_directions,
    item_table,
    jacobians,
    probabilities,
    standard_nodes,
)

RANK_TOL = 1e-7


def score_distribution(p) -> np.ndarray:
    """Probabilities of the sum scores (1 + sum (K_i - 1), Q), from those of categories (K_i, Q)."""
    out = np.ones((1, p[0].shape[1]))
    for own in p:
        longer = np.zeros((len(out) + len(own) - 1, out.shape[1]))
        for k, q in enumerate(own):
            longer[k:k + len(out)] += q * out
        out = longer
    return out


def expected_shares(p, i: int, weights) -> np.ndarray:
    """E (scores, K_i): probabilities of the item's categories given the sum score."""
    rest = score_distribution([q for j, q in enumerate(p) if j != i]) if len(p) > 1 else (
        np.ones((1, len(weights))))
    joint = np.zeros((len(rest) + len(p[i]) - 1, len(p[i])))
    for k, q in enumerate(p[i]):
        joint[k:k + len(rest), k] = (rest * q) @ weights
    return joint / joint.sum(axis=1, keepdims=True)


def score_tables(table, p, weights) -> list[tuple[np.ndarray, np.ndarray]]:
    """Observed and expected counts (scores, K_i) of every item; scores from 0 to the highest."""
    score = table.codes.sum(axis=1)
    top = sum(len(q) for q in p) - len(p)
    counts = np.bincount(score, table.weights, minlength=top + 1)
    found = []
    for i, q in enumerate(p):
        observed = np.zeros((top + 1, len(q)))
        np.add.at(observed, (score, table.codes[:, i]), table.weights)
        found.append((observed, counts[:, None] * expected_shares(p, i, weights)))
    return found


def merged_scores(observed, expected, least: float):
    """Neighbouring scores put together, from both ends inwards, until all counts expected of a
    binary item are at least ``least``: lists of counts (K,)."""
    cells = [(o, e) for o, e in zip(observed, expected)]
    for inwards in (1, -1):
        cells = cells[::inwards]
        while len(cells) > 1 and cells[0][1].min() < least:
            cells[:2] = [tuple(a + b for a, b in zip(*cells[:2]))]
        cells = cells[::inwards]
    k = 0
    while k < len(cells):  # what is left in between
        if len(cells) > 1 and cells[k][1].min() < least:
            j = k - 1 if k else k
            cells[j:j + 2] = [tuple(a + b for a, b in zip(*cells[j:j + 2]))]
            k = j
        else:
            k += 1
    return cells


def merged_categories(observed, expected, least: float):
    """Neighbouring categories of each score put together until all expected counts are at least
    ``least``, after putting scores with too few persons for two such cells to their neighbours."""
    rows = [(o, e) for o, e in zip(observed, expected)]
    k = 0
    while k < len(rows):
        if len(rows) > 1 and rows[k][1].sum() < 2 * least:
            j = k if k + 1 < len(rows) else k - 1
            rows[j:j + 2] = [tuple(a + b for a, b in zip(*rows[j:j + 2]))]
            k = j
        else:
            k += 1
    return [_merge_cells(o, e, least) for o, e in rows]


def _merge_cells(o, e, least):
    """One score's categories; the cell with the smallest count goes to its smaller neighbour."""
    o, e = list(o), list(e)
    while len(e) > 1 and min(e) < least:
        k = int(np.argmin(e))
        j = 1 if k == 0 else k - 1 if k == len(e) - 1 or e[k - 1] <= e[k + 1] else k + 1
        o[j], e[j] = o[j] + o[k], e[j] + e[k]
        del o[k], e[k]
    return np.array(o), np.array(e)


def own_parameters(found, free: np.ndarray) -> list[int]:
    """How many parameters only one item tells of, for every item: the rank of the derivatives of
    all probabilities less that without the item's.

    ``found`` are the items' (parameters, dP (k, K, Q)), ``free`` (k, f) the directions in which
    parameters may go.  A count that does not depend on how the
    scale of the latent variables is fixed.
    """
    blocks = []
    for active, dp in found:
        block = dp.reshape(len(dp), -1).T @ free[active] if len(dp) else np.zeros((0, free.shape[1]))
        blocks.append(np.linalg.qr(block, mode="r") if len(block) else block)

    def rank(chosen):
        matrix = np.concatenate(chosen)
        size = np.sqrt((matrix**2).sum(axis=0))
        matrix = matrix[:, size > 0] / size[size > 0]
        return int(np.linalg.matrix_rank(matrix, tol=RANK_TOL)) if matrix.size else 0

    every = rank(blocks)
    return [every - rank(blocks[:i] + blocks[i + 1:]) for i in range(len(blocks))]


def _statistic(observed, expected, least):
    """S-X2 and its number of free cells."""
    inner = expected.sum(axis=1) > 0
    inner[[0, -1]] = False  # the answers of the lowest and the highest score are known
    if expected.shape[1] == 2:
        cells = merged_scores(observed[inner], expected[inner], least)
    else:
        cells = merged_categories(observed[inner], expected[inner], least)
    value = sum((((o - e)**2)[e > 0] / e[e > 0]).sum() for o, e in cells)
    return float(value), sum(max(len(e) - 1, 0) for _, e in cells)


def item_fit(results, *, items=None, missing="raise", min_expected=1.0, n_quad=None) -> pd.DataFrame:
    r"""S-X2: fit of every item, by the answers of persons with the same sum score.

    Parameters
    ----------
    results : GLLAMMResults
    items : str, optional
        Column of the items; by default that of the factors' loadings.
    missing : {"raise", "drop"}
        What to do with persons who lack answers.
    min_expected : float
        Cells are put together until all expected counts are at least this: neighbouring scores
        of a binary item, neighbouring categories of an ordinal one.
    n_quad : int, optional
        Quadrature points per latent variable.

    Returns
    -------
    DataFrame
        One row per item: "statistic", "df", "pvalue", and "rmsea", sqrt(max(statistic - df, 0) /
        (N df)). NaN where no degrees of freedom are left.

    Raises
    ------
    ValueError
        Several levels of groups; responses without categories.
    DataError
        Missing answers; covariates of persons.

    Notes
    -----
    .. math:: S\text{-}X^2_i = \sum_s N_s \sum_k \frac{(O_{isk} - E_{isk})^2}{E_{isk}}

    over sum scores s and categories k, with shares O of the data and E of the model. Degrees of
    freedom are the free cells less the parameters of the item: those that the other items tell
    nothing of. The distribution is chi-squared by approximation.

    Examples
    --------
    >>> import statsmodels.api as sm
    >>> from statsmodels_gllamm import GLLAMM, Factor, datasets
    >>> data = datasets.lsat.load_pandas().data
    >>> res = GLLAMM.from_formula("y ~ 0 + item + (0 + ability | id)", data,
    ...                           family=sm.families.Binomial(),
    ...                           factors={"ability": Factor("item")}).fit()
    >>> res.item_fit().round(3).loc["Q1"].tolist()
    [0.45, 2.0, 0.798, 0.0]
    """
    if not min_expected > 0:
        raise ValueError(f"min_expected must be positive, not {min_expected!r}")
    model, working = results.model, results.record.working
    table = item_table(model, items, "item_fit").complete(missing, "item_fit")
    if len(table.items) < 3:
        raise ValueError(f"item_fit needs three items or more, not {len(table.items)}")
    nodes, weights = standard_nodes(model.design.n_latent, n_quad)
    p = probabilities(table, model.design, working, nodes)
    few = nodes[(np.abs(nodes) < 4).all(axis=1)]
    if len(few) > 200:
        few = few[np.linspace(0, len(few) - 1, 200).astype(int)]
    own = own_parameters(jacobians(table, model.design, working, few), free_directions(results))
    rows = []
    for (observed, expected), k in zip(score_tables(table, p, weights), own):
        value, cells = _statistic(observed, expected, min_expected)
        df = cells - k
        rows.append((value, df, stats.chi2.sf(value, df), np.sqrt(max(value - df, 0) / table.n / df))
                    if df > 0 else (value, df, np.nan, np.nan))
    return pd.DataFrame(rows, columns=["statistic", "df", "pvalue", "rmsea"],
                        index=pd.Index([one.label for one in table.items], name=table.column))
