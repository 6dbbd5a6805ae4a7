"""GLLAMMModel: wires formula, responses, latent structure, integration and estimation."""
from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
import inspect
import warnings

import numpy as np
import pandas as pd
import statsmodels.api as sm
from statsmodels.base.model import LikelihoodModel

from statsmodels_gllamm.estimation import (
    boundary,
    certify,
    checks,
    diagnose,
    identification,
    information,
    npml,
)
from statsmodels_gllamm.estimation import classes as latent_classes
from statsmodels_gllamm.estimation.fit import Options, fit
from statsmodels_gllamm.estimation.mixture import Reduced, mixture_of_nodes
from statsmodels_gllamm.estimation.objective import Objective
from statsmodels_gllamm.estimation.options import integer, positive
from statsmodels_gllamm.estimation.points import points_of
from statsmodels_gllamm.estimation.progress import Progress, thread_pool
from statsmodels_gllamm.estimation.record import record_of
from statsmodels_gllamm.estimation.search import search_method, several_starts
from statsmodels_gllamm.estimation.starts import start_values
from statsmodels_gllamm.exceptions import (
    ConvergenceWarning,
    DataError,
    IdentificationWarning,
    SeparationWarning,
)
from statsmodels_gllamm.families.base import FamilyData
from statsmodels_gllamm.families.mixed import MixedFamily
from statsmodels_gllamm.families.registry import as_family
from statsmodels_gllamm.formula import arrays_to_sample, build_sample
from statsmodels_gllamm.formula.categories import show
from statsmodels_gllamm.formula.classes import parse_classes
from statsmodels_gllamm.formula.diagnosis import CLASS, LINKS, diagnosis
from statsmodels_gllamm.formula.regressions import parse_regressions
from statsmodels_gllamm.formula.residuals import RESIDUAL_ITEM, parse_residuals
from statsmodels_gllamm.formula.rows import as_frame
from statsmodels_gllamm.formula.terms import linear_constraints
from statsmodels_gllamm.formula.wide import from_wide, row_arguments
from statsmodels_gllamm.integration.chunks import EngineRows, Problem, build_problem
from statsmodels_gllamm.integration.grids import GaussianProblem
from statsmodels_gllamm.integration.marginal import Task
from statsmodels_gllamm.integration.mode import ModeError
from statsmodels_gllamm.integration.patterns import build_patterns
from statsmodels_gllamm.integration.reach import Reach, find_reach
from statsmodels_gllamm.latent.build import build_structure, weights_of
from statsmodels_gllamm.latent.constrained import constrained
from statsmodels_gllamm.latent.describe import equations
from statsmodels_gllamm.parameters.constraints import Constraints, solve
from statsmodels_gllamm.results.class_predictions import predict_classes
from statsmodels_gllamm.results.classes import ClassResults
from statsmodels_gllamm.results.covariance import check_cov_type
from statsmodels_gllamm.results.diagnosis import DiagnosisResults
from statsmodels_gllamm.results.predict import predict
from statsmodels_gllamm.results.results import GLLAMMResults
from statsmodels_gllamm.spec import Needs

NODE_CLASSES = (16, 128, 1024, 2**30)  # chunks are cut anew when the nodes pass one of these


class GLLAMMModel(LikelihoodModel):
    r"""Generalized linear latent and mixed model, estimated by maximum likelihood.

    Parameters
    ----------
    endog : array_like (n,) or (n, 2)
        Responses; two columns are successes and failures of a binomial response.
    exog : array_like (n, p), optional
        Fixed-effect columns, the constant included if wanted.
    groups : array_like (n,), DataFrame (n, k) or dict {name: (n,)}, optional
        Clusters of the rows; nesting is found from the data.
    exog_re : array_like (n, q) or dict {group: (n, q)}, optional
        Random-effect columns of each group; a random intercept by default.
    family : statsmodels family or Response, optional
        Default Gaussian.
    covariances : dict, optional
        {group: "unstructured" | "diagonal" | "identity", or an array of numbers where covariances
        are fixed and None where free}; "unstructured" by default.
    offset, exposure, n_trials : array_like (n,), optional
    freq_weights : array_like (n,) or dict {group or "rows": (n,)}, optional
        A weight of w stands for w identical rows, or w identical clusters.
    dispersion : array_like (n, v), optional
        Columns of the log dispersion; a constant by default.
    missing : {"drop", "raise"}
    constraints : str, list of str, dict or tuple (R, q), optional
        Linear constraints on the parameters; see `fit_constrained`.

    Notes
    -----
    With u standard normal, the linear predictor of a row is

    .. math:: \nu_i = o_i + x_i'\beta + \sum_l z_i^{(l)\prime} \eta^{(l)},
              \qquad \eta^{(l)} = T^{(l)} u^{(l)},\quad \Psi^{(l)} = T^{(l)} T^{(l)\prime}

    where z may hold loadings that are estimated (see `Factor`).  The marginal likelihood integrates
    over u by nested adaptive quadrature, with an exact gradient.

    References
    ----------
    Rabe-Hesketh, S., Skrondal, A. and Pickles, A. (2005). Maximum likelihood estimation of limited
    and discrete dependent variable models with nested random effects. Journal of Econometrics 128,
    301-323.

    Examples
    --------
    >>> import statsmodels.api as sm
    >>> from statsmodels_gllamm import GLLAMM, datasets
    >>> data = datasets.epilep.load_pandas().data
    >>> model = GLLAMM.from_formula("y ~ lbas * treat + lage + v4 + (1 | subj)", data,
    ...                             family=sm.families.Poisson())
    >>> print(round(model.fit().llf, 3))
    -665.291
    """

    _init_keys = ["sample", "family", "covariances", "regressions", "residual_covariances",
                  "constraints", "classes"]
    _formula_max_endog = None
    wide = None
    diagnosis_model = None

    def __init__(self, endog, exog=None, *, groups=None, exog_re=None, family=None,
                 covariances=None, offset=None, exposure=None, n_trials=None, freq_weights=None,
                 dispersion=None, thresholds=None, missing="drop", sample=None, regressions=(),
                 residual_covariances=None, constraints=(), classes=None):
        family = sm.families.Gaussian() if family is None else family
        self.family = family
        family = as_family(family)
        if sample is None:
            given = {"dispersion": dispersion, "thresholds": thresholds}
            given = {key: value for key, value in given.items() if value is not None}
            sample = arrays_to_sample(
                endog, exog, groups=groups, exog_re=exog_re, offset=offset, exposure=exposure,
                n_trials=n_trials, freq_weights=freq_weights,
                needs=family.needs(**dict.fromkeys(given, "1")), designs=given, missing=missing)
        self.sample = sample
        data = family_data(sample)
        self.fitted_family = family.fitted(data)
        self.outcomes = self.fitted_family.outcomes(data)
        self.covariances = covariances
        self.regressions = tuple(regressions)
        self.residual_covariances = residual_covariances
        self.structure = build_structure(sample, self.outcomes, covariances,
                                         getattr(family, "correlated", False), self.regressions,
                                         residual_covariances, classes)
        self.classes = classes
        self.constraints = constraints
        self._linear = self._solved(constraints)
        self._problems: dict = {}  # by nodes and merging; "patterns" of a Gaussian model
        self._reaches: dict[str, Reach] = {}
        checks.check_data(sample, self.structure, self.outcomes)
        observed = pd.Series(self._observed(), index=sample.index, name=sample.endog_name, copy=False)
        super().__init__(
            observed, sample.exog,
            hasconst=checks.has_constant(sample.exog.to_numpy()))
        self._init_keys = list(type(self)._init_keys)  # the base class has emptied them
        self.data.param_names = self.param_names
        self._check_exposure(exposure)

    @classmethod
    def from_formula(cls, formula, data, subset=None, *, family=None, family_by=None, factors=None,
                     covariances=None, dispersion=None, thresholds=None, regressions=None,
                     residual_covariances=None, constraints=None, classes=None, offset=None,
                     exposure=None, n_trials=None, freq_weights=None, missing="drop",
                     eval_env=None):
        """Model from a formula with bar terms and a data frame.

        Parameters
        ----------
        formula : str
            ``"y ~ x + (1 + x | school) + (1 | school:class)"``: on the right an ordinary formula
            plus bar terms ``(terms | group)``, ``(terms || group)`` (uncorrelated), with ``/`` and
            ``:`` in groups; on the left the response, or ``successes + failures``.
        data : DataFrame
        subset : str, boolean mask or labels, optional
            Rows to use.
        family : family or dict {label: family}, optional
            Of statsmodels or of `statsmodels_gllamm.families`; default Gaussian.  A dict gives
            rows different families, by the labels in the column ``family_by``.
        family_by : str, optional
        factors : dict {name: Factor or column name}, optional
            Latent variables with loadings.
        covariances : dict, optional
            {group: "unstructured" | "diagonal" | "identity", or a pattern: an array or DataFrame of
            numbers where variances and covariances are fixed, and None where they are free}.
        dispersion : str or dict {label: str}, optional
            Formula of the log of the residual standard deviation, of the coefficient of variation,
            or of what else the family has for a scale; a constant by default.
        thresholds : str or dict {label: str}, optional
            Formula whose columns have one coefficient per cut point of an ordinal response:
            ``"0 + item"`` gives every item its own; a constant by default.
        regressions : list of str, optional
            Latent variables regressed on covariates of their level or above, and on latent variables
            of the same or a higher level: ``["ability ~ ses", "dep[id] ~ stress[id] + x2"]``.
            Also products ``stress:x2`` with covariates, and ``stress:support`` of two latent
            variables.
        residual_covariances : dict {column: list of "y1 ~~ y5" or (item, item)}, optional
            Items, values of a column that tells the rows of a bottom-level cluster apart, whose
            residuals are correlated in a Gaussian model: ``{"item": ["y1 ~~ y5", ("y2", "y4")]}``.
        constraints : str, list of str, dict or tuple (R, q), optional
            Linear constraints that belong to the model; see `fit_constrained`.
        classes : dict {name: Classes}, optional
            A discrete latent variable, ``{"c": Classes(2, within="id")}``: a bar with its name, as in
            ``(0 + item | c)``, gives columns a coefficient in every class.
        offset, exposure, n_trials : str or array_like, optional
            A column, or one value per row of the data.
        freq_weights : str, array_like or dict, optional
            A column for rows, or {group: column, "rows": column}.
        missing : {"drop", "raise"}
            Rows with missing values are dropped, and counted by reason in ``sample.dropped``.
        eval_env : dict, optional
            Names that the formula may use besides the data; those of the caller by default.

        Returns
        -------
        GLLAMMModel

        Raises
        ------
        FormulaError, DataError, CrossedGroupsError
            With one sentence that names the column, group or parameter.

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> model = GLLAMM.from_formula("Reaction ~ Days + (Days || Subject)", data)
        >>> model.param_names[2:4]
        ['var[Intercept[Subject]]', 'var[Days[Subject]]']
        """
        data = as_frame(data)
        if eval_env is None:
            caller = inspect.currentframe().f_back
            eval_env = {**caller.f_globals, **caller.f_locals}
        family = sm.families.Gaussian() if family is None else family
        if family_by is not None or isinstance(family, Mapping):
            family = as_family(family, family_by)
        needs = as_family(family).needs(dispersion, thresholds)
        regressions = parse_regressions(regressions, factors, formula)
        needs = with_regressions(needs, regressions)
        residuals = parse_residuals(residual_covariances)
        if residuals is not None:
            needs = replace(needs, labels={**needs.labels, RESIDUAL_ITEM: residuals.column})
        variable = parse_classes(classes, formula)
        if variable is not None:
            needs = variable.needs(needs)
        sample = build_sample(
            formula, data, subset=subset, factors=factors, needs=needs, offset=offset,
            exposure=exposure, n_trials=n_trials, freq_weights=freq_weights, missing=missing,
            eval_env=eval_env)
        model = cls(sample.endog, sample.exog, sample=sample, family=family,
                    covariances=covariances, regressions=regressions,
                    residual_covariances=residuals, classes=variable,
                    constraints=() if constraints is None else constraints)
        model._check_exposure(exposure)
        model.formula = sample.parsed.plain
        model.gllamm_formula = sample.parsed.text
        everything = np.array_equal(sample.positions, np.arange(len(data)))
        model.data.frame = data if everything else data.iloc[sample.positions]
        return model

    @classmethod
    def from_wide(cls, data, items, *, family=None, id=None, std_lv=False, fixed=None, groups=None,
                  equal=None, subset=None, covariances=None, dispersion=None, thresholds=None,
                  constraints=None, offset=None, exposure=None, n_trials=None, freq_weights=None,
                  missing="drop", eval_env=None):
        """Factor model of wide data, with one row per person and one column per item.

        Parameters
        ----------
        data : DataFrame
        items : list of columns, or str
            A list: one factor, named "factor", is measured by all.  Text: a factor model in the
            notation of the R package lavaan, in lines or with semicolons.

            - ``"visual =~ x1 + x2 + x3"``: a factor and its items.  The first loading is one;
              ``0.8*x2`` fixes a loading, ``NA*x1`` frees it.  Factors may have factors for items.
            - ``"dem60 ~ ind60 + age"``: regression of a factor on factors and columns, and on
              products ``ind60:age`` of both or of two factors; ``"x1 ~ age"``: direct effect of a
              column on an item.
            - ``"a ~~ b"``: the factors, or the residuals of regressed ones, are correlated;
              ``"a ~~ 0*b"``: they are not.  By default factors correlate if neither is regressed.
            - ``"a ~~ 1*a"``: variance one; all loadings are then free.  Other numbers fix variances
              and covariances too; ``"x1 ~~ 0.5*x1"`` fixes a residual variance.
            - ``"x1 ~~ x2"``: the residuals of two Gaussian items are correlated.
            - ``"visual =~ k*x1 + k*x2"``: parameters of one label are equal; ``"k1 == 2*k2"``.
            - ``"a ~ 1"``: the mean of a factor is free; ``"x1 ~ 0*1"`` fixes an item's intercept.

            Names that are not plain are put into backticks.
        family : family or dict {item: family}, optional
            Default Gaussian.
        id : str, optional
            Column that names the persons; by default "id", a column or the row labels.
        std_lv : bool, optional
            All factors, or their residuals, have variance one; all loadings are free.
        fixed : str, optional
            Further terms of the formula: ``"item:sex"`` for effects of sex on every item, or
            ``"(1 | school)"``.
        groups : str, optional
            Column of groups of persons.  Every group has factors, and all parameters, of its own but
            for what ``equal`` says.
        equal : str or list of str, optional
            What groups have in common: "loadings", "intercepts" (of ordinal items thresholds),
            "residuals", "variances", "covariances", "regressions", "means"; or "configural" (nothing),
            "metric" (loadings), "scalar" (intercepts too), "strict" (residuals too).  With equal
            intercepts the means of the factors are free in all groups but the first.
        subset : str, boolean mask or labels, optional
            Persons to use.
        covariances : dict, optional
            As in `from_formula`.
        dispersion, thresholds : str or dict, optional
            Formulas; by default each item has its own, ``"0 + item"``.
        constraints : str or list of str, optional
            Further linear constraints, by names of parameters.
        offset, exposure, n_trials : str or array_like, optional
            A column, or one value per person.
        freq_weights : str, array_like or dict, optional
            Weights of persons: a column or one value per person, or {group: column}.
        missing : {"drop", "raise"}
            An item that a person has not answered is dropped, not the person: full information
            maximum likelihood.  ``sample.dropped`` has the number.
        eval_env : dict, optional
            As in `from_formula`.

        Returns
        -------
        GLLAMMModel
            The same as of `from_formula` and long data with columns "item" and "y".  Its attribute
            ``wide`` has formula, factors and regressions; ``wide.long(data)`` makes long data of
            other persons.

        Raises
        ------
        FormulaError, DataError, NotImplementedError
            The last for what lavaan has and this has not, and for residual covariances of items that
            are not Gaussian.

        Notes
        -----
        Each item has an intercept (ordinal items: thresholds) and, where the family has one, a
        dispersion.  lavaan's ``sem`` differs in two defaults: it correlates the residuals of
        regressed factors that are causes of none (write ``a ~~ b``), and fixes the first loading
        beside ``a ~~ 1*a``.

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> answers = datasets.lsat.load_pandas().data
        >>> wide = answers.pivot(index="id", columns="item", values="y")
        >>> import statsmodels.api as sm
        >>> model = GLLAMM.from_wide(wide, ["Q1", "Q2", "Q3", "Q4", "Q5"], std_lv=True,
        ...                          family=sm.families.Binomial())
        >>> model.gllamm_formula
        'y ~ 0 + item + (0 + factor | id)'
        >>> print(round(model.fit().llf, 2))
        -2466.65
        """
        if eval_env is None:
            caller = inspect.currentframe().f_back
            eval_env = {**caller.f_globals, **caller.f_locals}
        family = sm.families.Gaussian() if family is None else family
        families = {item: as_family(one) for item, one in family.items()} if (
            isinstance(family, Mapping)) else as_family(family)
        wide, long, arguments = from_wide(
            data, items, family=families, id=id, std_lv=std_lv, fixed=fixed, groups=groups,
            equal=equal, subset=subset, dispersion=dispersion, thresholds=thresholds,
            constraints=constraints, offset=offset, exposure=exposure, n_trials=n_trials,
            freq_weights=freq_weights, env=eval_env)
        if families is arguments["family"]:
            arguments["family"] = family  # as the user gave it
        model = cls.from_formula(wide.formula, long, covariances=covariances, missing=missing,
                                 eval_env=eval_env, **arguments)
        model.wide = wide
        return model

    @classmethod
    def diagnosis(cls, data, q_matrix, model="dina", *, id=None, freq_weights=None, missing="drop",
                  constraints=None):
        """Cognitive diagnosis model of wide data, with one row per person and one column per item.

        Parameters
        ----------
        data : DataFrame
            Items are 0 (wrong) or 1 (right).
        q_matrix : DataFrame (items, attributes) of 0 and 1
            The attributes that each item requires, indexed by columns of the data.
        model : {"dina", "dino", "acdm", "llm", "rrum", "gdina"}
            What makes a right answer likely: all required attributes; any of them; each of them adds
            something to its probability, the logit or the log of that; or any function of them.
        id : str, optional
            Column that names the persons; by default "id", a column or the row labels.
        freq_weights : str, array_like or dict, optional
            As in `from_wide`.
        missing : {"drop", "raise"}
            An item that a person has not answered is dropped, not the person.
        constraints : str, list of str, dict or tuple (R, q), optional
            As in `from_formula`.

        Returns
        -------
        GLLAMMModel
            A model with 2**attributes latent classes, one for each profile of attributes.  Its
            results have ``mastery``, ``item_probabilities`` and ``guessing_slipping`` besides.

        Raises
        ------
        DataError
            A Q-matrix that does not fit the data, or by which profiles cannot be told apart.

        Examples
        --------
        >>> import numpy as np, pandas as pd
        >>> from statsmodels_gllamm import GLLAMM
        >>> rng = np.random.default_rng(0)
        >>> knows = rng.random((300, 1)) < 0.6
        >>> right = rng.random((300, 4)) < np.where(knows, 0.9, 0.2)
        >>> data = pd.DataFrame(right * 1, columns=["i1", "i2", "i3", "i4"])
        >>> q_matrix = pd.DataFrame({"adding": [1, 1, 1, 1]}, index=data.columns)
        >>> model = GLLAMM.diagnosis(data, q_matrix)
        >>> model.param_names[:3]
        ['item[i1][none]', 'item[i1][adding]', 'item[i2][none]']
        """
        found, wide, classes = diagnosis(data, q_matrix, model, id)
        rows = row_arguments({"freq_weights": freq_weights}, data, None, wide.id, len(wide.items))
        made = cls.from_formula(
            wide.formula, wide.long(data), family=sm.families.Binomial(LINKS[model]()),
            missing=missing, constraints=constraints, classes={CLASS: classes}, **rows)
        made.wide, made.diagnosis_model = wide, found
        return made

    # What the model is

    @property
    def design(self):
        """Map from parameters to row designs (`LatentDesign`)."""
        return self.structure.design

    @property
    def param_names(self) -> list[str]:
        """Names of all parameters, fixed coefficients first."""
        return self.design.layout.names

    @property
    def response(self):
        """The response of the model, or the first of several."""
        return self.outcomes.members[0].response

    def _observed(self) -> np.ndarray:
        """Responses (n,) on the scale of their mean: a proportion for several trials, as in GLM."""
        endog = self.sample.endog
        if endog.ndim == 1:
            return endog
        total = endog.sum(axis=1)
        return np.divide(endog[:, 0], total, out=np.full(len(total), np.nan), where=total > 0)

    def describe(self) -> str:
        """The model's equations in text.

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> print(GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).describe())
        Reaction given nu: Gaussian(identity)
        nu = beta[Intercept] + beta[Days] Days + Intercept[Subject] + Days[Subject]
             Days
        logsd = logsd[Intercept]
        Intercept[Subject], Days[Subject]: normal with mean 0, var free, var free,
            unstructured covariance matrix, one for each of 18 clusters
        """
        return equations(self.sample, self.structure, self.outcomes, self.fitted_family)

    def _check_exposure(self, exposure) -> None:
        members = self.outcomes.members
        if not isinstance(self.fitted_family, MixedFamily):
            members = members[:1]  # a zero part has no exposure
        if exposure is not None and not all("(log)" in m.response.name for m in members):
            raise ValueError("exposure is only meaningful with the log link; use offset= on the "
                             "scale of the linear predictor")

    def _engine_rows(self, row_weight) -> EngineRows:
        """The rows that the engine sees, with frequency weights (n,) of the data rows or None."""
        out, offset = self.outcomes, self.sample.offset
        if not offset.any():
            offset = None
        elif out.rows is not None:
            offset = offset[out.rows]
        if offset is not None and out.part is not None:
            main = [p for p, predictor in enumerate(out.predictors) if predictor.key == "exog"]
            offset = np.where(np.isin(out.part, main), offset, 0.0)
        if row_weight is not None and out.rows is not None:
            row_weight = row_weight[out.rows]
        members = tuple((member.response, member.y) for member in out.members)
        alike = ()
        if self.structure.classes is not None:
            codes = self.structure.engine_levels[-1].codes
            alike = tuple(column[codes] for column in self.structure.classes.of_units)
        return EngineRows(members, self.structure.columns, offset, out.sets, row_weight, alike)

    @property
    def _reach(self) -> Reach:
        """Which latent variables the rows of top-level units touch."""
        if not self._reaches:
            over = Reduced(self.design) if len(self.design.given) else self.design
            if self.structure.classes is not None:
                over = latent_classes.ClassMixture(self.design, self.structure.classes)
            self._reaches["units"] = find_reach(
                self._engine_rows(None), self.structure.engine_levels, over.q, over.entries)
        return self._reaches["units"]

    @property
    def _dimensions(self) -> tuple[tuple[int, ...], ...]:
        """Latent variables per level that take several points, for every kind of top-level unit."""
        given = len(self.design.given)
        kinds = self._reach.counts() if self.design.q else ((),)
        return tuple((*kind[:-1], kind[-1] + given) for kind in kinds) if given else kinds

    def _problem(self, n_nodes: int, merge: bool = True) -> Problem:
        key = next(size for size in NODE_CLASSES if n_nodes <= size), merge
        if key not in self._problems:
            rows, units = weights_of(self.sample, self.structure.levels)
            self._problems[key] = build_problem(
                self._engine_rows(rows), self.structure.engine_levels, units, n_nodes=n_nodes,
                merge=merge, reach=self._reach if self.design.q else None)
        return self._problems[key]

    @property
    def _patterns(self) -> GaussianProblem | None:
        """The data by patterns, where the log-likelihood has a closed form that pays."""
        reduced = Reduced(self.design) if len(self.design.given) else None
        exact = self._gaussian if reduced else self._exact
        if "patterns" not in self._problems and exact and self.structure.classes is None:
            rows, units = weights_of(self.sample, self.structure.levels)
            self._problems["patterns"] = build_patterns(
                self._engine_rows(rows), self.structure.engine_levels, units,
                *((reduced.q, reduced.entries) if reduced else (self.design.q, self.design.entries)),
                self.structure.residuals)
        return self._problems.get("patterns")

    def _likelihood(self, n_quad, integration="adaptive", pool=None, design=None) -> Objective:
        """As `_objective`, in closed form where there is one."""
        if self._patterns is None:
            return self._objective(n_quad, integration, pool, design=design)
        design = design or self.design
        if len(self.design.given):
            return mixture_of_nodes(self._patterns, Reduced(design), n_quad, pool)
        task = Task(self.design.q, certify.rules_of(n_quad, self.design.q), self.design.entries)
        return Objective(self._patterns, task, design, pool, self._linear_aux)

    @property
    def _linear_aux(self) -> bool:
        return all(member.response.linear_aux for member in self.outcomes.members)

    def _objective(self, n_quad, integration="adaptive", pool=None, merge=True, design=None):
        """Log-likelihood with given points per level, as a function of working coordinates, or of
        those of another ``design``; an `Objective` or a `MixtureObjective`."""
        if self.structure.residuals is not None:
            raise NotImplementedError("residual covariances are not available with frequency weights "
                                      "of rows, or of clusters below the top level, or with products "
                                      "of latent variables")
        q, design = self.design.q, design or self.design
        if self.structure.classes is not None:
            problem = self._problem(self._reach.n_nodes(n_quad), merge)
            mixture = latent_classes.ClassMixture(design, self.structure.classes)
            return latent_classes.mixture_of_classes(
                problem, mixture, n_quad, pool, self._exact or integration != "quadrature")
        if len(self.design.given):
            problem = self._problem(self._reach.n_nodes(n_quad), merge)
            return mixture_of_nodes(problem, Reduced(design), n_quad, pool,
                                    self._gaussian or integration != "quadrature")
        task = Task(q, certify.rules_of(n_quad, q), self.design.entries,
                    adaptive=self._exact or integration != "quadrature")
        n_nodes = self._reach.n_nodes(n_quad) if q else 1
        return Objective(self._problem(n_nodes, merge), task, design, pool, self._linear_aux)

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

    def __getstate__(self):
        return {**self.__dict__, "_problems": {}, "_reaches": {}}

    # The likelihood at any parameters

    @property
    def _exact(self) -> bool:
        return (self._gaussian and not len(self.design.given)) or not any(map(any, self._dimensions))

    @property
    def _gaussian(self) -> bool:
        return all(member.response.gaussian for member in self.outcomes.members)

    def _points(self, n_quad, integration: str) -> tuple[int, ...] | None:
        """Points per level, or None for "auto"."""
        if integration == "laplace" and len(self.design.given):
            raise ValueError("integration='laplace' is not for products of latent variables: the "
                             "moderators have several nodes; use 'adaptive'")
        return points_of(n_quad, integration, self.structure.levels, self._dimensions, self._exact)

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
        """Gradient (k,) of ``loglike``; one-sided where a variance is zero."""
        _, point = self._at(params, integration, n_quad, off_boundary=True)
        return np.linalg.solve(self.design.natural_jacobian(point.working).T, point.gradient)

    def score_obs(self, params, integration="adaptive", n_quad=7) -> np.ndarray:
        """Gradient of every top-level cluster's log-likelihood (clusters, k); sums to ``score``.

        A cluster with a frequency weight counts that often.
        """
        _, point = self._at(params, integration, n_quad, off_boundary=True, units=True)
        jacobian = self.design.natural_jacobian(point.working)
        weight = point.problem.top_weight[:, None]
        return np.linalg.solve(jacobian.T, (point.unit_scores * weight).T).T

    def hessian(self, params, integration="adaptive", n_quad=7) -> np.ndarray:
        """Second derivatives (k, k) of ``loglike``: the exact gradient, differenced centrally."""
        objective, point = self._at(params, integration, n_quad, off_boundary=True, units=True)
        return information.natural_hessian(objective, point)

    def information(self, params, integration="adaptive", n_quad=7) -> np.ndarray:
        """Minus the Hessian (k, k)."""
        return -self.hessian(params, integration, n_quad)

    @property
    def start_params(self) -> np.ndarray:
        """Natural parameters (k,) that a fit starts from; with latent classes, the first of them."""
        if self.structure.classes is not None:
            working = self._class_starts().draw(np.random.default_rng(0))
            return self.design.to_natural(working)
        rows, _ = weights_of(self.sample, self.structure.levels)
        working = start_values(self.structure, self._engine_rows(rows), self._linear_aux)
        return self.design.to_natural(working)

    def _class_starts(self) -> latent_classes.Starts:
        """What starting points of a model with latent classes are drawn from."""
        rows, _ = weights_of(self.sample, self.structure.levels)
        objective = self._objective((1,) * len(self.design.q))
        return latent_classes.starts_of(self.structure, self._engine_rows(rows), objective,
                                        self._linear_aux)

    def _search_classes(self, make_objective, start, design, options: Options, search, starts, rng):
        """(working coordinates to go on from, table of the optima) of several short searches."""
        objective = make_objective(options.n_quad or certify.first_n_quad(self._dimensions))
        points = [start]
        if starts > 1:
            drawn, rng = self._class_starts(), np.random.default_rng(rng)
            points += [design.to_working(self.design.to_natural(drawn.draw(rng)))
                       for _ in range(starts - 1)]
        best, optima = latent_classes.best_of(search, objective, points, options.maxiter,
                                              options.callback)
        mixture = latent_classes.ClassMixture(design, self.structure.classes)
        return latent_classes.by_size(objective, best, mixture), optima

    def predict(self, params, exog=None, which="mean", **kwargs):
        """Predictions at natural parameters; see ``GLLAMMResults.predict``."""
        if self.structure.classes is not None:
            return predict_classes(self, params, exog, which, **kwargs)
        return predict(self, np.asarray(params, dtype=float), exog, which=which, **kwargs)

    # Estimation

    def fit(self, start_params=None, *, integration="adaptive", n_quad="auto", quad_tol=0.01,
            method="newton", maxiter=200, tol=1e-8, disp=False, callback=None, starts=None,
            threads=None, progress=None, cov_type="nonrobust", cov_kwds=None, rng=None):
        """Maximum likelihood estimates.

        Parameters
        ----------
        start_params : array_like (k,), Series or results, optional
            Natural parameters; a Series or another model's results are matched by name.  A variance
            of zero, at which no search can start, is replaced by our own starting value.
        integration : {"adaptive", "laplace", "quadrature"}
            Adaptive Gauss-Hermite quadrature, its one-point case, or quadrature over the prior.
            Gaussian models with identity link are exact whatever is asked.
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
        cov_type : {"nonrobust", "opg", "robust", "cluster"}
        cov_kwds : dict, optional
        rng : seed or Generator, optional
            For ``starts``.

        Returns
        -------
        GLLAMMResults

        Warns
        -----
        IdentificationWarning, ConvergenceWarning, BoundaryWarning, QuadratureWarning,
        SeparationWarning

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
             disp, callback, starts, threads, progress, cov_type, cov_kwds, rng):
        """``fit`` under constraints (None: without)."""
        if self.classes is not None and self.classes.spec.n == "auto":
            return self._fit_masses(constraints, start_params, integration, n_quad, quad_tol, method,
                                    maxiter, tol, disp, callback, starts, threads, progress, cov_type,
                                    cov_kwds)
        check_cov_type(cov_type, cov_kwds)
        points = self._points(n_quad, integration)
        search = search_method(method)
        with_classes = self.structure.classes is not None
        if starts is None:  # one class has one maximum
            n_classes = self.structure.classes.n if with_classes and start_params is None else 1
            starts = max(1, latent_classes.STARTS * (n_classes - 1))
            if n_classes > 1 and self.structure.classes.designs:
                starts = latent_classes.FEW
        starts, maxiter = integer("starts", starts), integer("maxiter", maxiter, 0)
        tol, quad_tol = positive("tol", tol), positive("quad_tol", quad_tol)
        start, design = self._start(start_params), self.design
        if constraints is not None:
            design = constrained(design, constraints)
            start = design.to_working(self.design.to_natural(start))
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
        optima = None
        with self._explained(), thread_pool(threads) as pool, closing(bar):
            def likelihood(n):
                return self._likelihood(n, integration, pool, design)

            if with_classes and start_params is None:
                start, optima = self._search_classes(likelihood, start, design, options, search,
                                                     starts, rng)
                starts = 1
            found = fit(likelihood, self._dimensions, several_starts(start, starts, rng), options,
                        self._exact, search)
        record = record_of(found, self.design, design, integration, method, constraints)
        if optima is not None:
            record.retvals["optima"] = optima
        record = checks.held_where_vanished(record, self.sample, self.structure)
        if self.design.centring is not None:
            mixture = latent_classes.ClassMixture(self.design, self.structure.classes)
            with self._explained():
                objective = self._objective(record.n_quad, integration)
                record = npml.held_masses(record, self.design, objective, mixture)
        if disp:
            print(f"{method}: {record.retvals['reason']}; log-likelihood {record.loglik:.6g} after "
                  f"{record.retvals['fcalls']} evaluations")
        suspected = bool(record.flat) or not record.retvals["converged"]
        separated = None if with_classes else checks.separation_of(
            self.sample, self.structure, self.outcomes, (design.full(start), False),
            (record.working, suspected))
        if separated is not None:
            warnings.warn(separated, SeparationWarning, stacklevel=3)
        else:
            diagnose.warn(record, maxiter, stacklevel=3, flat=not unidentified)
        kind = ClassResults if with_classes else GLLAMMResults
        kind = kind if self.diagnosis_model is None else DiagnosisResults
        return kind._wrapper(kind(self, record, cov_type=cov_type, cov_kwds=cov_kwds))

    def _with_masses(self, n: int) -> GLLAMMModel:
        """The same with a number of classes."""
        spec = replace(self.classes.spec, n=n)
        model = type(self)(self.sample.endog, self.sample.exog, sample=self.sample,
                           family=self.family, covariances=self.covariances,
                           regressions=self.regressions, classes=replace(self.classes, spec=spec))
        for name in ("formula", "gllamm_formula", "wide"):
            if hasattr(self, name):
                setattr(model, name, getattr(self, name))
        if hasattr(self.data, "frame"):
            model.data.frame = self.data.frame
        return model

    def _fit_masses(self, constraints, start_params, integration, n_quad, quad_tol, method, maxiter,
                    tol, disp, callback, starts, threads, progress, cov_type, cov_kwds):
        """``fit`` with as many masses as the nonparametric maximum likelihood estimate has."""
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
        if self.structure.classes is not None:
            return []
        if not len(self.design.given):
            found = identification.unidentified(self.structure, self.outcomes, design, start)
        n_quad = identification.points(self.design.q)
        if not (found.size or self._exact) and n_quad:
            objective = self._objective(n_quad, "quadrature", design=design)
            found = identification.silent(objective, self.structure, self._engine_rows(None), start)
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


def with_regressions(needs: Needs, regressions) -> Needs:
    """The needs of the family and the covariates of the latent variables' regressions."""
    formulas = {("regression", i, *key): text
                for i, r in enumerate(regressions) for key, text in r.formulas.items()}
    whole = {("regression", i, *key) for i, r in enumerate(regressions) for key in r.whole}
    return replace(needs, formulas={**needs.formulas, **formulas},
                   without_intercept=needs.without_intercept | whole)


def family_data(sample) -> FamilyData:
    """What a family sees of a sample."""
    return FamilyData(sample.endog, sample.index, sample.n_trials, sample.numbers, sample.labels,
                      sample.designs, sample.categories)
