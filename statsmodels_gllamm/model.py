"""GLLAMMModel: wires formula, responses, latent structure, integration and estimation."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
import inspect

import numpy as np
import pandas as pd
import statsmodels.api as sm
from statsmodels.base.model import LikelihoodModel

from statsmodels_gllamm.estimation import checks
from statsmodels_gllamm.families.base import FamilyData
from statsmodels_gllamm.families.mixed import MixedFamily
from statsmodels_gllamm.families.registry import as_family
from statsmodels_gllamm.fitting import Fitting
from statsmodels_gllamm.formula import arrays_to_sample, build_sample
from statsmodels_gllamm.formula.classes import parse_classes
from statsmodels_gllamm.formula.regressions import parse_regressions
from statsmodels_gllamm.formula.residuals import RESIDUAL_ITEM, parse_residuals
from statsmodels_gllamm.formula.rows import as_frame
from statsmodels_gllamm.integration.reach import Reach
from statsmodels_gllamm.latent.build import build_structure
from statsmodels_gllamm.latent.describe import equations
from statsmodels_gllamm.latent.sampling import with_scaled
from statsmodels_gllamm.likelihood import Likelihood
from statsmodels_gllamm.results.class_predictions import predict_classes
from statsmodels_gllamm.results.predict import predict
from statsmodels_gllamm.spec import Needs
from statsmodels_gllamm.wide_models import WideModels


class GLLAMMModel(Likelihood, Fitting, WideModels, LikelihoodModel):
    r"""Generalized linear latent and mixed model, estimated by maximum likelihood.

    Parameters
    ----------
    endog : array_like (n,) or (n, 2)
        Responses; two columns are successes and failures of a binomial response.
    exog : array_like (n, p), optional
        Fixed-effect columns, the constant included if wanted.
    groups : array_like (n,), DataFrame (n, k) or dict {name: (n,)}, optional
        Clusters of the rows; nesting is found from the data.
    exog_re : array_like (n, q) or dict {group: (n, q)}, optional
        Random-effect columns of each group; a random intercept by default.
    family : statsmodels family or Response, optional
        Default Gaussian.
    covariances : dict, optional
        {group: "unstructured" | "diagonal" | "identity", or an array of numbers where covariances
        are fixed and None where free}; "unstructured" by default.
    offset, exposure, n_trials : array_like (n,), optional
    freq_weights : array_like (n,) or dict {group or "rows": (n,)}, optional
        A weight of w stands for w identical rows, or w identical clusters.
    sampling_weights : array_like (n,) or dict {group or "rows": (n,)}, optional
        Inverse probabilities of selection, as in `from_formula`.
    scale_weights : {None, "size", "effective"}
    dispersion : array_like (n, v), optional
        Columns of the log dispersion; a constant by default.
    missing : {"drop", "raise"}
    constraints : str, list of str, dict or tuple (R, q), optional
        Linear constraints on the parameters; see `fit_constrained`.

    Notes
    -----
    With u standard normal, the linear predictor of a row is

    .. math:: \nu_i = o_i + x_i'\beta + \sum_l z_i^{(l)\prime} \eta^{(l)},
              \qquad \eta^{(l)} = T^{(l)} u^{(l)},\quad \Psi^{(l)} = T^{(l)} T^{(l)\prime}

    where z may hold loadings that are estimated (see `Factor`).  The marginal likelihood integrates
    over u by nested adaptive quadrature, with an exact gradient.

    References
    ----------
    Rabe-Hesketh, S., Skrondal, A. and Pickles, A. (2005). Maximum likelihood estimation of limited
    and discrete dependent variable models with nested random effects. Journal of Econometrics 128,
    301-323.

    Examples
    --------
    >>> import statsmodels.api as sm
    >>> from statsmodels_gllamm import GLLAMM, datasets
    >>> data = datasets.epilep.load_pandas().data
    >>> model = GLLAMM.from_formula("y ~ lbas * treat + lage + v4 + (1 | subj)", data,
    ...                             family=sm.families.Poisson())
    >>> print(round(model.fit().llf, 3))
    -665.291
    """

    _init_keys = ["sample", "family", "covariances", "regressions", "residual_covariances",
                  "constraints", "classes"]
    _formula_max_endog = None

    def __init__(self, endog, exog=None, *, groups=None, exog_re=None, family=None,
                 covariances=None, offset=None, exposure=None, n_trials=None, freq_weights=None,
                 sampling_weights=None, scale_weights=None, dispersion=None, thresholds=None,
                 missing="drop", sample=None, regressions=(), residual_covariances=None,
                 constraints=(), classes=()):
        family = sm.families.Gaussian() if family is None else family
        self.family = family
        family = as_family(family)
        if sample is None:
            given = {"dispersion": dispersion, "thresholds": thresholds}
            given = {key: value for key, value in given.items() if value is not None}
            sample = arrays_to_sample(
                endog, exog, groups=groups, exog_re=exog_re, offset=offset, exposure=exposure,
                n_trials=n_trials, freq_weights=freq_weights, sampling_weights=sampling_weights,
                scale_weights=scale_weights,
                needs=family.needs(**dict.fromkeys(given, "1")), designs=given, missing=missing)
        self.sample = sample
        data = family_data(sample)
        self.fitted_family = family.fitted(data)
        self.outcomes = self.fitted_family.outcomes(data)
        self.covariances = covariances
        self.regressions = tuple(regressions)
        self.residual_covariances = residual_covariances
        self.structure = build_structure(sample, self.outcomes, covariances,
                                         getattr(family, "correlated", False), self.regressions,
                                         residual_covariances, classes)
        self.sample = with_scaled(sample, self.structure.levels, self.outcomes)
        self.classes = classes
        self.constraints = constraints
        self._linear = self._solved(constraints)
        self._problems: dict = {}  # by nodes and merging; "patterns" of a Gaussian model
        self._reaches: dict[str, Reach] = {}
        checks.check_data(sample, self.structure, self.outcomes)
        observed = pd.Series(self._observed(), index=sample.index, name=sample.endog_name, copy=False)
        super().__init__(
            observed, sample.exog,
            hasconst=checks.has_constant(sample.exog.to_numpy()))
        self._init_keys = list(type(self)._init_keys)  # the base class has emptied them
        self.data.param_names = self.param_names
        self._check_exposure(exposure)

    @classmethod
    def from_formula(cls, formula, data, subset=None, *, family=None, family_by=None, factors=None,
                     covariances=None, dispersion=None, thresholds=None, regressions=None,
                     residual_covariances=None, constraints=None, classes=None, offset=None,
                     exposure=None, n_trials=None, freq_weights=None, sampling_weights=None,
                     scale_weights=None, missing="drop", eval_env=None):
        r"""Model from a formula with bar terms and a data frame.

        Parameters
        ----------
        formula : str
            ``"y ~ x + (1 + x | school) + (1 | school:class)"``: on the right an ordinary formula
            plus bar terms ``(terms | group)``, ``(terms || group)`` (uncorrelated), with ``/`` and
            ``:`` in groups; on the left the response, or ``successes + failures``.
        data : DataFrame
        subset : str, boolean mask or labels, optional
            Rows to use.
        family : family or dict {label: family}, optional
            Of statsmodels or of `statsmodels_gllamm.families`; default Gaussian.  A dict gives
            rows different families, by the labels in the column ``family_by``.
        family_by : str, optional
        factors : dict {name: Factor or column name}, optional
            Latent variables with loadings.
        covariances : dict, optional
            {group: "unstructured" | "diagonal" | "identity", or a pattern: an array or DataFrame of
            numbers where variances and covariances are fixed, and None where they are free}.
        dispersion : str or dict {label: str}, optional
            Formula of the log of the residual standard deviation, of the coefficient of variation,
            or of what else the family has for a scale; a constant by default.
        thresholds : str or dict {label: str}, optional
            Formula whose columns have one coefficient per cut point of an ordinal response:
            ``"0 + item"`` gives every item its own; a constant by default.
        regressions : list of str, optional
            Latent variables regressed on covariates of their level or above, and on latent variables
            of the same or a higher level: ``["ability ~ ses", "dep[id] ~ stress[id] + x2"]``.
            Also products ``stress:x2`` with covariates, and ``stress:support`` of two latent
            variables.
        residual_covariances : dict {column: list of "y1 ~~ y5" or (item, item)}, optional
            Items, values of a column that tells the rows of a bottom-level cluster apart, whose
            residuals are correlated in a Gaussian model: ``{"item": ["y1 ~~ y5", ("y2", "y4")]}``.
        constraints : str, list of str, dict or tuple (R, q), optional
            Linear constraints that belong to the model; see `fit_constrained`.
        classes : dict {name: Classes}, optional
            A discrete latent variable, ``{"c": Classes(2, within="id")}``: a bar with its name, as in
            ``(0 + item | c)``, gives columns a coefficient in every class.
        offset, exposure, n_trials : str or array_like, optional
            A column, or one value per row of the data.
        freq_weights : str, array_like or dict, optional
            A column for rows, or {group: column, "rows": column}.
        sampling_weights : str, array_like or dict, optional
            The same of inverse probabilities of selection, those of units given that the cluster in
            which they are was selected.  Estimates are then those of pseudo maximum likelihood: the
            log density of a row, and what a cluster adds to the log-likelihood of the cluster around
            it, are multiplied by their weights.  Standard errors are robust by default.  Weights need
            not be integers, and do not count in ``nobs``.
        scale_weights : {None, "size", "effective"}
            Multiply the weights of rows in each cluster, and of clusters in each larger one, so that
            they sum to the number n of rows or clusters there ("size"), or to the effective number
            :math:`(\sum w)^2 / \sum w^2` ("effective").  Weights at the top level, and of rows
            without clusters, stay as they are.
        missing : {"drop", "raise"}
            Rows with missing values are dropped, and counted by reason in ``sample.dropped``.
        eval_env : dict, optional
            Names that the formula may use besides the data; those of the caller by default.

        Returns
        -------
        GLLAMMModel

        Raises
        ------
        FormulaError, DataError, CrossedGroupsError
            With one sentence that names the column, group or parameter.

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> model = GLLAMM.from_formula("Reaction ~ Days + (Days || Subject)", data)
        >>> model.param_names[2:4]
        ['var[Intercept[Subject]]', 'var[Days[Subject]]']
        """
        data = as_frame(data)
        if eval_env is None:
            caller = inspect.currentframe().f_back
            eval_env = {**caller.f_globals, **caller.f_locals}
        family = sm.families.Gaussian() if family is None else family
        if family_by is not None or isinstance(family, Mapping):
            family = as_family(family, family_by)
        needs = as_family(family).needs(dispersion, thresholds)
        regressions = parse_regressions(regressions, factors, formula)
        needs = with_regressions(needs, regressions)
        residuals = parse_residuals(residual_covariances)
        if residuals is not None:
            needs = replace(needs, labels={**needs.labels, RESIDUAL_ITEM: residuals.column})
        variables = parse_classes(classes, formula)
        for variable in variables:
            needs = variable.needs(needs)
        sample = build_sample(
            formula, data, subset=subset, factors=factors, needs=needs, offset=offset,
            exposure=exposure, n_trials=n_trials, freq_weights=freq_weights,
            sampling_weights=sampling_weights, scale_weights=scale_weights, missing=missing,
            eval_env=eval_env)
        model = cls(sample.endog, sample.exog, sample=sample, family=family,
                    covariances=covariances, regressions=regressions,
                    residual_covariances=residuals, classes=variables,
                    constraints=() if constraints is None else constraints)
        model._check_exposure(exposure)
        model.formula = sample.parsed.plain
        model.gllamm_formula = sample.parsed.text
        everything = np.array_equal(sample.positions, np.arange(len(data)))
        model.data.frame = data if everything else data.iloc[sample.positions]
        return model

    # What the model is

    @property
    def design(self):
        """Map from parameters to row designs (`LatentDesign`)."""
        return self.structure.design

    @property
    def param_names(self) -> list[str]:
        """Names of all parameters, fixed coefficients first."""
        return self.design.layout.names

    @property
    def response(self):
        """The response of the model, or the first of several."""
        return self.outcomes.members[0].response

    def _observed(self) -> np.ndarray:
        """Responses (n,) on the scale of their mean: a proportion for several trials, as in GLM."""
        endog = self.sample.endog
        if endog.ndim == 1:
            return endog
        total = endog.sum(axis=1)
        return np.divide(endog[:, 0], total, out=np.full(len(total), np.nan), where=total > 0)

    def describe(self) -> str:
        """The model's equations in text.

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> print(GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).describe())
        Reaction given nu: Gaussian(identity)
        nu = beta[Intercept] + beta[Days] Days + Intercept[Subject] + Days[Subject]
             Days
        logsd = logsd[Intercept]
        Intercept[Subject], Days[Subject]: normal with mean 0, var free, var free,
            unstructured covariance matrix, one for each of 18 clusters
        """
        return equations(self.sample, self.structure, self.outcomes, self.fitted_family)

    def _again(self, sample=None, **changes):
        """The same model of another sample, or with other arguments."""
        sample = self.sample if sample is None else sample
        settings = {key: getattr(self, key) for key in self._init_keys if key != "sample"}
        new = type(self)(sample.endog, sample.exog, sample=sample, **{**settings, **changes})
        for name in ("formula", "gllamm_formula", "wide", "diagnosis_model"):
            if hasattr(self, name):
                setattr(new, name, getattr(self, name))
        if hasattr(self.data, "frame"):  # columns of clusters are looked up there
            new.data.frame = self.data.frame
        return new

    def _check_exposure(self, exposure) -> None:
        members = self.outcomes.members
        if not isinstance(self.fitted_family, MixedFamily):
            members = members[:1]  # a zero part has no exposure
        if exposure is not None and not all("(log)" in m.response.name for m in members):
            raise ValueError("exposure is only meaningful with the log link; use offset= on the "
                             "scale of the linear predictor")

    def predict(self, params, exog=None, which="mean", **kwargs):
        """Predictions at natural parameters; see ``GLLAMMResults.predict``."""
        if self.structure.classes:
            return predict_classes(self, params, exog, which, **kwargs)
        return predict(self, np.asarray(params, dtype=float), exog, which=which, **kwargs)


def with_regressions(needs: Needs, regressions) -> Needs:
    """The needs of the family and the covariates of the latent variables' regressions."""
    formulas = {("regression", i, *key): text
                for i, r in enumerate(regressions) for key, text in r.formulas.items()}
    whole = {("regression", i, *key) for i, r in enumerate(regressions) for key in r.whole}
    return replace(needs, formulas={**needs.formulas, **formulas},
                   without_intercept=needs.without_intercept | whole)


def family_data(sample) -> FamilyData:
    """What a family sees of a sample."""
    return FamilyData(sample.endog, sample.index, sample.n_trials, sample.numbers, sample.labels,
                      sample.designs, sample.categories)
