"""Cognitive diagnosis: which skills pupils have mastered, and located latent classes."""

# data
import numpy as np
import pandas as pd
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes, datasets

skills = ["carry", "borrow", "zeros"]
required = {"i1": "100", "i2": "010", "i3": "001", "i4": "110", "i5": "101", "i6": "011",
            "i7": "100", "i8": "010", "i9": "001", "i10": "110", "i11": "101", "i12": "111"}
q_matrix = pd.DataFrame({item: [int(digit) for digit in row] for item, row in required.items()},
                        index=skills).T

rng = np.random.default_rng(12)
n = 800
ability = rng.normal(size=(n, 1))
mastered = 0.8 * ability + rng.normal(size=(n, 3)) > [-0.6, 0.0, 0.4]
able = mastered.astype(int) @ q_matrix.T.to_numpy() == q_matrix.sum(axis=1).to_numpy()
guess, slip = rng.uniform(0.08, 0.25, (2, 12))
answers = pd.DataFrame((rng.random((n, 12)) < np.where(able, 1 - slip, guess)) * 1,
                       columns=q_matrix.index)
print(q_matrix.T)
print(answers.head(3))
# end

# fit
model = GLLAMM.diagnosis(answers, q_matrix, "dina")
dina = model.fit(rng=0)
print(f"log-likelihood {dina.llf:.3f}, {dina.df_modelwc} parameters")
print(dina.optima)
# end

# items
print(dina.guessing_slipping().assign(true_guess=guess, true_slip=slip).round(3))
# end

# persons
print(dina.mastery().round(3).head(5))
print(dina.profiles.round(3))
print(dina.attributes.assign(true=mastered.mean(axis=0)).round(3))
print(((dina.mastery() > 0.5).to_numpy() == mastered).mean(axis=0))
# end

# compare
others = {kind: GLLAMM.diagnosis(answers, q_matrix, kind).fit(rng=0)
          for kind in ("gdina", "llm", "dino")}
print(dina.compare(*others.values(), names=["DINA", "G-DINA", "LLM", "DINO"])[
    ["llf", "n_params", "aic", "bic"]].round(2))
print(dina.lr_test(others["gdina"]))
print(others["gdina"].item_probabilities().loc["i12"].round(3))
# end

# equal
items = list(q_matrix.index)
first = {item: dina.model.diagnosis_model.designs[item].columns[0] for item in items}
equal = model.fit_constrained([f"item[{item}][{first[item]}] = item[i1][none]" for item in items[1:]],
                              rng=0)
print(dina.lr_test(equal))
print(equal.guessing_slipping().head(3).round(3))
# end

# located
lsat = datasets.lsat.load_pandas().data
binomial = sm.families.Binomial()


def located(n):
    """Items with difficulties and classes with locations."""
    return GLLAMM.from_formula("y ~ 0 + item + (1 | c)", lsat, family=binomial,
                               classes={"c": Classes(n, within="id")}).fit(rng=0)


two, three = located(2), located(3)
free = GLLAMM.from_formula("y ~ 0 + (0 + item | c)", lsat, family=binomial,
                           classes={"c": Classes(2, within="id")}).fit(rng=0)
normal = GLLAMM.from_formula("y ~ 0 + item + (1 | id)", lsat, family=binomial).fit()
print(two.compare(three, free, normal, names=["2 located", "3 located", "2 free", "normal"])[
    ["llf", "n_params", "aic", "bic"]].round(3))
print(free.lr_test(two))
where = pd.Series([0, *three.params.filter(like="Intercept[c")], three.class_sizes.index)
print(three.class_sizes.assign(location=where).sort_values("location").round(3))
# end

# error
GLLAMM.diagnosis(answers, q_matrix.drop(["i1", "i7"]))
# end
