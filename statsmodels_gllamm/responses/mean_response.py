r"""Responses with a positive mean: derivatives in the log mean g, carried to nu by the chain rule.

With d1, d2, d3 the derivatives of the log density in g, and g1, g2, g3 those of g in nu,

.. math:: \ell' = d_1 g_1, \quad \ell'' = d_2 g_1^2 + d_1 g_2, \quad
          \ell''' = d_3 g_1^3 + 3 d_2 g_1 g_2 + d_1 g_3

and alike for their derivatives in an auxiliary predictor.  A family gives the functions of g.
"""
from __future__ import annotations

from abc import abstractmethod

import numpy as np

from statsmodels_gllamm.responses.base import Response, quiet
from statsmodels_gllamm.responses.links import Log, MeanLink


class MeanResponse(Response):
    """A distribution given by its log mean g, and a `MeanLink`."""

    link: MeanLink

    @property
    def name(self) -> str:
        return f"{self.family}({self.link.name})"

    @property
    def bounded(self) -> bool:
        return self.link.bounded

    @property
    @abstractmethod
    def family(self) -> str:
        """Name of the distribution."""

    @abstractmethod
    def kernel_g(self, y, g, aux):
        """Log density less its constant; accepts complex g and aux."""

    @abstractmethod
    def derivatives_g(self, y, g, aux):
        """d1, d2, d3."""

    @abstractmethod
    def information_g(self, g, aux):
        """Expectation of -d2 - which is that in nu divided by g1^2."""

    @abstractmethod
    def aux_score_g(self, y, g, aux):
        """Derivatives of the log density, constant included, in aux (m, ..., n)."""

    @abstractmethod
    def aux_derivatives_g(self, y, g, aux):
        """Derivatives of d1 and of d2 in aux (m, ..., n)."""

    def aux_curvature_g(self, y, g, aux):
        """Second derivatives in aux (m, m, ..., n) where they are known; else None."""
        return None

    def _inside(self, nu):
        """nu, with some value of the support put outside of it, and the mask outside or None."""
        if not self.link.bounded:
            return nu, None
        outside = self.link.outside(nu)
        if not outside.any():
            return nu, None
        return np.where(outside, self.link.inner, nu), outside

    @quiet
    def kernel(self, y, nu, aux=None):
        nu, outside = self._inside(nu)
        value = self.kernel_g(y, self.link.log_mean(nu), aux)
        return _filled(value, outside, -np.inf)

    @quiet
    def derivatives(self, y, nu, aux=None):
        nu, outside = self._inside(nu)
        d1, d2, d3 = self.derivatives_g(y, self.link.log_mean(nu), aux)
        if isinstance(self.link, Log):
            return d1, d2, d3
        g1, g2, g3 = self.link.log_mean_derivatives(nu)
        values = d1 * g1, d2 * g1 * g1 + d1 * g2, d3 * g1 * g1 * g1 + 3 * d2 * g1 * g2 + d1 * g3
        return tuple(_filled(value, outside, 0.0) for value in values)

    @quiet
    def expected_information(self, y, nu, aux=None):
        nu, outside = self._inside(nu)
        g1 = self.link.log_mean_derivatives(nu)[0]
        return _filled(self.information_g(self.link.log_mean(nu), aux) * g1 * g1, outside, 0.0)

    @quiet
    def aux_score(self, y, nu, aux=None):
        if not self.aux_names:
            return super().aux_score(y, nu, aux)
        nu, outside = self._inside(nu)
        return _filled(self.aux_score_g(y, self.link.log_mean(nu), aux), outside, 0.0)

    @quiet
    def aux_derivatives(self, y, nu, aux=None):
        if not self.aux_names:
            return super().aux_derivatives(y, nu, aux)
        nu, outside = self._inside(nu)
        g = self.link.log_mean(nu)
        d1a, d2a = self.aux_derivatives_g(y, g, aux)
        if isinstance(self.link, Log):
            return d1a, d2a
        g1, g2, _ = self.link.log_mean_derivatives(nu)
        return (_filled(d1a * g1, outside, 0.0),
                _filled(d2a * g1 * g1 + d1a * g2, outside, 0.0))

    @quiet
    def aux_curvature(self, y, nu, aux=None):
        if not self.aux_names:
            return super().aux_curvature(y, nu, aux)
        inside, outside = self._inside(nu)
        value = self.aux_curvature_g(y, self.link.log_mean(inside), aux)
        if value is None:
            return super().aux_curvature(y, nu, aux)
        return _filled(value, outside, 0.0)

    def mean(self, nu, aux=None, y=None):
        return self.link.mean(nu)


def _filled(x, outside, value):
    """x with a value set where ``outside`` (the last axes of x) is true."""
    if outside is not None:
        x[..., outside] = value
    return x
