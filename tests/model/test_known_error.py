"""A Gaussian row whose standard deviation is known; a covariate that is missing for some persons."""
import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy import special, stats
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor

GAUSSIAN, BINOMIAL = sm.families.Gaussian(), sm.families.Binomial()


@pytest.fixture(scope="module")
def persons():
    """z of everybody, y given x and z, and x of those whose y is small."""
    rng = np.random.default_rng(5)
    z, e = rng.normal(size=(2, 300))
    x = 0.5 * z + e
    nu = 0.3 + 0.8 * x - 0.5 * z
    y = nu + rng.normal(size=300)
    return pd.DataFrame({"id": np.arange(300), "z": z, "x": np.where(y < 0.8, x, np.nan), "y": y,
                         "ill": 1.0 * (rng.random(300) < special.expit(nu))})


def model(persons, outcome, family, delta=None):
    """x in units of its error, whose standard deviation then is one; None: in its own, to be fixed."""
    unit = 1.0 if delta is None else delta
    data = persons.melt(["id", "z"], [outcome, "x"], "item").dropna()
    data.loc[data["item"] == "x", "value"] /= unit
    data["out"] = 1.0 * (data["item"] == outcome)
    return GLLAMM.from_formula(
        "value ~ 0 + out + out:z + eta + (0 + eta | id)", data, family={"x": GAUSSIAN, outcome: family},
        family_by="item", dispersion=None if delta is None else {"x": "0"}, regressions="eta ~ z",
        factors={"eta": Factor("item", loadings={"x": 1 / unit, outcome: None})})


A, C, MU, B, GAMMA, PSI = 0.2, -0.4, 0.1, 0.7, 0.6, 0.9
PARAMS = [A, C, MU, B, GAMMA, PSI]


def by_hand(persons, delta):
    """log f(y, x): the bivariate normal density, or that of y alone; y has deviation exp(-0.1)."""
    z, x, y = (persons[k].to_numpy() for k in "zxy")
    mean = MU + GAMMA * z
    cov = np.array([[PSI + delta**2, B * PSI], [B * PSI, B * B * PSI + np.exp(-0.2)]])
    both = np.column_stack([x - mean, y - (A + C * z + B * mean)])
    seen = ~np.isnan(x)
    return (stats.multivariate_normal.logpdf(both[seen], cov=cov).sum()
            + stats.norm.logpdf(both[~seen, 1], scale=np.sqrt(cov[1, 1])).sum())


@pytest.mark.parametrize("delta", [1.0, 0.1, 1e-3])
def test_gaussian_outcome(persons, delta):
    one = model(persons, "y", GAUSSIAN, delta)
    assert one.param_names == ["out", "out:z", "eta", "lambda[eta,y]", "gamma[eta[id] on z]",
                               "var[eta[id]]", "logsd[y]"]
    density = one.loglike([*PARAMS, -0.1]) - persons["x"].notna().sum() * np.log(delta)
    assert_allclose(density, by_hand(persons, delta), rtol=1e-9)


@pytest.mark.parametrize("delta", [0.1, 1e-2, 1e-3])
def test_maximum_is_that_of_two_regressions(persons, delta):
    """Any error up to that of x gives the same model of (x, y), with other parameters."""
    result = model(persons, "y", GAUSSIAN, delta).fit()
    assert result.converged
    first = sm.OLS.from_formula("y ~ z", persons).fit()
    second = sm.OLS.from_formula("x ~ y + z", persons).fit()
    llf = result.llf - second.nobs * np.log(delta)
    assert_allclose(llf, first.llf + second.llf, rtol=0, atol=1e-5)
    within, across = first.ssr / first.nobs, second.params["y"]
    variance = second.ssr / second.nobs + across**2 * within
    assert_allclose(result.params["var[eta[id]]"] + delta**2, variance, rtol=2e-4)
    effect = across * within / (variance - delta**2)
    assert_allclose(result.params["lambda[eta,y]"], effect, rtol=2e-4)
    # the complete cases are another model
    cases = sm.OLS.from_formula("y ~ x + z", persons).fit()
    assert abs(cases.params["x"] - effect) > 2 * cases.bse["x"]


def test_binary_outcome(persons):
    """As the error goes to zero: the density where x is known, an integral where it is not."""
    z, x, ill = (persons[k].to_numpy() for k in ("z", "x", "ill"))
    mean = MU + GAMMA * z
    u, weight = np.polynomial.hermite_e.hermegauss(80)
    grid = np.where(np.isnan(x)[:, None], mean[:, None] + np.sqrt(PSI) * u, x[:, None])
    p = special.expit((2 * ill[:, None] - 1) * ((A + C * z)[:, None] + B * grid))
    seen = ~np.isnan(x)
    want = (np.log(p @ weight / weight.sum()).sum()
            + stats.norm.logpdf(x[seen], mean[seen], np.sqrt(PSI)).sum())
    off = []
    for delta in (3e-2, 3e-3, 3e-4):
        one = model(persons, "ill", BINOMIAL, delta)
        off.append(one.loglike(PARAMS, n_quad=25) - seen.sum() * np.log(delta) - want)
    assert abs(off[0]) > 1e-3 and abs(off[2]) < 1e-6
    assert_allclose(np.array(off[1:]) / off[:-1], 1e-2, rtol=0.05)


def test_fit_of_a_binary_outcome_from_far(persons):
    """The deviation is 500 times that of the error; x in units of 50 with a mean of 500."""
    plain = model(persons, "ill", BINOMIAL, 2e-3).fit()
    moved = model(persons.assign(x=500 + 50 * persons["x"]), "ill", BINOMIAL, 0.1).fit()
    assert plain.converged and moved.converged
    assert_allclose(moved.llf, plain.llf, rtol=0, atol=1e-5)
    assert_allclose(50 * moved.params["lambda[eta,ill]"], plain.params["lambda[eta,ill]"], rtol=1e-3)
    assert_allclose(50 * moved.bse["lambda[eta,ill]"], plain.bse["lambda[eta,ill]"], rtol=1e-3)


@pytest.mark.parametrize(("outcome", "family"), [("y", GAUSSIAN), ("ill", BINOMIAL)])
def test_fixed_by_a_constraint(persons, outcome, family):
    delta, seen = 0.05, persons["x"].notna().sum()
    units = model(persons, outcome, family, delta).fit()
    fixed = model(persons, outcome, family).fit_constrained({"logsd[x]": np.log(delta)})
    assert fixed.converged and fixed.params["logsd[x]"] == np.log(delta)
    assert_allclose(fixed.llf, units.llf - seen * np.log(delta), rtol=0, atol=1e-6)
    moved = fixed.params[units.params.index] - units.params
    assert (moved.abs() < 1e-3 * units.bse).all()
    assert_allclose(fixed.bse[units.params.index], units.bse, rtol=1e-3)


def test_effects_of_either_sign(persons):
    """Ill and well exchanged, the effect changes its sign: the search starts with the right one."""
    one = model(persons, "ill", BINOMIAL, 0.3)
    two = model(persons.assign(ill=1 - persons["ill"]), "ill", BINOMIAL, 0.3)
    at = one.param_names.index("lambda[eta,ill]")
    assert (one.start_params[at], two.start_params[at]) == (1.0, -1.0)
    one, two = one.fit(), two.fit()
    assert_allclose(two.llf, one.llf, rtol=0, atol=1e-6)
    assert_allclose(two.params["lambda[eta,ill]"], -one.params["lambda[eta,ill]"], rtol=1e-3)
