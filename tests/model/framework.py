"""The pages of docs/examples that simulate their data: their own code, and the truth behind it."""
import contextlib
import io
from pathlib import Path
import re

import numpy as np

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
TRUTH = {
    "endogenous": {
        "advised": -0.8, "advised:age": 0.2, "advised:checkup": 1.0, "drinks": 1.2,
        "drinks:age": 0.1, "drinks:advice": -0.5, "lambda[habit,advised]": 0.8,
        "var[habit[id]]": 0.81},
    "dropout": {
        "pain": 10.0, "pain:time": -0.3, "pain:time:treated": -0.5, "dropout": -1.6,
        "dropout:treated": -0.7, "lambda[level,dropout]": 0.3, "lambda[trend,dropout]": 1.2,
        "var[level[id]]": 4.0, "cov[level[id],trend[id]]": -0.3, "var[trend[id]]": 0.5,
        "logsd[pain]": np.log(2.0)},
    "multilevelsem": {
        "item[a1]": 0.8, "item[a2]": 0.0, "item[a3]": -0.4, "item[a4]": -0.9, "item[s1]": 5.0,
        "item[s2]": 4.0, "item[s3]": 5.5, "lambda[support,s2]": 0.8, "lambda[support,s3]": 1.2,
        "lambda[ability,a2]": 1.3, "lambda[ability,a3]": 0.8, "lambda[ability,a4]": 1.1,
        "gamma[support[school] on private]": 0.6, "gamma[support[id] on ses]": 0.3,
        "gamma[ability[id] on ses]": 0.4, "b[ability[id] on support[id]]": 0.5,
        "b[ability[id] on support[school]]": 1.2, "var[support[id]]": 0.81,
        "var[ability[id]]": 0.64, "var[support[school]]": 0.36, "logsd[score]": 0.0},
}


class Page:
    """A page whose sections ``simulate`` and ``model`` are run as they stand.

    The first defines ``simulate(rng, ...)``; the second makes ``model`` of ``data``.
    """

    def __init__(self, name):
        self.names = {}
        self.sections = {which: _section(name, which) for which in ("simulate", "model")}
        exec(self.sections["simulate"], self.names)

    def simulate(self, rng, **sizes):
        """Data of the page's size, or of others."""
        return self.names["simulate"](rng, **sizes)

    def model(self, data):
        """The page's model of data."""
        self.names["data"] = data
        with contextlib.redirect_stdout(io.StringIO()):
            exec(self.sections["model"], self.names)
        return self.names["model"]


def _section(name, which):
    """Code from a line ``# which`` to the next line ``# end``."""
    text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    code = re.search(rf"^# {which}\n(.*?)^# end$", text, re.MULTILINE | re.DOTALL).group(1)
    return compile(code, f"{name}.py: {which}", "exec")
