r"""Persons by items: answers, and probabilities of categories given the latent variables.

Items are told apart by a categorical column.  With rows of the same item alike for all persons, the
row predictors of item i are those of its column w of W (latent/design.py),

.. math:: \nu_i(u) = o_i + a_i'u, \qquad (o_i, a_i, \phi_i) = w_i'\,\Psi(\theta), \qquad
          P_{ik}(u) = \exp \ell_i(k; \nu_i(u), \phi_i)

with u standard normal.  Derivatives in theta are by complex step.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import null_space

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.families.moments import is_binomial
from statsmodels_gllamm.formula.categories import label as label_of
from statsmodels_gllamm.formula.categories import show
from statsmodels_gllamm.latent.sampling import frequencies
from statsmodels_gllamm.responses.base import Response
from statsmodels_gllamm.responses.ordinal import CODE, possible_codes
from statsmodels_gllamm.results.likelihoods import refuse_sampling_weights

STEP = 1e-30
POINTS = {1: 151, 2: 61, 3: 31, 4: 17, 5: 11}  # quadrature points by dimensions
RADIUS = 6.5  # of the nodes
MAX_NODES = 200_000


@dataclass(frozen=True, slots=True)
class Item:
    """One categorical item.

    Attributes
    ----------
    label : str
    response : Response
    y : ndarray (c, K)
        Row statistics of its categories, in order.
    categories : tuple (K,)
        Their labels.
    row : ndarray (r,)
        Its row columns w.
    offset : float
    aux : slice
        Its auxiliary predictors among all.
    """

    label: str
    response: Response
    y: np.ndarray
    categories: tuple
    row: np.ndarray
    offset: float
    aux: slice

    @property
    def n_categories(self) -> int:
        """Number of categories K."""
        return self.y.shape[1]

    def probabilities(self, psi: np.ndarray, nodes: np.ndarray) -> np.ndarray:
        """P (B, K, Q) at expanded coefficients (B, r, 1 + D + m) and nodes (Q, D)."""
        d, k, batch = nodes.shape[1], self.n_categories, len(psi)
        row = np.einsum("r,brc->bc", self.row, psi)
        nu = (row[:, :1] + self.offset + row[:, 1:1 + d] @ nodes.T).T  # (Q, B)
        y = np.tile(self.y, batch)
        aux = np.repeat(row[:, 1 + d:].T[self.aux], k, axis=1)
        aux = self.response.row_aux(y, aux)
        log_p = self.response.log_density(y, np.repeat(nu, k, axis=1), aux)
        return np.exp(log_p).T.reshape(batch, k, len(nodes))


@dataclass(frozen=True, slots=True)
class ItemTable:
    """Answers of persons to items.

    Attributes
    ----------
    column, group : str
        The column of items and the group of persons.
    items : tuple of Item (I,)
    codes : ndarray of int64 (N, I)
        Place of each answer among the item's categories; -1 where missing.
    weights : ndarray (N,)
        Frequency weights of the persons.
    """

    column: str
    group: str
    items: tuple[Item, ...]
    codes: np.ndarray
    weights: np.ndarray

    def complete(self, missing: str, what: str) -> ItemTable:
        """The persons who answered all items.

        Raises
        ------
        DataError
            There are others, and ``missing`` is "raise".
        """
        if missing not in ("raise", "drop"):
            raise ValueError(f"missing must be 'raise' or 'drop', not {missing!r}")
        whole = (self.codes >= 0).all(axis=1)
        if whole.all():
            return self
        if not whole.any():
            raise DataError(f"{what} needs persons with answers to all {len(self.items)} items of "
                            f"{self.column!r}, but there are none; items that differ between groups "
                            "of persons are not available")
        if missing == "raise":
            raise DataError(
                f"{what} needs persons with answers to all {len(self.items)} items, but "
                f"{int((~whole).sum())} of {len(whole)} lack some; {what}(missing='drop') uses the "
                f"{int(whole.sum())} complete ones")
        return ItemTable(self.column, self.group, self.items, self.codes[whole],
                         self.weights[whole])

    @property
    def n(self) -> float:
        """Persons, counted with their weights."""
        return float(self.weights.sum())


def item_codes(model, item=None, argument="item") -> tuple[str, np.ndarray, tuple[str, ...]]:
    """Name of the column of items, the item of every row (n,) and the items' labels.

    Parameters
    ----------
    model : GLLAMMModel
    item : str, optional
        A column of the data; by default the one by which the loadings of a factor go.
    argument : str
        The name under which the user gives it, for messages.

    Raises
    ------
    ValueError
        No factor goes by a column and none is given, or it is not a column.
    """
    if item is None:
        for factor in model.sample.factors.values():
            if factor.codes is not None:
                by = getattr(model.sample.design.factors[factor.name].factor, "by", "item")
                return _used(by, factor.codes, tuple(factor.names))
        raise ValueError("the column of items is not known, since the model has no Factor by one; "
                         f"name it: {argument}='...'")
    frame = getattr(model.data, "frame", None)
    if frame is None or item not in getattr(frame, "columns", ()):
        raise ValueError(f"{argument}={item!r} is not a column of the model's data")
    values = frame[item].astype("category").cat
    return _used(item, values.codes.to_numpy().astype(np.int64),
                 tuple(label_of(c) for c in values.categories))


def _used(column, codes, labels):
    used, codes = np.unique(codes, return_inverse=True)
    return column, codes, tuple(labels[k] for k in used)


def item_table(model, items=None, what="this") -> ItemTable:
    """Answers and probabilities of a measurement model with categorical items.

    Parameters
    ----------
    model : GLLAMMModel
    items : str, optional
        The column of items.
    what : str
        Who asks, for messages.

    Raises
    ------
    ValueError
        More than one level of groups, or none; responses without categories.
    DataError
        A person has an item twice; covariates make the rows of an item differ.
    """
    level = _check_structure(model, what)
    column, codes, labels = item_codes(model, items, "items")
    cell = _cells(model, level, codes, labels, what)
    engine, rows = np.arange(len(codes)), model.outcomes.rows
    if rows is not None:
        engine[rows] = np.arange(len(rows))
    found, answers = [], np.full(cell.shape, -1, dtype=np.int64)
    for i, label in enumerate(labels):
        persons = np.flatnonzero(cell[:, i] >= 0)
        one, answers[persons, i] = _item(model, label, engine[cell[persons, i]], what)
        found.append(one)
    return ItemTable(column, level.name, tuple(found), answers,
                     _person_weights(model.sample, level, what))


def _check_structure(model, what):
    """The level of persons."""
    refuse_sampling_weights(model, f"{what}()")
    structure, outcomes = model.structure, model.outcomes
    if len(structure.levels) != 1:
        say = "no latent variables" if not structure.levels else (
            "groups at several levels, " + ", ".join(repr(lv.name) for lv in structure.levels))
        raise ValueError(f"{what} is for items of persons, one level of groups; the model has {say}")
    if outcomes.sets is not None or outcomes.part is not None:
        raise ValueError(f"{what} is for binary and ordinal items, not for "
                         f"{model.fitted_family.name}")
    return structure.levels[0]


def _cells(model, level, codes, labels, what) -> np.ndarray:
    """The data row of every person and item (N, I); -1 where there is none."""
    cell = np.full((level.n_units, len(labels)), -1, dtype=np.int64)
    cell[level.codes, codes] = np.arange(len(codes))
    again = cell[level.codes, codes] != np.arange(len(codes))
    if again.any():
        row, group = int(np.argmax(again)), model.sample.groups[level.name]
        raise DataError(f"{level.name} {show(group.labels[group.codes[row]])} has several rows of "
                        f"the item {labels[codes[row]]!r}; {what} needs one row per person and item "
                        "(items= names another column of items)")
    return cell


def _person_weights(sample, level, what) -> np.ndarray:
    weights = frequencies(sample)
    person = np.empty(level.n_units)
    person[level.codes] = weights
    if (person[level.codes] != weights).any():
        raise DataError(f"{what} needs weights of persons; those of the rows differ within persons")
    return person


def _item(model, label, rows, what) -> tuple[Item, np.ndarray]:
    """An item and the answers to it, from its engine rows."""
    member, first, aux = _member_of(model, label, rows, what)
    response, y = member.response, member.y[:, rows - first]
    values, categories, answers = _categories(response, y, label, what)
    columns = np.array([column[rows] for column in model.structure.columns]).reshape(-1, len(rows))
    offset = _offsets(model, rows)
    if (columns != columns[:, :1]).any() or (offset != offset[0]).any():
        raise DataError(
            f"rows of the item {label!r} differ between persons in {_differing(model, columns)}; "
            f"{what} needs items that are the same for all persons, so that no covariates of "
            "persons may be in the model (fit it without them, or to a subset= with one value)")
    return Item(label, response, values, categories, columns[:, 0].copy(), float(offset[0]),
                slice(aux, aux + len(response.aux_names))), answers


def _member_of(model, label, rows, what):
    """The member of the outcomes that rows belong to, its first row and auxiliary predictor."""
    first, aux = 0, 0
    for member in model.outcomes.members:
        count = member.y.shape[1]
        if rows[0] < first + count:
            break
        first, aux = first + count, aux + len(member.response.aux_names)
    if rows.min() < first or rows.max() >= first + count:
        raise DataError(f"the item {label!r} has several families; {what} needs one for each item")
    return member, first, aux


def _offsets(model, rows):
    data_rows = rows if model.outcomes.rows is None else model.outcomes.rows[rows]
    return model.sample.offset[data_rows]


def _differing(model, columns) -> str:
    """In words, what differs: the names of covariates are not kept beside the row columns."""
    differs = (columns != columns[:, :1]).any(axis=1)
    if not differs.any():
        return "their offsets"
    column = model.structure.columns[int(np.argmax(differs))]
    for name, values in model.sample.exog.items():
        if model.outcomes.rows is None and np.array_equal(values.to_numpy(), column):
            return f"the column {name!r}"
    return "covariates"


def _categories(response, y, label, what):
    """Row statistics of all categories (c, K), their labels, and the places of the answers."""
    if response.categories is not None and len(y) > CODE:
        limits = y[CODE + 1:]
        if (limits != limits[:, :1]).any():
            raise DataError(f"the categories of the item {label!r} differ between persons; {what} "
                            "needs the same for all")
        codes = np.flatnonzero(possible_codes(y[:, :1], len(response.categories))[:, 0])
        values = np.repeat(y[:, :1], len(codes), axis=1)
        values[0], values[CODE] = response.values[codes], codes
        return values, tuple(response.categories[k] for k in codes), np.searchsorted(codes, y[CODE])
    if isinstance(response, Response) and is_binomial(response) and len(y) == 1:
        if not np.isin(y[0], (0, 1)).all():
            raise DataError(f"the item {label!r} has answers besides 0 and 1")
        return np.array([[0.0, 1.0]]), (0, 1), y[0].astype(np.int64)
    raise ValueError(f"{what} is for binary and ordinal items; the item {label!r} is "
                     f"{response.name}")


def standard_nodes(d: int, n_quad=None) -> tuple[np.ndarray, np.ndarray]:
    """Nodes (Q, d) and weights (Q,) of a product trapezoid rule for N(0, I).

    Its error falls geometrically with the points, and for steep curves much sooner than that of
    Gauss and Hermite (Trefethen and Weideman, 2014, SIAM Review 56, 385-458).
    """
    if n_quad is None:
        if d not in POINTS:
            raise ValueError(f"the model has {d} latent variables, too many for a rule of all their "
                             "combinations; give n_quad= points per dimension")
        n_quad = POINTS[d]
    if not isinstance(n_quad, (int, np.integer)) or n_quad < 2:
        raise ValueError(f"n_quad is a number of points, 2 or more, not {n_quad!r}")
    if n_quad**d > MAX_NODES:
        raise ValueError(f"{n_quad} points in each of {d} dimensions are {n_quad**d} nodes; at most "
                         f"{MAX_NODES} are possible: give a smaller n_quad=")
    z = np.linspace(-1, 1, n_quad) * min(RADIUS, np.sqrt(np.pi * (n_quad - 1)))
    nodes = np.stack([grid.ravel() for grid in np.meshgrid(*[z] * d, indexing="ij")], -1)
    square = (nodes**2).sum(axis=1)
    nodes, w = nodes[square <= 1.01 * z[0]**2], np.exp(-square[square <= 1.01 * z[0]**2] / 2)
    return nodes, w / w.sum()


def probabilities(table: ItemTable, design, working, nodes) -> list[np.ndarray]:
    """P (K, Q) of every item."""
    psi = design.psi(np.asarray(working))[None]
    return [item.probabilities(psi, nodes)[0] for item in table.items]


def jacobians(table: ItemTable, design, working, nodes) -> list[tuple[np.ndarray, np.ndarray]]:
    """(parameters (k,) that an item depends on, dP (k, K, Q)) of every item."""
    every = len(working)
    psi = design.psi(np.asarray(working) + 1j * STEP * np.eye(every))
    found = []
    for item in table.items:
        moved = np.einsum("r,krc->kc", item.row, psi.imag)
        d = nodes.shape[1]
        own = np.r_[0:1 + d, 1 + d + item.aux.start:1 + d + item.aux.stop]
        active = np.flatnonzero(moved[:, own].any(axis=1))
        found.append((active, item.probabilities(psi[active], nodes).imag / STEP))
    return found


def free_directions(results) -> np.ndarray:
    """Directions (k, f) in which working coordinates are free, a basis of what constraints leave."""
    design, working = results.model.design, results.record.working
    constraints = results.record.constraints
    if constraints is None:
        return np.eye(len(working))
    return null_space(constraints.r @ design.natural_jacobian(working))
