"""What a summary says about the family: its name in the header, and footnotes."""
from __future__ import annotations

from dataclasses import replace

import numpy as np

from statsmodels_gllamm.families.continuous import Censored
from statsmodels_gllamm.families.labels import label_text
from statsmodels_gllamm.families.mixed import MixedFamily
from statsmodels_gllamm.families.nominal import Nominal
from statsmodels_gllamm.families.ordinal import Ordinal
from statsmodels_gllamm.families.zero import Hurdle, ZeroInflated
from statsmodels_gllamm.results.rows import sample_data

WRAPPERS = ("Censored", "Composite", "Hurdle", "Truncated", "ZeroInflated")
MANY = 12  # categories that are no longer counted in a footnote
ENDINGS = {"complex step": "by complex step", "finite differences": "by finite differences",
           "analytic": "the user's own"}


def family_and_link(family) -> tuple[str, str]:
    """Distribution and link, "ZeroInflated(Poisson)" and "log, zero part logit"."""
    if isinstance(family, MixedFamily):
        return "Mixed", "by label"
    name = family.name.partition(";")[0]
    if name.startswith("Custom("):
        return name + ")" * (name.count("(") - name.count(")")), "-"
    head, _, rest = name.partition("(")
    rest = rest.removesuffix(")")
    if head in WRAPPERS:
        zero = ""
        if head in ("ZeroInflated", "Hurdle"):
            rest, _, zero = rest.rpartition(", ")
        inner, link = _split(rest)
        return f"{head}({inner})", link + (f", zero part {zero}" if zero else "")
    if ", " in rest:  # Ordinal(logit, adjacent)
        link, _, kind = rest.partition(", ")
        return f"{head} ({kind})", link
    return _split(name)


def _split(name: str) -> tuple[str, str]:
    """Distribution and link of a response."""
    head, _, rest = name.partition("(")
    return (name, "-") if "=" in rest or not rest else (head, rest.removesuffix(")"))


def family_notes(model) -> list[str]:
    """Footnotes on the categories, members or derivatives of the response."""
    data = replace(sample_data(model.sample), endog=model.sample.endog)
    return list(_notes(model.fitted_family, data))


def _notes(family, data):
    if isinstance(family, MixedFamily):
        for label, member, rows, own in family.parts_of(data):
            yield f"{label}: {member.name}, {len(rows):,} rows."
            for note in _notes(member, own):
                yield f"{label}: {note}"
        return
    if isinstance(family, Ordinal):
        yield _categories(family.learned.labels, family.learned.values, data.endog, " < ")
        if family.increments:
            yield "Thresholds: the first one, and logarithms of the steps from one to the next."
    elif isinstance(family, Nominal):
        codes = np.unique(np.asarray(data.endog))
        yield _categories(family.categories, codes, data.endog, ", ") + (
            f" Base category: {label_text(family.base)}.")
    elif isinstance(family, Censored):
        yield _censoring(*family.outcomes(data).members)
    elif isinstance(family, ZeroInflated):
        yield "zero[...]: the probability of a zero that is not one of the main part."
    elif isinstance(family, Hurdle):
        yield "zero[...]: the probability of a zero."
    by = getattr(family, "derivatives_by", None)
    if by is not None:
        yield f"Derivatives of the log density: {ENDINGS.get(by, by)}."


def _censoring(member) -> str:
    """Numbers of rows that are known in one way or another."""
    exact, left, right, between = (int(mask.sum()) for mask in member.response.kinds(member.y))
    parts = [f"{exact:,} observed", *(f"{n:,} {how}" for n, how in (
        (right, "at least a value"), (left, "at most a value"), (between, "between two values")) if n)]
    late = member.response.late(member.y)
    entries = f"; {late.sum():,} with delayed entry" if late.any() else ""
    return f"Responses: {', '.join(parts)}{entries}."


def _categories(labels, values, endog, between: str) -> str:
    """Labels with the number of rows in each."""
    if len(labels) > MANY:
        first, last = label_text(labels[0]), label_text(labels[-1])
        return f"{len(labels)} categories, {first} to {last}."
    counts = [int(np.sum(endog == value)) for value in values]
    return "Categories (rows): " + between.join(
        f"{label_text(label)} ({count:,})" for label, count in zip(labels, counts)) + "."
