"""What is wrong with a model's data, or with where its coefficients went."""
from __future__ import annotations

import numpy as np

from statsmodels_gllamm.estimation import separation
from statsmodels_gllamm.estimation.pooled import least_squares
from statsmodels_gllamm.estimation.record import FitRecord, with_vanished
from statsmodels_gllamm.estimation.rising import rising_rows
from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.formula.categories import show
from statsmodels_gllamm.formula.groups import ROWS
from statsmodels_gllamm.latent.blocks import latent_columns, part_of
from statsmodels_gllamm.responses.base import Response
from statsmodels_gllamm.responses.choice import Choice

NEAR = 2.0  # the largest linear predictor that a penalised fit of separated data starts from
NEVER = -12.0  # a linear predictor whose probability makes no difference


def check_data(sample, structure, outcomes) -> None:
    """Refuse responses that do not vary, fixed columns that are dependent, and single clusters.

    Raises
    ------
    DataError
    """
    for member in outcomes.members:
        constant = member.response.describe_constant(member.y) if member.y.size else "no rows"
        if constant is not None:
            raise DataError(f"the response {sample.endog_name!r} is constant ({constant}): "
                            "there is nothing to explain; check the column or the subset")
    for key in dict.fromkeys(p.key for p in structure.predictors):
        part = part_of(sample, key)
        if not any(part.exog_factors):
            text = separation.dependence(*identified_columns(sample, outcomes, part.exog))
            if text is not None:
                raise DataError(text)
    if outcomes.sets is not None:
        _check_sets(sample, structure, outcomes)
    for level in structure.levels:
        if level.n_units < 2:
            raise DataError(f"the group {level.name!r} has a single cluster, so that its "
                            "variance cannot be estimated; drop its bar term")


def _check_sets(sample, structure, outcomes) -> None:
    """Refuse sets that lie in several clusters or have several weights, and random terms that do not
    vary within any choice set."""
    rows = np.arange(len(outcomes.sets)) if outcomes.rows is None else outcomes.rows
    first = np.unique(outcomes.sets, return_index=True)[1]

    def differs(values, text):
        values = values[rows]
        bad = values != values[first][outcomes.sets]
        if bad.any():
            raise DataError(text.format(row=show(sample.index[rows[int(np.argmax(bad))]])))

    for level in structure.levels[:1]:
        if level.name == ROWS and not sample.groups[ROWS].columns:
            differs(level.codes, "row {row} and others are one outcome, a set, so that rows cannot "
                    "have classes of their own; name a group that holds whole sets in "
                    "Classes(within=...)")
        differs(level.codes, f"row {{row}} is in another cluster of {level.name!r} than other rows "
                "of its set: a set is one outcome of one cluster, so give random terms a group that "
                "holds whole sets, and let what varies within them stand before the bar")
    given = {"frequency": sample.weights,
             "sampling": {} if sample.sampling is None else sample.sampling.raw}
    for kind, weights in given.items():
        if "rows" in weights:
            differs(weights["rows"], f"the {kind} weight of row {{row}} is not that of other rows of "
                    "its set: the rows of a set are one outcome and need one weight")
    if isinstance(outcomes.members[0].response, Choice) and outcomes.part is None:
        for block in structure.blocks:
            columns = latent_columns(sample, structure.predictors, block)
            for name, (_, _, column, factor) in zip(block.names, columns):
                if factor is None and not _within(column[rows], outcomes.sets).any():
                    raise DataError(f"the random term {name} does not vary within any choice set, "
                                    "so that it has no effect on choices; give it to alternatives, "
                                    "as in (0 + price | id) or (0 + C(brand) | id), less one of "
                                    "the alternatives")


def _within(values, sets) -> np.ndarray:
    """Columns (n,) or (n, p) less their means in every set, rounding put to zero."""
    table = values.reshape(len(values), -1)
    count = np.maximum(np.bincount(sets), 1)
    mean = np.stack([np.bincount(sets, column) for column in table.T] or [count * 0.0]) / count
    centred = table - mean[:table.shape[1], sets].T
    centred[np.abs(centred) < 1e-12 * np.abs(table).max(axis=0, initial=0.0)] = 0.0
    return centred


def identified_columns(sample, outcomes, exog) -> tuple[np.ndarray, list[str], str]:
    """Columns (n, p) whose dependence leaves fixed coefficients unidentified, their names, and what
    a combination of them must not be: beside thresholds these too; in choices, what varies in sets.
    """
    values, names = exog.to_numpy(), list(exog.columns)
    thresholds = sample.designs.get("thresholds")
    if thresholds is not None:
        values = np.column_stack([values, thresholds.to_numpy()])
        if exog.shape[1]:
            twice = np.intersect1d(list(exog.columns), list(thresholds.columns))
            if len(twice):
                raise DataError(f"{str(twice[0])!r} stands in the formula and in thresholds=: its "
                                "thresholds take the place of its coefficient, so take it out of "
                                "the formula")
        names += [f"thresholds of {name}" for name in thresholds.columns]
        return values, names, ("is zero in every row (thresholds take the place of the constant, and "
                               "of coefficients of what stands in thresholds=)")
    elif isinstance(outcomes.members[0].response, Choice) and outcomes.part is None:
        values = values if outcomes.rows is None else values[outcomes.rows]
        return _within(values, outcomes.sets), names, (
            "does not vary within any choice set (let it interact with the alternatives, less one)")
    return values, names, "is zero in every row"


def held_where_vanished(record: FitRecord, sample, structure) -> FitRecord:
    """The record, with a zero part whose probability is nowhere above zero held at that."""
    names, first = structure.design.layout.names, 0
    for predictor in structure.predictors:
        part = part_of(sample, predictor.key)
        own = np.arange(first, first + part.exog.shape[1])
        first += len(own)
        if predictor.label != "zero" or any(part.exog_factors) or not len(own):
            continue
        if (part.exog.to_numpy() @ record.params[own]).max() < NEVER:
            record = with_vanished(
                record, own, names, "the probability of the zero part is zero in every row: "
                "fit the model without it")
    return record


def separation_of(sample, structure, outcomes, *points) -> str | None:
    """What separates the response, in words; looked for at points (working coordinates, suspected)
    where linear predictors are large or suspected."""
    exog, member = sample.exog.to_numpy(), outcomes.members[0]
    if not exog.shape[1] or any(sample.exog_factors) or len(outcomes.members) > 1:
        return None
    if not any(suspected or _largest(structure, params) > separation.SUSPICIOUS
               for params, suspected in points):
        return None
    found = rising_rows(structure, outcomes)
    if found is not None:
        direction = separation.recession_direction(found[0])
        return None if direction is None else separation.describe_recession(direction, *found)
    if not isinstance(member.response, Response):
        return None
    ends = separation.ends(member.response.name, member.y)
    direction = None if ends is None else separation.separating_direction(exog, *ends)
    if direction is None:
        return None
    return separation.describe(direction, exog, sample.exog.columns, *ends)


def pulled_back(sample, structure, outcomes, design, start) -> np.ndarray:
    """The start (f,), with smaller coefficients where the response is separated and they have gone
    far: a penalised likelihood is all but flat there."""
    full = design.full(start)
    if separation_of(sample, structure, outcomes, (full, False)) is None:
        return start
    at, start = design.layout.positions("coef"), start.copy()
    start[at] *= NEAR / _largest(structure, full)
    return start


def _largest(structure, working) -> float:
    """The largest linear predictor (in size), latent variables zero, without offset."""
    design = structure.design
    u = np.zeros(design.n_latent) if len(design.given) else None
    psi = design.psi(np.asarray(working, dtype=float), u)[:, 0]
    used = np.flatnonzero(psi)
    if not len(used):
        return 0.0
    nu = sum(psi[r] * structure.columns[r] for r in used)
    return float(max(nu.max(), -nu.min()))


def has_constant(exog: np.ndarray) -> bool:
    """Whether a combination of the columns (n, p) is the constant."""
    if not exog.shape[1]:
        return False
    ones = np.broadcast_to(1.0, len(exog))
    return bool(np.abs(exog @ least_squares(exog, ones) - 1).max() < 1e-6)
