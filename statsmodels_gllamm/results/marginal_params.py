r"""Population-averaged coefficients.

With E(mu_i) the exact mean of a row over the latent variables and h the inverse link, m_i is the
linear predictor of a model without latent variables with the same mean, and beta_M the coefficients
that these linear predictors follow best,

.. math:: h(m_i) = E\{h(\nu_i)\}, \qquad
          \beta_M = (X' W X)^{-1} X' W (m - \text{offset})

with frequency weights W (Hedeker, du Toit, Demirtas and Gibbons, 2018, Biometrics 74, 354-361).  Of
an ordinal response m_is = kappa_s - nu is what has the marginal probabilities, for every threshold s,

.. math:: F(m_{is} / \sigma) = E\{P(y_i \le s)\}, \qquad m_{is} \approx \kappa_s^M - x_i'\beta_M

and of a nominal one m_ij = log E(P_ij) - log E(P_i,base).
"""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from statsmodels_gllamm.families.mixed import MixedFamily
from statsmodels_gllamm.families.nominal import Nominal
from statsmodels_gllamm.families.ordinal import Ordinal
from statsmodels_gllamm.latent.sampling import row_weights
from statsmodels_gllamm.responses.base import quiet
from statsmodels_gllamm.responses.ordinal import POSSIBLE, QUANTILES, possible_codes
from statsmodels_gllamm.results import linear
from statsmodels_gllamm.results.delta import estimates
from statsmodels_gllamm.results.derived import DerivedEstimates
from statsmodels_gllamm.results.expected import expected, needs_sample, refuse_sets
from statsmodels_gllamm.results.rows import Asked, rows_of
from statsmodels_gllamm.results.variables import distinct_rows

WHAT = "marginal_params()"
DOUBLINGS, STEPS = 60, 100
COLLINEAR = 1e-9


class MarginalParams(DerivedEstimates):
    """Population-averaged coefficients with standard errors.

    Attributes
    ----------
    params, bse, tvalues, pvalues : Series (m,)
    conditional : Series (m,)
        The model's own coefficients, given the latent variables.
    discrepancy : float
        Largest distance, over the rows of the sample, of the linear predictor that has exactly the
        marginal mean from that of the population-averaged coefficients; zero where the margin is of
        the same form.
    """

    def __init__(self, params, cov, conditional, discrepancy):
        note = ("Linear predictors that have exactly the marginal means differ from those of these "
                f"coefficients by at most {discrepancy:.2g}.")
        super().__init__(params, cov, "Population-averaged coefficients", [note])
        self.conditional, self.discrepancy = conditional, discrepancy


def marginal_params(results) -> MarginalParams:
    """Population-averaged coefficients; see ``GLLAMMResults.marginal_params``."""
    model = results.model
    _refuse(model)
    sought = _Margin(results)
    at = results.record.working

    def function(working):
        return sought.solution(working)[0]

    values, cov = estimates(results, function)
    own = pd.Series(results.params, model.param_names).reindex(sought.names)
    return MarginalParams(pd.Series(values, sought.names), cov, own, sought.solution(at)[1])


def _refuse(model) -> None:
    needs_sample(model, WHAT)
    refuse_sets(model, WHAT)
    family = model.fitted_family
    if len(model.structure.predictors) > 1 and not isinstance(family, Nominal):
        raise NotImplementedError(
            f"{WHAT} is not available for {family.name}, which has several linear predictors, so that "
            "its mean has no link; use predict(which='mean') or get_margeff()")
    if model.structure.regressors:
        key, column = model.structure.regressors[0]
        raise NotImplementedError(
            f"{WHAT} is not available for models whose regressions= have covariates, as {column!r}, "
            "which are no columns of the fixed part; use get_margeff()")
    if isinstance(family, MixedFamily) and any(
            member.response.categories is not None for member in model.outcomes.members):
        raise NotImplementedError(f"{WHAT} is not available for {family.name}, which has categories "
                                  "among other responses; use get_margeff()")
    if isinstance(family, Ordinal):
        if model.structure.classes:
            raise NotImplementedError(f"{WHAT} is not available for {family.name} with latent classes")
        if family.increments:
            raise NotImplementedError(f"{WHAT} is not available with increments=True, whose thresholds "
                                      "are not linear in the parameters; fit Ordinal() without")


class _Margin:
    """What marginal coefficients are made of, without parameters."""

    def __init__(self, results):
        model = results.model
        few = distinct_rows(model, WHAT)
        if few is None:
            data, offset, weight = None, model.sample.offset, row_weights(model.sample)
        else:
            data, offset, weight = few.data, few.offset, few.weight
        self.model, self.weight = model, np.sqrt(weight)
        self.expected = expected(results, data, offset, what=WHAT)
        self.rows = replace(rows_of(model, data, Asked("mean", "prior")), offset=offset)
        self.outcomes = model.fitted_family.outcomes(self.rows.data)
        self.labels = self.expected.labels
        names = model.param_names
        self.names = [names[i] for i in model.design.layout.positions("coef")]
        self.ordinal = isinstance(model.fitted_family, Ordinal)
        self.extra = _class_columns(model, self.rows)
        self.names += list(self.extra)
        if self.ordinal:
            y = self.outcomes.members[0].y
            if model.fitted_family.kind == "adjacent" and len(y) > POSSIBLE:
                raise NotImplementedError(f"{WHAT} is not available for adjacent categories where "
                                          "rows lack categories in between")
            self.possible = possible_codes(y, len(self.labels))
            block = self.outcomes.aux[0]
            self.cuts = list(dict.fromkeys(name for name, _, _ in block.terms))
            self.names += self.cuts

    def solution(self, working) -> tuple[np.ndarray, float]:
        """Coefficients (m,) and the largest distance of a row from them."""
        mean = self.expected.at(working)
        x = self._columns(working)
        aux = linear.aux_predictors(self.model, working, self.outcomes, self.rows.data.n)
        if self.ordinal:
            return self._ordinal(mean, x, aux)
        if self.labels is not None:
            return self._nominal(mean, x, aux)
        o = linear.linear_parts(self.model, working, self.rows)[0][0]
        of_nu = self.model.fitted_family.moments("mean", aux, self.rows.data, None)
        m = _inverse(lambda nu: of_nu(nu[None]), mean[0], o, self.rows.index)
        return _least_squares(x, m - self.rows.offset, self.weight, self.names)

    def _columns(self, working) -> np.ndarray:
        """X (n, p): columns of the fixed part, times the loadings of factors in them."""
        part = self.rows.parts["exog"]
        x = part.exog.to_numpy()
        if any(part.exog_factors):
            loading = linear.row_loadings(self.model.design, working, self.rows)
            x = x * np.column_stack([np.broadcast_to(loading[f], len(x)) for f in part.exog_factors])
        return np.column_stack([x, *self.extra.values()]) if self.extra else x

    def _ordinal(self, p, x, aux):
        family, block = self.model.fitted_family, self.outcomes.aux[0]
        k, n = p.shape
        above = np.cumsum(self.possible[::-1], axis=0)[::-1]
        m = _thresholds(p, family.kind, family.link)
        if len(aux) > k - 1:
            m = m * np.exp(aux[k - 1])
        parts, targets, weights = [], [], []
        for s in range(k - 1):
            rows = np.flatnonzero(self.possible[s] & (above[s + 1] > 0))
            cut = np.zeros((n, len(self.cuts)))
            for name, column, number in block.terms:
                if number == s:
                    cut[:, self.cuts.index(name)] += block.values[:, column]
            parts.append(np.column_stack([-x, cut])[rows])
            targets.append((m[s] + self.rows.offset)[rows])
            weights.append(self.weight[rows])
        return _least_squares(np.concatenate(parts), np.concatenate(targets),
                              np.concatenate(weights), self.names)

    def _nominal(self, p, x, aux):
        family = self.model.fitted_family
        base = family.categories.index(family.base)
        m = np.log(np.delete(p, base, axis=0)) - np.log(p[base])
        m = (m * np.exp(aux[0]) if len(aux) else m) - self.rows.offset
        found = [_least_squares(x, one, self.weight, self.names) for one in m]
        return np.concatenate([b for b, _ in found]), max(worst for _, worst in found)


def _class_columns(model, rows) -> dict[str, np.ndarray]:
    """Columns with class-specific coefficients that are no columns of the fixed part."""
    if not model.structure.classes:
        return {}
    designs = [rows.data.designs[key] for variable in model.classes for key in variable.parts]
    return {name: column.to_numpy() for design in designs for name, column in design.items()
            if name not in model.sample.exog.columns}


@quiet
def _thresholds(p, kind: str, link: str) -> np.ndarray:
    """kappa_s - nu (K - 1, n), over sigma, that have given probabilities (K, n)."""
    if kind == "adjacent":
        return np.log(p[:-1]) - np.log(p[1:])
    below = np.cumsum(p, axis=0)[:-1] if kind == "cumulative" else p[:-1]
    above = np.cumsum(p[::-1], axis=0)[::-1][1:]
    if kind != "cumulative":
        below, above = below / (below + above), above / (below + above)
    quantile, other = QUANTILES[link], {"cloglog": "loglog", "loglog": "cloglog"}.get(link, link)
    return np.where(below < 0.5, quantile(below), -QUANTILES[other](above))


def _inverse(function, target, start, index) -> np.ndarray:
    """nu (n,) with function(nu) = target, from a value on the same branch."""
    with np.errstate(all="ignore"):
        low, at_low = start.copy(), function(start) - target
        if not np.isfinite(at_low).all():
            raise ValueError(f"{WHAT} needs a mean for every row; row "
                             f"{index[~np.isfinite(at_low)][0]!r} has none")
        h = 1e-4 * np.maximum(np.abs(start), 1.0)
        slope = np.sign(function(start + h) - function(start - h))
        step = -np.sign(at_low) * np.where(slope == 0, 1.0, slope)
        step[at_low == 0] = 0.0
        high = low + 0.5 * step
        at_high = function(high) - target
        for _ in range(DOUBLINGS):
            again = at_low * at_high > 0
            if not again.any():
                break
            low, at_low = np.where(again, high, low), np.where(again, at_high, at_low)
            step = np.where(again, 2 * step, step)
            high = np.where(again, high + step, high)
            at_high = np.where(again, function(high) - target, at_high)
        if (again := ~(at_low * at_high <= 0)).any():
            raise ValueError(f"the marginal mean of row {index[again][0]!r} is {target[again][0]:g}, "
                             "where the link is infinite")
        return _illinois(function, target, low, high, at_low, at_high)


def _illinois(function, target, a, b, f_a, f_b) -> np.ndarray:
    """Roots between a and b (n,) by the Illinois method."""
    for _ in range(STEPS):
        x = np.where(f_b == f_a, b, b - f_b * (b - a) / (f_b - f_a))
        f = function(x) - target
        same = f * f_b > 0
        a, f_a = np.where(same, a, b), np.where(same, f_a / 2, f_b)
        moved = np.abs(x - b)
        b, f_b = x, f
        if not ((moved > 1e-14 * (1 + np.abs(b))) & (f_b != 0)).any():
            break
    return b


def _least_squares(x, m, weight, names) -> tuple[np.ndarray, float]:
    """Coefficients (p,) and the largest distance; ``weight`` (n,) are roots."""
    used = weight > 0
    x, m, weight = x[used], m[used], weight[used]
    if not np.isfinite(m).all():
        raise ValueError(f"{WHAT}: a marginal probability is zero or one, where the link is infinite")
    if not x.shape[1]:
        return np.zeros(0), 0.0
    scale = np.sqrt((x**2).sum(axis=0))
    if not scale.all():
        raise ValueError(f"{WHAT}: the column of {names[int(np.argmin(scale))]!r} is zero")
    q, r = np.linalg.qr(x / scale * weight[:, None])
    if np.abs(np.diag(r)).min() < COLLINEAR * np.abs(np.diag(r)).max():
        raise ValueError(f"{WHAT}: the columns of the fixed part are collinear, so that there are no "
                         "population-averaged coefficients")
    b = np.linalg.solve(r, q.T @ (m * weight)) / scale
    return b, float(np.abs(m - x @ b).max())
