r"""Latent classes: class-specific coefficients in column 0 of Psi, and the class probabilities.

.. math:: \Psi_c[:, 0] = \Psi[:, 0] + \sum_p \beta_{pc} e_{r(p)}, \qquad
          \log \pi_{jc} = w_j'\delta_c - \log \sum_k e^{w_j'\delta_k}, \quad \delta_1 = 0

with r(p) the row column of coefficient p.  Where a column stands in the fixed part as well, is a
combination of its columns, or thresholds take its place, :math:`\beta_{p1} = 0`: coefficients are
differences from class 1.  A column with a design D_p has :math:`\beta_p = D_p \delta_p` in the n
classes, with parameters delta_p.
"""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from statsmodels_gllamm.exceptions import FormulaError
from statsmodels_gllamm.families.base import Predictor
from statsmodels_gllamm.latent.centred import Centring
from statsmodels_gllamm.latent.design import LatentDesign
from statsmodels_gllamm.latent.terms import Terms
from statsmodels_gllamm.parameters import Block, Layout

OWN, IN_THRESHOLDS, IN_FIXED, IN_CLASSES = -1, -2, -3, -4


@dataclass(frozen=True, slots=True)
class ClassColumn:
    """A column with class-specific coefficients.

    Attributes
    ----------
    predictor : Predictor
    term : str
        Of the formula.
    row : int
        Its row column.
    beside : int
        Number of the fixed coefficient with the same column; -1 for none, -2 for thresholds, -3 for a
        combination of fixed columns, -4 for the same column of another class variable.
    shift : ndarray (m,), pair or None
        Auxiliary parameters that thresholds rise by where the coefficient does by one; or numbers of
        fixed coefficients, and their weights in the combination; or the numbers of the class variable
        and of its column.
    factor : str or None
        Whose row loading multiplies the column.
    terms : tuple of (int, int)
        Row columns of the products with loadings, and the slots of these.
    """

    predictor: Predictor
    term: str
    row: int
    beside: int = OWN
    shift: np.ndarray | tuple | None = None
    factor: str | None = None
    terms: tuple[tuple[int, int], ...] = ()

    @property
    def pieces(self) -> tuple[tuple[int, int], ...]:
        """Its row columns and the slots of the loadings that multiply them."""
        return self.terms or ((self.row, 0),)

    @property
    def name(self) -> str:
        """Its name among coefficients."""
        return self.predictor.coefficient(self.term)

    @property
    def relative(self) -> bool:
        """Whether coefficients are differences from class 1."""
        return self.beside != OWN


@dataclass(frozen=True, slots=True)
class ClassDesign:
    """A column whose coefficients in the classes are linear functions of fewer parameters.

    Attributes
    ----------
    column : int
        Number of the column among those of the classes.
    names : tuple of str (m,)
        Parameters.
    values : ndarray (n, m)
    place : slice
        Of the parameters among all class-specific ones.
    """

    column: int
    names: tuple[str, ...]
    values: np.ndarray
    place: slice


@dataclass(frozen=True, slots=True)
class Above:
    """A class variable that the membership of another depends on: its number and its classes'
    labels, such as "d=1"."""

    number: int
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LatentClasses:
    """A class variable on an estimation sample.

    Attributes
    ----------
    name, group : str
        Of the variable, and of the group whose clusters belong to classes.
    n : int
    columns : tuple of ClassColumn
    membership : ndarray (n_units, m)
        Covariates of the class probabilities.
    covariates : tuple of str (m,)
    known : ndarray of int (n_units,)
        Number of the class of every cluster, -1 where it is not known.
    designs : tuple of ClassDesign
    labels : tuple of str (n,)
        Of the classes; "1", "2", ... by default.
    number : int
        Of the variable among those of the model.
    level : int
        Of the clusters.
    above : tuple of Above
        Class variables in the membership.
    starts : (int, int)
        Where its coefficients, and those of its membership, begin among those of all variables.
    """

    name: str
    group: str
    n: int
    columns: tuple[ClassColumn, ...]
    membership: np.ndarray
    covariates: tuple[str, ...]
    known: np.ndarray
    designs: tuple[ClassDesign, ...] = ()
    labels: tuple[str, ...] = ()
    number: int = 0
    level: int = 0
    above: tuple[Above, ...] = ()
    starts: tuple[int, int] = (0, 0)

    @property
    def free(self) -> np.ndarray:
        """Which coefficients (n, P) are parameters, in their order; those of designs come after."""
        free = np.ones((self.n, len(self.columns)), dtype=bool)
        free[0] = [not column.relative for column in self.columns]
        free[:, [design.column for design in self.designs]] = False
        return free

    @property
    def named(self) -> bool:
        """Whether the classes are told apart by names or a design."""
        return bool(self.designs or self.labels)

    @property
    def rows(self) -> np.ndarray:
        """Row columns (P,)."""
        return np.array([column.row for column in self.columns], dtype=np.int64)

    @property
    def pieces(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Row columns, numbers of the columns that they belong to, and slots of their loadings."""
        table = [(row, p, slot) for p, column in enumerate(self.columns)
                 for row, slot in column.pieces]
        return tuple(np.array(table, dtype=np.int64).reshape(-1, 3).T)

    @property
    def of_units(self) -> tuple[np.ndarray, ...]:
        """What differs between clusters besides their rows: columns (n_top,)."""
        columns = (*self.membership.T, self.known.astype(float))
        return tuple(column for column in columns if (column != column[:1]).any())

    def at(self, units: np.ndarray) -> LatentClasses:
        """The class variable of some clusters, by number."""
        return replace(self, membership=self.membership[units], known=self.known[units])

    def label(self, c: int) -> str:
        """"c=1" for class number 0."""
        return f"{self.name}={self.labels[c] if self.labels else c + 1}"

    def coefficient_names(self) -> tuple[str, ...]:
        """Names of the class-specific coefficients, class by class."""
        own = [f"{column.name}[{self.label(c)}]" for c, row in enumerate(self.free)
               for column, free in zip(self.columns, row) if free]
        return (*own, *(name for design in self.designs for name in design.names))

    def membership_names(self) -> tuple[str, ...]:
        """Names of the coefficients of the class probabilities, class by class from the second."""
        return tuple(f"prob[{self.label(c)}]" if name == "Intercept" else
                     f"prob[{self.label(c)},{name}]"
                     for c in range(1, self.n) for name in (*self.covariates, *self.dummies))

    @property
    def dummies(self) -> tuple[str, ...]:
        """Names of the dummy variables of other classes in the membership."""
        return tuple(label for other in self.above for label in other.labels[1:])

    @property
    def places(self) -> tuple[slice, slice]:
        """Places of its coefficients, and of those of its membership, among those of all."""
        one, two = self.starts
        size = self.free.sum() + sum(len(d.names) for d in self.designs)
        return slice(one, one + size), slice(two, two + len(self.membership_names()))

    def covariates_given(self, classes, w=None) -> np.ndarray:
        """Covariates (n_units, m') of the membership where variables are of some ``classes``."""
        w = self.membership if w is None else w
        dummies = [float(classes[other.number] == c)
                   for other in self.above for c in range(1, len(other.labels))]
        return np.hstack([w, np.broadcast_to(dummies, (len(w), len(dummies)))])

    def coefficients(self, own: np.ndarray) -> np.ndarray:
        """Class-specific coefficients (n, P) from the free ones, zero where class 1 has none."""
        out, free = np.zeros((self.n, len(self.columns))), self.free
        out[free] = own[:free.sum()]
        for design in self.designs:
            out[:, design.column] = design.values @ own[design.place]
        return out

    def parameters(self, coefficients: np.ndarray) -> np.ndarray:
        """Their free ones from coefficients (n, P), those of designs by least squares."""
        out = [coefficients[self.free]]
        for design in self.designs:
            out.append(np.linalg.lstsq(design.values, coefficients[:, design.column], rcond=None)[0])
        return np.concatenate(out)

    def slopes(self, c: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Derivative of the coefficients of class number c: columns, parameters, values."""
        free = self.free
        number = np.cumsum(free.ravel()).reshape(free.shape) - 1
        own = np.flatnonzero(free[c])
        columns, parameters, values = [own], [number[c][own]], [np.ones(len(own))]
        for design in self.designs:
            used = np.flatnonzero(design.values[c])
            columns.append(np.full(len(used), design.column))
            parameters.append(design.place.start + used)
            values.append(design.values[c][used])
        return tuple(np.concatenate(x) for x in (columns, parameters, values))

    def log_probabilities(self, delta: np.ndarray, w=None) -> np.ndarray:
        """Log of the prior class probabilities (n, n_units) from ``prob`` parameters; for other
        covariates ``w`` (G, m'), those (n, G)."""
        w = self.membership if w is None else w
        eta = np.zeros((self.n, len(w)))
        eta[1:] = delta.reshape(self.n - 1, w.shape[1]) @ w.T
        largest = eta.max(axis=0)
        return eta - largest - np.log(np.exp(eta - largest).sum(axis=0))


def with_rows(entries, rows) -> tuple[np.ndarray, np.ndarray]:
    """Entries of Psi in use, with those of more rows in column 0."""
    used = set(zip(*(x.tolist() for x in entries))) | {(int(r), 0) for r in rows}
    table = np.array(sorted(used, key=lambda e: (e[1], e[0])), dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def one_class(design: LatentDesign, variables) -> LatentDesign:
    """The design of one class: the columns with coefficients of their own are fixed ones."""
    own = [column for classes in variables for column in classes.columns if not column.relative]
    pieces = [(row, i, slot) for i, column in enumerate(own) for row, slot in column.pieces]
    rows, number, slots = np.array(pieces, dtype=np.int64).reshape(-1, 3).T
    kinds = {block.kind for block in design.layout.blocks} - {"class", "prob", "varying"}
    first = design.layout.blocks[0]
    coef = Block("coef", (*first.names, *(column.name for column in own)))
    layout = Layout((coef, *(b for b in design.layout.blocks[1:] if b.kind in kinds)))
    fixed = Terms(np.concatenate([design.fixed.row, rows]),
                  np.concatenate([design.fixed.index, first.size + number]),
                  np.concatenate([design.fixed.slot, slots]))
    return replace(design, layout=layout, fixed=fixed, flips=(), aux_limits=(),
                   centring=None, varying=(), order=None)


def centring_of(classes: LatentClasses, layout: Layout) -> Centring:
    """The centring of a class variable.

    Raises
    ------
    FormulaError
        A column with class-specific coefficients does not stand in the fixed part.
    """
    carrier = np.zeros((len(classes.columns), layout.size))
    for p, column in enumerate(classes.columns):
        if not column.relative:
            raise FormulaError(
                f"the mass points {classes.name!r} are centred: the fixed part has their mean, but it "
                f"has no {column.name!r}; write it into the fixed part, or use centered=False")
        if column.beside == IN_THRESHOLDS:
            carrier[p, layout.positions("aux")] = -column.shift
        elif column.beside == IN_FIXED:
            number, weight = column.shift
            carrier[p, layout.positions("coef")[number]] = weight
        else:
            carrier[p, layout.positions("coef")[column.beside]] = 1.0
    own = layout.positions("class").reshape(classes.n - 1, len(classes.columns))
    return Centring(own, layout.positions("prob"), carrier)
