"""Rows to predict: the estimation sample, new data, or rows of the fixed part's columns alone.

What does not depend on parameters is read once, so that a prediction can be differentiated.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.formula.categories import show
from statsmodels_gllamm.formula.designs import BarDesign
from statsmodels_gllamm.formula.rows import as_frame, row_array
from statsmodels_gllamm.results.latent import level_units

WHICH = ("mean", "conditional", "linear", "posterior")
MISSING = -2  # cluster of a row that does not name it; -1 where the sample does not have it


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows to predict, without anything that depends on parameters.

    Attributes
    ----------
    index : Index (m,)
        Labels of the user's rows.
    kept : ndarray of bool (m,)
        Which of them are complete; all other attributes have these n rows only.
    exog : ndarray (n, p)
    offset : ndarray (n,)
        Offset plus log exposure.
    bars : tuple of BarDesign, or None
        None where no random terms are needed.
    factors : dict of str to FactorDesign
    codes : dict of str to ndarray of int64 (n,), or None
        Cluster of each row by group; -1 if it is not in the sample, -2 if it is missing.
    given : dict of int to ndarray (n,)
        Given values of latent variables, by their number.
    """

    index: pd.Index
    kept: np.ndarray
    exog: np.ndarray
    offset: np.ndarray
    bars: tuple[BarDesign, ...] | None
    factors: dict
    codes: dict[str, np.ndarray] | None
    given: dict[int, np.ndarray]


def rows_of(model, data, which="mean", latent=None, offset=None, exposure=None) -> Rows:
    """The rows to predict; parameters as of `predict`."""
    if which not in WHICH:
        raise ValueError(f"which must be one of {', '.join(map(repr, WHICH))}, not {which!r}")
    if latent and which == "posterior":
        raise ValueError("latent= gives values of latent variables, which='posterior' asks the "
                         "data for them; use which='mean' or 'conditional' with latent=")
    random = bool(model.design.q) and (which in ("mean", "posterior") or bool(latent))
    posterior = bool(model.design.q) and which == "posterior"
    sample = model.sample
    if data is None:
        rows = _sample_rows(sample, random, posterior)
        frame = pd.DataFrame(index=sample.index)
    elif (exog := _as_exog(model, data)) is not None:
        rows = _exog_rows(sample, exog, random, posterior)
        frame = pd.DataFrame(index=rows.index)
    else:
        frame = as_frame(data)
        rows = _frame_rows(model, frame, random, posterior)
    if offset is not None or exposure is not None:
        rows = replace(rows, offset=_offset(offset, exposure, frame)[rows.kept])
    given = {_latent_number(model.structure, name):
             row_array(value, f"latent[{name!r}]", frame, None)[rows.kept]
             for name, value in (latent or {}).items()}
    return replace(rows, given=given)


def _sample_rows(sample, random, posterior) -> Rows:
    n = len(sample.index)
    codes = {name: group.codes for name, group in sample.groups.items()} if posterior else None
    return Rows(sample.index, np.ones(n, dtype=bool), sample.exog.to_numpy(), sample.offset,
                sample.bars if random else None, sample.factors, codes, {})


def _frame_rows(model, frame, random, posterior) -> Rows:
    sample = model.sample
    with_factors = bool(sample.factors) and (random or any(sample.exog_factors))
    parts = ["exog"] + ["bars"] * random + ["factors"] * with_factors + ["codes"] * posterior
    new = sample.design.on(frame, parts)
    codes = None
    if posterior:
        codes = {}
        for name, code in new.codes.items():
            absent = frame[list(sample.groups[name].columns)].isna().any(axis=1).to_numpy()
            codes[name] = np.where(absent[new.kept], MISSING, code)
    return Rows(frame.index, new.kept, new.exog.to_numpy(), np.zeros(len(new.index)), new.bars,
                new.factors or {}, codes, {})


def _as_exog(model, data) -> np.ndarray | None:
    """Rows of ``model.exog`` if the data are such, else None."""
    names = list(model.sample.exog.columns)
    if hasattr(model, "formula"):
        if isinstance(data, Mapping) or hasattr(data, "to_pandas"):
            return None
        if isinstance(data, pd.DataFrame) and (
                list(data.columns) not in (names, list(range(len(names))))):
            return None
    values = np.asarray(as_frame(data) if isinstance(data, Mapping) else data, dtype=float)
    if values.ndim < 2:
        values = values.reshape((-1, 1) if len(names) == 1 else (1, -1))
    if values.ndim != 2 or values.shape[1] != len(names):
        raise ValueError(f"exog has shape {np.shape(data)} but the fixed part has {len(names)} "
                         f"columns ({', '.join(names)}); pass these, or the data as a DataFrame")
    return values


def _exog_rows(sample, exog, random, posterior) -> Rows:
    """Rows of which only the fixed part's columns are known."""
    names = list(sample.exog.columns)
    if posterior or any(sample.exog_factors):
        need = "which='posterior' needs the groups" if posterior else (
            f"the factor {next(filter(None, sample.exog_factors))!r} needs the loadings")
        raise ValueError(f"{need} of the rows; pass the data as a DataFrame to a model that was "
                         "made from a formula")
    bars = None
    if random:
        bars = tuple(replace(bar, matrix=np.column_stack([
            _column_of(exog, names, bar, term, factor)
            for term, factor in zip(bar.names, bar.factors)])) for bar in sample.bars)
    return Rows(pd.RangeIndex(len(exog)), np.ones(len(exog), dtype=bool), exog,
                np.zeros(len(exog)), bars, {}, None, {})


def _column_of(exog, names, bar, term, factor) -> np.ndarray:
    if factor is None and term == "Intercept":
        return np.ones(len(exog))
    if factor is None and term in names:
        return exog[:, names.index(term)]
    raise ValueError(f"the random term {term}[{bar.group}] is not a column of exog; pass the data "
                     "as a DataFrame, or ask for which='conditional' or 'linear'")


def _offset(offset, exposure, frame) -> np.ndarray:
    total = np.zeros(len(frame))
    if offset is not None:
        total = total + row_array(offset, "offset", frame, None)
    if exposure is not None:
        values = row_array(exposure, "exposure", frame, None)
        if (values <= 0).any():
            bad = int(np.argmax(values <= 0))
            raise DataError(f"exposure is {values[bad]:g} in row {show(frame.index[bad])}; it must "
                            "be positive.")
        total = total + np.log(values)
    return total


def _latent_number(structure, name: str) -> int:
    """Place of a latent variable among all, by its full name or by one that only it has."""
    full = [latent for block in structure.blocks for latent in block.names]
    terms = [term for block in structure.blocks for term in block.terms]
    if name in full:
        return full.index(name)
    if terms.count(name) == 1:
        return terms.index(name)
    say = "is the name of several latent variables" if name in terms else "is no latent variable"
    raise ValueError(f"latent[{name!r}] {say}; use one of {', '.join(full) or '(none)'}")


def known_units(model, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Lowest level at which each row lies in a unit of the sample (n,), and that unit (n,).

    Raises
    ------
    DataError
        A cluster of the sample is said to lie in another higher cluster than there.
    """
    structure, groups = model.structure, model.sample.groups
    n = len(rows.offset)
    level, unit = np.full(n, len(structure.levels)), np.zeros(n, dtype=np.int64)
    at = np.full(n, -1)  # the row's unit at the present level, as the levels below have it
    for number, lev in enumerate(structure.levels):
        for name in lev.groups:
            units, code = level_units(structure, groups[name])[1], rows.codes[name]
            own = np.where(code >= 0, units[code], code)
            moved = (at >= 0) & (own != MISSING) & (own != at)
            if moved.any():
                bad = int(np.argmax(moved))
                raise DataError(
                    f"row {show(rows.index[rows.kept][bad])} has a cluster that lies in "
                    f"{name} {show(groups[name].labels[int(np.argmax(units == at[bad]))])} in the "
                    f"estimation sample but not in this row; correct {name!r}, or give the cluster "
                    "a new label")
            found = (at < 0) & (own >= 0)
            level[found], unit[found], at[found] = number, own[found], own[found]
        if lev.parent is not None:
            at = np.where(at >= 0, lev.parent[at], -1)
    return level, unit
