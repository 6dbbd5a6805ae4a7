"""Seizures of epileptics under progabide or placebo."""
from .._load import load_dataset

__docformat__ = "restructuredtext"

COPYRIGHT = """Published in Thall and Vail (1990); this version is distributed with the R package
galamm under GPL (>= 3)."""
TITLE = """Epilepsy trial"""
SOURCE = """
Data set epilep of the R package galamm, which has it from the web pages of Skrondal and
Rabe-Hesketh (2004, section 11.3).

Leppik, I. E. et al. (1987). A controlled study of progabide in partial seizures: methodology and
results. Neurology 37, 963-968.
Thall, P. F. and Vail, S. C. (1990). Some covariance models for longitudinal count data with
overdispersion. Biometrics 46, 657-671.
Skrondal, A. and Rabe-Hesketh, S. (2004). Generalized Latent Variable Modeling. Chapman and Hall.
"""

DESCRSHORT = """Counts of seizures of 59 epileptics in four fortnights."""

DESCRLONG = """A trial of progabide against placebo: the number of seizures in the two weeks
before each of four visits. Logarithms and dummies are centred around their means, as in Breslow
and Clayton (1993)."""

NOTE = """::

    Number of observations: 236 (59 patients x 4 visits)
    Number of variables: 7
    Variable name definitions:

        subj  : patient, 1 to 59
        y     : number of seizures in the two weeks before the visit
        treat : 1 = progabide, 0 = placebo
        visit : time of the visit, coded -0.3, -0.1, 0.1, 0.3
        v4    : dummy of the fourth visit, centred
        lage  : logarithm of age in years, centred
        lbas  : logarithm of a quarter of the number of seizures in the eight weeks before the
                trial, centred
"""


def load_pandas():
    """
    Load the data.

    Returns
    -------
    statsmodels.datasets.utils.Dataset
        With ``data``, a DataFrame in long format, and its response column ``endog``.
    """
    return load_dataset(__file__, "epilep.csv", "y")


def load():
    """
    Load the data; the same as ``load_pandas``.

    Returns
    -------
    statsmodels.datasets.utils.Dataset
        With ``data``, a DataFrame in long format, and its response column ``endog``.
    """
    return load_pandas()
