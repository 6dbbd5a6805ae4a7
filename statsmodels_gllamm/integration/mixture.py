r"""The log-likelihood of a finite mixture of models for the top-level units, with the units' scores.

.. math:: \ell_j = \log \sum_k \pi_k e^{\ell_{jk}}, \qquad
          \frac{d\ell_j}{d\theta} = \sum_k p_{jk} \Big(\frac{d\ell_{jk}}{d\theta}
          + \frac{d\log\pi_k}{d\theta}\Big), \qquad p_{jk} = \pi_k e^{\ell_{jk} - \ell_j}

where l_jk is the marginal log-likelihood of unit j with the expanded coefficients Psi_k(theta) of
component k: a node of a latent variable that multiplies others, or a latent class, whose log weight
may differ between units (minus infinity where the class is known to be another).  Components are
added one at a time with running maxima, so that memory does not grow with their number.  Units are
those of the problem: with `distinct_units`, identical ones are there once.
"""
from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, field

import numpy as np

from statsmodels_gllamm.integration import gaussian
from statsmodels_gllamm.integration.chunks import Problem
from statsmodels_gllamm.integration.grids import GaussianProblem
from statsmodels_gllamm.integration.marginal import Task, evaluate


@dataclass(frozen=True, slots=True)
class Component:
    """One component at some parameters.

    Attributes
    ----------
    psi : ndarray (r, 1 + D + m)
        Expanded coefficients.
    log_weight : float or ndarray (n_top,)
        Of all top-level units, or of each.
    jacobian : ndarray (E, k) or None
        Derivative of the used entries of Psi in the parameters; None where no scores are asked for.
    log_weight_slope : ndarray (k,) or (n_top, k), or float
        Derivative of ``log_weight``.
    """

    psi: np.ndarray
    log_weight: np.ndarray | float
    jacobian: np.ndarray | None = None
    log_weight_slope: np.ndarray | float = 0.0


@dataclass(frozen=True, slots=True)
class NodeStates:
    """Modes of every component, to start from."""

    states: tuple


@dataclass(frozen=True, slots=True)
class MixtureEvaluation:
    """The value of a mixture: ``loglik``, ``unit_loglik`` (n_top,), ``unit_scores`` (n_top, k) or
    None, ``state`` to start from; ``information`` is always None."""

    loglik: float
    unit_loglik: np.ndarray
    unit_scores: np.ndarray | None
    state: NodeStates = field(repr=False)
    information: None = None


class _LogSum:
    """log sum_k exp(l_jk) and sum_k p_jk s_jk of units j, component by component."""

    def __init__(self) -> None:
        self.largest = self.total = self.scores = None

    def add(self, loglik: np.ndarray, scores: np.ndarray | None) -> None:
        """Add a component's log-likelihoods (G,), weight included, and scores (G, k)."""
        if self.largest is None:
            self.largest, self.total = loglik.copy(), np.ones_like(loglik)
            self.scores = scores
            return
        largest = np.maximum(self.largest, loglik)
        with np.errstate(invalid="ignore"):  # both may be minus infinity
            old = np.where(self.largest == largest, 1.0, np.exp(self.largest - largest))
            new = np.where(loglik == largest, 1.0, np.exp(loglik - largest))
        self.largest, self.total = largest, self.total * old + new
        if scores is not None:
            self.scores = self.scores * old[:, None] + scores * new[:, None]

    def value(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Log-likelihoods (G,) and scores (G, k) of the units."""
        scores = None if self.scores is None else self.scores / self.total[:, None]
        return self.largest + np.log(self.total), scores


def evaluate_mixture(problem: Problem, task: Task, components: Iterable[Component], state=None, *,
                     gradient=True, pool: Executor | None = None) -> MixtureEvaluation:
    """Log-likelihood of a mixture.

    Parameters
    ----------
    problem : Problem or GaussianProblem
    task : Task
        Of every component.
    components : iterable of Component
        With Jacobians, if the gradient is asked for.
    state : NodeStates, optional
        Of a previous evaluation with as many components.
    gradient : bool
    pool : Executor, optional

    Raises
    ------
    ModeError
        As `evaluate` for some component.
    """
    sums, states, last = _LogSum(), [], None
    for k, part in enumerate(components):
        start = last if state is None else state.states[k]
        if isinstance(problem, GaussianProblem):
            value = gaussian.evaluate(problem, part.psi, gradient=gradient, units=True, pool=pool)
        else:
            value = evaluate(problem, task, part.psi, start, gradient=gradient, units=True, pool=pool)
        last = value.state
        states.append(last)
        sums.add(part.log_weight + value.unit_loglik, None if not gradient else
                 value.unit_bar.T @ part.jacobian + part.log_weight_slope)
    unit_loglik, scores = sums.value()
    return MixtureEvaluation(float(unit_loglik @ problem.top_weight), unit_loglik, scores,
                             NodeStates(tuple(states)))


def component_weights(problem: Problem, task: Task, components: Iterable[Component],
                      pool: Executor | None = None) -> np.ndarray:
    """Posterior probability (K, n_top) of every component for the top-level units."""
    found, last = [], None
    for part in components:
        value = evaluate(problem, task, part.psi, last, gradient=False, units=True, pool=pool)
        last = value.state
        found.append(part.log_weight + value.unit_loglik)
    loglik = np.array(found)
    weight = np.exp(loglik - loglik.max(axis=0))
    return weight / weight.sum(axis=0)
