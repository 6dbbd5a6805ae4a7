"""Ordinal responses with any of five links, in three kinds of models."""
from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.families.base import AuxBlock, Family, FamilyData, Member, Outcomes
from statsmodels_gllamm.families.labels import label_array, label_of, label_text, one_column
from statsmodels_gllamm.families.scale import is_scaled, refuse_constant_scale, scale_formula
from statsmodels_gllamm.responses.adjacent import Adjacent
from statsmodels_gllamm.responses.continuation import Continuation
from statsmodels_gllamm.responses.cumulative import Cumulative
from statsmodels_gllamm.responses.ordinal import LINKS, OrdinalResponse
from statsmodels_gllamm.responses.registry import ordinal_link
from statsmodels_gllamm.responses.validation import rows_text
from statsmodels_gllamm.spec import Needs

KINDS = {"cumulative": Cumulative, "adjacent": Adjacent, "continuation": Continuation}


class Learned(NamedTuple):
    """What the estimation sample tells.

    ``labels`` that are whole numbers are ints.  ``values`` are the categories as they stand in the
    response; ``observed`` has, for every column of the thresholds design, the codes observed where
    it is not zero.
    """

    labels: tuple
    values: tuple[float, ...]
    observed: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Ordinal(Family):
    r"""Ordinal response with thresholds between its categories.

    Parameters
    ----------
    link : {"logit", "probit", "cloglog", "loglog", "cauchit"} or statsmodels link, optional
        The link, whose inverse is the distribution function F; or ``Logit``, ``Probit``,
        ``CLogLog``, ``LogLog`` or ``Cauchy`` of ``sm.families.links``.
    kind : {"cumulative", "adjacent", "continuation"}, optional
        What a threshold parts: all categories below from all above (proportional odds, graded
        response model), a category from the next one (rating scale and partial credit models), or
        a category from all above it.  Adjacent categories have the logit link.
    increments : bool, optional
        The parameters after the first are logs of the steps from threshold to threshold, named
        ``logstep[a|b]``, so that thresholds that depend on covariates are in order for every row;
        cumulative models only.

    Raises
    ------
    ValueError
        An unknown link or kind, or one that does not go with the other arguments.

    Notes
    -----
    With thresholds :math:`\kappa_s` between category s and s + 1, linear predictor nu and scale
    sigma,

    .. math::

        \text{cumulative:} \quad & P(y \le s) = F\left(\frac{\kappa_s - \nu}{\sigma}\right) \\
        \text{adjacent:} \quad & \log\frac{P(y = s + 1)}{P(y = s)} = \frac{\nu - \kappa_s}{\sigma}
        \\
        \text{continuation:} \quad & P(y = s \mid y \ge s)
            = F\left(\frac{\kappa_s - \nu}{\sigma}\right)

    where F is

    ==========  =============================  ==================
    link        F(x)                           distribution
    ==========  =============================  ==================
    logit       1 / (1 + exp(-x))              logistic
    probit      Phi(x)                         normal
    cloglog     1 - exp(-exp(x))               Gumbel, of minima
    loglog      exp(-exp(-x))                  Gumbel, of maxima
    cauchit     1/2 + arctan(x) / pi           Cauchy
    ==========  =============================  ==================

    as in the R package ordinal.  A larger nu makes higher categories more probable.  With two
    categories the three kinds are one binary model, whose intercept is minus the threshold.

    Every column of ``thresholds`` (default: the constant) has a parameter ``cut[a|b]`` for each two
    successive categories a and b among its rows, those where it is not zero; with "0 + item" every
    item has thresholds of its own, for the categories it has, and other categories have probability
    zero there.  (If a and b are not adjacent, ``cut[a|b]`` of ``kind="adjacent"`` is the mean of
    the thresholds between them.)  The threshold of a row is the sum of its columns times their
    parameters.  The formula's constant is left out, the thresholds take its
    place.  With ``increments`` the sums are :math:`a_1, a_2, \ldots` and
    :math:`\kappa_1 = a_1, \kappa_s = \kappa_{s-1} + e^{a_s}`; all parameters of a column but its
    first are named ``logstep[a|b]`` then, in place of ``cut[a|b]``.

    ``dispersion`` is a formula for log sigma, without constant; none, sigma is 1.

    The categories are the values of the response, sorted, if these are numbers, else those of an
    ordered categorical; what does not occur in the data is no category.  A categorical without an
    order is refused unless its categories are numbers that increase.  Means and residuals are of
    categories that are numbers.

    The linear predictor of an item response model with a discrimination for each item has a factor:
    ``kind="adjacent"`` is then the generalised partial credit model, ``kind="cumulative"`` the
    graded response model.

    References
    ----------
    McCullagh, P. (1980). Regression models for ordinal data. *Journal of the Royal Statistical
    Society, Series B* 42, 109-142.

    Andrich, D. (1978). A rating formulation for ordered response categories. *Psychometrika* 43,
    561-573.

    Masters, G. N. (1982). A Rasch model for partial credit scoring. *Psychometrika* 47, 149-174.

    Muraki, E. (1992). A generalized partial credit model: application of an EM algorithm. *Applied
    Psychological Measurement* 16, 159-176.

    Examples
    --------
    >>> from statsmodels_gllamm.families.ordinal import Ordinal
    >>> Ordinal().name
    'Ordinal(logit)'
    >>> Ordinal("cloglog", kind="continuation").name
    'Ordinal(cloglog, continuation)'
    """

    link: str = "logit"
    kind: str = "cumulative"
    increments: bool = False
    learned: Learned | None = field(default=None, repr=False)

    def __post_init__(self):
        object.__setattr__(self, "link", ordinal_link(self.link))
        for what, value, allowed in (("link", self.link, LINKS), ("kind", self.kind, KINDS)):
            if not isinstance(value, str) or value not in allowed:
                raise ValueError(f"Ordinal({what}=...) is one of {', '.join(allowed)}, not "
                                 f"{value!r}.")
        if self.kind == "adjacent" and self.link != "logit":
            raise ValueError(f"Adjacent categories have the logit link, not {self.link}; choose "
                             "kind='continuation' or 'cumulative' for it.")
        if self.increments and self.kind != "cumulative":
            raise ValueError("increments=True is for kind='cumulative': the thresholds of "
                             f"kind={self.kind!r} may be in any order.")

    @property
    def name(self) -> str:
        return f"Ordinal({self.link}" + (f", {self.kind})" if self.kind != "cumulative" else ")")

    def needs(self, dispersion=None, thresholds=None) -> Needs:
        formulas = {"thresholds": thresholds or "1"}
        return Needs(formulas=formulas | scale_formula(dispersion),
                     without_intercept=frozenset({"exog", "dispersion"}), categorical=True,
                     ordered=True)

    def fitted(self, data: FamilyData) -> Ordinal:
        refuse_constant_scale(self.name, data)
        endog = one_column(data, self.name)
        values, codes = np.unique(endog, return_inverse=True)
        labels = tuple(label_of(data, value) for value in values)
        if len(values) < 2:
            raise DataError(f"{self.name} response has one category, {label_text(labels[0])}, in "
                            "all rows: there is nothing to model.")
        design = data.designs["thresholds"]
        observed = []
        for name, column in zip(design.columns, design.to_numpy().T):
            mine = np.unique(codes[column != 0])
            if len(mine) == 1:
                raise DataError(
                    f"{self.name} response has one category, {label_text(labels[mine[0]])}, in all "
                    f"rows where the column {name!r} of the thresholds formula is not zero: it has "
                    "no threshold; drop these rows or put them together with others.")
            observed.append(tuple(mine.tolist()))
        bare = ~design.to_numpy().any(axis=1)
        if bare.any() and len(values) > 2 and self.kind == "cumulative" and not self.increments:
            raise DataError(
                f"All columns of the thresholds formula of {self.name} are zero in "
                f"{rows_text(bare, data.index)}, whose thresholds would all be the same; add the "
                "constant to the formula.")
        learned = Learned(labels, tuple(values.tolist()), tuple(observed))
        return replace(self, learned=learned)

    def response(self, scaled: bool = False) -> OrdinalResponse:
        """The distribution, with the categories of the estimation sample."""
        extra = {"increments": True} if self.increments else {}
        return KINDS[self.kind](self.link, self.learned.labels, scaled, **extra)

    def outcomes(self, data: FamilyData) -> Outcomes:
        if self.learned is None:
            raise ValueError(f"{self.name} has not seen an estimation sample; call fitted first.")
        response = self.response(is_scaled(data))
        columns = self._allowed(data)
        if data.endog is None:
            y = response.blank(data.n, data.n_trials, columns)
        else:
            endog = self._as_response(one_column(data, self.name), response, data)
            y = response.prepare(endog, data.n_trials, index=data.index, columns=columns)
        aux = [AuxBlock("thresholds", data.designs["thresholds"].to_numpy(), self._terms(data))]
        if response.scaled:
            design = data.designs["dispersion"]
            aux.append(AuxBlock("dispersion", design.to_numpy(), tuple(
                (f"logscale[{name}]", j, response.n_cuts)
                for j, name in enumerate(design.columns))))
        return Outcomes((Member(response, y),), aux=tuple(aux))

    def simulate(self, rng, nu, aux, data):
        value = super().simulate(rng, nu, aux, data)
        values = self.response().values
        return label_array(self.learned.labels)[np.searchsorted(values, value)]

    def _as_response(self, endog, response, data):
        """Values of the response from those of the data, which may be codes with unused ones."""
        if data.categories is None:
            return endog
        values = np.asarray(self.learned.values)
        code = np.minimum(np.searchsorted(values, endog), len(values) - 1)
        unknown = values[code] != endog
        if unknown.any():
            label = label_of(data, endog[np.flatnonzero(unknown)[0]])
            raise DataError(f"{self.name} response is {label_text(label)} in "
                            f"{rows_text(unknown, data.index)}: the estimation sample has no such "
                            "category; leave the row out.")
        return response.values[code]

    def _allowed(self, data) -> dict:
        """Lowest and highest code (n,) of every row and, where needed, which are possible (K, n)."""
        design = data.designs["thresholds"].to_numpy()
        n_codes = len(self.learned.labels)
        low, high = np.zeros(data.n), np.full(data.n, n_codes - 1.0)
        gaps = np.zeros((n_codes, data.n), dtype=bool)
        code = np.arange(n_codes)
        for column, mine in zip(design.T, self.learned.observed):
            if mine:
                rows = column != 0
                low[rows] = np.maximum(low[rows], mine[0])
                high[rows] = np.minimum(high[rows], mine[-1])
                gaps[np.ix_(~np.isin(code, mine), rows)] = True
        marked = self.kind != "cumulative" or self.increments
        if marked:  # a category without a threshold of its own must be ruled out
            possible = ~gaps & (code[:, None] >= low) & (code[:, None] <= high)
            low, high = possible.argmax(axis=0), n_codes - 1 - possible[::-1].argmax(axis=0)
            none = ~possible.any(axis=0)
        else:
            none = low > high
        if none.any():
            raise DataError(f"{self.name} response has no category in {rows_text(none, data.index)}"
                            ": the columns of the thresholds formula that are not zero there have "
                            "none in common.")
        between = marked and (gaps & (code[:, None] >= low) & (code[:, None] <= high)).any()
        return {"low": low, "high": high} | ({"possible": possible} if between else {})

    def _terms(self, data) -> tuple:
        """(parameter, column, cut) for every column and each two of its successive categories."""
        names = list(data.designs["thresholds"].columns)
        alone = names == ["Intercept"]
        labels = [label_text(label) for label in self.learned.labels]
        terms = []
        for j, (name, mine) in enumerate(zip(names, self.learned.observed)):
            for a, b in zip(mine, mine[1:]):
                between = f"{labels[a]}|{labels[b]}"
                what = "logstep" if self.increments and a != mine[0] else "cut"
                parameter = f"{what}[{between}]" if alone else f"{what}[{name},{between}]"
                terms += [(parameter, j, k) for k in range(a, b)]
        return tuple(terms)
