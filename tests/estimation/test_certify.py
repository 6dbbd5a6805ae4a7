"""The ladder of rules, the node budget and the certificate."""
import numpy as np
from numpy.testing import assert_allclose
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM
from statsmodels_gllamm.estimation import certify
from statsmodels_gllamm.estimation.certify import Certificate
from tests.integration.frames import nested_frame


def test_count_nodes():
    assert certify.count_nodes((3, 5), (2, 1)) == 45
    assert certify.count_nodes((), ()) == 1


def test_finer():
    assert certify.finer((7,), (1,)) == (9,)
    assert certify.finer((8, 1), (1, 1)) == (9, 3)
    assert certify.finer((127,), (1,)) is None
    assert certify.finer((7,), (6,)) is None


@pytest.mark.parametrize("q", [(1,), (1, 1), (2, 1), (3,), (2, 2), (5,), (3, 3), (8,)])
def test_first_rule_is_within_the_budget(q):
    n = certify.first_n_quad(q)
    assert len(n) == len(q) and all(3 <= k <= 11 for k in n)
    assert certify.count_nodes(n, q) <= certify.NODE_BUDGET


def test_budget_error():
    assert certify.budget_error((7, 7), (2, 1), ("a", "b")) is None
    text = certify.budget_error((15, 31), (3, 1), ("a", "b"))
    assert "104,625" in text and "'a'" in text and "15 points in each of 3" in text


def test_passed():
    assert Certificate(True, (1,)).passed
    assert str(Certificate(True, (1,))) == "exact"
    assert Certificate(False, (7,), (9,), -0.005, 0.001).passed
    assert not Certificate(False, (7,), (9,), -0.02, 0.001).passed
    assert not Certificate(False, (7,), (9,), 0.0, 0.02).passed
    assert not Certificate(False, (7,), (), np.nan, np.nan).passed
    assert "0.02" in str(Certificate(False, (7,), (9,), -0.02, 0.001))


def test_auto_ends_in_a_warning_where_the_budget_ends(monkeypatch, rng):
    data = nested_frame(rng, n_top=30)
    u = rng.normal(size=30)[data["s"].str[1:].astype(int)]
    data["y"] = rng.binomial(1, 1 / (1 + np.exp(-4 * u)))
    model = GLLAMM.from_formula("y ~ 1 + (1 | s)", data, family=sm.families.Binomial())
    free = model.fit(quad_tol=1e-4)
    assert free.record.certificate.passed and free.record.n_quad[0] > 9
    monkeypatch.setattr(certify, "CLIMB", (10, 1e9))
    with pytest.warns(UserWarning, match="error of the rule with .*above quad_tol|no finer rule"):
        tight = model.fit(quad_tol=1e-4)
    assert tight.record.n_quad[0] <= 9
    assert not tight.record.certificate.passed


def test_error_in_standard_errors_is_first_order_exact(rng):
    """The certified move of the estimates is the one a finer rule makes."""
    data = nested_frame(rng, n_top=40)
    u = rng.normal(size=40)[data["s"].str[1:].astype(int)]
    data["y"] = rng.poisson(np.exp(0.5 + u))
    model = GLLAMM.from_formula("y ~ x + (1 | s)", data, family=sm.families.Poisson())
    one = model.fit(integration="laplace")
    finer = model.fit(n_quad=one.record.certificate.n_finer[0])
    se = np.sqrt(np.diag(one.record.cov))
    move = np.abs((finer.params - one.params) / se).max()
    assert_allclose(one.record.certificate.error_se, move, rtol=0.3)
    assert_allclose(one.record.certificate.error_loglik, finer.llf - one.llf, rtol=0.05)


def test_nodes_of_kinds_of_units():
    """The largest number of nodes counts, and only dimensions that have points."""
    assert certify.count_nodes((7, 5), ((2, 0), (1, 1))) == 49
    assert certify.count_nodes((7,), ((0,),)) == 1
    assert certify.first_n_quad(((1,), (0,))) == (9,)
    assert certify.first_n_quad(((1, 0), (0, 1))) == (9, 9)
    assert certify.first_n_quad(((2,), (1,))) == (7,)
    assert certify.finer((7,), ((3,), (3,))) == (9,)
    assert certify.budget_error((15,), ((3,), (2,)), ("a",)) is None
    text = certify.budget_error((15, 31), ((0, 1), (3, 1)), ("a", "b"))
    assert "104,625" in text and "'a'" in text and "15 points in each of 3" in text


def test_budget_of_a_model_counts_what_is_integrated(rng):
    """Eight latent variables in two groups of four: five points make 625 nodes, not 390,625."""
    data = nested_frame(rng, n_top=400)
    for k in range(4):
        data[f"a{k}"] = (data["s"] < "s2") * rng.normal(size=len(data))
        data[f"b{k}"] = (data["s"] >= "s2") * rng.normal(size=len(data))
    bars = " + ".join("(0 + " + " + ".join(f"{g}{k}" for k in range(4)) + " || s)" for g in "ab")
    model = GLLAMM.from_formula(f"binary ~ x + {bars}", data, family=sm.families.Binomial())
    assert model._dimensions == ((4,),)
    assert np.isfinite(model.loglike(model.start_params, n_quad=5))
    with pytest.raises(ValueError, match="50,625 quadrature nodes.*15 points in each of 4"):
        model.loglike(model.start_params, n_quad=15)
