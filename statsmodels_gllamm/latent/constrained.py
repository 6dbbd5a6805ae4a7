r"""A latent design with linear constraints on its natural parameters, :math:`\theta = A \varphi + a`.

Constraints are linear in the coordinates of the design within.  Those that only set covariances to
zero, fix variances or make variances equal say the same of the elements of the Cholesky root T
(latent/zero_pattern.py), which stay coordinates.  Covariance matrices that other constraints have to do
with have their natural parameters for coordinates.
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
from statsmodels_gllamm.latent.zero_pattern import on_root
from statsmodels_gllamm.parameters import Block, Constraints, Layout
from statsmodels_gllamm.parameters.constraints import solve


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
        without the latent variables that are zero or follow another one."""
        free, out = self.constraints.free, []
        for s, c in self.inner.cov_slices():
            first = int(np.searchsorted(free, s.start))
            if not c.direct:
                c = self._of_phi(s, c)
            out.append((slice(first, first if c.direct else first + len(c.pairs())), c))
        return out

    def _of_phi(self, s, c) -> Covariance:
        """A covariance matrix with those elements of T for parameters that phi has."""
        constraints, gone, zeros, fixed = self.constraints, set(), [], list(c.fixed)
        for (i, j), at in zip(c.pairs(), range(s.start, s.stop)):
            if at in constraints.free:
                continue
            if i != j:
                zeros.append((i, j))
            elif constraints.basis[at].any() or constraints.shift[at] == 0:
                gone.add(i)
            else:
                fixed[i] = float(constraints.shift[at]) ** 2
        return _without(replace(c, fixed=tuple(fixed), zeros=(*c.zeros, *zeros)), gone)

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
    for s, c in design.cov_slices():
        place = dict(zip(c.pairs(), range(s.start, s.stop)))
        for (i, j), at in place.items():
            beside = [p for pair, p in place.items() if i in pair and pair != (i, i)]
            if i == j and at in zero and not set(beside) <= zero:
                names = ", ".join(design.layout.names[p] for p in beside)
                raise ValueError(f"constraints fix {design.layout.names[at]} at zero; fix its "
                                 f"covariances at zero too: {names}")
    r, q, not_so = on_root(design.cov_slices(), constraints.r, constraints.q)
    if r is not constraints.r:
        constraints = solve(r, q, design.layout.names)
    return ConstrainedDesign(_with_direct(design, not_so), constraints)


def in_natural_coordinates(design: LatentDesign, constraints: Constraints) -> LatentDesign:
    """The design in whose coordinates constraints on natural parameters are linear as they stand."""
    touched = set(constraints.touched.tolist())
    return _with_direct(design, {k for k, (s, _) in enumerate(design.cov_slices())
                                 if touched.intersection(range(s.start, s.stop))})


def _with_direct(design: LatentDesign, numbers: set) -> LatentDesign:
    """The design with direct coordinates of some of its ``cov_slices``, in all latent classes alike."""
    slices = design.cov_slices()
    first = len(design.covariances)
    starts, varying = [s.start for s, _ in slices[:first]], []
    is_direct = [k in numbers for k in range(first)]
    for v in design.varying:
        base = [starts.index(v.source[s.start]) for s, _ in v.covariances]
        copies = [k in numbers for k in range(first, first + len(v.cov_slices()))]
        first += len(copies)
        for k, i in enumerate(base):
            is_direct[i] |= any(copies[k::len(base)])
        varying.append((v, base))
    own = tuple(direct(c) if yes else c for c, yes in zip(design.covariances, is_direct))
    return replace(design, covariances=own, varying=tuple(
        replace(v, covariances=tuple((s, own[i]) for (s, _), i in zip(v.covariances, base)))
        for v, base in varying))


def _without(c, gone: set):
    """The covariance matrix of the other latent variables."""
    if not gone:
        return c
    kept = [] if c.kind == "identity" else [i for i in range(c.q) if i not in gone]
    place = {i: k for k, i in enumerate(kept)}
    return Covariance(tuple(c.names[i] for i in kept), c.kind if kept else "diagonal",
                      tuple(c.fixed[i] for i in kept), tuple(place[i] for i in c.order if i in place),
                      tuple((place[i], place[j]) for i, j in c.zeros if i in place and j in place))
