r"""A design with latent classes as a mixture: the components, and their weights.

A component is a combination of classes. At the lowest level with a class variable, and above, it also
has nodes of the latent variables of higher levels,

.. math:: \ell_j = \log \sum_{d} \pi_{jd} \sum_m w_m \exp\Big\{\sum_{i \in j}
          \log \sum_c \pi_{ic|d}\, e^{\ell_i(c, d, u_m)}\Big\}

with u_m on a lattice over their prior (rules.py): given the classes and latent variables of the units
above, those within are independent, and their own mixtures are summed unit by unit.
"""
from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np

from statsmodels_gllamm.integration.marginal import Task
from statsmodels_gllamm.integration.rules import prior_lattice, rules_of
from statsmodels_gllamm.latent.classes import LatentClasses, with_rows
from statsmodels_gllamm.latent.constrained import ConstrainedDesign
from statsmodels_gllamm.latent.design import LatentDesign


@dataclass(frozen=True, slots=True)
class Choice:
    """Classes of the variables, by number (-1: not yet chosen), and coordinates u (D,) of the levels
    above the lowest with classes."""

    classes: tuple[int, ...]
    u: np.ndarray

    def of(self, classes: dict[int, int], u: dict[int, float]) -> Choice:
        """With more chosen."""
        own = tuple(classes.get(number, c) for number, c in enumerate(self.classes))
        out = self.u.copy()
        out[list(u)] = list(u.values())
        return Choice(own, out)


@dataclass(frozen=True, slots=True)
class Given:
    """The model given a choice.

    Attributes
    ----------
    mixture : ClassMixture
    choice : Choice
    own : tuple of LatentClasses
        Variables that are chosen here, on the units that are evaluated.
    weight : float
        Log weight of the node.
    parts : tuple of Given
        Of the units within.
    """

    mixture: ClassMixture
    choice: Choice
    own: tuple[LatentClasses, ...]
    weight: float = 0.0
    parts: tuple[Given, ...] = ()

    def psi(self, working: np.ndarray) -> np.ndarray:
        """Expanded coefficients (r, 1 + D' + m)."""
        return self.mixture.psi(working, self.choice)

    def jacobian(self, working: np.ndarray) -> np.ndarray:
        """Derivative of their used entries (E, k)."""
        return self.mixture.jacobian(working, self.choice)

    def log_weight(self, working: np.ndarray):
        """Log probability of the classes and of what is known of them, node included (G,), and its
        derivative (G, k)."""
        value, slope = self.weight, 0.0
        for classes in self.own:
            one, more = self.mixture.log_weight(working, classes, self.choice)
            value, slope = value + one, slope + more
        return value, slope


class _Memo:
    """What has been found at the last coordinates, by key."""

    def __init__(self) -> None:
        self.at, self.found = b"", {}

    def get(self, working: np.ndarray, key, find):
        """The value of a key, by ``find`` if it is new."""
        at = working.tobytes()
        if at != self.at:
            self.at, self.found = at, {}
        if key not in self.found:
            self.found[key] = find()
        return self.found[key]


@dataclass(frozen=True)
class ClassMixture:
    """A design with latent classes.

    Attributes
    ----------
    design : LatentDesign or ConstrainedDesign
    variables : tuple of LatentClasses

    Notes
    -----
    A level without latent variables gets a coordinate without effect, so that its units stay.
    """

    design: LatentDesign | ConstrainedDesign
    variables: tuple[LatentClasses, ...]

    @property
    def classes(self) -> LatentClasses:
        """The class variable, where there is one."""
        return self.variables[0]

    @cached_property
    def lowest(self) -> int:
        """The lowest level with classes."""
        return min(classes.level for classes in self.variables)

    @cached_property
    def first(self) -> Choice:
        """Class 1 of all variables, and latent variables of zero."""
        return Choice((0,) * len(self.variables), np.zeros(self.design.inner.n_latent))

    @cached_property
    def q(self) -> tuple[int, ...]:
        """Coordinates by level, up to the lowest with classes."""
        return tuple(max(q, 1) for q in self.design.q[:self.lowest + 1])

    @cached_property
    def upper(self) -> np.ndarray:
        """Numbers of the design's coordinates of higher levels."""
        return np.arange(sum(self.design.q[:self.lowest + 1]), sum(self.design.q))

    @cached_property
    def kept(self) -> np.ndarray:
        """Places among ``q`` of the design's coordinates that are left."""
        first = np.cumsum((0, *self.q[:-1]))
        return np.concatenate([np.zeros(0, dtype=np.int64), *(
            a + np.arange(q) for a, q in zip(first, self.design.q))])

    @cached_property
    def entries(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns in use of Psi."""
        return with_rows(self._placed, [])

    @cached_property
    def _placed(self) -> tuple[np.ndarray, np.ndarray]:
        """Where the entries of the design's Psi go; those of higher levels to column 0."""
        rows, columns = self.design.entries
        inner = self.design.inner
        extra = inner.n_columns - 1 - inner.n_latent
        place = np.concatenate([[0], 1 + self.kept, np.zeros(len(self.upper), dtype=np.int64),
                                1 + sum(self.q) + np.arange(extra)])
        return rows, place[columns]

    @cached_property
    def _into(self) -> np.ndarray:
        """Number of the entry that each entry of the design's Psi goes to."""
        number = {entry: e for e, entry in enumerate(zip(*(x.tolist() for x in self.entries)))}
        return np.array([number[entry] for entry in zip(*(x.tolist() for x in self._placed))],
                        dtype=np.int64)

    @cached_property
    def _basis(self) -> np.ndarray:
        """Derivative of all working coordinates in those of the search (k, f)."""
        if self.design is self.design.inner:
            return np.eye(self.design.layout.size)
        return self.design.constraints.basis

    @cached_property
    def _at(self) -> dict[str, np.ndarray]:
        """Positions of the parameters of the classes."""
        return {kind: self.design.inner.layout.positions(kind) for kind in ("class", "prob")}

    def places(self, classes: LatentClasses) -> np.ndarray:
        """Which entry each piece of a class-specific column has."""
        rows, columns = self.entries
        first = np.flatnonzero(columns == 0)
        order = np.argsort(rows[first])
        return first[order[np.searchsorted(rows[first], classes.pieces[0], sorter=order)]]

    def coefficients(self, working: np.ndarray, classes: LatentClasses | None = None) -> np.ndarray:
        """Class-specific coefficients (n, P) of a variable, the only one by default."""
        classes = classes or self.classes
        return classes.coefficients(
            self.design.full(working)[self._at["class"][classes.places[0]]])

    def of_class(self, working: np.ndarray, choice: Choice) -> np.ndarray:
        """Coordinates of the inner design in some classes (k,)."""
        full = self.design.full(working)
        for varying in self.design.inner.varying:
            full = varying.of_class(full, choice.classes[varying.variable])
        return full

    @cached_property
    def _memo(self) -> _Memo:
        return _Memo()

    def _inner_psi(self, working, choice: Choice) -> np.ndarray:
        """Psi of the inner design, the same for all nodes and for classes that do not vary."""
        return self._memo.get(working, ("psi", self._varying(choice)),
                              lambda: self.design.inner.psi(self.of_class(working, choice)))

    def _inner_jacobian(self, working, choice: Choice) -> np.ndarray:
        """Its derivative in all coordinates, likewise."""
        def find():
            own = self.design.inner.jacobian(self.of_class(working, choice))
            for varying in self.design.inner.varying:
                own = varying.back(own, choice.classes[varying.variable])
            return own

        return self._memo.get(working, ("jacobian", self._varying(choice)), find)

    def _varying(self, choice: Choice) -> tuple[int, ...]:
        return tuple(choice.classes[v.variable] for v in self.design.inner.varying)

    def psi(self, working: np.ndarray, choice: Choice) -> np.ndarray:
        """Expanded coefficients (r, 1 + D' + m) of a choice."""
        n_latent, psi = self.design.inner.n_latent, self._inner_psi(working, choice).copy()
        for classes, c in zip(self.variables, choice.classes):
            rows, number, slots = classes.pieces
            own = self.coefficients(working, classes)[c]
            np.add.at(psi[:, 0], rows, self.loadings(working, choice)[slots] * own[number])
        psi[:, 0] += psi[:, 1 + self.upper] @ choice.u[self.upper]
        latent = np.zeros((len(psi), sum(self.q)))
        latent[:, self.kept] = psi[:, 1:1 + len(self.kept)]
        return np.concatenate([psi[:, :1], latent, psi[:, 1 + n_latent:]], axis=1)

    def jacobian(self, working: np.ndarray, choice: Choice) -> np.ndarray:
        """Derivative of their used entries (E, k)."""
        out = self._placed_jacobian(working, choice).copy()
        load = self.loadings(working, choice)
        for classes, c in zip(self.variables, choice.classes):
            entry, position, slot, value = self._slopes[classes.number][c]
            np.add.at(out, (entry, position), load[slot] * value)
            if slot.any():
                out += self._in_loadings(working, classes, choice)
        return out if self.design is self.design.inner else out @ self._basis

    def _placed_jacobian(self, working, choice: Choice) -> np.ndarray:
        """Derivative of the used entries without the coefficients of classes, in all coordinates; the
        same for all classes that do not vary where there are no nodes."""
        def find():
            columns, own = self.design.entries[1], self._inner_jacobian(working, choice)
            weight = np.ones(len(columns))
            above = np.isin(columns, 1 + self.upper)
            weight[above] = choice.u[columns[above] - 1]
            out = np.zeros((len(self.entries[0]), own.shape[1]))
            np.add.at(out, self._into, weight[:, None] * own)
            return out

        if len(self.upper):
            return find()
        return self._memo.get(working, ("placed", self._varying(choice)), find)

    @cached_property
    def _slopes(self) -> list[list[tuple[np.ndarray, ...]]]:
        """For every variable and class: entries that its coefficients are in, their parameters, the
        slots of loadings that multiply them, and weights."""
        found = []
        for classes in self.variables:
            _, pieces, slots = classes.pieces
            places, at = self.places(classes), self._at["class"][classes.places[0]]
            each = []
            for c in range(classes.n):
                number, mine, values = classes.slopes(c)
                slope, piece = np.nonzero(number[:, None] == pieces)
                each.append((places[piece], at[mine][slope], slots[piece], values[slope]))
            found.append(each)
        return found

    def loadings(self, working: np.ndarray, choice: Choice) -> np.ndarray:
        """Loadings (s,) by slot, in some classes."""
        return self.design.inner.loading_values(self.of_class(working, choice))

    def _in_loadings(self, working, classes: LatentClasses, choice: Choice) -> np.ndarray:
        """Derivative of the entries of the columns of factors in the loadings (E, k)."""
        inner = self.design.inner
        out = np.zeros((len(self.entries[0]), inner.layout.size))
        position = np.full(len(inner.loadings), -1)
        position[np.isnan(inner.loadings)] = inner.layout.positions("lambda")
        _, number, slots = classes.pieces
        own = self.coefficients(working, classes)[choice.classes[classes.number]][number]
        free = position[slots] >= 0
        np.add.at(out, (self.places(classes)[free], position[slots][free]), own[free])
        for varying in inner.varying:
            out = varying.back(out, choice.classes[varying.variable])
        return out

    def log_prior(self, working: np.ndarray, classes: LatentClasses | None = None,
                  choice: Choice | None = None) -> np.ndarray:
        """Log of the prior class probabilities (n, n_units) of a variable, given those of a choice
        that its membership depends on."""
        classes = classes or self.classes
        delta = self.design.full(working)[self._at["prob"][classes.places[1]]]
        given = (choice or self.first).classes
        return classes.log_probabilities(delta, classes.covariates_given(given))

    def log_weight(self, working: np.ndarray, classes: LatentClasses, choice: Choice):
        """Log probability of the variable's class, minus infinity where another one is known
        (n_units,), and its derivative (n_units, k)."""
        above = tuple(choice.classes[other.number] for other in classes.above)
        key = "weight", classes.number, id(classes), choice.classes[classes.number], above
        return self._memo.get(working, key, lambda: self._log_weight(working, classes, choice))

    def _log_weight(self, working, classes: LatentClasses, choice: Choice):
        c, w = choice.classes[classes.number], classes.covariates_given(choice.classes)
        log_prior = self.log_prior(working, classes, choice)
        residual = -np.exp(log_prior)
        residual[c] += 1.0
        slope = np.concatenate([r[:, None] * w for r in residual[1:]] or [w[:, :0]], axis=1)
        known = classes.known
        value = np.where((known == -1) | (known == c), log_prior[c], -np.inf)
        return value, slope @ self._basis[self._at["prob"][classes.places[1]]]

    @cached_property
    def stages(self) -> tuple[int, ...]:
        """Levels at which components are chosen, from the bottom."""
        levels = range(self.lowest, len(self.design.q))
        return tuple(i for i in levels if self.design.q[i] and i > self.lowest
                     or any(classes.level == i for classes in self.variables))

    def at(self, level: int) -> tuple[LatentClasses, ...]:
        """The class variables of a level."""
        return tuple(classes for classes in self.variables if classes.level == level)

    def parts(self, n_quad, units: np.ndarray) -> tuple[Given, ...]:
        """The components, with points per dimension by level; ``units`` are those of the lowest
        level that are evaluated."""
        return self._parts(self.stages, Choice((-1,) * len(self.variables), self.first.u), n_quad,
                           units)

    def _parts(self, stages, choice: Choice, n_quad, units) -> tuple[Given, ...]:
        level, below, found = stages[-1], stages[:-1], []
        variables = self.at(level)
        own = variables if level > self.lowest else tuple(v.at(units) for v in variables)
        for node, weight in self._nodes(level, n_quad):
            for combination in product(*(range(v.n) for v in variables)):
                chosen = choice.of(dict(zip((v.number for v in variables), combination)), node)
                parts = self._parts(below, chosen, n_quad, units) if below else ()
                found.append(Given(self, chosen, own, weight, parts))
        return tuple(found)

    def _nodes(self, level: int, n_quad):
        """(coordinates by number, log weight) of a level above the lowest."""
        first, q = sum(self.design.q[:level]), self.design.q[level]
        if level == self.lowest or not q:
            return [({}, 0.0)]
        nodes, weight = prior_lattice(n_quad[level], q)
        return [(dict(zip(range(first, first + q), u)), float(w)) for u, w in zip(nodes, weight)]

    def task(self, n_quad, adaptive=True) -> Task:
        """What is integrated in every component, with points per dimension by level."""
        return Task(self.q, rules_of(n_quad, self.q), self.entries, adaptive=adaptive)
