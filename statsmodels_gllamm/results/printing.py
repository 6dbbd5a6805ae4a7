"""Tables of results to print: methods of results."""
from __future__ import annotations

import numpy as np
import pandas as pd

from statsmodels_gllamm.results import summary, table
from statsmodels_gllamm.results.likelihoods import no_likelihood


class Printing:
    """Methods of `GLLAMMResults` that print them."""

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
            (sd of a variance, correlation of a covariance, the quantity whose logarithm or logit an
            auxiliary parameter is) and status ("free", "fixed", "boundary", "flat", or "= name" of the
            parameter it equals).

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> res = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).fit()
        >>> res.to_frame()[["estimate", "std_err"]].round(2)
                                               estimate  std_err
        Intercept                                251.41     6.63
        Days                                      10.47     1.50
        var[Intercept[Subject]]                  565.51   265.27
        cov[Intercept[Subject],Days[Subject]]     11.06    42.88
        var[Days[Subject]]                        32.68    13.57
        logsd[Intercept]                           3.24     0.06
        """
        return table.parameter_table(self, alpha)

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

    # What maketables asks for

    @property
    def __maketables_coef_table__(self):
        table = {"b": self.params, "se": self.bse, "t": self.tvalues, "p": self.pvalues}
        index = pd.Index(self.model.param_names, name="Coefficient")
        return pd.DataFrame({k: np.asarray(v) for k, v in table.items()}, index=index)

    def __maketables_stat__(self, key):
        names = {"N": "nobs", "ll": "llf", "aic": "aic", "bic": "bic", "se_type": "cov_type",
                 "df_model": "df_model", "df_resid": "df_resid"}
        if key in ("aic", "bic") and no_likelihood(self) is not None:
            return None
        return getattr(self, names[key]) if key in names else None

    @property
    def __maketables_depvar__(self):
        return self.model.endog_names

    @property
    def __maketables_vcov_info__(self):
        return {"vcov_type": self.cov_type}
