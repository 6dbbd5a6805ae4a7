"""Score tests: against statsmodels' GLM, finite differences, and the tests that they approximate."""

import warnings

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy import stats
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes, Factor, datasets, families
from statsmodels_gllamm.exceptions import BoundaryWarning, DataError

BINOMIAL, POISSON = sm.families.Binomial(), sm.families.Poisson()


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(5)
    n = 240
    g, a = np.repeat(np.arange(40), 6), np.array(list("abc"))[np.arange(n) % 3]
    x, z = rng.normal(size=(2, n))
    w = rng.normal(size=40)[g]
    eta = 0.5 * x + 0.1 * z + 0.6 * rng.normal(size=40)[g]
    return pd.DataFrame({"g": g, "x": x, "z": z, "w": w, "a": a, "y": eta + rng.normal(size=n),
                         "c": rng.poisson(np.exp(0.4 * eta)), "i": np.arange(n) % 3,
                         "b": (eta + rng.logistic(size=n) > 0) * 1, "s": g // 4,
                         "o": np.digitize(eta + rng.logistic(size=n), [-1, 1]),
                         "k": rng.integers(0, 3, n)})


def fit(formula, data, family=None, **keywords):
    given = {} if family is None else {"family": family}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return GLLAMM.from_formula(formula, data, **given, **keywords).fit(n_quad=9, threads=1, rng=0)


@pytest.mark.parametrize("column, family", [("c", POISSON), ("b", BINOMIAL)])
def test_as_statsmodels(data, column, family):
    ours = fit(f"{column} ~ x", data, family)
    theirs = sm.GLM.from_formula(f"{column} ~ x", data, family=family).fit(tol=1e-12)
    for extra in (data[["z", "w"]], data[["z", "w"]].to_numpy(), "z + w"):
        test = ours.score_test(extra)
        expected = theirs.score_test(data[["z", "w"]].to_numpy())
        assert_allclose([test.statistic, test.pvalue], np.ravel([*expected]), rtol=1e-6)
        assert test.k_constraint == 2 and test.distribution == "chi2"


def test_robust_by_its_formula(data):
    result = fit("c ~ x", data, POISSON)
    exog = np.column_stack([np.ones(240), data[["x", "z", "w"]]])
    mu = np.exp(exog[:, :2] @ result.params)
    scores, information = exog * (data["c"] - mu).to_numpy()[:, None], (exog.T * mu) @ exog
    inverse = np.linalg.inv(information)
    delta, outer = inverse @ scores.sum(axis=0), scores.T @ scores
    cov = (inverse @ outer @ inverse)[2:, 2:]
    test = result.with_cov_type("robust").score_test("z + w")
    assert_allclose(test.statistic, delta[2:] @ np.linalg.solve(cov, delta[2:]), rtol=1e-6)
    opg = scores.sum(axis=0) @ np.linalg.solve(outer, scores.sum(axis=0))
    assert_allclose(result.score_test("z + w", cov_type="opg").statistic, opg, rtol=1e-6)
    sums = np.array([scores[data["s"] == s].sum(axis=0) for s in range(10)])
    cov = (inverse @ sums.T @ sums @ inverse)[2:, 2:]
    test = result.score_test("z + w", cov_type="cluster", cov_kwds={"groups": "s"})
    assert_allclose(test.statistic, delta[2:] @ np.linalg.solve(cov, delta[2:]), rtol=1e-6)


@pytest.mark.parametrize("formula, family", [
    ("y ~ x + (x | g)", None), ("b ~ x + (1 | g)", BINOMIAL), ("o ~ x + (1 | g)", families.Ordinal()),
    ("c ~ x + (1 | g)", families.NegativeBinomial())])
def test_by_finite_differences(data, formula, family):
    """Score and Hessian of the larger model's log-likelihood, differenced at the estimates."""
    small = fit(formula, data, family)
    larger = fit(formula.replace("x + ", "x + z + w + ", 1), data, family).model
    names = larger.param_names
    known = dict(zip(small.model.param_names, small.params))
    theta = np.array([known.get(name, 0.0) for name in names])
    k, h = len(theta), 2e-3

    def loglike(at):
        return larger.loglike(at, n_quad=9)

    steps = h * np.eye(k)
    score = np.array([loglike(theta + s) - loglike(theta - s) for s in steps]) / (2 * h)
    hessian = np.array([[sum(p * q * loglike(theta + p * s + q * t) for p in (1, -1) for q in (1, -1))
                         for t in steps] for s in steps]) / (4 * h * h)
    free = [i for i, name in enumerate(names) if name not in small.record.boundary]
    score, hessian = score[free], hessian[np.ix_(free, free)]
    tested = [j for j, i in enumerate(free) if names[i] not in known]
    assert np.abs(np.delete(score, tested)).max() < 2e-2
    score[np.setdiff1d(np.arange(len(free)), tested)] = 0
    expected = score @ np.linalg.solve(-hessian, score)
    assert_allclose(small.score_test("z + w").statistic, expected, rtol=5e-3)


@pytest.mark.parametrize("formula, family, keywords", [
    ("y ~ x + (1 | g)", None, {}),
    ("k ~ x", families.Nominal(), {}),
    ("b ~ 0 + (0 + x | q) + (1 | g)", BINOMIAL, {"classes": {"q": Classes(2, within="g")}}),
    ("y ~ x + (1 | g)", None, {"regressions": ["Intercept[g] ~ w"]}),
    ("c ~ x + (1 | g)", families.ZeroInflated(POISSON), {})])
def test_near_the_likelihood_ratio(data, formula, family, keywords):
    small = fit(formula, data, family, **keywords)
    large = fit(formula.replace("~ ", "~ z + ") if "0 +" not in formula else
                formula.replace("~ 0 +", "~ 0 + z +"), data, family, **keywords)
    test = small.score_test("z")
    assert test.k_constraint == large.df_modelwc - small.df_modelwc
    assert_allclose(test.statistic, 2 * (large.llf - small.llf), rtol=0.2, atol=0.1)


def test_separate(data):
    result = fit("y ~ x + (1 | g)", data)
    table = result.score_test("z + w", hypothesis="separate")
    assert table.index.tolist() == ["z", "w"]
    for name in table.index:
        assert_allclose(table.loc[name, "statistic"], result.score_test(name).statistic)
        large = fit(f"y ~ x + {name} + (1 | g)", data)
        assert_allclose(table.loc[name, "change"], large.params[name], rtol=0.05)
    assert_allclose(table["pvalue"], stats.chi2.sf(table["statistic"], 1))


def test_terms_are_coded_beside_those_of_the_model(data):
    result = fit("y ~ a + x + (1 | g)", data)
    table = result.score_test("a:x", hypothesis="separate")
    assert table.index.tolist() == ["a[T.b]:x", "a[T.c]:x"]
    large = fit("y ~ a * x + (1 | g)", data)
    assert_allclose(result.score_test("a:x").statistic, large.lr_test(result).statistic, rtol=0.1)


def test_constraints(data):
    """Of equal loadings and fixed values: each against the fit without it."""
    model = GLLAMM.from_formula("y ~ x + w + z + (1 | g)", data)
    free = model.fit()
    near = free.params["var[Intercept[g]]"] + 0.5 * free.bse["var[Intercept[g]]"]
    texts = [f"var[Intercept[g]] = {near:.3f}", "w = 0", "x = 4*z"]
    result = model.fit_constrained(texts)
    table = result.score_test(hypothesis="separate")
    assert table.index.tolist() == result.constraints
    for k, text in enumerate(table.index):
        larger = model.fit_constrained([t for t in texts if t != texts[k]])
        assert_allclose(table.loc[text, "statistic"], larger.lr_test(result).statistic, rtol=0.1,
                        atol=0.05)
    joint = result.score_test()
    assert joint.k_constraint == 3
    assert_allclose(joint.statistic, free.lr_test(result).statistic, rtol=0.1)
    change = model.fit_constrained([texts[0], texts[2]]).params["w"]
    assert_allclose(table.loc["w = 0", "change"], change, rtol=0.1)
    both = result.score_test("a", hypothesis="separate")  # added columns under the constraints
    larger = GLLAMM.from_formula("y ~ x + w + z + a + (1 | g)", data).fit_constrained(texts)
    assert_allclose(result.score_test("a").statistic, larger.lr_test(result).statistic, rtol=0.1)
    assert both.index.tolist() == ["a[T.b]", "a[T.c]"]


def test_equal_loadings_one_by_one():
    lsat = datasets.lsat.load_pandas().data
    model = GLLAMM.from_formula("y ~ 0 + item + (0 + f | id)", lsat[lsat.id % 3 == 0],
                                family=BINOMIAL, factors={"f": Factor("item", standardized=True)})
    equal = [f"lambda[f,Q{i}] = lambda[f,Q1]" for i in range(2, 6)]
    rasch = model.fit_constrained(equal)
    assert_allclose(rasch.score_test().statistic, model.fit().lr_test(rasch).statistic, rtol=0.15)
    twice = model.fit_constrained([*equal, "lambda[f,Q2] = lambda[f,Q3]"])  # follows from the others
    assert twice.score_test().k_constraint == 4
    assert_allclose(twice.score_test().statistic, rasch.score_test().statistic, rtol=1e-4)


def test_boundary_and_data_arguments(data):
    rng = np.random.default_rng(1)
    frame = data.assign(y=data["x"] + rng.normal(size=240))
    result = fit("y ~ x + (1 | g)", frame)
    if not result.record.boundary:
        pytest.skip("the variance is not zero")
    plain = fit("y ~ x", frame)
    assert_allclose(result.score_test("z").statistic, plain.score_test("z").statistic, rtol=1e-6)
    shuffled = frame["z"].sample(frac=1, random_state=0)
    assert_allclose(result.score_test(shuffled).statistic, result.score_test("z").statistic)


def test_refused(data):
    result = fit("y ~ x + (1 | g)", data)
    with pytest.raises(ValueError, match="the model has none"):
        result.score_test()
    with pytest.raises(DataError, match="no column"):
        result.score_test("x")
    with pytest.raises(DataError, match="linearly dependent"):
        result.score_test(2 * data[["x"]].rename(columns={"x": "twice"}))
    with pytest.raises(DataError, match="100 rows"):
        result.score_test(np.ones((100, 1)))
    with pytest.raises(DataError, match="missing"):
        result.score_test(data[["z"]].where(data["z"] > 0))
    with pytest.raises(ValueError, match="'joint' or 'separate'"):
        result.score_test("z", hypothesis="each")
    with pytest.raises(ValueError, match="test_variance"):
        result.model.fit_constrained("var[Intercept[g]] = 0").score_test()
    result.remove_data()
    with pytest.raises(ValueError, match="needs the data"):
        result.score_test("z")


def test_constraints_where_a_covariance_matrix_is_singular(rng):
    """Of added columns it is the likelihood ratio's; constraints are refused."""
    g, x = np.repeat(np.arange(60), 6), np.tile(np.linspace(-1, 1, 6), 60)
    z, w = rng.normal(size=(2, 360))
    data = pd.DataFrame({"g": g, "x": x, "z": z, "w": w, "y": 0.3 * rng.normal(size=60)[g]
                         + rng.normal(size=360)})

    def fit(formula, text):
        with pytest.warns(BoundaryWarning):
            return GLLAMM.from_formula(formula, data).fit_constrained(text)

    for text in ("cov[Intercept[g],x[g]] = 0", "var[Intercept[g]] = 0.1"):
        res = fit("y ~ x + (x + z | g)", text)
        ratio = 2 * (fit("y ~ x + w + (x + z | g)", text).llf - res.llf)
        np.testing.assert_allclose(res.score_test("w").statistic, ratio, rtol=0.05, atol=0.01)
        with pytest.raises(ValueError, match="matrix of Intercept.* is singular.*lr_test"):
            res.score_test()
