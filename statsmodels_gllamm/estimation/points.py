"""Quadrature points per level from what the user asks for."""
from __future__ import annotations

from collections.abc import Mapping

from statsmodels_gllamm.estimation import certify
from statsmodels_gllamm.estimation.options import integer, one_of

INTEGRATIONS = ("adaptive", "laplace", "quadrature")
UNADAPTED = 15  # points of ordinary quadrature where none are asked for


def points_of(n_quad, integration: str, levels, q, exact: bool) -> tuple[int, ...] | None:
    """Points per dimension by level from the bottom; None for "auto" with adaptive quadrature.

    Parameters
    ----------
    n_quad : "auto", int or {group: int}
    integration : {"adaptive", "laplace", "quadrature"}
    levels : tuple of Level
    q : tuple
        As of `certify.count_nodes`.
    exact : bool
        One point is exact, whatever is asked.

    Raises
    ------
    ValueError
        Names the group or option, and the group to lower where nodes exceed the budget.
    """
    one_of("integration", integration, INTEGRATIONS)
    if n_quad is None or (isinstance(n_quad, str) and n_quad != "auto"):
        raise ValueError(f"n_quad is 'auto', an integer or {{group: integer}}, not {n_quad!r}")
    auto = isinstance(n_quad, str)
    names = {name: i for i, level in enumerate(levels) for name in level.groups}
    given = n_quad if isinstance(n_quad, Mapping) else {level.name: n_quad for level in levels}
    points: list[int | None] = [None] * len(levels)
    for name, n in {} if auto else given.items():
        if name not in names:
            raise ValueError(f"n_quad names the group {name!r}; the groups are "
                             f"{', '.join(map(repr, names))}")
        points[names[name]] = integer(f"n_quad for {name!r}", n)
    if not auto and None in points:
        missing = levels[points.index(None)].name
        raise ValueError(f"n_quad has no points for the group {missing!r}")
    if integration == "laplace" and set(points) - {1, None}:
        raise ValueError("integration='laplace' has one point; leave n_quad out, or use "
                         "integration='adaptive'")
    if exact or integration == "laplace":
        return (1,) * len(levels)
    if auto:
        return None if integration == "adaptive" else (UNADAPTED,) * len(levels)
    message = certify.budget_error(points, q, [level.name for level in levels])
    if message:
        raise ValueError(message)
    return tuple(points)
