"""Factor models of wide data, one row per person."""

# data
import pandas as pd

from statsmodels_gllamm import GLLAMM

scores = pd.read_csv("tests/reference/hs_cfa/data.csv")
pupils = scores.pivot(index="id", columns="item", values="y").reset_index()
print(pupils.head(3).round(2).to_string(index=False))
# end

# model
abilities = """
    visual  =~ x1 + x2 + x3
    textual =~ x4 + x5 + x6
    speed   =~ x7 + x8 + x9
"""
model = GLLAMM.from_wide(pupils, abilities)
print(model.gllamm_formula)
print(model.describe())
# end

# fit
three = model.fit()
print(f"log-likelihood {three.llf:.3f}")
print(three.loadings.query("estimate != 0").round(3))
print(three.corr_re["id"].round(3))
# end

# compare
items = [f"x{k}" for k in range(1, 10)]
one = GLLAMM.from_wide(pupils, items).fit()
zero = "visual ~~ 0*textual + 0*speed; textual ~~ 0*speed"
unrelated = GLLAMM.from_wide(pupils, abilities + zero).fit()
for name, fit in {"three factors": three, "uncorrelated": unrelated, "one factor": one}.items():
    print(f"{name:14} {len(fit.params)} parameters  {fit.llf:10.3f}  AIC {fit.aic:8.1f}")
# end

# missing
gaps = pupils.copy()
gaps.loc[gaps.id % 3 == 0, ["x8", "x9"]] = float("nan")
short = GLLAMM.from_wide(gaps, abilities)
print(short.sample.dropped, len(short.sample.groups["id"].labels), "pupils")
print(short.fit().params.filter(like="lambda[speed").round(3))
# end

# mediation
answers = pd.read_csv("tests/reference/poldem/data.csv")
countries = answers.pivot(index="id", columns="item", values="y").reset_index()
mediation = GLLAMM.from_wide(countries, """
    ind60 =~ x1 + x2 + x3
    dem60 =~ y1 + y2 + y3 + y4
    dem65 =~ y5 + y6 + y7 + y8
    dem60 ~ ind60
    dem65 ~ ind60 + dem60
""").fit()
print(f"log-likelihood {mediation.llf:.3f}")
paths = mediation.params.index.str.startswith("b[")
print(pd.DataFrame({"estimate": mediation.params, "std err": mediation.bse})[paths].round(3))
# end

# ordinal
from statsmodels_gllamm import datasets, families

long = datasets.neuroticism.load_pandas().data
persons = long.pivot(index=["id", "female", "age"], columns="item", values="y").reset_index()
persons["decades"] = (persons.age - 30) / 10
scale = GLLAMM.from_wide(persons, """
    neuro =~ N1 + N2 + N3 + N4 + N5
    neuro ~ female + decades
""", family=families.Ordinal())
print(scale.gllamm_formula, "with thresholds", scale.wide.thresholds)
print(scale.sample.dropped)
result = scale.fit()
print(f"log-likelihood {result.llf:.2f}")
print(pd.DataFrame({"estimate": result.params, "std err": result.bse}).iloc[:7].round(3))
# end

# dif
dif = GLLAMM.from_wide(persons, """
    neuro =~ N1 + N2 + N3 + N4 + N5
    neuro ~ decades
""", family=families.Ordinal(), fixed="item:female").fit()
print(dif.params.filter(like=":female").round(3))
print(f"chi-squared {2 * (dif.llf - result.llf):.1f}, 4 degrees of freedom")
# end

# error
GLLAMM.from_wide(pupils, abilities + "visual ~ 1")
# end
