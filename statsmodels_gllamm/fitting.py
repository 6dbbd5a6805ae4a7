"""Maximum likelihood estimates of a model."""
from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from functools import partial
import inspect
import warnings

import numpy as np
import pandas as pd

from statsmodels_gllamm.estimation import (
    boundary,
    certify,
    checks,
    diagnose,
    identification,
    npml,
    pql,
)
from statsmodels_gllamm.estimation.class_fitting import ClassFitting
from statsmodels_gllamm.estimation.class_mixture import ClassMixture
from statsmodels_gllamm.estimation.fit import Options, fit
from statsmodels_gllamm.estimation.options import integer, one_of, positive
from statsmodels_gllamm.estimation.ordered import fit_in_order, with_notes
from statsmodels_gllamm.estimation.penalties import penalized
from statsmodels_gllamm.estimation.points import INTEGRATIONS
from statsmodels_gllamm.estimation.progress import Progress, thread_pool
from statsmodels_gllamm.estimation.record import record_of, with_penalty
from statsmodels_gllamm.estimation.regularized import Regularized
from statsmodels_gllamm.estimation.search import search_method, several_starts
from statsmodels_gllamm.exceptions import IdentificationWarning, SeparationWarning
from statsmodels_gllamm.formula.categories import show
from statsmodels_gllamm.latent.constrained import constrained
from statsmodels_gllamm.latent.sampling import weights_of
from statsmodels_gllamm.results import survey
from statsmodels_gllamm.results.classes import ClassResults
from statsmodels_gllamm.results.covariance import check_cov_type, default_cov_type
from statsmodels_gllamm.results.diagnosis import DiagnosisResults
from statsmodels_gllamm.results.results import GLLAMMResults


class Fitting(ClassFitting, Regularized):
    """Methods of `GLLAMMModel` that fit it."""

    def fit(self, start_params=None, *, integration="adaptive", n_quad="auto", quad_tol=0.01,
            method="newton", maxiter=200, tol=1e-8, disp=False, callback=None, starts=None,
            threads=None, progress=None, cov_type=None, cov_kwds=None, rng=None):
        """Maximum likelihood estimates.

        Parameters
        ----------
        start_params : array_like (k,), Series or results, optional
            Natural parameters; a Series or another model's results are matched by name.  A variance
            of zero, at which no search can start, is replaced by our own starting value.
        integration : {"adaptive", "laplace", "quadrature", "pql"}
            Adaptive Gauss-Hermite quadrature, its one-point case, or quadrature over the prior;
            "pql" is penalised quasi-likelihood, for starting values and comparison: its results
            have no likelihood.  Gaussian models with identity link are exact whatever is asked.
        n_quad : "auto", int or {group: int}
            Points per dimension; "auto" raises them until the certified error is below
            ``quad_tol``, within a node budget.
        quad_tol : float
            Largest accepted quadrature error, in log-likelihood units and in standard errors.
        method : str
            "newton", or a method of statsmodels: "bfgs", "lbfgs", "nm", "powell", "cg", "ncg",
            "basinhopping", "minimize".
        maxiter : int
        tol : float
            Log-likelihood still to be gained at which the search stops.
        disp : bool
            Print one line about the search when it ends.
        callback : callable, optional
            Called as callback(params) after every iteration.
        starts : int, optional
            Number of starting points; those after the first are drawn around it.  By default one,
            with latent classes ten for every class but the first, or three if classes have a design;
            ``optima`` of the results then has the maxima that they led to.
        threads : int, optional
            Threads over chunks of clusters; as many as cores by default.
        progress : bool, optional
            Show a bar; by default only when the fit is slow and a terminal or notebook is there.
        cov_type : {"nonrobust", "opg", "robust", "cluster"}, optional
            Covariance of the estimates; see ``GLLAMMResults.with_cov_type``.  By default "robust"
            with sampling weights, else "nonrobust".
        cov_kwds : dict, optional
        rng : seed or Generator, optional
            For ``starts``.

        Returns
        -------
        GLLAMMResults

        Warns
        -----
        IdentificationWarning, ConvergenceWarning, BoundaryWarning, QuadratureWarning,
        SeparationWarning, WeightsWarning

        Examples
        --------
        >>> import statsmodels.api as sm
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.toenail.load_pandas().data
        >>> model = GLLAMM.from_formula("y ~ treatment * time + (1 | patientID)", data,
        ...                             family=sm.families.Binomial())
        >>> laplace, default = model.fit(integration="laplace"), model.fit()
        >>> print(round(laplace.llf, 1), round(default.llf, 1))
        -627.8 -625.4
        """
        return self._fit(self._linear, start_params, integration, n_quad, quad_tol, method, maxiter,
                         tol, disp, callback, starts, threads, progress, cov_type, cov_kwds, rng)

    def fit_constrained(self, constraints, start_params=None, **fit_kwds):
        """Maximum likelihood estimates under linear constraints on any parameters.

        Parameters
        ----------
        constraints : str, list of str, dict {name: value}, array_like (m, k) or tuple (R, q)
            ``"lambda[f,x2] = lambda[f,x3], var[f[id]] = 1"``; a dict fixes parameters; R params = q.
        start_params : array_like (k,), Series or results, optional
            As in `fit`; the search starts from the nearest parameters that satisfy the constraints.
        **fit_kwds
            Keywords of `fit`.

        Returns
        -------
        GLLAMMResults
            With all k parameters.  Those that are fixed have a standard error of zero, and
            ``df_modelwc``, ``aic`` and tests count the free ones.

        Raises
        ------
        ValueError
            Unknown names, or constraints that contradict each other.
        DataError
            The search came to a singular covariance matrix whose constraints do more than set
            covariances to zero, fix variances or make variances of uncorrelated latent variables equal.

        Examples
        --------
        >>> import statsmodels.api as sm
        >>> from statsmodels_gllamm import GLLAMM, Factor, datasets
        >>> data = datasets.lsat.load_pandas().data
        >>> model = GLLAMM.from_formula("y ~ 0 + item + (0 + ability | id)", data,
        ...                             family=sm.families.Binomial(),
        ...                             factors={"ability": Factor("item", standardized=True)})
        >>> equal = [f"lambda[ability,Q{i}] = lambda[ability,Q1]" for i in range(2, 6)]
        >>> rasch, free = model.fit_constrained(equal), model.fit()
        >>> test = free.lr_test(rasch)
        >>> print(f"{rasch.llf:.2f}; {test.statistic:.2f} with {test.df} degrees of freedom")
        -2466.94; 0.57 with 4 degrees of freedom
        """
        defaults = {name: parameter.default for name, parameter
                    in inspect.signature(self.fit).parameters.items()}
        unknown = set(fit_kwds) - set(defaults)
        if unknown:
            raise TypeError(f"fit has no keyword {sorted(unknown)[0]!r}; its keywords are "
                            f"{', '.join(defaults)}")
        settings = {**defaults, **fit_kwds, "start_params": start_params}
        return self._fit(self._together(constraints), **settings)

    def _fit(self, constraints, start_params, integration, n_quad, quad_tol, method, maxiter, tol,
             disp, callback, starts, threads, progress, cov_type, cov_kwds, rng, penalty=None):
        """``fit`` under constraints (None: without), with a penalty (method, Prior, text) or None."""
        if integration == "pql" and self.classes:
            pql.refuse(self.structure, self.outcomes, starts, n_quad, method)
        if any(variable.spec.n == "auto" for variable in self.classes):
            if penalty is not None:
                raise NotImplementedError('penalties are not available with Classes("auto"); give a '
                                          "number of classes")
            return self._fit_masses(constraints, start_params, integration, n_quad, quad_tol, method,
                                    maxiter, tol, disp, callback, starts, threads, progress, cov_type,
                                    cov_kwds)
        cov_type = default_cov_type(self.sample) if cov_type is None else cov_type
        check_cov_type(cov_type, cov_kwds)
        integration, points = self._rule(integration, n_quad, starts, method)
        search = search_method(method)
        starts = self._number_of_starts(starts, start_params)
        if self.design.order is not None and method != "newton":
            raise ValueError(f"classes in order are fitted with method='newton', not {method!r}")
        starts, maxiter = integer("starts", starts), integer("maxiter", maxiter, 0)
        tol, quad_tol = positive("tol", tol), positive("quad_tol", quad_tol)
        design, start = self._start_within(constraints, start_params, penalty)
        unidentified = self._unidentified(design, start)
        for text in unidentified:
            warnings.warn(text, IdentificationWarning, stacklevel=3)
        if callback is not None and not callable(callback):
            raise ValueError(f"callback is a function of the parameters, not {callback!r}")
        bar, reached = Progress(progress), [start]

        def each(iteration, point, gain):
            reached[0] = point.working
            bar.update(iteration, point.loglik, gain)
            if callback is not None:
                callback(design.to_natural(point.working))

        options = Options(integration, points, quad_tol, tol, maxiter, each)
        with self._explained(), thread_pool(threads) as pool, closing(bar), \
                boundary.explained(design, reached):
            found, within, optima, notes = self._search(
                design, constraints, start, options, search, starts, rng, pool,
                None if penalty is None else penalty[1], start_params is None)
        record = self._record(found, within, integration, method, constraints, penalty, optima, notes)
        record.retvals["maxiter"] = maxiter
        if disp:
            print(f"{method}: {record.retvals['reason']}; log-likelihood {record.loglik:.6g} after "
                  f"{record.retvals['fcalls']} evaluations")
        suspected = bool(record.flat) or not record.retvals["converged"]
        separated = None if self.structure.classes or penalty is not None else checks.separation_of(
            self.sample, self.structure, self.outcomes, (within.full(start), False),
            (record.working, suspected))
        if separated is not None:
            warnings.warn(separated, SeparationWarning, stacklevel=3)
        else:
            diagnose.warn(record, stacklevel=3, flat=not unidentified)
        survey.warn(self, stacklevel=4)
        kind = ClassResults if self.structure.classes else GLLAMMResults
        kind = kind if self.diagnosis_model is None else DiagnosisResults
        return kind._wrapper(kind(self, record, cov_type=cov_type, cov_kwds=cov_kwds))

    def _rule(self, integration, n_quad, starts, method):
        """(integration, points by level or None for "auto"), checked."""
        one_of("integration", integration, (*INTEGRATIONS, "pql"))
        if integration == "pql" and self._exact:
            integration = "adaptive"
        if integration == "pql":
            pql.refuse(self.structure, self.outcomes, starts, n_quad, method)
        return integration, self._points(n_quad, "laplace" if integration == "pql" else integration)

    def _start_within(self, constraints, start_params, penalty):
        """(design under constraints, working coordinates to start from)."""
        start, design = self._start(start_params), self.design
        if constraints is not None:
            design = constrained(design, constraints)
            start = design.to_working(self.design.to_natural(start))
        if penalty is not None and start_params is None and not self.structure.classes:
            start = checks.pulled_back(self.sample, self.structure, self.outcomes, design, start)
        return design, start

    def _search(self, design, constraints, start, options: Options, search, starts, rng, pool, prior,
                own_start: bool):
        """(Fit, the design in which it is, table of optima or None, inequalities that hold with
        equality)."""
        def likelihood(n, within=design):
            return penalized(self._likelihood(n, options.integration, pool, within), prior)

        def climb(within, points):
            return fit(partial(likelihood, within=within), self._dimensions, points, options,
                       self._exact, search)

        optima = None
        if self.structure.classes and own_start:
            start, optima = self._search_classes(likelihood, start, design, options, search, starts,
                                                 rng)
            starts = 1
        if options.integration == "pql":
            return pql.fit_pql(self._working_models(design, pool), start, options), design, optima, ()
        if design.order is None:
            return climb(design, several_starts(start, starts, rng)), design, optima, ()
        ordered = fit_in_order(
            self.design, constraints, start,
            options.n_quad or certify.first_n_quad(self._dimensions), options.maxiter, options.tol,
            likelihood, lambda within, start: climb(within, [start]))
        return ordered.found, ordered.within, optima, ordered.notes

    def _record(self, found, design, integration, method, constraints, penalty, optima, notes):
        """What is kept of a fit."""
        record = record_of(found, self.design, design, integration, method, constraints)
        if penalty is not None:
            record = with_penalty(record, found.point, penalty)
        if integration == "pql":
            record = replace(record, loglik=np.nan)
        if optima is not None:
            record.retvals["optima"] = optima
        record = checks.held_where_vanished(with_notes(record, notes), self.sample, self.structure)
        if self.design.centring is not None:
            mixture = ClassMixture(self.design, self.structure.classes)
            with self._explained():
                objective = self._objective(record.n_quad, integration)
                record = npml.held_masses(record, self.design, objective, mixture)
        return record

    def _working_models(self, design, pool) -> pql.Working:
        """The linear mixed models of penalised quasi-likelihood."""
        rows, units = weights_of(self.sample, self.structure.levels)
        data_rows = self.outcomes.rows

        def where(row):
            return f"row {show(self.sample.index[row if data_rows is None else data_rows[row]])}"

        return pql.Working(self._engine_rows(rows), self.structure.engine_levels, units, design, pool,
                           where)

    def _unidentified(self, design, start) -> list[str]:
        """What is not identified, in words."""
        found = np.zeros((0, 0))
        if self.structure.classes:
            return []
        if not len(self.design.given):
            found = identification.unidentified(self.structure, self.outcomes, design, start)
        n_quad = identification.points(self.design.q)
        if not (found.size or self._exact) and n_quad:
            def objective(problem):
                return self._objective(n_quad, "quadrature", design=design, problem=problem)

            found = identification.silent(objective, self.structure, design, self._engine_rows(None),
                                          start)
        return [identification.describe(one, self.param_names) for one in found.T]

    def _start(self, start_params) -> np.ndarray:
        """Working coordinates (k,) of what the user gave, or of our own start."""
        names = self.param_names
        if start_params is None:
            with self._explained():
                return self.design.to_working(self.start_params)
        given = getattr(start_params, "params", start_params)
        if isinstance(given, pd.Series):
            params = pd.Series(self.start_params, index=names)
            known = given.index.intersection(params.index)
            if not len(known):
                raise ValueError(f"start_params names none of the parameters: {', '.join(names)}")
            params[known] = given[known]
            given = params
        params = np.asarray(given, dtype=float)
        if params.shape != (len(names),) or not np.isfinite(params).all():
            raise ValueError(f"start_params must be {len(names)} finite numbers, for "
                             f"{', '.join(names)}")
        working = self.design.to_working(params)
        if len(boundary.zero_coordinates(self.design, working)):  # a saddle of the search
            own = np.abs(self.design.to_working(self.start_params))
            working = boundary.leave(self.design, working, own)
        return working
