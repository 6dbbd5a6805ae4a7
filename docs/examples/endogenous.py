"""A treatment that is not given at random: a treatment and an outcome equation in one model."""

# simulate
import numpy as np
import pandas as pd
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor


def simulate(rng, n=3000):
    age, checkup = rng.normal(size=n), rng.integers(2, size=n)
    habit = 0.9 * rng.normal(size=n)
    propensity = -0.8 + 0.2 * age + 1.0 * checkup + 0.8 * habit + rng.normal(size=n)
    advice = 1 * (propensity > 0)
    drinks = rng.poisson(np.exp(1.2 + 0.1 * age - 0.5 * advice + habit))
    people = pd.DataFrame({"id": np.arange(n), "age": age, "checkup": checkup, "advice": advice})
    rows = [people.assign(equation="advised", y=advice, advised=1, drinks=0),
            people.assign(equation="drinks", y=drinks, advised=0, drinks=1)]
    return pd.concat(rows).sort_values(["id", "equation"], ignore_index=True)
# end

# data
data = simulate(np.random.default_rng(1))
print(data.head(6).round(2).to_string(index=False))
drinkers = data[data["drinks"] == 1]
print(drinkers.groupby("advice").y.agg(["size", "mean", "var"]).round(2))
# end

# naive
poisson = sm.Poisson.from_formula("y ~ age + advice", drinkers).fit(disp=False)
overdispersed = GLLAMM.from_formula(
    "y ~ age + advice + (1 | id)", drinkers, family=sm.families.Poisson()
).fit()
print(pd.DataFrame({"Poisson": poisson.params, "Poisson, random intercept": overdispersed.params,
                    "its std err": overdispersed.bse}).round(3))
# end

# model
habit = Factor("equation", loadings={"drinks": 1, "advised": None})
model = GLLAMM.from_formula(
    "y ~ 0 + advised + advised:(age + checkup) + drinks + drinks:(age + advice)"
    " + (0 + habit | id)",
    data,
    family={"advised": sm.families.Binomial(sm.families.links.Probit()),
            "drinks": sm.families.Poisson()},
    family_by="equation",
    factors={"habit": habit},
)
print(model.describe())
# end

# fit
results = model.fit()
print(results.summary())
# end

# correlation
loading = results.params["lambda[habit,advised]"]
variance = results.params["var[habit[id]]"]
shared = loading**2 * variance
print(f"correlation of the unobserved parts {np.sqrt(shared / (1 + shared)):.2f}, "
      f"truth {0.72 / np.sqrt(1 + 0.8**2 * 0.9**2):.2f}")
for name in ["advised", "advised:age", "advised:checkup"]:
    print(f"{name:16} {results.params[name] / np.sqrt(1 + shared):6.3f} over all persons")
# end

# effect
def ratio(fit, name):
    return np.exp([fit.params[name], *fit.conf_int().loc[name]])


effects = pd.DataFrame(
    {"Poisson": ratio(poisson, "advice"),
     "random intercept": ratio(overdispersed, "advice"),
     "joint model": ratio(results, "drinks:advice")},
    index=["rate ratio", "lower", "upper"]).T
print(effects.round(2))
print(f"truth {np.exp(-0.5):.2f}")
# end

# test
apart = GLLAMM.from_formula(
    model.gllamm_formula, data, family=model.family,
    factors={"habit": Factor("equation", loadings={"drinks": 1, "advised": 0})},
).fit()
test = results.lr_test(apart)
print(f"likelihood ratio {test.statistic:.1f}, df = {test.df}, p = {test.pvalue:.1g}")
print(f"effect of advice without the loading {apart.params['drinks:advice']:.3f}")
# end

# average
rows = drinkers.copy()
for advice in (0, 1):
    print(f"drinks if everybody had advice = {advice}: "
          f"{results.predict(rows.assign(advice=advice)).mean():.2f}")
rows["habit"] = results.latent()["habit"].to_numpy()
print(rows.groupby("advice").habit.mean().round(2))
# end

# picture
import matplotlib.pyplot as plt

figure, (left, right) = plt.subplots(1, 2, figsize=(8, 2.8), layout="constrained")
for k, row in enumerate(effects.to_numpy()):
    left.plot(row[1:], [-k, -k], color=f"C{k}")
    left.plot(row[0], -k, "o", color=f"C{k}")
left.axvline(np.exp(-0.5), color="0.5", linestyle=":")
left.axvline(1, color="0.8")
left.set(yticks=[0, -1, -2], yticklabels=effects.index, ylim=(-2.5, 0.5), xlim=(0.4, 1.7),
         xlabel="rate ratio of advice (dotted: truth)")
for advice, label in [(0, "no advice"), (1, "advice")]:
    right.hist(rows.habit[rows.advice == advice], bins=30, density=True, histtype="step",
               label=label)
right.set(xlabel="posterior mean of habit", yticks=[])
right.legend(frameon=False)
# end

# instrument
without = GLLAMM.from_formula(
    "y ~ 0 + advised + advised:age + drinks + drinks:(age + advice) + (0 + habit | id)",
    data, family=model.family, factors={"habit": habit},
)
start = results.params.drop("advised:checkup")
for sign in (1, -1):
    start["lambda[habit,advised]"] = sign * abs(start["lambda[habit,advised]"])
    fit = without.fit(start_params=start)
    print(f"log-likelihood {fit.llf:.2f}, loading {fit.params['lambda[habit,advised]']:5.2f}, "
          f"effect {fit.params['drinks:advice']:5.2f}, std err {fit.bse['drinks:advice']:.2f}")
# end
