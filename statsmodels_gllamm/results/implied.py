r"""Moments of latent variables and items that the model implies, at any natural parameters.

.. math:: V = \mathrm{cov}(\eta) = M (\Gamma S_w \Gamma' + \Psi) M', \quad M = (I - B)^{-1}, \qquad
          \mathrm{cov}(y \mid w) = C M \Psi M' C' + \Theta

(Bollen, 1989, Structural Equations with Latent Variables, ch. 8).  S_w is the covariance matrix of
the covariates in the sample, with divisor n; C are the loadings of items, Theta their residual
variances.  Everything accepts complex parameters with leading batch axes, for derivatives.
"""
from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from statsmodels_gllamm.latent.hierarchy import first_rows
from statsmodels_gllamm.results.regression import regressors
from statsmodels_gllamm.results.units import unit_weights

KINDS = frozenset({"coef", "lambda", "gamma", "b", "cov", "rescov", "aux"})
LATENT_RESPONSE = {"logit": np.pi**2 / 3, "probit": 1.0, "cloglog": np.pi**2 / 6,
                   "loglog": np.pi**2 / 6}


def weighted_covariance(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Covariance matrix (K, K) of x (n, K) with weights (n,) and divisor their sum."""
    total = weight.sum()
    centred = x - weight @ x / total
    return (centred * weight[:, None]).T @ centred / total


def latent_names(model) -> list[str]:
    """Names of all latent variables, in the order of the design."""
    return [name for block in model.structure.blocks for name in block.names]


def latent_levels(model) -> list[int]:
    """Level of every latent variable."""
    return [block.level for block in model.structure.blocks for _ in block.names]


def covariate_names(model) -> list[str]:
    """Names of the covariates of the latent variables, in the order of Gamma's columns."""
    return [name for _, name in model.structure.regressors]


def covariate_covariance(model, rows=None) -> np.ndarray:
    """S_w (K, K), over the units of the lowest level with regressions on covariates; of those with
    some of the data ``rows`` (a mask (n,)), if given."""
    structural = model.design.structural
    if structural is None or not len(structural.gamma):
        return np.zeros((0, 0))
    lowest = min(latent_levels(model)[latent] for latent in structural.gamma[:, 0])
    level = model.structure.levels[lowest]
    w = regressors(model, model.sample.designs)[:, first_rows(level.codes, level.n_units)]
    weight = unit_weights(model, level)
    if rows is not None:
        weight = weight * (np.bincount(level.codes, rows, level.n_units) > 0)
    return weighted_covariance(w.T, weight)


def _t(matrix):
    return np.swapaxes(matrix, -1, -2)


@dataclass(frozen=True)
class Implied:
    """The model at natural parameters (..., k).

    Attributes
    ----------
    model : GLLAMMModel
    params : ndarray (..., k)
    """

    model: object
    params: np.ndarray

    @cached_property
    def _working(self) -> np.ndarray:
        """Working coordinates, in those of the covariances at the real part of the first batch."""
        design, working = self.model.design, self.params.copy()
        real = np.real(self.params).reshape(-1, self.params.shape[-1])[0]
        place = design.layout.positions("cov")
        working[..., place] = design.to_working(real)[place]
        return working

    @cached_property
    def _expanded(self) -> np.ndarray:
        return self.model.design.psi(self._working)

    @cached_property
    def psi(self) -> np.ndarray:
        """Covariance matrix of the disturbances (..., D, D)."""
        d = self.model.design.n_latent
        out = np.zeros(self.params.shape[:-1] + (d, d), dtype=self.params.dtype)
        first = 0
        for place, c in self.model.design.cov_slices():
            own = slice(first, first + c.q)
            out[..., own, own] = c.matrix(self.params[..., place])
            first += c.q
        return out

    @cached_property
    def regression(self) -> tuple[np.ndarray, np.ndarray]:
        """M = (I - B)^-1 (..., D, D) and Gamma (..., D, K)."""
        found = self.model.design.regression(self._working)
        if found is not None:
            return found
        d, batch = self.model.design.n_latent, self.params.shape[:-1]
        return np.broadcast_to(np.eye(d), batch + (d, d)), np.zeros(batch + (d, 0))

    @cached_property
    def given_covariates(self) -> np.ndarray:
        """M Psi M' (..., D, D): covariance matrix of the latent variables given covariates."""
        inverse, _ = self.regression
        return inverse @ self.psi @ _t(inverse)

    def latent(self, s_w) -> np.ndarray:
        """V (..., D, D): covariance matrix of the latent variables, with S_w (K, K) of covariates."""
        inverse, gamma = self.regression
        effect = inverse @ gamma
        return self.given_covariates + effect @ s_w @ _t(effect)

    def loadings(self, rows: np.ndarray) -> np.ndarray:
        """C (..., m, D): loadings of the latent variables on engine rows (m,)."""
        design = self.model.design
        _, loadings, _, _ = design._parts(self._working)
        return self._columns(rows) @ design._contributions(loadings)

    def means(self, rows) -> np.ndarray:
        """Means (..., m) of the linear predictors of engine rows given covariates, less offset."""
        return (self._columns(rows) @ self._expanded[..., :1])[..., 0]

    def mean_variance(self, covariances: np.ndarray) -> np.ndarray:
        """Variances (..., p) of means, of covariance matrices (p, r, r) of the row columns."""
        xi = self._expanded[..., 0]
        return np.einsum("...r,prs,...s->...p", xi, covariances, xi)

    def residual_variances(self, rows, members) -> np.ndarray:
        """Variances (..., m) of the items' residuals, or of those of latent responses; NaN where
        there is no such thing."""
        columns, d = self._columns(rows), self.model.design.n_latent
        out = np.full(self.params.shape[:-1] + (len(rows),), np.nan, dtype=self.params.dtype)
        first = 0
        for number, member in enumerate(self.model.outcomes.members):
            own, response = np.flatnonzero(members == number), member.response
            if response.gaussian and len(response.aux_names) == 1:
                logsd = (columns[own] @ self._expanded[..., 1 + d + first, None])[..., 0]
                out[..., own] = np.exp(2 * logsd)
            else:
                out[..., own] = latent_response_variance(response)
            first += len(response.aux_names)
        return out

    def residual_covariance(self, rows, members) -> np.ndarray:
        """Theta (..., m, m) of items: the one place that knows which residuals are correlated."""
        out = self.residual_variances(rows, members)[..., None] * np.eye(len(rows))
        residuals = getattr(self.model.structure, "residuals", None)
        if residuals is None:
            return out
        labels = residuals.labels[rows]
        values = np.moveaxis(self.params[..., self.model.design.layout.positions("rescov")], -1, 0)
        for (a, b), value in zip(residuals.pairs, values):
            i, j = np.flatnonzero(labels == a), np.flatnonzero(labels == b)
            if len(i) and len(j):
                out[..., i, j] = out[..., j, i] = value[..., None]
        return out

    def item_covariance(self, rows, members) -> np.ndarray:
        """Covariance matrix (..., m, m) of items given covariates, C M Psi M' C' + Theta."""
        c = self.loadings(rows)
        return c @ self.given_covariates @ _t(c) + self.residual_covariance(rows, members)

    def _columns(self, rows) -> np.ndarray:
        """Row columns (m, r) of engine rows."""
        return np.stack([column[rows] for column in self.model.structure.columns], axis=-1)


def latent_response_variance(response) -> float:
    """Variance of the residual of the latent response y* = nu + e of a binary or ordinal response:
    pi^2/3 (logit), 1 (probit), pi^2/6 (cloglog, loglog); NaN of others."""
    family, _, link = response.name.partition("(")
    known = family in ("Binomial", "Ordinal")
    return LATENT_RESPONSE.get(link.rstrip(")"), np.nan) if known else np.nan


def implied(model, params) -> Implied:
    """The model's moments at natural parameters (..., k).

    Raises
    ------
    NotImplementedError
        Regressions of latent variables have products, or the model has parameters of which moments
        are not known here.
    """
    layout, structural = model.design.layout, model.design.structural
    other = [block.names[0] for block in layout.blocks if block.kind not in KINDS and block.names]
    if other:
        raise NotImplementedError(f"moments are not available for a model with {other[0]}")
    if getattr(structural, "moderated", False):
        raise NotImplementedError("moments are not available for a model whose regressions have "
                                  "products of latent variables: they differ between units")
    return Implied(model, np.asarray(params))
