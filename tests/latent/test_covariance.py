"""Covariance matrices: natural parameters, working coordinates and their adjoints."""
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pytest

from statsmodels_gllamm.latent.covariance import (
    Covariance,
    DirectCovariance,
    cholesky,
    direct,
    in_other_order,
    patterned,
    psd_root,
)

NAMES = ("a", "b", "c")
KINDS = {
    "one": Covariance(("a",)),
    "one fixed": Covariance(("a",), fixed=(2.0,)),
    "full": Covariance(NAMES),
    "diagonal": Covariance(NAMES, "diagonal"),
    "identity": Covariance(NAMES, "identity"),
    "identity fixed": Covariance(NAMES, "identity", (1.0, 1.0, 1.0)),
    "first fixed": Covariance(NAMES, fixed=(1.0, None, None)),
    "last fixed": Covariance(NAMES, fixed=(None, None, 4.0)),
    "all fixed": Covariance(NAMES, fixed=(1.0, 1.0, 0.25)),
    "diagonal fixed": Covariance(NAMES, "diagonal", (None, 3.0, None)),
    "ordered": Covariance(NAMES, order=(2, 0, 1)),
    "ordered fixed": Covariance(NAMES, fixed=(None, 1.0, None), order=(1, 2, 0)),
}


@pytest.fixture(params=KINDS)
def cov(request):
    return KINDS[request.param]


def draw(cov, rng):
    return rng.normal(size=len(cov.pairs()))


def test_names():
    assert KINDS["full"].parameter_names() == (
        "var[a]", "cov[a,b]", "var[b]", "cov[a,c]", "cov[b,c]", "var[c]")
    assert KINDS["diagonal"].parameter_names() == ("var[a]", "var[b]", "var[c]")
    assert KINDS["identity"].parameter_names() == ("var[a]",)
    assert KINDS["first fixed"].parameter_names() == (
        "cov[a,b]", "var[b]", "cov[a,c]", "cov[b,c]", "var[c]")
    assert KINDS["one fixed"].parameter_names() == ()


def test_root_has_the_structure(cov, rng):
    root = cov.root(draw(cov, rng))
    psi, ordered = root @ root.T, root[np.ix_(cov.sequence, cov.sequence)]
    assert_array_equal(ordered, np.tril(ordered))
    assert_array_equal(root != 0, cov.reach())
    for i, variance in enumerate(cov.fixed):
        if variance is not None:
            assert_allclose(psi[i, i], variance)
    if cov.kind != "unstructured":
        assert_allclose(psi, np.diag(np.diag(psi)))
    if cov.kind == "identity":
        assert_allclose(np.diag(psi), psi[0, 0])


def test_order_keeps_the_parameters(rng):
    plain, ordered = KINDS["full"], KINDS["ordered"]
    assert plain.parameter_names() == ordered.parameter_names() and plain.pairs() == ordered.pairs()
    natural = plain.natural(draw(plain, rng))
    assert_allclose(plain.matrix(natural), ordered.matrix(natural))
    assert_allclose(ordered.natural(ordered.working(natural)), natural)
    assert not ordered.root(ordered.working(natural))[[0, 2, 2], [1, 0, 1]].any()


def test_round_trip(cov, rng):
    for _ in range(5):
        working = draw(cov, rng)
        natural = cov.natural(working)
        root = cov.root(working)
        assert_allclose(cov.matrix(natural), root @ root.T, atol=1e-14)
        assert_allclose(cov.natural(cov.working(natural)), natural, atol=1e-12)
        again = cov.root(cov.working(natural))
        assert (np.diag(again) >= 0).all()
        assert_allclose(again @ again.T, root @ root.T, atol=1e-12)


def test_adjoint(cov, rng):
    """root_adjoint is the transposed derivative of root, by complex step."""
    working, bar = draw(cov, rng), rng.normal(size=(cov.q, cov.q))
    got = cov.root_adjoint(working, bar)
    slopes = [(cov.root(working + 1e-30j * e).imag * bar).sum() / 1e-30
              for e in np.eye(len(working))]
    assert_allclose(got, slopes, atol=1e-12)


def test_adjoint_accepts_batches(cov, rng):
    working = rng.normal(size=(4, len(cov.pairs()))) + 1j * rng.normal(size=(4, len(cov.pairs())))
    bar = rng.normal(size=(4, cov.q, cov.q))
    got = cov.root_adjoint(working, bar)
    assert_allclose(got, [cov.root_adjoint(w, b) for w, b in zip(working, bar)])
    assert_allclose(cov.natural(working), [cov.natural(w) for w in working])


SINGULAR = {
    "zero": np.zeros((3, 3)),
    "rank one": np.outer([1.0, -2.0, 0.5], [1.0, -2.0, 0.5]),
    "rank two": np.array([[1.0, 0, 1], [0, 1, 1], [1, 1, 2]]),
    "first zero": np.array([[0.0, 0, 0], [0, 2, 1], [0, 1, 1]]),
    "middle zero": np.array([[4.0, 0, 2], [0, 0, 0], [2, 0, 3]]),
    "last zero": np.diag([1.0, 2.0, 0.0]),
}


@pytest.mark.parametrize("name", SINGULAR)
def test_singular(name):
    psi, cov = SINGULAR[name], KINDS["full"]
    natural = np.array([psi[i, j] for i, j in cov.pairs()])
    working = cov.working(natural)
    assert_allclose(cov.natural(working), natural, atol=1e-12)
    root = psd_root(psi)
    assert_allclose(root @ root.T, psi, atol=1e-12)
    assert np.isfinite(root).all()
    zero = np.flatnonzero(np.diag(root) == 0)
    assert_array_equal(root[:, zero], 0.0)
    assert len(zero) == 3 - np.linalg.matrix_rank(psi)


@pytest.mark.parametrize("scale", [1e-12, 1e-4, 1e6, 1e150])
def test_scale_does_not_matter(scale, rng):
    cov = KINDS["full"]
    psi = np.array([[1.0, 0.3, -0.2], [0.3, 2.0, 0.1], [-0.2, 0.1, 0.5]])
    natural = scale * np.array([psi[i, j] for i, j in cov.pairs()])
    assert_allclose(cov.natural(cov.working(natural)), natural, rtol=1e-12)


@pytest.mark.parametrize(("natural", "kind"), [
    ([-1e-3], "one"),
    ([1.0, 1.5, 1.0, 0, 0, 1.0], "full"),
    ([0.0, 0.5, 1.0, 0, 0, 1.0], "full"),
    ([1.0, 0.9, 1.0, 0.9, -0.9, 1.0], "full"),
    ([1.0, -1.0, 1.0], "diagonal"),
    ([2.0, 1.0, 0.0, 0.0, 1.0], "first fixed"),
])
def test_not_positive_semidefinite(natural, kind):
    """The error names the latent variables and shows every number."""
    cov = KINDS[kind]
    with pytest.raises(ValueError, match="not positive semi-definite: ") as caught:
        cov.working(np.array(natural))
    assert all(name in str(caught.value) for name in (*cov.names, *cov.parameter_names()))


@pytest.mark.parametrize("kind", ["one", "full", "diagonal"])
def test_nan_is_not_a_covariance(kind):
    cov = KINDS[kind]
    with pytest.raises(ValueError, match="not positive semi-definite"):
        cov.working(np.full(len(cov.pairs()), np.nan))


def test_correlation_of_one_in_a_fixed_variance():
    cov = Covariance(("a", "b"), fixed=(None, 1.0))
    assert cov.parameter_names() == ("var[a]", "cov[a,b]")
    assert_allclose(cov.natural(cov.working(np.array([4.0, 1.9]))), [4.0, 1.9], atol=1e-12)


DIRECT = {
    "full": direct(KINDS["full"]),
    "diagonal": direct(KINDS["diagonal"]),
    "identity": direct(KINDS["identity"]),
    "last fixed": direct(KINDS["last fixed"]),
    "pattern": patterned(NAMES, [[None, 0.3, 0], [0.3, 2.0, None], [0, None, None]]),
    "ordered": direct(KINDS["ordered"]),
}


@pytest.mark.parametrize("name", DIRECT)
def test_direct_coordinates(name, rng):
    cov = DIRECT[name]
    psi = np.array([[1.0, 0.3, 0.0], [0.3, 2.0, -0.4], [0.0, -0.4, 4.0]])
    psi = psi if name != "identity" else 1.7 * np.eye(3)
    working = np.array([psi[i, j] for i, j in cov.pairs()])
    expected = np.diag(np.diag(psi)) if name == "diagonal" else psi
    root = cov.root(working)
    assert_allclose(root @ root.T, expected, atol=1e-14)
    ordered = root[np.ix_(cov.sequence, cov.sequence)]
    assert_array_equal(ordered, np.tril(ordered))
    assert not root[~cov.reach()].any()
    assert_array_equal(cov.working(cov.natural(working)), working)
    bar = rng.normal(size=(3, 3))
    slopes = [(cov.root(working + 1e-30j * e).imag * bar).sum() / 1e-30
              for e in np.eye(len(working))]
    assert_allclose(cov.root_adjoint(working, bar), slopes, atol=1e-12)
    assert np.isnan(cov.root(-working)).all()
    with pytest.raises(ValueError, match="not positive semi-definite"):
        cov.working(-working)


def test_zeros_of_a_pattern_are_zeros_of_its_root(rng):
    apart = patterned(NAMES, [[None, None, 0], [None, None, 0], [0, 0, None]])
    assert_array_equal(apart.reach(), [[1, 0, 0], [1, 1, 0], [0, 0, 1]])
    filled = patterned(NAMES, [[None, None, None], [None, None, 0], [None, 0, None]])
    assert filled.order == (1, 0, 2) and not filled.direct
    other = in_other_order(filled, (1, 2, 0))
    assert_array_equal(other.reach(), [[1, 1, 1], [0, 1, 0], [0, 0, 1]])
    for cov in (apart, filled, other, direct(filled)):
        psi = np.array([[2.0, 0.3, 0.4], [0.3, 3.0, 0.0], [0.4, 0.0, 4.0]])
        if cov is apart:
            psi[0, 2] = psi[2, 0] = 0
        natural = np.array([psi[i, j] for i, j in cov.pairs()])
        working = cov.working(natural)
        root = cov.root(working)
        assert_allclose(root @ root.T, psi, atol=1e-14)
        assert_array_equal(root != 0, cov.reach())
        assert_allclose(cov.natural(working), natural, atol=1e-14)
        bar = rng.normal(size=(3, 3))
        slopes = [(cov.root(working + 1e-30j * e).imag * bar).sum() / 1e-30
                  for e in np.eye(len(working))]
        assert_allclose(cov.root_adjoint(working, bar), slopes, atol=1e-12)


def test_elimination_that_fills_in_zeros():
    """The first order fills in; a cycle of four fills in in any order."""
    first = in_other_order(patterned(NAMES, [[None, None, None], [None, None, 0], [None, 0, None]]),
                           (0, 1, 2))
    assert first.direct
    assert_array_equal(first.reach(), np.tri(3))
    four = ("a", "b", "c", "d")
    cycle = patterned(four, [[None, None, 0, None], [None, None, None, 0], [0, None, None, None],
                             [None, 0, None, None]])
    assert cycle.direct
    assert [tuple(pair) for pair in np.argwhere(np.tri(4) > cycle.reach())] == [(2, 0)]
    for k in range(1, 5):  # graphs of chains have an order
        chain = [[None if abs(i - j) < k else 0 for j in range(4)] for i in range(4)]
        assert not patterned(four, chain).direct


def test_simple_patterns_keep_their_cholesky_elements():
    two = ("a", "b")
    assert patterned(two, [[None, 0], [0, 2.0]]) == Covariance(two, "diagonal", (None, 2.0))
    assert patterned(two, [[None] * 2] * 2) == Covariance(two)
    assert isinstance(patterned(two, [[None, 0.1], [0.1, None]]), DirectCovariance)


def test_root_of_singular_matrices():
    for psi in SINGULAR.values():
        root = cholesky(psi)
        if np.isfinite(root).all():
            assert_allclose(root @ root.T, psi, atol=1e-12)
    assert np.isfinite(cholesky(SINGULAR["middle zero"])).all()
