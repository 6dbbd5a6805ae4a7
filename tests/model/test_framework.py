"""Log-likelihoods of the framework's examples against their equations, integrated over a fine grid.

The densities are written out by person, from the simulated truth and not from the package's design.
"""
import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from .framework import TRUTH, Page

Z, W = np.polynomial.hermite_e.hermegauss(90)
W = W / W.sum()
PLANE = np.stack(np.meshgrid(Z, Z, indexing="ij")).reshape(2, -1)
PLANE_W = np.outer(W, W).ravel()


def endogenous(people):
    """One latent variable per person."""
    eta, total = 0.9 * Z, 0.0
    for _, rows in people.groupby("id"):
        age, checkup, advice = rows[["age", "checkup", "advice"]].to_numpy()[0]
        sign = 2 * advice - 1
        drinks = rows.y[rows.equation == "drinks"].item()
        mu = np.exp(1.2 + 0.1 * age - 0.5 * advice + eta)
        total += np.log(W @ (stats.norm.cdf(sign * (-0.8 + 0.2 * age + checkup + 0.8 * eta))
                             * stats.poisson.pmf(drinks, mu)))
    return total


def dropout(patients):
    """Two correlated latent variables per patient."""
    level, trend = np.linalg.cholesky([[4.0, -0.3], [-0.3, 0.5]]) @ PLANE
    total = 0.0
    for _, rows in patients.groupby("id"):
        density = np.ones(len(level))
        for row in rows.itertuples():
            if row.response == "pain":
                mean = 10 + level + (-0.3 - 0.5 * row.treated + trend) * row.time
                density *= stats.norm.pdf(row.y, mean, 2)
            else:
                stay = np.exp(-np.exp(-1.6 - 0.7 * row.treated + 0.3 * level + 1.2 * trend))
                density *= 1 - stay if row.y else stay
        total += np.log(PLANE_W @ density)
    return total


def multilevelsem(pupils):
    """Two latent variables per pupil, one per school."""
    mean = dict(zip(["a1", "a2", "a3", "a4", "s1", "s2", "s3"], [0.8, 0, -0.4, -0.9, 5, 4, 5.5]))
    loading = dict(zip(mean, [1, 1.3, 0.8, 1.1, 1, 0.8, 1.2]))
    total = 0.0
    for _, school in pupils.groupby("school"):
        climate = 0.6 * school.private.iloc[0] + 0.6 * Z[:, None]
        inside = np.ones(len(Z))
        for _, rows in school.groupby("id"):
            ses = rows.ses.iloc[0]
            own = 0.3 * ses + 0.9 * PLANE[0]
            ability = 0.5 * own + 1.2 * climate + 0.4 * ses + 0.8 * PLANE[1]
            density = 1.0
            for item, y in zip(rows["item"], rows.y):
                if item[0] == "s":
                    density = density * stats.norm.pdf(y - mean[item] - loading[item] * (own + climate))
                else:
                    density = density * expit((2 * y - 1) * (mean[item] + loading[item] * ability))
            inside *= density @ PLANE_W
        total += np.log(W @ inside)
    return total


@pytest.mark.parametrize(("direct", "sizes", "n_quad"), [
    (endogenous, {"n": 25}, 45), (dropout, {"n": 15}, 21),
    (multilevelsem, {"schools": 2, "pupils": 2}, 15)])
def test_log_likelihood(direct, sizes, n_quad):
    page = Page(direct.__name__)
    data = page.simulate(np.random.default_rng(3), **sizes)
    model = page.model(data)
    truth = TRUTH[direct.__name__]
    assert set(model.param_names) == set(truth)
    params = [truth[name] for name in model.param_names]
    np.testing.assert_allclose(model.loglike(params, n_quad=n_quad), direct(data), rtol=1e-8)
