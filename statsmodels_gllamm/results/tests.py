"""Tests of the terms of formulas, differences between levels of a term, and what tells the data of two
fits apart."""
from __future__ import annotations

import copy
import hashlib
from typing import NamedTuple

import numpy as np
import pandas as pd
from statsmodels.stats.contrast import WaldTestResults, t_test_pairwise

from statsmodels_gllamm.formula.residuals import RESIDUAL_ITEM
from statsmodels_gllamm.formula.terms import current_spec, term_slices
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


def wald_terms(results, skip_single=False, extra_constraints=None, combine_terms=None, scalar=True):
    """Wald test of every term of the fixed part; parameters as statsmodels' ``wald_test_terms``.

    Of a term that several linear predictors have, as those of categories, all coefficients are
    tested jointly; terms of another formula carry its name, ``zero[x]``. A term with a parameter
    that has no standard error is NaN.
    """
    terms = _terms(results.model)
    combined = []
    for text in combine_terms or ():
        parts = [matrix for name, matrix in terms if text in name]
        if not parts:
            raise ValueError(f"combine_terms: no term has {text!r} in its name; the terms are "
                             f"{', '.join(name for name, _ in terms)}.")
        combined.append((text, np.vstack(parts)))
    kept = [(name, matrix) for name, matrix in terms if not (skip_single and len(matrix) == 1)]
    rows, index = [], []
    for name, matrix in [*kept, *combined, *(extra_constraints or ())]:
        index.append(name)
        test = results.wald_test(matrix, scalar=scalar)
        rows.append([test.statistic, test.pvalue, int(test.df_denom)])
    table = pd.DataFrame(rows, index=index, columns=["statistic", "pvalue", "df_constraint"])
    return WaldTestResults(None, "chi2", None, table=table)


def _terms(model) -> list[tuple[str, np.ndarray]]:
    """Every term of the linear predictors' formulas with its constraints (m, k)."""
    identity = np.eye(len(model.param_names))
    found: dict[str, list] = {}
    first = 0
    for predictor in model.structure.predictors:
        main = predictor.key == "exog"
        design = model.sample.design.exog if main else model.sample.design.parts[predictor.key].exog
        names = model.exog_names if main else design.names
        for name, place in term_slices(design, names).items():
            rows = identity[first + place.start:first + place.stop]
            found.setdefault(name if main else predictor.coefficient(name), []).append(rows)
        first += len(names)
    return [(name, np.vstack(rows)) for name, rows in found.items()]


def pairwise(results, term_name, method="hs", alpha=0.05, factor_labels=None):
    """Differences between the levels of a categorical term, with corrected p-values."""
    proxy = copy.copy(results)
    proxy.model = copy.copy(results.model)
    proxy.model.data = copy.copy(results.model.data)
    proxy.model.data.model_spec = current_spec(results.model.sample.design.exog)
    return t_test_pairwise(proxy, term_name, method=method, alpha=alpha,
                           factor_labels=factor_labels)
