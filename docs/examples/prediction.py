"""The kinds of prediction: of whom, given what, and with which error."""

# data
import pandas as pd
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, datasets

toenail = datasets.toenail.load_pandas().data
results = GLLAMM.from_formula(
    "y ~ treatment * time + (1 | patientID)", toenail, family=sm.families.Binomial()
).fit()
# end

# marginal
grid = pd.DataFrame({"treatment": "terbinafine", "time": [0.0, 3.0, 6.0, 12.0]})
print(results.get_prediction(grid).summary_frame().round(3))
# end

# conditional
print(results.get_prediction(grid, which="conditional").summary_frame().round(3))
# end

# curves
import matplotlib.pyplot as plt
import numpy as np

times = np.linspace(0, 18, 60)
fig, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
kinds = {"mean": "Marginal: share of patients", "conditional": "Conditional: the median patient"}
for ax, (which, title) in zip(axes, kinds.items()):
    for treatment, color in [("itraconazole", "C0"), ("terbinafine", "C1")]:
        new = pd.DataFrame({"treatment": treatment, "time": times})
        frame = results.get_prediction(new, which=which).summary_frame()
        ax.plot(times, frame["mean"], color=color, label=treatment)
        ax.fill_between(times, frame["mean_ci_lower"], frame["mean_ci_upper"], color=color,
                        alpha=0.2, linewidth=0)
    ax.set(title=title, xlabel="months", ylim=(0, 0.5))
axes[0].set_ylabel("probability of moderate or severe")
axes[0].legend(frameon=False)
# end

# average
average = results.get_prediction(average=toenail["treatment"])
print(average.summary_frame().round(4))
difference = np.array([-1, 1])
print("difference", (difference @ average.predicted).round(4),
      "with standard error", np.sqrt(difference @ average.cov() @ difference).round(4))
# end

# posterior
patient = toenail[toenail.patientID == 12]
prediction = results.get_prediction(patient, which="posterior")
table = prediction.summary_frame().round(3)
table["posterior_sd"] = prediction.posterior_sd.round(3)
table["prediction_error"] = prediction.prediction_error.round(3)
table.insert(0, "y", patient["y"])
print(table.drop(columns=["mean_ci_lower", "mean_ci_upper"]))
# end

# new
new = pd.DataFrame({
    "patientID": "Ms A", "treatment": "terbinafine", "time": [0, 1, 2, 6, 12],
    "y": [1, 1, 1, np.nan, np.nan]})
print(pd.DataFrame({
    "month": new["time"],
    "anyone": results.predict(new),
    "Ms A": results.predict(new, which="posterior", history=new),
}).round(3))
# end

# latent
print(results.latent(data=new).round(3))
# end

# past
past = results.get_prediction(which="posterior", history="past", time="time")
frame = past.summary_frame()
print(frame.loc[patient.index].round(3).assign(y=patient["y"], month=patient["time"].round(1)))
# end

# persons
fig, axes = plt.subplots(1, 3, figsize=(10, 3.2), sharey=True, layout="constrained")
months = pd.DataFrame({"patientID": 12, "treatment": "itraconazole", "time": np.linspace(0, 15, 61)})
for ax, n in zip(axes, [1, 2, 6]):
    known = patient[:n]
    later = months[months["time"] >= known["time"].max()]
    future = results.get_prediction(later, which="posterior", history=known).summary_frame()
    ax.plot(months["time"], results.predict(months), color="0.6", label="given nothing")
    ax.plot(later["time"], future["mean"], color="C3", label="given these responses")
    ax.fill_between(later["time"], future["mean_ci_lower"], future["mean_ci_upper"], color="C3",
                    alpha=0.2, linewidth=0)
    ax.plot(known["time"], known["y"], "k+", markersize=10, label="responses so far")
    ax.set(title=f"Patient 12 after {n} visit{'s' * (n > 1)}", xlabel="months", ylim=(-0.05, 1.05))
axes[0].set_ylabel("probability of moderate or severe")
axes[0].legend(frameon=False, fontsize="small")
# end

# check
brier = pd.DataFrame({
    "given": ["nothing", "the past", "all responses"],
    "Brier score": [((toenail["y"] - p) ** 2).mean().round(4) for p in (
        results.predict(), past.predicted, results.predict(which="posterior"))]})
print(brier.to_string(index=False))
# end

# latent_values
print(results.predict(grid, latent=results.cov_re["patientID"].iloc[0, 0] ** 0.5).round(3))
# end

# refused
results.predict(new.assign(treatment="placebo"), which="posterior", history=new)
# end
