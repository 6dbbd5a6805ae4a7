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
"""
from __future__ import annotations

from dataclasses import dataclass, field
import warnings

import numpy as np
import pandas as pd
from scipy import linalg, optimize, stats

from statsmodels_gllamm.exceptions import BoundaryWarning
from statsmodels_gllamm.results.item_moments import margins, model_moments, sample_moments
from statsmodels_gllamm.results.item_table import (
    free_directions,
    item_table,
    probabilities,
    standard_nodes,
)

KINDS = ("M2", "M2*", "C2")
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


def choose_kind(n_categories, k: int) -> str:
    """M2 of binary items; else the first of M2*, C2 and M2 that has degrees of freedom."""
    if max(n_categories) == 2:
        return "M2"
    for kind in ("M2*", "C2"):
        if len(margins(n_categories, kind)) > k:
            return kind
    return "M2"


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
    out = _correlation(observed) - _correlation(implied)
    out[np.diag_indices(len(out))] = 0.0
    return out


def _correlation(cov):
    sd = np.sqrt(np.diag(cov))
    return cov / np.outer(sd, sd)


def m2(results, kind=None, *, items=None, missing="raise", n_quad=None) -> M2Result:
    r"""Limited-information test of fit of a model for binary and ordinal items.

    Parameters
    ----------
    results : GLLAMMResults
    kind : {"M2", "M2*", "C2"}, optional
        Which moments are compared: those of all categories, those of scores 0, 1, ..., or those of
        single categories and products of scores. By default M2 of binary items, and else the first
        of M2*, C2 and M2 that has degrees of freedom.
    items : str, optional
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
    table = item_table(model, items, "m2").complete(missing, "m2")
    categories = [one.n_categories for one in table.items]
    rule = standard_nodes(model.design.n_latent, n_quad)
    free = free_directions(results)
    kind = choose_kind(categories, free.shape[1]) if kind is None else kind
    of = margins(categories, kind)
    if len(of) > MAX_MOMENTS:
        raise ValueError(f"{kind} of these items compares {len(of)} moments, more than "
                         f"{MAX_MOMENTS}; use kind='M2*' or 'C2'")
    pi, delta, xi = model_moments(table, of, model.design, working, rule)
    form, rank = quadratic_form(sample_moments(table, of) - pi, delta @ free, xi)
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
