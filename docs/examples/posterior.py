"""The posterior of latent variables: tables, quantiles, nodes and plausible values."""

# data
import numpy as np
import pandas as pd
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor, datasets

answers = datasets.verbagg.load_pandas().data
answers = answers[answers["do"] == 1]
answers["y"] = 1.0 * (answers["answer"] > 0)
model = GLLAMM.from_formula(
    "y ~ 0 + item + (0 + aggression | id)", answers, family=sm.families.Binomial(),
    factors={"aggression": Factor("item", standardized=True)})
results = model.fit()
# end

# table
table = results.latent(standardized=True, quantiles=[0.05, 0.5, 0.95])
score = answers.groupby("id")["y"].sum()
few = [score.idxmin(), (score - 5).abs().idxmin(), score.idxmax()]
print(table.loc[few].round(2).T)
# end

# normal
person = table.loc[score.idxmin()]
print(f"5% and 95%: {person['q0.05[aggression]']:.2f} and {person['q0.95[aggression]']:.2f}")
low, high = person["aggression"] + np.array([-1.645, 1.645]) * person["se[aggression]"]
print(f"of a normal distribution: {low:.2f} and {high:.2f}")
# end

# nodes
nodes = results.posterior_nodes()
print(nodes[nodes["id"] == score.idxmin()].round(4).to_string(index=False))
above = nodes["weight"] * nodes["aggression"] ** 2
print(above.groupby(nodes["id"]).sum().head(3).round(3).to_dict())
# end

# draws
draws = results.plausible_values(5, rng=1)
print(draws.head(3))
wide = draws.pivot(index="id", columns="draw", values="aggression")
print(wide.head(3).round(2))
# end

# variance
print(f"variance of the latent variable {results.cov_re['id'].loc['aggression', 'aggression']:.2f}")
print(f"of posterior means              {table['aggression'].var():.2f}")
print(f"of plausible values             {wide.var().mean():.2f}")
print(f"share above 1.5: means {(table['aggression'] > 1.5).mean():.3f}, "
      f"plausible values {(wide > 1.5).to_numpy().mean():.3f}")
# end

# regression
joint = GLLAMM.from_formula(
    "y ~ 0 + item + (0 + aggression | id)", answers, family=sm.families.Binomial(),
    factors={"aggression": Factor("item", standardized=True)},
    regressions=["aggression ~ anger + male"]).fit()
persons = answers.groupby("id")[["anger", "male"]].first()
values = joint.plausible_values(20, rng=2).pivot(index="id", columns="draw", values="aggression")

def of_anger(aggression):
    """Coefficients of the regression on anger, and their squared standard errors."""
    fit = sm.OLS(aggression, sm.add_constant(persons)).fit()
    return fit.params["anger"], fit.bse["anger"] ** 2

each = np.array([of_anger(values[draw]) for draw in values])
between, within = each[:, 0].var(ddof=1), each[:, 1].mean()
rubin = np.sqrt(within + (1 + 1 / len(each)) * between)
print(pd.DataFrame({
    "estimate": [joint.params["gamma[aggression[id] on anger]"], each[:, 0].mean(),
                 of_anger(table["aggression"])[0]],
    "std err": [joint.bse["gamma[aggression[id] on anger]"], rubin,
                np.sqrt(of_anger(table["aggression"])[1])]},
    index=["in the model", "plausible values", "means, without anger in the model"]).round(4))
# end

# picture
import matplotlib.pyplot as plt
from scipy.stats import norm

many = results.plausible_values(4000, rng=3).pivot(index="id", columns="draw", values="aggression")
figure, axes = plt.subplots(1, 3, figsize=(9, 2.8), sharey=True, layout="constrained")
grid = np.linspace(-4, 4, 200)
for axis, one in zip(axes, few):
    axis.hist(many.loc[one], bins=np.linspace(-4, 4, 60), density=True, color="#a9c2da")
    axis.plot(grid, norm.pdf(grid, *table.loc[one, ["aggression", "se[aggression]"]]), color="#1f4e79")
    axis.set_title(f"{score[one]:.0f} of 12 agreed to", fontsize="medium")
    axis.set_xlabel("aggression")
# end

# levels
children = datasets.irtsim.load_pandas().data
schools = GLLAMM.from_formula(
    "y ~ 0 + item + (0 + ability | school / sid)", children, family=sm.families.Binomial(),
    factors={"ability": Factor("item")}).fit(n_quad=7, quad_tol=1)
drawn = schools.plausible_values(500, rng=4)
both = drawn["school:sid"].merge(drawn["school"], on=["draw", "school"], suffixes=("", " of school"))
print(both.head(3).round(2))
one = both[both["sid"] == 1]
print(one[["ability", "ability of school"]].corr().round(2))
# end

# classes
from statsmodels_gllamm import Classes

toenail = datasets.toenail.load_pandas().data
mixture = GLLAMM.from_formula(
    "y ~ treatment * time + (1 | c) + (1 | patientID)", toenail, family=sm.families.Binomial(),
    classes={"c": Classes(2, within="patientID")}).fit(rng=1, n_quad=15, quad_tol=1)
print(mixture.latent().head(3).round(2))
print(mixture.latent(modal=True).head(3).round(2))
print(mixture.plausible_values(1, rng=5).head(3).round(2))
# end
