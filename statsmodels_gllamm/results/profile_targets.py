"""Which function of the coordinates a parameter or a correlation is, and between which bounds."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.estimation.profile_curve import Target
from statsmodels_gllamm.results.components import correlations
from statsmodels_gllamm.results.wald import covariances_of_fixed


def status_of(results) -> dict[str, str]:
    """"fixed", "flat" or "boundary" of parameters that are not simply free."""
    record, names = results.record, results.model.param_names
    out = dict.fromkeys(record.boundary, "boundary")
    out |= {name: "flat" for direction in record.flat for name in direction}
    if record.constraints is not None:
        out |= {names[i]: "fixed" for i in record.constraints.fixed}
    return out


def target_of(results, design, name: str, status) -> tuple[Target | None, str]:
    """What is profiled, or why it cannot be."""
    model, names = results.model, results.model.param_names
    if name not in names:
        own = next(q for q in correlations(model) if q.name == name)
        flat = [names[i] for i in own.positions if status.get(names[i]) == "flat"]
        if flat:
            return None, "flat: the log-likelihood does not change in a direction"
        if all(status.get(names[i]) == "fixed" for i in own.positions):
            return None, "fixed"
        return Target(name, own.function, (-1.0, 1.0)), ""
    j = names.index(name)
    if status.get(name) == "fixed":
        return None, "fixed"
    if status.get(name) == "flat":
        return None, "flat: the log-likelihood does not change in a direction"
    function = _Element(j)
    for s, c in design.inner.cov_slices():
        if s.start <= j < s.stop:
            i, k = c.pairs()[j - s.start]
            if i == k:
                return Target(name, function, (0.0, np.inf), True, c.direct,
                              _row_of(design, s, c, i)), ""
            most = covariances_of_fixed(results).get(j, np.inf)
            return Target(name, function, (-most, most), linear=c.direct), ""
    centring = design.inner.centring
    linear = centring is None or j not in centring.touched
    ends = (False, False)
    if status.get(name) == "boundary":
        positive = results.record.params[j] > 0
        ends = (not positive, positive)
    return Target(name, function, linear=linear, ends=ends), ""


@dataclass(frozen=True, slots=True)
class _Element:
    """One natural parameter."""

    number: int

    def __call__(self, natural):
        return natural[..., self.number]


def _row_of(design, s, c, i) -> np.ndarray:
    """Search coordinates that are zero where the variance of latent variable i is; none where that
    cannot be said by coordinates."""
    pairs = c.pairs() if c.direct else c.places()
    row = [s.start + k for k, pair in enumerate(pairs) if pair[0] == i or (c.direct and i in pair)]
    if c.kind == "pattern" and any(
            c.pattern[max(i, m)][min(i, m)] not in (None, 0) for m in range(c.q) if m != i):
        return np.zeros(0, dtype=int)
    if not hasattr(design, "constraints"):
        return np.array(row, dtype=int)
    constraints = design.constraints
    if c.direct:  # the fixed ones are zero already, or the bound cannot be reached
        fixed = {int(p) for p in constraints.fixed if constraints.shift[p] == 0}
        row = [p for p in row if p not in fixed]
        others = np.flatnonzero((constraints.basis != 0).sum(axis=0) > 1)
        if any(p not in constraints.free or p in constraints.free[others] for p in row):
            return np.zeros(0, dtype=int)
    return np.searchsorted(constraints.free, row)


def curvature_of(record, scale) -> np.ndarray:
    """Observed information in all coordinates; of those held the inverse square of their size."""
    information = record.information
    out = np.diag(1 / np.maximum(scale, 1e-3)**2)
    if len(information.free):
        out[np.ix_(information.free, information.free)] = information.matrix
    return out


def error_of(design, target: Target, working, record) -> float:
    """Standard error of what is profiled, from the observed information."""
    free = record.information.free
    steps = working + 1e-30j * np.eye(len(working))
    with np.errstate(all="ignore"):
        slope = target.function(design.to_natural(steps)).imag[free] / 1e-30
        return float(np.sqrt(slope @ record.information.inverse @ slope))
