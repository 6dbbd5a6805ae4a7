"""The terms of a design, and constraints on named parameters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from statsmodels.formula._manager import FormulaManager

from statsmodels_gllamm.formula.design import Design

__all__ = ["current_spec", "linear_constraints", "term_slices"]


def term_slices(design: Design, names) -> dict[str, slice]:
    """Columns of every term.

    Parameters
    ----------
    design : Design
    names : sequence of str
        The model's names of the columns. A model of arrays has names of its own; then every
        column is a term.

    Returns
    -------
    dict of str to slice
    """
    if tuple(names) != design.names:
        return {name: slice(i, i + 1) for i, name in enumerate(names)}
    if design.is_constant:
        return {"Intercept": slice(0, 1)} if names else {}
    manager = FormulaManager(design.engine)
    spec = design.spec
    slices = {manager.get_term_name(term): manager.get_slice(spec, term) for term in spec.terms}
    # formulaic calls the constant "1"
    slices = {"Intercept" if name == "1" else name: place for name, place in slices.items()}
    if design.left_out is None:
        return slices
    shift = {place: place - (place > design.left_out) for s in slices.values()
             for place in (s.start, s.stop)}
    return {name: slice(shift[s.start], shift[s.stop]) for name, s in slices.items()
            if s != slice(design.left_out, design.left_out + 1)}


def current_spec(design: Design):
    """The spec of a design under the engine that statsmodels uses now."""
    engine = FormulaManager().engine
    return (design if engine == design.engine else replace(design, engine=engine, _spec=None)).spec


def linear_constraints(constraints, names):
    """Constraints on parameters as a pair of arrays.

    Patsy's parser is used whatever the engine: formulaic's knows neither names such as ``x:z`` nor
    negative numbers.

    Parameters
    ----------
    constraints : str, sequence of str, mapping, array_like or tuple (R, q)
        ``"x = z, var[Intercept[id]] = 1"``; a mapping of names to values.
    names : sequence of str
        All parameters.

    Returns
    -------
    R : ndarray (m, k)
    q : ndarray (m,)
        The constraints are R params = q.
    """
    found = FormulaManager("patsy").get_linear_constraints(constraints, list(names))
    return np.asarray(found.constraint_matrix), np.ravel(found.constraint_values)
