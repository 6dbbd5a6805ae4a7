r"""Posterior means and modes of the latent variables, with standard errors.

The engine knows spherical latent variables u; users see eta = eta_0 + R u (results/linear.py),
where R = T and eta_0 = 0 without regressions:

.. math:: E(\eta \mid y) = \eta_0 + R\,E(u \mid y), \qquad
          \mathrm{cov}(\eta \mid y) = R\,\mathrm{cov}(u \mid y)\,R'

at the maximum likelihood estimates, whose own uncertainty does not enter (empirical Bayes;
Skrondal and Rabe-Hesketh, 2009, J. R. Stat. Soc. A 172, 659-687).
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from statsmodels_gllamm.estimation.mixture import Reduced
from statsmodels_gllamm.integration.posterior import unit_moments
from statsmodels_gllamm.latent.hierarchy import first_rows
from statsmodels_gllamm.results.regression import regressors, solution
from statsmodels_gllamm.results.residuals import posterior_moments

KINDS = ("mean", "mode")


@dataclass(frozen=True, slots=True)
class GroupPosterior:
    """Posterior of the latent variables of one group, in natural units.

    Attributes
    ----------
    group : str
    terms : tuple of str (q,)
        "Intercept", "x", "ability".
    labels : Index (G,)
        The clusters; a MultiIndex for a combination of columns.
    estimate : ndarray (G, q)
        Posterior means or modes; NaN for clusters whose frequency weight is zero.
    cov : ndarray (G, q, q)
        Posterior covariances; of modes, the inverse of the curvature.
    """

    group: str
    terms: tuple[str, ...]
    labels: pd.Index
    estimate: np.ndarray
    cov: np.ndarray

    @property
    def se(self) -> np.ndarray:
        """Posterior standard deviations (G, q)."""
        return np.sqrt(np.einsum("gii->gi", self.cov))


def group_names(model) -> list[str]:
    """The groups that have latent variables, in the order of the formula."""
    sample = model.sample
    bars = [bar for part in (sample, *sample.parts.values()) for bar in part.bars]
    return list(dict.fromkeys(bar.group for bar in bars))


def one_group(model, group) -> str:
    """The name of a group, checked."""
    known = group_names(model)
    if group not in known:
        raise ValueError(f"the model has no group {group!r}; its groups are {', '.join(known)}"
                         if known else "the model has no latent variables")
    return group


def posterior(results, kind="mean", group=None) -> dict[str, GroupPosterior]:
    """Posterior of the latent variables of every group.

    Parameters
    ----------
    results : GLLAMMResults
        ``model`` and ``record`` are used.
    kind : {"mean", "mode"}
    group : str, optional
        A group that has to be one of the model.

    Returns
    -------
    dict of str to GroupPosterior
    """
    if group is not None:
        one_group(results.model, group)
    if kind not in KINDS:
        raise ValueError(f"kind must be 'mean' or 'mode', not {kind!r}")
    model, record = results.model, results.record
    design = model.design
    if not design.q:
        return {}
    if len(design.given):
        natural = _of_mixture(model, record, kind)
        return {group: _of_group(model, group, natural) for group in group_names(model)}
    if model.structure.residuals is not None:
        moments = posterior_moments(model, record.working, design.structural is not None)
    else:
        n_quad = (1,) * len(design.q) if kind == "mode" else record.n_quad
        objective = model._objective(n_quad, "adaptive" if kind == "mode" else record.integration)
        with model._explained():
            moments = unit_moments(objective.problem, objective.task, design.psi(record.working),
                                   ancestors=design.structural is not None)
    natural = _natural(model, record.working, moments)
    return {group: _of_group(model, group, natural) for group in group_names(model)}


def _natural(model, working, moments, u=None):
    """Posterior mean (q, n_units) and covariance (q, q, n_units) of every level's eta, with
    coordinates ``u`` (D,) of moderators at these."""
    structure, design = model.structure, model.design
    natural, first = [], 0
    covariates = regressors(model, model.sample.designs)
    for level, (mean, cov) in zip(structure.levels, moments):
        own = slice(first, first + design.q[len(natural)])
        rows = first_rows(level.codes, level.n_units)
        eta_0, root = solution(design, working, covariates[:, rows] if len(covariates) else covariates,
                               u)
        t = root[own, first:first + len(mean)]
        if t.ndim == 2:
            eta, cov = t @ mean, np.einsum("ij,jkg,lk->ilg", t, cov, t)
        else:
            eta, cov = np.einsum("ijg,jg->ig", t, mean), np.einsum("ijg,jkg,lkg->ilg", t, cov, t)
        natural.append((eta if eta_0 is None else eta + eta_0[own], cov))
        first = own.stop
    return natural


def _of_mixture(model, record, kind):
    """As `_natural` with products of latent variables: the moments of the mixture of the nodes.

    E(eta | y) = sum_k p_k m_k and cov(eta | y) = sum_k p_k (C_k + m_k m_k') - E E', with the moments
    m_k and C_k given the coordinates u_k of the moderators.
    """
    if kind == "mode":
        raise NotImplementedError("kind='mode' is not available for models with products of latent "
                                  "variables; use kind='mean'")
    objective = model._objective(record.n_quad, record.integration)
    reduced, total = Reduced(model.design), None
    tops = top_units(model.structure.levels)
    with model._explained():
        weights = objective.weights(record.working)
        for part, weight in zip(objective.parts, weights):
            moments = unit_moments(objective.problem, objective.task, part.psi(record.working),
                                   ancestors=True)
            natural = _natural(model, record.working, reduced.embed(moments), part.u)
            new = [(p[top] * mean, p[top] * (cov + mean[:, None] * mean))
                   for p, top, (mean, cov) in zip([weight] * len(tops), tops, natural)]
            total = new if total is None else [
                (a + x, b + y) for (a, b), (x, y) in zip(total, new)]
    return [(mean, square - mean[:, None] * mean) for mean, square in total]


def top_units(levels) -> list[np.ndarray]:
    """The top-level unit (n_units,) of every unit of every level."""
    tops = [np.arange(levels[-1].n_units)]
    for level in levels[-2::-1]:
        tops.insert(0, tops[0][level.parent])
    return tops


def level_units(structure, group) -> tuple[int, np.ndarray]:
    """Level of a group (formula.groups.Group), and the level's unit of each of its clusters."""
    number = next(i for i, level in enumerate(structure.levels) if group.name in level.groups)
    return number, structure.levels[number].codes[first_rows(group.codes, group.n_clusters)]


def _of_group(model, name: str, natural) -> GroupPosterior:
    structure, group = model.structure, model.sample.groups[name]
    level, units = level_units(structure, group)
    places, terms, first = [], [], 0
    for block in structure.blocks:
        if block.level == level:
            if block.group == name:
                places += range(first, first + len(block.terms))
                terms += block.terms
            first += len(block.terms)
    mean, cov = natural[level]
    return GroupPosterior(name, tuple(terms), group.labels, mean[places][:, units].T,
                          np.moveaxis(cov[np.ix_(places, places)][..., units], -1, 0))


def frame(found: GroupPosterior) -> pd.DataFrame:
    """Estimates and standard errors of a group, one row per cluster."""
    columns = {}
    for term, estimate, se in zip(found.terms, found.estimate.T, found.se.T):
        columns[term] = estimate
        columns[f"se[{term}]"] = se
    return pd.DataFrame(columns, index=found.labels)


def latent(results, group=None, kind="mean", covariances=False):
    """Posterior means or modes of the latent variables, with standard errors.

    Parameters
    ----------
    results : GLLAMMResults
    group : str, optional
        Name of a group, such as "school" or "school:class". By default all groups.
    kind : {"mean", "mode"}
        Means and standard deviations of the posterior by the fit's own integration; or the joint
        mode of all latent variables, with the inverse curvature there as covariance. After Laplace,
        and for Gaussian models, both are the same.
    covariances : bool
        Return also the posterior covariances of each cluster's latent variables.

    Returns
    -------
    frame : DataFrame
        One row per cluster, indexed by the clusters' labels (a MultiIndex for a combination of
        columns). For each latent variable a column of its name in the group, "x" for x[school], and
        a column "se[x]". A dict {group: DataFrame} where the model has not exactly one group and
        none is named.
    covariances : ndarray (n_clusters, q, q)
        Only if asked for; a dict {group: ndarray} where `frame` is a dict.

    Notes
    -----
    The parameters are taken as known: standard errors do not include the uncertainty of their
    estimates. A latent variable whose variance is estimated at zero is zero in every cluster, with
    a standard error of zero. Clusters with a frequency weight of zero have NaN.

    References
    ----------
    Skrondal, A. and Rabe-Hesketh, S. (2009). Prediction in multilevel generalized linear models.
    Journal of the Royal Statistical Society A, 172, 659-687.

    Examples
    --------
    >>> import statsmodels.api as sm
    >>> from statsmodels_gllamm import GLLAMM, datasets
    >>> data = datasets.sleepstudy.load_pandas().data
    >>> res = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).fit()
    >>> list(res.latent().columns)
    ['Intercept', 'se[Intercept]', 'Days', 'se[Days]']
    """
    found = posterior(results, kind, group)
    if group is None and len(found) == 1:
        (group,) = found
    if group is not None:
        one = found[group]
        return (frame(one), one.cov) if covariances else frame(one)
    frames = {name: frame(one) for name, one in found.items()}
    return (frames, {name: one.cov for name, one in found.items()}) if covariances else frames


def random_effects(results) -> dict[str, pd.DataFrame]:
    """Posterior means of the latent variables of every group.

    Parameters
    ----------
    results : GLLAMMResults

    Returns
    -------
    dict of str to DataFrame
        By group: one row per cluster, one column per latent variable.
    """
    return {name: pd.DataFrame(one.estimate, columns=list(one.terms), index=one.labels)
            for name, one in posterior(results).items()}
