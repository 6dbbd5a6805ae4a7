r"""A latent design with linear constraints on its natural parameters, :math:`\theta = A \varphi + a`.

The covariance matrices that a constraint has to do with have their natural parameters for
coordinates, so that constraints are linear in the coordinates of the design within.  Where constraints
do no more than set latent variables to zero, with all their covariances, they set rows and columns of
the Cholesky root to zero, and its elements stay coordinates.
"""
from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from statsmodels_gllamm.latent.complex_step import ByComplexStep
from statsmodels_gllamm.latent.covariance import Covariance, direct
from statsmodels_gllamm.latent.design import AuxLimit, LatentDesign
from statsmodels_gllamm.latent.ordered import Order
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
        """Limits of the auxiliary predictors that no constraint has to do with, and those of classes,
        in which parameters that are equal go to infinity together."""
        free, touched = self.constraints.free, self.constraints.touched
        out, some = [], []
        for limit in self.inner.aux_limits:
            if not np.isin(limit.positions, touched).any():
                out.append(replace(limit, positions=np.searchsorted(free, limit.positions)))
            elif limit.able is not None:
                some.append(np.sign(limit.limit))
        return *out, *(self._joint(side) for side in dict.fromkeys(some))

    def _joint(self, side) -> AuxLimit:
        """The limits of classes to one side of zero as one, with patterns of phi."""
        a, limits = self.constraints.basis, [
            limit for limit in self.inner.aux_limits
            if limit.able is not None and np.sign(limit.limit) == side]
        able = np.zeros(len(a), dtype=bool)
        patterns = [np.zeros((0, len(a)))]
        for limit in limits:
            whole = np.zeros((len(limit.patterns), len(a)))
            whole[:, limit.positions] = limit.patterns
            patterns.append(whole)
            able[limit.positions[limit.able]] = True
        patterns = np.vstack(patterns)
        return AuxLimit(np.arange(a.shape[1]), patterns @ a, limits[0].limit,
                        a.any(axis=0) & ~a[~able].any(axis=0), patterns @ self.constraints.shift)

    @property
    def order(self) -> Order | None:
        """Inequalities of phi."""
        order = self.inner.order
        return None if order is None else order.within(self.constraints.basis, self.constraints.shift)

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
        """(slice of phi, covariance) of every bar; empty slices where coordinates are direct, and
        without the latent variables that are zero."""
        free, touched, out = self.constraints.free, set(self.constraints.touched.tolist()), []
        for s, c in self.inner.cov_slices():
            first = int(np.searchsorted(free, s.start))
            if not c.direct:
                c = _without(c, {i for (i, j), k in zip(c.pairs(), range(s.start, s.stop))
                                 if i == j and k in touched})
            out.append((slice(first, first if c.direct else first + len(c.pairs())), c))
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
    zero = set(constraints.fixed[constraints.shift[constraints.fixed] == 0].tolist())
    inner = _with_direct(design, touched, zero)
    for s, c in inner.cov_slices():
        place = dict(zip(c.pairs(), range(s.start, s.stop)))
        for (i, j), at in place.items():
            beside = [p for pair, p in place.items() if i in pair and pair != (i, i)]
            if i == j and at in zero and not set(beside) <= zero:
                names = ", ".join(design.layout.names[p] for p in beside)
                raise ValueError(f"constraints fix {design.layout.names[at]} at zero; fix its "
                                 f"covariances at zero too: {names}")
    return ConstrainedDesign(inner, constraints)


def _with_direct(design: LatentDesign, touched: set, zero: set) -> LatentDesign:
    """The design whose covariance matrices with touched parameters have direct coordinates, in all
    latent classes alike."""
    def changed(s, c) -> bool:
        return bool(touched.intersection(range(s.start, s.stop))) and not _vanishing(
            c, s.start, touched, zero)

    slices = design.cov_slices()[:len(design.covariances)]
    is_direct, varying = [changed(s, c) for s, c in slices], []
    for v in design.varying:
        base = [[s.start for s, _ in slices].index(v.source[s.start]) for s, _ in v.covariances]
        copies = [changed(s, c) for s, c in v.cov_slices()]
        for k, i in enumerate(base):
            is_direct[i] |= any(copies[k::len(base)])
        varying.append((v, base))
    own = tuple(direct(c) if yes else c for c, yes in zip(design.covariances, is_direct))
    return replace(design, covariances=own, varying=tuple(
        replace(v, covariances=tuple((s, own[i]) for (s, _), i in zip(v.covariances, base)))
        for v, base in varying))


def _vanishing(c, first: int, touched: set, zero: set) -> bool:
    """Whether constraints do nothing with a covariance matrix but set latent variables to zero."""
    place = dict(zip(c.pairs(), range(first, first + len(c.pairs()))))
    gone = {i for (i, j), k in place.items() if i == j and k in zero}
    own = {k for pair, k in place.items() if gone & set(pair)}
    return not c.direct and own <= zero and own == touched.intersection(place.values())


def _without(c, gone: set):
    """The covariance matrix of the other latent variables."""
    if not gone:
        return c
    kept = [] if c.kind == "identity" else [i for i in range(c.q) if i not in gone]
    place = {i: k for k, i in enumerate(kept)}
    return Covariance(tuple(c.names[i] for i in kept), c.kind if kept else "diagonal",
                      tuple(c.fixed[i] for i in kept), tuple(place[i] for i in c.order if i in place))
