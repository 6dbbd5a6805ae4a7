"""Confirmatory factor analysis: does the model fit, and what does it say."""

# data
import pandas as pd

from statsmodels_gllamm import GLLAMM, Factor, datasets

long = datasets.holzinger.load_pandas().data
pupils = long.pivot(index=["id", "school"], columns="item", values="y").reset_index()
print(pupils.head(3).round(2).to_string(index=False))
# end

# fit
abilities = """
    visual  =~ x1 + x2 + x3
    textual =~ x4 + x5 + x6
    speed   =~ x7 + x8 + x9
"""
three = GLLAMM.from_wide(pupils, abilities).fit()
print(three.fit_measures())
# end

# compare
one = GLLAMM.from_wide(pupils, [f"x{k}" for k in range(1, 10)]).fit()
cross = GLLAMM.from_wide(pupils, abilities + "visual =~ x9").fit()
table = one.compare(three, cross, names=["one factor", "three factors", "x9 twice"])
print(table.drop(columns=["aic", "bic"]).round(3))
# end

# standardized
print(three.standardized().drop(columns=["z", "pvalue"]).iloc[:15].round(3))
# end

# items
print(three.r_squared_items().round(3))
# end

# reliability
print(three.reliability().round(3))
# end

# missing
gaps = pupils.copy()
gaps.loc[gaps.id % 3 == 0, ["x8", "x9"]] = float("nan")
measures = GLLAMM.from_wide(gaps, abilities).fit().fit_measures()
print(measures.to_frame().loc[["chi2", "df", "cfi", "rmsea", "complete"]])
# end

# invariance
schools = pupils.assign(school=pupils["school"].str.replace("-", "_"))
fits = [GLLAMM.from_wide(schools, abilities, groups="school", equal=equal).fit()
        for equal in ("configural", "metric", "scalar")]
table = fits[0].compare(*fits[1:], names=["configural", "metric", "scalar"])
print(table.drop(columns=["aic", "bic"]).round(3))
print(fits[1].standardized().filter(like="lambda[textual", axis=0)[["estimate", "std_err"]].round(3))
# end

# mediation
answers = pd.read_csv("tests/reference/poldem/data.csv")
countries = answers.pivot(index="id", columns="item", values="y").reset_index()
democracy = GLLAMM.from_wide(countries, """
    ind60 =~ x1 + x2 + x3
    dem60 =~ y1 + y2 + y3 + y4
    dem65 =~ y5 + y6 + y7 + y8
    dem60 ~ ind60
    dem65 ~ ind60 + dem60
""").fit()
print(democracy.effects("dem65", "ind60").round(3))
print(democracy.effects("dem65", "ind60", standardized="std_all")["estimate"].round(3))
print(democracy.r_squared_latent().round(3))
# end

# nonlinear
share = democracy.nonlinear(lambda p: {
    "share": p["b[dem60[id] on ind60[id]]"] * p["b[dem65[id] on dem60[id]]"] / (
        p["b[dem60[id] on ind60[id]]"] * p["b[dem65[id] on dem60[id]]"]
        + p["b[dem65[id] on ind60[id]]"])})
print(share.round(3))
# end

# error
answers = datasets.lsat.load_pandas().data
import statsmodels.api as sm

binary = GLLAMM.from_formula("y ~ 0 + item + (0 + ability | id)", answers,
                             family=sm.families.Binomial(), factors={"ability": Factor("item")}).fit()
print(binary.standardized("std_all").iloc[:2].round(3))
print(binary.reliability().round(3))
binary.fit_measures()
# end
