r"""Sampling weights in the log-likelihood, and their scaling.

With w_i the weight of unit i within its parent and f_i its frequency weight, the scaled weights are
:math:`\lambda w_i`, in each parent with

.. math:: \text{size: } \lambda = \frac{\sum_i f_i}{\sum_i f_i w_i}, \qquad
          \text{effective: } \lambda = \frac{\sum_i f_i w_i}{\sum_i f_i w_i^2}

(methods 2 and 1 of Pfeffermann et al., 1998, and of Rabe-Hesketh and Skrondal, 2006).  Units of
weight zero are as if they were not there.  The weights of the top level are not scaled.

References
----------
Pfeffermann, D., Skinner, C. J., Holmes, D. J., Goldstein, H. and Rasbash, J. (1998). Weighting for
unequal selection probabilities in multilevel models. JRSS B 60, 23-40.
Rabe-Hesketh, S. and Skrondal, A. (2006). Multilevel modelling of complex survey data. JRSS A 169,
805-827.
"""
from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from statsmodels_gllamm.latent.hierarchy import Level, first_rows


def units_of_rows(outcomes, n: int) -> tuple[np.ndarray, np.ndarray | None, int]:
    """What is one unit of the lowest level: outcomes, with all that share a data row with them.

    Parameters
    ----------
    outcomes : Outcomes
    n : int
        Number of data rows.

    Returns
    -------
    of_row : ndarray (n,)
    of_outcome : ndarray (S,), or None
        None where each row is an outcome.
    size : int
    """
    if outcomes.rows is None and outcomes.sets is None:
        return np.arange(n), None, n
    m = sum(member.y.shape[1] for member in outcomes.members)
    rows = np.arange(m) if outcomes.rows is None else outcomes.rows
    sets = np.arange(m) if outcomes.sets is None else outcomes.sets
    size = n + int(sets.max()) + 1
    shared = coo_array((np.ones(m), (rows, n + sets)), shape=(size, size))
    count, label = connected_components(shared, directed=False)
    return label[:n], label[n:], count


def factors(w: np.ndarray, f: np.ndarray, parent: np.ndarray, n_parents: int, scale) -> np.ndarray:
    """What the weights w (m,) of units with frequencies f (m,) are multiplied by in every parent
    (n_parents,); one where all are zero."""
    total = np.bincount(parent, f * w, n_parents)
    if scale == "size":
        above, below = np.bincount(parent, f * (w > 0), n_parents), total
    else:
        above, below = total, np.bincount(parent, f * w**2, n_parents)
    return np.divide(above, below, out=np.ones(n_parents), where=below > 0)


def tiers(sample, levels: tuple[Level, ...], outcomes) -> list[tuple]:
    """(names, unit of every row (n,), number) of what may have weights, from the rows to the top."""
    found = [(level.groups, level.codes, level.n_units) for level in levels]
    if levels and "rows" in levels[0].groups and not sample.groups["rows"].columns:
        return found  # rows are clusters
    of_row, _, size = units_of_rows(outcomes, len(sample.index))
    return [(("rows",), of_row, size), *found]


def with_scaled(sample, levels: tuple[Level, ...], outcomes):
    """The sample with its sampling weights scaled as they are to be used."""
    found = sample.sampling
    if found is None:
        return sample
    used, n = dict(found.raw), len(sample.index)
    every = tiers(sample, levels, outcomes) if found.scale is not None else []
    for (names, codes, n_units), (_, above, n_parents) in zip(every, every[1:]):
        given = [name for name in names if name in found.raw]
        if given:
            first = first_rows(codes, n_units)
            w, f = (product(weights, names, n)[first] for weights in (found.raw, sample.weights))
            scaled = factors(w, f, above[first], n_parents, found.scale)
            used[given[0]] = used[given[0]] * scaled[above]
    return replace(sample, sampling=replace(found, used=used))


def product(weights, names, n: int) -> np.ndarray:
    """Product (n,) of the weights of several names, as far as they have weights."""
    out = np.ones(n)
    for name in names:
        if name in weights:
            out = out * weights[name]
    return out


def frequencies(sample) -> np.ndarray:
    """Product (n,) of the frequency weights of all levels."""
    return product(sample.weights, sample.weights, len(sample.index))


def row_weights(sample) -> np.ndarray:
    """What rows (n,) stand for in the population: frequency times sampling weights of all levels, as
    they were given, that sum to the number of observations."""
    counts = frequencies(sample)
    if sample.sampling is None:
        return counts
    shares = counts * product(sample.sampling.raw, sample.sampling.raw, len(counts))
    return shares * (counts.sum() / shares.sum())


def weights_of(sample, levels):
    """Row weights (n,) or None, and the weights of every level's units (n_units,) or None: frequency
    weights times sampling weights."""
    weights, units = dict(sample.weights), []
    for name, drawn in {} if sample.sampling is None else sample.sampling.used.items():
        weights[name] = weights[name] * drawn if name in weights else drawn
    own = "rows" in sample.groups and not sample.groups["rows"].columns  # rows are clusters
    rows = None if own else weights.pop("rows", None)
    for level in levels:
        product = None
        for name in level.groups:
            if name in weights:
                own = np.empty(level.n_units)
                own[level.codes] = weights[name]
                product = own if product is None else own * product
        units.append(product)
    return rows, units
