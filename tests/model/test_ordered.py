"""Classes in order, against scipy's SLSQP and the conditions of Karush, Kuhn and Tucker."""
import pickle
import warnings

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy.optimize import minimize, nnls
from scipy.special import expit, logsumexp
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes, families, select_classes
from statsmodels_gllamm.estimation.inequalities import bounded_step, made_feasible
from statsmodels_gllamm.exceptions import BoundaryWarning, FormulaError
from statsmodels_gllamm.latent.ordered import Order

ITEMS = [f"i{k}" for k in range(5)]
BINOMIAL = sm.families.Binomial()


P = np.array([[0.15, 0.35, 0.2, 0.25, 0.2], [0.5, 0.3, 0.6, 0.55, 0.45], [0.85, 0.75, 0.58, 0.85, 0.8]])


def drawn(seed):
    rng = np.random.default_rng(seed)
    return (rng.random((1500, 5)) < P[rng.choice(3, 1500, p=[0.3, 0.4, 0.3])]) * 1.0


@pytest.fixture(scope="module")
def wide():
    return drawn(5)


def to_long(wide):
    return pd.DataFrame({"id": np.repeat(np.arange(len(wide)), 5), "y": wide.ravel(),
                         "item": np.tile(ITEMS, len(wide))})


def fitted(long, n=3, ordered=True, formula="y ~ 0 + (0 + item | c)", starts=6, **more):
    model = GLLAMM.from_formula(formula, long, family=BINOMIAL, classes={
        "c": Classes(n, within="id", ordered=ordered)}, **more)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BoundaryWarning)
        return model.fit(rng=1, starts=starts)


@pytest.fixture(scope="module")
def every(wide):
    return fitted(to_long(wide), starts=3)


def loglik(theta, wide, n=3):
    """Log-likelihood and gradient in logits, class by class, and logits of the shares."""
    j = wide.shape[1]
    eta, share = theta[:n * j].reshape(n, j), np.append(0.0, theta[n * j:])
    joint = share - logsumexp(share) + wide @ eta.T - np.logaddexp(0, eta).sum(axis=1)
    total = logsumexp(joint, axis=1)
    r = np.exp(joint - total[:, None])
    slope = r.T @ wide - r.sum(axis=0)[:, None] * expit(eta)
    prob = r.sum(axis=0) - len(wide) * np.exp(share - logsumexp(share))
    return total.sum(), np.append(slope.ravel(), prob[1:])


def test_maximum_is_that_of_slsqp(wide, every):
    res, rng = every, np.random.default_rng(0)
    p, g = res.params.to_numpy(), np.zeros((10, 17))
    assert list(res.params.index[:2]) == ["item[i0][c=1]", "item[i1][c=1]"]
    for k in range(10):
        g[k, k], g[k, k + 5] = -1.0, 1.0
    value, slope = loglik(p, wide)
    assert_allclose(res.llf, value, rtol=1e-11)
    assert (g @ p > -1e-9).all()
    equal = g @ p < 1e-9
    assert 1 <= equal.sum() < 10
    multiplier, rest = nnls(g[equal].T, -slope)
    assert rest < 1e-2 and (multiplier > 0.01).all()
    bounds = [(-12, 12)] * 17

    def end(start):
        return minimize(lambda t: [-x for x in loglik(t, wide)], start, jac=True, method="SLSQP",
                        bounds=bounds, constraints={"type": "ineq", "fun": lambda t: g @ t,
                                                    "jac": lambda t: g},
                        options={"maxiter": 500, "ftol": 1e-12})

    assert -end(p).fun < res.llf + 1e-6
    starts = [np.concatenate([np.sort(rng.normal(size=(3, 5)), axis=0).ravel(), [0.0, 0.0]])
              for _ in range(4)]
    best = min((end(start) for start in starts), key=lambda found: found.fun)
    assert_allclose(res.llf, -best.fun, atol=1e-5)
    assert_allclose(p, best.x, atol=0.02)


def test_what_is_equal_is_reported(wide):
    long = to_long(wide)
    with pytest.warns(BoundaryWarning, match=r"item\[i1\] is the same with c=1 and c=2"):
        res = GLLAMM.from_formula("y ~ 0 + (0 + item | c)", long, family=BINOMIAL, classes={
            "c": Classes(3, within="id", ordered=True)}).fit(rng=1, starts=2)
    assert res.converged and np.isfinite(res.bse).all() and res.record.constraints is None
    assert res.params["item[i1][c=1]"] == pytest.approx(res.params["item[i1][c=2]"], abs=1e-10)
    assert res.bse["item[i1][c=1]"] == pytest.approx(res.bse["item[i1][c=2]"])
    equations = [note.split(" is the same with ") for note in res.record.boundary_notes]
    text = [f"{item}[{pair[:3]}] = {item}[{pair[-3:]}]" for item, pair in equations]
    again = GLLAMM.from_formula("y ~ 0 + (0 + item | c)", long, family=BINOMIAL, classes={
        "c": Classes(3, within="id")}).fit_constrained(text, start_params=res.params)
    assert_allclose(again.llf, res.llf, atol=1e-6)
    assert_allclose(again.bse, res.bse, rtol=1e-3)
    assert "is the same with" in str(res.summary())
    assert_allclose(pickle.loads(pickle.dumps(res)).class_profiles()["estimate"],
                    res.class_profiles()["estimate"])


def test_order_that_holds_anyway_changes_nothing(wide, every):
    free, ordered = (fitted(to_long(wide), 2, which, starts=2) for which in (False, True))
    assert_allclose(free.llf, ordered.llf, atol=1e-6)
    some = fitted(to_long(wide), 3, ["item[i0]", "item[i2]"], starts=3)
    none = fitted(to_long(wide), 3, False, starts=3)
    assert_allclose(some.llf, none.llf, atol=1e-6)
    assert every.llf < some.llf - 0.1
    with pytest.raises(ValueError, match="mixture of chi-squared"):
        none.lr_test(every)


def test_equal_and_infinite_coefficients_together():
    res = fitted(to_long(drawn(3)), starts=2)
    assert list(res.bse.index[res.bse.isna()]) == ["item[i2][c=1]"] == list(res.record.boundary)
    p = res.params
    assert p["item[i2][c=1]"] < -12 and len(res.record.boundary_notes) == 4
    for item, c in (("i1", 1), ("i2", 2), ("i4", 1)):
        assert p[f"item[{item}][c={c}]"] == pytest.approx(p[f"item[{item}][c={c + 1}]"], abs=1e-9)


def test_with_constraints_and_continuous_latent_variables(wide):
    long = to_long(wide)
    held = fitted(long, constraints="item[i0][c=2] = item[i2][c=2]", starts=3)
    p = held.params
    assert_allclose(p["item[i0][c=2]"], p["item[i2][c=2]"])
    assert all(p[f"item[{i}][c={c}]"] <= p[f"item[{i}][c={c + 1}]"] + 1e-9
               for i in ITEMS for c in (1, 2))
    mixed = fitted(long[:2000], 2, True, "y ~ 0 + (0 + item | c) + (1 | id)", starts=1)
    assert mixed.llf >= fitted(long[:2000], 2, starts=2).llf - 1e-4
    gaussian = long[:1500].assign(y=long["y"] + 0.3 * np.sin(np.arange(len(long))),
                                  time=np.tile(range(5), 300))
    model = GLLAMM.from_formula("y ~ time + (time | c) + (1 | id)", gaussian, classes={
        "c": Classes(3, within="id", ordered=["time"], membership="0 + I(id % 2)")})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        p = model.fit(rng=0, starts=3).params
    assert 0 <= p["time[c=2]"] + 1e-9 <= p["time[c=3]"] + 2e-9


def test_other_families_and_number_of_classes(wide):
    long = to_long(wide[:400]).assign(y=lambda d: d["y"] + d["y"].shift(fill_value=0.0))
    model = GLLAMM.from_formula("y ~ 0 + (0 + item | c)", long, family=families.Ordinal(),
                                thresholds="0 + item", classes={"c": Classes(2, within="id",
                                                                             ordered=True)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = select_classes(model, 3, rng=0, starts=3)
    assert found.table["llf"].diff().iloc[1:].min() > -1e-3
    p = found.results[3].params
    assert all(0 <= p[f"item[{i}][c=2]"] + 1e-9 <= p[f"item[{i}][c=3]"] + 2e-9 for i in ITEMS)


@pytest.mark.parametrize("seed", range(20))
def test_steps_are_solutions_of_quadratic_programs(seed):
    rng = np.random.default_rng(seed)
    a, g, working = rng.normal(size=(6, 6)), 3 * rng.normal(size=6), rng.normal(size=6)
    b, matrix = a @ a.T + np.eye(6), rng.normal(size=(4, 6))
    order = Order({}, matrix, -matrix @ working + rng.choice([0.0, 0.5], 4), ("",) * 4)
    step = bounded_step(b, g, order, working, np.arange(6))
    end = minimize(lambda s: s @ b @ s / 2 - g @ s, np.zeros(6), jac=lambda s: b @ s - g,
                   constraints={"type": "ineq", "fun": lambda s: order.slack(working + s)},
                   method="SLSQP", options={"ftol": 1e-14, "maxiter": 300})
    assert (order.slack(working + step) > -1e-9).all()
    assert g @ step - step @ b @ step / 2 >= -end.fun - 1e-8
    held = bounded_step(b, g, order, working, np.array([0, 2, 3]))
    assert (held[[1, 4, 5]] == 0).all() and (order.slack(working + held) > -1e-9).all()
    far = working + 5 * rng.normal(size=6)
    assert (order.slack(made_feasible(order, far)) > -1e-9).all()


def test_mistakes(wide):
    with pytest.raises(TypeError, match="ordered"):
        Classes(2, within="id", ordered="item[i0]")
    with pytest.raises(ValueError, match="centered=True"):
        Classes(2, within="id", ordered=True, centered=True)
    long = to_long(wide)
    with pytest.raises(FormulaError, match="which is not a column in the bars"):
        fitted(long, ordered=["item[i9]"])
    model = GLLAMM.from_formula("y ~ 0 + (0 + item | c)", long, family=BINOMIAL, classes={
        "c": Classes(2, within="id", ordered=True)})
    with pytest.raises(ValueError, match="method='newton'"):
        model.fit(method="bfgs")
