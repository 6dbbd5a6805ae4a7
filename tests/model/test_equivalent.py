"""One structural model in other parameters: the same log-likelihood, given how they are mapped.

Laplace's approximation is used where the parametrisations have different dimensions: integrating
what is Gaussian given the rest is exact in it, so that it is the same in both.
"""
import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor, families
from tests.integration.frames import random_params

KINDS = {
    "Gaussian": ("z", {}),
    "binary": ("y", {"family": sm.families.Binomial()}),
    "ordinal": ("grade", {"family": families.Ordinal(), "thresholds": "0 + item"}),
}
ITEMS = list("abcdef")


@pytest.fixture(scope="module")
def data():
    """Six items of 60 persons g in 12 schools s, two at a time of three scales; x of persons."""
    rng = np.random.default_rng(11)
    s = np.repeat(np.arange(12), 5)
    x = rng.normal(size=60)
    eta = 0.6 * x + rng.normal(size=12)[s] * 0.7 + rng.normal(size=60)
    data = pd.DataFrame({"s": s, "g": np.arange(60), "x": x, "eta": eta})
    data = data.loc[data.index.repeat(6)].reset_index(drop=True)
    data["item"] = np.tile(ITEMS, 60)
    nu = data["eta"] * np.tile([1.0, 0.8, 1.3, 0.6, 1.1, 0.9], 60)
    error = rng.logistic(size=360)
    data["z"], data["y"] = nu + 0.5 * error, (nu + error > 0) * 1
    data["grade"] = np.digitize(nu + error, [-1.0, 0.8])
    return data


def make(kind, data, bars, factors, fixed="0 + item", **options):
    response, family = KINDS[kind]
    if kind == "ordinal":  # thresholds of every item are its intercepts
        fixed = fixed.replace("0 + item", "0", 1)
    return GLLAMM.from_formula(f"{response} ~ {fixed} + {bars}", data, factors=factors, **family,
                               **options)


def draw(model, rng):
    """Parameters by name; thresholds in order."""
    params = pd.Series(random_params(model, rng), model.param_names)
    for item in ITEMS:
        cuts = [name for name in params.index if name.startswith(f"cut[item[{item}]")]
        params[cuts] = np.linspace(-1.0, 1.0, len(cuts))
    return params


def equal(one, params, two, other, rule=None):
    """The second model's parameters are those of the first, changed and added to by ``other``."""
    changed = params.copy()
    for name, value in other.items():
        changed[name] = value
    rule = {"n_quad": 5} if rule is None else rule
    value = two.loglike(changed[two.param_names], **rule)
    assert_allclose(value, one.loglike(params, **rule), rtol=1e-11)
    name = next(iter(other))  # and the map matters
    changed[name] += 0.1
    assert abs(two.loglike(changed[two.param_names], **rule) - value) > 1e-3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bars", ["(0 + f | g)", "(0 + f | s / g)"], ids=["one level", "two levels"])
def test_first_loading_one_or_unit_variance(kind, bars, data, rng):
    """lambda sd in place of lambda; at two levels the variances keep their ratio."""
    marker = make(kind, data, bars, {"f": Factor("item")})
    params = draw(marker, rng)
    low = "var[f[g]]" if "s" not in bars else "var[f[s:g]]"
    sd = np.sqrt(params[low])
    other = {f"lambda[f,{k}]": sd * params.get(f"lambda[f,{k}]", 1.0) for k in ITEMS}
    unit = make(kind, data, bars, {"f": Factor("item", standardized=True)})
    if "s" in bars:
        other["var[f[s]]"] = params["var[f[s]]"] / sd**2
    equal(marker, params, unit, other)


@pytest.mark.parametrize("kind", KINDS)
def test_first_loading_one_or_unit_variance_at_the_maximum(kind, data):
    one, two = (make(kind, data, "(0 + f | g)", {"f": Factor("item", standardized=unit)}).fit(
        n_quad=17, tol=1e-10) for unit in (False, True))
    assert_allclose(two.llf, one.llf, rtol=0, atol=1e-6)
    sd = np.sqrt(one.params["var[f[g]]"])
    assert_allclose(abs(two.params["lambda[f,c]"]), sd * one.params["lambda[f,c]"], rtol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_another_item_sets_the_scale(kind, data, rng):
    """Of a factor at two levels with a cause: all that is in its units changes."""
    options = {"regressions": "f[s:g] ~ x"}
    bars = "(0 + f | s:g) + (0 + f | s)"
    first = make(kind, data, bars, {"f": Factor("item")}, **options)
    last = make(kind, data, bars, {"f": Factor("item", loadings={"f": 1})}, **options)
    params = draw(first, rng)
    unit = params["lambda[f,f]"]
    other = {f"lambda[f,{k}]": params.get(f"lambda[f,{k}]", 1.0) / unit for k in ITEMS[:-1]}
    other |= {name: params[name] * unit**2 for name in ("var[f[s:g]]", "var[f[s]]")}
    other["gamma[f[s:g] on x]"] = params["gamma[f[s:g] on x]"] * unit
    equal(first, params, last, other)


SCALES = {"p": "ab", "q": "cd", "r": "ef"}


def three(standardized=False):
    return {name: Factor("item", loadings={k: None if k == pair[1] else float(k == pair[0])
                                           for k in ITEMS if k != pair[1]})
            for name, pair in SCALES.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_second_order_factor(kind, data, rng):
    """Three first-order factors: Psi = b b' + diag(psi) is any covariance matrix of three."""
    second = make(kind, data, " + ".join(f"(0 + {n} | g)" for n in [*SCALES, "h"]),
                  {**three(), "h": Factor("item", loadings=[0] * 6, standardized=True)},
                  regressions=[f"{n} ~ h" for n in SCALES])
    first = make(kind, data, "(0 + p + q + r | g)", three())
    params = draw(second, rng)
    b = {n: params[f"b[{n}[g] on h[g]]"] for n in SCALES}
    other = {f"var[{n}[g]]": params[f"var[{n}[g]]"] + b[n] ** 2 for n in SCALES}
    other |= {f"cov[{m}[g],{n}[g]]": b[m] * b[n] for m, n in ("pq", "pr", "qr")}
    equal(second, params, first, other, {"integration": "laplace"})


@pytest.mark.parametrize("kind", KINDS)
def test_second_order_factor_is_a_general_one_and_specific_ones(kind, data, rng):
    """The loadings of the general factor are in proportion within each scale."""
    second = make(kind, data, " + ".join(f"(0 + {n} | g)" for n in [*SCALES, "h"]),
                  {**three(), "h": Factor("item", loadings=[0] * 6, standardized=True)},
                  regressions=[f"{n} ~ h" for n in SCALES])
    general = make(kind, data, " + ".join(f"(0 + {n} | g)" for n in [*SCALES, "h"]),
                   {**three(), "h": Factor("item", standardized=True)})
    params = draw(second, rng)
    other = {}
    for n, (one, two) in SCALES.items():
        b = params[f"b[{n}[g] on h[g]]"]
        other |= {f"lambda[h,{one}]": b, f"lambda[h,{two}]": b * params[f"lambda[{n},{two}]"]}
    equal(second, params, general, other, {"integration": "laplace"})


@pytest.mark.parametrize("kind", KINDS)
def test_effects_on_all_items_are_one_on_the_factor_and_those_that_differ(kind, data, rng):
    """MIMIC: with gamma, a direct effect on the first item is not identified besides the others."""
    data = data.assign(**{f"d{k}": data["x"] * (data["item"] == k) for k in ITEMS})
    bars, factors = "(0 + f | g)", {"f": Factor("item")}
    cause = make(kind, data, bars, factors, fixed="0 + item + db + dc + dd + de + df",
                 regressions="f ~ x")
    direct = make(kind, data, bars, factors, fixed="0 + item + da + db + dc + dd + de + df")
    params = draw(cause, rng)
    gamma = params["gamma[f[g] on x]"]
    other = {f"d{k}": params.get(f"d{k}", 0.0) + gamma * params.get(f"lambda[f,{k}]", 1.0)
             for k in ITEMS}
    equal(cause, params, direct, other)


def test_unit_loadings_in_wide_data_are_a_random_intercept(data, rng):
    """The Rasch model."""
    wide = data.pivot(index=["g", "x"], columns="item", values="y").reset_index()
    rasch = GLLAMM.from_wide(wide, "ability =~ " + " + ".join(f"1*{k}" for k in ITEMS), id="g",
                             family=sm.families.Binomial())
    long = GLLAMM.from_formula("y ~ 0 + item + (1 | g)", data, family=sm.families.Binomial())
    params = pd.Series(random_params(long, rng), long.param_names)
    assert_allclose(rasch.loglike(params.to_numpy()), long.loglike(params), rtol=1e-12)


@pytest.mark.parametrize("kind", ["binary", "Gaussian"])
def test_order_of_items_and_persons(kind, data, rng):
    response, options = KINDS[kind]
    wide = data.pivot(index=["g", "x"], columns="item", values=response).reset_index()
    one = GLLAMM.from_wide(wide, "one =~ a + b + c; two =~ d + e + f; two ~ one + x", id="g",
                           **options)
    shuffled = wide.sample(frac=1, random_state=1)[["f", "c", "x", "a", "g", "e", "b", "d"]]
    two = GLLAMM.from_wide(shuffled, "two =~ NA*f + e + 1*d; one =~ NA*c + b + 1*a; two ~ x + one",
                           id="g", **options)
    assert one.param_names != two.param_names and set(one.param_names) == set(two.param_names)
    params = pd.Series(random_params(one, rng), one.param_names)
    rule = {"integration": "laplace"}  # points of a quadrature rule turn with the order of factors
    assert_allclose(two.loglike(params[two.param_names], **rule), one.loglike(params, **rule),
                    rtol=1e-11)
