"""Whether estimates maximise a log-likelihood of the data, what else they say, and what they refuse."""
from __future__ import annotations

PQL = "pql"
WHY = "the likelihood of the data is not what is maximised, but a weighted pseudo-likelihood"


def refuse_incomparable(results, other, what: str) -> None:
    """Refuse fits of different data, and what is no log-likelihood of theirs.

    Raises
    ------
    ValueError
    """
    refuse_without_likelihood(results, what)
    refuse_without_likelihood(other, what)
    different = results.fingerprint.same(other.fingerprint)
    if different:
        raise ValueError(f"the two models were fitted to {different}: their likelihoods cannot be "
                         "compared; fit both to the same rows (subset=...).")


def refuse_without_likelihood(results, what: str) -> None:
    """Refuse estimates that do not maximise a log-likelihood of the data, penalised quasi-likelihood,
    sampling weights or a penalty, with a ValueError."""
    text = no_likelihood(results)
    if text is not None:
        raise ValueError(f"{what} is not available {text}")


def refuse_sampling_weights(model, what: str) -> None:
    """NotImplementedError for what is not defined for a pseudo-likelihood."""
    if model.sample.sampling is not None:
        raise NotImplementedError(f"{what} is not available with sampling weights: {WHY}.")


def no_likelihood(results) -> str | None:
    """Why results have no maximum of a likelihood, and what to do; None where they have one."""
    if results.integration == PQL:
        return ("for penalised quasi-likelihood (integration='pql'), which has no likelihood; fit with "
                "another integration")
    if results.model.sample.sampling is not None:
        return ("with sampling weights, where the likelihood is a pseudolikelihood whose ratio is not "
                "chi-squared; use wald_test() with robust standard errors")
    if results.penalty is not None:
        return "for a penalised fit, which is not at the maximum of the likelihood; refit with fit()"
    return None


def likelihood_rows(results, large) -> list[tuple[str, str]]:
    """(label, text) of the log-likelihood and what follows from it, for the head of a summary;
    ``large(x, decimals)`` formats a number."""
    if results.integration == PQL:
        return [("Log-Likelihood:", "none (PQL)")]
    if results.model.sample.sampling is not None:
        return [("Log-Pseudolikelihood:", large(results.llf, 3))]
    if results.penalty is not None:
        value = results.penalty.value
        return [("Log-Likelihood:", large(results.llf, 3)), ("Penalty:", large(value, 3)),
                ("Penalized:", large(results.llf + value, 3))]
    return [("Log-Likelihood:", large(results.llf, 3)), ("AIC:", large(results.aic, 2)),
            ("BIC:", large(results.bic, 2))]


def likelihood_notes(results) -> list[str]:
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
