r"""Functions of the estimates as results of their own, which print and can be tested.

Errors are those of the delta method, see delta.py; a quantity that depends on no parameter,
or on one that has no standard error, has none either: NaN.
"""
from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.iolib.summary import Summary, summary_params, summary_params_frame
from statsmodels.stats.contrast import ContrastResults

from statsmodels_gllamm.formula.terms import linear_constraints


class DerivedEstimates:
    """Functions of the estimates with standard errors.

    Parameters
    ----------
    params : Series (m,)
    cov : ndarray (m, m)
    title : str
        Heading of the summary.
    notes : sequence of str, optional
        Sentences below it.

    Attributes
    ----------
    params, bse, tvalues, pvalues : Series (m,)
        Values, standard errors, z statistics and their two-sided p-values.
    notes : tuple of str
    """

    use_t = False

    def __init__(self, params: pd.Series, cov: np.ndarray, title: str, notes=()):
        self.params, self._cov, self.title, self.notes = params, cov, title, tuple(notes)
        with np.errstate(invalid="ignore"):
            self.bse = pd.Series(np.sqrt(np.diag(cov)), params.index)
        self.tvalues = self.params / self.bse
        self.pvalues = pd.Series(2 * stats.norm.sf(np.abs(self.tvalues)), params.index)

    def cov_params(self) -> pd.DataFrame:
        """Covariance matrix of the values (m, m)."""
        return pd.DataFrame(self._cov, self.params.index, self.params.index)

    def conf_int(self, alpha=0.05) -> pd.DataFrame:
        """Wald intervals.

        Parameters
        ----------
        alpha : float
            One minus their level.

        Returns
        -------
        DataFrame (m, 2)
        """
        half = stats.norm.ppf(1 - alpha / 2) * self.bse
        return pd.DataFrame({0: self.params - half, 1: self.params + half})

    def t_test(self, r_matrix) -> ContrastResults:
        """Wald test of each of some linear constraints on the values.

        Parameters
        ----------
        r_matrix : str, array_like (m, k) or tuple (R, q)
            As in ``GLLAMMResults.t_test``, by the names of ``params``.

        Returns
        -------
        ContrastResults
        """
        r, q = linear_constraints(r_matrix, list(self.params.index))
        r = np.atleast_2d(np.asarray(r, dtype=float))
        effect = r @ self.params.to_numpy()
        used = [np.flatnonzero(row) for row in r]
        sd = np.sqrt([row[at] @ self._cov[np.ix_(at, at)] @ row[at] for row, at in zip(r, used)])
        statistic = (effect - np.ravel(0.0 if q is None else q)) / sd
        return ContrastResults(effect=effect, statistic=statistic, sd=sd, distribution="norm")

    def _table(self, alpha):
        return (self, self.params.to_numpy(), self.bse.to_numpy(), self.tvalues.to_numpy(),
                self.pvalues.to_numpy(), self.conf_int(alpha).to_numpy())

    def summary_frame(self, alpha=0.05) -> pd.DataFrame:
        """Table of values, standard errors, z statistics, p-values and intervals.

        Parameters
        ----------
        alpha : float

        Returns
        -------
        DataFrame
            Columns as in statsmodels: "coef", "std err", "z", "P>|z|", "Conf. Int. Low" and
            "Conf. Int. Upp.".
        """
        return summary_params_frame(self._table(alpha), yname="", xname=list(self.params.index),
                                    alpha=alpha, use_t=False)

    def summary(self, alpha=0.05) -> Summary:
        """The same as a table to print.

        Parameters
        ----------
        alpha : float

        Returns
        -------
        statsmodels.iolib.summary.Summary
        """
        out = Summary()
        table = summary_params(self._table(alpha), yname="", xname=list(self.params.index),
                               alpha=alpha, use_t=False, title=self.title)
        out.tables.append(table)
        if self.notes:
            out.add_extra_txt(list(self.notes))
        return out

    def __str__(self):
        return str(self.summary())

    def __repr__(self):
        return f"<{type(self).__name__}>\n{self.summary()}"

    def _repr_html_(self):
        return self.summary().as_html()
