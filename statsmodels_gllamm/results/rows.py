"""Rows to predict: the estimation sample, new data, or rows of the fixed part's columns alone.

What does not depend on parameters is read once, so that a prediction can be differentiated.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.families.base import FamilyData
from statsmodels_gllamm.formula.categories import key_name, show
from statsmodels_gllamm.formula.designs import Part
from statsmodels_gllamm.formula.residuals import RESIDUAL_ITEM
from statsmodels_gllamm.formula.rows import as_frame, row_array
from statsmodels_gllamm.results.given_latent import given_latent
from statsmodels_gllamm.results.regression import regressors
from statsmodels_gllamm.results.units import level_units

MEANS = {"mean": "prior", "conditional": "zero", "posterior": "posterior"}
WHICH = (*MEANS, "linear", "prob", "var", "cumulative")
GIVEN = ("prior", "posterior", "zero")
MISSING = -2  # cluster of a row that does not name it; -1 where the sample does not have it


@dataclass(frozen=True, slots=True)
class Asked:
    """What is predicted: ``what`` is "mean", "var", "prob", "cumulative" or "linear"; ``given`` is
    what latent variables are: "prior", "posterior" or "zero"."""

    what: str
    given: str

    @property
    def which(self) -> str:
        """The argument of `predict` that asks for it."""
        if self.what != "mean":
            return self.what
        return next(name for name, given in MEANS.items() if given == self.given)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows to predict, without anything that depends on parameters.

    Attributes
    ----------
    index : Index (m,)
        Labels of the user's rows.
    kept : ndarray of bool (m,)
        Which of them are complete; all other attributes have these n rows only.
    parts : dict of str to Part
        By the key of the linear predictor; random terms only where they are needed.
    random : bool
        Random terms are needed.
    offset : ndarray (n,)
        Offset plus log exposure, of the main linear predictor.
    factors : dict of str to FactorDesign
    codes : dict of str to ndarray of int64 (n,), or None
        Cluster of each row by group; -1 if it is not in the sample, -2 if it is missing.
    given : dict of int to ndarray (n,)
        Given values of latent variables, by their number.
    data : FamilyData or None
        What the family sees; None for linear predictors.
    absent : tuple of str
        Columns that designs in ``data`` lack, and have NaN for.
    regressors : ndarray (K, n)
        Covariates of the latent variables.
    """

    index: pd.Index
    kept: np.ndarray
    parts: dict[str, Part]
    random: bool
    offset: np.ndarray
    factors: dict
    codes: dict[str, np.ndarray] | None
    given: dict[int, np.ndarray]
    data: FamilyData | None
    absent: tuple[str, ...] = ()
    regressors: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))


def asked(which: str, given: str | None = None) -> Asked:
    """What is predicted, from the arguments of `predict`."""
    if which not in WHICH:
        raise ValueError(f"which must be one of {', '.join(map(repr, WHICH))}, not {which!r}")
    if which in MEANS or which == "linear":
        if given is not None:
            raise ValueError("given= goes with which='prob', 'var' or 'cumulative'; "
                             "which='mean', 'conditional' and 'posterior' say what is given")
        return Asked("linear", "zero") if which == "linear" else Asked("mean", MEANS[which])
    given = "prior" if given is None else given
    if given not in GIVEN:
        raise ValueError(f"given must be one of {', '.join(map(repr, GIVEN))}, not {given!r}")
    return Asked(which, given)


def rows_of(model, data, ask: Asked, latent=None, offset=None, exposure=None,
            n_trials=None) -> Rows:
    """The rows to predict; parameters as of `predict`."""
    latent = given_latent(model, latent, None if data is None else as_frame(data)
                          if isinstance(data, Mapping) else data)
    if latent and ask.given == "posterior":
        raise ValueError("latent= gives values of latent variables, which='posterior' asks the "
                         "data for them; use which='mean' or 'conditional' with latent=")
    structural = model.design.structural
    if latent and structural is not None and structural.moderated:
        raise NotImplementedError("latent= is not available for models whose regressions= have "
                                  "products of latent variables; predict without it")
    if latent and structural is not None and len(structural.b) and ask.given == "zero":
        raise ValueError("latent= gives values of latent variables, on which others are regressed: "
                         "ask for which='mean', which averages over the others given these")
    random = bool(model.design.q) and (ask.given != "zero" or bool(latent) or (
        structural is not None))
    sample = model.sample
    if data is None:
        rows = _sample_rows(model, ask, random)
        frame = pd.DataFrame(index=sample.index)
    elif (exog := _as_exog(model, data)) is not None:
        rows = _exog_rows(model, exog, ask, random)
        frame = pd.DataFrame(index=rows.index)
    else:
        frame = as_frame(data)
        rows = _frame_rows(model, frame, ask, random)
    if offset is not None or exposure is not None:
        rows = replace(rows, offset=_offset(offset, exposure, frame)[rows.kept])
    if n_trials is not None and rows.data is not None:
        trials = row_array(n_trials, "n_trials", frame, None)[rows.kept]
        rows = replace(rows, data=replace(rows.data, n_trials=trials))
    given = {latent_number(model.structure, name):
             row_array(value, f"latent[{name!r}]", frame, None)[rows.kept]
             for name, value in latent.items()}
    return replace(rows, given=given)


def sample_data(sample) -> FamilyData:
    """What a family sees of the sample without its responses."""
    trials = sample.n_trials
    if sample.endog.ndim == 2:
        trials = sample.endog.sum(axis=1)
    return FamilyData(None, sample.index, trials, sample.numbers, sample.labels, sample.designs,
                      sample.categories)


def _sample_rows(model, ask: Asked, random) -> Rows:
    sample = model.sample
    n, posterior = len(sample.index), ask.given == "posterior"
    codes = {name: group.codes for name, group in sample.groups.items()} if posterior else None
    parts = {"exog": Part(sample.exog, sample.exog_factors, sample.bars), **sample.parts}
    return Rows(sample.index, np.ones(n, dtype=bool), parts, random, sample.offset, sample.factors,
                codes, {}, None if ask.what == "linear" else sample_data(sample),
                regressors=regressors(model, sample.designs))


def _frame_rows(model, frame, ask: Asked, random) -> Rows:
    sample, design = model.sample, model.sample.design
    posterior = ask.given == "posterior" and random
    with_factors = bool(sample.factors) and (
        random or any(sample.exog_factors) or bool(sample.parts)
        or any(column.factor for v in model.structure.classes for column in v.columns))
    regressions = {key for key, _ in model.structure.regressors}
    wanted = ["exog", *design.parts, *regressions]
    wanted += ["bars"] * random + ["factors"] * with_factors + ["codes"] * posterior
    absent = {}
    if ask.what != "linear":
        unread = model.fitted_family.unread | {RESIDUAL_ITEM}
        wanted += ["numbers", *(("labels", role) for role in design.labels if role not in unread)]
        lacks = {key: [c for c in d.columns if c not in frame.columns]
                 for key, d in design.designs.items() if key not in regressions}
        absent = {key: columns for key, columns in lacks.items() if columns}
        wanted += [key for key in design.designs if key not in absent and key not in regressions]
    new = design.on(frame, wanted)
    codes = None
    if posterior:
        codes = {}
        for name, code in new.codes.items():
            columns = frame[list(sample.groups[name].columns)]
            missing = columns.isna().any(axis=1).to_numpy()
            codes[name] = np.where(missing[new.kept], MISSING, code)
    family_data = None
    if ask.what != "linear":
        designs = {key: new.designs[key] if key not in absent else pd.DataFrame(
            np.nan, index=new.index, columns=sample.designs[key].columns) for key in design.designs}
        family_data = FamilyData(None, new.index, None, new.numbers, new.labels, designs,
                                 sample.categories)
    parts = {"exog": Part(new.exog, sample.exog_factors, new.bars or ()), **new.parts}
    return Rows(frame.index, new.kept, parts, random, np.zeros(len(new.index)), new.factors or {},
                codes, {}, family_data, tuple(dict.fromkeys(c for cs in absent.values() for c in cs)),
                regressors(model, new.designs))


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


def _exog_rows(model, exog, ask: Asked, random) -> Rows:
    """Rows of which only the fixed part's columns are known."""
    sample, unread = model.sample, model.fitted_family.unread | {RESIDUAL_ITEM}
    names, index = list(sample.exog.columns), pd.RangeIndex(len(exog))
    kept = ~np.isnan(exog).any(axis=1)
    exog = exog[kept]
    n = len(exog)
    roles = [role for role in sample.labels if role not in unread]
    roles += [role for role, number in sample.design.numbers.items() if not number.with_response]
    need = None
    if ask.given == "posterior" and model.design.q:
        need = "which='posterior' needs the groups"
    elif any(sample.exog_factors):
        need = f"the factor {next(filter(None, sample.exog_factors))!r} needs the loadings"
    elif sample.parts:
        need = f"the {next(iter(sample.parts))!r} part needs the columns"
    elif model.structure.regressors:
        key, column = model.structure.regressors[0]
        need = f"the regressions of latent variables need the column {column!r}"
    elif roles and ask.what != "linear":
        need = f"{model.fitted_family.name} needs the column {key_name(roles[0])!r}"
    if need:
        raise ValueError(f"{need} of the rows; pass the data as a DataFrame to a model that was "
                         "made from a formula")
    bars = ()
    if random:
        bars = tuple(replace(bar, matrix=np.column_stack([
            _column_of(exog, names, bar, term, factor)
            for term, factor in zip(bar.names, bar.factors)])) for bar in sample.bars)
    inside = index[kept]
    part = Part(pd.DataFrame(exog, columns=names, index=inside, copy=False), sample.exog_factors,
                bars)
    known = dict(zip(names, exog.T), Intercept=np.ones(n))
    absent = tuple(dict.fromkeys(c for d in sample.designs.values() for c in d.columns
                                 if c not in known))
    data = None
    if ask.what != "linear":
        data = FamilyData(None, inside, None, {}, {}, {
            key: pd.DataFrame({c: known.get(c, np.full(n, np.nan)) for c in d.columns}, index=inside)
            for key, d in sample.designs.items()}, sample.categories)
    return Rows(index, kept, {"exog": part}, random, np.zeros(n), {}, None, {}, data, absent)


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


def latent_number(structure, name: str) -> int:
    """Place of a latent variable among all, by its full name or by one that only it has."""
    full = [latent for block in structure.blocks for latent in block.names]
    terms = [term for block in structure.blocks for term in block.terms]
    if name in full:
        return full.index(name)
    if terms.count(name) == 1:
        return terms.index(name)
    say = "is the name of several latent variables" if name in terms else "is no latent variable"
    raise ValueError(f"latent[{name!r}] {say}; use one of {', '.join(full) or '(none)'}")


def known_units(model, rows: Rows, where="the estimation sample") -> tuple[np.ndarray, np.ndarray]:
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
                    f"{name} {show(groups[name].labels[int(np.argmax(units == at[bad]))])} in {where} "
                    f"but not in this row; correct {name!r}, or give the cluster a new label")
            found = (at < 0) & (own >= 0)
            level[found], unit[found], at[found] = number, own[found], own[found]
        if lev.parent is not None:
            at = np.where(at >= 0, lev.parent[at], -1)
    return level, unit
