"""Picture of expected responses at values of a variable; it returns a Figure and shows nothing."""
from __future__ import annotations

import numpy as np

from statsmodels_gllamm.families.moments import is_binomial
from statsmodels_gllamm.formula.categories import label
from statsmodels_gllamm.results.average_predictions import Averages, averages
from statsmodels_gllamm.results.axes import GREY, panels, tidy
from statsmodels_gllamm.results.expected import category_labels

COLOURS = ("#1f4e79", "#c0562b", "#5b8c3a", "#7d4f9e", "#b8860b", "#2a8c8c", "#8c2a4a", GREY)
STYLES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


def plot_effects(results, variable, by=None, values=None, at="overall", atexog=None,
                 latent="integrate", alpha=0.05, ax=None):
    """Expected responses at values of a variable; see ``GLLAMMResults.plot_effects``."""
    found = averages(results, variable, by, values, at, atexog, latent, alpha, "plot_effects()")
    drawn = _panels(found)
    axes = panels(ax, len(drawn), (2.2 + 3.4 * len(drawn), 3.8),
                  f"there are {len(drawn)} panels; pass one for each", sharey=True)
    for axis, (title, lines) in zip(axes, drawn):
        for number, (name, table) in enumerate(lines):
            _draw(axis, found, table, name, number, len(lines))
        axis.set_xlabel(found.variable)
        axis.set_title(title, fontsize="medium")
        tidy(axis)
    axes[0].set_ylabel(_what(results.model))
    if len(drawn[0][1]) > 1:
        title = found.by if found.outcomes is None else results.model.endog_names
        axes[-1].legend(title=title, frameon=False, fontsize="small", title_fontsize="small")
    return axes[0].figure


def _what(model) -> str:
    """What is drawn."""
    if category_labels(model) is not None:
        return "probability"
    binary = all(is_binomial(member.response) for member in model.outcomes.members)
    return f"{'probability' if binary else 'mean'} of {model.endog_names}"


def _panels(found: Averages):
    """(title, [(name of the line, table)]) of every panel."""
    table = found.table
    if found.by is None and found.outcomes is None:
        return [("", [("", table)])]
    if found.outcomes is None:
        return [("", [(label(k), own) for k, own in _parts(table, found.by)])]
    if found.by is None:
        return [("", [(label(k), own) for k, own in _parts(table, "response")])]
    return [(f"{found.by} = {label(level)}", [(label(k), one) for k, one in _parts(own, "response")])
            for level, own in _parts(table, found.by)]


def _parts(table, name):
    """(value, its rows) of a level of the index, in their order."""
    return [(value, table.xs(value, level=name))
            for value in dict.fromkeys(table.index.get_level_values(name))]


def _draw(axis, found: Averages, table, name, number: int, n: int) -> None:
    """One line with its band, or points with their intervals."""
    colour = COLOURS[number % len(COLOURS)]
    y, low, high = (table[c].to_numpy() for c in ("estimate", "conf_low", "conf_high"))
    if found.categorical:
        names = [label(v) for v in table.index]
        place = np.arange(len(names)) + 0.12 * (number - (n - 1) / 2)
        axis.errorbar(place, y, [y - low, high - y], fmt=MARKERS[number % len(MARKERS)], color=colour,
                      label=name, capsize=3, markersize=5)
        axis.set_xticks(np.arange(len(names)), names)
        axis.set_xlim(-0.5, len(names) - 0.5)
        return
    x = np.array(table.index, dtype=float)
    order = np.argsort(x)
    axis.fill_between(x[order], low[order], high[order], color=colour, alpha=0.15, linewidth=0)
    axis.plot(x[order], y[order], STYLES[number % len(STYLES)], color=colour, label=name)
