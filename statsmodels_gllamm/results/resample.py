"""Samples for the bootstrap: responses drawn from the model, or clusters drawn with replacement."""
from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np

from statsmodels_gllamm.estimation.boundary import zero_coordinates
from statsmodels_gllamm.estimation.refit import refit, start_again
from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.families.choice import Ranking
from statsmodels_gllamm.integration.mode import ModeError
from statsmodels_gllamm.integration.reweight import reweighted
from statsmodels_gllamm.latent.constrained import constrained
from statsmodels_gllamm.results.covariance import Units, independent_units, top_weight

UNKNOWN = ("event", "until", "entry")  # roles of a censored response that cannot be drawn anew


class Sampler:
    """Draws samples of one kind and fits the model to them.

    Parameters
    ----------
    results : GLLAMMResults
    kind : {"parametric", "cluster"}

    Raises
    ------
    ValueError, NotImplementedError
        What cannot be sampled.
    """

    def __init__(self, results, kind: str) -> None:
        self.results, self.kind = results, kind
        model, record = results.model, results.record
        self.design, working = model.design, record.working
        if record.constraints is not None:
            self.design = constrained(self.design, record.constraints)
            working = self.design.to_working(record.params)
        own = self.design.to_working(model.start_params)
        self.scale = np.abs(own)
        names = self.design.layout.names
        held = [i for i, name in enumerate(names) if name in record.boundary]
        self.start = start_again(self.design, working, own, np.array(held, dtype=int))
        if kind == "cluster":
            self.units = independent_units(model)
            self.weight = whole_weights(model, self.units)
            self.objective = self._objective(model)
        else:
            check_parametric(model)

    def _objective(self, model):
        return model._likelihood(self.results.record.n_quad, self.results.record.integration,
                                 design=self.design)

    def fit(self, rng) -> tuple[np.ndarray | None, str, bool]:
        """(natural parameters (k,) of one sample or None, why there are none, whether a variance is
        zero)."""
        try:
            found = refit(self._sampled(rng), self.start, self.scale)
        except (ModeError, DataError, np.linalg.LinAlgError) as error:
            return None, str(error).rstrip(","), False
        if not found.converged:
            return None, found.reason, False
        working = found.point.working
        return (self.design.to_natural(working), "",
                bool(len(zero_coordinates(self.design, working))))

    def _sampled(self, rng):
        """The log-likelihood of a sample."""
        model = self.results.model
        if self.kind == "parametric":
            y = np.asarray(self.results.simulate(1, rng)[0])
            return self._objective(with_response(model, y))
        total = self.weight.sum()
        drawn = rng.multinomial(int(total), self.weight / total).astype(float)
        return self._objective(with_weights(model, self.units, drawn))


def whole_weights(model, units: Units) -> np.ndarray:
    """Frequency weights (n,) of the independent units; ValueError if they are not whole numbers."""
    weight = top_weight(model, units)
    if (weight != np.rint(weight)).any():
        raise ValueError("a cluster bootstrap draws clusters, as many as their frequency weights say; "
                         f"one of these is {weight[weight != np.rint(weight)][0]:g}, not a whole "
                         "number")
    if np.count_nonzero(weight) < 2:
        raise ValueError("a cluster bootstrap needs two clusters or more")
    return weight


def with_weights(model, units: Units, weight: np.ndarray):
    """A copy of the model with other frequency weights (n,) of the independent units; its problems
    share all but the weights with those of the model."""
    light = copy.copy(model)
    if units.of_outcome is not None:
        weight = weight[units.of_outcome]
    light._problems = {key: None if problem is None else reweighted(problem, weight)
                       for key, problem in model._problems.items()}
    return light


def check_parametric(model) -> None:
    """Refuse models whose responses cannot be drawn as they were observed."""
    for name, weight in model.sample.weights.items():
        if (weight != 1).any():
            raise NotImplementedError(
                f"a parametric bootstrap is not available with frequency weights (of {name}): a "
                "response is drawn for every row of the data; repeat the rows instead, or use "
                "kind='cluster'")
    for role in model.sample.numbers:
        name = role[0] if isinstance(role, tuple) else role
        if name in UNKNOWN:
            raise NotImplementedError(
                f"a parametric bootstrap is not available for a censored response with {name}=: "
                "when responses that are drawn would be censored is not known; use kind='cluster'")


def with_response(model, y: np.ndarray):
    """The same model of other responses (n,), as ``simulate`` gives them."""
    sample, numbers = model.sample, dict(model.sample.numbers)
    if sample.endog.ndim == 2:
        y = np.column_stack([y, sample.endog.sum(axis=1) - y])
    elif sample.categories is not None:
        number = {label: k for k, label in enumerate(sample.categories)}
        y = np.array([number[label] for label in y], dtype=float)
        if len(np.unique(y)) < len(np.unique(sample.endog)):
            raise DataError("a category of the response is missing")
    for role, limit in numbers.items():
        name = role[0] if isinstance(role, tuple) else role
        if name in ("lower", "upper"):  # what is beyond a limit is known to be there only
            y = np.fmax(y, limit) if name == "lower" else np.fmin(y, limit)
    if isinstance(model.fitted_family, Ranking):
        y, numbers = _ranked(model, y, numbers)
    sample = replace(sample, endog=np.asarray(y, dtype=sample.endog.dtype), numbers=numbers)
    new = model._again(sample)
    if new.param_names != model.param_names:
        raise DataError("a category of the response is missing")
    return new


def _ranked(model, rank, numbers):
    """(response, numbers) with as many alternatives ranked in every set as in the data."""
    sample, codes = model.sample, model.sample.labels["set"][0]
    old = numbers.get("rank", sample.endog)
    ranked = np.bincount(codes, old > 0)
    drawn = np.where(rank <= ranked[codes], rank, 0.0)
    if "rank" not in numbers:
        return drawn, numbers
    return sample.endog, {**numbers, "rank": drawn}
