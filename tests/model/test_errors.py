"""Every mistake is answered by one clear sentence, and nothing half-done."""
import numpy as np
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor
from statsmodels_gllamm.exceptions import CrossedGroupsError, DataError
from tests.integration.frames import nested_frame

BINOMIAL, POISSON = sm.families.Binomial(), sm.families.Poisson()


@pytest.fixture
def data(rng):
    return nested_frame(rng, n_top=8)


def refused(match, call, error=ValueError):
    with pytest.raises(error, match=match) as caught:
        call()
    text = str(caught.value)
    assert "\n" not in text
    assert "np.int" not in text and "np.float" not in text and "array(" not in text
    return text


def build(data, formula="count ~ x + (1 | s)", family=POISSON, **options):
    return lambda: GLLAMM.from_formula(formula, data, family=family, **options)


def test_empty_data(data):
    refused("no rows", build(data.iloc[:0]))
    refused("missing in every row", build(data.assign(x=np.nan)))
    refused("no rows|No .*row", build(data, subset=np.zeros(len(data), bool)))


def test_one_cluster(data):
    refused("group 's' has a single cluster.*drop its bar", build(data.assign(s="one")))
    refused("group 's' has a single cluster", build(data.assign(s="one"), "count ~ x + (1 | s/g)"))


def test_group_of_nans(data):
    refused("The group 's' is missing in every row", build(data.assign(s=np.nan)))


def test_some_missing_groups_are_dropped(data):
    data.loc[data.index[:3], "s"] = None
    model = build(data)()
    assert len(model.sample.index) == len(data) - 3
    assert sum(model.sample.dropped.values()) == 3
    refused("missing", build(data, missing="raise"))


@pytest.mark.parametrize("column", ["x", "number"])
def test_infinite_values(data, column):
    data.loc[data.index[4], column] = np.inf
    family = sm.families.Gaussian()
    refused(f"{column}.*infinite.*row 4", build(data, "number ~ x + (1 | s)", family))


@pytest.mark.parametrize(("family", "value"), [
    (sm.families.Gaussian(), 2.5), (BINOMIAL, 1), (BINOMIAL, 0), (POISSON, 0),
    (sm.families.Gamma(sm.families.links.Log()), 1.0)])
def test_constant_response(data, family, value):
    refused("'y' is constant .*nothing to explain", build(data.assign(y=value), "y ~ x + (1 | s)",
                                                         family), DataError)


def test_factor_named_as_a_column(data):
    refused("'x'.*column", build(data, "count ~ 1 + (0 + x | s)", factors={"x": Factor("item")}))


@pytest.mark.parametrize("loadings", [[1, None], [1, None, None, None], []])
def test_loadings_of_the_wrong_length(data, loadings):
    text = refused("'f'", build(data, "count ~ 1 + (0 + f | s)",
                                factors={"f": Factor("item", loadings=loadings)}))
    assert "3" in text and "loading" in text


def test_node_budget(data):
    model = build(data, "count ~ x + (x | s) + (1 | s:g)")()
    refused("64,000 quadrature nodes.*budget of 32,768; lower n_quad for 's'",
            lambda: model.fit(n_quad=40))
    refused("lower n_quad for 's:g', which has 200 points in each of 1 dimension",
            lambda: model.fit(n_quad={"s": 13, "s:g": 200}))
    refused("lower n_quad", lambda: model.loglike(model.start_params, n_quad=40))


def test_unknown_keywords(data):
    model = build(data)()
    refused("nquad", lambda: model.fit(nquad=7), TypeError)
    refused("weights", build(data, weights="x"), TypeError)
    refused("points", lambda: model.loglike(model.start_params, points=7), TypeError)


@pytest.mark.parametrize(("options", "match"), [
    ({"integration": "laplce"}, "integration is one of .*'laplace'.*not 'laplce'"),
    ({"method": "newtn"}, "method is one of 'newton'.*not 'newtn'"),
    ({"n_quad": "all"}, "n_quad is 'auto', an integer or .*not 'all'"),
    ({"n_quad": 0}, "n_quad for 's' is a positive integer, not 0"),
    ({"n_quad": -3}, "positive integer"),
    ({"n_quad": 2.5}, "positive integer, not 2.5"),
    ({"n_quad": True}, "positive integer, not True"),
    ({"n_quad": None}, "n_quad"),
    ({"n_quad": np.nan}, "n_quad"),
    ({"n_quad": [7]}, "n_quad"),
    ({"n_quad": {"school": 7}}, "n_quad names the group 'school'; the groups are 's'"),
    ({"n_quad": {}}, "no points for the group 's'"),
    ({"starts": 0}, "starts is a positive integer, not 0"),
    ({"starts": 1.5}, "starts is a positive integer"),
    ({"starts": "2"}, "starts is a positive integer"),
    ({"threads": 0}, "threads is a positive integer, not 0"),
    ({"threads": "all"}, "threads is a positive integer"),
    ({"cov_type": "HC9"}, "cov_type"),
    ({"maxiter": -1}, "maxiter"),
    ({"maxiter": "many"}, "maxiter"),
    ({"tol": -1.0}, "tol"),
    ({"tol": np.nan}, "tol"),
    ({"quad_tol": 0.0}, "quad_tol"),
    ({"quad_tol": "small"}, "quad_tol"),
    ({"callback": 3}, "callback"),
], ids=str)
def test_options_of_fit(data, options, match):
    model = build(data)()
    refused(match, lambda: model.fit(**options), (ValueError, TypeError))


def test_options_of_the_model(data):
    refused("covariances.* 'school'.*not a group.*: s", build(data, covariances={"school": "diagonal"}))
    refused("unstructured, diagonal, identity, or an array of numbers and None, not .full",
            build(data, covariances={"s": "full"}))
    refused("family must be", build(data, family="poisson"), TypeError)
    refused("missing must be 'drop' or 'raise'", build(data, missing="ignore"))
    refused("Binomial|no link", build(data, family=sm.families.Tweedie()), NotImplementedError)


def test_impossible_responses(data):
    refused("-1 in row 2", build(data.assign(count=data["count"].where(data.index != 2, -1))))
    refused("1.5 in row 2", build(data.assign(count=data["count"].astype(float).where(
        data.index != 2, 1.5))))
    share = data.assign(y=np.linspace(0.1, 0.9, len(data)))
    refused("n_trials", build(share, "y ~ x + (1 | s)", BINOMIAL))
    gamma = sm.families.Gamma(sm.families.links.Log())
    refused("0 in row", build(data.assign(y=np.arange(len(data))), "y ~ x + (1 | s)", gamma))


def test_weights(data):
    varying = data.assign(w=np.arange(len(data)) + 1)
    refused("varies inside the cluster 's.' of the group 's'", build(
        varying, freq_weights={"s": "w"}))
    refused("-1 in row", build(data.assign(w=-1.0), freq_weights="w"))
    refused("zero in every row", build(data.assign(w=0.0), freq_weights="w"))
    refused("'school', which is not a level", build(varying, freq_weights={"school": "w"}))


def test_crossed_groups(data):
    refused("groups 's' and 'item' are crossed|groups 'item' and 's' are crossed",
            build(data, "count ~ x + (1 | s) + (1 | item)"), CrossedGroupsError)


def test_params_of_the_wrong_size(data):
    model = build(data)()
    for call in (model.loglike, model.score, model.score_obs, model.hessian, model.information):
        refused(r"params has shape \(2,\); this model has 3 parameters: Intercept, x, var",
                lambda call=call: call([0.0, 1.0]))
        refused("not positive semi-definite.*= -1", lambda call=call: call([0.0, 1.0, -1.0]))
        for bad in ([0.0, 1.0, np.nan], [np.nan, 1.0, 1.0], [np.inf, 1.0, 1.0]):
            refused("finite|not positive semi-definite", lambda call=call, bad=bad: call(bad))


def test_collinear_columns(data):
    refused("linearly dependent: .*x.*x2 is zero in every row; drop one",
            build(data.assign(x2=2 * data["x"]), "count ~ x + x2 + (1 | s)"))
    refused("'o' is zero in every row", build(data.assign(o=0.0), "count ~ x + o + (1 | s)"))


def test_latent_variable_twice(data):
    refused("stands in two|twice", build(data, "count ~ x + (1 | s) + (x | s)"))


def test_arrays(data):
    y, x = data["count"].to_numpy(), np.ones((len(data), 1))
    n = len(data)
    refused(f"{n - 1}.*{n}|{n}.*{n - 1}", lambda: GLLAMM(y, x[:-1], family=POISSON))
    refused(f"{n - 1}.*{n}|{n}.*{n - 1}", lambda: GLLAMM(y, x, groups=data["s"][:-1]))
    refused("'school'", lambda: GLLAMM(y, x, groups=data["s"], exog_re={"school": x}))
    refused("missing in every row", lambda: GLLAMM(np.full(n, np.nan), x, family=POISSON))
    shifted = data["s"].set_axis(np.arange(n) + 1)
    for other in ({"exog": shifted.to_frame()}, {"groups": shifted}, {"groups": {"s": shifted}}):
        refused(f"indices of endog and {next(iter(other))}",
                lambda other=other: GLLAMM(data["count"], **other, family=POISSON))
