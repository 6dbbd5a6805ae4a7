"""Factor models and regressions of latent variables against lavaan."""
import numpy as np
from numpy.testing import assert_allclose
import pytest

from statsmodels_gllamm import GLLAMM, Factor

SCALES = {
    "hs_cfa": {"visual": "x1 x2 x3", "textual": "x4 x5 x6", "speed": "x7 x8 x9"},
    "poldem": {"ind60": "x1 x2 x3", "dem60": "y1 y2 y3 y4", "dem65": "y5 y6 y7 y8"},
}


def factors(case, data, standardized=False):
    """A factor of every scale; with the first loading one, or a variance of one."""
    out = {}
    for name, items in SCALES[case].items():
        first, *rest = items.split()
        free = {item: None for item in ([first, *rest] if standardized else rest)}
        zero = dict.fromkeys(sorted(set(data["item"]) - {first, *rest}), 0)
        out[name] = Factor("item", loadings={first: 1, **free, **zero}, standardized=standardized)
    return out


def check(result, expected, names):
    """Log-likelihood to 1e-4, estimates to a thousandth of a standard error, errors to 1%."""
    assert result.converged and result.integration == "exact"
    assert_allclose(result.llf, expected["loglik"], atol=1e-6)
    theirs = {(p["lhs"], p["op"], p["rhs"]): p for p in expected["parameters"]}
    for name, key in names.items():
        estimate, se = result.params[name], result.bse[name]
        assert abs(estimate - theirs[key]["est"]) < 1e-3 * se, name
        assert_allclose(se, theirs[key]["se"], rtol=0.01, err_msg=name)


@pytest.mark.parametrize("scale", ["stdlv", "marker"])
def test_three_factors(scale, reference):
    data, expected = reference("hs_cfa")
    result = GLLAMM.from_formula(
        "y ~ 0 + item + (0 + visual + textual + speed | id)", data, dispersion="0 + item",
        factors=factors("hs_cfa", data, scale == "stdlv")).fit()
    names = {f"lambda[{f},{x}]": (f, "=~", x) for f, items in SCALES["hs_cfa"].items()
             for x in items.split()[scale == "marker":]}
    pairs = [("visual", "textual"), ("visual", "speed"), ("textual", "speed")]
    names |= {f"cov[{a}[id],{b}[id]]": (a, "~~", b) for a, b in pairs}
    if scale == "marker":
        names |= {f"var[{f}[id]]": (f, "~~", f) for f in SCALES["hs_cfa"]}
    check(result, expected["fits"][f"threefactor_{scale}"], names)


@pytest.mark.parametrize("scale", ["stdlv", "marker"])
def test_one_factor(scale, reference):
    data, expected = reference("hs_cfa")
    result = GLLAMM.from_formula(
        "y ~ 0 + item + (0 + g | id)", data, dispersion="0 + item",
        factors={"g": Factor("item", standardized=scale == "stdlv")}).fit()
    items = [f"x{k}" for k in range(2, 10)]
    check(result, expected["fits"][f"onefactor_{scale}"],
          {f"lambda[g,{x}]": ("g", "=~", x) for x in items})
    sd = {p["rhs"]: p["est"] for p in expected["fits"][f"onefactor_{scale}"]["parameters"]
          if p["op"] == "~~" and p["lhs"] == p["rhs"]}
    assert_allclose(np.exp(2 * result.params["logsd[item[x4]]"]), sd["x4"], rtol=1e-4)


def test_mediation(reference):
    data, expected = reference("poldem")
    result = GLLAMM.from_formula(
        "y ~ 0 + item + (0 + ind60 | id) + (0 + dem60 | id) + (0 + dem65 | id)", data,
        factors=factors("poldem", data), dispersion="0 + item",
        regressions=["dem60 ~ ind60", "dem65 ~ ind60 + dem60"]).fit()
    names = {f"b[{y}[id] on {x}[id]]": (y, "~", x) for y, x in (
        ("dem60", "ind60"), ("dem65", "ind60"), ("dem65", "dem60"))}
    names |= {f"var[{f}[id]]": (f, "~~", f) for f in SCALES["poldem"]}
    names |= {f"lambda[{f},{x}]": (f, "=~", x) for f, items in SCALES["poldem"].items()
              for x in items.split()[1:]}
    check(result, expected["fits"]["mediation_no_corr_resid"], names)
