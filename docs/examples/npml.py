"""Mass points in the place of a normal distribution: nonparametric maximum likelihood."""

# data
import pandas as pd
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes, datasets

trials = pd.read_csv("tests/reference/seed_betablocker/data.csv")
trials["Alive"] = trials["Total"] - trials["Deaths"]
print(trials.groupby("Treatment")[["Deaths", "Total"]].sum())
# end

# normal
family = sm.families.Binomial()
normal = GLLAMM.from_formula("Deaths + Alive ~ Treatment + (1 | Center)", trials, family=family).fit()
print(f"log-likelihood {normal.llf:.2f}")
print(pd.DataFrame({"estimate": normal.params, "std err": normal.bse}).round(3))
# end

# three
def with_masses(n):
    return GLLAMM.from_formula(
        "Deaths + Alive ~ Treatment + (1 | c)", trials, family=family,
        classes={"c": Classes(n, within="Center", centered=True)})


three = with_masses(3).fit(rng=0)
print(f"log-likelihood {three.llf:.2f}")
print(three.mass_points)
# end

# gain
curve = three.gateaux()
print(curve.loc[curve["derivative"].idxmax()].round(3).to_string())
# end

# auto
best = with_masses("auto").fit()
print(f"log-likelihood {best.llf:.2f} with {best.model.structure.classes[0].n} masses")
print(best.mass_points)
print("derivative at most 1e-4 everywhere:", best.gateaux()["derivative"].max() <= 1e-4)
# end

# picture
import matplotlib.pyplot as plt

figure, axes = plt.subplots(2, 1, figsize=(6.4, 6.4), layout="constrained")
three.plot_gateaux(ax=axes[0])
best.plot_gateaux(ax=axes[1])
axes[0].set_title("3 masses", fontsize=10)
axes[1].set_title("as many as are needed", fontsize=10)
# end

# compare
names = ["Intercept", "Treatment[T.Treated]"]
print(pd.DataFrame({"normal": normal.params[names], "std err": normal.bse[names],
                    "masses": best.params[names], "std err ": best.bse[names]}).round(3))
print(f"variance: normal {normal.params['var[Intercept[Center]]']:.3f}, "
      f"masses {best.mass_points.variance['Intercept']:.3f}")
# end

# normality
figure = normal.plot_gateaux()
# end

# tested
at = normal.gateaux([-0.75, 0.75])
print(at.assign(z=at["derivative"] / at["std_err"]).round(2))
# end

# toenail
nails = datasets.toenail.load_pandas().data
text = "y ~ treatment * time + (1 | {})"
infected = GLLAMM.from_formula(text.format("patientID"), nails, family=family).fit()
points = GLLAMM.from_formula(text.format("c"), nails, family=family,
                             classes={"c": Classes("auto", within="patientID")}).fit()
print(f"log-likelihood: normal {infected.llf:.1f}, masses {points.llf:.1f}")
print(points.mass_points.table[[("Intercept", "level"), ("probability", "estimate")]].round(2))
print(pd.DataFrame({"normal": infected.params, "masses": points.params})
      .loc[["time", "treatment[T.terbinafine]:time"]].round(3))
# end

# diet
from statsmodels_gllamm import Factor

diet = datasets.diet.load_pandas().data
text = ("y ~ 0 + fiber2 + chd + chd:age + chd:bus + chd:age:bus"
        " + intake + intake:age + intake:bus + intake:age:bus + (0 + intake | {})")
more = {"family": {"gaussian": sm.families.Gaussian(), "binomial": sm.families.Binomial()},
        "family_by": "fam",
        "factors": {"intake": Factor("item", loadings={"fiber1": 1, "fiber2": 1, "chd": None})}}
men = GLLAMM.from_formula(text.format("id"), diet, **more).fit()
exposure = GLLAMM.from_formula(text.format("c"), diet, **more,
                               classes={"c": Classes("auto", within="id")}).fit()
print(f"log-likelihood: normal {men.llf:.2f}, masses {exposure.llf:.2f}")
print(exposure.mass_points.table[[("intake", "level"), ("probability", "estimate")]].round(3))
names = ["lambda[intake,chd]", "logsd[gaussian]"]
print(pd.DataFrame({"normal": men.params[names], "std err": men.bse[names],
                    "masses": exposure.params[names], "std err ": exposure.bse[names]}).round(3))
# end

# slopes
fits = datasets.epilep.load_pandas().data
text = "y ~ lbas * treat + lage + visit + (visit | {})"
seizures = GLLAMM.from_formula(text.format("subj"), fits, family=sm.families.Poisson()).fit()
both = GLLAMM.from_formula(text.format("c"), fits, family=sm.families.Poisson(),
                           classes={"c": Classes("auto", within="subj")}).fit()
print(f"log-likelihood: normal {seizures.llf:.2f}, masses {both.llf:.2f}")
print(both.mass_points.table[[("Intercept", "level"), ("visit", "level"),
                              ("probability", "estimate")]].round(2))
# end
