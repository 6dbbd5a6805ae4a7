r"""Results of models with latent classes: class probabilities, sizes and entropy.

.. math:: p_{jc} = \frac{\pi_{jc} e^{\ell_{jc}}}{\sum_k \pi_{jk} e^{\ell_{jk}}}, \qquad
          E = 1 + \frac{\sum_j \sum_c p_{jc} \log p_{jc}}{n \log C}

with E the relative entropy (Ramaswamy et al., 1993, Marketing Science 12, 103-124).
"""
from __future__ import annotations

import inspect

import numpy as np
import pandas as pd
from scipy.special import xlogy

from statsmodels_gllamm.estimation.classes import ClassMixture
from statsmodels_gllamm.formula.rows import as_frame
from statsmodels_gllamm.results.class_measures import ClassMeasures
from statsmodels_gllamm.results.class_predictions import predict_classes, simulate
from statsmodels_gllamm.results.latent import level_units
from statsmodels_gllamm.results.npml import MassPoints, mass_points
from statsmodels_gllamm.results.results import GLLAMMResults, GLLAMMResultsWrapper

REFUSED = ("fit_measures", "standardized", "r_squared_latent", "r_squared_items", "effects",
           "reliability", "m2", "item_fit", "item_information", "plot_item_curves",
           "plot_information", "plot_path")


class ClassResults(ClassMeasures, GLLAMMResults):
    """Results of a model with latent classes: what `GLLAMMResults` has, and the classes.

    The posterior of continuous latent variables is averaged over the classes.  Measures of fit and
    pictures of items and paths are not available yet.
    """

    @property
    def optima(self) -> pd.DataFrame:
        """The distinct maxima that short searches from random starts reached, best first: ``loglik``,
        ``found`` (how many searches ended there) and ``converged``; empty where there was one start.
        """
        none = pd.DataFrame({"loglik": [], "found": [], "converged": []})
        return self.mle_retvals.get("optima", none)

    def class_probabilities(self, posterior=True) -> pd.DataFrame:
        """Probabilities of the classes for every cluster.

        Parameters
        ----------
        posterior : bool
            Given the cluster's responses, and its class where that is known; or prior probabilities,
            by the membership's covariates only.

        Returns
        -------
        DataFrame (n_clusters, n)
            Indexed by the clusters' labels, with columns "c=1", "c=2", ....

        Examples
        --------
        >>> import statsmodels.api as sm
        >>> from statsmodels_gllamm import GLLAMM, Classes, datasets
        >>> data = datasets.lsat.load_pandas().data
        >>> res = GLLAMM.from_formula("y ~ 0 + (0 + item | c)", data, family=sm.families.Binomial(),
        ...                           classes={"c": Classes(2, within="id")}).fit(rng=0)
        >>> res.class_probabilities().shape
        (1000, 2)
        """
        self._needs_data("class_probabilities")
        model, record = self.model, self.record
        classes = model.structure.classes
        with model._explained():
            values = (model._objective(record.n_quad, record.integration).weights(record.working)
                      if posterior else
                      np.exp(ClassMixture(model.design, classes).log_prior(record.working)))
        names, group = [classes.label(c) for c in range(classes.n)], model.sample.groups[classes.group]
        return pd.DataFrame(values[:, level_units(model.structure, group)[1]].T, columns=names,
                            index=group.labels)

    def predict(self, data=None, which="mean", offset=None, exposure=None, n_trials=None):
        """Predicted means, of the estimation sample or of new data.

        Parameters
        ----------
        data : DataFrame, optional
        which : {"mean", "posterior", "class"}
            Averaged over classes with their probabilities by the covariates of the membership; with
            those given the responses of the row's cluster (for new clusters the former), where there
            are no continuous latent variables; or one column for every class.
        offset, exposure, n_trials : str, number or array_like, optional
            Of new data.

        Returns
        -------
        Series or DataFrame
        """
        model = self.model
        if data is None:
            self._needs_data("predict() without data")
        found = predict_classes(model, self.record.params, data, which, offset, exposure, n_trials)
        index = (model.sample if data is None else as_frame(data)).index
        if found.ndim == 1:
            return pd.Series(found, index=index)
        classes = model.structure.classes
        return pd.DataFrame(found, index=index, columns=[classes.label(c) for c in range(classes.n)])

    def simulate(self, n=1, rng=None) -> pd.DataFrame:
        """Responses of the sample's rows, drawn from the model at the estimates; classes that are not
        known, and latent variables, are drawn anew.

        Parameters
        ----------
        n : int
            How many times.
        rng : seed or Generator, optional

        Returns
        -------
        DataFrame (rows, n)
            As of `GLLAMMResults.simulate`.
        """
        self._needs_data("simulate")
        return simulate(self, n, rng)

    @property
    def modal_class(self) -> pd.Series:
        """Number of the class, from 1, with the largest posterior probability of every cluster."""
        found = self.class_probabilities()
        return pd.Series(found.to_numpy().argmax(axis=1) + 1, index=found.index,
                         name=self.model.structure.classes.name)

    @property
    def class_sizes(self) -> pd.DataFrame:
        """Shares of the classes: means of the ``prior`` and of the ``posterior`` probabilities over
        clusters (with their frequency weights), and the share of the clusters whose largest posterior
        probability it is (``modal``)."""
        weight = self._unit_weight()
        prior, posterior = (self.class_probabilities(which) for which in (False, True))
        modal = np.eye(posterior.shape[1])[posterior.to_numpy().argmax(axis=1)]
        return pd.DataFrame({name: weight @ np.asarray(table) for name, table in (
            ("prior", prior), ("posterior", posterior), ("modal", modal))}, index=posterior.columns)

    @property
    def class_notes(self) -> list[str]:
        """Sentences of the summary: shares of the classes, and how often the maximum was found."""
        return self._summary_cache("class_notes", self._class_notes)

    def _class_notes(self) -> list[str]:
        shares = self.class_sizes["prior"]
        notes = ["Prior probabilities of the classes, means over clusters: " + ", ".join(
            f"{label} {share:.3f}" for label, share in shares.items()) + "."]
        table = self.optima
        if table["found"].sum() > 1:
            notes.append(f"Searches from {table['found'].sum()} starting points led to {len(table)} "
                         f"{'maximum' if len(table) == 1 else 'maxima'}; the best was found "
                         f"{_times(table['found'].iloc[0])}.")
        return notes

    def remove_data(self):
        _ = self.class_notes
        super().remove_data()

    remove_data.__doc__ = GLLAMMResults.remove_data.__doc__

    @property
    def entropy(self) -> float:
        """Relative entropy of the posterior probabilities: 1 where every cluster's class is certain,
        0 where all classes are equally likely; NaN with one class."""
        p = self.class_probabilities().to_numpy()
        if p.shape[1] == 1:
            return np.nan
        return float(1 + self._unit_weight() @ xlogy(p, p).sum(axis=1) / np.log(p.shape[1]))

    @property
    def mass_points(self) -> MassPoints:
        """Locations and probabilities of centred classes with delta-method standard errors, their mean
        and their covariance matrix.

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, Classes, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> classes = {"c": Classes(2, within="Subject", centered=True)}
        >>> res = GLLAMM.from_formula("Reaction ~ Days + (1 | c)", data, classes=classes).fit(rng=0)
        >>> res.mass_points.variance.round(0)
        Intercept    881.0
        Name: variance, dtype: float64
        """
        return mass_points(self)

    def _unit_weight(self) -> np.ndarray:
        """Shares (n_top,) of the clusters by their frequency weights."""
        model = self.model
        weight = model._objective(self.record.n_quad, self.record.integration).problem.top_weight
        group = model.sample.groups[model.structure.classes.group]
        return weight[level_units(model.structure, group)[1]] / weight.sum()


def _times(n: int) -> str:
    return {1: "once", 2: "twice"}.get(n, f"{n} times")


def _refuse(name: str):
    text = (f"{name} is not available for models with latent classes; class_probabilities() has the "
            "classes, and t_test, wald_test and nonlinear take any parameters")

    def refused(self, *args, **kwargs):
        raise NotImplementedError(text)

    refused.__name__, refused.__doc__ = name, f"Not available: {text}."
    return refused if inspect.isfunction(getattr(GLLAMMResults, name)) else property(refused)


for _name in REFUSED:
    setattr(ClassResults, _name, _refuse(_name))


class ClassResultsWrapper(GLLAMMResultsWrapper):
    """Attaches names and row labels to the arrays of `ClassResults`."""


ClassResults._wrapper = ClassResultsWrapper
