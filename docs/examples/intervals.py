"""Intervals: Wald, profile likelihood and bootstrap."""

# fit
import pandas as pd
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, datasets

women = datasets.contraception.load_pandas().data
model = GLLAMM.from_formula(
    "y ~ urban + age + livch + (urban | district)", women, family=sm.families.Binomial()
)
res = model.fit()
variances = ["var[Intercept[district]]", "var[urban[T.Y][district]]"]
print(res.conf_int(cols=variances).round(3))
# end

# transformed
print(res.conf_int(cols=variances, transform=True).round(3))
# end

# components
print(res.variance_components().round(3).to_string())
# end

# profile
print(res.conf_int(cols=["urban[T.Y]", *variances], method="profile").round(3))
print()
print(res.variance_components(method="profile").round(3).to_string())
# end

# curves
corr = "corr[Intercept[district],urban[T.Y][district]]"
found = res.profile(["urban[T.Y]", *variances, corr])
print(found.summary_frame().round(3).to_string())
print()
print(found.to_frame().query("parameter == @corr").iloc[:, 1:6].round(3).to_string(index=False))
# end

# picture
figure = found.plot()
# end

# zero
slopes = GLLAMM.from_formula(
    "y ~ urban + age + livch + (1 | district) + (0 + age | district)",
    women,
    family=sm.families.Binomial(),
).fit()
slope = slopes.profile("var[age[district]]")
print(slope)
print("P-value of no variance:", round(slope.curves["var[age[district]]"].boundary_pvalue, 3))
# end

# bootstrap
def share(params):
    """Share of the districts in the variance of the latent response of rural women."""
    variance = params["var[Intercept[district]]"]
    return {"share": variance / (variance + 3.29)}


drawn = res.bootstrap(200, rng=1, n_jobs=2, statistic=share)
print(drawn)
print()
print(drawn.summary_frame(statistics=True).round(3))
# end

# samples
figure = drawn.plot([*variances, "share"])
# end

# cluster
clusters = res.bootstrap(200, kind="cluster", rng=1, n_jobs=2)
table = {
    "Wald": res.conf_int(transform=True),
    "profile": res.conf_int(method="profile"),
    "parametric": drawn.conf_int(),
    "parametric, basic": drawn.conf_int(method="basic"),
    "cluster": clusters.conf_int(),
}
for name in ["urban[T.Y]", variances[1]]:
    rows = {method: limits.loc[name] for method, limits in table.items()}
    print(name)
    print(pd.DataFrame(rows).T.round(2).to_string())
# end

# sleep
study = datasets.sleepstudy.load_pandas().data
sleep = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", study).fit()
print(sleep.variance_components(method="profile").round(3).to_string())
print(sleep.conf_int(cols=["Intercept", "Days"], method="profile").round(3))
# end
