r"""Means of functions of jointly normal linear predictors, E f(nu + R z), z ~ N(0, I).

In up to three dimensions by the trapezoid rule on a square lattice,

.. math:: \frac{h^d}{(2\pi)^{d/2}} \sum_{k \in \mathbb{Z}^d} e^{-|kh|^2/2} f(\nu + R k h)

out to where the terms no longer count; h is halved until the sum settles.  For analytic f each
halving squares the relative error (Trefethen and Weideman, 2014, SIAM Rev. 56, 385-458).  In more
dimensions by randomised quasi-Monte Carlo with a fixed seed: Sobol points and their reflections.
"""
from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy.special import ndtri

REACH = 9  # trapezoid nodes go at least to so many standard deviations
MAX_REACH = 37  # where exp(-z^2/2) is about to underflow
MAX_HALVINGS = 10
SETTLED = 1e-7  # last change of the trapezoid rule: its error is of the order of the square
LATTICE_REACH = 6
LATTICE_SETTLED = 1e-4
LATTICE_DIMENSIONS = 3
MAX_POINTS = 200_000  # of a lattice
QMC_POINTS = 2**13  # and as many reflections
BLOCK = 60_000  # numbers at a time: a few such temporaries stay in the L2 cache


def normal_mean(function: Callable, nu: np.ndarray, sd: np.ndarray) -> np.ndarray:
    r"""E f(nu + sd z) of one standard normal z.

    Parameters
    ----------
    function : callable
        (..., n) -> (..., n), elementwise; there may be more or fewer axes in front.
    nu : ndarray (..., n)
    sd : ndarray (n,)

    Returns
    -------
    ndarray (..., n)
        Of the shape that ``function`` gives.
    """
    if not np.any(sd):
        return function(nu)

    def term(z):
        return function(nu + sd * z) * np.exp(-0.5 * z * z)

    with np.errstate(over="ignore", invalid="ignore"):
        total = term(0.0)
        size, reach = np.abs(total), 0
        while reach < MAX_REACH:
            reach += 1
            up, down = term(reach), term(-reach)
            ends = np.abs(up) + np.abs(down)
            total, size = total + up + down, size + ends
            if reach >= REACH and not (ends > 1e-17 * size).any():
                break
        step = 1.0
        for _ in range(MAX_HALVINGS):
            middle = np.zeros_like(total)
            for z in (np.arange(-reach, reach, step) + step / 2):
                middle += term(z)
            change = np.abs(total - middle) * 0.5
            total = total + middle
            step /= 2
            if not (change > SETTLED * size).any():
                break
            size = 2 * size  # a bound would do: it sets the scale of what counts as settled
        return total * (step / np.sqrt(2 * np.pi))


def joint_mean(function: Callable, nu: np.ndarray, root: np.ndarray, coupled=False) -> np.ndarray:
    """E f(nu + root z) of several linear predictors with common standard normal z.

    Parameters
    ----------
    function : callable
        (P, ..., n) -> (..., n); there may be more axes in front of the result.
    nu : ndarray (P, ..., n)
        Linear predictors of rows n.
    root : ndarray (P, d, n)
    coupled : bool
        The function of a row depends on other rows' predictors, so that z is the same for them.

    Returns
    -------
    ndarray (..., n)
        Of the shape that ``function`` gives.
    """
    root = compact(root, coupled)
    d, between = root.shape[1], (1,) * (nu.ndim - 2)
    root = root.reshape(root.shape[:2] + between + root.shape[-1:])
    if d == 0:
        return function(nu)
    if d == 1:
        return normal_mean(function, nu, root[:, 0])
    with np.errstate(over="ignore", invalid="ignore"):
        return (_lattice_mean if d <= LATTICE_DIMENSIONS else _qmc_mean)(function, nu, root)


def compact(root: np.ndarray, coupled: bool) -> np.ndarray:
    """A root (P, d, n) with as few dimensions as give the same distribution."""
    root = root[:, root.any(axis=(0, 2))]
    moved = root.any(axis=(1, 2))
    k = int(moved.sum())
    if coupled or root.shape[1] <= k:
        return root
    if k == 1:
        out = np.zeros((len(root), 1, root.shape[-1]))
        out[moved, 0] = np.sqrt((root[moved] ** 2).sum(axis=1))
        return out
    triangle = np.linalg.qr(np.moveaxis(root[moved], (0, 1, 2), (2, 1, 0)), mode="r")
    out = np.zeros((len(root), k, root.shape[-1]))
    out[moved] = triangle.transpose(2, 1, 0)
    return out


def _lattice_mean(function, nu, root) -> np.ndarray:
    d = root.shape[1]
    total, size, shell = 0.0, 0.0, 0
    while shell < MAX_REACH:
        points = lattice_shell(d, shell)
        part, largest = _weighted_sum(function, nu, root, points)
        total, size = total + part, size + largest
        shell += 1
        if shell >= LATTICE_REACH and not (largest > 1e-10 * size).any():
            break
    step = 1.0
    while True:
        points = lattice_between(d, step, shell)
        if len(points) > MAX_POINTS:
            break
        part, largest = _weighted_sum(function, nu, root, points)
        step /= 2
        before, total, size = total, total + part, size + largest
        if not (np.abs(total - 2**d * before) > LATTICE_SETTLED * size).any():
            break
    return total * (step / np.sqrt(2 * np.pi)) ** d


@lru_cache(maxsize=64)
def lattice_shell(d: int, shell: int) -> np.ndarray:
    """Points (N, d) of the integer lattice whose distance is in [shell, shell + 1)."""
    points = _grid(d, np.arange(-shell, shell + 1))
    distance = (points**2).sum(axis=1)
    return points[(distance >= shell**2) & (distance < (shell + 1) ** 2)]


@lru_cache(maxsize=8)
def lattice_between(d: int, step: float, reach: int) -> np.ndarray:
    """Points (N, d) that halving the step adds to a lattice within a distance."""
    n = int(reach / step) * 2
    points = _grid(d, np.arange(-n, n + 1))
    inside = (points**2).sum(axis=1) < n * n
    return points[inside & (points % 2 != 0).any(axis=1)] * (step / 2)


def _grid(d, values) -> np.ndarray:
    return np.stack(np.meshgrid(*[values.astype(float)] * d, indexing="ij"), -1).reshape(-1, d)


def _qmc_mean(function, nu, root) -> np.ndarray:
    points = qmc_points(root.shape[1])
    return _weighted_sum(function, nu, root, points, False)[0] / len(points)


@lru_cache(maxsize=4)
def qmc_points(d: int) -> np.ndarray:
    """Standard normal points (N, d), the same at every call."""
    from scipy.stats import qmc

    z = ndtri(qmc.Sobol(d, rng=np.random.default_rng(0)).random(QMC_POINTS))
    return np.concatenate([z, -z])


def _weighted_sum(function, nu, root, points, weighted=True):
    """Sum over points z (N, d) of exp(-|z|^2/2) f(nu + root z), and the sum of its size."""
    total, size = 0.0, 0.0
    block = max(BLOCK // max(nu[0].size, 1), 1)
    for first in range(0, len(points), block):
        z = points[first:first + block]
        moved = np.einsum("bd,pd...->pb...", z, root) + nu[:, None]
        value = np.moveaxis(function(moved), -nu.ndim, -1)  # the points, last
        if weighted:
            value = value * np.exp(-0.5 * (z**2).sum(axis=1))
        total = total + value.sum(axis=-1)
        size = size + np.abs(value).sum(axis=-1)
    return total, size
