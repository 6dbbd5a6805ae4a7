"""A latent class model of 10 binary items and 4 classes, by number of persons: one table.

    python benchmarks/latent_classes.py [--quick] [--covariate]

Seconds of processor time on one thread: (build) from the data frame to designs, linear in the
persons; (merge) identical persons are found, linear too; (fit) starting values, searches from 5
starting points, standard errors; evaluations of the log-likelihood with its gradient in the last
search; and how often the fit's time grows where the persons do.  Persons with the same answers are
computed once: there are 1024 patterns.  With ``--covariate`` the probabilities of the classes depend
on sex and three ages, so that there are six times as many.
"""

import argparse
import os
import time
import warnings

for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import statsmodels.api as sm  # noqa: E402

from statsmodels_gllamm import GLLAMM, Classes  # noqa: E402

ITEMS, CLASSES, STARTS = 10, 4, 5
SIZES = 0.4, 0.3, 0.2, 0.1


def persons(n, seed=0):
    """Answers of persons in four classes, whose probabilities are 0.2 or 0.8."""
    rng = np.random.default_rng(seed)
    p = np.where(rng.random((CLASSES, ITEMS)) < 0.5, 0.2, 0.8)
    y = rng.random((n, ITEMS)) < p[rng.choice(CLASSES, n, p=SIZES)]
    return pd.DataFrame({
        "id": np.repeat(np.arange(n), ITEMS), "item": pd.Categorical(np.tile(np.arange(ITEMS), n)),
        "sex": np.repeat(rng.integers(0, 2, n), ITEMS),
        "age": np.repeat(rng.integers(0, 3, n), ITEMS), "y": y.ravel() * 1.0})


def measure(n, membership):
    """(persons, distinct ones, seconds of the parts, evaluations, log-likelihood)."""
    data = persons(n)
    start = time.process_time()
    model = GLLAMM.from_formula("y ~ 0 + (0 + item | c)", data, family=sm.families.Binomial(),
                                classes={"c": Classes(CLASSES, within="id", membership=membership)})
    built = time.process_time()
    distinct = len(model._objective((1,)).distinct.first)
    merged = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # small samples have probabilities of zero
        result = model.fit(starts=STARTS, rng=0, threads=1)
        result.bse  # noqa: B018
    fitted = time.process_time()
    return n, distinct, built - start, merged - built, fitted - merged, (
        result.mle_retvals["fcalls"]), result.llf


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="1e3 and 1e4 persons only")
    parser.add_argument("--covariate", action="store_true", help="membership by sex and age")
    options = parser.parse_args()
    membership = "C(sex) + age" if options.covariate else "1"
    print(f"{'persons':>9}{'distinct':>10}{'build':>10}{'merge':>10}{'fit':>10}{'evaluations':>13}"
          f"{'growth':>8}{'log-likelihood':>19}")
    before = None
    for n in (1_000, 10_000) if options.quick else (1_000, 100_000, 1_000_000):
        n, distinct, build, merge, fit, calls, llf = measure(n, membership)
        growth = "" if before is None else f"{fit / before:.2f}"
        print(f"{n:9,}{distinct:10,}{build:8.2f} s{merge:8.2f} s{fit:8.2f} s{calls:13}{growth:>8}"
              f"{llf:19.3f}", flush=True)
        before = fit


if __name__ == "__main__":
    main()
