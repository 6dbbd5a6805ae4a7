"""A sample from arrays instead of a formula: the arrays become columns, and a formula is written.

The formula machinery then finds complete rows, groups and weights in the one way there is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from keyword import iskeyword

import numpy as np
import pandas as pd

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.formula.categories import key_name
from statsmodels_gllamm.formula.sample import Sample, build_sample
from statsmodels_gllamm.spec import Needs

__all__ = ["arrays_to_sample"]


def arrays_to_sample(endog, exog=None, *, groups=None, exog_re=None, offset=None, exposure=None,
                     n_trials=None, freq_weights=None, sampling_weights=None, scale_weights=None,
                     needs=None, designs=None, numbers=None, labels=None,
                     missing="drop") -> Sample:
    """The estimation sample of arrays.

    Parameters
    ----------
    endog : array_like (n,) or (n, 2)
    exog : array_like (n, p), optional
    groups : array_like (n,), DataFrame or mapping, optional
    exog_re : array_like (n, q) or mapping {group: (n, q)}, optional
        A random intercept by default.
    offset, exposure, n_trials, freq_weights, sampling_weights, scale_weights, missing
        As in `build_sample`, in arrays.
    needs : Needs, optional
        What the family reads besides the response.
    designs : mapping {key: array_like (n, v)}, optional
        Columns in place of the formula that ``needs`` has for the key.
    numbers, labels : mapping {role: array_like (n,)}, optional
        In place of what ``needs`` has for the role.

    Returns
    -------
    Sample
    """
    index = endog.index if isinstance(endog, (pd.Series, pd.DataFrame)) else None
    response = np.asarray(endog)
    if response.ndim == 0 or response.ndim > 2 or (response.ndim == 2 and response.shape[1] > 2):
        raise DataError(f"endog has shape {response.shape}; it must be (n,), or (n, 2) for "
                        "successes and failures.")
    given_groups, groups = groups, _groups(groups, len(response))
    columns = _response_columns(endog, response, groups)
    left = " + ".join(columns)
    needs, designs = Needs() if needs is None else needs, dict(designs or {})
    _check_index(index, exog=exog, groups=given_groups, exog_re=exog_re)
    for given in (designs, numbers or {}, labels or {}):
        for key, values in given.items():
            _check_index(index, **{key_name(key): values})
    fixed, names = _columns(exog, "exog", "x", "const", len(response), columns)
    _refuse_constant("exog", needs, columns, fixed, names)
    bars, bar_names = [], []
    for name, codes in groups.items():
        columns[name] = codes
        own = exog_re.get(name) if isinstance(exog_re, Mapping) else exog_re
        random, own_names = _columns(own, f"exog_re of {name!r}", "z", "Intercept", len(response),
                                     columns)
        bars.append(f"({' + '.join(['0', *random]) if random else '1'} | {name})")
        bar_names.append(own_names or ("Intercept",))
    if isinstance(exog_re, Mapping) and (extra := set(exog_re) - set(columns)):
        raise DataError(f"exog_re names the group {sorted(extra)[0]!r}, which is not in groups.")
    formulas, design_names = dict(needs.formulas), {}
    for key, values in designs.items():
        own, design_names[key] = _columns(values, key_name(key), key_name(key)[0], "const",
                                          len(response), columns)
        _refuse_constant(key, needs, columns, own, design_names[key])
        formulas[key] = " + ".join(["0", *own])
    labels = {role: pd.Index(values, tupleize_cols=False) if isinstance(values, list) else values
              for role, values in (labels or {}).items()}  # in needs a list is one of columns
    needs = replace(needs, formulas=formulas, numbers={**needs.numbers, **(numbers or {})},
                    labels={**needs.labels, **labels})
    data = pd.DataFrame(columns, index=index)
    sample = build_sample(
        f"{left} ~ " + " + ".join(["0", *fixed, *bars]), data, offset=offset, exposure=exposure,
        n_trials=n_trials, freq_weights=freq_weights, sampling_weights=sampling_weights,
        scale_weights=scale_weights, missing=missing, needs=needs)
    return replace(
        sample,
        endog_name=_name_of(endog),
        exog=sample.exog.set_axis(list(names), axis=1),
        bars=tuple(replace(bar, names=own) for bar, own in zip(sample.bars, bar_names)),
        designs={key: _renamed(design, design_names.get(key))
                 for key, design in sample.designs.items()},
        parts={key: replace(part, exog=_renamed(part.exog, design_names.get(key)))
               for key, part in sample.parts.items()},
    )


def _refuse_constant(part, needs, columns, keys, names) -> None:
    """DataError for a constant column of a part whose constant is not identified."""
    for key, name in zip(keys, names):
        if part in needs.without_intercept and np.ptp(columns[key]) == 0:
            raise DataError(f"The column {name!r} of {key_name(part)} is constant, which is not "
                            "identified beside the constants of the family; leave it out.")


def _renamed(design, names):
    """A design with the names of an array's columns; as it is where a formula made it."""
    return design if names is None else design.set_axis(list(names), axis=1)


def _name_of(endog):
    """The name of a Series, else "y"."""
    return "y" if isinstance(endog, pd.DataFrame) else str(getattr(endog, "name", None) or "y")


def _response_columns(endog, array, groups) -> dict:
    """The columns of the response by a name that a formula may have."""
    if array.ndim == 2 and array.shape[1] == 2:
        return {f"_y{i}": column for i, column in enumerate(array.T)}
    name = _name_of(endog)
    usable = name.isidentifier() and not iskeyword(name) and name not in groups
    if isinstance(getattr(endog, "dtype", None), pd.CategoricalDtype):
        values = getattr(endog, "array", endog)
    else:
        values = array.reshape(len(array))
    return {name if usable else "_y0": values}


def _check_index(index, **given) -> None:
    """Refuse pandas objects whose row labels are not those of endog: rows are taken in order."""
    for what, values in given.items():
        for part in values.values() if isinstance(values, Mapping) else (values,):
            own = part.index if isinstance(part, (pd.Series, pd.DataFrame)) else None
            if index is not None and own is not None and len(own) == len(index) and not own.equals(
                    index):
                raise DataError(f"The indices of endog and {what} are not the same; align the rows,"
                                " or pass arrays.")


def _columns(values, what, letter, constant, n, columns):
    """Put the columns of an array into ``columns``: (their keys there, their names).

    The first column of ones has the name ``constant``, the others are the letter and a number.
    """
    if values is None:
        return (), ()
    array = np.asarray(values, dtype=float)
    array = array.reshape(len(array), -1) if array.ndim != 2 else array
    if len(array) != n:
        raise DataError(f"{what} has {len(array)} rows, endog has {n}.")
    keys = tuple(f"_{letter}{len(columns) + i}" for i in range(array.shape[1]))
    columns.update(zip(keys, array.T))
    if isinstance(values, pd.DataFrame):
        return keys, tuple(str(c) for c in values.columns)
    ones = [bool(np.ptp(c) == 0 and c[0] == 1) if len(c) else False for c in array.T]
    return keys, tuple(
        constant if is_one and not any(ones[:i]) else f"{letter}{i + 1 - any(ones[:i])}"
        for i, is_one in enumerate(ones))


def _groups(groups, n) -> dict:
    if groups is None:
        return {}
    if isinstance(groups, (pd.DataFrame, Mapping)):
        named = {str(name): np.asarray(groups[name], dtype=object) for name in groups}
    else:
        named = {str(getattr(groups, "name", None) or "groups"): np.asarray(groups, dtype=object)}
    for name, codes in named.items():
        if not name.isidentifier():
            raise DataError(f"the group name {name!r} is not a Python name; rename it.")
        if codes.shape != (n,):
            raise DataError(f"group {name!r} has shape {codes.shape}; it must be ({n},).")
    return named
