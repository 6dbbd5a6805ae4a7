"""Pictures of profile likelihoods and of bootstrap samples; each function returns a Figure."""
from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from statsmodels_gllamm.results.axes import DARK, GREY, LIGHT, MIDDLE

COLUMNS, SIDE = 3, 3.2  # panels side by side, and inches of one
STEPS = 60  # of a curve
LONG = 30  # characters of a name that has one line


def _panels(number: int):
    """A figure and so many axes."""
    import matplotlib.pyplot as plt

    columns = 2 if number == 4 else min(COLUMNS, number)
    rows = -(-number // columns)
    figure, axes = plt.subplots(rows, columns, squeeze=False, layout="constrained",
                                figsize=(SIDE * columns, 0.85 * SIDE * rows))
    for ax in axes.flat[number:]:
        ax.set_visible(False)
    return figure, list(axes.flat[:number])


def _title(ax, name: str) -> None:
    """The name of a parameter, in two lines if it is long."""
    ax.set_title(name.replace(",", ",\n", 1) if len(name) > LONG else name, fontsize="medium")


def plot_curves(profile, kind="zeta", alpha=None):
    """Profiles with the interval; see ``Profile.plot``."""
    if kind not in ("zeta", "loglik"):
        raise ValueError(f"kind is 'zeta' or 'loglik', not {kind!r}")
    curves = [curve for curve in profile.curves.values() if len(curve.knots) > 1]
    if not curves:
        raise ValueError("there is no curve to plot: " + "; ".join(
            f"{name} is {curve.note}" for name, curve in profile.curves.items()))
    alpha = profile.alpha if alpha is None else alpha
    ends, cut = profile.conf_int(alpha), stats.norm.ppf(1 - alpha / 2)
    figure, axes = _panels(len(curves))
    for ax, curve in zip(axes, curves):
        _curve(ax, curve, kind, profile.llf, cut, ends.loc[curve.name])
    fewer = len(profile.curves) - len(curves)
    if fewer:
        figure.supxlabel("without a curve: " + ", ".join(
            name for name, curve in profile.curves.items() if len(curve.knots) < 2),
            fontsize="small", color=GREY)
    return figure


def _curve(ax, curve, kind, llf, cut, ends) -> None:
    zeta = np.array([knot.zeta for knot in curve.knots])
    fine = np.unique(np.concatenate([np.linspace(zeta[0], zeta[-1], STEPS), zeta]))
    values = np.array([curve.at(z) for z in fine])
    knots = np.array([knot.value for knot in curve.knots])

    def height(z):
        return z if kind == "zeta" else llf - z**2 / 2

    ax.plot(values, height(fine), color=DARK)
    ax.plot(knots, height(zeta), "o", color=MIDDLE, markersize=3.5)
    levels = [-cut, 0, cut] if kind == "zeta" else [height(cut)]
    for line in levels:
        ax.axhline(line, color=GREY, linewidth=0.7, linestyle=":" if line else "-")
    if kind == "zeta" and len(curve.knots) > 2:  # what Wald's interval takes the curve for
        place = int(np.argmin(np.abs(zeta)))
        rate = curve.target.rate(curve.knots[place].x)
        if rate > 0 and np.isfinite(curve.knots[place].rise):
            slope = curve.knots[place].rise / rate
            line = slope * (values - curve.estimate)
            inside = (line >= fine[0]) & (line <= fine[-1])
            ax.plot(values[inside], line[inside], color=MIDDLE, linewidth=1, linestyle="--", zorder=0)
    for end in ends:
        if np.isfinite(end):
            ax.axvline(end, color=MIDDLE, linewidth=0.8)
    ax.axvline(curve.estimate, color=GREY, linewidth=0.7)
    _title(ax, curve.name)
    ax.set_ylabel("signed root" if kind == "zeta" else "profile log-likelihood", fontsize="small")
    ax.margins(x=0.03)


def plot_samples(found, names=None, alpha=0.05, method="percentile"):
    """Histograms of bootstrap samples; see ``BootstrapResults.plot``."""
    table, estimate, ends = found._used(found.params), found.estimate, found.conf_int(alpha, method)
    if found.statistics is not None:
        more = found._used(found.statistics)
        table = pd.concat([table, more.rename(columns=str)], axis=1)
        estimate = np.concatenate([estimate, found.statistic])
        ends = np.concatenate([ends, found.conf_int(alpha, method, statistics=True)])
    estimate, ends = np.asarray(estimate), np.asarray(ends)
    shown = list(table.columns[table.std() > 0]) if names is None else (
        [names] if isinstance(names, str) else list(names))
    unknown = [name for name in shown if name not in table]
    if unknown or not shown:
        raise ValueError(f"there is no parameter or statistic {unknown[0]!r}" if unknown else
                         "there is nothing that varies over samples")
    figure, axes = _panels(len(shown))
    for ax, name in zip(axes, shown):
        place = list(table.columns).index(name)
        ax.hist(table.iloc[:, place], bins="auto" if len(table) > 30 else 10, color=LIGHT)
        ax.axvline(estimate[place], color=DARK)
        for end in ends[place]:
            ax.axvline(end, color=MIDDLE, linestyle="--", linewidth=1)
        _title(ax, name)
        ax.set_yticks([])
    return figure
