"""What probabilities are of: categories, counts and values, one by one, up to each, or above one."""
from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import ClassVar

import numpy as np

from statsmodels_gllamm.families.mixed import MixedFamily
from statsmodels_gllamm.families.moments import has_tails
from statsmodels_gllamm.families.ordinal import Ordinal
from statsmodels_gllamm.results.rows import Asked


@dataclass(frozen=True)
class Wanted:
    """Which probabilities are wanted, and how to get them from those of single categories.

    Attributes
    ----------
    ask : Asked
    above : object
        The category that the response exceeds; None for all single or cumulative probabilities.
    values : tuple of int or None
        The counts of a response that is one; None where the sample is not known.
    """

    kind: ClassVar[str] = "prob"
    ask: Asked
    above: object = None
    values: tuple[int, ...] | None = None

    @property
    def counts(self) -> tuple[int, ...] | None:
        """Counts whose probabilities are computed."""
        if isinstance(self.above, Real):
            return tuple(range(int(np.floor(self.above)) + 1)) if self.above >= 0 else ()
        if self.ask.what == "cumulative" and self.values:
            return tuple(range(max(self.values) + 1))
        return self.values

    def columns(self, family, data) -> tuple | None:
        """What the predictions' columns are; None where there is one prediction for each row."""
        labels = family.prob_labels(data, self.counts)
        if self.above is not None or (labels is None and self.ask.what == "prob"):
            return None
        if labels is None:
            return 0, 1
        counted = labels == self.counts and not _is_categorical(family)
        return self.values if counted else labels

    def of(self, family, data, prob) -> np.ndarray:
        """The predictions (K, n) or (n,), from probabilities (K, n)."""
        labels = family.prob_labels(data, self.counts)
        single = self.ask.what == "prob" and self.above is None
        if single:
            return prob[0] if labels is None else prob
        if not family.ordered:
            raise ValueError(f"{family.name} has no categories with an order, so that "
                             "which='cumulative' and above= have no meaning; use which='prob'")
        if labels is None:
            labels, prob = (0, 1), np.concatenate([1 - prob, prob])
        if self.above is None:
            upto = np.cumsum(prob, axis=0)
            counted = labels == self.counts and not _is_categorical(family)
            return upto[list(self.values)] if counted else upto
        if labels == self.counts and not _is_categorical(family):
            if not isinstance(self.above, Real):
                raise ValueError(f"above= takes a number, not {self.above!r}")
            return np.maximum(1 - prob.sum(axis=0), 0.0)
        return prob[_above(labels, self.above)].sum(axis=0)


@dataclass(frozen=True)
class Tails:
    """Probabilities that a continuous response is at most, or above, some values.

    ``kind`` is "below" or "above", ``counts`` has the values; a single one makes no columns.
    Otherwise as `Wanted`.
    """

    kind: str
    counts: tuple[float, ...]
    single: bool

    def columns(self, family, data) -> tuple | None:
        return None if self.single else self.counts

    def of(self, family, data, prob) -> np.ndarray:
        return prob[0] if self.single else prob


def _tails(model, ask: Asked, values, above) -> Tails | None:
    """What is wanted of a continuous response; None for other responses."""
    family = model.fitted_family
    if isinstance(family, MixedFamily) or not has_tails(model.outcomes.members[0].response):
        return None
    if above is None and ask.what == "prob":
        return None
    if above is None and values is None:
        raise ValueError(f"which='cumulative' of {family.name} needs values=, such as [1, 2.5], for "
                         "P(Y <= v) of each, or above= for P(Y > v)")
    if above is not None and values is not None:
        raise ValueError("values= is for P(Y <= v), above= for P(Y > v); give one of them")
    name, given = ("values", values) if above is None else ("above", above)
    found = np.asarray(given)
    if found.ndim > 1 or not found.size or found.dtype.kind not in "biuf" or (
            not np.isfinite(found).all()):
        raise ValueError(f"{name}= takes a finite number or several, not {given!r}")
    single = name == "above" and found.ndim == 0
    return Tails("below" if above is None else "above", tuple(np.atleast_1d(found).tolist()), single)


def wanted(model, ask: Asked, values=None, above=None) -> Wanted | Tails | None:
    """What is wanted, from the arguments of `predict`; None where no probabilities are."""
    if ask.what not in ("prob", "cumulative"):
        for name, value in (("values", values), ("above", above)):
            if value is not None:
                raise ValueError(f"{name}= goes with which='prob' or 'cumulative'")
        return None
    if (tails := _tails(model, ask, values, above)) is not None:
        return tails
    if values is None:
        largest = _largest_count(model.sample)
        return Wanted(ask, above, None if largest is None else tuple(range(largest + 1)))
    found = np.atleast_1d(np.asarray(values, dtype=float))
    if found.ndim != 1 or not found.size or (found < 0).any() or (found != np.rint(found)).any():
        raise ValueError(f"values= takes counts 0, 1, ..., not {values!r}")
    return Wanted(ask, above, tuple(int(v) for v in found))


def _is_categorical(family) -> bool:
    """Whether the family learned its categories from the data."""
    return isinstance(family, Ordinal)


def _above(labels, above) -> list[int]:
    """Places of the categories above one."""
    if isinstance(above, Real) and all(isinstance(label, Real) for label in labels):
        return [k for k, label in enumerate(labels) if label > above]
    if np.ndim(above) or above not in labels:
        raise ValueError(f"above={above!r} is no category; there are {', '.join(map(repr, labels))}")
    return list(range(labels.index(above) + 1, len(labels)))


def _largest_count(sample) -> int | None:
    """The largest response, or number of trials."""
    endog = sample.endog
    if not len(endog) or sample.categories is not None:
        return None
    if endog.ndim == 2:
        return int(endog.sum(axis=1).max())
    return int(np.max(endog if sample.n_trials is None else sample.n_trials))
