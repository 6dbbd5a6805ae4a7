"""Reaction times during sleep deprivation."""
from .._load import load_dataset

__docformat__ = "restructuredtext"

COPYRIGHT = """Distributed with the R package lme4 under GPL (>= 2)."""
TITLE = """Sleep deprivation study"""
SOURCE = """
Data set sleepstudy of the R package lme4 (Bates, Maechler, Bolker and Walker), unchanged but for
the file format.

Belenky, G. et al. (2003). Patterns of performance degradation and restoration during sleep
restriction and subsequent recovery: a sleep dose-response study. Journal of Sleep Research 12,
1-12.
"""

DESCRSHORT = """Daily reaction times of 18 persons who slept three hours a night."""

DESCRLONG = """Average reaction times of 18 persons on ten consecutive days, who were restricted to
three hours of sleep a night: the classical small example of correlated random intercepts and
slopes in a linear mixed model."""

NOTE = """::

    Number of observations: 180 (18 persons x 10 days)
    Number of variables: 3
    Variable name definitions:

        Reaction : average reaction time in milliseconds
        Days     : days of sleep deprivation, 0 to 9
        Subject  : person, 18 of them
"""


def load_pandas():
    """
    Load the data.

    Returns
    -------
    statsmodels.datasets.utils.Dataset
        With ``data``, a DataFrame in long format, and its response column ``endog``.
    """
    return load_dataset(__file__, "sleepstudy.csv", "Reaction")


def load():
    """
    Load the data; the same as ``load_pandas``.

    Returns
    -------
    statsmodels.datasets.utils.Dataset
        With ``data``, a DataFrame in long format, and its response column ``endog``.
    """
    return load_pandas()
