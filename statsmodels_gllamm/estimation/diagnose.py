"""What is wrong with a fit, in words: one warning per thing, with numbers and what to do next."""
from __future__ import annotations

import warnings

from statsmodels_gllamm.estimation.record import FitRecord
from statsmodels_gllamm.exceptions import (
    BoundaryWarning,
    ConvergenceWarning,
    QuadratureWarning,
)

ADVICE = (
    "(1) see fit(callback=print) for the path; (2) centre and scale covariates with large values; "
    "(3) simplify the random part, e.g. (x || g) for (x | g); (4) start elsewhere: "
    "fit(start_params=...) or fit(starts=5); (5) raise maxiter, now {maxiter}"
)


def messages(record: FitRecord, flat=True) -> list[tuple[type[Warning], str]]:
    """(category, text) of every reason not to trust the numbers as they stand; flat directions are
    left out where ``flat`` is not true."""
    out: list[tuple[type[Warning], str]] = []
    retvals, certificate = record.retvals, record.certificate
    if not retvals["converged"]:
        out.append((ConvergenceWarning,
                    f"the fit did not converge after {retvals['iterations']} iterations: "
                    f"{retvals['reason']} (about {abs(retvals['gain']):.3g} log-likelihood units "
                    f"still to be gained). Things to try: {ADVICE.format(**retvals)}"))
    for direction in record.flat if flat else ():
        out.append((ConvergenceWarning, _flat_text(direction)))
    if retvals["converged"] and not record.information.definite and not record.flat:
        out.append((ConvergenceWarning,
                    "the observed information is not positive definite at the estimates, so that "
                    "standard errors are missing or wrong: the model is barely identified, or the "
                    "maximum is not one; simplify the random part, or start elsewhere: fit(starts=5)"))
    if record.boundary or record.boundary_notes:
        out.append((BoundaryWarning,
                    f"at the boundary: {', '.join(record.boundary) or 'a correlation'} ("
                    f"{'; '.join(record.boundary_notes)}); other standard errors are given that it "
                    "stays there"))
    if retvals["converged"] and not certificate.passed and record.integration != "pql":
        out.append((QuadratureWarning, _quadrature_text(record)))
    return out


def _flat_text(direction: dict[str, float]) -> str:
    combination = " ".join(f"{w:+.3g} {name}" for name, w in direction.items())
    if len(direction) > 1:
        return (f"the log-likelihood is flat in the direction {combination}: these parameters are not "
                "identified together; fix or drop one of them")
    name = next(iter(direction))
    if name.startswith("logsd["):
        return (f"the log-likelihood does not change with {name} any more: if it is low, that residual "
                "variance goes to zero (a Heywood case: too few units, or too many factors); simplify "
                f"the model, or fix it by fit_constrained({{{name!r}: value}})")
    return (f"the log-likelihood does not change with {name}, which may have gone beyond all bounds; "
            "fix or drop it")


def _quadrature_text(record: FitRecord) -> str:
    c = record.certificate
    what = "Laplace approximation" if set(c.n_quad) == {1} else f"rule with {c.n_quad} points"
    advice = ("use integration='adaptive'" if record.integration == "laplace" else
              "auto goes no further on these data: give n_quad, or use fewer latent variables in a bar"
              if c.ended else "use n_quad='auto', or more points")
    bound = "at most " if sum(c.n_finer) < sum(c.n_quad) else ""
    moves = ("not known in the estimates, which have no standard errors" if c.error_se != c.error_se
             else f"{c.error_se:.3g} standard errors in an estimate")
    return (f"the error of the {what} is {bound}about {c.error_loglik:+.3g} in log-likelihood and "
            f"{moves}, above quad_tol = {c.tol:g}; {advice}")


def warn(record: FitRecord, stacklevel: int, flat: bool = True) -> None:
    """Issue the warnings, those of flat directions only if ``flat``; the error of Laplace's
    approximation, asked for by name, is not one."""
    for category, text in messages(record, flat):
        if category is QuadratureWarning and record.integration == "laplace":
            continue
        warnings.warn(text, category, stacklevel=stacklevel + 1)
