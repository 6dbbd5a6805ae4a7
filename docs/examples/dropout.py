"""Dropout that depends on a random intercept and slope: a joint model of responses and dropout."""

# simulate
import numpy as np
import pandas as pd
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor


def simulate(rng, n=500):
    time, treated = np.arange(6), np.arange(n) % 2
    level, trend = rng.multivariate_normal([0, 0], [[4.0, -0.3], [-0.3, 0.5]], size=n).T
    slope = -0.3 - 0.5 * treated + trend
    pain = 10 + level[:, None] + slope[:, None] * time + 2 * rng.normal(size=(n, 6))
    log_hazard = -1.6 - 0.7 * treated + 0.3 * level + 1.2 * trend
    leaves = rng.random((n, 5)) < 1 - np.exp(-np.exp(log_hazard))[:, None]
    last = np.where(leaves.any(axis=1), leaves.argmax(axis=1), 5)

    i, t = np.nonzero(time <= last[:, None])
    seen = pd.DataFrame({"id": i, "time": t, "response": "pain", "y": pain[i, t]})
    i, t = i[t < 5], t[t < 5]
    stays = pd.DataFrame({"id": i, "time": t, "response": "dropout", "y": 1.0 * leaves[i, t]})
    data = pd.concat([seen, stays]).sort_values(["id", "time"], kind="stable", ignore_index=True)
    return data.assign(treated=treated[data["id"]], pain=1 * (data["response"] == "pain"),
                       dropout=1 * (data["response"] == "dropout"))
# end

# data
data = simulate(np.random.default_rng(2))
print(data[data["id"].isin([0, 2])].round(2).to_string(index=False))
table = data.groupby(["response", "treated", "time"]).y.agg(["size", "mean"]).unstack("time")
print(table.loc["pain"].stack(0, future_stack=True).round(2).to_string())
# end

# naive
observed = data[data["pain"] == 1]
naive = GLLAMM.from_formula("y ~ time + time:treated + (time | id)", observed).fit()
print(naive.summary().tables[2])
# end

# model
model = GLLAMM.from_formula(
    "y ~ 0 + pain + pain:time + pain:time:treated + dropout + dropout:treated"
    " + (0 + level + trend | id)",
    data,
    family={"pain": sm.families.Gaussian(),
            "dropout": sm.families.Binomial(sm.families.links.CLogLog())},
    family_by="response",
    factors={"level": Factor("0 + pain + dropout", loadings=[1, None]),
             "trend": Factor("0 + pain:time + dropout", loadings=[1, None])},
)
print(model.describe())
# end

# fit
results = model.fit()
print(results.summary())
# end

# compare
truth = {"pain": 10, "pain:time": -0.3, "pain:time:treated": -0.5}
table = pd.DataFrame({"truth": truth, "joint": results.params, "std err": results.bse}).loc[[*truth]]
table["naive"] = naive.fe_params.to_numpy()
table["its std err"] = naive.bse_fe.to_numpy()
print(table.round(3))
# end

# test
ignorable = GLLAMM.from_formula(
    model.gllamm_formula, data, family=model.family,
    factors={"level": Factor("0 + pain + dropout", loadings=[1, 0]),
             "trend": Factor("0 + pain:time + dropout", loadings=[1, 0])},
).fit()
test = results.lr_test(ignorable)
print(f"likelihood ratio {test.statistic:.1f}, df = {test.df}, p = {test.pvalue:.1g}")
shift = ignorable.fe_params[["pain", "pain:time", "pain:time:treated"]] - naive.fe_params.to_numpy()
print(f"largest difference from the naive estimates {shift.abs().max():.4f}")
# end

# hazard
one_sd = np.sqrt(np.diag(results.cov_re["id"]))
for name, sd in zip(["level", "trend"], one_sd):
    print(f"hazard ratio of one standard deviation of {name}: "
          f"{np.exp(sd * results.params[f'lambda[{name},dropout]']):.2f}")
print(f"hazard ratio of treatment: {np.exp(results.params['dropout:treated']):.2f}")
# end

# current
current = GLLAMM.from_formula(
    "y ~ 0 + pain + pain:time + pain:time:treated + dropout + dropout:treated"
    " + (0 + state + state:time | id)",
    data, family=model.family,
    factors={"state": Factor("response", loadings={"pain": 1, "dropout": None})},
).fit()
print(current.loadings)
print(f"AIC: level and slope {results.aic:.1f}, current state {current.aic:.1f}")
# end

# frailty
frailty = GLLAMM.from_formula(
    "y ~ 0 + pain + pain:time + pain:time:treated + dropout + dropout:treated"
    " + (0 + pain + pain:time | id) + (0 + dropout | id)",
    data, family=model.family, regressions="dropout[id] ~ pain[id] + pain:time[id]",
).fit()
print(frailty.params.filter(regex="^b|^var").round(4))
print(f"log-likelihood {frailty.llf:.3f}, with loadings {results.llf:.3f}")
# end

# latent
people = results.latent()[["level", "trend"]].add_suffix(", joint")
people["trend, naive"] = naive.latent()["time"]
people["occasions"] = observed.groupby("id").size()
print(people.groupby("occasions").mean().round(2))
# end

# picture
import matplotlib.pyplot as plt

figure, axes = plt.subplots(1, 2, figsize=(8, 3), sharey=True, layout="constrained")
times = np.arange(6)
for treated, axis in enumerate(axes):
    mean = observed[observed["treated"] == treated].groupby("time").y.mean()
    axis.plot(times, mean, "o", color="0.4", label="mean of those still there")
    axis.plot(times, 10 - (0.3 + 0.5 * treated) * times, ":", color="0.4", label="truth")
    axis.plot(times, naive.predict(pd.DataFrame({"time": times, "treated": treated})),
              color="C0", label="naive")
    rows = {"time": times, "treated": treated, "pain": 1, "dropout": 0, "response": "pain"}
    axis.plot(times, results.predict(pd.DataFrame(rows)), color="C1", label="joint model")
    axis.set(title="treated" if treated else "not treated", xlabel="time")
axes[0].set(ylabel="pain")
axes[0].legend(frameon=False, loc="lower left")
# end
