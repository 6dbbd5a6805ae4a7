"""Rankings of parties by voters in constituencies."""

# data
import pandas as pd

from statsmodels_gllamm import GLLAMM, Factor, families

votes = pd.read_csv("tests/reference/mlmus_elections/data.csv")
votes["lab"] = (votes.party == 2).astype(int)
votes["lib"] = (votes.party == 3).astype(int)
print(votes[["constit", "serialno", "occ", "party", "rank", "rldist", "yr92"]].head(9))
print(votes.groupby("occ")["rank"].apply(lambda r: tuple(sorted(r))).value_counts())
# end

# partial
tied = votes.duplicated(["occ", "rank"], keep=False)
votes["rank"] = votes["rank"].where(~tied, 0)
# end

# exploded
family = families.Ranking(set="occ")
fixed = "rank ~ rldist + lab + lib + (lab + lib):(yr92 + male + age + manual + inflation)"
exploded = GLLAMM.from_formula(fixed, votes, family=family).fit()
print(exploded.summary())
# end

# refused
votes["partyname"] = votes.party.map({1: "Con", 2: "Lab", 3: "Lib"})
GLLAMM.from_formula("rank ~ rldist + partyname * male", votes, family=family)
# end

# redundant
GLLAMM.from_formula("rank ~ rldist + partyname + partyname:male", votes, family=family)
# end

# constituencies
constituencies = GLLAMM.from_formula(
    fixed + " + (0 + lab + lib | constit)", votes, family=family
).fit()
print(constituencies.cov_re["constit"].round(2))
test = constituencies.lr_test(exploded)
print(f"chi-squared {test.statistic:.1f} with df = {test.df}")
# end

# model
left = {"left": Factor("0 + lab + lib")}
model = GLLAMM.from_formula(
    fixed + " + (0 + left | constit:serialno) + (0 + lab + lib | constit)", votes,
    family=family, factors=left,
)
print(model.describe())
# end

# fit
results = model.fit(n_quad={"constit:serialno": 11, "constit": 9})
print(results.summary())
# end

# predict
person = pd.DataFrame({
    "occ": [1, 1, 1, 2, 2, 2], "lab": [0, 1, 0] * 2, "lib": [0, 0, 1] * 2,
    "rldist": 5.0, "yr92": 1, "male": 0, "age": 4.5, "manual": [0, 0, 0, 1, 1, 1],
    "inflation": 4,
})
person["first"] = results.predict(person, which="prob")
person["average voter"] = results.predict(person, which="prob", given="zero")
print(person[["manual", "lab", "lib", "first", "average voter"]].round(3))
# end
