"""Regressions of latent variables: ``"dep[id] ~ stress[id] + climate[school] + age"``."""

from __future__ import annotations

from dataclasses import dataclass

from statsmodels_gllamm.exceptions import FormulaError
from statsmodels_gllamm.formula.tokens import quote_backticks, tokenize, usage

__all__ = ["Regression", "parse_regressions"]


@dataclass(frozen=True, slots=True)
class Regression:
    """One regression.

    Attributes
    ----------
    text : str
    outcome : str
        A latent variable, with its group or without.
    causes : tuple of str
        Latent variables on the right side.
    covariates : str or None
        The rest of the right side, a one-sided formula.
    """

    text: str
    outcome: str
    causes: tuple[str, ...]
    covariates: str | None


def parse_regressions(regressions, factors) -> tuple[Regression, ...]:
    """Read the regressions of latent variables.

    Parameters
    ----------
    regressions : sequence of str or str or None
    factors : collection of str
        Names that are latent variables without a group.

    Returns
    -------
    tuple of Regression

    Raises
    ------
    FormulaError, TypeError
    """
    if regressions is None:
        return ()
    if isinstance(regressions, str):
        regressions = [regressions]
    out = []
    for text in regressions:
        if not isinstance(text, str):
            raise TypeError(f"regressions= is a list of strings such as 'ability ~ ses', not {text!r}.")
        out.append(_parse(quote_backticks(text), frozenset(factors or ())))
    return tuple(out)


def _parse(text: str, factors) -> Regression:
    tildes = [t for t in tokenize(text) if t.text == "~" and t.depth == 0]
    if len(tildes) != 1:
        raise FormulaError(f"The regression {text!r} must be 'latent ~ causes', with one ~.")
    outcome = _squeezed(text[:tildes[0].start])
    if not _is_latent(outcome, factors):
        raise FormulaError(
            f"The left side of the regression {text!r} must be a latent variable: a factor, or a "
            "random term with its group, such as x[id].")
    causes, rest = [], []
    for term in _terms(text[tildes[0].stop:]):
        if _is_latent(_squeezed(term), factors):
            causes.append(_squeezed(term))
            continue
        used = [name for name in usage(term).names if name in factors]
        if used or "[" in term:
            raise FormulaError(
                f"The term {term.strip()!r} of the regression {text!r} is a product or function of "
                "a latent variable, which a regression cannot have; use latent variables as they "
                "are, and products of columns.")
        rest.append(term.strip())
    if not causes and not rest:
        raise FormulaError(f"The regression {text!r} has nothing on its right side.")
    return Regression(text, outcome, tuple(causes), " + ".join(rest) or None)


def _terms(text: str) -> list[str]:
    """Pieces between the plus signs outside all brackets."""
    cuts = [t.start for t in tokenize(text) if t.text == "+" and t.depth == 0]
    pieces = [text[a:b] for a, b in zip([0, *(c + 1 for c in cuts)], [*cuts, len(text)])]
    return [piece for piece in pieces if piece.strip()]


def _squeezed(text: str) -> str:
    return "".join(t.text for t in tokenize(text))


def _is_latent(text: str, factors) -> bool:
    """Whether a term is a factor's name, or something with a group in brackets at its end."""
    if text in factors:
        return True
    tokens = tokenize(text)
    opening = [t for t in tokens if t.text == "[" and t.depth == 0]
    return (len(tokens) > 3 and tokens[-1].text == "]" and tokens[-1].depth == 0
            and len(opening) == 1 and opening[0].start > 0)
