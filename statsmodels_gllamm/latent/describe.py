"""A model's equations in text."""
from __future__ import annotations

import textwrap

import numpy as np

WIDTH = 79


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


def equations(sample, structure, response) -> str:
    """The response, the linear predictor, the loadings and the latent variables' distribution.

    Parameters
    ----------
    sample : Sample
    structure : Structure
    response : Response

    Returns
    -------
    str
    """
    terms = [f"beta[{name}]" + _term(name, factor)
             for name, factor in zip(sample.exog.columns, sample.exog_factors)]
    for block in structure.blocks:
        bar = sample.bars[block.bar]
        terms += [name + _term(term, factor)
                  for name, term, factor in zip(block.names, block.terms, bar.factors)]
    if sample.offset.any():
        terms.append("offset")
    lines = [f"{sample.endog_name} given nu: {response.name}", _sum("nu", terms)]
    lines += [_loading(name, factor) for name, factor in sample.factors.items()]
    for name in response.aux_names:
        lines.append(_sum(name, [f"{name}[{c}]" + _term(c, None) for c in sample.dispersion.columns]))
    for block, c in zip(structure.blocks, structure.design.covariances):
        level = structure.levels[block.level]
        variances = ", ".join(
            f"var = {c.fixed[i]:g} (fixed)" if c.fixed[i] is not None else "var free"
            for i in range(c.q))
        kind = "" if c.q == 1 else f", {c.kind} covariance matrix"
        lines.append(textwrap.fill(
            f"{', '.join(block.names)}: normal with mean 0, {variances}{kind}, one for each of "
            f"{level.n_units:,} clusters", WIDTH, subsequent_indent="    ",
            break_long_words=False, break_on_hyphens=False))
    return "\n".join(lines)
