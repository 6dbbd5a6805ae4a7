"""Which latent variables of products are moderators, given values at the nodes of a mixture.

Given the values of one factor of every product, a model with products is linear in the other latent
variables.  These moderators are functions of covariates and of some standard normal coordinates u;
the fewer coordinates, the smaller the mixture (integration/mixture.py).
"""
from __future__ import annotations

from itertools import product

import numpy as np

from statsmodels_gllamm.latent.covariance import in_other_order
from statsmodels_gllamm.latent.structural import NONE, Structural

MOST = 12  # products for which all choices are tried


def choose_moderators(b: np.ndarray, names, top) -> np.ndarray:
    """Elements of B with the factors of products in order: cause, then moderator.

    Parameters
    ----------
    b : ndarray (h, 4)
        Latent variable, cause, covariate or -1, the other factor or -1.
    names : sequence of str
        Of the latent variables.
    top : ndarray of bool (D,)
        Which of them are of the highest level.

    Raises
    ------
    NotImplementedError
        A product none of whose factors can be a moderator.
    """
    b = b.copy()
    at = np.flatnonzero(b[:, 3] != NONE)
    regressed = np.isin(np.arange(len(names)), b[:, 0])
    choices = []
    for row in b[at]:
        able = [(of, by) for of, by in ((row[3], row[1]), (row[1], row[3]))
                if top[by] and not regressed[by]]
        if not able:
            raise NotImplementedError(_neither(names, row, top))
        choices.append(able)
    if len(at) > MOST:
        choices = [able[:1] for able in choices]
    best = min(product(*choices), default=(),
               key=lambda some: len({by for _, by in some}))
    for row, (of, by) in zip(at, best):
        b[row, 1], b[row, 3] = of, by
    return b


def _neither(names, row, top) -> str:
    one, two = names[row[1]], names[row[3]]
    why = " and ".join(dict.fromkeys(
        f"{names[m]} " + ("is regressed on other latent variables" if top[m] else
                          "is not of the highest level") for m in (row[1], row[3])))
    return (f"the product {one}:{two} needs a latent variable of the highest level that is not "
            f"regressed on other latent variables, to be integrated over, but {why}; a latent "
            "variable that is regressed on columns of the data only is possible")


def _moderators(structural) -> list[int]:
    """Numbers of the moderators."""
    if structural is None:
        return []
    return sorted(set(structural.times[structural.times != NONE].tolist()))


def moderators_first(covariances, structural: Structural | None):
    """The covariances with moderators at the beginning of their order, so that these depend on no
    other coordinates than their own."""
    out, first, moderators = [], 0, _moderators(structural)
    for c in covariances:
        own = [m - first for m in moderators if first <= m < first + c.q]
        moved = own and c.kind not in ("diagonal", "identity")
        order = (*own, *(m for m in c.sequence if m not in own))
        out.append(in_other_order(c, order) if moved else c)
        first += c.q
    return tuple(out)


def given_coordinates(covariances, structural: Structural | None) -> np.ndarray:
    """Numbers of the coordinates u that moderators depend on; none without products."""
    given, first, moderators = [], 0, _moderators(structural)
    for c in covariances:
        own = [m - first for m in moderators if first <= m < first + c.q]
        given += (first + np.flatnonzero(c.reach()[own].any(axis=0))).tolist()
        first += c.q
    return np.array(given, dtype=np.int64)
