"""Choices among brands: what a price changes, and for whom."""

# data
import pandas as pd

from statsmodels_gllamm import GLLAMM, families

yogurt = pd.read_csv("tests/reference/mlmus_yogurt/data.csv")
print(yogurt.head(6))
print(yogurt.groupby("brand")[["choice", "price", "feature"]].mean().round(3))
# end

# logit
family = families.Choice(set=["house", "occ"], alternative="brand")
logit = GLLAMM.from_formula("choice ~ brand + feature + price", yogurt, family=family).fit()
print(logit.summary())
# end

# model
model = GLLAMM.from_formula(
    "choice ~ brand + feature + price + (0 + feature + price | house)", yogurt, family=family
)
print(model.describe())
# end

# fit
results = model.fit()
print(results.summary())
# end

# positive
from scipy.stats import norm

sd = results.cov_re["house"].loc["price", "price"] ** 0.5
print(f"{norm.sf(0, results.params['price'], sd):.2f}")
# end

# shares
dearer = yogurt.copy()
dearer.loc[dearer.brand == "brand1", "price"] *= 1.1
table = {}
for name, fit in {"logit": logit, "random": results}.items():
    before = fit.predict(yogurt, which="prob", given="posterior").groupby(yogurt.brand).mean()
    after = fit.predict(dearer, which="prob", given="posterior").groupby(yogurt.brand).mean()
    table[name, "before"], table[name, "after"] = before, after
    table[name, "ratio"] = after / before
print(pd.DataFrame(table).round(3))
# end

# households
houses = results.latent()
print(houses.head(4).round(2))
# end

# posterior
first = yogurt[yogurt.house == 1]
first = first.assign(new=results.predict(first, which="prob"),
                     known=results.predict(first, which="prob", given="posterior"))
print(first.head(6).round(3))
# end

# picture
import matplotlib.pyplot as plt

figure, axis = plt.subplots(figsize=(5, 3.6), layout="constrained")
axis.axhline(0, color="0.6", linewidth=0.8)
axis.axvline(0, color="0.6", linewidth=0.8)
axis.scatter(results.params["price"] + houses["price"],
             results.params["feature"] + houses["feature"], s=14)
axis.set(xlabel="coefficient of price", ylabel="coefficient of feature")
# end
