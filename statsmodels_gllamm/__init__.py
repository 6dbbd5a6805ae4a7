"""Generalized linear latent and mixed models for statsmodels."""
from statsmodels_gllamm import datasets, families
from statsmodels_gllamm.model import GLLAMMModel
from statsmodels_gllamm.results.class_number import select_classes
from statsmodels_gllamm.results.results import GLLAMMResults
from statsmodels_gllamm.spec import Classes, Factor

GLLAMM = GLLAMMModel

__version__ = "0.1.0.dev0"

__all__ = ["GLLAMM", "Classes", "Factor", "GLLAMMModel", "GLLAMMResults", "datasets", "families",
           "select_classes"]
