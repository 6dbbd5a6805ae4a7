"""What is timed, against what: one table.

    python benchmarks/run.py [--quick]

(a) value and gradient per call, as a multiple of np.exp plus np.log over rows x nodes in
    cache-sized pieces, measured in the same run, on one thread;
(b) evaluations of value and gradient in a whole fit, certificate and standard errors included;
(c) seconds of a whole fit from the data frame, and of a two-parameter logistic item response model;
(d) peak memory of a fit, the data included, over the size of the data;
(e) import time over that of statsmodels.
"""

import argparse
import os
from pathlib import Path
import subprocess
import sys
from tempfile import TemporaryDirectory
import time

for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # threads are ours, over chunks

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import statsmodels.api as sm  # noqa: E402

from statsmodels_gllamm import GLLAMM, Factor  # noqa: E402

FORMULA = "y ~ a + b + c + d + (1 | id)"
POINTS = 9


def logit_data(n, size=10, seed=0):
    """A random-intercept logit with 5 coefficients in clusters of ``size``."""
    rng = np.random.default_rng(seed)
    data = pd.DataFrame(rng.normal(size=(n, 4)), columns=list("abcd"))
    data["id"] = np.repeat(np.arange(n // size), size)
    nu = -0.5 + data[list("abcd")].to_numpy() @ [0.5, -0.3, 0.2, 0.1]
    nu += rng.normal(size=n // size)[data["id"]]
    data["y"] = (rng.random(n) < 1 / (1 + np.exp(-nu))).astype(float)
    return data


def irt_data(persons=5000, items=20, seed=0):
    """Binary items of a two-parameter logistic model."""
    rng = np.random.default_rng(seed)
    nu = rng.uniform(0.6, 1.8, items) * rng.normal(size=(persons, 1)) + rng.normal(size=items)
    y = (rng.random(nu.shape) < 1 / (1 + np.exp(-nu))).astype(float)
    return pd.DataFrame({
        "y": y.ravel(), "id": np.repeat(np.arange(persons), items),
        "item": pd.Categorical(np.tile(np.arange(items), persons))})


def unit_seconds(elements, piece=60_000):
    """Seconds of np.exp plus np.log over so many elements, in cache-sized pieces."""
    x = np.abs(np.random.default_rng(1).normal(size=piece))
    out = np.empty_like(x)
    pieces = max(elements // piece, 1)
    start = time.perf_counter()
    for _ in range(pieces):
        np.exp(x, out=out)
        np.log(x, out=out)
    return (time.perf_counter() - start) / (pieces * piece) * elements


def engine_row(n, repeats):
    """(a): median over calls at moving parameters, each beside its own unit."""
    model = GLLAMM.from_formula(FORMULA, logit_data(n), family=sm.families.Binomial())
    objective = model._objective((POINTS,))
    rng = np.random.default_rng(2)
    working = np.array([-0.5, 0.5, -0.3, 0.2, 0.1, 1.0])
    state = objective.at(working).value.state
    ratios, seconds = [], []
    for _ in range(repeats):
        moved = working + 0.02 * rng.normal(size=len(working))
        unit = unit_seconds(min(n, 10**5) * POINTS) * n / min(n, 10**5)
        start = time.perf_counter()
        point = objective.at(moved, state)
        point.gradient  # noqa: B018 - the mapping to parameters is part of the call
        seconds.append(time.perf_counter() - start)
        ratios.append(seconds[-1] / unit)
        state = point.value.state
    return f"(a) value and gradient, {n:,} rows", (
        f"{np.median(ratios):.1f} units ({np.median(seconds) * 1e3:.1f} ms)"), "8 units"


def fit_rows(n):
    """(b) and (c)."""
    data = logit_data(n)
    rows = []
    for threads in (1, 2):
        best = np.inf
        for _ in range(3):
            start = time.perf_counter()
            model = GLLAMM.from_formula(FORMULA, data, family=sm.families.Binomial())
            result = model.fit(n_quad=POINTS, threads=threads)
            best = min(best, time.perf_counter() - start)
        if threads == 1:
            rows.append((f"(b) evaluations per fit, {n:,} rows",
                         f"{result.mle_retvals['fcalls']}", "12"))
        rows.append((f"(c) whole fit, {n:,} rows, {threads} thread(s)", f"{best:.2f} s", "0.25 s"))
    data = irt_data()
    for threads in (1, 2):
        best = np.inf
        for _ in range(3):
            start = time.perf_counter()
            model = GLLAMM.from_formula("y ~ 0 + item + (0 + f | id)", data,
                                        family=sm.families.Binomial(),
                                        factors={"f": Factor("item")})
            result = model.fit(threads=threads)
            best = min(best, time.perf_counter() - start)
        rows.append((f"(c) 2PL, 20 items, 5,000 persons, {threads} thread(s)", f"{best:.2f} s "
                     f"({result.mle_retvals['fcalls']} evaluations, n_quad {result.n_quad})",
                     "0.4 s"))
    return rows


MEMORY = """
import sys; sys.path.insert(0, {here!r})
from run import FORMULA, GLLAMM, logit_data, sm
def status(key):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(key))
small = logit_data(1000)
GLLAMM.from_formula(FORMULA, small, family=sm.families.Binomial()).fit(threads=1)
before = status("VmRSS")
data = logit_data({n})
size = data.memory_usage(index=False).sum() / 1024
open("/proc/self/clear_refs", "w").write("5")
GLLAMM.from_formula(FORMULA, data, family=sm.families.Binomial()).fit(n_quad=9, threads=1)
print((status("VmHWM") - before) / size)
"""

IMPORTS = """
import time, statsmodels.api, statsmodels.formula.api
start = time.perf_counter()
import statsmodels_gllamm
print(time.perf_counter() - start)
"""


def subprocess_number(code, **environment):
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                                env=os.environ | environment, check=True).stdout)


def memory_row(n):
    """(d), on Linux."""
    code = MEMORY.format(here=str(Path(__file__).parent), n=n)
    return f"(d) peak memory over data, {n:,} rows", f"{subprocess_number(code):.1f}", "4"


def import_row():
    """(e): the best of five, with compiled modules as an installation has them."""
    with TemporaryDirectory() as compiled:
        settings = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": compiled}
        seconds = min(subprocess_number(IMPORTS, **settings) for _ in range(6))
    return "(e) import over statsmodels' own", f"{seconds:.2f} s", "0.15 s"


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="1e4 and 1e5 rows only")
    quick = parser.parse_args().quick
    rows = [engine_row(10**4, 200), engine_row(10**5, 40)]
    if not quick:
        rows.append(engine_row(10**6, 8))
    rows += fit_rows(10**5)
    if sys.platform == "linux":
        rows.append(memory_row(10**5 if quick else 10**6))
    rows.append(import_row())
    width = max(len(row[0]) for row in rows)
    print(f"{'':{width}}  {'measured':40}  goal")
    for name, measured, goal in rows:
        print(f"{name:{width}}  {measured:40}  {goal}")


if __name__ == "__main__":
    main()
