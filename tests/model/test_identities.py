"""Models that are one another in disguise, with latent variables."""
import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy import special
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, families

BINOMIAL, POISSON, GAUSSIAN = sm.families.Binomial(), sm.families.Poisson(), sm.families.Gaussian()
N, SIZE = 60, 9
TWO = "x + z + (0 + x + z | s)"
COUNT = "count ~ x + (1 | s)"


@pytest.fixture(scope="module")
def data():
    """60 clusters of nine rows in three sets of three, with a random intercept and slopes."""
    rng = np.random.default_rng(18)
    s = np.repeat(np.arange(N), SIZE)
    n = len(s)
    data = pd.DataFrame({"s": s, "set": np.arange(n) // 3, "x": rng.normal(size=n),
                         "z": rng.normal(size=n), "item": np.tile(["a", "b", "c"], n // 3)})
    u = 0.7 * rng.normal(size=(N, 3))[s]
    nu = 0.5 * data["x"] - 0.3 * data["z"] + u[:, 0]
    value = 0.5 * data["x"] + u[:, 1] * data["x"] + u[:, 2] * data["z"] + rng.gumbel(size=n)
    data["rank"] = value.groupby(data["set"]).rank(ascending=False).astype(int)
    data["binary"] = (nu + rng.logistic(size=n) > 0.2).astype(int)
    data["grade"] = np.digitize(nu + rng.logistic(size=n), [-1.0, 0.2, 1.2])
    data["count"] = rng.poisson(np.exp(nu)) * (rng.random(n) < 0.7)
    data["number"] = nu + rng.normal(size=n) * np.where(data["item"] == "a", 1.0, 0.6)
    data["time"] = np.exp(nu) * rng.weibull(1.5, n)
    return data


def model(formula, data, **options):
    return GLLAMM.from_formula(formula, data, **options)


def at(model, **values):
    """Log-likelihood and score, by name, at parameters given by (pieces of) name."""
    params = pd.Series(np.nan, model.param_names)
    for name, value in values.items():
        params[name] = value
    assert params.notna().all(), params
    return model.loglike(params), pd.Series(model.score(params), model.param_names)


def equal(one, other, rtol=1e-11):
    """Log-likelihoods, and scores of the parameters that both have."""
    assert_allclose(one[0], other[0], rtol=rtol)
    common = one[1].index.intersection(other[1].index)
    assert len(common)
    assert_allclose(one[1][common], other[1][common], rtol=1e-6, atol=1e-6)


RANDOM = {"x": 0.4, "z": -0.2, "var[x[s]]": 0.5, "cov[x[s],z[s]]": 0.2, "var[z[s]]": 0.4}
INTERCEPT = {"x": 0.4, "var[Intercept[s]]": 0.6}


def test_ranking_is_a_product_of_choices(data):
    ranking = model(f"rank ~ {TWO}", data, family=families.Ranking(set="set"))
    first = data.assign(stage=2 * data["set"], y=(data["rank"] == 1) * 1)
    second = data[data["rank"] > 1].assign(stage=2 * data["set"] + 1, y=(data["rank"] == 2) * 1)
    exploded = pd.concat([first, second], ignore_index=True)
    choice = model(f"y ~ {TWO}", exploded, family=families.Choice(set="stage"))
    equal(at(ranking, **RANDOM), at(choice, **RANDOM))
    one, two = ranking.fit(n_quad=9), choice.fit(n_quad=9)
    assert_allclose(one.llf, two.llf, rtol=1e-9)
    assert_allclose(one.params, two.params, rtol=1e-3, atol=1e-4)
    # all but the first place open: the first choice only
    open_ = data.assign(rank=np.where(data["rank"] == 1, 1, 0))
    partial = model(f"rank ~ {TWO}", open_, family=families.Ranking(set="set"))
    alone = model(f"y ~ {TWO}", first, family=families.Choice(set="set"))
    equal(at(partial, **RANDOM), at(alone, **RANDOM))


def test_choice_out_of_one(data):
    """Sets of one alternative say nothing."""
    data = data.assign(y=(data["rank"] == 1) * 1)
    more = data.iloc[::9].assign(set=lambda d: d["set"] + 9999, y=1)
    family = families.Choice(set="set")
    one = model(f"y ~ {TWO}", data, family=family)
    two = model(f"y ~ {TWO}", pd.concat([data, more], ignore_index=True), family=family)
    equal(at(one, **RANDOM), at(two, **RANDOM))


def test_choice_out_of_two_is_binomial(data):
    """The difference of the alternatives' covariates, and no constant."""
    two = data.assign(pair=np.arange(len(data)) // 2)
    two["s"] = two["pair"] // 4
    two["y"] = np.tile([1, 0], len(two) // 2) ^ (two["pair"] % 3 == 0).astype(int)
    even, odd = two.iloc[::2], two.iloc[1::2]
    difference = even.assign(**{k: even[k].to_numpy() - odd[k].to_numpy() for k in "xz"})
    choice = model(f"y ~ {TWO}", two, family=families.Choice(set="pair"))
    binomial = model(f"y ~ 0 + {TWO}", difference, family=BINOMIAL)
    equal(at(choice, **RANDOM), at(binomial, **RANDOM))


def test_adjacent_categories_are_a_constrained_multinomial(data):
    """log P(y = k) = k x b - (cut_1 + ... + cut_k): category k has k times the coefficients."""
    cuts = np.array([-0.6, 0.3, 0.8])
    ordinal = model("grade ~ x", data, family=families.Ordinal(kind="adjacent"))
    nominal = model("grade ~ x", data, family=families.Nominal())
    one = ordinal.loglike([0.4, *cuts])
    assert ordinal.param_names == ["x", "cut[0|1]", "cut[1|2]", "cut[2|3]"]
    assert nominal.param_names == [f"{k}[{v}]" for k in (1, 2, 3) for v in ("Intercept", "x")]
    theirs = np.column_stack([-np.cumsum(cuts), 0.4 * np.arange(1, 4)]).ravel()
    assert_allclose(one, nominal.loglike(theirs), rtol=1e-12)
    # score of the ordinal model by the chain rule
    a, b = nominal.score(theirs).reshape(3, 2).T
    want = [b @ [1, 2, 3], *(-a[::-1].cumsum()[::-1])]
    assert_allclose(ordinal.score([0.4, *cuts]), want, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("kind", ["cumulative", "adjacent", "continuation"])
def test_two_categories_are_binomial(data, kind):
    """The threshold is minus the intercept."""
    ordinal = model("binary ~ x + (1 | s)", data, family=families.Ordinal(kind=kind)).fit(n_quad=9)
    binomial = model("binary ~ x + (1 | s)", data, family=BINOMIAL).fit(n_quad=9)
    assert_allclose(ordinal.llf, binomial.llf, rtol=1e-9)
    signed = binomial.params.rename({"Intercept": "cut[0|1]"})
    signed["cut[0|1]"] *= -1
    assert_allclose(ordinal.params, signed[ordinal.params.index], rtol=1e-4, atol=1e-4)
    assert_allclose(ordinal.bse["cut[0|1]"], binomial.bse["Intercept"], rtol=1e-3)


@pytest.mark.parametrize("link", ["probit", "cloglog", "loglog", "cauchit"])
def test_two_categories_of_other_links(data, link):
    """P(y = 1) = 1 - F(cut - nu): the clog-log of the lower category is minus the log-log."""
    name = {"probit": "Probit", "cloglog": "LogLog", "loglog": "CLogLog", "cauchit": "Cauchy"}[link]
    binomial = model("binary ~ x + (1 | s)", data,
                     family=sm.families.Binomial(getattr(sm.families.links, name)()))
    ordinal = model("binary ~ x + (1 | s)", data, family=families.Ordinal(link))
    equal(at(ordinal, **INTERCEPT, **{"cut[0|1]": 0.3}), at(binomial, **INTERCEPT, Intercept=-0.3))


def test_two_categories_are_one_equation(data):
    kinds = data.assign(y=np.where(data["binary"] == 1, "yes", "no"))
    nominal = model("y ~ x + (1 | s)", kinds, family=families.Nominal()).fit(n_quad=9)
    binomial = model("binary ~ x + (1 | s)", data, family=BINOMIAL).fit(n_quad=9)
    assert nominal.params.index.tolist() == ["yes[Intercept]", "yes[x]", "var[yes:Intercept[s]]"]
    assert_allclose(nominal.llf, binomial.llf, rtol=1e-9)
    assert_allclose(nominal.params, binomial.params, rtol=1e-4, atol=1e-4)


def test_cauchy_and_logit_differ(data):
    """The identities of links above can fail."""
    one, two = (model("binary ~ x + (1 | s)", data, family=families.Ordinal(link))
                for link in ("logit", "cauchit"))
    params = {**INTERCEPT, "cut[0|1]": 0.3}
    assert abs(at(one, **params)[0] - at(two, **params)[0]) > 0.1


@pytest.mark.parametrize("family", [
    POISSON, families.NegativeBinomial(), families.NegativeBinomial(kind=1)],
    ids=["Poisson", "NB2", "NB1"])
def test_no_zero_inflation(data, family):
    plain = model(COUNT, data, family=family)
    inflated = model(COUNT, data, family=families.ZeroInflated(family))
    params = {**INTERCEPT, "Intercept": -0.2}
    if plain.param_names[-1].startswith("log"):
        params[plain.param_names[-1]] = 0.5
    equal(at(plain, **params), at(inflated, **params, **{"zero[Intercept]": -40.0}))
    much = at(inflated, **params, **{"zero[Intercept]": -3.0})
    assert abs(much[0] - at(plain, **params)[0]) > 0.1


def test_hurdle_is_zero_inflation_without_covariates(data):
    """Without covariates the two have the same maximum: probabilities of zero and of the rest."""
    fits = [model("count ~ 1", data, family=f(POISSON)).fit(tol=1e-12)
            for f in (families.ZeroInflated, families.Hurdle)]
    assert_allclose(fits[0].llf, fits[1].llf, rtol=1e-10)
    mu = np.exp([fit.params["Intercept"] for fit in fits])
    assert_allclose(mu[0], mu[1], rtol=1e-5)
    pi = special.expit([fit.params["zero[Intercept]"] for fit in fits])
    assert_allclose(pi[0] + (1 - pi[0]) * np.exp(-mu[0]), pi[1], rtol=1e-5)


def test_hurdle_is_two_models(data):
    """Without correlated latent variables: a binomial model and one of the positive counts."""
    hurdle = model(COUNT, data, family=families.Hurdle(POISSON, "z + (1 | s)"))
    positive = model(COUNT, data[data["count"] > 0], family=families.Truncated(POISSON))
    zero = model("zero ~ z + (1 | s)", data.assign(zero=(data["count"] == 0) * 1), family=BINOMIAL)
    main, other = {**INTERCEPT, "Intercept": 0.1}, {"Intercept": -0.5, "z": 0.2,
                                                    "var[Intercept[s]]": 0.3}
    both = pd.Series({**main, "zero[Intercept]": -0.5, "zero[z]": 0.2,
                      "var[zero:Intercept[s]]": 0.3})
    parts = [m.loglike([lookup[name] for name in m.param_names], n_quad=15)
             for m, lookup in ((positive, main), (zero, other))]
    assert_allclose(hurdle.loglike(both[hurdle.param_names], n_quad=15), sum(parts), rtol=1e-10)


def test_short_intervals_are_densities(data):
    """log P(t - h < T < t + h) - log 2h tends to the log density, with an error of order h^2."""
    formula, shape = "{} ~ x + (1 | s)", {"Intercept": 0.1, "logshape[Intercept]": 0.4}
    weibull = model(formula.format("time"), data, family=families.Weibull())
    exact, score = at(weibull, **INTERCEPT, **shape)
    errors = []
    for h in (1e-2, 1e-3):
        width = h * data["time"]
        cut = data.assign(low=data["time"] - width, high=data["time"] + width)
        short = model(formula.format("low"), cut, family=families.Censored(families.Weibull(),
                                                                           until="high"))
        value, slope = at(short, **INTERCEPT, **shape)
        errors.append(value - np.log(2 * width).sum() - exact)
    assert abs(errors[0]) > 1e-4
    assert_allclose(errors[1] / errors[0], 1e-2, rtol=0.02)
    assert_allclose(slope, score, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("family", [
    families.Weibull(), families.LogNormal(), families.LogLogistic(), families.Exponential(),
    families.StudentT(df=5), GAUSSIAN], ids=lambda f: getattr(f, "name", "Gaussian"))
def test_nothing_censored(data, family):
    formula = "time ~ x + (1 | s)"
    data = data.assign(seen=1)
    plain = model(formula, data, family=family)
    censored = model(formula, data, family=families.Censored(family, event="seen"))
    limits = model(formula, data, family=families.Censored(family, lower=1e-9, upper=1e9))
    # a Gaussian model is integrated exactly, its censored twin with more points than enough
    params = {**INTERCEPT, "Intercept": 0.2,
              **{name: -0.1 for name in plain.param_names if name.startswith("log")}}
    assert plain.param_names == censored.param_names == limits.param_names
    equal(at(plain, **params), at(censored, **params))
    equal(at(plain, **params), at(limits, **params))


@pytest.mark.parametrize("metric", ["time", "hazard"])
def test_exponential_is_weibull_of_shape_one(data, metric):
    formula, params = "time ~ x + (1 | s)", {**INTERCEPT, "Intercept": 0.2}
    one = model(formula, data, family=families.Exponential(metric))
    two = model(formula, data, family=families.Weibull(metric))
    equal(at(one, **params), at(two, **params, **{"logshape[Intercept]": 0.0}))


def test_weibull_metrics(data):
    """nu_hazard = -p nu_time."""
    p, formula = 1.7, "time ~ x + (1 | s)"
    time, hazard = (model(formula, data, family=families.Weibull(m)) for m in ("time", "hazard"))
    shape = {"logshape[Intercept]": np.log(p)}
    one = at(time, **shape, **INTERCEPT, Intercept=0.2)[0]
    two = at(hazard, **shape, x=-0.4 * p, Intercept=-0.2 * p, **{"var[Intercept[s]]": 0.6 * p**2})[0]
    assert_allclose(one, two, rtol=1e-8)


SCALED = [
    ("binary ~ 0 + x + (1 | s)", sm.families.Binomial(sm.families.links.Probit()), {}),
    ("grade ~ x + (1 | s)", families.Ordinal(), {f"cut[{k}|{k + 1}]": k - 1.0 for k in range(3)}),
    ("grade ~ x + (1 | s)", families.Ordinal(kind="adjacent"),
     {f"cut[{k}|{k + 1}]": k - 1.0 for k in range(3)}),
    ("chosen ~ x + (0 + z | s)", families.Choice(set="set"), {}),
]


@pytest.mark.parametrize(("formula", "family", "more"), SCALED,
                         ids=["probit", "cumulative", "adjacent", "choice"])
def test_scale_of_one(data, formula, family, more):
    data = data.assign(chosen=(data["rank"] == 1) * 1,
                       w=data.groupby("set")["x"].transform("mean"))
    params = {"x": 0.4, **more, f"var[{'z' if 'z |' in formula else 'Intercept'}[s]]": 0.6}
    plain, scaled = model(formula, data, family=family), model(formula, data, family=family,
                                                               dispersion="w")
    assert set(scaled.param_names) - set(plain.param_names) == {"logscale[w]"}
    equal(at(plain, **params), at(scaled, **params, **{"logscale[w]": 0.0}))
    assert abs(at(plain, **params)[0] - at(scaled, **params, **{"logscale[w]": 0.5})[0]) > 0.1


def test_common_scale_is_no_scale(data):
    """Dividing all by exp(c) is multiplying with exp(-c)."""
    family, scale = sm.families.Binomial(sm.families.links.Probit()), np.exp(0.3)
    data = data.assign(one=1.0)
    plain = model("binary ~ x + (1 | s)", data, family=family)
    scaled = model("binary ~ x + (1 | s)", data, family=family, dispersion="0 + one + z")
    one = at(plain, x=0.4 / scale, Intercept=0.2 / scale, **{"var[Intercept[s]]": 0.6 / scale**2})[0]
    two = at(scaled, **INTERCEPT, Intercept=0.2, **{"logscale[one]": 0.3, "logscale[z]": 0.0})[0]
    assert_allclose(one, two, rtol=1e-9)


MIXED = {
    "Gaussian": ("number ~ x + (1 | s)", GAUSSIAN, {"Intercept": 0.2, "logsd": 0.1}),
    "Poisson": (COUNT, POISSON, {"Intercept": 0.2}),
    "NB1": (COUNT, families.NegativeBinomial(kind=1), {"Intercept": 0.2, "logsize": 0.1}),
    "Ordinal": ("grade ~ x + (1 | s)", families.Ordinal(),
                {f"cut[{k}|{k + 1}]": k - 1.0 for k in range(3)}),
}


@pytest.mark.parametrize("name", MIXED)
def test_mixed_of_one(data, name):
    formula, family, more = MIXED[name]
    data = data.assign(label="it")
    plain = model(formula, data, family=family)
    mixed = model(formula, data, family={"it": family}, family_by="label")
    one = {k + ("[Intercept]" if k.startswith("log") else ""): v for k, v in more.items()}
    two = {k + "[it]" if k.startswith("log") else k.replace("cut[", "cut[it,"): v
           for k, v in more.items()}
    equal(at(plain, **INTERCEPT, **one), at(mixed, **INTERCEPT, **two))


def test_mixed_gaussians(data):
    """Two labels of one dispersion are one family; of two, a dispersion by label."""
    data = data.assign(label=np.where(data["item"] == "a", "a", "other"))
    formula, own = "number ~ x + (1 | s)", {"a": GAUSSIAN, "other": GAUSSIAN}
    plain = model(formula, data)
    by_label = model(formula, data, dispersion="0 + label")
    mixed = model(formula, data, family=own, family_by="label")
    params = {**INTERCEPT, "Intercept": 0.2}
    sds = {"logsd[a]": 0.1, "logsd[other]": 0.1}
    equal(at(plain, **params, **{"logsd[Intercept]": 0.1}), at(mixed, **params, **sds))
    sds["logsd[other]"] = -0.4
    labelled = {f"logsd[label[{k[6:-1]}]]": v for k, v in sds.items()}
    equal(at(by_label, **params, **labelled), at(mixed, **params, **sds))


def test_dispersion_of_every_item_is_separate_fits(data):
    together = model("number ~ 0 + item + item:x", data, dispersion="0 + item").fit(tol=1e-12)
    alone = [sm.OLS(d["number"], sm.add_constant(d["x"])).fit() for _, d in data.groupby("item")]
    assert_allclose(together.llf, sum(fit.llf for fit in alone), rtol=1e-10)
    for item, fit in zip("abc", alone):
        assert_allclose(together.params[f"item[{item}]"], fit.params["const"], atol=1e-7)
        assert_allclose(together.params[f"logsd[item[{item}]]"], np.log(fit.ssr / fit.nobs) / 2,
                        atol=1e-6)


@pytest.mark.parametrize("kind", [1, 2])
@pytest.mark.parametrize("big", [25.0, 60.0])
def test_no_overdispersion(data, kind, big):
    poisson = model(COUNT, data, family=POISSON)
    params = {**INTERCEPT, "Intercept": -0.2}
    negative = model(COUNT, data, family=families.NegativeBinomial(kind=kind))
    equal(at(poisson, **params), at(negative, **params, **{"logsize[Intercept]": big}), rtol=1e-9)


def test_no_generalized_dispersion(data):
    poisson = model(COUNT, data, family=POISSON)
    params = {**INTERCEPT, "Intercept": -0.2}
    for p in (1, 2):
        general = model(COUNT, data, family=families.GeneralizedPoisson(p))
        equal(at(poisson, **params), at(general, **params, **{"logdisp[Intercept]": -30.0}),
              rtol=1e-9)


def test_fixed_dispersions(data):
    """A number in the family instead of a parameter."""
    params = {**INTERCEPT, "Intercept": -0.2}
    for kind in (1, 2):
        free = model(COUNT, data, family=families.NegativeBinomial(kind=kind))
        fixed = model(COUNT, data, family=families.NegativeBinomial(kind=kind, alpha=0.5))
        equal(at(free, **params, **{"logsize[Intercept]": np.log(2)}), at(fixed, **params))
    free = model("number ~ x + (1 | s)", data, family=families.StudentT())
    fixed = model("number ~ x + (1 | s)", data, family=families.StudentT(df=4))
    params["logsd[Intercept]"] = -0.2
    equal(at(free, **params, **{"logdf[Intercept]": np.log(4)}), at(fixed, **params))


def test_student_of_many_degrees_of_freedom_is_gaussian(data):
    params = {**INTERCEPT, "Intercept": -0.2, "logsd[Intercept]": -0.2}
    student = model("number ~ x + (1 | s)", data, family=families.StudentT())
    gaussian = model("number ~ x + (1 | s)", data)
    exact = at(gaussian, **params)
    differences = [at(student, **params, **{"logdf[Intercept]": np.log(df)})[0] - exact[0]
                   for df in (1e4, 1e5)]
    assert_allclose(differences[1] / differences[0], 0.1, rtol=0.01)  # of the order of 1/df
    equal(at(student, **params, **{"logdf[Intercept]": 36.0}), exact, rtol=1e-10)


def test_beta_binomial_of_great_precision_is_binomial(data):
    rng = np.random.default_rng(4)
    data = data.assign(yes=rng.binomial(5, 0.4, len(data)))
    data["no"] = 5 - data["yes"]
    params = {**INTERCEPT, "Intercept": -0.2}
    one = model("yes + no ~ x + (1 | s)", data, family=families.BetaBinomial())
    two = model("yes + no ~ x + (1 | s)", data, family=BINOMIAL)
    equal(at(one, **params, **{"logprec[Intercept]": 33.0}), at(two, **params), rtol=1e-10)


def test_lognormal_is_gaussian_of_the_logarithm(data):
    params = {**INTERCEPT, "Intercept": 0.2, "logsd[Intercept]": -0.1}
    one = model("time ~ x + (1 | s)", data, family=families.LogNormal())
    two = model("np.log(time) ~ x + (1 | s)", data)
    value, score = at(one, **params)
    equal((value + np.log(data["time"]).sum(), score), at(two, **params), rtol=1e-10)


def test_thresholds_take_coefficients(data):
    """Shifting the thresholds of an item is shifting its linear predictor."""
    ordinal = families.Ordinal()
    one = model("grade ~ x + item + (1 | s)", data, family=ordinal)
    two = model("grade ~ x + (1 | s)", data, family=ordinal, thresholds="0 + item")
    cuts, shift = np.array([-1.0, 0.2, 1.2]), {"a": 0.0, "b": 0.3, "c": -0.5}
    names = [f"{k}|{k + 1}" for k in range(3)]
    first = at(one, **INTERCEPT, **{f"item[T.{k}]": v for k, v in shift.items() if k != "a"},
               **{f"cut[{n}]": c for n, c in zip(names, cuts)})
    second = at(two, **INTERCEPT, **{f"cut[item[{k}],{n}]": c - v for k, v in shift.items()
                                     for n, c in zip(names, cuts)})
    equal(first, second)
