"""Profiles, classification, bivariate residuals and numbers of classes, against sums by hand."""
from itertools import combinations, product
import warnings

import matplotlib
import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import chi2_contingency, norm
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes, datasets, families, select_classes
from statsmodels_gllamm.results.class_number import with_classes
from statsmodels_gllamm.results.resample import with_response

matplotlib.use("Agg")
BINOMIAL = sm.families.Binomial()
ITEMS = [f"Q{i}" for i in range(1, 6)]


@pytest.fixture(scope="module")
def lsat():
    return datasets.lsat.load_pandas().data


def lsat_model(lsat, n, **more):
    return GLLAMM.from_formula("y ~ 0 + (0 + item | c)", lsat, family=BINOMIAL,
                               classes={"c": Classes(n, within="id", **more)})


@pytest.fixture(scope="module")
def two(lsat):
    return lsat_model(lsat, 2).fit(rng=0, starts=3)


@pytest.fixture(scope="module")
def one(lsat):
    return lsat_model(lsat, 1).fit()


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(2)
    n, rows = 150, 4
    first = np.repeat(rng.random(n) < 0.6, rows)
    nu = np.where(first, 1.0, -1.2)
    return pd.DataFrame({
        "id": np.repeat(np.arange(n), rows), "item": np.tile(list("abcd"), n),
        "w": np.repeat(rng.integers(1, 4, n), rows), "time": np.tile(np.arange(rows), n),
        "sex": np.repeat(rng.integers(0, 2, n), rows), "x": rng.normal(size=n * rows),
        "off": np.tile([0.0, 0.5, 0.0, -0.5], n), "y": (rng.random(n * rows) < expit(nu)) * 1.0,
        "g": nu + rng.normal(size=n * rows), "n": rng.poisson(np.exp(0.4 * nu)),
        "o": pd.Categorical.from_codes(np.digitize(nu + rng.logistic(size=n * rows), [-1, 1]),
                                       ["low", "mid", "high"], ordered=True)})


def model_of(data, formula, n=2, membership="1", **more):
    return GLLAMM.from_formula(formula, data, classes={
        "c": Classes(n, within="id", membership=membership)}, **more)


def test_profiles_are_inverse_links_of_coefficients(two):
    table = two.class_profiles(alpha=0.1)
    assert table.index.names == ["item", "c"]
    for item, c in product(ITEMS, (1, 2)):
        name = f"item[{item}][c={c}]"
        p, row = expit(two.params[name]), table.loc[(item, c)]
        se = p * (1 - p) * two.bse[name]
        assert_allclose(row["estimate"], p)
        assert_allclose(row["std_err"], se, rtol=1e-6)
        ends = two.params[name] + norm.ppf([0.05, 0.95]) * two.bse[name]
        assert_allclose(row[["conf_low", "conf_high"]], expit(ends), rtol=1e-6)


def test_profiles_of_means_and_of_given_rows(data):
    res = model_of(data, "g ~ 0 + (0 + item | c)").fit(rng=0, starts=2)
    table = res.class_profiles()
    for item, c in product("abcd", (1, 2)):
        name, row = f"item[{item}][c={c}]", table.loc[(item, c)]
        assert_allclose(row[["estimate", "std_err"]], [res.params[name], res.bse[name]], rtol=1e-6)
        assert_allclose(row["conf_high"], res.params[name] + norm.ppf(0.975) * res.bse[name])
    twin = data.assign(a=data["item"].map(str.upper))[["a", *data]]
    own = model_of(twin, "g ~ 0 + (0 + item | c)").fit(rng=0, starts=1)
    assert own.class_profiles().index.names == ["item", "c"]
    res = model_of(data, "n ~ 0 + x + (1 | c)", family=sm.families.Poisson()).fit(rng=0, starts=2)
    with pytest.raises(ValueError, match="600 kinds.*data="):
        res.class_profiles()
    table = res.class_profiles(pd.DataFrame({"x": [0.0, 1.0]}, index=["zero", "one"]))
    mean = np.exp(res.params["x"] + res.params["Intercept[c=2]"])
    row = table.loc[("one", 2)]
    assert_allclose(row["estimate"], mean)
    log = norm.ppf(0.975) * row["std_err"] / mean
    assert_allclose(row[["conf_low", "conf_high"]], mean * np.exp([-log, log]))
    a = np.zeros(len(res.params))
    a[[res.model.param_names.index(name) for name in ("x", "Intercept[c=2]")]] = mean
    assert_allclose(row["std_err"], np.sqrt(a @ res.cov_params().to_numpy() @ a), rtol=1e-6)
    with pytest.raises(ValueError, match="alpha"):
        res.class_profiles(alpha=1.0)


def test_profiles_of_categories_with_offset(data):
    res = model_of(data, "o ~ time + (1 | c)", family=families.Ordinal(), offset="off").fit(
        rng=0, starts=2)
    table, p = res.class_profiles(), res.params
    assert table.index.names == ["time", "category", "c"]  # what the formula has, not "item"
    assert_allclose(table["estimate"].groupby(level=["time", "c"]).sum(), 1)
    cuts = res.thresholds["estimate"].to_numpy()
    nu = p["time"] * 1 + p["Intercept[c=2]"] + 0.5
    below = expit(cuts - nu)
    expected = [below[0], below[1] - below[0], 1 - below[1]]
    assert_allclose(table.loc[1]["estimate"].unstack().loc[["low", "mid", "high"], 2], expected)
    figure = res.plot_profiles()
    assert [axis.get_title() for axis in figure.axes] == [
        "category low", "category mid", "category high"]
    assert_allclose(figure.axes[1].lines[1].get_ydata()[1], expected[1])
    matplotlib.pyplot.close(figure)
    with pytest.raises(ValueError, match="ax has 1 Axes"):
        res.plot_profiles(ax=matplotlib.figure.Figure().subplots())


def test_profiles_average_over_a_random_intercept(data):
    res = model_of(data, "y ~ 0 + (0 + item | c) + (1 | id)", family=BINOMIAL).fit(rng=0, starts=2)
    b = np.linspace(-9, 9, 4001)
    sd = np.sqrt(res.params["var[Intercept[id]]"])
    mean = np.sum(expit(res.params["item[c][c=1]"] + sd * b) * norm.pdf(b)) * (b[1] - b[0])
    assert_allclose(res.class_profiles().loc[("c", 1), "estimate"], mean, rtol=1e-6)
    with pytest.raises(NotImplementedError, match="continuous latent"):
        res.bivariate_residuals()


def test_picture(two):
    figure = two.plot_profiles()
    axis, table = figure.axes[0], two.class_profiles()
    assert [text.get_text() for text in axis.get_xticklabels()] == ITEMS
    for c, line in enumerate(axis.lines, 1):
        assert_allclose(line.get_ydata(), table["estimate"].xs(c, level="c"))
    share = two.class_sizes["prior"].iloc[0]
    assert axis.get_legend().get_texts()[0].get_text() == f"c=1 ({share:.0%})"
    assert axis.get_ylabel() == "probability"
    matplotlib.pyplot.close(figure)


@pytest.mark.filterwarnings("ignore::statsmodels_gllamm.exceptions.BoundaryWarning")
def test_classification_by_hand(data):
    res = model_of(data, "y ~ 0 + (0 + item | c)", family=BINOMIAL, freq_weights={"id": "w"}).fit(
        rng=0, starts=2)
    p = res.class_probabilities().to_numpy()
    weight = data.groupby("id")["w"].first().to_numpy()
    count, wrong = np.zeros((2, 2)), 0.0
    for posterior, w in zip(p, weight):
        modal = 0 if posterior[0] > posterior[1] else 1
        count[modal] += w * posterior
        wrong += w * posterior[1 - modal]
    assert_allclose(res.classification_table(), count)
    assert_allclose(res.classification_table("assigned"), count / count.sum(axis=1)[:, None])
    assert_allclose(res.classification_table("actual"), count / count.sum(axis=0))
    assert_allclose(res.classification_error, wrong / weight.sum())
    with pytest.raises(ValueError, match="kind"):
        res.classification_table("modal")


def test_bivariate_residuals_by_enumeration(lsat, two, one):
    wide = lsat.pivot(index="id", columns="item", values="y")[ITEMS]
    table, share = two.bivariate_residuals(), two.class_sizes["prior"].to_numpy()
    p = np.array([[expit(two.params[f"item[{i}][c={c}]"]) for i in ITEMS] for c in (1, 2)])
    patterns = np.array(list(product([0, 1], repeat=5)))
    chance = share @ np.prod(np.where(patterns, p[:, None], 1 - p[:, None]), axis=2)
    for a, b in combinations(range(5), 2):
        chi2 = 0.0
        for k, m in product([0, 1], repeat=2):
            expected = 1000 * chance[(patterns[:, a] == k) & (patterns[:, b] == m)].sum()
            observed = ((wide[ITEMS[a]] == k) & (wide[ITEMS[b]] == m)).sum()
            chi2 += (observed - expected)**2 / expected
        row = table.loc[(ITEMS[a], ITEMS[b])]
        assert_allclose(row[["chi2", "residual", "df", "n"]], [chi2, chi2, 1, 1000])
    independence = chi2_contingency(pd.crosstab(wide["Q2"], wide["Q3"]), correction=False)
    assert_allclose(one.bivariate_residuals().loc[("Q2", "Q3"), "chi2"], independence.statistic,
                    rtol=1e-5)


@pytest.mark.filterwarnings("ignore:the log-likelihood is flat")
def test_bivariate_residuals_of_categories_weights_and_gaps(data):
    rows = data.drop(index=[0, 5, 10, 11]).assign(wave=lambda d: "t" + d["time"].astype(str))
    res = model_of(rows, "o ~ sex + time + (1 | c)", membership="sex", family=families.Ordinal(),
                   freq_weights={"id": "w"}).fit(rng=0, starts=2)
    with pytest.raises(ValueError, match="items="):
        res.bivariate_residuals()
    with pytest.raises(ValueError, match="several rows"):
        res.bivariate_residuals(items="sex")
    row = res.bivariate_residuals(items="wave").loc[("t0", "t2")]
    prob, cuts = res.params, res.thresholds["estimate"].to_numpy()
    observed, expected = np.zeros((3, 3)), np.zeros((3, 3))
    for _, own in rows.groupby("id"):
        own = own.set_index("wave")
        if not {"t0", "t2"}.issubset(own.index):
            continue
        sex, w = own["sex"].iloc[0], own["w"].iloc[0]
        second = expit(prob["prob[c=2]"] + prob["prob[c=2,sex]"] * sex)
        for share, shift in ((1 - second, 0.0), (second, prob["Intercept[c=2]"])):
            p = [np.diff([0, *expit(cuts - prob["sex"] * sex - prob["time"] * t - shift), 1])
                 for t in (0, 2)]
            expected += w * share * np.outer(*p)
        code = own["o"].cat.codes
        observed[code["t0"], code["t2"]] += w
    assert_allclose(row["chi2"], ((observed - expected)**2 / expected).sum())
    assert_allclose(row[["df", "n"]], [4, observed.sum()])
    gaussian = model_of(data, "g ~ 0 + (0 + item | c)").fit(rng=0, starts=1)
    with pytest.raises(NotImplementedError, match="Gaussian"):
        gaussian.bivariate_residuals()


def test_bivariate_residuals_given_known_classes(data):
    k = data["sex"] + 1.0
    res = GLLAMM.from_formula("y ~ 0 + (0 + item | c)", data.assign(k=k), family=BINOMIAL,
                              classes={"c": Classes(2, within="id", known="k")}).fit(rng=0, starts=2)
    wide = data.assign(k=k).pivot(index=["id", "k"], columns="item", values="y")
    observed, expected = pd.crosstab(wide["a"], wide["d"]).to_numpy(), 0.0
    for _, own in wide.groupby("k"):
        p, q = own["a"].mean(), own["d"].mean()
        expected = expected + len(own) * np.outer([1 - p, p], [1 - q, q])
    row = res.bivariate_residuals().loc[("a", "d")]
    assert_allclose(row["chi2"], ((observed - expected)**2 / expected).sum(), rtol=1e-4)


def test_bootstrap(two, one):
    test = two.bootstrap_lrt(one, 3, starts=2, rng=5)
    assert_allclose(test.statistic, 2 * (two.llf - one.llf))
    assert len(test.draws) == 3 and (test.draws > -2e-4).all() and test.n_unfinished == 0
    assert test.pvalue == 0.25 and (test.draws < 25).all()
    assert "1 against 2 classes" in str(test)
    assert_allclose(two.bootstrap_lrt(one, 3, starts=2, rng=5).draws, test.draws)
    # a draw is the difference of the two fits to responses drawn with the same generator
    drawn = with_response(one.model, one.simulate(1, np.random.default_rng(5))[0].to_numpy())
    small = drawn.fit()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a class beyond the true one may have probabilities of one
        large = with_classes(drawn, 2).fit(rng=0, starts=10)
    ends = 2 * (large.optima["loglik"] - small.llf)
    assert np.abs(ends - test.draws[0]).min() < 0.03 and test.draws[0] < ends.max() + 0.03
    with pytest.raises(ValueError, match="fewer"):
        one.bootstrap_lrt(two)
    with pytest.raises(TypeError, match="Classes"):
        two.bootstrap_lrt(two.params)


def test_bootstrap_refusals_and_categories(data):
    small, large = (model_of(data, "o ~ 0 + (1 | c)", n, family=families.Ordinal()).fit(
        rng=0, starts=2) for n in (1, 2))
    test = large.bootstrap_lrt(small, 1, starts=1, rng=0)
    assert test.draws[0] > -1e-3 and test.pvalue == 0.5
    rare = data.assign(y=np.r_[1.0, np.zeros(len(data) - 1)])
    small, large = (model_of(rare, "y ~ 0 + (1 | c)", n, family=BINOMIAL, freq_weights={"id": "w"})
                    for n in (1, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(NotImplementedError, match="frequency weights"):
            large.fit(starts=1, rng=0).bootstrap_lrt(small.fit(), 1)


def test_numbers_of_classes(lsat, two, one):
    found = select_classes(lsat_model(lsat, 2), 2, rng=0, starts=2)
    table = found.table
    assert_allclose(table["llf"], [one.llf, two.llf], atol=1e-4)
    assert table["params"].tolist() == [5, 11]
    assert_allclose(table["aic"], -2 * table["llf"] + 2 * table["params"])
    assert_allclose(table["bic_clusters"], -2 * table["llf"] + np.log(1000) * table["params"])
    assert_allclose(table["bic"], [found.results[n].bic for n in (1, 2)])
    assert_allclose(table.loc[2, ["entropy", "smallest"]],
                    [two.entropy, two.class_sizes["prior"].min()], rtol=1e-3)
    assert found.best() is found.results[2] and found.best("bic") is found.results[2]
    assert "bic_clusters" in str(found)
    with pytest.raises(ValueError, match="criterion"):
        found.best("llf")
    with pytest.raises(ValueError, match="classes="):
        select_classes(GLLAMM.from_formula("y ~ item", lsat, family=BINOMIAL), 2)


def test_profiles_of_classes_with_labels():
    rng = np.random.default_rng(1)
    has = rng.random(400) < 0.5
    right = rng.random((400, 4)) < np.where(has, 0.85, 0.2)[:, None]
    wide = pd.DataFrame(right * 1.0, columns=list("abcd"))
    q = pd.DataFrame({"skill": 1}, index=list("abcd"))
    res = GLLAMM.diagnosis(wide, q, "dina").fit(rng=0, starts=1)
    table, ends = res.class_profiles(), res.guessing_slipping()
    name = table.index.names[-1]
    assert list(table.index.unique(name)) == ["0", "1"]
    assert_allclose(table["estimate"].xs("0", level=name), ends["guess"], rtol=1e-6)
    assert_allclose(table["estimate"].xs("1", level=name), 1 - ends["slip"], rtol=1e-6)
    assert_allclose(table["std_err"].xs("0", level=name), ends["guess_se"], rtol=1e-5)
    figure = res.plot_profiles()
    assert figure.axes[0].get_legend().get_texts()[1].get_text().startswith(f"{name}=1 (")
    matplotlib.pyplot.close(figure)
    with pytest.raises(ValueError, match="labels"):
        select_classes(res.model, 2)
