r"""A latent design with linear constraints on its natural parameters, :math:`\theta = A \varphi + a`.

The covariance matrices that a constraint has to do with have their natural parameters for
coordinates, so that constraints are linear in the coordinates of the design within.
"""
from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from statsmodels_gllamm.latent.complex_step import ByComplexStep
from statsmodels_gllamm.latent.covariance import direct
from statsmodels_gllamm.latent.design import AuxLimit, LatentDesign
from statsmodels_gllamm.latent.signs import SignFlip
from statsmodels_gllamm.parameters import Block, Constraints, Layout


@dataclass(frozen=True)
class ConstrainedDesign(ByComplexStep):
    """What estimation asks of a `LatentDesign`, as a function of phi (f,).

    ``inner`` the design of all parameters; ``constraints`` on its working coordinates.
    """

    inner: LatentDesign
    constraints: Constraints

    @property
    def q(self):
        """Latent variables per level."""
        return self.inner.q

    @property
    def entries(self):
        """Rows and columns of Psi in use."""
        return self.inner.entries

    @cached_property
    def layout(self) -> Layout:
        """Blocks of the parameters that are left free."""
        place, blocks = self.constraints.free, []
        for block, s in zip(self.inner.layout.blocks, self.inner.layout.slices()):
            inside = place[(place >= s.start) & (place < s.stop)] - s.start
            blocks.append(Block(block.kind, tuple(block.names[i] for i in inside)))
        return Layout(tuple(blocks))

    @cached_property
    def aux_limits(self) -> tuple[AuxLimit, ...]:
        """Limits of the auxiliary predictors that no constraint has to do with."""
        free, touched = self.constraints.free, self.constraints.touched
        return tuple(replace(limit, positions=np.searchsorted(free, limit.positions))
                     for limit in self.inner.aux_limits
                     if not np.isin(limit.positions, touched).any())

    @cached_property
    def flips(self) -> tuple[SignFlip, ...]:
        """Sign changes under which the constraints still hold."""
        c, found = self.constraints, []
        for flip in self.inner.flips:
            rows = [flip.working[row != 0] for row in c.r]
            if all((s == s[0]).all() and (s[0] > 0 or value == 0)
                   for s, value in zip(rows, c.q) if len(s)):
                own = np.flatnonzero(np.isin(c.free, flip.loadings))
                found.append(SignFlip(own, flip.working[c.free], flip.latent))
        return tuple(found)

    def full(self, phi: np.ndarray) -> np.ndarray:
        """Coordinates (..., k) of the design within."""
        return self.constraints.expand(phi)

    def psi(self, phi: np.ndarray, u: np.ndarray | None = None) -> np.ndarray:
        """Psi (..., r, 1 + D + m), as of `LatentDesign`."""
        return self.inner.psi(self.full(phi), u)

    def adjoint(self, phi: np.ndarray, bar: np.ndarray) -> np.ndarray:
        """Derivative in phi (..., f) from that in the entries (E,)."""
        return self.inner.adjoint(self.full(phi), bar) @ self.constraints.basis

    def cov_slices(self):
        """(slice of phi, covariance) of every bar; empty slices where coordinates are direct."""
        free, out = self.constraints.free, []
        for s, c in self.inner.cov_slices():
            first = int(np.searchsorted(free, s.start))
            out.append((slice(first, first if c.direct else first + s.stop - s.start), c))
        return out

    def to_natural(self, phi: np.ndarray) -> np.ndarray:
        """All natural parameters (..., k)."""
        return self.inner.to_natural(self.full(phi))

    def to_working(self, natural: np.ndarray) -> np.ndarray:
        """phi (f,) of the nearest parameters that satisfy the constraints.

        Raises
        ------
        ValueError
            A covariance matrix of these is not positive semi-definite.
        """
        start = self.inner.to_working(natural)
        phi = self.constraints.project(start, 1 / np.maximum(np.abs(start), 0.1))
        for s, c in self.inner.cov_slices():
            if c.direct:
                c.checked_root(self.full(phi)[s])
        return phi


def constrained(design: LatentDesign, constraints: Constraints) -> ConstrainedDesign:
    """A design under constraints (on natural parameters).

    Raises
    ------
    ValueError
        A variance that is zero beside covariances that are not.
    """
    touched = set(constraints.touched.tolist())
    if design.centring is not None and touched.intersection(design.centring.touched.tolist()):
        raise NotImplementedError(
            "constraints on centred mass points, on their probabilities or on the coefficients that "
            "have their means are not available; use Classes(centered=False), where coefficients are "
            "differences from class 1")
    covariances = tuple(
        direct(c) if touched & set(range(s.start, s.stop)) else c for s, c in design.cov_slices())
    inner = replace(design, covariances=covariances)
    zero = set(constraints.fixed[constraints.shift[constraints.fixed] == 0].tolist())
    for s, c in inner.cov_slices():
        place = dict(zip(c.pairs(), range(s.start, s.stop)))
        for (i, j), at in place.items():
            beside = [p for pair, p in place.items() if i in pair and pair != (i, i)]
            if i == j and at in zero and not set(beside) <= zero:
                names = ", ".join(design.layout.names[p] for p in beside)
                raise ValueError(f"constraints fix {design.layout.names[at]} at zero; fix its "
                                 f"covariances at zero too: {names}")
    return ConstrainedDesign(inner, constraints)
