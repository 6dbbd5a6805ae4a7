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
from statsmodels.tools._decorators import cached_data, cached_value
from statsmodels.tools.tools import nan_dot

from statsmodels_gllamm.formula.terms import linear_constraints
from statsmodels_gllamm.results import estimates, summary, table, tests
from statsmodels_gllamm.results.covariance import covariance
from statsmodels_gllamm.results.light import without_data


class GLLAMMResults(ResultMixin, LikelihoodModelResults):
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
        A variance that ends at zero has a standard error of NaN.
    llf : float
        Log-likelihood, fully normalised.
    nobs : int or float
        Rows, counted with their frequency weights at all levels.
    n_groups : dict {group: int}
        Units of every group, without weights, from the bottom level up.
    df_model : int
        Fixed coefficients besides the constant.
    df_modelwc : int
        All estimated parameters, which ``aic``, ``aicc`` and ``bic`` count.
    df_resid : int
        ``nobs`` less all estimated parameters.
    scale : float
        Residual variance of a Gaussian model (the dispersion of Gamma and inverse Gaussian), 1 for
        a family without, NaN when a dispersion formula lets it vary.
    converged : bool
    mle_retvals : dict
        converged, reason, gain (log-likelihood still to be gained), iterations, fcalls, method.
    certificate : Certificate
        Quadrature error in log-likelihood and in standard errors, and how it was found.
    integration : str
        "adaptive", "laplace", "quadrature" or "exact".
    n_quad : dict {group: int}
        Points per dimension.
    cov_type : str
    cov_kwds : dict
        ``description`` and what the covariance type used.

    Notes
    -----
    Tests and intervals are asymptotic (z and chi-squared).  ``conf_int`` gives Wald intervals in
    natural units for every parameter; `summary` shows those of variances on the log scale.
    """

    def __init__(self, model, record, cov_type="nonrobust", cov_kwds=None):
        self.record = record
        cov, description = covariance(model, record, cov_type, cov_kwds)
        scale = estimates.scale(model, record.params)
        super().__init__(model, record.params, scale=scale,
                         normalized_cov_params=cov / scale if np.isfinite(scale) else cov)
        self.cov_params_default = cov
        self.cov_type, self.cov_kwds = cov_type, description
        self._cache = {"llf": record.loglik}
        self._data_in_cache = ["fittedvalues", "resid"]
        self.nobs = estimates.n_observations(model.sample)
        self.df_model = model.exog.shape[1] - model.k_constant if model.exog is not None else 0
        self.df_resid = self.nobs - len(record.params)
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
        """Number of estimated parameters."""
        return len(self.params)

    @cached_value
    def aicc(self):
        """AIC with the small-sample correction 2 k (k + 1) / (n - k - 1)."""
        k, n = self.df_modelwc, self.nobs
        return self.aic + 2 * k * (k + 1) / (n - k - 1) if n > k + 1 else np.inf

    @property
    def group_sizes(self):
        """GroupSize of every group: units, and rows in a unit."""
        return self._summary_cache("group_sizes", lambda: estimates.group_sizes(self.model))

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
    def dispersion(self) -> pd.DataFrame:
        """Dispersion parameters: "estimate", "std err" and their "meaning"."""
        return estimates.dispersion_table(self.model, self.params, self.bse)

    def to_frame(self, alpha=0.05) -> pd.DataFrame:
        """All parameters in one tidy table, fixed ones included.

        Parameters
        ----------
        alpha : float
            One minus the level of the intervals.

        Returns
        -------
        DataFrame
            One row per parameter: kind, estimate, std_err, z, pvalue, conf_low, conf_high, derived
            (sd of a variance, correlation of a covariance, exp of a constant log dispersion) and
            status ("free", "fixed", "boundary", or "= name" of the parameter it equals).
        """
        return table.parameter_table(self, alpha)

    # Inference

    def cov_params(self, r_matrix=None, column=None, scale=None, cov_p=None, other=None):
        """Covariance of the estimates or of linear combinations r of them, r cov other'.

        Parameters
        ----------
        r_matrix : array_like (m, k) or (k,), optional
        column : int or array_like, optional
            Rows and columns to take; on its own.
        scale : ignored
        cov_p : ndarray (k, k), optional
            Another covariance of the estimates.
        other : array_like (m, k), optional

        Returns
        -------
        ndarray
            NaN only where a parameter held at a boundary takes part.
        """
        cov_p = self.cov_params_default if cov_p is None else np.asarray(cov_p)
        if r_matrix is None or column is not None or not np.isnan(cov_p).any():
            return super().cov_params(r_matrix, column, scale, cov_p, other)
        r_matrix = np.asarray(r_matrix, dtype=float)
        other = r_matrix if other is None else np.asarray(other, dtype=float)
        return nan_dot(r_matrix, nan_dot(cov_p, other.T))

    def t_test(self, r_matrix, cov_p=None, use_t=None):
        """Wald test of every one of some linear constraints on any parameters.

        Parameters
        ----------
        r_matrix : str, array_like (m, k) or tuple (R, q)
            ``"lambda[ability,2] = 1, x = 0"``, R, or R and q of R params = q.
        cov_p : ndarray (k, k), optional
            Another covariance of the estimates.
        use_t : bool, optional
            t with ``df_resid`` degrees of freedom instead of z (the default).

        Returns
        -------
        ContrastResults
            NaN where a parameter held at a boundary takes part.
        """
        r_matrix = linear_constraints(r_matrix, self.model.param_names)
        return super().t_test(r_matrix, cov_p=cov_p, use_t=use_t)

    def wald_test(self, r_matrix, cov_p=None, invcov=None, use_f=None, df_constraints=None,
                  scalar=True):
        """Joint Wald test of linear constraints on any parameters.

        Parameters
        ----------
        r_matrix : str, array_like (m, k) or tuple (R, q)
            ``"lambda[ability,2] = lambda[ability,3], x = 0"``, R, or R and q of R params = q.
        cov_p : ndarray (k, k), optional
            Another covariance of the estimates.
        invcov : ndarray (m, m), optional
            Inverse covariance of the constraints.
        use_f : bool, optional
            F instead of chi-squared (the default).
        df_constraints : int, optional
        scalar : bool
            The statistic is a number, not an array.

        Returns
        -------
        ContrastResults
            NaN if a parameter held at a boundary takes part.
        """
        r_matrix = linear_constraints(r_matrix, self.model.param_names)
        if invcov is None and np.isnan(self.cov_params(cov_p=cov_p)).any():
            sd = np.ravel(self.t_test(r_matrix, cov_p=cov_p).sd)
            if np.isnan(sd).any():
                invcov = np.full((len(sd), len(sd)), np.nan)
        return super().wald_test(r_matrix, cov_p=cov_p, invcov=invcov, use_f=use_f,
                                 df_constraints=df_constraints, scalar=scalar)

    def with_cov_type(self, cov_type="nonrobust", **cov_kwds):
        """The same fit with another covariance of the estimates.

        Parameters
        ----------
        cov_type : {"nonrobust", "opg", "robust", "cluster"}
            Inverse of the observed information; inverse of the outer product of the scores of the
            top-level units; sandwich of both; sandwich over clusters of top-level units.
        groups : str or array_like
            For "cluster": a column of the data, one code per row, or one per top-level unit.
            Clusters must hold whole top-level units.
        use_correction : bool
            For "robust" and "cluster": multiply the covariance by n / (n - 1), with n the number of
            (weighted) top-level units or of clusters.  Default False.

        Returns
        -------
        GLLAMMResults
            The present results are not changed.
        """
        return GLLAMMResultsWrapper(GLLAMMResults(self.model, self.record, cov_type, cov_kwds))

    get_robustcov_results = with_cov_type

    @property
    def fingerprint(self):
        """What tells the estimation sample from others."""
        return self._summary_cache("fingerprint", lambda: tests.fingerprint(self.model.sample))

    def lr_test(self, other):
        """Likelihood-ratio test against a model within this one, or around it.

        Parameters
        ----------
        other : GLLAMMResults
            Fitted to the same rows and the same response.

        Returns
        -------
        LRTestResult
            statistic, pvalue, df: a named tuple, in the order of ``compare_lr_test``.

        Warns
        -----
        BoundaryWarning
            When the smaller model sets a variance to zero: the p-value is then conservative.  For
            one variance it is twice the right one.
        PrecisionWarning
            When the quadrature errors matter, or the larger model fits less well.
        """
        return tests.likelihood_ratio(self, other, stacklevel=2)

    def wald_test_terms(self, skip_single=False, extra_constraints=None, combine_terms=None,
                        scalar=True):
        """Wald test of every term of the fixed part of the formula.

        Parameters
        ----------
        skip_single : bool
            Leave out terms of one column.
        extra_constraints : list of (str, ndarray (m, k)), optional
            More tests.
        combine_terms : list of str, optional
            For each string, one more test of all terms with it in their name.
        scalar : bool
            Statistics are numbers, not arrays.

        Returns
        -------
        WaldTestResults
        """
        return tests.wald_terms(self, skip_single, extra_constraints, combine_terms, scalar)

    def t_test_pairwise(self, term_name, method="hs", alpha=0.05, factor_labels=None):
        """Differences between the levels of a categorical term; as in statsmodels.

        Parameters
        ----------
        term_name : str
            As in the formula, ``"C(item)"``.
        method : str
            Correction for multiple tests.
        alpha : float
        factor_labels : list of str, optional

        Returns
        -------
        MultiCompResult
        """
        return tests.pairwise(self, term_name, method, alpha, factor_labels)

    def bootstrap(self, *args, **kwargs):
        """Not there: statsmodels' bootstrap draws rows, which are not independent here."""
        raise NotImplementedError("a bootstrap of single rows would break up the clusters")

    # Predictions

    @cached_data
    def fittedvalues(self):
        """Means of the responses of the sample over the latent variables (n,)."""
        self._needs_data("fittedvalues")
        return np.asarray(self.model.predict(self.params))

    @cached_data
    def resid(self):
        """Responses less `fittedvalues` (n,)."""
        self._needs_data("resid")
        return self.model.endog - self.fittedvalues

    def _needs_data(self, what) -> None:
        if self.model.endog is None:
            raise ValueError(f"{what} needs the data, which remove_data() has removed.")

    def latent(self, group=None, kind="mean", covariances=False):
        """Posterior means or modes of the latent variables, with standard errors.

        Parameters
        ----------
        group : str, optional
            A group; all of them by default.
        kind : {"mean", "mode"}
        covariances : bool
            Whether posterior covariance matrices are returned too.

        Returns
        -------
        DataFrame, or dict {group: DataFrame} where there is not exactly one group
            For each latent variable a column of its name, "x", and one of its standard error,
            "se[x]".  With ``covariances`` a pair: these, and arrays (n_clusters, q, q).
        """
        from statsmodels_gllamm.results.latent import latent

        self._needs_data("latent")
        return latent(self, group=group, kind=kind, covariances=covariances)

    @property
    def random_effects(self):
        """Posterior means of the latent variables, {group: DataFrame}."""
        from statsmodels_gllamm.results.latent import random_effects

        self._needs_data("random_effects")
        return random_effects(self)

    def predict(self, data=None, which="mean", **kwargs):
        """Predictions for the sample or for new data.

        Parameters
        ----------
        data : DataFrame, optional
            New rows; those of the sample by default.
        which : str
            "mean" (over the latent variables), "conditional" (latent variables zero), "linear"
            (predictor, latent variables zero) or "posterior" (given the cluster's data).
        **kwargs
            As in `statsmodels_gllamm.results.predict.predict_results`.

        Returns
        -------
        Series, or ndarray where the rows have no labels
        """
        from statsmodels_gllamm.results.predict import predict_results

        if data is None or which == "posterior":
            self._needs_data("predict() without data" if data is None else "which='posterior'")
        return predict_results(self, data, which=which, **kwargs)

    def plot_random_effects(self, group=None, ax=None, **kwargs):
        """Posterior means of the latent variables with intervals, sorted; a matplotlib Figure.

        Parameters
        ----------
        group : str, optional
        ax : matplotlib Axes or sequence of Axes, optional
        **kwargs
            As in `statsmodels_gllamm.results.plots.plot_random_effects`.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from statsmodels_gllamm.results.plots import plot_random_effects

        self._needs_data("plot_random_effects")
        return plot_random_effects(self, group=group, ax=ax, **kwargs)

    # Printing

    def summary(self, yname=None, xname=None, title=None, alpha=0.05):
        """Summary: the model and its fit, then a table for every kind of parameter.

        Parameters
        ----------
        yname : str, optional
            Name of the response.
        xname : list of str, optional
            Names of the parameters.
        title : str, optional
        alpha : float
            One minus the level of the intervals.

        Returns
        -------
        statsmodels.iolib.summary.Summary
        """
        return summary.summary(self, yname, xname, title, alpha)

    def summary2(self, alpha=0.05, float_format="%.4f", title=None, xname=None, yname=None):
        """The same in the manner of statsmodels' ``summary2``.

        Parameters
        ----------
        alpha : float
        float_format : str
        title : str, optional
        xname : list of str, optional
        yname : str, optional

        Returns
        -------
        statsmodels.iolib.summary2.Summary
        """
        return summary.summary_second(self, alpha, float_format, title, xname, yname)

    def _repr_html_(self):
        return self.summary().as_html()

    # Storing

    def remove_data(self):
        """Remove everything with as many elements as rows or units.

        What remains prints its summary, tests hypotheses about its parameters and predicts new
        data.  The results get a model of their own; other results of the model keep theirs.
        """
        _ = self.group_sizes, self.fingerprint
        self.model = without_data(self.model)
        self.record = replace(self.record, unit_scores=self.record.unit_scores[:0].copy())
        super().remove_data()

    # What maketables asks for

    @property
    def __maketables_coef_table__(self):
        table = {"b": self.params, "se": self.bse, "t": self.tvalues, "p": self.pvalues}
        index = pd.Index(self.model.param_names, name="Coefficient")
        return pd.DataFrame({k: np.asarray(v) for k, v in table.items()}, index=index)

    def __maketables_stat__(self, key):
        names = {"N": "nobs", "ll": "llf", "aic": "aic", "bic": "bic", "se_type": "cov_type",
                 "df_model": "df_model", "df_resid": "df_resid"}
        return getattr(self, names[key]) if key in names else None

    @property
    def __maketables_depvar__(self):
        return self.model.endog_names

    @property
    def __maketables_vcov_info__(self):
        return {"vcov_type": self.cov_type}


class GLLAMMResultsWrapper(LikelihoodResultsWrapper):
    """Attaches names and row labels to the arrays of `GLLAMMResults`."""


wrap.populate_wrapper(GLLAMMResultsWrapper, GLLAMMResults)
