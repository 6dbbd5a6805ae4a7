"""What is wrong with a model's data, or with where its coefficients went."""
from __future__ import annotations

import numpy as np

from statsmodels_gllamm.estimation import separation
from statsmodels_gllamm.estimation.record import FitRecord, with_vanished
from statsmodels_gllamm.estimation.rising import rising_rows
from statsmodels_gllamm.estimation.starts import least_squares
from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.latent.build import part_of
from statsmodels_gllamm.responses.base import Response
from statsmodels_gllamm.responses.choice import Choice

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
    weight = sample.weights.get("rows")
    if weight is not None and outcomes.sets is not None:
        weight = weight if outcomes.rows is None else weight[outcomes.rows]
        first = np.unique(outcomes.sets, return_index=True)[1]
        differs = weight != weight[first][outcomes.sets]
        if differs.any():
            row = int(np.argmax(differs))
            row = sample.index[row if outcomes.rows is None else outcomes.rows[row]]
            raise DataError(f"the frequency weight of row {row!r} is not that of the other rows of "
                            "its set: the rows of a set are one outcome and need one weight")
    for level in structure.levels:
        if level.n_units < 2:
            raise DataError(f"the group {level.name!r} has a single cluster, so that its "
                            "variance cannot be estimated; drop its bar term")


def identified_columns(sample, outcomes, exog) -> tuple[np.ndarray, list[str], str]:
    """Columns (n, p) whose dependence leaves fixed coefficients unidentified, their names, and what
    a combination of them must not be: beside thresholds these too; in choices, what varies in sets.
    """
    values, names = exog.to_numpy(), list(exog.columns)
    thresholds = sample.designs.get("thresholds")
    if thresholds is not None:
        values = np.column_stack([values, thresholds.to_numpy()])
        names += [f"thresholds of {name}" for name in thresholds.columns]
    elif isinstance(outcomes.members[0].response, Choice) and outcomes.part is None:
        values = values if outcomes.rows is None else values[outcomes.rows]
        sets, count = outcomes.sets, np.bincount(outcomes.sets)
        mean = np.stack([np.bincount(sets, column) for column in values.T] or [count]) / count
        centred = values - mean[:values.shape[1], sets].T
        centred[np.abs(centred) < 1e-12 * np.abs(values).max(axis=0, initial=0.0)] = 0.0
        return centred, names, "does not vary within any choice set"
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


def _largest(structure, working) -> float:
    """The largest linear predictor (in size), latent variables zero, without offset."""
    psi = structure.design.psi(np.asarray(working, dtype=float))[:, 0]
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
