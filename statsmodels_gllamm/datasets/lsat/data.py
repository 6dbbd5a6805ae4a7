"""Answers to five items of the Law School Admission Test."""
from .._load import load_dataset

__docformat__ = "restructuredtext"

COPYRIGHT = """A published table of frequencies (Bock and Lieberman, 1970)."""
TITLE = """Law School Admission Test, section 6"""
SOURCE = """
Bock, R. D. and Lieberman, M. (1970). Fitting a response model for n dichotomously scored items.
Psychometrika 35(2), 179-197. Expanded to one row per person and item from the table of the 32
response patterns, as in data set bock of the R package psych.
"""

DESCRSHORT = """Answers of 1000 persons to five items."""

DESCRLONG = """Answers, right or wrong, of 1000 persons to the five figure classification items of
section 6 of the Law School Admission Test: the classical small example of item response
models."""

NOTE = """::

    Number of observations: 5000 (1000 persons x 5 items)
    Number of variables: 3
    Variable name definitions:

        id   : person, 1 to 1000
        item : item, Q1 to Q5 (categorical)
        y    : answer, 1 = right, 0 = wrong
"""


def load_pandas():
    """
    Load the data.

    Returns
    -------
    statsmodels.datasets.utils.Dataset
        With ``data``, a DataFrame in long format, and its response column ``endog``.
    """
    return load_dataset(__file__, "lsat.csv", "y", {"item": ["Q1", "Q2", "Q3", "Q4", "Q5"]})


def load():
    """
    Load the data; the same as ``load_pandas``.

    Returns
    -------
    statsmodels.datasets.utils.Dataset
        With ``data``, a DataFrame in long format, and its response column ``endog``.
    """
    return load_pandas()
