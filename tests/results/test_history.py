"""Predictions given a history, and of persons that were not in the sample, by direct integration."""

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy.special import expit
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor, families
from statsmodels_gllamm.exceptions import DataError, FormulaError
from statsmodels_gllamm.results.predict import predict

BINOMIAL, POISSON = sm.families.Binomial(), sm.families.Poisson()
GRID = np.arange(-9, 9.001, 0.03)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(11)
    n = 120
    data = pd.DataFrame({"id": np.repeat(np.arange(30), 4), "x": rng.normal(size=n),
                         "t": np.tile([0.0, 1, 2, 3.5], 30), "item": np.tile(list("abcd"), 30)},
                        index=[f"r{i}" for i in range(n)])
    u = rng.normal(size=30)[data.id]
    data["y"] = (rng.random(n) < expit(-0.2 + 0.8 * data.x + 1.2 * u)) * 1
    data["k"] = rng.poisson(np.exp(0.2 + 0.4 * data.x + 0.7 * u))
    data["r"] = 1 + data.x + u + rng.normal(size=n)
    data["grade"] = np.digitize(data.r, [0, 1, 2.5]) + 1
    data["school"] = data.id // 6
    data["w"] = data.groupby("id").x.transform("first")
    return data


LOGIT = np.array([0.2, 0.7, 1.7])


@pytest.fixture(scope="module")
def logit(data):
    return GLLAMM.from_formula("y ~ x + (1 | id)", data, family=BINOMIAL)


def given(history, x):
    """E(expit(nu) | y of the history's rows), with parameters LOGIT."""
    eta = np.sqrt(LOGIT[2]) * GRID
    weight = np.exp(-GRID**2 / 2)
    for row in history.itertuples():
        p = expit(LOGIT[0] + LOGIT[1] * row.x + eta)
        weight = weight * (p if row.y else 1 - p)
    return (weight * expit(LOGIT[0] + LOGIT[1] * x + eta)).sum() / weight.sum()


def test_history_of_known_and_new_clusters(data, logit):
    history = pd.DataFrame({"id": [3, 3, "new", "new", "new"], "x": [0.1, -1, 2, 0.3, 0.2],
                            "y": [1, 0, 1, 1, 1]})
    new = pd.DataFrame({"id": ["new", 3, "nobody", "new"], "x": [0.5, -0.4, 1.0, -3.0]},
                       index=list("wxyz"))
    value = predict(logit, LOGIT, new, which="posterior", n_quad=31, history=history)
    exact = [given(history[history.id == one], x) for one, x in zip(new.id, new.x)]
    assert_allclose(value, exact, atol=1e-9)
    again = predict(logit, LOGIT, new[::-1], which="posterior", n_quad=31, history=history[::-1])
    assert_allclose(again, value[::-1], atol=1e-12)
    # the sample as a history is the posterior without one
    whole = predict(logit, LOGIT, which="posterior", n_quad=9, history=data)
    assert_allclose(whole, predict(logit, LOGIT, which="posterior", n_quad=9), atol=1e-12)


def test_incomplete_rows_of_a_history_tell_nothing(data, logit):
    history = data[:9].assign(y=[1, 0, np.nan, 1, 1, np.nan, 0, 0, 1], id=["n"] * 8 + [None])
    new = data[:2].assign(id="n")
    value = predict(logit, LOGIT, new, which="posterior", n_quad=31, history=history)
    exact = [given(history[history.y.notna() & history.id.notna()], x) for x in new.x]
    assert_allclose(value, exact, atol=1e-9)


def test_past(data, logit):
    """Every row given the earlier rows of its cluster; ties are not earlier."""
    tied = data.assign(t=np.where(data.t == 2, 1, data.t)).sample(frac=1, random_state=1)
    value = predict(logit, LOGIT, tied, which="posterior", n_quad=31, history="past", time="t")
    exact = [given(tied[(tied.id == row.id) & (tied.t < row.t)], row.x) for row in tied.itertuples()]
    assert_allclose(value, exact, atol=1e-9)
    own = GLLAMM.from_formula("y ~ x + (1 | id)", tied, family=BINOMIAL)  # those of the sample
    same = predict(own, LOGIT, which="posterior", n_quad=31, history="past", time="t")
    assert_allclose(same, value, atol=1e-12)
    later = tied.assign(t=pd.to_datetime("2020-01-01") + pd.to_timedelta(tied.t, unit="D"),
                        id=tied.id + 1000)  # times of any type, and persons not in the sample
    other = predict(logit, LOGIT, later, which="posterior", n_quad=31, history="past", time="t")
    assert_allclose(other, value, atol=1e-12)
    future = later.assign(y=later.y.where(later.t < pd.to_datetime("2020-01-03")))
    found = predict(logit, LOGIT, future, which="posterior", n_quad=31, history="past", time="t")
    assert_allclose(found, value, atol=1e-12)  # rows without a response are predicted too


def test_three_levels(data):
    """Known school and new person; the past of a school is that of all its persons."""
    model = GLLAMM.from_formula("k ~ x + (1 | school) + (1 | school:id)", data, family=POISSON)
    params = pd.Series({"Intercept": 0.1, "x": 0.3, "var[Intercept[school]]": 0.6,
                        "var[Intercept[school:id]]": 0.4})[model.param_names]
    small = data[data.school < 2]
    whole = predict(model, params, small, which="posterior", n_quad=9)
    assert_allclose(predict(model, params, small, which="posterior", n_quad=9, history=small), whole,
                    rtol=1e-12)
    new = small[::7].assign(id=np.arange(len(small[::7])) % 3 + 99)
    a = predict(model, params, new, which="posterior", n_quad=9)
    b = predict(model, params, new, which="posterior", n_quad=9, history=data)
    assert_allclose(b, a, rtol=1e-9)
    past = predict(model, params, small, which="posterior", n_quad=9, history="past", time="t")
    for t in (1.0, 3.5):
        rows = (small.t == t).to_numpy()
        one = predict(model, params, small[rows], which="posterior", n_quad=9,
                      history=small[small.t < t])
        assert_allclose(past[rows], one, rtol=1e-9)
    prior = predict(model, params, small)
    assert_allclose(past[small.t == 0], prior[small.t == 0], rtol=1e-12)


LONG = {
    "gaussian": ("r ~ x + (1 + x | id)", {}),
    "ordinal": ("grade ~ x + (1 | id)", {"family": families.Ordinal()}),
    "factor": ("k ~ 0 + item + (0 + a | id)", {
        "family": POISSON, "factors": {"a": Factor("item", loadings=[1, None, 1, 1])}}),
    "zero-inflated": ("k ~ x + (1 | id)", {
        "family": families.ZeroInflated(POISSON, "1 + (1 | id)")}),
    "regression": ("r ~ 0 + item + (0 + a | id)", {
        "factors": {"a": Factor("item", loadings=[1, 1, 1, None])}, "regressions": ["a ~ w"]}),
    "product": ("r ~ 0 + item + (0 + a + b | id)", {
        "factors": {"a": Factor("item", loadings=[1, 1, 0, 0]),
                    "b": Factor("item", loadings=[0, 0, 1, 1])},
        "regressions": ["b ~ w + a + a:a"], "covariances": {"id": "diagonal"}}),
    "residuals": ("r ~ 0 + item + (1 | id)", {"residual_covariances": {"item": ["a ~~ b"]},
                                              "dispersion": "0 + item"}),
    "composite": ("total ~ x + (1 | id)", {
        "family": families.Composite(POISSON, cluster=["id", "half"])}),
    "hurdle": ("k ~ x + (1 | id)", {"family": families.Hurdle(POISSON, "1 + (1 | id)")}),
    "choice": ("chosen ~ 0 + x + (0 + x | id)", {"family": families.Choice(set="half_id",
                                                                           alternative="item")}),
    "mixed": ("v ~ 0 + part + x:part + (1 | id)", {
        "family": {"y": BINOMIAL, "k": POISSON, "r": sm.families.Gaussian()}, "family_by": "part"}),
}


@pytest.mark.parametrize("kind", LONG)
def test_kinds_of_models(data, kind):
    """The sample as a history is the posterior without one; the past is a history of its own."""
    formula, options = LONG[kind]
    data = data.assign(half=(data.t > 1) * 1)
    data["total"] = data.groupby(["id", "half"]).k.transform("sum")
    data["half_id"] = data.id.astype(str) + "-" + data.half.astype(str)
    data["chosen"] = (data.item.isin(["a", "d"])) * 1
    if kind == "mixed":
        data = data.melt(["id", "x", "t", "half"], ["y", "k", "r"], var_name="part", value_name="v")
    model = GLLAMM.from_formula(formula, data, **options)
    params = model.start_params + 0.05
    which = {"which": "prob", "given": "posterior"} if kind == "ordinal" else {"which": "posterior"}
    which["n_quad"] = 5
    whole = predict(model, params, **which)
    assert_allclose(predict(model, params, history=data, **which), whole, rtol=1e-8, atol=1e-12)
    some = data[data.id < 9]
    renamed = some.assign(id=some.id + 500)
    if kind == "choice":
        renamed["half_id"] = "new " + some.half_id
    assert_allclose(predict(model, params, renamed, history=renamed, **which),
                    predict(model, params, some, **which), rtol=1e-8, atol=1e-12)
    time = "half" if kind in ("composite", "choice") else "t"
    past = predict(model, params, some, history="past", time=time, **which)
    last = some[some[time] == some[time].max()]
    before = some[some[time] < some[time].max()]
    assert_allclose(past[some[time] == some[time].max()],
                    predict(model, params, last, history=before, **which), rtol=1e-8, atol=1e-12)
    sample = predict(model, params, history="past", time=time, **which)
    assert_allclose(sample[data.id < 9], past, rtol=1e-8, atol=1e-12)
    assert not np.allclose(past, whole[data.id < 9], rtol=1e-3)


def test_errors(data, logit):
    history = data[:8]
    with pytest.raises(DataError, match="no column 'y', the response"):
        predict(logit, LOGIT, which="posterior", history=history.drop(columns="y"))
    with pytest.raises(DataError, match="no column 'id'"):
        predict(logit, LOGIT, data, which="posterior", history=history.drop(columns="id"))
    with pytest.raises(ValueError, match="history= goes with which='posterior'"):
        predict(logit, LOGIT, history=history)
    with pytest.raises(ValueError, match="DataFrame of rows with responses, or 'past'"):
        predict(logit, LOGIT, which="posterior", history="future")
    with pytest.raises(ValueError, match="needs time="):
        predict(logit, LOGIT, which="posterior", history="past")
    with pytest.raises(DataError, match="time='tt' is not a column"):
        predict(logit, LOGIT, which="posterior", history="past", time="tt")
    with pytest.raises(DataError, match="time='t' is missing in row 'r0'"):
        predict(logit, LOGIT, data.assign(t=[np.nan, *data.t[1:]]), which="posterior",
                history="past", time="t")
    with pytest.raises(ValueError, match="time= goes with history='past'"):
        predict(logit, LOGIT, which="posterior", time="t")
    exposed = GLLAMM.from_formula("k ~ x + (1 | id)", data.assign(e=2.0), family=POISSON, exposure="e")
    with pytest.raises(ValueError, match="the model has an offset: with history="):
        predict(exposed, LOGIT, which="posterior", history=data)
    ordinal = GLLAMM.from_formula("grade ~ x + (1 | id)", data, family=families.Ordinal())
    with pytest.raises(DataError, match="is 9 in rows r0.*the categories are 1, 2, 3, 4"):
        predict(ordinal, ordinal.start_params, which="prob", given="posterior",
                history=data.assign(grade=9))
    with pytest.raises(FormulaError, match="has the level 'e', which the model has not seen"):
        predict(GLLAMM.from_formula("r ~ item + (1 | id)", data), [0.0] * 6, which="posterior",
                history=data.assign(item="e"))
    nested = GLLAMM.from_formula("y ~ x + (1 | school) + (1 | id)", data, family=BINOMIAL)
    with pytest.raises(DataError, match="cluster that lies in school 0 in the rows it is known by"):
        predict(nested, nested.start_params, data[:1].assign(school=1), which="posterior",
                history=data)
    with pytest.raises(DataError, match="a cluster of 'id' in several clusters of 'school'"):
        predict(nested, nested.start_params, which="posterior",
                history=data.assign(school=np.arange(120) % 2))


# Of results


@pytest.fixture(scope="module")
def fitted(logit):
    return logit.fit(n_quad=9)


def test_standard_errors_given_a_history(data, fitted):
    params, cov = np.asarray(fitted.params), fitted.cov_params().to_numpy()
    new = data[:8].assign(id="new")
    for options in ({"history": new}, {"history": "past", "time": "t"}):
        found = fitted.get_prediction(new, which="posterior", **options)
        assert_allclose(found.predicted, fitted.predict(new, which="posterior", **options))
        j = []
        for k, value in enumerate(params):
            h = 1e-3 * abs(value) * (np.arange(3) == k)
            up, down = (predict(fitted.model, params + s * h, new, which="posterior", n_quad=9,
                                **options) for s in (1, -1))
            j.append((up - down) / (2 * h[k]))
        assert_allclose(found.se, np.sqrt(np.einsum("in,ij,jn->n", j, cov, j)), rtol=1e-4)
        assert (found.posterior_sd > 0).all()


def test_without_the_sample(data, fitted):
    import pickle
    light = pickle.loads(pickle.dumps(fitted))
    light.remove_data()
    new = data[:8].assign(id="new")
    for options in ({"history": new}, {"history": "past", "time": "t"}):
        assert_allclose(light.predict(new, which="posterior", **options),
                        fitted.predict(new, which="posterior", **options), rtol=1e-10)
    assert_allclose(light.latent(data=data), fitted.latent(), rtol=1e-9)
    with pytest.raises(ValueError, match="remove_data"):
        light.predict(which="posterior", history="past", time="t")


@pytest.mark.filterwarnings("ignore::statsmodels_gllamm.exceptions.BoundaryWarning")
@pytest.mark.filterwarnings("ignore::statsmodels.tools.sm_exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", ["gaussian", "ordinal", "regression", "product", "residuals",
                                  "zero-inflated"])
def test_latent_variables_of_new_persons(data, kind):
    formula, options = LONG[kind]
    quick = {"n_quad": 4, "maxiter": 4} if kind == "product" else {}
    res = GLLAMM.from_formula(formula, data, **options).fit(**quick)
    own = res.latent(covariances=True)
    new = res.latent(data=data.assign(id="p" + data.id.astype(str)), covariances=True)
    order = np.argsort(np.argsort([f"p{i}" for i in range(30)]))
    assert_allclose(new[0].iloc[order], own[0], rtol=1e-7, atol=1e-9)
    assert_allclose(new[1][order], own[1], rtol=1e-7, atol=1e-9)
    assert list(new[0].index[:2]) == ["p0", "p1"] and list(new[0].columns) == list(own[0].columns)
    if kind != "product":
        assert_allclose(res.latent(data=data, kind="mode"), res.latent(kind="mode"), atol=1e-7)


def test_latent_variables_of_two_levels(data):
    res = GLLAMM.from_formula("k ~ x + (1 | school) + (1 | school:id)", data, family=POISSON).fit()
    own = res.latent()
    for name, frame in res.latent(data=data[data.school < 2]).items():
        assert_allclose(frame, own[name].iloc[:len(frame)], rtol=1e-8)
        assert list(frame.index) == list(own[name].index[:len(frame)])
    assert list(res.latent(data=data, group="school").columns) == ["Intercept", "se[Intercept]"]
    with pytest.raises(ValueError, match="no group 'town'"):
        res.latent(data=data, group="town")


def test_wide_persons(data):
    wide = data.pivot(index="id", columns="item", values="r")
    res = GLLAMM.from_wide(wide, list("abcd")).fit()
    own = res.latent()
    assert_allclose(res.latent(data=wide.iloc[3:7]), own.iloc[3:7], rtol=1e-9)
    few = wide.iloc[[2]].assign(b=np.nan)
    alone = res.latent(data=few)
    assert alone["se[factor]"].iloc[0] > own["se[factor]"].iloc[2]


def test_frequency_weights_of_the_sample(data):
    """A person that counts twice has the same past; a row that counts twice is there twice."""
    twice = data.assign(f=np.where(data.t == 1, 2, 1), g=np.where(data.id < 4, 3, 1))
    model = GLLAMM.from_formula("y ~ x + (1 | id)", twice, family=BINOMIAL,
                                freq_weights={"rows": "f", "id": "g"})
    long = twice.loc[twice.index.repeat(twice.f)]
    for options in ({"history": "past", "time": "t"},):
        value = predict(model, LOGIT, which="posterior", n_quad=9, **options)
        exact = predict(model, LOGIT, long, which="posterior", n_quad=9, **options)
        assert_allclose(value, exact[~long.index.duplicated()], rtol=1e-9)


def test_a_member_of_a_mixed_response_may_be_missing(data):
    formula, options = LONG["mixed"]
    long = data.melt(["id", "x"], ["y", "k", "r"], var_name="part", value_name="v")
    model = GLLAMM.from_formula(formula, long, **options)
    params = model.start_params
    only = predict(model, params, long, which="posterior", n_quad=9, history=long[long.part == "k"])
    part = GLLAMM.from_formula("v ~ 1 + x + (1 | id)", long[long.part == "k"], family=POISSON)
    by_name = pd.Series(params, index=model.param_names)
    own = predict(part, by_name[["part[k]", "x:part[k]", "var[Intercept[id]]"]].to_numpy(),
                  which="posterior", n_quad=9)
    assert_allclose(only[long.part == "k"], own, rtol=1e-8)


def test_survival_given_the_past():
    """P(T > v) of a patient's next episode given the episodes before, and given survival so far."""
    rng = np.random.default_rng(4)
    data = pd.DataFrame({"id": np.repeat(np.arange(20), 3), "episode": np.tile([1, 2, 3], 20),
                         "x": rng.normal(size=60), "time": rng.weibull(1.3, 60) * 5,
                         "event": rng.integers(0, 2, 60)})
    model = GLLAMM.from_formula("time ~ x + (1 | id)", data,
                                family=families.Censored(families.Weibull(), event="event"))
    b0, b1, variance, shape = 1.4, 0.3, 0.8, np.exp(0.2)
    params = pd.Series({"Intercept": b0, "x": b1, "var[Intercept[id]]": variance,
                        "logshape[Intercept]": 0.2})[model.param_names].to_numpy()
    eta = np.sqrt(variance) * GRID

    def survival(x, v):
        return np.exp(-(v * np.exp(-(b0 + b1 * x + eta))) ** shape)

    def likelihood(row):
        rate = shape * row.time ** (shape - 1) * np.exp(-shape * (b0 + b1 * row.x + eta))
        return survival(row.x, row.time) * (rate if row.event else 1.0)

    value = predict(model, params, which="cumulative", given="posterior", above=[1.0, 4.0], n_quad=31,
                    history="past", time="episode")
    for at in (3, 4, 5, 20):
        row = data.iloc[at]
        weight = np.exp(-GRID**2 / 2) * np.prod(
            [np.ones_like(GRID), *(likelihood(r) for r in data[
                (data.id == row.id) & (data.episode < row.episode)].itertuples())], axis=0)
        exact = [(weight * survival(row.x, v)).sum() / weight.sum() for v in (1.0, 4.0)]
        assert_allclose(value[at], exact, atol=1e-8)
    # of an episode that has lasted until 1, P(T > 4 | T > 1) is a ratio; of another one it is not
    row = data.iloc[5]
    past = data.iloc[3:5]
    now = pd.concat([past, row.to_frame().T.assign(time=1.0, event=0)]).astype(data.dtypes.to_dict())
    other = predict(model, params, now, which="cumulative", given="posterior", above=4.0, n_quad=31,
                    history=now)
    weight = np.exp(-GRID**2 / 2) * np.prod([likelihood(r) for r in past.itertuples()], axis=0)
    later = weight * survival(row.x, 4.0)
    assert_allclose(value[5, 1] / value[5, 0], later.sum() / (weight * survival(row.x, 1.0)).sum(),
                    atol=1e-8)
    later = later * survival(row.x, 1.0)  # a fourth episode
    assert_allclose(other[2], later.sum() / (weight * survival(row.x, 1.0)).sum(), atol=1e-8)
