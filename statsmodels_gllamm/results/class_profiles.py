r"""Profiles of latent classes: means or probabilities of the responses of every item, by class.

.. math:: E(y_i \mid c) = \int g^{-1}(\nu_{ic}(u))\, \phi(u)\, du, \qquad P(y_i = k \mid c)

with errors by the delta method.  Intervals are made on the scales of prediction_scales.py, those of
probabilities as

.. math:: \mathrm{logit}\, \hat p \pm z_{1-\alpha/2}\, \frac{se(\hat p)}{\hat p (1 - \hat p)}
"""
from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from scipy.stats import norm

from statsmodels_gllamm.families.mixed import MixedFamily
from statsmodels_gllamm.formula.rows import as_frame
from statsmodels_gllamm.latent.merge import distinct_rows
from statsmodels_gllamm.results.axes import panels, tidy
from statsmodels_gllamm.results.class_combinations import labels_of
from statsmodels_gllamm.results.class_predictions import class_values
from statsmodels_gllamm.results.delta import nonlinear
from statsmodels_gllamm.results.prediction_scales import scales_of
from statsmodels_gllamm.results.rows import Asked, rows_of
from statsmodels_gllamm.results.variables import variables_of

MOST = 200  # patterns of rows that make a table
COLORS = ("#1f4e79", "#c55a11", "#548235", "#7f6000", "#7030a0", "#a5a5a5", "#c00000", "#00808a")
MARKERS = "osD^vPX*"


@dataclass(frozen=True, slots=True, eq=False)
class Patterns:
    """Kinds of rows: those of one kind have the same distribution in every class.

    Attributes
    ----------
    code : ndarray (n,)
        Kind of every row of the sample.
    first : ndarray (P,)
        The first row of every kind.
    """

    code: np.ndarray
    first: np.ndarray


def row_patterns(model) -> Patterns:
    """The kinds of rows of a sample, in the order in which they appear."""
    sample = model.sample
    columns = [*sample.exog.to_numpy().T, sample.offset]
    for bar in (*sample.bars, *(bar for part in sample.parts.values() for bar in part.bars)):
        columns += list(bar.matrix.T)
    memberships = {variable.membership for variable in model.classes}
    designs = [d for key, d in sample.designs.items() if key not in memberships]
    for design in (*designs, *(part.exog for part in sample.parts.values())):
        columns += list(design.to_numpy().T)
    columns += [f.codes for f in sample.factors.values() if f.codes is not None]
    columns += [column for f in sample.factors.values() if f.codes is None for column in f.columns.T]
    columns += [codes for codes, _ in sample.labels.values()]
    if sample.n_trials is not None:
        columns.append(sample.n_trials)
    return Patterns(*distinct_rows(columns))


def naming_column(model, patterns: Patterns) -> str | None:
    """The column of the data whose values are the patterns, such as that of items; or None."""
    for name, codes in _columns_of_patterns(model, patterns):
        if len(np.unique(codes)) == len(patterns.first):
            return name
    return None


def _columns_of_patterns(model, patterns: Patterns):
    """(column, its codes (P,)) of the columns that are functions of the pattern, variables of the
    formulas first."""
    frame = model.data.frame
    own = variables_of(model, frame)
    for name in [*own, *(name for name in frame.columns if name not in own)]:
        if name != model.sample.endog_name:
            codes, _ = pd.factorize(frame[name])
            own = codes[patterns.first]
            if (own[patterns.code] == codes).all():
                yield name, own


def categories_of(model):
    """What probabilities there are of: (labels, "prob"), or (None, "mean").

    Labels are None of a response of zero or one, whose mean is the probability of one.
    """
    family = model.fitted_family
    if isinstance(family, MixedFamily):
        return None, "mean"
    rows = rows_of(model, None, Asked("mean", "prior"))
    try:
        labels = family.prob_labels(rows.data)
    except ValueError:  # a count, or a continuous response
        return None, "mean"
    return labels, "prob"


def sample_rows(model, places):
    """`Rows` of some rows of the sample."""
    sample = model.sample
    offset = sample.offset[places] if sample.offset.any() else None
    trials = None if sample.n_trials is None else sample.n_trials[places]
    return rows_of(model, model.data.frame.iloc[places], Asked("mean", "prior"), None, offset, None,
                   trials)


def class_profiles(results, data=None, alpha=0.05) -> pd.DataFrame:
    """Means or probabilities by class; see ``ClassResults.class_profiles``."""
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be between 0 and 1, not {alpha!r}")
    model = results.model
    labels, kind = categories_of(model)
    if data is None:
        patterns = row_patterns(model)
        if len(patterns.first) > MOST:
            raise ValueError(f"the rows of the sample are of {len(patterns.first):,} kinds, which "
                             "differ in covariates: give the rows to profile, data=")
        first, index = _named(model, patterns)
        rows = sample_rows(model, first)
    else:
        frame = as_frame(data)
        rows = rows_of(model, frame, Asked("mean", "prior"))
        index = frame.index[rows.kept].rename(frame.index.name or "row")
    return _table(results, rows, index, labels, kind, alpha)


def _named(model, patterns: Patterns) -> tuple[np.ndarray, pd.Index]:
    """A row of every pattern, in the order of their names, and these: values of the columns that tell
    them apart, or numbers."""
    first, frame = patterns.first, model.data.frame.iloc[patterns.first]
    one = naming_column(model, patterns)
    if one is not None:
        order = np.argsort(pd.factorize(frame[one], sort=True)[0])
        return first[order], pd.Index(frame[one].iloc[order].astype(object), name=one)
    names = [name for name, codes in _columns_of_patterns(model, patterns) if (codes != codes[0]).any()]
    if not names or frame.duplicated(names).any():
        return first, pd.RangeIndex(1, len(first) + 1, name="row")
    return first, pd.MultiIndex.from_frame(frame[names])


def _table(results, rows, index, labels, kind, alpha) -> pd.DataFrame:
    model = results.model
    variables = model.structure.classes

    def values(params):
        working = model.design.to_working(np.asarray(params, dtype=float))
        found = class_values(model, working, rows, kind)
        found = found.reshape(len(found), -1, found.shape[-1])
        return np.moveaxis(found, 0, -1).transpose(1, 0, 2).ravel()  # rows, categories, classes

    table = nonlinear(results, values, alpha)[["estimate", "std_err", "conf_low", "conf_high"]]
    estimate, limits = table["estimate"].to_numpy(), np.empty((2, len(table)))
    half, each = norm.ppf(1 - alpha / 2) * table["std_err"].to_numpy(), len(table) // rows.data.n
    for own, scale in scales_of(model, kind, rows.data, np.ones(rows.data.n, dtype=bool)):
        at = (own[:, None] * each + np.arange(each)).ravel()
        limits[:, at] = scale.interval(estimate[at], half[at])
    table["conf_low"], table["conf_high"] = limits
    table.index = _index(index, None if kind == "mean" else labels, variables)
    return table


def _index(index, labels, variables) -> pd.MultiIndex:
    """Rows, categories if any, and the classes of every variable."""
    keys = [key if isinstance(key, tuple) else (key,) for key in index]
    middle = [()] if labels is None else [(label,) for label in labels]
    numbers = [v.labels or range(1, v.n + 1) for v in variables]
    entries = [(*key, *label, *choice) for key in keys for label in middle
               for choice in product(*numbers)]
    names = [*index.names, *([] if labels is None else ["category"]), *(v.name for v in variables)]
    return pd.MultiIndex.from_tuples(entries, names=names)


def plot_profiles(results, data=None, alpha=0.05, ax=None):
    """Picture of `class_profiles`; see ``ClassResults.plot_profiles``."""
    table, kind = class_profiles(results, data, alpha), categories_of(results.model)[1]
    variables, sizes = results.model.structure.classes, results.class_sizes["prior"]
    names = [v.name for v in variables]
    if len(variables) > 1:  # combinations have no size of their own
        sizes = pd.Series(np.nan, labels_of(variables))
    categories = (list(table.index.unique("category")) if "category" in table.index.names else [None])
    n, width = len(categories), max(4.2, 1.6 + 0.45 * (len(table) // len(categories) // len(sizes)))
    axes = panels(ax, n, (min(width * n, 12.5) + 1.3, 3.4),
                  f"there are {n} categories: pass one for each", sharey=True)
    for axis, category in zip(axes, categories):
        own = table if category is None else table.xs(category, level="category")
        for c, label in enumerate(product(*(table.index.unique(name) for name in names))):
            part = own.xs(label, level=names)
            place = np.arange(len(part)) + 0.08 * (c - (len(sizes) - 1) / 2)
            color = COLORS[c % len(COLORS)]
            axis.plot(place, part["estimate"], color=color, marker=MARKERS[c % len(MARKERS)],
                      markersize=5, linewidth=1.4,
                      label=sizes.index[c] + ("" if len(names) > 1 else f" ({sizes.iloc[c]:.0%})"))
            known = part["std_err"].notna().to_numpy()
            axis.vlines(place[known], part["conf_low"][known], part["conf_high"][known], color=color,
                        linewidth=1.1)
        _finish(axis, part.index, category, category == categories[0], kind == "prob")
    outside = {} if ax is not None else {"bbox_to_anchor": (1.0, 1.0)}
    axes[-1].legend(frameon=False, fontsize="small", loc="upper left" if outside else "best", **outside)
    return axes[0].figure


def _finish(axis, index, category, first, probability) -> None:
    texts = [", ".join(map(str, key)) if isinstance(key, tuple) else str(key) for key in index]
    long = sum(map(len, texts)) > 40
    axis.set_xticks(range(len(texts)), texts, rotation=45 if long else 0,
                    ha="right" if long else "center", fontsize="small")
    axis.set_xlabel(", ".join(str(name) for name in index.names))
    if category is not None:
        axis.set_title(f"category {category}", fontsize="medium")
    if probability:
        axis.set_ylim(-0.03, 1.03)
    if first:
        axis.set_ylabel("probability" if probability else "mean")
    tidy(axis)
