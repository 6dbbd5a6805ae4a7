"""A confirmatory factor analysis of 24 Gaussian items and 3 factors, by number of persons: one table.

    python benchmarks/factor_analysis.py [--quick] [--engine]

Seconds of processor time on one thread, from wide data to standard errors: (build) the long data,
formulas and designs; (sort) persons by the items that they have; (fit) starting values, search and
standard errors; evaluations of the log-likelihood; and how the total grows.  Of two runs the faster
one: the first at a size also waits for memory from the system.  With ``--engine`` every evaluation
visits every row.
"""

import argparse
import os
import time

for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from statsmodels_gllamm import GLLAMM, GLLAMMModel  # noqa: E402

FACTORS, ITEMS = 3, 8
MODEL = "; ".join(f"f{k} =~ " + " + ".join(f"x{k}{i}" for i in range(ITEMS)) for k in range(FACTORS))


def persons(n, missing, seed=0):
    """Correlated factors with eight items each, of which a share is missing at random."""
    rng = np.random.default_rng(seed)
    root = np.linalg.cholesky(0.4 + 0.6 * np.eye(FACTORS))
    loadings = rng.uniform(0.6, 1.4, FACTORS * ITEMS)
    f = np.repeat(rng.normal(size=(n, FACTORS)) @ root.T, ITEMS, axis=1)
    y = loadings * f + rng.uniform(0.6, 1.2, len(loadings)) * rng.normal(size=f.shape)
    y[rng.random(y.shape) < missing] = np.nan
    return pd.DataFrame(y, columns=[f"x{k}{i}" for k in range(FACTORS) for i in range(ITEMS)])


def measure(n, missing):
    """(persons, missing, patterns, seconds of the parts, evaluations)."""
    data = persons(n, missing)
    start = time.process_time()
    model = GLLAMM.from_wide(data, MODEL)
    built = time.process_time()
    patterns = model._patterns
    sorted_ = time.process_time()
    result = model.fit(threads=1)
    result.bse  # noqa: B018
    fitted = time.process_time()
    assert result.converged
    number = sum(len(np.unique(grid.present, axis=0)) for grid in patterns.grids) if patterns else 0
    return n, missing, number, built - start, sorted_ - built, fitted - sorted_, (
        result.mle_retvals["fcalls"])


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="1e3 and 1e4 persons only")
    parser.add_argument("--engine", action="store_true", help="without patterns")
    options = parser.parse_args()
    if options.engine:
        GLLAMMModel._patterns = None
    measure(200, 0.0)  # what is only done once
    print(f"{'persons':>8} {'missing':>8} {'patterns':>9} {'build':>7} {'sort':>7} {'fit':>7} "
          f"{'total':>7} {'evaluations':>12} {'growth':>7}")
    for missing in (0.0, 0.1):
        before = None
        for n in (10**3, 10**4) if options.quick else (10**3, 10**4, 10**5):
            n, share, number, build, sort, fit, calls = min(
                (measure(n, missing) for _ in range(2)), key=lambda run: sum(run[3:6]))
            total = build + sort + fit
            growth = "" if before is None else f"{total / before:.1f}"
            print(f"{n:>8,} {share:>8.0%} {number:>9,} {build:>7.2f} {sort:>7.2f} {fit:>7.2f} "
                  f"{total:>7.2f} {calls:>12} {growth:>7}", flush=True)
            before = total


if __name__ == "__main__":
    main()
