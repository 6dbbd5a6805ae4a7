"""Constraints, patterns of covariances, and models that are not identified."""

# data
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor, datasets

answers = datasets.lsat.load_pandas().data
two = GLLAMM.from_formula("y ~ 0 + item + (0 + ability | id)", answers,
                          family=sm.families.Binomial(),
                          factors={"ability": Factor("item", standardized=True)})
free = two.fit()
print(free.loadings.round(3))
# end

# equal
equal = [f"lambda[ability,Q{i}] = lambda[ability,Q1]" for i in (2, 3, 4, 5)]
rasch = two.fit_constrained(equal)
print(rasch.constraints)
print(rasch.loadings.round(3))
print(free.lr_test(rasch))
# end

# fixed
fixed = two.fit_constrained({"lambda[ability,Q1]": 1.0, "lambda[ability,Q3]": 1.0})
print(fixed.to_frame().loc[["lambda[ability,Q1]", "lambda[ability,Q2]"],
                           ["estimate", "std_err", "status"]].round(3))
print(f"{free.df_modelwc} and {fixed.df_modelwc} parameters; AIC {free.aic:.2f} and {fixed.aic:.2f}")
# end

# labels
pupils = datasets.holzinger.load_pandas().data.pivot(index="id", columns="item", values="y")
labelled = GLLAMM.from_wide(pupils.reset_index(), """
    visual  =~ x1 + k*x2 + k*x3
    textual =~ x4 + a*x5 + b*x6
    speed   =~ x7 + x8 + x9
    a == 1.2*b
    visual ~~ 0.3*speed
""").fit()
print("\n".join(labelled.constraints))
print(f"log-likelihood {labelled.llf:.3f}, {labelled.df_modelwc} parameters")
# end

# pattern
pattern = [[None, None, 0], [None, None, None], [0, None, None]]
patterned = GLLAMM.from_wide(pupils.reset_index(), """
    visual  =~ x1 + x2 + x3
    textual =~ x4 + x5 + x6
    speed   =~ x7 + x8 + x9
""", covariances={"id": pattern}).fit()
print(patterned.cov_re["id"].round(3))
# end

# flat
loose = GLLAMM.from_formula("y ~ 0 + item + (0 + ability | id)", answers,
                            family=sm.families.Binomial(),
                            factors={"ability": Factor("item", loadings=[None] * 5)})
flat = loose.fit()
print(f"log-likelihood {flat.llf:.3f}, as {free.llf:.3f}")
# end
