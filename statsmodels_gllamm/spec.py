"""What a model is: frozen dataclasses without data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
import math
from numbers import Integral, Real

import numpy as np

__all__ = ["Classes", "Factor", "Needs"]


@dataclass(frozen=True)
class Factor:
    """A latent variable that enters each row times a loading, a factor.

    Parameters
    ----------
    by : str
        What the loadings depend on: a categorical column ("item": one loading per category), or
        a formula without left side ("0 + item + item:grade": one loading per column of its design).
    loadings : sequence or mapping, optional
        One entry per category (or per column of the formula), in order, or a mapping from category
        to entry: a number fixes the loading, None or NaN leaves it free; categories that a mapping
        does not name are free. By default the first loading is 1 and the others are free.
    standardized : bool, optional
        Fix the variance of the factor to 1. All loadings are then free by default.

    Notes
    -----
    With the loading design w (one row per observation) and loadings lambda, the linear predictor of
    a row is ``x'beta + (w'lambda) eta``.

    Examples
    --------
    >>> from statsmodels_gllamm import Factor
    >>> Factor("item", loadings=[1, None, None])
    Factor(by='item', loadings=(1.0, None, None), standardized=False)
    """

    by: str
    loadings: tuple[float | None, ...] | Mapping | None = None
    standardized: bool = False

    def __post_init__(self):
        if not isinstance(self.by, str) or not self.by.strip():
            raise TypeError(
                f"Factor(by=...) takes the name of a column or a formula, not {self.by!r}."
            )
        if not isinstance(self.standardized, bool):
            raise TypeError(f"Factor(standardized=...) is a bool, not {self.standardized!r}.")
        object.__setattr__(self, "loadings", _normalise(self.loadings))


def _normalise(loadings):
    """Loadings as a tuple or dict of floats and None."""
    if loadings is None:
        return None
    if isinstance(loadings, Mapping):
        return {key: _entry(value) for key, value in loadings.items()}
    if isinstance(loadings, str) or not hasattr(loadings, "__iter__"):
        raise TypeError(
            f"Factor(loadings=...) takes a list, an array or a mapping, not {loadings!r}."
        )
    return tuple(_entry(value) for value in loadings)


def _entry(value):
    """One loading: a finite float, or None when free."""
    if value is None:
        return None
    if not isinstance(value, Real) or isinstance(value, bool) or math.isinf(value):
        raise TypeError(f"A loading is a finite number or None (free), not {value!r}.")
    return None if math.isnan(value) else float(value)


@dataclass(frozen=True, repr=False)
class Classes:
    """A discrete latent variable: every cluster belongs to one of some classes.

    Parameters
    ----------
    n : int or "auto"
        Number of classes; "auto": the masses of the nonparametric maximum likelihood estimate, which
        are centred.
    within : str, optional
        The group whose clusters belong to classes, "id" or "school:id"; by default every row has a
        class of its own, as in mixtures of regressions.
    membership : str, optional
        Formula of the multinomial logit of the class probabilities, on covariates that are constant
        within clusters; by default a constant.
    known : str, optional
        Column with the class of the clusters where it is known, by its label or its number 1 to n;
        missing elsewhere.
    centered : bool, optional
        The class-specific coefficients are mass points whose mean, weighted by the class
        probabilities, is zero: deviations from the coefficients of the fixed part, which has the same
        columns.
    design : dict {column: DataFrame (n, m)}, optional
        Columns, by the names of their coefficients such as "item[Q1]", whose n coefficients in the
        classes are linear functions of m parameters: the DataFrame's rows are classes and its columns
        parameters, "item[Q1][name]".
    labels : sequence of str (n,), optional
        Names of the classes; by default "1", "2", ....
    ordered : bool or sequence of str, optional
        The class-specific coefficients of all columns, or of those with these names, rise from each
        class to the next, or are equal.
    varying : str or sequence of str, optional
        What else differs between classes: "variances" (and covariances of all latent variables),
        "loadings", "thresholds", "dispersion", "regressions" (of latent variables), or names of
        parameters such as "var[Intercept[id]]".  The parameters of class 1 keep their names; those of
        class 2 are "var[Intercept[id]][c=2]".

    Notes
    -----
    ``membership`` may name another class variable, of a higher level: ``"age + d"`` has one
    coefficient for each of d's classes but the first, "prob[c=2,d=2]".

    Classes with labels, a design or ``ordered`` keep their order; others are ordered by size, the
    largest first.
    The probability of class c of a cluster with covariates w is
    ``exp(w'd_c) / sum_k exp(w'd_k)``, with ``d_1 = 0``.

    Examples
    --------
    >>> from statsmodels_gllamm import Classes
    >>> Classes(2, within="id")
    Classes(2, within='id')
    """

    n: int | str
    within: str | None = None
    membership: str = "1"
    known: str | None = None
    centered: bool = False
    design: object = field(default=(), repr=False)
    labels: tuple[str, ...] | None = None
    ordered: bool | tuple[str, ...] = False
    varying: str | tuple[str, ...] = ()

    def __post_init__(self):
        if self.n == "auto":
            object.__setattr__(self, "centered", True)
        elif not isinstance(self.n, Integral) or isinstance(self.n, bool) or self.n < 1:
            raise ValueError('Classes(n) takes the number of classes, at least 1, or "auto", not '
                             f"{self.n!r}.")
        else:
            object.__setattr__(self, "n", int(self.n))
        for what in ("within", "membership", "known"):
            value = getattr(self, what)
            if not (isinstance(value, str) and value.strip()
                    or (what != "membership" and value is None)):
                raise TypeError(f"Classes({what}=...) is text, not {value!r}.")
        if not isinstance(self.centered, bool):
            raise TypeError(f"Classes(centered=...) is a bool, not {self.centered!r}.")
        if self.centered and self.membership.strip().removeprefix("~").strip() != "1":
            raise ValueError("Classes(centered=True) has one mean for all clusters, so that the "
                             f"membership has no covariates, not {self.membership!r}.")
        if self.n == "auto" and self.known is not None:
            raise ValueError('Classes("auto") finds its masses; known= goes with a number of classes.')
        object.__setattr__(self, "design", tuple(
            _class_design(name, table, self.n) for name, table in dict(self.design).items()))
        if self.labels is not None:
            labels = tuple(map(str, self.labels))
            if len(labels) != self.n or len(set(labels)) != self.n:
                raise ValueError(f"Classes(labels=...) are {self.n} different names, not {labels!r}.")
            object.__setattr__(self, "labels", labels)
        varying = (self.varying,) if isinstance(self.varying, str) else tuple(self.varying)
        if not all(isinstance(name, str) for name in varying):
            raise TypeError("Classes(varying=...) is text: kinds or names of parameters, not "
                            f"{self.varying!r}.")
        if varying and self.centered:
            raise ValueError("Classes(varying=...) is not for mass points, which differ in location "
                             "only; leave out centered=True.")
        object.__setattr__(self, "varying", varying)
        self._check_ordered()

    def _check_ordered(self):
        if isinstance(self.ordered, str) or not (isinstance(self.ordered, bool) or all(
                isinstance(name, str) for name in self.ordered)):
            raise TypeError("Classes(ordered=...) is True, or a list of columns by the names of their "
                            f"coefficients, not {self.ordered!r}.")
        if not isinstance(self.ordered, bool):
            object.__setattr__(self, "ordered", tuple(self.ordered))
        if self.ordered and self.centered:
            raise ValueError("Classes(ordered=...) is not available with centered=True: mass points of "
                             "one column are in some order anyway.")

    def __repr__(self):
        given = [f"{own.name}={getattr(self, own.name)!r}" if own.repr else f"{own.name}=..."
                 for own in fields(self)[1:] if getattr(self, own.name) != own.default]
        return f"Classes({', '.join([repr(self.n), *given])})"

    @property
    def count(self) -> int:
        """Number of classes, one where they are still to be found."""
        return 1 if self.n == "auto" else self.n


def _class_design(name, table, n) -> tuple:
    """(column, (names, values)) of a design, checked."""
    if not hasattr(table, "columns"):  # as of another Classes
        names, values = table
    else:
        names, values = map(str, table.columns), table.to_numpy()
    names, values = tuple(names), np.asarray(values, dtype=float)
    if values.ndim != 2 or values.shape != (n, len(names)) or not np.isfinite(values).all():
        raise ValueError(f"the design of {name!r} in Classes(design=...) is a DataFrame of "
                         f"numbers with {n} rows, one for every class")
    if np.linalg.matrix_rank(values) < len(names):
        raise ValueError(f"the columns of the design of {name!r} in Classes(design=...) are linearly "
                         "dependent; leave one out")
    return name, (names, tuple(map(tuple, values)))


@dataclass(frozen=True)
class Needs:
    """What a family reads from the data besides the response.

    Attributes
    ----------
    numbers : mapping of str to (str or array_like)
        Role -> numeric column, one number for all rows, or one value per row of the data.
    labels : mapping of str to (str, tuple of str or array_like)
        Role -> column of any type whose values are labels, columns whose combinations are, or one
        label per row of the data.
    formulas : mapping of str to str
        Key -> one-sided formula: "dispersion", "thresholds" and the like.
    latent : frozenset of str
        Keys of formulas that are linear predictors of their own and may have bar terms.
    without_intercept : frozenset of str
        Keys, and "exog" for the fixed part, whose constant column is left out because it is not
        identified.
    categorical : bool
        The response may be of any type; categories are coded 0, 1, ....
    ordered : bool
        The categories have an order: text has none.
    may_miss : frozenset of str
        Roles of numbers whose missing values stay, as NaN.
    with_response : frozenset of str
        Roles of numbers that say something of the response: rows to predict need not have them.
    infinite : bool
        The response may be infinite.
    named : mapping of role to tuple of str
        Roles of numbers 1, 2, ... that a column may have by names in their place.
    whole : mapping of role to (role, label), or None
        Roles of labels whose rows are one outcome, and are kept or dropped together; with another
        role of labels and one of its labels, those of its rows only.
    classes : frozenset of str
        Names of latent classes: bars with these stand in formulas of their own.
    groups : tuple of tuples of str
        Columns of groups besides those of bars.
    """

    numbers: Mapping[str, object] = field(default_factory=dict)
    labels: Mapping[str, object] = field(default_factory=dict)
    formulas: Mapping[str, str] = field(default_factory=dict)
    latent: frozenset[str] = frozenset()
    without_intercept: frozenset[str] = frozenset()
    categorical: bool = False
    ordered: bool = False
    may_miss: frozenset[str] = frozenset()
    with_response: frozenset[str] = frozenset()
    infinite: bool = False
    named: Mapping[object, tuple[str, ...]] = field(default_factory=dict)
    whole: Mapping[object, tuple | None] = field(default_factory=dict)
    classes: frozenset[str] = frozenset()
    groups: tuple[tuple[str, ...], ...] = ()
