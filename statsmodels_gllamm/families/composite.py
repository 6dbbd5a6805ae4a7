"""Composite links: outcomes whose mean is a sum over several rows."""
from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace

import numpy as np

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.families.base import (
    Elementwise,
    Family,
    FamilyData,
    Member,
    Outcomes,
    aux_blocks,
    row_statistics,
)
from statsmodels_gllamm.families.moments import count_rows, response_labels
from statsmodels_gllamm.families.sets import RowSets, SortedSets, column_names
from statsmodels_gllamm.families.zero import inner_response
from statsmodels_gllamm.responses import composite
from statsmodels_gllamm.responses.validation import rows_text
from statsmodels_gllamm.spec import Needs


@dataclass(frozen=True)
class Composite(Family):
    r"""Composite link: the mean of an outcome is a weighted sum of the means of several rows.

    The data have a row per component of an outcome, with the component's covariates; the response
    is the same on all rows of an outcome.

    Parameters
    ----------
    family : statsmodels family, or one of ``families``
        Gaussian, Binomial, Poisson, Gamma, InverseGaussian, NegativeBinomial or GeneralizedPoisson
        with any of its links, which connect the rows' means and linear predictors.
    cluster : str or list of str
        Column whose values tell the outcomes apart, or columns whose combinations do.
    weights : str, optional
        Column with the rows' weights; default is one for all rows. They must not be negative,
        unless the family is Gaussian, and for a Binomial may sum to one at most.

    Notes
    -----
    .. math:: E(y_s) = \sum_{i \in s} w_i\, h(\nu_i)

    with h the inverse link. Uses are counts that are known as totals only, genotypes that cannot be
    told apart, misclassification with known probabilities, and probabilities that are averages over
    unknown categories. With a bounded link, such as the identity of a Poisson, the mean of every row
    must be positive. Columns of ``dispersion`` must be the same on all rows of an outcome. All rows
    of an outcome must belong to the same cluster at every level. Where a value is missing in one row
    of an outcome all of its rows are dropped.

    References
    ----------
    Thompson, R. and Baker, R. J. (1981). Composite link functions in generalized linear models.
    *Applied Statistics* 30, 125-131.

    Rabe-Hesketh, S. and Skrondal, A. (2007). Multilevel and latent variable modeling with composite
    links and exploded likelihoods. *Psychometrika* 72, 123-140.

    Examples
    --------
    >>> import statsmodels.api as sm
    >>> from statsmodels_gllamm import families
    >>> families.Composite(sm.families.Poisson(), cluster="total", weights="exposed").name
    'Composite(Poisson(log))'
    """

    family: object
    _: KW_ONLY
    cluster: str | tuple[str, ...]
    weights: str | None = None

    def __post_init__(self) -> None:
        inner = inner_response(self.family, "Composite")
        if composite.composite(inner) is None:
            raise TypeError(f"Composite has no {inner.name}: it takes Gaussian, Binomial, Poisson, "
                            "Gamma, InverseGaussian, NegativeBinomial and GeneralizedPoisson.")
        object.__setattr__(self, "family", inner)
        object.__setattr__(self, "cluster", column_names(self.cluster, "cluster"))

    @property
    def response(self) -> composite.Composite:
        """The response of the outcomes."""
        return composite.composite(self.family)

    @property
    def name(self) -> str:
        return self.response.name

    def needs(self, dispersion=None, thresholds=None) -> Needs:
        inner = Elementwise(self.family).needs(dispersion, thresholds)
        numbers = {} if self.weights is None else {"weights": self.weights}
        return replace(inner, numbers={**inner.numbers, **numbers},
                       labels={**inner.labels, "cluster": self.cluster}, whole={"cluster": None})

    def outcomes(self, data: FamilyData) -> Outcomes:
        sets = RowSets.of(data, "cluster", self.cluster)
        if "dispersion" in data.designs:
            sets.refuse_varying(data.designs["dispersion"], "dispersion", "cluster")
        statistics = row_statistics(self.family, data)
        for row in statistics:
            varies = sets.varying(row)
            if varies.any():
                raise DataError(
                    f"{self.name} response must be the same on all rows of a cluster, but it varies "
                    f"in {sets.names(varies)}: repeat the total on each of its rows.")
        y = np.vstack([statistics, self._weights(data, sets)])
        return Outcomes((Member(self.response, np.ascontiguousarray(y)),), sets=sets.numbers,
                        aux=aux_blocks(self.response, data))

    def count(self, data: FamilyData) -> tuple[str, int]:
        return "Outcomes", RowSets.of(data, "cluster", self.cluster).size

    def prob_labels(self, data: FamilyData, values=None) -> tuple | None:
        return response_labels(self.family, data, values)

    def moments(self, kind, aux, data, values=None):
        response, sets = self.response, SortedSets(data.labels["cluster"][0])
        y, aux = sets.sorted(self.outcomes(data).members[0].y), sets.sorted(aux)
        if kind == "var":
            of_set = response.variance
        elif kind == "mean" or self.prob_labels(data, values) is None:
            of_set = response.mean
        else:
            return self._probabilities(y, aux, sets, data, values)

        def moment(nu):
            value = sets.back(sets.spread(of_set(sets.sorted(nu[0]), aux, y, sets)))
            return value[None] if kind == "prob" else value

        return moment

    def _probabilities(self, y, aux, sets, data, values):
        """Probabilities of counts, as `moments`."""
        counts = []
        for value in values:
            own, _, possible = count_rows(self.family, value, aux, data)
            counts.append((np.vstack([sets.sorted(own), y[-1:]]), possible))
        response, phi = self.response, self.response.row_aux(y, aux, sets)

        def moment(nu):
            x = sets.sorted(nu[0])
            return np.stack([sets.back(sets.spread(np.exp(
                response.kernel(y_k, x, phi, sets) + response.constant(y_k, phi, sets)))) * possible
                for y_k, possible in counts])

        return moment

    def simulate(self, rng, nu, aux, data):
        sets = SortedSets(data.labels["cluster"][0])
        y = sets.sorted(self.outcomes(data).members[0].y)
        return sets.back(sets.spread(self.response.simulate(
            rng, sets.sorted(nu[0]), sets.sorted(aux), y, sets)))

    def _weights(self, data: FamilyData, sets: RowSets) -> np.ndarray:
        w = (np.ones(data.n) if self.weights is None
             else np.asarray(data.numbers["weights"], dtype=np.float64))
        bad = ~np.isfinite(w)
        if not isinstance(self.response, composite.CompositeGaussian):
            bad |= w < 0
        if bad.any():
            raise DataError(f"A weight of the {self.name} is {w[bad][0]:g} in "
                            f"{rows_text(bad, data.index)}: weights must be finite, and only those "
                            "of a Gaussian may be negative.")
        empty = sets.sum(w != 0) == 0
        if empty.any():
            raise DataError(f"All weights of the cluster {sets.names(empty)} are zero.")
        if isinstance(self.response, composite.CompositeBinomial):
            large = sets.sum(w) > 1 + 1e-9
            if large.any():
                raise DataError(
                    f"Weights of the cluster {sets.names(large)} sum to more than one, so that the "
                    "weighted sum of probabilities is none: divide them by their sum.")
        return w
