r"""Residual intraclass correlations and median ratios.

Two responses of equal covariates whose rows share the units of level l and above, and no others,
have the correlation

.. math:: \rho_l = \frac{\sum_{k \ge l} v_k}{\sum_k v_k + v_e}

on either scale of variance_parts.py.  Intervals are Wald's on the logit scale.  The median ratio of
two units of level l is :math:`\exp(\sqrt{2 v_l}\,\Phi^{-1}(3/4))` (Larsen et al., 2000, Biometrics 56,
909-914), with intervals on the scale of log v_l.
"""
from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import expit, ndtri

from statsmodels_gllamm.families.mixed import MixedFamily
from statsmodels_gllamm.families.nominal import Nominal
from statsmodels_gllamm.results.delta import estimates
from statsmodels_gllamm.results.expected import needs_sample
from statsmodels_gllamm.results.rows import Asked, rows_of
from statsmodels_gllamm.results.variables import (
    centred,
    changed,
    formula_designs,
    sample_frame,
    sample_population,
    stacked,
    variables_of,
)
from statsmodels_gllamm.results.variance_parts import VarianceRows, check_variances, scale_of

RATIO_LINKS = ("logit", "cloglog", "log")


def intraclass(results, at=None, scale=None, alpha=0.05) -> pd.DataFrame:
    """Intraclass correlations; see ``GLLAMMResults.icc``."""
    model, what = results.model, "icc()"
    _check(model, what)
    if model.structure.residuals is not None:
        raise NotImplementedError("icc() is not available with residual covariances, by which "
                                  "responses of a cluster are correlated too")
    rows, keys = _rows(model, at, what)
    working = results.record.working
    scale = scale_of(model, rows, working, scale, what)
    if at is None:
        rows = _one_row(model, rows, working, scale, what)

    def function(working):
        if scale == "response":
            _, levels, within = rows.response(working)
            levels, total = levels[:, None], levels.sum(axis=0) + within
        else:
            parts = rows.at(working)
            levels = rows.levels(parts.a)
            total = levels.sum(axis=0) + rows.residual(parts)
        shared = np.cumsum(levels[::-1], axis=0)[::-1]
        return np.moveaxis(shared / total, -1, 0)  # rows, levels, predictors

    values, cov = estimates(results, function)
    return interval_table(values, np.sqrt(np.diag(cov)), alpha, _index(model, keys, scale), "logit")


def median_ratio(results, at=None, alpha=0.05) -> pd.DataFrame:
    """Median odds, rate or hazard ratios; see ``GLLAMMResults.median_odds_ratio``."""
    model, what = results.model, "median_odds_ratio()"
    _check(model, what)
    name = model.response.name
    link = name.partition("(")[2].rstrip(")").partition(",")[0]
    if link not in RATIO_LINKS:
        raise NotImplementedError(f"median_odds_ratio() is for the links {', '.join(RATIO_LINKS)}, "
                                  f"under which coefficients are logs of ratios, not for {name}")
    rows, keys = _rows(model, at, what)
    if at is None:
        rows = _one_row(model, rows, results.record.working, None, what)

    def function(working):
        return np.moveaxis(np.sqrt(2 * rows.levels(rows.at(working).a)) * ndtri(0.75), -1, 0)

    values, cov = estimates(results, function)
    table = interval_table(values, np.sqrt(np.diag(cov)), alpha, _index(model, keys, "latent"), "log")
    out = np.exp(table)
    out["std_err"] = out["estimate"] * table["std_err"]
    return out


def interval_table(values, error, alpha, index, transform=None) -> pd.DataFrame:
    """Estimates with Wald intervals on the scale of a transformation: "logit", "log" or None."""
    half = stats.norm.ppf(1 - alpha / 2) * error
    with np.errstate(divide="ignore", invalid="ignore"):
        if transform == "logit":
            centre, half = np.log(values) - np.log1p(-values), half / (values * (1 - values))
            low, high = expit(centre - half), expit(centre + half)
        elif transform == "log":
            low, high = (values * np.exp(s * half / values) for s in (-1, 1))
        else:
            low, high = values - half, values + half
    return pd.DataFrame({"estimate": values, "std_err": error, "conf_low": low, "conf_high": high},
                        index)


def _check(model, what: str) -> None:
    check_variances(model, what)
    if not model.structure.levels:
        raise ValueError(f"{what} needs latent variables, which the model does not have")


def _rows(model, at, what: str):
    """The rows, and the values that tell them apart {name: (m,)}."""
    ask = Asked("mean", "prior")
    if at is None:
        needs_sample(model, what)
        rows, keys = rows_of(model, None, ask), {}
    else:
        frame, keys = _frame(model, at, what)
        rows = rows_of(model, frame, ask)
        if not rows.kept.all():
            raise ValueError(f"{what}: row {rows.index[~rows.kept][0]!r} of at has missing values")
    outcomes = model.fitted_family.outcomes(rows.data)
    return VarianceRows(model, rows, np.arange(len(rows.offset)), outcomes), keys


def _frame(model, at, what: str):
    """Rows of data from ``at``, and what tells them apart."""
    if isinstance(at, pd.DataFrame):
        return at, {"row": np.asarray(at.index)} if len(at) > 1 else {}
    if not isinstance(at, Mapping):
        raise ValueError(f"at is a dict of a column's value, or several values, or a DataFrame with "
                         f"rows of data, not {at!r}")
    frame = sample_frame(model, what)
    known = variables_of(model, frame)
    base = centred(model, sample_population(model, what), known, "mean")
    values = {name: [v] if np.ndim(v) == 0 else list(v) for name, v in at.items()}
    grid = list(product(*values.values()))
    copies = [changed(base, dict(zip(values, point)), "at").data for point in grid]
    for name, given in values.items():
        levels = known[name].levels if name in known else None
        if levels is not None and (wrong := [v for v in given if v not in levels]):
            raise ValueError(f"at has {name!r} = {wrong[0]!r}; there are {', '.join(map(str, levels))}")
    keys = {name: np.array([point[k] for point in grid], dtype=object)
            for k, name in enumerate(values)} if grid else {}
    return stacked(copies), keys


def _one_row(model, rows: VarianceRows, working, scale, what: str) -> VarianceRows:
    """The first row, if all are the same in what is asked for."""
    parts = rows.at(working)
    seen = [rows.levels(parts.a).reshape(-1, len(rows.take))]
    if scale == "latent":
        seen.append(rows.residual(parts)[None])
    elif scale == "response":
        seen += [parts.o, parts.aux]
    seen = np.concatenate(seen)
    spread = np.ptp(seen, axis=1) > 1e-9 * np.abs(seen).max(axis=1)
    if spread.any():
        names = _candidates(model, scale)
        example = f"at={{{names[0]!r}: ...}}" if names else "at= a DataFrame of rows"
        also = f" (what matters is {', '.join(names)})" if names else ""
        raise ValueError(f"{what} differs between rows, by their covariates{also}; say at which "
                         f"values, {example}")
    return VarianceRows(model, rows.rows, rows.take[:1], rows.outcomes)


def _candidates(model, scale) -> list[str]:
    """Columns of the data on which variances can depend."""
    made = model.sample.design
    designs = [design for _, design, _ in made.bars] if scale != "response" else (
        formula_designs(model))
    found = [name for design in designs for name in design.columns]
    found += [f.factor.by for f in made.factors.values() if f.levels is not None]
    found += [model.fitted_family.by] if isinstance(model.fitted_family, MixedFamily) else []
    if scale == "latent":
        found += [name for key, d in made.designs.items() if key == "dispersion" for name in d.columns]
    return list(dict.fromkeys(found))


def _index(model, keys, scale):
    """Values, groups and predictors of every estimate."""
    levels = [level.name for level in model.structure.levels]
    labels = [p.label for p in model.structure.predictors]
    several = len(labels) > 1 and scale == "latent"
    if isinstance(model.fitted_family, Nominal) and scale == "latent":
        several = True
    n = len(next(iter(keys.values()))) if keys else 1
    rows = [(*(key[i] for key in keys.values()), level, *((label,) if several else ()))
            for i in range(n) for level in levels for label in (labels if several else [None])]
    if not keys and not several:
        return pd.Index([row[0] for row in rows], name="group")
    return pd.MultiIndex.from_tuples(rows, names=[*keys, "group", *(["response"] * several)])
