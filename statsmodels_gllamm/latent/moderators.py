"""Which latent variables of products are moderators, given values at the nodes of a mixture.

Given the values of one factor of every product, a model with products is linear in the other latent
variables.  These moderators are functions of covariates and of some standard normal coordinates u;
the fewer coordinates, the smaller the mixture (integration/mixture.py).
"""
from __future__ import annotations

from itertools import product

import numpy as np

from statsmodels_gllamm.latent.structural import NONE, Structural

MOST = 12  # products for which all choices are tried


def choose_moderators(b: np.ndarray, names, top, size, correlated) -> np.ndarray:
    """Elements of B with the factors of products in order: cause, then moderator.

    Parameters
    ----------
    b : ndarray (h, 4)
        Latent variable, cause, covariate or -1, the other factor or -1.
    names : sequence of str
        Of the latent variables.
    top : ndarray of bool (D,)
        Which of them are of the highest level.
    size : sequence of int
        Latent variables of every block.
    correlated : sequence of bool
        Whether those of a block may correlate.

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
        able = [(of, by) for of, by in ((row[1], row[3]), (row[3], row[1]))
                if top[by] and not regressed[by]]
        if not able:
            raise NotImplementedError(_neither(names, row, top))
        choices.append(able)
    if len(at) > MOST:
        choices = [able[:1] for able in choices]
    best = min(product(*choices), default=(),
               key=lambda some: int(_coordinates([by for _, by in some], size, correlated).sum()))
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


def _coordinates(moderators, size, correlated) -> np.ndarray:
    """Which coordinates u (D,) the moderators depend on: in a block whose latent variables may
    correlate those before them too."""
    out, first = np.zeros(sum(size), dtype=bool), 0
    for n, together in zip(size, correlated):
        own = [m for m in moderators if first <= m < first + n]
        if own and together:
            out[first:max(own) + 1] = True
        else:
            out[own] = True
        first += n
    return out


def given_coordinates(structural: Structural | None, size, correlated) -> np.ndarray:
    """Numbers of the coordinates u that nodes give values to; none without products."""
    if structural is None or not structural.products:
        return np.zeros(0, dtype=np.int64)
    moderators = structural.times[structural.times != NONE].tolist()
    return np.flatnonzero(_coordinates(moderators, size, correlated))
