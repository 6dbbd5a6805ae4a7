"""M2 and S-X2 of models that are right have the distributions they are compared with."""
import numpy as np
import pandas as pd
import pytest
from scipy import stats
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, families

pytestmark = pytest.mark.slow
REPLICATIONS = 200


def answers(rng, n, slopes, cuts):
    """Items of one factor, with the categories that the cuts make."""
    nu = rng.normal(size=n)[:, None] * slopes + rng.logistic(size=(n, len(slopes)))
    return pd.DataFrame((nu[:, :, None] > np.asarray(cuts)).sum(axis=2),
                        columns=[f"x{k}" for k in range(len(slopes))])


@pytest.mark.parametrize("cuts, family, kind, df", [
    ([[-1.0], [0.5], [0.0], [-0.5], [1.0], [0.2]], sm.families.Binomial(), "M2", 9),
    ([[-1.0, 0.5]] * 3 + [[-0.5, 1.0]] * 3, families.Ordinal(), "M2*", 3),
    ([[-1.0, 0.5]] * 3 + [[-0.5, 1.0]] * 3, families.Ordinal(), "C2", 9)])
def test_null_distribution(cuts, family, kind, df):
    """Mean within 3.5 standard errors of df, and no departure that Kolmogorov and Smirnov see."""
    rng = np.random.default_rng(31)
    slopes, found, items = np.array([1.0, 1.5, 0.8, 1.2, 1.0, 1.4]), [], []
    for _ in range(REPLICATIONS):
        wide = answers(rng, 600, slopes, cuts)
        res = GLLAMM.from_wide(wide, list(wide), family=family).fit()
        one = res.m2(kind)
        assert one.df == df
        found.append(one.statistic)
        items.append(res.item_fit())
    error = np.sqrt(2 * df / REPLICATIONS)
    assert abs(np.mean(found) - df) < 3.5 * error
    assert stats.kstest(found, "chi2", (df,)).pvalue > 1e-3
    pvalues = pd.concat(items).pvalue.dropna()
    assert 0.02 < (pvalues < 0.05).mean() < 0.09
