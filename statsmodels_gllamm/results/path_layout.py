"""Where the nodes, arrows and labels of a path diagram stand.

From bottom to top: higher-level latent variables that items load on, covariates of items, items,
latent variables of the bottom level (those that only other ones measure above the others), their
covariates, then higher levels.  A node stands over the middle of what its arrows go to; a row moves
sideways where its arrows would run through other nodes.
"""
from __future__ import annotations

from dataclasses import replace

import numpy as np

from statsmodels_gllamm.results.path_arrows import add_arrows, add_labels
from statsmodels_gllamm.results.path_geometry import FONT, SMALL, Box, Layout, text_size
from statsmodels_gllamm.results.path_model import Node, PathModel

ROW, GAP = 1.75, 0.35
SHIFTS = (0.0, 0.6, -0.6, 0.9, -0.9, 1.2, -1.2, 1.6, -1.6, 2.0, -2.0, 2.5, -2.5, 3.0, -3.0, 3.6,
          -3.6, 4.3, -4.3)


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
    add_arrows(out, model, {node.key: name for name, nodes in rows.items() for node in nodes})
    add_labels(out)
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
    under = {n.key for n in latents if n.level > 0 and n.key in loads}
    for _ in latents:  # with them what they are regressed on
        under |= {n.key for n in latents if n.key not in loads and n.key in ends
                  and set(ends[n.key]) <= under}
    items = {n.key for n in model.of_kind("item")}
    rows: dict[str, list[Node]] = {}
    for n in (*latents, *model.of_kind("covariate")):
        if n.key in under or (n.kind == "covariate" and set(ends[n.key]) <= under):
            name = f"below {n.level} {int(n.key not in loads)}"
        elif n.kind == "latent":
            name = f"latent {n.level} {rank.get(n.key, 0) if n.level == 0 else 0}"
        else:
            name = "direct" if items & set(ends[n.key]) else f"covariate {n.level}"
        rows.setdefault(name, []).append(n)
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
        return sum(box.crossed(np.array([[moved[e.start].x, moved[e.start].y],
                                         [out.boxes[e.end].x, out.boxes[e.end].y]]))
                   for e in model.edges if e.start in row and e.end in out.boxes
                   for key, box in out.boxes.items() if key != e.end), moved

    tried = [crossings(shift) for shift in SHIFTS]
    return min(tried, key=lambda pair: pair[0])[1]


def _frames(out: Layout, model: PathModel) -> None:
    """Frames of levels, each around its nodes and those of the levels below."""
    level = {node.key: 0 if node.kind == "item" else node.level for node in model.nodes}
    height = text_size("x", SMALL)[1]
    for number, text in enumerate(model.levels):
        inside = {key for key in out.boxes if level[key] <= number}
        if not inside or (number and not any(level[key] == number for key in out.boxes)):
            continue
        boxes = [out.boxes[key] for key in inside]
        boxes += [box for box, edge in out.labels if {edge.start, edge.end} <= inside]
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
