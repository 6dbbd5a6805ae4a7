"""Results of models with sampling weights: notes, and the effect of the scaling.

A pseudo-likelihood multiplies log densities by inverse probabilities of selection.  It is not the
likelihood of the data: its ratios are not chi-squared, and it has no information criteria.
"""
from __future__ import annotations

from dataclasses import replace
import warnings

import numpy as np
import pandas as pd

from statsmodels_gllamm.exceptions import WeightsWarning
from statsmodels_gllamm.formula.weights import SCALES
from statsmodels_gllamm.latent.hierarchy import first_rows
from statsmodels_gllamm.latent.sampling import product, tiers

SMALL = 30.0  # lower-level units in a cluster, on average, below which raw weights are warned of
ABOVE = 1.1  # sum of weights in a cluster over its size from which they exaggerate it
TINY = 0.05  # mean weight at the top level below which tolerances are coarse
SCALED = {"size": "the number of units in it", "effective": "their effective number in it"}


def doubts(model) -> list[str]:
    """What to know of the sizes of sampling weights, in words."""
    n, levels = len(model.sample.index), model.structure.levels
    if model.sample.sampling is None or not n:
        return []
    every = tiers(model.sample, levels, model.outcomes)
    texts = [_exaggerated(model, *one, parent[0][0], parent[2])
             for one, parent in zip(every, every[1:])]
    return [text for text in [*texts, _small(model, *every[-1])] if text is not None]


def _means(model, names, codes, n_units) -> tuple[float, float]:
    """(number of units with their frequency weights, mean of their sampling weights)."""
    n, first = len(codes), first_rows(codes, n_units)
    w, f = (product(weights, names, n)[first]
            for weights in (model.sample.sampling.used, model.sample.weights))
    return float(f.sum()), float(f @ w / f.sum())


def _exaggerated(model, names, codes, n_units, parent: str, n_parents: int) -> str | None:
    """Raw weights in small clusters."""
    found = model.sample.sampling
    given = [found.names[name] for name in names if name in found.used]
    if found.scale is not None or not given:
        return None
    number, ratio = _means(model, names, codes, n_units)
    number = number / n_parents
    if number >= SMALL or ratio <= ABOVE:
        return None
    what = "rows" if names == ("rows",) else f"clusters of {names[0]!r}"
    return (f"the {given[0]} is not scaled: on average the {number:.3g} {what} of a cluster of "
            f"{parent!r} count as {number * ratio:.4g}, so that variances of latent variables are "
            "too large; compare weight_sensitivity(), and give scale_weights='size' or 'effective'")


def _small(model, names, codes, n_units) -> str | None:
    """Weights of the top level at which the tolerances of a search are coarse."""
    mean = _means(model, names, codes, n_units)[1]
    if mean >= TINY:
        return None
    return (f"sampling weights of {names[0]!r} have a mean of {mean:.2g}, and the tolerances of a fit "
            "are for weights of about one; multiply them all by a constant, on which neither estimates "
            "nor robust standard errors depend")


def warn(model, stacklevel: int) -> None:
    """Warn of the sizes of sampling weights."""
    for text in doubts(model):
        warnings.warn(text, WeightsWarning, stacklevel=stacklevel)


def notes(model) -> list[str]:
    """Sentences of a summary on sampling weights."""
    found = model.sample.sampling
    if found is None:
        return []
    texts = []
    for level, name in found.names.items():
        column = name.removeprefix("sampling_weights column ")
        texts.append(level if name.startswith("sampling_weights of") else f"{level} ({column})")
    text = f"Sampling weights of {', '.join(texts)}: estimates are those of pseudo maximum likelihood. "
    if found.scale is None:
        text += "Weights are not scaled."
    else:
        text += (f"Weights below the top level are scaled to sum in each cluster to "
                 f"{SCALED[found.scale]} (scale_weights={found.scale!r}).")
    return [text, *(f"Warning: {doubt}." for doubt in doubts(model))]


def reweighted(model, scale, weighted: bool = True):
    """The same model with its sampling weights scaled in another way, or without them."""
    sample = model.sample
    sampling = replace(sample.sampling, scale=scale) if weighted else None
    return model._again(replace(sample, sampling=sampling))


def sensitivity(results, stacklevel: int = 3, **fit_kwds) -> pd.DataFrame:
    """Table of weightings; see ``GLLAMMResults.weight_sensitivity``."""
    model = results.model
    if model.sample.sampling is None:
        raise ValueError("weight_sensitivity() compares ways to use sampling weights, and the model "
                         "has none; give sampling_weights=")
    settings = {"cov_type": "robust", "cov_kwds": {"use_correction": True}, **fit_kwds}
    if results.integration != "exact":
        settings.setdefault("integration", results.integration)
    columns = {}
    kinds = {"unweighted": (None, False), **{s or "raw": (s, True) for s in SCALES}}
    for name, (scale, weighted) in kinds.items():
        if weighted and scale == model.sample.sampling.scale and not fit_kwds:
            found = results.with_cov_type("robust", use_correction=True)
        else:
            found = _refit(results, reweighted(model, scale, weighted), name, settings, stacklevel)
        columns[name, "estimate"] = np.asarray(found.params)
        columns[name, "std err"] = np.asarray(found.bse)
    table = pd.DataFrame(columns, index=pd.Index(model.param_names))
    table.columns.names = ["weights", None]
    return table


def _refit(results, model, name: str, settings, stacklevel: int):
    """A fit of another weighting from the estimates of this one; its warnings name the weighting."""
    constraints = results.record.constraints
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if constraints is None:
            found = model.fit(results.params, **settings)
        else:
            found = model.fit_constrained((constraints.r, constraints.q), results.params, **settings)
    for one in caught:
        if one.category is not WeightsWarning:
            warnings.warn(f"{name}: {one.message}", one.category, stacklevel=stacklevel + 1)
    return found


class Survey:
    """Methods of `GLLAMMResults` on sampling weights."""

    @property
    def sampling_notes(self) -> list[str]:
        """Sentences on sampling weights."""
        return self._summary_cache("sampling_notes", lambda: notes(self.model))

    def weight_sensitivity(self, **fit_kwds) -> pd.DataFrame:
        """Estimates without sampling weights, and with each scaling of them, side by side.

        Parameters
        ----------
        **fit_kwds
            Keywords of ``fit``.  By default fits start from these estimates, with points chosen
            anew, and have robust standard errors with the factor n / (n - 1).

        Returns
        -------
        DataFrame (k, 8)
            Columns "estimate" and "std err" of the weightings "unweighted", "raw", "size" and
            "effective".

        Raises
        ------
        ValueError
            The model has no sampling weights.

        Notes
        -----
        With informative weights, estimates without them are biased.  Raw weights of rows make
        variances of latent variables too large where clusters are small, and scaled ones less so.
        Where the four agree, weights do not matter.

        Examples
        --------
        >>> import numpy as np
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> data["w"] = 1 + (np.arange(len(data)) % 3 == 0)
        >>> model = GLLAMM.from_formula("Reaction ~ Days + (1 | Subject)", data, sampling_weights="w",
        ...                             scale_weights="size")
        >>> table = model.fit().weight_sensitivity()
        >>> print(table.loc["Days"].xs("estimate", level=1).round(2).to_string())
        weights
        unweighted    10.47
        raw           10.76
        size          10.70
        effective     10.70
        """
        self._needs_data("weight_sensitivity")
        return sensitivity(self, **fit_kwds)
