"""What the columns of predictions are: categories, counts and linear predictors."""
from __future__ import annotations

import numpy as np

from statsmodels_gllamm.results.rows import Asked, sample_data


def count_values(model, ask: Asked, values, above=None) -> tuple | None:
    """Counts whose probabilities are wanted: ``values``, or all that the sample has."""
    if ask.what not in ("prob", "cumulative"):
        for name, value in (("values", values), ("above", above)):
            if value is not None:
                raise ValueError(f"{name}= goes with which='prob' or 'cumulative'")
        return None
    if values is not None:
        values = np.atleast_1d(np.asarray(values))
        if values.ndim != 1 or (values < 0).any() or (values != np.rint(values)).any():
            raise ValueError("values= has counts 0, 1, ...")
        found = tuple(int(v) for v in values)
        if ask.what == "cumulative" and above is None:
            return found
        return found if above is None else tuple(range(_count(above) + 1))
    if above is not None and isinstance(above, (int, float, np.number)):
        return tuple(range(_count(above) + 1))
    largest = largest_count(model.sample)
    return None if largest is None else tuple(range(largest + 1))


def _count(above) -> int:
    return int(np.floor(above)) if above >= 0 else -1


def largest_count(sample) -> int | None:
    """The largest response, a number of successes where there are trials."""
    endog = sample.endog
    if not len(endog) or sample.categories is not None:
        return None
    if endog.ndim == 2:
        return int(endog.sum(axis=1).max())
    if sample.n_trials is not None:
        return int(np.max(sample.n_trials))
    return int(np.nanmax(endog)) if np.isfinite(endog).any() else None


def prob_columns(model, ask: Asked, values) -> list:
    """Columns of a prediction that has several."""
    if ask.what == "linear":
        return ["main" if p.label is None else p.label for p in model.structure.predictors]
    labels = model.fitted_family.prob_labels(sample_data(model.sample), values)
    return list((0, 1) if labels is None else labels)


def upper_from(family, labels, prob, above) -> np.ndarray:
    """P(Y <= k) (K, n) of all categories k, or P(Y > above) (n,), from probabilities (K, n)."""
    if not family.ordered:
        raise ValueError(f"{family.name} has categories without order, so that which='cumulative' "
                         "and above= have no meaning; use which='prob'")
    if labels is None:
        labels, prob = (0, 1), np.concatenate([1 - prob, prob])
    if above is None:
        return np.cumsum(prob, axis=0)
    raise NotImplementedError
