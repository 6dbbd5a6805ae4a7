r"""Estimates in the shapes a user asks for: covariance matrices, loadings, numbers of units.

The parameter vector holds only what is free.  Here it is put back among what is fixed: Psi of every
group, :math:`\Psi_{ij} / \sqrt{\Psi_{ii} \Psi_{jj}}`, and all loadings.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from statsmodels_gllamm.latent.sampling import frequencies
from statsmodels_gllamm.responses.censored import CensoredResponse
from statsmodels_gllamm.results.regression import block_diagonal
from statsmodels_gllamm.results.rows import sample_data


def block_estimates(model, params: np.ndarray):
    """(LatentBlock, Covariance, Psi (q, q)) of every bar."""
    design = model.design
    return [(block, c, c.matrix(params[s]))
            for block, (s, c) in zip(model.structure.blocks, design.cov_slices())]


def covariance_matrices(model, params: np.ndarray) -> dict[str, pd.DataFrame]:
    """Psi of every group; the bars of one group are independent blocks of it.

    Where matrices vary between latent classes, "id[c=1]", "id[c=2]" and so on have those of each.
    """
    found = _covariance_matrices(model, params)
    for varying in model.design.varying:
        classes = model.structure.classes[varying.variable]
        each = [_covariance_matrices(model, varying.of_class(np.asarray(params), c))
                for c in range(classes.n)]
        for group in [g for g in found if g in each[0] and any(
                not found[g].equals(one[g]) for one in each)]:
            del found[group]
            found |= {f"{group}[{classes.label(c)}]": one[group] for c, one in enumerate(each)}
    return found


def _covariance_matrices(model, params: np.ndarray) -> dict[str, pd.DataFrame]:
    blocks: dict[str, list] = {}
    for block, _c, psi in block_estimates(model, params):
        blocks.setdefault(block.group, []).append((block.terms, psi))
    found = {}
    for group, parts in blocks.items():
        names = [term for terms, _ in parts for term in terms]
        matrix = block_diagonal([psi for _, psi in parts])
        found[group] = pd.DataFrame(matrix, index=names, columns=names)
    return found


def correlation(psi: np.ndarray) -> np.ndarray:
    """Correlations (q, q) of a covariance matrix; NaN beside a variance of zero."""
    sd = np.sqrt(np.diag(psi))
    with np.errstate(invalid="ignore", divide="ignore"):
        corr = psi / np.outer(sd, sd)
    corr[np.diag_indices(len(psi))] = np.where(sd > 0, 1.0, np.nan)
    return corr


def loading_table(model, params: np.ndarray, bse: np.ndarray) -> pd.DataFrame:
    """All loadings, fixed ones with a standard error of NaN."""
    place = {name: i for i, name in enumerate(model.param_names)}
    rows = {}
    for name, factor in model.sample.factors.items():
        for label, fixed in zip(factor.names, np.asarray(factor.loadings, dtype=float)):
            full = f"lambda[{name},{label}]"
            free = np.isnan(fixed)
            rows[full] = (params[place[full]], bse[place[full]]) if free else (fixed, np.nan)
    return pd.DataFrame.from_dict(rows, orient="index", columns=["estimate", "std err"],
                                  dtype=float)


@dataclass(frozen=True, slots=True)
class GroupSize:
    """Units of one group: their number and the rows in one of them."""

    name: str
    n_units: int
    rows_min: int
    rows_mean: float
    rows_max: int
    n_latent: int


def group_sizes(model) -> tuple[GroupSize, ...]:
    """Groups from the bottom level up."""
    sample, structure = model.sample, model.structure
    found = []
    for level in structure.levels:
        rows = np.bincount(level.codes, minlength=level.n_units)
        for name in level.groups:
            n_latent = sum(len(block.names) for block in structure.blocks if block.group == name)
            found.append(GroupSize(name, level.n_units, int(rows.min()),
                                   len(sample.index) / level.n_units, int(rows.max()), n_latent))
    return tuple(found)


def n_outcomes(model) -> tuple[str, int] | None:
    """What outcomes of several rows are called and their number; None where each row is one."""
    return model.fitted_family.count(sample_data(model.sample)) if len(model.sample.index) else None


def observed(model) -> np.ndarray:
    """Rows (n,) whose response is observed, not censored."""
    outcomes = model.outcomes
    seen, first = np.ones(len(model.sample.index), dtype=bool), 0
    for member in outcomes.members:
        n = member.y.shape[1]
        if isinstance(member.response, CensoredResponse):
            rows = np.arange(first, first + n)
            rows = rows if outcomes.rows is None else outcomes.rows[rows]
            seen[rows] = member.response.kinds(member.y)[0]
        first += n
    return seen


def df_model(model) -> int:
    """Coefficients of all linear predictors besides their constants."""
    sample = model.sample
    constants = 0
    for predictor in model.structure.predictors:
        if predictor.key == "exog":
            constants += int(model.k_constant)
        else:
            constants += int("Intercept" in sample.parts[predictor.key].exog.columns)
    layout = model.design.layout
    return len(layout.positions("coef")) + len(layout.positions("class")) - constants


def n_observations(sample) -> float:
    """Rows, each counted as often as its weights at all levels say; an int where it is whole."""
    return _whole(frequencies(sample).sum()) if sample.weights else len(sample.index)


def n_units_of_data(model, several: tuple[str, int] | None) -> float:
    """What BIC, AICc and residual degrees of freedom count: outcomes, where these have several rows
    as ``several`` says, else rows; with their weights."""
    sample = model.sample
    if several is None:
        return n_observations(sample)
    if not sample.weights:
        return several[1]
    codes = next(sample.labels[role][0] for role in ("set", "cluster") if role in sample.labels)
    _, first = np.unique(codes, return_index=True)
    return _whole(frequencies(sample)[first].sum())


def _whole(total: float) -> float:
    return int(total) if total == int(total) else float(total)
