"""What one asks of latent classes besides their probabilities: methods of `ClassResults`."""
from __future__ import annotations

import pandas as pd

from statsmodels_gllamm.results import class_fit, class_number, class_profiles


class ClassMeasures:
    """Profiles, classification, bivariate residuals and the bootstrapped test."""

    def class_profiles(self, data=None, alpha=0.05) -> pd.DataFrame:
        """Means, or probabilities of the categories, of every kind of row in every class.

        Parameters
        ----------
        data : DataFrame, optional
            Rows to profile.  By default one for every kind of row of the sample, such as an item:
            rows are of one kind if they have the same covariates.
        alpha : float
            One minus the level of the intervals.

        Returns
        -------
        DataFrame
            ``estimate``, ``std_err`` (delta method), ``conf_low`` and ``conf_high``; indexed by the
            column whose values are the kinds (or by the columns that tell them apart), of categorical
            responses by "category", and by class from 1 (of every class variable).  A binary response
            has the probability of one.  What is held at zero or one has no error: NaN.

        Raises
        ------
        ValueError
            There are more than 200 kinds of rows, as with covariates that vary within clusters.

        Notes
        -----
        Continuous latent variables are integrated over their distribution.  Intervals of
        probabilities are symmetric for logits, those of means as of `get_prediction`.

        Examples
        --------
        >>> import statsmodels.api as sm
        >>> from statsmodels_gllamm import GLLAMM, Classes, datasets
        >>> data = datasets.lsat.load_pandas().data
        >>> res = GLLAMM.from_formula("y ~ 0 + (0 + item | c)", data, family=sm.families.Binomial(),
        ...                           classes={"c": Classes(2, within="id")}).fit(rng=0)
        >>> profiles = res.class_profiles()["estimate"].unstack()
        >>> profiles.loc["Q3"].round(2).tolist()
        [0.69, 0.29]
        """
        self._needs_data("class_profiles")
        return class_profiles.class_profiles(self, data, alpha)

    def plot_profiles(self, data=None, alpha=0.05, ax=None):
        """Picture of `class_profiles`: one line for every class, with intervals.

        Parameters
        ----------
        data, alpha
            As of `class_profiles`.
        ax : matplotlib Axes or sequence of Axes, optional
            One, or one for each category.

        Returns
        -------
        matplotlib.figure.Figure

        Examples
        --------
        >>> import statsmodels.api as sm
        >>> from statsmodels_gllamm import GLLAMM, Classes, datasets
        >>> data = datasets.lsat.load_pandas().data
        >>> model = GLLAMM.from_formula("y ~ 0 + (0 + item | c)", data, family=sm.families.Binomial(),
        ...                             classes={"c": Classes(2, within="id")})
        >>> res = model.fit(rng=0)
        >>> figure = res.plot_profiles()
        """
        self._needs_data("plot_profiles")
        return class_profiles.plot_profiles(self, data, alpha, ax)

    def classification_table(self, kind="count", variable=None) -> pd.DataFrame:
        """Classes that clusters are assigned to, their modal ones, by actual classes.

        Parameters
        ----------
        kind : {"count", "assigned", "actual"}
            Expected numbers of clusters (with their frequency weights); shares of the actual classes
            among those assigned, which are average posterior probabilities; or shares of the
            assigned classes among the actual ones.
        variable : str, optional
            A class variable, where there are several.

        Returns
        -------
        DataFrame (n, n)
            Rows are assigned classes, NaN if none is assigned; columns actual ones.

        Examples
        --------
        >>> import statsmodels.api as sm
        >>> from statsmodels_gllamm import GLLAMM, Classes, datasets
        >>> data = datasets.lsat.load_pandas().data
        >>> model = GLLAMM.from_formula("y ~ 0 + (0 + item | c)", data, family=sm.families.Binomial(),
        ...                             classes={"c": Classes(2, within="id")})
        >>> res = model.fit(rng=0)
        >>> res.classification_table().round(1)
        actual      c=1    c=2
        assigned
        c=1       558.7  122.3
        c=2       101.8  217.2
        """
        self._needs_data("classification_table")
        return class_fit.classification_table(self, kind, variable)

    @property
    def classification_error(self):
        """Expected share of the clusters that are not of their modal class; a Series of several class
        variables."""
        self._needs_data("classification_error")
        return class_fit.classification_error(self)

    def bivariate_residuals(self, items=None) -> pd.DataFrame:
        """Pearson chi-square per degree of freedom of the two-way table of every two items.

        Parameters
        ----------
        items : str, optional
            Column that names the item of every row; by default one whose values are the kinds of
            rows, as of `class_profiles`.

        Returns
        -------
        DataFrame
            By "item 1" and "item 2": ``chi2``, ``df`` = (K - 1)(L - 1), ``residual`` = chi2 / df, and
            ``n``, the clusters that have answered both.

        Raises
        ------
        NotImplementedError
            Responses are not categorical, or dependent within classes.

        Notes
        -----
        Large ones, of 3 or 4 and more, show two items that depend on each other within classes.  They
        are not chi-squared, and smaller than that on average since the classes are estimated.

        Examples
        --------
        >>> import statsmodels.api as sm
        >>> from statsmodels_gllamm import GLLAMM, Classes, datasets
        >>> data = datasets.lsat.load_pandas().data
        >>> model = GLLAMM.from_formula("y ~ 0 + (0 + item | c)", data, family=sm.families.Binomial(),
        ...                             classes={"c": Classes(2, within="id")})
        >>> res = model.fit(rng=0)
        >>> res.bivariate_residuals().round(2)
                       chi2  df  residual       n
        item 1 item 2
        Q1     Q2      0.11   1      0.11  1000.0
               Q3      0.43   1      0.43  1000.0
               Q4      0.12   1      0.12  1000.0
               Q5      0.32   1      0.32  1000.0
        Q2     Q3      0.01   1      0.01  1000.0
               Q4      0.32   1      0.32  1000.0
               Q5      0.48   1      0.48  1000.0
        Q3     Q4      0.06   1      0.06  1000.0
               Q5      0.68   1      0.68  1000.0
        Q4     Q5      1.56   1      1.56  1000.0
        """
        self._needs_data("bivariate_residuals")
        return class_fit.bivariate_residuals(self, items)

    def bootstrap_lrt(self, smaller, n=100, *, starts=5, rng=None, progress=None):
        """Likelihood-ratio test of a model with fewer classes by parametric bootstrap.

        Parameters
        ----------
        smaller : ClassResults
            Of a model with fewer classes of the same data; ``Classes(1, within=...)`` is one.
        n : int
            Samples drawn from the smaller model.
        starts : int
            Random starts of every fit; those of the larger model are doubled while it stays below
            the smaller one.  Too few make p-values too small.
        rng : seed or Generator, optional
        progress : bool, optional
            Show a bar; by default only if it takes long and a terminal or notebook is there.

        Returns
        -------
        BootstrapTest
            With ``statistic``, ``pvalue`` and ``draws``.

        Raises
        ------
        TypeError, ValueError
            The other is not a model with fewer classes of the same data.
        NotImplementedError
            There are frequency weights.

        Examples
        --------
        >>> import statsmodels.api as sm
        >>> from statsmodels_gllamm import GLLAMM, Classes, datasets
        >>> data = datasets.lsat.load_pandas().data
        >>> model = GLLAMM.from_formula("y ~ 0 + (0 + item | c)", data, family=sm.families.Binomial(),
        ...                             classes={"c": Classes(2, within="id")})
        >>> res = model.fit(rng=0)
        >>> one = GLLAMM.from_formula("y ~ 0 + (0 + item | c)", data, family=sm.families.Binomial(),
        ...                           classes={"c": Classes(1, within="id")}).fit()
        >>> test = res.bootstrap_lrt(one, 3, starts=1, rng=0)
        >>> print(test.n, round(test.statistic, 2))
        3 52.06
        """
        return class_number.bootstrap_lrt(self, smaller, n, starts=starts, rng=rng, progress=progress)
