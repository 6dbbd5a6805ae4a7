"""Numbers and labels that a family reads by role: censoring bounds, choice sets.

A role's value is a column, so that new data have it too; or one value per row of the data, which
only the sample has; or, for numbers, one number for all rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.formula.categories import factorize, key_name, label, show
from statsmodels_gllamm.formula.groups import Clusters, Group, make_group
from statsmodels_gllamm.formula.rows import aligned, hint, row_array
from statsmodels_gllamm.spec import Needs

__all__ = ["Labels", "Numbers", "Roles", "incomplete", "label_columns", "read_roles"]


@dataclass(frozen=True, slots=True)
class Numbers:
    """Finds the numbers of a role in new data.

    Attributes
    ----------
    role : str or tuple
    source : str, float or None
        A column, or the number of all rows; None where only the sample has them.
    may_miss : bool
        Missing numbers stay, as NaN.
    with_response : bool
        New data need not have them.
    labels : tuple of str
        Labels in place of the numbers 1, 2, ..., which a column may also have.
    """

    role: str | tuple
    source: str | float | None
    may_miss: bool
    with_response: bool = False
    labels: tuple[str, ...] = ()

    def on(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """The numbers of new rows, without missing ones unless they may miss.

        Parameters
        ----------
        frame : DataFrame

        Returns
        -------
        values : ndarray (m,)
        kept : ndarray of bool (len(frame),)
        """
        if self.with_response and (self.source is None or (
                isinstance(self.source, str) and self.source not in frame.columns)):
            return np.full(len(frame), np.nan), np.ones(len(frame), bool)
        if self.source is None:
            raise _only_in_sample(self.role)
        values = read_number(self.role, self.source, frame, None, self.labels)
        kept = np.ones(len(frame), bool) if self.may_miss else ~np.isnan(values)
        return (values if kept.all() else values[kept]), kept


@dataclass(frozen=True, slots=True)
class Labels:
    """Finds the labels of a role in new data.

    Attributes
    ----------
    role : str or tuple
    clusters : Clusters
        The labels of the sample and their columns; without columns, only the sample has them.
    whole : bool
        Rows with a label are kept or left out together.
    inside : tuple (role, label) or None
        Of these only rows that have another label.
    """

    role: str | tuple
    clusters: Clusters
    whole: bool = False
    inside: tuple | None = None

    def present(self, frame: pd.DataFrame) -> np.ndarray:
        """Which rows (len(frame),) have a label.

        Parameters
        ----------
        frame : DataFrame
        """
        if not self.clusters.columns:
            raise _only_in_sample(self.role)
        _check_columns(self.role, self.clusters.columns, frame.columns)
        return frame[list(self.clusters.columns)].notna().all(axis=1).to_numpy()

    def codes(self, frame: pd.DataFrame) -> tuple[np.ndarray, pd.Index]:
        """Codes of new rows, -1 where they have no label, and the labels.

        Parameters
        ----------
        frame : DataFrame
        """
        present = self.present(frame)
        codes = np.full(len(frame), -1)
        codes[present], labels = self.on(frame[present])
        return codes, labels

    def on(self, frame: pd.DataFrame) -> tuple[np.ndarray, pd.Index]:
        """Codes of new rows that have a label; labels that the sample does not have come last.

        Parameters
        ----------
        frame : DataFrame

        Returns
        -------
        codes : ndarray of int64 (len(frame),)
        labels : Index
        """
        known = self.clusters
        codes = known.recode(frame)
        new = codes < 0
        if not new.any():
            return codes, known.labels
        found = make_group(known.columns, frame[new], {})
        codes[new] = found.codes + known.n_clusters
        return codes, known.labels.append(found.labels)


def read_number(role, value, data, positions, labels=()) -> np.ndarray:
    """The numbers (n,) of one role; one number for all rows takes no memory."""
    if isinstance(value, str) and labels and value in data.columns:
        data = data[[value]].assign(**{value: numbers_of_labels(data[value], labels, key_name(role))})
    if isinstance(value, str) or np.ndim(value):
        return row_array(value, key_name(role), data, positions)
    n = len(data) if positions is None else len(positions)
    return np.broadcast_to(row_array(value, key_name(role), data.iloc[:1], None)[0], n)


def numbers_of_labels(column: pd.Series, labels, what: str) -> pd.Series:
    """The numbers 1, 2, ... of labels, NaN where they are missing.

    Parameters
    ----------
    column : Series
        A column of numbers has them already, unless all labels are numbers.
    labels : sequence of str
    what : str
        The argument's name, for errors.

    Raises
    ------
    DataError
        Something that is none of the labels.
    """
    if pd.api.types.is_numeric_dtype(column) and not all(map(_is_number, labels)):
        return column
    number = {name: float(k) for k, name in enumerate(labels, 1)}
    present = column.notna()
    found = column[present].map(lambda value: number.get(label(value), np.nan)).astype(float)
    if found.isna().any():
        wrong = column[present][found.isna().to_numpy()].iloc[0]
        raise DataError(f"{what} column {column.name!r} has the value {show(wrong)}; it holds "
                        f"{', '.join(map(repr, labels))}, and is missing where that is not known")
    values = np.full(len(column), np.nan)
    values[present.to_numpy()] = found
    return pd.Series(values, index=column.index)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def label_columns(needs: Needs, columns) -> dict[str, tuple[str, ...]]:
    """Columns by role of labels; an empty tuple where the labels are given row by row.

    Parameters
    ----------
    needs : Needs
    columns : Index
        The columns of the data.
    """
    found: dict[str, tuple[str, ...]] = {}
    for role, value in needs.labels.items():
        if isinstance(value, (str, tuple, list)):
            found[role] = (value,) if isinstance(value, str) else tuple(value)
            _check_columns(role, found[role], columns)
        else:
            found[role] = ()
    return found


@dataclass(frozen=True, eq=False)
class Roles:
    """Numbers and labels of the sample, before missing rows are dropped.

    Attributes
    ----------
    needs : Needs
    columns : dict of str to tuple of str
        From `label_columns`.
    numbers : dict of str to ndarray (n,)
    given : dict of str to Series (n,)
        Labels that are given row by row.
    """

    needs: Needs
    columns: dict[str, tuple[str, ...]]
    numbers: dict[str, np.ndarray]
    given: dict[str, pd.Series]

    def present(self):
        """Pairs of what rows may lack and the rows that have it; columns of labels not among them."""
        for role, values in self.numbers.items():
            if role not in self.needs.may_miss:
                source = self.needs.numbers[role]
                of = f" column {source!r}" if isinstance(source, str) else ""
                yield f"{key_name(role)}{of} is missing", ~np.isnan(values)
        for role, labels in self.given.items():
            yield f"{key_name(role)} is missing", labels.notna().to_numpy()

    def others(self, frame: pd.DataFrame, place: np.ndarray, kept: np.ndarray):
        """Pairs of a reason and the kept rows that are dropped with a row of their set.

        Parameters
        ----------
        frame : DataFrame (m, columns)
        place : ndarray (m,)
            Its rows among the n.
        kept : ndarray of bool (m,)
        """
        if kept.all():
            return
        for role, inside in self.needs.whole.items():
            labels = [self._codes(role, frame, place)]
            if inside is not None:
                labels.append((self._codes(inside[0], frame, place), inside[1]))
            columns = ", ".join(map(repr, self.columns[role]))
            yield (f"another row of its {key_name(role)}" + f" ({columns})" * bool(columns)
                   + " is missing", incomplete(kept, *labels))

    def _codes(self, role, frame, place) -> tuple[np.ndarray, pd.Index]:
        """Codes of labels (m,), -1 where they are missing, and the labels."""
        if not self.columns[role]:
            return factorize(self.given[role].iloc[place])
        present = frame[list(self.columns[role])].notna().all(axis=1).to_numpy()
        found = make_group(self.columns[role], frame[present], {})
        codes = np.full(len(frame), -1)
        codes[present] = found.codes
        return codes, found.labels

    def numbers_of(self, kept: np.ndarray) -> dict[str, np.ndarray]:
        """Numbers of the complete rows.

        Parameters
        ----------
        kept : ndarray of bool (n,)
        """
        m = int(np.count_nonzero(kept))
        return {role: np.broadcast_to(values[0], m) if values.strides == (0,) else values[kept]
                for role, values in self.numbers.items()}

    def groups(self, frame: pd.DataFrame, kept: np.ndarray, factorized: dict) -> dict[str, Group]:
        """Labels and codes by role on the complete rows.

        Parameters
        ----------
        frame : DataFrame
            The complete rows.
        kept : ndarray of bool (n,)
        factorized : dict
            Codes and categories of single columns found so far; filled in.
        """
        found = {}
        for role, columns in self.columns.items():
            if columns:
                found[role] = make_group(columns, frame, factorized)
            else:
                codes, labels = factorize(self.given[role][kept])
                found[role] = Group(key_name(role), (), labels, codes)
        return found

    def on_new_data(self, groups) -> tuple[dict[str, Numbers], dict[str, Labels]]:
        """What finds the numbers and the labels of new data.

        Parameters
        ----------
        groups : dict of str to Group
            From `groups`.
        """
        numbers = {}
        for role, value in self.needs.numbers.items():
            if not isinstance(value, str):
                value = None if np.ndim(value) else float(self.numbers[role][0])
            numbers[role] = Numbers(role, value, role in self.needs.may_miss,
                                    role in self.needs.with_response, self.needs.named.get(role, ()))
        whole = self.needs.whole
        return numbers, {role: Labels(role, group.clusters, role in whole, whole.get(role))
                         for role, group in groups.items()}


def incomplete(kept: np.ndarray, sets, inside=None) -> np.ndarray:
    """Which kept rows (m,) are in a set with a row that is not.

    Parameters
    ----------
    kept : ndarray of bool (m,)
    sets : (codes (m,), labels)
        -1 for rows in no set.
    inside : ((codes (m,), labels), label), optional
        Only rows that have this label count, or lack any.
    """
    codes, labels = sets
    counted = codes >= 0
    if inside is not None:
        (own, names), label = inside
        counted &= np.array([*(name == label or str(name) == label for name in names), True])[own]
    broken = np.zeros(len(labels), dtype=bool)
    broken[codes[counted & ~kept]] = True
    return kept & counted & np.append(broken, False)[codes]


def read_roles(needs: Needs, columns, data: pd.DataFrame, positions) -> Roles:
    """Read the numbers and labels that a family needs.

    Parameters
    ----------
    needs : Needs
    columns : dict of str to tuple of str
        From `label_columns`.
    data : DataFrame
    positions : ndarray or None
        Rows of the subset.
    """
    numbers = {role: read_number(role, value, data, positions, needs.named.get(role, ()))
               for role, value in needs.numbers.items()}
    given = {role: _row_labels(role, needs.labels[role], data, positions)
             for role, own in columns.items() if not own}
    return Roles(needs, columns, numbers, given)


def _row_labels(role, value, data, positions) -> pd.Series:
    """Labels of the rows of the subset, given row by row."""
    role = key_name(role)
    values, places = aligned(value, role, data, positions)
    if np.ndim(values) != 1:
        raise DataError(f"{role} must be a column, columns or one label per row, not {value!r}.")
    values = pd.Series(values).reset_index(drop=True)
    n = len(data) if positions is None else len(positions)
    if len(values) not in (len(data), n):
        raise DataError(f"{role} has {len(values)} labels but the data have {len(data)} rows.")
    return values.iloc[places] if places is not None and len(values) == len(data) else values


def _check_columns(role, wanted, columns):
    missing = [column for column in wanted if column not in columns]
    if missing:
        raise DataError(
            f"{key_name(role)}={missing[0]!r} is not a column of the data{hint(missing[0], columns)}")


def _only_in_sample(role):
    return DataError(f"{key_name(role)} was given as an array, which new data do not have; make it "
                     "a column of the data and give its name.")
