"""Pictures of results; each function returns a matplotlib Figure and shows nothing."""
from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from statsmodels_gllamm.results.axes import DARK, GREY, LIGHT, MIDDLE, cluster_label, panels, tidy
from statsmodels_gllamm.results.latent import posterior

MAX_LABELS = 60  # clusters that still have their labels on the axis


def plot_random_effects(results, group=None, ax=None, *, kind="mean", level=0.95):
    """Latent variables of every cluster with their intervals, sorted: a caterpillar plot.

    Parameters
    ----------
    results : GLLAMMResults
    group : str, optional
        Name of a group; by default all groups.
    ax : matplotlib Axes or sequence of Axes, optional
        One for each latent variable; by default a new figure.
    kind : {"mean", "mode"}
        Posterior means or modes.
    level : float
        Coverage of the intervals: with 0.95, plus or minus 1.96 posterior standard deviations.

    Returns
    -------
    matplotlib.figure.Figure

    Notes
    -----
    Intervals that do not cover zero, the mean of the latent variable, are dark. The uncertainty of
    the parameter estimates is not included.

    Examples
    --------
    >>> import statsmodels.api as sm
    >>> from statsmodels_gllamm import GLLAMM, datasets
    >>> data = datasets.sleepstudy.load_pandas().data
    >>> res = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).fit()
    >>> figure = res.plot_random_effects()
    """
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, not {level!r}")
    found = posterior(results, kind, group)
    if not found:
        raise ValueError("the model has no latent variables to plot")
    chosen = list(found.values()) if group is None else [found[group]]
    drawn = [(one, j) for one in chosen for j in range(len(one.terms))]
    axes = _axes(ax, drawn)
    for axis, (one, j) in zip(axes, drawn):
        _caterpillar(axis, one, j, ndtri(0.5 + level / 2))
        axis.set_xlabel(f"posterior {kind} with {100 * level:g}% interval")
    return axes[0].figure


def _axes(ax, drawn):
    """The axes to draw on, one for each latent variable."""
    labelled = [n for n in (len(one.labels) for one, _ in drawn) if n <= MAX_LABELS]
    size = (0.6 + 4.2 * len(drawn), max(1.4 + 0.2 * max(labelled, default=18), 3.0))
    names = ", ".join(f"{one.terms[j]}[{one.group}]" for one, j in drawn)
    return panels(ax, len(drawn), size, f"there are {len(drawn)} latent variables: {names}; pass one "
                                        "for each, or name a group")


def _caterpillar(axis, one, j: int, width: float) -> None:
    """Draw the latent variable j of a group."""
    order = np.argsort(one.estimate[:, j])[:np.isfinite(one.estimate[:, j]).sum()]
    value, half = one.estimate[order, j], width * one.se[order, j]
    place = np.arange(len(order))
    clear = np.abs(value) > half
    few = len(order) <= MAX_LABELS
    room = 72 * axis.get_window_extent().height / axis.figure.dpi / (len(order) + 1)  # in points
    axis.axvline(0, color=GREY, linewidth=0.8, linestyle="--", zorder=3)
    axis.hlines(place, value - half, value + half, colors=np.where(clear, DARK, LIGHT),
                linewidth=1.6 if few else min(1.6, 1.15 * room), snap=few, zorder=2)
    axis.scatter(value, place, s=22 if few else 4, linewidth=0, zorder=4,
                 color=np.where(clear, DARK if few else "white", MIDDLE if few else DARK))
    axis.set_title(f"{one.terms[j]}[{one.group}]", fontsize="medium")
    axis.set_ylim(-1, len(order))
    axis.set_yticks([])
    if few:
        names = [one.labels[i] for i in order]
        axis.set_yticks(place, [cluster_label(name) for name in names], fontsize="small")
        axis.set_ylabel(one.group)
    else:
        axis.set_ylabel(f"{one.group} ({len(order)}, sorted)")
    tidy(axis)
    if not few:
        axis.spines["left"].set_visible(False)
