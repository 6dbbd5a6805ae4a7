"""Data sets for examples and tests, in the manner of ``statsmodels.datasets``.

Each sub-package has ``load_pandas()`` and ``load()``, which return a
`statsmodels.datasets.utils.Dataset` whose ``data`` is a DataFrame in long format, and the texts
``TITLE``, ``DESCRSHORT``, ``DESCRLONG``, ``NOTE`` (the variables), ``SOURCE`` and ``COPYRIGHT``.

Examples
--------
>>> from statsmodels_gllamm import datasets
>>> datasets.irtsim.load_pandas().data.head(2)
   sid  school item  y
0    1       1    1  1
1    1       1    2  1
"""
from . import (
    contraception,
    diet,
    epilep,
    holzinger,
    irtsim,
    kidney,
    lsat,
    neuroticism,
    salamanders,
    sleepstudy,
    toenail,
    verbagg,
    wine,
)

__all__ = [
    "contraception",
    "diet",
    "epilep",
    "holzinger",
    "irtsim",
    "kidney",
    "lsat",
    "neuroticism",
    "salamanders",
    "sleepstudy",
    "toenail",
    "verbagg",
    "wine",
]
