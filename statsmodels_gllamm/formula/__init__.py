"""Formulas and data: text and a DataFrame in, one estimation sample out."""

from statsmodels_gllamm.formula.arrays import arrays_to_sample
from statsmodels_gllamm.formula.design import Design
from statsmodels_gllamm.formula.designs import BarDesign, Designs, NewRows, Part
from statsmodels_gllamm.formula.grammar import Bar, ParsedFormula, one_sided, parse_formula
from statsmodels_gllamm.formula.groups import Clusters, Group
from statsmodels_gllamm.formula.loadings import FactorDesign
from statsmodels_gllamm.formula.sample import Sample, build_sample

__all__ = [
    "Bar",
    "BarDesign",
    "Clusters",
    "Design",
    "Designs",
    "FactorDesign",
    "Group",
    "NewRows",
    "Part",
    "ParsedFormula",
    "Sample",
    "arrays_to_sample",
    "build_sample",
    "one_sided",
    "parse_formula",
]
