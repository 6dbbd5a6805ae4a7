"""Times to infection at the catheter of kidney patients."""
from .._load import load_dataset

__docformat__ = "restructuredtext"

COPYRIGHT = """Published in McGilchrist and Aisbett (1991); this version is distributed with the R
package survival under LGPL (>= 2)."""
TITLE = """Kidney catheter infections"""
SOURCE = """
Data set kidney of the R package survival (Therneau), without the column frail; sex is in words, and
the column infection was added.

McGilchrist, C. A. and Aisbett, C. W. (1991). Regression with frailty in survival analysis.
Biometrics 47, 461-466.
"""

DESCRSHORT = """Times to two infections of 38 kidney patients, some of them censored."""

DESCRLONG = """Times from the insertion of a catheter to an infection, of kidney patients with
portable dialysis machines. A catheter may be removed for other reasons; then the time is censored.
Each patient contributes two times. Patient 21, a man with two very long times, is known to matter
much."""

NOTE = """::

    Number of observations: 76 (38 patients x 2 infections)
    Number of variables: 7
    Variable name definitions:

        patient   : patient, 1 to 38
        infection : 1 = first time of the patient, 2 = second
        time      : days from the insertion of the catheter to the infection, or to its removal
        status    : 1 = infection, 0 = removal for another reason
        age       : age in years
        sex       : "male" or "female" (categorical)
        disease   : "Other", "GN", "AN" or "PKD" (categorical)
"""

LEVELS = {"sex": ["male", "female"], "disease": ["Other", "GN", "AN", "PKD"]}


def load_pandas():
    """
    Load the data.

    Returns
    -------
    statsmodels.datasets.utils.Dataset
        With ``data``, a DataFrame in long format, and its response column ``endog``.
    """
    return load_dataset(__file__, "kidney.csv", "time", LEVELS)


def load():
    """
    Load the data; the same as ``load_pandas``.

    Returns
    -------
    statsmodels.datasets.utils.Dataset
        With ``data``, a DataFrame in long format, and its response column ``endog``.
    """
    return load_pandas()
