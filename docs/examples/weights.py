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
print(f"{persons.llf:.6f} {weighted.llf:.6f}")
print(abs(persons.bse.to_numpy() / weighted.bse.to_numpy() - 1).max() < 1e-6)
# end

# rows
import pandas as pd

counts = pd.DataFrame({
    "clinic": [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4],
    "drug": [0, 0, 1, 1] * 4,
    "cured": [0, 1] * 8,
    "n": [27, 10, 25, 11, 10, 22, 4, 16, 12, 7, 5, 14, 16, 1, 14, 2],
})
rows = GLLAMM.from_formula(
    "cured ~ drug + (1 | clinic)", counts, family=sm.families.Binomial(), freq_weights="n"
).fit()
print(rows.nobs, rows.params.round(4).to_dict())
# end
