r"""Separation: a combination of fixed covariates that predicts the response perfectly.

The likelihood has no maximum if there is a direction b with

    x_i'b >= 0 where the response is at its largest,  <= 0 where at its smallest,  = 0 elsewhere

and not all zero (Albert and Anderson, 1984, Biometrika 71, 1-10); a linear programme finds it
(Konis, 2007).
"""
from __future__ import annotations

import numpy as np
from scipy.optimize import linprog

from statsmodels_gllamm.responses.binomial import trials_of

SUSPICIOUS = 8.0  # linear predictors beyond this are looked into
MAX_PATTERNS = 50_000
SHOWN = 6  # terms of a direction that a message shows


def ends(response_name: str, y: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Rows at the largest and at the smallest value of the response; None if neither can diverge."""
    if response_name.startswith(("Binomial", "BetaBinomial")):
        return y[0] == trials_of(y), y[0] == 0
    if response_name.startswith(("Poisson", "NegativeBinomial", "GeneralizedPoisson")):
        return np.zeros(y.shape[1], dtype=bool), y[0] == 0
    return None


def _steepest(rising: np.ndarray, level=()) -> np.ndarray | None:
    """Direction (p,) between -1 and 1 along which no row of ``rising`` (m, p) falls, those of ``level``
    stay, and the sum of the former rises the most; None where that does not rise."""
    equal = {"A_eq": level, "b_eq": np.zeros(len(level))} if len(level) else {}
    found = linprog(-rising.sum(0), A_ub=-rising, b_ub=np.zeros(len(rising)), bounds=(-1, 1),
                    method="highs", **equal)
    if found.status != 0 or -found.fun < 1e-7:
        return None
    return np.where(np.abs(found.x) < 1e-8, 0.0, found.x)


def separating_direction(exog: np.ndarray, high: np.ndarray, low: np.ndarray) -> np.ndarray | None:
    """Direction (p,) of separation, largest coefficient one; None where there is none."""
    kind = high.astype(float) - low
    patterns = np.unique(np.column_stack([exog, kind]), axis=0)[:MAX_PATTERNS]
    x, kind = patterns[:, :-1], patterns[:, -1]
    ended = kind != 0
    if not ended.any():
        return None
    direction = _steepest(x[ended] * kind[ended, None], x[~ended])
    if direction is None:
        return None
    score = exog @ direction  # the patterns left out have to agree
    wrong = np.where(high, score < -1e-7, np.where(low, score > 1e-7, np.abs(score) > 1e-7))
    return None if wrong.any() else direction


def recession_direction(rising: np.ndarray) -> np.ndarray | None:
    """Direction (k,) along which no row of ``rising`` (m, k) falls and some rise; None if none.

    Rows are what must rise for the likelihood of an outcome to rise without bound: the differences
    between the predictor of the alternative chosen and those of the others, or the distances of a
    linear predictor from the thresholds around its category.
    """
    direction = _steepest(np.unique(rising, axis=0)[:MAX_PATTERNS])
    if direction is None or (rising @ direction < -1e-7).any():
        return None
    return direction / np.abs(direction).max()


def describe_recession(direction: np.ndarray, rising: np.ndarray, names) -> str:
    """A direction of `recession_direction` in words."""
    return (f"the response is separated: along {combination(direction, names)} the likelihood rises "
            f"without bound in {int((rising @ direction > 1e-8).sum())} comparisons and falls in "
            "none, so that these parameters grow without bound and their standard errors mean "
            "nothing; combine categories, drop the term, or use fit_regularized(method='firth')")


def combination(direction, names) -> str:
    """Weights and names, the largest first where there are many."""
    order = [j for j in np.argsort(-np.abs(direction), kind="stable") if direction[j]]
    parts = [f"{direction[j]:+.3g} {names[j]}" for j in sorted(order[:SHOWN])]
    return " ".join([*parts, "..."] if len(order) > SHOWN else parts)


def describe(direction: np.ndarray, exog: np.ndarray, names, high, low) -> str:
    """The covariate pattern in words."""
    score = exog @ direction
    rows = np.abs(score) > 1e-8
    parts = [f"{w:+.3g} {n}" for n, w in zip(names, direction) if w]
    where = " ".join([*parts[:SHOWN], "..."] if len(parts) > SHOWN else parts)
    value = ("at its largest" if high[rows].all() else "at its smallest" if low[rows].all()
             else "at its largest where this is positive and at its smallest where negative")
    return (f"the response is separated by {where}: in the {int(rows.sum())} rows where this is not "
            f"zero the response is {value}, so that these coefficients grow without bound and their "
            "standard errors mean nothing; combine categories, drop the term, or use "
            "fit_regularized(method='firth')")


def dependence(exog: np.ndarray, names, wrong="is zero in every row") -> str | None:
    """What is wrong with fixed columns (n, p) that are zero or linearly dependent; None if nothing.

    ``wrong`` says what a combination that is zero means.
    """
    if not exog.shape[1]:
        return None
    scale = np.sqrt(np.einsum("ij,ij->j", exog, exog))
    if (scale == 0).any():
        name = names[int(np.argmin(scale))]
        return f"the fixed column {name!r} {wrong}; drop it or its category"
    values, vectors = np.linalg.eigh(exog.T @ exog / np.outer(scale, scale))
    if values[0] > 1e-13 * len(scale):
        return None
    direction = vectors[:, 0] / scale
    direction /= np.abs(direction).max()
    parts = [f"{w:+.3g} {n}" for n, w in zip(names, direction) if abs(w) > 1e-6]
    parts = [*parts[:SHOWN], "..."] if len(parts) > SHOWN else parts
    if np.abs(exog @ direction).max() > 1e-6 * np.abs(exog).max():
        return None
    return f"the fixed columns are linearly dependent: {' '.join(parts)} {wrong}; drop one of them"
