"""The marginal log-likelihood of a problem, its exact gradient and per-unit scores.

A pure function of the expanded coefficients Psi and a start for the modes: chunks are evaluated
one by one or in threads and summed in their order, so that the result does not depend on the number
of threads.
"""
from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass, field

import numpy as np

from statsmodels_gllamm.integration.adjoint import node_sums, placement
from statsmodels_gllamm.integration.arrow import Factor
from statsmodels_gllamm.integration.louis import chunk_information, fixed_information
from statsmodels_gllamm.integration.mode import Mode, ModeError, find_mode
from statsmodels_gllamm.integration.nodes import Nodes, Posterior, integrate, place
from statsmodels_gllamm.integration.problem import Chunk, Problem
from statsmodels_gllamm.integration.task import Task, portion_of

# glibc hands freed blocks of a chunk's size back to the system and faults them in again at every
# call, which costs more than the arithmetic, until a larger block has once been freed.
np.empty(3_900_000)


@dataclass(frozen=True, slots=True)
class ChunkValue:
    """One chunk's part: ``loglik`` (G,) per top unit, ``bar`` (E,), ``unit_bar`` (E, G) or None,
    ``information`` (E, E) or None, ``modes`` per level (q, G)."""

    loglik: np.ndarray
    bar: np.ndarray | None
    unit_bar: np.ndarray | None
    information: np.ndarray | None
    modes: tuple[np.ndarray, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The value of a problem: ``loglik``; ``bar`` (E,) its derivative in the entries of Psi;
    ``unit_loglik`` (n_top,) and ``unit_bar`` (E, n_top) per original top-level unit (None unless
    asked for); ``information`` (E, E) by Louis' formula; ``state`` the modes, to start from."""

    loglik: float
    bar: np.ndarray | None
    unit_loglik: np.ndarray | None
    unit_bar: np.ndarray | None
    information: np.ndarray | None
    state: tuple = field(repr=False, default=())


def linear_predictors(chunk: Chunk, task: Task, psi: np.ndarray):
    """Row offset o (n,), loadings a (D, n) and auxiliary predictors (m, n)."""
    values = psi.T @ chunk.design
    o = values[0] if chunk.offset is None else values[0] + chunk.offset
    d = sum(task.q)
    return o, values[1:1 + d], values[1 + d:]


def _unadapted(chunk: Chunk, task: Task, o) -> Mode:
    size = [runs.size for runs in chunk.runs]
    u = tuple(np.zeros((k, g)) for k, g in zip(task.q, size))
    eye = tuple(np.broadcast_to(np.eye(k)[:, :, None], (k, k, g)).copy()
                for k, g in zip(task.q, size))
    above = np.cumsum(task.q[::-1])[::-1]
    cross = tuple(np.zeros((k, b - k, g)) for k, b, g in zip(task.q, above, size))
    factor = Factor(eye, cross)
    return Mode(u, np.zeros((sum(task.q), len(o))), o, None, factor, factor)


@dataclass(frozen=True, slots=True)
class Expansion:
    """Everything that a likelihood or a prediction needs of a chunk.

    Attributes
    ----------
    a : ndarray (D, n)
        Row loadings.
    aux : ndarray (m, n)
        Auxiliary predictors.
    phi : ndarray (m', S)
        Auxiliary values of the outcomes.
    mode : Mode
    nodes : Nodes
    posterior : Posterior
    score : ndarray (N, n)
        dl/dnu at the nodes.
    """

    a: np.ndarray
    aux: np.ndarray
    phi: np.ndarray
    mode: Mode
    nodes: Nodes
    posterior: Posterior
    score: np.ndarray


def expand(chunk: Chunk, task: Task, psi, start) -> Expansion:
    """Mode, nodes and posterior of a chunk."""
    o, a, aux = linear_predictors(chunk, task, psi)
    phi = chunk.observed.row_aux(aux)
    if task.adaptive:
        mode = find_mode(chunk, task.q, o, a, phi, start)
    else:
        mode = _unadapted(chunk, task, o)
    nodes = place(chunk, task.q, task.rules, mode.placing, mode.u, mode.nu, a)
    kernel, score = chunk.observed.kernel_score(nodes.nu, phi)
    constant = chunk.observed.constant(phi)
    posterior = integrate(chunk, task.q, task.rules, mode.placing, nodes, kernel, constant)
    bad = ~np.isfinite(posterior.loglik)
    if bad.any():
        raise ModeError("the log-likelihood is not finite", chunk.units[-1][bad])
    return Expansion(a, aux, phi, mode, nodes, posterior, score)


def zero_start(chunk: Chunk, q) -> tuple[np.ndarray, ...]:
    """Latent variables of zero, per level (q, G)."""
    return tuple(np.zeros((k, runs.size)) for k, runs in zip(q, chunk.runs))


def evaluate_chunk(chunk: Chunk, task: Task, psi, start, gradient=True, units=False,
                   information=False) -> ChunkValue:
    """Log-likelihood of one chunk, with what is asked for."""
    if not chunk.runs:
        return _fixed_only(chunk, task, psi, gradient, units, information)
    portion = portion_of(chunk.active, task, information)
    if portion is None:
        return _evaluate_chunk(chunk, task, psi, start, gradient, units, information)
    value = _evaluate_chunk(chunk, portion.task, portion.psi(psi), portion.start(start), gradient,
                            units, information)
    return ChunkValue(
        value.loglik, portion.bar(value.bar) if gradient else None,
        portion.bar(value.unit_bar) if units and gradient else None,
        portion.square(value.information) if information else None, portion.modes(value.modes))


def _evaluate_chunk(chunk: Chunk, task: Task, psi, start, gradient, units, information) -> ChunkValue:
    x = expand(chunk, task, psi, start)
    if not gradient:
        return ChunkValue(x.posterior.loglik, None, None, None, x.mode.u)
    o_bar, a_bar, d_bar = node_sums(chunk, task.q, x.a, x.nodes, x.posterior, x.score)
    phi_bar = _phi_sums(chunk, x)
    info = chunk_information(chunk, task.entries, task.q, x) if information else None
    if task.adaptive:
        placement(chunk, task.q, x.a, x.mode, x.nodes, x.posterior, d_bar, o_bar, a_bar, phi_bar)
    aux_bar = chunk.observed.row_aux_adjoint(x.aux, phi_bar)
    bar, unit_bar = _collect(chunk, task, o_bar, a_bar, aux_bar, units)
    return ChunkValue(x.posterior.loglik, bar, unit_bar, info, x.mode.u)


def _phi_sums(chunk: Chunk, x: Expansion) -> np.ndarray:
    """Derivative in the outcomes' auxiliary values (m', S), at fixed nodes."""
    if not len(x.phi):
        return np.zeros((0, chunk.observed.n_outcomes))
    runs = chunk.outcome_runs
    p = x.posterior.joint[0].reshape(-1, runs.size)
    score = chunk.observed.aux_score(x.nodes.nu, x.phi)
    with np.errstate(over="ignore", invalid="ignore"):
        bar = np.stack([runs.contract(s, p) for s in score])
    if not np.isfinite(bar).all():  # a slope may be infinite where there is no weight
        bar = np.stack([runs.contract(np.where(runs.spread(p) > 0, s, 0.0), p) for s in score])
    return bar


def _fixed_only(chunk: Chunk, task: Task, psi, gradient, units, information) -> ChunkValue:
    """A model without latent variables: every outcome is its own unit."""
    o, a, aux = linear_predictors(chunk, task, psi)
    phi = chunk.observed.row_aux(aux)
    kernel, score = chunk.observed.kernel_score(o[None], phi)
    loglik = kernel[0] + chunk.observed.constant(phi)
    if not np.isfinite(loglik).all():
        raise ModeError("the log density is not finite", chunk.top_units[~np.isfinite(loglik)])
    if not gradient:
        return ChunkValue(loglik, None, None, None, ())
    phi_bar = chunk.observed.aux_score(o[None], phi)[:, 0] if len(phi) else phi
    aux_bar = chunk.observed.row_aux_adjoint(aux, phi_bar)
    bar, unit_bar = _collect(chunk, task, score[0], a, aux_bar, units)
    info = fixed_information(chunk, task.entries, o, aux, phi) if information else None
    return ChunkValue(loglik, bar, unit_bar, info, ())


def _collect(chunk: Chunk, task: Task, o_bar, a_bar, aux_bar, units):
    """Derivatives in the entries of Psi: total (E,), and per top unit (E, G) where asked for."""
    rows, columns = task.entries
    bars = np.concatenate([o_bar[None], a_bar, aux_bar])
    if not units:
        if not (chunk.top_weight == 1).all():
            bars = bars * chunk.top_to_rows(chunk.top_weight)
        return (chunk.design @ bars.T)[rows, columns], None
    unit_bar = np.empty((len(rows), len(chunk.top_weight)))
    for out, r, c in zip(unit_bar, rows, columns):
        out[:] = chunk.rows_to_top(chunk.design[r] * bars[c])
    return unit_bar @ chunk.top_weight, unit_bar


def evaluate(problem: Problem, task: Task, psi: np.ndarray, state=None, *, gradient=True,
             units=False, information=False, pool: Executor | None = None) -> Evaluation:
    """Marginal log-likelihood of all chunks.

    Parameters
    ----------
    problem : Problem
    task : Task
    psi : ndarray (r, 1 + D + m)
        Expanded coefficients.
    state : tuple, optional
        ``Evaluation.state`` of a previous call: modes to start from.
    gradient, units, information : bool
        What is computed besides the log-likelihood.
    pool : Executor, optional
        Threads to spread the chunks over.

    Raises
    ------
    ModeError
        If some unit's log-likelihood is not finite or its mode is not found.
    """
    starts = state or tuple(zero_start(chunk, task.q) for chunk in problem.chunks)

    def one(chunk, start):
        return evaluate_chunk(chunk, task, psi, start, gradient, units, information)

    mapper = map if pool is None or len(problem.chunks) == 1 else pool.map
    values = list(mapper(one, problem.chunks, starts))
    total = float(sum(v.loglik @ c.top_weight for v, c in zip(values, problem.chunks)))
    unit_loglik = unit_bar = None
    if units:
        unit_loglik = _to_original(problem, [v.loglik for v in values])
        if gradient:
            unit_bar = _to_original(problem, [v.unit_bar for v in values])
    return Evaluation(
        total,
        sum(v.bar for v in values) if gradient else None,
        unit_loglik, unit_bar,
        sum(v.information for v in values) if information else None,
        tuple(v.modes for v in values),
    )


def _to_original(problem: Problem, parts) -> np.ndarray:
    """Values of the computed top units (..., G) of every chunk -> all original ones (..., n_top)."""
    out = np.zeros(parts[0].shape[:-1] + (problem.n_top,))
    for chunk, part in zip(problem.chunks, parts):
        out[..., chunk.top_units] = part
    return out[..., problem.representative[-1]] if problem.levels else out
