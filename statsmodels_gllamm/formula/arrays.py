"""A sample from arrays instead of a formula: the arrays become columns, and a formula is written.

The formula machinery then finds complete rows, groups and weights in the one way there is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.formula.sample import Sample, build_sample

__all__ = ["arrays_to_sample"]


def arrays_to_sample(endog, exog=None, *, groups=None, exog_re=None, offset=None, exposure=None,
                     n_trials=None, freq_weights=None, dispersion=None, missing="drop") -> Sample:
    """The estimation sample of arrays.

    Parameters
    ----------
    endog : array_like (n,) or (n, 2)
    exog : array_like (n, p), optional
    groups : array_like (n,), DataFrame or mapping, optional
    exog_re : array_like (n, q) or mapping {group: (n, q)}, optional
        A random intercept by default.
    offset, exposure, n_trials, freq_weights, dispersion, missing
        As in `build_sample`, in arrays.

    Returns
    -------
    Sample
    """
    index = endog.index if isinstance(endog, (pd.Series, pd.DataFrame)) else None
    response = np.asarray(endog)
    if response.ndim == 0 or response.ndim > 2 or (response.ndim == 2 and response.shape[1] > 2):
        raise DataError(f"endog has shape {response.shape}; it must be (n,), or (n, 2) for "
                        "successes and failures.")
    response = response.reshape(len(response), -1)
    columns = {f"_y{i}": column for i, column in enumerate(response.T)}
    left = " + ".join(columns)
    _check_index(index, exog=exog, dispersion=dispersion, groups=groups, exog_re=exog_re)
    fixed, names = _columns(exog, "exog", "x", len(response), columns)
    bars, bar_names = [], []
    for name, codes in _groups(groups, len(response)).items():
        columns[name] = codes
        own = exog_re.get(name) if isinstance(exog_re, Mapping) else exog_re
        random, own_names = _columns(own, f"exog_re of {name!r}", f"z_{name}_", len(response), columns)
        bars.append(f"({' + '.join(['0', *random]) if random else '1'} | {name})")
        bar_names.append(own_names or ("Intercept",))
    if isinstance(exog_re, Mapping) and (extra := set(exog_re) - set(columns)):
        raise DataError(f"exog_re names the group {sorted(extra)[0]!r}, which is not in groups.")
    spread, spread_names = _columns(dispersion, "dispersion", "d", len(response), columns)
    data = pd.DataFrame(columns, index=index)
    sample = build_sample(
        f"{left} ~ " + " + ".join(["0", *fixed, *bars]), data, offset=offset, exposure=exposure,
        n_trials=n_trials, freq_weights=freq_weights, missing=missing,
        dispersion=" + ".join(["0", *spread]) if spread else None)
    return replace(
        sample,
        endog_name=str(getattr(endog, "name", None) or "y"),
        exog=sample.exog.set_axis(list(names), axis=1),
        bars=tuple(replace(bar, names=own) for bar, own in zip(sample.bars, bar_names)),
        dispersion=sample.dispersion.set_axis(list(spread_names), axis=1) if spread
        else sample.dispersion,
    )


def _check_index(index, **given) -> None:
    """Refuse pandas objects whose row labels are not those of endog: rows are taken in order."""
    for what, values in given.items():
        for part in values.values() if isinstance(values, Mapping) else (values,):
            own = part.index if isinstance(part, (pd.Series, pd.DataFrame)) else None
            if index is not None and own is not None and len(own) == len(index) and not own.equals(
                    index):
                raise DataError(f"The indices of endog and {what} are not the same; align the rows,"
                                " or pass arrays.")


def _columns(values, what, prefix, n, columns):
    """Put the columns of an array into ``columns``: (their keys there, their names)."""
    if values is None:
        return (), ()
    array = np.asarray(values, dtype=float)
    array = array.reshape(len(array), -1) if array.ndim != 2 else array
    if len(array) != n:
        raise DataError(f"{what} has {len(array)} rows, endog has {n}.")
    keys = tuple(f"_{prefix}{i}" for i in range(array.shape[1]))
    columns.update(zip(keys, array.T))
    if isinstance(values, pd.DataFrame):
        return keys, tuple(str(c) for c in values.columns)
    constant = [bool(np.ptp(c) == 0 and c[0] == 1) if len(c) else False for c in array.T]
    first = "Intercept" if prefix.startswith("z") else "const"
    label = prefix if len(prefix) == 1 else "z"
    return keys, tuple(
        first if is_one and not any(constant[:i]) else f"{label}{i + 1 - any(constant[:i])}"
        for i, is_one in enumerate(constant))


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
