"""The latent structure of an estimation sample: levels, latent variables and their row design."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from statsmodels_gllamm.exceptions import FormulaError
from statsmodels_gllamm.families.base import Outcomes, Predictor
from statsmodels_gllamm.latent.blocks import (
    LatentBlock,
    ordered_blocks,
    part_of,
    refuse_apart,
    standardized_names,
)
from statsmodels_gllamm.latent.build_terms import (
    EngineColumns,
    aux_limits,
    aux_terms,
    covariate_terms,
    entries_of,
    fixed_terms,
    latent_terms,
    loading_slots,
    products,
)
from statsmodels_gllamm.latent.class_limits import class_limits
from statsmodels_gllamm.latent.classes import LatentClasses, centring_of, with_rows
from statsmodels_gllamm.latent.design import LatentDesign
from statsmodels_gllamm.latent.hierarchy import Level, build_levels
from statsmodels_gllamm.latent.kinds import covariance_of
from statsmodels_gllamm.latent.moderators import given_coordinates, moderators_first
from statsmodels_gllamm.latent.order import gaussian_last
from statsmodels_gllamm.latent.ordered import order_of
from statsmodels_gllamm.latent.read_classes import read_classes
from statsmodels_gllamm.latent.regressions import read_regressions
from statsmodels_gllamm.latent.residuals import Residuals, read_residuals
from statsmodels_gllamm.latent.signs import sign_flips
from statsmodels_gllamm.latent.terms import Terms
from statsmodels_gllamm.latent.varying import Varying, chosen, copies
from statsmodels_gllamm.parameters import Block, Layout


@dataclass(frozen=True, slots=True)
class Structure:
    """A model's latent structure on its estimation sample.

    ``columns`` are the row columns W of the engine rows as a list of (n_e,) arrays; ``levels`` have
    the codes of the data rows, ``engine_levels`` those of the engine rows; ``blocks`` are bottom
    level first, in the order of ``design.covariances``; ``predictors`` the linear predictors;
    ``regressors`` (key of ``sample.designs``, column) of the covariates of latent variables;
    ``residuals`` the residual covariances of Gaussian rows; ``classes`` the class variables.
    """

    design: LatentDesign
    columns: list[np.ndarray]
    levels: tuple[Level, ...]
    engine_levels: tuple[Level, ...]
    blocks: tuple[LatentBlock, ...]
    predictors: tuple[Predictor, ...]
    regressors: tuple[tuple[tuple, str], ...] = ()
    residuals: Residuals | None = None
    classes: tuple[LatentClasses, ...] = ()


def build_structure(sample, outcomes: Outcomes, covariances=None, joint=False,
                    regressions=(), residual_covariances=None, classes=()) -> Structure:
    """Levels, row columns and the map from parameters to Psi.

    Parameters
    ----------
    sample : Sample
    outcomes : Outcomes
        The engine rows, their linear predictors and auxiliary predictors.
    covariances : dict, optional
        {group: "unstructured" | "diagonal" | "identity" | array of numbers and None}.
    joint : bool
        The latent variables of one group may correlate across linear predictors.
    regressions : sequence of Regression
        Of latent variables; the covariates of number i are ``sample.designs["regression", i]``.
    residual_covariances : ResidualCovariances, optional
    classes : tuple of ClassVariable

    Raises
    ------
    FormulaError, ValueError, CrossedGroupsError
    """
    kinds, predictors = _kinds(sample, outcomes, covariances), outcomes.predictors
    used = [*_bar_groups(sample, outcomes), *(variable.group for variable in classes)]
    levels = build_levels({name: (sample.groups[name].codes, len(sample.groups[name].labels))
                           for name in dict.fromkeys(used)},
                          {variable.group: variable.name for variable in classes})
    if joint:
        refuse_apart(sample, predictors)
    blocks = ordered_blocks(sample, levels, predictors, joint)
    slots, loadings, lambdas = loading_slots(sample)
    standardized = standardized_names(sample, predictors, blocks)
    bars = [block.group for block in blocks]
    cov = tuple(covariance_of(block, kinds, standardized, bars.count(block.group) == 1)
                for block in blocks)
    rows = EngineColumns(outcomes)
    fixed, names = fixed_terms(sample, predictors, slots, loadings, rows)
    latent = latent_terms(sample, predictors, blocks, slots, loadings, rows)
    q = tuple(sum(c.q for b, c in zip(blocks, cov) if b.level == i) for i in range(len(levels)))
    found = read_regressions(sample, regressions, blocks, levels) if regressions else None
    structural = found.structural if found else None
    cov = moderators_first(gaussian_last(cov, latent, structural, rows.columns, outcomes.members),
                           structural)
    given = given_coordinates(cov, structural)
    moderated, regressors = covariate_terms(
        found, lambda *some: latent_terms(sample, predictors, blocks, slots, loadings, rows, *some))
    aux, aux_names = aux_terms(outcomes, rows)
    residuals = None
    if residual_covariances is not None:
        residuals = read_residuals(sample, residual_covariances, outcomes, levels)
    latent_classes = read_classes(
        sample, classes, outcomes, levels, rows,
        lambda column, factor: products(column, factor, sample, slots, loadings))
    layout = _layout(names, lambdas, found, cov, residuals, aux_names, latent_classes)
    _refuse_idle(blocks, latent, structural)
    _refuse_together(given, residuals, classes)
    entries = entries_of(fixed, (latent, *moderated), cov, aux, sum(q), structural, regressors, given)
    if residuals is not None:
        entries = _with_residuals(entries, residuals, 1 + sum(q) + len(outcomes.aux_names))
    if classes:
        entries = with_rows(entries, [row for own in latent_classes for row in own.pieces[0]])
    layout, varying = _with_copies(layout, classes, latent_classes, cov)
    shifted = sample.offset.any() or varying or any(v.spec.centered for v in classes)
    design = LatentDesign(
        layout, cov, q, len(rows.columns), len(outcomes.aux_names), fixed, latent, aux, loadings,
        entries, (*aux_limits(outcomes, aux, layout, rows.columns),
                  *class_limits(latent_classes, outcomes, layout, fixed, rows.columns, shifted,
                                sum(q) > 0)),
        structural, regressors,
        () if varying else sign_flips(layout, cov, slots, loadings, fixed, latent, structural),
        moderated, given, varying=varying)
    if classes and classes[0].spec.centered:
        design = replace(design, centring=centring_of(latent_classes[0], layout))
    if any(v.spec.ordered for v in classes):
        design = replace(design, order=order_of(latent_classes, [v.spec.ordered for v in classes],
                                                layout))
    engine = levels if outcomes.rows is None else tuple(
        replace(level, codes=level.codes[outcomes.rows]) for level in levels)
    return Structure(design, rows.columns, levels, engine, blocks, predictors,
                     found.sources if found else (), residuals, latent_classes)


def _bar_groups(sample, outcomes: Outcomes) -> list[str]:
    """Groups of the formula's bars."""
    return list(dict.fromkeys(bar.group for predictor in outcomes.predictors
                              for bar in part_of(sample, predictor.key).bars))


def _kinds(sample, outcomes: Outcomes, covariances) -> dict:
    """What ``covariances`` says, checked."""
    if covariances is not None and not isinstance(covariances, Mapping):
        raise TypeError(f"covariances is a mapping of groups to kinds, not {covariances!r}")
    kinds, used = dict(covariances or {}), _bar_groups(sample, outcomes)
    unknown = [group for group in kinds if group not in used]
    if unknown:
        raise ValueError(f"covariances= names {unknown[0]!r}, which is not a group of the "
                         f"formula: {', '.join(sorted(used))}")
    return kinds


def _layout(names, lambdas, found, cov, residuals, aux_names, classes) -> Layout:
    """Names of the parameters in their order; ``found`` the regressions of latent variables."""
    regression = (Block("gamma", found.gamma_names), Block("b", found.b_names)) if found else ()
    return Layout((Block("coef", names), *_class_blocks(classes, "class"), *lambdas, *regression,
                   *(Block("cov", c.parameter_names()) for c in cov),
                   *((Block("rescov", residuals.names),) if residuals else ()),
                   Block("aux", aux_names), *_class_blocks(classes, "prob")))


def _refuse_together(given, residuals, classes) -> None:
    """Refuse what is not available in one model."""
    if residuals is not None and len(given):
        raise NotImplementedError("residual covariances are not available in models with products "
                                  "of latent variables")
    if classes and (len(given) or residuals is not None):
        raise NotImplementedError("classes= are not available together with products of latent "
                                  "variables or residual covariances")


def _with_residuals(entries, residuals: Residuals, last: int):
    """Entries of Psi, with those of residual covariances in columns from ``last`` on."""
    n = len(residuals.names)
    return (np.append(entries[0], np.zeros(n, dtype=np.int64)),
            np.append(entries[1], last + np.arange(n)))


def _class_blocks(variables: tuple[LatentClasses, ...], kind: str) -> list[Block]:
    """The block of a kind that latent classes add to the parameters."""
    if not variables:
        return []
    return [Block(kind, tuple(name for classes in variables for name in (
        classes.coefficient_names() if kind == "class" else classes.membership_names())))]


def _with_copies(layout: Layout, variables, found, cov) -> tuple[Layout, tuple[Varying, ...]]:
    """The layout with copies of the parameters that differ between classes, and these."""
    blocks, varying, taken, size = [], [], {}, layout.size
    for variable, classes in zip(variables, found):
        if not variable.spec.varying or classes.n == 1:
            continue
        source, covariances = chosen(variable, layout, cov)
        for i in source:
            if taken.setdefault(int(i), variable.name) != variable.name:
                raise FormulaError(f"{layout.names[i]} varies between the classes of both "
                                   f"{taken[int(i)]!r} and {variable.name!r}; let one have it")
        block = copies(variable, [classes.label(c) for c in range(1, classes.n)], layout, source)
        blocks.append(block)
        target = size + np.arange(block.size).reshape(classes.n - 1, len(source))
        varying.append(Varying(classes.number, source, target, covariances))
        size += block.size
    return Layout((*layout.blocks, *blocks)), tuple(varying)


def _refuse_idle(blocks, latent: Terms, structural) -> None:
    """Refuse a latent variable that reaches no row, by loadings of its own or by regressions."""
    names = [name for block in blocks for name in block.names]
    active = np.zeros(len(names), dtype=bool)
    active[latent.index] = True
    if structural is not None:
        active = active.astype(int) @ structural.reach() > 0
    if not active.all():
        name = names[int(np.argmin(active))]
        raise FormulaError(f"the latent variable {name} has loadings of zero everywhere and no other "
                           "latent variable is regressed on it; fix a loading at 1, leave one free "
                           "(None), or write a regression")
