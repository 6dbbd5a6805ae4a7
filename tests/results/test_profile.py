"""Profile likelihoods against published intervals, closed forms and maxima found otherwise."""

import pickle

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy import optimize, stats
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes, datasets, families
from statsmodels_gllamm.estimation.held import Surface
from statsmodels_gllamm.exceptions import ConvergenceWarning

CUT = stats.chi2.ppf(0.95, 1)
SLOPES = "Reaction ~ Days + (Days | Subject)"
CORR = "corr[Intercept[Subject],Days[Subject]]"


@pytest.fixture(scope="module")
def sleep():
    return datasets.sleepstudy.load_pandas().data


@pytest.fixture(scope="module")
def res(sleep):
    return GLLAMM.from_formula(SLOPES, sleep).fit()


@pytest.fixture(scope="module")
def found(res):
    return res.profile()


def normal_loglik(data, beta, psi, sigma):
    """Log-likelihood of the sleep study's model, person by person."""
    z = np.column_stack([np.ones(10), np.arange(10)])
    v = z @ psi @ z.T + sigma**2 * np.eye(10)
    y = data["Reaction"].to_numpy().reshape(18, 10)
    return stats.multivariate_normal.logpdf(y, z @ beta, v).sum()


def test_published(res):
    """Bates et al. (2015), Journal of Statistical Software 67(1), section 5.1: confint() of lme4."""
    components = res.variance_components(method="profile")[["conf_low", "conf_high"]]
    assert_allclose(components.loc["sd[Intercept[Subject]]"], [14.381, 37.716], atol=1e-3)
    assert_allclose(components.loc[CORR], [-0.4815, 0.685], atol=1e-4)
    assert_allclose(components.loc["sd[Days[Subject]]"], [3.801, 8.753], atol=1e-3)
    assert_allclose(components.loc["residual sd"], [22.898, 28.858], atol=1e-3)
    fixed = res.conf_int(method="profile", cols=["Intercept", "Days"])
    assert_allclose(fixed, [[237.681, 265.130], [7.359, 13.576]], atol=1e-3)


@pytest.mark.parametrize("what", ["corr", "cov", "var"])
def test_maximum_over_the_others(sleep, res, what):
    """The log-likelihood at a limit, maximised over the others by scipy with a formula of its own."""
    name = {"corr": CORR, "cov": "cov[Intercept[Subject],Days[Subject]]",
            "var": "var[Days[Subject]]"}[what]
    for limit in res.conf_int(method="profile", cols=[name]).iloc[0]:
        def fall(x, limit=limit):
            a, b = np.exp(x[2]), np.exp(x[3])
            if what == "var":
                b = np.sqrt(limit)
            c = {"corr": limit * a * b, "cov": limit, "var": np.tanh(x[4]) * a * b}[what]
            if abs(c) >= a * b:
                return 1e4 + c**2
            psi = np.array([[a * a, c], [c, b * b]])
            return res.llf - normal_loglik(sleep, x[:2], psi, np.exp(x[-1]))

        inside = 2.9 if what == "cov" else 1.75  # so that the covariance is possible at the start
        start = [251, 10.5, 3.2, inside, *([0.1] if what == "var" else []), 3.24]
        best = min((optimize.minimize(fall, start, method="Nelder-Mead",
                                      options={"maxiter": 6000, "maxfev": 6000, "xatol": 1e-7,
                                               "fatol": 1e-9, "adaptive": True}) for _ in range(1)),
                   key=lambda r: r.fun)
        assert_allclose(2 * best.fun, CUT, atol=2e-4)


def test_closed_form():
    """Linear regression: RSS(b) / RSS = exp(c / n), and n (exp(-2d) - 1 + 2d) = c of the log sd."""
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"x": rng.normal(size=25), "z": rng.normal(size=25)})
    data["y"] = 1 + data.x + rng.normal(size=25)
    limits = GLLAMM.from_formula("y ~ x + z", data).fit().conf_int(method="profile")
    ols, n = sm.OLS.from_formula("y ~ x + z", data).fit(), 25
    for name in ols.params.index:
        root = np.sqrt(np.expm1(CUT / n) * ols.df_resid) * ols.bse[name]
        assert_allclose(limits.loc[name], ols.params[name] + np.array([-root, root]), rtol=1e-6)
    middle = np.log(ols.ssr / n) / 2
    for side, end in zip((-1, 1), limits.loc["logsd[Intercept]"]):
        d = optimize.brentq(lambda d: n * (np.exp(-2 * d) - 1 + 2 * d) - CUT, side * 1e-6, side)
        assert_allclose(end, middle + d, rtol=1e-6)


@pytest.fixture(scope="module")
def logit():
    rng = np.random.default_rng(5)
    g, x = np.repeat(np.arange(25), 6), rng.normal(size=150)
    y = rng.random(150) < 1 / (1 + np.exp(-0.5 - x - rng.normal(size=25)[g]))
    data = pd.DataFrame({"y": y * 1, "x": x, "g": g})
    return GLLAMM.from_formula("y ~ x + (1 | g)", data, family=sm.families.Binomial())


@pytest.mark.parametrize("rule", [{"n_quad": 5}, {"integration": "laplace"},
                                  {"integration": "quadrature", "n_quad": 15}])
def test_the_rule_of_the_fit(logit, rule):
    res = logit.fit(**rule)
    limits = res.conf_int(method="profile")
    for j, name in enumerate(limits.index):
        for limit in limits.loc[name]:
            def fall(others, j=j, limit=limit):
                params = np.insert(others, j, limit)
                if params[2] <= 0:
                    return 1e3
                return res.llf - logit.loglike(params, **rule)

            start = np.delete(res.params.to_numpy(), j)
            best = optimize.minimize(fall, start, method="Nelder-Mead",
                                     options={"xatol": 1e-5, "fatol": 1e-8})
            assert_allclose(2 * best.fun, CUT, atol=3e-4)


def test_multiplier_is_the_slope(found):
    """d zeta / dv from the multiplier of the constraint against differences along the curve."""
    for curve in found.curves.values():
        for zeta in (-1.0, 1.2):
            h = 1e-4
            place = min(curve.knots, key=lambda k: abs(k.zeta - zeta))
            rate = curve.target.rate(place.x)
            there = place.zeta
            slope = 2 * h / (curve.at(there + h) - curve.at(there - h))
            assert_allclose(slope, place.rise / rate, rtol=5e-3)


def zero_variance():
    rng = np.random.default_rng(3)
    y = rng.normal(size=(10, 5))
    y -= y.mean(axis=1, keepdims=True) * 0.9  # clusters are more alike than by chance
    return pd.DataFrame({"y": y.ravel(), "g": np.repeat(np.arange(10), 5)}), y


def test_one_sided_at_zero():
    """Variance at zero: balanced data, whose log-likelihood is a formula of two variances."""
    data, y = zero_variance()
    with pytest.warns(UserWarning, match="zero"):
        res = GLLAMM.from_formula("y ~ 1 + (1 | g)", data).fit()
    found = res.profile("var[Intercept[g]]")
    low, high = found.conf_int().iloc[0]
    within, between = ((y - y.mean(1, keepdims=True))**2).sum(), 5 * ((y.mean(1) - y.mean())**2).sum()

    def loglik(psi, s):
        total = s + 5 * psi
        return -0.5 * (50 * np.log(2 * np.pi) + 40 * np.log(s) + 10 * np.log(total)
                       + within / s + between / total)

    def best(psi):
        return -optimize.minimize_scalar(lambda t: -loglik(psi, np.exp(t)), (-2, 1), tol=1e-12).fun

    assert_allclose(best(0.0), res.llf)
    assert low == 0
    assert_allclose(high, optimize.brentq(lambda p: 2 * (res.llf - best(p)) - CUT, 1e-4, 2), rtol=1e-5)
    assert "lower limit at the bound" in found.summary_frame()["note"].iloc[0]
    assert found.curves["var[Intercept[g]]"].boundary_pvalue == 0.5


def test_interval_that_reaches_zero(sleep):
    some = sleep[sleep["Subject"].isin([308, 330, 331, 332, 337])]
    model = GLLAMM.from_formula("Reaction ~ Days + (1 | Subject)", some)
    res, without = model.fit(), GLLAMM.from_formula("Reaction ~ Days", some).fit()
    found = res.profile("var[Intercept[Subject]]", alpha=1e-4)
    curve = found.curves["var[Intercept[Subject]]"]
    assert curve.estimate > 0 and found.conf_int().iloc[0, 0] == 0
    assert_allclose(curve.points["loglik"].loc[0.0], without.llf, rtol=1e-9)
    statistic = 2 * (res.llf - without.llf)
    assert_allclose(curve.boundary_pvalue, 0.5 * stats.chi2.sf(statistic, 1), rtol=1e-6)
    assert found.conf_int(0.5).iloc[0, 0] > 0


def test_variance_among_several_vanishes(sleep, res):
    """At a slope variance of zero the others are those of the model without it."""
    found = res.profile("var[Days[Subject]]", alpha=1e-12)
    without = GLLAMM.from_formula("Reaction ~ Days + (1 | Subject)", sleep).fit()
    at_zero = found.curves["var[Days[Subject]]"].points.loc[0.0]
    assert_allclose(at_zero["loglik"], without.llf, rtol=1e-9)
    assert_allclose(at_zero[["Days", "var[Intercept[Subject]]"]].astype(float),
                    without.params[["Days", "var[Intercept[Subject]]"]], rtol=1e-4)


def test_no_limit():
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"y": rng.poisson(3, 80), "x": rng.normal(size=80)})
    with pytest.warns(UserWarning, match="limit"):
        infinite = GLLAMM.from_formula("y ~ x", data, family=families.NegativeBinomial()).fit()
    low, high = infinite.conf_int(method="profile", cols=["logsize[Intercept]"]).iloc[0]
    assert np.isfinite(low) and high == np.inf  # the estimate is infinite: nothing to warn of
    alpha = infinite.variance_components(method="profile").loc["alpha"]
    assert alpha["conf_low"] == 0
    assert_allclose(alpha["conf_high"], np.exp(-low))
    poisson = GLLAMM.from_formula("y ~ x", data, family=sm.families.Poisson()).fit()

    def best(logsize):  # of the log-likelihood, by scipy
        def minus(b):
            mean, size = np.exp(b[0] + b[1] * data.x), np.exp(logsize)
            return -stats.nbinom.logpmf(data.y, size, size / (size + mean)).sum()
        return -optimize.minimize(minus, poisson.params, tol=1e-10).fun

    assert_allclose(2 * (infinite.llf - best(low)), CUT, atol=1e-3)
    data["y"] = rng.negative_binomial(20, 20 / 23, 80)
    finite = GLLAMM.from_formula("y ~ x", data, family=families.NegativeBinomial()).fit()
    with pytest.warns(ConvergenceWarning, match=r"logsize.* there is no upper limit"):
        assert finite.conf_int(method="profile", cols=["logsize[Intercept]"]).iloc[0, 1] == np.inf


def test_constraints(sleep):
    """Parameters that a constraint makes equal have one interval: that of the sum of columns."""
    data = sleep.assign(u=np.cos(np.arange(180)), v=np.sin(np.arange(180)) * 3)
    data["both"] = data.u + data.v
    formula = "Reaction ~ {} + Days + (1 | Subject)"
    model = GLLAMM.from_formula(formula.format("u + v"), data)
    equal = model.fit_constrained("u = v, Days = 10")
    with_offset = GLLAMM.from_formula("Reaction ~ both + (1 | Subject)", data, offset=10 * data.Days)
    limits, expected = (r.conf_int(method="profile") for r in (equal, with_offset.fit()))
    for name, other in {"u": "both", "v": "both", "Intercept": "Intercept",
                        "var[Intercept[Subject]]": "var[Intercept[Subject]]"}.items():
        assert_allclose(limits.loc[name], expected.loc[other], rtol=1e-5)
    assert np.isnan(limits.loc["Days"]).all()
    assert equal.profile("Days").summary_frame()["note"].tolist() == ["fixed"]


def test_constrained_covariances(sleep):
    """Coordinates of constrained matrices are variances and covariances themselves."""
    free = GLLAMM.from_formula(SLOPES, sleep)
    fixed = free.fit_constrained("cov[Intercept[Subject],Days[Subject]] = 0")
    bars = GLLAMM.from_formula("Reaction ~ Days + (Days || Subject)", sleep).fit()
    names = ["Days", "var[Intercept[Subject]]", "var[Days[Subject]]"]
    assert_allclose(fixed.conf_int(method="profile", cols=names),
                    bars.conf_int(method="profile", cols=names), rtol=1e-4)
    zero = fixed.profile("var[Days[Subject]]", alpha=1e-12).curves["var[Days[Subject]]"].points
    assert zero.index[0] == 0


def test_mixtures():
    """A class probability: the maximum over the other parameters by scipy."""
    data = datasets.lsat.load_pandas().data
    data = data[data["id"] % 3 == 0]
    model = GLLAMM.from_formula("y ~ 0 + (0 + item | c)", data, family=sm.families.Binomial(),
                                classes={"c": Classes(2, within="id")})
    res = model.fit(rng=0)
    curve = res.profile("prob[c=2]", alpha=0.4).curves["prob[c=2]"]
    for _, row in curve.points.iterrows():
        params = row[model.param_names].to_numpy(dtype=float)
        assert_allclose(model.loglike(params), row["loglik"], rtol=1e-9)
        score = model.score(params)
        assert np.abs(score[:-1]).max() < 0.02  # the others are at their maximum


def test_the_object(res, found, tmp_path):
    assert found.conf_int().index.tolist() == res.model.param_names
    assert_allclose(found.conf_int(), res.conf_int(method="profile"), rtol=1e-5)
    assert_allclose(found.conf_int(0.2), res.conf_int(0.2, method="profile"), rtol=2e-3)
    assert np.isnan(found.conf_int(1e-6)).all(axis=None)
    table = found.to_frame()
    assert table.columns[:4].tolist() == ["parameter", "value", "zeta", "loglik"]
    assert (table.groupby("parameter").size() >= 7).all()
    mine = table[table["parameter"] == "Days"]
    assert_allclose(mine["Days"], mine["value"])
    assert_allclose(mine["loglik"], res.llf - mine["zeta"]**2 / 2)
    for _, row in mine.iterrows():
        assert_allclose(res.model.loglike(row[res.model.param_names].to_numpy(float)), row["loglik"])
    again = pickle.loads(pickle.dumps(found))
    assert_allclose(again.conf_int(0.1), found.conf_int(0.1))
    assert "estimate" in str(found) and "Days" in repr(found)


def test_pictures(res, found):
    assert sum(ax.get_visible() for ax in found.plot().axes) == 6
    figure = res.plot_profile(["Days", CORR], kind="loglik")
    assert [ax.get_title().replace("\n", "") for ax in figure.axes] == ["Days", CORR]
    assert len(res.plot_profile(found, kind="loglik").axes) == 6
    with pytest.raises(ValueError, match="kind is 'zeta' or 'loglik'"):
        found.plot("line")


def test_a_fit_that_is_no_maximum(sleep):
    model = GLLAMM.from_formula(SLOPES, sleep)
    with pytest.warns(ConvergenceWarning):
        early = model.fit(maxiter=1)
    with pytest.warns(ConvergenceWarning, match="higher than that of the fit"):
        assert np.isnan(early.conf_int(method="profile", cols=["var[Days[Subject]]"])).all(axis=None)


def test_flat_and_refused(sleep):
    data = sleep.assign(x=sleep["Days"] * 2.0, y=0.0)
    light = GLLAMM.from_formula("Reaction ~ Days + (1 | Subject)", data).fit()
    light.remove_data()
    with pytest.raises(ValueError, match="remove_data"):
        light.profile()
    with pytest.raises(ValueError, match="no parameter"):
        GLLAMM.from_formula("Reaction ~ Days", data).fit().profile("x")


def test_back_to_the_surface(res):
    """A point whose function has the value asked for, from afar."""
    design = res.model.design
    surface = Surface(design, lambda p: p[..., 2], np.ones(6))
    for value in (1e-3, 20.0, 5e4):
        assert_allclose(surface.at(surface.back(res.record.working, value)), value, rtol=1e-10)


def test_equal_variances_that_reach_zero():
    """Variances of two bars that a constraint makes equal, whose zero is no coordinate's."""
    rng = np.random.default_rng(8)
    data = pd.DataFrame({"g": np.repeat(np.arange(12), 5), "x": rng.normal(size=60)})
    u = 0.2 * rng.normal(size=(2, 12))
    data["y"] = u[0][data.g] + u[1][data.g] * data.x + rng.normal(size=60)
    one = GLLAMM.from_formula("y ~ x + (x | g)", data, covariances={"g": "identity"}).fit()
    two = GLLAMM.from_formula("y ~ x + (1 | g) + (0 + x | g)", data).fit_constrained(
        "var[Intercept[g]] = var[x[g]]")
    name, expected = "var[Intercept[g]]", one.conf_int(method="profile").loc["var[Intercept[g]]"]
    assert one.params[name] > 0.01 and expected[0] == 0
    for other in (name, "var[x[g]]"):
        limits = two.conf_int(method="profile", cols=[other]).iloc[0]
        assert limits[0] == 0
        assert_allclose(limits[1], expected[1], rtol=1e-5)


def test_correlation_up_to_one(sleep):
    """A profile that does not meet the cut-off: the limit is one."""
    some = sleep[sleep["Subject"] < 333]
    res = GLLAMM.from_formula(SLOPES, some).fit()
    found = res.profile(CORR, alpha=0.001)
    low, high = found.conf_int().iloc[0]
    assert (low, high) == (-1, 1) or found.curves[CORR].limits[1].bound
    ninety = found.conf_int(0.5).iloc[0]
    assert -1 < ninety[0] < ninety[1] < 1


@pytest.mark.filterwarnings("ignore:at the boundary")
def test_correlation_of_one():
    """An estimate at the bound has a lower limit all the same: the fall by a formula of its own."""
    rng = np.random.default_rng(3)
    g, x, u = np.repeat(np.arange(12), 6), np.arange(6) / 2.5 - 1, rng.normal(size=12)
    y = u[:, None] * (1 + 0.8 * x) + 1.2 * rng.normal(size=72).reshape(12, 6)
    data = pd.DataFrame({"y": y.ravel(), "x": np.tile(x, 12), "g": g})
    res = GLLAMM.from_formula("y ~ x + (x | g)", data).fit()
    name, z = "corr[Intercept[g],x[g]]", np.column_stack([np.ones(6), x])
    assert res.variance_components().loc[name, "estimate"] == pytest.approx(1)
    low, high = res.conf_int(method="profile", cols=[name]).iloc[0]

    def fall(p):
        c = low * np.exp(p[2] + p[3])
        psi = np.array([[np.exp(2 * p[2]), c], [c, np.exp(2 * p[3])]])
        v = z @ psi @ z.T + np.exp(2 * p[4]) * np.eye(6)
        return res.llf - stats.multivariate_normal.logpdf(y, z @ p[:2], v).sum()

    best = optimize.minimize(fall, [0, 0, 0.3, 0, 0.2], method="Nelder-Mead",
                             options={"maxiter": 4000, "xatol": 1e-7, "fatol": 1e-10})
    assert high == 1 and 0 < low < 1
    assert_allclose(2 * best.fun, CUT, atol=1e-4)
