"""Results of a fit: thin methods over one file per question a user asks."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from statsmodels.base.model import (
    LikelihoodModelResults,
    LikelihoodResultsWrapper,
    ResultMixin,
)
import statsmodels.base.wrapper as wrap
from statsmodels.tools._decorators import cached_value

from statsmodels_gllamm.results import auxiliary, estimates, notes
from statsmodels_gllamm.results.averages import PopulationAverages
from statsmodels_gllamm.results.covariance import covariance
from statsmodels_gllamm.results.diagnostics import Diagnostics
from statsmodels_gllamm.results.inference import Inference
from statsmodels_gllamm.results.intervals import Intervals
from statsmodels_gllamm.results.light import without_data
from statsmodels_gllamm.results.likelihoods import refuse_without_likelihood
from statsmodels_gllamm.results.measurement import Measurement
from statsmodels_gllamm.results.npml import MixingDistribution
from statsmodels_gllamm.results.predictions import Predictions
from statsmodels_gllamm.results.printing import Printing
from statsmodels_gllamm.results.profile import checked_names
from statsmodels_gllamm.results.structure import StructuralModel
from statsmodels_gllamm.results.survey import Survey


class GLLAMMResults(Predictions, Printing, PopulationAverages, Diagnostics, StructuralModel,
                    Measurement, Intervals, Inference, MixingDistribution, Survey, ResultMixin,
                    LikelihoodModelResults):
    """Results of a generalized linear latent and mixed model.

    Parameters
    ----------
    model : GLLAMMModel
    record : FitRecord
        What the fit found.
    cov_type : {"nonrobust", "opg", "robust", "cluster"}
        Covariance of the estimates; see `with_cov_type`.
    cov_kwds : dict, optional

    Attributes
    ----------
    params, bse, tvalues, pvalues : Series (k,)
        Estimates in natural units, standard errors, z statistics and their two-sided p-values.
        A variance that ends at zero has a standard error of NaN, and so have parameters in a
        direction in which the log-likelihood is flat.
    llf : float
        Log-likelihood, fully normalised; with sampling weights the log pseudo-likelihood, without the
        penalty of a penalised fit, NaN with ``integration="pql"``.  Of these there are no information
        criteria and likelihood-ratio tests.
    nobs : int or float
        Rows, counted with their frequency weights, not sampling weights, at all levels.
    n_groups : dict {group: int}
        Units of every group, without weights, from the bottom level up.
    df_model : int
        Coefficients of all linear predictors besides the constants.
    df_modelwc : int
        All estimated parameters, which ``aic``, ``aicc`` and ``bic`` count.
    n_data : int or float
        What ``bic``, ``aicc`` and ``df_resid`` take for the number of observations: ``nobs``, but of
        outcomes of several rows, as choices, rankings and composite links, the number of outcomes
        (with their weights), not of rows.
    df_resid : int
        ``n_data`` less all estimated parameters.
    scale : float
        Residual variance of a Gaussian model (the dispersion of Gamma and inverse Gaussian), 1 for
        a family without, NaN when a dispersion formula lets it vary.
    converged : bool
    mle_retvals : dict
        converged, reason, gain (log-likelihood still to be gained), iterations, fcalls, method.
    certificate : Certificate
        Quadrature error in log-likelihood and in standard errors, and how it was found.
    integration : str
        "adaptive", "laplace", "quadrature", "exact" or "pql".
    n_quad : dict {group: int}
        Points per dimension.
    penalty : PenaltyRecord or None
        What `fit_regularized` added to the log-likelihood: ``method``, ``text`` and ``value``.
    cov_type : str
    cov_kwds : dict
        ``description`` and what the covariance type used.

    Notes
    -----
    Tests and intervals are asymptotic (z and chi-squared).  ``conf_int`` gives Wald intervals in
    natural units for every parameter, and those of variances on the log scale, as `summary` shows
    them, with ``transform=True``; it has profile likelihood and bootstrap intervals too.
    """

    def __init__(self, model, record, cov_type="nonrobust", cov_kwds=None):
        self.record = record
        cov, description = covariance(model, record, cov_type, cov_kwds)
        scale = auxiliary.scale(model, record.params, auxiliary.alone(model))
        super().__init__(model, record.params, scale=scale,
                         normalized_cov_params=cov / scale if np.isfinite(scale) else cov)
        self.cov_params_default = cov
        self.cov_type, self.cov_kwds = cov_type, description
        self._cache = {"llf": record.loglik}
        self._data_in_cache = ["fittedvalues", "resid"]
        self.nobs = estimates.n_observations(model.sample)
        self.df_model = estimates.df_model(model)
        self.n_data = estimates.n_units_of_data(model, self.n_outcomes)
        self.df_resid = self.n_data - record.n_free
        self.mle_retvals = dict(record.retvals)
        self.converged = bool(record.retvals["converged"])
        self.method = record.retvals.get("method", "newton")
        self.certificate = record.certificate
        self.integration = record.integration
        self.n_quad = {name: n for level, n in zip(model.structure.levels, record.n_quad)
                       for name in level.groups}

    # Fit and its size

    @property
    def df_modelwc(self):
        """Number of estimated parameters: linear constraints take theirs off."""
        return self.record.n_free

    @property
    def constraints(self) -> list[str]:
        """The linear constraints under which the model was fitted, one equation each."""
        c = self.record.constraints
        return [] if c is None else c.texts(self.model.param_names)

    @property
    def penalty(self):
        """What `fit_regularized` added to the log-likelihood; None otherwise."""
        return self.record.penalty

    @cached_value
    def aic(self):
        """Akaike's information criterion, -2 llf + 2 k."""
        refuse_without_likelihood(self, "aic")
        return -2 * self.llf + 2 * self.df_modelwc

    @cached_value
    def bic(self):
        """Bayesian information criterion, -2 llf + k log n, with n = ``n_data``."""
        refuse_without_likelihood(self, "bic")
        return -2 * self.llf + np.log(self.n_data) * self.df_modelwc

    @cached_value
    def aicc(self):
        """AIC with the small-sample correction 2 k (k + 1) / (n - k - 1), with n = ``n_data``."""
        refuse_without_likelihood(self, "aicc")
        k, n = self.df_modelwc, self.n_data
        return self.aic + 2 * k * (k + 1) / (n - k - 1) if n > k + 1 else np.inf

    @property
    def group_sizes(self):
        """GroupSize of every group: units, and rows in a unit."""
        return self._summary_cache("group_sizes", lambda: estimates.group_sizes(self.model))

    @property
    def own_auxiliaries(self) -> frozenset[str]:
        """Auxiliary parameters that are an auxiliary predictor of some rows by themselves."""
        return self._summary_cache("own_auxiliaries", lambda: auxiliary.alone(self.model))

    @property
    def n_outcomes(self):
        """What outcomes of several rows are called and their number; None where each row is one."""
        return self._summary_cache("n_outcomes", lambda: estimates.n_outcomes(self.model))

    @property
    def family_notes(self) -> list[str]:
        """Sentences on the response's categories, members or derivatives."""
        return self._summary_cache("family_notes", lambda: notes.family_notes(self.model))

    @property
    def n_groups(self) -> dict[str, int]:
        """Units of every group, from the bottom level up."""
        return {size.name: size.n_units for size in self.group_sizes}

    # Estimates by kind

    def _of_kind(self, values, kind) -> pd.Series:
        at = self.model.design.layout.positions(kind)
        return pd.Series(np.asarray(values)[at], index=[self.model.param_names[i] for i in at])

    @property
    def fe_params(self) -> pd.Series:
        """Fixed coefficients."""
        return self._of_kind(self.params, "coef")

    @property
    def bse_fe(self) -> pd.Series:
        """Standard errors of the fixed coefficients."""
        return self._of_kind(self.bse, "coef")

    @property
    def cov_re(self) -> dict[str, pd.DataFrame]:
        """Covariance matrix of the latent variables of every group."""
        return estimates.covariance_matrices(self.model, self.params)

    @property
    def corr_re(self) -> dict[str, pd.DataFrame]:
        """Correlation matrix of the latent variables of every group."""
        return {group: pd.DataFrame(estimates.correlation(psi.to_numpy()), psi.index, psi.columns)
                for group, psi in self.cov_re.items()}

    @property
    def loadings(self) -> pd.DataFrame:
        """Loadings, "estimate" and "std err"; the fixed ones have a standard error of NaN."""
        return estimates.loading_table(self.model, self.params, self.bse)

    @property
    def thresholds(self) -> pd.DataFrame:
        """Thresholds of ordinal responses: "estimate" and "std err"."""
        return auxiliary.auxiliary_table(self.model, self.params, self.bse, self.own_auxiliaries,
                                         thresholds=True)

    @property
    def dispersion(self) -> pd.DataFrame:
        """Auxiliary parameters besides thresholds: "estimate", "std err", the "value" of the
        quantity itself, where it is that of some rows, and their "meaning"."""
        return auxiliary.auxiliary_table(self.model, self.params, self.bse, self.own_auxiliaries,
                                         thresholds=False)

    # Storing

    def remove_data(self):
        """Remove everything with as many elements as rows or units.

        What remains prints its summary, tests hypotheses about its parameters and predicts new
        data.  The results get a model of their own; other results of the model keep theirs.
        """
        _ = self.group_sizes, self.fingerprint, self.own_auxiliaries, self.n_outcomes
        _ = self.family_notes, self.sampling_notes, self._n_clusters, self._n_independent
        self.model = without_data(self.model)
        self.record = replace(self.record, unit_scores=np.zeros((0, len(self.record.params))))
        super().remove_data()


class GLLAMMResultsWrapper(LikelihoodResultsWrapper):
    """Attaches names and row labels to the arrays of `GLLAMMResults`."""

    _wrap_methods: dict = {}  # those that take names are below

    def conf_int(self, alpha=0.05, cols=None, method="wald", transform=False, **kwds):
        found = self._results.conf_int(alpha, cols, method, transform, **kwds)
        names = self._results.model.param_names if cols is None else checked_names(self, cols)
        return pd.DataFrame(found, index=names)

    conf_int.__doc__ = GLLAMMResults.conf_int.__doc__

    def cov_params(self, r_matrix=None, column=None, scale=None, cov_p=None, other=None):
        cov = self._results.cov_params(r_matrix, column, scale, cov_p, other)
        whole = r_matrix is None and column is None
        return self._results.model.data.attach_cov(cov) if whole else cov

    cov_params.__doc__ = GLLAMMResults.cov_params.__doc__


wrap.populate_wrapper(GLLAMMResultsWrapper, GLLAMMResults)
GLLAMMResults._wrapper = GLLAMMResultsWrapper
