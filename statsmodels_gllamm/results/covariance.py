r"""Covariance matrices of the estimates from the scores of the top-level units.

With the score :math:`s_j`, its sampling weight included, and the frequency weight :math:`w_j` of
top-level unit j, and the observed information A, all in the free working coordinates,

.. math::
    \text{nonrobust} = A^{-1}, \quad
    \text{opg} = B^{-1}, \quad
    \text{robust} = A^{-1} B A^{-1}, \quad B = \sum_j w_j s_j s_j'

and "cluster" has :math:`\sum_c (\sum_{j \in c} w_j s_j)(\sum_{j \in c} w_j s_j)'` in place of B, or
with strata or primary sampling units the matrix of ``strata``.
The delta method carries them to the natural parameters; a parameter that is held at a boundary, or
is part of a direction in which the log-likelihood is flat, has no variance there (NaN).

References
----------
White, H. (1982). Maximum likelihood estimation of misspecified models. Econometrica 50, 1-25.
Rabe-Hesketh, S. and Skrondal, A. (2006). Multilevel modelling of complex survey data. JRSS A 169,
805-827.
"""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from statsmodels_gllamm.estimation.record import natural_covariance
from statsmodels_gllamm.formula.categories import show
from statsmodels_gllamm.latent.constrained import constrained
from statsmodels_gllamm.latent.hierarchy import first_rows
from statsmodels_gllamm.latent.sampling import product, units_of_rows
from statsmodels_gllamm.results.strata import SINGLE, stratified

COV_TYPES = ("nonrobust", "opg", "robust", "cluster")
DESCRIPTIONS = {
    "nonrobust": "Standard errors are from the observed information.",
    "opg": "Standard errors are from the outer product of the scores of the top-level units.",
    "robust": "Standard errors are robust: sandwich over the top-level units.",
    "cluster": "Standard errors are robust to correlation within {n} clusters of top-level units.",
    "strata": "Standard errors are robust: sandwich over {n} primary sampling units{strata}.",
}
SINGULAR = 1e-12  # reciprocal condition below which the scores' outer product is singular


def check_cov_type(cov_type, cov_kwds=None) -> dict:
    """The keywords of a covariance type, after checking both.

    Raises
    ------
    ValueError
        Not a type there is, with what to use instead, or a keyword it does not take.
    """
    if cov_type not in COV_TYPES:
        allowed = ", ".join(map(repr, COV_TYPES))
        name = str(cov_type).upper()
        if name.startswith("HC"):
            instead = ("; corrections for single rows do not carry over to clusters of rows: use "
                       "'robust', the sandwich over top-level units")
        elif name.startswith("HAC"):
            instead = "; for correlation over time use 'cluster' with units that hold whole series"
        else:
            instead = ""
        raise ValueError(f"cov_type is one of {allowed}, not {cov_type!r}{instead}.")
    given = dict(cov_kwds or {})
    takes = {"robust": ("use_correction",),
             "cluster": ("groups", "strata", "psu", "single_psu", "use_correction")}
    for key in given:
        if key not in takes.get(cov_type, ()):
            known = ", ".join(takes.get(cov_type, ())) or "none"
            raise ValueError(f"cov_type={cov_type!r} takes no keyword {key!r} (it takes: {known}).")
    surveyed = [key for key in ("strata", "psu") if given.get(key) is not None]
    if cov_type == "cluster" and given.get("groups") is None and not surveyed:
        raise ValueError("cov_type='cluster' needs cov_kwds={'groups': ...}, one code per row or "
                         "per top-level unit, or the name of a column; or 'strata', 'psu' or both.")
    if given.get("groups") is not None and surveyed:
        raise ValueError(f"cov_type='cluster' takes groups or {surveyed[0]}, not both: primary "
                         "sampling units, psu=, are the groups of a survey.")
    if given.get("single_psu", "raise") not in SINGLE:
        raise ValueError(f"single_psu is one of {', '.join(map(repr, SINGLE))}, not "
                         f"{given['single_psu']!r}.")
    if "single_psu" in given and not surveyed:
        raise ValueError("single_psu says what strata of one unit do: it needs strata.")
    if not isinstance(given.get("use_correction", False), (bool, np.bool_)):
        raise ValueError(f"use_correction is True or False, not {given['use_correction']!r}.")
    return given


def covariance(model, record, cov_type: str = "nonrobust", cov_kwds=None):
    """Covariance of the natural parameters.

    Parameters
    ----------
    model : GLLAMMModel
    record : FitRecord
    cov_type : {"nonrobust", "opg", "robust", "cluster"}
    cov_kwds : dict, optional
        ``groups`` for "cluster", as in `cluster_codes`; ``use_correction`` for "robust" and
        "cluster": multiply by n / (n - 1), n the number of clusters (by default only with sampling
        weights, strata or primary sampling units); ``strata``, ``psu`` and ``single_psu``.

    Returns
    -------
    cov : ndarray (k, k)
    kwds : dict
        ``description``, and what was used.
    """
    given = check_cov_type(cov_type, cov_kwds)
    if cov_type == "nonrobust" and record.integration == "pql":
        return record.cov, {"description": "Standard errors are those of the last working model, a "
                                           "linear mixed model."}
    if cov_type == "nonrobust":
        return record.cov, {"description": DESCRIPTIONS[cov_type]}
    if record.unit_scores is not None and len(record.unit_scores) == 0:
        raise ValueError(f"cov_type={cov_type!r} needs the scores of the top-level units, which "
                         "remove_data() has removed; ask for it before.")
    jacobian, information = record.jacobian, record.information
    units = independent_units(model)
    weight, drawn = top_weight(model, units), top_sampling(model, units)
    scores = units.sum(_working_scores(model, record, jacobian))
    if drawn is not None:
        scores = scores * drawn[:, None]
    if cov_type == "opg":
        inverse, kwds = _inverse_opg(scores, weight, drawn), {}
    else:
        meat, kwds = _meat(model, scores, weight, given, drawn is not None)
        inverse = information.inverse @ meat @ information.inverse
    kwds.setdefault("description", DESCRIPTIONS[cov_type].format(n=kwds.get("n_clusters")))
    cov = natural_covariance(jacobian, replace(information, inverse=inverse), record.constraints)
    missing = np.isnan(np.diag(record.cov))  # in a flat direction too
    cov[missing], cov[:, missing] = np.nan, np.nan
    return cov, kwds


def default_cov_type(sample) -> str:
    """The covariance of a fit that asks for none: robust with sampling weights."""
    return "nonrobust" if sample.sampling is None else "robust"


def _meat(model, scores, weight, given, drawn: bool):
    """(outer product (f, f) of the scores of units or clusters of them, keywords)."""
    if given.get("strata") is not None or given.get("psu") is not None:
        return _stratified(model, scores, weight, given)
    correct, kwds = bool(given.get("use_correction", drawn)), {}
    if given.get("groups") is not None:
        codes = cluster_codes(model, given["groups"])
        sums = _sums(scores * weight[:, None], codes)
        meat, n = sums.T @ sums, len(sums)
        if n < 2:
            raise ValueError("cov_type='cluster' needs two clusters or more; groups has one.")
        kwds["n_clusters"] = n
    else:
        meat, n = (scores * weight[:, None]).T @ scores, weight.sum()
    kwds["use_correction"] = correct
    return meat * (n / (n - 1.0)) if correct else meat, kwds


def _sums(scores, codes) -> np.ndarray:
    """Sums (C, f) of the scores of clusters."""
    sums = np.zeros((codes.max() + 1, scores.shape[1]))
    np.add.at(sums, codes, scores)
    return sums


def _stratified(model, scores, weight, given):
    """(meat (f, f), keywords) of strata and primary sampling units."""
    psu, sums, count = np.arange(len(scores)), scores, weight
    if given.get("psu") is not None:
        psu = cluster_codes(model, given["psu"], "psu")
        sums = _sums(scores * weight[:, None], psu)
        count = (np.bincount(psu, weight) > 0).astype(float)
    stratum, labels, text = np.zeros(len(count), dtype=np.int64), ["of all units"], ""
    if given.get("strata") is not None:
        of_unit, labels = cluster_codes(model, given["strata"], "strata", labelled=True)
        stratum[psu] = of_unit
        _whole_units(stratum[psu], of_unit, labels)
        text = f" in {len(labels)} strata"
    n = count.sum()
    kwds = {"n_psu": int(n) if n == int(n) else float(n), "n_strata": len(labels),
            "single_psu": given.get("single_psu", "raise"),
            "use_correction": bool(given.get("use_correction", True))}
    kwds["description"] = DESCRIPTIONS["strata"].format(n=kwds["n_psu"], strata=text)
    meat = stratified(sums, count, stratum, labels, kwds["single_psu"], kwds["use_correction"])
    return meat, kwds


def _whole_units(of_psu, of_unit, labels) -> None:
    """Refuse primary sampling units that lie in several strata."""
    torn = np.flatnonzero(of_psu != of_unit)
    if torn.size:
        one, two = (show(labels[codes[torn[0]]]) for codes in (of_unit, of_psu))
        raise ValueError(f"a primary sampling unit of psu lies in the strata {one} and {two}; where "
                         "such units are numbered afresh in every stratum, make them unique, as by "
                         "the labels of both together.")


def _working_scores(model, record, jacobian) -> np.ndarray:
    """Scores of the top-level units (n_top, f) in the free working coordinates."""
    free = record.information.free
    if record.unit_scores is not None:
        return record.unit_scores @ jacobian[:, free]
    design, working = model.design, record.working
    if record.constraints is not None:
        design = constrained(design, record.constraints)
        working = design.to_working(record.params)
    objective = model._likelihood(record.n_quad, record.integration, design=design)
    return objective.at(working, units=True).unit_scores[:, free]


def _inverse_opg(scores, weight, drawn) -> np.ndarray:
    """Inverse of the scores' outer product, of a rank below the number of units: they sum to zero."""
    if drawn is not None:
        raise ValueError("cov_type='opg' is not available with sampling weights: the scores of a "
                         "pseudo-likelihood do not tell its curvature; use 'robust'.")
    opg, n_units = (scores * weight[:, None]).T @ scores, np.count_nonzero(weight)
    scale = np.sqrt(np.diag(opg))
    scale[scale == 0] = 1.0
    values, vectors = np.linalg.eigh(opg / np.outer(scale, scale))
    if values.min(initial=1.0) <= SINGULAR or n_units <= len(opg):
        raise ValueError(f"the outer product of the scores of {n_units} top-level units is "
                         f"singular for {len(opg)} parameters; use cov_type='nonrobust'.")
    return (vectors / values) @ vectors.T / np.outer(scale, scale)


@dataclass(frozen=True, slots=True)
class Units:
    """What is independent: top-level units or, without latent variables, outcomes, together with all
    that share a data row with them.

    ``of_row`` (n,) unit of every data row; ``of_outcome`` (S,) of every outcome, None where the
    scores are by unit; ``n`` their number.
    """

    of_row: np.ndarray
    of_outcome: np.ndarray | None
    n: int

    def sum(self, scores: np.ndarray) -> np.ndarray:
        """Scores of the units (n, k)."""
        if self.of_outcome is None:
            return scores
        out = np.zeros((self.n, scores.shape[1]))
        np.add.at(out, self.of_outcome, scores)
        return out


def independent_units(model) -> Units:
    """The independent units of a model."""
    levels = model.structure.levels
    if levels:
        return Units(levels[-1].codes, None, levels[-1].n_units)
    return Units(*units_of_rows(model.outcomes, len(model.sample.index)))


def top_weight(model, units: Units) -> np.ndarray:
    """Frequency weight of every independent unit (n_units,)."""
    return _of_units(model, units, model.sample.weights)


def top_sampling(model, units: Units) -> np.ndarray | None:
    """Sampling weight of every independent unit (n_units,); None without sampling weights."""
    found = model.sample.sampling
    return None if found is None else _of_units(model, units, found.used)


def _of_units(model, units: Units, weights) -> np.ndarray:
    levels = model.structure.levels
    names = levels[-1].groups if levels else ("rows",)
    own = np.empty(units.n)
    own[units.of_row] = product(weights, names, len(units.of_row))
    return own


def cluster_codes(model, groups, name="groups", labelled=False):
    """Cluster of every top-level unit, 0..n-1; if ``labelled``, also the clusters' labels.

    Parameters
    ----------
    model : GLLAMMModel
    groups : str or array_like
        A column of the data, or one code per row of the sample, per row of the data, or per
        top-level unit (in the order of ``sample.groups[top].labels``).
    name : str
        What errors call them.
    labelled : bool

    Raises
    ------
    ValueError
        Of another length, with missing values, or cutting through a top-level unit.
    """
    sample, levels, units = model.sample, model.structure.levels, independent_units(model)
    n, n_top = len(sample.index), units.n
    if isinstance(groups, str):
        groups = _column(model, groups, name)
    if isinstance(groups, pd.Series) and len(groups) > n and groups.index.is_unique:
        groups = groups.reindex(sample.index)
    values = np.asarray(groups, dtype=object)
    if values.ndim != 1:
        raise ValueError(f"{name} has shape {values.shape}; it has one code per row or per "
                         "top-level unit.")
    if len(values) > n and len(values) > sample.positions.max():
        values = values[sample.positions]
    if len(values) not in (n, n_top):
        raise ValueError(f"{name} has {len(values)} codes; it needs one for each of the {n} rows "
                         f"or of the {n_top} top-level units.")
    codes, labels = pd.factorize(values)
    if (codes < 0).any():
        raise ValueError(f"{name} has {int((codes < 0).sum())} missing values.")
    if len(codes) == n_top and (levels or n_top == n):
        return (codes, list(labels)) if labelled else codes
    of_unit = codes[first_rows(units.of_row, n_top)]
    cut = np.flatnonzero(of_unit[units.of_row] != codes)
    if cut.size:
        what = f"the set of row {show(sample.index[cut[0]])}"
        if levels:
            label = sample.groups[levels[-1].name].labels[levels[-1].codes[cut[0]]]
            what = f"the unit {show(label)} of {levels[-1].name!r}"
        raise ValueError(f"{name} cuts through {what}: clusters must hold whole independent units.")
    return (of_unit, list(labels)) if labelled else of_unit


def _column(model, name: str, argument: str):
    if name in model.sample.groups:
        group = model.sample.groups[name]
        return np.fromiter(group.labels, dtype=object, count=len(group.labels))[group.codes]
    frame = getattr(model.data, "frame", None)
    if frame is None or name not in frame.columns:
        raise ValueError(f"{argument}={name!r} is not a column of the model's data.")
    return frame[name]
