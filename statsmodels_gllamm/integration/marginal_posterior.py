r"""Posterior distribution of one latent variable of every unit of a level.

With v = Q u, Q orthogonal, its last coordinate the direction of the latent variable, the nested nodes
of a unit given those of its ancestors are v_q = v_hat + (z_q - m) / L_qq, m = (M d_anc)_q, and

.. math:: p(v_q \mid y) = \sum_a P_a\, p(v_q \mid a, y)

over the ancestors' nodes a.  Coordinate q has a rule of its own: trapezoid in t with
:math:`z = \sinh(\kappa t)/\kappa`, whose steps are short near the mode and whose ends are far out.
Sums of its weights are values of the conditional distribution function, by the Euler-Maclaurin
formula,

.. math:: F(t_{k+1}) - F(t_k) \approx \tfrac h2 (f_k + f_{k+1}) - \tfrac{h^2}{12}(f'_{k+1} - f'_k)

which cubic Hermite polynomials with slopes f interpolate.  The other coordinates keep the points that
they have; those that a unit does not touch, or that are normal given the others, have one.
"""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from statsmodels_gllamm.integration.marginal import Task, expand, zero_start
from statsmodels_gllamm.integration.problem import Chunk
from statsmodels_gllamm.integration.reach import FULL
from statsmodels_gllamm.integration.rules import Rule, gauss_hermite

BEND = 0.35  # kappa
REACH = 9.0  # largest t: z is 33 there
POINTS = 193  # of the fine rule


def fine_rule() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points t, z (M,) and log coefficients (M,) of the trapezoid rule in t."""
    t = np.linspace(-REACH, REACH, POINTS)
    z = np.sinh(BEND * t) / BEND
    return t, z, np.log((t[1] - t[0]) * np.cosh(BEND * t)) - 0.5 * np.log(2 * np.pi)


@dataclass(frozen=True)
class UnitMarginal:
    """Distribution of shift + scale v for the units of one level of a chunk, ancestors' nodes a.

    Attributes
    ----------
    weight : ndarray (A, G)
        Posterior weights of the ancestors' nodes.
    density : ndarray (M, A, G)
        Weights of the fine rule given these, over its step.
    centre, width : ndarray (A, G)
        The variable is centre + width z at position z of the fine rule.
    """

    weight: np.ndarray
    density: np.ndarray
    centre: np.ndarray
    width: np.ndarray

    @property
    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        """Values (G,) between which all of the distribution lies."""
        z = fine_rule()[1][-1]
        return (self.centre - z * self.width).min(0), (self.centre + z * self.width).max(0)

    def at(self, units: np.ndarray) -> UnitMarginal:
        """The same of some units."""
        return UnitMarginal(self.weight[:, units], self.density[..., units], self.centre[:, units],
                            self.width[:, units])

    def distribution(self):
        """The function x (G,) -> P(variable <= x) (G,)."""
        t = fine_rule()[0]
        h, f = t[1] - t[0], self.density
        slope = np.gradient(f, h, axis=0, edge_order=2)
        slope[2:-2] = (f[:-4] - 8 * f[1:-3] + 8 * f[3:-1] - f[4:]) / (12 * h)
        steps = 0.5 * h * (f[1:] + f[:-1]) - h * h / 12 * (slope[1:] - slope[:-1])
        value = np.concatenate([np.zeros((1,) + f.shape[1:]), np.cumsum(steps, axis=0)])

        def cdf(x):
            z = (x - self.centre) / self.width
            place = np.clip(np.arcsinh(BEND * z) / BEND, t[0], t[-1])
            k = np.minimum(((place - t[0]) / h).astype(np.int64), len(t) - 2)[None]
            s = (place - t[k[0]]) / h
            f0, f1 = (np.take_along_axis(value, i, 0)[0] for i in (k, k + 1))
            d0, d1 = (h * np.take_along_axis(f, i, 0)[0] for i in (k, k + 1))
            found = (f0 * (1 + 2 * s) + d0 * s) * (1 - s) ** 2 + (
                f1 * (3 - 2 * s) - d1 * (1 - s)) * s**2
            return (self.weight * found).sum(axis=0)

        return cdf


def unit_marginal(chunk: Chunk, task: Task, psi: np.ndarray, level: int, row: np.ndarray):
    """Distribution of the linear combination ``row`` (d,) of the coordinates of a level's units and of
    the levels above.

    Returns
    -------
    UnitMarginal
        For the units of the level in the order of the chunk.

    Raises
    ------
    ValueError
        The level's own coordinates have no part in it.
    """
    kinds = np.full(sum(task.q), FULL) if chunk.active is None or not chunk.active.fits(task) else (
        chunk.active.kinds)
    rules, turns, first = [], [], 0
    for number, (q, rule) in enumerate(zip(task.q, task.rules)):
        points = max(rule.points)
        own = row[:q] if number == level else np.zeros(q)
        turn, n_points = _turned(kinds[first:first + q], own, points)
        turns.append(turn)
        rules.append(_rule(n_points, fine=number == level))
        first += q
    d = sum(task.q)
    turn = np.zeros((d, d))
    first = 0
    for block in turns:
        turn[first:first + len(block), first:first + len(block)] = block
        first += len(block)
    psi = np.concatenate([psi[:, :1], psi[:, 1:1 + d] @ turn.T, psi[:, 1 + d:]], axis=1)
    x = expand(replace(chunk, active=None), replace(task, rules=tuple(rules), adaptive=True), psi,
               zero_start(chunk, task.q))
    return _marginal(chunk, task.q, x, level, turn[sum(task.q[:level]):, sum(task.q[:level]):] @ row)


def _turned(kinds, own, points):
    """Orthogonal matrix (q, q) from a level's coordinates to turned ones, whose last one is in the
    direction of ``own`` (q,), and the points of each of them."""
    q = len(kinds)
    inside = np.flatnonzero(own)
    rest = np.setdiff1d(np.arange(q), inside)
    rest = np.concatenate([rest[kinds[rest] != FULL], rest[kinds[rest] == FULL]])
    n_points = [points if kinds[d] == FULL else 1 for d in rest]
    turn = np.zeros((q, q))
    turn[np.arange(len(rest)), rest] = 1.0
    if len(inside):
        basis = np.linalg.qr(np.column_stack([own[inside], np.eye(len(inside))]))[0]
        basis[:, 0] = own[inside] / np.linalg.norm(own)
        turn[len(rest):, inside] = np.roll(basis, -1, axis=1).T
        n_points += [points if (kinds[inside] == FULL).any() else 1] * len(inside)
    return turn, n_points


def _rule(n_points, fine: bool) -> Rule:
    """Product of Gauss-Hermite rules, the last one replaced by the fine one, and fastest."""
    pairs = [gauss_hermite(n) for n in n_points]
    if fine:
        pairs[-1] = fine_rule()[1:]
        n_points = [*n_points[:-1], POINTS]
    z, c = np.zeros((1, 0)), np.zeros(1)
    for z_own, c_own in pairs:
        z = np.hstack([np.repeat(z, len(z_own), axis=0), np.tile(z_own[:, None], (len(z), 1))])
        c = (c[:, None] + c_own).ravel()
    return Rule(z, c, tuple(n_points))


def _marginal(chunk: Chunk, q, x, level: int, row) -> UnitMarginal:
    """``row`` (d,): loadings of the turned coordinates, those of the level zero but for the last."""
    k, factor, posterior = q[level], x.mode.placing, x.posterior
    size = row[k - 1]
    if size == 0:
        raise ValueError("the level's own coordinates have no part in the latent variable")
    joint = posterior.joint[level] / posterior.total[level]
    n_above, _, g = joint.shape
    joint = joint.reshape(n_above, -1, POINTS, g).sum(axis=1)
    weight = joint.sum(axis=1)
    t = fine_rule()[0]
    with np.errstate(invalid="ignore"):
        density = np.where(weight[:, None] > 0, joint / weight[:, None], 0.0) / (t[1] - t[0])
    width = 1 / factor.lower[level][k - 1, k - 1]
    centre = np.broadcast_to(x.mode.u[level][k - 1], (n_above, g))
    if x.nodes.anc[level] is not None:
        anc = x.nodes.anc[level]
        centre = centre - width * np.einsum("ag,ang->ng", factor.cross[level][k - 1], anc)
    centre = size * centre
    if len(row) > k and row[k:].any():
        centre = centre + np.einsum("a,ang->ng", row[k:], _ancestors(chunk, x.nodes, level))
    return UnitMarginal(weight, np.moveaxis(density, 1, 0), centre,
                        np.broadcast_to(abs(size) * width, (n_above, g)))


def _ancestors(chunk: Chunk, nodes, level: int) -> np.ndarray:
    """Coordinates of the ancestors (a, A, G) at their nodes, at the units of a level."""
    wide = None
    for above in range(len(nodes.u) - 1, level, -1):
        u = nodes.u[above]
        own = u.reshape(u.shape[0], -1, u.shape[-1])
        if wide is not None:
            wide = np.repeat(chunk.runs[above + 1].spread(wide), u.shape[2], axis=1)
        wide = own if wide is None else np.concatenate([own, wide])
    return chunk.runs[level + 1].spread(wide)
