r"""The contract of a response whose outcomes take the linear predictors of several rows.

.. math:: \ell_s = \text{kernel}(y_s, \nu_{i \in s}, \phi_s) + \text{constant}(y_s, \phi_s)

A set s is one outcome: the alternatives of a choice, or the main and the zero predictor of a
count.  Derivatives in the rows' nu couple the rows of a set; they are given as products with
vectors, so that nothing of the size (rows of a set)^2 or ^3 is ever stored.
"""
from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from statsmodels_gllamm.responses.base import Distribution


class LocalDerivatives(ABC):
    """Derivatives of the log density at one point nu (..., n); u and v are (..., n)."""

    first: np.ndarray

    @abstractmethod
    def second(self, v) -> np.ndarray:
        """l2 v (..., n)."""

    @abstractmethod
    def third(self, u, v) -> np.ndarray:
        """sum over j, k of l3_ijk u_j v_k (..., n)."""

    def ascent(self, v) -> np.ndarray:
        """A positive semidefinite stand-in for -l2 times v; -l2 v itself where log-concave."""
        return -self.second(v)

    def aux_first(self, v) -> np.ndarray:
        """sum over rows j of a set of v_j d l1_j / d phi (m', ..., S)."""
        return np.zeros((0,))

    def aux_second(self, u, v) -> np.ndarray:
        """sum over rows j, k of a set of u_j v_k d l2_jk / d phi (m', ..., S)."""
        return np.zeros((0,))


class SetResponse(Distribution):
    r"""A distribution of outcomes that take several linear predictors; it holds no data.

    Shapes: rows n and outcomes S stand last.  ``y`` (c, n) are row statistics; ``nu`` is (..., n);
    ``aux`` (m, n) auxiliary predictors, or (m', S) the sets' auxiliary values as in `Response`.
    ``sets`` are the `Runs` from rows to outcomes.
    """

    def row_aux(self, y, aux, sets) -> np.ndarray:
        """The sets' auxiliary values (m', S) from the predictors (m, n): those of the first row."""
        return aux[:, first_rows(sets)]

    def row_aux_adjoint(self, y, aux, bar, sets) -> np.ndarray:
        """Derivative in the predictors (m, n) from that in the sets' values (m', S)."""
        out = np.zeros((len(bar), sets.n))
        out[:, first_rows(sets)] = bar
        return out

    def constant(self, y, aux, sets) -> np.ndarray:
        """Terms of the log density free of nu (S,)."""
        return np.zeros(sets.size)

    @abstractmethod
    def kernel(self, y, nu, aux, sets) -> np.ndarray:
        """Log density less `constant` (..., S); accepts complex ``nu`` and ``aux``."""

    @abstractmethod
    def kernel_score(self, y, nu, aux, sets) -> tuple[np.ndarray, np.ndarray]:
        """Kernel (..., S) and its derivative in each row's nu (..., n): the hot loop over nodes."""

    @abstractmethod
    def local(self, y, nu, aux, sets) -> LocalDerivatives:
        """Derivatives at nu (..., n)."""

    def aux_score(self, y, nu, aux, sets) -> np.ndarray:
        """Derivatives of the log density, constant included, in aux (m', ..., S)."""
        return np.zeros((0,) + np.shape(nu)[:-1] + (sets.size,))

    def aux_curvature(self, y, nu, aux, sets) -> np.ndarray:
        """Second derivatives of the log density in aux (m', m', ..., S)."""
        return np.zeros((0, 0) + np.shape(nu)[:-1] + (sets.size,))

    @abstractmethod
    def mean(self, nu, aux, y, sets) -> np.ndarray:
        """Mean of the response: per row (..., n), or per outcome (..., S)."""

    @abstractmethod
    def simulate(self, rng, nu, aux, y, sets) -> np.ndarray:
        """Random responses, of the shape of `mean` without node axes."""

    def aux_start(self, y, mu) -> np.ndarray:
        """Starting values of constant auxiliary predictors (m,)."""
        return np.zeros(len(self.aux_names))

    def describe_constant(self, y) -> str | None:
        """What the response is if it does not vary, else None."""
        return None


def first_rows(sets) -> np.ndarray:
    """The first row of every set (S,)."""
    return np.arange(sets.size) if sets.counts is None else sets.starts


def set_max(x, sets) -> np.ndarray:
    """Largest real part in every set: (..., n) -> (..., S)."""
    x = np.real(x)
    if sets.counts is None:
        return x.reshape(x.shape[:-1] + (sets.n // sets.size, sets.size)).max(-2)
    return np.maximum.reduceat(x, sets.starts, axis=-1)
