"""The arrows of a path diagram and where their labels stand.

Arrows within a row are arcs, whose height grows with the distance.  Loops and short arrows at a node
take the first direction that is free.  Labels take the first place along their arrow where they
cover no node and no other label.
"""
from __future__ import annotations

import numpy as np

from statsmodels_gllamm.results.path_geometry import SMALL, Box, Curve, Layout, text_size

DEGREES = np.pi / 180
AROUND = DEGREES * np.array([90, 50, 130, 25, 155, -40, -140, 0, 180])
BELOW = DEGREES * np.array([-90, -60, -120])
FIRST = {"residual": 0, "variance": 1, "covariance": 2, "regression": 3, "loading": 4}


def add_arrows(out: Layout, model, row) -> None:
    """Arrows between nodes, then those at single nodes, in directions that are free.

    ``row`` is the row of every node but items.
    """
    used: dict[str, list[float]] = {key: [] for key in out.boxes}
    order = {name: sorted((k for k in row if row[k] == name), key=lambda k: out.boxes[k].x)
             for name in set(row.values())}
    for edge in model.edges:
        if edge.start != edge.end:
            a, b = out.boxes[edge.start], out.boxes[edge.end]
            items = [box for key, box in out.boxes.items() if key not in row]
            points = _between(edge, a, b, row, order, items)
            out.curves.append(Curve(edge, points, edge.kind == "covariance"))
            for key, box, near in ((edge.start, a, points[1]), (edge.end, b, points[-2])):
                used[key].append(np.arctan2(near[1] - box.y, near[0] - box.x))
    regressed = {node.key for node in model.nodes if node.regressed}
    for edge in model.edges:
        if edge.start == edge.end:
            box, busy = out.boxes[edge.start], used[edge.start]
            if edge.kind == "residual":
                points = _tail(box, _free(busy, BELOW), 0.42)
            elif edge.start in regressed:
                points = _tail(box, _free(busy, AROUND), 0.5)
            else:
                down = row[edge.start].startswith("below")
                points = _loop(box, _free(busy, -AROUND if down else AROUND))
            out.curves.append(Curve(edge, points, len(points) > 2))


def _between(edge, a: Box, b: Box, row, order, items) -> np.ndarray:
    """Bezier points of an arrow between two nodes."""
    both = edge.kind == "covariance"
    rows = row.get(edge.start), row.get(edge.end)
    if rows[0] == "direct" and rows[1]:
        return _around_items(a, b, order[rows[1]][0] == edge.end)
    if rows[0] == rows[1] is not None:
        own = order[rows[0]]
        span = abs(own.index(edge.start) - own.index(edge.end))
        if both or span > 1:
            return _arc(a, b, span, -1 if rows[0].startswith("below") else 1)
    points = np.array([a.border(b.x, b.y), b.border(a.x, a.y)])
    if rows[0] and rows[1] and any(box.crossed(points) for box in items):
        return _through(a, b, items)
    if both:
        return np.array([points[0], points.mean(axis=0) + [0.5, 0.2], points[1]])
    return points


def _through(a: Box, b: Box, items) -> np.ndarray:
    """A cubic from below the items to above them, or back, through the nearest gap."""
    left = sorted(items, key=lambda box: box.x)
    edges = np.array([[box.x - box.w / 2, box.x + box.w / 2] for box in left])
    gaps = np.r_[edges[0, 0] - 0.3, (edges[:-1, 1] + edges[1:, 0]) / 2, edges[-1, 1] + 0.3]
    wide = np.r_[0.6, edges[1:, 0] - edges[:-1, 1], 0.6]
    middle = left[0].y
    straight = a.x + (b.x - a.x) * (middle - a.y) / (b.y - a.y)
    gap = gaps[np.argmin(np.abs(gaps - straight) - 3 * wide)]
    up = np.sign(b.y - a.y)
    start, end = (np.array(box.border(gap, box.y + 2 * side * up)) for box, side in ((a, 1), (b, -1)))
    x = (8 * gap - start[0] - end[0]) / 6  # so that it is in the gap at half its way
    y = (8 * middle - start[1] - end[1]) / 6 + 0.3 * np.array([-1, 1]) * (end[1] - start[1])
    return np.array([start, [x, y[0]], [x, y[1]], end])


def _around_items(a: Box, b: Box, first: bool) -> np.ndarray:
    """From a covariate of items, left of and below them, up to a latent variable over them."""
    start = np.array([a.x, a.y + a.h / 2])
    if first:
        return np.array([start, [a.x, b.y], [b.x - b.w / 2, b.y]])
    top = b.y + b.h / 2 + 1.9
    return np.array([start, [a.x, top + 1], [b.x, top], [b.x, b.y + b.h / 2]])


def _free(used, candidates) -> float:
    """The first direction that is 35 degrees from all arrows, or the one farthest from them."""
    def distance(angle):
        return min((abs((angle - u + np.pi) % (2 * np.pi) - np.pi) for u in used), default=np.pi)

    return next((c for c in candidates if distance(c) > 35 * DEGREES),
                max(candidates, key=distance))


def _arc(a: Box, b: Box, span: int, sign: int) -> np.ndarray:
    """An arc between two nodes of a row; those of longer span start steeper, inside the others."""
    side = (0.46, 0.22, 0.15)[min(span, 3) - 1] * (1 if b.x > a.x else -1)
    start = np.array(a.border(a.x + side * a.w, a.y + sign * a.h / 2))
    end = np.array(b.border(b.x - side * b.w, b.y + sign * b.h / 2))
    high = sign * (0.2 + 0.5 * span)  # over the ends
    if span == 1:
        return np.array([start, (start + end) / 2 + [0, 2 * high], end])
    away = 0.12 * (end - start)
    return np.array([start, start + away + [0, 4 / 3 * high], end - away + [0, 4 / 3 * high], end])


def _tail(box: Box, angle: float, length: float) -> np.ndarray:
    """A short arrow to a node."""
    end = np.array(box.at(angle))
    return np.array([end + length * np.array([np.cos(angle), np.sin(angle)]), end])


def _loop(box: Box, angle: float) -> np.ndarray:
    """A loop at a node."""
    start, end = (np.array(box.at(angle + side * 22 * DEGREES)) for side in (1, -1))
    out = 0.6 * np.array([np.cos(angle), np.sin(angle)])
    wide = 0.12 * (start - end) / np.hypot(*(start - end))
    return np.array([start, start + out + wide, end + out - wide, end])


def add_labels(out: Layout) -> None:
    """Labels, those with least choice first."""
    taken = list(out.boxes.values())
    for curve in sorted(out.curves, key=lambda c: FIRST[c.edge.kind]):
        if not curve.edge.text:
            continue
        w, h = text_size(curve.edge.text, SMALL)
        places = [Box(*place, w, h) for place in _candidates(curve, w, h)]
        box = next((b for b in places if not any(b.overlaps(t, 0.02) for t in taken)), None)
        if box is None:
            box = min(places, key=lambda b: sum(b.overlaps(t, 0.02) for t in taken))
        taken.append(box)
        out.labels.append((box, curve.edge))


def _candidates(curve: Curve, w, h):
    """Middles of a label's possible places."""
    kind = curve.edge.kind
    if curve.edge.start == curve.edge.end:
        p = curve.points
        if len(p) == 2:
            start, along = p[0], (p[0] - p[1]) / np.hypot(*(p[0] - p[1]))
        else:
            start, middle = curve.point(0.5), (p[0] + p[-1]) / 2
            along = (start - middle) / np.hypot(*(start - middle))
        for more in (0.04, 0.15, 0.3, 0.5):
            yield start + along * (more + np.hypot(along[0] * w, along[1] * h) / 2)
        return
    steps = {"loading": (0.62, 0.54, 0.7, 0.46, 0.38, 0.76, 0.3, 0.22),
             "covariance": (0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74)}
    for t in steps.get(kind, (0.45, 0.37, 0.53, 0.3, 0.6, 0.23, 0.67, 0.75, 0.15)):
        yield curve.point(t)
