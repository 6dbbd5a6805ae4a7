"""Mixtures of models: any components with weights that depend on parameters, and their scores."""
from dataclasses import dataclass

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy.special import logsumexp
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM
from statsmodels_gllamm.estimation.mixture import MixtureObjective
from statsmodels_gllamm.integration.mixture import LogSum
from statsmodels_gllamm.integration.rules import prior_lattice
from tests.integration.frames import random_params, slope_along


@dataclass(frozen=True)
class Shifted:
    """Class 0 or 1: the coefficient of z is shifted in class 1, whose log odds is the last one."""

    design: object
    number: int
    parts: tuple = ()

    def _own(self, working):
        moved = working[:-1].copy()
        moved[1] += self.number * working[-1]
        return moved

    def psi(self, working):
        return self.design.psi(self._own(working))

    def jacobian(self, working):
        own = self.design.jacobian(self._own(working))
        return np.column_stack([own, self.number * own[:, 1]])

    def log_weight(self, working):
        share = 1 / (1 + np.exp(-working[-1]))
        slope = np.zeros(len(working))
        slope[-1] = 1 - share if self.number else -share
        return np.log(share if self.number else 1 - share), slope


@pytest.fixture
def problem(rng):
    data = pd.DataFrame({"g": np.repeat(np.arange(30), 4), "z": rng.normal(size=120),
                         "y": rng.integers(0, 2, 120), "w": np.repeat(rng.integers(1, 4, 30), 4)})
    return GLLAMM.from_formula("y ~ z + (1 | g)", data, family=sm.families.Binomial(),
                               freq_weights={"g": "w"})


def test_classes(problem, rng):
    base = problem._objective((5,))
    parts = [Shifted(problem.design, k) for k in (0, 1)]
    objective = MixtureObjective(base.problem, base.task, problem.design, (5,), lambda n: parts,
                                 lambda n: base.task)
    working = np.append(random_params(problem, rng), 0.4)
    point = objective.at(working)
    own = [base.at(part._own(working), units=True).value.unit_loglik + part.log_weight(working)[0]
           for part in parts]
    assert_allclose(point.loglik, logsumexp(own, axis=0) @ base.problem.top_weight, rtol=1e-13)
    slopes = [slope_along(lambda x: objective.at(x, gradient=False).loglik, working, e)
              for e in np.eye(len(working))]
    assert_allclose(point.gradient, slopes, rtol=1e-7, atol=1e-8)
    weight = base.problem.top_weight
    assert_allclose(point.opg, sum(w * np.outer(s, s) for w, s in zip(weight, point.unit_scores)))
    assert_allclose(objective.weights(working), np.exp(own - logsumexp(own, axis=0)), rtol=1e-12)
    assert objective.at(working, point.value.state).loglik == pytest.approx(point.loglik, rel=1e-12)


def test_running_sums(rng):
    loglik, scores = rng.normal(size=(6, 9)) * 400, rng.normal(size=(6, 9, 3))
    sums = LogSum()
    for one, s in zip(loglik, scores):
        sums.add(one, s)
    value, score = sums.value()
    assert_allclose(value, logsumexp(loglik, axis=0), rtol=1e-14)
    p = np.exp(loglik - value)
    assert_allclose(score, np.einsum("kg,kgp->gp", p, scores), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("q", [1, 2])
def test_lattice(q):
    """Moments of the normal distribution, and a narrow posterior anywhere."""
    u, log_weight = prior_lattice(31, q)
    w = np.exp(log_weight)
    assert_allclose([w.sum(), w @ u[:, 0], w @ u[:, 0]**2, w @ u[:, -1]**4], [1, 0, 1, 3], atol=1e-12)
    sd, at = 0.3, np.array([1.7, -0.4])[:q]
    density = np.exp(-0.5 * ((u - at)**2).sum(axis=1) / sd**2)
    total = (sd**2 / (1 + sd**2))**(q / 2) * np.exp(-0.5 * (at @ at) / (1 + sd**2))
    assert_allclose(w @ density, total, rtol=1e-9)
