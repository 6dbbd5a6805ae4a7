"""Products in regressions of latent variables: with covariates, and what they are made of."""
import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor
from statsmodels_gllamm.exceptions import DataError, FormulaError
from statsmodels_gllamm.formula.regressions import Product, parse_regressions
from tests.integration.brute import binomial, normal_grid
from tests.integration.frames import random_params, slope_along

BINOMIAL = sm.families.Binomial()


@pytest.fixture
def data(rng):
    """Six items of persons g in schools s, two scales of three items; x, m of persons, w of schools."""
    s = np.repeat(np.arange(8), 4)
    person = pd.DataFrame({"s": s, "g": np.arange(32), "x": rng.normal(size=32),
                           "m": np.arange(32) % 2, "w": rng.normal(size=8)[s]})
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


def test_parsing():
    def parsed(text):
        (one,) = parse_regressions(text, {"f", "h", "k"})
        return one.causes, one.covariates, one.products, one.pairs

    assert parsed("k ~ f + f:x + x") == (("f",), "x", (Product("f", "x"),), ())
    assert parsed("k ~ f:C(m) + f:x:z") == ((), None, (Product("f", "0 + C(m) + x:z"),), ())
    assert parsed("k ~ f*x") == (("f",), "x", (Product("f", "x"),), ())
    assert parsed("k ~ f[g]*h[s:g] + x*z") == (
        ("f[g]", "h[s:g]"), "x*z", (), (("f[g]", "h[s:g]"),))
    for square in ("f:f", "I(f**2)", "I(f * f)"):
        assert parsed(f"k ~ f + {square}") == (("f",), None, (), (("f", "f"),))
    with pytest.raises(NotImplementedError, match="f:h:x"):
        parsed("k ~ f:h:x")


@pytest.mark.parametrize("column, family", [("y", BINOMIAL), ("z", None)])
def test_score(data, column, family, rng):
    """Two paths in succession depend on covariates, so that their products matter."""
    model = GLLAMM.from_formula(
        f"{column} ~ {BARS}", data, family=family, factors=scales(),
        regressions=["h[g] ~ f[g]*x + w + f[g]:w", "f ~ x + m", "f[g] ~ h[s] + h[s]:m"])
    names = model.param_names
    assert [n for n in names if n.startswith("b[")] == [
        "b[h[g] on f[g]]", "b[h[g] on f[g]:x]", "b[h[g] on f[g]:w]", "b[f[g] on h[s]]",
        "b[f[g] on h[s]:m]"]
    params = random_params(model, rng)
    for rule in ({"integration": "laplace"}, {"n_quad": 3}):
        slopes = [slope_along(lambda p, rule=rule: model.loglike(p, **rule), params, e, h=1e-3)
                  for e in np.eye(len(params))]
        assert_allclose(model.score(params, **rule), slopes, rtol=0, atol=2e-6 * np.abs(slopes).max())


def test_brute(data, rng):
    """h = (b + c x) f + g x + zeta; the integral over f and zeta on a lattice."""
    model = GLLAMM.from_formula("y ~ 0 + item + (0 + f | g) + (0 + h | g)", data, family=BINOMIAL,
                                factors=scales(), regressions="h ~ f*x")
    params = pd.Series(random_params(model, rng), index=model.param_names)
    u, log_weight = normal_grid()
    one, two = np.meshgrid(u, u, indexing="ij")
    grid_weight = log_weight[:, None] + log_weight[None, :]
    total = 0.0
    for _, rows in data.groupby("g"):
        x = rows["x"].iloc[0]
        f = np.sqrt(params["var[f[g]]"]) * one
        h = ((params["b[h[g] on f[g]]"] + params["b[h[g] on f[g]:x]"] * x) * f
             + params["gamma[h[g] on x]"] * x + np.sqrt(params["var[h[g]]"]) * two)
        log_density = grid_weight.copy()
        for item, y in zip(rows["item"], rows["y"]):
            loading = params.get(f"lambda[{'f' if item in 'abc' else 'h'},{item}]", 1.0)
            log_density += binomial(y, params[f"item[{item}]"] + loading * (
                f if item in "abc" else h))
        total += np.logaddexp.reduce(log_density, axis=None)
    assert_allclose(model.loglike(params, n_quad=31), total, rtol=0, atol=1e-7)


def test_a_category_has_a_slope_of_its_own(data, rng):
    """f + f:m and f:C(m) are the same slopes; so are those of a column for each half."""
    data = data.assign(even=1.0 - data["m"], c=np.where(data["m"] == 1, "odd", "even"))

    def model(text):
        return GLLAMM.from_formula("y ~ 0 + item + (0 + f | g) + (0 + h | g)", data,
                                   family=BINOMIAL, factors=scales(), regressions=text)

    one, two, three = model("h ~ f + f:C(c)"), model("h ~ f:C(c)"), model("h ~ f:m + f:even")
    assert one.param_names[-5:-2] != two.param_names[-5:-2]
    params = pd.Series(random_params(one, rng), index=one.param_names)
    own = {name: name.replace("b[h[g] on f[g]:", "")[:-1] for name in two.param_names if ":" in name}
    assert sorted(own.values()) == ["C(c)[even]", "C(c)[odd]"]
    slope = params["b[h[g] on f[g]]"]
    values = {"even": slope, "odd": slope + params["b[h[g] on f[g]:C(c)[T.odd]]"]}
    for other, names in ((two, ("C(c)[even]", "C(c)[odd]")), (three, ("even", "m"))):
        moved = params.copy()
        for name, key in zip(names, values):
            moved[f"b[h[g] on f[g]:{name}]"] = values[key]
        assert_allclose(other.loglike(moved[other.param_names]), one.loglike(params), rtol=1e-12)


def test_gaussian_is_its_covariance_matrix(data, rng):
    """With x of two values the model is a two-group model, by covariance matrices."""
    model = GLLAMM.from_formula("z ~ 0 + item + (0 + f | g) + (0 + h | g)", data, factors=scales(),
                                regressions="h ~ f + f:m + m")
    params = pd.Series(random_params(model, rng), index=model.param_names)
    loading = np.array([[1, params["lambda[f,b]"], params["lambda[f,c]"], 0, 0, 0],
                        [0, 0, 0, 1, params["lambda[h,e]"], params["lambda[h,f]"]]]).T
    total = 0.0
    for m in (0, 1):
        inverse = np.array([[1, 0], [params["b[h[g] on f[g]]"] + m * params["b[h[g] on f[g]:m]"], 1]])
        psi = inverse @ np.diag(params[["var[f[g]]", "var[h[g]]"]]) @ inverse.T
        sigma = loading @ psi @ loading.T + np.exp(2 * params["logsd[Intercept]"]) * np.eye(6)
        mean = params[[f"item[{k}]" for k in "abcdef"]].to_numpy() + loading @ inverse @ [
            0, params["gamma[h[g] on m]"] * m]
        y = data.loc[data["m"] == m, "z"].to_numpy().reshape(-1, 6) - mean
        total -= 0.5 * (np.einsum("gi,ij,gj", y, np.linalg.inv(sigma), y)
                        + len(y) * np.linalg.slogdet(2 * np.pi * sigma)[1])
    assert_allclose(model.loglike(params), total, rtol=1e-11)


def test_from_wide(data, rng):
    wide = data.pivot(index="g", columns="item", values="z").join(
        data.drop_duplicates("g").set_index("g")[["x"]])
    model = GLLAMM.from_wide(wide.rename(columns={"f": "k"}),
                             "f =~ a + b + c; h =~ d + e + k; h ~ f + x + f:x")
    assert "b[h[id] on f[id]:x]" in model.param_names


@pytest.mark.parametrize(("regressions", "error", "text"), [
    ("h[g] ~ f + f:t", DataError, "'t' of h.g. varies within cluster 0 of 'g'"),
    (["h[g] ~ f:x", "h[g] ~ f + f:x"], FormulaError, "b.h.g. on f.g.:x. twice"),
    (["h[g] ~ f:h[s]", "h[s] ~ f:x"], FormulaError, "lower level"),
    (["h[g] ~ f:x", "f ~ h[g]:x"], FormulaError, "depend on itself"),
    ("h[g] ~ f:unknown", FormulaError, "'unknown'"),
    ("h[g] ~ f:f", NotImplementedError, "f.g. is not of the highest level"),
])
def test_errors(data, regressions, error, text):
    with pytest.raises(error, match=text):
        GLLAMM.from_formula(f"y ~ {BARS}", data, family=BINOMIAL, factors=scales(),
                            regressions=regressions)


# Latent variable times latent variable

def interaction(data, column="y", family=BINOMIAL, regressions="h[g] ~ f*h[s]", bars=None, **kwds):
    bars = bars or "(0 + f | g) + (0 + h | g) + (0 + h | s)"
    return GLLAMM.from_formula(f"{column} ~ 0 + item + {bars}", data, family=family,
                               factors=scales(), regressions=regressions, **kwds)


@pytest.mark.parametrize("column, family", [("y", BINOMIAL), ("z", None)])
@pytest.mark.parametrize("regressions, given", [
    (["h[g] ~ f + h[s] + f:h[s] + x:f", "h[s] ~ w", "f ~ x"], [2]),  # across levels
    (["h[g] ~ f + I(h[s]**2)"], [2]),  # no other latent variable at the level
])
def test_score_of_products(data, column, family, regressions, given, rng):
    model = interaction(data[data["s"] < 4], column, family, regressions)
    assert model.design.given.tolist() == given
    params = random_params(model, rng)
    directions = rng.normal(size=(4, len(params)))
    slopes = [slope_along(lambda p: model.loglike(p, n_quad=4), params, e, h=1e-3)
              for e in directions]
    score = model.score(params, n_quad=4)
    assert_allclose(directions @ score, slopes, rtol=1e-7)
    assert_allclose(model.score_obs(params, n_quad=4).sum(0), score, rtol=1e-10)


@pytest.mark.parametrize("column", ["y", "z"])
def test_brute_across_levels(data, column, rng):
    """h[g] = (b + c k) f[g] + d k + e k^2 + zeta with k of the school, persons within schools."""
    data = data[data["s"] < 3]
    family = BINOMIAL if column == "y" else None
    model = interaction(data, column, family, "h[g] ~ f*h[s] + h[s]:h[s]")
    p = pd.Series(random_params(model, rng), index=model.param_names)
    u = np.linspace(-7.5, 7.5, 61 if column == "y" else 101)
    log_weight = -0.5 * u**2 - 0.5 * np.log(2 * np.pi) + np.log(u[1] - u[0])
    k = np.sqrt(p["var[h[s]]"]) * u[:, None, None]
    f = np.sqrt(p["var[f[g]]"]) * u[:, None]
    slope = p["b[h[g] on f[g]]"] + p["b[h[g] on f[g]:h[s]]"] * k
    own = (slope * f + p["b[h[g] on h[s]]"] * k + p["b[h[g] on h[s]:h[s]]"] * k**2
           + np.sqrt(p["var[h[g]]"]) * u)
    total = 0.0
    for _, school in data.groupby("s"):
        inside = log_weight.copy()
        for _, rows in school.groupby("g"):
            log_density = np.zeros(own.shape) + log_weight[:, None] + log_weight
            for item, y in zip(rows["item"], rows[column]):
                scale, eta = ("f", f) if item in "abc" else ("h", own + k)
                nu = p[f"item[{item}]"] + p.get(f"lambda[{scale},{item}]", 1.0) * eta
                if column == "y":
                    log_density = log_density + binomial(y, nu)
                else:
                    s = p["logsd[Intercept]"]
                    log_density = log_density - 0.5 * np.log(2 * np.pi) - s - 0.5 * (
                        (y - nu) / np.exp(s))**2
            inside += np.logaddexp.reduce(log_density.reshape(len(u), -1), axis=1)
        total += np.logaddexp.reduce(inside)
    assert_allclose(model.loglike(p, n_quad=31), total, rtol=0, atol=1e-7)


def test_either_factor_may_be_the_moderator(data, rng):
    """The first of correlated latent variables is; the model is the same."""
    bars = "({} | g) + (0 + k | g)"
    data = data.assign(half=(data["item"] < "d") * 1.0)
    factors = {"k": Factor("item", loadings=[None, None, None, None, None, 1.0])}

    def model(first, second):
        return GLLAMM.from_formula(
            "y ~ 0 + item + " + bars.format(f"0 + {first} + {second}"), data, family=BINOMIAL,
            factors=factors, regressions=f"k ~ {first}[g] + {second}[g] + {second}[g]:{first}[g]")

    one, two = model("t", "half"), model("half", "t")
    assert one.design.given.tolist() == two.design.given.tolist() == [0]
    params = pd.Series(random_params(one, rng), index=one.param_names)
    other = params.rename({"cov[t[g],half[g]]": "cov[half[g],t[g]]",
                           "b[k[g] on t[g]:half[g]]": "b[k[g] on half[g]:t[g]]"})
    assert_allclose(one.loglike(params, n_quad=31), two.loglike(other[two.param_names], n_quad=31),
                    rtol=0, atol=1e-7)
    none = params.copy()
    none["b[k[g] on t[g]:half[g]]"] = 0.0
    plain = GLLAMM.from_formula(
        "y ~ 0 + item + " + bars.format("0 + t + half"), data, family=BINOMIAL, factors=factors,
        regressions="k ~ t[g] + half[g]")
    assert_allclose(one.loglike(none, n_quad=31), plain.loglike(none[plain.param_names], n_quad=31),
                    rtol=0, atol=1e-7)


def test_weights_and_identical_units(data, rng):
    """A weight of two stands for two identical clusters."""
    twice = data.assign(s=data["s"] + 8, g=data["g"] + 32)
    weighted = interaction(data.assign(two=1.0 + (data["s"] < 3)), freq_weights={"s": "two"})
    repeated = interaction(pd.concat([data, twice[data["s"] < 3]]))
    params = random_params(weighted, rng)
    assert_allclose(weighted.loglike(params, n_quad=5), repeated.loglike(params, n_quad=5), rtol=1e-12)
    assert_allclose(weighted.score(params, n_quad=5), repeated.score(params, n_quad=5), rtol=1e-9)


def kenny_judd(rng, n):
    """Two factors and their product on a third, three Gaussian indicators each."""
    f = rng.multivariate_normal([0, 0], [[1, 0.3], [0.3, 1]], size=n)
    dep = 0.5 * f[:, 0] + 0.3 * f[:, 1] + 0.4 * f[:, 0] * f[:, 1] + 0.7 * rng.normal(size=n)
    x = np.repeat(np.column_stack([f, dep]), 3, axis=1) * np.tile([1, 0.8, 1.2], 3)
    return pd.DataFrame(x + 0.6 * rng.normal(size=x.shape), columns=[
        f"{name}{k}" for name in "abd" for k in (1, 2, 3)])


def test_fit():
    wide = kenny_judd(np.random.default_rng(2), 60)
    text = "f =~ a1 + a2 + a3; h =~ b1 + b2 + b3; dep =~ d1 + d2 + d3; dep ~ f + h + f:h"
    results = GLLAMM.from_wide(wide, text).fit(n_quad=6, threads=1)
    assert results.converged and results.certificate.passed and not results.certificate.exact
    truth = {"b[dep[id] on f[id]]": 0.5, "b[dep[id] on h[id]]": 0.3, "b[dep[id] on f[id]:h[id]]": 0.4,
             "var[f[id]]": 1.0, "var[dep[id]]": 0.49}
    for name, value in truth.items():
        assert abs(results.params[name] - value) < 3.5 * results.bse[name]
    best = results.model.loglike(results.params, n_quad=63)
    assert abs(best - results.llf - results.certificate.error_loglik) < 1e-3


@pytest.mark.parametrize(("regressions", "text"), [
    ("h[g] ~ f:f", "f.g. is not of the highest level"),
    (["h[g] ~ h[s]:h[s] + f", "h[s] ~ k[s]"], "h.s. is regressed on other latent variables"),
    ("h[g] ~ f:h[s]:x", "two latent variables and more"),
])
def test_errors_of_products(data, regressions, text):
    bars = "(0 + f | g) + (0 + h | g) + (0 + h | s) + (0 + k | s)"
    factors = {**scales(), "k": Factor("item", loadings=[1, 0, 0, 1, 0, 0])}
    with pytest.raises(NotImplementedError, match=text):
        GLLAMM.from_formula(f"y ~ 0 + item + {bars}", data, family=BINOMIAL, factors=factors,
                            regressions=regressions)


def test_gaussian_mixtures_by_patterns_are_those_of_the_engine(rng):
    """The closed form of every component, against the engine that visits every row."""
    eta = rng.normal(size=(40, 3))
    wide = pd.DataFrame(np.repeat(eta, 2, axis=1) + 0.5 * rng.normal(size=(40, 6)),
                        columns=["a1", "a2", "b1", "b2", "d1", "d2"])
    wide.iloc[:7, 1] = np.nan
    model = GLLAMM.from_wide(wide, "f =~ a1 + a2; h =~ b1 + b2; d =~ d1 + d2; d ~ f + h + f:h")
    assert model._patterns is not None
    working = model.design.to_working(model.start_params) + 0.1 * rng.normal(
        size=len(model.param_names))
    closed, engine = (make((5,)).at(working) for make in (model._likelihood, model._objective))
    assert_allclose(closed.loglik, engine.loglik, rtol=1e-12)
    assert_allclose(closed.unit_scores, engine.unit_scores, atol=1e-9)
