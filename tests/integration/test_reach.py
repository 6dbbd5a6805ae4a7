"""Latent variables that touch only Gaussian rows, or no row of a unit, take no quadrature."""
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pandas as pd
import pytest
from scipy import special, stats
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor, families
from statsmodels_gllamm.estimation import boundary
from statsmodels_gllamm.integration import chunks, reach
from statsmodels_gllamm.integration.marginal import evaluate
from statsmodels_gllamm.integration.posterior import unit_moments
from statsmodels_gllamm.integration.reach import FULL, NORMAL, UNTOUCHED, resolved
from tests.integration import brute
from tests.integration.frames import random_params, slope_along

BINARY = {"family": sm.families.Binomial()}
MIXED = {"family": {"g": sm.families.Gaussian(), "b": sm.families.Binomial()}, "family_by": "kind"}
JOINT = {
    "slope": ("(1 + gt | id)", [[2, 1]]),
    "two Gaussian": ("(1 + g + gt | id)", [[2, 1, 1]]),
    "apart": ("(0 + gt || s) + (0 + g || s:id) + (0 + b || s)", [[1, 1, 2]]),
    "under a full one": ("(0 + g || s) + (1 | s:id)", [[2, 2]]),
    "beside a full one": ("(0 + g || s) + (0 + gt || s:id) + (0 + b || s:id)", [[1, 2, 1]]),
    "order": ("(0 + g + b | id)", [[1, 2]]),
    "order of three": ("(0 + gt + b + g | id)", [[1, 2, 1]]),
    "levels": ("(1 | s) + (1 + gt || s:id)", [[2, 1, 2]]),
}


def joint_data(rng, n=24, times=3):
    """Persons ``id`` in ``s`` with Gaussian rows g at times t, and two binary rows b."""
    rows = []
    for i in range(n):
        u = rng.normal(size=3)
        for t in np.arange(times) / times:
            rows.append((i, i // 3, "g", t, u[0] + u[1] * t + rng.normal()))
        for _ in range(2):
            rows.append((i, i // 3, "b", 0.0, float(rng.random() < special.expit(u[0] + u[2]))))
    data = pd.DataFrame(rows, columns=["id", "s", "kind", "t", "y"])
    data["g"], data["b"] = (data["kind"] == "g") * 1.0, (data["kind"] == "b") * 1.0
    data["gt"] = data["g"] * data["t"]
    return data


def joint_model(rng, bars):
    model = GLLAMM.from_formula(f"y ~ 0 + kind + gt + {bars}", joint_data(rng), **MIXED)
    return model, model.design.to_working(random_params(model, rng, sd=0.8))


def with_all_points(model):
    """The same model with quadrature over every latent variable of every unit."""
    other = GLLAMM.from_formula(model.gllamm_formula, model.data.frame, **MIXED)
    other._reaches["units"] = replace(model._reach, kinds=np.full_like(model._reach.kinds, FULL))
    return other


def at(model, working, n, **wanted):
    return model._objective((n,) * len(model.design.q)).at(working, **wanted)


@pytest.fixture(params=JOINT)
def joint(request, rng):
    bars, kinds = JOINT[request.param]
    model, working = joint_model(rng, bars)
    found = {tuple(row) for row in model._reach.kinds.tolist()}
    assert found == {tuple(row) for row in kinds}
    return model, working


def test_every_point_gives_the_same(joint):
    """Log-likelihood, gradient, scores and information are those of many points everywhere."""
    model, working = joint
    wanted = {"units": True, "information": True}
    few, many = at(model, working, 21, **wanted), at(with_all_points(model), working, 21, **wanted)
    assert_allclose(few.loglik, many.loglik, rtol=1e-11)
    assert_allclose(few.gradient, many.gradient, rtol=1e-6, atol=1e-7)
    assert_allclose(few.unit_scores, many.unit_scores, rtol=1e-6, atol=1e-7)
    assert_allclose(few.louis, many.louis, rtol=1e-6, atol=1e-6)
    one = at(model, working, 21)  # with one point instead of three
    assert_allclose(one.loglik, few.loglik, rtol=1e-12)
    assert_allclose(one.gradient, few.gradient, rtol=1e-8, atol=1e-9)


def test_score(joint, rng):
    model, working = joint
    for n in (1, 5):
        direction = rng.normal(size=len(working))
        slope = slope_along(lambda w, n=n: at(model, w, n).loglik, working, direction)
        assert_allclose(at(model, working, n).gradient @ direction, slope, rtol=1e-7)


def test_louis_is_the_curvature(joint):
    model, working = joint
    point, h = at(model, working, 15, units=True, information=True), 1e-4
    columns = [(at(model, working - h * e, 15).gradient - at(model, working + h * e, 15).gradient)
               / (2 * h) for e in np.eye(len(working))]
    assert_allclose(point.louis, columns, rtol=1e-5, atol=2e-5 * np.abs(point.louis).max())


def test_posterior(joint):
    model, working = joint
    many = with_all_points(model)
    one, two = (m._objective((21,) * len(m.design.q)) for m in (model, many))
    psi = model.design.psi(working)
    for ancestors in (False, True):
        for (m1, c1), (m2, c2) in zip(unit_moments(one.problem, one.task, psi, ancestors),
                                      unit_moments(two.problem, two.task, psi, ancestors)):
            assert_allclose(m1, m2, atol=1e-6)
            assert_allclose(c1, c2, atol=1e-6)


@pytest.mark.parametrize("bars", ["(0 + g + gt + b | id)", "(0 + gt || s) + (0 + g + b || s:id)"])
def test_sums_of_gaussian_rows(bars, rng):
    """Outcomes of several rows: latent variables that touch one of its rows touch all."""
    data = joint_data(rng)
    pairs = data.groupby("id").cumcount() // 2
    data["sum"] = np.where(data["g"] == 1, 1000 * data["id"] + pairs, 10**6 + data.index)
    data["y"] = np.where(data["g"] == 1, data.groupby("sum")["y"].transform("first"), data["y"])
    totals = {"g": families.Composite(sm.families.Gaussian(), cluster="sum"), "b": MIXED["family"]["b"]}
    few, many = (GLLAMM.from_formula(f"y ~ 0 + kind + gt + {bars}", data, family=totals,
                                     family_by="kind") for _ in range(2))
    assert (few._reach.kinds == FULL).sum() == 1
    many._reaches["units"] = replace(few._reach, kinds=np.full_like(few._reach.kinds, FULL))
    working = few.design.to_working(random_params(few, rng, sd=0.8))
    one, two = (at(m, working, 15, units=True, information=True) for m in (few, many))
    assert_allclose(one.loglik, two.loglik, rtol=1e-12)
    assert_allclose(one.unit_scores, two.unit_scores, rtol=1e-7, atol=1e-9)
    assert_allclose(one.louis, two.louis, rtol=1e-7, atol=1e-8)


def test_without_the_rule_of_levels_it_is_wrong(rng):
    """A normal one above a full one that shares its rows needs its points."""
    model, working = joint_model(rng, "(0 + g || s) + (1 | s:id)")
    right = at(model, working, 15).loglik
    model._reaches["units"] = replace(model._reach, kinds=np.array([[FULL, NORMAL]]))
    model._problems.clear()
    assert abs(at(model, working, 15).loglik - right) > 1e-4


def test_joint_model_against_brute_force(rng):
    model, working = joint_model(rng, "(1 + gt | id)")
    data, params = model.data.frame, pd.Series(model.design.to_natural(working), model.param_names)
    sd = np.exp(params["logsd[g]"])
    assert model._dimensions == ((1,),)

    def logpmf(y, nu):
        value = stats.norm.logpdf(y[..., 0], nu, sd)
        return np.where(y[..., 1] == 1, brute.binomial(np.round(y[..., 0]) == 1, nu), value)

    cov = np.array([[params.iloc[3], params.iloc[4]], [params.iloc[4], params.iloc[5]]])
    assert model.param_names[3:6] == ["var[Intercept[id]]", "cov[Intercept[id],gt[id]]", "var[gt[id]]"]
    found = brute.two_levels(
        logpmf, data[["y", "b"]].to_numpy(), model.exog @ params.iloc[:3].to_numpy(),
        np.column_stack([np.ones(len(data)), data["gt"]]), cov, data["id"].to_numpy())
    assert_allclose(at(model, working, 31).loglik, found, atol=1e-7)


def test_a_part_without_quadrature_is_exact(rng):
    """Random effects of the Gaussian rows alone: a linear mixed model and a logistic regression."""
    data = joint_data(rng)
    model = GLLAMM.from_formula("y ~ 0 + kind + gt + (0 + g + gt | id)", data, **MIXED)
    fit = model.fit()
    assert fit.certificate.exact and fit.integration == "exact"
    one = GLLAMM.from_formula("y ~ gt + (1 + gt | id)", data[data["kind"] == "g"]).fit()
    two = sm.Logit.from_formula("y ~ 1", data[data["kind"] == "b"]).fit(disp=False)
    assert_allclose(fit.llf, one.llf + two.llf, rtol=1e-8)
    assert_allclose(fit.cov_re["id"], one.cov_re["id"], rtol=1e-3, atol=1e-5)


def test_the_order_of_a_bar_does_not_matter(rng):
    """Gaussian latent variables come last inside, wherever the formula has them."""
    data = joint_data(rng, n=120)
    fits = [GLLAMM.from_formula(f"y ~ 0 + kind + gt + {bars}", data, **MIXED).fit(n_quad=9)
            for bars in ("(0 + g + gt + b | id)", "(0 + b + gt + g | id)")]
    one, two = fits
    assert one.model._dimensions == two.model._dimensions == ((1,),)
    assert_allclose(one.llf, two.llf, rtol=1e-9)
    names = ["g", "gt", "b"]
    assert_allclose(one.cov_re["id"], two.cov_re["id"].loc[names, names], rtol=2e-3, atol=1e-3)
    same = [name for name in one.params.index if name in two.params.index]
    assert_allclose(one.bse[same], two.bse[same], rtol=2e-3)
    assert_allclose(one.latent()[["g", "se[g]"]], two.latent()[["g", "se[g]"]], atol=1e-3)
    assert_allclose(one.predict(which="posterior"), two.predict(which="posterior"), atol=1e-3)


def test_boundary_in_another_order(rng):
    """What vanishes is named as it is: a column of T in the order of its elimination."""
    model, _ = joint_model(rng, "(0 + g + b | id)")
    place = [model.param_names.index(f"{kind}[id]]") for kind in ("var[g", "cov[g[id],b", "var[b")]
    for values, notes in (
            ((0.0, 0.0, 1.0), ("the variance of g[id] is zero",)),
            ((4.0, -2.0, 1.0), ("the correlation of g[id] and b[id] is minus one",)),
            ((1.0, 0.0, 0.0), ("the variance of b[id] is zero",))):
        natural = np.zeros(len(model.param_names))
        natural[place] = values
        working = model.design.to_working(natural)
        assert_allclose(model.design.to_natural(working), natural, atol=1e-12)
        assert boundary.describe(model.design, working) == notes
        assert len(boundary.zero_coordinates(model.design, working)) == 1 + (values[2] == 0)
        left = boundary.leave(model.design, working)
        assert not len(boundary.zero_coordinates(model.design, left))


# Latent variables that a unit does not touch


def two_groups(rng, n=60, q=2, per_factor=3):
    """Binary items of ``q`` factors; the groups A and B take turns, B without the last item."""
    person, item = np.divmod(np.arange(n * q * per_factor), q * per_factor)
    nu = rng.normal(size=(n, q))[person, item // per_factor]
    data = pd.DataFrame({"id": person, "group": np.where(person % 2, "B", "A"),
                         "y": (rng.random(len(nu)) < special.expit(nu)) * 1.0})
    data["gi"] = data["group"] + item.astype(str)
    for name in data["gi"].unique():
        data["x" + name] = (data["gi"] == name) * 1.0
    return data[(data["group"] == "A") | (item < q * per_factor - 1)].reset_index(drop=True)


def group_factors(data, groups, q=2, per_factor=3):
    return {f"f{g}{k}": Factor("0 + " + " + ".join(
        f"x{g}{j}" for j in range(k * per_factor, (k + 1) * per_factor) if data[f"x{g}{j}"].any()))
        for g in groups for k in range(q)}


def group_model(data, groups, q=2, per_factor=3):
    data = data[data["group"].isin(list(groups))]
    bars = ["(" + " + ".join(["0", *(f"f{g}{k}" for k in range(q))]) + " | id)" for g in groups]
    return GLLAMM.from_formula("y ~ 0 + gi + " + " + ".join(bars), data,
                               factors=group_factors(data, groups, q, per_factor), **BINARY)


@pytest.fixture
def apart(monkeypatch):
    """No kind of unit is too rare for chunks of its own."""
    monkeypatch.setattr(reach, "OVERHEAD", 0)


def test_groups_are_separate_models(rng, apart):
    data = two_groups(rng)
    model = group_model(data, "AB")
    assert sorted(model._reach.kinds.tolist()) == [[0, 0, 2, 2], [2, 2, 0, 0]]
    assert model._dimensions == ((2,),)
    params = pd.Series(random_params(model, rng), model.param_names)
    own = [group_model(data, g) for g in "AB"]
    for n_quad in (1, 7):
        assert_allclose(model.loglike(params, n_quad=n_quad),
                        sum(m.loglike(params[m.param_names], n_quad=n_quad) for m in own), rtol=1e-13)
    score = pd.Series(model.score(params), model.param_names)
    for m in own:
        assert_allclose(score[m.param_names], m.score(params[m.param_names]), rtol=1e-9, atol=1e-9)
    scores = model.score_obs(params)
    assert_allclose(scores.sum(axis=0), score, rtol=1e-9, atol=1e-9)
    both = at(model, model.design.to_working(params), 7, units=True, information=True).louis
    for m in own:
        place = [model.param_names.index(name) for name in m.param_names]
        one = at(m, m.design.to_working(params[m.param_names]), 7, units=True, information=True)
        assert_allclose(both[np.ix_(place, place)], one.louis, rtol=1e-8, atol=1e-8)


def test_groups_in_a_pattern(rng, apart):
    """Zeros in the covariance matrix of one bar keep its groups apart, as bars of their own do."""
    data = two_groups(rng)
    bars = group_model(data, "AB")
    pattern = np.array([[None, None, 0, 0], [None, None, 0, 0], [0, 0, None, None],
                        [0, 0, None, None]], dtype=object)
    one = GLLAMM.from_formula(
        "y ~ 0 + gi + (0 + fA0 + fA1 + fB0 + fB1 | id)", data,
        factors=group_factors(data, "AB"), covariances={"id": pattern}, **BINARY)
    assert sorted(one._reach.kinds.tolist()) == [[0, 0, 2, 2], [2, 2, 0, 0]]
    params = pd.Series(random_params(bars, rng), bars.param_names)
    assert set(one.param_names) == set(bars.param_names)
    assert_allclose(one.loglike(params[one.param_names]), bars.loglike(params), rtol=1e-13)
    assert_allclose(one.score(params[one.param_names]),
                    pd.Series(bars.score(params), bars.param_names)[one.param_names], rtol=1e-8,
                    atol=1e-9)


def test_new_rows_of_untouched_latent_variables(rng, apart):
    """A slope that no row of a cluster has is the prior's in new rows of it."""
    data = two_groups(rng)
    model = GLLAMM.from_formula("y ~ 1 + (1 | id) + (0 + xA0 || id)", data, **BINARY)
    params = np.array([0.2, 0.7, 0.9])
    assert model.param_names[1:] == ["var[Intercept[id]]", "var[xA0[id]]"]
    new = data[data["id"] == 1].iloc[[0]].assign(xA0=1.0)
    found = model.predict(params, new, which="posterior", n_quad=41)
    own = data.loc[data["id"] == 1, "y"].to_numpy()
    u, log_weight = brute.normal_grid()
    v = np.sqrt(0.7) * u
    weight = np.exp(brute.binomial(own[:, None], 0.2 + v).sum(axis=0) + log_weight)
    mean = special.expit(0.2 + v[:, None] + np.sqrt(0.9) * u) @ np.exp(log_weight)
    assert_allclose(found, weight @ mean / weight.sum(), atol=1e-7)


def test_loadings_beside_the_entries_are_refused(rng, apart):
    model = group_model(two_groups(rng), "AB")
    objective = model._objective((3,))
    psi = model.design.psi(model.design.to_working(random_params(model, rng)))
    rows, columns = model.design.entries
    psi[rows[columns == 1][0], 4] = 1.0
    with pytest.raises(ValueError, match="not among the task's entries"):
        evaluate(objective.problem, objective.task, psi)


def test_six_dimensions_of_two_groups(rng, apart):
    """Posterior means and predictions of two groups with three factors each are those of one."""
    data = two_groups(rng, n=40, q=3)
    model = group_model(data, "AB", q=3)
    own = group_model(data, "B", q=3)
    params = pd.Series(random_params(model, rng), model.param_names)
    one, two = (m._objective((9,)) for m in (model, own))
    mean, cov = unit_moments(one.problem, one.task, model.design.psi(one.design.to_working(params)))[0]
    (mean_b, cov_b), = unit_moments(two.problem, two.task, own.design.psi(
        two.design.to_working(params[own.param_names])))
    assert_allclose(mean[3:, 1::2], mean_b, atol=1e-10)
    assert_allclose(cov[3:, 3:, 1::2], cov_b, atol=1e-10)
    assert_array_equal(mean[:3, 1::2], 0)
    assert_array_equal(cov[:3, :3, 1::2], np.eye(3)[:, :, None] + np.zeros(len(mean_b.T)))
    assert_array_equal(cov[:3, 3:, 1::2], 0)
    for given in (data, data.iloc[5:14]):
        both = model.predict(params, given, which="posterior", n_quad=9)
        alone = own.predict(params[own.param_names], given[given["group"] == "B"], which="posterior",
                            n_quad=9)
        assert_allclose(both[given["group"] == "B"], alone, rtol=1e-9)


def test_fit_of_two_groups(rng, apart):
    data = two_groups(rng, n=300, q=1, per_factor=4)
    fit = group_model(data, "AB", q=1, per_factor=4).fit(n_quad=9)
    own = [group_model(data, g, q=1, per_factor=4).fit(n_quad=9) for g in "AB"]
    assert_allclose(fit.llf, sum(r.llf for r in own), atol=1e-6)
    for r in own:
        assert_allclose(fit.params[r.params.index], r.params, rtol=1e-3, atol=1e-4)
        assert_allclose(fit.bse[r.params.index], r.bse, rtol=1e-3)
        frame = r.latent()
        assert_allclose(fit.latent().loc[frame.index, list(frame.columns)], frame, atol=1e-3)
    assert_allclose(fit.latent(kind="mode").loc[frame.index, list(frame.columns)],
                    own[1].latent(kind="mode"), atol=1e-3)


def test_levels_without_latent_variables(rng, apart):
    """Units that lack those of a level, or all, are integrated with the others."""
    data = joint_data(rng)
    data["lone"] = np.where(data["s"] == 0, 0.0, data["b"])
    data["top"] = np.where(data["s"] <= 1, 0.0, 1.0)
    bars = "(0 + top || s) + (0 + lone || s:id)"
    model = GLLAMM.from_formula(f"y ~ 0 + kind + gt + {bars}", data, **MIXED)
    assert {tuple(k) for k in model._reach.kinds.tolist()} == {(0, 0), (2, 0), (2, 2)}
    working = model.design.to_working(random_params(model, rng, sd=0.8))
    many = with_all_points(model)
    wanted = {"units": True, "information": True}
    for n in (1, 15):
        one, two = (at(m, working, n, **wanted) for m in (model, many))
        assert_allclose(one.loglik, two.loglik, rtol=1e-12)
        assert_allclose(one.unit_scores, two.unit_scores, rtol=1e-8, atol=1e-9)
        assert_allclose(one.louis, two.louis, rtol=1e-8, atol=1e-8)
    plain = [at(m, working, 5) for m in (model, many)]
    rules = [m._objective((5, 5), integration="quadrature").at(working) for m in (model, many)]
    for one, two in (plain, rules):
        assert_allclose(one.loglik, two.loglik, rtol=1e-11)
        assert_allclose(one.gradient, two.gradient, rtol=1e-7, atol=1e-9)


def test_ordinary_quadrature_keeps_its_points(rng):
    model, working = joint_model(rng, "(1 + gt | id)")
    one, two = (m._objective((9,), integration="quadrature").at(working)
                for m in (model, with_all_points(model)))
    assert_allclose(one.loglik, two.loglik, rtol=1e-13)
    assert_allclose(one.gradient, two.gradient, rtol=1e-10)


def test_layouts(rng, apart, monkeypatch):
    """Chunks, threads, and the order of the rows."""
    data = two_groups(rng)
    model = group_model(data, "AB")
    working = model.design.to_working(random_params(model, rng))
    wanted = {"units": True, "information": True}
    whole = at(model, working, 5, **wanted)
    monkeypatch.setattr(chunks, "CHUNK_ELEMENTS", 1)
    monkeypatch.setattr(chunks, "MIN_ROWS", 20)
    shuffled = group_model(data.sample(frac=1, random_state=1), "AB")
    for other in (group_model(data, "AB"), shuffled):
        with ThreadPoolExecutor(2) as pool:
            objective = other._objective((5,), pool=pool)
            assert len(objective.problem.chunks) > 5
            point = objective.at(working, **wanted)
        assert_allclose(point.loglik, whole.loglik, rtol=1e-13)
        assert_allclose(point.gradient, whole.gradient, rtol=1e-9, atol=1e-9)
        assert_allclose(point.louis, whole.louis, rtol=1e-9, atol=1e-9)
        state = [u for modes in point.value.state for u in modes]
        assert all(len(u) == 4 for u in state)


def test_another_task_takes_all_latent_variables(rng, apart):
    """A problem cut for other entries of Psi is integrated in full."""
    model = group_model(two_groups(rng), "AB")
    working = model.design.to_working(random_params(model, rng))
    objective = model._objective((3,))
    rows, columns = model.design.entries
    other = replace(objective.task, entries=(np.append(rows, 0), np.append(columns, columns[-1])))
    point = replace(objective, task=other).problem.chunks[0].active
    assert point.fits(objective.task) and not point.fits(other)
    assert_allclose(objective.at(working).loglik,
                    replace(objective, task=other).at(working, gradient=False).loglik, rtol=1e-12)


def test_rare_kinds_join_others():
    kinds = np.array([[2, 0], [2, 2], [0, 2]], dtype=np.int8)
    unit = np.repeat([0, 1, 2], [1000, 2, 1000])
    size = np.full(len(unit), 10)
    found, which = reach._joined(kinds, unit, size, (2,), None)
    assert sorted(found.tolist()) == [[0, 2], [2, 0], [2, 2]]  # joining two units is dearer
    unit = np.repeat([0, 1, 2], [40, 2, 40])
    found, which = reach._joined(kinds, unit, np.ones(len(unit)), (2,), None)
    assert found.tolist() == [[2, 2]] and not which.any()
    unit = np.repeat([0, 2], [4, 1000])
    found, which = reach._joined(kinds, unit, np.full(len(unit), 10), (2,), None)
    assert all((found[w] >= kinds[u]).all() for w, u in zip(which, unit))


def test_resolved():
    share = np.zeros((4, 4), dtype=bool)
    share[0, 2] = share[2, 0] = share[0, 1] = share[1, 0] = True  # 2 - 0 - 1
    start = np.array([NORMAL, FULL, NORMAL, NORMAL])
    assert_array_equal(resolved(start, (2, 2), share), [NORMAL, FULL, FULL, NORMAL])
    start[0] = FULL
    assert_array_equal(resolved(start, (2, 2), share), [FULL, FULL, FULL, NORMAL])
    start[:2] = NORMAL, UNTOUCHED
    assert_array_equal(resolved(start, (2, 2), share), [NORMAL, UNTOUCHED, NORMAL, NORMAL])
    assert_array_equal(resolved(start, (1, 1, 2), share), [NORMAL, UNTOUCHED, NORMAL, NORMAL])
