"""Sphinx configuration."""

from pathlib import Path
import tomllib

_meta = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))["project"]

project = _meta["name"]
author = "the statsmodels-gllamm developers"
copyright = f"2026, {author}"
release = _meta["version"]
version = ".".join(release.split(".")[:2])

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "numpydoc",
]
exclude_patterns = ["_build"]
math_eqref_format = "({number})"
math_numfig = True
numfig = True
numfig_secnum_depth = 1

autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

html_theme = "alabaster"
html_theme_options = {
    "description": _meta["description"],
    "fixed_sidebar": True,
    "page_width": "1200px",
    "sidebar_width": "240px",
    "code_font_size": "0.8em",
}
