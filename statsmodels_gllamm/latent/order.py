"""The order of the latent variables in which T is lower triangular.

A latent variable of Gaussian rows alone costs no quadrature (integration/reach.py) if no other one
has a part of its u: it has to come last.
"""
from __future__ import annotations

import numpy as np

from statsmodels_gllamm.latent.covariance import in_other_order


def gaussian_last(covariances, latent, structural, columns, members):
    """The covariances with latent variables that reach only Gaussian rows at the end of their order.

    Parameters
    ----------
    covariances : tuple of Covariance
    latent : Terms
    structural : Structural or None
    columns : list of ndarray (n,)
        Row columns W.
    members : tuple of Member
        The responses of consecutive rows.
    """
    gaussian = [member.response.gaussian for member in members]
    if all(gaussian) or not any(gaussian):
        return covariances
    other = ~np.repeat(gaussian, [member.y.shape[1] for member in members])
    beyond = np.zeros(sum(c.q for c in covariances), dtype=bool)
    for row, number in zip(latent.row, latent.index):
        beyond[number] |= columns[row][other].any()
    if structural is not None:
        beyond = beyond.astype(int) @ structural.reach() > 0
    out, first = [], 0
    for c in covariances:
        order = tuple(int(m) for m in np.argsort(~beyond[first:first + c.q], kind="stable"))
        moved = order != tuple(range(c.q)) and c.kind not in ("diagonal", "identity")
        out.append(in_other_order(c, order) if moved else c)
        first += c.q
    return tuple(out)
