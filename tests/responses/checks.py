"""What holds for any response, for the tests of single families to run on their cases."""
import copy
import pickle
import warnings

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from tests.responses import test_aux_curvature, test_derivatives

FAR = np.array([-700.0, -300.0, -100.0, -40.0, -12.0, 12.0, 40.0, 100.0, 300.0, 700.0])


def derivatives(case):
    """Complex step and central differences, in nu and in the auxiliary values; broadcasting."""
    point = case.draw(np.random.default_rng(7), test_derivatives.N)
    test_derivatives.test_kernel_score(case, point)
    test_derivatives.test_nodes_broadcast_and_nothing_changes(case, point)
    test_derivatives.test_derivatives(case, point)
    test_derivatives.test_aux(case, point)
    if case.response.aux_names:
        test_aux_curvature.test_against_differences_of_the_score(case)


def value_semantics(case):
    r = case.response
    for other in (pickle.loads(pickle.dumps(r)), copy.deepcopy(r)):
        assert other == r and hash(other) == hash(r)
    assert str(r) == r.name and r.name.endswith(")")


def moments(case, aux=-0.3, rtol=1e-6):
    """The density sums to one; mean, variance, information and expected scores agree with it."""
    r = case.response
    y, weight = case.support()
    for nu in np.linspace(case.low, case.high, 3):
        n = y.shape[1]
        nus, auxs = np.full(n, nu), np.full((len(r.aux_names), n), aux)
        p = np.exp(r.log_density(y, nus, auxs)) * weight
        value = y[0] / 5 if case.kind.endswith("trials") else y[0]
        l1, l2, _ = r.derivatives(y, nus, auxs)
        one, at = y[:, :1], np.array([nu])
        assert_allclose(p.sum(), 1.0, rtol=1e-8)
        mean = p @ value
        assert_allclose(r.mean(at, auxs[:, :1], one), mean, rtol=1e-7)
        assert_allclose(r.variance(at, auxs[:, :1], one), p @ (value - mean) ** 2, rtol=rtol)
        information = r.expected_information(one, at, auxs[:, :1]).item()
        assert information > 0
        assert_allclose(p @ l1, 0.0, atol=1e-7 * (1 + np.sqrt(information)))
        assert_allclose(-p @ l2, information, rtol=rtol)
        assert_allclose(p @ l1**2, information, rtol=rtol)
        if r.aux_names:
            score = r.aux_score(y, nus, auxs)[0]
            assert_allclose(p @ score, 0.0, atol=1e-6)
            curvature = p @ r.aux_curvature(y, nus, auxs)[0, 0]
            assert_allclose(-curvature, p @ score**2, rtol=1e-5)


def simulation(case, aux=-0.7, start_atol=None):
    """Moments of random responses, and starting values from them."""
    r, n = case.response, 40_000
    nu = np.full(n, 0.5 * (case.low + case.high) + 0.1 * (case.high - case.low))
    aux = np.full((len(r.aux_names), n), aux)
    y = np.repeat(case.support()[0][:, -1:], n, axis=1)
    draws = r.simulate(np.random.default_rng(5), nu, aux, y)
    mean, variance = r.mean(nu, aux, y)[0], r.variance(nu, aux, y)[0]
    assert draws.shape == (n,) and draws.dtype == np.float64
    assert_allclose(draws.mean(), mean, atol=5 * np.sqrt(variance / n))
    assert_allclose(draws.var(), variance, rtol=0.15)
    assert_array_equal(draws, r.simulate(np.random.default_rng(5), nu, aux, y))
    trials = np.full(n, 5.0) if case.kind.endswith("trials") else None
    again = r.prepare(draws, trials)
    start = r.aux_start(again, np.full(n, mean))
    assert np.isfinite(start).all() and start.shape == (len(r.aux_names),)
    if start_atol is not None:
        assert_allclose(start, aux[:, 0], atol=start_atol)


def tails(case, aux=0.0, overflows=()):
    """At -700..700 everything is finite, but where named; beyond there is no NaN; no warnings."""
    r = case.response
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for value in _values(case):
            for far, finite in ((FAR, True), (np.array([-1e4, 1e4]), False)):
                n = len(far)
                y = r.prepare(np.repeat([value], n, axis=0))
                aux_rows = np.full((len(r.aux_names), n), aux)
                kernel, score = r.kernel_score(y, far, aux_rows)
                ls = r.derivatives(y, far, aux_rows)
                information = r.expected_information(y, far, aux_rows)
                assert not any(np.isnan(x).any() for x in (kernel, score, *ls)), value
                assert not np.isnan(information).any() or not finite
                assert not np.isposinf(kernel).any()
                assert np.all(information >= 0) or not finite
                assert np.isfinite(r.aux_score(y, far, aux_rows)).all()
                assert np.isfinite(r.mean(far, aux_rows, y)).all() or not finite
                if finite:
                    assert np.isfinite(kernel).all() and np.isfinite(r.constant(y, aux_rows)).all()
                    assert_allclose(kernel, r.kernel(y, far, aux_rows), rtol=1e-12, atol=1e-13)
                    assert_allclose(score, ls[0], rtol=1e-9, atol=1e-13)
                    for x in ls[:1] if case.response.name in overflows else ls:
                        assert np.isfinite(x).all()


def slopes(case, centres=(-100.0, -39.0, 39.0, 100.0), aux=0.0, half=0.25):
    """Each derivative integrates to the difference of the one before (Gauss-Legendre)."""
    r = case.response
    z, w = np.polynomial.legendre.leggauss(16)
    for centre in centres:
        nu = np.concatenate([[centre - half, centre + half], half * z + centre])
        for value in _values(case):
            y = r.prepare(np.repeat([value], len(nu), axis=0))
            aux_rows = np.full((len(r.aux_names), len(nu)), aux)
            table = np.stack([r.kernel(y, nu, aux_rows), *r.derivatives(y, nu, aux_rows)])
            scale = np.abs(table).max(1)
            if hasattr(r, "inner"):  # from which what cancels is subtracted
                inner = [r.inner.kernel(y, nu, aux_rows), *r.inner.derivatives(y, nu, aux_rows)]
                scale = np.maximum(scale, np.abs(inner).max(1))
            for order in range(3):
                integral = half * np.sum(w * table[order + 1, 2:])
                difference = table[order, 1] - table[order, 0]
                rounding = 1e-13 * scale[order] + 1e-14
                assert_allclose(integral, difference, rtol=1e-8, atol=rounding,
                                err_msg=f"{r.name} {value} {centre} {order}")


def _values(case):
    if case.kind == "unit":
        return [1e-12, 0.3, 1 - 1e-12]
    if case.kind.endswith("trials"):
        values = [[1, 0], [2, 3], [4, 0], [30, 40]]
        return values if case.kind.startswith("positive") else [*values, [0, 1], [0, 3]]
    return [1, 3, 45] if case.kind == "positive" else [0, 1, 3, 45]


def anything(case):
    """Any finite input: no NaN, no warning, a density of a count no larger than one."""
    r = case.response
    least = int(case.kind.startswith("positive"))
    counts = st.integers(least, 10**6)
    endogs = {"unit": st.floats(1e-12, 1 - 1e-12), "count": counts, "positive": counts,
              "trials": st.tuples(counts, st.integers(0, 10**4)),
              "positive trials": st.tuples(counts, st.integers(0, 10**4))}[case.kind]

    @settings(max_examples=40, deadline=None, derandomize=True, database=None)
    @given(endogs, st.floats(-700, 700), st.floats(-5, 5))
    def check(value, nu, aux):
        y, nu = r.prepare([value, value]), np.array([[nu, -nu], [nu / 700, nu / 70]])
        aux = np.full((len(r.aux_names), 2), aux)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            kernel, score = r.kernel_score(y, nu, aux)
            constant = r.constant(y, aux)
            l1, l2, l3 = r.derivatives(y, nu, aux)
            information = r.expected_information(y, nu, aux)
            aux_score = r.aux_score(y, nu, aux)
            aux_derivatives = r.aux_derivatives(y, nu, aux)
        inside = np.isfinite(kernel)
        assert np.isfinite(constant).all()
        for x in (kernel, score, l1, l2, l3, information, aux_score, *aux_derivatives):
            assert not np.isnan(x).any()
        assert np.all(score[~inside] == 0) and np.all(information >= 0)
        if case.kind != "unit":
            size = 10 + np.log1p(y[-1]) * y[-1]  # of the gamma functions in the constant
            whole = r.inner.kernel(y, nu, aux) if hasattr(r, "inner") else kernel
            bound = 1e-14 * (size + np.abs(np.where(inside, whole, 0)))
            assert np.all(kernel + constant <= bound)
        if r.log_concave:
            assert np.all(l2[inside] <= 1e-9 * (1 + np.abs(l1[inside])))

    check()
