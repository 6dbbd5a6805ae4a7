"""A frequency weight is replication: of rows, and of clusters at every level."""
import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor
from tests.integration.frames import nested_frame, random_params

FAMILIES = {
    "binary": sm.families.Binomial(),
    "count": sm.families.Poisson(),
    "number": sm.families.Gaussian(),
    "positive": sm.families.Gamma(sm.families.links.Log()),
}
RULES = {"laplace": {"n_quad": 1}, "adaptive": {"n_quad": 4},
         "ordinary": {"integration": "quadrature", "n_quad": 4}}


@pytest.fixture
def data(rng):
    """Weights of rows, of persons g and of schools s; zero now and then."""
    data = nested_frame(rng, n_top=6)
    data["wr"] = rng.integers(0, 4, len(data))
    data["wg"] = data["g"].map({g: i % 4 for i, g in enumerate(sorted(set(data["g"])))})
    data["ws"] = data["s"].map({s: (i + 1) % 4 for i, s in enumerate(sorted(set(data["s"])))})
    data["wi"] = data["s"].map({s: 1 + i % 3 for i, s in enumerate(sorted(set(data["s"])))})
    return data


def replicate(data, column, group=None):
    """Every row, or every unit of a group, as often as its weight says."""
    copies = []
    for k in range(int(data[column].max())):
        copy = data[data[column] > k].copy()
        if group is not None:
            copy[group] = copy[group] + f".{k}"
            if group == "s":
                copy["g"] = copy["g"] + f".{k}"
        copies.append(copy)
    return pd.concat(copies, ignore_index=True)


def pair(data, formula, weights, family, **options):
    """The weighted model, and the model of the replicated data."""
    long = data
    for level, column in weights.items():
        long = replicate(long, column, None if level == "rows" else level[-1])
    return (GLLAMM.from_formula(formula, data, family=family, freq_weights=weights, **options),
            GLLAMM.from_formula(formula, long, family=family, **options))


CASES = {
    "no latent variables": ("{} ~ x", {"rows": "wr"}),
    "rows": ("{} ~ x + (1 | s)", {"rows": "wr"}),
    "rows of three levels": ("{} ~ x + (x | s) + (1 | s:g)", {"rows": "wr"}),
    "top": ("{} ~ x + (x | s)", {"s": "ws"}),
    "middle": ("{} ~ x + (1 | s/g)", {"s:g": "wg"}),
    "top of three levels": ("{} ~ x + (1 | s/g)", {"s": "ws"}),
    "all": ("{} ~ x + (x | s) + (1 | s:g)", {"rows": "wr", "s:g": "wg", "s": "wi"}),
    "slopes below": ("{} ~ x + (1 | s) + (x | s:g)", {"s:g": "wg", "s": "wi"}),
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("column", FAMILIES)
def test_likelihood_and_score(data, case, column, rule, rng):
    formula, weights = CASES[case]
    one, two = pair(data, formula.format(column), weights, FAMILIES[column])
    assert one.param_names == two.param_names
    params = random_params(one, rng)
    assert_allclose(one.loglike(params, **RULES[rule]), two.loglike(params, **RULES[rule]),
                    rtol=1e-11)
    score = two.score(params, **RULES[rule])
    assert_allclose(one.score(params, **RULES[rule]), score, rtol=1e-7,
                    atol=1e-8 * np.abs(score).max())
    assert_allclose(one.score_obs(params, **RULES[rule]).sum(0), score, rtol=1e-7,
                    atol=1e-8 * np.abs(score).max())


@pytest.mark.parametrize("case", ["rows of three levels", "top", "all"])
def test_hessian(data, case, rng):
    formula, weights = CASES[case]
    one, two = pair(data, formula.format("count"), weights, FAMILIES["count"])
    params = random_params(one, rng)
    hessian = two.hessian(params, n_quad=3)
    assert_allclose(one.hessian(params, n_quad=3), hessian, atol=1e-5 * np.abs(hessian).max())


def test_factor(data, rng):
    one, two = pair(data, "count ~ x + (0 + f | s/g)", {"rows": "wr", "s:g": "wg", "s": "wi"},
                    FAMILIES["count"], factors={"f": Factor("item")})
    params = random_params(one, rng)
    assert_allclose(one.loglike(params), two.loglike(params), rtol=1e-11)
    assert_allclose(one.score(params), two.score(params), rtol=1e-7, atol=1e-7)


@pytest.mark.filterwarnings("ignore::statsmodels_gllamm.exceptions.BoundaryWarning")
@pytest.mark.parametrize("case", CASES)
def test_fit(data, case):
    formula, weights = CASES[case]
    one, two = pair(data, formula.format("count"), weights, FAMILIES["count"])
    one, two = one.fit(n_quad=5, tol=1e-11), two.fit(n_quad=5, tol=1e-11)
    assert_allclose(one.llf, two.llf, rtol=1e-9)
    assert_allclose(one.params, two.params, rtol=1e-4, atol=1e-4)
    assert_allclose(one.record.cov, two.record.cov, rtol=1e-3,
                    atol=1e-4 * np.nanmax(np.abs(two.record.cov)))


def test_weights_of_one_are_no_weights(data, rng):
    ones = data.assign(one=1.0)
    formula = "count ~ x + (1 | s/g)"
    plain = GLLAMM.from_formula(formula, data, family=FAMILIES["count"])
    weighted = GLLAMM.from_formula(formula, ones, family=FAMILIES["count"],
                                   freq_weights={"rows": "one", "s:g": "one", "s": "one"})
    params = random_params(plain, rng)
    assert plain.loglike(params) == weighted.loglike(params)


def test_weight_of_zero_is_absence(data, rng):
    formula = "count ~ x + (1 | s/g)"
    drop = data["s"].isin(["s1", "s4"])
    zero = GLLAMM.from_formula(formula, data.assign(w=1.0 - drop), family=FAMILIES["count"],
                               freq_weights={"s": "w"})
    absent = GLLAMM.from_formula(formula, data[~drop], family=FAMILIES["count"])
    params = random_params(zero, rng)
    assert_allclose(zero.loglike(params), absent.loglike(params), rtol=1e-13)
    rows = zero.score_obs(params)
    assert np.isfinite(rows).all()
    dropped = [str(label) in ("s1", "s4") for label in zero.sample.groups["s"].labels]
    assert not rows[dropped].any()


@pytest.mark.parametrize("level", ["rows", "s:g", "s"])
def test_fractional_weights_are_linear(data, level, rng):
    """Weights of 1/2 on two copies of everything are the data once."""
    data = data.assign(one=1.0, half=0.5)
    twice = replicate(data.assign(k=2), "k", None if level == "rows" else level[-1])
    formula = "count ~ x + (1 | s/g)"
    one = GLLAMM.from_formula(formula, data, family=FAMILIES["count"])
    two = GLLAMM.from_formula(formula, twice, family=FAMILIES["count"],
                              freq_weights={level: "half"})
    params = random_params(one, rng)
    assert_allclose(two.loglike(params), one.loglike(params), rtol=1e-11)
    assert_allclose(two.score(params), one.score(params), rtol=1e-7, atol=1e-8)
