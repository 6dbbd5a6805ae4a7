"""Results that are not maximum likelihood: what they say of themselves, and what they refuse."""
from __future__ import annotations

PQL = "pql"


def why_not(results) -> str | None:
    """Why results have no maximum of a likelihood, and what to do; None where they have."""
    if results.integration == PQL:
        return ("penalised quasi-likelihood (integration='pql') has no likelihood; fit with another "
                "integration")
    if results.penalty is not None:
        return "a penalised fit is not at the maximum of the likelihood; fit without penalty"
    return None


def check_likelihood(what: str, *several) -> None:
    """Refuse what needs the maximum of a likelihood, for any of some results.

    Raises
    ------
    ValueError
        Says why, and what to fit in their place.
    """
    for results in several:
        reason = why_not(results)
        if reason is not None:
            raise ValueError(f"{what} is not available: {reason}")


def likelihood_rows(results, large) -> list[tuple[str, str]]:
    """(label, text) of the log-likelihood and what follows from it, for the head of a summary;
    ``large(x, decimals)`` formats a number."""
    if results.integration == PQL:
        return [("Log-Likelihood:", "none (PQL)")]
    if results.penalty is not None:
        value = results.penalty.value
        return [("Log-Likelihood:", large(results.llf, 3)), ("Penalty:", large(value, 3)),
                ("Penalized:", large(results.llf + value, 3))]
    return [("Log-Likelihood:", large(results.llf, 3)), ("AIC:", large(results.aic, 2)),
            ("BIC:", large(results.bic, 2))]


def comparable_notes(results) -> list[str]:
    """Footnotes on the kind of estimates."""
    if results.integration == PQL:
        return ["PQL: no likelihood.  Estimates by penalised quasi-likelihood are biased where rows "
                "tell little, as binary ones in small clusters: variances come out too small.  They "
                "are starting values, fit(start_params=results), or for comparison."]
    if results.penalty is not None:
        errors = ("without the penalty's" if results.penalty.method == "firth"
                  else "with the penalty's")
        return [f"Penalised estimates: {results.penalty.text}.  Log-Likelihood is without it; "
                f"standard errors are from the information {errors}."]
    return []
