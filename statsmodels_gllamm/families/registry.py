"""From what a user gives as ``family`` to a `Family`."""
from __future__ import annotations

from collections.abc import Mapping

from statsmodels_gllamm.families.base import Elementwise, Family, called
from statsmodels_gllamm.families.binomial import BinomialFamily
from statsmodels_gllamm.families.mixed import MixedFamily
from statsmodels_gllamm.responses.binomial import Binomial
from statsmodels_gllamm.responses.registry import as_response


def as_family(family, by=None) -> Family:
    """The Family of what a user gives.

    Parameters
    ----------
    family : statsmodels family, Response, Family, or dict {label: any of these}
        Also a class or a function that makes one without arguments.
    by : str, optional
        For a dict: the column of the labels.

    Raises
    ------
    TypeError, ValueError
    """
    if isinstance(family, Mapping):
        if not isinstance(by, str):
            raise ValueError("family is a dict, so that family_by= must name the column with its "
                             "labels")
        if not family:
            raise ValueError("family is an empty dict; give {label: family}")
        return MixedFamily(tuple((label, as_family(f)) for label, f in family.items()), by)
    if by is not None:
        raise ValueError("family_by= goes with a dict {label: family}; leave it out")
    family = called(family)
    if isinstance(family, Family):
        return family
    response = as_response(family)
    if isinstance(response, Binomial):
        return BinomialFamily(response)
    return Elementwise(response)
