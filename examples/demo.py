"""A two-parameter item response model with a school level, by Laplace and by quadrature.

Run by ``make demo``: prints both summaries and saves ``demo_abilities.png``, the predicted
abilities of the schools and of some students with their standard errors.
"""

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
import statsmodels.api as sm  # noqa: E402

from statsmodels_gllamm import GLLAMM, Factor, datasets  # noqa: E402

PICTURE = "demo_abilities.png"


def caterpillar(ax, frame, title):
    """Draw the predictions of one latent variable in increasing order, with 1.96 errors.

    ``frame`` has the posterior means in its first column and their standard errors in the second.
    """
    frame = frame.sort_values(frame.columns[0])
    mean, error = frame.iloc[:, 0], frame.iloc[:, 1]
    place = np.arange(len(frame))
    ax.errorbar(place, mean, yerr=1.96 * error, fmt="o", markersize=3, linewidth=0.8)
    ax.axhline(0, color="0.6", linewidth=0.8)
    ax.set(title=title, xticks=[])


def draw(results):
    """Abilities of all schools, and of every tenth student."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
    caterpillar(left, results.latent("school"), "Schools")
    caterpillar(right, results.latent("school:sid").iloc[::10], "Every tenth student")
    left.set_ylabel("ability, mean \N{PLUS-MINUS SIGN} 1.96 standard errors")
    fig.savefig(PICTURE, dpi=120)


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
    for group in ["school", "school:sid"]:
        first, second = (fit.cov_re[group].iloc[0, 0] for fit in (laplace, results))
        print(f"Variance of ability[{group}]: Laplace {first:.3f}, quadrature {second:.3f}")
    draw(results)
    print(f"Saved {PICTURE}")


if __name__ == "__main__":
    main()
