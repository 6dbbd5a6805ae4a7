r"""The working response of a generalised linear model: normal with a known variance in every row.

.. math:: z = \nu + \ell'(\nu) / w, \qquad w = E(-\ell''(\nu)), \qquad
          z \sim N(\nu,\; \phi / w)

with derivatives at phi = 1; so that z = nu + (y - mu) / h'(nu) and w = h'(nu)^2 / V(mu), where h is
the inverse link (McCullagh and Nelder, 1989, section 2.5).  phi = exp(2 a) is the dispersion of
responses that have one, a their auxiliary predictor; one for others.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.responses.base import Response, quiet
from statsmodels_gllamm.responses.binomial import Binomial
from statsmodels_gllamm.responses.gamma import Gamma
from statsmodels_gllamm.responses.gaussian import GaussianBase
from statsmodels_gllamm.responses.inverse_gaussian import InverseGaussian
from statsmodels_gllamm.responses.logit import BinomialLogit
from statsmodels_gllamm.responses.negative_binomial import NegativeBinomial
from statsmodels_gllamm.responses.poisson import Poisson, PoissonPower
from statsmodels_gllamm.responses.special import HALF_LOG_2PI

WITHOUT = Binomial, BinomialLogit, Poisson, PoissonPower
WITH_DISPERSION = GaussianBase, Gamma, InverseGaussian


def has_working_response(response) -> bool:
    """Whether a response is that of a generalised linear model: a mean, and a variance that is a
    known function of it but for a factor."""
    if isinstance(response, NegativeBinomial):
        return not response.aux_names  # alpha is given
    return isinstance(response, (*WITHOUT, *WITH_DISPERSION))


@quiet
def working_statistics(response, y: np.ndarray, nu: np.ndarray) -> np.ndarray:
    """z and w (2, n) at a linear predictor (n,); not finite where it is impossible."""
    aux = np.zeros((len(response.aux_names), len(nu)))
    weight = response.expected_information(y, nu, aux)
    return np.stack([nu + response.derivatives(y, nu, aux)[0] / weight, weight])


@dataclass(frozen=True)
class WorkingResponse(Response):
    """Normal with variance exp(2 aux) / w; row statistics z and w, ``aux_names`` one or none."""

    aux_names: tuple[str, ...] = ()
    log_concave = True
    gaussian = True

    @property
    def name(self) -> str:
        return "Working response"

    def prepare(self, endog, n_trials=None, *, index=None, columns=None):
        raise NotImplementedError("working responses are made from a linear predictor")

    def _precision(self, y, aux):
        return y[1] * np.exp(-2 * aux[0]) if self.aux_names else y[1]

    def constant(self, y, aux=None):
        log_sd = aux[0] if self.aux_names else 0.0
        return 0.5 * np.log(y[1]) - log_sd - HALF_LOG_2PI

    def kernel(self, y, nu, aux=None):
        residual = y[0] - nu
        return -0.5 * residual * residual * self._precision(y, aux)

    def derivatives(self, y, nu, aux=None):
        precision, zero = self._precision(y, aux), np.zeros(np.shape(nu))
        return (y[0] - nu) * precision, zero - precision, zero

    def expected_information(self, y, nu, aux=None):
        return self._precision(y, aux) + np.zeros(np.shape(nu))

    def aux_score(self, y, nu, aux=None):
        if not self.aux_names:
            return super().aux_score(y, nu, aux)
        return (-2 * self.kernel(y, nu, aux) - 1)[None]

    def aux_derivatives(self, y, nu, aux=None):
        if not self.aux_names:
            return super().aux_derivatives(y, nu, aux)
        first, second, _ = self.derivatives(y, nu, aux)
        return -2 * first[None], -2 * second[None]

    def aux_curvature(self, y, nu, aux=None):
        if not self.aux_names:
            return super().aux_curvature(y, nu, aux)
        return 4 * self.kernel(y, nu, aux)[None, None]

    def mean(self, nu, aux=None, y=None):
        return +nu

    def variance(self, nu, aux=None, y=None):
        return 1 / self._precision(y, aux) + np.zeros(np.shape(nu))

    def simulate(self, rng, nu, aux=None, y=None):
        return rng.normal(nu, np.sqrt(self.variance(nu, aux, y)))
