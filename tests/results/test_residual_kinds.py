"""Residuals against closed forms, brute-force integrals and the log-likelihood."""

from types import SimpleNamespace

from matplotlib.figure import Figure
import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import kstest, norm, poisson
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes, families
from statsmodels_gllamm.results.diagnostics import Diagnostics
from statsmodels_gllamm.results.predictions import Predictions
from statsmodels_gllamm.results.residual_distribution import response_limits
from statsmodels_gllamm.results.residual_kinds import ends, residuals, with_responses
from statsmodels_gllamm.results.rows import sample_data

LINKS = sm.families.links
BINOMIAL, POISSON = sm.families.Binomial(), sm.families.Poisson()


class AtParams(Diagnostics, Predictions):
    """Results at any parameters, as far as residuals need them."""

    def __init__(self, model, params, n_quad=15):
        params = np.asarray(params, dtype=float)
        n_quad = (n_quad,) * len(model.structure.levels)
        self.model, self.params = model, params
        self.record = SimpleNamespace(params=params, working=model.design.to_working(params),
                                      n_quad=n_quad, integration="adaptive")


def clustered(rng, n=8, size=4):
    data = pd.DataFrame({"id": np.repeat(np.arange(n), size), "x": rng.normal(size=n * size)})
    data["g"] = data["id"] // 4
    data["count"] = rng.poisson(np.exp(0.5 + 0.3 * data["x"])) * 1.0
    data["binary"] = rng.integers(0, 2, len(data)) * 1.0
    data["category"] = rng.integers(1, 4, len(data)) * 1.0
    data["positive"] = rng.gamma(2.0, 1.0, len(data))
    data["share"] = rng.beta(2.0, 3.0, len(data))
    data["number"] = rng.normal(size=len(data))
    return data


DISCRETE = {
    "binary": ("binary", BINOMIAL, {}),
    "cloglog": ("binary", sm.families.Binomial(LINKS.CLogLog()), {}),
    "ordinal": ("category", families.Ordinal("probit"), {}),
    "adjacent": ("category", families.Ordinal(kind="adjacent"), {}),
    "poisson": ("count", POISSON, {}),
    "nb2": ("count", families.NegativeBinomial(), {}),
    "nb1": ("count", families.NegativeBinomial(kind=1), {}),
    "generalized": ("count", families.GeneralizedPoisson(), {}),
    "zip": ("count", families.ZeroInflated(POISSON, "x"), {}),
    "hurdle": ("count", families.Hurdle(families.NegativeBinomial(), "1"), {}),
    "guessing": ("binary", families.IRT3PL(), {}),
    "trials": ("count", BINOMIAL, {"n_trials": 9}),
    "betabinomial": ("count", families.BetaBinomial(), {"n_trials": 9}),
}


@pytest.mark.parametrize("name", DISCRETE)
def test_probabilities_given_the_history_multiply_to_the_likelihood(name, rng):
    """P(y_1) P(y_2 | y_1) ... of all rows is the marginal likelihood, for a discrete response."""
    column, family, more = DISCRETE[name]
    data = clustered(rng)
    if more:
        data[column] = np.minimum(data[column], 9) / 9
    model = GLLAMM.from_formula(f"{column} ~ x + (1 | g / id)", data, family=family, **more)
    params = model.start_params
    for k, parameter in enumerate(model.param_names):
        if parameter.startswith("var"):
            params[k] = 0.8
    found = ends(AtParams(model, params, 21), "history")
    own = np.where(found[1] < 0.5, found[1] - found[0], found[2] - found[3])
    assert_allclose(np.log(own).sum(), model.loglike(params, n_quad=21), rtol=2e-5)
    assert_allclose(found[1] + found[3], 1, atol=1e-9)
    assert_allclose(found[0] + found[2], 1, atol=1e-9)


@pytest.mark.parametrize("family", [BINOMIAL, families.BetaBinomial()])
def test_successes_and_failures_are_as_trials(family, rng):
    data = clustered(rng)
    data["count"] = np.minimum(data["count"], 9)
    data["share"], data["failures"] = data["count"] / 9, 9 - data["count"]
    pair = GLLAMM.from_formula("count + failures ~ x + (1 | id)", data, family=family)
    one = GLLAMM.from_formula("share ~ x + (1 | id)", data, family=family, n_trials=9)
    params = pair.start_params
    for given in ("prior", "posterior"):
        assert_allclose(ends(AtParams(pair, params), given), ends(AtParams(one, params), given),
                        atol=1e-12)


def test_history_of_latent_classes(rng):
    data = clustered(rng)
    model = GLLAMM.from_formula("binary ~ x + (1 | c) + (1 | id)", data, family=BINOMIAL,
                                classes={"c": Classes(2, within="id")})
    params = [-0.3, 0.5, 1.5, 0.7, 0.2]
    found = ends(AtParams(model, params), "history")
    assert_allclose(np.log(found[1] - found[0]).sum(), model.loglike(params, n_quad=15), rtol=1e-6)
    prior = ends(AtParams(model, params), "prior")
    z = np.linspace(-9, 9, 4001)
    w = norm.pdf(z) * (z[1] - z[0])
    share = expit(0.2)
    o = -0.3 + 0.5 * data["x"].to_numpy()[:, None] + np.sqrt(0.7) * z
    exact = ((1 - share) * expit(o) + share * expit(o + 1.5)) @ w
    assert_allclose(np.where(data["binary"] == 1, 1 - prior[0], 1 - prior[1]), exact, atol=1e-7)


CONTINUOUS = {
    "gaussian": ("number", sm.families.Gaussian()),
    "log mean": ("positive", sm.families.Gaussian(LINKS.Log())),
    "gamma": ("positive", sm.families.Gamma(LINKS.Log())),
    "inverse": ("positive", sm.families.InverseGaussian(LINKS.Log())),
    "beta": ("share", families.Beta()),
    "student": ("number", families.StudentT()),
    "weibull": ("positive", families.Weibull()),
    "hazard": ("positive", families.Weibull(metric="hazard")),
    "lognormal": ("positive", families.LogNormal()),
}


@pytest.mark.parametrize("name", CONTINUOUS)
def test_the_density_is_the_slope_of_the_distribution_function(name, rng):
    column, family = CONTINUOUS[name]
    data = clustered(rng)
    model = GLLAMM.from_formula(f"{column} ~ x", data, family=family)
    sample = with_responses(model)
    (member,) = model.outcomes.members
    nu = rng.normal(0, 0.3, len(data))
    aux = np.zeros((len(member.response.aux_names), len(data))) + 0.2
    h = 1e-5

    def at(values):
        rows = member.response.prepare(values)
        return response_limits(member.response, rows, aux, sample)(nu)

    y = data[column].to_numpy()
    up, down = at(y * (1 + h)), at(y * (1 - h))
    density = np.exp(member.response.log_density(member.y, nu, member.response.row_aux(member.y, aux)))
    assert_allclose((up[1] - down[1]) / (2 * h * y), density, rtol=1e-5, atol=1e-11)
    assert_allclose((down[2] - up[2]) / (2 * h * y), density, rtol=1e-5, atol=1e-11)
    assert_allclose(at(y)[1] + at(y)[2], 1, rtol=1e-12)


def test_quantile_residuals_given_the_history_are_whitened_ones(rng):
    """For a Gaussian response they are L^-1 (y - mu) with LL' the covariance of a cluster."""
    data = clustered(rng)
    model = GLLAMM.from_formula("number ~ x + (1 + x | id)", data)
    params = np.array([0.2, 0.4, 1.2, 0.3, 0.5, -0.3])
    assert model.param_names[2:5] == ["var[Intercept[id]]", "cov[Intercept[id],x[id]]", "var[x[id]]"]
    found = residuals(AtParams(model, params), "quantile", "history")
    pearson = residuals(AtParams(model, params), "pearson", "history")
    prior = residuals(AtParams(model, params), "quantile", "prior")
    for _i, one in data.groupby("id"):
        z = np.column_stack([np.ones(4), one["x"]])
        v = z @ [[1.2, 0.3], [0.3, 0.5]] @ z.T + np.exp(-0.6) * np.eye(4)
        r = one["number"] - 0.2 - 0.4 * one["x"]
        assert_allclose(found[one.index], np.linalg.solve(np.linalg.cholesky(v), r), rtol=1e-6)
        assert_allclose(pearson[one.index], found[one.index], rtol=1e-6)
        assert_allclose(prior[one.index], r / np.sqrt(np.diag(v)), rtol=1e-6)


def test_prior_and_posterior_by_brute_force(rng):
    data = clustered(rng)
    model = GLLAMM.from_formula("count ~ x + (1 | id)", data, family=POISSON)
    res = AtParams(model, [0.3, 0.2, 0.9], 25)
    z = np.linspace(-9, 9, 4001) * np.sqrt(0.9)
    prior = np.exp(-0.5 * z**2 / 0.9)
    for given in ("prior", "posterior"):
        found = ends(res, given)
        pearson = residuals(res, "pearson", given)
        for _i, one in data.groupby("id"):
            mu = np.exp(0.3 + 0.2 * one["x"].to_numpy()[:, None] + z)
            y = one["count"].to_numpy()[:, None]
            w = prior * (poisson.pmf(y, mu).prod(0) if given == "posterior" else 1.0)
            w = w / w.sum()
            assert_allclose(found[1, one.index], poisson.cdf(y, mu) @ w, atol=1e-6)
            assert_allclose(found[2, one.index], poisson.sf(y - 1, mu) @ w, atol=1e-6)
            mean = mu @ w
            variance = mean + ((mu - mean[:, None]) ** 2) @ w
            assert_allclose(pearson[one.index], (y[:, 0] - mean) / np.sqrt(variance), rtol=1e-5)


@pytest.mark.parametrize(("column", "family", "scale"), [
    ("count", POISSON, 1.0), ("binary", BINOMIAL, 1.0), ("number", sm.families.Gaussian(), None),
    ("positive", sm.families.Gamma(LINKS.Log()), None),
    ("positive", sm.families.InverseGaussian(LINKS.Log()), None),
    ("count", sm.families.NegativeBinomial(alpha=0.7), 1.0)])
def test_without_latent_variables_those_of_statsmodels(column, family, scale, rng):
    data = clustered(rng)
    glm = sm.GLM.from_formula(f"{column} ~ x", data, family=family).fit(tol=1e-12)
    res = GLLAMM.from_formula(f"{column} ~ x", data, family=family).fit()
    scale = res.scale if scale is None else scale
    assert_allclose(res.resid_pearson, glm.resid_pearson / np.sqrt(scale), rtol=1e-3, atol=1e-4)
    assert_allclose(res.resid_deviance, glm.resid_deviance / np.sqrt(scale), rtol=1e-3, atol=1e-4)
    assert_allclose(res.resid_response, glm.resid_response, rtol=1e-3, atol=1e-4)
    assert res.resid_pearson.index.equals(data.index)


def test_deviance_of_categories_and_durations(rng):
    data = clustered(rng, n=30)
    ordinal = GLLAMM.from_formula("category ~ x + (1 | id)", data, family=families.Ordinal()).fit()
    p = ordinal.predict(which="prob", given="zero")
    found = ordinal.residuals("deviance", "zero")
    own = np.take_along_axis(p.to_numpy(), data["category"].to_numpy(int)[:, None] - 1, 1)[:, 0]
    ends_only = data["category"] != 2  # the extreme categories can be certain
    assert_allclose(found[ends_only] ** 2, -2 * np.log(own[ends_only]), rtol=1e-6)
    assert ((found > 0) == (data["category"] == 3))[ends_only].all()
    data["event"] = rng.integers(0, 2, len(data))
    late = GLLAMM.from_formula("positive ~ x", data,
                               family=families.Censored(families.Exponential(), event="event")).fit()
    cumulative = -np.log(late.predict(which="cumulative", above=1.0)) * data["positive"]
    martingale = data["event"] - cumulative  # hazards have the deviance of Therneau et al. (1990)
    with np.errstate(divide="ignore"):
        log = np.where(data["event"] == 1, np.log(cumulative), 0.0)
    exact = np.sign(martingale) * np.sqrt(-2 * (martingale + log))
    assert_allclose(late.resid_deviance, -exact, rtol=1e-5, atol=1e-6)
    assert late.resid_pearson.isna().equals(data["event"] == 0)


@pytest.mark.parametrize("given", ["prior", "history"])
def test_quantile_residuals_of_drawn_responses_are_normal(given, rng):
    data = clustered(rng, n=150)
    model = GLLAMM.from_formula("count ~ x + (1 | id)", data, family=families.NegativeBinomial())
    params = dict(zip(model.param_names, [0.5, 0.3, 1.0, 0.5]))
    params = [params[name] for name in model.param_names]
    data["count"] = AtParams(model, params).simulate(1, rng=3)[0]
    model = GLLAMM.from_formula("count ~ x + (1 | id)", data, family=families.NegativeBinomial())
    res = AtParams(model, params, 9)
    found = res.resid_quantile(rng=1, given=given)
    assert kstest(found, "norm").pvalue > 0.01
    wrong = AtParams(model, [0.5, 0.3, 0.1, 3.0], 9).resid_quantile(rng=1, given=given)
    assert kstest(wrong, "norm").pvalue < 1e-3
    clusters = found.to_numpy().reshape(150, 4)
    dependence = np.corrcoef(clusters.T)[np.triu_indices(4, 1)].mean()
    assert abs(dependence) < 0.08 if given == "history" else dependence > 0.2


def test_mixed_responses_and_wide_tails(rng):
    data = clustered(rng).assign(kind="n", y=lambda d: d["number"])
    data = pd.concat([data, data.assign(kind="b", y=data["binary"])], ignore_index=True)
    family = {"n": sm.families.Gaussian(), "b": BINOMIAL}
    model = GLLAMM.from_formula("y ~ kind + (1 | id)", data, family=family, family_by="kind")
    res = AtParams(model, [0.0, 0.1, 0.5, 0.0])
    found = ends(res, "prior")
    n = (data["kind"] == "n").to_numpy()
    assert_allclose(found[0, n], norm.cdf(data["y"][n], 0.1, np.sqrt(1.5)), rtol=1e-6)
    assert np.isfinite(res.resid_deviance).all()
    far = AtParams(GLLAMM.from_formula("y ~ 1", pd.DataFrame({"y": [0.0, 30.0, -30.0]})), [0.0, 0.0])
    assert_allclose(far.resid_quantile(), [0, 30, -30], rtol=1e-12)


def test_refusals_and_stored_results(rng):
    data = clustered(rng)
    nominal = GLLAMM.from_formula("category ~ x", data, family=families.Nominal()).fit()
    with pytest.raises(NotImplementedError, match="no order"):
        nominal.resid_quantile()
    with pytest.raises(NotImplementedError, match="several linear predictors"):
        nominal.resid_deviance  # noqa: B018
    data["count"] += 4 * (data["id"] % 2)
    res = GLLAMM.from_formula("count ~ 1 + (1 | id)", data, family=POISSON).fit()
    with pytest.raises(ValueError, match="kind"):
        res.residuals("working")
    with pytest.raises(ValueError, match="'prior', 'posterior' or 'history'"):
        res.resid_quantile(given="zero")
    with pytest.raises(ValueError, match="given must be 'prior', 'posterior' or 'history'"):
        res.plot_qq(given="zero")
    assert sample_data(res.model.sample).endog is None
    with pytest.raises(NotImplementedError, match="quantiles= is not available with data="):
        res.latent(data=data, quantiles=[0.5])
    with pytest.raises(TypeError, match="'offset' without data="):
        res.latent(offset="x")
    res.remove_data()
    for name in ("resid_pearson", "resid_deviance"):
        with pytest.raises(ValueError, match=r"remove_data\(\)"):
            getattr(res, name)
    for method in (res.resid_quantile, res.get_influence, res.plausible_values, res.posterior_nodes,
                   res.plot_qq, res.plot_residuals):
        with pytest.raises(ValueError, match=r"remove_data\(\)"):
            method()


def test_plots(rng):
    data = clustered(rng, n=12)
    res = GLLAMM.from_formula("count ~ x + (1 | id)", data, family=POISSON).fit()
    figure = res.plot_residuals(rng=1)
    assert isinstance(figure, Figure)
    assert figure.axes[0].get_ylabel() == "quantile residual"
    assert_allclose(np.sort(figure.axes[0].collections[0].get_offsets()[:, 1]),
                    np.sort(res.resid_quantile(rng=1)))
    boxes = res.plot_residuals("pearson", x="g", given="posterior").axes[0]
    assert [text.get_text() for text in boxes.get_xticklabels()] == ["0", "1", "2"]
    assert res.plot_residuals("deviance", x=data["x"]).axes[0].get_xlabel() == "x"
    envelope = res.plot_qq(n_sim=5, rng=1).axes[0]
    assert "5 simulations" in envelope.get_title()
    assert "independent" in res.plot_qq(given="history", rng=1).axes[0].get_title()
    with pytest.raises(ValueError, match="not a column"):
        res.plot_residuals(x="nothing")
    gaussian = GLLAMM.from_formula("number ~ x + (1 | id)", data.assign(
        number=data["number"] + data["id"] % 3)).fit()
    assert gaussian.plot_qq("id").axes[0].get_title() == "Intercept[id]"
