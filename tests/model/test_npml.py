"""Mass points with a mean of zero, and their nonparametric maximum likelihood estimate."""
import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logsumexp
from scipy.stats import binom
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes, datasets, families
from statsmodels_gllamm.estimation.classes import ClassMixture, reordered
from statsmodels_gllamm.estimation.gateaux import GRID_OF_SEVERAL, MANY
from statsmodels_gllamm.estimation.optimize import maximize
from statsmodels_gllamm.exceptions import BoundaryWarning, FormulaError
from statsmodels_gllamm.results.npml import derivative_of

BINOMIAL = sm.families.Binomial()


@pytest.fixture(scope="module")
def blocker(reference):
    data, expected = reference("seed_betablocker")
    return data.assign(Alive=data["Total"] - data["Deaths"]), expected["fits"]


@pytest.fixture(scope="module")
def small():
    rng = np.random.default_rng(5)
    unit = np.repeat(np.arange(50), 5)
    x = rng.normal(size=250)
    b = np.where(rng.random(50) < 0.4, -1.0, 1.0)
    nu = b[unit] + 0.5 * b[unit] * x
    return pd.DataFrame({"id": unit, "x": x, "y": 2.0 + nu + 0.6 * rng.normal(size=250),
                         "n": rng.poisson(np.exp(0.5 * nu)),
                         "o": np.digitize(nu + rng.logistic(size=250), [-1, 1])})


def masses(data, formula, n, family=None, within="id", **more):
    return GLLAMM.from_formula(formula, data, family=family,
                               classes={"c": Classes(n, within=within, **more)})


def trials(data, n, **more):
    return masses(data, "Deaths + Alive ~ Treatment + (1 | c)", n, BINOMIAL, "Center", **more)


def test_three_masses_are_those_of_flexmix(blocker):
    data, fits = blocker
    fit = fits["npml3_flexmix"]
    res = trials(data, 3, centered=True).fit(rng=0, starts=4)
    assert_allclose(res.llf, fit["loglik"], atol=1e-6)
    assert res.df_modelwc == fit["n_params"]
    effect, level = ([row[f"Comp.{c}"] for c in (1, 2, 3)] for row in fit["parameters"])
    assert_allclose(res.params["Treatment[T.Treated]"], effect[0], atol=2e-5)
    centre = res.model.design.centring
    p = res.params.to_numpy()
    found = res.params["Intercept"] + centre.locations(p)[:, 0]
    assert_allclose(np.sort(found), np.sort(level), atol=2e-4)
    assert_allclose(centre.probabilities(p) @ centre.locations(p), 0, atol=1e-14)


def test_centring_is_another_parametrisation(blocker):
    data, _ = blocker
    ours, plain = (trials(data, 3, centered=c).fit(rng=0, starts=2) for c in (True, False))
    assert_allclose(ours.llf, plain.llf, rtol=1e-10)

    def centred(p):
        pi = np.exp(np.array([0, p["prob[c=2]"], p["prob[c=3]"]]))
        d = np.array([0, p["Intercept[c=2]"], p["Intercept[c=3]"]])
        mean = pi @ d / pi.sum()
        return {"Intercept": p["Intercept"] + mean, "Intercept[c=2]": d[1] - mean,
                "Intercept[c=3]": d[2] - mean}

    table = plain.nonlinear(centred)
    assert_allclose(ours.params[table.index], table["estimate"], atol=1e-4)
    assert_allclose(ours.bse[table.index], table["std_err"], rtol=1e-3)
    assert_allclose(ours.predict(), plain.predict(), rtol=1e-4)
    assert "mass points with a mean of zero: Intercept" in ours.model.describe()


@pytest.mark.parametrize(("formula", "family"), [
    ("y ~ x + (x | c)", None), ("o ~ x + (x | c)", families.Ordinal()),
    ("n ~ x + (1 | c)", sm.families.Poisson()), ("o ~ x + (1 | c)", families.Nominal())])
def test_score_in_centred_parameters(small, formula, family):
    model = masses(small, formula, 3, family, centered=True)
    rng = np.random.default_rng(2)
    p = model.start_params + 0.2 * rng.normal(size=len(model.param_names))
    slope = [(model.loglike(p + 1e-5 * e) - model.loglike(p - 1e-5 * e)) / 2e-5
             for e in np.eye(len(p))]
    assert_allclose(model.score(p), slope, atol=1e-5)
    assert_allclose(model.design.to_natural(model.design.to_working(p)), p, atol=1e-12)
    plain = masses(small, formula, 3, family)
    assert_allclose(plain.loglike(model.design.to_working(p)), model.loglike(p), rtol=1e-12)


def derivative_by_hand(res, data, z):
    """D(z) of binomial counts, from the probabilities in every centre."""
    p, table = res.params, res.mass_points.table
    base = p["Intercept"] + p["Treatment[T.Treated]"] * (data["Treatment"] == "Treated")

    def loglik(location):
        rows = binom.logpmf(data["Deaths"], data["Total"], expit(base + location))
        return pd.Series(rows).groupby(data["Center"].to_numpy()).sum().to_numpy()

    masses = zip(table["Intercept", "location"], table["probability", "estimate"])
    marginal = logsumexp([loglik(e) + np.log(a) for e, a in masses], axis=0)
    return np.array([np.expm1(loglik(e) - marginal).sum() for e in z])


@pytest.fixture(scope="module")
def best(blocker):
    return trials(blocker[0], "auto").fit()


def test_masses_are_added_until_none_gains(blocker, best):
    data, fits = blocker
    assert best.llf > fits["ri_agq25"]["loglik"] > fits["npml3_flexmix"]["loglik"]
    assert best.model.structure.classes[0].n == 7
    z = np.linspace(-4, 4, 2001)
    found = derivative_by_hand(best, data, z)
    assert found.max() <= 1e-4
    assert_allclose(best.gateaux(z[::100])["derivative"], found[::100], atol=1e-4)
    assert best.gateaux()["derivative"].max() <= 1e-4
    masses = best.mass_points.table["Intercept", "location"].to_numpy()
    assert_allclose(best.gateaux(masses)["derivative"], 0, atol=1e-4)


def test_mass_points_report_the_distribution(best):
    found, p, centre = best.mass_points, best.params.to_numpy(), best.model.design.centring
    size, own = found.table["probability", "estimate"].to_numpy(), found.table["Intercept"]
    assert_allclose(size.sum(), 1)
    assert_allclose(size @ own["location"], 0, atol=1e-10)
    assert_allclose(found.variance["Intercept"], size @ own["location"]**2)
    assert_allclose(own["level"] - own["location"], best.params["Intercept"])
    assert found.mean["Intercept"] == best.params["Intercept"]
    assert own["location"].is_monotonic_increasing
    assert_allclose(own["std_err"]["c=2"], best.bse["Intercept[c=2]"], rtol=1e-6)
    ahead = [centre.probabilities(p + 1e-6 * e) for e in np.eye(len(p))]
    slope = (np.array(ahead) - centre.probabilities(p)) / 1e-6
    error = np.sqrt(np.diag(slope.T @ best.cov_params().to_numpy() @ slope))
    assert_allclose(found.table["probability", "std_err"].sort_index(), error, rtol=1e-4)
    assert "variance" in str(found)


def test_one_more_mass_changes_nothing(blocker, best):
    model, masses = trials(blocker[0], 8, centered=True), best.mass_points.table
    own = np.append(masses["Intercept", "location"], 0.3)
    size = np.append(0.95 * masses["probability", "estimate"], 0.05)
    params = pd.Series(0.0, model.param_names)
    params["Treatment[T.Treated]"] = best.params["Treatment[T.Treated]"]
    params["Intercept"] = best.params["Intercept"] + size @ own
    for c in range(2, 9):
        params[f"Intercept[c={c}]"] = own[c - 1] - size @ own
        params[f"prob[c={c}]"] = np.log(size[c - 1] / size[0])
    start = model.design.to_working(params.to_numpy())
    end = maximize(model._objective((1,)), start, tol=1e-9, maxiter=300)
    assert model.loglike(params) < best.llf - 0.01
    assert best.llf - 1e-3 < end.point.loglik < best.llf + 1e-4


def test_units_of_the_data_and_order_do_not_matter(small):
    one = masses(small, "y ~ x + (1 | c)", "auto").fit()
    other = small.sample(frac=1, random_state=1).assign(y=lambda d: 100 * d["y"] - 7)
    other = masses(other, "y ~ x + (1 | c)", "auto").fit()
    assert_allclose(other.llf, one.llf - len(small) * np.log(100), atol=1e-4)
    assert_allclose(other.mass_points.variance, 1e4 * one.mass_points.variance, rtol=1e-2)
    assert_allclose(other.params["x"], 100 * one.params["x"], rtol=1e-3)
    assert one.llf > GLLAMM.from_formula("y ~ x + (1 | id)", small).fit().llf


def test_two_columns(small):
    res = masses(small, "y ~ x + (x | c)", 2, centered=True).fit(rng=0, starts=2)
    found = res.mass_points
    size = found.table["probability", "estimate"].to_numpy()
    own = np.column_stack([found.table[name, "location"] for name in ("Intercept", "x")])
    assert_allclose(found.covariance, (own.T * size) @ own)
    assert_allclose(size @ own, 0, atol=1e-8)
    assert_allclose(res.gateaux(own)["derivative"], 0, atol=1e-3)
    assert res.plot_gateaux().axes[0].get_xlabel() == "Intercept, from the mean"


def test_units_own_maxima_of_several_columns(small):
    """Those of Gaussian units are least-squares coefficients."""
    res = masses(small, "y ~ x + (x | c)", 2, centered=True).fit(rng=0, starts=2)
    towards, _ = derivative_of(res)
    lattice = towards.grid()[:GRID_OF_SEVERAL**2]
    found, units = towards.own_peaks(lattice), [rows for _, rows in small.groupby("id")]
    p = res.params[["Intercept", "x"]].to_numpy()
    least = np.array([np.polyfit(u["x"], u["y"], 1)[::-1] - p for u in units])
    low, high = np.transpose(towards.ends)
    assert ((least < low) | (least > high)).any()  # ends are found along the columns
    least = np.clip(least, 2 * low - high, 2 * high - low)
    assert len(found) == min(len(units), MANY)
    order = [int(np.argmin(np.abs(least - z).sum(axis=1))) for z in found]
    assert sorted(order) == list(range(len(units)))
    assert_allclose(found, least[order], atol=1e-5)
    _, sup = towards.supremum()
    assert sup >= max(towards.derivative(z) for z in found) - 1e-9


def test_one_mass_suffices_where_clusters_do_not_differ():
    rng = np.random.default_rng(0)  # all have four events: less variation than by chance
    data = pd.DataFrame({"id": np.repeat(np.arange(50), 6), "x": np.tile(np.arange(6.0), 50),
                         "y": np.concatenate([rng.permutation([0.0, 1, 0, 1, 1, 1])
                                              for _ in range(50)])})
    res = masses(data, "y ~ x + (1 | c)", "auto", BINOMIAL).fit()
    plain = GLLAMM.from_formula("y ~ x", data, family=BINOMIAL).fit()
    assert res.model.structure.classes[0].n == 1
    assert_allclose(res.llf, plain.llf, rtol=1e-9)
    assert_allclose(res.params, plain.params, atol=1e-6)
    assert_allclose(res.mass_points.table["Intercept", "location"], 0)
    assert res.gateaux([0.0])["derivative"][0] == pytest.approx(0, abs=1e-9)


def test_rasch_model_is_conditional_likelihood_and_shares_of_scores():
    """Lindsay, Clogg and Grego (1991): the masses fit the distribution of the sums exactly."""
    data = datasets.lsat.load_pandas().data
    res = masses(data, "y ~ item + (1 | c)", "auto", BINOMIAL).fit()
    wide = data.pivot(index="id", columns="item", values="y").to_numpy()
    total = wide.sum(axis=1).astype(int)
    n = np.bincount(total)

    def conditional(easiness):
        """Log-likelihood of the answers given their sums."""
        symmetric = np.ones(1)
        for e in easiness:
            symmetric = np.convolve(symmetric, [1, np.exp(e)])
        return (wide @ easiness).sum() - n @ np.log(symmetric)

    end = minimize(lambda e: -conditional(np.append(0, e)), np.zeros(4), method="BFGS")
    assert_allclose(res.llf, -end.fun + n @ np.log(n / n.sum()), atol=1e-3)
    assert_allclose(res.params[[f"item[T.Q{i}]" for i in range(2, 6)]], end.x, atol=2e-3)
    assert res.model.structure.classes[0].n == 3
    normal = GLLAMM.from_formula("y ~ item + (1 | id)", data, family=BINOMIAL).fit()
    assert res.llf > normal.llf


def test_frequency_weights_are_repeated_clusters(blocker):
    data, _ = blocker
    twice = pd.concat([data, data.assign(Center=data["Center"] + 100)])
    weighted = GLLAMM.from_formula(
        "Deaths + Alive ~ Treatment + (1 | c)", data.assign(w=2.0), family=BINOMIAL,
        freq_weights={"Center": "w"}, classes={"c": Classes(2, within="Center", centered=True)})
    res = weighted.fit(rng=0, starts=2)
    double = trials(twice, 2, centered=True).fit(start_params=res.params)
    assert_allclose(double.llf, res.llf, rtol=1e-10)
    z = [-0.5, 0.0, 0.7]
    assert_allclose(res.gateaux(z), double.gateaux(z), rtol=1e-4, atol=1e-3)


def test_derivative_of_a_normal_model(blocker):
    data, _ = blocker
    res = GLLAMM.from_formula("Deaths + Alive ~ Treatment + (1 | Center)", data,
                              family=BINOMIAL).fit(n_quad=25)
    p, z = res.params, np.array([-0.7, 0.1, 0.75, 1.5])
    base = p["Intercept"] + p["Treatment[T.Treated]"] * (data["Treatment"] == "Treated").to_numpy()

    def loglik(b):
        rows = binom.logpmf(data["Deaths"].to_numpy()[:, None], data["Total"].to_numpy()[:, None],
                            expit(base[:, None] + b))
        return pd.DataFrame(rows).groupby(data["Center"].to_numpy()).sum().to_numpy()

    sd = np.sqrt(p["var[Intercept[Center]]"])
    b = sd * np.linspace(-8, 8, 4001)
    weight = np.log(b[1] - b[0]) - 0.5 * (b / sd)**2 - np.log(sd * np.sqrt(2 * np.pi))
    ratio = np.exp(loglik(z) - logsumexp(loglik(b) + weight, axis=1)[:, None]) - 1
    table = res.gateaux(z)
    assert_allclose(table["derivative"], ratio.sum(axis=0), rtol=1e-5, atol=1e-6)
    scores = res.model.score_obs(p, n_quad=25)
    rest = ratio - scores @ np.linalg.lstsq(scores, ratio, rcond=None)[0]
    assert_allclose(table["std_err"], np.sqrt((rest**2).sum(axis=0)), rtol=1e-4)
    assert len(res.plot_gateaux().axes) == 1


@pytest.mark.filterwarnings("ignore:at the boundary")
def test_mass_at_infinity():
    data = datasets.toenail.load_pandas().data
    model = masses(data, "y ~ treatment * time + (1 | c)", "auto", BINOMIAL, "patientID")
    with pytest.warns(BoundaryWarning, match="a mass point has gone to infinity"):
        res = model.fit()
    assert res.llf > -625.39
    level = res.mass_points.table["Intercept", "level"]
    assert np.isneginf(level.iloc[0]) and np.isfinite(level.iloc[1:]).all()
    mixture = ClassMixture(res.model.design, res.model.structure.classes)
    apart = masses(data, "y ~ treatment * time + (1 | c)", 4, BINOMIAL, "patientID")
    moved = reordered(mixture, res.record.working, np.array([1, 2, 3, 0]))
    apart = apart.fit(start_params=moved)
    own = res.mass_points.table["Intercept"].loc["c=2"]
    assert_allclose(own["level"], apart.params["Intercept"], rtol=1e-4)
    assert_allclose(own["std_err"], apart.bse["Intercept"], rtol=1e-3)
    assert_allclose(res.bse["time"], apart.bse["time"], rtol=1e-3)
    assert np.isnan(res.bse["Intercept"]) and np.isfinite(res.bse["time"])
    assert res.gateaux()["derivative"].max() <= 1e-4


def test_mistakes(small):
    with pytest.raises(ValueError, match="membership has no covariates"):
        Classes(2, within="id", centered=True, membership="x")
    with pytest.raises(ValueError, match="known= goes with"):
        Classes("auto", within="id", known="k")
    with pytest.raises(TypeError, match="centered"):
        Classes(2, within="id", centered=1)
    with pytest.raises(FormulaError, match="no 'x'; write it into the fixed part"):
        masses(small, "y ~ 1 + (x | c)", 2, centered=True)
    with pytest.raises(NotImplementedError, match="centered=False"):
        masses(small, "y ~ x + (x | c)", 2, centered=True).fit_constrained("x[c=2] = 0")
    auto = masses(small, "y ~ x + (1 | c)", "auto")
    with pytest.raises(NotImplementedError, match='Classes."auto".'):
        auto.fit_constrained("x = 0")
    with pytest.raises(ValueError, match="no starting points"):
        auto.fit(starts=3)
    plain = masses(small, "y ~ x + (1 | c)", 2).fit(starts=2, rng=0)
    with pytest.raises(ValueError, match="centered=True"):
        str(plain.mass_points)
    with pytest.raises(ValueError, match="1 column"):
        plain.gateaux(np.full(2, np.nan))
    apart = masses(small, "y ~ 0 + x + (1 | c)", 2).fit(starts=2, rng=0)
    with pytest.raises(ValueError, match="write the columns"):
        apart.gateaux()
    with pytest.raises(NotImplementedError, match="one normal latent variable"):
        GLLAMM.from_formula("y ~ x + (x | id)", small).fit().gateaux()
