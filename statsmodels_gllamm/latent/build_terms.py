"""Terms of the linear and auxiliary predictors, from the columns and factors of a sample."""
from __future__ import annotations

import numpy as np

from statsmodels_gllamm.families.base import Outcomes
from statsmodels_gllamm.latent.blocks import (
    latent_columns,
    part_of,
)
from statsmodels_gllamm.latent.terms import AuxLimit, RowColumns, Terms
from statsmodels_gllamm.parameters import Block, Layout


class EngineColumns(RowColumns):
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


def loading_slots(sample):
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


def products(column, factor, sample, slots, loadings):
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


def fixed_terms(sample, predictors, slots, loadings, rows: EngineColumns):
    """Terms of the fixed part, and the coefficients' names."""
    triples, names = [], []
    for p, predictor in enumerate(predictors):
        part = part_of(sample, predictor.key)
        values = part.exog.to_numpy()
        for j, factor in enumerate(part.exog_factors):
            triples += [(rows.of(product, p), len(names), slot) for product, slot in
                        products(values[:, j], factor, sample, slots, loadings)]
            names.append(predictor.coefficient(part.exog.columns[j]))
    return _terms(triples), tuple(names)


def latent_terms(sample, predictors, blocks, slots, loadings, rows: EngineColumns, times=None,
                  inside=None) -> Terms:
    """Terms of the latent variables, those of the mask ``inside``; with a covariate ``times`` (n,),
    of their products with it."""
    triples, number = [], 0
    for block in blocks:
        for p, _, column, factor in latent_columns(sample, predictors, block):
            if inside is None or inside[number]:
                column = column if times is None else column * times
                triples += [(rows.of(product, p), number, slot) for product, slot in
                            products(column, factor, sample, slots, loadings)]
            number += 1
    return _terms(triples)


def covariate_terms(found, terms_of) -> tuple[tuple[Terms, ...], tuple[Terms, ...]]:
    """Terms of the products of row columns with covariates that paths depend on, one for each of
    ``structural.masks`` but the first; and with covariates besides, one for each of ``effects``."""
    if not found:
        return (), ()
    structural, x = found.structural, found.covariates
    powers = [np.prod([x[k] for k in alpha], axis=0) for alpha in structural.masks]  # () has 1.0
    masks = list(structural.masks.values())
    return (tuple(terms_of(power, mask.any(axis=1)) for power, mask in zip(powers[1:], masks[1:])),
            tuple(terms_of(powers[a] * x[k], inside) for a, k, inside in structural.effects))


def aux_terms(outcomes: Outcomes, rows: EngineColumns):
    """Terms of the auxiliary predictors, and their parameters' names."""
    place: dict[str, int] = {}
    triples = [(rows.of(block.values[:, column]), place.setdefault(name, len(place)), aux)
               for block in outcomes.aux for name, column, aux in block.terms]
    return _terms(triples), tuple(place)


def aux_limits(outcomes: Outcomes, aux: Terms, layout: Layout, columns) -> tuple[AuxLimit, ...]:
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


def entries_of(fixed: Terms, latents, covariances, aux, n_latent, structural, regressors, given):
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
