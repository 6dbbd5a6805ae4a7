"""What row designs are made of: terms, row columns, and limits of auxiliary predictors."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Terms:
    """Products that add up to Psi: term t adds value[t] * loading[slot[t]] at ``row``.

    For the fixed part the value is coefficient ``index``; for the latent part one, at latent
    variable ``index``; for auxiliary predictors see `LatentDesign`.
    """

    row: np.ndarray
    index: np.ndarray
    slot: np.ndarray


@dataclass(frozen=True, slots=True)
class AuxLimit:
    """Where the density hardly changes any more with an auxiliary predictor.

    ``positions`` (k,) of its parameters; ``patterns`` (P, k) the distinct rows of their columns;
    ``limit``: beyond it, to its own side of zero; ``able`` (k,) says which may go to infinity, None
    that all may; ``offset`` (P,) is added to the predictor.
    """

    positions: np.ndarray
    patterns: np.ndarray
    limit: float
    able: np.ndarray | None = None
    offset: np.ndarray | float = 0.0

    @property
    def bounded(self) -> np.ndarray:
        """Positions of the parameters that may go to infinity."""
        return self.positions if self.able is None else self.positions[self.able]

    def beyond(self, working: np.ndarray) -> np.ndarray:
        """Positions of the parameters that matter only in rows beyond the limit."""
        side = np.sign(self.limit)
        inside = side * (self.patterns @ working[self.positions] + self.offset) <= side * self.limit
        nowhere = ~self.patterns[inside].any(axis=0)
        return self.positions[nowhere if self.able is None else nowhere & self.able]


class RowColumns:
    """The unique row columns W, found by content."""

    def __init__(self) -> None:
        self.columns: list[np.ndarray] = []
        self._known: dict[int, list[int]] = {}

    def add(self, column: np.ndarray) -> int:
        """Number of the row column equal to ``column`` (n,), added if it is new."""
        key = hash(((column[:64] + 0.0).tobytes(), (column[-64:] + 0.0).tobytes()))  # -0.0 -> 0.0
        for number in self._known.get(key, []):
            if np.array_equal(self.columns[number], column):
                return number
        self.columns.append(column)
        self._known.setdefault(key, []).append(len(self.columns) - 1)
        return len(self.columns) - 1
