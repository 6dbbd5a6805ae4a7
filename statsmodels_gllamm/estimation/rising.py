"""What must rise for the likelihood of categorical outcomes to rise without bound, in parameters.

Along a direction of the coefficients and thresholds the log density of an outcome never falls if

    choice, nominal, ranking   nu(chosen) - nu(other) rises for every other alternative
    cumulative                 the upper threshold less nu rises, the lower one less nu falls
    continuation               the thresholds below the category less nu fall, that of it rises
    adjacent                   the score of the category less that of every other one rises

which are linear inequalities (Albert and Anderson, 1984).
"""
from __future__ import annotations

import numpy as np

from statsmodels_gllamm.responses.adjacent import Adjacent
from statsmodels_gllamm.responses.choice import Choice
from statsmodels_gllamm.responses.continuation import Continuation
from statsmodels_gllamm.responses.cumulative import Cumulative


def rising_rows(structure, outcomes) -> tuple[np.ndarray, list[str]] | None:
    """Rows (m, k) of the inequalities and the names of their columns, fixed coefficients and
    thresholds; None for other responses, or where coefficients multiply loadings."""
    response, design = outcomes.members[0].response, structure.design
    if len(outcomes.members) > 1 or design.fixed.slot.any() or not response.linear_aux:
        return None
    exog = np.zeros((outcomes.members[0].y.shape[1], design.layout.blocks[0].size))
    for row, index in zip(design.fixed.row, design.fixed.index):
        exog[:, index] += structure.columns[row]
    names = list(design.layout.blocks[0].names)
    if isinstance(response, Choice):
        return _of_choices(exog, outcomes), names
    if isinstance(response, (Cumulative, Continuation, Adjacent)):
        aux = [name for name in design.layout.blocks[-1].names if name.startswith("cut[")]
        return _of_categories(response, exog, outcomes, structure, len(aux)), names + aux
    return None


def _of_choices(exog, outcomes) -> np.ndarray:
    chosen = outcomes.members[0].y[0] == 1
    best = np.zeros((int(outcomes.sets.max()) + 1, exog.shape[1]))
    best[outcomes.sets[chosen]] = exog[chosen]
    has = np.zeros(len(best), dtype=bool)
    has[outcomes.sets[chosen]] = True
    other = ~chosen & has[outcomes.sets]
    return best[outcomes.sets[other]] - exog[other]


def _of_categories(response, exog, outcomes, structure, n_cuts) -> np.ndarray:
    """``member.y`` has the value, code, lowest and highest category of every row."""
    code, low, high = outcomes.members[0].y[1:4].astype(int)
    design, n = structure.design, len(code)
    cuts = np.zeros((int(high.max()), n, n_cuts))  # derivative of threshold s in its parameters
    for row, index, slot in zip(design.aux.row, design.aux.index, design.aux.slot):
        if slot < len(cuts) and index < n_cuts:
            cuts[slot, :, index] += structure.columns[row]
    rows = []
    for s, cut in enumerate(cuts):
        above = np.hstack([-exog, cut])  # threshold s less nu, between categories s and s + 1
        inside = (low <= s) & (s < high)
        if isinstance(response, Adjacent):  # score of s less that of s + 1 is the same difference
            rows += [above[inside & (code <= s)], -above[inside & (code > s)]]
        elif isinstance(response, Continuation):
            rows += [above[inside & (code == s)], -above[inside & (code > s)]]
        else:
            rows += [above[inside & (code == s)], -above[inside & (code == s + 1)]]
    return np.concatenate(rows)
