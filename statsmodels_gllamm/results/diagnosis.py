r"""Results of cognitive diagnosis models: mastery of attributes, and items.

.. math:: P(\alpha_{jk} = 1 \mid y_j) = \sum_{c: \alpha_{ck} = 1} p_{jc}

with the posterior probabilities p of the profiles.  Errors of item probabilities are those of the
delta method; their intervals are made on the scale of the link, so that they stay within 0 and 1.
"""
from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from statsmodels_gllamm.formula.diagnosis import ADDITIVE
from statsmodels_gllamm.results.classes import ClassResults, ClassResultsWrapper


class DiagnosisResults(ClassResults):
    """Results of a cognitive diagnosis model: those of latent classes, which are the profiles of
    attributes, and mastery and items."""

    def mastery(self, posterior=True) -> pd.DataFrame:
        """Probabilities that persons have mastered each attribute.

        Parameters
        ----------
        posterior : bool
            Given the person's responses; or the prior ones.

        Returns
        -------
        DataFrame (persons, attributes)

        Examples
        --------
        >>> import numpy as np, pandas as pd
        >>> from statsmodels_gllamm import GLLAMM
        >>> rng = np.random.default_rng(0)
        >>> knows = rng.random((300, 1)) < 0.6
        >>> right = rng.random((300, 4)) < np.where(knows, 0.9, 0.2)
        >>> data = pd.DataFrame(right * 1, columns=["i1", "i2", "i3", "i4"])
        >>> q_matrix = pd.DataFrame({"adding": [1, 1, 1, 1]}, index=data.columns)
        >>> res = GLLAMM.diagnosis(data, q_matrix).fit(rng=0)
        >>> res.mastery().round(2).iloc[0].to_dict()
        {'adding': 0.0}
        """
        found = self.class_probabilities(posterior)
        profiles = self.model.diagnosis_model.profiles
        return pd.DataFrame(found.to_numpy() @ profiles.to_numpy(dtype=float), index=found.index,
                            columns=profiles.columns)

    @property
    def profiles(self) -> pd.DataFrame:
        """The attributes of every profile (0 or 1), and its ``share``: the mean of the prior
        probabilities over persons."""
        table = self.model.diagnosis_model.profiles.astype(int)
        return table.assign(share=self.class_sizes["prior"].to_numpy())

    @property
    def attributes(self) -> pd.DataFrame:
        """Shares of the persons who have mastered each attribute: means over persons of the ``prior``
        and of the ``posterior`` probabilities."""
        weight = self._unit_weight()
        return pd.DataFrame({name: weight @ self.mastery(which).to_numpy()
                             for name, which in (("prior", False), ("posterior", True))},
                            index=self.model.diagnosis_model.profiles.columns)

    def item_probabilities(self, alpha=0.05) -> pd.DataFrame:
        """Probabilities of a right answer, by item and the attributes that matter to it.

        Parameters
        ----------
        alpha : float
            One minus the level of the intervals.

        Returns
        -------
        DataFrame
            Indexed by item and by the required attributes that a person has mastered: "none",
            "add:take", and so on; several ones in DINA "not all" and "all", in DINO "none" and "any".
            With ``probability``, ``std_err``, ``conf_low`` and ``conf_high``.

        Examples
        --------
        >>> import numpy as np, pandas as pd
        >>> from statsmodels_gllamm import GLLAMM
        >>> rng = np.random.default_rng(0)
        >>> knows = rng.random((300, 1)) < 0.6
        >>> right = rng.random((300, 4)) < np.where(knows, 0.9, 0.2)
        >>> data = pd.DataFrame(right * 1, columns=["i1", "i2", "i3", "i4"])
        >>> q_matrix = pd.DataFrame({"adding": [1, 1, 1, 1]}, index=data.columns)
        >>> res = GLLAMM.diagnosis(data, q_matrix).fit(rng=0)
        >>> res.item_probabilities().round(2)
                       probability  std_err  conf_low  conf_high
        item mastered
        i1   none             0.18     0.04      0.12       0.26
             adding           0.93     0.02      0.87       0.97
        i2   none             0.19     0.04      0.12       0.27
             adding           0.94     0.02      0.89       0.97
        i3   none             0.17     0.03      0.11       0.25
             adding           0.89     0.03      0.82       0.93
        i4   none             0.20     0.04      0.13       0.28
             adding           0.94     0.02      0.88       0.97
        """
        rows, model = [], self.model.diagnosis_model
        for item in model.designs:
            patterns = _patterns(model, item)
            position = self._positions(item, patterns)
            values = patterns.to_numpy(dtype=float)
            for name, found in zip(patterns.index, self._probabilities(position, values, alpha)):
                rows.append((item, name, *found))
        frame = pd.DataFrame(rows, columns=["item", "mastered", "probability", "std_err", "conf_low",
                                            "conf_high"])
        return frame.set_index(["item", "mastered"])

    def guessing_slipping(self) -> pd.DataFrame:
        """Guessing and slipping probabilities of the items.

        Returns
        -------
        DataFrame (items, 4)
            ``guess``, the probability of a right answer without any required attribute (DINA: without
            all of them); ``slip``, that of a wrong one with all of them; and their errors ``guess_se``
            and ``slip_se``.

        Examples
        --------
        >>> import numpy as np, pandas as pd
        >>> from statsmodels_gllamm import GLLAMM
        >>> rng = np.random.default_rng(0)
        >>> knows = rng.random((300, 1)) < 0.6
        >>> right = rng.random((300, 4)) < np.where(knows, 0.9, 0.2)
        >>> data = pd.DataFrame(right * 1, columns=["i1", "i2", "i3", "i4"])
        >>> q_matrix = pd.DataFrame({"adding": [1, 1, 1, 1]}, index=data.columns)
        >>> res = GLLAMM.diagnosis(data, q_matrix).fit(rng=0)
        >>> res.guessing_slipping().round(2)
            guess  guess_se  slip  slip_se
        i1   0.18      0.04  0.07     0.02
        i2   0.19      0.04  0.06     0.02
        i3   0.17      0.03  0.11     0.03
        i4   0.20      0.04  0.06     0.02
        """
        table = self.item_probabilities()
        model, rows = self.model.diagnosis_model, {}
        for item in model.designs:
            mine = table.loc[item]
            low, high = mine.iloc[0], mine.iloc[-1]
            rows[item] = (low["probability"], low["std_err"], 1 - high["probability"],
                          high["std_err"])
        return pd.DataFrame(rows, index=["guess", "guess_se", "slip", "slip_se"]).T

    def _positions(self, item, patterns) -> np.ndarray:
        """Numbers of the item's parameters."""
        names = self.model.param_names
        return np.array([names.index(f"item[{item}][{effect}]") for effect in patterns.columns])

    def _probabilities(self, position, values, alpha) -> np.ndarray:
        """Probability, error and interval (rows, 4) of linear predictors."""
        link = self.model.family.link
        nu = values @ np.asarray(self.params)[position]
        cov = np.array(self.cov_params())[np.ix_(position, position)]
        names = self.model.param_names
        held = [names[i] in self.record.boundary for i in position]  # constants
        cov[held], cov[:, held] = 0.0, 0.0
        with np.errstate(invalid="ignore"):
            error = np.sqrt(np.einsum("ij,jk,ik->i", values, cov, values))
        error[error == 0] = np.nan
        half = stats.norm.ppf(1 - alpha / 2) * error
        return np.column_stack([link.inverse(nu), np.abs(link.inverse_deriv(nu)) * error,
                                link.inverse(nu - half), link.inverse(nu + half)])


def _patterns(model, item) -> pd.DataFrame:
    """The distinct rows of an item's design, from none of the attributes to all, named."""
    design = model.designs[item]
    first = design[~design.duplicated()]
    if model.kind not in ADDITIVE:
        return first.set_axis(design.columns[first.to_numpy().argmax(axis=1)])
    required = design.columns[1:]
    return first.set_axis([":".join(required[has == 1]) or "none"
                           for has in first[required].to_numpy()])


class DiagnosisResultsWrapper(ClassResultsWrapper):
    """Attaches names and row labels to the arrays of `DiagnosisResults`."""


DiagnosisResults._wrapper = DiagnosisResultsWrapper
