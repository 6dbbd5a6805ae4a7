"""The effect of a treatment on those who take it when it is offered: two trials with never-takers."""

# data
import numpy as np
import pandas as pd
from scipy.special import expit
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes

trial = pd.DataFrame({"offered": [0, 0, 1, 1, 1, 1], "took": [0, 0, 0, 0, 1, 1],
                      "died": [1, 0, 1, 0, 1, 0], "children": [74, 11514, 34, 2385, 12, 9663]})
kinds = np.array(["never-taker", "complier"])
trial["kind"] = pd.Series(kinds[trial["took"]]).where(trial["offered"] == 1)
print(trial)
# end

# fit
model = GLLAMM.from_formula(
    "died ~ 0 + (offered | c)", trial, family=sm.families.Binomial(), freq_weights="children",
    classes={"c": Classes(2, known="kind", labels=["never-taker", "complier"])})
print(model.describe())
result = model.fit_constrained("offered[c=never-taker] = 0", rng=0)
print(pd.DataFrame({"estimate": result.params, "std err": result.bse}).round(3))
# end

# effect
print(1000 * result.predict(pd.DataFrame({"offered": [0, 1]}), which="class").round(5))


def difference(p):
    control = p["Intercept[c=complier]"]
    return {"deaths per 1,000": 1000 * (expit(control + p["offered[c=complier]"]) - expit(control))}


print(result.nonlinear(difference).round(3))
# end

# naive
def rate(rows):
    return 1000 * rows.loc[rows["died"] == 1, "children"].sum() / rows["children"].sum()


offered, control = (trial[trial["offered"] == k] for k in (1, 0))
print(f"as offered: {rate(offered) - rate(control):.2f}")
print(f"as taken: {rate(offered.query('took == 1')) - rate(trial.query('took == 0')):.2f}")
# end

# jobs
rng = np.random.default_rng(5)
n, waves = 502, 3
person, wave = np.repeat(np.arange(n), waves), np.tile(np.arange(waves), n)
job = pd.DataFrame({"seminar": (rng.random(n) < 2 / 3) * 1, "age": rng.normal(size=n),
                    "motivation": rng.normal(size=n), "baseline": rng.normal(size=n)})
complies = rng.random(n) < expit(0.2 + 0.7 * job["age"] + 0.8 * job["motivation"])
mean = np.where(complies, 0.1 - 0.35 * job["seminar"], -0.1) + 0.4 * job["baseline"]
depression = (mean + rng.normal(scale=0.5, size=n)).to_numpy()[person]
depression += rng.normal(scale=0.5, size=n * waves)
job["came"] = pd.Series(kinds[complies * 1]).where(job["seminar"] == 1)
long = job.loc[person].reset_index(drop=True).assign(id=person, wave=wave, depression=depression)
print(long.head(4).round(2))
# end

# cace
seminar = GLLAMM.from_formula(
    "depression ~ baseline + wave + (seminar | c) + (1 | id)", long, classes={
        "c": Classes(2, within="id", membership="age + motivation", known="came",
                     labels=["never-taker", "complier"])},
    constraints="seminar[c=never-taker] = 0")
cace = seminar.fit(rng=0)
print(cace.summary())
# end

# compare
plain = GLLAMM.from_formula("depression ~ baseline + wave + seminar + (1 | id)", long).fit()
print(f"offered against not: {plain.params['seminar']:.2f} ({plain.bse['seminar']:.2f})")
print(f"among compliers: {cace.params['seminar[c=complier]']:.2f} "
      f"({cace.bse['seminar[c=complier]']:.2f}); drawn with -0.35")
# end

# who
chance = cace.class_probabilities()["c=complier"]
control = job["seminar"] == 0
print(chance[control].groupby(complies[control]).describe().round(2)[["count", "mean", "25%", "75%"]])
# end

# exclusion
free = GLLAMM.from_formula(
    "depression ~ baseline + wave + (seminar | c) + (1 | id)", long, classes={
        "c": Classes(2, within="id", membership="age + motivation", known="came",
                     labels=["never-taker", "complier"])}).fit(rng=0)
print(free.lr_test(cace))
# end
