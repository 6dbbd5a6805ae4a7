"""Any finite input: no NaN, no warning, a density no larger than it can be."""
import warnings

from hypothesis import assume, given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from tests.responses.cases import CASES, IDS

numbers = st.floats(-700, 700, allow_nan=False)
counts = st.integers(0, 10**6)
positive = st.floats(1e-8, 1e8)


def endogs(case):
    name = case.response.name
    if case.trials:
        return st.tuples(counts, counts)
    if name.startswith("Binomial"):
        return st.integers(0, 1)
    if name.startswith(("Poisson", "NegativeBinomial")):
        return counts
    return st.floats(-1e8, 1e8) if name.startswith("Gaussian") else positive


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_anything(case):
    r = case.response
    discrete = r.name.startswith(("Binomial", "Poisson", "NegativeBinomial"))

    @settings(max_examples=30, deadline=None, derandomize=True, database=None)
    @given(endogs(case), numbers, st.floats(-5, 5))
    def check(value, nu, aux):
        assume(nu == 0 or abs(nu) > 1e-100)  # a pole's own neighbourhood overflows
        y, nu = r.prepare([value, value]), np.array([[nu, -nu], [nu / 700, nu / 70]])
        aux = np.full((len(r.aux_names), 2), aux)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            kernel, score = r.kernel_score(y, nu, aux)
            constant = r.constant(y, aux)
            l1, l2, l3 = r.derivatives(y, nu, aux)
            information = r.expected_information(y, nu, aux)
            aux_score = r.aux_score(y, nu, aux)
        inside = np.isfinite(kernel)
        assert np.isfinite(constant).all()
        assert not np.isnan(kernel).any() and not np.isposinf(kernel).any()
        assert np.isfinite(score[~np.isinf(l1)]).all() and not np.isnan(l1).any()
        assert np.all(score[~inside] == 0)
        assert np.isfinite(aux_score[:, ~inside]).all() and not np.isnan(aux_score).any()
        assert not np.isnan(information).any() and np.all(information >= 0)
        if discrete:
            size = 1 + np.log1p(y[-1]) * y[-1]  # of the gamma functions in the constant
            bound = 1e-14 * (size + np.abs(np.where(inside, kernel, 0)))
            assert np.all(kernel + constant <= bound)
        if r.log_concave:
            ok = inside & np.isfinite(l1) & (np.abs(nu) > 1e-3)
            assert np.all(l2[ok] <= 1e-9 * (1 + np.abs(l1[ok])))

    check()
