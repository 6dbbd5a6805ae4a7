"""Factor models in lavaan's notation.

    visual =~ x1 + x2 + x3    # a factor and its items
    dem60 ~ ind60 + age       # regression of a factor on factors and columns
    a ~~ b                    # covariance of factors, or of their residuals; 0*b for none
    a ~~ 1*a                  # variance of one

Lines, or pieces between semicolons; a line that ends or begins with + goes on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
import re

from statsmodels_gllamm.exceptions import FormulaError
from statsmodels_gllamm.formula.rows import hint
from statsmodels_gllamm.formula.tokens import quote_backticks, tokenize, usage

__all__ = ["Measurement", "parse_measurement", "quote"]

_PIECE = re.compile(r"`[^`\n]*`|\#[^\n]*|[;\n]|.")
_WORD = re.compile(
    r"""`[^`]+` | [^\W\d][\w.]* | (?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?
      | =~ | ~~ | := | == | <~ | ~\*~ | \S""", re.VERBOSE)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_OPERATORS = ("=~", "~~", "~")
_INSTEAD = {
    ":=": "defined parameters are functions of the estimates: use result.t_test or "
          "result.cov_params after the fit",
    "==": "constraints are not available: equal loadings are those of a Factor by a formula, in "
          "GLLAMM.from_formula",
    "<": "inequalities are not available",
    ">": "inequalities are not available",
    "<~": "formative factors are not available: regress on the columns themselves",
    "|": "items of the family Ordinal have thresholds of their own already: leave the line out",
    "~*~": "scales of the responses are what dispersion= is for: leave the line out",
    ":": "levels and groups are not available: use fixed= for random terms of higher levels",
}


@dataclass
class Measurement:
    """A factor model.

    Attributes
    ----------
    loadings : dict {factor: {item: number or None}}
        None where free, as far as the text or the default for the first item says.
    standardized : set of str
        Factors with a variance of one.
    regressions : list of str
    outcomes : set of str
        Factors that are regressed on something.
    covariances : dict {frozenset of two factors: bool}
        What the text says; other pairs are correlated if neither is regressed.
    residuals : list of (item, item)
        Residual covariances.
    """

    loadings: dict[str, dict] = field(default_factory=dict)
    standardized: set[str] = field(default_factory=set)
    regressions: list[str] = field(default_factory=list)
    outcomes: set[str] = field(default_factory=set)
    covariances: dict[frozenset, bool] = field(default_factory=dict)
    residuals: list[tuple[str, str]] = field(default_factory=list)

    @property
    def items(self) -> list:
        """All items by appearance."""
        return list(dict.fromkeys(item for own in self.loadings.values() for item in own))

    def regress(self, outcome: str, right: str) -> None:
        """Add a regression."""
        self.outcomes.add(outcome)
        self.regressions.append(f"{outcome} ~ {right}")

    def blocks(self) -> list[list[str]]:
        """Sets of factors that correlate, by appearance.

        Raises
        ------
        FormulaError
            Some, but not all, pairs of a set correlate.
        """
        blocks = []
        for name in self.loadings:
            if any(name in block for block in blocks):
                continue
            block, new = [name], [name]
            while new:
                new = [b for b in self.loadings if b not in block
                       and any(self._correlate(a, b) for a in new)]
                block += new
            blocks.append([f for f in self.loadings if f in block])
        for block in blocks:
            for a, b in combinations(block, 2):
                if not self._correlate(a, b):
                    raise FormulaError(
                        f"{a!r} and {b!r} do not correlate although others of {', '.join(block)} do; "
                        f"such a pattern is not available: free '{a} ~~ {b}', or set covariances to "
                        "0 until every set of factors is correlated in all pairs.")
        return blocks

    def _correlate(self, a, b) -> bool:
        return self.covariances.get(frozenset((a, b)), not self.outcomes & {a, b})


def parse_measurement(text: str, columns, std_lv: bool = False) -> Measurement:
    """Read a factor model.

    Parameters
    ----------
    text : str
    columns : collection of str
        Of the wide data.
    std_lv : bool
        All variances of factors are one, unless the text says otherwise.

    Returns
    -------
    Measurement

    Raises
    ------
    FormulaError, NotImplementedError
        With the line, and what to write in its place.
    """
    statements = [_split(line) for line in _lines(text)]
    model, variances, modified = Measurement(), {}, {}
    factors = [name for line, left, op, _ in statements if op == "=~" for name in _left(line, left)]
    if not factors:
        raise FormulaError(f"items={text!r} has no line 'factor =~ item + item'; give one, or a list "
                           "of columns.")
    for name in factors:
        if not name.isidentifier():
            raise FormulaError(f"The factor name {name!r} must be a name such as 'ability'.")
    known = _Known(frozenset(factors), columns)
    for line, left, op, right in statements:
        if op == "=~":
            for name in _left(line, left):
                _measure(model, modified.setdefault(name, set()), name, line, right, known)
    known.items = frozenset(model.items)
    for line, left, op, right in statements:
        for name in _left(line, left):
            if op == "~":
                _regress(model, name, line, right, known)
            elif op == "~~":
                _covary(model, variances, name, line, right, known)
    for name in model.loadings:
        if variances.get(name, std_lv):
            model.standardized.add(name)
    _scale(model, modified)
    return model


@dataclass
class _Known:
    """Names that the text may use."""

    factors: frozenset[str]
    columns: object
    items: frozenset[str] = frozenset()

    def hint(self, name):
        return hint(name, [*self.factors, *self.columns])


def _lines(text: str) -> list[str]:
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


def _split(line: str) -> tuple[str, str, str, str]:
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


def _terms(text: str) -> list[str]:
    """Pieces between the plus signs outside all brackets."""
    cuts = [t for t in tokenize(text) if t.text == "+" and t.depth == 0]
    starts, stops = [0, *(t.stop for t in cuts)], [*(t.start for t in cuts), len(text)]
    return [text[a:b].strip() for a, b in zip(starts, stops)]


def _left(line: str, text: str) -> list[str]:
    """Names on a left side."""
    return [_name(line, term) for term in _terms(text)]


def _name(line: str, text: str) -> str:
    words = _WORD.findall(text)
    if len(words) != 1 or not (words[0][0] == "`" or words[0][0].isalpha() or words[0][0] == "_"):
        raise FormulaError(f"{text!r} in the line {line!r} is no name; put names with spaces or signs "
                           "into backticks.")
    return words[0].strip("`")


def _modified(line: str, term: str) -> tuple[str | float | None, str]:
    """The modifier of a term, a number, "NA" or None, and its name."""
    words = _WORD.findall(term)
    if "*" not in words:
        return None, _name(line, term)
    place = len(words) - 1 - words[::-1].index("*")
    before, name = "".join(words[:place]), _name(line, " ".join(words[place + 1 :]))
    if before == "NA":
        return "NA", name
    if _NUMBER.fullmatch(before):
        return float(before), name
    if "(" in before:
        raise NotImplementedError(
            f"The line {line!r} has {before}*{name}: values by group, starting values and equality "
            "are not available; use a number or NA, and start_params= of fit().")
    raise NotImplementedError(
        f"The line {line!r} has the label {before!r} of {name!r}: labels are not available; leave it "
        "out (equal loadings are those of a Factor by a formula, in GLLAMM.from_formula).")


def _measure(model, modified, factor, line, right, known) -> None:
    """Read a line ``factor =~ ...``; `modified` collects items with modifiers."""
    own = model.loadings.setdefault(factor, {})
    for term in _terms(right):
        value, item = _modified(line, term)
        if item in known.factors:
            if value not in (None, "NA"):
                raise NotImplementedError(
                    f"The line {line!r} fixes the loading of the factor {item!r}: it must be free; "
                    f"write '{factor} =~ {item}' and '{factor} ~~ 1*{factor}'.")
            model.regress(item, factor)
            continue
        if item not in known.columns:
            raise FormulaError(f"{item!r} in the line {line!r} is not a column of the data"
                               f"{known.hint(item)}")
        if item in own:
            raise FormulaError(f"The line {line!r} has the item {item!r} of {factor!r} a second time; "
                               "remove one of them.")
        own[item] = None if value == "NA" else value
        if value is not None:
            modified.add(item)


def _scale(model, modified) -> None:
    """The first loading is one unless the text says what it is; every factor must have a scale."""
    for name, own in model.loadings.items():
        if name in model.standardized:
            continue
        first = next(iter(own), None)
        if first is not None and first not in modified[name]:
            own[first] = 1.0
        if not any(own.values()):
            raise FormulaError(f"The factor {name!r} has no loading of an item with a number and no "
                               "fixed variance, so that its scale is not identified; add the line "
                               f"'{name} ~~ 1*{name}'.")


def _regress(model, left, line, right, known) -> None:
    """Read a line ``factor ~ ...``."""
    terms = _terms(right)
    if left in known.items:
        if terms in (["1"], ["0"]):
            raise FormulaError(f"The line {line!r} is the intercept of an item, which every item has "
                               "already (or thresholds, or one by family); leave the line out.")
        raise NotImplementedError(f"The line {line!r} regresses the item {left!r}: put effects on "
                                  "items into fixed=, 'item:x' for an effect of x on every item.")
    if left not in known.factors:
        if left in known.columns:
            raise NotImplementedError(
                f"The line {line!r} regresses the column {left!r}, which measures no factor; make it "
                f"the only item of a factor, or fit a model of its own.")
        raise FormulaError(f"{left!r} in the line {line!r} is no factor{known.hint(left)}")
    for term in terms:
        if term in ("0", "1"):
            raise NotImplementedError(f"The line {line!r} is the mean of a factor, which is zero; "
                                      f"leave {term} out.")
        if any(t.text == "*" and not t.calls for t in tokenize(term)):
            raise NotImplementedError(
                f"The line {line!r} has {term!r}: labels and fixed values of regression coefficients "
                "are not available; leave them out (the product of two columns is a + b + a:b).")
    right = quote(" + ".join(terms), known.columns)
    used = usage(quote_backticks(right))
    for name in (*used.bare, *used.coded):
        if name in known.items:
            raise NotImplementedError(
                f"The line {line!r} has the item {name!r} as a covariate: an item is a response; give "
                "the data a copy of its column with another name.")
        if name not in known.factors and name not in known.columns:
            raise FormulaError(f"{name!r} in the line {line!r} is neither a factor nor a column of the "
                               f"data{known.hint(name)}")
    model.regress(left, right)


def _covary(model, variances, left, line, right, known) -> None:
    """Read a line ``factor ~~ ...``."""
    for term in _terms(right):
        value, name = _modified(line, term)
        if {left, name} <= known.items and left != name:
            _covary_items(model, left, name, value, line)
            continue
        for one in (left, name):
            if one not in known.factors:
                raise _no_factor(one, left == name, line, known)
        if left == name:
            if value not in (None, "NA", 1.0):
                raise NotImplementedError(f"The line {line!r} fixes a variance at {value:g}; only 1 is "
                                          "available, or free.")
            variances[name] = value == 1.0
        elif value not in (None, "NA", 0.0):
            raise NotImplementedError(f"The line {line!r} fixes a covariance at {value:g}; only 0 is "
                                      "available, or free.")
        else:
            model.covariances[frozenset((left, name))] = value != 0.0


def _covary_items(model, left, name, value, line) -> None:
    """Read a residual covariance of two items."""
    if value not in (None, "NA", 0.0):
        raise NotImplementedError(f"The line {line!r} fixes a residual covariance at {value:g}; only 0 "
                                  "is available, or free.")
    if any({left, name} == set(pair) for pair in model.residuals):
        raise FormulaError(f"The line {line!r} has the residual covariance of {left!r} and {name!r} a "
                           "second time; remove one of them.")
    if value != 0.0:
        model.residuals.append((left, name))


def _no_factor(name, same, line, known) -> Exception:
    """What is wrong with a covariance of something that is no factor."""
    if name not in known.items:
        if name in known.columns:
            return FormulaError(f"The line {line!r} has the column {name!r}, which is no item: columns "
                                "are taken as given; leave the line out.")
        return FormulaError(f"{name!r} in the line {line!r} is no factor{known.hint(name)}")
    if same:
        return FormulaError(f"The line {line!r} is the residual variance of an item, which the family "
                            "has by itself (see dispersion=); leave the line out.")
    return FormulaError(f"The line {line!r} is a covariance of an item and a factor; write "
                        "'factor =~ item' for a loading, or 'item ~~ item'.")


def quote(text: str, columns) -> str:
    """Put columns whose names have dots into backticks."""
    def each(match):
        word = match.group()
        return f"`{word}`" if "." in word and word in columns else word

    return re.sub(r"`[^`]+`|(?:\"[^\"]*\"|'[^']*')|[^\W\d][\w.]*", each, text)
