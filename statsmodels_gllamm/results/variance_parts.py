r"""Variances of rows: between the units of every level, and of residuals.

On the scale of latent responses y* = nu + e, with A_l the loadings of a level's standard normal latent
variables on a row,

.. math:: v_l = A_l A_l', \qquad v_e = \mathrm{var}(e)

where var(e) is sigma^2 (Gaussian), that of log y (log-normal, Weibull and log-logistic durations),
pi^2/3 (logit), 1 (probit) and pi^2/6 (cloglog, loglog), times the square of a scale.  On the scale
of responses, for any distribution with a mean and a variance,

.. math:: c_l = \mathrm{cov}\{E(y \mid u), E(y' \mid u')\}, \qquad v_l = c_l - c_{l+1}, \qquad
          v_e = E\{\mathrm{var}(y \mid u)\}

of two rows of equal covariates that share the latent variables of level l and above (Goldstein,
Browne and Rasbash, 2002, Understanding Statistics 1, 223-231; Leckie et al., 2020, Psychological
Methods 25, 787-801), by exact integration.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.families.nominal import Nominal
from statsmodels_gllamm.integration.normal import joint_mean
from statsmodels_gllamm.responses.censored import CensoredResponse
from statsmodels_gllamm.responses.durations import Duration
from statsmodels_gllamm.responses.location_scale import LocationScale
from statsmodels_gllamm.responses.scaled import Scaled
from statsmodels_gllamm.results import linear, regression
from statsmodels_gllamm.results.expected import refuse_sets
from statsmodels_gllamm.results.implied import latent_response_variance
from statsmodels_gllamm.results.normal_average import PIECE
from statsmodels_gllamm.results.predict_averages import check_mean
from statsmodels_gllamm.results.rows import Rows

SCALES = ("latent", "response")


@dataclass(frozen=True, eq=False)
class RowParts:
    """Predictors of rows at some parameters.

    Attributes
    ----------
    o : ndarray (P, n)
        Linear predictors with disturbances of zero.
    a : ndarray (P, D, n)
        Loadings of the standard normal latent variables, bottom level first.
    aux : ndarray (m, n)
    """

    o: np.ndarray
    a: np.ndarray
    aux: np.ndarray


@dataclass(frozen=True, eq=False)
class VarianceRows:
    """Rows whose variances are wanted, without parameters.

    ``rows`` (Rows), ``take`` (m,) the positions wanted of them, ``outcomes`` of all.
    """

    model: object
    rows: Rows
    take: np.ndarray
    outcomes: object

    def at(self, working) -> RowParts:
        """Predictors of the rows taken."""
        model, rows = self.model, self.rows
        o, c = linear.linear_parts(model, working, rows)
        root = regression.solution(model.design, working, rows.regressors)[1]
        a = regression.loadings(c, root) if rows.random else np.zeros((len(o), 0, o.shape[1]))
        aux = linear.aux_predictors(model, working, self.outcomes, rows.data.n)
        return RowParts(o[:, self.take], a[..., self.take], aux[:, self.take])

    def levels(self, a) -> np.ndarray:
        """Variances (L, P, m) of the linear predictors between the units of every level."""
        ends = np.cumsum((0, *self.model.design.q))
        return np.array([(a[:, first:end] ** 2).sum(axis=1) for first, end in zip(ends, ends[1:])])

    def residual(self, parts: RowParts) -> np.ndarray:
        """Residual variances (m,) of latent responses; NaN where there are none."""
        family = self.model.fitted_family
        if isinstance(family, Nominal):
            scale = np.exp(2 * parts.aux[0]) if len(parts.aux) else 1.0
            return np.pi**2 / 3 * scale + np.zeros(len(self.take))
        out = np.full(len(self.take), np.nan)
        if len(parts.o) > 1:
            return out
        everyone = np.zeros(len(self.rows.offset), dtype=bool)
        rows, first, number = self.outcomes.rows, 0, 0
        for member in self.outcomes.members:
            size, response = member.y.shape[1], member.response
            mine = np.arange(first, first + size) if rows is None else rows[first:first + size]
            everyone[:] = False
            everyone[mine] = True
            own = everyone[self.take]
            m = len(response.aux_names)
            out[own] = _residual(response, parts.aux[number:number + m, own])
            first, number = first + size, number + m
        return out

    def means(self, parts: RowParts, kind="mean") -> Callable:
        """The function nu (P, ..., m) of means or variances given latent variables."""
        data = self.rows.data.on(self.take)
        return self.model.fitted_family.moments(kind, parts.aux, data, None)

    def response(self, working) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Means (m,), variances (L, m) between the units of every level, and within (m,)."""
        parts, q = self.at(working), self.model.design.q
        check_mean(self.model, self.outcomes, parts.a)
        found = [self._response(VarianceRows(self.model, self.rows, self.take[i], self.outcomes),
                                RowParts(parts.o[:, i], parts.a[..., i], parts.aux[:, i]), q)
                 for i in _pieces(len(self.take))]
        return tuple(np.concatenate(x, axis=-1) for x in zip(*found))

    @staticmethod
    def _response(some, parts: RowParts, q):
        mean, variance = some.means(parts), some.means(parts, "var")
        m = joint_mean(mean, parts.o, parts.a)
        within = joint_mean(variance, parts.o, parts.a)
        ends, shared = np.cumsum((0, *q)), [np.zeros_like(m)]
        for end in ends[-2::-1]:
            shared.append(joint_mean(lambda nu: (mean(nu) - m) ** 2, parts.o, parts.a) if end == 0
                          else _together(mean, parts, end) - m**2)
        return m, np.diff(np.array(shared), axis=0)[::-1], within


def _together(mean, parts: RowParts, below: int) -> np.ndarray:
    """E f(nu) f(nu') (m,) of two rows that share all but the first ``below`` latent variables."""
    p = len(parts.o)
    own, common = parts.a[:, :below], parts.a[:, below:]
    none = np.zeros_like(own)
    root = np.concatenate([np.concatenate([own, none, common], axis=1),
                           np.concatenate([none, own, common], axis=1)])
    return joint_mean(lambda nu: mean(nu[:p]) * mean(nu[p:]), np.concatenate([parts.o] * 2), root)


def _pieces(n: int) -> list[np.ndarray]:
    """Positions in pieces whose temporaries stay small."""
    return np.array_split(np.arange(n), max(-(-n // PIECE), 1))


def _residual(response, aux):
    """Variance (m,) of the residual of latent responses, or NaN."""
    if isinstance(response, CensoredResponse):
        response = response.inner
    scale = 1.0
    if isinstance(response, Scaled):
        scale, aux, response = np.exp(2 * aux[-1]), aux[:-1], response.inner
    elif "logscale" in response.aux_names:
        scale = np.exp(2 * aux[response.aux_names.index("logscale")])
    if isinstance(response, Duration):
        if response.gaussian:
            return np.exp(2 * aux[0])
        return response.sd**2 * (1.0 if response.hazard else response.scale(aux) ** 2)
    if response.gaussian or isinstance(response, LocationScale):
        found = response.variance(np.zeros(aux.shape[-1]), aux)
        return np.where(np.isfinite(found), found, np.nan)
    return latent_response_variance(response) * scale


def check_variances(model, what: str) -> None:
    """NotImplementedError for models without variances of rows that are known here."""
    refuse_sets(model, what)
    if model.structure.classes:
        raise NotImplementedError(f"{what} is not available for models with latent classes")
    if len(model.design.given):
        raise NotImplementedError(f"{what} is not available for models whose regressions= have "
                                  "products of latent variables")


def scale_of(model, found: VarianceRows, working, scale: str | None, what: str) -> str:
    """The scale asked for, by default that of latent responses where there are any."""
    if scale not in (None, *SCALES):
        raise ValueError(f"scale must be 'latent' or 'response', not {scale!r}")
    if scale == "response":
        return scale
    latent = np.isfinite(found.residual(found.at(working))).all()
    if scale is None:
        return "latent" if latent else "response"
    if not latent:
        raise ValueError(f"{model.fitted_family.name} has no latent response with a variance, so that "
                         f"{what} is not available on its scale; use scale='response'")
    return scale
