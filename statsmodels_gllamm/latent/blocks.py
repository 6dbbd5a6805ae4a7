"""Latent variables of a formula in blocks with a covariance matrix."""
from __future__ import annotations

from dataclasses import dataclass

from statsmodels_gllamm.exceptions import FormulaError


@dataclass(frozen=True, slots=True)
class LatentTerm:
    """Where a latent variable stands: linear predictor, its bar, and the column of that."""

    predictor: int
    bar: int
    column: int


@dataclass(frozen=True, slots=True)
class LatentBlock:
    """Latent variables with a covariance matrix: ``names`` such as "ability[school]", ``terms``
    without the group, and where they stand."""

    group: str
    terms: tuple[str, ...]
    names: tuple[str, ...]
    level: int
    places: tuple[LatentTerm, ...]
    correlated: bool


def part_of(sample, key: str):
    """The right side of a linear predictor: an object with exog, exog_factors and bars."""
    return sample if key == "exog" else sample.parts[key]


def ordered_blocks(sample, levels, predictors, joint: bool) -> tuple[LatentBlock, ...]:
    """Blocks from the bottom level up; ``joint``: predictors share those of a group."""
    level_of = {name: i for i, level in enumerate(levels) for name in level.groups}
    found: dict = {}
    for key in dict.fromkeys(p.key for p in predictors):
        for number, bar in enumerate(part_of(sample, key).bars):
            own = found.setdefault(("joint", bar.group) if joint else (key, number), [bar, []])
            own[1] += [(p, number, j, term)
                       for p, predictor in enumerate(predictors) if predictor.key == key
                       for j, term in enumerate(bar.names)]
    blocks, seen = [], set()
    for bar, members in found.values():
        terms = tuple(predictors[p].latent(term) for p, _, _, term in members)
        names = tuple(f"{term}[{bar.group}]" for term in terms)
        for name in names:
            if name in seen:
                raise FormulaError(f"the latent variable {name} stands in the formula twice; "
                                   "remove one of them")
            seen.add(name)
        places = tuple(LatentTerm(p, number, j) for p, number, j, _ in members)
        blocks.append(LatentBlock(bar.group, terms, names, level_of[bar.group], places,
                                  bar.correlated))
    blocks = tuple(sorted(blocks, key=lambda block: block.level))
    _refuse_copies(sample, predictors, blocks)
    return blocks


def refuse_apart(sample, predictors) -> None:
    """The parts whose latent variables are to be correlated must have a group in common."""
    groups = {predictor: dict.fromkeys(bar.group for bar in part_of(sample, predictor.key).bars)
              for predictor in predictors}
    if not set.intersection(*map(set, groups.values())):
        parts = " and ".join(
            f"the {predictor.label or 'main'} part has {', '.join(map(repr, own)) or 'none'}"
            for predictor, own in groups.items())
        raise ValueError("correlated=True is for latent variables of the same group in all parts, "
                         f"but of groups {parts}; give them one in common, or leave it out")


def latent_columns(sample, predictors, block: LatentBlock):
    """(linear predictor, term, column (n,), factor or None) of every latent variable."""
    for place in block.places:
        bar = part_of(sample, predictors[place.predictor].key).bars[place.bar]
        yield (place.predictor, bar.names[place.column], bar.matrix[:, place.column],
               bar.factors[place.column])


def _refuse_copies(sample, predictors, blocks) -> None:
    """Two groups may have the same clusters; then a term may stand only once for both."""
    known = {}
    for block in blocks:
        for name, (p, _, column, factor) in zip(
                block.names, latent_columns(sample, predictors, block)):
            key = block.level, p, factor, hash(column.tobytes())
            if key in known:
                raise FormulaError(f"{known[key]} and {name} are the same latent variable: their "
                                   "columns are equal and their groups have the same clusters; "
                                   "remove one of them")
            known[key] = name


def standardized_names(sample, predictors, blocks) -> set[str]:
    """Names of the latent variables whose variance is fixed at one: the first of each factor."""
    found = {}
    for block in blocks:
        for name, (_, term, _, factor) in zip(
                block.names, latent_columns(sample, predictors, block)):
            if factor == term and sample.factors[factor].standardized:
                found.setdefault(factor, name)
    return set(found.values())
