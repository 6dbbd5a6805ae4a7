r"""How many classes: models of 1 to K classes, and the bootstrapped likelihood-ratio test of two.

The likelihood-ratio statistic of C - 1 against C classes is not chi-squared.  Its distribution under
the smaller model is found from responses that this model draws, to which both are fitted,

.. math:: p = \frac{1 + \#\{b : LR_b \ge LR\}}{1 + B}

(McLachlan, 1987, Applied Statistics 36, 318-324; Nylund, Asparouhov and Muthen, 2007, Structural
Equation Modeling 14, 535-569).
"""
from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field, replace
import math

import numpy as np
import pandas as pd

from statsmodels_gllamm.estimation.classes import best_of
from statsmodels_gllamm.estimation.optimize import maximize
from statsmodels_gllamm.estimation.options import integer
from statsmodels_gllamm.estimation.progress import Progress
from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.latent.constrained import constrained
from statsmodels_gllamm.results.class_combinations import class_weights, one_variable
from statsmodels_gllamm.results.likelihoods import refuse_sampling_weights
from statsmodels_gllamm.results.resample import with_response

MAXITER = 200
REDRAWS = 20  # of responses that lack a category
CRITERIA = "aic", "bic", "bic_clusters"
TRIES = 3  # searches for a maximum that is not below that of the smaller model, with more starts each
SLACK = 1e-4  # log-likelihood by which two maxima may differ by chance


@dataclass(frozen=True)
class BootstrapTest:
    """Bootstrapped likelihood-ratio test.

    Attributes
    ----------
    statistic : float
        Twice the difference of the log-likelihoods.
    pvalue : float
    n : int
        Samples.
    draws : ndarray (n,)
        The statistic in every sample.
    n_unfinished : int
        Samples in which the larger model stayed below the smaller one: more ``starts`` are needed.
    small, large : int
        Numbers of classes.
    """

    statistic: float
    pvalue: float
    n: int
    draws: np.ndarray = field(repr=False)
    n_unfinished: int
    small: int
    large: int

    def __str__(self) -> str:
        text = (f"{self.small} against {self.large} classes: likelihood ratio {self.statistic:.3f}, "
                f"p = {self.pvalue:.4g} from {self.n} samples (their mean {self.draws.mean():.3f}, "
                f"95% quantile {np.quantile(self.draws, 0.95):.3f})")
        if self.n_unfinished:
            text += f"; in {self.n_unfinished} the larger model was not maximised: give more starts"
        return text


def bootstrap_lrt(results, smaller, n=100, *, starts=5, rng=None, progress=None) -> BootstrapTest:
    """Test of fewer classes; see ``ClassResults.bootstrap_lrt``."""
    large, small = results.model, getattr(smaller, "model", None)
    n, starts = integer("n", n), integer("starts", starts)
    _check(large, small, results, smaller)
    rng = np.random.default_rng(rng)
    own = np.asarray(smaller.params, dtype=float)
    draws, unfinished = np.empty(n), 0
    with closing(Progress(progress, "bootstrap", " samples")) as bar:
        for b in range(n):
            one, two = _drawn(smaller, large, rng)
            below = _highest(one, smaller.record, 1 if _classes(small) == 1 else starts, rng, own)
            above = -np.inf
            for k in range(TRIES):
                above = max(above, _highest(two, results.record, 2**k * starts, rng))
                if above >= below - SLACK:
                    break
            unfinished += above < below - SLACK
            draws[b] = 2 * (above - below)
            bar.tell(f"likelihood ratio {draws[b]:.3g}")
    statistic = 2 * float(results.llf - smaller.llf)
    return BootstrapTest(statistic, float((1 + (draws >= statistic).sum()) / (1 + n)), n, draws,
                         int(unfinished), _classes(small), _classes(large))


def _classes(model) -> int:
    """Number of classes; of combinations, of several variables."""
    return math.prod(classes.n for classes in model.structure.classes)


def _check(large, small, results, smaller) -> None:
    """Refuse what is not a model with fewer classes of the same data."""
    if not getattr(getattr(small, "structure", None), "classes", ()):
        raise TypeError("bootstrap_lrt() takes the results of a model with fewer classes, which may "
                        f"be Classes(1, ...), not {type(smaller).__name__}")
    for one in (results, smaller):
        one._needs_data("bootstrap_lrt")
        refuse_sampling_weights(one.model, "bootstrap_lrt()")
    if _classes(small) >= _classes(large):
        raise ValueError(f"bootstrap_lrt() compares a model with one of fewer classes, not "
                         f"{_classes(large)} with {_classes(small)}: call it of the larger model")
    if not np.array_equal(large.sample.endog, small.sample.endog):
        raise ValueError("the two models are of different responses; fit both to the same data")
    for name, weight in small.sample.weights.items():
        if (weight != 1).any():
            raise NotImplementedError(f"bootstrap_lrt() is not available with frequency weights (of "
                                      f"{name}): responses are drawn for every cluster of the data; "
                                      "repeat the clusters instead")


def _drawn(smaller, large, rng):
    """Both models of responses that the smaller one has drawn."""
    for _ in range(REDRAWS):
        y = smaller.simulate(1, rng)[0].to_numpy()
        try:
            return [with_response(model, y) for model in (smaller.model, large)]
        except DataError:  # a category is missing
            continue
    raise DataError(f"{REDRAWS} samples drawn from the smaller model all lack a category of the "
                    "response that the data have; put rare categories together with others")


def with_classes(model, n: int, variable=None):
    """The same model with another number of classes of a variable."""
    own = list(model.classes)
    k = one_variable(model, variable).number
    own[k] = replace(own[k], spec=replace(own[k].spec, n=n))
    return model._again(classes=tuple(own))


def _highest(model, record, starts: int, rng, params=None) -> float:
    """The largest log-likelihood that searches from random starts, and from ``params``, find."""
    design = model.design
    if record.constraints is not None:
        design = constrained(design, record.constraints)
    objective = model._objective(record.n_quad, record.integration, design=design)
    drawn = model._class_starts()
    points = [design.to_working(model.design.to_natural(drawn.draw(rng))) for _ in range(starts)]
    if params is not None:
        points.append(design.to_working(params))
    return float(best_of(maximize, objective, points, MAXITER)[1]["loglik"].iloc[0])


def _of(entropy, name: str) -> float:
    return float(entropy[name] if isinstance(entropy, pd.Series) else entropy)


@dataclass(frozen=True)
class ClassSelection:
    """Models that differ in their number of classes.

    Attributes
    ----------
    table : DataFrame
        By number of classes: ``llf``, ``params`` (estimated parameters), ``aic``, ``bic`` (as of the
        results), ``bic_clusters`` (with the number of clusters in place of that of rows), ``entropy``,
        ``smallest`` (the share of the smallest class) and ``found`` (the share of searches that ended
        at the maximum).
    results : dict {int: ClassResults}
    """

    table: pd.DataFrame
    results: dict = field(repr=False)

    def best(self, criterion="bic_clusters"):
        """The results with the smallest ``aic``, ``bic`` or ``bic_clusters``."""
        if criterion not in CRITERIA:
            raise ValueError("criterion must be 'aic', 'bic' or 'bic_clusters', not "
                             f"{criterion!r}")
        return self.results[int(self.table[criterion].idxmin())]

    @property
    def relative(self) -> pd.DataFrame:
        """Criteria relative to their smallest value: ``difference``, and ``weight``, the shares of
        ``exp(-difference / 2)`` (Burnham and Anderson, 2002), of ``aic``, ``bic`` and
        ``bic_clusters``.

        Examples
        --------
        >>> import statsmodels.api as sm
        >>> from statsmodels_gllamm import GLLAMM, Classes, datasets, select_classes
        >>> data = datasets.lsat.load_pandas().data
        >>> model = GLLAMM.from_formula("y ~ 0 + (0 + item | c)", data, family=sm.families.Binomial(),
        ...                             classes={"c": Classes(2, within="id")})
        >>> select_classes(model, 2, rng=0).relative["aic", "difference"].round(2).tolist()
        [40.06, 0.0]
        """
        found = {}
        for name in CRITERIA:
            gap = self.table[name] - self.table[name].min()
            share = np.exp(-gap / 2)
            found[name, "difference"], found[name, "weight"] = gap, share / share.sum()
        return pd.DataFrame(found)

    def __str__(self) -> str:
        three = ("entropy", "smallest", "found")
        return self.table.to_string(na_rep="", formatters={
            name: "{:.3f}".format if name in three else "{:.2f}".format
            for name in self.table if name != "params"})


def select_classes(model, most=5, *, variable=None, rng=None, **fit_kwds) -> ClassSelection:
    """Fit models of 1, 2, ... classes.

    Parameters
    ----------
    model : GLLAMMModel
        With any number of classes; the others differ from it in that only.
    most : int or sequence of int
        The largest number of classes, or the numbers.
    variable : str, optional
        The class variable whose number differs, where there are several.
    rng : seed or Generator, optional
        For the starts.
    **fit_kwds
        Keywords of `GLLAMMModel.fit`, such as ``starts``.

    Returns
    -------
    ClassSelection

    Notes
    -----
    Constraints that belong to the model hold in all models, and must have names that all have.

    Examples
    --------
    >>> import statsmodels.api as sm
    >>> from statsmodels_gllamm import GLLAMM, Classes, datasets, select_classes
    >>> data = datasets.lsat.load_pandas().data
    >>> model = GLLAMM.from_formula("y ~ 0 + (0 + item | c)", data, family=sm.families.Binomial(),
    ...                             classes={"c": Classes(2, within="id")})
    >>> found = select_classes(model, 2, rng=0)
    >>> found.table["bic_clusters"].round(1).tolist()
    [5021.4, 5010.8]
    """
    if not model.structure.classes:
        raise ValueError("select_classes() takes a model with classes=")
    refuse_sampling_weights(model, "select_classes()")
    one = one_variable(model, variable)
    if one.labels:
        raise ValueError("select_classes() takes a model with any number of classes, not one "
                         "whose classes have labels")
    numbers = range(1, integer("most", most) + 1) if np.isscalar(most) else list(most)
    rng, results, rows = np.random.default_rng(rng), {}, []
    for n in numbers:
        results[n] = res = with_classes(model, integer("most", n), one.name).fit(rng=rng, **fit_kwds)
        optima, size = res.optima, float(class_weights(res.model, one).sum())
        rows.append({
            "llf": res.llf, "params": res.df_modelwc, "aic": res.aic, "bic": res.bic,
            "bic_clusters": -2 * res.llf + np.log(size) * res.df_modelwc,
            "entropy": _of(res.entropy, one.name),
            "smallest": res.class_probabilities(False, one.name).mul(
                res._unit_weight(one.name), axis=0).sum().min(),
            "found": optima["found"].iloc[0] / optima["found"].sum() if len(optima) else np.nan})
    index = pd.Index(list(results), name="classes")
    return ClassSelection(pd.DataFrame(rows, index=index), results)
