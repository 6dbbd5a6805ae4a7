"""Pictures of items: category or mean curves, item and test information."""
from __future__ import annotations

import numpy as np

from statsmodels_gllamm.results import item_curves as curves
from statsmodels_gllamm.results.axes import DARK, GREY, tidy

STYLES = ("-", "--", "-.", ":")


def plot_item_curves(results, items=None, kind="category", *, latent=None, grid=None, item=None,
                     data=None):
    """Probabilities of the categories, or means, of items against a latent variable.

    Parameters
    ----------
    results : GLLAMMResults
    items : list of str, optional
        Some items only.
    kind : {"category", "expected"}
        Probability of each category, one panel per item; or the mean of the response. Items that
        are all binary have the probability of one in a common panel, and means have one too.
    latent : str, optional
        The latent variable; by default the first on which the item has a loading. The others are
        zero.
    grid : array_like (Q,), optional
        Values of the latent variable; by default four standard deviations to both sides of zero.
    item : str, optional
        Column of the items; by default that of the factors' loadings.
    data : DataFrame, optional
        One row per item, where covariates make the rows of the sample differ.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import statsmodels.api as sm
    >>> from statsmodels_gllamm import GLLAMM, Factor, datasets
    >>> answers = datasets.lsat.load_pandas().data
    >>> res = GLLAMM.from_formula("y ~ 0 + item + (0 + ability | id)", answers,
    ...                           family=sm.families.Binomial(),
    ...                           factors={"ability": Factor("item")}).fit()
    >>> figure = res.plot_item_curves()
    """
    found = curves.item_curves(results, items, kind, latent=latent, grid=grid, item=item, data=data)
    if kind == "expected":
        return _together(found, "expected response", lambda curve: curve.values[0])
    if all(len(curve.categories) == 2 for curve in found):
        ones = {curve.categories[1] for curve in found}
        what = f"probability of {ones.pop()}" if len(ones) == 1 else "probability of the second"
        return _together(found, what, lambda curve: curve.values[1], (0, 1))
    return _by_item(found)


def _figure(rows, columns, width=3.4, height=2.7, **kwargs):
    import matplotlib.pyplot as plt

    return plt.subplots(rows, columns, figsize=(0.8 + width * columns, 0.4 + height * rows),
                        squeeze=False, layout="constrained", **kwargs)


def _lines(n: int):
    """(color, line style) of n lines."""
    import matplotlib.pyplot as plt

    pairs = [(color, style) for style in STYLES for color in plt.get_cmap("tab10").colors]
    return [pairs[k % len(pairs)] for k in range(n)]


def _legend(axis, n: int, **kwargs) -> None:
    """A legend beside the panel."""
    axis.legend(bbox_to_anchor=(1.02, 1), loc="upper left", frameon=False, borderaxespad=0,
                fontsize="small", ncols=1 + (n - 1) // 16, **kwargs)


def _together(found, what, values, limits=None):
    """One panel for every latent variable."""
    names = list(dict.fromkeys(curve.latent for curve in found))
    figure, axes = _figure(1, len(names), 4.6, 3.2, sharey=limits is not None)
    for axis, name in zip(axes[0], names):
        mine = [curve for curve in found if curve.latent == name]
        for curve, (color, style) in zip(mine, _lines(len(mine))):
            axis.plot(curve.grid, values(curve), color=color, linestyle=style, label=curve.label)
        axis.set_xlabel(name)
        axis.set_xlim(mine[0].grid[0], mine[0].grid[-1])
        if limits is not None:
            axis.set_ylim(limits[0] - 0.02, limits[1] + 0.02)
        tidy(axis)
        _legend(axis, len(mine), title="item")
    axes[0, 0].set_ylabel(what)
    return figure


def _by_item(found):
    """One panel for every item, with a line for every category."""
    import matplotlib.pyplot as plt

    columns = min(len(found), 5 if len(found) > 12 else 4 if len(found) > 6 else 3)
    rows = -(-len(found) // columns)
    figure, axes = _figure(rows, columns, 2.6, 2.2, sharey=True)
    every = list(dict.fromkeys(c for curve in found for c in curve.categories))
    if all(isinstance(c, (int, float)) for c in every):
        every.sort()
    colors = dict(zip(every, plt.get_cmap("viridis")(np.linspace(0, 0.9, len(every)))))
    handles = {}
    for place, (axis, curve) in enumerate(zip(axes.flat, found)):
        for category, values in zip(curve.categories, curve.values):
            (handles[category],) = axis.plot(curve.grid, values, color=colors[category],
                                             label=str(category))
        axis.set_title(curve.label, fontsize="medium")
        axis.set(xlim=(curve.grid[0], curve.grid[-1]), ylim=(-0.02, 1.02))
        if place + columns >= len(found) or len({c.latent for c in found}) > 1:
            axis.set_xlabel(curve.latent)
        if place % columns == 0:
            axis.set_ylabel("probability")
        tidy(axis)
    for axis in axes.flat[len(found):]:
        axis.set_visible(False)
    figure.legend([handles[c] for c in every], [str(c) for c in every], title="category",
                  loc="outside right upper", frameon=False, fontsize="small")
    return figure


def plot_information(results, items=None, *, latent=None, grid=None, item=None, data=None):
    """Item information on the left; test information and standard error on the right.

    Parameters
    ----------
    results : GLLAMMResults
    items : list of str, optional
        Some items only.
    latent : str, optional
        A latent variable; by default a row of panels for each on which items load. The others are
        zero.
    grid, item, data : optional
        As in `plot_item_curves`.

    Returns
    -------
    matplotlib.figure.Figure

    Notes
    -----
    The standard error 1 / sqrt(I) is that of an estimate of the latent variable from the answers
    alone, without its distribution.

    Examples
    --------
    >>> import statsmodels.api as sm
    >>> from statsmodels_gllamm import GLLAMM, Factor, datasets
    >>> answers = datasets.lsat.load_pandas().data
    >>> res = GLLAMM.from_formula("y ~ 0 + item + (0 + ability | id)", answers,
    ...                           family=sm.families.Binomial(),
    ...                           factors={"ability": Factor("item")}).fit()
    >>> figure = res.plot_information()
    """
    model, working = results.model, results.record.working
    rows = curves.item_rows(model, working, item, data, items)
    number = curves.chosen_latent(rows, model.structure, latent)
    names = [rows.names[m] for m in dict.fromkeys(number[number >= 0].tolist())]
    if not names:
        raise ValueError(f"no item has a loading on {latent!r}" if latent else
                         "no item has a loading")
    figure, axes = _figure(len(names), 2, 4.4, 3.0)
    for (left, right), name in zip(axes, names):
        own = [one for one, m in zip(rows.labels, number) if m >= 0 and rows.names[m] == name]
        found = curves.item_information(results, grid, items=own, latent=name, item=item, data=data)
        _information(left, right, found)
    return figure


def _information(left, right, found) -> None:
    """Draw the information (Q, items) of one latent variable."""
    values, total = found.index.to_numpy(), found.to_numpy().sum(axis=1)
    for k, (color, style) in enumerate(_lines(found.shape[1])):
        left.plot(values, found.iloc[:, k], color=color, linestyle=style, label=found.columns[k])
    _legend(left, found.shape[1], title="item")
    left.set_ylabel("item information")
    (line,) = right.plot(values, total, color=DARK, linewidth=2)
    right.set_ylabel("test information")
    other = right.twinx()
    with np.errstate(divide="ignore"):
        error = 1 / np.sqrt(total)
    (dashed,) = other.plot(values, error, color=GREY, linestyle="--")
    other.set_ylabel("standard error")
    some = error[np.isfinite(error)]
    other.set_ylim(0, min(some.max(), 4 * some.min()) * 1.05 if len(some) else 1)
    right.legend([line, dashed], ["information", "standard error"], frameon=False,
                 fontsize="small", loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    for axis in (left, right):
        axis.set(xlabel=found.index.name, xlim=(values[0], values[-1]))
        axis.set_ylim(bottom=0)
        axis.spines["top"].set_visible(False)
    left.spines["right"].set_visible(False)
    other.spines["top"].set_visible(False)
