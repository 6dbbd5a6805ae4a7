"""One vector of parameters, the concatenation of the components' blocks.

Every block has as many natural parameters (what users see: coefficients, loadings, variances and
covariances) as working coordinates (what is optimised: Cholesky elements instead of variances), so
that one layout serves both.
"""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive parameters of one component.

    ``kind`` is "coef", "class", "lambda", "gamma", "b", "cov", "rescov", "aux", "prob" or
    "varying"; ``names`` are the natural parameters' names.
    """

    kind: str
    names: tuple[str, ...]

    @property
    def size(self) -> int:
        """Number of parameters."""
        return len(self.names)


@dataclass(frozen=True, slots=True)
class Layout:
    """Blocks in the order of the parameter vector."""

    blocks: tuple[Block, ...]

    @property
    def names(self) -> list[str]:
        """Names of all parameters."""
        return [name for block in self.blocks for name in block.names]

    @property
    def size(self) -> int:
        """Number of parameters."""
        return sum(block.size for block in self.blocks)

    def slices(self) -> list[slice]:
        """Place of every block in the vector."""
        ends = np.cumsum([block.size for block in self.blocks])
        return [slice(int(e) - b.size, int(e)) for e, b in zip(ends, self.blocks)]

    def positions(self, kind: str) -> np.ndarray:
        """Indices of all parameters of one kind."""
        found: Iterable[np.ndarray] = (
            np.arange(s.start, s.stop)
            for s, b in zip(self.slices(), self.blocks) if b.kind == kind
        )
        return np.concatenate([np.arange(0), *found])
