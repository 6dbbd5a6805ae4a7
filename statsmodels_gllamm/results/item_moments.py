r"""First and second moments of functions of the answers to items, under a model and in a sample.

Items are independent given the latent variables u, so that a moment is a sum over nodes of u with
weights w of products of conditional means,

.. math:: \pi_s = \sum_q w_q\, \mu_{ia}(u_q)\, \mu_{jb}(u_q), \qquad
          \mu_{ia}(u) = \sum_k f_{ia}(k)\, P_{ik}(u)

and so are the expectations of products of two functions, E(f f') in place of the product of means
where both are of one item.
"""
from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from statsmodels_gllamm.results.item_table import jacobians, probabilities

CHUNK = 2_000_000  # moments x nodes at a time


@dataclass(frozen=True, slots=True)
class Margins:
    """Which functions of the answers the moments are means of.

    Attributes
    ----------
    functions : list of ndarray (K_i, A_i)
        Values of the functions of each item, by category.
    item, function : ndarray (S, 2)
        The two items of each moment and their functions; -1 for none.
    """

    functions: list[np.ndarray]
    item: np.ndarray
    function: np.ndarray

    def __len__(self) -> int:
        return len(self.item)


def margins(n_categories, kind: str) -> Margins:
    """Functions and moments of M2, M2* or C2, for items with these numbers of categories."""
    indicators = [np.eye(k)[:, 1:] for k in n_categories]
    scores = [np.arange(float(k))[:, None] for k in n_categories]
    if kind == "M2":
        functions, single = indicators, [range(k - 1) for k in n_categories]
        double = single
    elif kind == "M2*":
        functions, single = scores, [range(1)] * len(n_categories)
        double = single
    else:
        functions = [np.hstack(pair) for pair in zip(indicators, scores)]
        single = [range(k - 1) for k in n_categories]
        double = [range(k - 1, k) for k in n_categories]
    rows = [(i, -1, a, -1) for i, own in enumerate(single) for a in own]
    rows += [(i, j, a, b) for i, j in combinations(range(len(n_categories)), 2)
             for a in double[i] for b in double[j]]
    table = np.array(rows)
    return Margins(functions, table[:, :2], table[:, 2:])


def sample_moments(table, of: Margins) -> np.ndarray:
    """p (S,): means of the functions and of their products over persons."""
    values = [f[table.codes[:, i]] for i, f in enumerate(of.functions)]
    weight = table.weights / table.n
    out = np.empty(len(of))
    for s, ((i, j), (a, b)) in enumerate(zip(of.item, of.function)):
        value = values[i][:, a]
        out[s] = weight @ (value if j < 0 else value * values[j][:, b])
    return out


def model_moments(table, of: Margins, design, working, rule):
    """pi (S,), Delta (S, k) and Xi (S, S) by quadrature.

    Parameters
    ----------
    table : ItemTable
    of : Margins
    design : LatentDesign
    working : ndarray (k,)
    rule : (ndarray (Q, D), ndarray (Q,))
        Nodes and weights.
    """
    s, k = len(of), len(working)
    pi, delta, second = np.zeros(s), np.zeros((s, k)), np.zeros((s, s))
    places = _Places(of)
    size = max(CHUNK // s, 1)
    for first in range(0, len(rule[1]), size):
        nodes, w = rule[0][first:first + size], rule[1][first:first + size]
        p = probabilities(table, design, working, nodes)
        mean = [f.T @ q for f, q in zip(of.functions, p)]
        other = places.others(mean)
        value = mean_products(of, mean)
        pi += value @ w
        second += _second(of, places, p, value, other, w)
        for i, (active, dp) in enumerate(jacobians(table, design, working, nodes)):
            for a in range(of.functions[i].shape[1]):
                rows = places.rows[i][a]
                moved = np.einsum("c,kcq->kq", of.functions[i][:, a], dp)
                delta[np.ix_(rows, active)] += (other[i][a] * w) @ moved.T
    return pi, delta, second - np.outer(pi, pi)


def mean_products(of: Margins, mean) -> np.ndarray:
    """Conditional means (S, Q) of the functions' products at the nodes."""
    first = np.stack([mean[i][a] for i, a in zip(of.item[:, 0], of.function[:, 0])])
    pairs = np.flatnonzero(of.item[:, 1] >= 0)
    if len(pairs):
        first[pairs] *= np.stack([mean[i][a] for i, a in zip(of.item[pairs, 1],
                                                             of.function[pairs, 1])])
    return first


class _Places:
    """Where each function of each item stands among the moments, and what it is multiplied by."""

    def __init__(self, of: Margins) -> None:
        self.rows, self.partners = [], []
        for i, f in enumerate(of.functions):
            rows, partners = [], []
            for a in range(f.shape[1]):
                one = [np.flatnonzero((of.item[:, side] == i) & (of.function[:, side] == a))
                       for side in (0, 1)]
                rows.append(np.concatenate(one))
                partners.append([(of.item[s, 1 - side], of.function[s, 1 - side])
                                 for side in (0, 1) for s in one[side]])
            self.rows.append(rows)
            self.partners.append(partners)

    def others(self, mean):
        """Conditional means (S_ia, Q) of the other factor of the moments with function a of i."""
        ones = np.ones(mean[0].shape[1])
        return [[np.stack([ones if j < 0 else mean[j][b] for j, b in partners]) if partners else
                 np.zeros((0, len(ones))) for partners in own] for own in self.partners]


def _second(of: Margins, places: _Places, p, value, other, w) -> np.ndarray:
    """E(g g') (S, S) over these nodes: products where items differ, else joint moments."""
    out = (value * w) @ value.T
    joint = [np.einsum("ca,cb,cq->abq", f, f, q) for f, q in zip(of.functions, p)]
    for i, rows in enumerate(places.rows):
        for a, mine in enumerate(rows):
            for b in range(a, len(rows)):
                block = (other[i][a] * (w * joint[i][a, b])) @ other[i][b].T
                out[np.ix_(mine, rows[b])] = block
                out[np.ix_(rows[b], mine)] = block.T
    pairs, inverse = np.unique(of.item, axis=0, return_inverse=True)
    order = np.argsort(inverse.ravel(), kind="stable")
    ends = np.cumsum(np.bincount(inverse.ravel()))
    for (i, j), start, end in zip(pairs, np.r_[0, ends[:-1]], ends):
        if j < 0:
            continue
        mine = order[start:end]
        a, b = of.function[mine].T
        both = joint[i][np.ix_(a, a)] * joint[j][np.ix_(b, b)]
        out[np.ix_(mine, mine)] = both @ w
    return out
