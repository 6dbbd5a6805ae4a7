"""What statsmodels and its users expect of any results."""

import inspect
import pickle

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.base.model import LikelihoodModel, LikelihoodModelResults, ResultMixin
from statsmodels.base.wrapper import ResultsWrapper
import statsmodels.formula
from statsmodels.iolib.summary2 import summary_col
from statsmodels.tools._testing import (
    check_fitted,
    check_ftest_pvalues,
    check_predict_types,
    check_ttest_tvalues,
)

from statsmodels_gllamm import GLLAMM

from .conftest import MODELS, build, fit


def test_checks_of_statsmodels(results):
    check_ttest_tvalues(results)
    check_ftest_pvalues(results)
    check_fitted(results)


@pytest.mark.parametrize("name", ["logit", "negbin", "plain", "ordinal"])
def test_predict_types(fitted, name):
    check_predict_types(fitted(name))


def test_classes_and_attributes(results):
    assert isinstance(results, ResultsWrapper)
    assert isinstance(results._results, (LikelihoodModelResults, ResultMixin))
    model = results.model
    assert isinstance(model, LikelihoodModel)
    for name in ("k_extra", "freq_weights", "jac", "wexog", "link"):
        assert not hasattr(model, name)
    k, n = len(results.params), results.nobs
    assert results.df_modelwc == k
    assert results.df_resid == n - k
    assert_allclose(results.aic, -2 * results.llf + 2 * k)
    assert_allclose(results.bic, -2 * results.llf + np.log(n) * k)
    assert_allclose(results.aicc, results.aic + 2 * k * (k + 1) / (n - k - 1))
    constants = sum("Intercept" in name for name in results.fe_params.index)
    assert results.df_model == len(results.fe_params) - constants
    assert results.params.index.tolist() == model.param_names == results.bse.index.tolist()
    assert results.cov_params().columns.tolist() == model.param_names
    assert results.conf_int().columns.tolist() == [0, 1]
    assert results.converged is results.mle_retvals["converged"] is True
    assert_allclose(results.fe_params, results.params[: len(results.fe_params)])
    assert_allclose(results.bse_fe, results.bse[: len(results.fe_params)])
    assert results.fittedvalues.index.equals(model.sample.index)


def test_llf_is_kept_and_is_the_loglike(results):
    record = results.record
    integration = "adaptive" if record.integration == "exact" else record.integration
    n_quad = results.n_quad if results.n_quad else 1
    again = results.model.loglike(results.params, integration=integration, n_quad=n_quad)
    assert_allclose(results.llf, again, rtol=1e-9)


@pytest.mark.parametrize("name", list(MODELS))
def test_init_keywords_rebuild_the_model(name, engine):
    model = build(name)
    again = type(model)(model.endog, model.exog, **model._get_init_kwds())
    params = model.start_params
    assert again.loglike(params) == model.loglike(params)
    assert again.param_names == model.param_names


def test_fit_leaves_the_model_alone(engine):
    model = build("factor")
    before = {key: value for key, value in vars(model).items() if key != "_problems"}
    model.fit(integration="laplace", threads=1)
    after = {key: value for key, value in vars(model).items() if key != "_problems"}
    assert before.keys() == after.keys()
    assert all(after[key] is before[key] for key in before)


def test_unknown_keyword_raises(data):
    with pytest.raises(TypeError, match="familly"):
        GLLAMM.from_formula("y ~ x + (1 | school)", data, familly=sm.families.Binomial())


def test_names_parse_back_and_score_sums(results):
    for name, value in results.params.items():
        test = results.t_test(f"{name} = 0")
        assert_allclose(test.effect, value)
        assert_allclose(test.sd.squeeze(), results.bse[name])
    joint = ", ".join(f"{name} = 0" for name in results.params.index[:2])
    assert results.wald_test(joint, scalar=True).df_denom == 2
    params = np.asarray(results.params) * 1.05 + 0.01
    model = results.model
    scores = model.score_obs(params)
    assert_allclose(scores.sum(0), model.score(params), rtol=1e-8, atol=1e-8)
    top = model.structure.levels[-1].n_units if model.structure.levels else results.nobs
    assert scores.shape == (top, len(params))


@pytest.mark.parametrize("name", list(MODELS))
def test_score_and_information(name):
    model = build(name)
    rng = np.random.default_rng(1)
    params = model.start_params + rng.uniform(0.02, 0.1, len(model.param_names))
    score, h = model.score(params), 1e-5
    step = h * np.eye(len(params))
    central = [(model.loglike(params + s) - model.loglike(params - s)) / (2 * h) for s in step]
    assert_allclose(score, central, rtol=2e-6, atol=2e-6)
    information = model.information(params)
    assert_allclose(information, -model.hessian(params))
    central = [(model.score(params + s) - model.score(params - s)) / (2 * h) for s in step]
    assert_allclose(information, -np.array(central), rtol=1e-4, atol=1e-4 * np.abs(central).max())


def test_pickle_then_predict(results, data):
    again = pickle.loads(pickle.dumps(results))
    assert_allclose(again.predict(data.iloc[:7]), results.predict(data.iloc[:7]))
    assert_allclose(again.predict(), results.predict())
    assert again.llf == results.llf
    assert str(again.to_frame()) == str(results.to_frame())


def test_save_and_load(fitted, tmp_path):
    fitted("logit").save(tmp_path / "results.pickle")
    again = sm.load(tmp_path / "results.pickle")
    assert_allclose(again.params, fitted("logit").params)


@pytest.mark.parametrize("name", list(MODELS))
def test_remove_data_then_summary_and_predict(name, engine, data):
    results = fit(name)
    new = data.iloc[5:15]
    expected = results.predict(new)
    text = _without_time(results.summary())
    size = len(pickle.dumps(results))
    original = results.model
    results.remove_data()
    assert _without_time(results.summary()) == text
    assert str(results.summary2())
    assert_allclose(results.predict(new), expected)
    small = pickle.dumps(results)
    assert len(small) < size / 2
    again = pickle.loads(small)
    assert_allclose(again.predict(new), expected)
    assert _without_time(again.summary()) == text
    assert_allclose(again.t_test("x = 0").pvalue, again.pvalues["x"])
    assert again.aic == results.aic
    with pytest.raises(ValueError, match="remove_data"):
        again.predict()
    with pytest.raises(ValueError, match="remove_data"):
        again.with_cov_type("robust")
    assert original.endog is not None and len(original.sample.index) == len(data)


def _without_time(summary):
    return [line for line in str(summary).splitlines() if "Time:" not in line]


def test_engine_may_be_switched_after_the_fit(fitted, engine, data, monkeypatch):
    results = fitted("logit")
    before = results.predict(data.iloc[:5])
    other = "formulaic" if engine == "patsy" else "patsy"
    monkeypatch.setattr(statsmodels.formula.options, "formula_engine", other)
    assert_allclose(results.predict(data.iloc[:5]), before)
    assert_allclose(pickle.loads(pickle.dumps(results)).predict(data.iloc[:5]), before)
    for name in results.params.index:
        assert_allclose(results.t_test(f"{name} = 0").effect, results.params[name])
    assert len(results.wald_test_terms().table) == 4
    assert len(results.t_test_pairwise("C(kind)").result_frame) == 3


def test_wald_test_terms(fitted):
    results = fitted("logit")
    table = results.wald_test_terms().table
    assert table["df_constraint"].tolist() == [1, 2, 1, 2]
    assert table.index[0] == "Intercept"
    names = [name for name in results.params.index if "kind" in name and "x" not in name]
    joint = results.wald_test(", ".join(f"{name} = 0" for name in names), scalar=True)
    assert_allclose(table.loc["C(kind)", "statistic"], joint.statistic)
    table = results.wald_test_terms(skip_single=True, combine_terms=["kind"]).table
    assert table["df_constraint"].tolist() == [2, 2, 4]
    with pytest.raises(ValueError, match="combine_terms"):
        results.wald_test_terms(combine_terms=["nothing"])


def test_pairwise_differences(fitted):
    results = fitted("slopes")
    frame = results.t_test_pairwise("kind").result_frame
    assert frame.index.tolist() == ["b-a", "c-a", "c-b"]
    assert_allclose(frame["coef"].iloc[0], results.params["kind[T.b]"])


def test_third_party_tables(results):
    table = summary_col([results, results])
    assert "x" in str(table)
    coef = results.__maketables_coef_table__
    assert coef.columns.tolist() == ["b", "se", "t", "p"]
    assert results.__maketables_stat__("N") == results.nobs
    assert results.__maketables_stat__("nothing") is None
    assert results.__maketables_depvar__ == results.model.endog_names
    assert results.__maketables_vcov_info__ == {"vcov_type": "nonrobust"}
    assert results._repr_html_().startswith("<table")


def test_marginal_effects_packages_find_what_they_read(fitted, data):
    results = fitted("logit")
    model = results.model
    assert model.formula == "y ~ x * C(kind)"
    assert "(1 | school/pupil)" in model.gllamm_formula
    assert len(model.data.frame) == len(data)
    exog = model.exog[:4] + 0.0
    values = model.predict(np.asarray(results.params), exog)
    assert values.shape == (4,)
    assert_allclose(values, results.predict().iloc[:4])


def test_row_order_does_not_matter(fitted, data):
    results = fitted("logit")
    shuffled = data.sample(frac=1, random_state=3)
    again = fit("logit", shuffled)
    assert_allclose(again.llf, results.llf, rtol=1e-9)
    assert_allclose(again.params, results.params, atol=1e-4)
    assert_allclose(again.predict()[data.index], results.predict(), atol=1e-4)


def test_subset_is_fitting_the_subset(engine, data):
    keep = data["x"] < 1
    a = fit("logit", subset="x < 1")
    b = fit("logit", subset=keep)
    c = fit("logit", data[keep])
    assert_allclose(a.params, c.params, rtol=1e-10)
    assert_allclose(b.params, c.params, rtol=1e-10)
    assert a.nobs == keep.sum()


@pytest.mark.parametrize(("name", "column"), [
    ("logit", "y"), ("logit", "x"), ("logit", "kind"), ("logit", "pupil"), ("negbin", "w")])
def test_missing_values_drop_rows(engine, data, name, column):
    holes = data.copy()
    rows = holes.index[[3, 50, 51]]
    if column in ("pupil", "w"):  # whole persons, so that a weight does not vary inside one
        rows = holes.index[6:12]
    holes[column] = holes[column].astype(object if column == "kind" else float)
    holes.loc[rows, column] = np.nan
    a, b = fit(name, holes), fit(name, data.drop(index=rows))
    assert_allclose(a.params, b.params, rtol=1e-10)
    assert_allclose(a.llf, b.llf, rtol=1e-12)
    assert a.fittedvalues.index.equals(b.fittedvalues.index)
    assert f"Dropped rows: {len(rows)}" in str(a.summary())
    with pytest.raises(ValueError):
        fit(name, holes, missing="raise")


def test_bootstrap_draws_whole_clusters(fitted):
    found = fitted("slopes").bootstrap(3, kind="cluster", rng=0)
    assert found.params.shape == (3, 8)
    assert found.n_failed == 0


def test_public_methods_are_documented(fitted):
    for name, method in inspect.getmembers(type(fitted("plain")._results)):
        if not name.startswith("_") and callable(method):
            assert inspect.getdoc(method), name


def test_data_with_duplicate_labels(data):
    data.index = np.arange(len(data)) % 7
    results = fit("slopes", data)
    assert isinstance(results.fittedvalues, pd.Series)
    assert results.fittedvalues.index.equals(data.index)


def test_counts_of_successes(engine, data):
    trials = np.arange(len(data)) % 4 + 1
    data["good"] = np.minimum(data["count"], trials)
    data["bad"] = trials - data["good"]
    a = GLLAMM.from_formula("good + bad ~ x + (1 | school)", data,
                            family=sm.families.Binomial()).fit(integration="laplace")
    check_fitted(a)
    check_ttest_tvalues(a)
    assert_allclose(a.model.endog, data["good"] / trials)
    b = GLLAMM.from_formula("share ~ x + (1 | school)", data.assign(share=data["good"] / trials),
                            family=sm.families.Binomial(), n_trials=trials)
    assert_allclose(b.fit(integration="laplace").params, a.params)
    again = type(a.model)(a.model.endog, a.model.exog, **a.model._get_init_kwds())
    assert again.loglike(a.params) == a.model.loglike(a.params)


def test_arrays(data):
    exog = sm.add_constant(data[["x", "z"]].to_numpy())
    model = GLLAMM(data["amount"].to_numpy(), exog, groups=data["school"].to_numpy())
    results = model.fit()
    expected = GLLAMM.from_formula("amount ~ x + z + (1 | school)", data).fit()
    assert_allclose(results.params, expected.params, rtol=1e-6)
    check_ttest_tvalues(results)
    check_ftest_pvalues(results)
    check_fitted(results)
    check_predict_types(results)
    assert results.wald_test_terms().table.index.tolist() == list(results.fe_params.index)
    again = type(model)(model.endog, model.exog, **model._get_init_kwds())
    assert_allclose(again.loglike(results.params), results.llf)
    values = results.predict(exog[:3])
    stored = pickle.loads(pickle.dumps(results))
    stored.remove_data()
    assert_allclose(stored.predict(exog[:3]), values)
    assert "groups" in str(stored.summary())


def test_nullable_columns(fitted, data):
    other = data.convert_dtypes()
    other["y"] = other["y"].astype("Int64")
    assert_allclose(fit("logit", other).params, fitted("logit").params, rtol=1e-8)


def test_variance_at_zero_passes_the_checks_of_statsmodels(engine, data):
    data["y"] = np.arange(len(data)) % 2
    with pytest.warns(UserWarning, match="boundary"):
        results = GLLAMM.from_formula("y ~ x + (1 | school)", data,
                                      family=sm.families.Binomial()).fit()
    assert np.isnan(results.bse.iloc[-1]) and np.isfinite(results.bse.iloc[:-1]).all()
    check_ttest_tvalues(results)
    check_ftest_pvalues(results)
    check_fitted(results)


def test_threads_leave_nothing_behind(data):
    results = build("logit").fit(threads=2, n_quad=5)
    again = pickle.loads(pickle.dumps(results))
    assert_allclose(again.predict(data.iloc[:3]), results.predict(data.iloc[:3]))


def test_covariance_of_combinations(results):
    k = len(results.params)
    assert results.cov_params().shape == (k, k)
    cov = np.asarray(results.cov_params())
    r = np.eye(k)[:2]
    assert_allclose(results.cov_params(r_matrix=r), cov[:2, :2])
    assert_allclose(results.cov_params(column=0), cov[0, 0])
