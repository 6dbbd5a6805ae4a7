"""What a response refuses, in one sentence that shows the value and the rows."""
import numpy as np
from numpy.testing import assert_array_equal
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.responses import as_response

F = sm.families
BINOMIAL, POISSON = as_response(F.Binomial()), as_response(F.Poisson())
GAUSSIAN, GAMMA = as_response(F.Gaussian()), as_response(F.Gamma())


def test_binomial_layouts():
    assert_array_equal(BINOMIAL.prepare(pd.Series([True, False])), [[1, 0]])
    assert_array_equal(BINOMIAL.prepare([[1, 0], [0, 1]]), [[1, 0]])
    assert_array_equal(BINOMIAL.prepare(np.array([[2, 1], [0, 0]])), [[2, 0], [3, 0]])
    assert_array_equal(BINOMIAL.prepare([0.5, 1 / 3], [4, 3]), [[2, 1], [4, 3]])
    assert_array_equal(BINOMIAL.prepare([0.5, 1.0], 4), [[2, 4], [4, 4]])
    assert_array_equal(BINOMIAL.prepare([0, 1], [1, 1]), [[0, 1]])
    for y in (BINOMIAL.prepare([0, 1]), POISSON.prepare(np.array([[1], [2]])),
              BINOMIAL.prepare([[2, 1]])):
        assert y.flags.c_contiguous and y.dtype == np.float64
    assert_array_equal(POISSON.prepare(pd.Series([1, 2], dtype="Int64")), [[1, 2]])


REFUSED = [
    (BINOMIAL, [0, 0.3, 1, 0.5], None, r"is 0\.3 in rows 1, 3: without n_trials it must be 0 or 1"),
    (BINOMIAL, [0, 7, 1], None, r"is 7 in row 1: counts of successes need .*`successes \+ fail"),
    (BINOMIAL, [0, -1, 1], None, r"is -1 in row 1: it cannot be negative"),
    (BINOMIAL, [[1, 2], [-1, 2]], None, r"is -1 in row 1: counts cannot be negative"),
    (BINOMIAL, [[1, 2], [1, 2.5]], None, r"is 2\.5 in row 1: counts must be whole"),
    (BINOMIAL, [[1, 2]], [3], r"drop n_trials"),
    (BINOMIAL, [[1, 2, 3]], None, r"shape \(1, 3\).*successes and failures"),
    (BINOMIAL, [0.5, 0.3], [2, 4], r"is 0\.3 in row 1: the proportion times n_trials must be a wh"),
    (BINOMIAL, [1, 5], [3, 4], r"is 5 in row 1: with n_trials it is the proportion"),
    (BINOMIAL, [1, 0], [3, -4], r"n_trials .* is -4 in row 1: counts cannot be negative"),
    (BINOMIAL, [1, 0], [3, 2.5], r"n_trials .* is 2\.5 in row 1: counts must be whole"),
    (BINOMIAL, [1, 0], [3], r"n_trials has 1 rows, but the response has 2"),
    (BINOMIAL, [1, np.inf], None, r"is inf in row 1: drop missing and infinite values"),
    (BINOMIAL, [[1, 0], [1, np.nan]], None, r"is nan in row 1: drop missing"),
    (BINOMIAL, ["yes", "no"], None, r"must be numbers, not 'yes'"),
    (POISSON, [1, -2, 3], None, r"is -2 in row 1: counts cannot be negative"),
    (POISSON, [1, 2.5], None, r"is 2\.5 in row 1: counts must be whole numbers"),
    (POISSON, [[1, 2]], None, r"shape \(1, 2\), but it must be one column"),
    (POISSON, [], None, r"no rows"),
    (POISSON, [1, 2], [3, 3], r"n_trials is for binomial responses; Poisson"),
    (GAUSSIAN, [1, -np.inf], None, r"is -inf in row 1"),
    (GAUSSIAN, [1.0], [1], r"Gaussian does not take it"),
    (GAMMA, [1.0, 0.0], None, r"Gamma response is 0 in row 1: it must be positive"),
    (as_response(F.InverseGaussian()), [1.0, -2.0], None, r"is -2 in row 1: it must be positive"),
    (as_response(F.NegativeBinomial(alpha=1.0)), [1.0, -2.0], None, r"counts cannot be negative"),
]


@pytest.mark.parametrize("response, endog, n_trials, message", REFUSED)
def test_refused(response, endog, n_trials, message):
    with pytest.raises(DataError, match=message) as info:
        response.prepare(endog, n_trials)
    assert str(info.value).count("\n") == 0


def test_rows_are_named_by_their_labels():
    endog = pd.Series([0, 2, 1], index=["ann", "bob", "cid"])
    with pytest.raises(DataError, match="row bob"):
        BINOMIAL.prepare(endog)
    with pytest.raises(DataError, match=r"rows b, c, d, e, f and 3 more"):
        POISSON.prepare(np.array([1.0] + [-1.0] * 8), index=list("abcdefghi"))


def test_constant_responses():
    assert BINOMIAL.describe_constant(BINOMIAL.prepare([1, 1])) == "every response is a success"
    assert BINOMIAL.describe_constant(BINOMIAL.prepare([[0, 1], [0, 3]])) == (
        "every response is a failure")
    assert BINOMIAL.describe_constant(BINOMIAL.prepare([[2, 0], [3, 0]])) == (
        "every response is a success")
    assert BINOMIAL.describe_constant(BINOMIAL.prepare([[2, 1], [2, 1]])) is None
    assert POISSON.describe_constant(POISSON.prepare([0, 0])) == "every response is 0"
    assert GAUSSIAN.describe_constant(GAUSSIAN.prepare([1.5, 2])) is None
