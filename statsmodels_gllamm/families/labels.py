"""Labels of categories: as values, in names, and in arrays of simulated responses."""
from __future__ import annotations

from numbers import Integral, Real

import numpy as np

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.families.base import FamilyData


def plain(label):
    """A label without NumPy's types; whole numbers are ints."""
    label = label.item() if isinstance(label, np.generic) else label
    return int(label) if isinstance(label, float) and label.is_integer() else label


def label_of(data: FamilyData, value):
    """The label of a value of the response: of a code, or the number itself."""
    return plain(value if data.categories is None else data.categories[int(value)])


def label_text(label) -> str:
    """A category as it stands in names: 2 and 2.0 are "2"."""
    label = plain(label)
    if not isinstance(label, Real) or isinstance(label, Integral):
        return str(label)
    short = f"{label:g}"
    return short if float(short) == label else str(label)


def label_array(labels) -> np.ndarray:
    """Labels of categories (K,): numbers, or objects."""
    if all(isinstance(label, Real) for label in labels):
        return np.array(labels)
    out = np.empty(len(labels), dtype=object)
    out[:] = labels
    return out


def one_column(data: FamilyData, name: str) -> np.ndarray:
    """The response (n,); DataError if it has two columns or no rows."""
    endog = np.asarray(data.endog, dtype=np.float64)
    if endog.ndim != 1 or not len(endog):
        raise DataError(f"{name} response must be one column with one row or more, not of shape "
                        f"{endog.shape}.")
    return endog
