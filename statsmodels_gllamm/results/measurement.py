"""Items and their latent variables: methods of results about measurement models."""
from __future__ import annotations

from statsmodels_gllamm.results import item_curves as item_curves_module
from statsmodels_gllamm.results import item_fit as item_fit_module
from statsmodels_gllamm.results import item_plots, path_diagram
from statsmodels_gllamm.results import m2 as m2_module


class Measurement:
    """Methods of `GLLAMMResults` about categorical items, and pictures of items."""

    def m2(self, kind=None, **kwargs):
        """Limited-information test of fit of a model for binary and ordinal items.

        Parameters
        ----------
        kind : {"M2", "M2*", "C2"}, optional
            Which moments are compared; by default M2 of binary items, and else the first of M2*, C2
            and M2 that has degrees of freedom.
        **kwargs
            ``items``, ``missing`` and ``n_quad`` as in `statsmodels_gllamm.results.m2.m2`.

        Returns
        -------
        M2Result
            kind, statistic, df, pvalue, RMSEA2 with its 90% interval, SRMSR.
        """
        self._needs_data("m2")
        return m2_module.m2(self, kind, **kwargs)

    def item_fit(self, **kwargs):
        """S-X2: fit of every item, by the answers of persons with the same sum score.

        Parameters
        ----------
        **kwargs
            ``items``, ``missing``, ``min_expected`` and ``n_quad`` as in
            `statsmodels_gllamm.results.item_fit.item_fit`.

        Returns
        -------
        DataFrame
            statistic, df, pvalue and rmsea of every item.
        """
        self._needs_data("item_fit")
        return item_fit_module.item_fit(self, **kwargs)

    def item_information(self, grid=None, **kwargs):
        """Fisher information that each item gives on a latent variable.

        Parameters
        ----------
        grid : array_like (Q,), optional
            Values of the latent variable; by default four standard deviations to both sides of zero.
        **kwargs
            ``items``, ``latent``, ``item`` and ``data`` as in
            `statsmodels_gllamm.results.item_curves.item_information`.

        Returns
        -------
        DataFrame (Q, items)
            The sum over columns is the test information.
        """
        self._needs_data("item_information")
        return item_curves_module.item_information(self, grid, **kwargs)

    def plot_item_curves(self, items=None, kind="category", **kwargs):
        """Probabilities of categories, or means, of items against a latent variable.

        Parameters
        ----------
        items : list of str, optional
            Some items only.
        kind : {"category", "expected"}
        **kwargs
            ``latent``, ``grid``, ``item`` and ``data`` as in
            `statsmodels_gllamm.results.item_plots.plot_item_curves`.

        Returns
        -------
        matplotlib.figure.Figure
        """
        self._needs_data("plot_item_curves")
        return item_plots.plot_item_curves(self, items, kind, **kwargs)

    def plot_information(self, items=None, **kwargs):
        """Item information, test information and its standard error, against a latent variable.

        Parameters
        ----------
        items : list of str, optional
            Some items only.
        **kwargs
            ``latent``, ``grid``, ``item`` and ``data`` as in
            `statsmodels_gllamm.results.item_plots.plot_information`.

        Returns
        -------
        matplotlib.figure.Figure
        """
        self._needs_data("plot_information")
        return item_plots.plot_information(self, items, **kwargs)

    def plot_path(self, standardized=False, **kwargs):
        """Path diagram of the model, with its estimates.

        Parameters
        ----------
        standardized : bool
            Numbers of the standardised solution.
        **kwargs
            ``max_items`` as in `statsmodels_gllamm.results.path_diagram.plot_path`.

        Returns
        -------
        matplotlib.figure.Figure
        """
        self._needs_data("plot_path")
        return path_diagram.plot_path(self, standardized, **kwargs)
