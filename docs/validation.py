"""Fit the reference cases and write the tables of ``validation.rst``.

Run ``python docs/validation.py`` when the engine or the cases change. The cases are those that
``tests/reference/test_fits.py`` checks, those of ``test_responses.py``, and ``MORE``.
"""

import csv
import json
from pathlib import Path
import sys
import warnings

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from statsmodels_gllamm import GLLAMM
from tests.conftest import LEVELS, _read  # the factors as the other programs code them
from tests.reference import test_fits as fits
from tests.reference import test_responses as responses

HERE = Path(__file__).parent
INDEPENDENT = "independent"
MANY = 25  # points at which these likelihoods have converged
TOWER = "dtlm ~ level + C(group) + (1 | famnum / id)"
ORDINAL, PROBIT = responses.LOGIT, responses.PROBIT
SCHIZ = "y ~ 0 + weeksqrt*treatment + (1{} | id)"
YOGURT = "choice ~ brand + feature + price"
MORE = [
    ("mlmus_schiz", "random_intercept_agq20", SCHIZ.format(""), None, ORDINAL, 20, None),
    ("mlmus_schiz", "random_slope_agq20", SCHIZ.format(" + weeksqrt"), None, ORDINAL, 20, None),
    ("mlmus_essays", "oprobit", responses.ESSAYS, None, PROBIT, 15, None),
    ("mlmus_essays", "scaled_oprobit", responses.ESSAYS, None,
     {**PROBIT, "dispersion": "C(grader)"}, 15, None),
    ("mlmus_yogurt", "clogit", YOGURT, None, responses.YOGURT, "exact", None),
    ("mlmus_yogurt", "random_feature_price", YOGURT + " + (0 + feature + price | house)", None,
     responses.YOGURT, 17, None),
    ("mlmus_towerl", "three_level_agq12", TOWER, fits.BINOMIAL, {}, 12, None),
    ("mlmus_drvisits", "agq12", fits.VISITS, fits.POISSON, {}, 12, None),
]
# case, fit, formula, family, options, points that the program used
SHORT = [
    ("seed_glmmadaptive_pois", "gm1", fits.SEXTIME + "+ (1 | id)", fits.POISSON, {}, 11),
    ("seed_glmmadaptive_bin", "fm3", fits.SEXTIME + "+ (time | id)", fits.BINOMIAL, {}, 11),
]


def reference(case):
    """Data and answers of a case."""
    data, text = _read(case)
    return data.copy(), json.loads(text)


def program(fit):
    """Name and version of the program that made a fit."""
    package = fit.get("package") or INDEPENDENT
    if package.startswith(INDEPENDENT):
        return INDEPENDENT
    return f"{package} {fit['version']}"


def rule(points):
    """The rule in words."""
    if points == 1:
        return "Laplace"
    if isinstance(points, dict):
        return ", ".join(f"{n} ({group})" for group, n in points.items())
    return f"{points} points"


def family_of(model):
    """The family in short."""
    name = model.fitted_family.name
    return "Gaussian and binomial" if name.startswith("Mixed") else name.replace("(", " (", 1)


def compare(case, name, formula, family, options, points):
    """One row of the table of fits."""
    data, answers = reference(case)
    options = options if family is None else {"family": family, **options}
    model = GLLAMM.from_formula(formula, data, **options)
    fit = model.fit() if points == "exact" else fits.fit(model, points)
    theirs, how = answers["fits"][name], rule(points)
    if fit.integration == "exact":
        how = "exact"
    formula = " ".join(formula.replace("+", " + ").split())
    return [case, family_of(model), f"``{formula}``", program(theirs), how,
            f"{theirs['loglik']:.5f}", f"{fit.llf:.5f}", f"{fit.llf - theirs['loglik']:+.0e}"]


def below(case, name, formula, family, options, points):
    """One row of the table of fits that stop short of the maximum."""
    data, answers = reference(case)
    theirs = answers["fits"][name]
    model = GLLAMM.from_formula(formula, data, family=family, **options)
    given = {entry["name"]: entry["estimate"] for entry in theirs["fixed"]}
    cov = {(e["var1"], e["var2"]): e["vcov"] for e in theirs["varcomp"]}
    variances = [v for (_, second), v in cov.items() if not second]
    covariances = [v for (_, second), v in cov.items() if second]
    params = list(given.values()) + variances[:1] + covariances + variances[1:]
    there = model.loglike(params, n_quad=MANY)
    return [case, program(theirs), rule(points), f"{theirs['loglik']:.5f}", f"{there:.5f}",
            f"{model.fit(n_quad=MANY).llf:.5f}"]


def write(name, head, rows):
    """Write a CSV file beside this script."""
    with open(HERE / name, "w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([head, *rows])
    for row in rows:
        print(*row, sep=" | ")


if __name__ == "__main__":
    assert set(LEVELS) <= {path.name for path in (ROOT / "tests" / "reference").iterdir()}
    warnings.simplefilter("ignore")  # fixed points are asked for
    more = [(case.folder, case.name, case.formula, None, case.options, case.points)
            for case in responses.CASES]
    table = sorted((compare(*case[:6]) for case in [*fits.CASES, *MORE, *more]),
                   key=lambda row: row[0])
    write("validation_fits.csv", ["Case", "Family", "Formula", "Program", "Rule",
                                  "Log-likelihood", "Ours", "Difference"], table)
    write("validation_short.csv", ["Case", "Program", "Rule", "Log-likelihood",
                                   "Ours at its estimates", "Our maximum"],
          [below(*case) for case in SHORT])
