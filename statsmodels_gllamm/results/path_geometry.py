"""Boxes, arrows and labels of a path diagram, in units of its layout."""
from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from statsmodels_gllamm.results.path_model import Edge

UNIT = 0.72  # inches
FONT, SMALL = 8.5, 7.5  # points
MARGIN = 0.3


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

    def crossed(self, ends: np.ndarray) -> bool:
        """Whether the line between two points (2, 2) runs through it."""
        t = np.linspace(0, 1, 41)[:, None]
        away = np.abs((1 - t) * ends[0] + t * ends[1] - [self.x, self.y])
        return bool((away < [self.w / 2 + 0.05, self.h / 2]).all(axis=1).any())

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
    """Boxes by node, arrows, labels (box, their arrow), frames (box, text)."""

    boxes: dict[str, Box] = field(default_factory=dict)
    curves: list[Curve] = field(default_factory=list)
    labels: list[tuple[Box, Edge]] = field(default_factory=list)
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
