"""Mass points of a discrete mixing distribution, and the directional derivative of the likelihood."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from statsmodels_gllamm.estimation.class_mixture import ClassMixture
from statsmodels_gllamm.estimation.classes import absolute
from statsmodels_gllamm.estimation.gateaux import Towards, towards_mass, towards_value
from statsmodels_gllamm.estimation.npml import at_infinity
from statsmodels_gllamm.integration.mode import ModeError
from statsmodels_gllamm.results.axes import DARK, GREY, LIGHT, one_axis

BROWN = "#b35806"
WIDE = 4.0  # standard deviations of a normal latent variable to both sides


@dataclass(frozen=True)
class MassPoints:
    """A discrete mixing distribution.

    Attributes
    ----------
    table : DataFrame
        A row per mass, by location: for every column ``location``, its distance from the mean,
        ``std_err``, and ``level``, the coefficient in that mass (mean added); then ``probability``
        and its ``std_err``.
    mean : Series
        Of every column: the coefficient of the fixed part.
    covariance : DataFrame
        Of the columns.

    Notes
    -----
    A mass at infinity has a level of plus or minus infinity; then there is no mean, locations are NaN,
    and the standard errors of a column are those of the levels (by the observed information).
    """

    table: pd.DataFrame
    mean: pd.Series
    covariance: pd.DataFrame

    @property
    def variance(self) -> pd.Series:
        """Variances of the columns."""
        return pd.Series(np.diag(self.covariance), index=self.covariance.index, name="variance")

    def __str__(self):
        rows = [f"{name}: mean {mean:.4g}, variance {variance:.4g}"
                for (name, mean), variance in zip(self.mean.items(), self.variance)]
        return self.table.round(4).to_string() + "\n" + "\n".join(rows)

    __repr__ = __str__


def mass_points(results) -> MassPoints:
    """See ``ClassResults.mass_points``."""
    model, design = results.model, results.model.design
    classes, centring = model.structure.classes[0], design.centring
    if centring is None:
        raise ValueError("mass points are the classes of Classes(..., centered=True); the classes of "
                         "this model have coefficients without a common mean")
    p = np.asarray(results.params, dtype=float)
    working = results.record.working
    names = [column.name for column in classes.columns]
    n = classes.n

    def derived(params):
        params = params.to_numpy()
        return np.concatenate([centring.locations(params).ravel(), centring.probabilities(params)])

    error = results.nonlinear(derived)["std_err"].to_numpy(copy=True)
    locations, size = centring.locations(p), centring.probabilities(p)
    level = absolute(ClassMixture(design, (classes,)), working)
    cov = (locations.T * size) @ locations
    fixed = pd.Series(p, model.param_names).reindex(names).to_numpy()
    far = infinite_masses(results)
    if far.any():
        lost, middle = far.any(axis=0), np.median(level, axis=0)
        error[:far.size] = np.where(lost, _level_errors(results, far),
                                    error[:far.size].reshape(far.shape)).ravel()
        level = np.where(far, np.copysign(np.inf, level - middle), level)
        with np.errstate(invalid="ignore"):  # masses at both ends have no mean
            fixed = np.where(lost, size @ level, fixed)
        locations = np.where(lost, np.nan, locations)
        cov[lost], cov[:, lost] = np.inf, np.inf
    table = {}
    for i, name in enumerate(names):
        table[name, "location"] = locations[:, i]
        table[name, "std_err"] = error[:n * len(names)].reshape(n, -1)[:, i]
        table[name, "level"] = level[:, i]
    table["probability", "estimate"] = size
    table["probability", "std_err"] = error[n * len(names):]
    table = pd.DataFrame(table, index=pd.Index([classes.label(c) for c in range(n)]))
    order = np.lexsort(level.T[::-1])
    return MassPoints(table.iloc[order], pd.Series(fixed, index=names, name="mean"),
                      pd.DataFrame(cov, names, names))


def _level_errors(results, far) -> np.ndarray:
    """Standard errors (n, P) of the levels, NaN of those that are far out."""
    design, info = results.model.design, results.record.information
    out = np.full(far.shape, np.nan)
    if results.record.constraints is not None:
        return out
    for p, column in enumerate(results.model.structure.classes[0].columns):
        if column.beside < 0:
            continue
        slope = np.zeros((len(far), design.layout.size))
        slope[:, design.layout.positions("coef")[column.beside]] = 1.0
        slope[np.arange(1, len(far)), design.centring.own[:, p]] = 1.0
        slope = slope[~far[:, p]][:, info.free]
        out[~far[:, p], p] = np.sqrt(np.einsum("cp,pq,cq->c", slope, info.inverse, slope))
    return out


def infinite_masses(results) -> np.ndarray:
    """Which locations (n, P) lie so far out that moving them further changes nothing."""
    objective = _objective(results)
    mixture = ClassMixture(results.model.design, results.model.structure.classes)
    with results.model._explained():
        return at_infinity(objective, results.record.working, mixture)


def _objective(results):
    return results.model._objective(results.record.n_quad, results.record.integration)


def derivative_of(results) -> tuple[Towards, np.ndarray]:
    """What the derivative is taken with, and the scores (G, k) of its units at the estimates."""
    results._needs_data("gateaux")
    model, record = results.model, results.record
    design, variables = model.design, model.structure.classes
    if len(variables) > 1 or variables and variables[0].level < len(model.structure.levels) - 1:
        raise NotImplementedError("the directional derivative is available for one class variable, of "
                                  "the highest level")
    classes = variables[0] if variables else None
    if classes is not None:
        if not all(column.relative for column in classes.columns):
            raise ValueError("the directional derivative is towards further values of coefficients of "
                             "the fixed part; write the columns of the bars into it too")
        if classes.membership.shape[1] > 1 or (classes.known >= 0).any():
            raise NotImplementedError("the directional derivative is not available with covariates of "
                                      "the membership or known classes")
    elif sum(design.q) != 1 or design.q[-1] != 1 or len(design.given) or model.structure.residuals:
        raise NotImplementedError("the directional derivative is available for mass points, and for "
                                  "models with one normal latent variable, at the highest level")
    elif not design.roots(record.working)[0].any():
        raise ValueError("the variance of the latent variable is zero, so that the derivative has no "
                         'locations; fit mass points, Classes("auto", within=...)')
    with model._explained():
        objective = _objective(results)
        if classes is not None:
            mixture = ClassMixture(design, variables)
            towards = towards_mass(objective, record.working, mixture)
            return towards, objective.at(record.working).value.unit_scores
        point = objective.at(record.working, units=True)
        return towards_value(objective, record.working), point.unit_scores


def gateaux(results, grid=None) -> pd.DataFrame:
    """See ``GLLAMMResults.gateaux``."""
    towards, scores = derivative_of(results)
    classes = next(iter(results.model.structure.classes), None)
    names = ["location"] if classes is None or len(classes.columns) == 1 else [
        column.name for column in classes.columns]
    with results.model._explained():
        if grid is None:
            grid = towards.grid() if classes is not None else (
                towards.scale[0] * np.linspace(-WIDE, WIDE, 161)[:, None])
            if len(names) == 1:
                grid = np.sort(grid, axis=0)
        grid = np.asarray(grid, dtype=float)
        grid = grid.reshape(-1, 1) if len(names) == 1 else grid
        if grid.ndim != 2 or grid.shape[1] != len(names) or not np.isfinite(grid).all():
            raise ValueError(f"grid is an array of finite locations with {len(names)} column(s), for "
                             f"{', '.join(names)}")
        r = np.array([_ratios(towards, z) for z in grid])
    weight = towards.problem.top_weight
    root = np.sqrt(weight)
    basis = np.linalg.svd(scores * root[:, None], full_matrices=False)
    basis = basis[0][:, basis[1] > 1e-8 * basis[1].max()] if scores.size else basis[0]
    rest = r * root - (r * root) @ basis @ basis.T
    table = pd.DataFrame(grid, columns=names)
    table["derivative"] = r @ weight
    table["std_err"] = np.sqrt((rest**2).sum(axis=1))
    return table


def _ratios(towards: Towards, z) -> np.ndarray:
    """Ratios (n_top,) at a location, NaN where the likelihood of a unit cannot be evaluated."""
    try:
        return towards.ratios(z)
    except ModeError:
        return np.full(len(towards.loglik), np.nan)


def plot_gateaux(results, grid=None, ax=None):
    """See ``GLLAMMResults.plot_gateaux``."""
    variables = results.model.structure.classes
    table = gateaux(results, grid)
    names = [name for name in table.columns if name not in ("derivative", "std_err")]
    if len(names) > 2:
        raise ValueError(f"a picture has one or two columns, not {len(names)}; gateaux() has the table")
    axis = one_axis(ax, (6.4, 4.0))
    if not variables:
        _band(axis, table)
        axis.set_xlabel("value of the latent variable")
    else:
        masses = derivative_of(results)[0].centre
        size = np.exp(ClassMixture(results.model.design, variables).log_prior(
            results.record.working)[:, 0])
        if len(names) == 2:
            _contours(axis, table, names)
            axis.scatter(*masses.T, s=600 * size, color=BROWN, alpha=0.8, edgecolor="white")
            return axis.figure
        axis.scatter(masses[:, 0], 0 * size, s=600 * size, color=BROWN, alpha=0.6, linewidth=0,
                     label="mass points, area by probability", zorder=3)
        axis.set_xlabel(f"location of a further mass: {variables[0].columns[0].name}, from the mean")
    axis.plot(table[names[0]], table["derivative"], color=DARK, linewidth=2, zorder=2)
    axis.axhline(0, color=GREY, linewidth=0.8, linestyle="--")
    axis.set_ylabel("directional derivative")
    axis.legend(frameon=False)
    return axis.figure


def _band(axis, table) -> None:
    half = 1.645 * table["std_err"]
    axis.fill_between(table["location"], table["derivative"] - half, table["derivative"] + half,
                      color=LIGHT, alpha=0.5, linewidth=0, label="90% pointwise")


def _contours(axis, table, names) -> None:
    filled = axis.tricontourf(table[names[0]], table[names[1]], table["derivative"], levels=20,
                              cmap="Blues")
    axis.figure.colorbar(filled, ax=axis, label="directional derivative")
    axis.set(xlabel=f"{names[0]}, from the mean", ylabel=f"{names[1]}, from the mean")


class MixingDistribution:
    """Methods of results on the distribution of what differs between clusters."""

    def gateaux(self, grid=None) -> pd.DataFrame:
        r"""Directional derivative of the log-likelihood towards a mass at a location.

        Parameters
        ----------
        grid : array_like (m,) or (m, P), optional
            Locations, in units of the linear predictor: deviations from the mean of the P columns
            with mass points, or values of the normal latent variable.

        Returns
        -------
        DataFrame
            The location, or a column for every one of P; ``derivative``; and ``std_err``, of the
            derivative with the parameters estimated, if the mixing distribution is that of the model.
            NaN where the likelihood cannot be evaluated, as where a mean would overflow.

        Notes
        -----
        With w_j the frequency weights of clusters, f_j(z) the likelihood of cluster j given the
        location z and f_j(P) that under the model,

        .. math:: D(z) = \sum_j w_j \Big\{\frac{f_j(z)}{f_j(P)} - 1\Big\}

        A sum, not a mean, over clusters.  It is nowhere positive if and only if no other mixing
        distribution has a higher likelihood at the same values of the other parameters.  Of a normal
        latent variable, ``derivative / std_err`` is the score test of the normal distribution against
        one with some more weight at z (one-sided, for a z that is chosen beforehand).

        References
        ----------
        Lindsay, B. G. (1983). The geometry of mixture likelihoods: a general theory. Annals of
        Statistics 11, 86-94.

        Verbeke, G. and Molenberghs, G. (2013). The gradient function as an exploratory
        goodness-of-fit assessment of the random-effects distribution in mixed models. Biostatistics
        14, 477-490.

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> res = GLLAMM.from_formula("Reaction ~ Days + (1 | Subject)", data).fit()
        >>> list(res.gateaux([-50, 0, 50]).columns)
        ['location', 'derivative', 'std_err']
        """
        return gateaux(self, grid)

    def plot_gateaux(self, grid=None, ax=None):
        """Picture of `gateaux`, with the mass points; with a normal latent variable, with pointwise
        90% bands, so that a curve whose band is above zero somewhere speaks against normality.

        Parameters
        ----------
        grid : array_like, optional
        ax : matplotlib Axes, optional

        Returns
        -------
        matplotlib.figure.Figure
        """
        return plot_gateaux(self, grid, ax)
