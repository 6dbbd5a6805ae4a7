"""What the messages look like."""

# setup
import numpy as np
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor, datasets

binomial, poisson = sm.families.Binomial(), sm.families.Poisson()
irtsim = datasets.irtsim.load_pandas().data
sleepstudy = datasets.sleepstudy.load_pandas().data
epilep = datasets.epilep.load_pandas().data
toenail = datasets.toenail.load_pandas().data
# end

# crossed
GLLAMM.from_formula("Reaction ~ 1 + (1 | Subject) + (1 | Days)", sleepstudy)
# end

# reused
pupils = irtsim.assign(pupil=irtsim.groupby("school")["sid"].rank("dense").astype(int))
GLLAMM.from_formula("y ~ C(item) + (1 | school) + (1 | pupil)", pupils, family=binomial)
# end

# column
GLLAMM.from_formula("y ~ lag + (1 | subj)", epilep, family=poisson)
# end

# loadings
GLLAMM.from_formula("y ~ C(item) + (0 + ability | sid)", irtsim, family=binomial,
                    factors={"ability": Factor("item", loadings=[1, None])})
# end

# negative
GLLAMM.from_formula("y ~ treat + (1 | subj)", epilep.replace({"y": {9: -9}}), family=poisson)
# end

# proportion
GLLAMM.from_formula("y ~ treat + (1 | subj)", epilep.assign(y=epilep["y"] / 200), family=binomial)
# end

# infinite
wrong = epilep.assign(lage=epilep["lage"].where(epilep["subj"] != 7, np.inf))
GLLAMM.from_formula("y ~ lage + (1 | subj)", wrong, family=poisson)
# end

# dependent
GLLAMM.from_formula("y ~ lage + I(2 * lage + 1) + (1 | subj)", epilep, family=poisson)
# end

# weights
GLLAMM.from_formula("y ~ treat + (1 | subj)", epilep, family=poisson,
                    freq_weights={"subj": "visit"})
# end

# varying
GLLAMM.from_formula("y ~ treat + (1 | subj)", epilep.assign(w=epilep["visit"] + 1),
                    family=poisson, freq_weights={"subj": "w"})
# end

# single
GLLAMM.from_formula("y ~ visit + (1 | subj)", epilep[epilep["subj"] == 1], family=poisson)
# end

# budget
model = GLLAMM.from_formula("y ~ C(item) + (1 | school / sid)", irtsim, family=binomial)
model.fit(n_quad={"school": 15, "school:sid": 4000})
# end

# option
model.fit(integration="laplce")
# end

# covariance
model.fit(cov_type="HC1")
# end

# missing
holes = epilep.assign(lage=epilep["lage"].where(epilep["subj"] != 3))
model = GLLAMM.from_formula("y ~ lage + (1 | subj)", holes, family=poisson)
print(model.sample.dropped)
GLLAMM.from_formula("y ~ lage + (1 | subj)", holes, family=poisson, missing="raise")
# end

# separation
toenail["cured"] = (toenail["visit"] == 7) & (toenail["y"] == 0)
toenail["cured"] = toenail["cured"].astype(int)
results = GLLAMM.from_formula("y ~ time + cured + (1 | patientID)", toenail, family=binomial).fit()
# end

# boundary
rng = np.random.default_rng(5)
noise = sleepstudy.assign(noise=rng.permutation(sleepstudy["Reaction"]))
results = GLLAMM.from_formula("noise ~ Days + (1 | Subject)", noise).fit()
print(results.summary())
# end

# flat
results = GLLAMM.from_formula("y ~ C(item) + (0 + ability | sid)", irtsim, family=binomial,
                              factors={"ability": Factor("item", loadings=[None] * 5)}).fit()
# end

# limit
results = GLLAMM.from_formula("y ~ treatment * time + (1 | patientID)", toenail,
                              family=binomial).fit(maxiter=2)
for name in ["converged", "reason", "iterations"]:
    print(name, results.mle_retvals[name])
# end

# quadrature
results = GLLAMM.from_formula("y ~ treatment + time + (1 | patientID)", toenail,
                              family=binomial).fit(n_quad=7)
# end

# predict
results.predict(toenail.drop(columns="time"))
# end

# compare
other = GLLAMM.from_formula("y ~ time + (1 | patientID)", toenail[toenail["visit"] < 7],
                            family=binomial).fit()
results.lr_test(other)
# end
