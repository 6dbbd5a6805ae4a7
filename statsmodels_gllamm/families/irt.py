"""Item response models with guessing and slipping."""
from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from statsmodels_gllamm.families.base import (
    Family,
    FamilyData,
    Member,
    Outcomes,
    aux_blocks,
    refuse_formula,
    row_statistics,
)
from statsmodels_gllamm.responses.binomial import binomial_link
from statsmodels_gllamm.responses.irt import IRT, IRT_LINKS
from statsmodels_gllamm.spec import Needs


@dataclass(frozen=True)
class IRT3PL(Family):
    r"""Binary item responses that may be right by guessing, and wrong by slipping.

    Parameters
    ----------
    by : str, optional
        What the probability of guessing depends on: the name of a column ("item": one parameter
        for each of its values), or a formula ("0 + item", "C(type)"). By default it is one
        parameter for all rows.
    slip : str, optional
        The same for the probability of slipping. By default there is no slipping (3PL); with it
        the model is the 4PL, for which `IRT4PL` is short.
    link : {"logit", "probit"}, optional
        Of the item response model without guessing and slipping.

    Raises
    ------
    TypeError
        ``by`` or ``slip`` is not a string.
    ValueError
        Another link.

    Notes
    -----
    .. math::

        P(y = 1) = c + (d - c) F(\nu), \qquad \operatorname{logit} c = g, \qquad
        \operatorname{logit} \frac{1 - d}{1 - c} = u

    with the linear predictors g and u of the parameters ``logitguess`` and ``logitslip``. In words,
    who does not know the answer guesses it with probability c, and who knows it slips with
    probability s = expit(u), after which it may still be guessed:
    :math:`P = c + (1 - c)(1 - s) F(\nu)`. The lower asymptote c is that of the usual
    parametrisation; the upper one is :math:`d = 1 - (1 - c) s`, which is the usual d = 1 - slip at
    c = 0, and is above c whatever the parameters. Both parametrisations describe the same
    distributions, so that with the same ``by`` and ``slip`` for every item the likelihood is that
    of the usual 4PL with c < d.

    The linear predictor is that of the model: ``0 + item`` and a `Factor` by item give every item
    its own difficulty and discrimination (as intercept and slope). The response is 0 or 1,
    or a number of successes in trials as for ``sm.families.Binomial``. Guessing is hard to estimate
    for easy items; the log-likelihood is then flat in ``logitguess``, and may be highest at minus
    infinity, which is the model without guessing.

    References
    ----------
    Birnbaum, A. (1968). Some latent trait models and their use in inferring an examinee's ability.
    In F. M. Lord and M. R. Novick, *Statistical Theories of Mental Test Scores*. Addison-Wesley.

    Barton, M. A. and Lord, F. M. (1981). *An upper asymptote for the three-parameter logistic
    item-response model*. Research Report RR-81-20, Educational Testing Service.

    Examples
    --------
    >>> family = IRT3PL("item")
    >>> family.name
    'IRT3PL(logit)'

    ``GLLAMM.from_formula("y ~ 0 + C(item) + (0 + ability | id)", data, family=family,
    factors={"ability": Factor("item", standardized=True)})`` has parameters
    ``logitguess[item[1]]``, ``logitguess[item[2]]``, and so on.
    """

    by: str | None = None
    slip: str | None = None
    link: str = "logit"
    keys: ClassVar[dict[str, str]] = {"guess": "by", "slip": "slip"}  # of designs: arguments

    def __post_init__(self) -> None:
        for argument in self.keys.values():
            value = getattr(self, argument)
            if value is not None and not (isinstance(value, str) and value.strip()):
                raise TypeError(f"{argument} of an IRT family is the name of a column or a "
                                f"formula, not {value!r}.")
        if self.link not in IRT_LINKS:
            raise ValueError(f"link of an IRT family is one of {', '.join(map(repr, IRT_LINKS))}, "
                             f"not {self.link!r}.")

    @property
    def response(self) -> IRT:
        """The distribution."""
        return IRT(binomial_link(self.link), self.slip is not None)

    @property
    def name(self) -> str:
        return self.response.name

    def needs(self, dispersion=None, thresholds=None) -> Needs:
        refuse_formula(self.name, dispersion=dispersion, thresholds=thresholds)
        formulas = {"guess": _formula(self.by)}
        if self.slip is not None:
            formulas["slip"] = _formula(self.slip)
        return Needs(formulas=formulas)

    def outcomes(self, data: FamilyData) -> Outcomes:
        designs = dict(data.designs)
        for key, argument in self.keys.items():
            column = getattr(self, argument)
            if key in designs and _is_column(column):
                designs[key] = designs[key].rename(columns=lambda name, c=column: _plain(name, c))
        response = self.response
        return Outcomes((Member(response, row_statistics(response, data)),),
                        aux=aux_blocks(response, replace(data, designs=designs)))


def IRT4PL(by: str | None = None, slip: str | None = None, link: str = "logit") -> IRT3PL:
    """Binary item responses with guessing and slipping: `IRT3PL` with ``slip``.

    Parameters
    ----------
    by : str, optional
        What the probability of guessing depends on, as in `IRT3PL`.
    slip : str, optional
        What the probability of slipping depends on; by default the same as ``by``.
    link : {"logit", "probit"}, optional

    Returns
    -------
    IRT3PL

    Examples
    --------
    >>> IRT4PL("item")
    IRT3PL(by='item', slip='item', link='logit')
    """
    return IRT3PL(by, slip or by or "1", link)


def _is_column(text) -> bool:
    return text is not None and text.strip().isidentifier()


def _formula(text) -> str:
    """The formula of a column's name, which has one parameter for each value, or of a formula."""
    if text is None:
        return "1"
    return f"0 + C({text.strip()})" if _is_column(text) else text


def _plain(name, column: str) -> str:
    """A name of the design without the C() that `_formula` put there."""
    column = column.strip()
    return str(name).replace(f"C({column})", column, 1)
