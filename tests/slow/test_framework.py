"""The examples of the framework that have no public data: their pages' own code recovers the truth.

Sections ``simulate`` and ``model`` of ``docs/examples/NAME.py`` are run as they stand.
"""
import contextlib
import io
from pathlib import Path
import re
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats

pytestmark = pytest.mark.slow
EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
REPLICATIONS = 50

CASES = {
    "endogenous": ({}, {
        "advised": -0.8, "advised:age": 0.2, "advised:checkup": 1.0, "drinks": 1.2,
        "drinks:age": 0.1, "drinks:advice": -0.5, "lambda[habit,advised]": 0.8,
        "var[habit[id]]": 0.81}),
    "dropout": ({}, {
        "pain": 10.0, "pain:time": -0.3, "pain:time:treated": -0.5, "dropout": -1.6,
        "dropout:treated": -0.7, "lambda[level,dropout]": 0.3, "lambda[trend,dropout]": 1.2,
        "var[level[id]]": 4.0, "cov[level[id],trend[id]]": -0.3, "var[trend[id]]": 0.5,
        "logsd[pain]": np.log(2.0)}),
}


def section(name, which):
    """Code of a section, from a line ``# which`` to the next ``# end``."""
    text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    code = re.search(rf"^# {which}\n(.*?)^# end$", text, re.MULTILINE | re.DOTALL).group(1)
    return compile(code, f"{name}.py: {which}", "exec")


@pytest.mark.parametrize("name", CASES)
def test_recovery(name):
    """Means within 3 Monte Carlo errors of the truth; intervals of 95% cover it."""
    options, truth = CASES[name]
    rng = np.random.default_rng(20261121)
    simulate, model, names = section(name, "simulate"), section(name, "model"), {}
    exec(simulate, names)
    estimates, errors = [], []
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("error")
        for _ in range(REPLICATIONS):
            names["data"] = names["simulate"](rng)
            exec(model, names)
            result = names["model"].fit(**options)
            estimates.append(result.params)
            errors.append(result.bse)
    estimates, errors = pd.DataFrame(estimates), pd.DataFrame(errors)
    truth = pd.Series(truth)
    assert set(estimates.columns) == set(truth.index)
    table = pd.DataFrame({
        "truth": truth, "mean": estimates.mean(),
        "MC error": estimates.std() / np.sqrt(REPLICATIONS), "sd": estimates.std(),
        "mean SE": errors.mean(), "coverage": ((estimates - truth).abs() < 1.96 * errors).mean(),
    }).loc[truth.index]
    print(f"\n{name}, {REPLICATIONS} replications\n{table.round(3).to_string()}")
    assert ((table["mean"] - table["truth"]).abs() < 3 * table["MC error"]).all()
    assert (table["coverage"] >= stats.binom.ppf(1e-4, REPLICATIONS, 0.95) / REPLICATIONS).all()
