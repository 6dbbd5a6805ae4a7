"""Mixed responses: every row has the family that a column names."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.families.base import AuxBlock, Family, FamilyData, Outcomes
from statsmodels_gllamm.spec import Needs

LABEL = "family_by"  # the role of the column that names families


@dataclass(frozen=True)
class MixedFamily(Family):
    """Families by the labels of a column.

    Attributes
    ----------
    members : tuple of (label, Family)
    by : str
        The column.
    columns : dict {(key, label): list of str}
        Columns of the designs that are not zero in all rows of a member, in the estimation sample.
    """

    members: tuple[tuple[object, Family], ...]
    by: str
    columns: Mapping = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        return "Mixed(" + ", ".join(f"{label}: {f.name}" for label, f in self.members) + ")"

    def needs(self, dispersion=None, thresholds=None) -> Needs:
        given = {"dispersion": dispersion, "thresholds": thresholds}
        roles, formulas, without, with_response = {}, {}, set(), set()
        labels, whole, infinite, everywhere = {LABEL: self.by}, {}, False, True
        for what, formula in given.items():
            if isinstance(formula, Mapping):
                unknown = [x for x in formula if x not in dict(self.members)]
                if unknown:
                    raise ValueError(f"{what}= names {unknown[0]!r}, which is not a label of "
                                     f"family: {', '.join(map(repr, dict(self.members)))}")
        for label, family in self.members:
            if family.instead:
                raise NotImplementedError(_several(label, family.name, family.instead))
            needs = _member_needs(label, family, given)
            formulas |= {(key, label): text for key, text in needs.formulas.items()}
            without |= {(key, label) for key in needs.without_intercept if key != "exog"}
            everywhere &= "exog" in needs.without_intercept
            roles |= {(role, label): column for role, column in needs.numbers.items()}
            with_response |= {(role, label) for role in needs.with_response}
            infinite |= needs.infinite
            labels |= {(role, label): column for role, column in needs.labels.items()}
            whole |= {(role, label): (LABEL, label) for role in needs.whole}
        without |= {"exog"} if everywhere else set()
        return Needs(numbers=roles, labels=labels, formulas=formulas,
                     without_intercept=frozenset(without),
                     may_miss=frozenset(roles),  # rows of other members lack them
                     with_response=frozenset(with_response), infinite=infinite, whole=whole)

    def _codes(self, data: FamilyData) -> np.ndarray:
        """Number of the member of every row (n,)."""
        codes, labels = data.labels[LABEL]
        known = {label: k for k, (label, _) in enumerate(self.members)}
        place = np.array([known.get(label, known.get(str(label), -1)) for label in labels])
        used = np.unique(codes)
        if (place[used] < 0).any():
            bad = labels[used[place[used] < 0][0]]
            raise DataError(f"the column {self.by!r} has the label {bad!r}, which family= does not "
                            f"name: {', '.join(map(repr, known))}; add it, or leave its rows out "
                            "with subset=")
        return place[codes]

    def _data(self, data: FamilyData, rows, label) -> FamilyData:
        """The rows of one member, with its own roles and designs."""
        own = data.on(rows)
        designs = {}
        for key, design in own.designs.items():
            if isinstance(key, tuple) and key[1] == label:
                designs[key[0]] = design[self.columns.get(key, list(design.columns))]
        needs = _member_needs(label, dict(self.members)[label], {})
        numbers = {k[0]: v for k, v in own.numbers.items() if k[1] == label}
        for role, values in numbers.items():
            unread = data.endog is None and role in needs.with_response
            if role not in needs.may_miss and not unread and np.isnan(values).any():
                bad = own.index[np.isnan(values)][0]
                raise DataError(f"{role} is missing in row {bad!r}, which has the family {label!r}; "
                                "fill it in, or leave the row out with subset=")
        return replace(
            own, designs=designs, numbers=numbers,
            labels={k[0]: v for k, v in own.labels.items() if k != LABEL and k[1] == label})

    def fitted(self, data: FamilyData) -> Family:
        codes, members, columns = self._codes(data), [], {}
        for k, (label, family) in enumerate(self.members):
            rows = np.flatnonzero(codes == k)
            for key, design in data.designs.items():
                if isinstance(key, tuple) and key[1] == label:
                    some = design.to_numpy()[rows].any(axis=0)
                    columns[key] = list(design.columns[some])
            if not len(rows):
                raise DataError(f"no row of the column {self.by!r} has the label {label!r} of "
                                "family=; take it out")
            known = replace(self, columns=columns)
            members.append((label, family.fitted(known._data(data, rows, label))))
        return replace(self, members=tuple(members), columns=columns)

    def parts_of(self, data: FamilyData):
        """(label, family, data rows, their data) of every member."""
        codes = self._codes(data)
        for k, (label, family) in enumerate(self.members):
            rows = np.flatnonzero(codes == k)
            yield label, family, rows, self._data(data, rows, label)

    def outcomes(self, data: FamilyData) -> Outcomes:
        return join([(label, rows, family.outcomes(own if len(rows) else replace(own, endog=None)))
                     for label, family, rows, own in self.parts_of(data)], data.n)

    # Predictions: NaN where a member has no such thing

    ordered: ClassVar[bool] = False

    @property
    def unread(self) -> frozenset:
        return frozenset((role, label) for label, family in self.members for role in family.unread)

    def _parts(self, aux, data):
        """(family, data rows, their auxiliary predictors and data) of the members."""
        first = 0
        for _, family, rows, own in self.parts_of(data):
            m = len(family.outcomes(own).aux_names)
            if len(rows):
                yield family, rows, aux[first:first + m, rows], own
            first += m

    def _labels(self, family, data, values) -> tuple:
        """Labels of a member's probabilities; () where it has none."""
        try:
            labels = family.prob_labels(data, values)
        except ValueError:
            return ()
        return (0, 1) if labels is None else labels

    def prob_labels(self, data: FamilyData, values=None) -> tuple:
        labels = dict.fromkeys(
            label for _, family, _, own in self.parts_of(data)
            for label in self._labels(family, own, values))
        if not labels:
            raise ValueError(f"{self.name} has neither categories nor counts; use which='mean' or "
                             "'var'")
        return tuple(labels)

    def moments(self, kind, aux, data, values=None):
        parts, labels = [], self.prob_labels(data, values) if kind == "prob" else ()
        for family, rows, own_aux, own in self._parts(aux, data):
            mine = self._labels(family, own, values) if kind == "prob" else ()
            try:
                moment = family.moments(kind, own_aux, own, values)
            except (ValueError, NotImplementedError):
                continue
            parts.append((rows, moment, [labels.index(label) for label in mine]))
        return lambda nu: _filled(nu, parts, len(labels))

    def simulate(self, rng, nu, aux, data):
        found = [(rows, family.simulate(rng, nu[:, rows], own_aux, own))
                 for family, rows, own_aux, own in self._parts(aux, data)]
        numeric = all(np.issubdtype(value.dtype, np.number) for _, value in found)
        out = np.full(data.n, np.nan, dtype=float if numeric else object)
        for rows, value in found:
            out[rows] = value
        return out


def _filled(nu, parts, n_labels: int) -> np.ndarray:
    """Moments of the members in one array, NaN elsewhere; ``parts``: rows, function, labels."""
    shape = nu.shape[1:]
    out = np.full((n_labels,) + shape if n_labels else shape, np.nan)
    for rows, moment, places in parts:
        value = moment(nu[..., rows])
        if not n_labels:
            out[..., rows] = value
            continue
        if len(value) == 1 < len(places):
            value = np.concatenate([1 - value, value])
        for place, one in zip(places, value):
            out[place][..., rows] = one
    return out


def _member_needs(label, family: Family, given) -> Needs:
    """Needs of one member; a formula that is not by label concerns those it has a meaning for."""
    own = {what: formula.get(label) if isinstance(formula, Mapping) else formula
           for what, formula in given.items()}
    try:
        return family.needs(**own)
    except ValueError:
        for formula in given.values():
            if isinstance(formula, Mapping) and label in formula:
                raise
    for what in given:  # leave out what has no meaning for this member
        try:
            return family.needs(**{**own, what: None})
        except ValueError:
            continue
    return family.needs()


def _several(label, name: str, instead: str) -> str:
    return (f"the label {label!r} of a mixed response cannot stand for {name}, which has several "
            f"linear predictors: {instead}")


def join(parts, n: int) -> Outcomes:
    """Outcomes of members on parts of the rows: triples (label, data rows, Outcomes)."""
    members, rows, sets, aux, n_sets, first = [], [], [], [], 0, 0
    for label, where, own in parts:
        if len(own.predictors) > 1 or own.predictors[0].label is not None:
            raise NotImplementedError(_several(label, "its family", "fit it in a model of its own"))
        count = sum(member.y.shape[1] for member in own.members)
        members += own.members
        rows.append(where if own.rows is None else where[own.rows])
        local = np.arange(count) if own.sets is None else own.sets
        sets.append(local + n_sets)
        n_sets += int(local.max()) + 1 if count else 0
        for block in own.aux:
            values = np.zeros((n, block.values.shape[1]))
            values[where] = block.values
            aux.append(AuxBlock(block.key, values, tuple(
                (labelled(name, label), j, a + first) for name, j, a in block.terms)))
        first += len(own.aux_names)
    rows, sets = np.concatenate(rows), np.concatenate(sets)
    coupled = any(own.sets is not None for _, _, own in parts)
    return Outcomes(tuple(members), rows, None, sets if coupled else None, aux=tuple(aux))


def labelled(name: str, label) -> str:
    """``kind[what]`` of a member: ``kind[label,what]``, without a constant's name."""
    kind, _, what = name.partition("[")
    return f"{kind}[{label}]" if what == "Intercept]" else f"{kind}[{label},{what}"
