"""Where the Laplace approximation fails, and how the certificate says so."""

# data
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, datasets

toenail = datasets.toenail.load_pandas().data
model = GLLAMM.from_formula(
    "y ~ treatment * time + (1 | patientID)", toenail, family=sm.families.Binomial()
)
# end

# laplace
laplace = model.fit(integration="laplace")
print(laplace.summary())
# end

# adaptive
results = model.fit()
print(results.summary())
# end

# certificate
certificate = results.certificate
print(certificate.n_quad, "against", certificate.n_finer, "points")
print(f"log-likelihood {certificate.error_loglik:+.2g}")
print(f"estimates      {certificate.error_se:.2g} standard errors")
print(certificate.passed)
# end

# few
five = model.fit(n_quad=5)
# end

# points
import warnings

warnings.simplefilter("ignore")
print("points    llf   treatment  variance  certificate")
for n in [1, 3, 5, 7, 9, 11, 15, 21, 31, 45]:
    fit = model.fit(n_quad=n)
    treatment, variance = fit.params.iloc[[1, 4]]
    print(f"{n:4}  {fit.llf:9.3f}  {treatment:7.3f}  {variance:9.3f}   {fit.certificate}")
# end
