"""Answers of 2800 persons to five items on neuroticism."""
from .._load import load_dataset

__docformat__ = "restructuredtext"

COPYRIGHT = """Distributed with the R package psych under GPL (>= 2). The items are from the
International Personality Item Pool, which is in the public domain."""
TITLE = """Five items on neuroticism"""
SOURCE = """
Data set bfi of the R package psych (Revelle), version 2.2.9: items N1 to N5 in long format without
the missing answers, persons numbered from 1, and gender as a column female. The answers were
collected by the SAPA project (Synthetic Aperture Personality Assessment).

Revelle, W., Wilt, J. and Rosenthal, A. (2010). Individual differences in cognition: new methods for
examining the personality-cognition link. In A. Gruszka, G. Matthews and B. Szymura (eds.), Handbook
of Individual Differences in Cognition, 27-49. Springer, New York.

Goldberg, L. R. (1999). A broad-bandwidth, public domain, personality inventory measuring the
lower-level facets of several five-factor models. In I. Mervielde et al. (eds.), Personality
Psychology in Europe 7, 7-28. Tilburg University Press.
"""

DESCRSHORT = """Answers of 2800 persons to five items in six ordered categories."""

DESCRLONG = """How accurately five statements describe oneself, answered by 2800 persons in six
ordered categories: N1 "Get angry easily", N2 "Get irritated easily", N3 "Have frequent mood
swings", N4 "Often feel blue", N5 "Panic easily". For graded response and partial credit models."""

NOTE = """::

    Number of observations: 13881 (2800 persons x 5 items, less 119 missing answers)
    Number of variables: 5
    Variable name definitions:

        id     : person, 1 to 2800
        item   : item, N1 to N5 (categorical)
        y      : answer, 1 = very inaccurate, 2 = moderately inaccurate, 3 = slightly inaccurate,
                 4 = slightly accurate, 5 = moderately accurate, 6 = very accurate
        female : 1 = female, 0 = male
        age    : age in years, as in the source from 3 to 86
"""


def load_pandas():
    """
    Load the data.

    Returns
    -------
    statsmodels.datasets.utils.Dataset
        With ``data``, a DataFrame in long format, and its response column ``endog``.
    """
    levels = {"item": ["N1", "N2", "N3", "N4", "N5"]}
    return load_dataset(__file__, "neuroticism.csv", "y", levels)


def load():
    """
    Load the data; the same as ``load_pandas``.

    Returns
    -------
    statsmodels.datasets.utils.Dataset
        With ``data``, a DataFrame in long format, and its response column ``endog``.
    """
    return load_pandas()
