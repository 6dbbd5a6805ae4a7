"""What a family is: the bridge from the columns of a data set to outcomes with densities.

A family says what it reads from the data (`Needs`), learns from the estimation sample what belongs
to it (categories), and lays the data rows out as engine rows: one linear predictor each, one or
several to an outcome.
"""
from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
import inspect
from typing import ClassVar

import numpy as np
import pandas as pd

from statsmodels_gllamm.families.moments import response_labels, response_moments
from statsmodels_gllamm.responses.base import Response
from statsmodels_gllamm.responses.sets import SetResponse
from statsmodels_gllamm.spec import Needs


@dataclass(frozen=True, eq=False)
class FamilyData:
    """Rows of a data set, as far as a family sees them.

    Attributes
    ----------
    endog : ndarray (n,) or (n, 2), or None
        None for rows to predict.
    index : Index (n,)
    n_trials : ndarray (n,) or None
    numbers : dict {role: ndarray (n,)}
    labels : dict {role: (codes ndarray (n,), labels Index)}
    designs : dict {key: DataFrame (n, v)}
        Designs of the formulas asked for, "dispersion" and "thresholds" among them.
    categories : tuple or None
        Labels of the codes in ``endog`` where the response is not numeric.
    """

    endog: np.ndarray | None
    index: pd.Index
    n_trials: np.ndarray | None = None
    numbers: Mapping[str, np.ndarray] = field(default_factory=dict)
    labels: Mapping[str, tuple] = field(default_factory=dict)
    designs: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    categories: tuple | None = None

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.index)

    def on(self, rows: np.ndarray) -> FamilyData:
        """The data of some rows (positions)."""
        def cut(x):
            return None if x is None else x[rows]

        return replace(
            self, endog=cut(self.endog), index=self.index[rows], n_trials=cut(self.n_trials),
            numbers={k: v[rows] for k, v in self.numbers.items()},
            labels={k: (codes[rows], labels) for k, (codes, labels) in self.labels.items()},
            designs={k: d.iloc[rows] for k, d in self.designs.items()})


@dataclass(frozen=True, eq=False)
class Member:
    """Outcomes of one distribution: row statistics y (c, n_k) of consecutive engine rows."""

    response: Response | SetResponse
    y: np.ndarray


@dataclass(frozen=True)
class Predictor:
    """A linear predictor: the formula it comes from, and the label that its parameters carry.

    ``key`` is "exog" for the formula's own right side; ``label`` None for the main predictor.
    """

    key: str = "exog"
    label: str | None = None

    def coefficient(self, term: str) -> str:
        """Name of a coefficient."""
        return term if self.label is None else f"{self.label}[{term}]"

    def latent(self, term: str) -> str:
        """Name of a random term, before its group."""
        return term if self.label is None else f"{self.label}:{term}"


@dataclass(frozen=True, eq=False)
class AuxBlock:
    """Auxiliary predictors that are linear in one design.

    Attributes
    ----------
    key : str
        The design, as in `FamilyData.designs`.
    values : ndarray (n, v)
        Its columns on the data rows.
    terms : tuple of (str, int, int)
        (parameter, column, auxiliary predictor): the parameter times the column is added to the
        predictor. A parameter may have several terms.
    """

    key: str
    values: np.ndarray
    terms: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Engine rows of a data set and the distributions of their outcomes.

    Attributes
    ----------
    members : tuple of Member
        The engine rows are those of the members, one after the other.
    rows : ndarray (n_e,), or None
        The data row of every engine row; None where they are the same.
    part : ndarray (n_e,), or None
        Number of the linear predictor that each engine row has; -1 for a predictor of zero;
        None where there is only one.
    sets : ndarray (n_e,), or None
        Outcome of each engine row, as a number; None where every row is one.
    predictors : tuple of Predictor
    aux : tuple of AuxBlock
        Auxiliary predictors are numbered member by member.
    """

    members: tuple[Member, ...]
    rows: np.ndarray | None = None
    part: np.ndarray | None = None
    sets: np.ndarray | None = None
    predictors: tuple[Predictor, ...] = (Predictor(),)
    aux: tuple[AuxBlock, ...] = ()

    @property
    def aux_names(self) -> tuple[str, ...]:
        """Names of all auxiliary predictors, member by member."""
        return tuple(name for member in self.members for name in member.response.aux_names)


class Family(ABC):
    """A family of the ``family`` argument.

    Attributes
    ----------
    ordered : bool
        Its categories, or counts, have an order.
    unread : frozenset of str
        Roles of labels that rows to predict need not have.
    instead : str
        Of a family that cannot stand beside others in a mixed response: what to do instead.
    """

    ordered: ClassVar[bool] = True
    instead: ClassVar[str] = ""
    unread: frozenset[str] = frozenset()

    @property
    @abstractmethod
    def name(self) -> str:
        """Distribution and link, such as "Ordinal(logit)"."""

    def needs(self, dispersion=None, thresholds=None) -> Needs:
        """What it reads from the data, given the formulas that the user gave.

        Raises
        ------
        ValueError
            A formula that has no meaning for the family.
        """
        refuse_formula(self.name, dispersion=dispersion, thresholds=thresholds)
        return Needs()

    def fitted(self, data: FamilyData) -> Family:
        """The family with what it learns from the estimation sample."""
        return self

    @abstractmethod
    def outcomes(self, data: FamilyData) -> Outcomes:
        """Engine rows of the data; with ``data.endog`` None, of rows to predict."""

    def title(self, predictor: Predictor) -> str:
        """Heading of the coefficients of a linear predictor."""
        return "Coefficients" if predictor.label is None else f"Part {predictor.label}"

    def count(self, data: FamilyData) -> tuple[str, int] | None:
        """What outcomes of several data rows are called and their number, ("Choices", 7)."""
        return None

    # Given the linear predictors nu (P, ..., n) of data rows, and their auxiliary predictors
    # aux (m, n).  By default: of a family whose rows are one outcome each, of one response.

    def moments(self, kind: str, aux: np.ndarray, data: FamilyData, values=None) -> Callable:
        """A function of the linear predictors of rows.

        Parameters
        ----------
        kind : {"mean", "var", "prob"}
            Mean or variance of the response, or the probabilities of `prob_labels`.
        aux : ndarray (m, n)
        data : FamilyData
            Its ``endog`` is None.
        values : tuple of int, optional
            Counts whose probabilities are wanted.

        Returns
        -------
        callable
            nu (P, ..., n) -> (..., n), or probabilities (K, ..., n).
        """
        (member,) = self.outcomes(data).members
        return response_moments(member.response, member.y, kind, aux, data, values)

    def conditional(self, kind: str, nu, aux, data: FamilyData, values=None) -> np.ndarray:
        """`moments` at linear predictors nu (P, ..., n)."""
        return self.moments(kind, aux, data, values)(nu)

    def prob_labels(self, data: FamilyData, values=None) -> tuple | None:
        """What probabilities are of; None where there is one for each row, of a response of one."""
        (member,) = self.outcomes(data).members
        return response_labels(member.response, data, values)

    def simulate(self, rng, nu, aux, data: FamilyData) -> np.ndarray:
        """Random responses (n,), as they stand in the data, at linear predictors nu (P, n).

        Of a binomial response with several trials, proportions.
        """
        (member,) = self.outcomes(data).members
        return member.response.simulate(rng, nu[0], aux, member.y)


def called(family):
    """What a family of this package is that was given without its parentheses; else ``family``.

    Raises
    ------
    TypeError
        It needs arguments.
    """
    ours = getattr(family, "__module__", None) or ""
    if not (inspect.isclass(family) and issubclass(family, (Family, Response)) or (
            inspect.isfunction(family) and ours.startswith(f"{__package__}."))):
        return family
    parameters = inspect.signature(family).parameters.values()
    needed = [p.name for p in parameters if p.default is p.empty
              and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if needed:
        raise TypeError(f"{family.__name__} needs arguments: call it, "
                        f"{family.__name__}({', '.join(f'{name}=...' for name in needed)}).")
    return family()


def refuse_formula(name: str, **formulas) -> None:
    """ValueError for a formula given although the family has no use for it."""
    for what, formula in formulas.items():
        if formula is not None:
            raise ValueError(f"{name} has no {what}, so that {what}= has no meaning; leave it out")


def aux_blocks(response, data: FamilyData) -> tuple[AuxBlock, ...]:
    """One parameter ``name[column]`` per auxiliary predictor and column of its design."""
    blocks = []
    for number, name in enumerate(response.aux_names):
        key = response.aux_designs.get(name, "dispersion")
        design = constant_design(data) if key == "constant" else data.designs[key]
        blocks.append(AuxBlock(key, design.to_numpy(), tuple(
            (f"{name}[{column}]", j, number) for j, column in enumerate(design.columns))))
    return tuple(blocks)


def constant_design(data: FamilyData) -> pd.DataFrame:
    """The constant as the only column, in no memory."""
    return pd.DataFrame(np.broadcast_to(1.0, (data.n, 1)), columns=["Intercept"], index=data.index,
                        copy=False)


@dataclass(frozen=True)
class Elementwise(Family):
    """A family of one response: every data row is one outcome with one linear predictor."""

    response: Response

    @property
    def name(self) -> str:
        return self.response.name

    def needs(self, dispersion=None, thresholds=None) -> Needs:
        refuse_formula(self.name, thresholds=thresholds)
        keys = {self.response.aux_designs.get(name, "dispersion")
                for name in self.response.aux_names}
        if "dispersion" in keys:
            return Needs(formulas={"dispersion": dispersion or "1"})
        refuse_formula(self.name, dispersion=dispersion)
        return Needs()

    def outcomes(self, data: FamilyData) -> Outcomes:
        return Outcomes((Member(self.response, row_statistics(self.response, data)),),
                        aux=aux_blocks(self.response, data))


def row_statistics(response: Response, data: FamilyData) -> np.ndarray:
    """Row statistics y (c, n): of the responses, or of rows to predict."""
    if data.endog is None:
        return response.blank(data.n, data.n_trials, data.numbers)
    return response.prepare(data.endog, data.n_trials, index=data.index, columns=data.numbers)
