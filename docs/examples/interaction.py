"""Products in regressions of latent variables: moderators that are factors, or columns."""

# data
import numpy as np
import pandas as pd
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM

rng = np.random.default_rng(12)
n = 400
sex = rng.integers(0, 2, n)
stress, support = rng.multivariate_normal([0, 0], [[1, -0.3], [-0.3, 1]], n).T
dep = (0.4 + 0.3 * sex) * stress - 0.3 * support - 0.35 * stress * support + 0.6 * rng.normal(size=n)
persons = pd.DataFrame({"sex": sex})
for name, factor in {"s": stress, "p": support, "d": dep}.items():
    for item, loading in enumerate([1.0, 0.8, 1.2], start=1):
        persons[f"{name}{item}"] = loading * factor + 0.6 * rng.normal(size=n)
# end

# model
measured = """
    stress  =~ s1 + s2 + s3
    support =~ p1 + p2 + p3
    dep     =~ d1 + d2 + d3
"""
model = GLLAMM.from_wide(persons, measured + """
    dep ~ stress + support + stress:support
    dep ~ sex + stress:sex
""")
print(model.gllamm_formula)
equations = model.describe()
print(equations[equations.index("dep[id] ="):])
# end

# fit
result = model.fit()
table = pd.DataFrame({"estimate": result.params, "std err": result.bse})
print(table[table.index.str.match("b|gamma")].round(3))
print(f"log-likelihood {result.llf:.2f}; quadrature error: {result.certificate}")
# end

# test
plain = GLLAMM.from_wide(persons, measured + "dep ~ stress + support + sex").fit()
print(result.lr_test(plain))
# end

# slopes
slope, product = "b[dep[id] on stress[id]]", "b[dep[id] on stress[id]:support[id]]"
for sd in (-1, 0, 1):
    at = sd * result.params["var[support[id]]"] ** 0.5
    print(f"support {sd:+} sd:", result.t_test(f"{slope} + {at:.4f} * {product} = 0").summary_frame()[
        ["coef", "std err"]].round(3).to_string(header=False, index=False))
# end

# picture
import matplotlib.pyplot as plt

factors = result.latent()
third = pd.qcut(factors["support"], 3, labels=["low", "middle", "high"])
figure, ax = plt.subplots(figsize=(6.2, 4.2), layout="constrained")
b = result.params
grid, women = np.linspace(-2.5, 2.5, 50), persons["sex"].mean()
colours = {"low": "#b35806", "middle": "#777777", "high": "#1f4e79"}
for (name, own), sd in zip(factors.groupby(third, observed=True), (-1, 0, 1)):
    at = sd * b["var[support[id]]"] ** 0.5
    ax.scatter(own["stress"], own["dep"], s=9, color=colours[name], alpha=0.5, linewidth=0)
    steep = b[slope] + b["b[dep[id] on stress[id]:sex]"] * women + b[product] * at
    level = b["gamma[dep[id] on sex]"] * women + b["b[dep[id] on support[id]]"] * at
    ax.plot(grid, level + steep * grid, color=colours[name], linewidth=2,
            label=f"{name} support ({sd:+} sd)")
ax.set(xlabel="stress", ylabel="depression", xlim=(-2.7, 2.7))
ax.legend(frameon=False)
# end

# binary
answers = pd.DataFrame({
    f"{name}{k}": 1.0 * (rng.random(n) < 1 / (1 + np.exp(-1.5 * factor)))
    for name, factor in {"s": stress, "p": support, "d": dep}.items() for k in (1, 2, 3)})
binary = GLLAMM.from_wide(answers, measured + "dep ~ stress + support + stress:support",
                          family=sm.families.Binomial()).fit()
paths = binary.params.index.str.startswith("b[")
print(pd.DataFrame({"estimate": binary.params, "std err": binary.bse})[paths].round(3))
print(f"{binary.n_quad['id']} points, quadrature error: {binary.certificate}")
# end

# square
long = pd.read_csv("tests/reference/poldem/data.csv")
countries = long.pivot(index="id", columns="item", values="y").reset_index()
text = "ind60 =~ x1 + x2 + x3; dem60 =~ y1 + y2 + y3 + y4; dem60 ~ ind60"
straight = GLLAMM.from_wide(countries, text).fit()
curved = GLLAMM.from_wide(countries, text + " + ind60:ind60").fit()
print(curved.params.filter(like="b[").round(3).to_string())
print(curved.lr_test(straight))
# end
