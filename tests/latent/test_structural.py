"""Regressions of latent variables: the map to Psi, models that must be equal, and errors."""
import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor
from statsmodels_gllamm.exceptions import DataError, FormulaError
from statsmodels_gllamm.formula.regressions import parse_regressions
from statsmodels_gllamm.latent.structural import Structural, is_acyclic
from tests.integration.frames import random_params, slope_along

BINOMIAL = sm.families.Binomial()


@pytest.fixture
def data(rng):
    """Six items of persons g in schools s, two scales of three items; x of persons, w of schools."""
    s = np.repeat(np.arange(8), 4)
    person = pd.DataFrame({"s": s, "g": np.arange(32), "x": rng.normal(size=32),
                           "w": rng.normal(size=8)[s]})
    data = person.loc[person.index.repeat(6)].reset_index(drop=True)
    data["item"] = np.tile(list("abcdef"), 32)
    data["t"] = rng.normal(size=len(data))
    data["y"] = rng.integers(0, 2, len(data))
    data["z"] = rng.normal(size=len(data)) + data["x"]
    return data


def scales():
    def of(names):
        return Factor("item", loadings={
            k: None if k in names[1:] else float(k == names[0]) for k in "abcdef"})
    return {"f": of("abc"), "h": of("def")}


BARS = "0 + item + (0 + f | g) + (0 + h | g) + (0 + h | s)"
STRUCTURE = ["h[g] ~ f[g] + x + w", "f ~ x", "f[g] ~ h[s]"]


@pytest.mark.parametrize("column, family", [("y", BINOMIAL), ("z", None)])
def test_score(data, column, family, rng):
    model = GLLAMM.from_formula(f"{column} ~ {BARS}", data, family=family, factors=scales(),
                                regressions=STRUCTURE)
    names = model.param_names
    assert [n for n in names if n.startswith("gamma")] == [
        "gamma[h[g] on x]", "gamma[h[g] on w]", "gamma[f[g] on x]"]
    assert [n for n in names if n.startswith("b[")] == ["b[h[g] on f[g]]", "b[f[g] on h[s]]"]
    params = random_params(model, rng)
    free = [i for i, n in enumerate(names) if n.startswith(("gamma", "b["))]
    params[free] = rng.normal(size=len(free)) * 0.5
    for rule in ({"integration": "laplace"}, {"n_quad": 3}):
        slopes = [slope_along(lambda p, rule=rule: model.loglike(p, **rule), params, e, h=1e-3)
                  for e in np.eye(len(params))]
        assert_allclose(model.score(params, **rule), slopes, rtol=0, atol=2e-6 * np.abs(slopes).max())


def equal(one, two, rng, pairs):
    """The log-likelihoods of two models where parameters are the same, in names of the second."""
    params = pd.Series(random_params(one, rng), index=one.param_names)
    other = pd.Series({pairs.get(name, name): value for name, value in params.items()})
    return one.loglike(params), two.loglike(other[two.param_names])


def test_a_covariate_of_a_factor_is_a_product_with_its_loadings(data, rng):
    factors = {"f": Factor("item")}
    one = GLLAMM.from_formula("y ~ 0 + item + (0 + f | g)", data, family=BINOMIAL, factors=factors,
                              regressions="f ~ x + w")
    two = GLLAMM.from_formula("y ~ 0 + item + f:x + f:w + (0 + f | g)", data, family=BINOMIAL,
                              factors=factors)
    assert_allclose(*equal(one, two, rng, {"gamma[f[g] on x]": "f:x", "gamma[f[g] on w]": "f:w"}),
                    rtol=1e-12)


def test_a_regression_of_one_across_levels_is_a_factor_at_both(data, rng):
    """eta(g) = eta(s) + zeta: a latent variable of schools that has no items of its own."""
    f = {"f": Factor("item")}
    shared = GLLAMM.from_formula("y ~ 0 + item + (0 + f | s / g)", data, family=BINOMIAL, factors=f)
    caused = GLLAMM.from_formula(
        "y ~ 0 + item + (0 + f | s:g) + (0 + k | s)", data, family=BINOMIAL,
        factors={**f, "k": Factor("item", loadings=[0] * 6)}, regressions="f ~ k")
    params = pd.Series(random_params(shared, rng), index=shared.param_names)
    other = params.rename({"var[f[s]]": "var[k[s]]"})
    other["b[f[s:g] on k[s]]"] = 1.0
    assert_allclose(caused.loglike(other[caused.param_names]), shared.loglike(params), rtol=1e-12)
    other["b[f[s:g] on k[s]]"] = 2.0
    other["var[k[s]]"] /= 4
    assert_allclose(caused.loglike(other[caused.param_names]), shared.loglike(params), rtol=1e-12)


def test_chain_of_gaussian_factors_is_its_covariance_matrix(data, rng):
    """h = b f + zeta has the covariance matrix of (f, h) in other parameters."""
    one = GLLAMM.from_formula("z ~ 0 + item + (0 + f | g) + (0 + h | g)", data, factors=scales(),
                              regressions="h ~ f")
    two = GLLAMM.from_formula("z ~ 0 + item + (0 + f + h | g)", data, factors=scales())
    b, vf, vh = 0.7, 1.3, 0.4
    params = pd.Series(random_params(one, rng), index=one.param_names)
    params[["b[h[g] on f[g]]", "var[f[g]]", "var[h[g]]"]] = b, vf, vh
    other = params.copy()
    other["var[f[g]]"], other["var[h[g]]"] = vf, b * b * vf + vh
    other["cov[f[g],h[g]]"] = b * vf
    assert_allclose(one.loglike(params), two.loglike(other[two.param_names]), rtol=1e-12)
    assert_allclose(one.fit().llf, two.fit().llf, rtol=1e-8)


def test_interactions_that_are_latent_variables(data):
    """x:t[g] is the latent variable of a random term of that name, and elsewhere a product."""
    model = GLLAMM.from_formula("z ~ t + (0 + t + x:t || g) + (1 | s)", data,
                                regressions=["t[g] ~ x:t[g]", "x:t[g] ~ w"])
    assert {"b[t[g] on x:t[g]]", "gamma[x:t[g] on w]"} <= set(model.param_names)
    model = GLLAMM.from_formula("z ~ t + (0 + t | g) + (1 | g)", data,
                                regressions="Intercept[g] ~ x:t[g]")
    assert "b[Intercept[g] on t[g]:x]" in model.param_names
    (regression,) = parse_regressions("f ~ x:t[a:b] + x:z", ["f"], "y ~ (0 + f + x*t | a / b)")
    assert (regression.causes, regression.covariates) == (("x:t[a:b]",), "x:z")


def test_inverse_is_exactly_zero_where_nothing_reaches(rng):
    """Units are told apart by the entries of Psi that can differ from zero: rounding is no entry."""
    structural = Structural(4, np.zeros((0, 2), dtype=int), np.array([[1, 0], [2, 1], [3, 1]]))
    for b in 2 * rng.normal(size=(200, 3)):
        inverse, _ = structural.matrices(np.zeros(0), b)
        assert not inverse[~structural.reach()].any()
        assert_allclose(inverse[2, 0], b[0] * b[1], rtol=1e-12)


def test_adjoint(rng):
    structural = Structural(3, np.array([(0, 0), (2, 1), (1, 0)]), np.array([(0, 1), (1, 2)]))
    assert structural.reach().tolist() == [[1, 1, 1], [0, 1, 1], [0, 0, 1]]
    assert [(a, k, *touched) for a, k, touched in structural.effects] == [
        (0, 0, 1, 1, 0), (0, 1, 1, 1, 1)]
    check_adjoint(structural, rng)
    assert is_acyclic(3, structural.b) and not is_acyclic(2, np.array([(0, 1), (1, 0)]))


def test_adjoint_of_paths_that_depend_on_covariates(rng):
    structural = Structural(3, np.array([(0, 0), (2, 1), (1, 0)]),
                            np.array([(0, 1), (1, 2), (0, 1), (1, 2), (0, 2)]),
                            np.array([-1, -1, 0, 1, 0]))
    assert list(structural.masks) == [(), (0,), (1,), (0, 1)]
    check_adjoint(structural, rng)
    gamma, b, x = rng.normal(size=3), rng.normal(size=5), rng.normal(size=(2, 4))
    inverse, _ = structural.expansion(gamma, b)
    total = sum(m * np.prod(x[list(alpha)], axis=0)[:, None, None]
                for alpha, m in zip(structural.masks, inverse))
    assert_allclose(total, structural.at_rows(b, x), rtol=1e-12, atol=1e-14)
    with pytest.raises(NotImplementedError, match="products"):
        structural.matrices(gamma, b)


def check_adjoint(structural, rng):
    gamma, b = rng.normal(size=len(structural.gamma)), rng.normal(size=len(structural.b))
    inverse, covariates = structural.expansion(gamma, b)
    inverse_bar, effect_bar = rng.normal(size=inverse.shape), rng.normal(
        size=(inverse @ covariates).shape)

    def value(gamma, b):
        inverse, covariates = structural.expansion(gamma, b)
        return (inverse * inverse_bar).sum() + (inverse @ covariates * effect_bar).sum()

    got = structural.adjoint(gamma, b, inverse_bar, effect_bar)
    for k, (x, bar) in enumerate(zip((gamma, b), got)):
        for j in range(len(x)):
            step = np.zeros(len(x), dtype=complex)
            step[j] = 1e-30j
            moved = [gamma + step, b + 0j] if k == 0 else [gamma + 0j, b + step]
            assert_allclose(value(*moved).imag / 1e-30, bar[j], rtol=1e-11)


def test_parsing():
    one, two = parse_regressions(["f ~ x + C(w)*z + h", "x[g] ~ h[s:g] + np.log(x)"], {"f", "h"})
    assert (one.outcome, one.causes, one.covariates) == ("f", ("h",), "x + C(w)*z")
    assert (two.outcome, two.causes, two.covariates) == ("x[g]", ("h[s:g]",), "np.log(x)")
    assert parse_regressions(None, ()) == ()


def test_a_factor_without_loadings(data):
    with pytest.raises(FormulaError, match="f.g. has loadings of zero everywhere"):
        GLLAMM.from_formula("y ~ 0 + item + (0 + f | g)", data, family=BINOMIAL,
                            factors={"f": Factor("item", loadings=[0] * 6)})


@pytest.mark.parametrize(("regressions", "error", "text"), [
    ("f ~ t", DataError, "'t' of f.g. varies within cluster 0 of 'g'.*formula itself"),
    ("h[s] ~ f[g]", FormulaError, "f.g. on its right side, which belongs to a lower level"),
    (["f[g] ~ h[g]", "h[g] ~ f[g]"], FormulaError, "depend on itself"),
    ("h ~ x", FormulaError, "'h' in the regression 'h ~ x' is the name of several"),
    ("k[g] ~ x", FormulaError, "'k.g.' .* is no latent variable"),
    ("x ~ w", FormulaError, "left side .* must be a latent variable"),
    ("f ~ f:x", FormulaError, "depend on itself"),
    ("f ~ np.log(h)", FormulaError, "'np.log.h.' .* function of a latent variable"),
    ("f", FormulaError, "with one ~"),
    (["f ~ x", "f ~ x"], FormulaError, "gamma.f.g. on x. twice"),
    ("f ~ unknown", FormulaError, "'unknown'"),
])
def test_errors(data, regressions, error, text):
    with pytest.raises(error, match=text):
        GLLAMM.from_formula(f"y ~ {BARS}", data, family=BINOMIAL, factors=scales(),
                            regressions=regressions)
