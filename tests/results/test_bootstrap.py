"""Bootstrap: samples against what they are by definition, intervals against formulas."""

import pickle

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pandas as pd
import pytest
from scipy import stats
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes, Factor, datasets, families
from statsmodels_gllamm.exceptions import ConvergenceWarning
from statsmodels_gllamm.results.bootstrap import interval
from statsmodels_gllamm.results.covariance import independent_units
from statsmodels_gllamm.results.resample import with_response, with_weights

BINOMIAL = sm.families.Binomial()


def make(n=30, size=6):
    rng = np.random.default_rng(11)
    g, x = np.repeat(np.arange(n), size), rng.normal(size=n * size)
    eta = 0.3 + 0.8 * x + rng.normal(size=n)[g]
    e = rng.normal(size=n * size)
    return pd.DataFrame({
        "g": g, "x": x, "y": (rng.random(len(x)) < 1 / (1 + np.exp(-eta))) * 1, "z": eta + e,
        "top": g // 3, "item": np.tile(["a", "b", "c"], n * size // 3), "set": np.arange(len(x)) // 3,
        "count": rng.poisson(np.exp(0.3 * eta)), "w": 1.0 + g % 2})


def chosen(data):
    return data.assign(first=(data.z == data.groupby("set")["z"].transform("max")) * 1,
                       rank=data.groupby("set")["z"].rank(ascending=False))


MODELS = {
    "logit": ("y ~ x + (1 | g)", {"family": BINOMIAL}),
    "three levels": ("y ~ x + (1 | top/g)", {"family": BINOMIAL}),
    "normal": ("z ~ x + (1 + x | g)", {}),
    "patterns": ("z ~ 0 + item + (0 + f | g)", {"factors": {"f": Factor("item")}}),
    "weights": ("z ~ x + (1 | g)", {"freq_weights": {"g": "w"}}),
    "row weights": ("y ~ x + (1 | g)", {"family": BINOMIAL, "freq_weights": "w"}),
    "no latent": ("y ~ x", {"family": BINOMIAL}),
    "classes": ("y ~ 0 + (0 + item | c)",
                {"family": BINOMIAL, "classes": {"c": Classes(2, within="g")}}),
    "choices": ("first ~ 0 + x", {"family": families.Choice(set="set")}),
    "choices in persons": ("first ~ 0 + x + (0 + x | g)", {"family": families.Choice(set="set")}),
    "rankings": ("rank ~ 0 + x", {"family": families.Ranking(set="set")}),
}


@pytest.mark.parametrize("name", MODELS)
def test_weights_are_copies_of_clusters(name):
    """The log-likelihood with weights is that of data in which clusters stand as often, with the
    weights that they had."""
    formula, kwds = MODELS[name]
    data = chosen(make())
    model = GLLAMM.from_formula(formula, data, **kwds)
    units = independent_units(model)
    rng = np.random.default_rng(2)
    drawn = rng.multinomial(units.n, np.full(units.n, 1 / units.n)).astype(float)
    rows, pieces = units.of_row, []
    for copy in range(int(drawn.max())):
        part = data[drawn[rows] > copy]
        pieces.append(part.assign(g=part.g + 1000 * copy, top=part.top + 1000 * copy,
                                  set=part.set + 1000 * copy))
    copies = GLLAMM.from_formula(formula, pd.concat(pieces, ignore_index=True), **kwds)
    before = np.ones(units.n)
    if name == "weights":
        before[rows] = data.w
    params = np.asarray(model.start_params) + 0.1
    model.loglike(params)  # makes the problem
    light = with_weights(model, units, drawn * before)
    assert_allclose(light.loglike(params), copies.loglike(params), rtol=1e-11)
    assert_allclose(light.score(params), copies.score(params), rtol=1e-7, atol=1e-8)
    assert abs(light.loglike(params) - model.loglike(params)) > 0.1


def test_samples_of_a_mean():
    """Without anything else, estimates are means: of drawn responses, and of drawn rows."""
    y = np.random.default_rng(0).normal(3, 2, size=40)
    res = GLLAMM.from_formula("y ~ 1", pd.DataFrame({"y": y})).fit()
    rngs = np.random.default_rng(7).spawn(6)
    found = res.bootstrap(6, rng=7)
    means = [res.simulate(1, rng)[0].mean() for rng in rngs]
    assert_allclose(found.params["Intercept"], means, rtol=1e-5)
    found = res.bootstrap(6, kind="cluster", rng=7)
    counts = [rng.multinomial(40, np.full(40, 1 / 40)) for rng in np.random.default_rng(7).spawn(6)]
    assert_allclose(found.params["Intercept"], [y @ c / 40 for c in counts], rtol=1e-5)
    sd = [np.sqrt(y**2 @ c / 40 - (y @ c / 40)**2) for c in counts]
    assert_allclose(np.exp(found.params["logsd[Intercept]"]), sd, rtol=1e-4)


def test_spread_of_a_mean():
    data = pd.DataFrame({"y": np.random.default_rng(1).normal(size=60)})
    res = GLLAMM.from_formula("y ~ 1", data).fit()
    for kind in ("parametric", "cluster"):
        found = res.bootstrap(100, kind=kind, rng=3)
        assert_allclose(found.bse["Intercept"], res.bse["Intercept"], rtol=4 / np.sqrt(200))
        half = 1.96 * res.bse["Intercept"]
        assert_allclose(found.conf_int().loc["Intercept"] - res.params["Intercept"], [-half, half],
                        rtol=0.5)


@pytest.fixture(scope="module")
def logit():
    return GLLAMM.from_formula("y ~ x + (1 | g)", make(), family=BINOMIAL).fit(n_quad=5)


def test_workers_and_seeds(logit):
    for kind in ("parametric", "cluster"):
        one = logit.bootstrap(4, kind=kind, rng=5)
        two = logit.bootstrap(4, kind=kind, rng=np.random.default_rng(5), n_jobs=2)
        assert_array_equal(one.params, two.params)
        assert not np.allclose(one.params, logit.bootstrap(4, kind=kind, rng=6).params)


def test_estimates_are_maxima(logit):
    """A sample's estimates are those of an ordinary fit to it, from the model's own start."""
    found, rngs = logit.bootstrap(2, rng=1), np.random.default_rng(1).spawn(2)
    y = logit.simulate(1, rngs[1])[0]
    again = GLLAMM.from_formula("y ~ x + (1 | g)", make().assign(y=y), family=BINOMIAL).fit(n_quad=5)
    assert_allclose(found.params.loc[1], again.params, rtol=1e-4)
    found = logit.bootstrap(2, kind="cluster", rng=1)
    drawn = np.random.default_rng(1).spawn(2)[0].multinomial(30, np.full(30, 1 / 30))
    weights = {"g": drawn[make().g].astype(float)}
    again = GLLAMM.from_formula("y ~ x + (1 | g)", make(), family=BINOMIAL, freq_weights=weights)
    assert_allclose(found.params.loc[0], again.fit(n_quad=5).params, rtol=1e-4)


def test_intervals():
    draws, estimate = np.random.default_rng(0).gamma(3, size=999), 2.5
    low, high = np.quantile(draws, [0.05, 0.95])
    assert interval(draws, estimate, 0.1, "percentile") == (low, high)
    assert_allclose(interval(draws, estimate, 0.1, "basic"), [5 - high, 5 - low])
    z = stats.norm.ppf(0.95)
    z0 = stats.norm.ppf((draws < estimate).mean())
    assert_allclose(interval(draws, estimate, 0.1, "bc"),
                    np.quantile(draws, stats.norm.cdf([2 * z0 - z, 2 * z0 + z])))
    assert_allclose(interval(draws, np.median(draws), 0.1, "bc"), [low, high], rtol=2e-2)
    middle = estimate - (draws.mean() - estimate)
    assert_allclose(interval(draws, estimate, 0.1, "normal"),
                    middle + np.array([-z, z]) * draws.std(ddof=1))


def test_tables(logit):
    def share(p):
        return {"icc": p["var[Intercept[g]]"] / (p["var[Intercept[g]]"] + np.pi**2 / 3)}

    found = logit.bootstrap(30, kind="cluster", rng=2, statistic=share)
    assert found.n == 30 and found.n_failed == 0 and found.kind == "cluster"
    assert_allclose(found.statistics["icc"], found.params.apply(share, axis=1).str["icc"])
    table = found.summary_frame(0.1)
    assert_allclose(table["bias"], found.params.mean() - logit.params)
    assert_allclose(table["std_err"], found.params.std())
    assert_allclose(table[["conf_low", "conf_high"]], found.params.quantile([0.05, 0.95]).T)
    assert_allclose(found.summary_frame(statistics=True)["estimate"], share(logit.params)["icc"])
    assert_allclose(found.cov_params().to_numpy().diagonal(), found.bse**2)
    assert "30 samples, of which 0 failed" in str(found)
    assert len(found.plot().axes) == 4
    assert len(found.plot("icc").axes) == 1
    with pytest.raises(ValueError, match="no parameter or statistic 'a'"):
        found.plot(["a"])
    assert pickle.loads(pickle.dumps(found)).params.equals(found.params)
    limits = logit.conf_int(0.1, cols=["x"], method="bootstrap", n=30, kind="cluster", rng=2)
    assert_allclose(limits.loc["x"], table.loc["x", ["conf_low", "conf_high"]].astype(float))
    basic = logit.conf_int(0.1, method="bootstrap", n=30, kind="cluster", rng=2, interval="basic")
    assert_allclose(basic, found.conf_int(0.1, "basic"))
    components = logit.variance_components(0.1, "bootstrap", n=30, kind="cluster", rng=2)
    assert_allclose(components.loc["sd[Intercept[g]]", "std_err"],
                    np.sqrt(found.params["var[Intercept[g]]"]).std())


def test_failures_are_counted():
    data = make(12, 3)
    data["kind"] = np.where(np.arange(len(data)) == 5, "rare", np.where(data.y, "yes", "no"))
    res = GLLAMM.from_formula("kind ~ 1", data, family=families.Nominal()).fit()
    with pytest.warns(ConvergenceWarning, match="of 12 bootstrap samples could not be fitted"):
        found = res.bootstrap(12, rng=4)
    assert 0 < found.n_failed < 12
    assert set(found.failures) == {"a category of the response is missing"}
    assert found.params.loc[found.failures.index].isna().all(axis=None)
    assert found.params.drop(index=found.failures.index).notna().all(axis=None)
    assert "category" in str(found)


def test_zero_variances_count():
    y = np.random.default_rng(3).normal(size=(10, 5))
    y -= y.mean(axis=1, keepdims=True) * 0.9
    data = pd.DataFrame({"y": y.ravel(), "g": np.repeat(np.arange(10), 5)})
    with pytest.warns(UserWarning, match="zero"):
        res = GLLAMM.from_formula("y ~ 1 + (1 | g)", data).fit()
    found = res.bootstrap(20, rng=0)
    zero = (found.params["var[Intercept[g]]"] == 0).sum()
    assert 5 <= zero == found.n_at_zero < 20  # about half: it can leave zero again


def test_signs_and_classes_stay():
    data = make()
    factor = GLLAMM.from_formula("z ~ 0 + item + (0 + f | g)", data,
                                 factors={"f": Factor("item", standardized=True)}).fit()
    loadings = factor.bootstrap(20, kind="cluster", rng=0).params.filter(like="lambda")
    assert (loadings.sum(axis=1) > 0).all()
    lsat = datasets.lsat.load_pandas().data
    classes = GLLAMM.from_formula("y ~ 0 + (0 + item | c)", lsat, family=BINOMIAL,
                                  classes={"c": Classes(2, within="id")}).fit(rng=0)
    found = classes.bootstrap(4, kind="cluster", rng=0).params
    assert (found["item[Q2][c=1]"] > found["item[Q2][c=2]"]).all()


def test_censored_and_ranked():
    data = chosen(make())
    tobit = GLLAMM.from_formula("z ~ x", data.assign(z=data.z.clip(0)),
                                family=families.Censored(sm.families.Gaussian(), lower=0)).fit()
    y = tobit.simulate(1, 0)[0].to_numpy()
    again = with_response(tobit.model, y)
    assert (y < 0).any() and again.sample.endog.min() == 0
    own = GLLAMM.from_formula("z ~ x", data.assign(z=np.maximum(y, 0)), family=tobit.model.family)
    assert_allclose(again.loglike(tobit.params), own.loglike(tobit.params))
    data["some"] = data["rank"].where(data["rank"] == 1, 0)
    ranking = GLLAMM.from_formula("some ~ 0 + x", data, family=families.Ranking(set="set")).fit()
    drawn = with_response(ranking.model, ranking.simulate(1, 0)[0].to_numpy()).sample.endog
    assert_array_equal(np.unique(drawn), [0, 1])  # as many ranked as in the data
    assert (pd.Series(drawn).groupby(data["set"]).sum() == 1).all()
    deaths = data.assign(t=np.exp(data.z), died=data.y)
    weibull = GLLAMM.from_formula("t ~ x", deaths,
                                  family=families.Censored(families.Weibull(), event="died")).fit()
    with pytest.raises(NotImplementedError, match="event=.*kind='cluster'"):
        weibull.bootstrap(3)
    assert weibull.bootstrap(3, kind="cluster", rng=0).n_failed == 0


def test_mistakes(logit):
    with pytest.raises(ValueError, match="kind is one of 'parametric', 'cluster'"):
        logit.bootstrap(5, kind="rows")
    with pytest.raises(TypeError, match="statistic is a function"):
        logit.bootstrap(5, statistic="x")
    with pytest.raises(ValueError, match="n must|n is"):
        logit.bootstrap(1)
    found = logit.bootstrap(3, rng=0)
    with pytest.raises(ValueError, match="method is one of 'percentile'"):
        found.conf_int(method="bca")
    with pytest.raises(ValueError, match="no statistics"):
        found.conf_int(statistics=True)
    formula, kwds = MODELS["weights"]
    weighted = GLLAMM.from_formula(formula, make(), **kwds).fit()
    with pytest.raises(NotImplementedError, match="frequency weights .of g.*kind='cluster'"):
        weighted.bootstrap(5)
    assert weighted.bootstrap(3, kind="cluster", rng=0).n_failed == 0
    halves = GLLAMM.from_formula(formula, make().assign(w=0.5), **kwds).fit()
    with pytest.raises(ValueError, match="0.5, not a whole number"):
        halves.bootstrap(5, kind="cluster")
    weighted.remove_data()
    with pytest.raises(ValueError, match="remove_data"):
        weighted.bootstrap(5)
