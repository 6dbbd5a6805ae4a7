"""Times to infection at the catheter of kidney patients."""
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
