r"""What of a larger model a smaller one has at its edge: variances at zero, families at a limit.

Let N be the latent variables of a bar whose variances the smaller model sets to zero.  Near such a
point the covariance matrices that are possible are those with :math:`\Psi_{NN}` positive
semidefinite, whatever the covariances of N with others are; so the cone of the parameters
:math:`\Psi_{NN}` counts, and all other parameters that the models do not share have two sides (Stram
and Lee, 1994, Biometrics 50, 1171-1177).
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.results.chi_bar import dimension


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
    model = results.model
    for block, c in zip(model.structure.blocks, model.design.covariances):
        of = [block.names[0] if c.kind == "identity" else name for name in block.names]
        found.setdefault(block.group, set()).update(
            name for name, own in zip(block.names, of) if f"var[{own}]" not in zero)
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
    constrained, free = touched(large), set(_free_names(large))
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
        whole &= not constrained.intersection(place[pair] for pair in inside)
    return found, orders, positions, whole


def touched(results) -> set[int]:
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
        factors = _free_factors(large.model, zero)
        if factors:
            return f"the loadings of {factors[0]} have no meaning where {names[0]} is zero"
    return ""


def why_meaningless(model, latent) -> str:
    """Why some latent variables cannot have a variance of zero; "" where they can."""
    factors = _free_factors(model, latent)
    if factors:
        return (f"the loadings of {factors[0]!r} have no meaning where its variance is zero; draw the "
                "distribution of the likelihood ratio by fitting both models to responses that the "
                "model without it simulates")
    for name in model.param_names:
        for one in latent:
            if name.startswith("b[") and one in name.partition(" on ")[2]:
                return f"{name} has no meaning where the variance of {one} is zero"
    return ""


def _free_factors(model, latent) -> list[str]:
    """Factors with free loadings all of whose latent variables are among some."""
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


def total(edge: Edge) -> int:
    """Parameters at the edge."""
    return dimension(edge.orders)
