"""The parameter vector: named blocks, in natural units and in working coordinates."""
from statsmodels_gllamm.parameters.constraints import Constraints
from statsmodels_gllamm.parameters.vector import Block, Layout

__all__ = ["Block", "Constraints", "Layout"]
