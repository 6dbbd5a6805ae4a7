"""What the printed summaries say, and the tables they are cut from."""

from dataclasses import replace
import warnings

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor


@pytest.fixture(scope="module")
def irt(request):
    rng = np.random.default_rng(4)
    person = np.repeat(np.arange(150), 4)
    item = np.tile([1, 2, 3, 4], 150)
    eta = rng.normal(size=150)[person] + 0.8 * rng.normal(size=15)[person // 10]
    loading = np.array([1, 0.8, 1.2, 0.7])[item - 1]
    y = rng.random(600) < 1 / (1 + np.exp(-loading * eta))
    return pd.DataFrame({"y": y.astype(int), "item": item, "sid": person, "school": person // 10,
                         "x": rng.normal(size=600)})


def factor_model(irt, **keywords):
    return GLLAMM.from_formula(
        "y ~ C(item) + (0 + ability | school/sid)", irt, family=sm.families.Binomial(),
        factors={"ability": Factor("item", **keywords)})


@pytest.fixture(scope="module")
def fitted(irt):
    return factor_model(irt).fit(integration="laplace")


@pytest.fixture(scope="module")
def gaussian(irt):
    rng = np.random.default_rng(6)
    u, v = rng.normal(size=(2, 150))
    y = 2 + (1 + 0.5 * irt["x"]) * u[irt["sid"]] + v[irt["sid"]] * irt["x"] + rng.normal(size=600)
    return GLLAMM.from_formula("amount ~ x + (1 + x | sid)", irt.assign(amount=y)).fit()


def lines_of(text):
    return {line[:30].strip(): line.split() for line in str(text).splitlines() if line.strip()}


def test_summary_names_everything(fitted):
    text = str(fitted.summary())
    lines = text.splitlines()
    for word in ("GLLAMM", "Binomial", "logit", "Laplace", "nonrobust", f"{fitted.llf:.3f}",
                 "Dropped Rows:", "Converged:", "Error in log-lik.:", "[0.025", "P>|z|"):
        assert word in text
    groups = {line.split()[0]: line.split()[1:] for line in lines if line.startswith("school")}
    assert groups["school:sid"] == ["150", "4", "4.0", "4", "1", "1"]
    assert groups["school"] == ["15", "40", "40.0", "40", "1", "1"]
    table = {line.split()[0]: line.split()[1:] for line in lines if line[:1].isalpha()}
    assert table["lambda[ability,1]"] == ["1.0000", "fixed"]
    for name in fitted.params.index:
        assert table[name][0] == f"{fitted.params[name]:.4f}"
        assert table[name][1] == f"{fitted.bse[name]:.3f}"
    assert len(table["C(item)[T.2]"]) == 6
    name = "var[ability[school]]"
    assert table[name][2] == f"{np.sqrt(fitted.params[name]):.3f}"
    low, high = fitted.params[name] * np.exp(
        np.array([-1, 1]) * 1.959964 * fitted.bse[name] / fitted.params[name])
    assert table[name][3:] == [f"{low:.3f}", f"{high:.3f}"]
    assert "fixed: not estimated" in text


def test_tables_are_aligned(fitted, gaussian):
    for results in (fitted, gaussian):
        lines = str(results.summary()).split("\n\nNotes:")[0].splitlines()[1:]
        assert len({len(line) for line in lines}) == 1
        assert len(lines[0]) <= 100
        notes = str(results.summary()).split("Notes:\n")[1].splitlines()
        assert max(map(len, notes)) <= len(lines[0])


def test_other_formats_and_options(fitted):
    summary = fitted.summary(yname="answer", title="A title", alpha=0.1)
    text = str(summary)
    assert "A title" in text.splitlines()[0]
    assert "answer" in text and "[0.05" in text and "0.95]" in text
    names = [f"p{i}" for i in range(len(fitted.params))]
    assert "p3" in str(fitted.summary(xname=names)) and "p3" in str(fitted.summary2(xname=names))
    with pytest.raises(ValueError, match="has 2 names"):
        fitted.summary(xname=["a", "b"])
    for form in (summary.as_html(), summary.as_latex(), summary.as_csv(), fitted._repr_html_()):
        assert "ability" in form
    second = fitted.summary2(title="Another", alpha=0.1)
    assert "Another" in str(second) and "[0.05" in str(second) and "P>|z|" in str(second)
    assert "lambda[ability,1]" in str(second) and "fixed" in str(second)
    assert "ability" in second.as_html() and "ability" in second.as_latex()


def test_gaussian_dispersion_and_correlation(gaussian):
    text = str(gaussian.summary())
    name = "cov[Intercept[sid],x[sid]]"
    corr = gaussian.corr_re["sid"].loc["Intercept", "x"]
    row = next(line.split() for line in text.splitlines() if line.startswith(name))
    assert row[3] == f"{corr:.3f}"
    psi = gaussian.cov_re["sid"]
    assert_allclose(corr, psi.loc["Intercept", "x"] / np.sqrt(np.prod(np.diag(psi))))
    assert_allclose(psi.loc["x", "Intercept"], gaussian.params[name])
    row = next(line.split() for line in text.splitlines() if line.startswith("logsd[Intercept]"))
    assert row[3] == f"{np.sqrt(gaussian.scale):.3f}"
    assert_allclose(gaussian.scale, np.exp(2 * gaussian.params["logsd[Intercept]"]))
    assert "residual standard deviation" in gaussian.dispersion["meaning"].iloc[0]
    assert "Quadrature error:" in text and "none" in text
    assert gaussian.n_groups == {"sid": 150} and gaussian.integration == "exact"


def test_loadings(fitted):
    loadings = fitted.loadings
    assert loadings.columns.tolist() == ["estimate", "std err"]
    assert loadings.loc["lambda[ability,1]", "estimate"] == 1
    assert np.isnan(loadings.loc["lambda[ability,1]", "std err"])
    free = loadings.index[1:]
    assert_allclose(loadings.loc[free, "estimate"], fitted.params[free])
    assert_allclose(loadings.loc[free, "std err"], fitted.bse[free])
    assert fitted.n_quad == {"school:sid": 1, "school": 1}
    assert fitted.scale == 1 and fitted.dispersion.empty
    assert set(fitted.cov_re) == {"school:sid", "school"}


def test_tidy_table(fitted):
    frame = fitted.to_frame()
    assert frame.index.tolist() == [*fitted.params.index[:4], "lambda[ability,1]",
                                    *fitted.params.index[4:]]
    free = frame[frame["status"] == "free"]
    assert_allclose(free["estimate"], fitted.params)
    assert_allclose(free["std_err"], fitted.bse)
    assert frame.loc["lambda[ability,1]", "status"] == "fixed"
    assert set(frame["kind"]) == {"coefficient", "loading", "variance"}
    assert np.isnan(frame.loc["var[ability[school]]", "pvalue"])
    assert (frame["conf_low"].dropna() < frame["estimate"][frame["conf_low"].notna()]).all()


def test_standardized_factor_and_equal_variances(irt):
    model = GLLAMM.from_formula(
        "y ~ C(item) + (0 + ability | sid)", irt, family=sm.families.Binomial(),
        factors={"ability": Factor("item", standardized=True)})
    results = model.fit(integration="laplace")
    frame = results.to_frame()
    assert frame.loc["var[ability[sid]]", ["estimate", "status"]].tolist() == [1, "fixed"]
    assert "fixed" in str(results.summary())
    assert results.cov_re["sid"].loc["ability", "ability"] == 1
    equal = GLLAMM.from_formula("x ~ 1 + (1 + item || sid)", irt,
                                covariances={"sid": "identity"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = equal.fit()
    assert results.to_frame()["kind"].eq("variance").sum() >= 1


def test_boundary_and_quadrature_notes(irt):
    data = irt.assign(y=np.arange(len(irt)) % 2, w=2.0)  # no variation between schools
    data.loc[5, "x"] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = GLLAMM.from_formula("y ~ x + (1 | school)", data, freq_weights={"school": "w"},
                                      family=sm.families.Binomial()).fit()
    text = str(results.summary())
    assert results.nobs == 2 * (len(irt) - 1)
    assert "boundary: a parameter at the edge of what is possible" in text
    assert "at the boundary: var[Intercept[school]]" in text
    assert "'x' is missing" in text and "Frequency weights of school" in text
    assert results.to_frame().loc["var[Intercept[school]]", "status"] == "boundary"
    assert np.isnan(results.corr_re["school"].iloc[0, 0])


def test_trouble_is_printed(irt):
    model = factor_model(irt)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stopped = model.fit(maxiter=1, n_quad=3)
    assert not stopped.converged
    text = str(stopped.summary())
    assert "NO" in text and "did not converge" in text
    record = replace(stopped.record, flat=({"Intercept": 0.7, "C(item)[T.2]": -0.7},))
    text = str(type(stopped._results)(model, record).summary()).replace("\n    ", " ")
    assert "flat in the direction +0.7 Intercept -0.7 C(item)[T.2]" in text
    frame = type(stopped._results)(model, record).to_frame()
    assert (frame["status"] == "flat").sum() == 2
    assert frame.loc["C(item)[T.2]", ["std_err", "z", "pvalue", "conf_low", "conf_high"]].isna().all()
    assert frame.loc["C(item)[T.3]", ["std_err", "z", "pvalue", "conf_low", "conf_high"]].notna().all()
    assert "flat: a parameter of a direction" in text
    assert next(line for line in text.splitlines() if line.startswith("C(item)[T.2]")).split()[2:] == [
        "flat"]
    record = replace(record, flat=(), information=replace(record.information, definite=False))
    assert "not positive definite" in str(type(stopped._results)(model, record).summary())


def test_small_quadrature_errors(gaussian):
    results = gaussian._results
    for error, shown in [(0.0, "<1e-10"), (-3e-12, "<1e-10"), (2e-8, "+2e-08"), (-0.0049, "-0.0049")]:
        certificate = replace(results.certificate, exact=False, error_loglik=error, error_se=abs(error))
        record = replace(results.record, certificate=certificate)
        lines = str(type(results)(gaussian.model, record).summary()).splitlines()
        line = next(line for line in lines if line.startswith("Error in log-lik.:"))
        assert line.split()[3] == shown
        line = next(line for line in lines if line.startswith("Error in estimates:"))
        assert line.split()[3:5] == [shown.lstrip("+-"), "SE"]


def test_flat_directions_have_no_robust_errors(gaussian):
    results = gaussian._results
    cov = results.record.cov.copy()
    cov[1], cov[:, 1] = np.nan, np.nan
    record = replace(results.record, cov=cov)
    robust = type(results)(gaussian.model, record).with_cov_type("robust")
    assert np.isnan(robust.bse.iloc[1]) and robust.bse.notna().sum() == len(robust.bse) - 1
    assert_allclose(robust.bse.iloc[0], gaussian.with_cov_type("robust").bse.iloc[0])


def test_model_without_coefficients_or_groups(irt):
    results = GLLAMM.from_formula("x ~ 1", irt).fit()
    text = str(results.summary())
    assert "Groups" not in text and "(Co)variances" not in text
    assert results.cov_re == {} and results.n_groups == {} and results.loadings.empty
    assert_allclose(results.llf, sm.OLS(irt["x"], np.ones(600)).fit().llf)
