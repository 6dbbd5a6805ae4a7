"""A covariate that is missing for some persons is a latent variable that others show."""

# data
import numpy as np
import pandas as pd
from scipy import special
import statsmodels.api as sm

rng = np.random.default_rng(2004)
n = 600
age, questionnaire, rest = rng.normal(size=(3, n))
true = 0.4 * age + 0.8 * questionnaire + 0.7 * rest
ill = rng.random(n) < special.expit(-1 + true + 0.5 * age)
came = rng.random(n) < special.expit(1 - ill * (1 + 1.5 * age))
persons = pd.DataFrame({"id": np.arange(n), "age": age, "questionnaire": questionnaire,
                        "blood": np.where(came, true, np.nan), "ill": 1.0 * ill})
print(persons.head(4).round(2).to_string(index=False))
groups = [persons.ill.map({0: "healthy", 1: "ill"}), np.where(persons.age > 0, "older", "younger")]
print(persons.blood.isna().groupby(groups).mean().unstack().round(2).rename_axis("missing"))
# end

# complete
complete = sm.Logit.from_formula("ill ~ blood + age", persons).fit(disp=False)
everybody = sm.Logit.from_formula("ill ~ blood + age", persons.assign(blood=true)).fit(disp=False)
print(f"{int(complete.nobs)} complete cases")
print(pd.DataFrame({"truth": [-1, 1, 0.5], "complete cases": complete.params, "se": complete.bse,
                    "had all come": everybody.params, " se": everybody.bse}).round(3))
# end

# model
from statsmodels_gllamm import GLLAMM, Factor

GAUSSIAN, BINOMIAL = sm.families.Gaussian(), sm.families.Binomial()

def model(persons, outcome="ill", family=BINOMIAL, causes="age + questionnaire"):
    """A row for the outcome of everybody, and one for the blood of those who came."""
    data = persons.melt(["id", "age", "questionnaire"], [outcome, "blood"], "item").dropna()
    data["outcome"] = 1 * (data["item"] == outcome)
    return GLLAMM.from_formula(
        "value ~ 0 + outcome + outcome:age + exposure + (0 + exposure | id)", data,
        family={"blood": GAUSSIAN, outcome: family}, family_by="item",
        regressions=f"exposure ~ {causes}",
        factors={"exposure": Factor("item", loadings={"blood": 1, outcome: None})})

joint = model(persons)
print(joint.describe())
# end

# fit
results = joint.fit_constrained({"logsd[blood]": np.log(0.01)})
print(results.summary())
# end

# compare
names = ["outcome", "lambda[exposure,ill]", "outcome:age"]
print(pd.DataFrame({
    "truth": [-1, 1, 0.5], "joint": results.params[names].to_numpy(),
    "se": results.bse[names].to_numpy(), "complete cases": complete.params, " se": complete.bse,
    "had all come": everybody.params, "  se": everybody.bse}).round(3))
# end

# error
for error in [0.3, 0.1, 0.03, 0.01, 0.003, 0.001]:
    fit = joint.fit_constrained({"logsd[blood]": np.log(error)})
    print(f"{error:5}   log-likelihood {fit.llf:.4f}"
          f"   effect of exposure {fit.params['lambda[exposure,ill]']:.5f}")
# end

# linear
persons["score"] = true + 0.5 * age + rng.normal(size=n)
persons.loc[persons.score > 1, "blood"] = np.nan
linear = model(persons, "score", GAUSSIAN, "age")
linear = linear.fit_constrained({"logsd[blood]": np.log(0.01)})
first = sm.OLS.from_formula("score ~ age", persons).fit()
second = sm.OLS.from_formula("blood ~ score + age", persons).fit()
within, across = first.ssr / n, second.params["score"]
effect = across * within / (second.ssr / second.nobs + across**2 * within)
cases = sm.OLS.from_formula("score ~ blood + age", persons).fit()
print(f"log-likelihood  joint model {linear.llf:.6f}  "
      f"two regressions {first.llf + second.llf:.6f}")
print(f"effect of blood joint model {linear.params['lambda[exposure,score]']:.6f}  "
      f"two regressions {effect:.6f}  complete cases {cases.params['blood']:.6f}")
# end

# latent
latent = results.latent()
guess = persons[["age", "questionnaire", "ill"]].assign(
    true=true, blood=np.where(came, true, np.nan),
    exposure=latent["exposure"].to_numpy() + results.params["exposure"],
    se=latent["se[exposure]"].to_numpy())
print(guess.head(6).round(2))
off = guess[~came]
print(f"root mean square error {np.sqrt(np.mean((off.exposure - off.true) ** 2)):.3f}, "
      f"root mean squared standard error {np.sqrt(np.mean(off.se**2)):.3f}")
# end
