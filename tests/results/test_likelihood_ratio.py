"""Likelihood-ratio tests with variances at zero."""

import pickle
import warnings

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy import stats
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes, Factor, datasets, families
from statsmodels_gllamm.exceptions import BoundaryWarning
from statsmodels_gllamm.results.at_zero import edge_of
from statsmodels_gllamm.results.edge_information import covariance_at_edge, null_params

BINOMIAL, POISSON = sm.families.Binomial(), sm.families.Poisson()


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(11)
    g = np.repeat(np.arange(30), 6)
    x, z = rng.normal(size=(2, 180))
    eta = 0.5 * x + 0.7 * rng.normal(size=30)[g] + 0.4 * rng.normal(size=30)[g] * z
    return pd.DataFrame({"y": eta + rng.normal(size=180), "x": x, "z": z, "g": g,
                         "c": rng.poisson(np.exp(0.5 * eta)),
                         "b": (eta + rng.logistic(size=180) > 0) * 1})


def fit(formula, data, family=None, **keywords):
    model = GLLAMM.from_formula(formula, data, **({} if family is None else {"family": family}),
                                **keywords)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(threads=1)


def quietly(large, small, **keywords):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return large.lr_test(small, **keywords)


def chi2(statistic, *df):
    return [stats.chi2.sf(statistic, k) if k else 0.0 for k in df]


def test_one_variance(data):
    test = quietly(fit("y ~ x + (1 | g)", data), fit("y ~ x", data))
    assert test.weights.to_dict() == {0: 0.5, 1: 0.5} and test.df == 1
    assert_allclose(test.pvalue, test.pvalue_naive / 2)
    assert test.boundary == ("var[Intercept[g]] at zero",)
    assert "0.5 chi2(0) + 0.5 chi2(1)" in str(test) and "alone has p" in str(test)
    assert "\n" not in repr(test)


def test_slope_with_covariances(data):
    test = quietly(fit("y ~ x + (1 + z | g)", data), fit("y ~ x + (1 | g)", data))
    assert test.weights.to_dict() == {1: 0.5, 2: 0.5}
    assert_allclose(test.pvalue, np.mean(chi2(test.statistic, 1, 2)))
    three = quietly(fit("y ~ x + (1 + z + x | g)", data), fit("y ~ x + (1 + z | g)", data))
    assert three.weights.to_dict() == {2: 0.5, 3: 0.5}


def test_variance_and_coefficient_together(data):
    test = quietly(fit("y ~ x + z + (1 | g)", data), fit("y ~ 1", data))
    assert test.df == 3 and test.weights.to_dict() == {2: 0.5, 3: 0.5}


def test_covariance_alone_is_inside(data):
    test = quietly(fit("y ~ x + (z | g)", data), fit("y ~ x + (z || g)", data))
    assert test.weights.to_dict() == {1: 1.0} and test.boundary == ()
    assert test.pvalue == test.pvalue_naive


def test_two_variances_by_their_expected_information(data):
    """Fisher information of variances in a linear model, written down: tr(A_i A_j) / 2 s^4."""
    data = data.assign(z=np.tile(np.arange(-2.0, 4), 30))
    small, large = fit("y ~ x", data), fit("y ~ x + (z || g)", data)
    test = quietly(large, small)
    z, same = data["z"].to_numpy(), np.equal.outer(*[data["g"].to_numpy()] * 2)
    a = [same * 1.0, np.outer(z, z) * same, np.eye(len(z))]
    information = np.array([[np.sum(p * q) for q in a] for p in a])
    v = np.linalg.inv(information)
    rho = v[0, 1] / np.sqrt(v[0, 0] * v[1, 1])
    w0 = np.arccos(rho) / (2 * np.pi)
    assert_allclose(test.weights, [w0, 0.5, 0.5 - w0], atol=1e-4)
    assert_allclose(test.pvalue, test.weights @ chi2(test.statistic, 0, 1, 2))


def test_a_whole_covariance_matrix(data):
    data = data.assign(z=np.tile(np.arange(-2.0, 4), 30))
    small, large = fit("y ~ x", data), fit("y ~ x + (z | g)", data)
    test = quietly(large, small)
    edge = edge_of(large, small)
    assert edge.orders == (2,) and test.df == 3 and test.draws == 10_000
    z, same = data["z"].to_numpy(), np.equal.outer(*[data["g"].to_numpy()] * 2)
    a = [same * 1.0, np.add.outer(z, z) * same, np.outer(z, z) * same, np.eye(len(z))]
    v = np.linalg.inv([[np.sum(p * q) for q in a] for p in a])[:3, :3]
    found = covariance_at_edge(large, small, edge)
    assert_allclose(found / found[0, 0], v / v[0, 0], rtol=2e-3)
    assert test.pvalue < test.pvalue_naive
    assert test.pvalue == quietly(large, small).pvalue
    other = quietly(large, small, rng=1, draws=40_000)
    assert other.draws == 40_000
    assert_allclose(test.weights, other.weights, atol=0.02)


def test_observed_information_at_zero():
    """Binary responses: V against second differences of the log-likelihood in natural parameters."""
    rng = np.random.default_rng(8)
    x, z, g = rng.normal(size=400), rng.normal(size=400), np.repeat(np.arange(80), 5)
    frame = pd.DataFrame({"x": x, "z": z, "g": g, "b": (0.5 * x + rng.logistic(size=400) > 0) * 1})
    small, large = fit("b ~ x", frame, BINOMIAL), fit("b ~ x + (z || g)", frame, BINOMIAL)
    edge = edge_of(large, small)
    theta = null_params(large, small, edge)
    assert_allclose(theta[:2], small.params)
    k, d = len(theta), 0.0025

    def information(h):
        at = theta + h * np.isin(np.arange(k), edge.positions)
        hessian = np.zeros((k, k))
        for i, one in enumerate(d * np.eye(k)):
            for j, two in enumerate(d * np.eye(k)):
                hessian[i, j] = sum(a * b * large.model.loglike(at + a * one + b * two, n_quad=9)
                                    for a in (1, -1) for b in (1, -1)) / (4 * d * d)
        return -hessian

    v = np.linalg.inv(2 * information(0.01) - information(0.02))[np.ix_(*[edge.positions] * 2)]
    assert_allclose(covariance_at_edge(large, small, edge), v, rtol=0.02)


def test_four_variances(data):
    large = fit("y ~ x + (1 | g) + (0 + z | g) + (0 + x | g) + (0 + I(x * z) | g)", data)
    test = quietly(large, fit("y ~ x", data), rng=2)
    assert test.df == 4 and len(test.weights) == 5 and test.boundary == ("4 variances at zero",)
    assert test.error < 1e-3 and "10000 draws" in str(test)
    assert_allclose(test.weights.sum(), 1)


def test_several_levels_and_ordinal(data):
    frame = data.assign(h=np.arange(180) // 2, o=np.digitize(data["y"], [-1, 0.5]))
    family = families.Ordinal()
    large = fit("o ~ x + (1 | g / h)", frame, family)
    assert quietly(large, fit("o ~ x", frame, family)).df == 2
    assert quietly(large, fit("o ~ x + (1 | g)", frame, family)).weights.to_dict() == {0: .5, 1: .5}
    assert quietly(large, fit("o ~ x + (1 | g:h)", frame, family)).weights.to_dict() == {0: .5, 1: .5}


def test_constraints_at_zero(data):
    """A variance that a constraint sets to zero, and one in common."""
    large = fit("y ~ x + (z | g)", data)
    small = large.model.fit_constrained("var[z[g]] = 0, cov[Intercept[g],z[g]] = 0")
    test = quietly(large, small)
    assert_allclose(test.pvalue, quietly(large, fit("y ~ x + (1 | g)", data)).pvalue, rtol=1e-6)
    same = fit("y ~ x + (z | g)", data, covariances={"g": "identity"})
    assert quietly(same, fit("y ~ x", data)).weights.to_dict() == {0: 0.5, 1: 0.5}
    assert quietly(large, same).boundary == ()


def test_latent_classes(data):
    def classes(n):
        return {"c": Classes(n, within="g")}

    small = fit("b ~ 0 + (0 + x | c)", data, BINOMIAL, classes=classes(2))
    large = fit("b ~ 0 + (0 + x | c) + (1 | g)", data, BINOMIAL, classes=classes(2))
    assert quietly(large, small).weights.to_dict() == {0: 0.5, 1: 0.5}
    with pytest.raises(ValueError, match="bootstrap_lrt"):
        small.lr_test(fit("b ~ 0 + (0 + x | c)", data, BINOMIAL, classes=classes(1)))


def test_factors_have_no_known_distribution():
    lsat = datasets.lsat.load_pandas().data
    lsat = lsat[lsat.id % 5 == 0]
    plain = fit("y ~ 0 + item", lsat, BINOMIAL)
    factor = fit("y ~ 0 + item + (0 + f | id)", lsat, BINOMIAL,
                 factors={"f": Factor("item", standardized=True)})
    free = fit("y ~ 0 + item + (0 + f | id)", lsat, BINOMIAL, factors={"f": Factor("item")})
    rasch = fit("y ~ 0 + item + (1 | id)", lsat, BINOMIAL)
    for large, text in ((factor, "fixed variance"), (free, "no meaning")):
        with pytest.warns(BoundaryWarning, match=text):
            assert large.lr_test(plain).weights.to_dict() == {5: 1.0}
    test = quietly(factor, rasch)  # inside: equal loadings, by another name
    assert test.df == 4 and test.boundary == ()
    assert quietly(rasch, plain).weights.to_dict() == {0: 0.5, 1: 0.5}


def test_limits_of_families(data):
    small = fit("c ~ x", data, POISSON)
    large = fit("c ~ x", data, families.NegativeBinomial())
    test = quietly(large, small)
    assert_allclose(test.pvalue, test.pvalue_naive / 2)
    items = fit("c ~ x", data.assign(k=np.arange(180) % 2), families.NegativeBinomial(),
                dispersion="0 + C(k)")
    with pytest.warns(BoundaryWarning, match="upper bound"):
        test = items.lr_test(small)
    assert_allclose(test.pvalue, np.mean(chi2(test.statistic, 1, 2)))
    with pytest.warns(BoundaryWarning, match="not known"):
        fit("c ~ x", data, families.NegativeBinomial(), dispersion="x").lr_test(small)


def test_bound_without_data(data):
    large, small = fit("y ~ x + (z || g)", data), fit("y ~ x", data)
    large.remove_data()
    with pytest.warns(BoundaryWarning, match="half a space"):
        test = large.lr_test(small)
    assert test.weights.to_dict() == {1: 0.5, 2: 0.5}


def test_stored(data):
    test = quietly(fit("y ~ x + (1 | g)", data), fit("y ~ x", data))
    again = pickle.loads(pickle.dumps(test))
    assert again == test and again.pvalue_naive == test.pvalue_naive
    assert again.weights.equals(test.weights) and str(again) == str(test)


def test_compare_uses_the_same(data):
    fits = [fit(formula, data) for formula in ("y ~ x", "y ~ x + (1 | g)", "y ~ x + (z | g)")]
    table = fits[0].compare(*fits[1:])
    expected = [quietly(large, small).pvalue for small, large in zip(fits, fits[1:])]
    assert_allclose(table["lr_pvalue"].iloc[1:], expected)


@pytest.mark.parametrize("kind", ["pql", "penalty", "sampling"])
def test_refused_without_a_likelihood(data, kind):
    large, small = fit("y ~ x + (1 | g)", data), fit("y ~ x", data)
    if kind == "pql":
        odd = pickle.loads(pickle.dumps(small))
        odd._results.integration = "pql"
    elif kind == "penalty":
        odd = small.model.fit_regularized("ridge", 1.0)
    else:
        odd = GLLAMM.from_formula("y ~ x", data.assign(w=1.0), sampling_weights="w").fit()
    for call in (lambda: large.lr_test(odd), lambda: large.compare(odd), lambda: odd.score_test("z"),
                 lambda: odd.test_variance(), lambda: odd.info_criteria("aic")):
        with pytest.raises(ValueError, match="not available"):
            call()


def test_published_tests_of_the_orthodontic_data(reference):
    """The vignette of varTestnlme, models fitted by nlme."""
    data, expected = reference("orthodont")
    expected = expected["fits"]
    fits = {bar: fit(f"distance ~ Sex * age{bar}", data) for bar in (
        "", "+ (1 | Subject)", "+ (age | Subject)", "+ (age || Subject)")}
    none, one, both, apart = fits.values()
    for large, name in ((both, "slope_correlated"), (apart, "slope_uncorrelated")):
        test = quietly(large, one)
        assert_allclose(test.statistic, expected[name]["lrt"], atol=1e-4)
        assert_allclose(test.pvalue, expected[name]["pvalue"], atol=1e-4)
    test = quietly(apart, none)
    assert_allclose(test.statistic, expected["both_uncorrelated"]["lrt"], atol=1e-4)
    bounds = [expected["both_uncorrelated"][name] for name in ("lower", "upper")]
    assert_allclose(bounds, [chi2(test.statistic, 1)[0] / 2, np.mean(chi2(test.statistic, 1, 2))],
                    rtol=1e-4)
    assert bounds[0] < test.pvalue < bounds[1]


def test_published_test_of_herds(reference):
    data, _ = reference("cbpp")
    expected = reference("orthodont")[1]["fits"]["cbpp"]
    large, small = (GLLAMM.from_formula(
        f"incidence + I(size - incidence) ~ period {bar}", data, family=BINOMIAL).fit(
        integration="laplace") for bar in ("+ (1 | herd)", ""))
    test = large.lr_test(small)
    assert_allclose(test.statistic, expected["lrt"], atol=2e-3)
    assert_allclose(test.pvalue, expected["pvalue"], rtol=2e-3)


def test_vignette_of_glmmadaptive(reference):
    """Random slopes: 30.10 uncorrelated with intercepts, 1.35 more with a correlation."""
    data, expected = reference("seed_glmmadaptive_bin")
    loglik = {name: expected["fits"][f"{name}_indep_agq"]["loglik"] for name in ("fm1", "fm2", "fm3")}
    fits = [GLLAMM.from_formula(f"y ~ sex * time + ({bar} id)", data, family=BINOMIAL).fit(
        n_quad=n, threads=1) for bar, n in (("1 |", 25), ("time ||", 21), ("time |", 21))]
    slope, correlated = quietly(fits[1], fits[0]), quietly(fits[2], fits[1])
    assert_allclose(slope.statistic, 2 * (loglik["fm2"] - loglik["fm1"]), atol=5e-3)
    assert_allclose(correlated.statistic, 2 * (loglik["fm3"] - loglik["fm2"]), atol=5e-3)
    assert round(slope.statistic, 1) == 30.1 and round(correlated.statistic, 2) == 1.35
    assert slope.weights.to_dict() == {0: 0.5, 1: 0.5}
    assert correlated.weights.to_dict() == {1: 1.0}
