"""Item response models: do they fit, and what do the items tell?"""

# fit
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor, datasets, families

answers = datasets.lsat.load_pandas().data
two_parameter = GLLAMM.from_formula(
    "y ~ 0 + item + (0 + ability | id)", answers, family=sm.families.Binomial(),
    factors={"ability": Factor("item", standardized=True)},
).fit()
print(two_parameter.loadings.round(3))
# end

# path
figure = two_parameter.plot_path()
# end

# m2
print(two_parameter.m2())
# end

# rasch
rasch = GLLAMM.from_formula(
    "y ~ 0 + item + (1 | id)", answers, family=sm.families.Binomial()).fit()
print(rasch.m2(items="item"))
test = two_parameter.lr_test(rasch)
print(f"chi-squared {test.statistic:.2f} with df = {test.df}, p-value {test.pvalue:.2f}")
# end

# items
print(two_parameter.item_fit().round(3))
# end

# curves
figure = two_parameter.plot_item_curves()
# end

# information
figure = two_parameter.plot_information()
# end

# numbers
information = two_parameter.item_information([-2, -1, 0, 1, 2])
print(information.assign(test=information.sum(axis=1)).round(3))
# end

# neuroticism
long = datasets.neuroticism.load_pandas().data
persons = long.pivot(index="id", columns="item", values="y")
one = GLLAMM.from_wide(persons, list(persons), family=families.Ordinal()).fit()
one.m2()
# end

# collapsed
fit = one.m2(missing="drop")
print(fit)
print(fit.residuals.round(3))
# end

# ordinal
print(one.item_fit(missing="drop").round(4))
# end

# two
two = GLLAMM.from_wide(persons, "anger =~ N1 + N2; distress =~ N3 + N4 + N5",
                       family=families.Ordinal()).fit()
print(f"log-likelihood {one.llf:.1f} with one factor, {two.llf:.1f} with two")
print(two.m2(missing="drop"))
# end

# diagram
figure = two.plot_path()
# end

# categories
figure = two.plot_item_curves()
# end

# levels
pupils = datasets.irtsim.load_pandas().data
schools = GLLAMM.from_formula(
    "y ~ 0 + item + (0 + ability | school / sid)", pupils, family=sm.families.Binomial(),
    factors={"ability": Factor("item")},
).fit()
figure = schools.plot_path()
# end
