"""Axes, colours and labels that pictures have in common."""
from __future__ import annotations

import numpy as np

from statsmodels_gllamm.formula.categories import label

DARK, MIDDLE, LIGHT, GREY = "#1f4e79", "#5f86ad", "#a9c2da", "#555555"


def panels(ax, n: int, size, what: str, **kwargs) -> list:
    """The n Axes to draw on, side by side: those given, or of a new figure.

    Parameters
    ----------
    ax : matplotlib Axes, sequence of Axes or None
    n : int
    size : tuple of float
        Of the figure, in inches.
    what : str
        What there are n of, and what to do, for the error.
    **kwargs
        Of ``plt.subplots``.

    Raises
    ------
    ValueError
        Another number of Axes.
    """
    if ax is None:
        import matplotlib.pyplot as plt

        return list(plt.subplots(1, n, figsize=size, squeeze=False, layout="constrained",
                                 **kwargs)[1][0])
    axes = list(np.ravel(ax))
    if len(axes) != n:
        raise ValueError(f"ax has {len(axes)} Axes but {what}")
    return axes


def one_axis(ax, size):
    """The Axes given, or those of a new figure of a size (inches)."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=size, layout="constrained")[1]


def tidy(axis) -> None:
    """Without the upper and the right side."""
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def cluster_label(name) -> str:
    """The label of a cluster; of several columns joined by colons."""
    return ":".join(map(label, name)) if isinstance(name, tuple) else label(name)
