"""The likelihood of a model at any parameters."""
from __future__ import annotations

from contextlib import contextmanager

import numpy as np

from statsmodels_gllamm.estimation import boundary, certify, information
from statsmodels_gllamm.estimation.problems import Problems
from statsmodels_gllamm.estimation.starts import start_values
from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.formula.categories import show
from statsmodels_gllamm.formula.terms import linear_constraints
from statsmodels_gllamm.integration.mode import ModeError
from statsmodels_gllamm.latent.sampling import weights_of
from statsmodels_gllamm.parameters.constraints import Constraints, solve


class Likelihood(Problems):
    """Methods of `GLLAMMModel` that evaluate its log-likelihood."""

    def _solved(self, constraints) -> Constraints | None:
        """Linear constraints on the natural parameters, solved; None where there are none."""
        if not (isinstance(constraints, (str, dict)) or len(constraints)):
            return None
        try:
            r, q = linear_constraints(constraints, self.param_names)
        except Exception as error:
            raise ValueError(f"the constraints cannot be read ({error}); the parameters are "
                             f"{', '.join(self.param_names)}") from error
        return solve(r, q, self.param_names)

    def _together(self, constraints) -> Constraints | None:
        """The model's constraints and others."""
        more = self._solved(constraints)
        if more is None or self._linear is None:
            return more or self._linear
        own = self._linear
        return solve(np.vstack([own.r, more.r]), np.concatenate([own.q, more.q]), self.param_names)

    def _at(self, params, integration, n_quad, off_boundary=False, **wanted):
        params = np.asarray(params, dtype=float)
        if params.shape != (len(self.param_names),):
            raise ValueError(f"params has shape {params.shape}; this model has "
                             f"{len(self.param_names)} parameters: {', '.join(self.param_names)}")
        points = self._points(1 if integration == "laplace" else n_quad, integration)
        if points is None:
            points = certify.first_n_quad(self._dimensions)
        working = self.design.to_working(params)
        if off_boundary and len(boundary.zero_coordinates(self.design, working)):
            size = boundary.TINY * np.abs(self.design.to_working(self.start_params))
            working = boundary.leave(self.design, working, size)
        with self._explained():
            objective = self._likelihood(points, integration)
            return objective, objective.at(working, **wanted)

    @contextmanager
    def _explained(self):
        """Turn a failed mode search into an error that names the cluster."""
        try:
            yield
        except ModeError as error:
            number = int(error.units[0])
            if self.structure.levels:
                name = self.structure.levels[-1].name
                where = f"cluster {show(self.sample.groups[name].labels[number])} of {name!r}"
            else:
                where = f"row {show(self.sample.index[number])}"
            advice = ("the parameters are not possible for this response and link, or the data are "
                      "extreme there; check the rows, or give start_params")
            if getattr(self.response, "takes_constant", False):
                advice = ("thresholds may be out of order there: with covariates in thresholds= take "
                          "them out or use Ordinal(increments=True), and give start_params in order")
                if self.design.varying:
                    advice = ("thresholds may be out of order there, or coincide where a class has no "
                              "responses in a category: use Ordinal(increments=True) or Nominal()")
            raise DataError(f"{error} in {where} ({len(error.units)} affected): {advice}") from error

    def loglike(self, params, integration="adaptive", n_quad=7) -> float:
        """Log-likelihood at any parameters, with any rule.

        Parameters
        ----------
        params : array_like (k,)
            Natural parameters, as in ``param_names``.
        integration : {"adaptive", "laplace", "quadrature"}
        n_quad : int, {group: int} or "auto"
            Points per dimension.

        Returns
        -------
        float

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> model = GLLAMM.from_formula("Reaction ~ Days + (1 | Subject)", data)
        >>> print(round(model.loglike([251.4, 10.5, 1300.0, 3.4]), 2))
        -897.2
        """
        return self._at(params, integration, n_quad, gradient=False)[1].loglik

    def score(self, params, integration="adaptive", n_quad=7) -> np.ndarray:
        """Gradient (k,) of ``loglike``; one-sided where a variance is zero.

        Parameters
        ----------
        params, integration, n_quad
            As of `loglike`.

        Returns
        -------
        ndarray (k,)

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> model = GLLAMM.from_formula("Reaction ~ Days + (1 | Subject)", data)
        >>> model.score(model.fit().params).round(3) + 0.0
        array([0., 0., 0., 0.])
        """
        _, point = self._at(params, integration, n_quad, off_boundary=True)
        return np.linalg.solve(self.design.natural_jacobian(point.working).T, point.gradient)

    def score_obs(self, params, integration="adaptive", n_quad=7) -> np.ndarray:
        """Gradient of every top-level cluster's log-likelihood (clusters, k); sums to ``score``.

        A cluster with a weight counts that often.

        Parameters
        ----------
        params, integration, n_quad
            As of `loglike`.

        Returns
        -------
        ndarray (clusters, k)

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> model = GLLAMM.from_formula("Reaction ~ Days + (1 | Subject)", data)
        >>> model.score_obs(model.start_params).shape
        (18, 4)
        """
        _, point = self._at(params, integration, n_quad, off_boundary=True, units=True)
        jacobian = self.design.natural_jacobian(point.working)
        weight = point.problem.top_weight[:, None]
        return np.linalg.solve(jacobian.T, (point.unit_scores * weight).T).T

    def hessian(self, params, integration="adaptive", n_quad=7) -> np.ndarray:
        """Second derivatives (k, k) of ``loglike``: the exact gradient, differenced centrally.

        Parameters
        ----------
        params, integration, n_quad
            As of `loglike`.

        Returns
        -------
        ndarray (k, k)

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> model = GLLAMM.from_formula("Reaction ~ Days + (1 | Subject)", data)
        >>> model.hessian(model.fit().params).shape
        (4, 4)
        """
        objective, point = self._at(params, integration, n_quad, off_boundary=True, units=True)
        return information.natural_hessian(objective, point)

    def information(self, params, integration="adaptive", n_quad=7) -> np.ndarray:
        """Minus the Hessian (k, k): the observed information.

        Parameters
        ----------
        params, integration, n_quad
            As of `loglike`.

        Returns
        -------
        ndarray (k, k)

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> model = GLLAMM.from_formula("Reaction ~ Days + (1 | Subject)", data)
        >>> import numpy as np
        >>> res = model.fit()
        >>> np.sqrt(np.diag(np.linalg.inv(model.information(res.params))))[:2].round(3)
        array([9.506, 0.802])
        >>> res.bse[:2].to_numpy().round(3)
        array([9.506, 0.802])
        """
        return -self.hessian(params, integration, n_quad)

    @property
    def start_params(self) -> np.ndarray:
        """Natural parameters (k,) that a fit starts from; with latent classes, the first of them."""
        if self.structure.classes:
            working = self._class_starts().draw(np.random.default_rng(0))
            return self.design.to_natural(working)
        rows, _ = weights_of(self.sample, self.structure.levels)
        working = start_values(self.structure, self._engine_rows(rows), self._linear_aux)
        return self.design.to_natural(working)
