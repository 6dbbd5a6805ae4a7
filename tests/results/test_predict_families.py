"""Predictions of ordinal, nominal, zero-inflated, mixed and other responses, by brute force."""

from itertools import product

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, families
from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.results.predict import predict
from statsmodels_gllamm.results.rows import sample_data

from .brute import average, params_of

BINOMIAL, POISSON = sm.families.Binomial(), sm.families.Poisson()


# Ordinal


@pytest.fixture
def ordinal(wide):
    model = GLLAMM.from_formula("grade ~ x + (1 + z | id)", wide, family=families.Ordinal())
    params = params_of(model, **{
        "x": 0.7, "cut[1|2]": -1.2, "cut[2|3]": 0.3, "cut[3|4]": 1.1, "var[Intercept[id]]": 1.3,
        "cov[Intercept[id],z[id]]": -0.4, "var[z[id]]": 0.8})
    return model, params


CUTS, PSI = np.array([-1.2, 0.3, 1.1]), np.array([[1.3, -0.4], [-0.4, 0.8]])


def grades(x, z, eta):
    """Probabilities of the four grades (4, N)."""
    upto = expit(CUTS[:, None] - (0.7 * x + eta[0] + z * eta[1]))
    ends = np.zeros_like(upto[:1])
    return np.diff(np.concatenate([ends, upto, ends + 1]), axis=0)


def test_ordinal_probabilities(ordinal, wide):
    model, params = ordinal
    prob = predict(model, params, which="prob")
    exact = np.array([average(lambda eta, r=r: grades(r.x, r.z, eta), PSI)
                      for r in wide.itertuples()])
    assert_allclose(prob, exact, atol=1e-9)
    assert_allclose(predict(model, params, which="cumulative"), exact.cumsum(axis=1), atol=1e-9)
    for above in (1, 3, 2.5):
        value = predict(model, params, which="prob", above=above)
        assert_allclose(value, exact[:, int(above):].sum(axis=1), atol=1e-9)
    grade = np.arange(1, 5)
    assert_allclose(predict(model, params), exact @ grade, atol=1e-8)
    variance = exact @ grade**2 - (exact @ grade) ** 2
    assert_allclose(predict(model, params, which="var"), variance, atol=1e-8)
    zero = np.stack([grades(r.x, r.z, np.zeros((2, 1)))[:, 0] for r in wide.itertuples()])
    assert_allclose(predict(model, params, which="prob", given="zero"), zero, rtol=1e-12)
    assert_allclose(predict(model, params, which="conditional"), zero @ grade, rtol=1e-12)
    new = wide.drop(columns="grade").iloc[::-1]
    assert_allclose(predict(model, params, new, which="prob"), prob[::-1], rtol=1e-12)


def test_ordinal_posterior(ordinal, wide):
    model, params = ordinal
    value = predict(model, params, which="prob", given="posterior", n_quad=35)
    mean = predict(model, params, which="posterior", n_quad=35)
    variance = predict(model, params, which="var", given="posterior", n_quad=35)
    grade = np.arange(1, 5)
    for number in (0, 3):
        mine = wide[wide.id == number]

        def likelihood(eta, mine=mine):
            return np.prod([grades(r.x, r.z, eta)[int(r.grade) - 1] for r in mine.itertuples()], 0)

        exact = np.array([average(lambda eta, r=r: grades(r.x, r.z, eta), PSI, likelihood)
                          for r in mine.itertuples()])
        rows = (wide.id == number).to_numpy()
        assert_allclose(value[rows], exact, atol=1e-8)
        assert_allclose(mean[rows], exact @ grade, atol=1e-7)
        assert_allclose(variance[rows], exact @ grade**2 - (exact @ grade) ** 2, atol=1e-7)


@pytest.mark.filterwarnings("ignore:at the boundary")
def test_ordinal_text(wide):
    steps = pd.Categorical.from_codes(wide.grade.astype(int) - 1, ["no", "low", "some", "high"],
                                      ordered=True)
    results = GLLAMM.from_formula("step ~ x + (1 | id)", wide.assign(step=steps),
                                  family=families.Ordinal()).fit(integration="laplace")
    prob = results.predict(which="prob")
    assert prob.columns.tolist() == ["no", "low", "some", "high"]
    assert prob.index.equals(wide.index)
    above = results.predict(which="cumulative", above="low")
    assert isinstance(above, pd.Series)
    assert_allclose(above, prob["some"] + prob["high"])
    with pytest.raises(ValueError, match="above='none' is no category; there are 'no', 'low'"):
        results.predict(which="prob", above="none")
    for what in ("fittedvalues", "resid"):
        with pytest.raises(ValueError, match=what + " needs a response that is a number"):
            getattr(results, what)
    with pytest.raises(ValueError, match="categories that are not numbers"):
        results.predict()
    assert set(np.unique(results.simulate(2, rng=0))) <= {"no", "low", "some", "high"}


# Nominal: two predictors


@pytest.fixture
def nominal(wide):
    model = GLLAMM.from_formula("kind ~ x + (1 | id)", wide, family=families.Nominal(base="b"))
    params = params_of(model, **{
        "a[Intercept]": 0.2, "a[x]": -0.5, "c[Intercept]": -0.3, "c[x]": 0.8,
        "var[a:Intercept[id]]": 1.5, "cov[a:Intercept[id],c:Intercept[id]]": 0.6,
        "var[c:Intercept[id]]": 0.9})
    return model, params, np.array([[1.5, 0.6], [0.6, 0.9]])


def kinds(x, eta):
    """Probabilities of a, b, c (3, N)."""
    e = np.exp(np.stack([0.2 - 0.5 * x + eta[0], 0 * eta[0], -0.3 + 0.8 * x + eta[1]]))
    return e / e.sum(axis=0)


def test_nominal(nominal, wide):
    model, params, psi = nominal
    prob = predict(model, params, which="prob")
    exact = np.array([average(lambda eta, x=x: kinds(x, eta), psi) for x in wide.x])
    assert_allclose(prob, exact, atol=1e-9)
    linear = predict(model, params, which="linear")
    assert_allclose(linear, np.column_stack([0.2 - 0.5 * wide.x, -0.3 + 0.8 * wide.x]))
    value = predict(model, params, which="prob", given="posterior", n_quad=35)
    codes = wide.kind.map({"a": 0, "b": 1, "c": 2})
    mine = wide.id == 2

    def likelihood(eta):
        return np.prod([kinds(x, eta)[k] for x, k in zip(wide.x[mine], codes[mine])], axis=0)

    exact = np.array([average(lambda eta, x=x: kinds(x, eta), psi, likelihood)
                      for x in wide.x[mine]])
    assert_allclose(value[mine], exact, atol=1e-8)
    given = predict(model, params, which="prob", latent={"a:Intercept": 0.5})
    slope, rest = 0.6 / 1.5, 0.9 - 0.36 / 1.5
    exact = [average(lambda e, x=x: kinds(x, np.stack([0.5 + 0 * e[0], 0.5 * slope + e[0]])), rest)
             for x in wide.x]
    assert_allclose(given, exact, atol=1e-9)
    with pytest.raises(ValueError, match="categories that are not numbers"):
        predict(model, params)
    with pytest.raises(ValueError, match="no categories with an order"):
        predict(model, params, which="cumulative")


def test_nominal_numbers_have_a_mean(wide):
    model = GLLAMM.from_formula("grade ~ x + (1 | id)", wide, family=families.Nominal(),
                                covariances={"id": "diagonal"})
    rng = np.random.default_rng(5)
    params = np.concatenate([rng.normal(size=6), rng.gamma(2, 0.3, size=3)])
    prob, grade = predict(model, params, which="prob"), np.arange(1, 5)
    assert_allclose(prob.sum(axis=1), 1)
    assert_allclose(predict(model, params), prob @ grade, rtol=1e-7)
    assert_allclose(predict(model, params, which="var"), prob @ grade**2 - (prob @ grade) ** 2,
                    rtol=1e-6)


# Zero inflation and hurdles


@pytest.mark.parametrize("which", ["inflated", "hurdle"])
def test_two_parts(wide, which):
    data = wide.assign(k=np.where(wide.x > 1, 0, wide.k))
    family = {"inflated": families.ZeroInflated, "hurdle": families.Hurdle}[which]
    model = GLLAMM.from_formula("k ~ x + (1 | id)", data,
                                family=family(POISSON, "z + (1 | id)", correlated=True))
    params = params_of(model, **{
        "Intercept": 0.4, "x": 0.3, "zero[Intercept]": -0.5, "zero[z]": 0.6,
        "var[Intercept[id]]": 0.5, "cov[Intercept[id],zero:Intercept[id]]": -0.3,
        "var[zero:Intercept[id]]": 1.1})
    psi, count = np.array([[0.5, -0.3], [-0.3, 1.1]]), np.arange(8)[:, None]

    def moments(r, eta):
        """P(0), ..., P(7), E(y), E(y^2)."""
        mu, pi = np.exp(0.4 + 0.3 * r.x + eta[0]), expit(-0.5 + 0.6 * r.z + eta[1])
        p = np.concatenate([stats.poisson.pmf(count, mu), [mu, mu + mu**2]])
        if which == "hurdle":
            p = p / -np.expm1(-mu)
            p[0] = 0
        p = (1 - pi) * p
        p[0] += pi
        return p

    rows = list(data.itertuples())[:3]
    exact = np.array([average(lambda eta, r=r: moments(r, eta), psi) for r in rows])
    new = data.iloc[:3].drop(columns="k")
    prob = predict(model, params, new, which="prob", values=range(8))
    assert_allclose(prob, exact[:, :8], atol=1e-8)
    assert_allclose(predict(model, params, new), exact[:, 8], rtol=1e-7)
    variance = exact[:, 9] - exact[:, 8] ** 2
    assert_allclose(predict(model, params, new, which="var"), variance, rtol=1e-6)
    upto = predict(model, params, new, which="cumulative", values=[0, 3])
    assert_allclose(upto, exact[:, :8].cumsum(axis=1)[:, [0, 3]], atol=1e-8)
    assert_allclose(predict(model, params, new, which="prob", above=3), 1 - upto[:, 1], atol=1e-12)
    linear = predict(model, params, new, which="linear")
    assert_allclose(linear, np.column_stack([0.4 + 0.3 * new.x, -0.5 + 0.6 * new.z]))
    with pytest.raises(ValueError, match="the 'zero' part needs the columns"):
        predict(model, params, model.exog)


def test_posterior_of_two_parts_averages_to_the_prior(rng):
    """Over all responses of one small cluster, those of large counts not being worth much."""
    data = pd.DataFrame({"id": np.repeat(np.arange(196), 2), "x": np.tile([-1, 0.5], 196),
                         "k": np.array(list(product(range(14), repeat=2))).ravel()})
    model = GLLAMM.from_formula("k ~ x + (1 | id)", data,
                                family=families.ZeroInflated(POISSON, "x + (1 | id)"))
    params = np.array([0.1, 0.2, -0.3, 0.4, 0.1, 0.8])
    value = predict(model, params, which="posterior", n_quad=21).reshape(196, 2)
    p = np.exp(model._objective((21,)).at(model.design.to_working(params),
                                          units=True).value.unit_loglik)
    assert_allclose(p.sum(), 1, atol=1e-5)
    assert_allclose(p @ value, predict(model, params)[:2], atol=1e-4)


# Responses whose mean needs more than the linear predictor


@pytest.mark.parametrize("link", ["logit", "probit", "cloglog", "loglog", "cauchit"])
@pytest.mark.parametrize("grades", [2, 4])
def test_ordinal_without_its_dispersion(wide, link, grades):
    """Absent columns are not taken for probabilities of zero."""
    data = wide.assign(grade=np.arange(len(wide)) % grades)
    model = GLLAMM.from_formula("grade ~ x + (1 | id)", data, family=families.Ordinal(link),
                                dispersion="z")
    params = np.array([0.5, 0.7, *np.arange(grades - 1.0), 0.3])
    for new in (data[["x"]], model.exog):
        for which in ("mean", "conditional", "prob", "var", "cumulative"):
            with pytest.raises(DataError, match=f"which='{which}' needs the columns z, which the data"):
                predict(model, params, new, which=which)
    assert_allclose(predict(model, params, data, which="prob").sum(axis=1), 1, rtol=1e-8)


def test_means_with_dispersions(wide):
    data = wide.assign(t=np.exp(wide.z) + 0.1)
    model = GLLAMM.from_formula("t ~ x + (1 | id)", data, family=families.LogNormal(),
                                dispersion="z")
    params = np.array([0.2, 0.5, 0.7, -0.4, 0.3])
    sigma = np.exp(-0.4 + 0.3 * data.z)
    mean = np.exp(0.2 + 0.5 * data.x + (0.7 + sigma**2) / 2)
    assert_allclose(predict(model, params), mean, rtol=1e-9)
    assert_allclose(predict(model, params, data.drop(columns="t")), mean, rtol=1e-9)
    total = 0.7 + sigma**2
    assert_allclose(predict(model, params, which="var"), mean**2 * np.expm1(total), rtol=1e-8)
    with pytest.raises(DataError, match="needs the columns z, which the data do not have"):
        predict(model, params, data[["x"]])
    assert_allclose(predict(model, params, data[["x"]], which="linear"), 0.2 + 0.5 * data.x)
    gaussian = GLLAMM.from_formula("t ~ x + (1 | id)", data, dispersion="z")
    assert_allclose(predict(gaussian, params, data[["x"]]), 0.2 + 0.5 * data.x)
    assert_allclose(predict(gaussian, params, gaussian.exog), 0.2 + 0.5 * data.x)
    assert_allclose(predict(gaussian, params, which="var"), 0.7 + sigma**2, rtol=1e-9)
    with pytest.raises(DataError, match="needs the columns z"):
        predict(gaussian, params, data[["x"]], which="var")
    with pytest.raises(ValueError, match="neither a category nor a count"):
        predict(gaussian, params, which="prob")


def test_binomial_counts(wide):
    data = wide.assign(n=np.arange(24) % 3 + 3, good=np.minimum(wide.k, 3)).assign(
        bad=lambda d: d.n - d.good)
    model = GLLAMM.from_formula("good + bad ~ x + (1 | id)", data, family=BINOMIAL)
    params = np.array([0.3, -0.6, 1.2])
    prob = predict(model, params, which="prob")
    assert prob.shape == (24, 6)
    exact = np.array([average(lambda eta, r=r: stats.binom.pmf(
        np.arange(6)[:, None], r.n, expit(0.3 - 0.6 * r.x + eta[0])), 1.2)
        for r in data.itertuples()])
    assert_allclose(prob, exact, atol=1e-10)
    share = np.arange(6) / data.n.to_numpy()[:, None]
    mean = (exact * share).sum(axis=1)
    variance = (exact * share**2).sum(axis=1) - mean**2
    assert_allclose(predict(model, params, which="var"), variance, rtol=1e-7)
    new = data[["x", "n"]]
    assert_allclose(predict(model, params, new, which="var", n_trials="n"), variance, rtol=1e-7)
    one = predict(model, params, new, which="prob")
    assert_allclose(one, mean, rtol=1e-9)  # one trial
    binary = GLLAMM.from_formula("I((k > 1) * 1) ~ x + (1 | id)", wide, family=BINOMIAL)
    both = predict(binary, params, which="cumulative")
    assert_allclose(both, np.column_stack([1 - one, np.ones(24)]), rtol=1e-9)
    assert_allclose(predict(binary, params, which="prob", above=0), one, rtol=1e-9)


def test_truncated_counts_and_values(wide):
    model = GLLAMM.from_formula("k ~ x + (1 | id)", wide, family=families.NegativeBinomial())
    params = np.array([0.3, 0.4, 0.5, 0.7])
    prob = predict(model, params, which="prob", values=range(4))
    size = np.exp(0.7)

    def pmf(x, eta):
        mu = np.exp(0.3 + 0.4 * x + eta[0])
        return stats.nbinom.pmf(np.arange(4)[:, None], size, size / (size + mu))

    exact = [average(lambda eta, x=x: pmf(x, eta), 0.5) for x in wide.x]
    assert_allclose(prob, exact, atol=1e-10)
    assert predict(model, params, which="prob").shape == (24, wide.k.max() + 1)
    with pytest.raises(ValueError, match="values= takes counts"):
        predict(model, params, which="prob", values=[0.5])
    with pytest.raises(ValueError, match="values= goes with"):
        predict(model, params, values=[1])
    with pytest.raises(ValueError, match="above= goes with"):
        predict(model, params, above=1)
    with pytest.raises(ValueError, match="given= goes with"):
        predict(model, params, given="zero")
    with pytest.raises(ValueError, match="given must be one of 'prior'"):
        predict(model, params, which="prob", given="post")


# Mixed responses


def test_mixed(wide):
    form = np.tile(["g", "o", "b", "g"], 6)
    y = np.select([form == "g", form == "o"], [wide.z, wide.grade], (wide.grade > 2) * 1)
    data = wide.assign(form=form, y=y)
    model = GLLAMM.from_formula(
        "y ~ 0 + x + (1 | id)", data, family_by="form",
        family={"g": sm.families.Gaussian(), "o": families.Ordinal("probit"), "b": BINOMIAL})
    values = {"x": 0.6, "var[Intercept[id]]": 0.8, "logsd[g]": -0.3}
    cuts = [name for name in model.param_names if name.startswith("cut")]
    levels = np.sort(data.y[form == "o"].unique())
    values |= dict(zip(cuts, np.arange(len(cuts)) - 0.5))
    params = params_of(model, **values)
    nu, s = 0.6 * data.x.to_numpy(), np.sqrt(1.8)
    g, o, b = (form == name for name in "gob")
    upto = stats.norm.cdf((np.arange(len(cuts)) - 0.5 - nu[o][:, None]) / s)
    p = np.diff(upto, axis=1, prepend=0, append=1)
    success = np.array([average(lambda eta, m=m: expit(m + eta[0]), 0.8) for m in nu[b]])
    mean = predict(model, params)
    assert_allclose(mean[g], nu[g], atol=1e-10)
    assert_allclose(mean[o], p @ levels, atol=1e-8)
    assert_allclose(mean[b], success, atol=1e-9)
    variance = predict(model, params, which="var")
    assert_allclose(variance[g], 0.8 + np.exp(-0.6), rtol=1e-9)
    assert_allclose(variance[b], success * (1 - success), atol=1e-8)
    results_columns = model.fitted_family.prob_labels(sample_data(model.sample))
    prob = pd.DataFrame(predict(model, params, which="prob"), columns=results_columns)
    assert prob[g].isna().all(axis=None)
    assert_allclose(prob.loc[o, levels], p, atol=1e-8)
    assert_allclose(prob.loc[b, [0, 1]], np.column_stack([1 - success, success]), atol=1e-9)
    few = data[data.form == "b"].drop(columns="y").iloc[:3]  # no other member among the rows
    assert_allclose(predict(model, params, few), mean[b][:3], rtol=1e-12)
    whole = predict(model, params, which="posterior", n_quad=9)
    assert_allclose(predict(model, params, data, which="posterior", n_quad=9), whole, rtol=1e-12)
