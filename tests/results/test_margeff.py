"""Marginal effects against statsmodels, closed forms, brute force and differences of predictions."""

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy.special import expit
import statsmodels.api as sm
import statsmodels.formula
import statsmodels.formula.api as smf

from statsmodels_gllamm import GLLAMM, Classes, families

BINOMIAL, POISSON = sm.families.Binomial(), sm.families.Poisson()
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(80)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
KINDS = [{}, {"dummy": True}, {"count": True}, {"dummy": True, "count": True}]


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(1)
    n = 300
    frame = pd.DataFrame({"x": rng.normal(size=n), "b": rng.integers(0, 2, n), "k": rng.poisson(2, n),
                          "g": rng.choice(list("uvw"), n), "id": np.arange(n) // 5})
    nu = 0.5 * frame.x + 0.3 * frame.b - 0.2 * frame.k + rng.normal(size=60)[frame.id]
    return frame.assign(y=(rng.random(n) < expit(nu)).astype(int), c=rng.poisson(np.exp(0.5 * nu)),
                        grade=np.digitize(nu + rng.logistic(size=n), [-1, 1]),
                        size=rng.uniform(0.5, 2, n), w=1 + frame.id % 2)


@pytest.fixture(scope="module")
def random_intercept(data):
    return GLLAMM.from_formula("y ~ x * b + g + (1 | id)", data, family=BINOMIAL).fit(n_quad=9)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # statsmodels' own
@pytest.mark.parametrize("method", ["dydx", "eyex", "dyex", "eydx"])
@pytest.mark.parametrize("at", ["overall", "mean", "median", "zero"])
def test_statsmodels(data, at, method):
    theirs = smf.logit("y ~ x + b + k + g", data).fit(disp=0, tol=1e-10)
    mine = GLLAMM.from_formula("y ~ x + b + k + g", data, family=BINOMIAL).fit(tol=1e-14)
    for kinds in KINDS:
        try:
            expected = theirs.get_margeff(at=at, method=method, **kinds)
        except ValueError:
            with pytest.raises(ValueError, match="no meaning for discrete variables"):
                mine.get_margeff(at=at, method=method, of="columns", **kinds)
            continue
        found = mine.get_margeff(at=at, method=method, of="columns", **kinds)
        assert_allclose(found.margeff, expected.margeff, atol=1e-6)
        error = np.nan_to_num(found.margeff_se)  # they have an error of zero for what is constant
        assert_allclose(error, expected.margeff_se, rtol=1e-4)
    frame, theirs = found.summary_frame(), expected.summary_frame()
    assert list(frame.columns) == list(theirs.columns) and frame.shape == theirs.shape


def test_statsmodels_others(data):
    theirs = smf.poisson("c ~ x + b", data).fit(disp=0, tol=1e-10).get_margeff()
    mine = GLLAMM.from_formula("c ~ x + b", data, family=POISSON).fit(tol=1e-14).get_margeff()
    assert_allclose(mine.margeff, theirs.margeff, atol=1e-6)
    assert_allclose(mine.margeff_se, theirs.margeff_se, rtol=1e-4)
    codes = data.assign(g=data.g.map({"u": 0, "v": 1, "w": 2}))
    theirs = smf.mnlogit("g ~ x + k", codes).fit(disp=0, tol=1e-10).get_margeff()
    model = GLLAMM.from_formula("g ~ x + k", data, family=families.Nominal())
    mine = model.fit(tol=1e-14).get_margeff()
    assert_allclose(mine.margeff, theirs.margeff, atol=1e-6)
    assert_allclose(mine.margeff_se, theirs.margeff_se, rtol=1e-4)
    assert mine.outcomes == ("u", "v", "w") and mine.conf_int().shape == (2, 2, 3)
    assert mine.summary_frame().index[2] == ("v", "x")
    assert "g = w" in str(mine)
    assert_allclose(mine.margeff.sum(axis=1), 0, atol=1e-9)


def test_all_rows(random_intercept):
    every = random_intercept.get_margeff(at="all")
    overall = random_intercept.get_margeff()
    assert every.margeff.shape == (300, 4)
    assert_allclose(every.margeff.mean(axis=0), overall.margeff, atol=1e-12)
    with pytest.raises(ValueError, match="at='all' has the effect of every row"):
        every.summary()


def by_hand(fit, data):
    """Effects of x, b (as a number) and g by quadrature of its own, as a function of parameters."""
    def effects(params):
        p = pd.Series(params, fit.model.param_names)
        sd = np.sqrt(p["var[Intercept[id]]"])

        def mean(frame, slope=None):
            nu = (p["Intercept"] + p["x"] * frame.x + p["b"] * frame.b + p["x:b"] * frame.x * frame.b
                  + p["g[T.v]"] * (frame.g == "v") + p["g[T.w]"] * (frame.g == "w"))
            f = expit(nu.to_numpy()[:, None] + sd * NODES)
            if slope is None:
                return f @ WEIGHTS
            return slope * ((f * (1 - f)) @ WEIGHTS)

        g = [mean(data.assign(g=level)) for level in "uvw"]
        return [mean(data, p["x"] + p["x:b"] * data.b).mean(),
                mean(data, p["b"] + p["x:b"] * data.x).mean(),
                (g[1] - g[0]).mean(), (g[2] - g[0]).mean()]

    return effects


def test_random_intercept(random_intercept, data):
    found = random_intercept.get_margeff()
    assert found.names == ("x", "b", "g[v - u]", "g[w - u]")
    hand = random_intercept.nonlinear(by_hand(random_intercept, data))
    assert_allclose(found.margeff, hand["estimate"], atol=1e-8)
    assert_allclose(found.margeff_se, hand["std_err"], rtol=1e-5)
    robust = random_intercept.with_cov_type("robust")
    assert_allclose(robust.get_margeff().margeff_se,
                    robust.nonlinear(by_hand(robust, data))["std_err"], rtol=1e-5)
    some = random_intercept.get_margeff(variables=["g", "x"])
    assert some.names == ("g[v - u]", "g[w - u]", "x")
    assert_allclose(some.margeff_cov[0, 0], found.margeff_cov[2, 2], rtol=1e-8)
    frame = found.summary_frame(0.1)
    assert_allclose(frame["Pr(>|z|)"], found.pvalues)
    assert_allclose(frame["Conf. Int. Low"], found.margeff - 1.6448536 * found.margeff_se, rtol=1e-6)


def test_functions_of_a_variable(data):
    fit = GLLAMM.from_formula("y ~ x + I(x**2) + np.log(size)", data, family=BINOMIAL).fit()
    p, b = fit.predict(), fit.params
    found = fit.get_margeff(method="dyex")
    slope = b["x"] + 2 * b["I(x ** 2)"] * data.x
    assert_allclose(found.margeff, [(p * (1 - p) * slope * data.x).mean(),
                                    (p * (1 - p)).mean() * b["np.log(size)"]], atol=1e-7)
    elastic = fit.get_margeff(method="eyex").margeff
    assert_allclose(elastic[1], (1 - p).mean() * b["np.log(size)"], atol=1e-7)


@pytest.mark.parametrize("engine", ["patsy", "formulaic"])
def test_spline(data, engine, monkeypatch):
    monkeypatch.setattr(statsmodels.formula.options, "formula_engine", engine)
    fit = GLLAMM.from_formula("y ~ bs(x, df=4)", data, family=BINOMIAL).fit()
    every = fit.get_margeff(at="all").margeff[:, 0]
    h, edge = 1e-3, [data.x.idxmin(), data.x.idxmax()]
    inner = data[data.x.between(data.x.min() + h, data.x.max() - h)]
    up, down = (fit.predict(inner.assign(x=inner.x + s * h)) for s in (1, -1))
    assert_allclose(every[inner.index], (up - down) / (2 * h), atol=1e-6)
    points = np.polynomial.Polynomial.fit
    for row, side in zip(edge, (1, -1)):
        x = data.x[row] + side * np.linspace(0, 0.05, 12)
        curve = points(x, fit.predict(pd.DataFrame({"x": x})), 5)
        assert_allclose(every[row], curve.deriv()(data.x[row]), rtol=1e-4)


def test_exposure_and_weights(data):
    fit = GLLAMM.from_formula("c ~ x + (1 | id)", data, family=POISSON, exposure="size",
                              freq_weights={"id": "w"}).fit(n_quad=7)
    mean = np.average(fit.predict(), weights=data.w)
    assert_allclose(fit.get_margeff().margeff, fit.params["x"] * mean, rtol=1e-7)
    assert_allclose(fit.get_margeff(of="columns").margeff, fit.params["x"] * mean, rtol=1e-7)
    row = {"x": [np.average(data.x, weights=data.w)]}
    offset = np.average(np.log(data["size"]), weights=data.w)
    at_mean = fit.model.predict(fit.params, pd.DataFrame(row), offset=offset)
    assert_allclose(fit.get_margeff(at="mean").margeff, fit.params["x"] * at_mean, rtol=1e-7)


def test_at(random_intercept, data):
    fit = random_intercept
    common = data.g.mode()[0]
    row = pd.DataFrame({"x": data.x.median(), "b": data.b.median(), "g": common}, index=[0])

    def slope(row, which="mean"):
        h = 1e-4
        up, down = (fit.predict(row.assign(x=row.x + s * h), which=which).mean() for s in (1, -1))
        return (up - down) / (2 * h)

    def effect(**more):
        return fit.get_margeff(variables="x", **more).margeff[0]

    assert_allclose(effect(at="median"), slope(row), rtol=1e-6)
    assert_allclose(effect(at="zero"), slope(row.assign(x=0.0, b=0, g="u")), rtol=1e-6)
    assert_allclose(effect(at="median", atexog={"b": 1}), slope(row.assign(b=1)), rtol=1e-6)
    assert_allclose(effect(atexog={"b": 1}), slope(data.assign(b=1)), rtol=1e-6)
    assert_allclose(effect(atexog=data[:7]), slope(data[:7]), rtol=1e-6)
    assert_allclose(effect(latent="zero"), slope(data, "conditional"), rtol=1e-6)
    assert_allclose(effect(latent="posterior"), slope(data, "posterior"), rtol=1e-6)


@pytest.mark.filterwarnings("ignore:at the boundary")
def test_latent_variables_that_do_not_matter(data):
    fit = GLLAMM.from_formula("x ~ b + (k | id)", data).fit()
    found = fit.get_margeff()
    assert found.names == ("b", "k")
    assert_allclose(found.margeff, [fit.params["b"], 0], atol=1e-12)
    assert_allclose(found.margeff_se[0], fit.bse["b"], rtol=1e-6)
    assert np.isnan(found.margeff_se[1])


def test_ordinal(data):
    fit = GLLAMM.from_formula("grade ~ x + g + (1 | id)", data, family=families.Ordinal()).fit(n_quad=5)
    found = fit.get_margeff()
    assert found.margeff.shape == found.margeff_se.shape == (3, 3)
    h = 1e-4
    up, down = (fit.predict(data.assign(x=data.x + s * h), which="prob") for s in (1, -1))
    assert_allclose(found.margeff[0], (up - down).mean() / (2 * h), atol=1e-7)
    v, u = (fit.predict(data.assign(g=level), which="prob") for level in "vu")
    assert_allclose(found.margeff[1], (v - u).mean(), atol=1e-9)


def test_mixed_and_classes(data):
    form = np.where(data.index % 2, "yes", "much")
    both = data.assign(form=form, r=np.where(form == "yes", data.y, data.x + data.k))
    fit = GLLAMM.from_formula("r ~ b + (1 | id)", both, family_by="form", family={
        "yes": BINOMIAL, "much": sm.families.Gaussian()}).fit(n_quad=5)
    found = fit.get_margeff()
    assert found.outcomes == ("yes", "much")
    assert_allclose(found.margeff[0, 1], fit.params["b"], rtol=1e-8)
    with pytest.raises(NotImplementedError, match="not available for mixed responses"):
        fit.get_margeff(at="mean")
    fit = GLLAMM.from_formula("y ~ x + (1 | c)", data, family=BINOMIAL,
                              classes={"c": Classes(2, within="id", centered=True)}).fit(rng=0)
    h = 1e-4
    up, down = (fit.predict(data.assign(x=data.x + s * h)) for s in (1, -1))
    assert_allclose(fit.get_margeff().margeff, (up - down).mean() / (2 * h), rtol=1e-6)
    classes = {"c": Classes(2, within="id")}
    fit = GLLAMM.from_formula("r ~ b + (1 | c)", both, family_by="form", classes=classes, family={
        "yes": BINOMIAL, "much": sm.families.Gaussian()}).fit(rng=0, starts=2)
    found = fit.get_margeff()
    assert found.outcomes == ("yes", "much")
    assert_allclose(found.margeff[0, 1], fit.params["b"], rtol=1e-8)


@pytest.mark.parametrize("family", [families.Ordinal(), families.Nominal()])
def test_categories_of_classes_have_effects_each(data, family):
    graded = data.assign(r=np.array(["a", "b", "c"])[(data.k + data.y) % 3])
    graded["r"] = pd.Categorical(graded["r"], ordered=True)
    fit = GLLAMM.from_formula("r ~ x + (1 | c)", graded, family=family,
                              classes={"c": Classes(2, within="id")}).fit(rng=0, starts=2)
    h = 1e-4
    up, down = (fit.predict(graded.assign(x=graded.x + s * h), which="prob") for s in (1, -1))
    found = fit.get_margeff()
    assert found.outcomes == ("a", "b", "c")
    assert_allclose(found.margeff[0], (up - down).mean() / (2 * h), rtol=1e-6, atol=1e-10)
    with pytest.raises(ValueError, match="categories that are not numbers"):
        fit.get_prediction()


def test_arrays_and_removed_data(data, random_intercept):
    exog = sm.add_constant(data[["x", "k"]].to_numpy())
    arrays = GLLAMM(data.y.to_numpy(), exog, groups=data.id.to_numpy(), family=BINOMIAL).fit(n_quad=9)
    formula = GLLAMM.from_formula("y ~ x + k + (1 | id)", data, family=BINOMIAL).fit(n_quad=9)
    assert_allclose(arrays.get_margeff().margeff, formula.get_margeff().margeff, atol=1e-7)
    at = arrays.get_margeff(atexog={2: 1.0}).margeff
    assert_allclose(at, formula.get_margeff(atexog={"k": 1.0}).margeff, atol=1e-7)
    whole = formula.get_margeff(atexog=data).margeff
    formula.remove_data()
    assert_allclose(formula.get_margeff(atexog=data).margeff, whole, rtol=1e-12)
    with pytest.raises(ValueError, match=r"remove_data\(\) has removed"):
        formula.get_margeff()


@pytest.mark.parametrize("arguments, message", [
    ({"at": "median row"}, "at must be one of 'overall', 'mean'"),
    ({"method": "ey"}, "method must be one of 'dydx'"),
    ({"variables": "q"}, "variables has 'q'; there are x, b, g"),
    ({"method": "eyex"}, "no meaning for 'g', which is categorical"),
    ({"atexog": {"q": 1}}, "atexog has no column 'q'"),
    ({"latent": "mode"}, "latent must be one of 'integrate', 'zero', 'posterior'"),
    ({"of": "rows"}, "of must be 'variables' or 'columns'"),
    ({"atexog": np.ones((2, 2))}, "arrays of columns of exog go with of='columns'"),
])
def test_errors(random_intercept, arguments, message):
    with pytest.raises(ValueError, match=message):
        random_intercept.get_margeff(**arguments)


@pytest.fixture(scope="module")
def choices():
    rng = np.random.default_rng(4)
    trips, mode = 80, np.array(["bus", "car", "rail"])
    frame = pd.DataFrame({"trip": np.repeat(np.arange(trips), 3), "mode": np.tile(mode, trips),
                          "price": rng.uniform(1, 5, 3 * trips), "person": np.arange(3 * trips) // 12,
                          "income": np.repeat(rng.normal(size=trips), 3)})
    utility = (rng.normal(size=20)[frame.person] - 0.5) * frame.price
    utility += (frame["mode"] == "car") * (1 + 0.5 * frame.income)
    utility += rng.gumbel(size=len(frame))
    return frame.assign(y=(utility == utility.groupby(frame.trip).transform("max")) * 1)


def fit_choices(choices, bars="", **more):
    return GLLAMM.from_formula("y ~ C(mode) + price + I((mode == 'car') * income)" + bars, choices,
                               family=families.Choice(set="trip", alternative="mode")).fit(**more)


def test_choices_in_closed_form(choices):
    """Conditional logit: d P_b / d x_a = beta P_a (1[a = b] - P_b)."""
    fit = fit_choices(choices)
    assert fit.get_margeff().names[-1] == "income"
    p = np.asarray(fit.predict()).reshape(-1, 3)
    x = choices.price.to_numpy().reshape(-1, 3)
    slope = fit.params["price"] * np.einsum("na,nab->nab", p, np.eye(3) - p[:, None])
    found = fit.get_margeff(variables="price")
    assert found.outcomes == ("bus", "car", "rail")
    assert found.names == ("price[bus]", "price[car]", "price[rail]")
    assert_allclose(found.margeff, slope.mean(axis=0), atol=1e-8)
    elastic = fit.get_margeff(variables="price", method="eyex")
    assert_allclose(elastic.margeff, (slope * x[:, :, None] / p[:, None]).mean(axis=0), atol=1e-7)
    income = fit.get_margeff(variables="income")
    b = fit.params["I((mode == 'car') * income)"]
    own = b * p[:, 1, None] * (np.array([0, 1, 0]) - p)
    assert income.names == ("income",)
    assert_allclose(income.margeff[0], own.mean(axis=0), atol=1e-8)


@pytest.mark.filterwarnings("ignore:the error of the rule")
def test_choices_with_latent_variables(choices):
    fit = fit_choices(choices, " + (0 + price | person)", n_quad=5)
    h, car = 1e-4, (choices["mode"] == "car") * 1.0
    for latent, keywords in {"integrate": {}, "posterior": {"given": "posterior"}}.items():
        found = fit.get_margeff(variables="price", latent=latent)
        up, down = (fit.predict(choices.assign(price=choices.price + s * h * car), which="prob",
                                **keywords).groupby(choices["mode"]).mean() for s in (1, -1))
        assert_allclose(found.margeff[1], (up - down) / (2 * h), atol=1e-6)
        assert_allclose(found.margeff.sum(axis=1), 0, atol=1e-8)
        assert (found.margeff_se > 0).all()
    with pytest.raises(NotImplementedError, match="not available for choices, whose rows"):
        fit.get_margeff(at="mean")
    model = GLLAMM.from_formula("y ~ C(mode) + price", choices, family=families.Choice(set="trip"))
    with pytest.raises(NotImplementedError, match="needs the alternatives' labels; name their column"):
        model.fit().get_margeff()
