"""Toenail infection under two treatments."""
from .._load import load_dataset

__docformat__ = "restructuredtext"

COPYRIGHT = """Distributed with the R package HSAUR3 under GPL-2."""
TITLE = """Toenail infection trial"""
SOURCE = """
Data set toenail of the R package HSAUR3 (Hothorn and Everitt), with the column y added.

De Backer, M., De Vroey, C., Lesaffre, E., Scheys, I. and De Keyser, P. (1998). Twelve weeks of
continuous oral therapy for toenail onychomycosis caused by dermatophytes: a double-blind
comparative trial of terbinafine 250 mg/day versus itraconazole 200 mg/day. Journal of the
American Academy of Dermatology 38, S57-S63.
"""

DESCRSHORT = """Separation of the nail plate at up to seven visits of 294 patients in a trial."""

DESCRLONG = """A double-blind trial of two oral treatments of toenail infection. At up to seven
visits it was recorded whether the nail plate was moderately or severely separated from the nail
bed. Few visits per patient and a between-patient standard deviation of four on the logit scale
make the posterior distributions skewed: the Laplace approximation and quadrature with few points
are visibly wrong here, which is what the data are known for."""

NOTE = """::

    Number of observations: 1908 (294 patients)
    Number of variables: 6
    Variable name definitions:

        patientID : patient
        outcome   : degree of separation, "none or mild" or "moderate or severe" (categorical)
        treatment : "itraconazole" or "terbinafine" (categorical)
        time      : time of the visit in months
        visit     : number of the visit, 1 to 7
        y         : 1 = moderate or severe, 0 = none or mild
"""

LEVELS = {
    "outcome": ["none or mild", "moderate or severe"],
    "treatment": ["itraconazole", "terbinafine"],
}


def load_pandas():
    """
    Load the data.

    Returns
    -------
    statsmodels.datasets.utils.Dataset
        With ``data``, a DataFrame in long format, and its response column ``endog``.
    """
    return load_dataset(__file__, "toenail.csv", "y", LEVELS)


def load():
    """
    Load the data; the same as ``load_pandas``.

    Returns
    -------
    statsmodels.datasets.utils.Dataset
        With ``data``, a DataFrame in long format, and its response column ``endog``.
    """
    return load_pandas()
