"""Marginal log-likelihoods by a plain trapezoid rule over the prior; nothing of the package is used.

The trapezoid rule on the whole line converges faster than any power of its step for integrands as
smooth as these, so that a fine grid over plus or minus ``REACH`` standard deviations is exact to
rounding.
"""
import numpy as np
from scipy import special, stats

REACH = 9.0
POINTS = 161


def binomial(y, nu):
    return stats.bernoulli.logpmf(y, special.expit(nu))


def poisson(y, nu):
    return stats.poisson.logpmf(y, np.exp(nu))


def normal_grid():
    """Points (POINTS,) and log weights (POINTS,) of a standard normal integral."""
    u = np.linspace(-REACH, REACH, POINTS)
    return u, stats.norm.logpdf(u) + np.log(u[1] - u[0])


def two_levels(logpmf, y, fixed, z, cov, group):
    """Two correlated latent variables per cluster.

    ``fixed`` (n,) predictor without them, ``z`` (n, 2) their columns, ``cov`` (2, 2), ``group`` (n,).
    """
    u, _ = normal_grid()
    scale = np.sqrt(np.diag(cov))
    one, two = (g.ravel() for g in np.meshgrid(u * scale[0], u * scale[1], indexing="ij"))
    grid = np.column_stack([one, two])
    log_weight = stats.multivariate_normal([0, 0], cov).logpdf(grid)
    log_weight += np.log((u[1] - u[0]) ** 2 * scale.prod())
    total = 0.0
    for label in np.unique(group):
        rows = group == label
        nu = fixed[rows, None] + z[rows] @ grid.T
        total += special.logsumexp(logpmf(y[rows, None], nu).sum(0) + log_weight)
    return total


def three_levels(logpmf, y, fixed, sd_mid, sd_top, mid, top):
    """One latent intercept per unit of ``mid`` (n,) and one per unit of ``top`` (n,)."""
    u, log_weight = normal_grid()
    total = 0.0
    for label in np.unique(top):
        inner = 0.0
        for unit in np.unique(mid[top == label]):
            rows = (top == label) & (mid == unit)
            nu = fixed[rows, None, None] + sd_mid * u[:, None] + sd_top * u[None, :]
            log_density = logpmf(y[rows, None, None], nu).sum(0)
            inner = inner + special.logsumexp(log_density + log_weight[:, None], axis=0)
        total += special.logsumexp(inner + log_weight)
    return total
