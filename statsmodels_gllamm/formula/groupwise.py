r"""Factor models of several groups of persons.

Every factor is a latent variable of each group, the factor times the group's indicator, and what
`equal` does not name has a parameter for each group.  Without more constraints than

    configural    none
    metric        equal loadings
    scalar        equal loadings and intercepts (thresholds)
    strict        equal loadings, intercepts and residual variances

the groups have nothing in common but the structure.  Where intercepts are equal, the factors' means
are free in all groups but the first (Meredith, 1993, Psychometrika 58, 525-543).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import re

import pandas as pd

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.formula.categories import factorize, show
from statsmodels_gllamm.formula.rows import hint

__all__ = ["CELL", "Groups", "read_groups"]

CELL = "cell"
PARTS = ("loadings", "intercepts", "residuals", "variances", "covariances", "regressions", "means")
KINDS = {
    "configural": (),
    "metric": PARTS[:1],
    "scalar": PARTS[:2],
    "strict": PARTS[:3],
}


@dataclass(frozen=True)
class Groups:
    """Groups of persons.

    Attributes
    ----------
    column : str
    labels : tuple
        Values of the column, the first one the group of reference.
    indicators : tuple of str
        The column of the long data that is one in each group.
    equal : frozenset of str
        What the groups have in common.
    """

    column: str
    labels: tuple
    indicators: tuple[str, ...]
    equal: frozenset[str]

    def cell(self, item: str, number: int) -> str:
        """Name of an item in a group."""
        return f"{item}|{self.labels[number]}"

    def by(self, part: str) -> str:
        """The column by which a part of the measurement model differs."""
        return "item" if part in self.equal else CELL

    @property
    def free_means(self) -> bool:
        """Whether the factors' means are free in all groups but the first."""
        return "intercepts" in self.equal and "means" not in self.equal


def read_groups(data, column, equal, taken) -> Groups | None:
    """Groups of wide data; None without.

    Parameters
    ----------
    data : DataFrame
    column : str or None
    equal : str or sequence of str, optional
        A kind of invariance, or parts of the model.
    taken : collection of str
        Names of columns that indicators cannot have.

    Raises
    ------
    DataError, ValueError
    """
    parts = _parts(equal)
    if column is None:
        if parts:
            raise ValueError("equal= says what groups have in common; name their column by groups=")
        return None
    if column not in data.columns:
        raise DataError(f"groups={column!r} is not a column of the data{hint(column, data.columns)}")
    if data[column].isna().any():
        row = show(data.index[data[column].isna()][0])
        raise DataError(f"groups={column!r} is missing in row {row}; leave such persons out with "
                        "subset=.")
    codes, labels = factorize(data[column])
    labels = [label for number, label in enumerate(labels) if (codes == number).any()]
    if len(labels) < 2:
        raise DataError(f"groups={column!r} has one value only, {show(labels[0])}; leave it out.")
    names = []
    for label in labels:
        text = re.sub(r"\W+", "_", str(label))
        free = text.isidentifier() and text not in taken
        names.append(text if free else re.sub(r"\W+", "_", f"{column}_{text}"))
        if not names[-1].isidentifier() or names[-1] in (*taken, *names[:-1]):
            raise DataError(f"The group {show(label)} of {column!r} cannot be made the name of a "
                            "column; recode the groups as words.")
    return Groups(str(column), tuple(labels), tuple(names), frozenset(parts))


def _parts(equal) -> Sequence[str]:
    if equal is None:
        return ()
    given = [equal] if isinstance(equal, str) else list(equal)
    out = []
    for one in given:
        one = "intercepts" if one == "thresholds" else one
        if one not in PARTS and one not in KINDS:
            raise ValueError(f"equal={equal!r}: {one!r} is none of {', '.join((*KINDS, *PARTS))}")
        out += KINDS.get(one, (one,))
    return out


def cells(items, groups: Groups, codes, group_codes) -> pd.Categorical:
    """The cell of every long row, from codes of its item and of its group (-1 where unknown)."""
    k = len(groups.labels)
    categories = [groups.cell(item, g) for item in items for g in range(k)]
    values = codes * k + group_codes
    values[group_codes < 0] = -1
    return pd.Categorical.from_codes(values, pd.Index(categories, dtype=object))
