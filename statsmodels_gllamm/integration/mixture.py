r"""The log-likelihood of a finite mixture of models for the top-level units, with the units' scores.

.. math:: \ell_j = \log \sum_k \pi_k e^{\ell_{jk}}, \qquad
          \frac{d\ell_j}{d\theta} = \sum_k p_{jk} \Big(\frac{d\ell_{jk}}{d\theta}
          + \frac{d\log\pi_k}{d\theta}\Big), \qquad p_{jk} = \pi_k e^{\ell_{jk} - \ell_j}

where l_jk is the marginal log-likelihood of unit j with the expanded coefficients Psi_k(theta) of
component k: a node of a latent variable that multiplies others, or a latent class, whose log weight
may differ between units (minus infinity where the class is known to be another).  Components are
added one at a time with running maxima, so that memory does not grow with their number.  Units are
those of the problem: with `distinct_units`, identical ones are there once.

Where units i within j are mixtures themselves, given the component k of j,

.. math:: \ell_{jk} = \sum_{i \in j} w_i \log \sum_m \pi_{im|k}\, e^{\ell_{ikm}}

and so on, level by level.
"""
from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix

from statsmodels_gllamm.integration import gaussian
from statsmodels_gllamm.integration.grids import GaussianProblem
from statsmodels_gllamm.integration.marginal import Task, evaluate
from statsmodels_gllamm.integration.problem import Problem


@dataclass(frozen=True, slots=True)
class Component:
    """One component at some parameters.

    Attributes
    ----------
    psi : ndarray (r, 1 + D + m) or None
        Expanded coefficients; None where the component is a mixture for the units within.
    log_weight : float or ndarray (G,)
        Of all units, or of each.
    jacobian : ndarray (E, k) or None
        Derivative of the used entries of Psi in the parameters; None where no scores are asked for.
    log_weight_slope : ndarray (k,) or (G, k), or float
        Derivative of ``log_weight``.
    parts : iterable of Component
        Of the mixture for the units within.
    """

    psi: np.ndarray | None
    log_weight: np.ndarray | float
    jacobian: np.ndarray | None = None
    log_weight_slope: np.ndarray | float = 0.0
    parts: Iterable[Component] = ()


@dataclass(frozen=True)
class Within:
    """Units within the units of a higher level.

    Attributes
    ----------
    place : ndarray (n,)
        The computed unit that stands for each.
    parent : ndarray (n,)
    weight : ndarray (n,)
        Frequency weights.
    n_computed, n_parents : int
    """

    place: np.ndarray
    parent: np.ndarray
    weight: np.ndarray
    n_computed: int
    n_parents: int

    @cached_property
    def counts(self) -> csr_matrix:
        """How often each computed unit is in each parent (n_parents, n_computed)."""
        some = self.weight != 0
        shape = self.n_parents, self.n_computed
        return csr_matrix((self.weight[some], (self.parent[some], self.place[some])), shape=shape)


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


class LogSum:
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


@dataclass
class _Evaluator:
    """The engine with its task, and the modes of every component in the order of evaluation."""

    problem: Problem | GaussianProblem
    task: Task
    gradient: bool
    pool: Executor | None
    starts: tuple | None
    states: list = field(default_factory=list)

    def __call__(self, part: Component):
        """Log-likelihoods (G,) of the units, and scores (G, k) or None."""
        if isinstance(self.problem, GaussianProblem):
            value = gaussian.evaluate(self.problem, part.psi, gradient=self.gradient, units=True,
                                      pool=self.pool)
        else:
            last = self.states[-1] if self.states else None
            start = last if self.starts is None else self.starts[len(self.states)]
            value = evaluate(self.problem, self.task, part.psi, start, gradient=self.gradient,
                             units=True, pool=self.pool)
        self.states.append(value.state)
        return value.unit_loglik, value.unit_bar.T @ part.jacobian if self.gradient else None


def _sum(components, within: tuple[Within, ...], engine: _Evaluator):
    """Log-likelihoods (G,) and scores (G, k) of the units of a mixture, level by level."""
    sums = LogSum()
    for part in components:
        if within:
            loglik, scores = _sum(part.parts, within[:-1], engine)
            counts = within[-1].counts
            loglik, scores = counts @ loglik, counts @ scores if engine.gradient else None
        else:
            loglik, scores = engine(part)
        sums.add(part.log_weight + loglik,
                 scores + part.log_weight_slope if engine.gradient else None)
    return sums.value()


def evaluate_mixture(problem: Problem | GaussianProblem, task: Task, components, state=None, *,
                     weight: np.ndarray, within: tuple[Within, ...] = (), gradient=True,
                     pool: Executor | None = None) -> MixtureEvaluation:
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
    weight : ndarray (n_top,)
        Frequency weights of the top-level units.
    within : tuple of Within
        From the bottom up, where components are mixtures for the units within.
    gradient : bool
    pool : Executor, optional

    Raises
    ------
    ModeError
        As `evaluate` for some component.
    """
    engine = _Evaluator(problem, task, gradient, pool, None if state is None else state.states)
    unit_loglik, scores = _sum(components, within, engine)
    return MixtureEvaluation(float(unit_loglik @ weight), unit_loglik, scores,
                             NodeStates(tuple(engine.states)))


def component_weights(problem: Problem, task: Task, components, within: tuple[Within, ...] = (),
                      pool: Executor | None = None) -> list[np.ndarray]:
    """Posterior probabilities of the components, level by level from the top: (K, n_top), and
    (K, L, n) of component l of the units within and component k of their parents, and so on; units
    within are those of the data."""
    engine = _Evaluator(problem, task, False, pool, None)
    found: list[list] = [[] for _ in range(1 + len(within))]
    _logs(components, within, engine, found)
    out = []
    for depth, logs in enumerate(found):
        loglik = np.array(logs)
        if out:
            link = within[len(within) - depth]
            loglik = loglik.reshape(*out[-1].shape[:-1], -1, loglik.shape[-1])
            place = link.place if depth == len(within) else slice(None)
            loglik = loglik[..., place]
        weight = np.exp(loglik - loglik.max(axis=-2, keepdims=True))
        weight = weight / weight.sum(axis=-2, keepdims=True)
        out.append(weight if not out else weight * out[-1][..., None, link.parent])
    return out


def _logs(components, within, engine: _Evaluator, found) -> np.ndarray:
    """Log-likelihoods of the units of a mixture; those of its components, weights included, are
    appended to ``found``, level by level from the top."""
    sums, own = LogSum(), []
    for part in components:
        loglik = (within[-1].counts @ _logs(part.parts, within[:-1], engine, found[1:]) if within
                  else engine(part)[0])
        own.append(part.log_weight + loglik)
        sums.add(own[-1], None)
    found[0] += own
    return sums.value()[0]
