"""Residual covariances of items that are measured twice."""

# data
import pandas as pd

from statsmodels_gllamm import GLLAMM

answers = pd.read_csv("tests/reference/poldem/data.csv")
countries = answers.pivot(index="id", columns="item", values="y").reset_index()
print(countries.head(3).round(2).to_string(index=False))
# end

# without
structure = """
    ind60 =~ x1 + x2 + x3
    dem60 =~ y1 + y2 + y3 + y4
    dem65 =~ y5 + y6 + y7 + y8
    dem60 ~ ind60
    dem65 ~ ind60 + dem60
"""
plain = GLLAMM.from_wide(countries, structure).fit()
print(f"log-likelihood {plain.llf:.3f}, {len(plain.params)} parameters")
# end

# fit
pairs = """
    y1 ~~ y5
    y2 ~~ y4 + y6
    y3 ~~ y7
    y4 ~~ y8
    y6 ~~ y8
"""
model = GLLAMM.from_wide(countries, structure + pairs)
result = model.fit()
print(f"log-likelihood {result.llf:.3f}, {len(result.params)} parameters")
table = result.to_frame()
columns = ["estimate", "std_err", "pvalue", "derived"]
print(table[table.kind == "residual covariance"][columns].round(3))
# end

# test
test = result.lr_test(plain)
print(f"chi-squared {test.statistic:.2f} with {test.df} degrees of freedom, p = {test.pvalue:.1e}")
paths = plain.params.filter(like="b[").index
print(pd.DataFrame({"without": plain.params[paths], "std err": plain.bse[paths],
                    "with": result.params[paths], "std err ": result.bse[paths]}).round(3))
# end

# latent
print(result.latent().head(4).round(3))
# end

# long
long = model.wide.long(countries)
same = GLLAMM.from_formula(
    model.gllamm_formula, long, factors=model.wide.factors, dispersion="0 + item",
    regressions=model.wide.regressions,
    residual_covariances={"item": ["y1 ~~ y5", ("y2", "y4"), "y2 ~~ y6", "y3 ~~ y7", "y4 ~~ y8",
                                   "y6 ~~ y8"]})
print(same.gllamm_formula)
print(round(same.loglike(result.params), 3))
# end

# missing
gaps = countries.copy()
gaps.loc[gaps.id % 4 == 0, ["y5", "y8"]] = float("nan")
print(GLLAMM.from_wide(gaps, structure + pairs).fit().params.filter(like="rescov").round(3))
# end

# error
from statsmodels.api import families

high = countries.assign(**{f"y{k}": (countries[f"y{k}"] > 5) * 1.0 for k in range(1, 9)})
GLLAMM.from_wide(high, "dem60 =~ y1 + y2 + y3 + y4; y1 ~~ y2", family=families.Binomial())
# end
