"""Tests of variances, score tests, and information criteria."""

# data
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor, datasets

sleepstudy = datasets.sleepstudy.load_pandas().data
slopes = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", sleepstudy).fit()
# end

# slopes
test = slopes.test_variance("Days[Subject]")
print(test)
# end

# few
days = sleepstudy[sleepstudy["Days"] < 3]
few = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", days).fit()
test = few.test_variance("Days[Subject]")
print(test)
# end

# result
print(test.weights)
print(f"{test.pvalue:.4f} by the mixture, {test.pvalue_naive:.4f} by chi-squared")
print(test.smaller.params.round(2))
# end

# all
print(slopes.test_variance())
# end

# apart
uncorrelated = GLLAMM.from_formula("Reaction ~ Days + (Days || Subject)", sleepstudy).fit()
print(uncorrelated.test_variance("Subject"))
# end

# compare
plain = GLLAMM.from_formula("Reaction ~ Days", sleepstudy).fit()
intercept = GLLAMM.from_formula("Reaction ~ Days + (1 | Subject)", sleepstudy).fit()
names = ["none", "intercepts", "slopes", "correlated"]
table = plain.compare(intercept, uncorrelated, slopes, names=names)
print(table[["llf", "n_params", "lr", "lr_df", "lr_pvalue"]].round(4))
# end

# binary
toenail = datasets.toenail.load_pandas().data
binary = GLLAMM.from_formula("y ~ treatment + time + (1 | patientID)", toenail,
                             family=sm.families.Binomial()).fit()
print(binary.test_variance())
# end

# score
test = binary.score_test("treatment:time")
print(f"score test {test.statistic:.2f}, p = {test.pvalue:.3f}")
interaction = GLLAMM.from_formula("y ~ treatment * time + (1 | patientID)", toenail,
                                  family=sm.families.Binomial()).fit()
print(interaction.lr_test(binary))
print(f"Wald test {interaction.tvalues['treatment[T.terbinafine]:time'] ** 2:.2f}")
# end

# separate
print(binary.score_test("treatment:time + I(time ** 2) + I(time ** 3)", hypothesis="separate"))
robust = binary.score_test("I(time ** 2)", cov_type="robust")
print(f"time squared, robust: {robust.statistic:.2f}")
# end

# constraints
lsat = datasets.lsat.load_pandas().data
model = GLLAMM.from_formula("y ~ 0 + item + (0 + ability | id)", lsat, family=sm.families.Binomial(),
                            factors={"ability": Factor("item", standardized=True)})
rasch = model.fit_constrained([f"lambda[ability,Q{i}] = lambda[ability,Q1]" for i in range(2, 6)])
joint = rasch.score_test()
print(f"{joint.statistic:.3f} with {joint.k_constraint} degrees of freedom, p = {joint.pvalue:.3f}")
print(rasch.score_test(hypothesis="separate"))
# end

# refused
model.fit().test_variance()
# end

# terms
varying = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", sleepstudy,
                              dispersion="Days").fit()
print(varying.wald_test_terms())
# end

# criteria
print(slopes.information_criteria().round(1))
gain = intercept.info_criteria("bic", n="clusters") - slopes.info_criteria("bic", n="clusters")
print(f"correlated slopes gain {gain:.1f}")
# end
