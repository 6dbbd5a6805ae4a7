"""Responses in categories without order."""
from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

import numpy as np

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.families.base import Family, FamilyData, Outcomes, Predictor, refuse_formula
from statsmodels_gllamm.families.choice import choice_outcomes
from statsmodels_gllamm.families.labels import (
    label_array,
    label_of,
    label_text,
    one_column,
    plain,
)
from statsmodels_gllamm.families.moments import category_moments, category_values
from statsmodels_gllamm.families.scale import is_scaled, refuse_constant_scale, scale_formula
from statsmodels_gllamm.responses.choice import Choice
from statsmodels_gllamm.responses.validation import no_trials
from statsmodels_gllamm.spec import Needs


@dataclass(frozen=True)
class Nominal(Family):
    r"""A response in categories without order: the multinomial (baseline-category) logit model.

    One row per unit; the response may be of any type. Every category but the base has a linear
    predictor of its own, with its own coefficients and latent variables.

    Parameters
    ----------
    base : label, optional
        The base category; default is the first one.
    categories : tuple, optional
        Labels of the categories. Default are those of the estimation sample, in their order.

    Notes
    -----
    .. math::

        P(y = j) = \frac{\exp(\nu_j e^{-\phi})}{\sum_k \exp(\nu_k e^{-\phi})},
        \qquad \nu_{\text{base}} = 0

    Parameters carry the category: ``B[x]`` is the coefficient of x for category B against the
    base, and ``B:Intercept[id]`` is its random intercept. An offset is added to the linear
    predictors of all categories but the base. ``dispersion``, a formula whose constant is left out,
    gives the log scale :math:`\phi`, "logscale".

    References
    ----------
    McFadden, D. (1973). Conditional logit analysis of qualitative choice behavior. In P. Zarembka
    (ed.), *Frontiers in Econometrics*, 105-142. Academic Press, New York.

    Hartzel, J., Agresti, A. and Caffo, B. (2001). Multinomial logit random effects models.
    *Statistical Modelling* 1, 81-102.

    Examples
    --------
    >>> from statsmodels_gllamm import families
    >>> families.Nominal(base="car").name
    'Nominal(logit)'
    """

    ordered: ClassVar[bool] = False
    instead: ClassVar[str] = ("use Choice, with a row for every category, whose coefficients may "
                              "differ between categories")
    base: object = None
    _: KW_ONLY
    categories: tuple | None = None

    @property
    def name(self) -> str:
        return "Nominal(logit)"

    def needs(self, dispersion=None, thresholds=None) -> Needs:
        refuse_formula(self.name, thresholds=thresholds)
        return Needs(formulas=scale_formula(dispersion), without_intercept=frozenset({"dispersion"}),
                     categorical=True)

    def fitted(self, data: FamilyData) -> Nominal:
        refuse_constant_scale(self.name, data)
        present = tuple(label_of(data, value) for value in np.unique(one_column(data, self.name)))
        if self.categories is not None:
            present = tuple(plain(c) for c in self.categories if c in present)
        if len(present) < 2:
            raise DataError(f"{self.name} response has one category only, {present[0]}: "
                            "there is nothing to model." if present else
                            f"{self.name} response has none of the categories asked for.")
        base = present[0] if self.base is None else self.base
        if base not in present:
            raise DataError(f"base={base!r} is not a category of the response; there are "
                            f"{', '.join(map(repr, present[:8]))}{', ...' * (len(present) > 8)}.")
        return replace(self, base=present[present.index(base)], categories=present)

    def outcomes(self, data: FamilyData) -> Outcomes:
        if self.categories is None or self.base is None:
            return self.fitted(data).outcomes(data)
        labels, n, J = self.categories, data.n, len(self.categories)
        base = labels.index(self.base)
        others = [j for j in range(J) if j != base]
        part = np.full(J, -1)
        part[others] = np.arange(J - 1)
        y = np.zeros((n, J))
        if data.endog is not None:
            y[np.arange(n), self._codes(data)] = 1
        rows = np.repeat(np.arange(n), J)
        response = Choice(labels, is_scaled(data), "Nominal")
        return choice_outcomes(
            response, data, y.ravel(), rows=rows, part=np.tile(part, n), sets=rows,
            predictors=tuple(Predictor("exog", label_text(labels[j])) for j in others))

    def title(self, predictor: Predictor) -> str:
        return f"{predictor.label} (base {label_text(self.base)})"

    def prob_labels(self, data: FamilyData, values=None) -> tuple:
        return self.categories

    def moments(self, kind, aux, data, values=None):
        values = None if kind == "prob" else category_values(self, self.categories)
        return category_moments(kind, lambda nu: self._probabilities(nu, aux), values)

    def _utilities(self, nu, aux):
        """x (J, ..., n), zero for the base, from nu (J - 1, ..., n)."""
        x = np.insert(nu, self.categories.index(self.base), 0.0, axis=0)
        return x * np.exp(-aux[0]) if len(aux) else x

    def _probabilities(self, nu, aux):
        x = self._utilities(nu, aux)
        e = np.exp(x - x.max(axis=0))
        return e / e.sum(axis=0)

    def simulate(self, rng, nu, aux, data):
        x = self._utilities(nu, aux)
        return label_array(self.categories)[np.argmax(x + rng.gumbel(size=x.shape), axis=0)]

    def _codes(self, data) -> np.ndarray:
        """Positions (n,) of the responses in the categories."""
        no_trials(data.n_trials, self.name)
        values, inverse = np.unique(np.asarray(data.endog), return_inverse=True)
        known = {label: j for j, label in enumerate(self.categories)}
        found = [known.get(label_of(data, value), -1) for value in values]
        if -1 in found:
            raise DataError(f"{self.name} response has the category "
                            f"{label_of(data, values[found.index(-1)])!r}, which the model has not "
                            f"seen; it knows {', '.join(map(repr, self.categories))}.")
        return np.asarray(found, dtype=np.int64)[inverse]
