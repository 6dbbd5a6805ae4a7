"""Regressions of latent variables: ``"dep[id] ~ stress[id] + climate[school] + age"``."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

from statsmodels_gllamm.exceptions import FormulaError
from statsmodels_gllamm.formula.grammar import parse_formula
from statsmodels_gllamm.formula.groups import group_name
from statsmodels_gllamm.formula.tokens import pieces, quote_backticks, tokenize, usage

__all__ = ["Product", "Regression", "parse_regressions"]


@dataclass(frozen=True, slots=True)
class Product:
    """A latent variable times columns of the data: the rest of its terms, a one-sided formula."""

    cause: str
    covariates: str


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
        What on the right side has no latent variable, a one-sided formula.
    products : tuple of Product
        Latent variables times columns.
    pairs : tuple of (str, str)
        Latent variables times latent variables.
    """

    text: str
    outcome: str
    causes: tuple[str, ...]
    covariates: str | None
    products: tuple[Product, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()

    @property
    def formulas(self) -> dict[tuple, str]:
        """Formulas of columns, by what comes after the number of the regression in their key: ()
        of its covariates, (k,) of those of product k."""
        found = {} if self.covariates is None else {(): self.covariates}
        return found | {(k,): product.covariates for k, product in enumerate(self.products)}

    @property
    def whole(self) -> frozenset:
        """Keys of ``formulas`` whose constant stays out although they have none: all but those of
        products without the latent variable by itself, where categories all have an effect."""
        return frozenset(key for key in self.formulas
                         if not key or self.products[key[0]].cause in self.causes)


def parse_regressions(regressions, factors, formula=None) -> tuple[Regression, ...]:
    """Read the regressions of latent variables.

    Parameters
    ----------
    regressions : sequence of str or str or None
    factors : collection of str
        Names that are latent variables without a group.
    formula : str, optional
        The model's: x:z[id] is the latent variable of its random term, else a product.

    Returns
    -------
    tuple of Regression

    Raises
    ------
    FormulaError, TypeError, NotImplementedError
    """
    if regressions is None:
        return ()
    if isinstance(regressions, str):
        regressions = [regressions]
    out, latent = [], frozenset(factors or ()) | _interactions(formula)
    for text in regressions:
        if not isinstance(text, str):
            raise TypeError(f"regressions= is a list of strings such as 'ability ~ ses', not {text!r}.")
        out.append(_parse(quote_backticks(text), latent))
    return tuple(out)


def _interactions(formula) -> frozenset[str]:
    """Latent variables of random terms that are interactions, such as "x:z[id]"."""
    found = set()
    for bar in () if formula is None else parse_formula(formula).bars:
        for term in _pieces(bar.terms, "+"):
            pieces = [_squeezed(piece) for piece in _pieces(term, "*")]
            names = [":".join(some) for size in range(1, len(pieces) + 1)
                     for some in combinations(pieces, size)]
            found |= {f"{name}[{group_name(group)}]" for name in names if ":" in name
                      for group in bar.groups}
    return frozenset(found)


def _parse(text: str, factors) -> Regression:
    tildes = [t for t in tokenize(text) if t.text == "~" and t.depth == 0]
    if len(tildes) != 1:
        raise FormulaError(f"The regression {text!r} must be 'latent ~ causes', with one ~.")
    outcome = _squeezed(text[:tildes[0].start])
    if not _is_latent(outcome, factors):
        raise FormulaError(
            f"The left side of the regression {text!r} must be a latent variable: a factor, or a "
            "random term with its group, such as x[id].")
    causes, rest, products, pairs = {}, [], {}, {}
    for term in _products(_pieces(text[tildes[0].stop:], "+"), factors):
        term = _together(term, factors)
        latent = [_squeezed(piece) for piece in term if _is_latent(_squeezed(piece), factors)]
        columns = [piece.strip() for piece in term if not _is_latent(_squeezed(piece), factors)]
        _refuse(":".join(columns), text, factors)
        if not latent:
            rest.append(":".join(columns))
        elif len(term) == 1:
            causes[latent[0]] = None
        elif len(latent) == 1:
            products.setdefault(latent[0], []).append(":".join(columns))
        elif len(term) == 2:
            pairs[tuple(latent)] = None
        else:
            raise NotImplementedError(
                f"The regression {text!r} has the product {':'.join(term)!r} of two latent variables "
                "and more; a product is of two latent variables, or of one and columns.")
    if not (causes or rest or products or pairs):
        raise FormulaError(f"The regression {text!r} has nothing on its right side.")
    found = tuple(Product(cause, ("" if cause in causes else "0 + ") + " + ".join(columns))
                  for cause, columns in products.items())
    return Regression(text, outcome, tuple(causes), " + ".join(rest) or None, found, tuple(pairs))


def _together(term, factors) -> list[str]:
    """The pieces of a product, those of one latent variable in one: ``f:x[id]`` in ``f:x[id]:z``."""
    out: list[str] = []
    for piece in term:
        if out and _squeezed(f"{out[-1]}:{piece}") in factors:
            out[-1] = f"{out[-1]}:{piece}"
        else:
            out.append(piece)
    return out


def _products(terms, factors):
    """The pieces of every term between colons; a*b is a + b + a:b, and I(a**2), I(a*b) of latent
    variables are products too."""
    for term in terms:
        if _squeezed(term) in factors:
            yield [term]
            continue
        squared = _inside(_squeezed(term), factors)
        if squared is not None:
            yield squared
            continue
        pieces = [p for p in _pieces(term, "*")]
        if len(pieces) > 1 and any(_is_latent(_squeezed(part), factors) for piece in pieces
                                   for part in _pieces(piece, ":")):
            for size in range(1, len(pieces) + 1):
                for some in combinations(pieces, size):
                    yield [part for piece in some for part in _pieces(piece, ":")]
        else:
            yield _pieces(term, ":") if _has_latent(term, factors) else [term]


def _has_latent(term, factors) -> bool:
    return any(_is_latent(_squeezed(part), factors) for part in _pieces(term, ":"))


def _inside(term: str, factors) -> list[str] | None:
    """The two latent variables of I(f**2) or I(f*g), else None."""
    if not (term.startswith("I(") and term.endswith(")")):
        return None
    inner = term[2:-1]
    if inner.endswith("**2") and _is_latent(inner[:-3], factors):
        return [inner[:-3]] * 2
    pieces = _pieces(inner, "*")
    if len(pieces) == 2 and all(_is_latent(piece, factors) for piece in pieces):
        return pieces
    return None


def _refuse(term: str, text: str, factors) -> None:
    """Refuse functions of latent variables."""
    if not term:
        return
    used = [name for name in usage(term).names if name in factors]
    if used or "[" in term:
        raise FormulaError(
            f"The term {term!r} of the regression {text!r} is a function of a latent variable, which "
            "a regression cannot have; use latent variables as they are, products f:g of two, "
            "squares f:f, and products f:x with columns.")


def _pieces(text: str, operator: str) -> list[str]:
    """Pieces between an operator outside all brackets that are not empty."""
    return [piece for piece in pieces(text, operator) if piece]


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
