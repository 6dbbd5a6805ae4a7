"""Checks of the options of a fit: one sentence that shows what was given."""
from __future__ import annotations

from numbers import Integral, Real

import numpy as np


def integer(name: str, value, least: int = 1) -> int:
    """The integer, or a ValueError that names the option."""
    whole = isinstance(value, Integral) or (isinstance(value, Real) and float(value).is_integer())
    if isinstance(value, (bool, np.bool_)) or not whole or value < least:
        what = "a positive integer" if least == 1 else f"an integer of at least {least}"
        raise ValueError(f"{name} is {what}, not {value!r}")
    return int(value)


def positive(name: str, value) -> float:
    """The number, or a ValueError that names the option."""
    number = isinstance(value, Real) and not isinstance(value, (bool, np.bool_))
    if not number or not 0 < value < np.inf:
        raise ValueError(f"{name} is a positive number, not {value!r}")
    return float(value)


def one_of(name: str, value, allowed):
    """The value, or a ValueError that lists what is allowed."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name} is one of {', '.join(map(repr, allowed))}, not {value!r}")
    return value
