"""Residual covariances of items: ``{"item": ["y1 ~~ y5", ("y2", "y4")]}``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from statsmodels_gllamm.exceptions import FormulaError
from statsmodels_gllamm.formula.tokens import pieces

__all__ = ["RESIDUAL_ITEM", "ResidualCovariances", "parse_residuals"]

RESIDUAL_ITEM = "residual_covariances"  # the role of the column that tells items apart


@dataclass(frozen=True, slots=True)
class ResidualCovariances:
    """Pairs of items whose residuals are correlated within a bottom-level cluster.

    Attributes
    ----------
    column : str
        Column whose values are the items.
    pairs : tuple of (str, str)
        Items, as text.
    """

    column: str
    pairs: tuple[tuple[str, str], ...]


def parse_residuals(given) -> ResidualCovariances | None:
    """Read residual covariances.

    Parameters
    ----------
    given : {column: list of "y1 ~~ y5" or (item, item)} or None

    Raises
    ------
    FormulaError, TypeError
        Of another form, an item with itself, or a pair twice.
    """
    if given is None:
        return None
    if not isinstance(given, Mapping) or len(given) != 1 or not all(
            isinstance(column, str) for column in given):
        raise TypeError("residual_covariances is {column of items: pairs}, such as {'item': "
                        f"['y1 ~~ y5', ('y2', 'y4')]}}, not {given!r}.")
    ((column, texts),) = given.items()
    pairs = []
    for text in [texts] if isinstance(texts, str) else texts:
        pairs += _pairs(text)
    if not pairs:
        raise FormulaError("residual_covariances has no pairs; leave it out.")
    known = set()
    for a, b in pairs:
        if a == b:
            raise FormulaError(f"residual_covariances has {a!r} with itself, a residual variance, "
                               "which dispersion= is for.")
        if frozenset((a, b)) in known:
            raise FormulaError(f"residual_covariances has the pair {a!r}, {b!r} twice; remove one.")
        known.add(frozenset((a, b)))
    return ResidualCovariances(column, tuple(pairs))


def _pairs(text) -> list[tuple[str, str]]:
    """The pairs of one entry."""
    if isinstance(text, (tuple, list)) and len(text) == 2:
        return [(str(text[0]), str(text[1]))]
    if not isinstance(text, str):
        raise TypeError(f"residual_covariances has {text!r}; a pair is 'y1 ~~ y5' or ('y1', 'y5').")
    left, between, right = text.partition("~~")
    terms = pieces(right)
    if not between or not left.strip() or not all(terms):
        raise FormulaError(f"residual_covariances has {text!r}; a pair is 'y1 ~~ y5'.")
    return [(_plain(left), _plain(term)) for term in terms]


def _plain(text: str) -> str:
    return text.strip().strip("`")
