r"""Expected responses at values of a variable, averaged over the rows of the sample.

.. math:: \bar f(v) = \frac{1}{\sum_i w_i} \sum_i w_i f(x_i; x_{ik} = v)

with latent variables integrated out: the partial dependence of the response on a variable.  Errors
are those of the delta method, intervals Wald's on the scale of logits of probabilities, logs of
positive means, or the mean itself.
"""
from __future__ import annotations

from dataclasses import dataclass
import re

import numpy as np
import pandas as pd

from statsmodels_gllamm.families.mixed import MixedFamily
from statsmodels_gllamm.results.delta import estimates
from statsmodels_gllamm.results.expected import expected
from statsmodels_gllamm.results.intraclass import interval_table
from statsmodels_gllamm.results.marginal_effects import mixed_outcomes
from statsmodels_gllamm.results.variables import (
    CENTRES,
    Population,
    centred,
    changed,
    sample_population,
    stacked,
    variables_of,
    with_column,
)

WRAPPED = re.compile(r"^(Scaled |(ZeroInflated|Hurdle|Truncated|ZeroTruncated|Censored)\()+")
FEW, POINTS = 12, 25
QUARTILES = (0.25, 0.5, 0.75)
POSITIVE = ("Poisson", "NegativeBinomial", "NegativeBinomial1", "GeneralizedPoisson",
            "GeneralizedPoisson2", "Gamma", "InverseGaussian", "LogNormal", "LogLogistic", "Weibull",
            "Exponential")
FRACTIONS = ("Binomial", "BetaBinomial", "Beta", "IRT3PL", "IRT4PL")


@dataclass(frozen=True, eq=False)
class Averages:
    """Averaged expectations.

    Attributes
    ----------
    table : DataFrame
        estimate, std_err, conf_low, conf_high, indexed by the variable, by ``by`` and by the
        category, as far as there are such.
    variable : str
    by : str or None
    categorical : bool
        The variable is.
    outcomes : tuple or None
        Categories, or labels of a mixed response.
    """

    table: pd.DataFrame
    variable: str
    by: str | None
    categorical: bool
    outcomes: tuple | None


def averages(results, variable, by=None, values=None, at="overall", atexog=None, latent="integrate",
             alpha=0.05, what="average_predictions()") -> Averages:
    """Averaged expectations; see ``GLLAMMResults.average_predictions``."""
    model = results.model
    if at not in ("overall", *CENTRES):
        raise ValueError(f"at must be one of 'overall', {', '.join(map(repr, CENTRES))}, not {at!r}")
    population = sample_population(model, what)
    known = variables_of(model, population.data)
    for name in (variable, *([by] if by is not None else [])):
        if name not in known:
            raise ValueError(f"{name!r} is no variable of the formula; there are "
                             f"{', '.join(known) or '(none)'}")
        if isinstance(model.fitted_family, MixedFamily) and name == model.fitted_family.by:
            raise ValueError(f"{name!r} says which response a row is of, and cannot be varied; "
                             "predictions are by response whatever the variable")
    if by == variable:
        raise ValueError(f"by is {by!r}, the variable itself; name another one")
    own, given = (values, None) if not isinstance(values, dict) else (
        values.get(variable), values.get(by))
    grid = _grid(population, known[variable], own, POINTS)
    groups = [None] if by is None else _grid(population, known[by], given, 0)
    population = _rest(model, population, known, (variable, by), at, atexog, latent)
    copies = []
    for level in groups:
        data = population.data if by is None else with_column(population.data, by, level)
        copies += [with_column(data, variable, value) for value in grid]
    sought = expected(results, stacked(copies), np.tile(population.offset, len(copies)), latent, what)
    outcomes, masks = mixed_outcomes(model, sought, len(population.weight))

    def function(working):
        f = sought.at(working)
        f, weight = f.reshape(len(f), len(copies), -1), population.weight * masks
        if len(masks) > 1:
            f = np.where(masks[:, None] > 0, f, 0.0)
        return ((f * weight[:, None]).sum(axis=-1) / weight.sum(axis=-1)[:, None]).T

    found, cov = estimates(results, function)
    places = [(value, *((level,) if by is not None else ()), *((k,) if outcomes else ()))
              for level in groups for value in grid for k in outcomes or [None]]
    names = [variable, *([by] if by is not None else []), *(["response"] if outcomes else [])]
    index = (pd.Index([p[0] for p in places], name=variable) if len(names) == 1 else
             pd.MultiIndex.from_tuples(places, names=names))
    table = interval_table(found, np.sqrt(np.diag(cov)), alpha, index,
                           transform_of(model, sought.labels))
    return Averages(table, variable, by, known[variable].levels is not None, outcomes)


def _rest(model, population: Population, known, without, at, atexog, latent) -> Population:
    """What is averaged over."""
    if at in CENTRES:
        return changed(centred(model, population, known, at), atexog or {}, "atexog")
    population = changed(population, atexog or {}, "atexog")
    if latent == "posterior":
        return population
    names = [name for name in known if name not in without]
    return population.merged(model, names)


def _grid(population: Population, variable, values, points: int) -> list:
    """Values of a variable."""
    if values is not None:
        values = [values] if np.ndim(values) == 0 else list(values)
        if variable.levels is not None and (wrong := [v for v in values if v not in variable.levels]):
            raise ValueError(f"values has {wrong[0]!r} for {variable.name!r}; there are "
                             f"{', '.join(map(str, variable.levels))}")
        return values
    if variable.levels is not None:
        return list(variable.levels)
    x = population.data[variable.name].to_numpy(dtype=float)
    distinct = np.unique(x[population.weight > 0])
    if len(distinct) <= (FEW if points else 4):
        return distinct.tolist()
    if points:
        return np.linspace(distinct[0], distinct[-1], points).tolist()
    order = np.argsort(x, kind="stable")
    upto = np.cumsum(population.weight[order])
    return [float(x[order[np.searchsorted(upto, q * (1 - 1e-12))]]) for q in QUARTILES]


def transform_of(model, labels) -> str | None:
    """The scale on which intervals are made."""
    responses = [member.response for member in model.outcomes.members]
    names = [WRAPPED.sub("", r.name).partition("(")[0] for r in responses]
    if labels is not None or all(name in FRACTIONS for name in names):
        return "logit"
    return "log" if names[0] in POSITIVE else None

