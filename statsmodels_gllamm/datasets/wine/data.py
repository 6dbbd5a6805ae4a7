"""Bitterness of wine, rated by nine judges."""
from .._load import load_dataset

__docformat__ = "restructuredtext"

COPYRIGHT = """Published in Randall (1989); this version is distributed with the R package ordinal
under GPL (>= 2)."""
TITLE = """Bitterness of wine"""
SOURCE = """
Data set wine of the R package ordinal (Christensen), unchanged but for the file format.

Randall, J. H. (1989). The analysis of sensory data by generalized linear model. Biometrical Journal
31(7), 781-793.
"""

DESCRSHORT = """Ratings of the bitterness of eight bottles of wine by nine judges."""

DESCRLONG = """Nine judges rated the bitterness of wine from eight bottles, two for each combination
of two temperatures and of contact, or no contact, between juice and skins when the grapes were
crushed. Ratings are in five ordered categories, which group a mark on a line: the classical small
example of cumulative link mixed models."""

NOTE = """::

    Number of observations: 72 (9 judges x 8 bottles)
    Number of variables: 6
    Variable name definitions:

        response : mark on a line from 0 (least bitter) to 100
        rating   : response in five ordered categories, 1 = least to 5 = most bitter
        temp     : temperature when the grapes were crushed, "cold" or "warm" (categorical)
        contact  : contact between juice and skins, "no" or "yes" (categorical)
        bottle   : bottle, 1 to 8
        judge    : judge, 1 to 9
"""

LEVELS = {"temp": ["cold", "warm"], "contact": ["no", "yes"]}


def load_pandas():
    """
    Load the data.

    Returns
    -------
    statsmodels.datasets.utils.Dataset
        With ``data``, a DataFrame in long format, and its response column ``endog``.
    """
    return load_dataset(__file__, "wine.csv", "rating", LEVELS)


def load():
    """
    Load the data; the same as ``load_pandas``.

    Returns
    -------
    statsmodels.datasets.utils.Dataset
        With ``data``, a DataFrame in long format, and its response column ``endog``.
    """
    return load_pandas()
