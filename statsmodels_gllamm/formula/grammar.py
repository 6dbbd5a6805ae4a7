"""The grammar of a formula with random terms.

    formula := response ~ term + term + ...
    term    := an ordinary term | (terms | group) | (terms || group)
    group   := column | group:column | group/column

``a/b/c`` stands for the groups a, a:b and a:b:c. Only a term of its own in parentheses with a bar
directly inside is a random term; a bar inside a function call belongs to the call.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from statsmodels_gllamm.exceptions import FormulaError
from statsmodels_gllamm.formula.tokens import quote_backticks, tokenize

__all__ = ["Bar", "ParsedFormula", "one_sided", "parse_formula", "parse_group", "right_side"]


@dataclass(frozen=True, slots=True)
class Bar:
    """One random term ``(terms | group)``.

    terms : one-sided formula, with the implied intercept of any formula
    groups : the groups after expanding ``/``, each a tuple of columns
    correlated : False for ``||``
    text : as the user wrote it
    """

    terms: str
    groups: tuple[tuple[str, ...], ...]
    correlated: bool
    text: str


@dataclass(frozen=True, slots=True)
class ParsedFormula:
    """A formula split into response, fixed part and random terms.

    text : as the user wrote it
    response : the left side
    fixed : the right side without random terms, "1" if nothing is left
    bars : the random terms in order
    """

    text: str
    response: str
    fixed: str
    bars: tuple[Bar, ...]

    @property
    def plain(self):
        """The formula without random terms, which statsmodels can read."""
        return f"{self.response} ~ {self.fixed}"


def parse_formula(formula: str) -> ParsedFormula:
    """Split a formula into response, fixed part and random terms.

    Parameters
    ----------
    formula : str
        For example ``"y ~ x + (1 + x | school/class)"``.

    Returns
    -------
    ParsedFormula

    Raises
    ------
    FormulaError
        No left side, or a bar where none may stand.
    """
    if not isinstance(formula, str):
        raise TypeError(f"The formula must be a string, not {type(formula).__name__}.")
    text = quote_backticks(formula)
    tokens = tokenize(text)
    tildes = [t for t in tokens if t.text == "~" and t.depth == 0]
    sides = (text[: tildes[0].start], text[tildes[0].stop :]) if len(tildes) == 1 else ("",)
    if not all(side.strip() for side in sides):
        raise FormulaError(
            f"The formula {formula!r} must have one response, one ~ and a right side: "
            '"y ~ x + (1 | id)".'
        )
    response = text[: tildes[0].start].strip()
    if any(_is_bar(t) for t in tokenize(response)):
        raise FormulaError(
            f"The left side {response!r} has a bar; random terms belong on the right side."
        )
    fixed, bars = _split_bars(text[tildes[0].stop :])
    return ParsedFormula(formula, response, fixed, bars)


def one_sided(formula: str, where: str = "") -> str:
    """A formula without left side, for a dispersion or for loadings.

    Parameters
    ----------
    formula : str
        ``"0 + item"`` or ``"~ 0 + item"``.
    where : str
        How errors name it: "the dispersion".

    Returns
    -------
    str
        Without the ~.
    """
    text, tokens = _after_tilde(formula, where)
    if not tokens or any(t.text == "~" or _is_bar(t) for t in tokens):
        name = f"{where} {formula!r}".strip()
        raise FormulaError(f"{name[:1].upper()}{name[1:]} must be a formula without left side and "
                           "bars.")
    return text


def right_side(formula: str, where: str) -> tuple[str, tuple[Bar, ...]]:
    """A formula without left side that may have random terms.

    Parameters
    ----------
    formula : str
        ``"x + (1 | id)"``, with or without a ~ before it.
    where : str
        How errors name it: "the zero part".

    Returns
    -------
    fixed : str
        Without random terms, "1" if nothing is left.
    bars : tuple of Bar
    """
    text, tokens = _after_tilde(formula, where)
    if not tokens or any(t.text == "~" for t in tokens):
        raise FormulaError(f"{where[:1].upper()}{where[1:]} {formula!r} must be a formula without "
                           'left side, such as "x + (1 | id)".')
    return _split_bars(text)


def _after_tilde(formula, where):
    """A formula without the ~ it may begin with, and its tokens."""
    if not isinstance(formula, str):
        name = where or "a formula"
        raise TypeError(f"{name[:1].upper()}{name[1:]} must be a string, not "
                        f"{type(formula).__name__}.")
    text = quote_backticks(formula).strip()
    text = text[1:].strip() if text.startswith("~") else text
    return text, tokenize(text)


def _is_bar(token):
    return token.text in ("|", "||") and token.calls == 0


def _split_bars(text):
    """Take the random terms out of a right side; what remains keeps its spelling."""
    pieces, bars = [], []
    for separator, term in _terms(text):
        bar = _as_bar(term)
        if bar is None:
            if term or separator == "-":
                pieces.append(f"{separator}{term}" if not pieces else f" {separator} {term}")
            continue
        if separator == "-":
            raise FormulaError(f"The random term {term!r} cannot be subtracted; leave it out.")
        bars.append(bar)
    fixed = "".join(pieces).strip()
    if fixed.startswith("+"):
        fixed = fixed[1:].strip()
    return fixed or "1", tuple(bars)


def _terms(text):
    """Pairs (sign before, term) of a right side, split at the + and - outside all brackets."""
    start, separator, terms = 0, "", []
    for token in tokenize(text):
        if token.depth == 0 and token.text in ("+", "-"):
            terms.append((separator, text[start : token.start].strip()))
            separator, start = token.text, token.stop
    terms.append((separator, text[start:].strip()))
    if terms[0] == ("", ""):
        terms = terms[1:]
    return terms


def _as_bar(term):
    """The Bar of a term ``(terms | group)``, None for an ordinary term."""
    tokens = tokenize(term)
    if not any(_is_bar(t) for t in tokens):
        return None
    text, inner = term, tokens
    while _is_wrapped(inner):
        text = text[inner[0].stop : inner[-1].start].strip()
        inner = tokenize(text)
        marks = [t for t in inner if _is_bar(t)]
        if any(t.depth == 0 for t in marks):
            return _read_bar(term, text, marks)
    raise FormulaError(
        f"The bar in {term!r} must stand inside a term of its own in parentheses, joined by +: "
        '"y ~ x + (1 | id)".'
    )


def _is_wrapped(tokens):
    """Whether one pair of parentheses encloses all tokens."""
    return (
        len(tokens) > 1
        and tokens[0].text == "("
        and tokens[-1].text == ")"
        and not any(t.depth == 0 for t in tokens[1:-1])
    )


def _read_bar(term, text, marks):
    if len(marks) > 1:
        raise FormulaError(f"{term!r} has more than one bar; write (terms | group).")
    left, right = text[: marks[0].start].strip(), text[marks[0].stop :].strip()
    if not left or not right:
        raise FormulaError(
            f"The random term {term!r} needs terms on the left and a group on the right of its "
            'bar: "(1 | id)".'
        )
    if any(t.text == "~" for t in tokenize(left)):
        raise FormulaError(f"The random term {term!r} has a ~; write (terms | group).")
    return Bar(left, parse_group(right), marks[0].text == "|", term)


def parse_group(text: str) -> tuple[tuple[str, ...], ...]:
    """Expand a group expression into its groups.

    Parameters
    ----------
    text : str
        Columns joined by ``:`` and ``/``.

    Returns
    -------
    tuple of tuples of str
        ``"a/b"`` gives ``(("a",), ("a", "b"))``; ``"a:b"`` gives ``(("a", "b"),)``.

    Raises
    ------
    FormulaError
        Anything else in the expression.
    """
    text = quote_backticks(text)
    tokens = tokenize(text)
    while _is_wrapped(tokens):
        text = text[tokens[0].stop : tokens[-1].start]
        tokens = tokenize(text)
    levels, columns, i = [], [], 0
    while i < len(tokens):
        name, i = _group_column(tokens, i)
        operator = tokens[i].text if i < len(tokens) else "/"
        if name is None or operator not in (":", "/") or i == len(tokens) - 1:
            raise FormulaError(
                f"The group {text.strip()!r} must be columns joined by : (one group) or / (nested "
                "groups); write a bar for each further group, and make a column of anything else."
            )
        if name in columns:
            raise FormulaError(f"The group {text.strip()!r} names the column {name!r} twice.")
        columns.append(name)
        if operator == "/":
            levels.append(tuple(columns))
        i += 1
    return tuple(levels)


def _group_column(tokens, i):
    """The column that starts at token i and the index after it; None if there is none."""
    if tokens[i].kind != "name":
        return None, i
    if [t.text for t in tokens[i : i + 2]] == ["Q", "("]:
        quoted = [t.text for t in tokens[i + 2 : i + 4] if t.kind == "string" or t.text == ")"]
        return (ast.literal_eval(quoted[0]), i + 4) if quoted[1:] == [")"] else (None, i)
    return tokens[i].text, i + 1
