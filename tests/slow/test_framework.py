"""Examples of the framework that have no public data: the pages' own code recovers the truth."""
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.model.framework import TRUTH, Page

pytestmark = pytest.mark.slow
REPLICATIONS = 50
OPTIONS = {"multilevelsem": {"n_quad": 3, "quad_tol": 1.0}}  # a tenth of a standard error is enough


@pytest.mark.parametrize("name", TRUTH)
def test_recovery(name):
    """Means within 3 Monte Carlo errors of the truth; intervals of 95% cover it."""
    page, truth = Page(name), pd.Series(TRUTH[name])
    rng = np.random.default_rng(20261120)
    estimates, errors = [], []
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # every one of these fits has to be clean
        for _ in range(REPLICATIONS):
            result = page.model(page.simulate(rng)).fit(**OPTIONS.get(name, {}))
            estimates.append(result.params)
            errors.append(result.bse)
    estimates, errors = pd.DataFrame(estimates), pd.DataFrame(errors)
    table = pd.DataFrame({
        "truth": truth, "mean": estimates.mean(),
        "MC error": estimates.std() / np.sqrt(REPLICATIONS), "sd": estimates.std(),
        "mean SE": errors.mean(), "coverage": ((estimates - truth).abs() < 1.959964 * errors).mean(),
    }).loc[truth.index]
    print(f"\n{name}, {REPLICATIONS} replications\n{table.round(3).to_string()}")
    assert ((table["mean"] - table["truth"]).abs() < 3 * table["MC error"]).all()
    assert (table["coverage"] >= stats.binom.ppf(1e-4, REPLICATIONS, 0.95) / REPLICATIONS).all()
