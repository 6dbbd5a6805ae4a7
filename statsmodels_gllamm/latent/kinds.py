"""What `covariances=` says of the latent variables of a bar."""
from __future__ import annotations

import numpy as np
import pandas as pd

from statsmodels_gllamm.latent.covariance import Covariance, patterned

COVARIANCE_KINDS = ("unstructured", "diagonal", "identity")


def covariance_of(block, kinds, standardized, alone: bool) -> Covariance:
    """Covariance matrix of a block.

    Parameters
    ----------
    block : LatentBlock
    kinds : dict
        {group: kind, or a pattern of numbers and None}.
    standardized : set of str
        Latent variables whose variance is one.
    alone : bool
        No other bar has the block's group.

    Raises
    ------
    ValueError
        Of what is wrong with a kind or a pattern.
    """
    kind = kinds.get(block.group, "unstructured" if block.correlated else "diagonal")
    fixed = tuple(1.0 if name in standardized else None for name in block.names)
    if not isinstance(kind, str):
        return patterned(block.names, _pattern(block, kind, fixed, alone))
    if kind == "unstructured" and not block.correlated:
        raise ValueError(f"covariances[{block.group!r}] is 'unstructured', but the formula's "
                         f"(... || {block.group}) asks for no correlations; write one bar")
    if kind not in COVARIANCE_KINDS:
        raise ValueError(f"covariances[{block.group!r}] is one of {', '.join(COVARIANCE_KINDS)}, or an "
                         f"array of numbers and None, not {kind!r}")
    if kind == "identity" and len(set(fixed)) > 1:
        raise ValueError(f"covariances[{block.group!r}] cannot be 'identity' with a standardized "
                         "factor beside other latent variables; use 'diagonal'")
    return Covariance(block.names, kind, fixed)


def _pattern(block, given, fixed, alone: bool) -> list[list[float | None]]:
    """A pattern (q, q) of numbers and None from what the user gave, as an array or a DataFrame."""
    what, q = f"covariances[{block.group!r}]", len(block.names)
    if not (alone and block.correlated):
        raise ValueError(f"{what} is a pattern, for one bar with all latent variables of the group: "
                         f"write one (a + b | {block.group})")
    if isinstance(given, pd.DataFrame):
        if set(given.index) != set(block.terms) or set(given.columns) != set(block.terms):
            raise ValueError(f"{what} must have the rows and columns {', '.join(block.terms)}")
        given = given.loc[list(block.terms), list(block.terms)]
    values = np.asarray(given, dtype=object)
    if values.shape != (q, q):
        raise ValueError(f"{what} has the shape {values.shape}; it needs {q} rows and columns, for "
                         f"{', '.join(block.terms)}")
    pattern = [[_element(what, value) for value in row] for row in values]
    for i in range(q):
        for j in range(i):
            if pattern[i][j] != pattern[j][i]:
                raise ValueError(f"{what} is not symmetric in {block.terms[j]} and {block.terms[i]}")
        if fixed[i] is not None:
            if pattern[i][i] not in (None, fixed[i]):
                raise ValueError(f"{what} fixes the variance of the standardized {block.terms[i]}; "
                                 "leave it None")
            pattern[i][i] = fixed[i]
        elif pattern[i][i] is not None and pattern[i][i] <= 0:
            raise ValueError(f"{what} fixes the variance of {block.terms[i]} at {pattern[i][i]:g}; fix "
                             "it above zero, or leave the variable out")
    return pattern


def _element(what: str, value) -> float | None:
    """A number, or None where free."""
    if value is None or value != value:
        return None
    if not isinstance(value, (int, float, np.number)) or not np.isfinite(value):
        raise ValueError(f"{what} has numbers where fixed and None where free, not {value!r}")
    return float(value)
