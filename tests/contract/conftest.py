"""Small models of every structure, fitted once under each formula engine."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula

from statsmodels_gllamm import GLLAMM, Factor, families

ENGINES = ("patsy", "formulaic")


@cache
def make_data():
    """Three items of 60 persons in 12 schools, two measurements of each item."""
    rng = np.random.default_rng(7)
    n_school, n_pupil, n_item = 12, 5, 6
    school = np.repeat(np.arange(n_school), n_pupil * n_item)
    pupil = np.tile(np.repeat(np.arange(n_pupil), n_item), n_school)
    person = school * n_pupil + pupil
    n = len(school)
    kind = np.tile(["b", "c", "a", "b", "c", "a"], n // 6)
    x = rng.normal(size=n)
    z = rng.normal(size=n)
    u, v = rng.normal(size=(2, n_school * n_pupil))
    s = rng.normal(size=n_school) * 1.2
    ability = (u[person] + s[school]) * np.select([kind == "b", kind == "c"], [0.7, 1.3], 1.0)
    nu = 0.3 + 0.5 * x + 0.4 * (kind == "b") + ability
    y = (rng.random(n) < 1 / (1 + np.exp(-nu))).astype(int)
    noise = rng.logistic(size=n)
    count = rng.poisson(np.exp(0.4 + 0.3 * x + 0.5 * u[person]))
    zero = rng.random(n) < 1 / (1 + np.exp(0.5 - s[school]))
    form = np.where(np.arange(n) % 2, "mark", "pass")
    return pd.DataFrame({
        "y": y, "form": form, "both": np.where(form == "pass", y, nu + noise / 2),
        "grade": np.digitize(nu + noise, [-1.0, 0.5, 2.0]) + 1,
        "count": count, "rare": np.where(zero, 0, count),
        "amount": 1 + x + (0.6 + 0.5 * z) * u[person] + 0.7 * v[person] * z + rng.normal(size=n),
        "x": x, "z": z, "kind": kind, "pupil": pupil,
        "school": np.array([f"s{k:02d}" for k in range(n_school)])[school],
        "w": 1.0 + person % 3,
    }, index=[f"r{i}" for i in range(n)])


BINOMIAL = sm.families.Binomial()
MODELS = {
    "slopes": ("amount ~ x + kind + (1 + z | school:pupil)", {}, {}),
    "logit": ("y ~ x * C(kind) + (1 | school/pupil)", {"family": BINOMIAL}, {"n_quad": 5}),
    "factor": ("y ~ x + kind + (0 + ability | school/pupil)",
               {"family": BINOMIAL, "factors": {"ability": Factor("kind")}},
               {"integration": "laplace"}),
    "negbin": ("count ~ x + (1 | school:pupil)",
               {"family": families.NegativeBinomial(), "freq_weights": {"school:pupil": "w"}},
               {"n_quad": 5}),
    "ordinal": ("grade ~ x + kind + (1 | school:pupil)", {"family": families.Ordinal()}, {"n_quad": 5}),
    "zip": ("rare ~ x + (1 | school:pupil)",
            {"family": families.ZeroInflated(sm.families.Poisson(), "1 + kind + (1 | school)")},
            {"integration": "laplace"}),
    "mixed": ("both ~ x + (1 | school:pupil)",
              {"family": {"pass": BINOMIAL, "mark": sm.families.Gaussian()}, "family_by": "form"},
              {"n_quad": 5}),
    "plain": ("count ~ x + kind", {"family": sm.families.Poisson()}, {}),
}


def build(name, data=None, **more):
    formula, keywords, _ = MODELS[name]
    return GLLAMM.from_formula(formula, make_data() if data is None else data,
                               **{**keywords, **more})


def fit(name, data=None, **more):
    return build(name, data, **more).fit(threads=1, **MODELS[name][2])


@cache
def _fitted(name, engine):
    assert statsmodels.formula.options.formula_engine == engine
    return fit(name)


@pytest.fixture
def data():
    return make_data().copy()


@pytest.fixture(params=ENGINES)
def engine(request, monkeypatch):
    """Each formula engine of statsmodels in turn."""
    monkeypatch.setattr(statsmodels.formula.options, "formula_engine", request.param)
    return request.param


@pytest.fixture
def fitted(engine):
    """Results of a model by name; not to be changed."""
    return lambda name: _fitted(name, engine)


@pytest.fixture(params=list(MODELS))
def results(request, fitted):
    """Results of every model under each engine; not to be changed."""
    return fitted(request.param)
