"""Counts with many zeros: overdispersion, zero inflation and hurdles compared."""

# data
import pandas as pd
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, datasets, families

salamanders = datasets.salamanders.load_pandas().data
print(salamanders[["site", "mined", "spp", "count"]].head(3))
print("zeros:", (salamanders["count"] == 0).mean().round(3))
# end

# poisson
formula = "count ~ spp + mined + (1 | site)"
poisson = GLLAMM.from_formula(formula, salamanders, family=sm.families.Poisson()).fit()
print(f"{poisson.llf:.3f}")
# end

# describe
zip_family = families.ZeroInflated(sm.families.Poisson(), "mined + (1 | site)")
model = GLLAMM.from_formula(formula, salamanders, family=zip_family)
print(model.describe())
# end

# inflated
inflated = model.fit()
print(inflated.summary())
# end

# correlated
together = families.ZeroInflated(sm.families.Poisson(), "mined + (1 | site)", correlated=True)
correlated = GLLAMM.from_formula(formula, salamanders, family=together).fit()
print(correlated.corr_re["site"].round(3))
test = correlated.lr_test(inflated)
print(f"likelihood ratio {test.statistic:.3f}, p = {test.pvalue:.3f}")
# end

# hurdle
def fit(family):
    return GLLAMM.from_formula(formula, salamanders, family=family).fit()


Poisson, NegativeBinomial = sm.families.Poisson, families.NegativeBinomial
fits = {
    "Poisson": poisson,
    "NB2": fit(NegativeBinomial()),
    "NB1": fit(NegativeBinomial(kind=1)),
    "zero-inflated Poisson, constant": fit(families.ZeroInflated(Poisson(), "1")),
    "zero-inflated Poisson, mined": fit(families.ZeroInflated(Poisson(), "mined")),
    "zero-inflated Poisson, mined, site": inflated,
    "zero-inflated NB2, mined": fit(families.ZeroInflated(NegativeBinomial(), "mined")),
    "hurdle Poisson, mined, site": fit(families.Hurdle(Poisson(), "mined + (1 | site)")),
    "hurdle NB2, spp, mined, site": fit(
        families.Hurdle(NegativeBinomial(), "spp + mined + (1 | site)")),
}
# end

# compare
table = pd.DataFrame({name: [f.llf, len(f.params), f.aic] for name, f in fits.items()},
                     index=["log-likelihood", "parameters", "AIC"]).T
print(table.round(2).sort_values("AIC"))
# end

# zeros
species = salamanders.groupby("spp", observed=True)
zeros = {"observed": species["count"].agg(lambda count: (count == 0).mean())}
for name in ["Poisson", "zero-inflated Poisson, mined, site", "NB1"]:
    prob = fits[name].predict(which="prob", values=[0])
    zeros[name] = prob[0].groupby(salamanders["spp"], observed=True).mean()
print(pd.DataFrame(zeros).round(2))
# end

# picture
import matplotlib.pyplot as plt

counts = range(13)
observed = [(salamanders["count"] == k).sum() for k in counts]
figure, axes = plt.subplots(figsize=(7, 3.5))
axes.bar(counts, observed, color="0.85", label="observed")
for name, style in zip(["Poisson", "zero-inflated Poisson, mined, site", "NB1"], ["o:", "s--", "D-"]):
    expected = fits[name].predict(which="prob", values=counts).sum()
    axes.plot(counts, expected, style, markersize=4, label=name)
axes.set(yscale="log", xlabel="salamanders", ylabel="rows")
axes.legend(frameon=False)
figure.tight_layout()
# end

# certificate
for name, results in fits.items():
    print(f"{name:36}{results.certificate}")
# end
