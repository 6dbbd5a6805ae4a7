"""What may be given as a family, and scales whose constant is not identified."""
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, families
from statsmodels_gllamm.exceptions import FormulaError
from statsmodels_gllamm.families.base import Family
from statsmodels_gllamm.families.registry import as_family

BINOMIAL, POISSON = sm.families.Binomial, sm.families.Poisson


@pytest.mark.parametrize("given", [
    families.NegativeBinomial, families.GeneralizedPoisson, families.LogNormal, families.Weibull,
    families.Ordinal, families.Nominal, families.IRT3PL, families.IRT4PL, families.Beta,
    families.StudentT, BINOMIAL])
def test_called_without_arguments(given):
    assert as_family(given).name == as_family(given()).name


@pytest.mark.parametrize(("given", "message"), [
    (families.Choice, r"Choice needs arguments: call it, Choice\(set=...\)\."),
    (families.Composite, r"call it, Composite\(family=..., cluster=...\)"),
    (families.Custom, r"call it, Custom\(logpdf=...\)"),
    (families.ZeroInflated, r"call it, ZeroInflated\(family=...\)"),
    (families.Truncated, r"call it, Truncated\(family=...\)"),
    (np.exp, "family must be a statsmodels family"),
    (lambda y, nu: y * nu, "family must be a statsmodels family"),
    (int, "family must be a statsmodels family"),
])
def test_not_called(given, message):
    with pytest.raises(TypeError, match=message):
        as_family(given)


def test_inside_other_families():
    assert families.ZeroInflated(families.NegativeBinomial).name == families.ZeroInflated(
        families.NegativeBinomial()).name
    assert families.Truncated(families.NegativeBinomial).name == families.Truncated(
        families.NegativeBinomial()).name
    assert families.Censored(families.LogNormal, lower=0).name == "Censored(LogNormal)"
    assert families.Composite(POISSON, cluster="c").name == "Composite(Poisson(log))"
    mixed = as_family({"a": families.NegativeBinomial, "b": BINOMIAL}, by="item")
    assert [f.name for _, f in mixed.members] == [as_family(families.NegativeBinomial()).name,
                                                 "Binomial(logit)"]


def test_classes_of_the_user():
    class Mine(Family):
        name = "mine"

        def outcomes(self, data):
            raise NotImplementedError

    class More(Mine):
        def __init__(self, a, b=2, **rest):
            self.a = a

    assert isinstance(as_family(Mine), Mine)
    with pytest.raises(TypeError, match=r"More needs arguments: call it, More\(a=...\)"):
        as_family(More)


def test_a_model_of_a_function(rng):
    data = pd.DataFrame({"y": rng.poisson(2, 40), "x": rng.normal(size=40)})
    model = GLLAMM.from_formula("y ~ x", data, family=families.NegativeBinomial)
    assert model.param_names == ["Intercept", "x", "logsize[Intercept]"]


@pytest.mark.parametrize(("left", "family"), [
    ("one", BINOMIAL()), ("one", families.Ordinal()), ("one", families.Nominal()),
    ("chosen", families.Choice(set="set")), ("rank", families.Ranking(set="set"))])
@pytest.mark.parametrize("formula", ["1", "~ 1"])
def test_a_scale_needs_a_column(left, family, formula):
    n = 12
    data = pd.DataFrame({
        "set": np.arange(n) // 2, "one": np.tile([0, 1, 1], 4), "chosen": np.arange(n) % 2,
        "rank": np.arange(n) % 2 + 1, "x": np.linspace(-1, 1, n), "group": np.arange(n) // 6})
    with pytest.raises(FormulaError) as caught:
        GLLAMM.from_formula(f"{left} ~ x", data, family=family, dispersion=formula)
    assert str(caught.value) == (
        f"The dispersion of {as_family(family).name} has nothing but the constant, which is not "
        "identified: name a column that the scale depends on, or leave it out.")
    model = GLLAMM.from_formula(f"{left} ~ x", data, family=family, dispersion="group")
    assert model.param_names[-1] == "logscale[group]"
