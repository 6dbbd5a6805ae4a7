"""Counts of salamanders in streams."""
from .data import (
    COPYRIGHT,
    DESCRLONG,
    DESCRSHORT,
    NOTE,
    SOURCE,
    TITLE,
    load,
    load_pandas,
)

__all__ = [
    "COPYRIGHT",
    "DESCRLONG",
    "DESCRSHORT",
    "NOTE",
    "SOURCE",
    "TITLE",
    "load",
    "load_pandas",
]
