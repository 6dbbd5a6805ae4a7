"""Equal models have equal likelihoods: parametrisations, row order, labels, interfaces."""
import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor
from tests.integration.frames import nested_frame, random_params

POISSON = sm.families.Poisson()


@pytest.fixture
def data(rng):
    data = nested_frame(rng, n_top=30)
    latent = {name: rng.normal(size=(2, data[name].nunique())) for name in ("s", "g")}
    (s0, s1), (g0, _) = (latent[name][:, pd.factorize(data[name])[0]] for name in ("s", "g"))
    nu = 0.5 + 0.3 * data["x"] + 0.8 * s0 + 0.4 * s1 * data["x"] + 0.6 * g0
    data["count"] = rng.poisson(np.exp(nu))
    return data


def make(data, formula, **options):
    return GLLAMM.from_formula(f"count ~ {formula}", data, family=POISSON, **options)


def test_unit_loadings_are_a_random_intercept(data, rng):
    one = make(data, "x + (1 | s/g)")
    two = make(data, "x + (0 + f | s/g)", factors={"f": Factor("item", loadings=[1, 1, 1])})
    params = random_params(one, rng)
    assert_allclose(two.loglike(params), one.loglike(params), rtol=1e-14)
    assert_allclose(two.score(params), one.score(params), rtol=1e-9)
    fits = [m.fit(n_quad=5) for m in (one, two)]
    assert_allclose(fits[0].llf, fits[1].llf, rtol=1e-10)


def test_which_restriction_identifies_a_factor(data):
    """First loading one, another loading one, or the variance one."""
    first = make(data, "x + (0 + f | s)", factors={"f": Factor("item")}).fit(n_quad=7, tol=1e-10)
    last = make(data, "x + (0 + f | s)", factors={"f": Factor("item", {"c": 1})})
    last = last.fit(n_quad=7, tol=1e-10)
    unit = make(data, "x + (0 + f | s)", factors={"f": Factor("item", standardized=True)})
    unit = unit.fit(n_quad=7, tol=1e-10)
    assert_allclose([last.llf, unit.llf], first.llf, rtol=0, atol=1e-7)
    sd = np.sqrt(first.params["var[f[s]]"])
    assert_allclose(np.abs(unit.params["lambda[f,a]"]), sd, rtol=1e-3)
    assert_allclose(np.abs(unit.params["lambda[f,c]"]), np.abs(first.params["lambda[f,c]"]) * sd,
                    rtol=1e-3)
    assert_allclose(last.params["lambda[f,a]"], 1 / first.params["lambda[f,c]"], rtol=1e-3)


def test_diagonal_is_the_double_bar(data, rng):
    one = make(data, "x + (x || s)")
    two = make(data, "x + (x | s)", covariances={"s": "diagonal"})
    params = random_params(one, rng)
    assert one.param_names == two.param_names
    assert one.loglike(params) == two.loglike(params)


def test_identity_is_one_variance(data, rng):
    one = make(data, "x + (x | s)", covariances={"s": "identity"})
    two = make(data, "x + (x || s)")
    params = random_params(one, rng)
    assert_allclose(one.loglike(params), two.loglike(params[[0, 1, 2, 2]]), rtol=1e-14)
    wide = two.score(params[[0, 1, 2, 2]])
    assert_allclose(one.score(params), [wide[0], wide[1], wide[2] + wide[3]], rtol=1e-9)


def test_rescaled_slope(data, rng):
    """x in other units: variances change by the square, the likelihood does not."""
    one, two = make(data, "x + (x | s)"), make(data.assign(x=10 * data["x"]), "x + (x | s)")
    params = random_params(one, rng)
    scaled = params / np.array([1, 10, 1, 10, 100])
    for rule in ({"n_quad": 1}, {"n_quad": 3}):
        assert_allclose(two.loglike(scaled, **rule), one.loglike(params, **rule), rtol=1e-11)


def test_centred_covariate(data):
    """Correlated intercept and slope: moving the origin of x changes nothing at the maximum."""
    one = make(data, "x + (x | s)").fit(n_quad=9, tol=1e-10)
    two = make(data.assign(x=data["x"] - 2), "x + (x | s)").fit(n_quad=9, tol=1e-10)
    assert_allclose(one.llf, two.llf, rtol=0, atol=2e-5)
    assert_allclose(one.params["x"], two.params["x"], rtol=1e-3)


@pytest.mark.parametrize("formula", ["x + (x | s)", "x + (1 | s/g)", "item + (0 + f | s/g)"])
@pytest.mark.parametrize("change", ["order", "labels", "index", "categories"])
def test_invariance(data, formula, change, rng):
    options = {"factors": {"f": Factor("item")}} if "f" in formula else {}
    one = make(data, formula, **options)
    if change == "order":
        other = data.sample(frac=1.0, random_state=3)
    elif change == "labels":
        other = data.assign(s=data["s"].str[1:].astype(int).map(lambda k: (7 * k) % 30),
                            g=pd.Categorical(data["g"])[::1].rename_categories(str.upper))
    elif change == "index":
        other = data.set_index(pd.Index([f"row {k}" for k in rng.permutation(len(data))]))
    else:
        other = data.assign(s=pd.Categorical(data["s"], categories=sorted(set(data["s"]))[::-1]))
    two = make(other, formula, **options)
    params = random_params(one, rng)
    assert one.param_names == two.param_names
    assert_allclose(two.loglike(params), one.loglike(params), rtol=1e-12)
    assert_allclose(two.score(params), one.score(params), rtol=1e-8, atol=1e-9)


def test_fit_in_another_order(data):
    one = make(data, "x + (1 | s/g)").fit()
    two = make(data.sample(frac=1.0, random_state=3), "x + (1 | s/g)").fit()
    assert_allclose(two.llf, one.llf, rtol=1e-10)
    assert_allclose(two.params, one.params, rtol=1e-5, atol=1e-6)


def test_arrays(data, rng):
    """The model from arrays is the model from a formula."""
    one = make(data, "x + (x | s) + (1 | s:g)")
    exog = np.column_stack([np.ones(len(data)), data["x"]])
    two = GLLAMM(data["count"].to_numpy(), exog, groups={"s": data["s"], "g": data["g"]},
                 exog_re={"s": exog, "g": exog[:, :1]}, family=POISSON)
    params = random_params(one, rng)
    order = []
    for mine, names in ((one, one.param_names), (two, two.param_names)):
        assert len(names) == len(params), mine
        order.append([n.split("[")[0] for n in names])
    assert_allclose(two.loglike(params), one.loglike(params), rtol=1e-13)


def test_intercept_at_the_top_of_one_row_clusters(rng):
    """An observation-level intercept in a Poisson model: the Poisson-lognormal mixture."""
    data = nested_frame(rng)
    data["row"] = np.arange(len(data))
    model = make(data, "x + (1 | row)")
    params = np.array([0.3, 0.2, 0.8])
    u, weight = np.polynomial.hermite_e.hermegauss(60)
    nu = 0.3 + 0.2 * data["x"].to_numpy()[:, None] + np.sqrt(0.8) * u
    from scipy.stats import poisson
    exact = np.log(poisson.pmf(data["count"].to_numpy()[:, None], np.exp(nu)) @ weight
                   / np.sqrt(2 * np.pi)).sum()
    assert_allclose(model.loglike(params, n_quad=25), exact, rtol=1e-9)


def test_two_columns_and_single_trials(data, rng):
    """Binomial counts are their single trials, but for the binomial coefficients."""
    data["k"] = rng.integers(1, 5, len(data))
    data["yes"] = rng.binomial(data["k"], 0.5)
    data["no"] = data["k"] - data["yes"]
    family = sm.families.Binomial()
    one = GLLAMM.from_formula("yes + no ~ x + (1 | s/g)", data, family=family)
    rows = data.loc[data.index.repeat(data["k"])].copy()
    rows["y"] = (rows.groupby(level=0).cumcount() < rows["yes"]).astype(int)
    two = GLLAMM.from_formula("y ~ x + (1 | s/g)", rows, family=family)
    params = random_params(one, rng)
    from scipy.special import comb
    constant = np.log(comb(data["k"], data["yes"])).sum()
    assert_allclose(one.loglike(params) - constant, two.loglike(params), rtol=1e-12)
    assert_allclose(one.score(params), two.score(params), rtol=1e-8)
