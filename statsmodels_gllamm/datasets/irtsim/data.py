"""Simulated item responses of students in schools."""
from .._load import load_dataset

__docformat__ = "restructuredtext"

COPYRIGHT = """Distributed with the R package PLmixed under GPL (>= 2)."""
TITLE = """Simulated multilevel item response data"""
SOURCE = """
Data set IRTsim of the R package PLmixed (Rockwood and Jeon), unchanged but for the file format.
The data are simulated, to resemble a Dutch assessment by CITO; they are the example of a
multilevel item response model in the vignettes of PLmixed and galamm.

Rockwood, N. J. and Jeon, M. (2019). Estimating complex measurement and growth models using the
R package PLmixed. Multivariate Behavioral Research 54(2), 288-306.
"""

DESCRSHORT = """Simulated answers of 500 students in 26 schools to five items."""

DESCRLONG = """Simulated answers, right or wrong, of 500 students in 26 schools to five items. A
two-parameter item response model with one ability and a school level reads
``y ~ item + (0 + ability | school / sid)``, where the factor ``ability`` has one loading
(discrimination) per item."""

NOTE = """::

    Number of observations: 2500 (500 students x 5 items, no missing answers)
    Number of variables: 4
    Variable name definitions:

        sid    : student, 1 to 500
        school : school, 1 to 26, with 6 to 41 students
        item   : item, 1 to 5 (categorical)
        y      : answer, 1 = right, 0 = wrong
"""


def load_pandas():
    """
    Load the data.

    Returns
    -------
    statsmodels.datasets.utils.Dataset
        With ``data``, a DataFrame in long format, and its response column ``endog``.
    """
    return load_dataset(__file__, "irtsim.csv", "y", {"item": [1, 2, 3, 4, 5]})


def load():
    """
    Load the data; the same as ``load_pandas``.

    Returns
    -------
    statsmodels.datasets.utils.Dataset
        With ``data``, a DataFrame in long format, and its response column ``endog``.
    """
    return load_pandas()
