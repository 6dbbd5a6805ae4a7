"""Wald tests of the terms of all formulas of a model.

A term of a formula is some of its columns.  Its hypothesis is that their coefficients are zero: in
every linear predictor that has them, in auxiliary predictors for every quantity and cut point, in the
membership for every class; of a class-specific term, that classes do not differ in it.
"""
from __future__ import annotations

import numpy as np
import pandas as pd
from statsmodels.stats.contrast import WaldTestResults

from statsmodels_gllamm.formula.terms import term_slices

CONSTANT = "Intercept"


def wald_terms(results, skip_single=False, extra_constraints=None, combine_terms=None, scalar=True):
    """Wald test of every term; parameters as statsmodels' ``wald_test_terms``.

    A term with a parameter that has no standard error is NaN.
    """
    terms = terms_of(results.model)
    combined = []
    for text in combine_terms or ():
        parts = [matrix for name, matrix in terms if text in name]
        if not parts:
            raise ValueError(f"combine_terms: no term has {text!r} in its name; the terms are "
                             f"{', '.join(name for name, _ in terms)}.")
        combined.append((text, np.vstack(parts)))
    kept = [(name, matrix) for name, matrix in terms if not (skip_single and len(matrix) == 1)]
    rows, index = [], []
    for name, matrix in [*kept, *combined, *(extra_constraints or ())]:
        index.append(name)
        test = results.wald_test(matrix, scalar=scalar)
        rows.append([test.statistic, test.pvalue, int(test.df_denom)])
    table = pd.DataFrame(rows, index=index, columns=["statistic", "pvalue", "df_constraint"])
    return WaldTestResults(None, "chi2", None, table=table)


def terms_of(model) -> list[tuple[str, np.ndarray]]:
    """Every term with its constraints (m, k)."""
    place = {name: i for i, name in enumerate(model.param_names)}
    identity = np.eye(len(place))
    found = []
    for group in (_fixed(model), _auxiliary(model), _regressions(model), _membership(model)):
        merged: dict[str, list] = {}
        for term, names in group:
            merged.setdefault(term, []).extend(place[name] for name in names)
        found += [(term, identity[list(dict.fromkeys(rows))]) for term, rows in
                  sorted(merged.items(), key=lambda item: item[1][0])]
    return found + _class_specific(model, place)


def _fixed(model):
    """(term, parameters) of the linear predictors, those of one term one after the other."""
    names, first = model.param_names, 0
    for predictor in model.structure.predictors:
        main = predictor.key == "exog"
        design = model.sample.design.exog if main else model.sample.design.parts[predictor.key].exog
        own = model.exog_names if main else design.names
        for term, s in term_slices(design, own).items():
            yield (term if main else predictor.coefficient(term),
                   names[first + s.start:first + s.stop])
        first += len(own)


def _auxiliary(model):
    """(term, parameters) of the formulas of dispersions, thresholds and the like, constants left
    out."""
    for block in model.outcomes.aux:
        design, columns = _design_of(model, block)
        if design is None:
            continue
        what = block.key if isinstance(block.key, str) else block.key[0]
        for term, s in term_slices(design, columns).items():
            names = [name for name, j, _ in block.terms if s.start <= j < s.stop]
            label = _label(names, columns[s.start:s.stop]) if names else ""
            if names and term != CONSTANT:
                yield f"{what}[{label}{term}]", list(dict.fromkeys(names))


def _design_of(model, block):
    """The design of a block and its columns; (None, None) where it is a constant."""
    for key, design in model.sample.design.designs.items():
        same = key == block.key or (isinstance(key, tuple) and block.key in key)
        if same and len(design.names) == block.values.shape[1]:
            return design, tuple(model.sample.designs[key].columns)
    return None, None


def _label(names, columns) -> str:
    """"label," of a member of a mixed response, from the names of its parameters."""
    inside = names[0].partition("[")[2]
    for column in columns:
        before, found, _ = inside.partition(f",{column}")
        if found:
            return f"{before},"
    return ""


def _regressions(model):
    """(term, parameters) of the regressions of latent variables; causes that are latent variables are
    terms by themselves."""
    names = set(model.param_names)
    designs = model.sample.design.designs
    for number, regression in enumerate(model.regressions):
        for key in (("regression", number), *(("regression", number, k)
                                              for k in range(len(regression.products)))):
            if key not in designs:
                continue
            columns = tuple(model.sample.designs[key].columns)
            for term, s in term_slices(designs[key], columns).items():
                for start, own in _parameters(model, regression, key, columns[s.start:s.stop]):
                    yield f"{start}{term}]", [name for name in own if name in names]
    at = model.design.layout.positions("b")
    latent = {name for block in model.structure.blocks for name in block.names}
    for i in at:
        name = model.param_names[i]
        cause = name[2:-1].partition(" on ")[2]
        if cause in latent or all(part in latent for part in _split(cause, latent)):
            yield name, [name]


def _parameters(model, regression, key, columns):
    """(start of the term's name, parameters) of some columns of a regression."""
    full = {name: name for block in model.structure.blocks for name in block.names}
    full = {**{term: name for block in model.structure.blocks
               for term, name in zip(block.terms, block.names)}, **full}
    to = full[regression.outcome]
    if len(key) == 2:
        yield f"gamma[{to} on ", [f"gamma[{to} on {column}]" for column in columns]
    else:
        cause = full[regression.products[key[2]].cause]
        yield f"b[{to} on {cause}:", [f"b[{to} on {cause}:{column}]" for column in columns]


def _split(cause: str, latent):
    """The latent variables of a product of two, or the text itself."""
    for one in latent:
        if cause.startswith(f"{one}:") and cause[len(one) + 1:] in latent:
            return one, cause[len(one) + 1:]
    return (cause,)


def _membership(model):
    """(term, parameters) of the formula of the class probabilities, the constant left out."""
    several = len(model.structure.classes) > 1
    for classes in model.structure.classes:
        names, key = classes.membership_names(), ("membership", classes.name)
        width = len(classes.covariates) + len(classes.dummies)
        terms = dict(term_slices(model.sample.design.designs[key], classes.covariates))
        first = len(classes.covariates)
        for other in classes.above:
            terms[model.structure.classes[other.number].name] = slice(
                first, first + len(other.labels) - 1)
            first += len(other.labels) - 1
        for term, s in terms.items():
            own = [name for j, name in enumerate(names) if s.start <= j % width < s.stop]
            if term != CONSTANT and own:
                yield f"membership[{classes.name},{term}]" if several else f"membership[{term}]", own


def _class_specific(model, place) -> list[tuple[str, np.ndarray]]:
    """Terms of the bars of classes: differences from the first class."""
    return [found for variable, classes in zip(model.classes, model.structure.classes)
            for found in _of_variable(model, variable, classes, place) if classes.n > 1]


def _of_variable(model, variable, classes, place) -> list[tuple[str, np.ndarray]]:
    designed = {design.column for design in classes.designs}
    columns = {column.name: (p, column) for p, column in enumerate(classes.columns)}
    found = []
    for key in variable.parts:
        design, names = model.sample.design.designs[key], tuple(model.sample.designs[key].columns)
        for term, s in term_slices(design, names).items():
            rows = []
            for name in names[s.start:s.stop]:
                own = [(p, column) for full, (p, column) in columns.items()
                       if name in (full, column.term) and p not in designed]
                rows += [row for _, column in own for row in _differences(classes, column, place)]
            if rows:
                found.append((f"{classes.name}[{term}]", np.array(rows)))
    return found


def _differences(classes, column, place):
    """Constraints by which the coefficients of a column are the same in all classes."""
    names = [f"{column.name}[{classes.label(c)}]" for c in range(classes.n)]
    for name in names[1:]:
        row = np.zeros(len(place))
        row[place[name]] = 1.0
        if not column.relative:
            row[place[names[0]]] = -1.0
        yield row
