"""galamm's factor models: one at two levels, and what its fits of mixed responses are."""
import numpy as np
from numpy.testing import assert_allclose
import pytest

from statsmodels_gllamm import GLLAMM, Factor
from tests.reference.test_fits import fit
from tests.reference.test_responses import DIET, DIRECT, HSCED, LEVEL, LOADING, MRESP, in_r


@pytest.fixture(scope="module")
def cognition(reference):
    data, expected = reference("galamm_cognition")
    result = GLLAMM.from_formula("y ~ 0 + item + (0 + loading | id / timepoint)", data,
                                 factors={"loading": Factor("item")}).fit()
    return result, expected["fits"]["gaussian_factor_domain1_nosmooth"]


def test_a_factor_of_persons_and_of_their_occasions(cognition):
    result, expected = cognition
    assert result.converged and result.integration == "exact"
    assert_allclose(result.llf, expected["loglik"], atol=1e-6)
    fixed, loadings = expected["fixed"], expected["loadings"][1:]
    want = [e["estimate"] for e in fixed] + [e["loading"] for e in loadings]
    want += [e["vcov"] for e in expected["varcomp"][:2]]
    want.append(np.log(expected["dispersion"]["phi"]) / 2)
    assert result.params.index.tolist()[5:7] == ["var[loading[id:timepoint]]", "var[loading[id]]"]
    assert (np.abs(result.params - want) < 1e-3 * result.bse).all()
    assert_allclose(result.bse[:5], [*(e["se"] for e in fixed), *(e["SE"] for e in loadings)],
                    rtol=1e-4)


def test_predicted_abilities(cognition):
    result, expected = cognition
    for group, latent in (("id", result.latent("id")), ("timepoint:id",
                                                        result.latent("id:timepoint"))):
        units = expected["ranef"]["values"][group]
        if group == "id":
            mine = latent["loading"].loc[[int(e["group"]) for e in units]]
        else:  # R: timepoint, id
            at = [tuple(int(k) for k in e["group"].split(":"))[::-1] for e in units]
            mine = latent["loading"].loc[at]
        assert_allclose(mine, [e["loading"] for e in units], rtol=0, atol=2e-5)


# folder, fit, formula, options, how far our maximum of Laplace's approximation is above their estimates
MIXED = [("galamm_diet", "direct_galamm_tight", DIRECT, LOADING, 0.0189),
         ("galamm_diet", "indirect_galamm_tight", DIET, LOADING, 0.0194),
         ("galamm_mresp", "galamm_tight", MRESP, LEVEL, 4.4357)]


@pytest.mark.parametrize(("folder", "name", "formula", "options", "gain"), MIXED,
                         ids=[case[1] for case in MIXED])
def test_mixed_fits_are_at_no_maximum(folder, name, formula, options, gain, reference):
    """Where galamm ends, Laplace's approximation is neither what it prints nor at its maximum."""
    data, expected = reference(folder)
    peer = expected["fits"][name]
    model = GLLAMM.from_formula(formula, data, **options)
    fixed = {":".join(sorted(e["name"].split(":"))): e["estimate"] for e in peer["fixed"]}
    *coefs, loading, variance, logsd = model.param_names
    theirs = [*(fixed[in_r(n)] for n in coefs), list(peer["loadings"][-1].values())[1],
              peer["varcomp"][0]["vcov"], np.log(peer["dispersion"]["phi"][0]) / 2]
    assert (loading[:6], variance[:3], logsd) == ("lambda", "var", "logsd[gaussian]")
    there = model.loglike(theirs, integration="laplace")
    best = model.fit(integration="laplace").llf
    assert_allclose(best - there, gain, atol=1e-4)
    assert peer["loglik"] > best + 0.1 > there + 0.1


def test_mixed_fit_without_variance(reference):
    """galamm's variance is zero there: what it prints is the likelihood, 138 below the maximum."""
    data, expected = reference("galamm_mresp_hsced")
    peer = expected["fits"]["galamm_tight"]
    model = GLLAMM.from_formula("y ~ x + (1 | id)", data, **HSCED)
    phi, (weight,) = peer["dispersion"]["phi"][0], [
        e["estimate"] for e in peer["raw_parameters"] if e["name"] == "weights1"]
    sds = np.log([phi, phi / weight]) / 2
    params = [*(e["estimate"] for e in peer["fixed"]), 0.0, *sds]
    assert_allclose(model.loglike(params, n_quad=5), peer["loglik"], atol=1e-4)
    assert model.fit().llf > peer["loglik"] + 138


def test_effects_on_fibre_as_a_regression(reference):
    """The direct model with age and occupation as causes of the factor: total less indirect effects."""
    data, expected = reference("galamm_diet")
    expected = expected["fits"]["direct_indep_agq"]
    formula = "y ~ 0 + fiber + fiber2 + chd + chd:age + chd:bus + chd:age:bus + (0 + loading | id)"
    result = fit(GLLAMM.from_formula(formula, data, **LOADING, regressions="loading ~ age * bus"), 31)
    assert_allclose(result.llf, expected["loglik"], rtol=1e-9)
    total = {":".join(sorted(e["name"].split(":"))): e["estimate"] for e in expected["fixed"]}
    loading = result.params["lambda[loading,chd]"]
    assert_allclose(loading, expected["loadings"][0]["estimate"], rtol=1e-4)
    for x in ("age", "bus", "age:bus"):
        gamma = result.params[f"gamma[loading[id] on {x}]"]
        parts = {y: ":".join(sorted(f"{y}:{x}".split(":"))) for y in ("chd", "fiber")}
        assert_allclose(gamma, total[parts["fiber"]], rtol=1e-3)
        assert_allclose(result.params[f"chd:{x}"] + loading * gamma, total[parts["chd"]], atol=1e-4)
