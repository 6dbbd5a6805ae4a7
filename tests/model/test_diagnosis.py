"""Cognitive diagnosis and other constrained latent classes, against an EM of their own."""
import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy.special import expit, logsumexp
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes, datasets
from statsmodels_gllamm.exceptions import BoundaryWarning, DataError, FormulaError

BINOMIAL = sm.families.Binomial()
ITEMS = [f"i{k}" for k in range(1, 9)]
Q = pd.DataFrame([[1, 0], [0, 1], [1, 1], [1, 0], [0, 1], [1, 1], [1, 0], [0, 1]], index=ITEMS,
                 columns=["add", "take"])
PROFILES = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])


@pytest.fixture(scope="module")
def answers():
    rng = np.random.default_rng(3)
    n = 500
    mastered = 0.7 * rng.normal(size=(n, 1)) + rng.normal(size=(n, 2)) > [-0.3, 0.2]
    able = mastered.astype(int) @ Q.T.to_numpy() == Q.sum(axis=1).to_numpy()
    wrong, guessed = rng.uniform(0.1, 0.25, (2, 8))
    right = rng.random((n, 8)) < np.where(able, 1 - wrong, guessed)
    data = pd.DataFrame(right * 1.0, columns=ITEMS)
    data.iloc[0, 2] = data.iloc[7, 5] = np.nan
    data["plus"], data["both"] = mastered.T
    return data


def em(y, able, steps=1000):
    """Log-likelihood, shares (C,), guessing and slipping (J,) and posterior (n, C) of the DINA or DINO
    model, with ideal answers ``able`` (C, J); the steps of de la Torre (2009)."""
    share, guess, slip = np.full(len(able), 1 / len(able)), np.full(8, 0.2), np.full(8, 0.2)
    seen = ~np.isnan(y)
    for _ in range(steps):
        p = np.where(able, 1 - slip, guess)
        each = np.where(seen[:, None], np.where(y[:, None] == 1, np.log(p), np.log1p(-p)), 0.0)
        joint = np.log(share) + each.sum(axis=2)
        total = logsumexp(joint, axis=1)
        r = np.exp(joint - total[:, None])
        share = r.mean(axis=0)
        number = {k: np.einsum("nc,cj,nj->j", r, able == k, seen) for k in (True, False)}
        right = {k: np.einsum("nc,cj,nj->j", r, able == k, y == 1) for k in (True, False)}
        guess, slip = right[False] / number[False], 1 - right[True] / number[True]
    return total.sum(), share, guess, slip, r


@pytest.mark.parametrize("kind", ["dina", "dino"])
def test_maximum_is_that_of_an_em(answers, kind):
    required = Q.to_numpy()[None] == 1
    has = PROFILES[:, None] == 1
    able = (has | ~required).all(axis=2) if kind == "dina" else (has & required).any(axis=2)
    llf, share, guess, slip, posterior = em(answers[ITEMS].to_numpy(), able)
    res = GLLAMM.diagnosis(answers, Q, kind).fit(rng=0, starts=2)
    assert_allclose(res.llf, llf, rtol=0, atol=1e-6)
    assert list(res.profiles.index) == ["00", "10", "01", "11"]
    assert_allclose(res.profiles["share"], share, atol=1e-4)
    table = res.guessing_slipping()
    assert_allclose(table["guess"], guess, atol=1e-4)
    assert_allclose(table["slip"], slip, atol=1e-4)
    assert_allclose(res.mastery(), posterior @ PROFILES, atol=5e-4)
    assert_allclose(res.attributes["prior"], share @ PROFILES, atol=1e-4)
    assert_allclose(res.attributes["posterior"], share @ PROFILES, atol=1e-4)
    if kind == "dina":
        truth = answers[["plus", "both"]].to_numpy()
        assert ((res.mastery() > 0.5).to_numpy() == truth).mean() > 0.85


def test_errors_of_items_are_those_of_nonlinear(answers):
    res = GLLAMM.diagnosis(answers, Q).fit(rng=0, starts=2)
    by_hand = res.nonlinear(lambda p: {
        "guess": expit(p["item[i3][not all]"]), "slip": expit(-p["item[i3][all]"])})
    found = res.guessing_slipping().loc["i3"]
    assert_allclose(found[["guess", "slip"]], by_hand["estimate"])
    assert_allclose(found[["guess_se", "slip_se"]], by_hand["std_err"], rtol=1e-6)
    items = res.item_probabilities()
    assert list(items.loc["i3"].index) == ["not all", "all"]
    assert (items["conf_low"] < items["probability"]).all()
    assert (items["probability"] < items["conf_high"]).all()
    text = str(res.summary())
    assert "Coefficients of the design of the classes" in text and "prob[profile=11]" in text
    model = res.model
    slope = [(model.loglike(res.params + 0.1 + 1e-5 * e) - model.loglike(res.params + 0.1 - 1e-5 * e))
             / 2e-5 for e in np.eye(len(res.params))]
    assert_allclose(model.score(res.params + 0.1), slope, atol=1e-5)


def test_general_model_is_classes_under_constraints(answers):
    """G-DINA: probabilities are equal in classes that agree in what the item requires."""
    res = GLLAMM.diagnosis(answers, Q, "gdina").fit(rng=0, starts=2)
    long = res.model.wide.long(answers)
    classes = GLLAMM.from_formula("y ~ 0 + (0 + item | c)", long, family=BINOMIAL,
                                  classes={"c": Classes(4, within="id")})
    equal = []
    for item in Q.index:
        if Q.loc[item].sum() == 1:
            low = f"item[{item}][c={3 if Q.loc[item, 'add'] else 2}] = item[{item}][c=1]"
            high = f"item[{item}][c=4] = item[{item}][c={2 if Q.loc[item, 'add'] else 3}]"
            equal += [low, high]
    table = res.item_probabilities()["probability"]
    start = pd.Series(0.0, classes.param_names)
    for item in Q.index:
        for c, profile in enumerate(PROFILES, 1):
            has = [a for k, a in enumerate(Q.columns) if profile[k] and Q.loc[item, a]]
            p = table.loc[item, ":".join(has) or "none"]
            start[f"item[{item}][c={c}]"] = np.log(p / (1 - p))
    start[["prob[c=2]", "prob[c=3]", "prob[c=4]"]] = res.params.to_numpy()[-3:]
    assert_allclose(classes.loglike(start), res.llf, rtol=1e-12)
    held = classes.fit_constrained(equal, start_params=0.9 * start)
    assert_allclose(held.llf, res.llf, atol=1e-6)
    assert held.df_modelwc == res.df_modelwc
    assert_allclose(held.aic, res.aic)
    assert_allclose(held.params, start, atol=2e-3)
    dina, llm = (GLLAMM.diagnosis(answers, Q, kind).fit(rng=0, starts=2) for kind in ("dina", "llm"))
    assert dina.llf < res.llf and llm.llf < res.llf
    assert dina.lr_test(res).df == 4 and llm.lr_test(res).df == 2


INVERSE = {"acdm": lambda nu: nu, "llm": expit, "rrum": np.exp}


@pytest.mark.parametrize("kind", INVERSE)
def test_additive_models_by_hand(answers, kind):
    model = GLLAMM.diagnosis(answers, Q, kind)
    res = model.fit(rng=0)
    assert res.converged and np.abs(model.score(res.params)).max() < 0.05

    def loglike(params):
        y = answers[ITEMS].to_numpy()
        share = np.exp(np.concatenate([[0.0], params.to_numpy()[-3:]]))
        joint = np.log(share / share.sum()) + np.zeros((len(y), 1))
        for j, item in enumerate(ITEMS):
            nu = params[f"item[{item}][none]"] + sum(
                params[f"item[{item}][{a}]"] * PROFILES[:, k] for k, a in enumerate(Q)
                if Q.loc[item, a])
            p = INVERSE[kind](nu)
            each = np.where(y[:, j, None] == 1, np.log(p), np.log1p(-p))
            joint += np.where(np.isnan(y[:, j, None]), 0.0, each)
        return logsumexp(joint, axis=1).sum()

    assert_allclose(res.llf, loglike(res.params), rtol=1e-12)
    other = res.params * 0.98 - 0.01
    assert_allclose(model.loglike(other), loglike(other), rtol=1e-12)
    table = res.item_probabilities().loc["i3"]
    assert list(table.index) == ["none", "add", "take", "add:take"]
    p = res.params
    assert_allclose(table.loc["add:take", "probability"], INVERSE[kind](
        p["item[i3][none]"] + p["item[i3][add]"] + p["item[i3][take]"]))


@pytest.mark.parametrize("end", [0.0, 1.0])
def test_probability_of_zero_or_one_is_held(answers, end):
    """An item that nobody gets right by guessing, or wrong by slipping."""
    alike = (answers[["i4", "i7"]] == end).any(axis=1) | (answers["plus"] == end)
    sure = answers.assign(i1=np.where(alike, end, answers["i1"]))
    with pytest.warns(BoundaryWarning, match="the response is zero or one"):
        res = GLLAMM.diagnosis(sure, Q).fit(rng=0, starts=2)
    found = res.guessing_slipping().loc["i1"]
    zero, other = ("slip", "guess") if end else ("guess", "slip")
    assert found[zero] < 1e-4 and np.isnan(found[zero + "_se"])
    held = "item[i1][add]" if end else "item[i1][none]"
    other_name = "item[i1][none]" if end else "item[i1][add]"
    assert np.isnan(res.bse[held]) and held in res.record.boundary
    at, h, kept = res.params.to_numpy(), 1e-4, np.isfinite(res.bse.to_numpy())
    assert kept.sum() >= len(at) - 4
    slope = np.array([(res.model.score(at + h * e) - res.model.score(at - h * e)) / (2 * h)
                      for e in np.eye(len(at))])[np.ix_(kept, kept)]
    assert_allclose(res.bse[kept], np.sqrt(np.diag(np.linalg.inv(-slope))), rtol=1e-3)
    p = found[other]
    assert_allclose(found[other + "_se"], p * (1 - p) * res.bse[other_name], rtol=1e-6)


def test_empty_profile_is_at_the_boundary():
    """Nobody can take who cannot add."""
    rng = np.random.default_rng(5)
    add = rng.random(600) < 0.6
    mastered = np.column_stack([add, add & (rng.random(600) < 0.5)])
    able = mastered.astype(int) @ Q.T.to_numpy() == Q.sum(axis=1).to_numpy()
    data = pd.DataFrame((rng.random((600, 8)) < np.where(able, 0.85, 0.15)) * 1.0, columns=ITEMS)
    share = em(data.to_numpy(), (PROFILES[:, None] >= Q.to_numpy()[None]).all(axis=2), 300)[1]
    assert share[2] < 1e-6  # so that this is a test
    with pytest.warns(BoundaryWarning, match=r"prob\[profile=01\].*empty"):
        res = GLLAMM.diagnosis(data, Q).fit(rng=0)
    assert_allclose(res.profiles["share"], share, atol=1e-4)
    assert res.record.boundary == ("prob[profile=01]",) and res.bse.notna().sum() == 18


# Located classes

@pytest.fixture(scope="module")
def lsat():
    return datasets.lsat.load_pandas().data


@pytest.mark.parametrize("formula", ["y ~ item + (1 | c)", "y ~ 0 + item + (1 | c)"])
def test_located_classes_are_the_nonparametric_rasch_model(lsat, formula):
    """Two located classes; three are enough for the conditional maximum of five items."""
    res = GLLAMM.from_formula(formula, lsat, family=BINOMIAL, classes={"c": Classes(2, within="id")}
                              ).fit(rng=0, starts=2)
    items = [f"Q{i}" for i in range(1, 6)]
    wide = lsat.pivot(index="id", columns="item", values="y")[items].to_numpy(dtype=float)
    p = res.params
    if "item[Q1]" in p:
        easy = p[[f"item[{i}]" for i in items]].to_numpy()
    else:
        easy = p["Intercept"] + np.array([p.get(f"item[T.{i}]", 0.0) for i in items])
    nu = easy + np.array([[0.0], [p["Intercept[c=2]"]]])
    log_share = -np.logaddexp(0, [p["prob[c=2]"], -p["prob[c=2]"]])
    joint = log_share + wide @ np.log(expit(nu)).T + (1 - wide) @ np.log(expit(-nu)).T
    assert_allclose(res.llf, logsumexp(joint, axis=1).sum(), rtol=1e-12)
    free = GLLAMM.from_formula("y ~ 0 + (0 + item | c)", lsat, family=BINOMIAL,
                               classes={"c": Classes(2, within="id")})
    same = [f"item[{i}][c=2] - item[{i}][c=1] = item[Q1][c=2] - item[Q1][c=1]" for i in items[1:]]
    held = free.fit_constrained(same, rng=0, starts=3)
    assert_allclose(held.llf, res.llf, atol=1e-5)
    assert held.df_modelwc == res.df_modelwc == 7
    assert free.fit(rng=0, starts=3).lr_test(held).df == 4


def test_three_located_classes_reach_the_conditional_maximum(lsat):
    """With (J + 1) / 2 classes the shares of the sums are free, if the moments allow: the
    log-likelihood is that of the conditional Rasch model and a multinomial of the sums (Lindsay,
    Clogg and Grego, 1991, JASA 86, 96-107)."""
    from scipy.optimize import minimize

    wide = lsat.pivot(index="id", columns="item", values="y").to_numpy(dtype=float)
    total = wide.sum(axis=1).astype(int)
    count = np.bincount(total, minlength=6)
    count = count[count > 0]

    def negative(free):
        easy = np.append(free, 0.0)
        sums = np.ones(1)
        for b in easy:
            sums = np.convolve(sums, [1.0, np.exp(b)])
        return -(wide @ easy).sum() + np.log(sums[total]).sum()

    conditional = -minimize(negative, np.zeros(4), method="BFGS", options={"gtol": 1e-4}).fun
    saturated = conditional + (count * np.log(count / count.sum())).sum()
    res = GLLAMM.from_formula("y ~ 0 + item + (1 | c)", lsat, family=BINOMIAL,
                              classes={"c": Classes(3, within="id")}).fit(rng=0, starts=6)
    assert_allclose(res.llf, saturated, atol=1e-4)


def test_equal_classes_and_fixed_probabilities(lsat):
    model = GLLAMM.from_formula("y ~ 0 + (0 + item | c)", lsat, family=BINOMIAL,
                                classes={"c": Classes(2, within="id")}, constraints="prob[c=2] = 0")
    res = model.fit(rng=0, starts=2)
    assert_allclose(res.class_sizes["prior"], 0.5)
    assert res.bse["prob[c=2]"] == 0
    parallel = model.fit_constrained([f"item[Q{i}][c={c}] = item[Q1][c={c}]" for i in range(2, 6)
                                      for c in (1, 2)], rng=0, starts=2)
    total = lsat.groupby("id")["y"].sum().to_numpy()
    p = expit(parallel.params[["item[Q1][c=1]", "item[Q1][c=2]"]].to_numpy())
    joint = np.log(0.5) + total[:, None] * np.log(p) + (5 - total[:, None]) * np.log1p(-p)
    assert_allclose(parallel.llf, logsumexp(joint, axis=1).sum(), rtol=1e-10)
    assert parallel.df_modelwc == 2


def test_scores_given_to_classes(lsat):
    """Classes at equal distances: one slope for every item, as of a score 0, 1, 2 of the class."""
    score = pd.DataFrame({"1": 1.0, "score": [0.0, 1.0, 2.0]})
    classes = Classes(3, within="id", design={f"item[Q{i}]": score for i in range(1, 6)},
                      labels=["low", "mid", "high"])
    model = GLLAMM.from_formula("y ~ 0 + (0 + item | c)", lsat, family=BINOMIAL,
                                classes={"c": classes})
    assert model.param_names[:2] == ["item[Q1][1]", "item[Q1][score]"]
    res = model.fit(rng=0, starts=2)
    assert list(res.class_sizes.index) == ["c=low", "c=mid", "c=high"]
    p = res.params.to_numpy()
    nu = p[:10:2] + np.array([[0.0], [1.0], [2.0]]) * p[1:10:2]
    wide = lsat.pivot(index="id", columns="item", values="y").to_numpy(dtype=float)
    share = np.exp([0.0, *p[10:]])
    joint = np.log(share / share.sum()) + wide @ np.log(expit(nu)).T + (1 - wide) @ np.log(expit(-nu)).T
    assert_allclose(res.llf, logsumexp(joint, axis=1).sum(), rtol=1e-12)


@pytest.mark.parametrize(("change", "error", "words"), [
    (lambda q: q.rename(index={"i1": "j1"}), DataError, "j1"),
    (lambda q: q.replace(1, 2), DataError, "0 and 1"),
    (lambda q: q.assign(more=0), DataError, "'more' has zeros"),
    (lambda q: q.mul(q.index != "i1", axis=0), DataError, "'i1' has zeros"),
    (lambda q: q.assign(add=1), DataError, "00 and 01"),
    (lambda q: q.to_numpy(), TypeError, "DataFrame"),
])
def test_mistakes_in_the_q_matrix(answers, change, error, words):
    with pytest.raises(error, match=words):
        GLLAMM.diagnosis(answers, change(Q))


def test_other_mistakes(answers, lsat):
    with pytest.raises(ValueError, match="dina, dino"):
        GLLAMM.diagnosis(answers, Q, "dine")
    with pytest.raises(DataError, match="other than 0 and 1"):
        GLLAMM.diagnosis(answers.assign(i1=2.0), Q)
    with pytest.raises(DataError, match="'profile'"):
        GLLAMM.diagnosis(answers.assign(profile=2.0), Q)
    table = pd.DataFrame({"a": [1.0, 1.0]})
    for formula, name, words in (("y ~ 0 + (0 + item | c)", "item[Q9]", "item\\[Q9\\]"),
                                 ("y ~ 0 + item + (0 + item | c)", "item[Q1]", "fixed part")):
        with pytest.raises(FormulaError, match=words):
            GLLAMM.from_formula(formula, lsat, family=BINOMIAL,
                                classes={"c": Classes(2, "id", design={name: table})})
    for bad in (pd.DataFrame({"a": [1.0]}), table.assign(b=2.0), table * np.nan):
        with pytest.raises(ValueError, match="design of 'x'"):
            Classes(2, "id", design={"x": bad})
    with pytest.raises(ValueError, match="different names"):
        Classes(2, "id", labels=["a", "a"])
