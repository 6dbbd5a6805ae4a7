"""The latent structure of an estimation sample: levels, latent variables and their row design."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from statsmodels_gllamm.exceptions import FormulaError
from statsmodels_gllamm.families.base import Outcomes, Predictor
from statsmodels_gllamm.latent.class_limits import class_limits
from statsmodels_gllamm.latent.classes import LatentClasses, centring_of, with_rows
from statsmodels_gllamm.latent.design import AuxLimit, LatentDesign, RowColumns, Terms
from statsmodels_gllamm.latent.hierarchy import Level, build_levels
from statsmodels_gllamm.latent.kinds import covariance_of
from statsmodels_gllamm.latent.moderators import given_coordinates, moderators_first
from statsmodels_gllamm.latent.order import gaussian_last
from statsmodels_gllamm.latent.ordered import order_of
from statsmodels_gllamm.latent.read_classes import read_classes
from statsmodels_gllamm.latent.regressions import read_regressions
from statsmodels_gllamm.latent.residuals import Residuals, read_residuals
from statsmodels_gllamm.latent.signs import sign_flips
from statsmodels_gllamm.latent.varying import Varying, chosen, copies
from statsmodels_gllamm.parameters import Block, Layout


@dataclass(frozen=True, slots=True)
class LatentTerm:
    """Where a latent variable stands: linear predictor, its bar, and the column of that."""

    predictor: int
    bar: int
    column: int


@dataclass(frozen=True, slots=True)
class LatentBlock:
    """Latent variables with a covariance matrix: ``names`` such as "ability[school]", ``terms``
    without the group, and where they stand."""

    group: str
    terms: tuple[str, ...]
    names: tuple[str, ...]
    level: int
    places: tuple[LatentTerm, ...]
    correlated: bool


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


def part_of(sample, key: str):
    """The right side of a linear predictor: an object with exog, exog_factors and bars."""
    return sample if key == "exog" else sample.parts[key]


def _ordered_blocks(sample, levels, predictors, joint: bool) -> tuple[LatentBlock, ...]:
    """Blocks from the bottom level up; ``joint``: predictors share those of a group."""
    level_of = {name: i for i, level in enumerate(levels) for name in level.groups}
    found: dict = {}
    for key in dict.fromkeys(p.key for p in predictors):
        for number, bar in enumerate(part_of(sample, key).bars):
            own = found.setdefault(("joint", bar.group) if joint else (key, number), [bar, []])
            own[1] += [(p, number, j, term)
                       for p, predictor in enumerate(predictors) if predictor.key == key
                       for j, term in enumerate(bar.names)]
    blocks, seen = [], set()
    for bar, members in found.values():
        terms = tuple(predictors[p].latent(term) for p, _, _, term in members)
        names = tuple(f"{term}[{bar.group}]" for term in terms)
        for name in names:
            if name in seen:
                raise FormulaError(f"the latent variable {name} stands in the formula twice; "
                                   "remove one of them")
            seen.add(name)
        places = tuple(LatentTerm(p, number, j) for p, number, j, _ in members)
        blocks.append(LatentBlock(bar.group, terms, names, level_of[bar.group], places,
                                  bar.correlated))
    blocks = tuple(sorted(blocks, key=lambda block: block.level))
    _refuse_copies(sample, predictors, blocks)
    return blocks


def _refuse_apart(sample, predictors) -> None:
    """The parts whose latent variables are to be correlated must have a group in common."""
    groups = {predictor: dict.fromkeys(bar.group for bar in part_of(sample, predictor.key).bars)
              for predictor in predictors}
    if not set.intersection(*map(set, groups.values())):
        parts = " and ".join(
            f"the {predictor.label or 'main'} part has {', '.join(map(repr, own)) or 'none'}"
            for predictor, own in groups.items())
        raise ValueError("correlated=True is for latent variables of the same group in all parts, "
                         f"but of groups {parts}; give them one in common, or leave it out")


def latent_columns(sample, predictors, block: LatentBlock):
    """(linear predictor, term, column (n,), factor or None) of every latent variable."""
    for place in block.places:
        bar = part_of(sample, predictors[place.predictor].key).bars[place.bar]
        yield (place.predictor, bar.names[place.column], bar.matrix[:, place.column],
               bar.factors[place.column])


def _refuse_copies(sample, predictors, blocks) -> None:
    """Two groups may have the same clusters; then a term may stand only once for both."""
    known = {}
    for block in blocks:
        for name, (p, _, column, factor) in zip(
                block.names, latent_columns(sample, predictors, block)):
            key = block.level, p, factor, hash(column.tobytes())
            if key in known:
                raise FormulaError(f"{known[key]} and {name} are the same latent variable: their "
                                   "columns are equal and their groups have the same clusters; "
                                   "remove one of them")
            known[key] = name


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
    if covariances is not None and not isinstance(covariances, Mapping):
        raise TypeError(f"covariances is a mapping of groups to kinds, not {covariances!r}")
    kinds, predictors = dict(covariances or {}), outcomes.predictors
    used = dict.fromkeys(bar.group for p in predictors for bar in part_of(sample, p.key).bars)
    unknown = [group for group in kinds if group not in used]
    if unknown:
        raise ValueError(f"covariances= names {unknown[0]!r}, which is not a group of the "
                         f"formula: {', '.join(sorted(used))}")
    used |= dict.fromkeys(variable.group for variable in classes)
    levels = build_levels({
        name: (sample.groups[name].codes, len(sample.groups[name].labels)) for name in used},
        {variable.group: variable.name for variable in classes})
    if joint:
        _refuse_apart(sample, predictors)
    blocks = _ordered_blocks(sample, levels, predictors, joint)
    slots, loadings, lambdas = _loading_slots(sample)
    standardized = _standardized(sample, predictors, blocks)
    bars = [block.group for block in blocks]
    cov = tuple(covariance_of(block, kinds, standardized, bars.count(block.group) == 1)
                for block in blocks)
    rows = _EngineColumns(outcomes)
    fixed, names = _fixed_terms(sample, predictors, slots, loadings, rows)
    latent = _latent_terms(sample, predictors, blocks, slots, loadings, rows)
    q = tuple(sum(c.q for b, c in zip(blocks, cov) if b.level == i) for i in range(len(levels)))
    found = read_regressions(sample, regressions, blocks, levels) if regressions else None
    structural = found.structural if found else None
    cov = moderators_first(gaussian_last(cov, latent, structural, rows.columns, outcomes.members),
                           structural)
    given = given_coordinates(cov, structural)
    moderated, regressors = _covariate_terms(
        found, lambda *some: _latent_terms(sample, predictors, blocks, slots, loadings, rows, *some))
    aux, aux_names = _aux_terms(outcomes, rows)
    residuals = None
    if residual_covariances is not None:
        residuals = read_residuals(sample, residual_covariances, outcomes, levels)
    latent_classes = read_classes(
        sample, classes, outcomes, levels, rows,
        lambda column, factor: _products(column, factor, sample, slots, loadings))
    layout = Layout((Block("coef", names), *_class_blocks(latent_classes, "class"), *lambdas,
                     *((Block("gamma", found.gamma_names), Block("b", found.b_names)) if found else
                       ()),
                     *(Block("cov", c.parameter_names()) for c in cov),
                     *((Block("rescov", residuals.names),) if residuals else ()),
                     Block("aux", aux_names), *_class_blocks(latent_classes, "prob")))
    _refuse_idle(blocks, latent, structural)
    entries = _entries(fixed, (latent, *moderated), cov, aux, sum(q), structural, regressors, given)
    if residuals is not None:
        if len(given):
            raise NotImplementedError("residual covariances are not available in models with products "
                                      "of latent variables")
        last = 1 + sum(q) + len(outcomes.aux_names)
        entries = (np.append(entries[0], np.zeros(len(residuals.names), dtype=np.int64)),
                   np.append(entries[1], last + np.arange(len(residuals.names))))
    if classes and (len(given) or residuals is not None):
        raise NotImplementedError("classes= are not available together with products of latent "
                                  "variables or residual covariances")
    if classes:
        entries = with_rows(entries, [row for own in latent_classes for row in own.pieces[0]])
    layout, varying = _with_copies(layout, classes, latent_classes, cov)
    design = LatentDesign(layout, cov, q, len(rows.columns), len(outcomes.aux_names), fixed, latent,
                          aux, loadings, entries,
                          (*_aux_limits(outcomes, aux, layout, rows.columns),
                           *class_limits(latent_classes, outcomes, layout, fixed, rows.columns,
                                         sample.offset.any() or varying
                                         or any(v.spec.centered for v in classes), sum(q) > 0)),
                          structural, regressors,
                          () if varying else
                          sign_flips(layout, cov, slots, loadings, fixed, latent, structural),
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


def _standardized(sample, predictors, blocks) -> set[str]:
    """Names of the latent variables whose variance is fixed at one: the first of each factor."""
    found = {}
    for block in blocks:
        for name, (_, term, _, factor) in zip(
                block.names, latent_columns(sample, predictors, block)):
            if factor == term and sample.factors[factor].standardized:
                found.setdefault(factor, name)
    return set(found.values())


class _EngineColumns(RowColumns):
    """Row columns of the engine rows, from columns of the data rows."""

    def __init__(self, outcomes: Outcomes) -> None:
        super().__init__()
        self.rows, self.part = outcomes.rows, outcomes.part

    def of(self, column: np.ndarray, predictor: int | None = None) -> int:
        """Number of a data column (n,) in the rows of one linear predictor (None: in all rows)."""
        if self.rows is not None:
            column = column[self.rows]
        if self.part is not None and predictor is not None:
            column = np.where(self.part == predictor, column, 0.0)
        return self.add(column)


def _loading_slots(sample):
    """Slot of every factor's loadings in one vector (slot 0 is the constant one)."""
    slots, values, blocks, first = {}, [np.ones(1)], [], 1
    for name, factor in sample.factors.items():
        loadings = np.asarray(factor.loadings, float)
        slots[name] = np.arange(first, first + len(loadings))
        first += len(loadings)
        values.append(loadings)
        blocks.append(Block("lambda", tuple(
            f"lambda[{name},{label}]" for label, v in zip(factor.names, loadings) if np.isnan(v))))
    return slots, np.concatenate(values), blocks


def _products(column, factor, sample, slots, loadings):
    """(row column, slot) of column times the loading of ``factor`` (None: one)."""
    if factor is None:
        yield column, 0
        return
    constant = column is None or (column == 1).all()
    for k, slot in enumerate(slots[factor]):
        if loadings[slot] != 0:
            z = sample.factors[factor].column(k)
            yield (z if constant else column * z), int(slot)


def _terms(triples) -> Terms:
    table = np.array(list(triples), dtype=np.int64).reshape(-1, 3)
    return Terms(table[:, 0], table[:, 1], table[:, 2])


def _fixed_terms(sample, predictors, slots, loadings, rows: _EngineColumns):
    """Terms of the fixed part, and the coefficients' names."""
    triples, names = [], []
    for p, predictor in enumerate(predictors):
        part = part_of(sample, predictor.key)
        values = part.exog.to_numpy()
        for j, factor in enumerate(part.exog_factors):
            triples += [(rows.of(product, p), len(names), slot) for product, slot in
                        _products(values[:, j], factor, sample, slots, loadings)]
            names.append(predictor.coefficient(part.exog.columns[j]))
    return _terms(triples), tuple(names)


def _latent_terms(sample, predictors, blocks, slots, loadings, rows: _EngineColumns, times=None,
                  inside=None) -> Terms:
    """Terms of the latent variables, those of the mask ``inside``; with a covariate ``times`` (n,),
    of their products with it."""
    triples, number = [], 0
    for block in blocks:
        for p, _, column, factor in latent_columns(sample, predictors, block):
            if inside is None or inside[number]:
                column = column if times is None else column * times
                triples += [(rows.of(product, p), number, slot) for product, slot in
                            _products(column, factor, sample, slots, loadings)]
            number += 1
    return _terms(triples)


def _covariate_terms(found, terms_of) -> tuple[tuple[Terms, ...], tuple[Terms, ...]]:
    """Terms of the products of row columns with covariates that paths depend on, one for each of
    ``structural.masks`` but the first; and with covariates besides, one for each of ``effects``."""
    if not found:
        return (), ()
    structural, x = found.structural, found.covariates
    powers = [np.prod([x[k] for k in alpha], axis=0) for alpha in structural.masks]  # () has 1.0
    masks = list(structural.masks.values())
    return (tuple(terms_of(power, mask.any(axis=1)) for power, mask in zip(powers[1:], masks[1:])),
            tuple(terms_of(powers[a] * x[k], inside) for a, k, inside in structural.effects))


def _aux_terms(outcomes: Outcomes, rows: _EngineColumns):
    """Terms of the auxiliary predictors, and their parameters' names."""
    place: dict[str, int] = {}
    triples = [(rows.of(block.values[:, column]), place.setdefault(name, len(place)), aux)
               for block in outcomes.aux for name, column, aux in block.terms]
    return _terms(triples), tuple(place)


def _aux_limits(outcomes: Outcomes, aux: Terms, layout: Layout, columns) -> tuple[AuxLimit, ...]:
    """The limits of the auxiliary predictors whose response gives one."""
    limits = [limit for member in outcomes.members for limit in (
        member.response.aux_limits or (np.inf,) * len(member.response.aux_names))]
    positions, found = layout.positions("aux"), []
    for a, limit in enumerate(limits):
        mine = aux.slot == a
        if np.isfinite(limit) and mine.any():
            values = np.column_stack([columns[row] for row in aux.row[mine]])
            if (values == values[0]).all():
                values = values[:1]
            found.append(AuxLimit(positions[aux.index[mine]], np.unique(values, axis=0), limit))
    return tuple(found)


def _entries(fixed: Terms, latents, covariances, aux, n_latent, structural, regressors, given):
    """Rows and columns of Psi that can differ from zero; those of coordinates that are ``given``
    count in column 0."""
    used = {(int(r), 0) for terms in (fixed, *regressors) for r in terms.row}
    root, first = np.zeros((n_latent, n_latent), dtype=bool), 0
    for c in covariances:
        root[first:first + c.q, first:first + c.q] = c.reach()
        first += c.q
    masks = [np.eye(n_latent)] if structural is None else structural.masks.values()
    for latent, mask in zip(latents, masks):
        reach = mask.astype(int) @ root > 0
        used |= {(int(r), 0 if d in given else 1 + int(d)) for r, m in zip(latent.row, latent.index)
                 for d in np.flatnonzero(reach[m])}
    used |= {(int(r), 1 + n_latent + int(a)) for r, a in zip(aux.row, aux.slot)}
    table = np.array(sorted(used, key=lambda e: (e[1], e[0])), dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def weights_of(sample, levels):
    """Row weights (n,) or None, and the weights of every level's units (n_units,) or None: frequency
    weights times sampling weights."""
    weights, units = dict(sample.weights), []
    for name, drawn in {} if sample.sampling is None else sample.sampling.used.items():
        weights[name] = weights[name] * drawn if name in weights else drawn
    own = "rows" in sample.groups and not sample.groups["rows"].columns  # rows are clusters
    rows = None if own else weights.pop("rows", None)
    for level in levels:
        product = None
        for name in level.groups:
            if name in weights:
                own = np.empty(level.n_units)
                own[level.codes] = weights[name]
                product = own if product is None else own * product
        units.append(product)
    return rows, units
