r"""Responses whose linear predictor is divided by a scale sigma, such as the scaled probit.

.. math:: \ell(\nu, \phi) = \ell_0(x), \qquad x = \nu e^{-\phi}, \quad \phi = \log\sigma

With l1, l2, l3 the derivatives of the inner response at x and s = e^-phi, those in nu are
s l1, s^2 l2, s^3 l3, and with dx/dphi = -x

    d/dphi l = -x l1,    d2/dphi2 l = x l1 + x^2 l2,
    d/dphi (s l1) = -s (l1 + x l2),    d/dphi (s^2 l2) = -s^2 (2 l2 + x l3).

Skrondal and Rabe-Hesketh (2004), Generalized Latent Variable Modeling, section 2.3.4: a binary
response with a latent one whose residual standard deviation depends on covariates.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.responses.base import Around, Response, quiet, without_weight


@dataclass(frozen=True)
class Scaled(Around, Response):
    """A response with its linear predictor divided by e^logscale, its last auxiliary predictor.

    Parameters
    ----------
    inner : Response
        With or without auxiliary predictors of its own.
    """

    inner: Response

    @property
    def name(self) -> str:
        return f"Scaled {self.inner.name}"

    @property
    def aux_names(self) -> tuple[str, ...]:
        return (*self.inner.aux_names, "logscale")

    @property
    def aux_limits(self) -> tuple[float, ...]:
        limits = self.inner.aux_limits
        return (*limits, np.inf) if limits else ()

    @property
    def categories(self) -> tuple | None:
        return self.inner.categories

    @property
    def log_concave(self) -> bool:
        return self.inner.log_concave

    @property
    def gaussian(self) -> bool:
        return self.inner.gaussian

    @property
    def mass_at_zero(self) -> bool:
        return self.inner.mass_at_zero

    @property
    def n_row_aux(self) -> int:
        return self.inner.n_row_aux + 1

    def prepare(self, endog, n_trials=None, *, index=None, columns=None):
        return self.inner.prepare(endog, n_trials, index=index, columns=columns)

    def blank(self, n, n_trials=None, columns=None):
        return self.inner.blank(n, n_trials, columns)

    def row_aux(self, y, aux):
        return np.concatenate([self.inner.row_aux(y, aux[:-1]), aux[-1:]])

    def row_aux_adjoint(self, y, aux, bar):
        return np.concatenate([self.inner.row_aux_adjoint(y, aux[:-1], bar[:-1]), bar[-1:]])

    def constant(self, y, aux):
        return self.inner.constant(y, aux[:-1])

    @quiet
    def kernel(self, y, nu, aux):
        return self.inner.kernel(y, nu * np.exp(-aux[-1]), aux[:-1])

    @quiet
    def kernel_score(self, y, nu, aux):
        scale = np.exp(-aux[-1])
        kernel, score = self.inner.kernel_score(y, nu * scale, aux[:-1])
        return kernel, without_weight(kernel, score * scale)

    @quiet
    def derivatives(self, y, nu, aux):
        scale = np.exp(-aux[-1])
        first, second, third = self.inner.derivatives(y, nu * scale, aux[:-1])
        return (_product(first, scale), _product(second, scale, scale),
                _product(third, scale, scale, scale))

    @quiet
    def curvature(self, y, nu, aux):
        scale = np.exp(-aux[-1])
        return _product(self.inner.curvature(y, nu * scale, aux[:-1]), scale, scale)

    @quiet
    def expected_information(self, y, nu, aux):
        scale = np.exp(-aux[-1])
        return _product(self.inner.expected_information(y, nu * scale, aux[:-1]), scale, scale)

    @quiet
    def aux_score(self, y, nu, aux):
        x = nu * np.exp(-aux[-1])
        first = self.inner.derivatives(y, x, aux[:-1])[0]
        own = without_weight(self.inner.kernel(y, x, aux[:-1]), -_product(first, x))
        return np.concatenate([self.inner.aux_score(y, x, aux[:-1]), own[None]])

    @quiet
    def aux_derivatives(self, y, nu, aux):
        scale = np.exp(-aux[-1])
        x = nu * scale
        first, second, third = self.inner.derivatives(y, x, aux[:-1])
        d1, d2 = self.inner.aux_derivatives(y, x, aux[:-1])
        own1 = -_product(first + _product(second, x), scale)
        own2 = -_product(2 * second + _product(third, x), scale, scale)
        return (np.concatenate([_product(d1, scale), own1[None]]),
                np.concatenate([_product(d2, scale, scale), own2[None]]))

    @quiet
    def aux_curvature(self, y, nu, aux):
        x = nu * np.exp(-aux[-1])
        first, second, _ = self.inner.derivatives(y, x, aux[:-1])
        value = np.empty((len(aux),) * 2 + np.shape(x))
        value[:-1, :-1] = self.inner.aux_curvature(y, x, aux[:-1])
        value[:-1, -1] = value[-1, :-1] = -_product(
            self.inner.aux_derivatives(y, x, aux[:-1])[0], x)
        value[-1, -1] = _product(first, x) + _product(second, x, x)
        return value

    @quiet
    def mean(self, nu, aux, y=None):
        return self.inner.mean(nu * np.exp(-aux[-1]), aux[:-1], y)

    @quiet
    def variance(self, nu, aux, y=None):
        return self.inner.variance(nu * np.exp(-aux[-1]), aux[:-1], y)

    @quiet
    def probabilities(self, nu, aux, y=None):
        return self.inner.probabilities(nu * np.exp(-aux[-1]), aux[:-1], y)

    @quiet
    def simulate(self, rng, nu, aux, y=None):
        return self.inner.simulate(rng, nu * np.exp(-aux[-1]), aux[:-1], y)

    def aux_start(self, y, mu):
        return np.append(self.inner.aux_start(y, mu), 0.0)

    def describe_constant(self, y):
        return self.inner.describe_constant(y)


def _product(derivative, *factors):
    """A derivative times factors that may be infinite where it is zero."""
    value = derivative
    for factor in factors:
        value = value * factor
    return np.where(derivative == 0, 0.0, value)
