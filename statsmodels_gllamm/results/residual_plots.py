"""Pictures of residuals and of influence; each function returns a matplotlib Figure."""
from __future__ import annotations

import numpy as np

from statsmodels_gllamm.formula.categories import label
from statsmodels_gllamm.results.plots import DARK, GREY, MIDDLE


def one_axis(ax, size):
    """The axis to draw on."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=size, layout="constrained")[1]


def tidy(axis) -> None:
    """Without the upper and the right side."""
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def label_text(name) -> str:
    """The label of a cluster."""
    return ":".join(map(label, name)) if isinstance(name, tuple) else label(name)


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
        axis.annotate(label_text(values.index[k]), (k, values.iloc[k]), fontsize="small",
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
