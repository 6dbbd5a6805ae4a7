"""Auxiliary parameters: thresholds, dispersions, scales and guessing, and what each is the log of."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit


@dataclass(frozen=True, slots=True)
class Auxiliary:
    """A kind of auxiliary parameter.

    Attributes
    ----------
    block : str
        "threshold", "dispersion", "scale", "guessing" or "auxiliary": the table it stands in.
    meaning : str
    symbol : str
        The quantity itself, "" for none, and ``value`` what gives it.
    dispersion : bool
        The square of the quantity is the dispersion parameter of the family.
    """

    block: str
    meaning: str
    symbol: str = ""
    value: Callable = np.exp
    dispersion: bool = False


def _inverse(x):
    return np.exp(-x)


KINDS = {
    "cut": Auxiliary("threshold", "threshold"),
    "logstep": Auxiliary("threshold", "log of the step from the threshold below", "step"),
    "logsd": Auxiliary("dispersion", "log of the residual standard deviation", "sd",
                       dispersion=True),
    "logsd of LogNormal": Auxiliary(
        "dispersion", "log of the standard deviation of the response's logarithm", "sd of log"),
    "logsd of StudentT": Auxiliary("dispersion", "log of the scale of the t distribution", "scale"),
    "logdf": Auxiliary("dispersion", "log of the degrees of freedom", "df"),
    "logcv": Auxiliary("dispersion", "log of the coefficient of variation", "cv", dispersion=True),
    "logscale of InverseGaussian": Auxiliary(
        "dispersion", "log of sqrt(phi), variance = phi mean^3", "sqrt(phi)", dispersion=True),
    "logsize": Auxiliary("dispersion", "-log(alpha), variance = mean + alpha mean^2", "alpha",
                         _inverse),
    "logsize of NegativeBinomial1": Auxiliary(
        "dispersion", "-log(alpha), variance = mean (1 + alpha)", "alpha", _inverse),
    "logdisp": Auxiliary("dispersion", "log(alpha), variance = mean (1 + alpha)^2", "alpha"),
    "logdisp of GeneralizedPoisson2": Auxiliary(
        "dispersion", "log(alpha), variance = mean (1 + alpha mean)^2", "alpha"),
    "logprec": Auxiliary("dispersion", "log of the precision", "precision"),
    "logshape": Auxiliary("dispersion", "log of the shape", "shape"),
    "logscale": Auxiliary("scale", "log of the scale that divides the linear predictor", "scale"),
    "logitguess": Auxiliary("guessing", "logit of the probability of guessing", "P", expit),
    "logitslip": Auxiliary("guessing", "logit of the probability of slipping", "P", expit),
}
USERS = Auxiliary("auxiliary", "auxiliary parameter of the log density")


def kinds_of(model) -> dict[str, Auxiliary]:
    """The kind of every auxiliary parameter."""
    owners = [(name, member.response) for member in model.outcomes.members
              for name in member.response.aux_names]
    return {parameter: _kind(parameter.partition("[")[0], owners[number][1])
            for block in model.outcomes.aux for parameter, _, number in block.terms}


def _kind(name: str, response) -> Auxiliary:
    while response is not None:
        family = response.name.partition("(")[0]
        if family == "Custom":
            return USERS
        if f"{name} of {family}" in KINDS:
            return KINDS[f"{name} of {family}"]
        response = getattr(response, "inner", None)
    return KINDS.get(name, USERS)


def alone(model) -> frozenset[str]:
    """Parameters that are an auxiliary predictor by themselves, in all rows where they count."""
    found, others = set(), set()
    for block in model.outcomes.aux:
        by_predictor: dict = {}
        for parameter, column, number in block.terms:
            by_predictor.setdefault(number, []).append((parameter, column))
        for terms in by_predictor.values():
            columns = [column for _, column in terms]
            whole = columns == list(range(block.values.shape[1]))
            values = block.values if whole else block.values[:, columns]
            used = values != 0
            used &= (used.sum(axis=1) != 1)[:, None] | (values != 1)
            for (parameter, _), wrong in zip(terms, used.any(axis=0)):
                (others if wrong else found).add(parameter)
    return frozenset(found - others)


def derived(kind: Auxiliary, name: str, estimate: float, known: frozenset[str]) -> float:
    """The quantity that a parameter is a function of; NaN where it is that of no row."""
    if not kind.symbol or name not in known:
        return np.nan
    with np.errstate(over="ignore"):
        return float(kind.value(estimate))


def auxiliary_table(model, params, bse, known, thresholds: bool) -> pd.DataFrame:
    """Thresholds: "estimate" and "std err"; or the other auxiliary parameters, with the "value" of
    the quantity and their "meaning"."""
    kinds = kinds_of(model)
    at = [i for i in model.design.layout.positions("aux")
          if (kinds[model.param_names[i]].block == "threshold") == thresholds]
    names = [model.param_names[i] for i in at]
    table = {"estimate": params[at], "std err": bse[at]}
    if not thresholds:
        own = [kinds[name] for name in names]
        table["value"] = [derived(k, name, x, known) for k, name, x in zip(own, names, params[at])]
        table["meaning"] = pd.Series([k.meaning for k in own], dtype=object).to_numpy()
    return pd.DataFrame(table, index=names)


def scale(model, params: np.ndarray, known: frozenset[str]) -> float:
    """The family's dispersion parameter: the residual variance of a Gaussian model, 1 where the
    family has none, and NaN where it is not one number."""
    kinds = kinds_of(model)
    mine = [name for name, kind in kinds.items() if kind.dispersion]
    if not mine:
        return 1.0
    if len(mine) > 1 or len(model.outcomes.members) > 1 or mine[0] not in known:
        return np.nan
    return float(kinds[mine[0]].value(params[model.param_names.index(mine[0])]) ** 2)
