"""The latent structure of an estimation sample: levels, latent variables and their row design."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.exceptions import FormulaError
from statsmodels_gllamm.latent.covariance import Covariance
from statsmodels_gllamm.latent.design import LatentDesign, RowColumns, Terms
from statsmodels_gllamm.latent.hierarchy import Level, build_levels
from statsmodels_gllamm.parameters import Block, Layout

COVARIANCE_KINDS = ("unstructured", "diagonal", "identity")


@dataclass(frozen=True, slots=True)
class LatentBlock:
    """The latent variables of one bar: ``names`` such as "ability[school]", and where they are."""

    group: str
    terms: tuple[str, ...]
    names: tuple[str, ...]
    level: int
    bar: int


@dataclass(frozen=True, slots=True)
class Structure:
    """A model's latent structure on its estimation sample.

    ``columns`` are the row columns W as a list of (n,) arrays; ``blocks`` the bars' latent
    variables, bottom level first, in the order of ``design.covariances``.
    """

    design: LatentDesign
    columns: list[np.ndarray]
    levels: tuple[Level, ...]
    blocks: tuple[LatentBlock, ...]


def _ordered_blocks(sample, levels) -> tuple[LatentBlock, ...]:
    level_of = {name: i for i, level in enumerate(levels) for name in level.groups}
    blocks, seen = [], set()
    for number, bar in enumerate(sample.bars):
        names = tuple(f"{term}[{bar.group}]" for term in bar.names)
        for name in names:
            if name in seen:
                raise FormulaError(f"the latent variable {name} stands in the formula twice; "
                                   "remove one of them")
            seen.add(name)
        blocks.append(LatentBlock(bar.group, tuple(bar.names), names, level_of[bar.group], number))
    blocks = tuple(sorted(blocks, key=lambda block: block.level))
    _refuse_copies(sample, blocks)
    return blocks


def _refuse_copies(sample, blocks) -> None:
    """Two groups may have the same clusters; then a term may stand only once for both."""
    known = {}
    for block in blocks:
        bar = sample.bars[block.bar]
        for name, column, factor in zip(block.names, bar.matrix.T, bar.factors):
            key = block.level, factor, hash(column.tobytes())
            if key in known:
                raise FormulaError(f"{known[key]} and {name} are the same latent variable: their "
                                   "columns are equal and their groups have the same clusters; "
                                   "remove one of them")
            known[key] = name


def _covariance(sample, block: LatentBlock, kinds, first_of_factor) -> Covariance:
    bar = sample.bars[block.bar]
    kind = kinds.get(block.group, "unstructured" if bar.correlated else "diagonal")
    if kind == "unstructured" and not bar.correlated:
        raise ValueError(f"covariances[{block.group!r}] is 'unstructured', but the formula's "
                         f"(... || {block.group}) asks for no correlations; write one bar")
    if kind not in COVARIANCE_KINDS:
        raise ValueError(f"covariances[{block.group!r}] is one of {', '.join(COVARIANCE_KINDS)}, "
                         f"not {kind!r}")
    fixed = tuple(
        1.0 if name in first_of_factor.values() else None for name in block.names)
    if kind == "identity" and len(set(fixed)) > 1:
        raise ValueError(f"covariances[{block.group!r}] cannot be 'identity' with a standardized "
                         "factor beside other latent variables; use 'diagonal'")
    return Covariance(block.names, kind, fixed)


def build_structure(sample, aux_names=(), covariances=None) -> Structure:
    """Levels, row columns and the map from parameters to Psi.

    Parameters
    ----------
    sample : Sample
    aux_names : tuple of str
        The response's auxiliary predictors, each with the dispersion design.
    covariances : dict, optional
        {group: "unstructured" | "diagonal" | "identity"}.

    Raises
    ------
    FormulaError, ValueError, CrossedGroupsError
    """
    if covariances is not None and not isinstance(covariances, Mapping):
        raise TypeError(f"covariances is a mapping of groups to kinds, not {covariances!r}")
    kinds = dict(covariances or {})
    unknown = set(kinds) - {bar.group for bar in sample.bars}
    if unknown:
        raise ValueError(f"covariances= names {sorted(unknown)[0]!r}, which is not a group of the "
                         f"formula: {', '.join(sorted({bar.group for bar in sample.bars}))}")
    used = dict.fromkeys(bar.group for bar in sample.bars)
    levels = build_levels({
        name: (sample.groups[name].codes, len(sample.groups[name].labels)) for name in used})
    blocks = _ordered_blocks(sample, levels)
    slots, loadings, lambdas = _loading_slots(sample)
    standardized = {
        name: next((latent for block in blocks
                    for latent, term, factor in zip(block.names, block.terms,
                                                    sample.bars[block.bar].factors)
                    if factor == name and term == name), None)
        for name, factor in sample.factors.items() if factor.standardized}
    cov = tuple(_covariance(sample, block, kinds, standardized) for block in blocks)
    rows = RowColumns()
    fixed = _fixed_terms(sample, slots, loadings, rows)
    latent = _latent_terms(sample, blocks, slots, loadings, rows)
    q = tuple(sum(c.q for b, c in zip(blocks, cov) if b.level == i) for i in range(len(levels)))
    aux, aux_block = _aux_terms(sample, aux_names, rows)
    layout = Layout((Block("coef", tuple(sample.exog.columns)), *lambdas,
                     *(Block("cov", c.parameter_names()) for c in cov), aux_block))
    entries = _entries(fixed, latent, cov, aux, sum(q))
    design = LatentDesign(layout, cov, q, len(rows.columns), len(aux_names), fixed, latent, aux,
                          loadings, entries)
    return Structure(design, rows.columns, levels, blocks)


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
    for z, slot in zip(sample.factors[factor].matrix.T, slots[factor]):
        if loadings[slot] != 0:
            yield (z if column is None or (column == 1).all() else column * z), int(slot)


def _terms(triples) -> Terms:
    table = np.array(list(triples), dtype=np.int64).reshape(-1, 3)
    return Terms(table[:, 0], table[:, 1], table[:, 2])


def _fixed_terms(sample, slots, loadings, rows: RowColumns) -> Terms:
    values = sample.exog.to_numpy()
    return _terms(
        (rows.add(product), j, slot)
        for j, factor in enumerate(sample.exog_factors)
        for product, slot in _products(values[:, j], factor, sample, slots, loadings))


def _latent_terms(sample, blocks, slots, loadings, rows: RowColumns) -> Terms:
    triples, number = [], 0
    for block in blocks:
        bar = sample.bars[block.bar]
        for j, factor in enumerate(bar.factors):
            triples += [(rows.add(product), number, slot) for product, slot in
                        _products(bar.matrix[:, j], factor, sample, slots, loadings)]
            number += 1
    return _terms(triples)


def _aux_terms(sample, aux_names, rows: RowColumns):
    if not aux_names:
        return np.zeros((0, 2), dtype=np.int64), Block("aux", ())
    names, table = [], []
    values = sample.dispersion.to_numpy()
    for a, aux in enumerate(aux_names):
        for j, column in enumerate(sample.dispersion.columns):
            names.append(f"{aux}[{column}]")
            table.append((rows.add(values[:, j]), a))
    return np.array(table, dtype=np.int64), Block("aux", tuple(names))


def _entries(fixed: Terms, latent: Terms, covariances, aux, n_latent):
    """Rows and columns of Psi that can differ from zero."""
    used = {(int(r), 0) for r in fixed.row}
    first = 0
    for c in covariances:
        inside = (latent.index >= first) & (latent.index < first + c.q)
        free = c.kind == "unstructured"
        for r, m in zip(latent.row[inside], latent.index[inside]):
            used |= {(int(r), 1 + d) for d in (range(first, m + 1) if free else (m,))}
        first += c.q
    used |= {(int(r), 1 + n_latent + int(a)) for r, a in aux}
    table = np.array(sorted(used, key=lambda e: (e[1], e[0])), dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def weights_of(sample, levels):
    """Row weights (n,) or None, and the weights of every level's units (n_units,) or None."""
    weights = dict(sample.weights)
    rows, units = weights.pop("rows", None), []
    for level in levels:
        product = None
        for name in level.groups:
            if name in weights:
                own = np.empty(level.n_units)
                own[level.codes] = weights[name]
                product = own if product is None else own * product
        units.append(product)
    return rows, units
