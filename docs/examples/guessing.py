"""Items that may be answered by guessing, and scales instead of loadings."""

# lsat
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor, datasets, families

lsat = datasets.lsat.load_pandas().data
ability = {"ability": Factor("item", standardized=True)}
formula = "y ~ 0 + item + (0 + ability | id)"
two = GLLAMM.from_formula(formula, lsat, family=sm.families.Binomial(), factors=ability).fit()
print(lsat.groupby("item", observed=True).y.mean())
# end

# flat
model = GLLAMM.from_formula(formula, lsat, family=families.IRT3PL(), factors=ability)
print(model.describe())
three = model.fit()
print(three.summary())
# end

# items
each = GLLAMM.from_formula(formula, lsat, family=families.IRT3PL("item"), factors=ability).fit()
print(each.summary())
# end

# compare
print(f"2PL {two.llf:.3f}, one guessing parameter {three.llf:.3f}, five {each.llf:.3f}")
# end

# simulate
import numpy as np
import pandas as pd
from scipy.special import expit

rng = np.random.default_rng(3)
n, difficulty, slope = 2000, np.linspace(-1.5, 2, 10), np.tile([1.8, 1.2], 5)
p = 0.2 + 0.8 * expit(slope * (rng.normal(size=(n, 1)) - difficulty))
names = [f"I{j:02}" for j in range(1, 11)]
multiple = pd.DataFrame({
    "id": np.repeat(np.arange(n), 10),
    "item": np.tile(names, n),
    "y": (rng.uniform(size=p.shape) < p).ravel().astype(int),
})
# end

# common
without = GLLAMM.from_formula(
    formula, multiple, family=sm.families.Binomial(), factors=ability
).fit()
guess = GLLAMM.from_formula(formula, multiple, family=families.IRT3PL(), factors=ability).fit()
print(guess.summary())
# end

# asymptote
low, high = expit(guess.conf_int().loc["logitguess[Intercept]"])
print(f"guessing {expit(guess.params['logitguess[Intercept]']):.3f}, {low:.3f} to {high:.3f}")
a = guess.loadings["estimate"].to_numpy()
b = -guess.fe_params.to_numpy() / a
print(pd.DataFrame({"a": a, "true a": slope, "b": b, "true b": difficulty,
                    "b without guessing": -without.fe_params.to_numpy()
                    / without.loadings["estimate"].to_numpy()}, index=names).round(2))
# end

# ten
ten = GLLAMM.from_formula(formula, multiple, family=families.IRT3PL("item"), factors=ability).fit()
print(ten.dispersion[["estimate", "std err", "value"]])
test = ten.lr_test(guess)
print(f"chi-squared {test.statistic:.2f} with df = {test.df}, p-value {test.pvalue:.2f}")
# end

# picture
import matplotlib.pyplot as plt

grid = pd.DataFrame({"theta": np.linspace(-3, 3, 121)}).merge(
    pd.DataFrame({"item": ["I01", "I05", "I10"]}), how="cross")
figure, axis = plt.subplots(figsize=(6, 3.4), layout="constrained")
for label, fit, style in [("3PL", guess, "-"), ("2PL", without, ":")]:
    grid["p"] = fit.predict(grid, which="prob", latent={"ability[id]": "theta"})
    for (item, rows), color in zip(grid.groupby("item"), ["C0", "C1", "C2"]):
        axis.plot(rows.theta, rows.p, style, color=color, label=f"{item}, {label}")
axis.set(xlabel="ability", ylabel="probability of a right answer", ylim=(0, 1))
axis.legend(frameon=False, ncols=2)
# end

# scaled
probit = sm.families.Binomial(sm.families.links.Probit())
scaled = GLLAMM.from_formula(
    "y ~ 0 + item + (1 | id)", lsat, family=probit, dispersion="item"
)
print(scaled.describe())
scales = scaled.fit()
print(scales.summary())
# end

# loadings
loadings = GLLAMM.from_formula(formula, lsat, family=probit, factors=ability).fit()
print(f"{scales.llf:.6f} {loadings.llf:.6f}")
logscale = scales.params.filter(like="logscale").to_numpy()
sd = scales.cov_re["id"].iloc[0, 0] ** 0.5
print(pd.DataFrame({"sd / scale": sd / np.exp(np.append(0, logscale)),
                    "loading": loadings.loadings["estimate"].to_numpy()}).round(4))
# end
