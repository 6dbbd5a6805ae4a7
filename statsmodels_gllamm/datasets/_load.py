"""Read a bundled CSV file into a statsmodels Dataset."""
import pandas as pd
from statsmodels.datasets import utils as du


def load_dataset(base_file, csv_name, endog, levels=None):
    """
    Read a CSV file that stands beside ``base_file``.

    Parameters
    ----------
    base_file : str
        ``__file__`` of the calling module.
    csv_name : str
        Name of the CSV file.
    endog : str
        Name of the response column.
    levels : dict, optional
        ``{column: levels}`` of categorical columns; the first level is the reference.

    Returns
    -------
    statsmodels.datasets.utils.Dataset
        With ``data`` and its parts ``endog`` (the response) and ``exog`` (all other columns).
    """
    data = du.load_csv(base_file, csv_name)
    for column, values in (levels or {}).items():
        data[column] = pd.Categorical(data[column], categories=values)
    return du.process_pandas(data, endog_idx=list(data.columns).index(endog))
