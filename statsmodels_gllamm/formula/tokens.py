"""Tokens of a formula, and which names in it play which part.

Names are only ever found by reading tokens, never by searching the text: `item` inside
``C(item)``, ``"item"`` or ``items`` are three different things.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
import re
import warnings

from statsmodels_gllamm.exceptions import FormulaError

__all__ = ["Token", "Usage", "pieces", "quote_backticks", "tokenize", "usage"]

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<string>[rRbBuU]{0,2}(?:'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"))
      | (?P<backtick>`[^`]+`)
      | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<name>[^\W\d]\w*)
      | (?P<op>\*\*|\|\||==|<=|>=|!=|//|.)""",
    re.VERBOSE | re.DOTALL,
)
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_OPERATORS = frozenset("+-*/:~^") | {"**"}


@dataclass(frozen=True, slots=True)
class Token:
    """One token: its kind, text, place in the formula, the number of open brackets around it, how
    many of those belong to a function call, an index or a set, and whether it is one of these."""

    kind: str
    text: str
    start: int
    depth: int
    calls: int
    call: bool

    @property
    def stop(self):
        return self.start + len(self.text)


def tokenize(text: str) -> list[Token]:
    """Tokens without white space; a bracket carries the depth outside it.

    Parameters
    ----------
    text : str
        A formula or a part of one.

    Returns
    -------
    list of Token

    Raises
    ------
    FormulaError
        Brackets or quotes that do not close.
    """
    tokens: list[Token] = []
    stack: list[tuple[str, bool]] = []
    for match in _TOKEN.finditer(text):
        kind, word = match.lastgroup, match.group()
        if kind == "space":
            continue
        if word in ("'", '"', "`"):
            raise FormulaError(f"A quote {word} in the formula {text!r} does not close.")
        call, last = False, tokens[-1] if tokens else None
        if word in _CLOSING:
            call = word != "(" or (last is not None and (last.kind == "name" or last.text in ")]"))
        elif word in _CLOSING.values():
            if not stack or _CLOSING[stack[-1][0]] != word:
                raise FormulaError(f"The formula {text!r} has a {word} that opens nowhere.")
            call = stack.pop()[1]
        calls = sum(c for _, c in stack)
        tokens.append(Token(kind, word, match.start(), len(stack), calls, call))
        if word in _CLOSING:
            stack.append((word, call))
    if stack:
        raise FormulaError(f"The formula {text!r} has a {stack[-1][0]} that does not close.")
    return tokens


def quote_backticks(text: str) -> str:
    """Write the R-like `` `a name` `` as ``Q("a name")``, which both engines read."""
    pieces, last = [], 0
    for token in tokenize(text):
        if token.kind == "backtick":
            name = token.text[1:-1]
            simple = name.isprintable() and not set(name) & set('"\\')
            pieces += [text[last : token.start], f'Q("{name}")' if simple else f"Q({name!r})"]
            last = token.stop
    return "".join(pieces) + text[last:]


@dataclass(frozen=True, slots=True)
class Usage:
    """The names of a one-sided formula by the part they play.

    bare : stand as terms or in products of terms, ``x`` or ``Q("x")``
    coded : the first argument of ``C(x)`` or ``C(x, contrast)``
    inside : anywhere else in a Python expression, ``np.log(x)``, ``x.shift()``
    called : functions of such expressions, with their dots
    plain : there is no expression but C(x)
    """

    bare: tuple[str, ...]
    coded: tuple[str, ...]
    inside: tuple[str, ...]
    called: tuple[str, ...]
    plain: bool

    @property
    def names(self):
        """All names that may be columns."""
        return tuple(dict.fromkeys((*self.bare, *self.coded, *self.inside)))


def usage(text: str) -> Usage:
    """Which names a one-sided formula uses, and how.

    Parameters
    ----------
    text : str
        A formula without left side and bars.

    Returns
    -------
    Usage
    """
    bare, coded, inside, called, plain = {}, {}, {}, {}, True
    for atom in _atoms(text):
        node = _parse(atom, text)
        name = _name(node)
        if name is not None:
            bare[name] = None
        elif (column := _coded(node)) is not None:
            coded[column] = None
            _walk(node.args[1:], inside, called)
        elif not isinstance(node, ast.Constant):
            plain = False
            _walk([node], inside, called)
    return Usage(tuple(bare), tuple(coded), tuple(inside), tuple(called), plain)


def _atoms(text):
    """The pieces of a formula between its operators: names, numbers and Python expressions."""
    first = last = None
    for token in tokenize(text):
        if token.calls or token.call or not (token.text in _OPERATORS or token.text in "()"):
            first = token.start if first is None else first
            last = token.stop
        elif first is not None:
            yield text[first:last]
            first = None
    if first is not None:
        yield text[first:last]


def _parse(atom, text):
    try:
        with warnings.catch_warnings():  # the engine will say it again
            warnings.simplefilter("ignore")
            return ast.parse(atom.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        raise FormulaError(
            f"{atom.strip()!r} in the formula {text!r} cannot be read; terms are columns, "
            "products of columns and function calls, joined by +."
        ) from None


def _name(node):
    """The column of ``x`` or ``Q("x")``, else None."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Q":
        if len(node.args) == 1 and isinstance(node.args[0], ast.Constant):
            return str(node.args[0].value)
    return None


def _coded(node):
    """The column of ``C(x, ...)`` whose levels come from the column alone, else None."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "C":
        if node.args and not any(k.arg == "levels" for k in node.keywords):
            return _name(node.args[0])
    return None


def _walk(nodes, inside, called):
    """Collect the names read and the functions called in Python expressions."""
    for root in nodes:
        skip = set()
        for node in ast.walk(root):
            if isinstance(node, ast.Call):
                called[ast.unparse(node.func)] = None
                if (quoted := _name(node)) is not None:
                    inside[quoted] = None
                if isinstance(node.func, ast.Name):
                    skip.add(node.func)
            elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                skip.add(node)
        bound = {n.id for n in skip if not isinstance(n.ctx, ast.Load)}
        for node in ast.walk(root):
            if isinstance(node, ast.Name) and node not in skip and node.id not in bound:
                inside[node.id] = None


def pieces(text: str, operator: str = "+") -> list[str]:
    """Pieces between an operator outside all brackets, stripped; empty ones stay."""
    cuts = [t for t in tokenize(text) if t.text == operator and t.depth == 0]
    starts, stops = [0, *(t.stop for t in cuts)], [*(t.start for t in cuts), len(text)]
    return [text[a:b].strip() for a, b in zip(starts, stops)]
