r"""Bootstrap: estimates from samples, their errors and intervals.

With :math:`\theta^*_1, \dots, \theta^*_B` the estimates of the samples, G their distribution function
and :math:`z_0 = \Phi^{-1}(G(\hat\theta))`, intervals of level 1 - alpha are

.. math::
    \text{percentile} &: [G^{-1}(\alpha/2),\; G^{-1}(1 - \alpha/2)] \\
    \text{basic} &: [2\hat\theta - G^{-1}(1 - \alpha/2),\; 2\hat\theta - G^{-1}(\alpha/2)] \\
    \text{bc} &: [G^{-1}(\Phi(2 z_0 + z_{\alpha/2})),\; G^{-1}(\Phi(2 z_0 + z_{1-\alpha/2}))] \\
    \text{normal} &: \hat\theta - \mathrm{bias} \pm z_{1-\alpha/2}\, \mathrm{sd}(\theta^*)

(Davison and Hinkley, 1997, Bootstrap Methods and their Application, chapter 5; Efron, 1981, Canadian
Journal of Statistics 9, 139-172).
"""
from __future__ import annotations

from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass, field
import pickle
import warnings

import numpy as np
import pandas as pd
from scipy import stats

from statsmodels_gllamm.estimation.options import integer
from statsmodels_gllamm.estimation.progress import Progress
from statsmodels_gllamm.exceptions import ConvergenceWarning
from statsmodels_gllamm.results.likelihoods import refuse_without_likelihood
from statsmodels_gllamm.results.profile import level
from statsmodels_gllamm.results.resample import Sampler

KINDS = ("parametric", "cluster")
INTERVALS = ("percentile", "basic", "bc", "normal")


@dataclass(frozen=True)
class BootstrapResults:
    """Estimates from bootstrap samples.

    Attributes
    ----------
    params : DataFrame (n, k)
        One row per sample; NaN where the fit failed.
    estimate : Series (k,)
        Of the data.
    kind : str
        "parametric" or "cluster".
    failures : Series
        Why samples failed, by their number.
    statistics : DataFrame (n, m) or None
        Of the function that was given, by sample.
    statistic : Series (m,) or None
        The same of the data.
    n_at_zero : int
        Samples in which a variance is zero, or a correlation one; they count.
    flat : tuple of str
        Parameters of a direction in which the log-likelihood of the data is flat: no intervals.
    """

    params: pd.DataFrame = field(repr=False)
    estimate: pd.Series = field(repr=False)
    kind: str
    failures: pd.Series = field(repr=False)
    statistics: pd.DataFrame | None = field(repr=False, default=None)
    statistic: pd.Series | None = field(repr=False, default=None)
    n_at_zero: int = 0
    flat: tuple[str, ...] = field(repr=False, default=())

    @property
    def n(self) -> int:
        """Samples, failed ones included."""
        return len(self.params)

    @property
    def n_failed(self) -> int:
        """Samples that could not be fitted."""
        return len(self.failures)

    @property
    def bse(self) -> pd.Series:
        """Standard deviations of the estimates over samples; of parameters that are fixed zero."""
        return self._used(self.params).std(ddof=1)

    @property
    def bias(self) -> pd.Series:
        """Means over samples less the estimates of the data."""
        return self._used(self.params).mean() - self.estimate

    def cov_params(self) -> pd.DataFrame:
        """Covariance matrix of the estimates over samples."""
        return self._used(self.params).cov()

    def _used(self, table) -> pd.DataFrame:
        used = table.drop(index=self.failures.index)
        flat = [name for name in self.flat if name in used]
        return used.assign(**dict.fromkeys(flat, np.nan)) if flat else used

    def conf_int(self, alpha=0.05, method="percentile", statistics=False) -> pd.DataFrame:
        """Intervals (k, 2).

        Parameters
        ----------
        alpha : float
            One minus their level.
        method : {"percentile", "basic", "bc", "normal"}
            Quantiles of the samples; these reflected at the estimate; quantiles corrected for median
            bias; estimate less bias plus and minus multiples of the standard deviation.
        statistics : bool
            Of ``statistics`` in place of the parameters.
        """
        if method not in INTERVALS:
            raise ValueError(f"method is one of {', '.join(map(repr, INTERVALS))}, not {method!r}")
        table, estimate = self._table(statistics)
        rows = [interval(table[name].to_numpy(), estimate[name], level(alpha), method)
                for name in table]
        return pd.DataFrame(np.reshape(rows, (-1, 2)), index=table.columns)

    def _table(self, statistics):
        if statistics and self.statistics is None:
            raise ValueError("there are no statistics: give bootstrap() a statistic=")
        if statistics:
            return self._used(self.statistics), self.statistic
        return self._used(self.params), self.estimate

    def summary_frame(self, alpha=0.05, method="percentile", statistics=False) -> pd.DataFrame:
        """Estimate, ``bias``, ``std_err``, ``conf_low`` and ``conf_high`` of parameters, or of
        ``statistics``; arguments as of `conf_int`."""
        ends = self.conf_int(alpha, method, statistics)
        table, estimate = self._table(statistics)
        return pd.DataFrame({
            "estimate": estimate, "bias": table.mean() - estimate, "std_err": table.std(ddof=1),
            "conf_low": ends[0], "conf_high": ends[1]}, index=table.columns)

    def plot(self, names=None, alpha=0.05, method="percentile"):
        """Histograms of the estimates with the interval; a matplotlib Figure.

        Parameters
        ----------
        names : list of str, optional
            Parameters or statistics; by default all that vary.
        alpha, method : optional
            As of `conf_int`.
        """
        from statsmodels_gllamm.results.profile_plot import plot_samples
        return plot_samples(self, names, alpha, method)

    def __str__(self) -> str:
        text = (f"{self.kind} bootstrap, {self.n} samples, of which {self.n_failed} failed and "
                f"{self.n_at_zero} have a variance of zero or a correlation of one\n")
        for reason, count in Counter(self.failures).items():
            text += f"failed: {count} because {reason}\n"
        return text + self.summary_frame().to_string()


def interval(draws: np.ndarray, estimate: float, alpha: float, method: str) -> tuple[float, float]:
    """Interval from samples (n,); NaN where there are none."""
    tails, z = np.array([alpha / 2, 1 - alpha / 2]), stats.norm.ppf(1 - alpha / 2)
    if not len(draws) or np.isnan(draws).any():
        return np.nan, np.nan
    if method == "normal":
        middle, half = 2 * estimate - draws.mean(), z * draws.std(ddof=1)
        return middle - half, middle + half
    if method == "bc":
        below = np.mean(draws < estimate) + 0.5 * np.mean(draws == estimate)
        tails = stats.norm.cdf(2 * stats.norm.ppf(below) + np.array([-z, z]))
    low, high = np.quantile(draws, tails)
    return (2 * estimate - high, 2 * estimate - low) if method == "basic" else (low, high)


def bootstrap(results, n=200, *, kind="parametric", rng=None, n_jobs=1, statistic=None,
              progress=None, stacklevel=2) -> BootstrapResults:
    """Estimates from bootstrap samples; see ``GLLAMMResults.bootstrap``."""
    if kind not in KINDS:
        raise ValueError(f"kind is one of {', '.join(map(repr, KINDS))}, not {kind!r}")
    if statistic is not None and not callable(statistic):
        raise TypeError("statistic is a function of the parameters, such as "
                        f"lambda p: p['x'] / p['z'], not {statistic!r}")
    results._needs_data("bootstrap()")
    refuse_without_likelihood(results, "bootstrap()")
    n, n_jobs = integer("n", n, 2), integer("n_jobs", n_jobs)
    rngs = np.random.default_rng(rng).spawn(n)
    rows, failures, at_zero = [], {}, 0
    with closing(Progress(progress, "bootstrap", " samples")) as bar:
        for number, (params, reason, zero) in enumerate(_fits(results, kind, rngs, n_jobs)):
            rows.append(params)
            at_zero += zero
            if params is None:
                failures[number] = reason
            bar.tell(f"{len(failures)} failed")
    names = results.model.param_names
    if len(failures) > n - 2:
        raise ValueError(f"{len(failures)} of {n} samples could not be fitted, because "
                         f"{Counter(failures.values()).most_common(1)[0][0]}")
    nothing = np.full(len(names), np.nan)
    table = pd.DataFrame([nothing if row is None else row for row in rows], columns=names)
    table.index.name = "sample"
    failures = pd.Series(failures, dtype=object, name="reason")
    if len(failures):
        reason, most = Counter(failures).most_common(1)[0]
        warnings.warn(f"{len(failures)} of {n} bootstrap samples could not be fitted and are left out "
                      f"(of these {most} because {reason}); see failures", ConvergenceWarning,
                      stacklevel=stacklevel)
    estimate = pd.Series(np.asarray(results.params, dtype=float), index=names)
    values, own = _statistics(statistic, table, failures, estimate)
    flat = tuple(name for direction in results.record.flat for name in direction)
    return BootstrapResults(table, estimate, kind, failures, values, own, at_zero, flat)


def _statistics(statistic, table, failures, estimate):
    """(statistics by sample, the same of the data); None where there is no function."""
    if statistic is None:
        return None, None
    own = _as_series(statistic(estimate))
    rows = [pd.Series(np.nan, index=own.index) if number in failures.index
            else _as_series(statistic(row)) for number, row in table.iterrows()]
    return pd.DataFrame(rows, index=table.index), own


def _as_series(value) -> pd.Series:
    value = pd.Series(value) if isinstance(value, (dict, pd.Series)) else pd.Series(
        np.atleast_1d(np.asarray(value, dtype=float)))
    return value.astype(float)


_sampler: Sampler | None = None  # of a worker process


def _begin(results, kind) -> None:
    global _sampler
    _sampler = Sampler(results, kind)


def _fit(rng):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a sample that is like no data
        return _sampler.fit(rng)


def _fits(results, kind, rngs, n_jobs):
    """What `Sampler.fit` gives, sample by sample in their order."""
    if n_jobs == 1:
        sampler = Sampler(results, kind)
        for rng in rngs:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = sampler.fit(rng)
            yield found
        return
    Sampler(results, kind)  # what is refused is refused here
    try:
        pickle.dumps(results)
    except Exception as error:
        raise ValueError(f"the model cannot be sent to other processes ({error}); use n_jobs=1"
                         ) from error
    try:
        with ProcessPoolExecutor(n_jobs, initializer=_begin, initargs=(results, kind)) as pool:
            yield from pool.map(_fit, rngs, chunksize=max(1, len(rngs) // (8 * n_jobs)))
    except BrokenProcessPool as error:
        raise RuntimeError("the processes of bootstrap(n_jobs=...) did not start; a script must call "
                           'it under if __name__ == "__main__":, or use n_jobs=1') from error
