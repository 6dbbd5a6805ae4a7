"""A linear mixed model: exact, with correlated intercepts and slopes."""

# model
from statsmodels_gllamm import GLLAMM, datasets

sleepstudy = datasets.sleepstudy.load_pandas().data
slopes = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", sleepstudy).fit()
print(slopes.summary())
# end

# matrices
print(slopes.cov_re["Subject"])
print(slopes.corr_re["Subject"])
print(f"residual variance {slopes.scale:.2f}")
# end

# test
intercept = GLLAMM.from_formula("Reaction ~ Days + (1 | Subject)", sleepstudy).fit()
print(slopes.lr_test(intercept))
# end

# uncorrelated
uncorrelated = GLLAMM.from_formula("Reaction ~ Days + (Days || Subject)", sleepstudy).fit()
test = slopes.lr_test(uncorrelated)
print(f"chi-squared {test.statistic:.3f} with df = {test.df}, p-value {test.pvalue:.2f}")
# end

# mixedlm
import statsmodels.formula.api as smf

mixed = smf.mixedlm("Reaction ~ Days", sleepstudy, groups="Subject", re_formula="~Days")
print(f"MixedLM {mixed.fit(reml=False).llf:.6f}, GLLAMM {slopes.llf:.6f}")
# end

# latent
print(slopes.latent().head(4))
# end

# picture
figure = slopes.plot_random_effects()
# end
