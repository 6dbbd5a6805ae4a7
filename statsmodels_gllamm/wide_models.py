"""Models of wide data, with one row per person: factor models and cognitive diagnosis."""
from __future__ import annotations

from collections.abc import Mapping
import inspect

import statsmodels.api as sm

from statsmodels_gllamm.families.registry import as_family
from statsmodels_gllamm.formula.diagnosis import CLASS, LINKS, diagnosis
from statsmodels_gllamm.formula.wide import from_wide, row_arguments


class WideModels:
    """Constructors of `GLLAMMModel` from wide data."""

    wide = None
    diagnosis_model = None

    @classmethod
    def from_wide(cls, data, items, *, family=None, id=None, std_lv=False, fixed=None, groups=None,
                  equal=None, subset=None, covariances=None, dispersion=None, thresholds=None,
                  constraints=None, classes=None, offset=None, exposure=None, n_trials=None,
                  freq_weights=None, sampling_weights=None, scale_weights=None, missing="drop",
                  eval_env=None):
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
        classes : dict {name: Classes}, optional
            Discrete latent variables, ``{"c": Classes(3)}``: with a list of items, the model of latent
            classes; in text ``"c =~ x1 + x2"`` has the items whose intercepts depend on the class,
            and ``"c ~ age"`` covariates of its probabilities.
        offset, exposure, n_trials : str or array_like, optional
            A column, or one value per person.
        freq_weights : str, array_like or dict, optional
            Weights of persons: a column or one value per person, or {group: column}.
        sampling_weights : str, array_like or dict, optional
            The same of inverse probabilities of selection; see `from_formula`.
        scale_weights : {None, "size", "effective"}
            As in `from_formula`; of use where there is a level above persons.
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
            constraints=constraints, classes=classes, offset=offset, exposure=exposure,
            n_trials=n_trials, freq_weights=freq_weights, sampling_weights=sampling_weights,
            env=eval_env)
        if families is arguments["family"]:
            arguments["family"] = family  # as the user gave it
        model = cls.from_formula(wide.formula, long, covariances=covariances, missing=missing,
                                 scale_weights=scale_weights, eval_env=eval_env, **arguments)
        model.wide = wide
        return model

    @classmethod
    def diagnosis(cls, data, q_matrix, model="dina", *, id=None, freq_weights=None,
                  sampling_weights=None, missing="drop", constraints=None):
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
        freq_weights, sampling_weights : str, array_like or dict, optional
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
        rows = row_arguments({"freq_weights": freq_weights, "sampling_weights": sampling_weights},
                             data, None, wide.id, len(wide.items))
        made = cls.from_formula(
            wide.formula, wide.long(data), family=sm.families.Binomial(LINKS[model]()),
            missing=missing, constraints=constraints, classes={CLASS: classes}, **rows)
        made.wide, made.diagnosis_model = wide, found
        return made
