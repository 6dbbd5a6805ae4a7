"""Whether the log-likelihoods of several fits can be compared."""
from __future__ import annotations


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
    """Refuse estimates that do not maximise a log-likelihood of the data.

    Raises
    ------
    ValueError
        Quasi-likelihood, sampling weights or a penalty.
    """
    text = no_likelihood(results)
    if text:
        raise ValueError(f"{what} is not available {text}")


def no_likelihood(results) -> str:
    """Why results have no log-likelihood, and what to do; "" where they have one."""
    if str(results.integration).lower() in ("pql", "mql", "pql2", "mql2"):
        return (f"for estimates by {results.integration!r}, penalised quasi-likelihood, which has no "
                "log-likelihood of the data; fit with integration='adaptive'")
    if any(getattr(one, name, None) is not None for one, name in (
            (results.model, "sampling_weights"), (results.model.sample, "sampling"))):
        return ("with sampling weights, where the likelihood is a pseudolikelihood whose ratio is not "
                "chi-squared; use wald_test() with robust standard errors")
    if getattr(results, "penalty", None) is not None or getattr(results, "penalized", False):
        return ("for penalised estimates, which do not maximise the likelihood; refit with fit()")
    return ""
