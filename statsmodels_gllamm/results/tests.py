"""Differences between the levels of a term, and what tells the data of two fits apart."""
from __future__ import annotations

import copy
import hashlib
from typing import NamedTuple

import numpy as np
import pandas as pd
from statsmodels.stats.contrast import t_test_pairwise

from statsmodels_gllamm.formula.residuals import RESIDUAL_ITEM
from statsmodels_gllamm.formula.terms import current_spec
from statsmodels_gllamm.formula.wide import ITEM


class Fingerprint(NamedTuple):
    """What tells one sample from another, in a few numbers."""

    n: int
    response: bytes
    weights: bytes
    rows: bytes
    labels: bytes

    def same(self, other: Fingerprint) -> str | None:
        """What differs, in words, or None."""
        if self.n != other.n:
            return f"different numbers of rows ({self.n} and {other.n})"
        if self.response != other.response:
            return "different responses"
        if self.weights != other.weights:
            return "different weights"
        if self.rows != other.rows and self.labels != other.labels:
            return "different rows of the data"
        return None


def row_hashes(model) -> np.ndarray | None:
    """A number (n,) of person and item of every row of wide data, whose items stand in the order of
    the model's text; None of other data."""
    if model.wide is None:
        return None
    rows = model.data.frame[[model.wide.id, ITEM]].astype({ITEM: object})
    return pd.util.hash_pandas_object(rows, index=False).to_numpy()


def fingerprint(sample, hashes=None) -> Fingerprint:
    """Fingerprint of an estimation sample, by content; with ``hashes`` (n,) whatever the order of
    its rows."""
    response = [np.asarray(sample.endog, dtype=float), *(
        [] if sample.n_trials is None else [np.asarray(sample.n_trials, dtype=float)])]
    roles = [sorted(set(found) - {RESIDUAL_ITEM}, key=str)
             for found in (sample.numbers, sample.labels)]
    response += [sample.numbers[role] for role in roles[0]]
    response += [sample.labels[role][0] for role in roles[1]]
    response.append(np.frombuffer(repr(roles).encode(), dtype=np.uint8))
    if sample.categories is not None:
        response.append(np.frombuffer(repr(sample.categories).encode(), dtype=np.uint8))
    weights = [sample.weights[name] for name in sorted(sample.weights)
               if not (sample.weights[name] == 1).all()]
    if sample.sampling is not None:
        weights += [sample.sampling.used[name] for name in sorted(sample.sampling.used)]
    labels, positions = pd.util.hash_pandas_object(sample.index).to_numpy(), sample.positions
    if hashes is not None:
        order = np.argsort(hashes)
        labels = positions = hashes[order]
        weights = [weight[order] for weight in weights]
        response = [x[order] if len(x) == len(order) else x for x in response]
    return Fingerprint(len(sample.index), _digest(*response), _digest(*weights),
                       _digest(positions), _digest(labels))


def _digest(*arrays) -> bytes:
    found = hashlib.blake2b(digest_size=8)
    for array in arrays:
        found.update(np.ascontiguousarray(array))
    return found.digest()


def pairwise(results, term_name, method="hs", alpha=0.05, factor_labels=None):
    """Differences between the levels of a categorical term, with corrected p-values."""
    proxy = copy.copy(results)
    proxy.model = copy.copy(results.model)
    proxy.model.data = copy.copy(results.model.data)
    proxy.model.data.model_spec = current_spec(results.model.sample.design.exog)
    return t_test_pairwise(proxy, term_name, method=method, alpha=alpha,
                           factor_labels=factor_labels)
