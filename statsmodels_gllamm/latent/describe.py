"""A model's equations in text."""
from __future__ import annotations

import textwrap

import numpy as np

from statsmodels_gllamm.families.mixed import MixedFamily
from statsmodels_gllamm.formula.groups import ROWS
from statsmodels_gllamm.latent.blocks import latent_columns, part_of

WIDTH = 79
FEW = 3  # thresholds that are all named


def _sum(head: str, terms: list[str]) -> str:
    """head = term + term + ..., wrapped under the equals sign."""
    text = " + ".join(terms) if terms else "0"
    return textwrap.fill(f"{head} = {text}", WIDTH, subsequent_indent=" " * (len(head) + 3),
                         break_long_words=False, break_on_hyphens=False)


def _loading(name: str, factor) -> str:
    """The row loading of a factor, as a sum over its categories."""
    terms = []
    for label, value in zip(factor.names, factor.loadings):
        if np.isnan(value):
            terms.append(f"lambda[{name},{label}] ({label})")
        elif value:
            terms.append(f"{value:g} ({label})")
    return _sum(f"loading of {name}", terms)


def _term(term: str, factor: str | None) -> str:
    """What multiplies a coefficient or a latent variable in a row."""
    if term in ("Intercept", "const"):
        return ""
    if factor is None:
        return f" {term}"
    rest = term.replace(factor, "", 1).strip(":")
    return f" loading of {factor}" + (f" {rest}" if rest else "")


def _member(family, block):
    """Label of the member of a mixed family that auxiliary predictors belong to; None of others."""
    if not isinstance(family, MixedFamily):
        return None
    inside = block.terms[0][0].partition("[")[2]
    found = [label for label, _ in family.members if inside.startswith((f"{label},", f"{label}]"))]
    return max(found, key=lambda label: len(str(label)))


def _auxiliary(sample, family, block, aux_names) -> list[str]:
    """Auxiliary predictors of a block, one a line; thresholds by columns."""
    if not block.terms:
        return []
    label = _member(family, block)
    if label is None:
        columns = sample.designs.get(block.key)
    else:
        columns = family.columns.get((block.key, label))
    columns = ["Intercept"] if columns is None else list(columns)
    of = "" if label is None else f" ({label})"
    thresholds, sums = block.key == "thresholds", {}
    for parameter, column, aux in block.terms:
        if thresholds:
            sums.setdefault(column, {})[parameter] = None
        else:
            sums.setdefault(aux, []).append(parameter + _term(columns[column], None))
    if not thresholds:
        return [_sum(aux_names[aux] + of, terms) for aux, terms in sums.items()]
    return [textwrap.fill(
        f"thresholds{of}" + (f" of {columns[j]}" if columns != ["Intercept"] else "")
        + f": {_few(list(names))}", WIDTH, subsequent_indent="    ",
        break_long_words=False, break_on_hyphens=False) for j, names in sums.items()]


def _few(names: list[str]) -> str:
    """Names with some left out where there are many of one kind."""
    kinds = [name.partition("[")[0] for name in names]
    first = 1 if kinds[0] == kinds[-1] else 2  # a threshold, then steps
    if len(names) > FEW:
        names = [*names[:first], "...", names[-1]]
    return ", ".join(names)


def _few_wrapped(head: str, names) -> str:
    return textwrap.fill(f"{head}: {', '.join(names)}", WIDTH, subsequent_indent="    ",
                         break_long_words=False, break_on_hyphens=False)


def _class_terms(classes, predictor) -> list[str]:
    """The terms of a linear predictor with class-specific coefficients."""
    return [f"beta[{column.name}][{classes.name}]" + _term(column.term, None)
            for column in classes.columns if column.predictor == predictor]


def _memberships(classes, n_units, centred) -> list[str]:
    """The probabilities of the classes, and what is relative or known of them."""
    name, relative = classes.name, [c.name for c in classes.columns if c.relative]
    terms = [f"prob[{name}]" if x == "Intercept" else f"prob[{name},{x}] {x}"
             for x in (*classes.covariates, *classes.dummies)]
    units = ROWS if classes.group == ROWS else f"clusters of {classes.group}"
    lines = [_sum(f"log(P({name}) / P({classes.label(0)}))", terms),
             f"{name}: one of {classes.n} classes, one for each of {n_units:,} {units}"]
    if relative and centred:
        lines.append(_few_wrapped("mass points with a mean of zero", relative))
    elif relative:
        lines.append(_few_wrapped(f"differences from {classes.label(0)}", relative))
    known = int((classes.known >= 0).sum())
    whose = ROWS if classes.group == ROWS else "clusters"
    return [*lines, f"{name} is known for {known:,} {whose}"] if known else lines


def _varying(structure) -> list[str]:
    """What differs between classes besides coefficients."""
    names = structure.design.layout.names
    return [_few_wrapped(f"different in the classes of {structure.classes[v.variable].name}",
                         [names[i] for i in v.source]) for v in structure.design.varying]


def _regressions(structure) -> list[str]:
    """The regressions of the latent variables, one line each; zeta are their disturbances."""
    found: dict[str, list[str]] = {}
    for block in structure.design.layout.blocks:
        if block.kind in ("gamma", "b"):
            for name in block.names:
                to, _, of = name[name.index("[") + 1:-1].partition(" on ")
                found.setdefault(to, []).append(f"{name} {of}")
    return [_sum(to, [*terms, f"zeta[{to}]"]) for to, terms in found.items()]


def equations(sample, structure, outcomes, family) -> str:
    """The response, the linear predictors, the loadings and the latent variables' distribution.

    Parameters
    ----------
    sample : Sample
    structure : Structure
    outcomes : Outcomes
    family : Family

    Returns
    -------
    str
    """
    predictors = structure.predictors
    names = [f"nu[{p.label}]" if p.label is not None else "nu" for p in predictors]
    lines = [f"{sample.endog_name} given {', '.join(names)}: {family.name}"]
    for number, (name, predictor) in enumerate(zip(names, predictors)):
        part = part_of(sample, predictor.key)
        terms = [f"beta[{predictor.coefficient(column)}]" + _term(column, factor)
                 for column, factor in zip(part.exog.columns, part.exog_factors)]
        for block in structure.blocks:
            columns = latent_columns(sample, predictors, block)
            terms += [latent + _term(term, factor)
                      for latent, (p, term, _, factor) in zip(block.names, columns) if p == number]
        if predictor.key == "exog":
            for classes in structure.classes:
                terms += _class_terms(classes, predictor)
        if sample.offset.any() and predictor.key == "exog":
            terms.append("offset")
        lines.append(_sum(name, terms))
    lines += [_loading(name, factor) for name, factor in sample.factors.items()]
    for block in outcomes.aux:
        lines += _auxiliary(sample, family, block, outcomes.aux_names)
    if structure.residuals is not None:
        lines.append(_few_wrapped("residual covariances", structure.residuals.names))
    for classes in structure.classes:
        lines += _memberships(classes, structure.levels[classes.level].n_units,
                              structure.design.centring is not None)
    lines += _varying(structure)
    regressions = _regressions(structure)
    lines += regressions
    regressed = {line.partition(" = ")[0] for line in regressions}

    def shown(name):
        return f"zeta[{name}]" if name in regressed else name

    for block, c in zip(structure.blocks, structure.design.covariances):
        level = structure.levels[block.level]
        variances = ", ".join(
            f"var = {c.fixed[i]:g} (fixed)" if c.fixed[i] is not None else "var free"
            for i in range(c.q))
        kind = "" if c.q == 1 else f", {'pattern' if c.zeros else c.kind} covariance matrix"
        lines.append(textwrap.fill(
            f"{', '.join(shown(n) for n in block.names)}: normal with mean 0, {variances}{kind}, "
            f"one for each of {level.n_units:,} clusters", WIDTH, subsequent_indent="    ",
            break_long_words=False, break_on_hyphens=False))
    return "\n".join(lines)
