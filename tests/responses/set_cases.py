"""Checks that hold for every set response: derivatives, layouts and shapes."""
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from statsmodels_gllamm.latent.runs import Runs

TINY = 1e-30
H = 1e-3


def contiguous(counts):
    """Runs of sets of these sizes, one after the other."""
    counts = np.asarray(counts)
    return Runs(int(counts.sum()), len(counts), counts, np.cumsum(counts) - counts)


def position_major(size, m):
    """Runs of ``size`` sets of m rows each, row = position * size + set."""
    return Runs(m * size, size)


def to_position_major(x, size, m):
    """Rows (..., n) of contiguous sets of m rows each, in position-major order."""
    return np.swapaxes(x.reshape(x.shape[:-1] + (size, m)), -1, -2).reshape(x.shape)


def slope(f, h=H):
    """f'(0) by central differences of sixth order."""
    return (45 * (f(h) - f(-h)) - 9 * (f(2 * h) - f(-2 * h)) + f(3 * h) - f(-3 * h)) / (60 * h)


def near(value, numeric, tol=1e-8):
    assert value.shape == numeric.shape
    assert_allclose(value, numeric, rtol=tol, atol=tol * (1 + np.abs(numeric).max(initial=0)))


def check_first(r, y, nu, phi, sets):
    kernel, score = r.kernel_score(y, nu, phi, sets)
    assert kernel.shape == (sets.size,) and score.shape == (sets.n,)
    assert_allclose(kernel, r.kernel(y, nu, phi, sets), rtol=1e-12, atol=1e-13)
    numeric = np.empty(sets.n)
    for i in range(sets.n):
        step = nu.astype(complex)
        step[i] += 1j * TINY
        stepped = r.kernel(y, step, phi, sets)
        assert_allclose(stepped.real, kernel, rtol=1e-12, atol=1e-13)
        numeric[i] = stepped.imag.sum() / TINY
    assert_allclose(score, numeric, rtol=1e-10, atol=1e-12)
    assert_allclose(r.local(y, nu, phi, sets).first, score, rtol=1e-10, atol=1e-12)


def check_second_third(r, y, nu, phi, sets, rng):
    u, v = rng.normal(size=(2, sets.n))
    local = r.local(y, nu, phi, sets)

    def at(h):
        return r.local(y, nu + h * u, phi, sets)

    near(local.second(u), slope(lambda h: at(h).first))
    near(local.third(u, v), slope(lambda h: at(h).second(v)))
    near(local.third(u, v), local.third(v, u), 1e-12)
    up, down = local.ascent(u), local.ascent(v)
    assert np.all(sets.sum(u * up) > -1e-12)
    assert_allclose(sets.sum(v * up), sets.sum(u * down), rtol=1e-9, atol=1e-11)
    if r.log_concave:
        assert_array_equal(up, -local.second(u))


def check_aux(r, y, nu, phi, sets, rng):
    m = len(phi)
    u, v = rng.normal(size=(2, sets.n))
    local = r.local(y, nu, phi, sets)
    score, first, second = (r.aux_score(y, nu, phi, sets), local.aux_first(v),
                            local.aux_second(u, v))
    curvature = r.aux_curvature(y, nu, phi, sets)
    assert score.shape == first.shape == second.shape == (m, sets.size)
    assert curvature.shape == (m, m, sets.size)
    for k in range(m):
        unit = np.zeros((m, 1))
        unit[k] = 1.0
        step = phi + 1j * TINY * unit
        value = r.kernel(y, nu, step, sets) + r.constant(y, step, sets)
        assert_allclose(score[k], value.imag / TINY, rtol=1e-9, atol=1e-11)

        def at(h, unit=unit):
            return r.local(y, nu, phi + h * unit, sets)

        near(first[k], slope(lambda h: sets.sum(v * at(h).first)))
        near(second[k], slope(lambda h: sets.sum(u * at(h).second(v))))
        near(curvature[k], slope(
            lambda h, unit=unit: r.aux_score(y, nu, phi + h * unit, sets)), 1e-6)


def check_nodes(r, y, nu, phi, sets, rng):
    """Node axes broadcast, and nothing is changed in place."""
    nodes = np.stack([nu, nu + rng.normal(size=sets.n), nu])
    v = rng.normal(size=sets.n)
    copies = [x.copy() for x in (y, nodes, phi, v)]
    kernel, score = r.kernel_score(y, nodes, phi, sets)
    assert kernel.shape == (3, sets.size) and score.shape == nodes.shape
    assert_array_equal(kernel[0], kernel[2])
    one = r.kernel_score(y, nodes[1], phi, sets)
    assert_allclose(kernel[1], one[0], rtol=1e-13)
    assert_allclose(score[1], one[1], rtol=1e-12, atol=1e-14)
    local = r.local(y, nodes, phi, sets)
    assert local.second(v).shape == local.third(v, v).shape == local.ascent(v).shape == nodes.shape
    assert r.aux_score(y, nodes, phi, sets).shape == (len(phi), 3, sets.size)
    assert local.aux_first(v).shape == local.aux_second(v, v).shape == (len(phi), 3, sets.size)
    for x, copy in zip((y, nodes, phi, v), copies):
        assert_array_equal(x, copy)


def check_row_aux(r, y, aux, sets, rng):
    """The adjoint of `row_aux` is its transpose."""
    d = rng.normal(size=aux.shape)
    bar = rng.normal(size=(len(aux), sets.size))
    assert r.row_aux(y, aux, sets).shape == bar.shape
    assert_allclose(np.sum(r.row_aux_adjoint(y, aux, bar, sets) * d),
                    np.sum(bar * r.row_aux(y, d, sets)), rtol=1e-12, atol=1e-12)


def check_all(r, y, nu, phi, sets, seed=0):
    rng = np.random.default_rng(seed)
    check_first(r, y, nu, phi, sets)
    check_second_third(r, y, nu, phi, sets, rng)
    check_aux(r, y, nu, phi, sets, rng)
    check_nodes(r, y, nu, phi, sets, rng)
    check_row_aux(r, y, rng.normal(size=(len(r.aux_names), sets.n)), sets, rng)


def check_layouts(r, y, nu, phi, size, m):
    """Contiguous rows (y, nu) of equal sets give the same in position-major order."""
    one, two = contiguous(np.full(size, m)), position_major(size, m)
    py, pnu = to_position_major(y, size, m), to_position_major(nu, size, m)
    v = np.random.default_rng(1).normal(size=size * m)
    pv = to_position_major(v, size, m)
    a, b = r.local(y, nu, phi, one), r.local(py, pnu, phi, two)
    for x, px in ((r.kernel_score(y, nu, phi, one)[1], r.kernel_score(py, pnu, phi, two)[1]),
                  (a.first, b.first), (a.second(v), b.second(pv)), (a.ascent(v), b.ascent(pv)),
                  (a.third(v, v), b.third(pv, pv))):
        assert_allclose(to_position_major(x, size, m), px, rtol=1e-10, atol=1e-12)
    for x, px in ((r.kernel(y, nu, phi, one), r.kernel(py, pnu, phi, two)),
                  (r.constant(y, phi, one), r.constant(py, phi, two)),
                  (r.aux_score(y, nu, phi, one), r.aux_score(py, pnu, phi, two)),
                  (a.aux_second(v, v), b.aux_second(pv, pv))):
        assert_allclose(x, px, rtol=1e-10, atol=1e-12)
