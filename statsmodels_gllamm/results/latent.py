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

from statsmodels_gllamm.integration.posterior import unit_moments
from statsmodels_gllamm.results.class_posterior import class_unit_posterior
from statsmodels_gllamm.results.history import sample_history
from statsmodels_gllamm.results.posterior_parts import (
    classes_within,
    level_map,
    natural_moments,
    parts_of,
)
from statsmodels_gllamm.results.residuals import posterior_moments
from statsmodels_gllamm.results.units import level_units, top_units

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
        none = "the model has no latent variables"
        if model.structure.classes:
            none = ("the model has no continuous latent variables; class_probabilities() and "
                    "modal_class have the classes")
        raise ValueError(f"the model has no group {group!r} with latent variables; there are those of "
                         f"{', '.join(known)}" if known else none)
    return group


def posterior(results, kind="mean", group=None, modal=False) -> dict[str, GroupPosterior]:
    """Posterior of the latent variables of every group.

    Parameters
    ----------
    results : GLLAMMResults
        ``model`` and ``record`` are used.
    kind : {"mean", "mode"}
    group : str, optional
        A group that has to be one of the model.
    modal : bool
        With latent classes: given the most probable class of every cluster.

    Returns
    -------
    dict of str to GroupPosterior
    """
    if group is not None:
        one_group(results.model, group)
    if kind not in KINDS:
        raise ValueError(f"kind must be 'mean' or 'mode', not {kind!r}")
    model, record = results.model, results.record
    check_modal(model, modal)
    design = model.design
    if not design.n_latent and model.structure.classes:
        raise ValueError("the model has no continuous latent variables; class_probabilities() and "
                         "modal_class have the classes")
    if not design.n_latent:
        return {}
    if len(design.given) or model.structure.classes:
        natural = _of_mixture(model, record, kind, modal)
        return {group: posterior_of_group(model, group, natural) for group in group_names(model)}
    if model.structure.residuals is not None:
        moments = posterior_moments(model, record.working, design.structural is not None)
    else:
        n_quad, integration = points_for(record, kind)
        objective = model._objective(n_quad, integration)
        with model._explained():
            moments = unit_moments(objective.problem, objective.task, design.psi(record.working),
                                   ancestors=design.structural is not None)
    natural = _natural(model, record.working, moments)
    return {group: posterior_of_group(model, group, natural) for group in group_names(model)}


def check_modal(model, modal) -> None:
    """Refuse ``modal`` where there are no classes."""
    if modal and not model.structure.classes:
        raise ValueError("modal=True is for models with latent classes, which this one does not have")


def points_for(record, kind):
    """Points per dimension by level, and the integration, for posterior means or modes."""
    if kind == "mode":
        return (1,) * len(record.n_quad), "adaptive"
    return record.n_quad, record.integration


def _natural(model, working, moments, u=None):
    """Posterior mean (q, n_units) and covariance (q, q, n_units) of every level's eta, with
    coordinates ``u`` (D,) of moderators at these."""
    return [natural_moments(*level_map(model, working, number, u), mean, cov)
            for number, (mean, cov) in enumerate(moments)]


def _of_mixture(model, record, kind, modal=False):
    """As `_natural` with latent classes or products of latent variables: the moments of the mixture.

    E(eta | y) = sum_k p_k m_k and cov(eta | y) = sum_k p_k (C_k + m_k m_k') - E E', with the moments
    m_k and C_k given class k, or given the coordinates u_k of the moderators.
    """
    if kind == "mode" and len(model.design.given):
        raise NotImplementedError("kind='mode' is not available for models with products of latent "
                                  "variables; use kind='mean'")
    if kind == "mode" and not modal:
        raise NotImplementedError("kind='mode' of a mixture over latent classes is not available; use "
                                  "kind='mean', or modal=True for modes given the modal class")
    if classes_within(model) and kind == "mean" and not modal:
        return class_unit_posterior(model, record.working, sample_history(model), record.n_quad,
                                    record.integration != "quadrature")
    working, total = record.working, None
    tops = top_units(model.structure.levels)
    with model._explained():
        found = parts_of(model, working, *points_for(record, kind), modal=modal)
        for part in found.parts:
            moments = [
                (found.coordinates.embed(number, mean), found.coordinates.embed_matrix(number, cov))
                for number, (mean, cov) in enumerate(
                    unit_moments(found.problem, found.task, part.psi, ancestors=True))]
            natural = _natural(model, part.working, moments, part.u)
            new = [(part.weight[top] * mean, part.weight[top] * (cov + mean[:, None] * mean))
                   for top, (mean, cov) in zip(tops, natural)]
            total = new if total is None else [
                (a + x, b + y) for (a, b), (x, y) in zip(total, new)]
    return [(mean, square - mean[:, None] * mean) for mean, square in total]


def group_latents(model, name: str) -> tuple[int, np.ndarray, list[int], tuple[str, ...]]:
    """Level of a group, the level's unit of each of its clusters, the places of its latent variables
    among those of the level, and their names in the group."""
    level, units = level_units(model.structure, model.sample.groups[name])
    places, terms, first = [], [], 0
    for block in model.structure.blocks:
        if block.level == level:
            if block.group == name:
                places += range(first, first + len(block.terms))
                terms += block.terms
            first += len(block.terms)
    return level, units, places, tuple(terms)


def posterior_of_group(model, name: str, natural) -> GroupPosterior:
    """A group's part of the posterior moments ``natural``, by level."""
    level, units, places, terms = group_latents(model, name)
    mean, cov = natural[level]
    return GroupPosterior(name, terms, model.sample.groups[name].labels, mean[places][:, units].T,
                          np.moveaxis(cov[np.ix_(places, places)][..., units], -1, 0))


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
