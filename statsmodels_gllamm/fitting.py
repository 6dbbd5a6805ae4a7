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
from statsmodels_gllamm.estimation import classes as latent_classes
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
from statsmodels_gllamm.exceptions import ConvergenceWarning, IdentificationWarning, SeparationWarning
from statsmodels_gllamm.formula.categories import show
from statsmodels_gllamm.latent.build import weights_of
from statsmodels_gllamm.latent.constrained import constrained
from statsmodels_gllamm.results import survey
from statsmodels_gllamm.results.classes import ClassResults
from statsmodels_gllamm.results.covariance import check_cov_type, default_cov_type
from statsmodels_gllamm.results.diagnosis import DiagnosisResults
from statsmodels_gllamm.results.results import GLLAMMResults


class Fitting(Regularized):
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
        prior = None if penalty is None else penalty[1]
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
        one_of("integration", integration, (*INTEGRATIONS, "pql"))
        if integration == "pql" and self._exact:
            integration = "adaptive"
        if integration == "pql":
            pql.refuse(self.structure, self.outcomes, starts, n_quad, method)
        points = self._points(n_quad, "laplace" if integration == "pql" else integration)
        search = search_method(method)
        with_classes = bool(self.structure.classes)
        if starts is None:  # one class has one maximum
            n_others = sum(classes.n - 1 for classes in self.structure.classes)
            starts = max(1, latent_classes.STARTS * n_others if start_params is None else 1)
            if n_others and any(classes.designs for classes in self.structure.classes):
                starts = latent_classes.FEW
        if self.design.order is not None and method != "newton":
            raise ValueError(f"classes in order are fitted with method='newton', not {method!r}")
        starts, maxiter = integer("starts", starts), integer("maxiter", maxiter, 0)
        tol, quad_tol = positive("tol", tol), positive("quad_tol", quad_tol)
        start, design = self._start(start_params), self.design
        if constraints is not None:
            design = constrained(design, constraints)
            start = design.to_working(self.design.to_natural(start))
        if penalty is not None and start_params is None and not with_classes:
            start = checks.pulled_back(self.sample, self.structure, self.outcomes, design, start)
        unidentified = self._unidentified(design, start)
        for text in unidentified:
            warnings.warn(text, IdentificationWarning, stacklevel=3)
        if callback is not None and not callable(callback):
            raise ValueError(f"callback is a function of the parameters, not {callback!r}")
        bar = Progress(progress)

        def each(iteration, point, gain):
            bar.update(iteration, point.loglik, gain)
            if callback is not None:
                callback(design.to_natural(point.working))

        options = Options(integration, points, quad_tol, tol, maxiter, each)
        optima, equal = None, ()
        with self._explained(), thread_pool(threads) as pool, closing(bar):
            def likelihood(n, within=design):
                return penalized(self._likelihood(n, integration, pool, within), prior)

            if with_classes and start_params is None:
                start, optima = self._search_classes(likelihood, start, design, options, search,
                                                     starts, rng)
                starts = 1
            if integration == "pql":
                found = pql.fit_pql(self._working_models(design, pool), start, options)
            elif design.order is None:
                found = fit(likelihood, self._dimensions, several_starts(start, starts, rng), options,
                            self._exact, search)
            else:
                ordered = fit_in_order(
                    self.design, constraints, start, points or certify.first_n_quad(self._dimensions),
                    maxiter, tol, likelihood, lambda within, start: fit(
                        partial(likelihood, within=within), self._dimensions, [start], options,
                        self._exact, search))
                found, design, equal = ordered.found, ordered.within, ordered.notes
        record = record_of(found, self.design, design, integration, method, constraints)
        if penalty is not None:
            record = with_penalty(record, found.point, penalty)
        if integration == "pql":
            record = replace(record, loglik=np.nan)
        record.retvals["maxiter"] = maxiter
        if optima is not None:
            record.retvals["optima"] = optima
        record = with_notes(record, equal)
        record = checks.held_where_vanished(record, self.sample, self.structure)
        if self.design.centring is not None:
            mixture = ClassMixture(self.design, self.structure.classes)
            with self._explained():
                objective = self._objective(record.n_quad, integration)
                record = npml.held_masses(record, self.design, objective, mixture)
        if disp:
            print(f"{method}: {record.retvals['reason']}; log-likelihood {record.loglik:.6g} after "
                  f"{record.retvals['fcalls']} evaluations")
        suspected = bool(record.flat) or not record.retvals["converged"]
        separated = None if with_classes or penalty is not None else checks.separation_of(
            self.sample, self.structure, self.outcomes, (design.full(start), False),
            (record.working, suspected))
        if separated is not None:
            warnings.warn(separated, SeparationWarning, stacklevel=3)
        else:
            diagnose.warn(record, stacklevel=3, flat=not unidentified)
        survey.warn(self, stacklevel=4)
        kind = ClassResults if with_classes else GLLAMMResults
        kind = kind if self.diagnosis_model is None else DiagnosisResults
        return kind._wrapper(kind(self, record, cov_type=cov_type, cov_kwds=cov_kwds))

    def _working_models(self, design, pool) -> pql.Working:
        """The linear mixed models of penalised quasi-likelihood."""
        rows, units = weights_of(self.sample, self.structure.levels)
        data_rows = self.outcomes.rows

        def where(row):
            return f"row {show(self.sample.index[row if data_rows is None else data_rows[row]])}"

        return pql.Working(self._engine_rows(rows), self.structure.engine_levels, units, design, pool,
                           where)

    def _class_starts(self) -> latent_classes.Starts:
        """What starting points of a model with latent classes are drawn from."""
        rows, _ = weights_of(self.sample, self.structure.levels)
        objective = self._objective((1,) * len(self.design.q))
        return latent_classes.starts_of(self.structure, self._engine_rows(rows), objective,
                                        self._linear_aux)

    def _search_classes(self, make_objective, start, design, options: Options, search, starts, rng):
        """(working coordinates to go on from, table of the optima) of several short searches."""
        n_quad = options.n_quad or certify.first_n_quad(self._dimensions)
        lowest = min(classes.level for classes in self.structure.classes)
        objective = make_objective((*n_quad[:lowest + 1],
                                    *(min(n, latent_classes.COARSE) for n in n_quad[lowest + 1:])))
        points = [start]
        if starts > 1:
            drawn, rng = self._class_starts(), np.random.default_rng(rng)
            points = [design.to_working(self.design.to_natural(drawn.draw(rng)))
                      for _ in range(starts)]
        best, optima = latent_classes.best_of(search, objective, points, options.maxiter,
                                              options.callback)
        mixture = ClassMixture(design, self.structure.classes)
        return latent_classes.by_size(objective, best, mixture), optima

    def _with_masses(self, n: int):
        """The same model with a number of classes."""
        variable, = self.classes
        variable = replace(variable, spec=replace(variable.spec, n=n))
        model = type(self)(self.sample.endog, self.sample.exog, sample=self.sample,
                           family=self.family, covariances=self.covariances,
                           regressions=self.regressions, classes=(variable,))
        for name in ("formula", "gllamm_formula", "wide"):
            if hasattr(self, name):
                setattr(model, name, getattr(self, name))
        if hasattr(self.data, "frame"):
            model.data.frame = self.data.frame
        return model

    def _fit_masses(self, constraints, start_params, integration, n_quad, quad_tol, method, maxiter,
                    tol, disp, callback, starts, threads, progress, cov_type, cov_kwds):
        """``fit`` with as many masses as the nonparametric maximum likelihood estimate has."""
        if self.structure.classes[0].level < len(self.structure.levels) - 1:
            raise NotImplementedError('Classes("auto") finds the masses of clusters of the highest '
                                      "level; give a number of masses for "
                                      f"{self.structure.classes[0].group!r}")
        if constraints is not None:
            raise NotImplementedError('constraints are not available with Classes("auto"); fit them '
                                      "with the number of classes that a fit without finds")
        if start_params is not None or starts is not None:
            raise ValueError('Classes("auto") has no starting points: it starts with one class and '
                             "adds others where the likelihood gains; leave out start_params and "
                             "starts")
        points = self._points(n_quad, integration) or certify.first_n_quad(self._dimensions)
        made, search = {}, search_method(method)
        with self._explained(), thread_pool(threads) as pool:
            def make(n):
                if n not in made:
                    model = self._with_masses(n)
                    made[n] = model, model._objective(points, integration, pool)
                return made[n]

            growth = npml.Growth(make, search, integer("maxiter", maxiter, 0))
            first = make(1)[0]
            masses = growth.start(first.design.to_working(first.start_params))
            masses, sup = growth.pruned(*growth.grow(masses))
            masses = npml.placed(masses, masses.model, masses.objective, masses.own, masses.size)
            found = masses.model.design.to_natural(masses.working)
        if sup > npml.SUPREMUM:
            warnings.warn(f"the directional derivative is still {sup:.2g} somewhere with "
                          f"{len(masses.size)} masses, so that more could gain as much in "
                          "log-likelihood", ConvergenceWarning, stacklevel=4)
        return masses.model.fit(
            found, integration=integration, n_quad=n_quad, quad_tol=quad_tol, method=method,
            maxiter=maxiter, tol=min(tol, npml.SEARCH), disp=disp, callback=callback, starts=1,
            threads=threads, progress=progress, cov_type=cov_type, cov_kwds=cov_kwds)

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
