"""Penalised fits: which coefficients are penalised and how much, as users say it."""
from __future__ import annotations

from collections.abc import Mapping
import inspect

import numpy as np
import pandas as pd

from statsmodels_gllamm.estimation.firth import Firth
from statsmodels_gllamm.estimation.options import one_of, positive
from statsmodels_gllamm.estimation.penalties import Prior
from statsmodels_gllamm.latent.blocks import part_of
from statsmodels_gllamm.latent.constrained import constrained

METHODS = ("ridge", "student", "firth")
LASSO = ("elastic_net", "sqrt_lasso", "l1", "l1_cvxopt_cp", "lasso")
PENALIZED = "coef", "class", "lambda", "gamma", "b"  # kinds of parameters that may be named


class Regularized:
    """The method of `GLLAMMModel` that fits it with a penalty."""

    def fit_regularized(self, method="ridge", alpha=1.0, start_params=None, *, df=3.0, scale=1.0,
                        center=0.0, joint=False, opt_method="newton", **fit_kwds):
        r"""Penalised maximum likelihood estimates: a penalty on coefficients.

        Parameters
        ----------
        method : {"ridge", "student", "firth"}
            A normal prior, a Student-t prior, or Firth's penalty, half the log determinant of the
            information about the coefficients.  There is no L1 penalty.
        alpha : float, array_like, Series or dict
            Ridge: the precision of the prior, one over its variance.  Otherwise a weight, one for
            the prior itself.  A number is that of all fixed coefficients besides constant columns
            (indicators of all items, as of ``0 + item``, are not constant); a Series or dict
            {name: value} penalises what it names, loadings and regressions of latent variables too;
            an array has a value for every fixed coefficient or every parameter.  Firth's takes a
            number.
        start_params : array_like (k,), Series or results, optional
            As in `fit`.
        df : float
            Degrees of freedom of the Student-t prior.
        scale : float, Series or dict
            Its scale, for coefficients in units of their own.
        center : float, Series or dict
            Where the prior has its mode.
        joint : bool
            One multivariate t distribution of all penalised coefficients, in place of independent
            ones.
        opt_method : str
            How to search: the ``method`` of `fit`.
        **fit_kwds
            Keywords of `fit`.

        Returns
        -------
        GLLAMMResults
            ``llf`` is the log-likelihood without penalty, ``penalty`` says what was added and its
            value.  Standard errors are from the information with the penalty's (a prior's) or
            without it (Firth's).  There are no information criteria or likelihood-ratio tests.

        Raises
        ------
        ValueError, NotImplementedError
            Names that are not coefficients; an L1 penalty; Firth's with latent classes.

        Notes
        -----
        The penalty is added to the log-likelihood of the sample, not to its mean per row as in
        ``GLM.fit_regularized``:

        .. math:: \ell(\theta) - \tfrac12 \sum_j \alpha_j (\beta_j - m_j)^2, \qquad
                  \ell(\theta) - \sum_j \alpha_j \tfrac{\nu + 1}{2}
                  \log\{1 + (\beta_j - m_j)^2 / (\nu s_j^2)\}, \qquad
                  \ell(\theta) + \tfrac{\alpha}{2} \log |I_{\beta\beta}(\theta)|

        Priors depend on the units of covariates: scale them, or give scale.  Firth's penalty does not.

        References
        ----------
        Firth, D. (1993). Bias reduction of maximum likelihood estimates. Biometrika 80, 27-38.
        Gelman, A., Jakulin, A., Pittau, M. G. and Su, Y.-S. (2008). A weakly informative default
        prior distribution for logistic and other regression models. Annals of Applied Statistics 2,
        1360-1383.

        Examples
        --------
        >>> import statsmodels.api as sm
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.epilep.load_pandas().data
        >>> model = GLLAMM.from_formula("y ~ lbas * treat + lage + v4 + (1 | subj)", data,
        ...                             family=sm.families.Poisson())
        >>> res = model.fit_regularized("student", scale=0.5)
        >>> print(res.penalty.text)
        Student-t prior (df = 3, scale 0.5) of 5 coefficients
        """
        if method in LASSO or "L1_wt" in fit_kwds:
            raise NotImplementedError("L1 penalties are not available: a likelihood of latent "
                                      "variables with kinks has no standard errors; use method="
                                      "'ridge' or 'student'")
        one_of("method", method, METHODS)
        defaults = {name: parameter.default for name, parameter
                    in inspect.signature(self.fit).parameters.items()}
        allowed = set(defaults) - {"method", "start_params"}
        unknown = set(fit_kwds) - allowed
        if unknown:
            raise TypeError(f"fit_regularized has no keyword {sorted(unknown)[0]!r}; besides its own "
                            f"it takes {', '.join(sorted(allowed))} of fit")
        if fit_kwds.get("integration") == "pql":
            raise ValueError("integration='pql' has no likelihood that a penalty could be added to")
        prior, text = penalty_of(self, method, alpha, df, scale, center, joint)
        settings = {**defaults, **fit_kwds, "start_params": start_params, "method": opt_method}
        return self._fit(self._linear, **settings, penalty=(method, prior, text))


def penalty_of(model, method, alpha, df, scale, center, joint):
    """(Prior or Firth, text) of what a user asks for."""
    if method == "firth":
        return _firth(model, alpha)
    names, layout = model.param_names, model.design.layout
    weights = _by_position(model, "alpha", alpha)
    if (weights < 0).any() or not np.isfinite(weights).all():
        raise ValueError(f"alpha is not negative, and finite: {alpha!r}")
    at = np.flatnonzero(weights)
    if not len(at):
        raise ValueError("there is no coefficient to penalise: alpha is zero, or the model has "
                         "constants only; name coefficients, alpha={name: value}")
    kinds = np.repeat([b.kind for b in layout.blocks], [b.size for b in layout.blocks])
    wrong = [names[i] for i in at if kinds[i] not in PENALIZED]
    if wrong:
        raise ValueError(f"{wrong[0]} is not a coefficient: penalties are on coefficients, loadings "
                         "and regressions of latent variables")
    center = _filled("center", center, names, 0.0)[at]
    if method == "ridge":
        prior = Prior(at, weights[at], center, np.ones(len(at)))
        shown = f"alpha = {_range(weights[at])}"
        return prior, f"ridge ({shown}{_around(center)}) of {_count(at, names)}"
    scale = _filled("scale", scale, names, 1.0)[at]
    if not (scale > 0).all():
        raise ValueError(f"scale is positive, not {scale.min():g}")
    if joint and np.ptp(weights[at]) > 0:
        raise ValueError("a joint prior has one alpha: give a number, or equal ones")
    prior = Prior(at, weights[at], center, scale, positive("df", df), bool(joint))
    shown = f"df = {prior.df:g}, scale {_range(scale)}{_around(center)}"
    if (weights[at] != 1).any():
        shown += f", weight {_range(weights[at])}"
    kind = "multivariate Student-t" if joint else "Student-t"
    return prior, f"{kind} prior ({shown}) of {_count(at, names)}"


def _firth(model, alpha):
    if np.ndim(alpha) or isinstance(alpha, (Mapping, str)):
        raise ValueError("alpha of method='firth' is a number, the weight of the penalty")
    if model.structure.classes:
        raise NotImplementedError("Firth's penalty is not available with latent classes; use method="
                                  "'ridge' or 'student'")
    design = model.design
    if model._linear is not None:
        design = constrained(design, model._linear)
    cuts = [i for i in design.layout.positions("aux")
            if design.layout.names[i].startswith("cut[")]
    at = np.sort(np.concatenate([design.layout.positions("coef"), np.array(cuts, dtype=int)]))
    if not len(at):
        raise ValueError("there is no coefficient to penalise")
    weight = positive("alpha", alpha)
    text = "Firth's penalty" if weight == 1 else f"{weight:g} times Firth's penalty"
    thresholds = " and thresholds" if cuts else ""
    return Firth(at, weight), f"{text}, half the log determinant of the information about {len(at)} " \
        f"coefficient{'s' if len(at) > 1 else ''}{thresholds}"


def _by_position(model, what, value) -> np.ndarray:
    """Values (k,) of all parameters, zero where nothing is said."""
    names, out = model.param_names, np.zeros(len(model.param_names))
    if isinstance(value, (Mapping, pd.Series)):
        return _filled(what, value, names, 0.0)
    value = np.asarray(value, dtype=float)
    if not value.ndim:
        out[_default(model)] = value
        return out
    first = model.design.layout.positions("coef")
    if value.shape == (len(names),):
        return value
    if value.shape != (len(first),):
        raise ValueError(f"{what} has shape {value.shape}; it is a number, a value for each of the "
                         f"{len(first)} fixed coefficients or of the {len(names)} parameters, or "
                         "{name: value}")
    out[first] = value
    return out


def _filled(what, value, names, default) -> np.ndarray:
    """Values (k,) of a number or of {name: value}, the default elsewhere."""
    if not isinstance(value, (Mapping, pd.Series)):
        value = np.asarray(value, dtype=float)
        if value.ndim:
            raise ValueError(f"{what} is a number or {{name: value}}")
        return np.full(len(names), float(value))
    out = np.full(len(names), default)
    for name, one in value.items():
        if name not in names:
            raise ValueError(f"{what} names {name!r}, which is no parameter: {', '.join(names)}")
        out[names.index(name)] = one
    return out


def _default(model) -> np.ndarray:
    """Positions of the coefficients besides constants."""
    constants = set()
    for predictor in model.structure.predictors:
        exog = part_of(model.sample, predictor.key).exog
        for name, column in exog.items():
            if len(column) and column.iloc[0] and (column == column.iloc[0]).all():
                constants.add(predictor.coefficient(name))
    constants |= {f"Intercept[{own.label(c)}]" for own in model.structure.classes for c in range(own.n)}
    layout = model.design.layout
    at = np.concatenate([layout.positions("coef"), layout.positions("class")])
    return np.array([i for i in at if layout.names[i] not in constants], dtype=int)


def _range(values) -> str:
    low, high = values.min(), values.max()
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _around(center) -> str:
    return "" if not center.any() else f", around {_range(center)}"


def _count(at, names) -> str:
    kinds = {names[i].partition("[")[0] for i in at if "[" in names[i]}
    word = "parameter" if kinds & {"lambda", "gamma", "b"} else "coefficient"
    return f"{len(at)} {word}{'s' if len(at) > 1 else ''}"
