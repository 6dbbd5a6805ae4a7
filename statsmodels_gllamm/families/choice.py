"""Families of choices among the alternatives of a set: one of them, or a ranking."""
from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.families.base import (
    Family,
    FamilyData,
    Member,
    Outcomes,
    aux_blocks,
    refuse_formula,
)
from statsmodels_gllamm.families.scale import is_scaled, refuse_constant_scale, scale_formula
from statsmodels_gllamm.families.sets import RowSets, SortedSets, column_names
from statsmodels_gllamm.responses import choice
from statsmodels_gllamm.responses.validation import as_numbers, no_trials, refuse
from statsmodels_gllamm.spec import Needs

INTERCEPT = frozenset({"exog", "dispersion"})


class _InSets(Family):
    """A family whose rows are the alternatives of sets; a row is chosen, or ranked first."""

    ordered = False
    what: ClassVar[str] = "Choices"

    def __post_init__(self) -> None:
        object.__setattr__(self, "set", column_names(self.set, "set"))

    def fitted(self, data: FamilyData) -> Family:
        refuse_constant_scale(self.name, data)
        return self

    def count(self, data: FamilyData) -> tuple[str, int]:
        return self.what, RowSets.of(data, "set", self.set).size

    def prob_labels(self, data: FamilyData, values=None) -> None:
        return None

    def moments(self, kind, aux, data, values=None):
        response = choice.Choice(scaled=is_scaled(data))
        sets = SortedSets(data.labels["set"][0])
        aux = sets.sorted(aux)
        of_row = response.variance if kind == "var" else response.mean

        def moment(nu):
            value = sets.back(of_row(sets.sorted(nu[0]), aux, None, sets))
            return value[None] if kind == "prob" else value

        return moment


def choice_outcomes(response, data, y, **layout) -> Outcomes:
    """Outcomes of one response, whose rows have ``y`` one where they are chosen."""
    return Outcomes((Member(response, np.ascontiguousarray(y, dtype=np.float64)[None]),),
                    aux=aux_blocks(response, data), **layout)


@dataclass(frozen=True)
class Choice(_InSets):
    r"""Choice of one alternative out of a set: the conditional logit model.

    The data are long, one row per alternative of every choice set; the response is 1 in the row of
    the alternative chosen, and 0 in the others. Sets may differ in size and composition.

    Parameters
    ----------
    set : str or list of str
        Column whose values tell the choice sets apart, or columns whose combinations do.
    alternative : str, optional
        Column with the alternatives' labels. It is used for one check only, that no alternative
        stands twice in a set; for alternative-specific constants put ``C(alternative)`` in the
        formula.

    Notes
    -----
    .. math::

        P(i \mid s) = \frac{\exp(\nu_i e^{-\phi_s})}{\sum_{j \in s} \exp(\nu_j e^{-\phi_s})}

    The constant is left out of the formula; terms that do not vary within sets, such as income, make
    sense in products with all alternatives but one only: ``I((mode == 2) * income)``. Random
    intercepts are given to all alternatives but one, and the loadings of a factor need two of them
    fixed, at 0 and at 1, because only differences between alternatives matter. With ``dispersion``,
    whose constant is left out too, the log scale :math:`\phi_s`, "logscale", differs between sets;
    its columns must be the same on all rows of a set. A set of one row adds nothing to the
    likelihood. All rows of a set must belong to the same cluster at every level. Where a value is
    missing in one row of a set the whole set is dropped, because a set that lacks an alternative is
    another choice.

    References
    ----------
    McFadden, D. (1973). Conditional logit analysis of qualitative choice behavior. In P. Zarembka
    (ed.), *Frontiers in Econometrics*, 105-142. Academic Press, New York.

    Skrondal, A. and Rabe-Hesketh, S. (2003). Multilevel logistic regression for polytomous data
    and rankings. *Psychometrika* 68, 267-287.

    Examples
    --------
    >>> from statsmodels_gllamm import families
    >>> families.Choice(set="trip", alternative="mode").name
    'Choice(logit)'
    >>> families.Choice(set=["person", "task"]).set
    ('person', 'task')
    """

    unread: ClassVar[frozenset[str]] = frozenset({"alternative"})
    _: KW_ONLY
    set: str | tuple[str, ...]
    alternative: str | None = None

    @property
    def name(self) -> str:
        return "Choice(logit)"

    def needs(self, dispersion=None, thresholds=None) -> Needs:
        refuse_formula(self.name, thresholds=thresholds)
        labels = {"set": self.set}
        if self.alternative is not None:
            labels["alternative"] = self.alternative
        return Needs(labels=labels, formulas=scale_formula(dispersion), without_intercept=INTERCEPT,
                     whole={"set": None})

    def outcomes(self, data: FamilyData) -> Outcomes:
        sets = RowSets.of(data, "set", self.set)
        scaled = is_scaled(data)
        if scaled:
            sets.refuse_varying(data.designs["dispersion"], "dispersion", "choice set")
        self._refuse_twice(data, sets)
        y = np.zeros(data.n) if data.endog is None else _chosen(data, sets, self.name)
        return choice_outcomes(choice.Choice(scaled=scaled), data, y, sets=sets.numbers)

    def simulate(self, rng, nu, aux, data):
        sets = SortedSets(data.labels["set"][0])
        response = choice.Choice(scaled=is_scaled(data))
        return sets.back(response.simulate(rng, sets.sorted(nu[0]), sets.sorted(aux), None, sets))

    def _refuse_twice(self, data, sets) -> None:
        if self.alternative is None or "alternative" not in data.labels:
            return
        codes, labels = data.labels["alternative"]
        pairs = sets.numbers.astype(np.int64) * len(labels) + codes
        found, first, counts = np.unique(pairs, return_index=True, return_counts=True)
        if (counts > 1).any():
            twice = first[np.flatnonzero(counts > 1)[0]]
            raise DataError(
                f"The alternative {labels[codes[twice]]} stands more than once in the choice set "
                f"{sets.name(sets.numbers[twice])}: every row of a set must be another alternative. "
                "Check set= and alternative=.")


def _chosen(data: FamilyData, sets: RowSets, name: str) -> np.ndarray:
    """The response (n,) if it is 1 on one row of each set and 0 on the others."""
    no_trials(data.n_trials, name)
    y, index = as_numbers(data.endog, name, data.index)
    refuse((y != 0) & (y != 1), y, index, name,
           "it must be 1 in the row of the alternative chosen and 0 in the others")
    chosen = sets.sum(y)
    bad = chosen != 1
    if bad.any():
        how = "no row" if chosen[np.flatnonzero(bad)[0]] == 0 else (
            f"{chosen[np.flatnonzero(bad)[0]]:g} rows")
        raise DataError(
            f"{name} response is 1 in {how} of the choice set {sets.names(bad)}: it must be in "
            "exactly one. Drop such sets, or check set=.")
    return y


@dataclass(frozen=True)
class Ranking(_InSets):
    r"""Ranking of the alternatives of a set: the exploded or rank-ordered logit model.

    The data are long, one row per alternative of every set; the response is the rank, 1 the best.

    Parameters
    ----------
    set : str or list of str
        Column whose values tell the sets apart, or columns whose combinations do.
    rank : str, optional
        Column with the ranks, in place of the formula's left side.

    Notes
    -----
    A ranking is a sequence of choices: the best out of all, the next out of the rest, and so on,

    .. math:: P = \prod_{k} \frac{\exp(\nu_{(k)})}{\sum_{j \ge k} \exp(\nu_{(j)})}

    A rank of 0 says that an alternative was not ranked: it is below all that were, in no known
    order. So the first choice only is a ranking of 1, 0, 0, .... Ranks need not be consecutive;
    ties are not allowed. A set with one row, or with no rank at all, adds nothing to the
    likelihood. Where a value is missing in one row of a set the whole set is dropped. The constant is
    left out of the formula. With ``dispersion``, whose columns must be
    the same on all rows of a set, linear predictors are multiplied with
    :math:`\exp(-\text{logscale})`. Predictions are of being ranked first.

    References
    ----------
    Beggs, S., Cardell, S. and Hausman, J. (1981). Assessing the potential demand for electric cars.
    *Journal of Econometrics* 17, 1-19.

    Chapman, R. G. and Staelin, R. (1982). Exploiting rank ordered choice set data within the
    stochastic utility model. *Journal of Marketing Research* 19, 288-301.

    Examples
    --------
    >>> from statsmodels_gllamm import families
    >>> families.Ranking(set="respondent").name
    'Ranking(logit)'
    """

    what: ClassVar[str] = "Rankings"
    _: KW_ONLY
    set: str | tuple[str, ...]
    rank: str | None = None

    @property
    def name(self) -> str:
        return "Ranking(logit)"

    def needs(self, dispersion=None, thresholds=None) -> Needs:
        refuse_formula(self.name, thresholds=thresholds)
        numbers = {} if self.rank is None else {"rank": self.rank}
        return Needs(numbers=numbers, labels={"set": self.set}, formulas=scale_formula(dispersion),
                     without_intercept=INTERCEPT, with_response=frozenset(numbers),
                     whole={"set": None})

    def outcomes(self, data: FamilyData) -> Outcomes:
        sets = RowSets.of(data, "set", self.set)
        scaled = is_scaled(data)
        if scaled:
            sets.refuse_varying(data.designs["dispersion"], "dispersion", "set")
        response = choice.Choice(scaled=scaled, family="Ranking")
        if data.endog is None:
            return choice_outcomes(response, data, np.zeros(data.n), sets=sets.numbers)
        rows, stage, y = stages(self._ranks(data, sets), sets.numbers)
        return choice_outcomes(response, data, y, rows=rows, sets=stage)

    def simulate(self, rng, nu, aux, data):
        """Ranks 1, 2, ... of all alternatives."""
        codes = data.labels["set"][0]
        noisy = (nu[0] * np.exp(-aux[0]) if len(aux) else nu[0]) + rng.gumbel(size=data.n)
        order = np.lexsort((-noisy, codes))
        sets = SortedSets(codes[order])
        rank = np.empty(data.n)
        rank[order] = 1.0 + np.arange(data.n) - sets.spread(sets.starts)
        return rank

    def _ranks(self, data, sets) -> np.ndarray:
        """Ranks (n,), zero where there is none."""
        no_trials(data.n_trials, self.name)
        values = data.endog if self.rank is None else data.numbers["rank"]
        rank, index = as_numbers(values, self.name, data.index)
        refuse((rank < 0) | (rank != np.rint(rank)), rank, index, self.name,
               "it must be a rank, 1, 2, ... from the best, or 0 for not ranked")
        order = np.lexsort((rank, sets.numbers))
        r, s = rank[order], sets.numbers[order]
        tie = np.flatnonzero((r[1:] == r[:-1]) & (s[1:] == s[:-1]) & (r[1:] > 0))
        if len(tie):
            raise DataError(
                f"{self.name} response has the rank {r[tie[0]]:g} more than once in the set "
                f"{sets.name(s[tie[0]])}: ties are not allowed. Break them, or give 0 to the "
                "alternatives whose order is not known if they are the last ones.")
        return rank


def stages(rank, sets) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Explode rankings into choices.

    Parameters
    ----------
    rank, sets : ndarray (n,)
        Ranks, zero for not ranked, and sets 0, 1, ....

    Returns
    -------
    rows, stage, y : ndarray (n_e,)
        The row, the choice and whether it is the one chosen, of every alternative of all choices.
        Every row is in one choice or more: on its own where there is nothing to choose.
    """
    n = len(rank)
    order = np.lexsort((np.where(rank > 0, rank, np.inf), sets))
    counts = np.bincount(sets)
    last = np.repeat(np.cumsum(counts), counts)  # one past the end of each row's set
    left = last - np.arange(n)  # alternatives left when it is this one's turn
    ranked = rank[order] > 0
    useful = ranked & (left > 1)
    idle = ~(np.bincount(sets[order], useful) > 0)[sets[order]]  # nothing to choose in its set
    size = np.where(useful, left, idle.astype(np.int64))
    start = np.flatnonzero(size)
    size = size[start]
    stage = np.repeat(np.arange(len(start)), size)
    within = np.arange(len(stage)) - np.repeat(np.cumsum(size) - size, size)
    return order[start[stage] + within], stage, (within == 0).astype(np.float64)
