"""Arguments that would have no effect, or another one than meant, are refused."""
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor, families
from statsmodels_gllamm.exceptions import BoundaryWarning

F = sm.families


@pytest.fixture
def data(rng):
    n = 120
    return pd.DataFrame({"g": np.repeat(np.arange(20), 6), "x": rng.normal(size=n),
                         "item": np.tile([1, 2, 3], 40), "y": rng.integers(0, 2, n),
                         "count": rng.poisson(2, n), "t": rng.uniform(1, 2, n)})


def test_dispersion_of_a_family_without(data):
    with pytest.raises(ValueError, match=r"Poisson\(log\) has no dispersion"):
        GLLAMM.from_formula("count ~ x + (1 | g)", data, family=F.Poisson(), dispersion="x")


def test_exposure_with_another_link(data):
    with pytest.raises(ValueError, match="exposure is only meaningful with the log link"):
        GLLAMM.from_formula("y ~ x + (1 | g)", data, family=F.Binomial(), exposure="t")
    one = GLLAMM.from_formula("count ~ x + (1 | g)", data, family=F.Poisson(), exposure="t")
    two = GLLAMM.from_formula("count ~ x + (1 | g)", data, family=F.Poisson(),
                              offset=np.log(data["t"]))
    assert one.fit().llf == pytest.approx(two.fit().llf, abs=1e-9)


def test_start_params_of_other_names(data):
    model = GLLAMM.from_formula("count ~ x + (1 | g)", data, family=F.Poisson())
    with pytest.raises(ValueError, match="start_params names none of the parameters: Intercept"):
        model.fit(start_params=pd.Series({"a": 1.0}))


def test_covariances_are_a_mapping(data):
    with pytest.raises(TypeError, match="covariances is a mapping of groups to kinds"):
        GLLAMM.from_formula("count ~ x + (x | g)", data, covariances="diagonal")
    with pytest.raises(ValueError, match="asks for no correlations"):
        GLLAMM.from_formula("count ~ x + (x || g)", data, covariances={"g": "unstructured"})


def test_a_mapping_is_data(data):
    one = GLLAMM.from_formula("count ~ x + (1 | g)", dict(data), family=F.Poisson())
    two = GLLAMM.from_formula("count ~ x + (1 | g)", data, family=F.Poisson())
    assert one.loglike([0.5, 0.1, 0.2]) == two.loglike([0.5, 0.1, 0.2])


def test_laplace_with_points(data):
    model = GLLAMM.from_formula("count ~ x + (1 | g)", data, family=F.Poisson())
    with pytest.raises(ValueError, match="integration='laplace' has one point"):
        model.fit(integration="laplace", n_quad=7)


def test_correlation_of_one_between_standardized_factors(data):
    factors = {name: Factor("item", standardized=True) for name in "ab"}
    model = GLLAMM.from_formula("y ~ x + (0 + a + b | g)", data, family=F.Binomial(),
                                factors=factors)
    params = np.array([1.0 if n.startswith("cov") else 0.1 for n in model.param_names])
    with pytest.raises(ValueError, match="make a correlation of one"):
        model.loglike(params)


def test_linearly_dependent_columns(data):
    with pytest.raises(ValueError, match="linearly dependent"):
        GLLAMM.from_formula("count ~ x + I(2 * x) + (1 | g)", data)


def test_no_overdispersion(data):
    data["flat"] = np.tile([1, 2, 1, 2, 3, 2], 20)
    model = GLLAMM.from_formula("flat ~ x + (1 | g)", data, family=families.NegativeBinomial())
    with pytest.warns(BoundaryWarning, match="logsize.* is so large"):
        result = model.fit()
    assert result.converged
    poisson = GLLAMM.from_formula("flat ~ x + (1 | g)", data, family=F.Poisson())
    with pytest.warns(BoundaryWarning):
        assert result.llf == pytest.approx(poisson.fit().llf, abs=1e-3)


def test_a_factor_with_other_loadings_is_no_boundary(recwarn, rng):
    """A random intercept is a factor with loadings fixed: their comparison is at no boundary."""
    g = np.repeat(np.arange(200), 4)
    u = rng.normal(size=200)[g] * np.tile([1, 0.5, 1.5, 1], 200)
    data = pd.DataFrame({"g": g, "item": np.tile([1, 2, 3, 4], 200),
                         "y": 1.0 * (rng.random(800) < 1 / (1 + np.exp(-u)))})
    options = {"family": F.Binomial()}
    small = GLLAMM.from_formula("y ~ C(item) + (1 | g)", data, **options).fit()
    large = GLLAMM.from_formula("y ~ C(item) + (0 + f | g)", data, factors={"f": "item"},
                                **options).fit()
    recwarn.clear()
    assert large.lr_test(small).df == 3
    assert not [w for w in recwarn if issubclass(w.category, BoundaryWarning)]
    none = GLLAMM.from_formula("y ~ C(item)", data, **options).fit()
    test = small.lr_test(none)
    assert test.weights.to_dict() == {0: 0.5, 1: 0.5}
