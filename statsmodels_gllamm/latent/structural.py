r"""Latent variables regressed on covariates, on each other, and on products of these.

.. math:: \eta = B(x) \eta + \Gamma w + \zeta, \quad \zeta = T u, \quad
          \eta = \{I - B(x)\}^{-1} (\Gamma w + T u)

B is acyclic, from the same or a higher level, and the covariates are constant within the units of a
latent variable's level.  Where paths depend on covariates, B(x) = B_0 + sum_k x_k B_k, the inverse
is a polynomial in x,

.. math:: \{I - B(x)\}^{-1} = \sum_\alpha x^\alpha M_\alpha, \quad M_0 = (I - B_0)^{-1}, \quad
          M_\alpha = M_0 \sum_{k \in \alpha} B_k M_{\alpha - k}

A row's predictor c'eta has the offset sum_alpha x^alpha c'M_alpha Gamma w and the loadings
sum_alpha x^alpha T'M_alpha'c (Rabe-Hesketh, Skrondal and Pickles, 2004, Psychometrika 69, 167-190).
"""
from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

NONE = -1


@dataclass(frozen=True)
class Structural:
    """Which elements of B and Gamma are parameters.

    Attributes
    ----------
    n : int
        Latent variables D.
    gamma : ndarray (g, 2)
        Latent variable and covariate of every parameter of Gamma.
    b : ndarray (h, 2)
        Latent variable and the one it is regressed on, of every parameter of B.
    by : ndarray (h,), optional
        The covariate that multiplies the cause; -1 for none.
    times : ndarray (h,), optional
        The latent variable that multiplies the cause, its moderator; -1 for none.
    """

    n: int
    gamma: np.ndarray
    b: np.ndarray
    by: np.ndarray | None = None
    times: np.ndarray | None = None

    def __post_init__(self) -> None:
        for name in ("by", "times"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, np.full(len(self.b), NONE))

    @property
    def products(self) -> bool:
        """Whether some path is multiplied by another latent variable."""
        return bool((self.times != NONE).any())

    @property
    def moderated(self) -> bool:
        """Whether some path differs between rows or with a latent variable."""
        return self.products or bool((self.by != NONE).any())

    @cached_property
    def n_covariates(self) -> int:
        """Covariates of latent variables, K."""
        return int(max(self.gamma[:, 1].max(initial=-1), self.by.max(initial=-1))) + 1

    @cached_property
    def paths(self) -> np.ndarray:
        """Elements of B (P, 5) when moderators have values: latent variable, cause, covariate that
        multiplies it or -1, parameter of B, and what multiplies that: -1 for one, m < D for what
        moderator m has of its disturbance, D + j for parameter j of Gamma."""
        found = []
        for number, ((to, of), by, m) in enumerate(zip(self.b, self.by, self.times)):
            found.append((to, of, by, number, m))
            if m != NONE:
                found += [(to, of, x, number, self.n + j)
                          for j, (on, x) in enumerate(self.gamma) if on == m]
        return np.array(found, dtype=np.int64).reshape(-1, 5)

    def reach(self) -> np.ndarray:
        """Whether each latent variable (D, D) depends on each, itself included."""
        step, by = np.eye(self.n, dtype=int), self.times != NONE
        step[self.b[:, 0], self.b[:, 1]] = 1
        step[self.b[by, 0], self.times[by]] = 1
        return np.linalg.matrix_power(step, self.n) > 0

    @cached_property
    def masks(self) -> dict[tuple[int, ...], np.ndarray]:
        """Products of covariates, as sorted numbers, and the elements of M (D, D) that they have;
        () first, then by degree."""
        def step(by):
            own = self.paths[self.paths[:, 2] == by]
            out = np.zeros((self.n, self.n), dtype=int)
            out[own[:, 0], own[:, 1]] = 1
            return out

        reach = np.linalg.matrix_power(step(NONE) + np.eye(self.n, dtype=int), self.n) > 0
        found, last = {(): reach}, {(): reach}
        covariates = np.setdiff1d(self.paths[:, 2], [NONE])
        while last:
            new: dict[tuple[int, ...], np.ndarray] = {}
            for alpha, mask in last.items():
                for k in covariates:
                    to = reach.astype(int) @ step(k) @ mask > 0
                    if to.any():
                        key = tuple(sorted((*alpha, int(k))))
                        new[key] = new[key] | to if key in new else to
            found |= new
            last = new
        return found

    @cached_property
    def effects(self) -> list[tuple[int, int, np.ndarray]]:
        """(product of covariates, covariate w, latent variables (D,) that its effect reaches)."""
        direct = np.zeros((self.n, self.n_covariates), dtype=int)
        direct[self.gamma[:, 0], self.gamma[:, 1]] = 1
        found = []
        for a, mask in enumerate(self.masks.values()):
            touched = mask.astype(int) @ direct > 0
            found += [(a, k, touched[:, k]) for k in range(self.n_covariates)
                      if touched[:, k].any()]
        return found

    def coefficients(self, gamma, b, disturbances=None) -> np.ndarray:
        """Values of the paths (..., P); ``disturbances`` (..., D) of the moderators."""
        kind = self.paths[:, 4]
        out = b[..., self.paths[:, 3]]
        if (kind != NONE).any():
            many = np.concatenate([disturbances, gamma], axis=-1)
            out = out * np.where(kind == NONE, 1.0, many[..., kind])
        return out

    def matrices(self, gamma, b) -> tuple[np.ndarray, np.ndarray]:
        """(I - B)^-1 (..., D, D) and Gamma (..., D, K) from their parameters (..., g), (..., h).

        Raises
        ------
        NotImplementedError
            B is not the same for all units, because regressions have products.
        """
        if self.moderated:
            raise NotImplementedError("this is not available for models whose regressions= have "
                                      "products of latent variables: effects differ between units")
        inverse, covariates = self.expansion(gamma, b)
        return inverse[0], covariates

    def expansion(self, gamma, b, disturbances=None) -> tuple[np.ndarray, np.ndarray]:
        """M (A, ..., D, D) of every product of covariates, and Gamma (..., D, K)."""
        coefficients = self.coefficients(gamma, b, disturbances)
        step = self._steps(coefficients)
        first = np.linalg.inv(np.eye(self.n) - step[NONE]) * self.masks[()]  # less rounding errors
        found = {(): first}
        for alpha, mask in list(self.masks.items())[1:]:
            found[alpha] = (first @ self._before(alpha, found, step)) * mask
        return np.stack(list(found.values())), self.gamma_matrix(gamma)

    def _steps(self, coefficients) -> dict[int, np.ndarray]:
        """B_k (..., D, D) of every covariate, B_0 under -1, from the paths' values (..., P)."""
        step = {}
        for k in {NONE, *self.paths[:, 2].tolist()}:
            own = np.flatnonzero(self.paths[:, 2] == k)
            step[k] = np.zeros(coefficients.shape[:-1] + (self.n, self.n), coefficients.dtype)
            for p in own:
                step[k][..., self.paths[p, 0], self.paths[p, 1]] += coefficients[..., p]
        return step

    @staticmethod
    def _before(alpha, found, step):
        """sum_k B_k M_{alpha - k}."""
        return sum(step[k] @ found[rest] for k, rest in _lower(alpha, found))

    def adjoint(self, gamma, b, inverse_bar, effect_bar):
        """Derivatives in the parameters of Gamma (..., g) and of B (..., h), without moderators.

        ``inverse_bar`` (A, ..., D, D) that in M from elsewhere, ``effect_bar`` (A, ..., D, K) that
        in M Gamma.
        """
        inverse, covariates = self.expansion(gamma, b)
        step = self._steps(self.coefficients(gamma, b))
        t = _transposed
        bar = inverse_bar + effect_bar @ t(covariates)
        gamma_bar = (t(inverse) @ effect_bar).sum(0)
        keys = list(self.masks)
        found, bars = dict(zip(keys, inverse)), dict(zip(keys, bar))
        step_bar = {k: np.zeros_like(inverse[0]) for k in step}
        for alpha in keys[:0:-1]:
            before = self._before(alpha, found, step)
            bars[()] = bars[()] + bars[alpha] @ t(before)
            before_bar = t(found[()]) @ bars[alpha]
            for k, rest in _lower(alpha, found):
                step_bar[k] = step_bar[k] + before_bar @ t(found[rest])
                bars[rest] = bars[rest] + t(step[k]) @ before_bar
        step_bar[NONE] = t(found[()]) @ bars[()] @ t(found[()])
        b_bar = np.stack([step_bar[by][..., to, of] for to, of, by, _, _ in self.paths.tolist()]
                         or [np.zeros(b.shape[:-1])], -1)[..., :len(self.b)]
        return gamma_bar[..., self.gamma[:, 0], self.gamma[:, 1]], b_bar

    def at_rows(self, b, covariates, latent=None) -> np.ndarray:
        """(I - B)^-1 (n, D, D) for covariates (K, n) and values ``latent`` (D, n) of moderators."""
        step = np.zeros((covariates.shape[1], self.n, self.n), dtype=b.dtype)
        for (to, of), by, m, value in zip(self.b, self.by, self.times, b):
            value = value if by == NONE else value * covariates[by]
            step[:, to, of] += value if m == NONE else value * latent[m]
        return np.linalg.inv(np.eye(self.n) - step)

    def gamma_matrix(self, gamma) -> np.ndarray:
        """Gamma (..., D, K) from its parameters (..., g)."""
        out = np.zeros(gamma.shape[:-1] + (self.n, self.n_covariates), dtype=gamma.dtype)
        out[..., self.gamma[:, 0], self.gamma[:, 1]] = gamma
        return out


def _lower(alpha, known):
    """(k, alpha without one k) of the distinct covariates of a product, where that is known."""
    for k in sorted(set(alpha)):
        rest = list(alpha)
        rest.remove(k)
        if tuple(rest) in known:
            yield k, tuple(rest)


def _transposed(x):
    return np.swapaxes(x, -1, -2)


def is_acyclic(n: int, b: np.ndarray) -> bool:
    """Whether no latent variable depends on itself through B, (h, 2) pairs (on, of)."""
    step = np.zeros((n, n))
    step[b[:, 0], b[:, 1]] = 1.0
    return not np.linalg.matrix_power(step, n).any()
