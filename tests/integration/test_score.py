"""The score against differences of the log-likelihood: every family, link, structure and rule."""
import numpy as np
from numpy.testing import assert_allclose
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor
from tests.integration.frames import nested_frame, random_params, slope_along
from tests.responses.cases import CASES, IDS

STRUCTURES = {
    "none": ("x", {}),
    "intercept": ("x + (1 | g)", {}),
    "slopes": ("x + (x | s)", {}),
    "uncorrelated": ("x + (x || s)", {}),
    "three levels": ("x + (1 | s/g)", {}),
    "factor": ("x + (0 + f | s/g)", {"factors": {"f": Factor("item")}}),
    "dispersion": ("x + (1 | g)", {"dispersion": "x"}),
}
RULES = {
    "laplace": {"integration": "laplace"},
    "2": {"n_quad": 2},
    "5": {"n_quad": 5},
    "ordinary": {"integration": "quadrature", "n_quad": 5},
}
POISSON = sm.families.Poisson()
BOUNDED_SD = 0.035  # times the width of the support: no node leaves it


def make(case, structure, rng):
    """A model of 20 to 40 rows with responses of the case, natural parameters, and their scale."""
    formula, options = STRUCTURES[structure]
    data = nested_frame(rng)
    width, middle = case.high - case.low, (case.low + case.high) / 2
    name = case.response.name
    if name.startswith("Binomial"):
        data["y"], data["m"] = rng.integers(0, 4, len(data)), rng.integers(0, 3, len(data))
        left = "y + m" if case.trials else "binary"
    elif name.startswith(("Poisson", "NegativeBinomial")):
        left = "count"
    else:
        left = "number" if name.startswith("Gaussian") else "positive"
    model = GLLAMM.from_formula(f"{left} ~ {formula}", data, family=case.response, **options)
    bounded = width < 4
    sd, slope = (BOUNDED_SD * width, 0.04 * width) if bounded else (0.9, 0.5)
    params = random_params(model, rng, middle, slope, sd)
    sizes = {"coef": slope, "lambda": 0.5, "cov": sd**2, "aux": 0.5}
    scale = [sizes[block.kind] for block in model.design.layout.blocks for _ in block.names]
    return model, params, np.array(scale)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_score(case, structure):
    if structure == "dispersion" and not case.response.aux_names:
        pytest.skip("no dispersion")
    rng = np.random.default_rng(11)
    model, params, scale = make(case, structure, rng)
    for name, rule in RULES.items():
        direction = scale * rng.normal(size=len(params)) / np.sqrt(len(params))
        score = model.score(params, **rule)
        slope = slope_along(lambda p, rule=rule: model.loglike(p, **rule), params, direction, h=2e-4)
        size = np.sqrt(((score * scale) ** 2).sum())
        assert abs(score @ direction - slope) < 1e-6 * max(size, 1.0), name


SOME = [case for case in CASES if case.id in (
    "Binomial(logit)", "Binomial(cauchy)", "Poisson(log)", "Gaussian(identity)", "Gaussian(log)",
    "Gamma(inverse_power)", "NegativeBinomial(log)")]


@pytest.fixture(params=SOME, ids=lambda case: case.id)
def some_case(request):
    return request.param


@pytest.mark.parametrize("structure", STRUCTURES)
def test_every_coordinate(some_case, structure):
    if structure == "dispersion" and not some_case.response.aux_names:
        pytest.skip("no dispersion")
    model, params, scale = make(some_case, structure, np.random.default_rng(12))
    score = model.score(params, n_quad=3)
    slopes = [slope_along(lambda p: model.loglike(p, n_quad=3), params, e, h=2e-4)
              for e in np.diag(scale)]
    assert_allclose(score * scale, slopes, rtol=0, atol=1e-6 * max(1.0, np.abs(slopes).max()))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("structure", ["none", "intercept", "slopes", "three levels", "factor"])
def test_score_of_units(some_case, structure, rule):
    """score_obs adds up to the score, and a unit's row is what is lost without that unit."""
    model, params, _ = make(some_case, structure, np.random.default_rng(13))
    rows, score = model.score_obs(params, **RULES[rule]), model.score(params, **RULES[rule])
    assert_allclose(rows.sum(0), score, rtol=1e-9, atol=1e-9 * np.abs(score).max())
    sample = model.sample
    top = model.structure.levels[-1] if model.structure.levels else None
    codes = np.arange(len(sample.index)) if top is None else top.codes
    assert rows.shape == (codes.max() + 1, len(params))
    formula, options = STRUCTURES[structure]
    frame = model.data.frame
    left = "positive" if "positive" in sample.endog_name else sample.endog_name
    without = GLLAMM.from_formula(
        f"{left} ~ {formula}", frame[codes != 1], family=some_case.response, **options)
    assert_allclose(score - rows[1], without.score(params, **RULES[rule]), rtol=1e-8,
                    atol=1e-8 * np.abs(score).max())


@pytest.mark.parametrize("structure", STRUCTURES)
def test_hessian(some_case, structure):
    if structure == "dispersion" and not some_case.response.aux_names:
        pytest.skip("no dispersion")
    model, params, scale = make(some_case, structure, np.random.default_rng(14))
    hessian = model.hessian(params, n_quad=5)
    slopes = np.array([slope_along(lambda p: model.score(p, n_quad=5), params, e, h=1e-4)
                       for e in np.diag(scale)])
    assert_allclose(hessian, hessian.T, atol=1e-8 * np.abs(hessian).max())
    scaled = hessian * scale * scale[:, None]
    assert_allclose(scaled, slopes * scale, rtol=0, atol=1e-4 * np.abs(scaled).max())
    assert_allclose(model.information(params, n_quad=5), -hessian)


def test_offset_enters_the_score(rng):
    data = nested_frame(rng)
    model = GLLAMM.from_formula("count ~ x + (1 | s/g)", data, family=POISSON, offset="z")
    shifted = GLLAMM.from_formula("count ~ x + z + (1 | s/g)", data, family=POISSON)
    params = random_params(model, rng)
    wide = np.insert(params, 2, 1.0)
    assert_allclose(model.loglike(params), shifted.loglike(wide), rtol=1e-13)
    assert_allclose(model.score(params), np.delete(shifted.score(wide), 2), rtol=1e-9)


def test_one_sided_score_at_a_variance_of_zero(rng):
    """At a variance of zero the score is the slope into the interior."""
    model = GLLAMM.from_formula("count ~ x + (x | s)", nested_frame(rng), family=POISSON)
    params = random_params(model, rng)
    params[2:] = 0.0
    score = model.score(params, n_quad=7)
    base = model.loglike(params, n_quad=7)
    for k in (2, 4):
        steps = np.array([1e-5, 2e-5])
        one, two = (model.loglike(params + h * np.eye(5)[k], n_quad=7) - base for h in steps)
        slope = (4 * one - two) / (2 * steps[0])
        assert_allclose(score[k], slope, rtol=1e-3, atol=1e-3)
