r"""statsmodels' Binomial as a family, with a scale that may depend on covariates.

.. math:: P(y_i = 1) = F(\nu_i / \sigma_i), \qquad \log\sigma_i = w_i'\tau

The scale of a binary response is that of its latent one: only its differences between rows are
identified unless the model fixes it elsewhere, so that the constant of w is left out (Skrondal and
Rabe-Hesketh, 2004, section 2.3.4).
"""
from __future__ import annotations

from dataclasses import dataclass

from statsmodels_gllamm.families.base import (
    Family,
    FamilyData,
    Member,
    Outcomes,
    aux_blocks,
    refuse_formula,
    row_statistics,
)
from statsmodels_gllamm.families.scale import refuse_constant_scale, scale_formula
from statsmodels_gllamm.responses.binomial import Binomial
from statsmodels_gllamm.responses.scaled import Scaled
from statsmodels_gllamm.spec import Needs


@dataclass(frozen=True)
class BinomialFamily(Family):
    r"""Binomial responses, whose linear predictor has a scale where ``dispersion=`` is given.

    What ``sm.families.Binomial(link)`` becomes.

    Parameters
    ----------
    response : Binomial
        With any of its links.

    Notes
    -----
    Without ``dispersion`` it is the plain response.  With it

    .. math:: P(y_i = 1) = F(\nu_i / \sigma_i), \qquad \log\sigma_i = w_i'\tau

    where w are the columns of the formula less the constant: sigma is one at w = 0.  (``0 + item``
    keeps all columns; with loadings and variances fixed, a scale for every item is identified.)  The
    parameters tau are named ``logscale[column]``.  With a probit link this is the scaled probit,
    a latent response whose residual standard deviation differs between groups of rows.

    References
    ----------
    Skrondal, A. and Rabe-Hesketh, S. (2004). *Generalized Latent Variable Modeling*. Chapman &
    Hall/CRC, section 2.3.4.

    Examples
    --------
    >>> import statsmodels.api as sm
    >>> from statsmodels_gllamm.responses import as_response
    >>> probit = sm.families.Binomial(sm.families.links.Probit())
    >>> family = BinomialFamily(as_response(probit))
    >>> family.needs(dispersion="female").formulas
    {'dispersion': 'female'}
    """

    response: Binomial

    @property
    def name(self) -> str:
        return self.response.name

    def needs(self, dispersion=None, thresholds=None) -> Needs:
        refuse_formula(self.name, thresholds=thresholds)
        return Needs(formulas=scale_formula(dispersion),
                     without_intercept=frozenset({"dispersion"}))

    def fitted(self, data: FamilyData) -> BinomialFamily:
        refuse_constant_scale(self.name, data)
        return self

    def outcomes(self, data: FamilyData) -> Outcomes:
        y = row_statistics(self.response, data)
        if "dispersion" not in data.designs:
            return Outcomes((Member(self.response, y),))
        response = Scaled(self.response)
        return Outcomes((Member(response, y),), aux=aux_blocks(response, data))
