r"""Standard deviations, correlations and other quantities that parameters stand for.

The interval of a standard deviation is that of the variance, whose logarithm Wald's is of; that of a
correlation r is Wald's of Fisher's z,

.. math:: \tanh\bigl(\mathrm{artanh}\, r \pm z\, \mathrm{se}(r) / (1 - r^2)\bigr)

(Fisher, 1921, Metron 1, 3-32), and that of a quantity whose logarithm or logit is a parameter comes
from the parameter's.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from statsmodels_gllamm.results import delta
from statsmodels_gllamm.results.auxiliary import kinds_of

STEP = 1e-5  # of the derivative of a quantity in its parameter


@dataclass(frozen=True, slots=True)
class Correlation:
    """Correlation of two latent variables of a bar, as a function of natural parameters."""

    name: str
    covariance: object
    place: slice
    pair: tuple[int, int]

    @property
    def positions(self) -> range:
        """Of the parameters of the covariance matrix."""
        return range(self.place.start, self.place.stop)

    def function(self, natural):
        """The correlation (...) from natural parameters (..., k), complex ones too."""
        i, j = self.pair
        psi = self.covariance.matrix(natural[..., self.place])
        with np.errstate(all="ignore"):
            return psi[..., i, j] / np.sqrt(psi[..., i, i] * psi[..., j, j])

    def value(self, natural) -> float:
        """The correlation; NaN beside a variance of zero."""
        return self.function(np.asarray(natural, dtype=float))


def correlations(model) -> list[Correlation]:
    """Correlations that are functions of the parameters."""
    found = []
    for s, c in model.design.cov_slices():
        pairs = set(c.pairs())
        for i, j in zip(*np.tril_indices(c.q, -1)):
            if (i, j) in pairs:
                found.append(Correlation(f"corr[{c.names[j]},{c.names[i]}]", c, s, (i, j)))
    return found


@dataclass(frozen=True, slots=True)
class Quantity:
    """A monotone function of one natural parameter."""

    name: str
    number: int
    function: Callable

    def ends(self, low, high):
        """Limits of the quantity from those of the parameter."""
        with np.errstate(all="ignore"):
            ends = self.function(np.asarray([low, high], dtype=float))
        return sorted(ends) if np.isfinite(ends).all() else self._ordered(ends)

    def _ordered(self, ends):
        with np.errstate(all="ignore"):
            falls = self.function(np.float64(1.0)) > self.function(np.float64(2.0))
        return list(ends[::-1] if falls else ends)

    def error(self, value, error) -> float:
        """Standard error by the delta method."""
        with np.errstate(all="ignore"):
            h = STEP * (abs(value) or 1.0)
            slope = (self.function(np.float64(value + h)) - self.function(np.float64(value - h))) / (
                2 * h)
            return float(abs(slope) * error)


def quantities(results) -> list[Quantity | Correlation | tuple[str, float]]:
    """Standard deviations and correlations of every bar, then what auxiliary parameters stand for;
    (name, value) of those that are fixed."""
    model, found = results.model, []
    names, own = model.param_names, {q.name: q for q in correlations(model)}
    for s, c in model.design.cov_slices():
        pairs = c.pairs()
        for i, j in zip(*np.tril_indices(c.q)):
            if i != j:
                name = f"corr[{c.names[j]},{c.names[i]}]"
                found += [own[name]] if name in own else []
                continue
            name = f"sd[{c.names[i]}]"
            pair = (0, 0) if c.kind == "identity" else (i, i)
            found.append(Quantity(name, s.start + pairs.index(pair), np.sqrt) if pair in pairs
                         else (name, float(np.sqrt(c.fixed[i]))))
    auxiliary = {name: kind for name, kind in kinds_of(model).items()
                 if kind.symbol and name in results.own_auxiliaries}
    for name, kind in auxiliary.items():
        symbol = "residual sd" if kind.symbol == "sd" else kind.symbol
        own = name.partition("[")
        alone = own[2] == "Intercept]" and sum(k.symbol == kind.symbol for k in auxiliary.values()) == 1
        found.append(Quantity(symbol if alone else f"{symbol}[{own[2]}", names.index(name), kind.value))
    return found


def fisher(r: float, error: float, alpha: float) -> tuple[float, float]:
    """Wald interval of a correlation on the scale of Fisher's z."""
    with np.errstate(all="ignore"):
        half = stats.norm.ppf(1 - alpha / 2) * error / (1 - r * r)
        low, high = np.tanh(np.arctanh(r) - half), np.tanh(np.arctanh(r) + half)
    return (float(low), float(high)) if abs(r) < 1 else (np.nan, np.nan)


def correlation_error(results, one: Correlation) -> tuple[float, float]:
    """(correlation, standard error by the delta method)."""
    value, slope = delta.jacobian(lambda p: one.function(p)[..., None], np.asarray(results.params))
    if not np.isfinite(slope).all():
        return float(value[0]), np.nan
    variance = float(np.squeeze(results.cov_params(slope)))
    return float(value[0]), np.sqrt(variance) if variance > 0 and abs(value[0]) < 1 else np.nan
