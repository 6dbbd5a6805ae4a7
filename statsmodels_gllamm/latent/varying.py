"""Parameters that differ between latent classes: copies of loadings, variances, thresholds and others.

Class 1 has the parameters of the model without classes; every other class has copies at the end of
the vector, which take their places in that class.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.exceptions import FormulaError
from statsmodels_gllamm.latent.covariance import Covariance
from statsmodels_gllamm.parameters import Block, Layout

KINDS = {"variances": ("cov",), "loadings": ("lambda",), "thresholds": ("aux",),
         "dispersion": ("aux",), "regressions": ("gamma", "b")}
THRESHOLDS = "cut", "logstep"  # what names of parameters of thresholds start with
ALLOWED = "coef", "lambda", "cov", "aux", "gamma", "b"


@dataclass(frozen=True, slots=True)
class Varying:
    """The parameters that differ between the classes of a variable.

    Attributes
    ----------
    variable : int
        Number of the class variable.
    source : ndarray (m,)
        Positions of the parameters in class 1.
    target : ndarray (n - 1, m)
        Those of their copies in the others.
    covariances : tuple of (slice, Covariance)
        Whole covariance matrices among the m.
    """

    variable: int
    source: np.ndarray
    target: np.ndarray
    covariances: tuple[tuple[slice, Covariance], ...]

    def of_class(self, working: np.ndarray, c: int) -> np.ndarray:
        """Coordinates (..., k) with those of class number c in the places of class 1."""
        if c == 0:
            return working
        out = working.copy()
        out[..., self.source] = working[..., self.target[c - 1]]
        return out

    def back(self, jacobian: np.ndarray, c: int) -> np.ndarray:
        """Derivative in all coordinates (..., k) from that in those of class number c."""
        if c == 0:
            return jacobian
        out = jacobian.copy()
        out[..., self.target[c - 1]] = jacobian[..., self.source]
        out[..., self.source] = 0.0
        return out

    def cov_slices(self):
        """(slice of the vector, covariance) of every copy of a covariance matrix."""
        return [(slice(int(row[s.start]), int(row[s.stop - 1]) + 1), c)
                for row in self.target for s, c in self.covariances]


def chosen(variable, layout: Layout, covariances) -> tuple[np.ndarray, tuple]:
    """Positions of what a class variable lets vary, and the covariance matrices among them.

    Parameters
    ----------
    variable : ClassVariable
    layout : Layout
        Without copies.
    covariances : sequence of Covariance

    Raises
    ------
    FormulaError
        There is no such parameter, or only a part of a covariance matrix is named.
    """
    names, kinds, found = layout.names, [], []
    for block in layout.blocks:
        kinds += [block.kind] * block.size
    for text in variable.spec.varying:
        own = [i for i, (name, kind) in enumerate(zip(names, kinds))
               if name == text and kind in ALLOWED or kind in KINDS.get(text, ())
               and (text not in ("thresholds", "dispersion")
                    or name.startswith(THRESHOLDS) == (text == "thresholds"))]
        if not own:
            able = [name for name, kind in zip(names, kinds) if kind in ALLOWED]
            if text in KINDS:
                raise FormulaError(f"Classes(varying=...) of {variable.name!r} has {text!r}, which the "
                                   f"model has none of; what may vary: {', '.join(able) or 'nothing'}")
            raise FormulaError(f"Classes(varying=...) of {variable.name!r} has {text!r}, which is "
                               f"neither one of {', '.join(KINDS)} nor a parameter; parameters are "
                               f"{', '.join(able) or '(none)'}")
        found += own
    source = np.unique(np.array(found, dtype=np.int64))
    slices = [s for s, b in zip(layout.slices(), layout.blocks) if b.kind == "cov"]
    inside = []
    for s, c in zip(slices, covariances):
        own = np.isin(np.arange(s.start, s.stop), source)
        if own.any() and not own.all():
            part = ", ".join(name for name, mine in zip(names[s], own) if mine)
            raise FormulaError(f"Classes(varying=...) lets a part of a covariance matrix vary, {part}; "
                               f"name all of {', '.join(names[s])}, or \"variances\"")
        if own.any():
            first = int(np.searchsorted(source, s.start))
            inside.append((slice(first, first + s.stop - s.start), c))
    return source, tuple(inside)


def copies(variable, labels, layout: Layout, source) -> Block:
    """The block of the copies of the classes but the first, with ``labels`` such as "c=2"."""
    names = layout.names
    return Block("varying", tuple(f"{names[i]}[{label}]" for label in labels for i in source))
