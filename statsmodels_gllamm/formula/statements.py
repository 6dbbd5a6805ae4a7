"""Statements in lavaan's notation: lines, their operator, terms and what multiplies these."""

from __future__ import annotations

import re

from statsmodels_gllamm.exceptions import FormulaError
from statsmodels_gllamm.formula.tokens import pieces

__all__ = ["left_names", "modified", "name_of", "quote", "split_line", "statements"]

_PIECE = re.compile(r"`[^`\n]*`|\#[^\n]*|[;\n]|.")
_WORD = re.compile(
    r"""`[^`]+` | [^\W\d][\w.]* | (?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?
      | =~ | ~~ | := | == | <~ | ~\*~ | \S""", re.VERBOSE)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_OPERATORS = ("=~", "~~", "==", "~")
_INSTEAD = {
    ":=": "defined parameters are functions of the estimates: use result.t_test or "
          "result.cov_params after the fit",
    "<": "inequalities are not available",
    ">": "inequalities are not available",
    "<~": "formative factors are not available: regress on the columns themselves",
    "|": "items of the family Ordinal have thresholds of their own already: leave the line out",
    "~*~": "scales of the responses are what dispersion= is for: leave the line out",
    ":": "levels and groups are not available: use fixed= for random terms of higher levels",
}


def statements(text: str) -> list[str]:
    """Statements without comments."""
    pieces, out = [""], []
    for match in _PIECE.finditer(text):
        piece = match.group()
        if piece in ("\n", ";"):
            pieces.append("")
        elif not piece.startswith("#"):
            pieces[-1] += piece
    for piece in filter(None, map(str.strip, pieces)):
        if out and (piece.startswith("+") or out[-1].endswith(("+", "~", "*"))):
            out[-1] += " " + piece
        else:
            out.append(piece)
    return out


def split_line(line: str) -> tuple[str, str, str, str]:
    """The line, its left side, operator and right side."""
    for match in _WORD.finditer(line):
        word = match.group()
        if word in _INSTEAD:
            raise NotImplementedError(f"The line {line!r} has {word}: {_INSTEAD[word]}.")
        if word in _OPERATORS:
            left, right = line[: match.start()].strip(), line[match.end() :].strip()
            if left and right:
                return line, left, word, right
            break
    raise FormulaError(f"The line {line!r} cannot be read; write 'factor =~ item + item', 'factor ~ "
                       "factor + column' or 'factor ~~ factor'.")


def left_names(line: str, text: str) -> list[str]:
    """Names on a left side."""
    return [name_of(line, term) for term in pieces(text)]


def name_of(line: str, text: str) -> str:
    """A single name, without backticks."""
    words = _WORD.findall(text)
    if len(words) != 1 or not (words[0][0] == "`" or words[0][0].isalpha() or words[0][0] == "_"):
        raise FormulaError(f"{text!r} in the line {line!r} is no name; put names with spaces or signs "
                           "into backticks.")
    return words[0].strip("`")


def modified(line: str, term: str) -> tuple[str | float | None, str]:
    """What multiplies a term, and its name: a number, "NA" where it is free, a label, or None."""
    words = _WORD.findall(term)
    if "*" not in words:
        return None, name_of(line, term)
    place = len(words) - 1 - words[::-1].index("*")
    before, name = "".join(words[:place]), name_of(line, " ".join(words[place + 1 :]))
    if _NUMBER.fullmatch(before):
        return float(before), name
    if before.isidentifier():
        return before, name
    raise NotImplementedError(
        f"The line {line!r} has {before}*{name}: values by group and starting values are not "
        "available; use a number, NA or a label, and start_params= of fit().")


def quote(text: str, columns) -> str:
    """Put columns whose names have dots into backticks."""
    def each(match):
        word = match.group()
        return f"`{word}`" if "." in word and word in columns else word

    return re.sub(r"`[^`]+`|(?:\"[^\"]*\"|'[^']*')|[^\W\d][\w.]*", each, text)
