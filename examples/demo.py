"""A two-parameter item response model with a school level, by Laplace and by quadrature.

Run by ``make demo``: prints both summaries and saves ``demo_abilities.png``, the predicted
abilities of schools and students with their standard errors.
"""

import matplotlib

matplotlib.use("agg")
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor, datasets

PICTURE = "demo_abilities.png"


def main():
    """Fit, print, draw."""
    model = GLLAMM.from_formula(
        "y ~ C(item) + (0 + ability | school / sid)",
        datasets.irtsim.load_pandas().data,
        family=sm.families.Binomial(),
        factors={"ability": Factor("item", loadings=[1, None, None, None, None])},
    )
    laplace = model.fit(integration="laplace")
    print(laplace.summary(), end="\n\n")
    results = model.fit()
    print(results.summary(), end="\n\n")
    print("Variance of ability   Laplace  quadrature")
    for group in ["school", "school:sid"]:
        first, second = (fit.cov_re[group].iloc[0, 0] for fit in (laplace, results))
        print(f"between {group:12}  {first:7.3f}  {second:10.3f}")
    results.plot_random_effects().savefig(PICTURE, dpi=120)
    print(f"\nSaved {PICTURE}")


if __name__ == "__main__":
    main()
