"""The scale of a linear predictor whose constant is not identified: binary, ordinal and nominal
responses, choices and rankings.

Their response is that of a latent one, so that only differences of its log scale between rows
count (Skrondal and Rabe-Hesketh, 2004, section 2.3.4): the constant of ``dispersion`` is left out.
"""
from __future__ import annotations

from statsmodels_gllamm.exceptions import FormulaError
from statsmodels_gllamm.families.base import FamilyData


def scale_formula(dispersion) -> dict[str, str]:
    """The formula, where there is one; its key belongs to `Needs.without_intercept`."""
    return {} if dispersion is None else {"dispersion": dispersion}


def is_scaled(data: FamilyData) -> bool:
    """Whether a scale depends on columns of the data."""
    return "dispersion" in data.designs and data.designs["dispersion"].shape[1] > 0


def refuse_constant_scale(name: str, data: FamilyData) -> None:
    """FormulaError for a formula that has nothing but the constant."""
    if "dispersion" in data.designs and not is_scaled(data):
        raise FormulaError(
            f"The dispersion of {name} has nothing but the constant, which is not identified: name "
            "a column that the scale depends on, or leave it out.")
