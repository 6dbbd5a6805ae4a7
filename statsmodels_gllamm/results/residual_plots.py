"""Pictures of residuals and of influence; each function returns a matplotlib Figure."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.special import ndtri
from scipy.stats import beta

from statsmodels_gllamm.estimation.options import integer
from statsmodels_gllamm.responses.censored import CensoredResponse
from statsmodels_gllamm.results.axes import (
    DARK,
    GREY,
    LIGHT,
    MIDDLE,
    cluster_label,
    one_axis,
    panels,
    tidy,
)
from statsmodels_gllamm.results.posterior_table import latent
from statsmodels_gllamm.results.residual_averages import averages
from statsmodels_gllamm.results.residual_kinds import (
    DEFAULT,
    ends,
    normal_scores,
    residuals,
    with_responses,
)

LEVEL = 0.95  # of pointwise envelopes
MANY = 2000  # points that are drawn small
FEW_VALUES = 8  # values of a column that are drawn as boxes


def index_plot(values, what: str, middle: float, named, title=None, ax=None):
    """Values (Series) of units as stems from ``middle``, with the labels of those ``named`` (n,)."""
    axis = one_axis(ax, (7.0, 3.6))
    place = np.arange(len(values))
    axis.axhline(middle, color=GREY, linewidth=0.8)
    axis.vlines(place, middle, values, color=np.where(named, DARK, MIDDLE),
                linewidth=1.2 if len(values) < 200 else 0.6)
    axis.scatter(place, values, s=14 if len(values) < 200 else 5, linewidth=0, zorder=3,
                 color=np.where(named, DARK, MIDDLE))
    for k in np.flatnonzero(named):
        up = values.iloc[k] >= middle
        axis.annotate(cluster_label(values.index[k]), (k, values.iloc[k]), fontsize="small",
                      xytext=(0, 3 if up else -3), textcoords="offset points", ha="center",
                      va="bottom" if up else "top")
    axis.margins(y=0.12)
    names = values.index.names
    axis.set_xlabel(":".join(map(str, names)) if names[0] is not None else "row")
    axis.set_xticks([])
    axis.set_ylabel(what)
    if title is not None:
        axis.set_title(title, fontsize="medium")
    tidy(axis)
    return axis.figure


def plot_residuals(results, kind="quantile", x=None, given=None, rng=None, ax=None):
    """Residuals against a predictor or a column; see ``GLLAMMResults.plot_residuals``."""
    found = residuals(results, kind, given, rng)
    given = DEFAULT[kind] if given is None else given
    axis = one_axis(ax, (6.0, 4.0))
    if x is None:
        average = averages(results.model, results.record, "prior" if given == "history" else given)
        what = "posterior" if given == "posterior" else "prior"
        values = average(lambda piece, aux: lambda nu: nu[0])
        name = f"{what} mean of the linear predictor"
    else:
        values, name = _column(results.model, x)
    axis.axhline(0, color=GREY, linewidth=0.8)
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if numeric and len(np.unique(values)) > FEW_VALUES:
        _scatter(axis, np.asarray(values, dtype=float), found)
    else:
        _boxes(axis, values, found)
    axis.set_xlabel(name)
    axis.set_ylabel(f"{kind} residual")
    tidy(axis)
    return axis.figure


def _column(model, x):
    """Values (n,) of a column of the data, or given ones, and what they are called."""
    sample = model.sample
    if isinstance(x, str):
        frame = getattr(model.data, "frame", None)
        if frame is None or x not in frame.columns:
            raise ValueError(f"x={x!r} is not a column of the model's data; x may also be one value "
                             "per row")
        return frame[x].to_numpy(), x
    values = np.asarray(x)
    if values.shape != (len(sample.index),):
        raise ValueError(f"x has shape {values.shape}; it has one value for each of the "
                         f"{len(sample.index)} rows of the sample")
    return values, str(getattr(x, "name", None) or "x")


def _scatter(axis, values, found) -> None:
    from statsmodels.nonparametric.smoothers_lowess import lowess

    some = np.isfinite(found)
    axis.scatter(values[some], found[some], s=16 if some.sum() < MANY else 4, linewidth=0,
                 color=MIDDLE, alpha=0.6)
    if np.ptp(values[some]) > 0:
        line = lowess(found[some], values[some], delta=0.01 * np.ptp(values[some]))
        axis.plot(*line.T, color=DARK, linewidth=1.8)


def _boxes(axis, values, found) -> None:
    codes, labels = pd.factorize(values, sort=True)
    some = np.isfinite(found)
    axis.boxplot([found[some & (codes == k)] for k in range(len(labels))], widths=0.5,
                 medianprops={"color": DARK}, flierprops={"markersize": 3, "markeredgecolor": MIDDLE},
                 boxprops={"color": MIDDLE}, whiskerprops={"color": MIDDLE},
                 capprops={"color": MIDDLE})
    axis.set_xticks(np.arange(1, len(labels) + 1), [
        f"{one:.3g}" if isinstance(one, float) else cluster_label(one) for one in labels])


def plot_qq(results, group=None, given="prior", n_sim=39, rng=None, ax=None):
    """Normal quantile plot; see ``GLLAMMResults.plot_qq``."""
    if group is not None:
        return _qq_latent(results, group, ax)
    rng = np.random.default_rng(rng)
    found = np.sort(normal_scores(ends(results, given), rng))
    n = len(found)
    if given == "prior" and _can_simulate(results.model):
        low, high = _simulated(results, integer("n_sim", n_sim, 2), rng)
        name = f"{n_sim} simulations"
    else:
        low, high = _independent(n)
        name = "independent normal variables"
    axis = one_axis(ax, (4.6, 4.4))
    _qq(axis, found, low, high)
    axis.set_xlabel("standard normal quantile")
    axis.set_ylabel("quantile residual")
    axis.set_title(f"95% envelope of {name}", fontsize="medium")
    return axis.figure


def _qq(axis, found, low, high) -> None:
    """Sorted values against normal quantiles, with an envelope."""
    place = ndtri((np.arange(len(found)) + 0.5) / len(found))
    axis.fill_between(place, low, high, color=LIGHT, alpha=0.5, linewidth=0)
    axis.plot(place[[0, -1]], place[[0, -1]], color=GREY, linewidth=0.8)
    axis.scatter(place, found, s=10 if len(found) < MANY else 4, linewidth=0, color=DARK, zorder=3)
    tidy(axis)


def _independent(n: int):
    """Pointwise envelope (n,), (n,) of the order statistics of independent normal variables."""
    k = np.arange(1, n + 1)
    return tuple(ndtri(beta.ppf(p, k, n + 1 - k)) for p in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))


def _can_simulate(model) -> bool:
    return not any(isinstance(member.response, CensoredResponse) for member in model.outcomes.members)


def _simulated(results, n_sim: int, rng):
    """Pointwise envelope of the sorted residuals of responses drawn from the model."""
    data, drawn, sorted_ones = with_responses(results.model), results.simulate(n_sim, rng), []
    for _, values in drawn.items():
        own = replace(data, endog=_as_endog(data, values.to_numpy()))
        sorted_ones.append(np.sort(normal_scores(ends(results, "prior", own), rng)))
    return np.quantile(sorted_ones, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)


def _as_endog(data, values):
    """Drawn responses as the sample has them."""
    if data.categories is not None:
        code = {one: k for k, one in enumerate(data.categories)}
        return np.array([code[value] for value in values], dtype=float)
    if data.endog.ndim == 2:
        return np.column_stack([values, data.endog.sum(axis=1) - values])
    return np.asarray(values, dtype=float)


def _qq_latent(results, group: str, ax):
    frame = latent(results, group, standardized=True)
    terms = [name[len("standardized["):-1] for name in frame if name.startswith("standardized[")]
    axes = panels(ax, len(terms), (0.6 + 4.0 * len(terms), 4.2),
                  f"{group!r} has {len(terms)} latent variables: {', '.join(terms)}")
    for axis, term in zip(axes, terms):
        values = np.sort(frame[f"standardized[{term}]"].dropna().to_numpy())
        if not len(values):
            raise ValueError(f"{term}[{group}] has no standardised values: its variance is zero")
        _qq(axis, values, *_independent(len(values)))
        axis.set_title(f"{term}[{group}]", fontsize="medium")
        axis.set_xlabel("standard normal quantile")
        axis.set_ylabel("posterior mean / diagnostic standard error")
    return axes[0].figure
