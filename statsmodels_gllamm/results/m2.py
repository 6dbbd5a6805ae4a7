r"""Limited-information fit of categorical measurement models: M2, M2* and C2.

With p the sample's and pi the model's first and second moments of functions of the answers, Xi the
covariance matrix of those functions under the model, Delta = d pi / d theta, and N persons,

.. math:: M = N\, e' \Big( \Xi^{-1} - \Xi^{-1} \Delta (\Delta' \Xi^{-1} \Delta)^{-1} \Delta' \Xi^{-1}
          \Big) e, \qquad e = p - \pi(\hat\theta)

is chi-squared with len(pi) - rank(Delta) degrees of freedom (Maydeu-Olivares and Joe, 2005, 2006).
The functions are

    M2    indicators of categories but the first, and their products over pairs of items
    M2*   scores 0, 1, ..., and their products (Cai and Hansen, 2013)
    C2    indicators, and products of scores (Cai and Monroe, 2014)

Moments are sums over the nodes u of the latent variables, where items are independent.
"""
from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
import warnings

import numpy as np
import pandas as pd
from scipy import linalg, optimize, stats

from statsmodels_gllamm.exceptions import BoundaryWarning
from statsmodels_gllamm.results.item_table import (
    item_table,
    jacobians,
    probabilities,
    standard_nodes,
)

KINDS = ("M2", "M2*", "C2")
CHUNK = 2_000_000  # moments x nodes at a time
MAX_MOMENTS = 6000
RANK_TOL = 1e-9


@dataclass(frozen=True)
class M2Result:
    r"""Limited-information test of fit.

    Attributes
    ----------
    kind : str
        "M2", "M2*" or "C2": which moments are compared.
    statistic, df, pvalue : float, int, float
    rmsea, rmsea_low, rmsea_high : float
        RMSEA2, sqrt(max(statistic - df, 0) / (N df)), with an interval of 90%.
    srmsr : float
        Root mean square of the residual correlations of all pairs of items.
    n : float
        Persons, with their weights.
    n_moments : int
    residuals : DataFrame (I, I)
        Correlations of the items' scores less those of the model.
    """

    kind: str
    statistic: float
    df: int
    pvalue: float
    rmsea: float
    rmsea_low: float
    rmsea_high: float
    srmsr: float
    n: float
    n_moments: int
    residuals: pd.DataFrame = field(repr=False)

    def __str__(self) -> str:
        return (f"{self.kind} = {self.statistic:.3f}, df = {self.df}, p = {self.pvalue:.4f}\n"
                f"RMSEA2 = {self.rmsea:.4f} (90% interval {self.rmsea_low:.4f} to "
                f"{self.rmsea_high:.4f})\n"
                f"SRMSR = {self.srmsr:.4f}\n"
                f"{self.n:g} persons, {len(self.residuals)} items, {self.n_moments} moments")


@dataclass(frozen=True, slots=True)
class Margins:
    """Which functions of the answers the moments are means of.

    Attributes
    ----------
    functions : list of ndarray (K_i, A_i)
        Values of the functions of each item, by category.
    item, function : ndarray (S, 2)
        The two items of each moment and their functions; -1 for none.
    """

    functions: list[np.ndarray]
    item: np.ndarray
    function: np.ndarray

    def __len__(self) -> int:
        return len(self.item)


def margins(n_categories, kind: str) -> Margins:
    """Functions and moments of M2, M2* or C2, for items with these numbers of categories."""
    indicators = [np.eye(k)[:, 1:] for k in n_categories]
    scores = [np.arange(float(k))[:, None] for k in n_categories]
    if kind == "M2":
        functions, single = indicators, [range(k - 1) for k in n_categories]
        double = single
    elif kind == "M2*":
        functions, single = scores, [range(1)] * len(n_categories)
        double = single
    else:
        functions = [np.hstack(pair) for pair in zip(indicators, scores)]
        single = [range(k - 1) for k in n_categories]
        double = [range(k - 1, k) for k in n_categories]
    rows = [(i, -1, a, -1) for i, own in enumerate(single) for a in own]
    rows += [(i, j, a, b) for i, j in combinations(range(len(n_categories)), 2)
             for a in double[i] for b in double[j]]
    table = np.array(rows)
    return Margins(functions, table[:, :2], table[:, 2:])


def choose_kind(n_categories, k: int) -> str:
    """M2 of binary items; else the first of M2*, C2 and M2 that has degrees of freedom."""
    if max(n_categories) == 2:
        return "M2"
    for kind in ("M2*", "C2"):
        if len(margins(n_categories, kind)) > k:
            return kind
    return "M2"


def sample_moments(table, of: Margins) -> np.ndarray:
    """p (S,): means of the functions and of their products over persons."""
    values = [f[table.codes[:, i]] for i, f in enumerate(of.functions)]
    weight = table.weights / table.n
    out = np.empty(len(of))
    for s, ((i, j), (a, b)) in enumerate(zip(of.item, of.function)):
        value = values[i][:, a]
        out[s] = weight @ (value if j < 0 else value * values[j][:, b])
    return out


def model_moments(table, of: Margins, design, working, rule):
    """pi (S,), Delta (S, k) and Xi (S, S) by quadrature.

    Parameters
    ----------
    table : ItemTable
    of : Margins
    design : LatentDesign
    working : ndarray (k,)
    rule : (ndarray (Q, D), ndarray (Q,))
        Nodes and weights.
    """
    s, k = len(of), len(working)
    pi, delta, second = np.zeros(s), np.zeros((s, k)), np.zeros((s, s))
    places = _Places(of)
    size = max(CHUNK // s, 1)
    for first in range(0, len(rule[1]), size):
        nodes, w = rule[0][first:first + size], rule[1][first:first + size]
        p = probabilities(table, design, working, nodes)
        mean = [f.T @ q for f, q in zip(of.functions, p)]
        other = places.others(mean)
        value = mean_products(of, mean)
        pi += value @ w
        second += _second(of, places, p, value, other, w)
        for i, (active, dp) in enumerate(jacobians(table, design, working, nodes)):
            for a in range(of.functions[i].shape[1]):
                rows = places.rows[i][a]
                moved = np.einsum("c,kcq->kq", of.functions[i][:, a], dp)
                delta[np.ix_(rows, active)] += (other[i][a] * w) @ moved.T
    return pi, delta, second - np.outer(pi, pi)


def mean_products(of: Margins, mean) -> np.ndarray:
    """Conditional means (S, Q) of the functions' products at the nodes."""
    first = np.stack([mean[i][a] for i, a in zip(of.item[:, 0], of.function[:, 0])])
    pairs = np.flatnonzero(of.item[:, 1] >= 0)
    if len(pairs):
        first[pairs] *= np.stack([mean[i][a] for i, a in zip(of.item[pairs, 1],
                                                             of.function[pairs, 1])])
    return first


class _Places:
    """Where each function of each item stands among the moments, and what it is multiplied by."""

    def __init__(self, of: Margins) -> None:
        self.rows, self.partners = [], []
        for i, f in enumerate(of.functions):
            rows, partners = [], []
            for a in range(f.shape[1]):
                one = [np.flatnonzero((of.item[:, side] == i) & (of.function[:, side] == a))
                       for side in (0, 1)]
                rows.append(np.concatenate(one))
                partners.append([(of.item[s, 1 - side], of.function[s, 1 - side])
                                 for side in (0, 1) for s in one[side]])
            self.rows.append(rows)
            self.partners.append(partners)

    def others(self, mean):
        """Conditional means (S_ia, Q) of the other factor of the moments with function a of i."""
        ones = np.ones(mean[0].shape[1])
        return [[np.stack([ones if j < 0 else mean[j][b] for j, b in partners]) if partners else
                 np.zeros((0, len(ones))) for partners in own] for own in self.partners]


def _second(of: Margins, places: _Places, p, value, other, w) -> np.ndarray:
    """E(g g') (S, S) over these nodes: products where items differ, else joint moments."""
    out = (value * w) @ value.T
    joint = [np.einsum("ca,cb,cq->abq", f, f, q) for f, q in zip(of.functions, p)]
    for i, rows in enumerate(places.rows):
        for a, mine in enumerate(rows):
            for b in range(a, len(rows)):
                block = (other[i][a] * (w * joint[i][a, b])) @ other[i][b].T
                out[np.ix_(mine, rows[b])] = block
                out[np.ix_(rows[b], mine)] = block.T
    pairs, inverse = np.unique(of.item, axis=0, return_inverse=True)
    order = np.argsort(inverse.ravel(), kind="stable")
    ends = np.cumsum(np.bincount(inverse.ravel()))
    for (i, j), start, end in zip(pairs, np.r_[0, ends[:-1]], ends):
        if j < 0:
            continue
        mine = order[start:end]
        a, b = of.function[mine].T
        both = joint[i][np.ix_(a, a)] * joint[j][np.ix_(b, b)]
        out[np.ix_(mine, mine)] = both @ w
    return out


def quadratic_form(e, delta, xi) -> tuple[float, int]:
    """e'(Xi^-1 - Xi^-1 Delta (Delta' Xi^-1 Delta)^-1 Delta' Xi^-1) e, and the rank of Delta."""
    try:
        root = linalg.cholesky(xi, lower=True)
    except linalg.LinAlgError as error:
        raise ValueError("the covariance matrix of the moments is singular: some categories have "
                         "next to no probability; put them together with others") from error
    z = linalg.solve_triangular(root, e, lower=True)
    d = linalg.solve_triangular(root, delta, lower=True)
    norms = np.sqrt((d**2).sum(axis=0))
    some = norms > RANK_TOL * norms.max(initial=0.0)  # that of a vanished variance is rounding
    d = d[:, some] / norms[some]
    vectors, sizes, _ = linalg.svd(d, full_matrices=False)
    vectors = vectors[:, sizes > RANK_TOL * sizes.max(initial=0.0)]
    rest = z - vectors @ (vectors.T @ z)
    return float(rest @ rest), vectors.shape[1]


def rmsea_interval(statistic: float, df: int, n: float, level: float = 0.90):
    """RMSEA2 and its interval from the noncentral chi-squared distribution."""
    def bound(p):
        if stats.chi2.cdf(statistic, df) <= p:
            return 0.0
        high = max(statistic, 1.0)
        while stats.ncx2.cdf(statistic, df, high) > p:
            high *= 2
        found = optimize.brentq(lambda nc: stats.ncx2.cdf(statistic, df, nc) - p, 1e-12, high)
        return float(np.sqrt(found / (n * df)))

    tail = (1 - level) / 2
    return float(np.sqrt(max(statistic - df, 0.0) / (n * df))), bound(1 - tail), bound(tail)


def residual_correlations(table, design, working, rule) -> np.ndarray:
    """Correlations of the scores 0, 1, ... less those of the model (I, I)."""
    scores = [np.arange(float(item.n_categories)) for item in table.items]
    p, w = probabilities(table, design, working, rule[0]), rule[1]
    mean = np.stack([s @ q for s, q in zip(scores, p)])
    product = (mean * w) @ mean.T
    product[np.diag_indices(len(scores))] = [s**2 @ q @ w for s, q in zip(scores, p)]
    mean = mean @ w
    implied = product - np.outer(mean, mean)
    observed = np.cov(table.codes.T.astype(float), aweights=table.weights, ddof=0)
    return _correlation(observed) - _correlation(implied)


def _correlation(cov):
    sd = np.sqrt(np.diag(cov))
    return cov / np.outer(sd, sd)


def m2(results, kind=None, *, item=None, missing="raise", n_quad=None) -> M2Result:
    r"""Limited-information test of fit of a model for binary and ordinal items.

    Parameters
    ----------
    results : GLLAMMResults
    kind : {"M2", "M2*", "C2"}, optional
        Which moments are compared: those of all categories, those of scores 0, 1, ..., or those of
        single categories and products of scores. By default M2 of binary items, and else the first
        of M2*, C2 and M2 that has degrees of freedom.
    item : str, optional
        Column of the items; by default that of the factors' loadings.
    missing : {"raise", "drop"}
        What to do with persons who lack answers.
    n_quad : int, optional
        Quadrature points per latent variable.

    Returns
    -------
    M2Result

    Raises
    ------
    ValueError
        No degrees of freedom; several levels of groups; responses without categories.
    DataError
        Missing answers; covariates of persons.

    Notes
    -----
    .. math:: M = N\, e' C e, \quad C = \Xi^{-1} - \Xi^{-1} \Delta (\Delta' \Xi^{-1}
              \Delta)^{-1} \Delta' \Xi^{-1}, \quad e = p - \pi(\hat\theta)

    with the moments p and pi of the sample and of the model, their derivatives Delta and N times
    their covariance matrix Xi. C projects out what the estimation of parameters changes, whatever
    the consistent estimator.

    References
    ----------
    Maydeu-Olivares, A. and Joe, H. (2006). Limited information goodness-of-fit testing in
    multidimensional contingency tables. Psychometrika 71, 713-732.

    Cai, L. and Hansen, M. (2013). Limited-information goodness-of-fit testing of hierarchical item
    factor models. British Journal of Mathematical and Statistical Psychology 66, 245-276.

    Maydeu-Olivares, A. and Joe, H. (2014). Assessing approximate fit in categorical data analysis.
    Multivariate Behavioral Research 49, 305-328.

    Examples
    --------
    >>> import statsmodels.api as sm
    >>> from statsmodels_gllamm import GLLAMM, Factor, datasets
    >>> data = datasets.lsat.load_pandas().data
    >>> res = GLLAMM.from_formula("y ~ 0 + item + (0 + ability | id)", data,
    ...                           family=sm.families.Binomial(),
    ...                           factors={"ability": Factor("item")}).fit()
    >>> fit = res.m2()
    >>> print(fit.kind, round(fit.statistic, 2), fit.df)
    M2 4.74 5
    """
    if kind is not None and kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(map(repr, KINDS))}, not {kind!r}")
    model, working = results.model, results.record.working
    table = item_table(model, item, "m2").complete(missing, "m2")
    categories = [one.n_categories for one in table.items]
    rule = standard_nodes(model.design.n_latent, n_quad)
    kind = choose_kind(categories, len(working)) if kind is None else kind
    of = margins(categories, kind)
    if len(of) > MAX_MOMENTS:
        raise ValueError(f"{kind} of these items compares {len(of)} moments, more than "
                         f"{MAX_MOMENTS}; use kind='M2*' or 'C2'")
    pi, delta, xi = model_moments(table, of, model.design, working, rule)
    form, rank = quadratic_form(sample_moments(table, of) - pi, delta, xi)
    df, statistic = len(of) - rank, table.n * form
    if df <= 0:
        raise ValueError(f"{kind} has no degrees of freedom: {len(of)} moments and {rank} parameters "
                         f"of them, for {len(table.items)} items")
    if results.record.boundary:
        warnings.warn(f"{', '.join(results.record.boundary)} at a boundary: the p-value of {kind} "
                      "is approximate", BoundaryWarning, stacklevel=3)
    residuals = residual_correlations(table, model.design, working, rule)
    labels = [one.label for one in table.items]
    below = residuals[np.tril_indices(len(labels), -1)]
    return M2Result(kind, statistic, df, float(stats.chi2.sf(statistic, df)),
                    *rmsea_interval(statistic, df, table.n), float(np.sqrt((below**2).mean())),
                    table.n, len(of), pd.DataFrame(residuals, labels, labels))
