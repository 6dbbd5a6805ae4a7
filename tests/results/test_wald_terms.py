"""Wald tests of the terms of all formulas, against tests of their parameters by name."""

import warnings

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes, families

BINOMIAL = sm.families.Binomial()


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(6)
    n = 400
    g, a = np.repeat(np.arange(50), 8), np.array(list("abc"))[np.arange(n) % 3]
    x, z = rng.normal(size=(2, n))
    w = rng.normal(size=50)[g]
    eta = 0.5 * x + 0.4 * w + 0.6 * rng.normal(size=50)[g]
    split = np.array(["p", "q"])[np.arange(n) % 2]
    frame = pd.DataFrame({"g": g, "x": x, "z": z, "w": w, "a": a, "split": split,
                          "y": eta + rng.normal(size=n) * np.exp(0.2 * x),
                          "c": rng.poisson(np.exp(0.4 * eta)),
                          "o": np.digitize(eta + rng.logistic(size=n), [-1, 0, 1]),
                          "b": (eta + rng.logistic(size=n) > 0) * 1, "k": rng.integers(0, 3, n)})
    return frame.assign(m=np.where(split == "p", frame["y"], frame["o"]))


CASES = [  # formula, keywords, {term: constraints by names}
    ("y ~ x + a + (1 | g)", {"dispersion": "x + a"},
     {"a": "a[T.b] = 0, a[T.c] = 0", "dispersion[x]": "logsd[x] = 0",
      "dispersion[a]": "logsd[a[T.b]] = 0, logsd[a[T.c]] = 0"}),
    ("o ~ x + (1 | g)", {"family": families.Ordinal(), "thresholds": "z"},
     {"x": "x = 0", "thresholds[z]": "cut[z,0|1] = 0, cut[z,1|2] = 0, cut[z,2|3] = 0"}),
    ("o ~ x + (1 | g)", {"family": families.Ordinal(), "dispersion": "z"},
     {"dispersion[z]": "logscale[z] = 0"}),
    ("k ~ x", {"family": families.Nominal()}, {"x": "1[x] = 0, 2[x] = 0"}),
    ("c ~ x", {"family": families.ZeroInflated(sm.families.Poisson(), zero="z")},
     {"x": "x = 0", "zero[z]": "zero[z] = 0"}),
    ("m ~ x + (1 | g)", {"family": {"p": sm.families.Gaussian(), "q": families.Ordinal()},
                         "family_by": "split", "dispersion": {"p": "x"}, "thresholds": {"q": "z"}},
     {"dispersion[p,x]": "logsd[p,x] = 0",
      "thresholds[q,z]": "cut[q,z,0|1] = 0, cut[q,z,1|2] = 0, cut[q,z,2|3] = 0"}),
    ("y ~ x + (1 | g) + (0 + x | g)",
     {"regressions": ["Intercept[g] ~ w + I(w**2)", "x[g] ~ Intercept[g] + Intercept[g]:w"]},
     {"gamma[Intercept[g] on w]": "gamma[Intercept[g] on w] = 0",
      "b[x[g] on Intercept[g]]": "b[x[g] on Intercept[g]] = 0",
      "b[x[g] on Intercept[g]:w]": "b[x[g] on Intercept[g]:w] = 0"}),
    ("b ~ 0 + (0 + x + z | q)", {"family": BINOMIAL,
                                 "classes": {"q": Classes(2, within="g", membership="w")}},
     {"membership[w]": "prob[q=2,w] = 0", "q[x]": "x[q=1] = x[q=2]", "q[z]": "z[q=1] = z[q=2]"}),
    ("b ~ x + z + (x | q)", {"family": BINOMIAL, "classes": {"q": Classes(2, within="g")}},
     {"x": "x = 0", "q[x]": "x[q=2] = 0", "q[Intercept]": "Intercept[q=2] = 0"}),
]


@pytest.mark.parametrize("formula, keywords, terms", CASES)
def test_terms(data, formula, keywords, terms):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = GLLAMM.from_formula(formula, data, **keywords).fit(integration="laplace", rng=0)
    table = result.wald_test_terms().table
    assert not {"dispersion[Intercept]", "membership[Intercept]", "thresholds[Intercept]"} & set(
        table.index)
    for term, text in terms.items():
        names = [side.strip() for one in text.split(", ") for side in one.split(" = ")]
        r = np.zeros((text.count(" = "), len(result.params)))
        for k, (left, right) in enumerate(zip(names[::2], names[1::2])):
            r[k, result.model.param_names.index(left)] = 1
            if right != "0":
                r[k, result.model.param_names.index(right)] = -1
        expected = result.wald_test(r, scalar=True)
        assert_allclose(table.loc[term, "statistic"], expected.statistic)
        assert table.loc[term, "df_constraint"] == len(r)


def test_several_classes_and_combined(data):
    model = GLLAMM.from_formula("b ~ 0 + (0 + x | q)", data, family=BINOMIAL,
                                classes={"q": Classes(3, within="g", membership="w + I(w**2)")})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = model.fit(maxiter=30, starts=2, rng=0)
    table = result.wald_test_terms(combine_terms=["membership"]).table
    assert table.loc["membership[w]", "df_constraint"] <= 2
    assert table.index.tolist() == ["membership[w]", "membership[I(w ** 2)]", "q[x]", "membership"]


def test_no_terms_of_aux_without_formula(data):
    result = GLLAMM(data["y"], data[["x"]], groups=data["g"]).fit()
    assert result.wald_test_terms().table.index.tolist() == ["x"]
