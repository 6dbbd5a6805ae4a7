"""Intervals of parameters, and of what they stand for: Wald, profile likelihood and bootstrap."""
from __future__ import annotations

import numpy as np
import pandas as pd

from statsmodels_gllamm.results import bootstrap as bootstrap_module
from statsmodels_gllamm.results import profile as profile_module
from statsmodels_gllamm.results.components import (
    Correlation,
    Quantity,
    correlation_error,
    fisher,
    quantities,
)
from statsmodels_gllamm.results.profile import level
from statsmodels_gllamm.results.wald import wald

METHODS = ("wald", "profile", "bootstrap")
TAKES = {"wald": (), "profile": ("threads", "progress"),
         "bootstrap": ("n", "kind", "rng", "n_jobs", "progress", "interval")}


class Intervals:
    """Methods of `GLLAMMResults` that give intervals."""

    def conf_int(self, alpha=0.05, cols=None, method="wald", transform=False, **kwds):
        """Intervals of the parameters.

        Parameters
        ----------
        alpha : float
            One minus their level.
        cols : list of str or int, optional
            Parameters; all by default.
        method : {"wald", "profile", "bootstrap"}
            Estimate plus and minus multiples of the standard error; where twice the fall of the
            profile log-likelihood reaches the chi-squared quantile; quantiles of bootstrap samples.
        transform : bool
            Wald intervals of variances on the scale of their logarithm, and of covariances of two
            fixed variances on that of Fisher's z, as `summary` shows them.  By default they are
            symmetric, in natural units, as statsmodels' tests expect.  The other methods do not
            depend on the scale.
        **kwds
            For "profile": ``threads`` and ``progress``.  For "bootstrap": ``n``, ``kind``, ``rng``,
            ``n_jobs``, ``progress`` as in `bootstrap`, and ``interval``, the kind of interval as in
            `BootstrapResults.conf_int`.

        Returns
        -------
        DataFrame (parameters, 2)
            NaN for parameters that are fixed or flat; for Wald's method also for those at a boundary.
            A profile's limit that does not exist is infinite; that of a variance may be zero.

        Warns
        -----
        ConvergenceWarning
            Limits of a profile that do not exist or were not found, and samples that failed.

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> res = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).fit()
        >>> name = "var[Days[Subject]]"
        >>> print(res.conf_int(cols=[name]).round(1).to_numpy()[0])
        [ 6.1 59.3]
        >>> print(res.conf_int(cols=[name], transform=True).round(1).to_numpy()[0])
        [14.5 73.8]
        >>> print(res.conf_int(cols=[name], method="profile").round(1).to_numpy()[0])
        [14.4 76.6]
        """
        alpha = _checked(alpha, method, kwds)
        known = self.model.param_names
        names = known if cols is None else profile_module.checked_names(self, cols)
        at = [known.index(name) if name in known else None for name in names]
        if method != "profile" and None in at:
            raise ValueError(f"{names[at.index(None)]} is not a parameter: variance_components() has "
                             "its interval")
        if method == "profile":
            found = profile_module.profile(self, names, alpha, curves=False, stacklevel=4, **kwds)
            return found.conf_int().to_numpy()
        if method == "bootstrap":
            interval = kwds.pop("interval", "percentile")
            found = bootstrap_module.bootstrap(self, stacklevel=4, **kwds)
            return found.conf_int(alpha, interval).to_numpy()[at]
        return wald(self, alpha, transform)[at]

    def variance_components(self, alpha=0.05, method="wald", **kwds) -> pd.DataFrame:
        """Standard deviations and correlations of the latent variables, and the quantities whose
        logarithm or logit a parameter is, with intervals.

        Parameters
        ----------
        alpha : float
        method : {"wald", "profile", "bootstrap"}
            Wald's are on a transformed scale: the logarithm of standard deviations, Fisher's z of
            correlations, the logit of probabilities.
        **kwds
            As in `conf_int`.

        Returns
        -------
        DataFrame
            ``estimate``, ``std_err`` (delta method; of the bootstrap, the standard deviation of the
            samples), ``conf_low``, ``conf_high``.  What is fixed has NaN.

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> res = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).fit()
        >>> found = res.variance_components(method="profile").round(2)
        >>> found[["estimate", "conf_low", "conf_high"]]
                                                estimate  conf_low  conf_high
        sd[Intercept[Subject]]                     23.78     14.38      37.72
        corr[Intercept[Subject],Days[Subject]]      0.08     -0.48       0.69
        sd[Days[Subject]]                           5.72      3.80       8.75
        residual sd                                25.59     22.90      28.86
        """
        alpha = _checked(alpha, method, kwds)
        parts = quantities(self)
        if method == "bootstrap":
            return _bootstrapped(self, parts, alpha, kwds)
        ends = None
        if method == "profile":
            names = [self.model.param_names[q.number] if isinstance(q, Quantity) else q.name
                     for q in parts if not isinstance(q, tuple)]
            ends = profile_module.profile(self, list(dict.fromkeys(names)), alpha, curves=False,
                                          stacklevel=3, **kwds).conf_int()
        rows = {}
        for q in parts:
            if isinstance(q, tuple):
                rows[q[0]] = [q[1], np.nan, np.nan, np.nan]
            else:
                rows[q.name] = _component(self, q, alpha, ends)
        return pd.DataFrame.from_dict(rows, orient="index", dtype=float,
                                      columns=["estimate", "std_err", "conf_low", "conf_high"])

    def profile(self, names=None, alpha=0.05, *, threads=None, progress=None):
        """Profile likelihoods of parameters.

        Parameters
        ----------
        names : str or list of str, optional
            Parameters, or correlations such as ``"corr[Intercept[id],x[id]]"``; by default all
            parameters.
        alpha : float
            The curves go to the limits of intervals of this level, and a little beyond.
        threads : int, optional
        progress : bool, optional

        Returns
        -------
        Profile
            With ``conf_int()``, ``summary_frame()``, ``to_frame()``, ``curves`` and ``plot()``.

        Warns
        -----
        ConvergenceWarning
            Limits that do not exist, or were not found.

        Notes
        -----
        All other parameters are estimated again for every value, with the quadrature points of the
        fit, from the estimates at the value before.  ``cov_type`` does not matter.

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> res = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).fit()
        >>> found = res.profile(["Days", "corr[Intercept[Subject],Days[Subject]]"])
        >>> found.conf_int().round(2)
                                                   0      1
        Days                                    7.36  13.58
        corr[Intercept[Subject],Days[Subject]] -0.48   0.69
        """
        return profile_module.profile(self, names, alpha, threads=threads, progress=progress,
                                      stacklevel=3)

    def plot_profile(self, names=None, alpha=0.05, *, kind="zeta", threads=None, progress=None):
        """Pictures of profile likelihoods; a matplotlib Figure.

        Parameters
        ----------
        names : str, list of str or Profile, optional
            Parameters as in `profile`, or what it has returned.
        alpha : float
        kind : {"zeta", "loglik"}
            Signed roots of twice the fall of the log-likelihood, straight where Wald intervals would
            do; or the log-likelihoods.
        threads, progress : optional
            As in `profile`.

        Returns
        -------
        matplotlib.figure.Figure

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> res = GLLAMM.from_formula("Reaction ~ Days + (1 | Subject)", data).fit()
        >>> figure = res.plot_profile(["Days", "var[Intercept[Subject]]"])
        """
        if isinstance(names, profile_module.Profile):
            return names.plot(kind)
        return profile_module.profile(self, names, alpha, threads=threads, progress=progress,
                                      stacklevel=3).plot(kind)

    def bootstrap(self, n=200, *, kind="parametric", rng=None, n_jobs=1, statistic=None,
                  progress=None):
        """Estimates from samples of the model, or of the clusters.

        Parameters
        ----------
        n : int
            Samples.
        kind : {"parametric", "cluster"}
            Responses drawn from the model at the estimates; or top-level clusters (rows, of a model
            without latent variables) drawn with replacement.
        rng : seed or Generator, optional
            The samples do not depend on ``n_jobs``.
        n_jobs : int
            Processes.  More than one needs a model that can be pickled and, where processes are
            spawned, a script with ``if __name__ == "__main__":``.
        statistic : callable, optional
            Function of the parameters, a Series; its values are in ``statistics``.
        progress : bool, optional

        Returns
        -------
        BootstrapResults
            With ``params``, ``failures``, ``bse``, ``bias``, ``conf_int()``, ``summary_frame()`` and
            ``plot()``.

        Raises
        ------
        NotImplementedError
            A parametric bootstrap with frequency weights.

        Warns
        -----
        ConvergenceWarning
            Samples that could not be fitted.

        Notes
        -----
        Every fit starts at the estimates and has the quadrature points of the fit, so that classes
        keep their order and loadings their sign.  A cluster bootstrap changes nothing but the
        frequency weights of the clusters.

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> res = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).fit()
        >>> found = res.bootstrap(100, kind="cluster", rng=1)
        >>> found.params.shape
        (100, 6)
        """
        return bootstrap_module.bootstrap(self, n, kind=kind, rng=rng, n_jobs=n_jobs,
                                          statistic=statistic, progress=progress, stacklevel=3)


def _checked(alpha, method, kwds) -> float:
    if method not in METHODS:
        raise ValueError(f"method is one of {', '.join(map(repr, METHODS))}, not {method!r}")
    for key in kwds:
        if key not in TAKES[method]:
            takes = ", ".join(TAKES[method]) or "none"
            raise TypeError(f"method={method!r} has no keyword {key!r}; its keywords are: {takes}")
    return level(alpha)


def _component(results, q: Quantity | Correlation, alpha, ends) -> list[float]:
    """Estimate, error and limits; ``ends`` has limits of parameters and correlations, or is None for
    Wald's."""
    if isinstance(q, Correlation):
        value, error = correlation_error(results, q)
        low, high = fisher(value, error, alpha) if ends is None else ends.loc[q.name]
        return [value, error, low, high]
    params, names = np.asarray(results.params), results.model.param_names
    limits = wald(results, alpha, True)[q.number] if ends is None else ends.loc[names[q.number]]
    low, high = q.ends(*limits)
    error = float(np.asarray(results.bse)[q.number])
    with np.errstate(all="ignore"):
        value = float(q.function(params[q.number]))
    return [value, q.error(params[q.number], error) if np.isfinite(error) else np.nan, low, high]


def _bootstrapped(results, parts, alpha, kwds) -> pd.DataFrame:
    """The table from bootstrap samples."""
    interval = kwds.pop("interval", "percentile")
    free = [q for q in parts if not isinstance(q, tuple)]

    def values(params):
        at = np.asarray(params, dtype=float)
        with np.errstate(all="ignore"):
            return pd.Series({q.name: float(q.function(at) if isinstance(q, Correlation)
                                            else q.function(at[q.number])) for q in free})

    found = bootstrap_module.bootstrap(results, statistic=values, stacklevel=4, **kwds)
    table = found.summary_frame(alpha, interval, statistics=True)
    table = table[["estimate", "std_err", "conf_low", "conf_high"]]
    for q in parts:
        if isinstance(q, tuple):
            table.loc[q[0]] = [q[1], np.nan, np.nan, np.nan]
    return table.loc[[q[0] if isinstance(q, tuple) else q.name for q in parts]]
