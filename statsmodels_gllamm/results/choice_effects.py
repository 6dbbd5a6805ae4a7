"""Alternatives of choice sets, for marginal effects of one alternative's variables on all choices.

Where a variable differs within choice sets it is changed for one alternative at a time, and the effect
is on the probability that each alternative is chosen: its own one and cross effects.  A variable that
is the same on all rows of every set is changed on all of them.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from statsmodels_gllamm.families.choice import Choice


@dataclass(frozen=True, eq=False)
class Alternatives:
    """The alternatives of rows.

    Attributes
    ----------
    labels : tuple (A,)
    codes, sets : ndarray of int (n,)
        Alternative and choice set of every row.
    column : str
        A column that tells sets apart and does nothing else.
    """

    labels: tuple
    codes: np.ndarray
    sets: np.ndarray
    column: str

    def parts(self, x) -> list[tuple[str, np.ndarray | None, int | None]]:
        """What is changed of a variable (n,): ending of the effect's name, rows and alternative."""
        value = pd.factorize(np.asarray(x))[0]
        first = np.zeros(self.sets.max() + 1, dtype=np.int64)
        first[self.sets[::-1]] = value[::-1]
        if (first[self.sets] == value).all():
            return [("", None, None)]
        return [(f"[{label}]", self.codes == k, k) for k, label in enumerate(self.labels)]

    def of_alternative(self, x, k: int) -> np.ndarray:
        """Values (n,) of an alternative of every row's set; zero where it has none."""
        out = np.zeros(self.sets.max() + 1)
        own = self.codes == k
        out[self.sets[own]] = x[own]
        return out[self.sets]

    def in_own_sets(self, copies) -> list[pd.DataFrame]:
        """Copies of the rows whose sets are not those of other copies."""
        return [copy.assign(**{self.column: [f"{k}|{v}" for v in copy[self.column]]})
                for k, copy in enumerate(copies)]

    @property
    def masks(self) -> np.ndarray:
        """Rows of every alternative (A, n)."""
        return (self.codes == np.arange(len(self.labels))[:, None]) * 1.0


def alternatives(model, data, variables, what: str) -> Alternatives | None:
    """The alternatives of rows of data; None where rows are not such.

    Raises
    ------
    NotImplementedError
        Alternatives are not known, or no column of the sets can be changed.
    """
    family = model.fitted_family
    if not isinstance(family, Choice):
        return None
    if family.alternative is None:
        raise NotImplementedError(f"{what} of choices needs the alternatives' labels; name their "
                                  "column, Choice(set=..., alternative=...)")
    if not isinstance(data, pd.DataFrame):
        raise NotImplementedError(f"{what} of choices is of variables of the data, not of columns "
                                  "of exog")
    taken = {*variables, *(c for group in model.sample.groups.values() for c in group.columns),
             family.alternative}
    columns = [family.set] if isinstance(family.set, str) else list(family.set)
    free = [column for column in columns if column not in taken]
    if not free:
        raise NotImplementedError(f"{what} of choices needs a column of set= that is neither a group "
                                  f"nor a variable of the formula, unlike {', '.join(columns)}; add "
                                  "one with a number for every set, set=[..., number]")
    codes, labels = pd.factorize(data[family.alternative], sort=True)
    sets = data.groupby(columns, sort=False, observed=True).ngroup().to_numpy()
    return Alternatives(tuple(labels), codes, sets, free[0])
