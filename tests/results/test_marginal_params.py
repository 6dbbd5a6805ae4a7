"""Population-averaged coefficients against closed forms, exact integrals and direct quadrature."""

import pickle

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy.special import expit, logit
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes, Factor, families

BINOMIAL, POISSON = sm.families.Binomial(), sm.families.Poisson()
PROBIT = sm.families.Binomial(sm.families.links.Probit())
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(80)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(5)
    n, m = 80, 6
    person = np.repeat(np.arange(n), m)
    x, z = rng.normal(size=(2, n * m))
    u, v = rng.normal(size=(2, n))
    nu = 0.4 + (0.7 + 0.8 * v[person]) * x + 1.2 * u[person]
    return pd.DataFrame({
        "id": person, "x": x, "z": z, "y": (rng.random(n * m) < expit(nu)).astype(int),
        "k": rng.poisson(np.exp(0.4 * nu)),
        "grade": np.digitize(nu + rng.logistic(size=n * m), [-1, 1.5]),
        "a": nu + rng.normal(size=n * m), "size": rng.uniform(0.5, 3, n * m),
        "kind": rng.choice(list("abc"), n * m), "w": 1 + person % 2})


def projected(x, m):
    return np.linalg.lstsq(x, m, rcond=None)[0]


def test_reference(reference):
    data, expected = reference("seed_glmmadaptive_bin")
    model = GLLAMM.from_formula("y ~ sex * time + (1 | id)", data, family=BINOMIAL)
    fit = model.fit(n_quad=41, tol=1e-12)
    exact = expected["marginal_coefs"]["exact_integral_at_indep_agq_mle"]
    found = fit.marginal_params()
    assert_allclose(found.params, list(exact.values()), atol=2e-7)
    table = expected["marginal_coefs"]["glmmadaptive_fm1_table"]  # its errors are Monte Carlo too
    assert_allclose(found.bse, [row["Std.Err"] for row in table], rtol=0.05)

    x = fit.model.exog

    def by_hand(params):
        mean = expit((x @ params[:4])[:, None] + np.sqrt(params.iloc[4]) * NODES) @ WEIGHTS
        return projected(x, logit(mean))

    hand = fit.nonlinear(by_hand)
    assert_allclose(found.params, hand["estimate"], atol=1e-8)
    assert_allclose(found.bse, hand["std_err"], rtol=1e-5)
    robust = fit.with_cov_type("robust")
    assert_allclose(robust.marginal_params().bse, robust.nonlinear(by_hand)["std_err"], rtol=1e-5)


def test_table(data):
    fit = GLLAMM.from_formula("y ~ x + (1 | id)", data, family=PROBIT).fit(n_quad=9)
    found = fit.marginal_params()
    scale = 1 / np.sqrt(1 + fit.params["var[Intercept[id]]"])
    assert_allclose(found.params, fit.fe_params * scale, rtol=1e-12)
    assert_allclose(found.conditional, fit.fe_params)
    assert found.discrepancy < 1e-12
    frame = found.summary_frame(alpha=0.1)
    assert list(frame.columns) == ["coef", "std err", "z", "P>|z|", "Conf. Int. Low", "Conf. Int. Upp."]
    assert_allclose(frame[["Conf. Int. Low", "Conf. Int. Upp."]], found.conf_int(0.1))
    assert_allclose(found.conf_int(0.1)[1] - found.params, 1.6448536 * found.bse, rtol=1e-6)
    test = found.t_test("x - Intercept = 0.1")
    r = np.array([-1, 1])
    assert_allclose(test.effect, r @ found.params)
    assert_allclose(test.sd, np.sqrt(r @ found.cov_params() @ r))
    assert_allclose(test.statistic, (r @ found.params - 0.1) / test.sd)
    assert "Population-averaged coefficients" in str(found)
    again = pickle.loads(pickle.dumps(found))
    assert_allclose(again.cov_params(), found.cov_params())


def test_slopes(data):
    fit = GLLAMM.from_formula("y ~ x + (1 + x | id)", data, family=PROBIT).fit(n_quad=5)
    x, psi = fit.model.exog, fit.cov_re["id"].to_numpy()
    spread = np.einsum("np,pq,nq->n", x, psi, x)
    m = x @ fit.fe_params / np.sqrt(1 + spread)
    found = fit.marginal_params()
    assert_allclose(found.params, projected(x, m), atol=1e-10)
    assert_allclose(found.discrepancy, np.abs(m - x @ found.params).max(), rtol=1e-6)


def test_counts(data):
    fit = GLLAMM.from_formula("k ~ x + (x || id)", data, family=POISSON, exposure="size").fit(n_quad=5)
    x, psi = fit.model.exog, fit.cov_re["id"].to_numpy()
    m = x @ fit.fe_params + 0.5 * np.einsum("np,pq,nq->n", x, psi, x)
    assert_allclose(fit.marginal_params().params, projected(x, m), atol=1e-9)


def test_identity(data):
    fit = GLLAMM.from_formula("a ~ x + (x | id)", data).fit()
    for cov_type in ("nonrobust", "robust"):
        one = fit.with_cov_type(cov_type)
        found = one.marginal_params()
        assert_allclose(found.params, one.fe_params, rtol=1e-12)
        assert_allclose(found.bse, one.bse_fe, rtol=1e-9)


def test_ordinal(data):
    fit = GLLAMM.from_formula("grade ~ x + (1 | id)", data, family=families.Ordinal("probit")).fit(
        n_quad=7)
    found = fit.marginal_params()
    scale = 1 / np.sqrt(1 + fit.params["var[Intercept[id]]"])
    own = fit.params[["x", "cut[0|1]", "cut[1|2]"]]
    assert_allclose(found.params[own.index], own * scale, rtol=1e-9)
    two = data.assign(grade=data.y)
    ordinal = GLLAMM.from_formula("grade ~ x + (1 | id)", two, family=families.Ordinal()).fit(n_quad=7)
    binary = GLLAMM.from_formula("y ~ x + (1 | id)", data, family=BINOMIAL).fit(n_quad=7)
    one, other = ordinal.marginal_params(), binary.marginal_params()
    assert_allclose(one.params[["cut[0|1]", "x"]], other.params * [-1, 1], atol=1e-6)
    assert_allclose(one.bse[["cut[0|1]", "x"]], other.bse, rtol=1e-5)


@pytest.mark.parametrize("kind, link", [("cumulative", "cloglog"), ("continuation", "loglog"),
                                        ("adjacent", "logit")])
def test_ordinal_without_latent(data, kind, link):
    fit = GLLAMM.from_formula("grade ~ x", data, family=families.Ordinal(link, kind)).fit()
    found = fit.marginal_params()
    assert_allclose(found.params, fit.params[found.params.index], rtol=1e-8)
    assert_allclose(found.bse, fit.bse[found.params.index], rtol=1e-6)


def test_items_of_different_categories(data):
    few = data.assign(grade=np.where(data.kind == "a", np.minimum(data.grade, 1), data.grade))
    fit = GLLAMM.from_formula("grade ~ x", few, family=families.Ordinal(), thresholds="0 + kind").fit()
    found = fit.marginal_params()
    assert_allclose(found.params, fit.params[found.params.index], rtol=1e-8)


@pytest.mark.filterwarnings("ignore:the error of the rule")
def test_nominal(data):
    fit = GLLAMM.from_formula("kind ~ x", data, family=families.Nominal()).fit()
    assert_allclose(fit.marginal_params().params, fit.params, atol=1e-10)
    model = GLLAMM.from_formula("kind ~ x + (1 | id)", data, family=families.Nominal(),
                                covariances={"id": [[1.2, 0.3], [0.3, 0.8]]})
    fit = model.fit(n_quad=3)
    p = fit.predict(which="prob").to_numpy()
    m = np.log(p[:, 1:] / p[:, :1])
    assert_allclose(fit.marginal_params().params, projected(model.exog, m).T.ravel(), atol=1e-10)


def test_weights_are_copies(data):
    copies = pd.concat([data, data[data.w == 2].assign(id=lambda d: d.id + 1000)])
    one = GLLAMM.from_formula("y ~ x + (1 | id)", data, family=BINOMIAL, freq_weights={"id": "w"})
    other = GLLAMM.from_formula("y ~ x + (1 | id)", copies, family=BINOMIAL)
    one, other = (model.fit(n_quad=7, tol=1e-12).marginal_params() for model in (one, other))
    assert_allclose(one.params, other.params, atol=1e-6)
    assert_allclose(one.bse, other.bse, rtol=1e-4)


@pytest.mark.filterwarnings("ignore:at the boundary")
def test_boundary(data):
    rng = np.random.default_rng(0)
    alone = data.assign(y=(rng.random(len(data)) < 0.4) * 1, id=np.tile(np.arange(48), 10))
    fit = GLLAMM.from_formula("y ~ x + (1 | id)", alone, family=BINOMIAL).fit(n_quad=7)
    assert fit.params["var[Intercept[id]]"] == 0
    found = fit.marginal_params()
    assert_allclose(found.params, fit.fe_params, rtol=1e-10)
    assert_allclose(found.bse, fit.bse_fe, rtol=1e-6)


def test_constraints(data):
    model = GLLAMM.from_formula("y ~ x + (1 | id)", data, family=PROBIT)
    fit = model.fit_constrained("var[Intercept[id]] = 2", n_quad=9)
    assert_allclose(fit.marginal_params().bse, fit.bse_fe / np.sqrt(3), rtol=1e-7)


@pytest.mark.filterwarnings("ignore:the model is not identified", "ignore:the error of the rule")
def test_flat(data):
    item = data.assign(item=np.tile(list("uv"), len(data) // 2))
    flat, known = (GLLAMM.from_formula(
        "y ~ x + (0 + f | id)", item, family=BINOMIAL, factors={"f": Factor("item", loadings=loadings)})
        .fit(n_quad=5) for loadings in ([None, None], [1, None]))
    assert flat.bse[["lambda[f,u]", "var[f[id]]"]].isna().all()
    # the scale of the factor does not matter to them
    found, exact = flat.marginal_params(), known.marginal_params()
    assert_allclose(found.params, exact.params, rtol=1e-4)
    assert_allclose(found.bse, exact.bse, rtol=1e-3)


def test_classes(data):
    masses = GLLAMM.from_formula("y ~ x + (1 | c)", data, family=BINOMIAL,
                                 classes={"c": Classes(2, within="id", centered=True)}).fit(rng=0)
    free = GLLAMM.from_formula("y ~ 0 + x + (1 | c)", data, family=BINOMIAL,
                               classes={"c": Classes(2, within="id")}).fit(rng=0)
    one, other = masses.marginal_params(), free.marginal_params()
    mean = np.asarray(masses.predict())
    assert_allclose(one.params, projected(masses.model.exog, logit(mean)), atol=1e-9)
    assert_allclose(other.params[one.params.index], one.params, atol=1e-3)


@pytest.mark.filterwarnings("ignore:at the boundary")
def test_refused(data):
    def fitted(formula, family, **more):
        return GLLAMM.from_formula(formula, data.assign(s=np.arange(len(data)) // 2), family=family,
                                   **more).fit(integration="laplace")

    zero = fitted("k ~ x + (1 | id)", families.ZeroInflated(POISSON, "1"))
    with pytest.raises(NotImplementedError, match="several linear predictors"):
        zero.marginal_params()
    total = data.assign(s=np.arange(len(data)) // 2)
    total["k"] = total.groupby("s")["k"].transform("sum")
    sums = families.Composite(POISSON, cluster="s")
    composite = GLLAMM.from_formula("k ~ x", total, family=sums).fit()
    for method in ("marginal_params", "get_margeff", "icc", "r_squared"):
        with pytest.raises(NotImplementedError, match="whose outcomes take several rows"):
            getattr(composite, method)()
    steps = fitted("grade ~ x + (1 | id)", families.Ordinal(increments=True))
    with pytest.raises(NotImplementedError, match="increments=True"):
        steps.marginal_params()
    fit = fitted("y ~ x + (1 | id)", BINOMIAL)
    fit.remove_data()
    with pytest.raises(ValueError, match=r"remove_data\(\) has removed"):
        fit.marginal_params()
