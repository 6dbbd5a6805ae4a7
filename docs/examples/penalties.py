"""Penalties on coefficients, for separated and for many; and penalised quasi-likelihood."""

# data
import numpy as np
import pandas as pd
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, datasets

wine = datasets.wine.load_pandas().data
wine["good"] = (wine["rating"] >= 4).astype(int)
print(pd.crosstab([wine["temp"], wine["contact"]], wine["good"]))
# end

# separated
family = sm.families.Binomial()
model = GLLAMM.from_formula("good ~ temp * contact + (1 | judge)", wine, family=family)
plain = model.fit()
print(pd.DataFrame({"estimate": plain.params, "std err": plain.bse}).round(2))
# end

# firth
firth = model.fit_regularized("firth")
print(firth.summary())
# end

# compare
student = model.fit_regularized("student", df=3, scale=2.5)
ridge = model.fit_regularized("ridge", alpha=1 / 2.5**2)
fits = {"Firth": firth, "Student": student, "ridge": ridge}
table = {}
for name, res in fits.items():
    table[name, "estimate"], table[name, "std err"] = res.params, res.bse
print(pd.DataFrame(table).round(2))
print(student.penalty.text)
# end

# ordinal
from statsmodels_gllamm import families

ordinal = GLLAMM.from_formula("rating ~ temp * contact + (1 | judge)", wine,
                              family=families.Ordinal()).fit()
print(ordinal.fe_params.round(2))
# end

# refused
print(firth.aic)
# end

# many
salamanders = datasets.salamanders.load_pandas().data
counts = GLLAMM.from_formula("count ~ mined * spp + (1 | site)", salamanders,
                             family=sm.families.Poisson())
free = counts.fit()
products = [name for name in free.params.index if ":" in name]
print(pd.DataFrame({"estimate": free.params[products], "std err": free.bse[products]}).round(2))
# end

# path
import matplotlib.pyplot as plt

alphas, path = np.geomspace(0.01, 300, 12), []
for alpha in alphas:
    res = counts.fit_regularized("ridge", dict.fromkeys(products, alpha), start_params=free)
    path.append(res.params[products])
path = pd.DataFrame(path, index=alphas)

figure, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
ax.plot(path)
ax.axhline(0, color="grey", linewidth=0.8)
ax.set(xscale="log", xlabel="alpha, the precision of the prior", ylabel="interaction with mining")
ax.legend([name.split("T.")[-1].rstrip("]") for name in products], fontsize=8)
# end

# epilepsy
epilepsy = datasets.epilep.load_pandas().data
seizures = GLLAMM.from_formula("y ~ lbas * treat + lage + v4 + (1 | subj)", epilepsy,
                               family=sm.families.Poisson())
pql, ml = seizures.fit(integration="pql"), seizures.fit()
print(pd.DataFrame({"PQL": pql.params, "std err": pql.bse, "ML": ml.params,
                    "std err ": ml.bse}).round(3))
# end

# summary
print(pql.summary().tables[0])
pql.lr_test(ml)
# end

# toenail
toenail = datasets.toenail.load_pandas().data
onycholysis = GLLAMM.from_formula("y ~ treatment * time + (1 | patientID)", toenail, family=family)
ways = {"PQL": {"integration": "pql"}, "Laplace": {"integration": "laplace"}, "quadrature": {}}
print(pd.DataFrame({name: onycholysis.fit(**how).params for name, how in ways.items()}).round(3))
# end

# start
start = onycholysis.fit(integration="pql")
print(round(onycholysis.fit(start_params=start).llf, 2))
# end
