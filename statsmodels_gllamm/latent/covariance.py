r"""Covariance matrix of the latent variables of one bar term: Psi = T T'.

Working coordinates are the elements of T by rows (its diagonal may reach zero); a variance fixed at
v makes its row :math:`\sqrt v\,(a, 1)/|(a, 1)|` with a free.  Natural parameters are the free
variances and covariances; a `DirectCovariance` has them for working coordinates.  All maps accept
complex input with leading batch axes.

T is lower triangular in an ``order`` of the latent variables, T = P'LP with P their permutation: the
last one's u reaches no other.
"""
from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

ZERO_PIVOT = 1e-11  # relative to its variance, a Cholesky pivot below this is zero


@dataclass(frozen=True, slots=True)
class Covariance:
    """Structure of one covariance matrix.

    Attributes
    ----------
    names : tuple of str
        The latent variables' names.
    kind : str
        "unstructured", "diagonal" or "identity" (equal variances, no covariances).
    fixed : tuple of (float or None)
        Fixed variances; None where free.
    order : tuple of int
        The latent variables in the order in which T is lower triangular; () for that of ``names``.
    zeros : tuple of (int, int)
        Pairs (i > j) of an unstructured matrix without covariance, which elimination must not fill in.
    """

    names: tuple[str, ...]
    kind: str = "unstructured"
    fixed: tuple[float | None, ...] = ()
    order: tuple[int, ...] = ()
    zeros: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if not self.fixed:
            object.__setattr__(self, "fixed", (None,) * len(self.names))

    @property
    def q(self) -> int:
        """Number of latent variables."""
        return len(self.names)

    @property
    def direct(self) -> bool:
        """Whether the working coordinates are the natural parameters themselves."""
        return False

    def pairs(self) -> list[tuple[int, int]]:
        """(row, column) of every free parameter: i == j a variance, i > j a covariance."""
        if self.kind == "identity":
            return [] if self.fixed[0] is not None else [(0, 0)]
        return [
            (i, j) for i in range(self.q) for j in range(i + 1)
            if (i != j and self.kind == "unstructured" and (i, j) not in self.zeros)
            or (i == j and self.fixed[i] is None)
        ]

    @property
    def sequence(self) -> list[int]:
        """The latent variables in the order in which T is lower triangular."""
        return list(self.order or range(self.q))

    def places(self) -> list[tuple[int, int]]:
        """(row, column) of T that belongs to every pair."""
        rank = {m: k for k, m in enumerate(self.sequence)}
        return [(i, j) if rank[i] >= rank[j] else (j, i) for i, j in self.pairs()]

    def reach(self) -> np.ndarray:
        """Where T (q, q) can differ from zero."""
        if self.kind in ("diagonal", "identity"):
            return np.eye(self.q, dtype=bool)
        out = _in_order(np.tri(self.q, dtype=bool), np.argsort(self.sequence))
        for i, j in self.zeros:
            out[i, j] = out[j, i] = False
        return out

    def parameter_names(self) -> tuple[str, ...]:
        """var[latent] and cov[latent,latent], in the order of ``pairs``."""
        return tuple(
            f"var[{self.names[i]}]" if i == j else f"cov[{self.names[j]},{self.names[i]}]"
            for i, j in self.pairs()
        )

    def root(self, working: np.ndarray) -> np.ndarray:
        """T (..., q, q) from working coordinates (..., k)."""
        t = np.zeros(working.shape[:-1] + (self.q, self.q), dtype=working.dtype)
        for value, (i, j) in zip(np.moveaxis(working, -1, 0), self.places()):
            t[..., i, j] = value
        for i, variance in enumerate(self.fixed):
            if variance is not None:
                t[..., i, i] = 1.0
                norm = np.sqrt((t[..., i, :] ** 2).sum(-1))
                t[..., i, :] *= (np.sqrt(variance) / norm)[..., None]
        if self.kind == "identity":
            for i in range(1, self.q):
                t[..., i, i] = t[..., 0, 0]
        return t

    def root_adjoint(self, working: np.ndarray, t_bar: np.ndarray) -> np.ndarray:
        """Derivative in the working coordinates (..., k) from that in T (..., q, q)."""
        if self.kind == "identity":
            trace = np.einsum("...ii->...", t_bar)
            return trace[..., None] * np.ones(len(self.pairs()))
        t_bar = t_bar.astype(np.result_type(working, t_bar), copy=True)
        for i, variance in enumerate(self.fixed):
            if variance is not None:
                a = np.zeros(working.shape[:-1] + (self.q,), dtype=working.dtype)
                for value, (row, j) in zip(np.moveaxis(working, -1, 0), self.places()):
                    if row == i:
                        a[..., j] = value
                a[..., i] = 1.0
                square = (a**2).sum(-1)[..., None]
                along = (a * t_bar[..., i, :]).sum(-1)[..., None] / square
                t_bar[..., i, :] = (t_bar[..., i, :] - along * a) * np.sqrt(variance / square)
        return np.stack([t_bar[..., i, j] for i, j in self.places()], -1) if self.pairs() else (
            np.zeros(t_bar.shape[:-2] + (0,), dtype=t_bar.dtype))

    def natural(self, working: np.ndarray) -> np.ndarray:
        """Free variances and covariances (..., k) from working coordinates (..., k)."""
        t = self.root(working)
        psi = t @ np.swapaxes(t, -1, -2)
        rows, columns = np.array(self.pairs(), dtype=int).reshape(-1, 2).T
        return psi[..., rows, columns]

    def matrix(self, natural: np.ndarray) -> np.ndarray:
        """Psi (..., q, q) from the natural parameters (..., k)."""
        psi = np.zeros(natural.shape[:-1] + (self.q, self.q), dtype=natural.dtype)
        for value, (i, j) in zip(np.moveaxis(natural, -1, 0), self.pairs()):
            psi[..., i, j] = psi[..., j, i] = value
        for i, variance in enumerate(self.fixed):
            if variance is not None:
                psi[..., i, i] = variance
        if self.kind == "identity":
            for i in range(1, self.q):
                psi[..., i, i] = psi[..., 0, 0]
        return psi

    def working(self, natural: np.ndarray) -> np.ndarray:
        """Working coordinates (k,) from the natural parameters (k,).

        Raises
        ------
        ValueError
            If the matrix is not positive semi-definite; the parameters are named.
        """
        t = self.checked_root(natural)
        for i, variance in enumerate(self.fixed):
            if variance is not None and self.q > 1:
                if t[i, i] == 0:
                    raise ValueError(f"the covariances of {self.names[i]}, whose variance is fixed, "
                                     "make a correlation of one; give smaller ones")
                t[i] /= t[i, i]
        return np.array([t[i, j] for i, j in self.places()])

    def checked_root(self, natural: np.ndarray) -> np.ndarray:
        """T (q, q) from the natural parameters (k,); ValueError where Psi is not psd."""
        psi = self.matrix(np.asarray(natural, float))
        t = psd_root(_in_order(psi, self.sequence))
        if t is None:
            raise ValueError(
                f"the covariance matrix of {', '.join(self.names)} is not positive semi-definite: "
                + ", ".join(f"{n} = {v:.6g}" for n, v in zip(self.parameter_names(), natural))
            )
        return _in_order(t, np.argsort(self.sequence))


@dataclass(frozen=True, slots=True)
class DirectCovariance(Covariance):
    r"""A covariance matrix whose working coordinates are its free elements.

    For what Cholesky elements cannot say: patterns of fixed covariances, and linear constraints on
    variances and covariances.  T is the Cholesky root, NaN where Psi is not positive semi-definite,
    so that a search stays inside.

    Attributes
    ----------
    pattern : tuple of tuples
        For the kind "pattern": rows of the lower triangle, numbers where fixed, None where free.
    """

    pattern: tuple[tuple[float | None, ...], ...] = ()

    @property
    def direct(self) -> bool:
        """Whether the working coordinates are the natural parameters themselves."""
        return True

    def pairs(self) -> list[tuple[int, int]]:
        """(row, column) of every free parameter: i == j a variance, i > j a covariance."""
        if self.kind != "pattern":
            return Covariance.pairs(self)
        return [(i, j) for i, row in enumerate(self.pattern) for j, value in enumerate(row)
                if value is None]

    def matrix(self, natural: np.ndarray) -> np.ndarray:
        """Psi (..., q, q) from the natural parameters (..., k)."""
        psi = Covariance.matrix(self, natural)
        for i, row in enumerate(self.pattern):
            for j, value in enumerate(row):
                if value is not None:
                    psi[..., i, j] = psi[..., j, i] = value
        return psi

    def root(self, working: np.ndarray) -> np.ndarray:
        """T (..., q, q) from working coordinates (..., k)."""
        root = cholesky(_in_order(self.matrix(working), self.sequence))
        return _in_order(root, np.argsort(self.sequence))

    def reach(self) -> np.ndarray:
        """Where T (q, q) can differ from zero: where Psi can, and what elimination fills in."""
        t = np.tri(self.q, dtype=bool) if self.kind != "pattern" else np.array(
            [[j <= i and self.pattern[i][j] != 0 for j in range(self.q)] for i in range(self.q)])
        for i, j in self.zeros:
            t[i, j] = False
        t = np.tril(_in_order(t | t.T, self.sequence))
        for j in range(self.q):
            t |= np.tril(np.outer(t[:, j], t[:, j])) & (np.arange(self.q) > j)
        return Covariance.reach(replace(self, zeros=())) & _in_order(t, np.argsort(self.sequence))

    def root_adjoint(self, working: np.ndarray, t_bar: np.ndarray) -> np.ndarray:
        """Derivative in the working coordinates (..., k) from that in T (..., q, q)."""
        bar = cholesky_adjoint(_in_order(self.root(working), self.sequence),
                               _in_order(t_bar, self.sequence))
        psi_bar = _in_order(bar, np.argsort(self.sequence))
        if self.kind == "identity":
            trace = np.einsum("...ii->...", psi_bar)
            return trace[..., None] * np.ones(len(self.pairs()))
        found = [psi_bar[..., i, j] * (1 if i == j else 2) for i, j in self.pairs()]
        return np.stack(found, -1) if found else np.zeros(psi_bar.shape[:-2] + (0,), psi_bar.dtype)

    def natural(self, working: np.ndarray) -> np.ndarray:
        """Free variances and covariances (..., k): the working coordinates."""
        return working

    def working(self, natural: np.ndarray) -> np.ndarray:
        """Working coordinates (k,): the natural parameters, if the matrix is positive semi-definite."""
        self.checked_root(natural)
        return np.array(natural, dtype=float)


def direct(c: Covariance) -> DirectCovariance:
    """The same covariance matrix in coordinates that are its natural parameters."""
    return c if c.direct else DirectCovariance(c.names, c.kind, c.fixed, c.order, c.zeros)


def patterned(names, pattern) -> Covariance:
    """Covariance matrix with a pattern, an array (q, q) of numbers where fixed, None where free.

    Raises
    ------
    ValueError
        Not square, not symmetric, or the fixed part is not positive semi-definite.
    """
    rows = tuple(tuple(row[:i + 1]) for i, row in enumerate(pattern))
    diagonal = tuple(row[-1] for row in rows)
    off = [value for row in rows for value in row[:-1]]
    if all(value is None for value in off):
        return Covariance(names, fixed=diagonal)
    if all(value == 0 for value in off):
        return Covariance(names, "diagonal", diagonal)
    zeros = tuple((i, j) for i, row in enumerate(rows)
                  for j, value in enumerate(row[:-1]) if value == 0)
    order = without_fill_in(len(names), zeros)
    if order is not None and sum(value is not None for value in off) == len(zeros):
        return Covariance(names, fixed=diagonal, order=order, zeros=zeros)
    return DirectCovariance(names, "pattern", diagonal, pattern=rows)


def fills_in(order, zeros) -> bool:
    """Whether elimination in an order fills in pairs (i > j) that are zero."""
    return any((max(i, k), min(i, k)) in zeros
               and not {(max(i, j), min(i, j)), (max(k, j), min(k, j))} & set(zeros)
               for j, i, k in combinations(order, 3))


def without_fill_in(q: int, zeros) -> tuple[int, ...] | None:
    """An order of q latent variables in which elimination fills in none of the zeros, () for their
    own; None if there is none (Rose, 1970, Journal of Mathematical Analysis and Applications 32,
    597-609: if there is one, any variable whose neighbours are all joined may come first)."""
    if not fills_in(range(q), zeros):
        return ()
    order, left = [], list(range(q))
    while left:
        first = next((j for j in left if not _unjoined(j, left, zeros)), None)
        if first is None:
            return None
        order.append(first)
        left.remove(first)
    return tuple(order)


def _unjoined(j, left, zeros) -> bool:
    """Whether two variables with a covariance with j have none with each other."""
    beside = [m for m in left if m != j and (max(m, j), min(m, j)) not in zeros]
    return any((max(i, k), min(i, k)) in zeros for i, k in combinations(beside, 2))


def in_other_order(c: Covariance, order) -> Covariance:
    """The same covariance matrix with T lower triangular in another order."""
    c = replace(c, order=tuple(order))
    return direct(c) if fills_in(c.sequence, c.zeros) else c


def _in_order(x: np.ndarray, order) -> np.ndarray:
    """Rows and columns of x (..., q, q) in another order."""
    return x[..., order, :][..., order]


def cholesky(psi: np.ndarray) -> np.ndarray:
    """Lower T (..., q, q) with T T' = Psi, of real or complex step input; a column of a zero pivot is
    zero, and all is NaN where Psi is not positive semi-definite."""
    t, q = np.zeros_like(psi), psi.shape[-1]
    impossible = np.zeros(psi.shape[:-2], dtype=bool)
    with np.errstate(all="ignore"):
        for j in range(q):
            rest = psi[..., j:, j] - (t[..., j:, :j] @ t[..., j, :j, None])[..., 0]
            pivot = rest[..., 0].real
            zero = pivot == 0
            impossible |= (pivot < 0) | (zero & (rest[..., 1:] != 0).any(axis=-1))
            root = np.sqrt(np.where(zero, 1.0, rest[..., 0]))
            t[..., j:, j] = np.where(zero[..., None], 0.0, rest / root[..., None])
    t[impossible] = np.nan
    return t


def cholesky_adjoint(t: np.ndarray, t_bar: np.ndarray) -> np.ndarray:
    """Derivative in Psi (..., q, q), symmetric, from that in its root T (Murray, 2016, arXiv
    1602.07527, equation 10)."""
    zero = np.einsum("...ii->...i", t) == 0
    filled = t + zero[..., None, :] * np.eye(t.shape[-1])
    inner = np.tril(np.swapaxes(t, -1, -2) @ t_bar)
    inner = inner - 0.5 * np.einsum("...ii->...i", inner)[..., None, :] * np.eye(t.shape[-1])
    inverse = np.linalg.inv(filled) * ~zero[..., None, :]
    psi_bar = np.swapaxes(inverse, -1, -2) @ inner @ inverse
    return 0.5 * (psi_bar + np.swapaxes(psi_bar, -1, -2))


def psd_root(psi: np.ndarray) -> np.ndarray | None:
    """Lower T with T T' = Psi, columns of zero pivots being zero; None if Psi is not psd."""
    if not np.isfinite(psi).all():
        return None
    q = len(psi)
    t = np.zeros((q, q))
    for j in range(q):
        rest = psi[j:, j] - t[j:, :j] @ t[j, :j]
        scale = ZERO_PIVOT * max(psi[j, j], 0.0)
        if rest[0] > scale:
            t[j:, j] = rest / np.sqrt(rest[0])
        elif rest[0] < -scale or np.abs(rest[1:]).max(initial=0.0) > 1e-5 * np.sqrt(
                max(psi[j, j], 1e-300) * np.diag(psi)[j + 1:].max(initial=0.0)) + 1e-300:
            return None
    return t
