"""Reading proficiency in PISA 2000: sampling weights of students and schools."""

# data
import pandas as pd
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM

pisa = pd.read_csv("tests/reference/mlmus_pisa/data.csv")
pisa["w_student"] = pisa["w_fstuwt"] / pisa["wnrschbw"]
print(len(pisa), "students in", pisa["id_school"].nunique(), "schools")
print(pisa[["id_school", "pass_read", "female", "isei", "w_student", "wnrschbw"]].iloc[14:20])
print(pisa[["w_student", "wnrschbw"]].describe().loc[["min", "50%", "mean", "max"]].round(1))
w = pisa.groupby("id_school")["wnrschbw"].first()
print(f"effective number of schools: {w.sum()**2 / (w**2).sum():.0f}")
# end

# unweighted
formula = ("pass_read ~ female + isei + mn_isei + high_school + college + one_for + both_for"
           " + test_lang + (1 | id_school)")
binomial = sm.families.Binomial()
plain = GLLAMM.from_formula(formula, pisa, family=binomial).fit()
print(f"log-likelihood {plain.llf:.2f}, variance between schools {plain.params.iloc[-1]:.3f}")
# end

# weighted
weights = {"rows": "w_student", "id_school": "wnrschbw"}
model = GLLAMM.from_formula(
    formula, pisa, family=binomial, sampling_weights=weights, scale_weights="effective"
)
results = model.fit()
print(results.summary())
# end

# areas
areas = results.with_cov_type("cluster", psu="wvarstr")
table = pd.DataFrame({
    "unweighted": plain.params, "SE": plain.bse,
    "weighted": results.params, "SE schools": results.bse, "SE areas": areas.bse,
})
print(table.round(3))
# end

# raw
raw = GLLAMM.from_formula(formula, pisa, family=binomial, sampling_weights=weights).fit()
# end

# sensitivity
print(results.weight_sensitivity().round(3).to_string())
# end

# refused
smaller = GLLAMM.from_formula(
    "pass_read ~ female + isei + mn_isei + (1 | id_school)", pisa, family=binomial,
    sampling_weights=weights, scale_weights="effective",
).fit()
results.lr_test(smaller)
# end

# wald
print(areas.wald_test("high_school = 0, college = 0"))
# end

# strata
results.with_cov_type("cluster", strata="wvarstr")
# end
