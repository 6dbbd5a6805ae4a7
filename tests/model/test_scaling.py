"""Units of covariates and responses change estimates and errors as they have to, and nothing else."""
from pathlib import Path

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, datasets


@pytest.fixture
def counts(rng):
    g = np.repeat(np.arange(60), 6)
    x = rng.normal(size=360)
    u = rng.normal(size=(60, 2)) * [0.6, 0.4]
    y = rng.poisson(np.exp(0.5 + 0.3 * x + u[g, 0] + u[g, 1] * x))
    return pd.DataFrame({"g": g, "x": x, "y": y})


@pytest.mark.parametrize("unit", [1e6, 1e-6])
def test_covariate(counts, unit):
    """A random slope on a covariate in other units."""
    power = np.array([0, 1, 0, 1, 2])
    options = {"family": sm.families.Poisson()}
    one = GLLAMM.from_formula("y ~ x + (x | g)", counts, **options)
    other = GLLAMM.from_formula("y ~ x + (x | g)", counts.assign(x=counts["x"] * unit), **options)
    first, second = one.fit(), other.fit()
    assert_allclose(second.llf, first.llf, atol=1e-6)
    scale = unit**power
    assert_allclose(second.params * scale, first.params, rtol=1e-4, atol=1e-6)
    assert_allclose(second.bse * scale, first.bse, rtol=1e-3)
    information = other.information(second.params) / np.outer(scale, scale)
    assert_allclose(information, one.information(first.params), rtol=0.01,
                    atol=1e-3 * np.abs(one.information(first.params)).max())


@pytest.mark.parametrize("unit", [1e6, 1e-6])
def test_response(unit):
    """A Gaussian response in other units."""
    data = datasets.sleepstudy.load_pandas().data
    first = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).fit()
    data["Reaction"] *= unit
    second = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).fit()
    assert_allclose(second.llf, first.llf - len(data) * np.log(unit), atol=1e-5)
    scale = unit ** np.array([1, 1, 2, 2, 2, 0])
    assert_allclose(second.bse / scale, first.bse, rtol=1e-3)


def test_a_small_variance_that_comes_first():
    """The split of the slopes' row between both columns is not seen where the first row is zero."""
    data = pd.read_csv(Path(__file__).with_name("small_first_variance.csv"))
    with pytest.warns(UserWarning, match="at the boundary"):
        result = GLLAMM.from_formula("yb ~ x + (x | g)", data, family=sm.families.Binomial()).fit()
    assert result.converged
    assert np.isfinite(result.bse[["Intercept", "x"]]).all()
    other = GLLAMM.from_formula("yb ~ x + (0 + x + one | g)", data.assign(one=1.0),
                                family=sm.families.Binomial())
    assert_allclose(result.llf, other.fit(n_quad=result.n_quad["g"]).llf, atol=2e-3)


def test_progress(counts, capsys):
    model = GLLAMM.from_formula("y ~ x + (1 | g)", counts, family=sm.families.Poisson())
    model.fit(progress=False)
    assert capsys.readouterr().err == ""
    model.fit(progress=True)
    assert "log-likelihood" in capsys.readouterr().err
    with pytest.raises(ValueError, match="progress is None, True or False, not 'yes'"):
        model.fit(progress="yes")


def test_describe(counts):
    text = GLLAMM.from_formula("y ~ x + (x || g)", counts, family=sm.families.Poisson()).describe()
    assert "y given nu: Poisson(log)" in text
    assert "beta[x] x + Intercept[g] + x[g] x" in text.replace("\n     ", " ")
    assert "diagonal covariance matrix, one for each of 60" in text.replace("\n    ", " ")
