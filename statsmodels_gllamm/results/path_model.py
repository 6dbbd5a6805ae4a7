"""What a path diagram shows: nodes, arrows with their numbers, and frames of levels; no geometry."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.latent.blocks import latent_columns, part_of
from statsmodels_gllamm.results.estimates import block_estimates
from statsmodels_gllamm.results.linear import aux_predictors

MAX_ITEMS = 30  # items that still have a rectangle each


@dataclass(frozen=True, slots=True)
class Node:
    """A latent variable, item, response or covariate.

    ``level`` 0 is that of the bottom groups, to which items belong; ``regressed`` latent variables
    have disturbances.
    """

    key: str
    text: str
    kind: str
    level: int = 0
    regressed: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow: "loading", "regression", "covariance", "variance" or "residual", with its number."""

    kind: str
    start: str
    end: str
    text: str


@dataclass(frozen=True, slots=True)
class PathModel:
    """``levels`` are texts of the frames from the bottom; ``notes`` is what has no arrow."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    levels: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def of_kind(self, *kinds) -> list[Node]:
        """Nodes of some kinds, in order."""
        return [node for node in self.nodes if node.kind in kinds]


@dataclass
class _Latent:
    """A latent variable; ``own`` its loadings {item: (names of the number, value)}, None for 1."""

    name: str
    term: str
    level: int
    factor: str | None
    product: str
    own: dict | None


def number(value) -> str:
    """A number as arrows show it."""
    if value is None or not np.isfinite(value):
        return ""
    if value == 0 or abs(value) >= 0.995e-2:
        return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.2f}"
    return f"{value:.1g}"


def path_model(results, standardized=False, max_items=MAX_ITEMS) -> PathModel:
    """Nodes and arrows of a model.

    Parameters
    ----------
    results : GLLAMMResults
    standardized : bool
        Numbers of the standardised solution.
    max_items : int
        With more items, those of the same latent variables are one rectangle.
    """
    model = results.model
    if not model.structure.blocks:
        raise ValueError("the model has no latent variables, so that there is no path diagram to "
                         "draw")
    latents, values = _latents(model), _values(results)
    residuals = _residuals(model, results.record.working)
    values.update({f"var[{item}]": value for item, value in residuals.items()})
    if standardized:
        if not hasattr(results, "standardized"):
            raise NotImplementedError("standardized=True needs the standardised solution, "
                                      "results.standardized(), which this version does not have")
        values = results.standardized()["estimate"].to_dict()

    fixed = set() if standardized else values.keys() - set(model.param_names) - {
        f"var[{item}]" for item in residuals}

    def text(*keys, default=None):
        key = next((key for key in keys if key in values), None)
        if key is not None and key not in fixed:
            return number(values[key])
        value = values.get(key, default)  # what is fixed has no decimals
        return "" if value is None or standardized else f"{value:g}"

    items = list(dict.fromkeys(item for one in latents if one.own for item in one.own))
    regressed = _regressed(model)
    nodes = [Node(one.name, one.term, "latent", one.level, one.name in regressed)
             for one in latents]
    edges, targets = [], items or [model.endog_names]
    nodes += [Node(key, key, "item") for key in targets]
    for one in latents:
        if one.own is None:
            edges += [Edge("loading", one.name, item, one.product or "1") for item in targets]
        else:
            edges += [Edge("loading", one.name, item, text(*keys, default=value) + one.product)
                      for item, (keys, value) in one.own.items()]
    edges += _second_moments(model, text)
    edges += [Edge("residual", item, item, text(f"var[{item}]")) for item in targets
              if item in residuals or (not items and residuals)]
    found, notes = _covariates(model, latents, items, text)
    nodes += found[0]
    edges += found[1] + _regressions(model, text)
    if len(items) > max_items:
        nodes, edges = _grouped(nodes, edges)
    levels = tuple(f"{', '.join(level.groups)} ({level.n_units:,} units)"
                   for level in model.structure.levels)
    return PathModel(tuple(dict.fromkeys(nodes)), tuple(edges), levels, tuple(notes))


def _values(results) -> dict[str, float]:
    """All numbers by name, of parameters and of what is fixed."""
    model, params = results.model, np.asarray(results.params, dtype=float)
    values = dict(zip(model.param_names, params))
    for block, c, psi in block_estimates(model, params):
        for i in range(c.q):
            values[f"var[{block.names[i]}]"] = psi[i, i]
            for j in range(i):
                values[f"cov[{block.names[j]},{block.names[i]}]"] = psi[i, j]
    return values


def _latents(model) -> list[_Latent]:
    """Latent variables with their loadings, bottom level first."""
    structure, sample, found = model.structure, model.sample, []
    for block in structure.blocks:
        columns = latent_columns(sample, structure.predictors, block)
        for name, shown, (_, term, column, factor) in zip(block.names, block.terms, columns):
            if factor is None:
                product = "" if term == "Intercept" else term
                found.append(_Latent(name, shown, block.level, None, product, None))
                continue
            design, own = sample.factors[factor], {}
            some = _labels_of(design, column)
            for label, value in zip(design.names, np.asarray(design.loadings, dtype=float)):
                if value != 0 and label in some:  # standardised ones differ between levels
                    keys = f"lambda[{name},{label}]", f"lambda[{factor},{label}]"
                    own[label] = keys, None if np.isnan(value) else float(value)
            rest = term.replace(factor, "", 1).strip(":")
            product = f" {rest}" if rest and not set(some.values()) <= {True} else ""
            found.append(_Latent(name, shown, block.level, factor, product, own))
    return found


def _labels_of(design, column) -> dict[str, bool]:
    """The items in whose rows a column is not zero, and whether it is one in all of them."""
    if design.codes is None:
        return dict.fromkeys(design.names, bool((column == 1).all()))
    rows = [column[design.codes == k] for k in range(len(design.names))]
    return {label: bool((own == 1).all()) for label, own in zip(design.names, rows) if own.any()}


def _regressed(model) -> set[str]:
    """Names of the latent variables that are regressed on something."""
    structural = model.design.structural
    names = [name for block in model.structure.blocks for name in block.names]
    if structural is None:
        return set()
    return {names[i] for i in (*structural.gamma[:, 0], *structural.b[:, 0])}


def _second_moments(model, text) -> list[Edge]:
    edges = []
    for block, c in zip(model.structure.blocks, model.design.covariances):
        zero = c.matrix(np.ones(len(c.pairs())))
        for i, name in enumerate(block.names):
            edges.append(Edge("variance", name, name, text(f"var[{name}]")))
            edges += [Edge("covariance", block.names[j], name,
                           text(f"cov[{block.names[j]},{name}]")) for j in range(i) if zero[i, j]]
    return edges


def _regressions(model, text) -> list[Edge]:
    """Arrows between latent variables; with products, an effect such as "0.50 + 0.35 x"."""
    structural, layout = model.design.structural, model.design.layout
    if structural is None:
        return []
    names = [name for block in model.structure.blocks for name in block.names]
    terms = [term for block in model.structure.blocks for term in block.terms]
    effects: dict = {}
    for (to, of), by, times, place in zip(structural.b, structural.by, structural.times,
                                          layout.positions("b")):
        more = [terms[times]] if times >= 0 else []
        more += [model.structure.regressors[by][1]] if by >= 0 else []
        effects.setdefault((names[of], names[to]), []).append(
            " ".join([text(layout.names[place]), *more]).strip())
    return [Edge("regression", *ends, "\n+ ".join(own).replace("+ -", "- "))
            for ends, own in effects.items()]


def _residuals(model, working) -> dict[str, float]:
    """Residual variances of Gaussian items, or of the response, where they are constants."""
    outcomes, sample = model.outcomes, model.sample
    if outcomes.sets is not None or outcomes.part is not None:
        return {}
    codes, labels = None, (model.endog_names,)
    for factor in sample.factors.values():
        if factor.codes is not None:
            codes, labels = factor.codes, factor.names
            break
    n, found, first, number = len(sample.index), {}, 0, 0
    aux = aux_predictors(model, working, outcomes, n)
    for member in outcomes.members:
        count, names = member.y.shape[1], member.response.aux_names
        rows = np.arange(first, first + count)
        rows = rows if outcomes.rows is None else outcomes.rows[rows]
        if member.response.gaussian and names == ("logsd",):
            own = np.zeros(count, dtype=int) if codes is None else codes[rows]
            for k in np.unique(own):
                logsd = aux[number, rows[own == k]]
                if np.ptp(logsd) == 0:
                    found[labels[k]] = float(np.exp(2 * logsd[0]))
        first, number = first + count, number + len(names)
    return found


def _covariates(model, latents, items, text):
    """((nodes, arrows) of covariates, notes on those that concern all items)."""
    nodes, edges, notes = [], [], []
    names = [name for block in model.structure.blocks for name in block.names]
    structural, sample = model.design.structural, model.sample

    def add(name, column, target, key):
        node = Node(f"covariate {name}", name, "covariate", _level_of(model, column))
        nodes.append(node)
        edges.append(Edge("regression", node.key, target, text(key)))

    if structural is not None:
        for to, place in structural.gamma:
            key, name = model.structure.regressors[place]
            add(name, sample.designs[key][name].to_numpy(), names[to],
                f"gamma[{names[to]} on {name}]")
    codes = next((f.codes for f in sample.factors.values() if f.codes is not None), None)
    labels = next((f.names for f in sample.factors.values() if f.codes is not None), ())
    grouped = getattr(model.wide, "groups", None) is not None
    by = next((f.factor.by for f in sample.design.factors.values()), "")
    for predictor in model.structure.predictors:
        part = part_of(sample, predictor.key)
        for (name, values), factor in zip(part.exog.items(), part.exog_factors):
            key, column = predictor.coefficient(name), values.to_numpy()
            if factor is not None:
                rest = str(name).replace(factor, "", 1).strip(":")
                to = next((one.name for one in latents if one.term == factor), None)
                if rest and to is not None:
                    add(rest, column, to, key)
                continue
            if np.ptp(column) == 0 or (grouped and str(name).startswith("cell[")):
                continue  # a constant, or those of items in groups of persons
            if codes is None or not items:
                if not items:
                    add(key, column, model.endog_names, key)
                elif not any((f.columns.T == column).all(axis=1).any()
                             for f in sample.factors.values()):
                    notes.append(f"{key} {text(key)}".strip())
                continue
            on = [k for k in range(len(labels)) if column[codes == k].any()]
            if all(np.ptp(column[codes == k]) == 0 for k in on):
                continue  # intercepts of items
            rest = ":".join(t for t in str(name).split(":") if not t.startswith(f"{by}["))
            if len(on) == 1:
                add(rest, column[codes == on[0]], labels[on[0]], key)
            else:
                notes.append(f"{key} {text(key)}".strip())
    if notes:
        notes = ["Effects on all items: " + ", ".join(notes)]
    return (nodes, edges), notes


def _level_of(model, column) -> int:
    """The highest level within whose units a column is constant; 0 if there is none."""
    found = 0
    for number, level in enumerate(model.structure.levels):
        if len(column) != len(level.codes):
            return 0
        some = np.empty(level.n_units)
        some[level.codes] = column
        if (some[level.codes] == column).all():
            found = number
    return found


def _grouped(nodes, edges):
    """Items of the same latent variables as one rectangle, with the range of their numbers."""
    pattern = {}
    for edge in edges:
        if edge.kind == "loading":
            pattern.setdefault(edge.end, []).append(edge.start)
    extra = {e.end for e in edges if e.kind == "regression"}
    groups = {}
    for node in nodes:
        if node.kind == "item":
            alone = node.key in extra
            groups.setdefault(node.key if alone else tuple(pattern.get(node.key, ())), []).append(node)
    place, new = {}, []
    for members in groups.values():
        first = members[0]
        if len(members) > 2:
            first = Node(first.key, f"{first.text} ... {members[-1].text}\n{len(members)} items",
                         "item")
        new.append(first)
        place.update({node.key: first.key for node in members})
    joined = {}
    for edge in edges:
        key = edge.kind, place.get(edge.start, edge.start), place.get(edge.end, edge.end)
        joined.setdefault(key, []).append(edge.text)
    return ([node for node in nodes if node.kind != "item"] + new,
            [Edge(*key, _range(texts)) for key, texts in joined.items()])


def _range(texts) -> str:
    if len(set(texts)) == 1:
        return texts[0]
    try:
        values = [float(t) for t in texts]
    except ValueError:
        return ""
    return f"{min(values):.2f} to {max(values):.2f}"
