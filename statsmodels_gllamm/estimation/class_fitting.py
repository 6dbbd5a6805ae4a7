"""Fits of models with latent classes: random starts, and as many masses as raise the likelihood."""
from __future__ import annotations

from dataclasses import replace
import warnings

import numpy as np

from statsmodels_gllamm.estimation import certify, npml
from statsmodels_gllamm.estimation import classes as latent_classes
from statsmodels_gllamm.estimation.class_mixture import ClassMixture
from statsmodels_gllamm.estimation.fit import Options
from statsmodels_gllamm.estimation.options import integer
from statsmodels_gllamm.estimation.progress import thread_pool
from statsmodels_gllamm.estimation.search import search_method
from statsmodels_gllamm.exceptions import ConvergenceWarning
from statsmodels_gllamm.latent.sampling import weights_of


class ClassFitting:
    """Methods of `GLLAMMModel` that fit latent classes."""

    def _number_of_starts(self, starts, start_params) -> int:
        """Starting points, by default more with several classes: one class has one maximum."""
        if starts is not None:
            return starts
        n_others = sum(classes.n - 1 for classes in self.structure.classes)
        if n_others and any(classes.designs for classes in self.structure.classes):
            return latent_classes.FEW
        return max(1, latent_classes.STARTS * n_others if start_params is None else 1)

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
        return self._again(classes=(variable,), constraints=())

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
