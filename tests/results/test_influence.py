"""Influence of clusters against fits without them, and against closed forms."""

import warnings

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes, datasets

POISSON = sm.families.Poisson()
FORMULA = "y ~ lbas * treat + lage + v4 + (1 | subj)"


@pytest.fixture(scope="module")
def epilepsy():
    data = datasets.epilep.load_pandas().data
    return data, GLLAMM.from_formula(FORMULA, data, family=POISSON).fit()


def test_one_step_is_near_the_fit_without_the_cluster(epilepsy):
    data, res = epilepsy
    found = res.get_influence()
    frame = found.summary_frame()
    assert frame.index.name == "subj" and frame.shape == (59, 10)
    for subject in [*frame["cooks_d"].nlargest(2).index, 1]:
        without = GLLAMM.from_formula(FORMULA, data[data["subj"] != subject], family=POISSON).fit()
        exact = (res.params - without.params) / res.bse
        assert_allclose(found.dfbetas.loc[subject], exact, atol=0.12)
        ratio = np.linalg.det(without.cov_params()) / np.linalg.det(res.cov_params())
        assert_allclose(frame.loc[subject, "covratio"], ratio, rtol=0.15)
        cook = (res.params - without.params) @ np.linalg.solve(
            res.cov_params(), res.params - without.params) / 7
        assert_allclose(frame.loc[subject, "cooks_d"], cook, rtol=0.25, atol=1e-3)
    assert_allclose(frame["hat_diag"].sum(), 7, rtol=1e-4)  # the information of all is A
    assert_allclose(found.d_params + found.params_one, np.tile(res.params, (59, 1)))


def test_linear_regression_has_the_closed_form():
    """Without latent variables the step of the coefficients is that of ordinary least squares."""
    data = datasets.sleepstudy.load_pandas().data
    res = GLLAMM.from_formula("Reaction ~ Days", data).fit()
    ols = sm.OLS.from_formula("Reaction ~ Days", data).fit()
    found = res.get_influence()
    leverage = ols.get_influence().hat_matrix_diag
    x, r = ols.model.exog, ols.resid.to_numpy()
    s2 = np.exp(2 * res.params["logsd[Intercept]"])
    for i in (0, 57, 99):  # A - H_i and s_i by hand, in coefficients and log sd
        h = np.zeros((3, 3))
        h[:2, :2], h[2, 2] = np.outer(x[i], x[i]) / s2, 2 * r[i] ** 2 / s2
        h[:2, 2] = h[2, :2] = 2 * x[i] * r[i] / s2
        whole = np.zeros((3, 3))
        whole[:2, :2], whole[2, 2] = x.T @ x / s2, 2 * (r**2).sum() / s2
        score = np.append(x[i] * r[i] / s2, r[i] ** 2 / s2 - 1)
        assert_allclose(found.d_params.iloc[i], np.linalg.solve(whole - h, score), rtol=2e-3)
        assert_allclose(found.hat_matrix_diag.iloc[i], leverage[i] + 2 * r[i] ** 2 / s2 / 360,
                        rtol=1e-3)
    assert found.dfbetas.index.equals(data.index)


def test_weights_stand_for_copies(epilepsy):
    data, _ = epilepsy
    data = data[data["subj"] <= 20].assign(w=1.0)
    data.loc[data["subj"] == 3, "w"] = 2.0
    copy = data[data["subj"] == 3].assign(subj=99)
    formula = "y ~ lage + (1 | subj)"
    one = GLLAMM.from_formula(formula, data, family=POISSON, freq_weights={"subj": "w"}).fit()
    two = GLLAMM.from_formula(formula, pd.concat([data, copy]), family=POISSON).fit()
    assert_allclose(one.params, two.params, rtol=1e-5)
    a, b = one.get_influence(), two.get_influence()
    assert_allclose(a.hat_matrix_diag.loc[3], 2 * b.hat_matrix_diag.loc[3], rtol=1e-3)
    assert_allclose(a.hat_matrix_diag.loc[4], b.hat_matrix_diag.loc[4], rtol=1e-3)
    assert abs(a.d_params.loc[3, "lage"]) > 1.9 * abs(b.d_params.loc[3, "lage"])


def test_constraints_and_boundaries(epilepsy):
    data, res = epilepsy
    fixed = res.model.fit_constrained("lbas = 0.9").get_influence()
    assert (fixed.d_params["lbas"].abs() < 1e-12).all() and fixed.dfbetas["lbas"].isna().all()
    assert fixed.dfbetas.drop(columns="lbas").notna().all(axis=None)
    assert_allclose(fixed.hat_matrix_diag.sum(), 6, rtol=1e-4)
    flat = data.assign(y=np.tile([3.0, 4.0, 3.0, 5.0], 59))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        zero = GLLAMM.from_formula("y ~ v4 + (1 | subj)", flat, family=POISSON).fit()
    assert zero.record.boundary
    frame = zero.get_influence().summary_frame()
    assert frame["dfb_var[Intercept[subj]]"].isna().all() and frame["cooks_d"].notna().all()


def test_latent_classes():
    data = datasets.lsat.load_pandas().data
    model = GLLAMM.from_formula("y ~ 0 + (0 + item | c)", data, family=sm.families.Binomial(),
                                classes={"c": Classes(2, within="id")})
    res = model.fit(rng=0)
    found = res.get_influence()
    assert_allclose(found.hat_matrix_diag.sum(), 11, rtol=1e-2)
    one = found.cooks_distance[0].idxmax()
    without = GLLAMM.from_formula(
        "y ~ 0 + (0 + item | c)", data[data["id"] != one], family=sm.families.Binomial(),
        classes={"c": Classes(2, within="id")}).fit(res)
    assert_allclose(found.dfbetas.loc[one], (res.params - without.params) / res.bse, atol=0.12)


def test_levels_and_plots(epilepsy):
    _, res = epilepsy
    assert res.get_influence("subj").index.name == "subj"
    with pytest.raises(ValueError, match="level must be 'subj'"):
        res.get_influence("clinic")
    found = res.get_influence()
    for what in ("cooks", "hat", "covratio", "treat"):
        assert found.plot_index(what).axes[0].get_ylabel()
    named = found.plot_index("cooks", threshold=0.15, title="Cook").axes[0]
    assert [text.get_text() for text in named.texts] == ["49"]
    with pytest.raises(ValueError, match="y_var"):
        found.plot_index("dffits")
    data = datasets.irtsim.load_pandas().data
    model = GLLAMM.from_formula("y ~ 1 + (1 | school / sid)", data, family=sm.families.Binomial())
    nested = model.fit(integration="laplace", quad_tol=100)
    with pytest.raises(NotImplementedError, match="level='school'"):
        nested.get_influence("school:sid")
    assert len(nested.get_influence("school").index) == 26
