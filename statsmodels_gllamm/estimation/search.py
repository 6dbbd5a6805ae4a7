"""Ways to search for the maximum: our Newton method, and statsmodels' optimisers."""
from __future__ import annotations

from functools import partial

import numpy as np
from statsmodels.base.optimizer import Optimizer

from statsmodels_gllamm.estimation.objective import Objective
from statsmodels_gllamm.estimation.optimize import (
    Optimum,
    evaluate_for_search,
    maximize,
    positive_definite,
    uses_louis,
)
from statsmodels_gllamm.estimation.options import one_of
from statsmodels_gllamm.integration.mode import ModeError

METHODS = ("newton", "bfgs", "lbfgs", "nm", "powell", "cg", "ncg", "basinhopping", "minimize")


def search_method(method: str):
    """A search with the signature of ``maximize``; ValueError lists the methods."""
    one_of("method", method, METHODS)
    return maximize if method == "newton" else partial(statsmodels_search, method=method)


def several_starts(start: np.ndarray, n: int, rng=None) -> list[np.ndarray]:
    """The start (k,) and n - 1 points drawn around it, each coordinate by half its size plus 0.2."""
    rng = np.random.default_rng(rng)
    return [start, *(start + rng.normal(size=len(start)) * (0.5 * np.abs(start) + 0.2)
                     for _ in range(n - 1))]


def statsmodels_search(objective: Objective, start: np.ndarray, *, method: str, state=None,
                       tol=1e-8, maxiter=200, callback=None) -> Optimum:
    """Search with one of statsmodels' optimisers, in working coordinates."""
    start = getattr(start, "working", start)
    best = evaluate_for_search(objective, start, state)
    calls = 1

    def value(working, *args):
        nonlocal best, calls
        calls += 1
        try:
            point = evaluate_for_search(objective, working, best.value.state)
        except ModeError:
            return np.inf
        if point.loglik > best.loglik:
            best = point
        return -point.loglik / scale

    def score(working, *args):
        nonlocal calls
        calls += 1
        try:
            return -objective.at(working, best.value.state).gradient / scale
        except ModeError:  # the value there is infinite
            return np.zeros(len(working))

    scale = objective.problem.n_top
    settings = {"gtol": 1e-7} if method in ("bfgs", "cg") else {}
    _, retvals, _ = Optimizer()._fit(
        value, score, start, (), settings, method=method, maxiter=maxiter, full_output=True,
        disp=False, callback=None if callback is None else lambda *_: callback(0, best, np.nan))
    b = best.louis if uses_louis(objective) else best.opg
    b = positive_definite(b)
    gain = float(best.gradient @ np.linalg.solve(b, best.gradient)) / 2
    converged = gain < max(1e3 * tol, 1e-6)
    reason = (f"{method} stopped with its own criterion" if retvals and retvals.get("converged")
              else f"{method} did not converge")
    return Optimum(best, converged, reason, gain, int((retvals or {}).get("iterations", 0) or 0),
                   calls, b, (best.loglik,))
