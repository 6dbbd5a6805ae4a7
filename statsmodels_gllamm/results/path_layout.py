r"""Where the nodes, arrows and labels of a path diagram stand.

From bottom to top: higher-level latent variables that items load on, covariates of items, items,
latent variables of the bottom level (those that only other ones measure above the others), their
covariates, then higher levels.  A node stands over the middle of what its arrows go to.  Arrows
within a row are arcs, parabolas whose height grows with the distance.  Labels take the first place
along their arrow where they cover no node and no other label.
"""
from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from statsmodels_gllamm.results.path_model import Edge, Node, PathModel

UNIT = 0.72  # inches
FONT, SMALL = 8.5, 7.5  # points
ROW, GAP, MARGIN = 1.75, 0.35, 0.3
DEGREES = np.pi / 180
SHIFTS = (0.0, 0.6, -0.6, 0.9, -0.9, 1.2, -1.2, 1.6, -1.6, 2.0, -2.0, 2.5, -2.5, 3.0, -3.0)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle or ellipse around (x, y)."""

    x: float
    y: float
    w: float
    h: float
    round: bool = False

    def border(self, x: float, y: float) -> tuple[float, float]:
        """Where the line from the middle to a point leaves it."""
        dx, dy = x - self.x, y - self.y
        if dx == dy == 0:
            return self.x, self.y
        if self.round:
            s = 1 / np.hypot(2 * dx / self.w, 2 * dy / self.h)
        else:
            s = 1 / max(abs(2 * dx / self.w), abs(2 * dy / self.h))
        return self.x + s * dx, self.y + s * dy

    def at(self, angle: float) -> tuple[float, float]:
        """The point of the border in a direction."""
        return self.border(self.x + np.cos(angle), self.y + np.sin(angle))

    def overlaps(self, other: Box, gap: float = 0.0) -> bool:
        """Whether two boxes have points in common, or are closer than ``gap``."""
        return (2 * abs(self.x - other.x) < self.w + other.w + 2 * gap
                and 2 * abs(self.y - other.y) < self.h + other.h + 2 * gap)


@dataclass(frozen=True, slots=True)
class Curve:
    """An arrow through Bezier points (2, 3 or 4 of them), its heads at the end, or at both."""

    edge: Edge
    points: np.ndarray
    both: bool = False

    def point(self, t: float) -> np.ndarray:
        """The point (2,) at t between 0 and 1."""
        p = self.points
        while len(p) > 1:
            p = (1 - t) * p[:-1] + t * p[1:]
        return p[0]

    def drawn(self) -> np.ndarray:
        """Some points (n, 2) of the arrow."""
        return np.array([self.point(t) for t in np.linspace(0, 1, 9)])


@dataclass
class Layout:
    """Boxes by node, arrows, labels (box, text), frames (box, text), the extent."""

    boxes: dict[str, Box] = field(default_factory=dict)
    curves: list[Curve] = field(default_factory=list)
    labels: list[tuple[Box, str]] = field(default_factory=list)
    frames: list[tuple[Box, str]] = field(default_factory=list)

    def extent(self) -> tuple[float, float, float, float]:
        """Left, right, bottom, top."""
        every = [*self.boxes.values(), *(box for box, _ in self.labels),
                 *(box for box, _ in self.frames)]
        points = np.concatenate([curve.drawn() for curve in self.curves])
        return (min(min(b.x - b.w / 2 for b in every), points[:, 0].min()) - MARGIN,
                max(max(b.x + b.w / 2 for b in every), points[:, 0].max()) + MARGIN,
                min(min(b.y - b.h / 2 for b in every), points[:, 1].min()) - MARGIN,
                max(max(b.y + b.h / 2 for b in every), points[:, 1].max()) + MARGIN)


def text_size(text: str, points: float) -> tuple[float, float]:
    """Width and height of a text, roughly."""
    lines = text.split("\n")
    return (0.62 * points * max(map(len, lines)) / 72 / UNIT,
            1.35 * points * len(lines) / 72 / UNIT)


def _size(node: Node) -> tuple[float, float]:
    w, h = text_size(node.text, FONT)
    if node.kind == "latent":
        return max(1.15, w + 0.5), h + 0.45
    return max(0.8, w + 0.25), h + 0.3


def layout(model: PathModel) -> Layout:
    """Places of everything."""
    out = Layout()
    sizes = {node.key: _size(node) for node in model.nodes}
    items = _item_places(model, sizes)
    rows = _rows(model)
    y = _heights(model, rows)
    for key, x in items.items():
        out.boxes[key] = Box(x, y["items"], *sizes[key])
    x = dict(items)
    for name, nodes in rows.items():
        wished = _row_places(nodes, model, x, sizes)
        beside = any(other.startswith("below") for other in rows) or any(
            e.start in wished and e.end not in items for e in model.edges)
        if name == "direct" and beside:
            move = min(items.values()) - 1.0 - max(wished.values())  # out of others' way
            wished = {key: place + move for key, place in wished.items()}
        found = {node.key: Box(wished[node.key], y[name], *sizes[node.key],
                               round=node.kind == "latent") for node in nodes}
        found = found if name == "direct" and beside else _clear(out, model, found)
        out.boxes.update(found)
        x.update({key: box.x for key, box in found.items()})
    _arrows(out, model, {node.key: name for name, nodes in rows.items() for node in nodes})
    _labels(out)
    _frames(out, model)
    return out


def _loads(model: PathModel) -> dict[str, list[str]]:
    """Items of every latent variable."""
    found: dict[str, list[str]] = {}
    for edge in model.edges:
        if edge.kind == "loading":
            found.setdefault(edge.start, []).append(edge.end)
    return found


def _item_places(model, sizes) -> dict[str, float]:
    """Items from left to right, by the bottom latent variables that they load on."""
    loads, level = _loads(model), {n.key: n.level for n in model.nodes}
    order = [one for one in loads if level[one] == 0] or list(loads)
    items = [node.key for node in model.of_kind("item")]
    first = {item: min((k for k, one in enumerate(order) if item in loads[one]),
                       default=len(order)) for item in items}
    x, places, before = 0.0, {}, None
    for item in sorted(items, key=lambda i: first[i]):
        if before is not None:
            apart = 0.45 if first[item] != first[before] else 0.22
            x += (sizes[before][0] + sizes[item][0]) / 2 + apart
        places[item], before = x, item
    return places


def _rows(model: PathModel) -> dict[str, list[Node]]:
    """Nodes by row, in the order in which they are placed."""
    loads, latents = _loads(model), model.of_kind("latent")
    ends = {}
    for edge in model.edges:
        if edge.kind == "regression":
            ends.setdefault(edge.start, []).append(edge.end)
    rank = {n.key: 0 for n in latents if n.key in loads}
    for _ in latents:
        for n in latents:
            below = [rank[e] for e in ends.get(n.key, []) if e in rank]
            if n.key not in loads and below:
                rank[n.key] = 1 + max(below)
    rows: dict[str, list[Node]] = {}
    for n in latents:
        if n.level == 0 or n.key not in loads:
            rows.setdefault(f"latent {n.level} {rank.get(n.key, 0) if n.level == 0 else 0}",
                            []).append(n)
    items = {n.key for n in model.of_kind("item")}
    for n in model.of_kind("covariate"):
        direct = any(end in items for end in ends[n.key])
        rows.setdefault("direct" if direct else f"covariate {n.level}", []).append(n)
    for n in latents:
        if n.level > 0 and n.key in loads:
            rows.setdefault(f"below {n.level}", []).append(n)
    return {name: rows[name] for name in sorted(rows, key=_upwards)}


def _upwards(name: str):
    """Order of rows: levels upwards, their covariates last; then what is below the items."""
    kind, *numbers = name.split()
    return (kind in ("direct", "below"), kind == "below", [int(n) for n in numbers[:1]],
            kind == "covariate", numbers)


def _heights(model, rows) -> dict[str, float]:
    """y of every row."""
    y, found = 0.0, {"items": 0.0}
    wide = len(model.of_kind("item")) > 12
    step = ROW + 0.5 * wide
    upper = [name for name in rows if name.split()[0] in ("latent", "covariate")]
    before = "items"
    for name in upper:
        arcs = _arc_room(model, rows.get(before, []))
        y += (step if before == "items" else 1.15 + 0.3) + arcs
        if before != "items" and int(name.split()[1]) != int(before.split()[1]):
            y += 0.55  # a frame's border
        found[name], before = y, name
    y = 0.0
    for name in rows:
        if name not in upper:
            y -= step + 0.35
            found[name] = y
    return found


def _arc_room(model, nodes) -> float:
    """Room above a row for its arcs."""
    keys = [n.key for n in nodes]
    spans = [abs(keys.index(e.start) - keys.index(e.end)) for e in model.edges
             if e.kind in ("covariance", "regression") and e.start in keys and e.end in keys]
    return 0.55 * max(spans, default=0)


def _row_places(nodes, model, x, sizes) -> dict[str, float]:
    """x of a row's nodes: over the middle of their arrows' ends, and apart."""
    wished = {}
    for node in nodes:
        ends = [x[e.end] for e in model.edges
                if e.start == node.key and e.kind in ("loading", "regression") and e.end in x]
        wished[node.key] = float(np.mean(ends)) if ends else float(np.mean(list(x.values())))
    order = sorted(wished, key=wished.get)
    room = 1.0 if any(e.start in wished and e.end in wished and e.start != e.end
                      for e in model.edges) else GAP
    places = np.array([wished[key] for key in order])
    apart = np.array([(sizes[a][0] + sizes[b][0]) / 2 + room for a, b in zip(order, order[1:])])
    for _ in range(200):  # push apart those that are too close
        lack = apart - np.diff(places)
        if not (lack > 1e-9).any():
            break
        push = np.maximum(lack, 0) / 2
        places[:-1] -= push
        places[1:] += push
    return dict(zip(order, places.tolist()))


def _clear(out: Layout, model, row: dict[str, Box]) -> dict[str, Box]:
    """A row moved sideways as far as its arrows need not to run through other nodes."""
    def crossings(shift):
        moved = {key: replace(box, x=box.x + shift) for key, box in row.items()}
        return sum(_crosses(moved[e.start], out.boxes[e.end], box)
                   for e in model.edges if e.start in row and e.end in out.boxes
                   for key, box in out.boxes.items() if key != e.end), moved

    tried = [crossings(shift) for shift in SHIFTS]
    return min(tried, key=lambda pair: pair[0])[1]


def _crosses(a: Box, b: Box, between: Box) -> bool:
    """Whether the line between the middles of two boxes runs through a third one."""
    t = np.linspace(0, 1, 41)
    x, y = a.x + t * (b.x - a.x), a.y + t * (b.y - a.y)
    return bool(((np.abs(x - between.x) < between.w / 2 + 0.05)
                 & (np.abs(y - between.y) < between.h / 2)).any())


def _arrows(out: Layout, model, row) -> None:
    """Arrows between nodes, then those at single nodes, in directions that are free."""
    used: dict[str, list[float]] = {key: [] for key in out.boxes}
    ordered = {name: sorted((k for k in row if row[k] == name), key=lambda k: out.boxes[k].x)
               for name in set(row.values())}
    for edge in model.edges:
        if edge.start == edge.end:
            continue
        a, b = out.boxes[edge.start], out.boxes[edge.end]
        same = row.get(edge.start) == row.get(edge.end) is not None
        span = 0
        if same:
            own = ordered[row[edge.start]]
            span = abs(own.index(edge.start) - own.index(edge.end))
        both = edge.kind == "covariance"
        if row.get(edge.start) == "direct" and row.get(edge.end):
            points = _around_items(a, b, ordered[row[edge.end]][0] == edge.end)
        elif same and (both or span > 1):
            points = _arc(a, b, span, -1 if row[edge.start].startswith("below") else 1)
        else:
            points = np.array([a.border(b.x, b.y), b.border(a.x, a.y)])
            if both:
                points = np.array([points[0], points.mean(axis=0) + [0.5, 0.2], points[1]])
        out.curves.append(Curve(edge, points, both))
        for key, box, near in ((edge.start, a, points[1]), (edge.end, b, points[-2])):
            used[key].append(np.arctan2(near[1] - box.y, near[0] - box.x))
    regressed = {node.key for node in model.nodes if node.regressed}
    for edge in model.edges:
        if edge.start == edge.end:
            box = out.boxes[edge.start]
            if edge.kind == "residual":
                out.curves.append(Curve(edge, _tail(box, _free(used[edge.start], _below(box)), 0.42)))
            elif edge.start in regressed:
                out.curves.append(Curve(edge, _tail(box, _free(used[edge.start], _around()), 0.5)))
            else:
                down = row.get(edge.start, "").startswith("below")
                angle = _free(used[edge.start], _around(down))
                out.curves.append(Curve(edge, _loop(box, angle), True))


def _around_items(a: Box, b: Box, first: bool) -> np.ndarray:
    """From a covariate of items, left of and below them, up to a latent variable over them."""
    start = np.array([a.x, a.y + a.h / 2])
    if first:
        return np.array([start, [a.x, b.y], [b.x - b.w / 2, b.y]])
    top = b.y + b.h / 2 + 1.9
    return np.array([start, [a.x, top + 1], [b.x, top], [b.x, b.y + b.h / 2]])


def _around(down=False):
    sign = -1 if down else 1
    return [sign * degrees * DEGREES for degrees in (90, 50, 130, 25, 155, -40, -140, 0, 180)]


def _below(box):
    return [degrees * DEGREES for degrees in (-90, -60, -120)]


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


def _labels(out: Layout) -> None:
    """Labels, those with least choice first."""
    taken = list(out.boxes.values())
    order = {"residual": 0, "variance": 1, "covariance": 2, "regression": 3, "loading": 4}
    for curve in sorted(out.curves, key=lambda c: order[c.edge.kind]):
        if not curve.edge.text:
            continue
        w, h = text_size(curve.edge.text, SMALL)
        places = [Box(*place, w, h) for place in _candidates(curve, w, h)]
        box = next((b for b in places if not any(b.overlaps(t, 0.02) for t in taken)), None)
        if box is None:
            box = min(places, key=lambda b: sum(b.overlaps(t, 0.02) for t in taken))
        taken.append(box)
        out.labels.append((box, curve.edge.text))


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


def _frames(out: Layout, model: PathModel) -> None:
    """Frames of levels, each around its nodes and those of the levels below."""
    level = {node.key: 0 if node.kind == "item" else node.level for node in model.nodes}
    height = text_size("x", SMALL)[1]
    for number, text in enumerate(model.levels):
        inside = {key for key in out.boxes if level[key] <= number}
        if not inside or (number and not any(level[key] == number for key in out.boxes)):
            continue
        boxes = [out.boxes[key] for key in inside]
        boxes += [box for (box, _), curve in zip(out.labels, _labelled(out))
                  if {curve.edge.start, curve.edge.end} <= inside]
        boxes += [box for box, _ in out.frames]
        points = np.concatenate([c.drawn() for c in out.curves
                                 if {c.edge.start, c.edge.end} <= inside])
        left = min(*(b.x - b.w / 2 for b in boxes), *points[:, 0]) - 0.2
        right = max(*(b.x + b.w / 2 for b in boxes), *points[:, 0]) + 0.2
        bottom = min(*(b.y - b.h / 2 for b in boxes), *points[:, 1]) - 0.2
        top = max(*(b.y + b.h / 2 for b in boxes), *points[:, 1]) + 0.2 + height
        right = max(right, left + text_size(text, SMALL)[0] + 0.3)
        out.frames.append((Box((left + right) / 2, (bottom + top) / 2, right - left, top - bottom),
                           text))


def _labelled(out: Layout):
    """The arrows of the labels, in the labels' order."""
    order = {"residual": 0, "variance": 1, "covariance": 2, "regression": 3, "loading": 4}
    return [c for c in sorted(out.curves, key=lambda c: order[c.edge.kind]) if c.edge.text]
