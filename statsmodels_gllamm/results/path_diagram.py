"""The path diagram of a model."""
from __future__ import annotations

from statsmodels_gllamm.results.axes import DARK, GREY, LIGHT
from statsmodels_gllamm.results.path_geometry import FONT, SMALL, UNIT, Layout, text_size
from statsmodels_gllamm.results.path_layout import layout
from statsmodels_gllamm.results.path_model import MAX_ITEMS, path_model

ARROW, FRAME = "#444444", "#999999"


def plot_path(results, standardized=False, *, max_items=MAX_ITEMS):
    """Path diagram: latent variables in ellipses, items and covariates in rectangles.

    Parameters
    ----------
    results : GLLAMMResults
    standardized : bool
        Numbers of the standardised solution.
    max_items : int
        With more items than this, items of the same latent variables are one rectangle, with the
        range of their loadings.

    Returns
    -------
    matplotlib.figure.Figure

    Notes
    -----
    Arrows from latent variables to items are loadings, other arrows with one head regressions.
    Arrows with two heads are covariances, and variances where they are loops; a short arrow to a
    latent variable that is regressed, or to an item, has its residual variance. Frames are the units
    of levels: what is inside has a value of its own in each unit, and items are inside all frames.
    Intercepts, thresholds and their like are left out.

    Examples
    --------
    >>> from statsmodels_gllamm import GLLAMM, Factor, datasets
    >>> import statsmodels.api as sm
    >>> answers = datasets.lsat.load_pandas().data
    >>> res = GLLAMM.from_formula("y ~ 0 + item + (0 + ability | id)", answers,
    ...                           family=sm.families.Binomial(),
    ...                           factors={"ability": Factor("item")}).fit()
    >>> figure = res.plot_path()
    """
    model = path_model(results, standardized, max_items)
    return _draw(layout(model), model)


def _draw(places: Layout, model):
    import matplotlib.pyplot as plt

    left, right, bottom, top = places.extent()
    notes = "\n".join(model.notes)
    if notes:
        bottom -= text_size(notes, SMALL)[1] + 0.15
        right = max(right, left + text_size(notes, SMALL)[0] + 0.4)
    figure = plt.figure(figsize=((right - left) * UNIT, (top - bottom) * UNIT))
    axis = figure.add_axes((0, 0, 1, 1), xlim=(left, right), ylim=(bottom, top), aspect="equal")
    axis.axis("off")
    for box, text in reversed(places.frames):
        _frame(axis, box, text)
    for curve in places.curves:
        _arrow(axis, curve)
    nodes = {node.key: node for node in model.nodes}
    for key, box in places.boxes.items():
        _node(axis, nodes[key], box)
    for box, edge in places.labels:
        axis.text(box.x, box.y, edge.text, ha="center", va="center", fontsize=SMALL, zorder=5,
                  bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6})
    if notes:
        axis.text(left + 0.2, bottom + 0.15, notes, fontsize=SMALL, color=GREY, va="bottom")
    return figure


def _frame(axis, box, text) -> None:
    from matplotlib.patches import FancyBboxPatch

    axis.add_patch(FancyBboxPatch(
        (box.x - box.w / 2, box.y - box.h / 2), box.w, box.h, facecolor="none", edgecolor=FRAME,
        linewidth=0.9, boxstyle="round,pad=0,rounding_size=0.15", zorder=0))
    axis.text(box.x - box.w / 2 + 0.12, box.y + box.h / 2 - 0.08, text, fontsize=SMALL, color=GREY,
              ha="left", va="top", zorder=1)


def _node(axis, node, box) -> None:
    from matplotlib.patches import Ellipse, Rectangle

    style = {"facecolor": "white", "edgecolor": DARK, "linewidth": 1.2, "zorder": 3}
    if box.round:
        axis.add_patch(Ellipse((box.x, box.y), box.w, box.h, **style))
    else:
        style["facecolor"] = LIGHT if node.kind == "covariate" else "#f2f6fa"
        axis.add_patch(Rectangle((box.x - box.w / 2, box.y - box.h / 2), box.w, box.h, **style))
    axis.text(box.x, box.y, node.text, ha="center", va="center", fontsize=FONT, zorder=4)


def _arrow(axis, curve) -> None:
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    code = {2: [Path.LINETO], 3: [Path.CURVE3] * 2, 4: [Path.CURVE4] * 3}[len(curve.points)]
    head = "head_length=4,head_width=2"
    axis.add_patch(FancyArrowPatch(
        path=Path(curve.points, [Path.MOVETO, *code]), color=ARROW, linewidth=0.9, zorder=2,
        arrowstyle=f"<|-|>,{head}" if curve.both else f"-|>,{head}", shrinkA=0, shrinkB=0))
