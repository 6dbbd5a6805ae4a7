"""Classes at several levels, and what varies between them."""

# rasch
import pandas as pd
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes, datasets

binomial = sm.families.Binomial()
anger = datasets.verbagg.load_pandas().data
anger["yes"] = (anger["answer"] > 0).astype(int)
rasch = GLLAMM.from_formula("yes ~ 0 + item + (1 | id)", anger, family=binomial).fit()
print(f"log-likelihood {rasch.llf:.2f}, variance {rasch.params['var[Intercept[id]]']:.3f}")
# end

# mixture
model = GLLAMM.from_formula("yes ~ 0 + item + (1 | id) + (0 + do + behaviour | c)", anger,
                            family=binomial, classes={"c": Classes(2, within="id")})
mixture = model.fit(rng=0)
print(mixture.params.iloc[-6:].round(3).to_string())
print(mixture.class_sizes.round(3))
print(f"log-likelihood {mixture.llf:.2f}, AIC {rasch.aic:.1f} and {mixture.aic:.1f}, "
      f"entropy {mixture.entropy:.2f}")
# end

# varying
classes = {"c": Classes(2, within="id", membership="male", varying="variances")}
varying = GLLAMM.from_formula("yes ~ 0 + item + (1 | id) + (0 + do + behaviour | c)", anger,
                              family=binomial, classes=classes).fit(rng=0)
print(varying.params.iloc[-5:].round(3).to_string())
print(varying.t_test("var[Intercept[id]][c=2] = var[Intercept[id]], prob[c=2,male] = 0"))
# end

# profiles
rows = anger.drop_duplicates("item")
rows = rows.set_axis(rows["item"])
print(mixture.class_profiles(rows)["estimate"].unstack().round(2).to_string())
# end

# tower
tower = pd.read_csv("tests/reference/mlmus_towerl/data.csv")
tower["difficulty"] = tower["level"].map({-1: "easy", 0: "medium", 1: "hard"})
families = GLLAMM.from_formula(
    "dtlm ~ 0 + (0 + difficulty | c)", tower, family=binomial,
    classes={"c": Classes(2, within="id", membership="d"), "d": Classes(2, within="famnum")})
print(families.describe())
# end

# towerfit
res = families.fit(rng=0)
print(res.summary())
# end

# optima
print(res.optima.round(3).to_string())
# end

# probabilities
print(res.class_sizes.round(3))
print(res.class_probabilities()["d"].head(4).round(3))
print(res.predict(which="class").iloc[:3].round(3))
# end

# without
one = GLLAMM.from_formula("dtlm ~ 0 + (0 + difficulty | c)", tower, family=binomial,
                          classes={"c": Classes(2, within="id")}).fit(rng=0)
effect = GLLAMM.from_formula("dtlm ~ 0 + (0 + difficulty | c) + (1 | famnum)", tower,
                             family=binomial, classes={"c": Classes(2, within="id")}).fit(rng=0)
for name, fit in {"persons only": one, "family classes": res, "family effect": effect}.items():
    print(f"{name:15} {fit.llf:9.3f} {fit.df_modelwc:3d} {fit.aic:8.2f}")
# end
