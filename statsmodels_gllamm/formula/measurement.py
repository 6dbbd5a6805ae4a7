"""Factor models in lavaan's notation.

    visual =~ x1 + x2 + x3    # a factor and its items
    dem60 ~ ind60 + age       # regression of a factor on factors and columns
    a ~~ b                    # covariance of factors, or of their residuals; 0*b for none
    a ~~ 1*a                  # variance of one
    k*x1                      # a label; parameters with one label are equal
    k1 == 2*k2                # a linear constraint on labelled parameters
    a ~ 1                     # mean of a factor
    x1 ~ 0*1                  # intercept of an item
    x1 ~ age                  # direct effect of a column on an item

Lines, or pieces between semicolons; a line that ends or begins with + goes on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations

from statsmodels_gllamm.exceptions import FormulaError
from statsmodels_gllamm.formula.rows import hint
from statsmodels_gllamm.formula.statements import (
    left_names,
    modified,
    name_of,
    quote,
    split_line,
    statements,
)
from statsmodels_gllamm.formula.tokens import pieces, quote_backticks, tokenize, usage

__all__ = ["Measurement", "parse_measurement"]


@dataclass
class Measurement:
    """A factor model.

    Attributes
    ----------
    loadings : dict {factor: {item: number or None}}
        None where free, as far as the text or the default for the first item says.
    standardized : set of str
        Factors with a variance of one.
    regressions : list of (str, list of str)
        Factors that are regressed, and the terms of the right side.
    direct : list of (str, list of str)
        Items with direct effects of columns, and the terms of the right side.
    covariances : dict {frozenset of two factors: bool}
        What the text says; other pairs are correlated if neither is regressed.
    means : list of str
        Factors whose mean is free.
    values : list of (key, number)
        Parameters that are fixed, by a key: ("lambda", factor, item), ("regression", outcome, cause),
        ("direct", item, column), ("var", factor), ("cov", factor, factor), ("mean", factor),
        ("residual", item), ("rescov", item, item), ("intercept", item).
    labels : dict {label: list of keys}
    equations : list of str
        Constraints in labels, with one equals sign.
    residuals : list of (item, item)
        Residual covariances.
    """

    loadings: dict[str, dict] = field(default_factory=dict)
    standardized: set[str] = field(default_factory=set)
    regressions: list[tuple[str, list[str]]] = field(default_factory=list)
    direct: list[tuple[str, list[str]]] = field(default_factory=list)
    covariances: dict[frozenset, bool] = field(default_factory=dict)
    means: list[str] = field(default_factory=list)
    values: list[tuple] = field(default_factory=list)
    labels: dict[str, list] = field(default_factory=dict)
    equations: list[str] = field(default_factory=list)
    residuals: list[tuple[str, str]] = field(default_factory=list)

    @property
    def items(self) -> list:
        """All items by appearance."""
        return list(dict.fromkeys(item for own in self.loadings.values() for item in own))

    @property
    def outcomes(self) -> set[str]:
        """Factors that are regressed on something."""
        return {outcome for outcome, _ in self.regressions}

    def modify(self, key: tuple, value) -> None:
        """Take note of a number or a label before a term; "NA" and None say that it is free."""
        if isinstance(value, float):
            self.values.append((key, value))
        elif value not in (None, "NA"):
            self.labels.setdefault(value, []).append(key)

    def blocks(self) -> list[list[str]]:
        """Sets of factors with a covariance matrix of their own, by appearance."""
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
        return blocks

    def uncorrelated(self) -> list[tuple[str, str]]:
        """Pairs of factors of one set that do not correlate."""
        return [pair for block in self.blocks() for pair in combinations(block, 2)
                if not self._correlate(*pair)]

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
    lines = [split_line(line) for line in statements(text)]
    model, variances, fixed = Measurement(), {}, {}
    factors = [name for line, left, op, _ in lines if op == "=~" for name in left_names(line, left)]
    if not factors:
        raise FormulaError(f"items={text!r} has no line 'factor =~ item + item'; give one, or a list "
                           "of columns.")
    for name in factors:
        if not name.isidentifier():
            raise FormulaError(f"The factor name {name!r} must be a name such as 'ability'.")
    known = _Known(frozenset(factors), columns)
    for line, left, op, right in lines:
        if op == "=~":
            for name in left_names(line, left):
                _measure(model, fixed.setdefault(name, set()), name, line, right, known)
    known.items = frozenset(model.items)
    for line, left, op, right in lines:
        if op == "==":
            model.equations.append(f"{left} = {right}")
        for name in left_names(line, left) if op in ("~", "~~") else ():
            if op == "~":
                _regress(model, name, line, right, known)
            else:
                _covary(model, variances, name, line, right, known)
    for name in model.loadings:
        if variances.get(name, std_lv):
            model.standardized.add(name)
    _scale(model, fixed)
    return model


@dataclass
class _Known:
    """Names that the text may use."""

    factors: frozenset[str]
    columns: object
    items: frozenset[str] = frozenset()

    def hint(self, name):
        return hint(name, [*self.factors, *self.columns])


def _measure(model, fixed, factor, line, right, known) -> None:
    """Read a line ``factor =~ ...``; `fixed` collects items whose loading the text fixes or frees."""
    own = model.loadings.setdefault(factor, {})
    for term in pieces(right):
        value, item = modified(line, term)
        if value in known.factors or value in known.columns:
            raise FormulaError(f"The line {line!r} has the label {value!r} of {item!r}, which is the "
                               "name of a factor or column; choose another word.")
        if item in known.factors:
            model.modify(("regression", item, factor), value)
            if isinstance(value, float) or value == "NA":
                fixed.add(item)
            model.regressions.append((item, [factor]))
            continue
        if item not in known.columns:
            raise FormulaError(f"{item!r} in the line {line!r} is not a column of the data"
                               f"{known.hint(item)}")
        if item in own:
            raise FormulaError(f"The line {line!r} has the item {item!r} of {factor!r} a second time; "
                               "remove one of them.")
        own[item] = value if isinstance(value, float) else None
        if isinstance(value, str) and value != "NA":
            model.modify(("lambda", factor, item), value)
        if isinstance(value, float) or value == "NA":
            fixed.add(item)


def _scale(model, fixed) -> None:
    """The first loading is one unless the text says what it is; every factor must have a scale."""
    scaled = {key[1] for key, number in model.values if key[0] == "var" and number}
    scaled |= {key[1] for keys in model.labels.values() for key in keys if key[0] == "var"}
    for name, own in model.loadings.items():
        if name in model.standardized or name in scaled:
            continue
        below = [outcome for outcome, causes in model.regressions if causes == [name]]
        first = next(iter([*own, *below]), None)
        if first not in fixed[name]:
            if first in own:
                own[first] = 1.0
            else:
                model.modify(("regression", first, name), 1.0)
        valued = [number for key, number in model.values if key[0] == "regression" and key[2] == name]
        if not any((*own.values(), *valued)):
            raise FormulaError(f"The factor {name!r} has no loading with a number and no fixed "
                               "variance, so that its scale is not identified; add the line "
                               f"'{name} ~~ 1*{name}'.")


def _regress(model, left, line, right, known) -> None:
    """Read a line ``factor ~ ...`` or ``item ~ ...``."""
    item = left in known.items
    if not item and left not in known.factors:
        if left in known.columns:
            raise NotImplementedError(
                f"The line {line!r} regresses the column {left!r}, which measures no factor; make it "
                "an item of the factor it depends on, 'factor =~ item', where the loading is its "
                "coefficient ('item ~ column' has effects of columns), or fit a model of its own.")
        raise FormulaError(f"{left!r} in the line {line!r} is no factor{known.hint(left)}")
    plain = []
    for term in pieces(right):
        value = _constant(term)
        if value is None:
            plain.append(_labelled(model, left, line, term, known))
        elif item and value != "1":
            model.modify(("intercept", left), value)
        elif not item and value != 0.0:
            model.means += [left] * (left not in model.means)
            model.modify(("mean", left), None if value == "1" else value)
    if not plain:
        return
    plain = [quote(term, known.columns) for term in plain]
    used = usage(quote_backticks(" + ".join(plain)))
    for name in (*used.bare, *used.coded):
        if name in known.items:
            raise NotImplementedError(
                f"The line {line!r} has the item {name!r} as a covariate: an item is a response; give "
                "the data a copy of its column with another name.")
        if item and name in known.factors:
            raise FormulaError(f"The line {line!r} has the factor {name!r} as a cause of an item: "
                               f"write '{name} =~ {left}'.")
        if name not in known.factors and name not in known.columns:
            raise FormulaError(f"{name!r} in the line {line!r} is neither a factor nor a column of the "
                               f"data{known.hint(name)}")
    (model.direct if item else model.regressions).append((left, plain))


def _constant(term: str) -> str | float | None:
    """What a term with the constant says: "1", a label or a number before it; None of others."""
    before, _, last = term.replace(" ", "").rpartition("*")
    if last == "0" and not before:
        return 0.0
    if last != "1":
        return None
    return modified(term, f"{before}*one")[0] if before else "1"


def _labelled(model, outcome, line, term, known) -> str:
    """A cause without its label or number."""
    if not any(t.text == "*" and not t.calls for t in tokenize(term)):
        return term
    before, _, name = (part.strip() for part in term.partition("*"))
    if before in known.factors or before in known.columns:
        raise FormulaError(f"The line {line!r} has {term!r}; the product of two columns is a + b + "
                           "a:b.")
    value, _ = modified(line, f"{before}*cause")
    name = ":".join(name_of(line, piece) for piece in name.split(":"))
    model.modify(("direct" if outcome in known.items else "regression", outcome, name), value)
    return name


def _covary(model, variances, left, line, right, known) -> None:
    """Read a line ``factor ~~ ...``, ``item ~~ v*item`` or ``item ~~ item``."""
    for term in pieces(right):
        value, name = modified(line, term)
        if left == name and name in known.items:
            model.modify(("residual", name), value)
            continue
        if {left, name} <= known.items:
            _covary_items(model, left, name, value, line)
            continue
            continue
        for one in (left, name):
            if one not in known.factors:
                raise _no_factor(one, line, known)
        if left == name:
            variances[name] = value == 1.0
            model.modify(("var", name), None if value == 1.0 else value)
        else:
            model.covariances[frozenset((left, name))] = value != 0.0
            model.modify(("cov", left, name), None if value == 0.0 else value)


def _covary_items(model, left, name, value, line) -> None:
    """Read a residual covariance of two items."""
    if any({left, name} == set(pair) for pair in model.residuals):
        raise FormulaError(f"The line {line!r} has the residual covariance of {left!r} and {name!r} a "
                           "second time; remove one of them.")
    if value != 0.0:
        model.residuals.append((left, name))
        model.modify(("rescov", left, name), value)


def _no_factor(name, line, known) -> Exception:
    """What is wrong with a covariance of something that is no factor."""
    if name not in known.items:
        if name in known.columns:
            return FormulaError(f"The line {line!r} has the column {name!r}, which is no item: columns "
                                "are taken as given; leave the line out.")
        return FormulaError(f"{name!r} in the line {line!r} is no factor{known.hint(name)}")
    return FormulaError(f"The line {line!r} is a covariance of an item and a factor; write "
                        "'factor =~ item' for a loading, or 'item ~~ item'.")
