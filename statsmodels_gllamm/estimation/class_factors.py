"""Starting values of the loadings of factors in bars of latent classes.

Pooled over classes a factor does not vary, so that nothing says what its loadings are.  They start at
the moment estimates that they would have if it were normal.
"""
from __future__ import annotations

from dataclasses import replace

import numpy as np

from statsmodels_gllamm.estimation.starts import start_values
from statsmodels_gllamm.latent.covariance import Covariance
from statsmodels_gllamm.latent.design import LatentDesign
from statsmodels_gllamm.latent.terms import Terms
from statsmodels_gllamm.parameters import Block, Layout


def pooled_values(structure, single: LatentDesign, variables, rows, linear_aux: bool) -> np.ndarray:
    """Working coordinates of the model of one class, ``single``, with loadings to start from."""
    columns = [(classes, column) for classes in variables for column in classes.columns
               if column.factor is not None]
    free = np.isnan(single.loadings)
    if not columns or not free.any() or single.n_latent:
        return start_values(replace(structure, design=single), rows, linear_aux)
    loadings = np.where(free, 1.0, single.loadings)
    for classes, column in columns:
        found = start_values(replace(structure, design=_normal(single, classes, column)), rows,
                             linear_aux)
        own = loadings.copy()
        own[free] = found[single.layout.positions("lambda")]
        mine = [slot for _, slot in column.pieces]
        loadings[mine] = own[mine]
    given = replace(single, loadings=loadings)
    start = start_values(replace(structure, design=given), rows, linear_aux)
    start[single.layout.positions("lambda")] = loadings[free]
    return start


def _normal(single: LatentDesign, classes, column) -> LatentDesign:
    """The design in which the factor of a column is a normal latent variable."""
    row, slot = np.array(column.pieces, dtype=np.int64).T
    first = next(i for i, block in enumerate(single.layout.blocks) if block.kind in ("rescov", "aux"))
    blocks = single.layout.blocks
    layout = Layout((*blocks[:first], Block("cov", ("variance",)), *blocks[first:]))
    q = tuple(int(level == classes.level) for level in range(len(single.q)))
    return replace(single, layout=layout, q=q, covariances=(Covariance((column.name,)),),
                   latent=Terms(row, 0 * row, slot))
