"""Answers of 2800 persons to five items on neuroticism."""
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
