r"""Cognitive diagnosis: the classes that a Q-matrix stands for, and the design of their coefficients.

.. math:: g\{P(y_{ij} = 1 \mid \alpha_j = \alpha)\} = d_i(\alpha)'\delta_i

with alpha the attributes that a class has mastered, q_i those that item i requires, and d_i

- DINA: 1 - w, w with w the product of alpha_k over q_i (Junker and Sijtsma, 2001, Applied
  Psychological Measurement 25, 258-272);
- DINO: 1 - w, w with w = 1 - prod of (1 - alpha_k) (Templin and Henson, 2006, Psychological Methods
  11, 287-305);
- ACDM, LLM and R-RUM: 1, and alpha_k for each k in q_i, with g the identity, logit and log;
- G-DINA: an indicator of every subset of q_i, that the subset and no more is mastered (de la Torre,
  2011, Psychometrika 76, 179-199).

So parameters are logits of probabilities, but for those of additive models.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
import pandas as pd
from statsmodels.genmod.families import links

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.formula.categories import show
from statsmodels_gllamm.formula.rows import as_frame, hint
from statsmodels_gllamm.formula.wide import Wide
from statsmodels_gllamm.formula.wide_data import (
    ITEM,
    RESPONSE,
    check_columns,
    check_items,
    item_numbers,
    person_column,
)
from statsmodels_gllamm.spec import Classes

__all__ = ["ADDITIVE", "CLASS", "LINKS", "MODELS", "Diagnosis", "diagnosis"]

CLASS = "profile"
LINKS = {"dina": links.Logit, "dino": links.Logit, "acdm": links.Identity, "llm": links.Logit,
         "rrum": links.Log, "gdina": links.Logit}
MODELS = tuple(LINKS)
ADDITIVE = "acdm", "llm", "rrum"
MOST = 12  # attributes


@dataclass(frozen=True)
class Diagnosis:
    """A cognitive diagnosis model.

    Attributes
    ----------
    kind : str
    q_matrix : DataFrame (items, attributes) of bool
    profiles : DataFrame (2**attributes, attributes) of bool
        The attributes that classes have mastered, indexed by "00", "10", ....
    designs : dict {item: DataFrame}
        d_i in every class.
    """

    kind: str
    q_matrix: pd.DataFrame
    profiles: pd.DataFrame
    designs: dict[str, pd.DataFrame]


def diagnosis(data, q_matrix, kind: str, id=None) -> tuple[Diagnosis, Wide, Classes]:
    """The classes of a Q-matrix, and the long data that they are for.

    Parameters
    ----------
    data : DataFrame
        One row per person.
    q_matrix : DataFrame (items, attributes) of 0 and 1
    kind : str
        One of `MODELS`.
    id : str, optional

    Raises
    ------
    DataError, TypeError, ValueError
    """
    data = as_frame(data)
    check_columns(data)
    if kind not in MODELS:
        raise ValueError(f"model is one of {', '.join(MODELS)}, not {kind!r}")
    q, columns = _checked(q_matrix, data)
    name = person_column(data, id, columns)
    check_items(data, columns, name)
    if CLASS in data.columns:
        raise DataError(f"The data have a column {CLASS!r}, which is the name of the classes; rename "
                        "or drop it.")
    for item, column in columns.items():
        values = item_numbers(data[column])
        if values is None or not np.isin(values[~np.isnan(values)], (0, 1)).all():
            raise DataError(f"The item {item!r} has values other than 0 and 1; a diagnosis model is "
                            "for right and wrong answers.")
    profiles = _profiles(tuple(q.columns))
    designs = {item: _design(profiles, tuple(q.columns[q.loc[item]]), kind) for item in q.index}
    _check_distinct(profiles, designs)
    group = name if name.isidentifier() else f"`{name}`"
    classes = Classes(len(profiles), within=group, labels=tuple(profiles.index),
                      design={f"{ITEM}[{item}]": table for item, table in designs.items()})
    wide = Wide(items=tuple(columns), id=name, factors={}, regressions=[], columns=columns,
                formula=f"{RESPONSE} ~ 0 + (0 + {ITEM} | {CLASS})")
    return Diagnosis(kind, q, profiles, designs), wide, classes


def _checked(q_matrix, data) -> tuple[pd.DataFrame, dict]:
    """The Q-matrix with text for labels, and the column of every item."""
    if not isinstance(q_matrix, pd.DataFrame):
        raise TypeError("q_matrix is a DataFrame of 0 and 1 with a row for every item and a column for "
                        f"every attribute, not {type(q_matrix).__name__}")
    for item in q_matrix.index:
        if item not in data.columns:
            raise DataError(f"The item {show(item)} of q_matrix is not a column of the data"
                            f"{hint(item, data.columns)}")
    q = q_matrix.set_axis(q_matrix.index.map(str), axis=0).set_axis(q_matrix.columns.map(str), axis=1)
    for what, labels in (("item", q.index), ("attribute", q.columns)):
        if not labels.is_unique:
            raise DataError(f"q_matrix has the {what} {labels[labels.duplicated()][0]!r} twice; remove "
                            "one of them.")
    if not q.isin((0, 1)).to_numpy().all():
        raise DataError("q_matrix has values other than 0 and 1.")
    q = q.astype(bool)
    for what, axis in (("item", 1), ("attribute", 0)):
        idle = ~q.any(axis=axis)
        if idle.any():
            raise DataError(f"In q_matrix the {what} {idle.index[idle][0]!r} has zeros only; leave it "
                            "out.")
    if q.shape[1] > MOST:
        raise DataError(f"q_matrix has {q.shape[1]} attributes, and so {2**q.shape[1]:,} profiles; at "
                        f"most {MOST} attributes are possible.")
    return q, dict(zip(q.index, q_matrix.index))


def _profiles(attributes) -> pd.DataFrame:
    """All profiles, those with few attributes first."""
    table = sorted(product((False, True), repeat=len(attributes)),
                   key=lambda one: (sum(one), [not a for a in one]))
    labels = ["".join(str(int(a)) for a in one) for one in table]
    return pd.DataFrame(table, index=labels, columns=list(attributes))


def _design(profiles, required, kind) -> pd.DataFrame:
    """d_i in every class."""
    mastered = profiles[list(required)]
    if kind in ADDITIVE:
        return mastered.astype(float).assign(**{"none": 1.0})[["none", *required]]
    if kind == "dina" and len(required) > 1:
        able = mastered.all(axis=1)
        out = {"not all": ~able, "all": able}
    elif kind == "dino" and len(required) > 1:
        able = mastered.any(axis=1)
        out = {"none": ~able, "any": able}
    else:
        subsets = [some for size in range(len(required) + 1) for some in combinations(required, size)]
        out = {":".join(some) or "none": (mastered == [name in some for name in required]).all(axis=1)
               for some in subsets}
    return pd.DataFrame(out, index=profiles.index).astype(float)


def _check_distinct(profiles, designs) -> None:
    """Refuse a Q-matrix by which some profiles answer alike."""
    table = pd.concat(designs, axis=1)
    alike = table.duplicated()
    if alike.any():
        second = alike.index[alike][0]
        first = table.index[(table == table.loc[second]).all(axis=1)][0]
        raise DataError(
            f"By q_matrix persons of the profiles {first} and {second} ({', '.join(profiles.columns)}) "
            "have the same probabilities in every item, so that their shares are not identified; have "
            "an item that requires one attribute alone for each, or leave attributes out.")
