r"""The table of posterior means or modes, with what may stand beside them.

Of a latent variable with posterior mean m, posterior variance v and prior variance psi

.. math:: \text{comparative standard error: } \sqrt{v}, \qquad
          \text{diagnostic standard error: } \sqrt{\psi - v}, \qquad
          \text{standardised: } \frac{m - E(\eta)}{\sqrt{\psi - v}}

The comparative one is the standard deviation of the prediction error m - eta, the diagnostic one that
of m itself over data sets: exactly for Gaussian models, and otherwise with v in place of its mean
over data sets (Skrondal and Rabe-Hesketh, 2009, J. R. Stat. Soc. A 172, 659-687, section 3).
"""
from __future__ import annotations

import numpy as np
import pandas as pd

from statsmodels_gllamm.results.latent import GroupPosterior, group_latents, posterior
from statsmodels_gllamm.results.posterior_parts import prior_moments
from statsmodels_gllamm.results.posterior_quantiles import checked_probabilities, posterior_quantiles


def latent(results, group=None, kind="mean", covariances=False, *, standardized=False,
           quantiles=None, correlations=False, modal=False):
    """Posterior means or modes of the latent variables, with standard errors.

    Parameters
    ----------
    results : GLLAMMResults
    group : str, optional
        Name of a group, such as "school" or "school:class". By default all groups.
    kind : {"mean", "mode"}
        Means and standard deviations of the posterior by the fit's own integration; or the joint
        mode of all latent variables, with the inverse curvature there as covariance. After Laplace,
        and for Gaussian models, both are the same.
    covariances, correlations : bool
        Return also the posterior covariances, or correlations, of each cluster's latent variables.
    standardized : bool
        Columns "diagnostic[x]", the standard deviation of the posterior mean itself over data sets,
        and "standardized[x]", the posterior mean less the prior one, over that. With products of
        latent variables not available.
    quantiles : sequence of numbers, optional
        Columns "q0.05[x]", ... of the quantiles of the posterior, of probabilities between 0 and 1.
        Not available where regressions have products.
    modal : bool
        In models with latent classes: given the most probable class of every cluster. By default
        classes are averaged over with their posterior probabilities.

    Returns
    -------
    frame : DataFrame
        One row per cluster, indexed by the clusters' labels (a MultiIndex for a combination of
        columns). For each latent variable a column of its name in the group, "x" for x[school], and
        a column "se[x]" of the posterior ("comparative") standard error. A dict
        {group: DataFrame} where the model has not exactly one group and none is named.
    covariances, correlations : ndarray (n_clusters, q, q)
        Only if asked for; a dict {group: ndarray} where `frame` is a dict.

    Raises
    ------
    ValueError
        An unknown group or kind, or probabilities that are none.
    NotImplementedError
        Modes of a mixture: with latent classes but for ``modal=True``, and with products of latent
        variables.

    Notes
    -----
    The parameters are taken as known: standard errors do not include the uncertainty of their
    estimates. A latent variable whose variance is estimated at zero is zero in every cluster, with
    a standard error of zero. Clusters with a frequency weight of zero have NaN, and so has a
    diagnostic standard error where the posterior variance is not below the prior one.

    References
    ----------
    Skrondal, A. and Rabe-Hesketh, S. (2009). Prediction in multilevel generalized linear models.
    Journal of the Royal Statistical Society A, 172, 659-687.

    Examples
    --------
    >>> import statsmodels.api as sm
    >>> from statsmodels_gllamm import GLLAMM, datasets
    >>> data = datasets.sleepstudy.load_pandas().data
    >>> res = GLLAMM.from_formula("Reaction ~ Days + (1 | Subject)", data).fit()
    >>> res.latent(standardized=True, quantiles=[0.05, 0.95]).round(1).head(2).T
    Subject                   308   309
    Intercept                40.6 -77.6
    se[Intercept]             9.4   9.4
    diagnostic[Intercept]    34.8  34.8
    standardized[Intercept]   1.2  -2.2
    q0.05[Intercept]         25.1 -93.1
    q0.95[Intercept]         56.1 -62.1
    """
    if quantiles is not None:
        quantiles = checked_probabilities(quantiles)
    model = results.model
    if model.structure.classes and not model.design.n_latent:
        raise ValueError("the model has no continuous latent variables; class_probabilities() and "
                         "modal_class have the classes")
    found = posterior(results, kind, group, modal)
    if group is None and len(found) == 1:
        (group,) = found
    if group is not None:
        found = {group: found[group]}
    if standardized:
        prior = prior_moments(model, results.record.working)
    frames = {}
    for name, one in found.items():
        columns = frame(one)
        if standardized:
            level, units, places, _ = group_latents(model, name)
            columns |= _standardized(one, *(x[places][:, units].T for x in prior[level]))
        if quantiles is not None:
            values = posterior_quantiles(results, name, quantiles, modal)
            columns |= {(m, f"q{p:g}[{term}]"): values[:, m, k] for m, term in enumerate(one.terms)
                        for k, p in enumerate(quantiles)}
        inner = sorted(columns, key=lambda key: key[0])
        frames[name] = pd.DataFrame({key[1]: columns[key] for key in inner}, index=one.labels)
    wanted = [frames]
    if covariances:
        wanted.append({name: one.cov for name, one in found.items()})
    if correlations:
        wanted.append({name: correlation(one) for name, one in found.items()})
    if group is not None:
        wanted = [x[group] for x in wanted]
    return wanted[0] if len(wanted) == 1 else tuple(wanted)


def frame(found: GroupPosterior) -> dict:
    """Columns {(number of the latent variable, name): values} of estimates and standard errors."""
    columns = {}
    for m, (term, estimate, se) in enumerate(zip(found.terms, found.estimate.T, found.se.T)):
        columns |= {(m, term): estimate, (m, f"se[{term}]"): se}
    return columns


def _standardized(one: GroupPosterior, mean, variance) -> dict:
    """The same of diagnostic standard errors and standardised values, from the prior mean and
    variance (n_clusters, q)."""
    rest = variance - one.se**2
    size = np.sqrt(np.where(rest > 0, rest, np.nan))
    columns = {}
    for m, term in enumerate(one.terms):
        columns |= {(m, f"diagnostic[{term}]"): size[:, m],
                    (m, f"standardized[{term}]"): (one.estimate[:, m] - mean[:, m]) / size[:, m]}
    return columns


def correlation(one: GroupPosterior) -> np.ndarray:
    """Posterior correlations (n_clusters, q, q); NaN where a standard deviation is zero."""
    se = np.where(one.se > 0, one.se, np.nan)
    return one.cov / (se[:, :, None] * se[:, None, :])
