r"""Likelihood-ratio test that latent variables have no variance.

The smaller model is the same one with :math:`\Psi_{NN} = 0` for the latent variables N, and their
covariances with others zero: that is the model without their bars, except that effects of covariates
on a latent variable stay.  The distribution of the statistic is that of `lr_test`.
"""
from __future__ import annotations

import warnings

import numpy as np

from statsmodels_gllamm.results.at_zero import why_meaningless
from statsmodels_gllamm.results.likelihood_ratio import DRAWS, LRTestResult, likelihood_ratio
from statsmodels_gllamm.results.likelihoods import refuse_without_likelihood


def variance_test(results, which=None, rng=0, draws=DRAWS, stacklevel=2, **fit_kwds) -> LRTestResult:
    """The test; see ``GLLAMMResults.test_variance``."""
    refuse_without_likelihood(results, "test_variance()")
    results._needs_data("test_variance")
    names = chosen(results.model, which)
    constraints = at_zero(results, names)
    settings = {"start_params": np.asarray(results.params), **_rule(results, names), **fit_kwds}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        smaller = results.model.fit_constrained(constraints, **settings)
    for warning in caught:  # of the smaller model's fit, at the caller's line
        warnings.warn(str(warning.message), warning.category, stacklevel=stacklevel + 1)
    test = likelihood_ratio(results, smaller, rng, draws, stacklevel + 1)
    test.smaller = smaller
    return test


def chosen(model, which) -> list[str]:
    """Names of latent variables: all, those of a group, or named ones, without ``[group]`` where that
    is clear.

    Raises
    ------
    ValueError
        A name that is neither a group nor a latent variable, or a model without.
    """
    of_group: dict[str, list] = {}
    for block in model.structure.blocks:
        of_group.setdefault(block.group, []).extend(block.names)
    every = [name for names in of_group.values() for name in names]
    if not every:
        raise ValueError("test_variance() is about latent variables, of which the model has none; a "
                         "bar such as (1 | id) in the formula makes one")
    if which is None:
        return every
    bare = [name.partition("[")[0] for name in every]
    alone = {term: name for term, name in zip(bare, every) if bare.count(term) == 1}
    found = []
    for name in [which] if isinstance(which, str) else which:
        if name not in of_group:
            name = alone.get(name, name)
        if name not in of_group and name not in every:
            raise ValueError(f"{name!r} is neither a group nor a latent variable; there are "
                             f"{', '.join((*of_group, *every))}")
        found += of_group.get(name, [name])
    return list(dict.fromkeys(found))


def at_zero(results, names) -> tuple[np.ndarray, np.ndarray]:
    """Constraints (R, q): those of the fit, and variances and covariances of zero.

    Raises
    ------
    ValueError
        A variance that is fixed, or without which other parameters have no meaning.
    """
    model = results.model
    reason = why_meaningless(model, names)
    if reason:
        raise ValueError(f"test_variance() is not available: {reason}")
    held = [] if results.record.constraints is None else results.record.constraints.fixed
    zero = []
    for s, c in model.design.cov_slices():
        gone = {i for i, name in enumerate(c.names) if name in names}
        if c.kind == "identity" and 0 < len(gone) < c.q:
            raise ValueError(f"{', '.join(c.names)} have one variance in common; test them together, "
                             f"test_variance({list(c.names)!r})")
        place = {pair: s.start + k for k, pair in enumerate(c.pairs())}
        own = [place[pair] for pair in place if gone & set(pair)]
        for i in gone:
            at = place.get((0, 0) if c.kind == "identity" else (i, i))
            if at is None or at in held:
                raise ValueError(f"the variance of {c.names[i]} is fixed, so that it cannot be tested")
        if any(c.matrix(np.zeros(len(place)))[i, j] for i in gone for j in range(c.q) if i != j):
            raise ValueError(f"covariances of {', '.join(c.names[i] for i in sorted(gone))} are fixed "
                             "at other values than zero, which no variance of zero allows")
        zero += own
    r, q = np.eye(len(model.param_names))[zero], np.zeros(len(zero))
    if results.record.constraints is not None:
        own = results.record.constraints
        r, q = np.vstack([own.r, r]), np.concatenate([own.q, q])
    return r, q


def _rule(results, names) -> dict:
    """The quadrature of the smaller model: that of the larger one, with one point for groups whose
    latent variables have no variance left."""
    if results.integration == "exact":
        return {}
    left = {block.group for block in results.model.structure.blocks if set(block.names) - set(names)}
    same = [set(level.groups) for level in results.model.structure.levels]
    left |= {group for groups in same if groups & left for group in groups}
    n_quad = {group: n if group in left else 1 for group, n in results.n_quad.items()}
    return {"integration": results.integration, "n_quad": n_quad}
