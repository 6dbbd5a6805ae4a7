r"""Tests of hypotheses: likelihood ratio, and Wald tests of the terms of the formula.

The likelihood-ratio statistic of a model within a larger one is :math:`2(\ell_1 - \ell_0)`, under
the smaller model chi-squared with as many degrees of freedom as parameters differ, as long as the
smaller model is not on the boundary of the larger one.  It is on the boundary when it sets a
variance to zero, or the dispersion of a family to that of a smaller family; then the p-value is too
large (for one such parameter by a factor of two).

References
----------
Self, S. G. and Liang, K.-Y. (1987). Asymptotic properties of maximum likelihood estimators and
likelihood ratio tests under nonstandard conditions. JASA 82, 605-610.
"""
from __future__ import annotations

import copy
import hashlib
from typing import NamedTuple
import warnings

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.contrast import WaldTestResults, t_test_pairwise

from statsmodels_gllamm.exceptions import BoundaryWarning, PrecisionWarning
from statsmodels_gllamm.formula.residuals import RESIDUAL_ITEM
from statsmodels_gllamm.formula.terms import current_spec, term_slices
from statsmodels_gllamm.formula.wide import ITEM
from statsmodels_gllamm.results.comparable import check_likelihood
from statsmodels_gllamm.results.nesting import edges

NEGATIVE = 1e-6  # a likelihood ratio below minus this is a sign of trouble


class LRTestResult(NamedTuple):
    """Likelihood-ratio test: ``statistic``, ``pvalue`` and ``df``, the degrees of freedom."""

    statistic: float
    pvalue: float
    df: int

    def __str__(self) -> str:
        return (f"LRTestResult(statistic={self.statistic:.3f}, pvalue={self.pvalue:.4g}, "
                f"df={self.df})")


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


def differ_in_classes(*several) -> bool:
    """Whether results are of models with different numbers of latent classes."""
    found = [results.model.structure.classes for results in several]
    return len({1 if classes is None else classes.n for classes in found}) > 1


def likelihood_ratio(results, other, stacklevel: int = 2) -> LRTestResult:
    """Likelihood-ratio test of two nested models; either may be the larger one.

    Parameters
    ----------
    results, other : GLLAMMResults
    stacklevel : int
        Of the warnings.

    Returns
    -------
    LRTestResult

    Raises
    ------
    TypeError, ValueError
        Other data, another response, or as many parameters.
    """
    other = getattr(other, "_results", other)
    if not hasattr(other, "fingerprint"):
        raise TypeError(f"lr_test compares two GLLAMM results, not {type(other).__name__}; a model "
                        "without bar terms can be fitted with GLLAMM too.")
    different = results.fingerprint.same(other.fingerprint)
    if different:
        raise ValueError(f"the two models were fitted to {different}: their likelihoods cannot be "
                         "compared; fit both to the same rows (subset=...).")
    if differ_in_classes(results, other):
        raise ValueError("the likelihood ratio of models with different numbers of latent classes is "
                         "not chi-squared; compare them by aic or bic, as compare() does")
    check_likelihood("a likelihood-ratio test", results, other)
    large, small = sorted((results, other), key=lambda r: -r.df_modelwc)
    at_edge = edges(small.model.fitted_family, large.model.fitted_family)
    if at_edge is None:
        names = [r.model.fitted_family.name for r in (results, other)]
        raise ValueError(f"the two models have different responses, {names[0]} and {names[1]}: "
                         "neither is within the other.")
    df = large.df_modelwc - small.df_modelwc
    if df == 0:
        raise ValueError(f"both models have {large.df_modelwc} parameters: neither is within the "
                         "other; compare their aic or bic.")
    statistic = 2 * (large.llf - small.llf)
    for text, category in doubts(large, small, statistic, at_edge):
        warnings.warn(text, category, stacklevel=stacklevel + 1)
    return LRTestResult(statistic, float(stats.chi2.sf(max(statistic, 0.0), df)), df)


def doubts(large, small, statistic, at_edge):
    """(text, category) of what to know before the p-value is believed."""
    what = [*_variances_at_zero(large, small), *at_edge]
    if what:
        halve = (", here by a factor of two: halve it" if large.df_modelwc == small.df_modelwc + 1
                 else "")
        yield (f"the smaller model has {' and '.join(what)}, on the boundary of the larger one: the "
               f"p-value is conservative (too large{halve})", BoundaryWarning)
    kinds = {r.integration for r in (large, small)} - {"exact"}
    if len(kinds) > 1:
        yield (f"the log-likelihoods are of different kinds ({' and '.join(sorted(kinds))}); fit "
               "both with the same integration", PrecisionWarning)
    error = sum(abs(r.certificate.error_loglik) for r in (large, small))
    if not error <= max(0.1, 0.1 * abs(statistic)):
        yield (f"the quadrature errors of the two log-likelihoods add up to {error:.2g}, too much "
               f"for a statistic of {statistic:.3g}; raise n_quad", PrecisionWarning)
    if statistic < -NEGATIVE:
        yield (f"the larger model has the smaller log-likelihood ({large.llf:.6g} < {small.llf:.6g}"
               "): it is not at its maximum, or the models are not nested", PrecisionWarning)


def _variances_at_zero(large, small) -> list[str]:
    """What the smaller model has in the place of the latent variables that only the larger has."""
    number = large.model.design.n_latent - small.model.design.n_latent
    if number <= 0:
        return []
    known = {name for block in small.model.structure.blocks for name in block.names}
    added = [f"var[{name}]" for block in large.model.structure.blocks for name in block.names
             if name not in known]
    named = " and ".join(added) if number == len(added) < 3 else f"{number} variance(s)"
    return [f"{named} at zero"]


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
