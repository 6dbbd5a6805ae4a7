"""Residuals and influence: methods of results that look for what does not fit."""
from __future__ import annotations

from statsmodels_gllamm.results import influence


class Diagnostics:
    """Methods of `GLLAMMResults` that check the model against its data."""

    def get_influence(self, level=None) -> influence.GLLAMMInfluence:
        """Influence of every top-level unit on the estimates, by one Newton step without it.

        Parameters
        ----------
        level : str, optional
            The top group, whose units are independent; others are refused.  Without latent variables
            units are rows ("rows"), or outcomes of several.

        Returns
        -------
        GLLAMMInfluence
            ``cooks_distance``, ``dfbetas``, ``d_params``, ``params_one``, ``hat_matrix_diag``,
            ``covratio``, ``summary_frame()`` and ``plot_index()``.

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> res = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).fit()
        >>> found = res.get_influence()
        >>> found.cooks_distance[0].nlargest(2).round(2)
        Subject
        332    1.74
        308    0.46
        Name: cooks_d, dtype: float64
        """
        self._needs_data("get_influence")
        return influence.influence(self, level)
