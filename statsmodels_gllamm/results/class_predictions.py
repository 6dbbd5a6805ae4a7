r"""Predictions of models with latent classes, and responses drawn from them.

.. math:: E(y_i) = \sum_c \pi_c(w_i)\, E(y_i \mid c), \qquad
          E(y_i \mid y_j) = \sum_c p_{jc}\, E(y_i \mid c, y_j)

with the posterior probabilities :math:`p_{jc}` of the cluster of the row (class_posterior.py).
"""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from statsmodels_gllamm.estimation.class_mixture import ClassMixture
from statsmodels_gllamm.estimation.options import integer, one_of
from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.formula.rows import as_frame
from statsmodels_gllamm.results import linear, regression
from statsmodels_gllamm.results.class_combinations import ancestors, combinations_of, labels_of
from statsmodels_gllamm.results.class_posterior import (
    class_average,
    class_shifts,
    in_classes,
    prior_average,
)
from statsmodels_gllamm.results.history import needs_sample
from statsmodels_gllamm.results.history_part import needed_history
from statsmodels_gllamm.results.labels import Tails, Wanted, wanted
from statsmodels_gllamm.results.normal_average import over_normal, variance_of
from statsmodels_gllamm.results.past import Known, known_by
from statsmodels_gllamm.results.predict_averages import (
    N_QUAD,
    check_mean,
    points_for,
    refuse_cut_sets,
)
from statsmodels_gllamm.results.rows import Asked, Rows, asked, rows_of

WHICH = ("mean", "posterior", "class", "prob", "var", "cumulative")


def predict_classes(model, params, data=None, which="mean", **kwargs) -> np.ndarray:
    """Predictions (m,) or (m, K) at any parameters; see ``ClassResults.predict``."""
    ready = prepare_classes(model, data, which, **kwargs)
    return ready.at(model.design.to_working(np.asarray(params, dtype=float)))


@dataclass(frozen=True, slots=True)
class PreparedClasses:
    """Predictions as a function of the working coordinates; as `predict.Prepared`.

    ``by_class``: one column for every combination of classes; ``known`` what posteriors are given.
    """

    model: object
    rows: Rows
    ask: Asked
    want: Wanted | Tails | None
    integration: str
    n_quad: tuple[int, ...]
    known: Known | None
    by_class: bool = False

    def at(self, working) -> np.ndarray:
        """Predictions (m,) or (m, K) at working coordinates (k,), NaN for incomplete rows."""
        if self.by_class:
            return self._filled(class_values(self.model, working, self.rows))
        average, moments, family = *self._average(working), self.model.fitted_family
        if self.ask.what == "mean":
            return self._filled(average(moments("mean")))
        if self.ask.what == "var":
            return self._filled(variance_of(average, moments))
        found = average(moments(self.want.kind))
        return self._filled(self.want.of(family, self.rows.data, found))

    def posterior_sd(self, working) -> np.ndarray | None:
        """Posterior standard deviation (m,) of the means given class and latent variables."""
        if self.ask != Asked("mean", "posterior"):
            return None
        return self._filled(np.sqrt(np.maximum(variance_of(*self._average(working), False), 0.0)))

    @property
    def columns(self):
        """What the predictions' columns are, or None."""
        if self.by_class:
            return labels_of(self.model.structure.classes)
        return self.want.columns(self.model.fitted_family, self.rows.data)

    def _average(self, working):
        """The function that averages, and the moments that it takes."""
        model, rows, family = self.model, self.rows, self.model.fitted_family
        outcomes = family.outcomes(rows.data)
        sets = linear.row_sets(outcomes)

        def check(a):
            if self.ask.what != "prob":
                check_mean(model, outcomes, a)

        def moments(kind):
            return lambda piece, aux: family.moments(kind, aux[:, piece], rows.data.on(piece),
                                                     None if self.want is None else self.want.counts)

        if self.known is None:
            parts = in_classes(model, working, rows, outcomes, sets is not None)
            for part in parts.values():
                check(part.a)
            return prior_average(model, working, rows, parts, sets), moments
        refuse_cut_sets(rows, sets, self.known.level, self.known.unit)
        return class_average(model, working, rows, outcomes, self.known.history, self.known.level,
                             self.known.unit, self.n_quad, sets, self.integration != "quadrature",
                             check), moments

    def _filled(self, found) -> np.ndarray:
        out = np.full((len(self.rows.kept),) + found.shape[:-1], np.nan)
        out[self.rows.kept] = np.moveaxis(found, -1, 0)
        return out


def prepare_classes(model, data=None, which="mean", given=None, above=None, values=None, offset=None,
                    exposure=None, n_trials=None, integration="adaptive", n_quad=N_QUAD, history=None,
                    time=None, latent=None) -> PreparedClasses:
    """Read the data of predictions; parameters as of `predict.predict`."""
    if latent is not None:
        raise NotImplementedError("latent= is not available for models with latent classes; "
                                  "which='class' has the means in every class")
    if given == "zero" or which in ("conditional", "linear"):
        name = "given='zero'" if given == "zero" else f"which={which!r}"
        raise ValueError(f"{name} has no meaning with latent classes; which='class' has the means "
                         "in every class")
    one_of("which", which, WHICH)
    if data is not None:
        data = as_frame(data)
    ask = Asked("mean", "prior") if which == "class" else asked(which, given)
    want = None if which == "class" else wanted(model, ask, values, above)
    rows = rows_of(model, data, ask, None, offset, exposure, n_trials)
    if rows.absent:
        raise DataError(f"predictions need the columns {', '.join(rows.absent)}, which the data do "
                        "not have")
    n_quad = points_for(model, integration, n_quad) if ask.given == "posterior" else (1,)
    return PreparedClasses(model, rows, ask, want, integration, n_quad, _given(
        model, data, rows, ask, history, time, offset, exposure, n_trials), which == "class")


def _given(model, data, rows: Rows, ask: Asked, history, time, offset, exposure,
           n_trials) -> Known | None:
    """What posteriors are given; None for priors."""
    if history is not None:
        if ask.given != "posterior":
            raise ValueError("history= goes with which='posterior', or given='posterior'")
        return known_by(model, data, rows, history, time, offset, exposure, n_trials)
    if time is not None:
        raise ValueError("time= goes with history='past'")
    if ask.given != "posterior":
        return None
    needs_sample(model)
    return Known(*needed_history(model, data, rows))


def class_values(model, working, rows: Rows, kind="mean") -> np.ndarray:
    """Means (K, n) of the responses in every combination of classes, or probabilities (K, m, n) of
    ``kind`` "prob"."""
    family, found = model.fitted_family, []
    outcomes = family.outcomes(rows.data)
    sets = linear.row_sets(outcomes)
    for part in in_classes(model, working, rows, outcomes, sets is not None).values():
        if kind == "mean":
            check_mean(model, outcomes, part.a)
        found.append(over_normal(part.o, part.a, sets)(
            lambda piece, aux=part.aux: family.moments(kind, aux[:, piece], rows.data.on(piece), None)))
    return np.array(found)


def simulate(results, n: int = 1, rng=None) -> pd.DataFrame:
    """Responses (rows, n) of the sample's rows; see ``GLLAMMResults.simulate``."""
    model, n = results.model, integer("n", n, 0)
    rng = np.random.default_rng(rng)
    working, family = results.record.working, model.fitted_family
    rows = rows_of(model, None, Asked("mean", "prior"))
    outcomes, columns = family.outcomes(rows.data), []
    mixture = ClassMixture(model.design, model.structure.classes)
    parts = {}
    for choice in combinations_of(model.structure.classes) if model.design.varying else [
            mixture.first.classes]:
        here = mixture.of_class(working, replace(mixture.first, classes=choice))
        o, c = linear.linear_parts(model, here, rows)
        root = regression.solution(model.design, here, rows.regressors)[1]
        parts[choice] = (o, regression.loadings(c, root),
                         linear.aux_predictors(model, here, outcomes, rows.data.n))
    shifts, levels = class_shifts(model, working, rows), model.structure.levels
    for _ in range(n):
        drawn = _drawn_classes(model, working, rng)
        own = [unit[levels[v.level].codes] for v, unit in zip(model.structure.classes, drawn)]
        o, a, aux = _of_classes(parts, own)
        u = np.concatenate([np.zeros((0, o.shape[1])), *(
            rng.standard_normal((q, level.n_units))[:, level.codes]
            for level, q in zip(levels, model.design.q))])
        nu = o + np.einsum("pdn,dn->pn", a, u)
        for shift, c in zip(shifts, own):
            nu = nu + np.moveaxis(shift, 0, -1)[:, np.arange(len(c)), c]
        value = family.simulate(rng, nu, aux, rows.data)
        if model.sample.endog.ndim == 2:
            value = np.rint(value * rows.data.n_trials)
        columns.append(value)
    return pd.DataFrame(dict(enumerate(columns)), index=model.sample.index, columns=range(n))


def _drawn_classes(model, working, rng) -> list[np.ndarray]:
    """A class (n_units,) for every unit of every variable, from the highest level down."""
    variables, levels = model.structure.classes, model.structure.levels
    delta = working[model.design.layout.positions("prob")]
    found: dict[int, np.ndarray] = {}
    for v in sorted(variables, key=lambda own: -own.level):
        above = [found[other.number][ancestors(levels, v.level, variables[other.number].level)]
                 for other in v.above]
        w = [v.membership, *(np.eye(len(other.labels))[c][:, 1:]
                             for other, c in zip(v.above, above))]
        edges = np.cumsum(np.exp(v.log_probabilities(delta[v.places[1]], np.hstack(w))), axis=0)
        drawn = (rng.random(levels[v.level].n_units) > edges[:-1]).sum(axis=0)
        found[v.number] = np.where(v.known >= 0, v.known, drawn)
    return [found[number] for number in range(len(variables))]


def _of_classes(parts, own):
    """Offsets (P, n), loadings (P, D, n) and auxiliary predictors (m, n) of rows in their classes."""
    if len(parts) == 1:
        return next(iter(parts.values()))
    out = None
    for choice, values in parts.items():
        here = np.all([c == k for c, k in zip(own, choice)], axis=0)
        out = [np.zeros_like(x) for x in values] if out is None else out
        for whole, x in zip(out, values):
            whole[..., here] = x[..., here]
    return out
