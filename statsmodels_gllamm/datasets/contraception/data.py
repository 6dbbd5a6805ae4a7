"""Use of contraception by women in Bangladesh."""
from .._load import load_dataset

__docformat__ = "restructuredtext"

COPYRIGHT = """Distributed with the R package mlmRev under GPL (>= 2)."""
TITLE = """Contraception in Bangladesh"""
SOURCE = """
Data set Contraception of the R package mlmRev (Bates, Maechler and Bolker), which has it from the
multilevel modelling software reviews of the Centre for Multilevel Modelling, Bristol; a part of
the Bangladesh Fertility Survey of 1988. The columns y and age2 were added.

Steele, F., Diamond, I. and Amin, S. (1996). Immunization uptake in rural Bangladesh: a multilevel
analysis. Journal of the Royal Statistical Society, Series A 159, 289-299.
"""

DESCRSHORT = """Use of contraception by 1934 women in 60 districts."""

DESCRLONG = """Whether women used contraception at the time of the survey, with their age, number
of living children and place of residence; women live in 60 districts of very different sizes."""

NOTE = """::

    Number of observations: 1934
    Number of variables: 8
    Variable name definitions:

        woman    : woman
        district : district, 60 of them
        use      : contraception used, "N" or "Y" (categorical)
        livch    : living children, "0", "1", "2" or "3+" (categorical)
        age      : age in years, centred
        urban    : urban residence, "N" or "Y" (categorical)
        y        : 1 = contraception used, 0 = not
        age2     : square of age
"""

LEVELS = {"use": ["N", "Y"], "livch": ["0", "1", "2", "3+"], "urban": ["N", "Y"]}


def load_pandas():
    """
    Load the data.

    Returns
    -------
    statsmodels.datasets.utils.Dataset
        With ``data``, a DataFrame in long format, and its response column ``endog``.
    """
    return load_dataset(__file__, "contraception.csv", "y", LEVELS)


def load():
    """
    Load the data; the same as ``load_pandas``.

    Returns
    -------
    statsmodels.datasets.utils.Dataset
        With ``data``, a DataFrame in long format, and its response column ``endog``.
    """
    return load_pandas()
