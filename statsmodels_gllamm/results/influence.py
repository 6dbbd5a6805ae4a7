r"""Influence of top-level units: what estimates would be without one, by one Newton step.

With the score :math:`s_j` and the information :math:`H_j` of unit j at the estimates, its weights
included, and the information A of all units, in the coordinates of the search,

.. math::
    \hat\theta - \hat\theta_{(j)} \approx d_j = (A - H_j)^{-1} s_j

.. math::
    D_j = \frac{d_j' A\, d_j}{f}, \qquad
    h_j = \operatorname{tr}(A^{-1} H_j), \qquad
    \log \text{covratio}_j = \log\frac{|A|}{|A - H_j|}
        + d_j'\, \nabla \log \frac{|A|}{|J'J|}

with f free parameters and J the derivative of the natural parameters in them (Pregibon, 1981, Ann.
Statist. 9, 705-724; Lesaffre and Verbeke, 1998, Biometrics 54, 570-582).  The last term is what the
step does to the covariance matrix.  With :math:`A^{-1} = CC'` and columns c of C, the same 2f
evaluations of the units' exact scores at :math:`\hat\theta \pm h c` have for first differences all
:math:`H_j`, and for second ones

.. math:: \nabla \log |A| = -\sum_c \frac{s(\hat\theta + hc) - 2 s(\hat\theta)
          + s(\hat\theta - hc)}{h^2}
"""
from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd
from scipy.stats import chi2

from statsmodels_gllamm.estimation.options import one_of
from statsmodels_gllamm.latent.constrained import constrained
from statsmodels_gllamm.results.covariance import independent_units, top_sampling, top_weight
from statsmodels_gllamm.results.likelihoods import PQL, refuse_without_likelihood
from statsmodels_gllamm.results.units import level_units

STEP = 1e-2  # of a standard error, of the differences of the scores
LONG = 0.05  # the longest step, in a coordinate or of its size
RANK = 1e-10  # eigenvalues of the scaled covariance below which a direction is flat
SHOWN = 5  # units that a plot names
PANELS = {"cooks": "Cook's distance", "hat": "leverage", "covratio": "ratio of covariances"}


class GLLAMMInfluence:
    """Influence of top-level units on the estimates; see ``GLLAMMResults.get_influence``.

    Parameters
    ----------
    results : GLLAMMResults

    Attributes
    ----------
    d_params : DataFrame (n_units, k)
        Estimates less those without the unit.
    params_one : DataFrame (n_units, k)
        Estimates without the unit.
    dfbetas : DataFrame (n_units, k)
        ``d_params`` over standard errors.
    cooks_distance : (Series, ndarray)
        Cook's distance, and the probability beyond it of a chi-squared variable over its degrees of
        freedom, the number of free parameters: near one for a unit of no influence.
    hat_matrix_diag : Series
        Shares of the units in the information; they sum to the number of free parameters.
    covratio : Series
        Determinant of the covariance matrix of the estimates without the unit over that with it: the
        larger above one, the more precise the estimates are with the unit.

    Notes
    -----
    A unit with a frequency weight stands for so many, which are left out together.  Parameters
    without a standard error, at a boundary or in a flat direction, have NaN, and so have units
    without which the data would not identify the parameters.
    """

    def __init__(self, results) -> None:
        self.results = getattr(results, "_results", results)
        self.model = self.results.model
        self.index, self._order = _labels(self.model)

    @cached_property
    def _pieces(self):
        """Root C (f, r), C's (n, r) and C'HC (n, r, r) of the units, and C' times the gradient (r,)
        in the last term of the log of covratio."""
        record = self.results.record
        design, working = _search(self.model, record)
        objective = self.model._likelihood(record.n_quad, record.integration, design=design)
        free, root = record.information.free, _root(record.information.inverse)
        units = independent_units(self.model)
        weight, drawn = top_weight(self.model, units)[:, None], top_sampling(self.model, units)
        weight = weight if drawn is None else weight * drawn[:, None]

        def scores(at, state=None):
            point = objective.at(at, state, units=True)
            return weight * units.sum(point.unit_scores[:, free]) @ root, point.value.state

        with self.model._explained():
            own, state = scores(working)
            curvature = np.empty((len(own), root.shape[1], root.shape[1]))
            bend, slope = np.zeros(root.shape[1]), np.empty(root.shape[1])
            for k, direction in enumerate(root.T):
                step, share = np.zeros(len(working)), np.abs(direction) / (1 + np.abs(working[free]))
                h = min(STEP, LONG / share.max())  # the log-likelihood may be nearly flat
                step[free] = h * direction
                up, down = scores(working + step, state)[0], scores(working - step, state)[0]
                curvature[:, k] = (down - up) / (2 * h)
                bend -= (up - 2 * own + down).sum(axis=0) / h**2
                slope[k] = (_log_size(design, working + step, free)
                            - _log_size(design, working - step, free)) / (2 * h)
        curvature = 0.5 * (curvature + np.swapaxes(curvature, 1, 2))
        return root, own[self._order], curvature[self._order], bend - slope

    @cached_property
    def _rest(self) -> np.ndarray:
        """I - C'HC (n, r, r), NaN where it is not positive definite."""
        curvature = self._pieces[2]
        rest = np.eye(curvature.shape[1]) - curvature
        bad = np.linalg.eigvalsh(rest).min(axis=1, initial=1.0) <= RANK
        rest[bad] = np.nan
        return rest

    @cached_property
    def _steps(self) -> np.ndarray:
        """C^-1 d (n, r)."""
        score, rest = self._pieces[1], self._rest
        out, good = np.full(score.shape, np.nan), np.isfinite(rest).all(axis=(1, 2))
        out[good] = np.linalg.solve(rest[good], score[good][..., None])[..., 0]
        return out

    @cached_property
    def params_one(self) -> pd.DataFrame:
        record = self.results.record
        design, working = _search(self.model, record)
        moved = np.repeat(working[None], len(self.index), axis=0)
        moved[:, record.information.free] -= self._steps @ self._pieces[0].T
        found = np.array([design.to_natural(one) for one in moved]).reshape(len(moved), -1)
        found[:, np.isnan(np.diag(record.cov))] = np.nan
        found[np.isnan(self._steps).any(axis=1)] = np.nan
        return pd.DataFrame(found, index=self.index, columns=self.model.param_names)

    @cached_property
    def d_params(self) -> pd.DataFrame:
        return self.results.record.params - self.params_one

    @cached_property
    def dfbetas(self) -> pd.DataFrame:
        bse = np.asarray(self.results.bse)
        return self.d_params / np.where(bse > 0, bse, np.nan)

    @cached_property
    def cooks_distance(self):
        rank = self._steps.shape[1]
        distance = pd.Series((self._steps**2).sum(axis=1) / rank, index=self.index, name="cooks_d")
        return distance, chi2.sf(distance * rank, rank)

    @cached_property
    def hat_matrix_diag(self) -> pd.Series:
        return pd.Series(np.einsum("nii->n", self._pieces[2]), index=self.index, name="hat_diag")

    @cached_property
    def covratio(self) -> pd.Series:
        with np.errstate(invalid="ignore"):  # NaN where the rest is not positive definite
            log = self._steps @ self._pieces[3] - np.linalg.slogdet(self._rest)[1]
        return pd.Series(np.exp(log), index=self.index, name="covratio")

    def summary_frame(self) -> pd.DataFrame:
        """One row per unit: ``dfb_`` and the parameter's name, "cooks_d", "hat_diag" and "covratio".

        Returns
        -------
        DataFrame (n_units, k + 3)
        """
        return self.dfbetas.add_prefix("dfb_").assign(
            cooks_d=self.cooks_distance[0], hat_diag=self.hat_matrix_diag, covratio=self.covratio)

    def plot_index(self, y_var="cooks", threshold=None, title=None, ax=None):
        """A measure of influence of every unit, in the order of the labels.

        Parameters
        ----------
        y_var : {"cooks", "hat", "covratio"} or name of a parameter
            Of a parameter: its ``dfbetas``.
        threshold : float, optional
            Units beyond it, in size, are named; by default the five that stand out most.
        title : str, optional
        ax : matplotlib Axes, optional

        Returns
        -------
        matplotlib.figure.Figure
        """
        from statsmodels_gllamm.results.residual_plots import index_plot

        values, what, middle = self._measure(y_var)
        away = (values - middle).abs()
        if threshold is None:
            named = away.nlargest(SHOWN).index
        else:
            named = away.index[away > threshold]
        return index_plot(values, what, middle, values.index.isin(named), title, ax)

    def _measure(self, y_var):
        """A measure (Series), its name, and its value for a unit of no influence."""
        if y_var in self.dfbetas.columns:
            return self.dfbetas[y_var], f"change of {y_var} in standard errors", 0.0
        one_of("y_var", y_var, (*PANELS, *self.dfbetas.columns))
        values = {"cooks": self.cooks_distance[0], "hat": self.hat_matrix_diag,
                  "covratio": self.covratio}[y_var]
        return values, PANELS[y_var], 1.0 if y_var == "covratio" else 0.0


def influence(results, level=None) -> GLLAMMInfluence:
    """See ``GLLAMMResults.get_influence``."""
    model = results.model
    levels = model.structure.levels
    tops = levels[-1].groups if levels else ("rows",)
    known = {name for one in levels for name in one.groups}
    if level is not None and level not in tops:
        if level in known:
            raise NotImplementedError(
                f"influence of {level!r} is not available: its units are not independent, because "
                f"they share the latent variables of {tops[0]!r}; use level={tops[0]!r}")
        raise ValueError(f"level must be {tops[0]!r}, the independent units of this model, not "
                         f"{level!r}")
    if results.integration == PQL or results.penalty is not None:
        refuse_without_likelihood(results, "get_influence")
    if not results.record.information.definite or not len(results.record.information.free):
        raise ValueError("influence needs a maximum of the log-likelihood with free parameters: the "
                         "information at the estimates is not positive definite")
    return GLLAMMInfluence(results)


def _search(model, record):
    """The design that was searched, and its working coordinates at the estimates."""
    if record.constraints is None:
        return model.design, record.working
    design = constrained(model.design, record.constraints)
    return design, design.to_working(record.params)


def _log_size(design, working, free) -> float:
    """log |J'J| of the derivative of the natural parameters in the free coordinates, of those that
    move."""
    jacobian = design.natural_jacobian(working)[:, free]
    size = np.linalg.svd(jacobian, compute_uv=False)
    return float(2 * np.log(size[size > RANK * size.max(initial=0.0)]).sum())


def _root(inverse: np.ndarray) -> np.ndarray:
    """C (f, r) with CC' the inverse information, of its rank."""
    scale = np.sqrt(np.diag(inverse))
    scale[scale == 0] = 1.0
    values, vectors = np.linalg.eigh(inverse / np.outer(scale, scale))
    some = values > RANK * values.max(initial=0.0)
    return scale[:, None] * vectors[:, some] * np.sqrt(values[some])


def _labels(model):
    """Labels of the independent units, and their numbers in this order."""
    structure = model.structure
    if structure.levels:
        group = model.sample.groups[structure.levels[-1].name]
        return group.labels, level_units(structure, group)[1]
    units = independent_units(model)
    if units.n == len(model.sample.index):
        return model.sample.index, units.of_row
    return pd.RangeIndex(units.n, name="unit"), np.arange(units.n)
