r"""Profile likelihood of parameters: which are profiled, their limits and their curves.

The curve of a parameter is the largest log-likelihood for each of its values, with the quadrature of
the fit.  A variance is never negative, a correlation is within one: where the curve stays above the
cut-off up to such a bound, the bound is the limit and the interval is one-sided.

The cut-off of the signed root is the normal quantile.  At a variance of zero itself the
likelihood-ratio statistic is half the time zero, :math:`\tfrac12 \chi^2_0 + \tfrac12 \chi^2_1` (Self
and Liang, 1987, JASA 82, 605-610): ``boundary_pvalue`` has the test, and an interval that reaches zero
covers a true variance of zero more often than it says.
"""
from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
import warnings

import numpy as np
import pandas as pd
from scipy import stats

from statsmodels_gllamm.estimation.profile import Limit, Profiler
from statsmodels_gllamm.estimation.profile_curve import Knot, Target, between
from statsmodels_gllamm.estimation.progress import Progress, thread_pool
from statsmodels_gllamm.exceptions import ConvergenceWarning
from statsmodels_gllamm.latent.constrained import constrained
from statsmodels_gllamm.results.components import correlations
from statsmodels_gllamm.results.likelihoods import refuse_without_likelihood
from statsmodels_gllamm.results.profile_targets import (
    curvature_of,
    error_of,
    status_of,
    target_of,
)


@dataclass(frozen=True)
class Curve:
    """The profile of one parameter.

    Attributes
    ----------
    name : str
    estimate : float
    points : DataFrame
        By value: ``zeta`` (signed root of twice the fall of the log-likelihood), ``loglik``, and the
        maximum of all parameters there.
    limits : (Limit, Limit)
        At the level that was asked for.
    note : str
        Why there is no curve.
    """

    name: str
    estimate: float
    points: pd.DataFrame = field(repr=False)
    limits: tuple[Limit, Limit]
    knots: tuple = field(default=(), repr=False)
    target: Target | None = field(default=None, repr=False)
    note: str = ""

    def at(self, zeta: float) -> float:
        """The value of the parameter at a signed root; NaN beyond the curve, the bound of what is
        possible where the curve ends there."""
        for a, b in zip(self.knots[:-1], self.knots[1:]):
            if a.zeta <= zeta <= b.zeta:
                left = abs(a.zeta) < abs(b.zeta)
                x = between(a, b, zeta) if left else between(b, a, zeta)
                return self.target.back(x)
        end = self.limits[int(zeta > 0)]
        beyond = bool(self.knots) and (end.bound or np.isinf(end.value)) and (
            zeta < self.knots[0].zeta or zeta > self.knots[-1].zeta)
        return end.value if beyond else np.nan

    @property
    def boundary_pvalue(self) -> float:
        """P-value of a variance of zero: half that of chi-squared with one degree of freedom; NaN
        where the curve does not reach zero."""
        if not (self.knots and self.target.root and self.knots[0].x == 0):
            return np.nan
        return float(stats.norm.sf(abs(self.knots[0].zeta)))


class Profile:
    """Profile likelihoods of some parameters; see ``GLLAMMResults.profile``.

    Attributes
    ----------
    curves : dict {name: Curve}
    alpha : float
        One minus the level to which the curves go, and a little beyond.
    llf : float
        Log-likelihood of the fit.
    """

    def __init__(self, curves: dict[str, Curve], alpha: float, llf: float) -> None:
        self.curves, self.alpha, self.llf = curves, alpha, llf

    def conf_int(self, alpha=None) -> pd.DataFrame:
        """Intervals (names, 2).

        Parameters
        ----------
        alpha : float, optional
            One minus their level; that of the profile by default.  At others they are read off the
            curves, and NaN where these end too early.
        """
        alpha = self.alpha if alpha is None else level(alpha)
        cut = stats.norm.ppf(1 - alpha / 2)
        rows = [[limit.value for limit in curve.limits] if alpha == self.alpha
                else [curve.at(-cut), curve.at(cut)] for curve in self.curves.values()]
        return pd.DataFrame(np.reshape(rows, (-1, 2)), index=list(self.curves))

    def summary_frame(self, alpha=None) -> pd.DataFrame:
        """Estimates, limits, and what is to be said of them.

        Returns
        -------
        DataFrame
            ``estimate``, ``conf_low``, ``conf_high``, ``points`` (of the curve) and ``note``.
        """
        table = self.conf_int(alpha).set_axis(["conf_low", "conf_high"], axis=1)
        table.insert(0, "estimate", [curve.estimate for curve in self.curves.values()])
        table["points"] = [len(curve.knots) for curve in self.curves.values()]
        table["note"] = [note(curve) for curve in self.curves.values()]
        return table

    def to_frame(self) -> pd.DataFrame:
        """All points: ``parameter``, ``value``, ``zeta``, ``loglik`` and all parameters."""
        parts = [curve.points.reset_index(names="value").assign(parameter=name)
                 for name, curve in self.curves.items() if len(curve.points)]
        if not parts:
            return pd.DataFrame(columns=["parameter", "value", "zeta", "loglik"])
        table = pd.concat(parts, ignore_index=True)
        return table[["parameter", *(c for c in table if c != "parameter")]]

    def plot(self, kind="zeta", alpha=None):
        """Pictures of the curves; a matplotlib Figure.

        Parameters
        ----------
        kind : {"zeta", "loglik"}
            Signed roots, straight where Wald intervals would do; or log-likelihoods.
        alpha : float, optional
            The interval that is shown; that of the profile by default.
        """
        from statsmodels_gllamm.results.profile_plot import plot_curves
        return plot_curves(self, kind, alpha)

    def __str__(self) -> str:
        return self.summary_frame().to_string()

    def __repr__(self) -> str:
        return f"<Profile of {', '.join(self.curves)}>"


def note(curve: Curve) -> str:
    """What is to be said of a curve's limits."""
    if curve.note:
        return curve.note
    texts = [limit.reason or (f"{side} limit at the bound" if limit.bound else
                              f"no {side} limit: the estimate is infinite"
                              if np.isinf(limit.value) else "")
             for side, limit in zip(("lower", "upper"), curve.limits)]
    return "; ".join(dict.fromkeys(text for text in texts if text))


def level(alpha) -> float:
    """A checked ``alpha``."""
    if not (np.isscalar(alpha) and np.isreal(alpha) and 0 < alpha < 1):
        raise ValueError(f"alpha is between 0 and 1, as 0.05 for 95% intervals, not {alpha!r}")
    return float(alpha)


def profile(results, names=None, alpha=0.05, *, threads=None, progress=None, curves=True,
            stacklevel=2) -> Profile:
    """Profile likelihoods; see ``GLLAMMResults.profile``."""
    alpha, model, record = level(alpha), results.model, results.record
    results._needs_data("the profile likelihood")
    refuse_without_likelihood(results, "the profile likelihood")
    names = checked_names(results, names)
    cut, found = stats.norm.ppf(1 - alpha / 2), {}
    design, working = model.design, record.working
    if record.constraints is not None:
        design = constrained(design, record.constraints)
        working = design.to_working(record.params)
    status = status_of(results)
    with closing(Progress(progress, "profile", " fits")) as bar, thread_pool(threads) as pool, \
            model._explained():
        objective = model._likelihood(record.n_quad, record.integration, pool, design)
        scale = np.abs(design.to_working(model.start_params))
        for name in names:
            target, why = target_of(results, design, name, status)
            if why:
                found[name] = _nothing(name, results, why)
                continue
            profiler = Profiler(objective, target, working, curvature_of(record, scale),
                                error_of(design, target, working, record), scale,
                                lambda name=name: bar.tell(name))
            limits = profiler.limits(cut, curves)
            found[name] = _curve(target, profiler, limits, design, model.param_names)
    _warn(found, stacklevel)
    return Profile(found, alpha, float(record.loglik))


def checked_names(results, names) -> list[str]:
    """Names of parameters, checked; all of them by default."""
    known = results.model.param_names
    if names is None:
        return list(known)
    names = [names] if isinstance(names, (str, int, np.integer)) else list(names)
    names = [known[n] if isinstance(n, (int, np.integer)) else n for n in names]
    also = [q.name for q in correlations(results.model)]
    for name in names:
        if name not in known and name not in also:
            raise ValueError(f"there is no parameter {name!r}; the parameters are "
                             f"{', '.join([*known, *also])}")
    return names


def _nothing(name, results, why) -> Curve:
    params = dict(zip(results.model.param_names, results.params))
    own = {q.name: q for q in correlations(results.model)}
    value = params[name] if name in params else own[name].value(np.asarray(results.params))
    empty = pd.DataFrame(columns=["zeta", "loglik", *results.model.param_names], dtype=float)
    return Curve(name, float(value), empty, (Limit(np.nan, why),) * 2, note=why)


def _curve(target: Target, profiler: Profiler, limits, design, names) -> Curve:
    knots = tuple(Knot(k.x, k.value, k.zeta, k.rise, k.loglik, None, None, None)
                  for k in profiler.knots)
    params = np.array([design.to_natural(k.working) for k in profiler.knots])
    points = pd.DataFrame({"zeta": [k.zeta for k in knots], "loglik": [k.loglik for k in knots]},
                          index=[k.value for k in knots])
    points[list(names)] = params
    return Curve(target.name, float(profiler.centre.value), points, limits, knots, target)


def _warn(curves, stacklevel) -> None:
    texts = dict.fromkeys(f"{name}: {limit.reason}" for name, curve in curves.items()
                          if not curve.note for limit in curve.limits if limit.reason)
    if texts:
        warnings.warn("profile limits that do not exist or were not found: " + "; ".join(texts),
                      ConvergenceWarning, stacklevel=stacklevel + 1)
