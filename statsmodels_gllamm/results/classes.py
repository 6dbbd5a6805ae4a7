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

from statsmodels_gllamm.estimation.class_mixture import ClassMixture
from statsmodels_gllamm.estimation.classes import class_probabilities
from statsmodels_gllamm.formula.rows import as_frame
from statsmodels_gllamm.results.class_combinations import class_weights, one_variable, prior_of_units
from statsmodels_gllamm.results.class_measures import ClassMeasures
from statsmodels_gllamm.results.class_predictions import prepare_classes, simulate
from statsmodels_gllamm.results.npml import MassPoints, mass_points
from statsmodels_gllamm.results.results import GLLAMMResults, GLLAMMResultsWrapper
from statsmodels_gllamm.results.units import level_units

REFUSED = ("fit_measures", "standardized", "r_squared_latent", "r_squared_items", "effects",
           "reliability", "m2", "item_fit", "item_information", "plot_item_curves",
           "plot_information", "plot_path")


class ClassResults(ClassMeasures, GLLAMMResults):
    """Results of a model with latent classes: what `GLLAMMResults` has, and the classes.

    The posterior of continuous latent variables is averaged over the classes.  Measures of fit
    and reliability, and pictures of items and paths, are refused.
    """

    @property
    def optima(self) -> pd.DataFrame:
        """The distinct maxima that short searches from random starts reached, best first: ``loglik``,
        ``found`` (how many searches ended there) and ``converged``; empty where there was one start.
        """
        none = pd.DataFrame({"loglik": [], "found": [], "converged": []})
        return self.mle_retvals.get("optima", none)

    def class_probabilities(self, posterior=True, variable=None):
        """Probabilities of the classes for every cluster.

        Parameters
        ----------
        posterior : bool
            Given the responses of all that the cluster's depend on with it, and its class where that
            is known; or prior probabilities, by the membership's covariates only (over the classes of
            higher levels that it depends on).
        variable : str, optional
            A class variable, where there are several; all by default.

        Returns
        -------
        DataFrame (n_clusters, n), or dict {variable: DataFrame} of several
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
        variables = self.model.structure.classes
        if variable is not None or len(variables) == 1:
            return self._of_variable(posterior, one_variable(self.model, variable))
        return {classes.name: self._of_variable(posterior, classes) for classes in variables}

    def _of_variable(self, posterior: bool, classes) -> pd.DataFrame:
        model, record = self.model, self.record
        with model._explained():
            if posterior:
                objective = model._objective(record.n_quad, record.integration)
                mixture = ClassMixture(model.design, model.structure.classes)
                values = class_probabilities(objective, mixture, record.working)[classes.number]
            else:
                values = prior_of_units(model, record.working, classes)
        names, group = [classes.label(c) for c in range(classes.n)], model.sample.groups[classes.group]
        return pd.DataFrame(values[:, level_units(model.structure, group)[1]].T, columns=names,
                            index=group.labels)

    @property
    def _tables(self) -> dict:
        """Posterior probabilities of the classes of every variable."""
        found = self.class_probabilities()
        return found if isinstance(found, dict) else {self.model.structure.classes[0].name: found}

    def predict(self, data=None, which="mean", **kwargs):
        """Predictions of the estimation sample or of new data.

        Parameters
        ----------
        data : DataFrame, optional
        which : {"mean", "posterior", "class", "prob", "var", "cumulative"}
            Means averaged over classes with their probabilities by the covariates of the membership;
            given the responses of the row's clusters, those of the classes (and of continuous latent
            variables) being posterior ones; one column for every class, or combination of classes of
            several variables; probabilities and variances, with ``given`` "prior" or "posterior".
        **kwargs
            ``given``, ``above``, ``values``, ``history``, ``time``, ``offset``, ``exposure``,
            ``n_trials`` and ``n_quad``, as of `GLLAMMResults.predict`.

        Returns
        -------
        Series or DataFrame

        Examples
        --------
        >>> import statsmodels.api as sm
        >>> from statsmodels_gllamm import GLLAMM, Classes, datasets
        >>> data = datasets.lsat.load_pandas().data
        >>> model = GLLAMM.from_formula("y ~ 0 + (0 + item | c)", data, family=sm.families.Binomial(),
        ...                             classes={"c": Classes(2, within="id")})
        >>> res = model.fit(rng=0)
        >>> res.predict(data[:2], "prob").round(3)
        0    0.924
        1    0.709
        dtype: float64
        """
        model, record = self.model, self.record
        self._needs_data_for("predict", data, which, kwargs)
        kwargs = {"n_quad": record.n_quad, **kwargs}
        integration = "quadrature" if record.integration == "quadrature" else "adaptive"
        ready = prepare_classes(model, data, which, integration=integration, **kwargs)
        found = ready.at(record.working)
        index = (model.sample if data is None else as_frame(data)).index
        if found.ndim == 1:
            return pd.Series(found, index=index)
        return pd.DataFrame(found, index=index, columns=pd.Index(ready.columns, tupleize_cols=False))

    def lr_test(self, other, *args, **kwargs):
        mine, its = (getattr(one.model.design, "order", None) is None for one in (self, other))
        if mine != its:
            raise ValueError("the likelihood ratio of classes in order against others has a mixture of "
                             "chi-squared distributions, which depends on the parameters; compare them "
                             "by AIC or BIC")
        return super().lr_test(other, *args, **kwargs)

    lr_test.__doc__ = GLLAMMResults.lr_test.__doc__

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

        Examples
        --------
        >>> import statsmodels.api as sm
        >>> from statsmodels_gllamm import GLLAMM, Classes, datasets
        >>> data = datasets.lsat.load_pandas().data
        >>> model = GLLAMM.from_formula("y ~ 0 + (0 + item | c)", data, family=sm.families.Binomial(),
        ...                             classes={"c": Classes(2, within="id")})
        >>> res = model.fit(rng=0)
        >>> res.simulate(3, rng=0).shape
        (5000, 3)
        """
        self._needs_data("simulate")
        return simulate(self, n, rng)

    @property
    def modal_class(self):
        """Number of the class, from 1, with the largest posterior probability of every cluster: a
        Series; of several class variables a dict of them."""
        made = {name: pd.Series(found.to_numpy().argmax(axis=1) + 1, index=found.index, name=name)
                for name, found in self._tables.items()}
        return made if len(made) > 1 else next(iter(made.values()))

    @property
    def class_sizes(self) -> pd.DataFrame:
        """Shares of the classes: means of the ``prior`` and of the ``posterior`` probabilities over
        clusters (with their frequency weights), and the share of the clusters whose largest posterior
        probability it is (``modal``)."""
        parts = []
        for name, posterior in self._tables.items():
            weight, prior = self._unit_weight(name), self.class_probabilities(False, name)
            modal = np.eye(posterior.shape[1])[posterior.to_numpy().argmax(axis=1)]
            parts.append(pd.DataFrame({what: weight @ np.asarray(table) for what, table in (
                ("prior", prior), ("posterior", posterior), ("modal", modal))},
                index=posterior.columns))
        return pd.concat(parts)

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
    def entropy(self):
        """Relative entropy of the posterior probabilities: 1 where every cluster's class is certain,
        0 where all classes are equally likely; NaN with one class; a Series of several variables."""
        found = {}
        for name, table in self._tables.items():
            p = table.to_numpy()
            found[name] = np.nan if p.shape[1] == 1 else float(
                1 + self._unit_weight(name) @ xlogy(p, p).sum(axis=1) / np.log(p.shape[1]))
        return pd.Series(found, name="entropy") if len(found) > 1 else next(iter(found.values()))

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

    def _unit_weight(self, variable=None) -> np.ndarray:
        """Shares of the clusters of a class variable by their frequency weights."""
        model = self.model
        classes = one_variable(model, variable)
        weight = class_weights(model, classes)
        group = model.sample.groups[classes.group]
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
