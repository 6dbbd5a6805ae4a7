"""From pairs of items in words to residual covariances of rows of a cluster."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.formula.categories import show
from statsmodels_gllamm.formula.residuals import RESIDUAL_ITEM
from statsmodels_gllamm.responses.gaussian import Gaussian


@dataclass(frozen=True, slots=True)
class Residuals:
    """Residual covariances.

    Attributes
    ----------
    labels : ndarray (n,)
        Number of every row's item.
    pairs : tuple of (int, int)
        Items of each covariance.
    names : tuple of str
        Parameters, "rescov[y1,y5]".
    """

    labels: np.ndarray
    pairs: tuple[tuple[int, int], ...]
    names: tuple[str, ...]


def read_residuals(sample, given, outcomes, levels) -> Residuals:
    """The pairs of items among the rows of a sample.

    Raises
    ------
    DataError
        An item that does not occur, or occurs twice in a cluster of the bottom level.
    NotImplementedError
        The responses are not Gaussian with identity link, or there is no group.
    """
    if outcomes.sets is not None or outcomes.rows is not None or not all(
            type(member.response) is Gaussian for member in outcomes.members):
        names = ", ".join(dict.fromkeys(member.response.name for member in outcomes.members))
        raise NotImplementedError("residual covariances are of Gaussian responses with identity link, "
                                  f"not of {names}; give two items a factor of their own instead")
    if not levels:
        raise NotImplementedError("residual covariances are between rows of a cluster, and the "
                                  "formula has no random term that says what a cluster is")
    codes, labels = sample.labels[RESIDUAL_ITEM]
    number = {str(label): i for i, label in enumerate(labels)}
    for pair in given.pairs:
        for item in pair:
            if item not in number:
                raise DataError(f"residual_covariances has {item!r}, which is no value of "
                                f"{given.column!r}: {', '.join(map(show, labels))}")
    pairs = tuple((number[a], number[b]) for a, b in given.pairs)
    used = np.isin(codes, np.unique(pairs))
    _refuse_twice(sample, given, codes, levels[0], used)
    return Residuals(codes, pairs, tuple(f"rescov[{a},{b}]" for a, b in given.pairs))


def _refuse_twice(sample, given, codes, level, used) -> None:
    inside = level.codes[used] * (int(codes.max()) + 1) + codes[used]
    _, first, count = np.unique(inside, return_index=True, return_counts=True)
    if (count > 1).any():
        row = np.flatnonzero(used)[first[int(np.argmax(count > 1))]]
        group = sample.groups[level.name]
        item = sample.labels[RESIDUAL_ITEM][1][codes[row]]
        raise DataError(f"the item {show(item)} of {given.column!r} stands in cluster "
                        f"{show(group.labels[group.codes[row]])} of {level.name!r} several times, so "
                        "that its residual covariances have no meaning; give the column that tells "
                        "the rows of a cluster apart")
