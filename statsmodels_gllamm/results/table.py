r"""One tidy table of all parameters, free and fixed, from which every printed table is cut.

Intervals are Wald's, of variances and correlations on a transformed scale (wald.py).  A variance has
no z-test, as zero is on the boundary.
"""
from __future__ import annotations

import numpy as np
import pandas as pd

from statsmodels_gllamm.results.auxiliary import derived, kinds_of
from statsmodels_gllamm.results.estimates import block_estimates, correlation
from statsmodels_gllamm.results.residuals import residual_correlations
from statsmodels_gllamm.results.wald import wald

KINDS = {"coef": "coefficient", "class": "class-specific", "prob": "class probability",
         "lambda": "loading", "gamma": "regression", "b": "regression",
         "cov": "variance", "rescov": "residual covariance", "aux": "auxiliary",
         "varying": "varying between classes"}
COLUMNS = ["kind", "estimate", "std_err", "z", "pvalue", "conf_low", "conf_high", "derived",
           "status"]


def parameter_table(results, alpha: float = 0.05) -> pd.DataFrame:
    """All parameters, in the order of ``params``, fixed ones in their places.

    Parameters
    ----------
    results : GLLAMMResults
    alpha : float
        One minus the level of the intervals.

    Returns
    -------
    DataFrame
        Index: names.  Columns: ``kind`` ("coefficient", "class-specific", "class probability",
        "loading", "regression", "variance",
        "covariance", "residual covariance", "threshold", "dispersion", "scale", "guessing",
        "auxiliary", "varying between classes"), ``estimate``, ``std_err``, ``z``, ``pvalue``,
        ``conf_low``, ``conf_high``, ``derived`` (sd of a variance, correlation of a covariance, the
        quantity whose logarithm or
        logit a parameter is) and ``status`` ("free", "fixed" by the model or a constraint,
        "boundary", "flat" for a part of a direction in which the log-likelihood is flat, or "= name"
        of the parameter it equals).
    """
    free = _free(results, alpha)
    layout = results.model.design.layout
    at = {block.kind: [] for block in layout.blocks}
    for block, place in zip(layout.blocks, layout.slices()):
        at[block.kind].append(free.iloc[place])
    parts = [*at.get("coef", []), *at.get("class", [])]
    parts += _loadings(results, at.get("lambda", []))
    parts += [*at.get("gamma", []), *at.get("b", [])]
    parts += _covariances(results, at.get("cov", []))
    parts += [_residual_covariances(results, part) for part in at.get("rescov", [])]
    parts += [_auxiliary(results, part) for part in at.get("aux", [])]
    parts += [*(_copies(results, v, part) for v, part in zip(
        results.model.design.varying, at.get("varying", []))), *at.get("prob", [])]
    return pd.concat([part[COLUMNS] for part in parts if len(part)] or [free[COLUMNS]])


def _free(results, alpha) -> pd.DataFrame:
    """The parameters that are estimated, with their intervals."""
    layout, ci = results.model.design.layout, wald(results, alpha, True)
    names = layout.names
    variance = np.array([name.startswith("var[") for name in names], dtype=bool)
    kind = [KINDS[block.kind] for block in layout.blocks for _ in block.names]
    kind = ["covariance" if k == "variance" and not v else k for k, v in zip(kind, variance)]
    status = np.full(len(names), "free", dtype=object)
    status[np.isnan(results.bse) & np.isin(names, results.record.boundary)] = "boundary"
    flat = np.isin(names, [name for direction in results.record.flat for name in direction])
    status[flat] = "flat"
    constraints = results.record.constraints
    held = [] if constraints is None else constraints.fixed
    status[held] = "fixed"
    table = pd.DataFrame(
        {"kind": kind, "estimate": results.params, "std_err": results.bse,
         "z": np.where(variance, np.nan, results.tvalues),
         "pvalue": np.where(variance, np.nan, results.pvalues),
         "conf_low": ci[:, 0], "conf_high": ci[:, 1], "derived": np.nan,
         "status": status}, index=names)
    none = flat | (status == "fixed")
    table.loc[none, ["std_err", "z", "pvalue", "conf_low", "conf_high"]] = np.nan
    return table


def _row(name, kind, estimate, status, derived=np.nan) -> pd.DataFrame:
    values = [kind, estimate, *[np.nan] * 5, derived, status]
    return pd.DataFrame([values], columns=COLUMNS, index=[name])


def _loadings(results, parts) -> list[pd.DataFrame]:
    """Loadings with the fixed ones in between."""
    out = []
    for (name, factor), part in zip(results.model.sample.factors.items(), parts):
        for label, value in zip(factor.names, np.asarray(factor.loadings, dtype=float)):
            full = f"lambda[{name},{label}]"
            out.append(part.loc[[full]] if np.isnan(value) else
                       _row(full, "loading", value, "fixed"))
    return out


def _copies(results, varying, part) -> pd.DataFrame:
    """Parameters of the classes but the first, with standard deviations and correlations."""
    part, first = part.copy(), varying.target[0, 0]
    for s, c in varying.cov_slices():
        corr = correlation(psi := c.matrix(results.params[s]))
        for name, (i, j) in zip(part.index[s.start - first:s.stop - first], c.pairs()):
            part.loc[name, "derived"] = np.sqrt(psi[i, i]) if i == j else corr[i, j]
    return part


def _covariances(results, parts) -> list[pd.DataFrame]:
    """Variances and covariances with standard deviations and correlations."""
    out = []
    estimates = block_estimates(results.model, results.params)
    for (_block, c, psi), part in zip(estimates, parts):
        corr, sd = correlation(psi), np.sqrt(np.diag(psi))
        known = dict(zip(c.pairs(), part.index))
        for i, j in zip(*np.tril_indices(c.q)):
            derived = sd[i] if i == j else corr[i, j]
            if (i, j) in known:
                row = part.loc[[known[i, j]]].copy()
                row["derived"] = derived
                out.append(row)
            elif i == j:
                fixed = c.fixed[i] is not None
                status = "fixed" if fixed else f"= var[{c.names[0]}]"
                out.append(_row(f"var[{c.names[i]}]", "variance", psi[i, i], status, derived))
            elif c.kind == "pattern" and psi[i, j]:
                out.append(_row(f"cov[{c.names[j]},{c.names[i]}]", "covariance", psi[i, j], "fixed",
                                derived))
    return out


def _residual_covariances(results, part: pd.DataFrame) -> pd.DataFrame:
    """Residual covariances with correlations."""
    part = part.copy()
    part["derived"] = residual_correlations(results.model, part["estimate"].to_numpy(),
                                            results.record.params)
    return part


def _auxiliary(results, part: pd.DataFrame) -> pd.DataFrame:
    """Auxiliary parameters by kind, with the quantity itself where it is that of some rows."""
    part, kinds = part.copy(), kinds_of(results.model)
    own = [kinds[name] for name in part.index]
    part["kind"] = [kind.block for kind in own]
    part["derived"] = [derived(kind, name, value, results.own_auxiliaries) for kind, name, value in
                       zip(own, part.index, part["estimate"])]
    return part
