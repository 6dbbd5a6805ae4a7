"""Verbal aggression: 24 items on what 316 persons want to do and do when they are frustrated."""
from .._load import load_dataset

__docformat__ = "restructuredtext"

COPYRIGHT = """Published with De Boeck and Wilson (2004); this version is distributed with the R package
lme4 under GPL (>= 2)."""
TITLE = """Verbal aggression"""
SOURCE = """
Data set VerbAgg of the R package lme4, which has it from the web pages of De Boeck and Wilson (2004),
without the columns situ and r2; persons in order, gender as a column male, mode as a column do, and
one item spelt like the others (S4WantCurse).

De Boeck, P. and Wilson, M. (2004). Explanatory Item Response Models: A Generalized Linear and
Nonlinear Approach. Springer, New York.
Vansteelandt, K. (2000). Formal Models for Contextualized Personality Psychology. Doctoral thesis,
K. U. Leuven.
"""

DESCRSHORT = """Answers of 316 persons to 24 items on verbal aggression."""

DESCRLONG = """Four frustrating situations (a bus fails to stop; a clerk's wrong information makes one
miss a train; the shop closes as one is about to enter; the operator disconnects a call) and three
behaviours: would one want to curse, scold or shout, and would one do it? Answers of 316 students, 243
women and 73 men: no, perhaps, yes. anger is the sum of another scale, of trait anger. For item
response models with properties of items and of persons, and for differential item functioning."""

NOTE = """::

    Number of observations: 7584 (316 persons x 24 items)
    Number of variables: 7
    Variable name definitions:

        id        : person, 1 to 316
        item      : situation (S1 to S4), Want or Do, behaviour (categorical)
        do        : 1 = would one do it, 0 = would one want to
        behaviour : "curse", "scold" or "shout" (categorical)
        male      : 1 = male, 0 = female
        anger     : trait anger, 11 to 39
        answer    : 0 = no, 1 = perhaps, 2 = yes
"""

BEHAVIOURS = ["curse", "scold", "shout"]
LEVELS = {
    "item": [f"S{s}{mode}{b.title()}" for mode in ("Want", "Do") for s in (1, 2, 3, 4)
             for b in BEHAVIOURS],
    "behaviour": BEHAVIOURS,
}


def load_pandas():
    """
    Load the data.

    Returns
    -------
    statsmodels.datasets.utils.Dataset
        With ``data``, a DataFrame in long format, and its response column ``endog``.
    """
    return load_dataset(__file__, "verbagg.csv", "answer", LEVELS)


def load():
    """
    Load the data; the same as ``load_pandas``.

    Returns
    -------
    statsmodels.datasets.utils.Dataset
        With ``data``, a DataFrame in long format, and its response column ``endog``.
    """
    return load_pandas()
