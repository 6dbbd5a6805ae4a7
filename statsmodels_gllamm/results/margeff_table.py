"""Marginal effects as a table, in the manner of statsmodels' discrete models."""
from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.iolib.summary import Summary, summary_params

from statsmodels_gllamm.families.labels import label_text

METHODS = {"dydx": "dy/dx", "eyex": "d(lny)/d(lnx)", "dyex": "dy/d(lnx)", "eydx": "d(lny)/dx"}
LATENT = {"integrate": "integrated out", "zero": "zero", "posterior": "given the data of the clusters"}


class MarginalEffects:
    """Marginal effects, in the manner of statsmodels' discrete models.

    Attributes
    ----------
    margeff : ndarray (m,) or (m, K)
        Effects of m variables, of K categories; (n, m) or (n, m, K) of ``at="all"``.
    margeff_se : ndarray
        Standard errors, of the same shape; None of ``at="all"``.
    margeff_cov : ndarray (m K, m K)
        Their covariance matrix, all effects on the first category first.
    tvalues, pvalues : ndarray
    names : tuple of str (m,)
    outcomes : tuple or None
        The categories, or the labels of a mixed response.
    margeff_options : dict
        ``method``, ``at``, ``latent``.
    """

    def __init__(self, values, cov, names, outcomes, options, yname):
        self.names, self.outcomes, self.margeff_options = tuple(names), outcomes, options
        self._yname, self.margeff_cov = yname, cov
        self.margeff_se, self.margeff = None, self._shaped(values)
        if cov is not None:
            with np.errstate(invalid="ignore"):
                self.margeff_se = self._shaped(np.sqrt(np.diag(cov)))

    def _shaped(self, values):
        """(..., m) or (..., m, K) from (..., K m)."""
        values = np.asarray(values)
        if self.outcomes is None:
            return values
        shape = values.shape[:-1] + (len(self.outcomes), len(self.names))
        return np.swapaxes(values.reshape(shape), -1, -2)

    def _error(self):
        if self.margeff_se is None:
            raise ValueError("at='all' has the effect of every row, without standard errors; use "
                             "at='overall' for their averages")
        return self.margeff_se

    @property
    def tvalues(self):
        """z statistics."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.margeff / self._error()

    @property
    def pvalues(self):
        """Two-sided p-values."""
        return 2 * stats.norm.sf(np.abs(self.tvalues))

    def conf_int(self, alpha=0.05):
        """Wald intervals.

        Parameters
        ----------
        alpha : float
            One minus their level.

        Returns
        -------
        ndarray (m, 2) or (m, 2, K)
        """
        half = stats.norm.ppf(1 - alpha / 2) * self._error()
        return np.stack([self.margeff - half, self.margeff + half], axis=1)

    def summary_frame(self, alpha=0.05) -> pd.DataFrame:
        """Effects, standard errors, z statistics, p-values and intervals.

        Parameters
        ----------
        alpha : float

        Returns
        -------
        DataFrame
            Columns as in statsmodels; of several categories indexed by these ("endog") and the
            variables ("exog").
        """
        interval = np.moveaxis(self.conf_int(alpha), 1, 0)
        columns = [METHODS[self.margeff_options["method"]], "Std. Err.", "z", "Pr(>|z|)",
                   "Conf. Int. Low", "Cont. Int. Hi."]
        table = [self.margeff, self.margeff_se, self.tvalues, self.pvalues, *interval]
        index = pd.Index(self.names)
        if self.outcomes is not None:
            index = pd.MultiIndex.from_product([self.outcomes, self.names], names=["endog", "exog"])
        return pd.DataFrame({name: np.ravel(x, order="F") for name, x in zip(columns, table)}, index)

    def summary(self, alpha=0.05) -> Summary:
        """The same as a table to print.

        Parameters
        ----------
        alpha : float

        Returns
        -------
        statsmodels.iolib.summary.Summary
        """
        out, frame = Summary(), self.summary_frame(alpha)
        options, method = self.margeff_options, METHODS[self.margeff_options["method"]]
        out.add_extra_txt([f"Latent variables: {LATENT[options['latent']]}."])
        head = (f"Marginal effects on {self._yname}, {method}, at: {options['at']}")
        groups = [None] if self.outcomes is None else self.outcomes
        for number, outcome in enumerate(groups):
            rows = slice(number * len(self.names), (number + 1) * len(self.names))
            own = frame.iloc[rows].to_numpy()
            title = head if outcome is None else f"{head}: {self._yname} = {label_text(outcome)}"
            table = summary_params((self, *own[:, :4].T, own[:, 4:]), yname="",
                                   xname=list(self.names), alpha=alpha, use_t=False, title=title)
            table[0][1].data = method
            out.tables.append(table)
        return out

    def __str__(self):
        return str(self.summary())

    def __repr__(self):
        return f"<MarginalEffects>\n{self}"
