"""Frequency weights of rows and of units: a table of patterns instead of persons."""

# persons
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor, datasets

lsat = datasets.lsat.load_pandas().data
model = {
    "formula": "y ~ 0 + item + (0 + ability | id)",
    "family": sm.families.Binomial(),
    "factors": {"ability": Factor("item", standardized=True)},
}
persons = GLLAMM.from_formula(data=lsat, **model).fit()
print(len(lsat), "rows of", lsat["id"].nunique(), "persons")
# end

# table
wide = lsat.pivot(index="id", columns="item", values="y")
patterns = wide.value_counts().rename("persons").reset_index()
print(patterns.head(4))
# end

# patterns
long = patterns.reset_index(names="pattern").melt(
    id_vars=["pattern", "persons"], var_name="item", value_name="y"
)
weighted = GLLAMM.from_formula(
    data=long,
    formula="y ~ 0 + item + (0 + ability | pattern)",
    family=model["family"],
    factors=model["factors"],
    freq_weights={"pattern": "persons"},
).fit()
print(weighted.summary())
# end

# same
import numpy as np

move = np.abs(persons.params.to_numpy() - weighted.params.to_numpy()) / weighted.bse.to_numpy()
print(f"log-likelihoods {persons.llf:.6f} and {weighted.llf:.6f}")
print(f"largest difference of an estimate: {np.nanmax(move):.1g} standard errors")
# end

# rows
women = datasets.contraception.load_pandas().data
keys = ["district", "urban", "livch", "y"]
counts = women.groupby(keys, observed=True).size().rename("women").reset_index()
formula = "y ~ urban + livch + (1 | district)"
one = GLLAMM.from_formula(formula, women, family=sm.families.Binomial()).fit()
many = GLLAMM.from_formula(
    formula, counts, family=sm.families.Binomial(), freq_weights="women"
).fit()
for fit, data in [(one, women), (many, counts)]:
    print(f"{len(data)} rows, nobs {fit.nobs}, log-likelihood {fit.llf:.6f}")
# end
