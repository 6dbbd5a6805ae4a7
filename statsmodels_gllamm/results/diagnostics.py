"""Residuals and influence: methods of results that look for what does not fit."""
from __future__ import annotations

import numpy as np
import pandas as pd

from statsmodels_gllamm.results import estimates, influence, residual_kinds, residual_plots


class Diagnostics:
    """Methods of `GLLAMMResults` that check the model against its data."""

    def residuals(self, kind="pearson", given=None, rng=None) -> pd.Series:
        r"""Residuals of the sample's rows.

        Parameters
        ----------
        kind : {"response", "pearson", "deviance", "quantile"}
            Response less mean; the same over the standard deviation; the signed root of twice the log
            density that the row could gain from a linear predictor of its own; randomised quantile
            residuals.
        given : {"prior", "posterior", "history", "zero"}, optional
            What the latent variables are taken for.  "prior": they are averaged over, and residuals are
            those of the marginal model.  "posterior": given all responses of the cluster, as
            residuals from fitted clusters.  "history": given the responses before in the top-level
            cluster, in the order of the data.  "zero": they are zero, but not for "quantile".  By
            default "posterior" for "deviance", and "prior" for the others.
        rng : seed or Generator, optional
            For "quantile".

        Returns
        -------
        Series (n,)
            NaN for the response and Pearson residuals of censored rows.

        Raises
        ------
        NotImplementedError, ValueError
            The family has no residuals of that kind: categories without numbers or order, deviances
            of outcomes with several linear predictors, distribution functions of `Custom`
            families.

        Notes
        -----
        For the true model quantile residuals are standard normal given "prior", dependent within a
        cluster, and independent standard normal given "history".  Given "posterior" they vary
        less, because a response is used for its own prediction; so do Pearson residuals.  The
        deviance is taken at the mean of the linear predictor and scaled: for a Gaussian response
        it is the residual over the residual standard deviation.

        References
        ----------
        Dunn, P. K. and Smyth, G. K. (1996). Randomized quantile residuals. *Journal of
        Computational and Graphical Statistics* 5, 236-244.

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> res = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).fit()
        >>> res.residuals("quantile", given="history").std().round(1)
        np.float64(1.0)
        """
        self._needs_data("residuals")
        found = residual_kinds.residuals(self, kind, given, rng)
        return pd.Series(found, index=self.model.sample.index)

    def _observed_values(self, what) -> np.ndarray:
        """Responses (n,) as numbers, NaN where they are censored."""
        return np.where(estimates.observed(self.model), self._values(f"{what} residuals"), np.nan)

    @property
    def resid_response(self) -> pd.Series:
        """Responses less their marginal means: `resid`."""
        return self.residuals("response")

    @property
    def resid_pearson(self) -> pd.Series:
        """Marginal Pearson residuals, `resid` over the marginal standard deviation; others, such as
        those given the cluster's data, by `residuals`."""
        return self.residuals("pearson")

    @property
    def resid_deviance(self) -> pd.Series:
        """Deviance residuals at the posterior mean of the linear predictor; see `residuals`."""
        return self.residuals("deviance")

    def resid_quantile(self, rng=None, given="prior") -> pd.Series:
        """Randomised quantile residuals, standard normal for the true model.

        Parameters
        ----------
        rng : seed or Generator, optional
        given : {"prior", "posterior", "history"}
            As of `residuals`.

        Returns
        -------
        Series (n,)

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> res = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).fit()
        >>> res.resid_quantile(rng=0)[:3].round(2)
        0   -0.05
        1   -0.09
        2   -0.58
        dtype: float64
        """
        return self.residuals("quantile", given, rng)

    def plot_residuals(self, kind="quantile", x=None, given=None, rng=None, ax=None):
        """Residuals against the linear predictor or a column of the data, with a smooth line.

        Parameters
        ----------
        kind : {"quantile", "pearson", "deviance", "response"}
        x : str or array_like (n,), optional
            A column, or one value per row; by default the mean of the linear predictor.  Columns of
            few values, or of categories, have a box for each.
        given : {"prior", "posterior", "history", "zero"}, optional
            As of `residuals`.
        rng : seed or Generator, optional
        ax : matplotlib Axes, optional

        Returns
        -------
        matplotlib.figure.Figure

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> res = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).fit()
        >>> figure = res.plot_residuals()
        """
        self._needs_data("plot_residuals")
        return residual_plots.plot_residuals(self, kind, x, given, rng, ax)

    def plot_qq(self, group=None, given="prior", n_sim=39, rng=None, ax=None):
        """Normal quantile plot of quantile residuals, or of the latent variables of a group.

        Parameters
        ----------
        group : str, optional
            Posterior means over diagnostic standard errors of its latent variables; by default
            quantile residuals.
        given : {"prior", "posterior", "history"}
            As of `residuals`.
        n_sim : int
            Data sets drawn from the model for the envelope of residuals given "prior"; the pointwise
            95% range of theirs.  Given "history" residuals are independent, and the envelope is
            that of independent normal variables; so it is, as an approximation, given "posterior",
            of censored responses, and of latent variables.
        rng : seed or Generator, optional
        ax : matplotlib Axes, or several for several latent variables, optional

        Returns
        -------
        matplotlib.figure.Figure

        Notes
        -----
        Posterior means of responses that are not Gaussian are not normal even if the latent variables
        are, above all of small clusters; `plot_gateaux` shows whether the likelihood prefers another
        distribution.

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> res = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).fit()
        >>> figure = res.plot_qq(rng=0)
        """
        self._needs_data("plot_qq")
        return residual_plots.plot_qq(self, group, given, n_sim, rng, ax)

    def get_influence(self, level=None) -> influence.GLLAMMInfluence:
        """Influence of every top-level unit on the estimates, by one Newton step without it.

        Parameters
        ----------
        level : str, optional
            The top group, whose units are independent; others are refused.  Without latent variables
            units are rows ("rows"), or outcomes of several.

        Returns
        -------
        GLLAMMInfluence
            ``cooks_distance``, ``dfbetas``, ``d_params``, ``params_one``, ``hat_matrix_diag``,
            ``covratio``, ``summary_frame()`` and ``plot_index()``.

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> res = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).fit()
        >>> found = res.get_influence()
        >>> found.cooks_distance[0].nlargest(2).round(2)
        Subject
        332    1.74
        308    0.46
        Name: cooks_d, dtype: float64
        """
        self._needs_data("get_influence")
        return influence.influence(self, level)
