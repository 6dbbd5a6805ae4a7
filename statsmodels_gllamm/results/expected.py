"""Expected responses of rows, or probabilities of their categories, as functions of the parameters.

What does not depend on parameters is read once.  Row weights are the products of the frequency
weights of all levels, so that averages are over what the rows stand for.
"""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from statsmodels_gllamm.families.choice import Choice
from statsmodels_gllamm.families.mixed import MixedFamily
from statsmodels_gllamm.families.nominal import Nominal
from statsmodels_gllamm.results import linear
from statsmodels_gllamm.results.class_predictions import PreparedClasses, prepare_classes
from statsmodels_gllamm.results.labels import Wanted
from statsmodels_gllamm.results.predict import predict_rows
from statsmodels_gllamm.results.rows import Asked, Rows, rows_of, sample_data

LATENT = {"integrate": "prior", "zero": "zero", "posterior": "posterior"}


@dataclass(frozen=True, eq=False)
class Expected:
    """Expectations of some rows.

    Attributes
    ----------
    model : GLLAMMModel
    rows : Rows
    in_classes : PreparedClasses or None
        The predictions of a model with latent classes.
    labels : tuple or None
        Categories whose probabilities they are; None for means.
    given : {"prior", "zero", "posterior"}
    integration : str
    n_quad : tuple of int
    """

    model: object
    rows: Rows
    in_classes: PreparedClasses | None
    labels: tuple | None
    given: str
    integration: str
    n_quad: tuple[int, ...]

    def at(self, working: np.ndarray) -> np.ndarray:
        """Expectations (K, n) at working coordinates (k,); K is 1 for means."""
        model = self.model
        if self.in_classes is not None:
            return np.atleast_2d(self.in_classes.at(working).T)
        ask = Asked("mean" if self.labels is None else "prob", self.given)
        want = None if self.labels is None else Wanted(ask)
        return np.atleast_2d(predict_rows(model, working, self.rows, ask, self.integration,
                                          self.n_quad, want))


def expected(results, frame=None, offset=None, latent="integrate", what="this",
             sets=False) -> Expected:
    """Expectations of the estimation sample's rows, or of those of a frame.

    Parameters
    ----------
    results : GLLAMMResults
    frame : DataFrame, optional
    offset : ndarray (n,), optional
        Of the frame's rows, the logarithm of an exposure included; zero by default.
    latent : {"integrate", "zero", "posterior"}
        What latent variables are taken for.
    what : str
        How errors name what is asked for.
    sets : bool
        Whether outcomes may take several rows; all of them are in the frame then.
    """
    model, record = results.model, results.record
    if latent not in LATENT:
        raise ValueError(f"latent must be one of {', '.join(map(repr, LATENT))}, not {latent!r}")
    if frame is None or latent == "posterior":
        needs_sample(model, what)
    if not sets:
        refuse_sets(model, what)
    labels, given = category_labels(model), LATENT[latent]
    n = len(model.sample.index) if frame is None else len(frame)
    if offset is None:
        offset = model.sample.offset if frame is None else np.zeros(n)
    integration = "quadrature" if record.integration == "quadrature" else "adaptive"
    if model.structure.classes:
        if latent != "integrate":
            raise NotImplementedError(f"latent={latent!r} is not available for models with latent "
                                      "classes; use latent='integrate', which averages over them")
        if isinstance(frame, np.ndarray):
            raise NotImplementedError("of='columns' is not available for models with latent classes; "
                                      "use of='variables'")
        kind = "mean" if labels is None else "prob"
        found = prepare_classes(model, frame, kind, integration=integration,
                                n_quad=record.n_quad, **({} if frame is None else {"offset": offset}))
        return Expected(model, found.rows, found, labels, given, integration, record.n_quad)
    rows = rows_of(model, frame, Asked("mean" if labels is None else "prob", given))
    if not rows.kept.all():
        raise ValueError(f"{what} has a row with missing values, row "
                         f"{rows.index[~rows.kept][0]!r}; leave it out")
    if isinstance(frame, np.ndarray) and rows.absent and (labels is not None or _is_scaled(model)):
        raise ValueError(f"{what} needs the columns {', '.join(rows.absent)}, which exog does not "
                         "have; use of='variables'")
    rows = replace(rows, offset=np.asarray(offset, dtype=float))
    return Expected(model, rows, None, labels, given, integration, record.n_quad)


def _is_scaled(model) -> bool:
    return any("logscale" in member.response.aux_names for member in model.outcomes.members)


def needs_sample(model, what: str) -> None:
    """ValueError without the estimation sample."""
    if not len(model.sample.index):
        raise ValueError(f"{what} needs the data, which remove_data() has removed")


def refuse_sets(model, what: str) -> None:
    """NotImplementedError where outcomes take several rows."""
    outcomes = model.fitted_family.outcomes(sample_data(model.sample)) if len(
        model.sample.index) else None
    if outcomes is not None and linear.row_sets(outcomes) is not None:
        raise NotImplementedError(
            f"{what} is not available for {model.fitted_family.name}, whose outcomes take several "
            "rows, so that what one row expects depends on the others; use predict() on data in "
            "which a column has been changed")


def category_labels(model) -> tuple | None:
    """Categories of the response; None where it is a number, or where members differ."""
    family = model.fitted_family
    if isinstance(family, (MixedFamily, Choice)):
        return None
    response = model.outcomes.members[0].response
    if isinstance(family, Nominal):
        return tuple(family.categories)
    return tuple(response.categories) if getattr(response, "categories", None) is not None else None
