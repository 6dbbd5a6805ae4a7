"""The map from parameters to row designs, and its derivatives."""
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor
from statsmodels_gllamm.latent.terms import RowColumns
from tests.integration.frames import nested_frame, random_params

MODELS = {
    "slopes": ("number ~ x + (x | s)", {}),
    "nested": ("number ~ x + (x || s:g) + (1 | s)", {"dispersion": "x"}),
    "identity": ("number ~ x + (x | s)", {"covariances": {"s": "identity"}}),
    "two levels": ("number ~ item + (0 + f | s/g)", {"factors": {"f": Factor("item")}}),
    "standardized": ("number ~ x + (0 + f + x | s)",
                     {"factors": {"f": Factor("item", standardized=True)}}),
    "fixed part": ("number ~ f:x + (0 + f | s)", {"factors": {"f": Factor("item")}}),
    "product": ("number ~ x + (0 + f:x + f | s)",
                {"factors": {"f": Factor("item", loadings=[2, None, 0])}}),
    "formula": ("number ~ x + (0 + f + h | s)",
                {"factors": {"f": Factor("0 + item + item:z"), "h": Factor("item", [1, 1, None])}}),
}


@pytest.fixture(params=MODELS)
def model(request, rng):
    formula, options = MODELS[request.param]
    return GLLAMM.from_formula(formula, nested_frame(rng), **options)


@pytest.fixture
def working(model, rng):
    return model.design.to_working(random_params(model, rng))


def test_entries_are_all_that_is_used(model, working, rng):
    psi = model.design.psi(working)
    used = np.zeros(psi.shape, bool)
    used[model.design.entries] = True
    assert not psi[~used].any()
    assert (psi[used] != 0).all()


def test_adjoint_and_jacobian(model, working, rng):
    bar = rng.normal(size=len(model.design.entries[0]))
    jacobian = model.design.jacobian(working)
    assert_allclose(model.design.adjoint(working, bar), jacobian.T @ bar, atol=1e-12)
    h = 1e-6
    numeric = np.array([
        (model.design.psi(working + h * e) - model.design.psi(working - h * e))
        [model.design.entries] / (2 * h) for e in np.eye(len(working))]).T
    assert_allclose(jacobian, numeric, atol=1e-8)


def test_curvature(model, working, rng):
    bar = rng.normal(size=len(model.design.entries[0]))
    h = 1e-6
    numeric = np.array([
        (model.design.adjoint(working + h * e, bar) - model.design.adjoint(working - h * e, bar))
        / (2 * h) for e in np.eye(len(working))])
    got = model.design.curvature(working, bar)
    assert_allclose(got, numeric, atol=1e-7)
    assert_allclose(got, got.T, atol=1e-12)


def test_natural_jacobian(model, working):
    h = 1e-6
    numeric = np.array([
        (model.design.to_natural(working + h * e) - model.design.to_natural(working - h * e))
        / (2 * h) for e in np.eye(len(working))]).T
    assert_allclose(model.design.natural_jacobian(working), numeric, atol=1e-8)


def test_round_trip(model, working):
    design = model.design
    assert_allclose(design.to_natural(design.to_working(design.to_natural(working))),
                    design.to_natural(working), atol=1e-12)
    assert_allclose(design.roots(working)[0], design.covariances[0].root(
        working[design.cov_slices()[0][0]]))


def test_rows_by_hand(rng):
    """Offset and loadings of every row, for a factor with loadings at two levels."""
    data = nested_frame(rng)
    model = GLLAMM.from_formula(*MODELS["two levels"][:1], data, factors={"f": Factor("item")})
    loading = {"a": 1.0, "b": 0.7, "c": 1.3}
    values = {"Intercept": 0.2, "item[T.b]": 0.5, "item[T.c]": -0.5, "lambda[f,b]": 0.7,
              "lambda[f,c]": 1.3, "var[f[s:g]]": 4.0, "var[f[s]]": 9.0, "logsd[Intercept]": 0.1}
    assert set(values) == set(model.param_names)
    working = model.design.to_working(np.array([values[name] for name in model.param_names]))
    rows = np.array(model.structure.columns).T @ model.design.psi(working)
    own = data["item"].map(loading)
    fixed = 0.2 + data["item"].map({"a": 0.0, "b": 0.5, "c": -0.5})
    assert_allclose(rows, np.column_stack([fixed, 2 * own, 3 * own, 0.1 + 0 * own]), atol=1e-14)


def test_equal_columns_are_kept_once(rng):
    data = nested_frame(rng)
    model = GLLAMM.from_formula("number ~ x + (x | s) + (x | s:g)", data)
    assert len(model.structure.columns) == 2
    factor = GLLAMM.from_formula(
        "number ~ 0 + item + (0 + f | s/g)", data, factors={"f": Factor("item")})
    assert len(factor.structure.columns) == 4  # three items, and the constant of logsd


def test_row_columns(rng):
    columns, x = RowColumns(), rng.normal(size=200)
    other = x.copy()
    other[100] += 1e-9  # the same key, or nearly so
    other[101] -= 1e-9
    assert columns.add(x) == 0
    assert columns.add(other) == 1
    assert columns.add(x.copy()) == 0
    assert columns.add(np.zeros(200)) == 2


def test_layout(rng):
    model = GLLAMM.from_formula(*MODELS["two levels"][:1], nested_frame(rng),
                                factors={"f": Factor("item")}, family=sm.families.Gaussian())
    layout = model.design.layout
    assert layout.size == len(layout.names) == len(set(layout.names))
    assert_array_equal(np.concatenate([layout.positions(k) for k in
                                       ("coef", "lambda", "cov", "aux")]), np.arange(layout.size))
