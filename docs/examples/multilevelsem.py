"""A structural equation model of pupils in schools, with regressions within and across levels."""

# simulate
import numpy as np
import pandas as pd
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor

SCORES, ANSWERS = ["s1", "s2", "s3"], ["a1", "a2", "a3", "a4"]


def simulate(rng, schools=80, pupils=8):
    n, school = schools * pupils, np.repeat(np.arange(schools), pupils)
    private, ses = np.arange(schools) % 3 == 0, rng.normal(size=n)
    climate = 0.6 * private + 0.6 * rng.normal(size=schools)
    own = 0.3 * ses + 0.9 * rng.normal(size=n)
    ability = 0.5 * own + 1.2 * climate[school] + 0.4 * ses + 0.8 * rng.normal(size=n)
    support = own + climate[school]

    scores = [5, 4, 5.5] + support[:, None] * [1, 0.8, 1.2] + rng.normal(size=(n, 3))
    right = [0.8, 0, -0.4, -0.9] + ability[:, None] * [1, 1.3, 0.8, 1.1]
    right = rng.random((n, 4)) < 1 / (1 + np.exp(-right))
    wide = pd.DataFrame({"school": school, "id": np.arange(n), "private": 1.0 * private[school],
                         "ses": ses, **dict(zip(SCORES, scores.T)),
                         **dict(zip(ANSWERS, 1.0 * right.T))})
    data = wide.melt(["school", "id", "private", "ses"], var_name="item", value_name="y")
    data["kind"] = np.where(data["item"].isin(SCORES), "score", "answer")
    return data.sort_values(["id", "item"], ignore_index=True)
# end

# data
data = simulate(np.random.default_rng(1))
print(data.head(7).round(2).to_string(index=False))
# end

# model
model = GLLAMM.from_formula(
    "y ~ 0 + item + (0 + support | school) + (0 + support + ability || id)",
    data,
    family={"score": sm.families.Gaussian(), "answer": sm.families.Binomial()},
    family_by="kind",
    factors={
        "support": Factor("item", loadings=dict.fromkeys(ANSWERS, 0) | {"s1": 1}),
        "ability": Factor("item", loadings=dict.fromkeys(SCORES, 0) | {"a1": 1}),
    },
    regressions=["support[school] ~ private",
                 "support[id] ~ ses",
                 "ability[id] ~ ses + support[id] + support[school]"],
)
print(model.describe())
# end

# fit
results = model.fit()
print(results.summary())
# end

# path
figure = results.plot_path()
# end

# effects
columns = ["estimate", "std_err", "conf_low", "conf_high"]
print(results.effects("ability[id]", "ses")[columns].round(3))
# end

# context
within, between = "b[ability[id] on support[id]]", "b[ability[id] on support[school]]"
print(results.t_test(f"{between} - {within} = 0").summary())
# end

# naive
mean = data[data["kind"] == "score"].groupby(["school", "id"]).y.mean()
of_school = mean.groupby("school").transform("mean")
scored = data[data["kind"] == "answer"].copy()
scored["own"] = scored["id"].map((mean - of_school).droplevel("school"))
scored["of_school"] = scored["id"].map(of_school.droplevel("school"))
naive = GLLAMM.from_formula(
    "y ~ 0 + item + (0 + ability | id)", scored, family=sm.families.Binomial(),
    factors={"ability": "item"}, regressions="ability ~ ses + own + of_school",
).fit()
pairs = {"gamma[ability[id] on ses]": ("ses", 0.4), within: ("own", 0.5),
         between: ("of_school", 1.2)}
print(pd.DataFrame([
    {"": joint, "truth": truth, "joint": results.params[joint], "std err": results.bse[joint],
     "scores": naive.params[f"gamma[ability[id] on {column}]"],
     "its std err": naive.bse[f"gamma[ability[id] on {column}]"]}
    for joint, (column, truth) in pairs.items()]).set_index("").round(3))
# end

# picture
import matplotlib.pyplot as plt

latent = results.random_effects
pupils = latent["id"].join(data.groupby("id").school.first())
pupils["support"] += pupils["school"].map(latent["school"]["support"])
schools = pupils.groupby("school").mean()
figure, axis = plt.subplots(figsize=(6, 4), layout="constrained")
axis.scatter(pupils.support, pupils.ability, s=8, color="0.8", label="pupils")
for _, row in schools.iloc[::6].iterrows():
    x = np.array([-1, 1]) + row.support
    axis.plot(x, row.ability + results.params[within] * (x - row.support), color="C0", lw=1)
axis.plot([], [], color="C0", lw=1, label="within some schools")
axis.scatter(schools.support, schools.ability, s=14, color="C1", label="school means")
x = np.array([schools.support.min(), schools.support.max()])
axis.plot(x, results.params[between] * x, color="C1", label="between schools")
axis.set(xlabel="support", ylabel="ability")
axis.legend(frameon=False)
# end
