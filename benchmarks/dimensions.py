"""Quadrature over the latent variables that need it, against quadrature over all.

    python benchmarks/dimensions.py

A model of two groups of persons with two factors of binary items each, and a joint model: Gaussian
measurements with random intercepts and slopes, whose subjects have binary items of a third latent
variable.  Seconds of processor time on one thread: (a) value and gradient, (b) the same with scores
and information, as in a search, with 7 points per dimension; (c) a whole fit with n_quad="auto".
"""

from dataclasses import replace
import os
import time
import warnings

for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import statsmodels.api as sm  # noqa: E402

from statsmodels_gllamm import GLLAMM, Factor  # noqa: E402
from statsmodels_gllamm.integration.reach import FULL  # noqa: E402

POINTS, REPEATS = 7, 7


def two_groups(n=1000, items=8, seed=0):
    """Binary items of two factors in two groups, which have parameters of their own."""
    rng = np.random.default_rng(seed)
    person, item = np.divmod(np.arange(n * items), items)
    nu = rng.normal(size=(n, 2))[person, item // (items // 2)] * rng.uniform(0.7, 1.5, items)[item]
    data = pd.DataFrame({"id": person, "y": (rng.random(len(nu)) < 1 / (1 + np.exp(-nu))) * 1.0})
    data["gi"] = np.where(person % 2, "B", "A") + item.astype(str).astype(object)
    for name in data["gi"].unique():
        data["x" + name] = (data["gi"] == name) * 1.0
    factors = {f"f{g}{k}": Factor("0 + " + " + ".join(
        f"x{g}{j}" for j in range(k * items // 2, (k + 1) * items // 2)))
        for g in "AB" for k in (0, 1)}
    return GLLAMM.from_formula("y ~ 0 + gi + (0 + fA0 + fA1 | id) + (0 + fB0 + fB1 | id)", data,
                               family=sm.families.Binomial(), factors=factors)


def joint(n=1000, times=6, items=4, seed=0):
    """Gaussian measurements over time, and binary items."""
    rng = np.random.default_rng(seed)
    root = np.array([[1, 0, 0], [0.3, 0.6, 0], [0.6, 0.2, 0.8]])
    u, t = rng.normal(size=(n, 3)) @ root.T, np.arange(times) / times
    y = 1 + 0.5 * t + u[:, :1] + u[:, 1:2] * t + 0.7 * rng.normal(size=(n, times))
    binary = (rng.random((n, items)) < 1 / (1 + np.exp(-(0.3 + u[:, 2:])))) * 1.0
    data = pd.DataFrame({
        "id": np.repeat(np.arange(n), times + items), "t": np.tile([*t, *np.zeros(items)], n),
        "kind": np.tile(["g"] * times + ["b"] * items, n), "y": np.hstack([y, binary]).ravel()})
    data["g"], data["b"] = (data["kind"] == "g") * 1.0, (data["kind"] == "b") * 1.0
    data["gt"] = data["g"] * data["t"]
    return GLLAMM.from_formula(
        "y ~ 0 + kind + gt + (0 + g + gt + b | id)", data, family_by="kind",
        family={"g": sm.families.Gaussian(), "b": sm.families.Binomial()})


def over_all(make):
    """The model with quadrature over all latent variables of all units."""
    model = make()
    reach = model._reach
    model._reaches["units"] = replace(reach, kinds=np.full_like(reach.kinds[:1], FULL),
                                      unit=np.zeros_like(reach.unit))
    return model


def seconds(function, repeats=REPEATS):
    """Median processor time."""
    found = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        found.append(time.process_time() - start)
    return np.median(found)


def measure(model):
    """Seconds of (a), (b) and (c), and the result."""
    objective = model._objective((POINTS,))
    working = model.design.to_working(model.start_params)
    state = objective.at(working).value.state
    plain = seconds(lambda: objective.at(working, state).gradient)
    search = seconds(lambda: objective.at(working, state, units=True, information=True).louis)
    start = time.process_time()
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        result = model.fit(threads=1)
    return (plain, search, time.process_time() - start), result


def main():
    """Print the table."""
    print(f"{'':12}{'':24}{'needed':>12}{'all':>12}{'ratio':>8}")
    for name, make in (("two groups", two_groups), ("joint", joint)):
        few, one = measure(make())
        many, two = measure(over_all(make))
        for what, x, y in zip(("(a) value and gradient", "(b) with information", "(c) fit"), few, many):
            print(f"{name:12}{what:24}{x:10.3f} s{y:10.3f} s{y / x:8.1f}")
        for text, result in (("needed", one), ("all", two)):
            print(f"{'':12}{text}: log-likelihood {result.llf:.4f}, n_quad {result.n_quad['id']}, "
                  f"error {result.certificate}")


if __name__ == "__main__":
    main()
