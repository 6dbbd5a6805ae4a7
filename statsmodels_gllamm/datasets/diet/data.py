"""Dietary fibre and coronary heart disease."""
from .._load import load_dataset

__docformat__ = "restructuredtext"

COPYRIGHT = """Published in Morris, Marr and Clayton (1977); this version is distributed with the R
package galamm under GPL (>= 3)."""
TITLE = """Diet and heart"""
SOURCE = """
Data set diet of the R package galamm, which has it from the web pages of Skrondal and Rabe-Hesketh
(2004, section 14.2).

Morris, J. N., Marr, J. W. and Clayton, D. G. (1977). Diet and heart: a postscript. British Medical
Journal 2, 1307-1314.
Rabe-Hesketh, S., Pickles, A. and Skrondal, A. (2003). Correcting for covariate measurement error in
logistic regression using nonparametric maximum likelihood estimation. Statistical Modelling 3,
215-232.
Skrondal, A. and Rabe-Hesketh, S. (2004). Generalized Latent Variable Modeling. Chapman and Hall.
"""

DESCRSHORT = """Fibre intake, measured once or twice, and heart disease of 333 men."""

DESCRLONG = """Men who worked for London Transport or banks weighed what they ate for a week; 76 of
the bank employees did so again six months later. Whether they had coronary heart disease was known
later. The intake of fibre is measured with error, so that a regression of disease on the measured
intake is biased towards zero. One row is one response, of a man who has two or three of them."""

NOTE = """::

    Number of observations: 742 (333 men)
    Number of variables: 9
    Variable name definitions:

        id     : man
        age    : age in years, centred
        bus    : 1 = London Transport staff, 0 = bank staff
        item   : what the response is, "fiber1", "fiber2" or "chd" (categorical)
        y      : fibre in grams a day, or 1 = coronary heart disease, 0 = none
        fam    : "gaussian" for fibre, "binomial" for disease (categorical)
        chd    : 1 = the response is disease, 0 = it is not
        fiber  : 1 = the response is fibre, 0 = it is not
        fiber2 : 1 = the response is the second measurement of fibre, 0 = it is not
"""

LEVELS = {"item": ["fiber1", "fiber2", "chd"], "fam": ["gaussian", "binomial"]}


def load_pandas():
    """
    Load the data.

    Returns
    -------
    statsmodels.datasets.utils.Dataset
        With ``data``, a DataFrame in long format, and its response column ``endog``.
    """
    return load_dataset(__file__, "diet.csv", "y", LEVELS)


def load():
    """
    Load the data; the same as ``load_pandas``.

    Returns
    -------
    statsmodels.datasets.utils.Dataset
        With ``data``, a DataFrame in long format, and its response column ``endog``.
    """
    return load_pandas()
