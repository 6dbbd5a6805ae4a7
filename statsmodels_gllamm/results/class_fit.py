r"""How well latent classes are told apart, and how well they explain associations of items.

With posterior probabilities p_jc and modal classes m_j of clusters of weights w_j,

.. math:: N_{mc} = \sum_{j: m_j = m} w_j p_{jc}, \qquad E = 1 - \frac{\sum_j w_j \max_c p_{jc}}
          {\sum_j w_j}

are the numbers assigned to m and expected in c, and the expected share of false assignments.  The
bivariate residual of two items with K and L categories is

.. math:: \frac{1}{(K - 1)(L - 1)} \sum_{kl} \frac{(n_{kl} - e_{kl})^2}{e_{kl}}, \qquad
          e_{kl} = \sum_j w_j \sum_c \pi_{jc} P(y_{ja} = k \mid c) P(y_{jb} = l \mid c)

over the clusters that have answered both (Vermunt and Magidson, 2016, Technical guide for Latent
GOLD 5.1).
"""
from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from statsmodels_gllamm.estimation.class_mixture import ClassMixture
from statsmodels_gllamm.estimation.options import one_of
from statsmodels_gllamm.families.labels import label_of
from statsmodels_gllamm.families.mixed import MixedFamily
from statsmodels_gllamm.formula.categories import show
from statsmodels_gllamm.results.class_combinations import class_weights, one_variable
from statsmodels_gllamm.results.class_predictions import class_values
from statsmodels_gllamm.results.class_profiles import (
    categories_of,
    naming_column,
    row_patterns,
    sample_rows,
)
from statsmodels_gllamm.results.items import column_of, repeated
from statsmodels_gllamm.results.likelihoods import refuse_sampling_weights

KINDS = ("count", "assigned", "actual")


def classification_table(results, kind="count", variable=None) -> pd.DataFrame:
    """Modal by actual classes; see ``ClassResults.classification_table``."""
    one_of("kind", kind, KINDS)
    classes = one_variable(results.model, variable)
    posterior = results.class_probabilities(variable=classes.name)
    p, names = posterior.to_numpy(), list(posterior.columns)
    modal = np.eye(p.shape[1])[p.argmax(axis=1)]
    count = (modal * class_weights(results.model, classes)[:, None]).T @ p
    with np.errstate(invalid="ignore"):
        if kind == "assigned":
            count = count / count.sum(axis=1, keepdims=True)
        elif kind == "actual":
            count = count / count.sum(axis=0)
    return pd.DataFrame(count, index=pd.Index(names, name="assigned"),
                        columns=pd.Index(names, name="actual"))


def classification_error(results):
    """Expected share of clusters that are not of their modal class."""
    found = {}
    for classes in results.model.structure.classes:
        p = results.class_probabilities(variable=classes.name).to_numpy()
        weight = class_weights(results.model, classes)
        found[classes.name] = float(1 - weight @ p.max(axis=1) / weight.sum())
    return pd.Series(found, name="error") if len(found) > 1 else next(iter(found.values()))


def bivariate_residuals(results, items=None) -> pd.DataFrame:
    """Pairs of items; see ``ClassResults.bivariate_residuals``."""
    model = results.model
    refuse_sampling_weights(model, "bivariate_residuals()")
    labels, patterns, names, item = _items(model, items)
    units = model._objective(results.record.n_quad, results.record.integration).distinct
    place = np.full(len(units.place), -1)
    place[units.first] = np.arange(len(units.first))
    unit = place[model.structure.levels[-1].codes]
    rows = np.flatnonzero(unit >= 0)
    shape = len(units.first), len(names)
    y, kinds = np.full(shape, -1), np.full(shape, -1)
    y[unit[rows], item[rows]] = _answers(model, labels, rows)
    kinds[unit[rows], item[rows]] = patterns.code[rows]
    p = _probabilities(results, patterns, labels)
    classes = model.structure.classes[0].at(units.first)
    prior = np.exp(ClassMixture(model.design, (classes,)).log_prior(results.record.working))
    known = classes.known >= 0
    prior[:, known] = np.eye(classes.n)[:, classes.known[known]]
    weight, table = units.problem.top_weight, {}
    for a, b in combinations(range(len(names)), 2):
        both = (y[:, a] >= 0) & (y[:, b] >= 0)
        if both.any():
            observed = np.zeros((p.shape[1],) * 2)
            np.add.at(observed, (y[both, a], y[both, b]), weight[both])
            one, two = (p[:, :, kinds[both, i]] for i in (a, b))
            expected = np.einsum("cg,ckg,clg->kl", prior[:, both] * weight[both], one, two,
                                 optimize=True)
            table[names[a], names[b]] = _pearson(observed, expected)
    index = pd.MultiIndex.from_tuples(table, names=["item 1", "item 2"])
    frame = pd.DataFrame(list(table.values()), index=index, columns=["chi2", "df", "residual", "n"])
    return frame.astype({"df": int})


def _pearson(observed, expected):
    """Pearson chi-square, its number of degrees of freedom, their ratio, and clusters."""
    rows, columns = (expected + observed).any(axis=1), (expected + observed).any(axis=0)
    observed, expected = (x[np.ix_(rows, columns)] for x in (observed, expected))
    with np.errstate(divide="ignore", invalid="ignore"):
        cells = np.where((expected > 0) | (observed > 0), (observed - expected)**2 / expected, 0.0)
    df = (rows.sum() - 1) * (columns.sum() - 1)
    chi2 = float(cells.sum())
    return chi2, df, chi2 / df if df else np.nan, observed.sum()


def _items(model, column):
    """Labels of categories, patterns of rows, names of items, and the item of every row (n,)."""
    what = "bivariate_residuals() compares two-way tables of categorical items"
    if len(model.structure.classes) > 1:
        raise NotImplementedError(f"{what}: not of a model with several class variables")
    if model.design.n_latent:
        raise NotImplementedError(f"{what}, which are independent within classes: this model has "
                                  "continuous latent variables")
    rows = model.sample.weights.get("rows")
    if rows is not None and (rows != 1).any():
        raise NotImplementedError(f"{what}: not of a model with weights of rows; give weights to "
                                  "clusters, freq_weights={group: column}")
    labels, kind = categories_of(model)
    if kind == "mean" or isinstance(model.fitted_family, MixedFamily):
        raise NotImplementedError(f"{what}: not of a model of {model.fitted_family.name} responses")
    patterns = row_patterns(model)
    column = naming_column(model, patterns) if column is None else column
    if column is None:
        raise ValueError("bivariate_residuals() needs the column that names the item of every row, "
                         "items=")
    values = column_of(model, column)
    codes, names = pd.factorize(values, sort=True)
    units = model.structure.levels[-1].codes
    again = repeated(units, codes)
    if again.any():
        which = int(np.argmax(again))
        raise ValueError(f"a cluster has several rows with {column} = {show(values.iloc[which])}: "
                         "give the column that tells the rows of a cluster apart, items=")
    return labels, patterns, [str(name) for name in names], codes


def _answers(model, labels, rows) -> np.ndarray:
    """Category of some rows, as a number."""
    y = model.sample.endog
    if y.ndim == 2:
        y = y[:, 0]
    if labels is None:
        return y[rows].astype(np.int64)
    number = {label: k for k, label in enumerate(labels)}
    values, codes = np.unique(y[rows], return_inverse=True)
    return np.array([number[label_of(model.sample, value)] for value in values])[codes]


def _probabilities(results, patterns, labels) -> np.ndarray:
    """Probabilities (n_classes, K, P) of the categories in every pattern of rows."""
    model = results.model
    found = class_values(model, results.record.working, sample_rows(model, patterns.first), "prob")
    return np.stack([1 - found[:, 0], found[:, 0]], axis=1) if labels is None else found
