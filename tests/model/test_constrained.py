"""Fits under linear constraints and covariance patterns, against models that say the same."""
import pickle

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor, datasets

BINOMIAL = sm.families.Binomial()
N = 150
ITEMS = ["a", "b", "c", "d", "e", "f"]


@pytest.fixture(scope="module")
def wide():
    """Two correlated factors of three Gaussian items, a covariate and two groups."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=N)
    eta = rng.multivariate_normal([0, 0], [[1.0, 0.4], [0.4, 0.7]], size=N) + 0.5 * x[:, None]
    loading = np.array([[1, 0], [0.8, 0], [1.2, 0], [0, 1], [0, 0.9], [0, 1.1]])
    y = eta @ loading.T + rng.normal(scale=0.7, size=(N, 6))
    y[:, 0] += 0.8 * rng.normal(size=N // 5)[np.arange(N) // 5]
    return pd.DataFrame(y, columns=ITEMS).assign(x=x)


@pytest.fixture(scope="module")
def two(wide):
    return GLLAMM.from_wide(wide, "one =~ a + b + c; two =~ d + e + f")


@pytest.fixture(scope="module")
def lsat():
    return GLLAMM.from_formula("y ~ 0 + item + (0 + ability | id)", datasets.lsat.load_pandas().data,
                               family=BINOMIAL,
                               factors={"ability": Factor("item", standardized=True)})


def test_equal_loadings_are_the_rasch_model(lsat):
    data = datasets.lsat.load_pandas().data
    rasch = GLLAMM.from_formula("y ~ 0 + item + (1 | id)", data, family=BINOMIAL).fit(n_quad=11)
    equal = [f"lambda[ability,Q{i}] = lambda[ability,Q1]" for i in range(2, 6)]
    found = lsat.fit_constrained(equal, n_quad=11)
    assert_allclose(found.llf, rasch.llf, atol=1e-6)
    assert_allclose(found.fe_params, rasch.fe_params, atol=1e-4)
    assert_allclose(found.bse_fe, rasch.bse_fe, rtol=1e-4)
    sd = np.sqrt(rasch.params.iloc[-1])
    assert_allclose(found.params.filter(like="lambda"), sd, atol=1e-4)
    assert_allclose(found.bse.filter(like="lambda"), rasch.bse.iloc[-1] / (2 * sd), rtol=1e-3)
    assert found.df_modelwc == rasch.df_modelwc == 6
    assert_allclose([found.aic, found.df_resid], [rasch.aic, rasch.df_resid])
    assert found.constraints[0] == "lambda[ability,Q2] = lambda[ability,Q1]"
    assert "Linear constraints: lambda[ability,Q2]" in str(found.summary())


@pytest.mark.parametrize("cov_type", ["nonrobust", "robust", "opg"])
def test_fixed_coefficient_is_an_offset(wide, cov_type):
    data = wide.assign(g=np.arange(N) // 5, o=0.3 * wide["x"])
    free = GLLAMM.from_formula("a ~ x + (1 | g)", data)
    found = free.fit_constrained({"x": 0.3}, cov_type=cov_type)
    other = GLLAMM.from_formula("a ~ 1 + (1 | g)", data, offset="o").fit(cov_type=cov_type)
    assert_allclose(found.llf, other.llf, atol=1e-8)
    keep = [0, 2, 3]
    assert_allclose(found.params.iloc[keep], other.params, atol=1e-5)
    assert_allclose(found.cov_params().iloc[keep, keep], other.cov_params(), rtol=2e-3, atol=1e-6)
    assert found.params["x"] == 0.3 and found.bse["x"] == 0
    table = found.to_frame()
    assert table.loc["x", "status"] == "fixed" and np.isnan(table.loc["x", "std_err"])
    assert np.isfinite(found.predict(data.iloc[:5])).all()


def test_covariance_of_zero_is_two_bars(wide, two):
    apart = GLLAMM.from_wide(wide, "one =~ a + b + c; two =~ d + e + f; one ~~ 0*two").fit()
    constrained = two.fit_constrained("cov[one[id],two[id]] = 0")
    pattern = GLLAMM.from_wide(wide, "one =~ a + b + c; two =~ d + e + f", covariances={
        "id": pd.DataFrame([[None, 0], [0, None]], ["two", "one"], ["two", "one"])}).fit()
    for found in (constrained, pattern):
        assert_allclose(found.llf, apart.llf, atol=1e-7)
        shared = apart.params.index
        assert_allclose(found.params[shared], apart.params, atol=1e-4)
        assert_allclose(found.bse[shared], apart.bse, rtol=1e-3)
    test = two.fit().lr_test(constrained)
    assert test.df == 1 and test.statistic > 0


def test_variance_of_zero(two):
    """A factor without variance has no effect on the likelihood, nor have its loadings."""
    zero = {"var[one[id]]": 0.0, "cov[one[id],two[id]]": 0.0, "lambda[one,b]": 1.0,
            "lambda[one,c]": 1.0}
    found = two.fit_constrained(zero)
    data = two.data.frame[two.data.frame["item"].isin(list("abc"))]
    alone = GLLAMM.from_formula("y ~ 0 + item", data, dispersion="0 + item").fit()
    other = two.data.frame[two.data.frame["item"].isin(list("def"))]
    rest = GLLAMM.from_formula("y ~ 0 + item + (0 + two | id)", other, dispersion="0 + item",
                               factors={"two": Factor("item")}).fit()
    assert_allclose(found.llf, alone.llf + rest.llf, atol=1e-7)
    assert found.df_modelwc == len(alone.params) + len(rest.params)


def test_fixed_covariance_is_the_profile(two):
    """The maximum under a constraint is on the profile of the free model."""
    free = two.fit()
    name = "cov[one[id],two[id]]"
    same = two.fit_constrained({name: free.params[name]})
    assert_allclose(same.llf, free.llf, atol=1e-7)
    assert_allclose(same.params, free.params, atol=2e-4)
    value = 0.2
    found = two.fit_constrained({name: value})
    pattern = GLLAMM.from_wide(two.data.frame.pivot(index="id", columns="item", values="y"),
                               "one =~ a + b + c; two =~ d + e + f",
                               covariances={"id": [[None, value], [value, None]]})
    again = pattern.fit()
    assert_allclose(again.llf, found.llf, atol=1e-7)
    assert_allclose(again.cov_re["id"].iloc[0, 1], value)
    assert again.to_frame().loc[name, "status"] == "fixed"
    score = two.score(found.params)
    at = two.param_names.index(name)
    assert_allclose(np.delete(score, at), 0, atol=2e-2)
    assert abs(score[at]) > 1


def test_patterned_score_and_information(wide):
    pattern = [[None, 0.1, None], [0.1, 1.0, 0.0], [None, 0.0, None]]
    model = GLLAMM.from_wide(wide, "one =~ a + b; two =~ c + d; three =~ e + f",
                             covariances={"id": pattern})
    assert [n for n in model.param_names if n[:3] in ("var", "cov")] == [
        "var[one[id]]", "cov[one[id],three[id]]", "var[three[id]]"]
    rng = np.random.default_rng(0)
    params = model.start_params + 0.05 * rng.normal(size=len(model.start_params))
    difference = [(model.loglike(params + h) - model.loglike(params - h)) / 2e-5
                  for h in 1e-5 * np.eye(len(params))]
    assert_allclose(model.score(params), difference, rtol=1e-5, atol=1e-4)
    assert_allclose(model.score_obs(params).sum(axis=0), model.score(params), atol=1e-8)


def test_sum_to_zero(wide):
    data = wide.assign(g=np.arange(N) // 5, k=np.arange(N) % 3)
    model = GLLAMM.from_formula("a ~ 0 + C(k) + x + (1 | g)", data)
    found = model.fit_constrained("C(k)[0] + C(k)[1] + C(k)[2] = 0")
    assert_allclose(found.params.iloc[:3].sum(), 0, atol=1e-9)
    assert_allclose(found.t_test("C(k)[0] + C(k)[1] + C(k)[2] = 0").sd, 0, atol=1e-6)
    by_hand = data.assign(u=(data["k"] == 0).astype(float) - (data["k"] == 2),
                          v=(data["k"] == 1).astype(float) - (data["k"] == 2))
    other = GLLAMM.from_formula("a ~ 0 + u + v + x + (1 | g)", by_hand).fit()
    assert_allclose(found.llf, other.llf, atol=1e-7)


def test_constraints_of_the_model(wide, two):
    text = "lambda[one,b] = lambda[one,c]"
    data, made = two.data.frame, two.wide
    model = GLLAMM.from_formula(made.formula, data, **{**made.arguments, "constraints": text})
    found = model.fit()
    assert_allclose(found.llf, two.fit_constrained(text).llf, atol=1e-8)
    again = type(model)(model.endog, model.exog, **model._get_init_kwds())
    assert_allclose(again.fit().llf, found.llf, atol=1e-9)
    more = model.fit_constrained({"lambda[two,e]": 1.0})
    assert more.df_modelwc == found.df_modelwc - 1
    assert more.constraints == [text, "lambda[two,e] = 1"]
    loaded = pickle.loads(pickle.dumps(found))
    assert_allclose(loaded.bse, found.bse)
    loaded.remove_data()
    assert "Linear constraints" in str(loaded.summary())


def test_errors(two, wide):
    with pytest.raises(ValueError, match="contradict each other"):
        two.fit_constrained("lambda[one,b] = 1, lambda[one,b] = 2")
    with pytest.raises(Exception, match="nothere"):
        two.fit_constrained({"nothere": 1.0})
    with pytest.raises(TypeError, match="no keyword 'n_quads'"):
        two.fit_constrained({"lambda[one,b]": 1.0}, n_quads=3)
    with pytest.raises(ValueError, match="not positive semi-definite"):
        two.fit_constrained("var[one[id]] = 0.1, cov[one[id],two[id]] = 5, var[two[id]] = 0.1")
    with pytest.raises(ValueError, match=r"fix its covariances at zero too: cov\[one"):
        two.fit_constrained("var[one[id]] = 0")
    text = "one =~ a + b + c; two =~ d + e + f"
    for bad, message in (([[None, 1], [0, None]], "not symmetric"),
                         ([[None]], "2 rows and columns"),
                         ([["x", 0], [0, None]], "numbers where fixed"),
                         ([[-1.0, 0], [0, None]], "above zero"),
                         (pd.DataFrame([[1]], ["q"], ["q"]), "rows and columns one, two")):
        with pytest.raises(ValueError, match=message):
            GLLAMM.from_wide(wide, text, covariances={"id": bad})
    with pytest.raises(ValueError, match="write one"):
        GLLAMM.from_wide(wide, text + "; one ~~ 0*two", covariances={"id": [[None]]})
    with pytest.raises(ValueError, match="leave it None"):
        GLLAMM.from_wide(wide, text, std_lv=True, covariances={"id": [[2.0, None], [None, None]]})


def test_sign_of_a_standardized_factor_is_canonical(wide):
    """Whatever the start, sums of free loadings are positive, and all that goes with them follows."""
    text = "one =~ a + b + c; two =~ d + e + f; two ~ one + x; one ~ x"
    model = GLLAMM.from_wide(wide, text, std_lv=True)
    found = model.fit()
    assert found.loadings["estimate"].groupby(lambda n: n[7:10]).sum().min() > 0
    turned = found.params.copy()
    for name in turned.index:
        if "lambda[one" in name or name.startswith(("gamma[one", "b[two")):
            turned[name] *= -1
    assert_allclose(model.loglike(turned), found.llf, atol=1e-9)
    assert_allclose(model.fit(start_params=turned).params, found.params, atol=1e-4)
    correlated = GLLAMM.from_wide(wide, "one =~ a + b + c; two =~ d + e + f", std_lv=True)
    found = correlated.fit()
    turned = found.params.copy()
    turned[[n for n in turned.index if "lambda[two" in n or n.startswith("cov")]] *= -1
    assert_allclose(correlated.loglike(turned), found.llf, atol=1e-9)
    assert_allclose(correlated.fit(start_params=turned).params, found.params, atol=1e-4)


def test_sign_of_quadrature_models_is_canonical(lsat):
    found = lsat.fit(n_quad=7)
    turned = found.params * np.where(found.params.index.str.startswith("lambda"), -1, 1)
    assert_allclose(lsat.fit(start_params=turned, n_quad=7).params, found.params, atol=1e-4)
    held = lsat.fit_constrained({"lambda[ability,Q1]": -1.0}, n_quad=7)
    assert held.params["lambda[ability,Q1]"] == -1.0


@pytest.fixture(scope="module")
def small():
    """Random intercepts; slopes of x and z have no variance."""
    rng = np.random.default_rng(0)
    g, x = np.repeat(np.arange(60), 6), np.tile(np.linspace(-1, 1, 6), 60)
    u = rng.normal(size=(60, 2))
    z = rng.normal(size=360)
    eta = 0.2 + 0.5 * x + 0.8 * u[g, 0]
    y = eta + rng.normal(size=360)
    b = (rng.uniform(size=360) < 1 / (1 + np.exp(-eta))) * 1
    return pd.DataFrame({"g": g, "x": x, "z": z, "y": y, "b": b})


@pytest.mark.parametrize("text", ["cov[Intercept[g],x[g]] = 0", "var[Intercept[g]] = 0.64"])
@pytest.mark.parametrize("response", ["y", "b"])
def test_constraints_on_a_singular_covariance_matrix(small, text, response):
    """No point Psi = T T' near by that satisfies the constraint is higher."""
    binary, fixes = response == "b", text.startswith("var")
    model = GLLAMM.from_formula(f"{response} ~ x + (x + z | g)", small,
                                family=BINOMIAL if binary else None)
    with pytest.warns(Warning, match="at the boundary"):
        found = model.fit_constrained(text, n_quad=5)
    assert found.converged and np.isfinite(found.bse_fe).all()
    assert found.df_modelwc == len(found.params) - 1
    psi = found.cov_re["g"].to_numpy()
    assert abs(np.linalg.eigvalsh(psi)[0]) < 1e-10
    at, last = (0, 0) if fixes else (1, 0), found.params.to_numpy(copy=True)
    assert psi[at] == (0.64 if fixes else 0)
    t = np.linalg.cholesky(psi + 1e-14 * np.eye(3))[:, :2]

    def loglike(move):
        root = t + move
        root[0] = [t[0, 0] if fixes else root[0, 0], 0]
        if not fixes:
            root[1, 0] = 0
        params, psi = last.copy(), root @ root.T
        params[2:8] = psi[[0, 1, 1, 2, 2, 2], [0, 0, 1, 0, 1, 2]]
        return model.loglike(params, n_quad=5)

    rng = np.random.default_rng(1)
    assert_allclose(loglike(np.zeros((3, 2))), found.llf, atol=1e-6)
    assert max(loglike(0.02 * rng.normal(size=(3, 2))) for _ in range(20)) < found.llf
    last[[4, 7]] += 0.01  # off the boundary
    assert model.loglike(last, n_quad=5) < found.llf


def test_equal_variances_at_zero(small):
    """Variances of one half and of the other, of residuals that have been centred in clusters."""
    data = small.assign(y=small["y"] - small.groupby("g")["y"].transform("mean"),
                        one=(small["g"] < 30) * 1.0, two=(small["g"] >= 30) * 1.0)
    model = GLLAMM.from_formula("y ~ x + (0 + one | g) + (0 + two | g)", data)
    with pytest.warns(Warning, match="variance of one.* is zero"):
        found = model.fit_constrained("var[one[g]] = var[two[g]]")
    assert found.params["var[one[g]]"] == found.params["var[two[g]]"] == 0
    ols = sm.OLS(data["y"], sm.add_constant(data["x"])).fit()
    assert_allclose(found.llf, ols.llf, atol=1e-7)
    assert_allclose(found.bse_fe, ols.bse * np.sqrt(358 / 360), rtol=1e-6)


@pytest.mark.parametrize("order", [("x", "z"), ("z", "x")])
def test_pattern_of_zeros_with_another_order(small, order):
    """cov(x, z) = 0, which elimination would fill in were the intercept first."""
    pattern = [[None, None, None], [None, None, 0], [None, 0, None]]
    model = GLLAMM.from_formula(f"b ~ x + ({' + '.join(order)} | g)", small, family=BINOMIAL,
                                covariances={"g": pattern})
    full = GLLAMM.from_formula(f"b ~ x + ({' + '.join(order)} | g)", small, family=BINOMIAL)
    rng = np.random.default_rng(2)
    params = model.start_params + 0.02 * rng.normal(size=len(model.start_params))
    whole = pd.Series(params, model.param_names).reindex(full.param_names, fill_value=0.0)
    assert_allclose(model.loglike(params, n_quad=9), full.loglike(whole, n_quad=9), atol=1e-4)
    difference = [(model.loglike(params + h) - model.loglike(params - h)) / 2e-5
                  for h in 1e-5 * np.eye(len(params))]
    assert_allclose(model.score(params), difference, rtol=1e-5, atol=1e-4)


def test_singular_beyond_a_constraint(small):
    model = GLLAMM.from_formula("y ~ x + (x + z | g)", small)
    with pytest.raises(ValueError, match="singular covariance matrix of Intercept.*constraints out"):
        model.fit_constrained("var[x[g]] + var[z[g]] = 0.1")
