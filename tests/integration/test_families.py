"""Every kind of outcome in the engine: brute force, score, information, chunks, merging, weights.

The log densities are written here once more, with scipy, from the definitions of the models.
"""
from dataclasses import dataclass

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy import special, stats
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, families
from statsmodels_gllamm.estimation.information import differenced
from statsmodels_gllamm.integration import chunks
from tests.integration.brute import normal_grid
from tests.integration.frames import slope_along

LABELS = np.array(["a", "b", "c"])


def log(p):
    """Logarithm, minus infinity at zero."""
    with np.errstate(divide="ignore"):
        return np.log(p)


def frame(rng, n_top=6, size=(4, 9)):
    """Rows in clusters s of different sizes, with choice sets, items and responses of all kinds."""
    s = np.repeat(np.arange(n_top), rng.integers(*size, n_top))
    n = len(s)
    data = pd.DataFrame({"s": s, "x": rng.normal(size=n), "z": rng.normal(size=n)})
    place = data.groupby("s").cumcount()
    data["item"] = LABELS[place % 3]
    data["set"] = data["s"] * 10 + place // 3 + (place % 7 == 6)  # sets of 1 to 3 rows
    data["set"] = pd.factorize(data["set"])[0]
    first = data.groupby("set").cumcount()
    size = data.groupby("set")["s"].transform("size")
    data["chosen"] = (first == data["set"] % size).astype(float)
    data["rank"] = (first + data["set"]) % size + 1
    data["partial"] = np.where(data["rank"] > 1, 0, 1)
    data["grade"] = rng.integers(0, 4, n)
    data.loc[data["item"] == "b", "grade"] %= 3  # an item with fewer categories
    data["kind"] = LABELS[rng.integers(0, 3, n)]
    data["count"] = rng.poisson(1.2, n) * rng.integers(0, 2, n)
    data["binary"] = rng.integers(0, 2, n)
    data["number"] = rng.normal(size=n) + data["x"]
    data["time"] = rng.weibull(1.3, n) + 0.05
    data["until"] = data["time"] * np.array([1.0, 1.5, np.inf])[rng.integers(0, 3, n)]
    data["share"] = rng.beta(2, 3, n)
    data["total"] = data.groupby("set")["count"].transform("sum")
    return data


@dataclass
class Case:
    """A model, parameters of it, and its exact log-likelihood there if it is known."""

    model: GLLAMM
    params: np.ndarray
    exact: float | None = None


def marginal(density, s, root):
    """log-likelihood of clusters s (n,), given density(u (q, N)) -> (outcomes' cluster, (S, N)).

    ``root`` (q, q): the latent variables are root @ standard normals.
    """
    u, log_weight = normal_grid()
    if len(root) == 2:
        u = np.stack([g.ravel() for g in np.meshgrid(u, u, indexing="ij")])
        log_weight = (log_weight[:, None] + log_weight).ravel()
    else:
        u = u[None]
    cluster, value = density(root @ u)
    return sum(special.logsumexp(value[cluster == k].sum(0) + log_weight) for k in np.unique(s))


def root_of(*lower):
    """Lower triangle by rows -> root, and its covariance parameters by rows."""
    if len(lower) == 1:
        return np.array([lower]), [lower[0] ** 2]
    root = np.array([[lower[0], 0.0], lower[1:]])
    psi = root @ root.T
    return root, [psi[0, 0], psi[1, 0], psi[1, 1]]


def per_row(data, logpmf, beta=0.4, sd=0.9, column="x"):
    """Exact log-likelihood of a random intercept, logpmf(nu (n, N)) -> (n, N)."""
    def density(eta):
        return data["s"].to_numpy(), logpmf(beta * data[column].to_numpy()[:, None] + eta[0])
    return marginal(density, data["s"], np.array([[sd]]))


def ordinal_cumulative(data, link="logit"):
    cdf = {"logit": special.expit, "probit": special.ndtr, "cauchit": stats.cauchy.cdf,
           "cloglog": lambda x: 1 - np.exp(-np.exp(x)), "loglog": lambda x: np.exp(-np.exp(-x))}
    cuts = {"a": [-1.0, 0.2, 1.1], "b": [-0.4, 0.9], "c": [-0.7, 0.0, 1.6]}
    y, item = data["grade"].to_numpy(), data["item"].to_numpy()

    def logpmf(nu):
        out = np.empty_like(nu)
        for i in range(len(y)):
            kappa = np.concatenate([[-np.inf], cuts[item[i]], [np.inf]])
            out[i] = log(cdf[link](kappa[y[i] + 1] - nu[i]) - cdf[link](kappa[y[i]] - nu[i]))
        return out

    model = GLLAMM.from_formula("grade ~ 0 + x + (1 | s)", data, family=families.Ordinal(link),
                                thresholds="0 + item")
    values = {f"cut[item[{k}],{j}|{j + 1}]": c for k, v in cuts.items() for j, c in enumerate(v)}
    params = pd.Series({"x": 0.4, "var[Intercept[s]]": 0.81, **values})[model.param_names]
    return Case(model, params.to_numpy(), per_row(data, logpmf))


def ordinal_other(data, kind):
    cuts, y = np.array([-0.6, 0.3, 0.8]), data["grade"].to_numpy()

    def adjacent(nu):
        value = np.arange(4)[:, None, None] * nu - np.append(0, np.cumsum(cuts))[:, None, None]
        return (value - special.logsumexp(value, axis=0))[y, np.arange(len(y))]

    def continuation(nu):
        stop = special.expit(cuts[:, None, None] - nu)
        stay = np.cumprod(np.concatenate([np.ones((1,) + nu.shape), 1 - stop]), axis=0)
        prob = stay * np.concatenate([stop, np.ones((1,) + nu.shape)])
        return np.log(prob[y, np.arange(len(y))])

    model = GLLAMM.from_formula("grade ~ x + (1 | s)", data, family=families.Ordinal(kind=kind))
    logpmf = {"adjacent": adjacent, "continuation": continuation}[kind]
    return Case(model, np.array([0.4, 0.81, *cuts]), per_row(data, logpmf))


def softmax_of_sets(data, nu, columns, stages=(1,)):
    """log probabilities of the sets (S, N), and their clusters."""
    out, cluster = [], []
    for _, rows in data.reset_index(drop=True).groupby("set"):
        value = 0.0
        for stage in stages:
            best = rows.index[rows[columns] == stage]
            if len(best):
                left = rows.index[(rows[columns] >= stage) | (rows[columns] == 0)]
                value = value + nu[best[0]] - special.logsumexp(nu[left], axis=0)
        out.append(value + np.zeros(nu.shape[1]))
        cluster.append(rows["s"].iloc[0])
    return np.array(cluster), np.stack(out)


def choice(data, family=None, left="chosen", stages=(1,)):
    root, cov = root_of(0.8, 0.5, 0.6)
    x, z = data["x"].to_numpy()[:, None], data["z"].to_numpy()[:, None]

    def density(eta):
        return softmax_of_sets(data, x * (0.4 + eta[0]) + z * (-0.3 + eta[1]), left, stages)

    model = GLLAMM.from_formula(f"{left} ~ x + z + (0 + x + z | s)", data,
                                family=family or families.Choice(set="set"))
    return Case(model, np.array([0.4, -0.3, *cov]), marginal(density, data["s"], root))


def nominal(data):
    root, cov = root_of(0.8, -0.3, 0.6)
    y, x = pd.Categorical(data["kind"]).codes, data["x"].to_numpy()[:, None]

    def density(eta):
        nu = np.stack([np.zeros((len(x), eta.shape[1])), 0.2 + 0.4 * x + eta[0],
                       -0.1 - 0.5 * x + eta[1]])
        return data["s"].to_numpy(), (nu - special.logsumexp(nu, axis=0))[y, np.arange(len(y))]

    model = GLLAMM.from_formula("kind ~ x + (1 | s)", data, family=families.Nominal())
    return Case(model, np.array([0.2, 0.4, -0.1, -0.5, *cov]), marginal(density, data["s"], root))


def zero_part(data, family, logpmf_zero, aux=()):
    """A zero part with a random intercept that correlates with the main part's."""
    root, cov = root_of(0.7, 0.4, 0.5)
    y, x = data["count"].to_numpy()[:, None], data["x"].to_numpy()[:, None]

    def density(eta):
        return data["s"].to_numpy(), logpmf_zero(y, 0.3 + 0.4 * x + eta[0], -0.5 + eta[1])

    model = GLLAMM.from_formula("count ~ x + (1 | s)", data, family=family)
    assert model.param_names[:6] == [
        "Intercept", "x", "zero[Intercept]", "var[Intercept[s]]",
        "cov[Intercept[s],zero:Intercept[s]]", "var[zero:Intercept[s]]"]
    return Case(model, np.array([0.3, 0.4, -0.5, *cov, *aux]), marginal(density, data["s"], root))


def zero_inflated(data):
    def logpmf(y, nu, zero):
        p = special.expit(zero)
        return log(p * (y == 0) + (1 - p) * stats.poisson.pmf(y, np.exp(nu)))
    family = families.ZeroInflated(sm.families.Poisson(), "1 + (1 | s)", correlated=True)
    return zero_part(data, family, logpmf)


def hurdle(data):
    size = 1 / 0.7

    def logpmf(y, nu, zero):
        q = size / (size + np.exp(nu))
        log_positive = stats.nbinom.logpmf(y, size, q) - np.log1p(-stats.nbinom.pmf(0, size, q))
        return np.where(y == 0, special.log_expit(zero), special.log_expit(-zero) + log_positive)
    family = families.Hurdle(families.NegativeBinomial(), "1 + (1 | s)", correlated=True)
    return zero_part(data, family, logpmf, [np.log(size)])


def mixed(data):
    data = data.assign(y=np.select(
        [data["item"] == "a", data["item"] == "b"], [data["number"], data["binary"]],
        data["grade"]))
    y, item, cuts = data["y"].to_numpy(), data["item"].to_numpy(), [-np.inf, -0.5, 0.4, 1.2, np.inf]

    def logpmf(nu):
        out = np.empty_like(nu)
        for i, (value, kind) in enumerate(zip(y, item)):
            if kind == "a":
                out[i] = stats.norm.logpdf(value, nu[i], np.exp(-0.2))
            elif kind == "b":
                out[i] = special.log_ndtr((2 * value - 1) * nu[i])
            else:
                p = special.expit(cuts[int(value) + 1] - nu[i]) - special.expit(
                    cuts[int(value)] - nu[i])
                out[i] = np.log(p)
        return out

    model = GLLAMM.from_formula(
        "y ~ 0 + x + (1 | s)", data, family_by="item", family={
            "a": sm.families.Gaussian(), "b": sm.families.Binomial(sm.families.links.Probit()),
            "c": families.Ordinal()})
    values = {"x": 0.4, "var[Intercept[s]]": 0.81, "logsd[a]": -0.2, "cut[c,0|1]": -0.5,
              "cut[c,1|2]": 0.4, "cut[c,2|3]": 1.2}
    return Case(model, pd.Series(values)[model.param_names].to_numpy(), per_row(data, logpmf))


def mixed_choice(data):
    """A choice set and numbers in one model: outcomes of several rows beside outcomes of one."""
    data = data.assign(label=np.where(data["set"] % 2, "choice", "number"))
    data["y"] = np.where(data["set"] % 2, data["chosen"], data["number"])
    model = GLLAMM.from_formula(
        "y ~ 0 + x + (0 + x | s)", data, family_by="label", family={
            "choice": families.Choice(set="set"), "number": sm.families.Gaussian()})
    x, y = data["x"].to_numpy()[:, None], data["y"].to_numpy()[:, None]
    number = (data["label"] == "number").to_numpy()

    def density(eta):
        nu = x * (0.4 + eta[0])
        cluster, value = softmax_of_sets(data[~number], nu[~number], "chosen")
        rows = stats.norm.logpdf(y, nu, np.exp(0.1))[number]
        return np.concatenate([cluster, data["s"][number]]), np.concatenate([value, rows])

    return Case(model, np.array([0.4, 0.81, 0.1]),
                marginal(density, data["s"], np.array([[0.9]])))


def censored(data):
    low, high = data["time"].to_numpy()[:, None], data["until"].to_numpy()[:, None]
    shape = np.exp(0.3)

    def logpmf(nu):
        dist = stats.weibull_min(shape, scale=np.exp(nu))
        return np.where(low == high, dist.logpdf(low), log(dist.sf(low) - dist.sf(high)))

    family = families.Censored(families.Weibull(), until="until")
    model = GLLAMM.from_formula("time ~ 0 + x + (1 | s)", data, family=family)
    return Case(model, np.array([0.4, 0.81, 0.3]), per_row(data, logpmf))


def guessing(data):
    y, item = data["binary"].to_numpy()[:, None], data["item"].to_numpy()
    guess = {"a": -1.0, "b": -2.0, "c": -0.5}
    c = special.expit([guess[i] for i in item])[:, None]

    def logpmf(nu):
        p = c + (1 - c) * special.expit(nu)
        return np.log(np.where(y == 1, p, 1 - p))

    model = GLLAMM.from_formula("binary ~ 0 + x + (1 | s)", data, family=families.IRT3PL("0 + item"))
    return Case(model, np.array([0.4, 0.81, *guess.values()]), per_row(data, logpmf))


def scaled(data):
    y = data["binary"].to_numpy()[:, None]
    sd = np.exp(0.3 * data["z"].to_numpy())[:, None]
    family = sm.families.Binomial(sm.families.links.Probit())
    model = GLLAMM.from_formula("binary ~ 0 + x + (1 | s)", data, family=family, dispersion="z")
    assert model.param_names[-1] == "logscale[z]"
    return Case(model, np.array([0.4, 0.81, 0.3]),
                per_row(data, lambda nu: special.log_ndtr((2 * y - 1) * nu / sd)))


def composite(data):
    """The counts of a set are known in total only."""
    weights = 0.5 + data["set"].to_numpy() % 3 / 2
    data = data.assign(w=weights)
    model = GLLAMM.from_formula(
        "total ~ 0 + x + (1 | s)", data,
        family=families.Composite(sm.families.Poisson(), cluster="set", weights="w"))
    table = data.groupby("set").agg({"s": "first", "total": "first"})

    def density(eta):
        mean = weights[:, None] * np.exp(0.4 * data["x"].to_numpy()[:, None] + eta[0])
        mean = np.stack([mean[data["set"] == k].sum(0) for k in table.index])
        return table["s"].to_numpy(), stats.poisson.logpmf(table["total"].to_numpy()[:, None], mean)

    return Case(model, np.array([0.4, 0.81]), marginal(density, data["s"], np.array([[0.9]])))


def beta(data):
    y = data["share"].to_numpy()[:, None]

    def logpmf(nu):
        mu, phi = special.expit(nu), np.exp(1.5)
        return stats.beta.logpdf(y, mu * phi, (1 - mu) * phi)

    model = GLLAMM.from_formula("share ~ 0 + x + (1 | s)", data, family=families.Beta())
    return Case(model, np.array([0.4, 0.81, 1.5]), per_row(data, logpmf))


def student(data):
    y = data["number"].to_numpy()[:, None]
    model = GLLAMM.from_formula("number ~ 0 + x + (1 | s)", data, family=families.StudentT())
    params = pd.Series({"x": 0.4, "var[Intercept[s]]": 0.81, "logsd[Intercept]": -0.3,
                        "logdf[Intercept]": 1.2})[model.param_names].to_numpy()
    return Case(model, params, per_row(
        data, lambda nu: stats.t.logpdf(y, np.exp(1.2), nu, np.exp(-0.3))))


CASES = {
    **{link: lambda d, link=link: ordinal_cumulative(d, link)
       for link in ("logit", "probit", "cloglog", "loglog", "cauchit")},
    "adjacent": lambda d: ordinal_other(d, "adjacent"),
    "continuation": lambda d: ordinal_other(d, "continuation"),
    "choice": choice,
    "ranking": lambda d: choice(d, families.Ranking(set="set"), "rank", (1, 2, 3)),
    "partial ranking": lambda d: choice(d, families.Ranking(set="set"), "partial", (1,)),
    "nominal": nominal,
    "zero-inflated": zero_inflated,
    "hurdle": hurdle,
    "mixed": mixed,
    "mixed with choices": mixed_choice,
    "censored": censored,
    "guessing": guessing,
    "scaled": scaled,
    "composite": composite,
    "beta": beta,
    "student": student,
}
CONVEX = ("cauchit", "student")  # posteriors with heavy tails take more points


@pytest.fixture(params=CASES)
def case(request):
    found = CASES[request.param](frame(np.random.default_rng(5)))
    found.name = request.param
    return found


def test_brute_force(case):
    n = 61 if case.name in CONVEX else 31
    atol = 1e-5 if case.name in CONVEX else 1e-7
    assert_allclose(case.model.loglike(case.params, n_quad=n), case.exact, rtol=0, atol=atol)


@pytest.mark.parametrize("rule", [{"integration": "laplace"}, {"n_quad": 4},
                                  {"integration": "quadrature", "n_quad": 5}], ids=str)
def test_score(case, rule):
    model, params = case.model, case.params
    score = model.score(params, **rule)
    slopes = [slope_along(lambda p: model.loglike(p, **rule), params, e, h=1e-3)
              for e in np.eye(len(params))]
    assert_allclose(score, slopes, rtol=0, atol=2e-6 * max(1.0, np.abs(slopes).max()))
    rows = model.score_obs(params, **rule)
    assert_allclose(rows.sum(0), score, rtol=1e-9, atol=1e-9 * np.abs(score).max())


def test_louis(case):
    """Louis' formula is the curvature of the integral, auxiliary parameters included."""
    model, params = case.model, case.params
    n = 25 if sum(model.design.q) == 2 else 41
    objective = model._objective((n,))
    working = model.design.to_working(params)
    point = objective.at(working, information=True)
    exact = differenced(objective, point, np.arange(len(working)), np.full(len(working), 1e-4))
    atol = 1e-2 if case.name in CONVEX else 2e-4
    assert_allclose(point.louis, exact, rtol=0, atol=atol * np.abs(exact).max())


def test_chunks(case, monkeypatch):
    """Chunks of single clusters, and clusters laid out in other ways, change nothing."""
    model, params = case.model, case.params
    whole, score = model.loglike(params), model.score(params)
    model._problems.clear()
    monkeypatch.setattr(chunks, "CHUNK_ELEMENTS", 1)
    monkeypatch.setattr(chunks, "MIN_ROWS", 1)
    assert len(model._objective((7,) * len(model.design.q)).problem.chunks) > 1
    assert_allclose(model.loglike(params), whole, rtol=1e-12)
    assert_allclose(model.score(params), score, rtol=1e-8, atol=1e-8)
    model._problems.clear()


@pytest.mark.parametrize("name", ["logit", "choice", "ranking", "nominal", "zero-inflated", "mixed",
                                  "hurdle", "composite"])
def test_copies_are_weights(name):
    """Two copies of every cluster are merged, and equal a frequency weight of two."""
    data = frame(np.random.default_rng(5))
    again = data.assign(s=data["s"] + 100, set=data["set"] + 999)
    twice = pd.concat([data, again], ignore_index=True)
    one, two = CASES[name](data), CASES[name](twice.sample(frac=1.0, random_state=3))
    assert_allclose(two.model.loglike(one.params), 2 * one.model.loglike(one.params), rtol=1e-11)
    assert_allclose(two.model.score(one.params), 2 * one.model.score(one.params), rtol=1e-7,
                    atol=1e-7)
    problems = [m._objective((7,) * len(m.design.q)).problem for m in (one.model, two.model)]
    assert problems[0].n_computed == problems[1].n_computed


def test_balanced_sets_are_position_major(rng):
    """The same clusters and sets, balanced or with one row more, by two layouts."""
    data = frame(rng, size=(6, 7))
    balanced = choice(data)
    assert balanced.model._objective((3,)).problem.chunks[0].observed.sets.counts is None
    assert_allclose(balanced.model.loglike(balanced.params, n_quad=31), balanced.exact, atol=1e-7)
