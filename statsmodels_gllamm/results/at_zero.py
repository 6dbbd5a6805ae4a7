r"""What of a larger model a smaller one has at its edge: variances at zero, families at a limit.

Let N be the latent variables of a bar whose variances the smaller model sets to zero.  Near such a
point the covariance matrices that are possible are those with :math:`\Psi_{NN}` positive
semidefinite, whatever the covariances of N with others are; so the cone of the parameters
:math:`\Psi_{NN}` counts, and all other parameters that the models do not share have two sides (Stram
and Lee, 1994, Biometrics 50, 1171-1177).

The cone lies in the metric of the efficient information of its parameters, the inverse of their block
V of the inverse information of the larger model.  That is evaluated in natural parameters with the
vanishing :math:`\Psi_{NN}` at a diagonal h and at 2h, h a small share of a standard error, and
extrapolated to h = 0: the expected information where there is a closed form, else the observed one,
from differences of the exact gradient.
"""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from statsmodels_gllamm.estimation.boundary import zero_coordinates
from statsmodels_gllamm.estimation.information import STEP, differenced
from statsmodels_gllamm.estimation.optimize import is_positive_definite
from statsmodels_gllamm.integration.mode import ModeError
from statsmodels_gllamm.latent.covariance import direct
from statsmodels_gllamm.results.chi_bar import dimension

INSIDE = 0.05  # of a standard error: diagonal at which the information is evaluated
FIRST = 1e-4  # of a starting value: diagonal at which standard errors are found
MOVE = 0.2  # of that diagonal: steps of differences, which keep the matrix positive definite


@dataclass(frozen=True, slots=True)
class Edge:
    """The parameters that a smaller model has at their edge.

    Attributes
    ----------
    what : tuple of str
        "var[x[id]] at zero", in words.
    orders : tuple of int
        Of the cones of matrices; a half-line is one of order one.
    positions : ndarray of int or None
        Of the coordinates of the cones among the larger model's parameters; None where they are not
        parameters by themselves.
    unknown : str
        Why the distribution of a test is not known; "" where it is.
    """

    what: tuple[str, ...] = ()
    orders: tuple[int, ...] = ()
    positions: np.ndarray | None = None
    unknown: str = ""


def edge_of(large, small, limits=()) -> Edge:
    """What a smaller model has at the edge of a larger one.

    Parameters
    ----------
    large, small : GLLAMMResults
    limits : tuple of str
        What its family has there, as of `nesting.edges`.
    """
    rank = _lower_rank(large, small)
    if rank:
        return Edge((rank, *limits), unknown=_unidentified(large, small, (), ()))
    names, orders, positions, whole = _variances(large, small)
    known = set(_free_names(small))
    more = [name for name in _free_names(large) if name not in known]
    what = [f"{' and '.join(names)} at zero"] if 0 < len(names) < 4 else (
        [f"{len(names)} variances at zero"] if names else [])
    unknown = _unidentified(large, small, more, names)
    if limits:
        what += limits
        extra = _of_limits(large, more)
        unknown = unknown or ("" if extra else "the parameters of the larger family have no "
                              "meaning at its limit")
        orders, whole = (*orders, *(1,) * extra), whole and not orders and extra == 1
    return Edge(tuple(what), tuple(orders), np.array(positions, dtype=int) if whole else None, unknown)


def _free_names(results) -> list[str]:
    """Names of the parameters that constraints do not fix."""
    constraints = results.record.constraints
    held = set() if constraints is None else set(constraints.fixed.tolist())
    return [name for i, name in enumerate(results.model.param_names) if i not in held]


def _latent(results) -> dict[str, set]:
    """Names of the latent variables by group, without those whose variance constraints fix at zero."""
    zero, found = _at_zero(results), {}
    for block in results.model.structure.blocks:
        found.setdefault(block.group, set()).update(
            name for name in block.names if f"var[{name}]" not in zero)
    return found


def _renamed(large, small) -> set[str]:
    """Names of the larger model's latent variables for which the smaller one has as many others."""
    of_small, names = _latent(small), set()
    for group, own in _latent(large).items():
        other = of_small.get(group, set())
        if own - other and len(own - other) <= len(other - own):
            names |= own - other
    return names


def _lower_rank(large, small) -> str:
    """What the smaller model has where latent variables of other names take the place of several."""
    of_small = _latent(small)
    for group, own in _latent(large).items():
        other = of_small.get(group, set())
        if 0 < len(other - own) < len(own - other):
            return (f"a covariance matrix of {group!r} that is singular ({len(other)} latent "
                    f"variable(s) in the place of {len(own)})")
    return ""


def _at_zero(results) -> set[str]:
    """Names of the variances that constraints fix at zero."""
    c = results.record.constraints
    names = results.model.param_names
    return set() if c is None else {names[i] for i in c.fixed if c.shift[i] == 0}


def _variances(large, small):
    """(names, orders of cones, positions, whether these are all) of the variances at zero."""
    kept = set().union(*_latent(small).values()) | _renamed(large, small)
    touched, free = _touched(large), set(_free_names(large))
    found, orders, positions, whole = [], [], [], True
    for s, c in large.model.design.cov_slices():
        place = {pair: s.start + k for k, pair in enumerate(c.pairs())}
        gone = [i for i, name in enumerate(c.names) if name not in kept
                and f"var[{name}]" in free]
        if c.kind == "identity":
            gone = gone[:1] if len([n for n in c.names if n in kept]) == 0 else []
        found += [f"var[{c.names[i]}]" for i in gone]
        inside = [pair for pair in place if set(pair) <= set(gone)]
        together = len(inside) == len(gone) * (len(gone) + 1) // 2
        if together and len(gone):
            orders.append(len(gone))
        else:
            whole &= len(inside) == len(gone)
            orders += [1] * len(gone)
            inside = [(i, i) for i in gone]
        positions += [place[pair] for pair in inside]
        whole &= not touched.intersection(place[pair] for pair in inside)
    return found, orders, positions, whole


def _touched(results) -> set[int]:
    """Positions of parameters that constraints have to do with."""
    c = results.record.constraints
    return set() if c is None else set(c.touched.tolist())


def _unidentified(large, small, more, names) -> str:
    """Why parameters of the larger model have no meaning in the smaller one; "" where all have."""
    known = {name for block in small.model.structure.blocks for name in block.names}
    known |= _renamed(large, small)
    zero = {name[4:-1] for name in _at_zero(small)}
    fixed = [name for s, c in large.model.design.cov_slices()
             for name, variance in zip(c.names, c.fixed)
             if variance is not None and name not in known]
    if fixed and not _lower_rank(large, small):
        return (f"{fixed[0]} has a fixed variance in the larger model and is not in the smaller one, "
                "so that its loadings are zero there: their signs are arbitrary")
    if not names:
        return ""
    gone = [name[4:-1] for name in names]
    for name in more:
        kind, _, rest = name.partition("[")
        if kind == "lambda" or (kind == "b" and any(f"on {one}" in rest for one in gone)):
            return f"{name} has no meaning where {names[0]} is zero"
    if zero:
        factors = _free_factors(large, zero)
        if factors:
            return f"the loadings of {factors[0]} have no meaning where {names[0]} is zero"
    return ""


def _free_factors(results, latent) -> list[str]:
    """Factors with free loadings all of whose latent variables are among some."""
    model = results.model
    of: dict[str, set] = {}
    for block in model.structure.blocks:
        for name, place in zip(block.names, block.places):
            predictor = model.structure.predictors[place.predictor]
            part = model.sample if predictor.key == "exog" else model.sample.parts[predictor.key]
            factor = part.bars[place.bar].factors[place.column]
            of.setdefault(factor, set()).add(name)
    return [factor for factor, names in of.items() if factor is not None and names <= set(latent)
            and np.isnan(np.asarray(model.sample.factors[factor].loadings, dtype=float)).any()]


def _of_limits(large, more) -> int:
    """Half-lines that a family's limit stands for: one for every parameter that only the larger model
    has, if each belongs to rows of its own; 0 where that is not so."""
    layout = large.model.design.layout
    aux = {layout.names[i] for i in layout.positions("aux")}.intersection(more)
    main = set(large.model.exog_names)
    coef = {layout.names[i] for i in layout.positions("coef")}.intersection(more) - main
    for block in large.model.outcomes.aux:
        columns = {column for name, column, _ in block.terms if name in aux}
        values = block.values[:, sorted(columns)]
        if ((values != 0).sum(axis=1) > 1).any():
            return 0
    return len(aux) + len(coef) if len(coef) <= 1 else 0


def covariance_at_edge(large, small, edge: Edge) -> np.ndarray | None:
    """V (d, d) of the parameters at the edge, up to a factor; None where it cannot be found.

    Parameters
    ----------
    large, small : GLLAMMResults
    edge : Edge
        With positions.
    """
    if not len(large.model.sample.index) or edge.positions is None:
        return None
    try:
        return _covariance(large, small, edge)
    except (ModeError, np.linalg.LinAlgError, ValueError, FloatingPointError):
        return None


def _covariance(large, small, edge: Edge) -> np.ndarray | None:
    """`covariance_at_edge`, or an error."""
    model, record, cone = large.model, large.record, edge.positions
    design = _direct(model.design, {*cone.tolist(), *_touched(large)})
    objective = model._likelihood(record.n_quad, record.integration, design=design)
    diagonal = cone[_diagonals(edge.orders)]
    theta = null_params(large, small, edge)
    start = np.asarray(model.start_params, dtype=float)
    with np.errstate(all="ignore"):
        near = _inside(objective, theta, diagonal, FIRST * np.abs(start[diagonal]))
    opg = np.diag(near.opg)
    if not (opg[diagonal] > 0).all():
        return None
    h = INSIDE / np.sqrt(opg[diagonal])
    basis = _free_basis(large, design, near, cone)
    one, two = (_information(objective, theta, cone, diagonal, factor * h, basis)
                for factor in (1, 2))
    information = 2 * one - two
    if not is_positive_definite(information):
        information = basis.T @ near.opg @ basis
        if near.problem.n_top <= len(information) or not is_positive_definite(information):
            return None
    among = basis[cone].T
    return among.T @ np.linalg.inv(information) @ among


def _direct(design, inside: set):
    """The design with natural parameters for coordinates of the bars of some parameters."""
    return replace(design, covariances=tuple(
        direct(c) if inside.intersection(range(s.start, s.stop)) else c
        for s, c in design.cov_slices()))


def _diagonals(orders) -> np.ndarray:
    """Which coordinates of cones are variances."""
    return np.concatenate([[i == j for i in range(s) for j in range(i + 1)] for s in orders])


def null_params(large, small, edge: Edge) -> np.ndarray:
    """Natural parameters (k,) of the larger model in the smaller one: its estimates where it has the
    parameter, zero at the edge and for covariances, else those of the larger model."""
    model = large.model
    theta = np.array(large.params, dtype=float)
    known = dict(zip(small.model.param_names, np.asarray(small.params, dtype=float)))
    for i, name in enumerate(model.param_names):
        if name in known:
            theta[i] = known[name]
        elif name.startswith("cov["):
            theta[i] = 0.0
    theta[edge.positions] = 0.0
    return theta


def _inside(objective, theta, diagonal, h):
    """The point with the vanishing variances at h, with scores of units."""
    moved = theta.copy()
    moved[diagonal] = h
    return objective.at(objective.design.to_working(moved), units=True)


def _free_basis(large, design, point, cone) -> np.ndarray:
    """Directions (k, f) of the larger model's parameters: those that constraints leave, without what
    is held at a boundary besides or has no information."""
    k = len(point.working)
    constraints = large.record.constraints
    basis = np.eye(k) if constraints is None else constraints.basis
    held = set(zero_coordinates(design, point.working).tolist()) - set(cone.tolist())
    held |= {i for i, name in enumerate(large.model.param_names) if name in large.record.boundary
             and not name.startswith(("var[", "cov["))}
    held |= {i for i in range(k) if point.opg[i, i] == 0}
    keep = [j for j in range(basis.shape[1]) if not set(np.flatnonzero(basis[:, j])) & held]
    return basis[:, keep]


def _information(objective, theta, cone, diagonal, h, basis) -> np.ndarray:
    """Information (f, f) in the directions of ``basis`` with the vanishing variances at h."""
    point = _inside(objective, theta, diagonal, h)
    if objective.closed:
        return basis.T @ point.expected @ basis
    size = STEP / np.sqrt(np.maximum(np.diag(point.opg), 1e-300))
    size = np.minimum(size, 1e-2 * (1 + np.abs(point.working)))
    at = dict(zip(diagonal.tolist(), h))
    for s, c in objective.design.cov_slices():
        if not c.direct:
            continue
        psi = np.diag(c.matrix(point.working[s]))
        for k, (i, j) in enumerate(c.pairs()):
            limit = MOVE * np.sqrt(psi[i] * psi[j])
            size[s.start + k] = limit if s.start + k in at else min(size[s.start + k], limit)
    used = np.flatnonzero(basis.any(axis=1))
    matrix = differenced(objective, point, used, size[used])
    return basis[used].T @ matrix @ basis[used]


def total(edge: Edge) -> int:
    """Parameters at the edge."""
    return dimension(edge.orders)
