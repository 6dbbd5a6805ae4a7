"""Counts of salamanders in streams."""
from .._load import load_dataset

__docformat__ = "restructuredtext"

COPYRIGHT = """Published at Dryad (doi:10.5061/dryad.5m8f6), whose data are in the public domain
(CC0); the scaled columns are those of the R package glmmTMB, which is under AGPL-3."""
TITLE = """Salamanders and mining"""
SOURCE = """
Data set Salamanders of the R package glmmTMB (Brooks et al. 2017), which has it from

Price, S. J., Muncy, B. L., Bonner, S. J., Drayer, A. N. and Barton, C. D. (2015). Data from:
Effects of mountaintop removal mining and valley filling on the occupancy and abundance of stream
salamanders. Dryad Digital Repository, doi:10.5061/dryad.5m8f6.
Price, S. J., Muncy, B. L., Bonner, S. J., Drayer, A. N. and Barton, C. D. (2016). Effects of
mountaintop removal mining and valley filling on the occupancy and abundance of stream salamanders.
Journal of Applied Ecology 53, 459-468.
"""

DESCRSHORT = """Counts of seven kinds of salamanders in 23 streams, visited four times."""

DESCRLONG = """Salamanders counted in streams of Kentucky, at 23 sites, 11 of them below mountaintop
coal mines. Every site was searched four times; seven species or life stages are told apart. Three
counts out of five are zero."""

NOTE = """::

    Number of observations: 644 (23 sites x 4 visits x 7 kinds)
    Number of variables: 9
    Variable name definitions:

        site   : site, "VF-1" to "VF-11" and "R-1" to "R-12"
        mined  : affected by mining, "yes" or "no" (categorical)
        cover  : amount of cover objects in the stream, standardized
        sample : number of the visit, 1 to 4
        DOP    : days since precipitation, standardized
        Wtemp  : water temperature, standardized
        DOY    : day of the year, standardized
        spp    : abbreviated species and life stage, "GP", "PR", "DM", "EC-A", "EC-L", "DES-L" or
                 "DF" (categorical)
        count  : number of salamanders
"""

LEVELS = {"mined": ["yes", "no"], "spp": ["GP", "PR", "DM", "EC-A", "EC-L", "DES-L", "DF"]}


def load_pandas():
    """
    Load the data.

    Returns
    -------
    statsmodels.datasets.utils.Dataset
        With ``data``, a DataFrame in long format, and its response column ``endog``.
    """
    return load_dataset(__file__, "salamanders.csv", "count", LEVELS)


def load():
    """
    Load the data; the same as ``load_pandas``.

    Returns
    -------
    statsmodels.datasets.utils.Dataset
        With ``data``, a DataFrame in long format, and its response column ``endog``.
    """
    return load_pandas()
