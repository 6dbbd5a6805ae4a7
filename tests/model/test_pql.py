"""Penalised quasi-likelihood: a dense implementation of its own, published estimates, refusals."""
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes, Factor, datasets, families
from statsmodels_gllamm.exceptions import BoundaryWarning, ConvergenceWarning
from statsmodels_gllamm.responses.working import WorkingResponse, working_statistics

BINOMIAL, POISSON, LINKS = sm.families.Binomial(), sm.families.Poisson(), sm.families.links


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(8)
    n = 96
    g = np.repeat(np.arange(24), 4)
    x, z = rng.normal(size=(2, n))
    nu = 0.3 + 0.5 * x + rng.normal(size=24)[g] + 0.4 * rng.normal(size=24)[g] * x
    k = rng.binomial(5, 1 / (1 + np.exp(-nu)))
    return pd.DataFrame({
        "g": g, "s": g // 4, "x": x, "z": z, "b": (nu + rng.logistic(size=n) > 0) * 1.0, "k": k,
        "kf": 5 - k, "c": rng.poisson(np.exp(nu)), "pos": np.exp(nu) * rng.gamma(3, 1 / 3, size=n),
        "y": nu + rng.normal(size=n), "item": np.tile(["a", "b", "c", "d"], 24),
        "label": np.where(np.arange(n) % 2, "y", "b")})


def pql_by_hand(family, y, x, parts, trials=1.0, offset=0.0, dispersion=False, iterations=60):
    """(beta, covariance matrices, phi, information about beta) with dense matrices, maximum likelihood.

    ``parts`` (columns (n, q), clusters (n,)) of every group; the likelihood of the working model is
    maximised numerically.
    """
    n, p = x.shape
    sizes = [z.shape[1] for z, _ in parts]
    mu = (y * trials + 0.5) / (trials + 1) if isinstance(family, sm.families.Binomial) else y + 0.1
    nu = family.link(mu)
    theta = np.concatenate([0.5 * np.eye(q)[np.tril_indices(q)] for q in sizes] + [np.zeros(1)])

    def covariance(theta, w):
        v, first, psis = np.diag(np.exp(2 * theta[-1] * dispersion) / w), 0, []
        for (z, g), q in zip(parts, sizes):
            root = np.zeros((q, q))
            m = q * (q + 1) // 2
            root[np.tril_indices(q)] = theta[first:first + m]
            first += m
            psis.append(root @ root.T)
            v = v + (z @ psis[-1] @ z.T) * (g[:, None] == g)
        return v, psis

    def profile(theta, response, w):
        v, _ = covariance(theta, w)
        vx = np.linalg.solve(v, x)
        beta = np.linalg.solve(x.T @ vx, vx.T @ response)
        r = response - x @ beta
        return 0.5 * (np.linalg.slogdet(v)[1] + r @ np.linalg.solve(v, r))

    for _ in range(iterations):
        mu = family.fitted(nu)
        slope = 1 / family.link.deriv(mu)
        w = slope**2 * trials / family.variance(mu)
        response = nu + (y - mu) / slope - offset
        theta = minimize(profile, theta, (response, w), method="BFGS", options={"gtol": 1e-9}).x
        v, psis = covariance(theta, w)
        vx = np.linalg.solve(v, x)
        beta = np.linalg.solve(x.T @ vx, vx.T @ response)
        noise = np.diag(np.exp(2 * theta[-1] * dispersion) / w)
        new = response - noise @ np.linalg.solve(v, response - x @ beta) + offset
        nu, change = new, np.abs(new - nu).max()
        if change < 1e-7:
            break
    return beta, psis, np.exp(2 * theta[-1]), x.T @ vx


def test_dense_matrices_give_the_same(data):
    x = sm.add_constant(data[["x"]]).to_numpy()
    one, g, s = np.ones((len(data), 1)), data["g"].to_numpy(), data["s"].to_numpy()
    log_gamma = sm.families.Gamma(LINKS.Log())
    probit = sm.families.Binomial(LINKS.Probit())
    cases = (
        ("k + kf ~ x + (1 | g)", BINOMIAL, data["k"] / 5, [(one, g)], {"trials": 5.0}, {}),
        ("k + kf ~ x + (1 | s / g)", probit, data["k"] / 5, [(one, g), (one, s)], {"trials": 5.0}, {}),
        ("c ~ x + (x | g)", POISSON, data["c"], [(x, g)], {"offset": data["z"].to_numpy()},
         {"offset": "z"}),
        ("pos ~ x + (1 | g)", log_gamma, data["pos"], [(one, g)], {"dispersion": True}, {}))
    for formula, family, y, parts, by_hand, options in cases:
        res = GLLAMM.from_formula(formula, data, family=family, **options).fit(integration="pql")
        beta, psis, phi, information = pql_by_hand(family, y.to_numpy(), x, parts, **by_hand)
        assert res.converged and res.integration == "pql"
        np.testing.assert_allclose(res.fe_params, beta, atol=2e-5, err_msg=formula)
        whole = np.linalg.inv(res.cov_params())
        np.testing.assert_allclose(whole[:2, :2], information, rtol=1e-3, atol=1e-3, err_msg=formula)
        for found, psi in zip(res.cov_re.values(), psis):
            np.testing.assert_allclose(found, psi, atol=5e-5, err_msg=formula)
        if "dispersion" in by_hand:
            np.testing.assert_allclose(res.scale, phi, rtol=1e-4)


def test_breslow_and_clayton_1993_epilepsy():
    """Their Table 4, model II: Poisson with a random intercept (variances there by REML, of about
    59 / 54 times ours, as are squared errors)."""
    data = datasets.epilep.load_pandas().data
    model = GLLAMM.from_formula("y ~ lbas * treat + lage + v4 + (1 | subj)", data, family=POISSON)
    res = model.fit(integration="pql")
    names = ["lbas", "lbas:treat", "lage", "v4"]
    np.testing.assert_allclose(res.params[names], [0.87, 0.33, 0.47, -0.16], atol=0.012)
    np.testing.assert_allclose(res.bse[names], [0.14, 0.21, 0.36, 0.05], atol=0.021)
    sd = np.sqrt(res.params["var[Intercept[subj]]"] * 59 / 54)
    assert abs(sd - 0.53) < 0.015
    ml, again = model.fit(), model.fit(start_params=res)
    np.testing.assert_allclose(again.llf, ml.llf, atol=1e-6)
    assert again.mle_retvals["fcalls"] <= ml.mle_retvals["fcalls"]


def test_binary_responses_of_small_clusters_are_biased_downwards():
    data = datasets.toenail.load_pandas().data
    model = GLLAMM.from_formula("y ~ treatment * time + (1 | patientID)", data, family=BINOMIAL)
    pql, laplace = model.fit(integration="pql"), model.fit(integration="laplace")
    assert pql.params.iloc[-1] < 0.35 * laplace.params.iloc[-1]
    assert -0.3 < pql.params["time"] < -0.25  # -0.39 by maximum likelihood


def test_gaussian_models_and_those_without_latent_variables_are_exact(data):
    for formula, family in (("y ~ x + (1 | g)", sm.families.Gaussian()), ("b ~ x", BINOMIAL)):
        model = GLLAMM.from_formula(formula, data, family=family)
        res, ml = model.fit(integration="pql"), model.fit()
        assert res.integration == "exact" and res.llf == ml.llf


def test_mixed_responses_factors_and_weights(data):
    mixed = data.assign(v=np.where(data["label"] == "y", data["y"], data["b"]))
    model = GLLAMM.from_formula(
        "v ~ label * x + (1 | g)", mixed, family={"y": sm.families.Gaussian(), "b": BINOMIAL},
        family_by="label")
    res = model.fit(integration="pql")
    assert res.converged and res.params["var[Intercept[g]]"] > 0.1
    factor = {"f": Factor("item")}
    model = GLLAMM.from_formula("c ~ item + (0 + f | g)", data, family=POISSON, factors=factor)
    res = model.fit(integration="pql")
    assert res.converged and (res.loadings["estimate"] > 0.2).all()
    weighted = data.assign(w=1 + data["g"] % 2, r=1 + np.arange(len(data)) % 3)
    model = GLLAMM.from_formula("c ~ x + (1 | g)", weighted, family=POISSON,
                                freq_weights={"g": "w", "rows": "r"})
    parts = [weighted.assign(copy=0), weighted[weighted["w"] == 2].assign(copy=1)]
    twice = pd.concat(parts, ignore_index=True)
    twice = twice.loc[twice.index.repeat(twice["r"])].assign(id=lambda d: d["g"] + 100 * d["copy"])
    plain = GLLAMM.from_formula("c ~ x + (1 | id)", twice, family=POISSON)
    one, two = (m.fit(integration="pql", tol=1e-13) for m in (model, plain))
    np.testing.assert_allclose(one.params, two.params, atol=1e-6)
    np.testing.assert_allclose(one.bse, two.bse, rtol=1e-5)


def test_constraints_and_boundary(data, rng):
    model = GLLAMM.from_formula("b ~ x + z + (1 | g)", data, family=BINOMIAL)
    res = model.fit_constrained("x = z", integration="pql")
    assert res.params["x"] == pytest.approx(res.params["z"]) and res.df_modelwc == 3
    flat = data.assign(b=np.arange(len(data)) % 2)
    model = GLLAMM.from_formula("b ~ x + (1 | g)", flat, family=BINOMIAL)
    with pytest.warns(BoundaryWarning, match="variance of Intercept"):
        res = model.fit(integration="pql")
    assert res.params.iloc[-1] == 0 and np.isnan(res.bse.iloc[-1])
    np.testing.assert_allclose(res.fe_params, sm.Logit.from_formula("b ~ x", flat).fit(disp=0).params,
                               atol=1e-5)


def test_results_have_no_likelihood_and_refuse(data):
    model = GLLAMM.from_formula("c ~ x + (1 | g)", data, family=POISSON)
    seen = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        res, ml = model.fit(integration="pql", callback=seen.append), model.fit()
    assert len(seen) == res.mle_retvals["iterations"] and np.isfinite(seen[-1]).all()
    assert np.isnan(res.llf) and np.isnan(res.certificate.error_loglik)
    text = str(res.summary())
    assert "none (PQL)" in text and "AIC" not in text and "PQL: no likelihood" in text
    for name in ("aic", "bic", "aicc"):
        with pytest.raises(ValueError, match="has no likelihood"):
            getattr(res, name)
    for refused in (lambda: ml.lr_test(res), lambda: res.lr_test(ml), lambda: ml.compare(res)):
        with pytest.raises(ValueError, match="has no likelihood"):
            refused()
    again = pickle.loads(pickle.dumps(res))
    again.remove_data()
    assert "none (PQL)" in str(again.summary())
    assert np.isfinite(res.with_cov_type("robust").bse).all()
    assert np.isfinite(res.predict()).all() and len(res.latent()) == 24
    with pytest.warns(ConvergenceWarning, match="working model still changed"):
        assert not model.fit(integration="pql", maxiter=1).converged
    with pytest.raises(ValueError, match="integration is one of"):
        model.loglike(res.params, integration="pql")


def test_what_it_is_not_for(data):
    def fit(formula, family, **more):
        options = more.pop("fit", {})
        GLLAMM.from_formula(formula, data, family=family, **more).fit(integration="pql", **options)

    classes = {"c": Classes(2, within="g")}
    for family, formula, more, error, text in (
            (families.Ordinal(), "k ~ x + (1 | g)", {}, NotImplementedError, "Ordinal"),
            (families.NegativeBinomial(), "c ~ x + (1 | g)", {}, NotImplementedError, "NegativeBin"),
            (families.ZeroInflated(POISSON, "1"), "c ~ x + (1 | g)", {}, NotImplementedError,
             "ZeroInflated"),
            (families.Nominal(), "item ~ x + (1 | g)", {}, NotImplementedError, "Nominal"),
            (BINOMIAL, "b ~ x + (1 | c)", {"classes": classes}, NotImplementedError, "latent classes"),
            (BINOMIAL, "b ~ 0 + item + (0 + f + h | g)",
             {"factors": {"f": Factor("item", loadings=[1, None, 0, 0]),
                          "h": Factor("item", loadings=[0, 0, 1, None])},
              "regressions": ["f ~ h + h:h"]}, NotImplementedError, "products of latent"),
            (POISSON, "c ~ x + (1 | g)", {"fit": {"n_quad": 5}}, ValueError, "takes no n_quad"),
            (POISSON, "c ~ x + (1 | g)", {"fit": {"starts": 5}}, ValueError, "takes no starts"),
            (POISSON, "c ~ x + (1 | g)", {"fit": {"method": "bfgs"}}, ValueError, "takes no method")):
        with pytest.raises(error, match=text):
            fit(formula, family, **more)


def test_working_response_is_a_gaussian_of_known_weight(rng):
    nu, y = rng.normal(size=(2, 7))
    for response, aux in ((WorkingResponse(), np.zeros((0, 7))),
                          (WorkingResponse(("logsd",)), rng.normal(size=(1, 7)))):
        stats = np.stack([y, rng.uniform(0.5, 2, size=7)])
        sd = np.sqrt(response.variance(nu, aux, stats))
        density = -0.5 * ((y - nu) / sd) ** 2 - np.log(sd) - 0.5 * np.log(2 * np.pi)
        np.testing.assert_allclose(response.log_density(stats, nu, aux), density)
        h = 1e-6
        first, second, third = response.derivatives(stats, nu, aux)
        up, down = (response.log_density(stats, nu + s * h, aux) for s in (1, -1))
        np.testing.assert_allclose(first, (up - down) / (2 * h), atol=1e-8)
        np.testing.assert_allclose(-second, response.expected_information(stats, nu, aux))
        assert not third.any()
        if len(aux):
            up, down = (response.log_density(stats, nu, aux + s * h) for s in (1, -1))
            np.testing.assert_allclose(response.aux_score(stats, nu, aux)[0], (up - down) / (2 * h),
                                       atol=1e-8)
            up, down = (response.aux_score(stats, nu, aux + s * h) for s in (1, -1))
            np.testing.assert_allclose(response.aux_curvature(stats, nu, aux)[0], (up - down) / (2 * h),
                                       atol=1e-8)
            up, down = (response.derivatives(stats, nu, aux + s * h) for s in (1, -1))
            for slope, one, two in zip(response.aux_derivatives(stats, nu, aux), up, down):
                np.testing.assert_allclose(slope[0], (one - two) / (2 * h), atol=1e-8)


def test_working_statistics_are_those_of_a_glm(rng):
    nu = rng.uniform(0.2, 1.5, size=9)
    for family in (BINOMIAL, POISSON, sm.families.Gamma(LINKS.Log()), sm.families.InverseGaussian(),
                   sm.families.Gaussian(LINKS.Log()), sm.families.Binomial(LINKS.CLogLog()),
                   sm.families.NegativeBinomial(alpha=0.4)):
        mu = family.fitted(nu)
        y = np.arange(9) % 2.0 if isinstance(family, sm.families.Binomial) else mu + 0.3
        if isinstance(family, (sm.families.Poisson, sm.families.NegativeBinomial)):
            y = np.round(y)
        model = GLLAMM(y, np.ones((9, 1)), family=family)
        z, w = working_statistics(model.response, model.outcomes.members[0].y, nu)
        slope = 1 / family.link.deriv(mu)
        np.testing.assert_allclose(z, nu + (y - mu) / slope, err_msg=str(family))
        np.testing.assert_allclose(w, slope**2 / family.variance(mu), err_msg=str(family))
