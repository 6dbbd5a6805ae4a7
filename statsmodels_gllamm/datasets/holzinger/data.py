"""Nine ability tests of pupils of two schools."""
from .._load import load_dataset

__docformat__ = "restructuredtext"

COPYRIGHT = """GPL (>= 2), as the R package lavaan; the Python package semopy distributes the same
data under the MIT licence."""
TITLE = """Holzinger and Swineford (1939), nine ability tests"""
SOURCE = """
Holzinger, K. J. and Swineford, F. (1939). A study in factor analysis: The stability of a bi-factor
solution. Supplementary Educational Monographs 48. University of Chicago Press. The nine tests that
Joreskog (1969, Psychometrika 34, 183-202) took, scaled as in data set HolzingerSwineford1939 of the
R package lavaan; in long format, without the pupils' grade.
"""

DESCRSHORT = """Nine ability tests of 301 pupils of two schools."""

DESCRLONG = """Tests of mental ability of pupils in the seventh and eighth grade of two schools: the
classical example of confirmatory factor analysis. Three tests each are meant to measure visual,
textual and speed ability."""

NOTE = """::

    Number of observations: 2709 (301 pupils x 9 tests)
    Number of variables: 6
    Variable name definitions:

        id     : pupil, 1 to 351 with gaps
        item   : test (categorical)
                 x1 visual perception, x2 cubes, x3 lozenges,
                 x4 paragraph comprehension, x5 sentence completion, x6 word meaning,
                 x7 speeded addition, x8 speeded counting of dots,
                 x9 speeded discrimination of straight and curved capitals
        y      : score, divided by a constant of the test
        sex    : 1 or 2, as in the source
        age    : age in years
        school : Pasteur or Grant-White (categorical)
"""


def load_pandas():
    """
    Load the data.

    Returns
    -------
    statsmodels.datasets.utils.Dataset
        With ``data``, a DataFrame in long format, and its response column ``endog``.
    """
    return load_dataset(__file__, "holzinger.csv", "y", {
        "item": [f"x{k}" for k in range(1, 10)], "school": ["Pasteur", "Grant-White"]})


def load():
    """
    Load the data; the same as ``load_pandas``.

    Returns
    -------
    statsmodels.datasets.utils.Dataset
        With ``data``, a DataFrame in long format, and its response column ``endog``.
    """
    return load_pandas()
