"""The printed summary: what was fitted and how well, then a table for every kind of parameter."""
from __future__ import annotations

import textwrap
import time

import numpy as np
import pandas as pd
from statsmodels.iolib import summary2
from statsmodels.iolib.summary import Summary, d_or_f, forg
from statsmodels.iolib.table import SimpleTable
from statsmodels.iolib.tableformatting import fmt_params

from statsmodels_gllamm.estimation.diagnose import messages
from statsmodels_gllamm.latent.blocks import part_of
from statsmodels_gllamm.results.auxiliary import kinds_of
from statsmodels_gllamm.results.likelihoods import likelihood_notes, likelihood_rows
from statsmodels_gllamm.results.notes import family_and_link
from statsmodels_gllamm.results.table import parameter_table
from statsmodels_gllamm.results.wald import covariances_of_fixed

TITLE = "Generalized Linear Latent and Mixed Model Results"
RULES = {
    "adaptive": "adaptive quadrature",
    "laplace": "Laplace",
    "quadrature": "ordinary quadrature",
    "exact": "exact",
    "pql": "PQL",
}
WIDTH = 78  # of the tables, where names and numbers fit
TITLES = {
    "class probability": "Class probabilities (logit)",
    "threshold": "Thresholds",
    "loading": "Loadings",
    "regression": "Regressions",
    "variance": "(Co)variances",
    "residual covariance": "Residual covariances",
    "dispersion": "Dispersion",
    "scale": "Scale",
    "guessing": "Guessing",
    "auxiliary": "Auxiliary",
    "varying between classes": "Varying between classes",
}


def header(results, yname=None) -> tuple[list, list]:
    """(left, right) lists of (label, text): the model and how it was fitted; the fit."""
    model, certificate, several = results.model, results.certificate, results.n_outcomes
    family, link = family_and_link(model.fitted_family)
    yname = model.endog_names if yname is None else yname
    left = [
        ("Dep. Variable:", str(yname)),
        ("Model:", "GLLAMM"),
        ("Family:", family),
        ("Link:", link),
        ("Integration:", RULES.get(results.integration, results.integration)),
    ]
    if results.integration == "pql":
        left.append(("Quadrature error:", "not known"))
    elif certificate.exact:
        left.append(("Quadrature error:", "none"))
    else:
        left += [("Error in log-lik.:", _error(certificate.error_loglik, "+.2g")),
                 ("Error in estimates:", _error(certificate.error_se, ".2g") + " SE")]
    left += [("Covariance Type:", results.cov_type),
             ("Converged:", "yes" if results.converged else "NO")]
    right = [
        ("No. Observations:", d_or_f(results.nobs).strip()),
        *([(f"No. {several[0]}:", str(several[1]))] if several else []),
        ("Dropped Rows:", str(sum(model.sample.dropped.values()))),
        ("Df Residuals:", d_or_f(results.df_resid).strip()),
        ("Df Model:", d_or_f(results.df_model).strip()),
        *likelihood_rows(results, _large),
        ("Date:", time.strftime("%a, %d %b %Y")),
        ("Time:", time.strftime("%H:%M:%S")),
    ]
    return left, right


def _error(x: float, fmt: str) -> str:
    return "<1e-10" if abs(x) < 1e-10 else format(x, fmt)


def _large(x: float, decimals: int) -> str:
    return f"{x:.{decimals}f}" if abs(x) < 1e8 else f"{x:.10g}"


def group_table(results) -> pd.DataFrame:
    """Units, rows in a unit, latent variables and points per dimension of every group, as text."""
    rows = {}
    for size in results.group_sizes:
        mean = f"{size.rows_mean:.1f}"
        points = {"exact": "exact", "pql": "-"}.get(results.integration,
                                                    str(results.n_quad[size.name]))
        rows[size.name] = [str(size.n_units), str(size.rows_min), mean, str(size.rows_max),
                           str(size.n_latent), points]
    return pd.DataFrame.from_dict(
        rows, orient="index",
        columns=["Units", "Rows: min", "mean", "max", "Latent", "Points"])


def text_tables(results, alpha=0.05, xname=None, number=forg) -> list[tuple[str, pd.DataFrame]]:
    """(title, cells as text) of every kind of parameter that the model has.

    ``number`` formats a number, given as many decimals.
    """
    table = parameter_table(results, alpha)
    names = table.index.to_series()
    if xname is not None:
        xname = list(xname)
        if len(xname) != len(results.params):
            raise ValueError(f"xname has {len(xname)} names; the model has {len(results.params)} "
                             f"parameters: {', '.join(results.model.param_names)}.")
        names = names.replace(dict(zip(results.model.param_names, xname)))
    interval = [f"[{alpha / 2:.6g}", f"{1 - alpha / 2:.6g}]"]
    tested = ["std err", "z", "P>|z|", *interval]
    out = []
    for title, mine in _coefficient_blocks(results.model, table):
        if mine.any():
            out.append((title, _text(table[mine], names[mine], ["coef", *tested], True, number)))
    for title, mine in _class_blocks(results.model, table):
        out.append((title, _text(table[mine], names[mine], ["coef", *tested], True, number)))
    for kind, title in TITLES.items():
        mine = table["kind"].replace({"covariance": "variance"}) == kind
        if kind == "loading":
            mine &= ~((table["status"] == "fixed") & (table["estimate"] == 0))
        if mine.any():
            wald = kind in ("loading", "regression", "class probability")
            heads = ["estimate", *tested] if wald else [
                "estimate", "std err", _derived_name(results, kind), "", *interval]
            out.append((title, _text(table[mine], names[mine], heads, wald, number)))
    return out


def _coefficient_blocks(model, table):
    """(title, rows of the table) of every linear predictor."""
    coefficient = table["kind"] == "coefficient"
    for predictor in model.structure.predictors:
        part = part_of(model.sample, predictor.key)
        names = {predictor.coefficient(column) for column in part.exog.columns}
        yield model.fitted_family.title(predictor), coefficient & table.index.isin(names)


def _class_blocks(model, table):
    """(title, rows of the table) of every class with coefficients of its own."""
    variables = model.structure.classes
    for classes in variables:
        for c in range(classes.n):
            mine = (table["kind"] == "class-specific") & table.index.str.endswith(
                f"[{classes.label(c)}]")
            if mine.any():
                name = classes.labels[c] if classes.labels else c + 1
                yield f"Class {name}" if len(variables) == 1 else f"Class {classes.label(c)}", mine
    designed = {name for classes in variables for d in classes.designs for name in d.names}
    if designed:
        yield "Coefficients of the design of the classes", table.index.isin(designed)


def _text(rows, names, heads, tested: bool, number) -> pd.DataFrame:
    cells = [_cells(row, tested, number) for row in rows.itertuples()]
    return pd.DataFrame(cells, index=names.tolist(), columns=heads)


def _derived_name(results, kind: str) -> str:
    """Head of the column of what a parameter stands for."""
    if kind == "residual covariance":
        return "corr"
    if kind in ("variance", "varying between classes"):
        return "sd / corr"
    symbols = dict.fromkeys(k.symbol for name, k in kinds_of(results.model).items()
                            if k.block == kind and name in results.own_auxiliaries and k.symbol)
    return " / ".join(symbols) if len(symbols) < 3 else "value"


def _cells(row, tested: bool, number) -> list[str]:
    """Six cells of one parameter."""
    def show(x, decimals=3):
        return "" if np.isnan(x) else number(x, decimals).strip()

    error = show(row.std_err) if row.status == "free" else row.status
    if row.status.startswith("="):
        error = "equal"
    middle = ([show(row.z), "" if np.isnan(row.pvalue) else f"{row.pvalue:.3f}"] if tested
              else [show(row.derived), ""])
    return [show(row.estimate, 4), error, *middle, show(row.conf_low), show(row.conf_high)]


def footnotes(results) -> list[str]:
    """What the tables leave out: how to read them, and every reason for caution."""
    notes = [*likelihood_notes(results), results.cov_kwds["description"]]
    table = parameter_table(results)
    if ((table["kind"] == "variance") & (table["status"] == "free")).any():
        notes.append("Intervals of variances are Wald intervals of their logarithm.")
    if covariances_of_fixed(results):
        notes.append("Intervals of covariances of fixed variances are Wald intervals of Fisher's z.")
    if (table["status"] == "fixed").any():
        given = results.record.constraints is not None
        text = ("fixed: not estimated, set by the model" if given else
                "fixed: not estimated, set by the model to give the latent variable its scale")
        zero = (table["status"] == "fixed") & (table["kind"] == "loading") & (
            table["estimate"] == 0)
        notes.append(text + ("; loadings fixed at zero are not shown." if zero.any() else "."))
    if results.model.design.varying:
        varying = ", ".join(results.model.param_names[i] for v in results.model.design.varying
                            for i in v.source)
        notes.append(f"Varying between classes are {varying}: under these names those of class 1.")
    if results.constraints:
        notes.append("Linear constraints: " + "; ".join(results.constraints) + ".")
    if table["status"].str.startswith("=").any():
        notes.append("equal: the same parameter as the first variance of its group.")
    if (table["status"] == "boundary").any():
        notes.append("boundary: a parameter at the edge of what is possible has no standard error or "
                     "Wald interval.")
    if (table["status"] == "flat").any():
        notes.append("flat: a parameter of a direction in which the log-likelihood is flat has no "
                     "standard error.")
    notes += results.family_notes + getattr(results, "class_notes", [])
    weights = results.model.sample.weights
    if weights:
        notes.append(f"Frequency weights of {', '.join(weights)} are counted in No. Observations.")
    notes += results.sampling_notes
    dropped = results.model.sample.dropped
    if sum(dropped.values()):
        reasons = ", ".join(f"{n} because {why}" for why, n in dropped.items() if n)
        notes.append(f"Dropped rows: {reasons}.")
    information = results.record.information
    if not information.definite and not results.record.flat:
        notes.append("Warning: the observed information is not positive definite; standard errors "
                     "are not to be relied on.")
    for _category, text in messages(results.record):
        notes.append("Warning: " + text + ".")
    return notes


def summary(results, yname=None, xname=None, title=None, alpha=0.05) -> Summary:
    """Summary in the manner of ``statsmodels.iolib.summary``; see ``GLLAMMResults.summary``."""
    left, right = header(results, yname)
    blocks = text_tables(results, alpha, xname)
    groups = group_table(results)
    tables = [_header_table(left, right, TITLE if title is None else title)]
    if len(groups):
        tables.append(_simple_table(groups, "Groups"))
    tables += [_simple_table(cells, name) for name, cells in blocks]
    width = _same_width(tables)
    smry = Summary()
    smry.tables = tables
    lines = []
    for i, note in enumerate(footnotes(results), 1):
        lines += textwrap.wrap(f"[{i}] {note}", width, subsequent_indent="    ",
                               break_long_words=False)
    smry.add_extra_txt(["Notes:", *lines])
    return smry


def _header_table(left, right, title) -> SimpleTable:
    n = max(len(left), len(right))
    left = left + [("", "")] * (n - len(left))
    right = right + [("", "")] * (n - len(right))
    data = [[a[1], "  " + b[0], b[1]] for a, b in zip(left, right)]
    fmt = {**fmt_params, "data_fmts": ["%s"] * 3, "data_aligns": "rlr", "colwidths": 1}
    return SimpleTable(data, stubs=[a[0] for a in left], title=title, txt_fmt=fmt)


def _simple_table(cells: pd.DataFrame, name: str) -> SimpleTable:
    fmt = {**fmt_params, "data_fmts": ["%s"] * cells.shape[1], "colwidths": 1}
    table = SimpleTable(cells.to_numpy().tolist(), headers=list(cells.columns),
                        stubs=list(cells.index), txt_fmt=fmt)
    table[0][0].data = name
    table[0][0].datatype = "stub"
    return table


def _same_width(tables) -> int:
    """Give tables below the first the same columns, and all of them the same width."""
    natural = [table.get_colwidths("txt") for table in tables]
    below = natural[1:] or [[0] * 7]
    columns = [max(widths[0] for widths in below)]
    columns += [max(9, *(widths[i] for widths in below)) for i in range(1, 7)]
    gaps = len(columns) - 1
    columns[0] += max(0, max(WIDTH, sum(natural[0]) + 3) - sum(columns) - gaps)
    width = sum(columns) + gaps
    slack = width - sum(natural[0]) - 3
    a, b, c, d = natural[0]
    half = (width - 1) // 2 - a - b - 1
    half = min(max(half, 0), slack)
    tables[0].output_formats["txt"]["colwidths"] = [a, b + half, c, d + slack - half]
    for table in tables[1:]:
        table.output_formats["txt"]["colwidths"] = columns
    for table in tables:
        table._colwidths.clear()
    return width


def summary_second(results, alpha=0.05, float_format="%.4f", title=None, xname=None, yname=None):
    """Summary in the manner of ``statsmodels.iolib.summary2``."""
    smry = summary2.Summary()
    left, right = header(results, yname)
    n = max(len(left), len(right))
    rows = [[*a, *b] for a, b in zip(left + [("", "")] * (n - len(left)),
                                     right + [("", "")] * (n - len(right)))]
    smry.add_df(pd.DataFrame(rows), index=False, header=False, align="l")
    blocks = text_tables(results, alpha, xname, lambda x, decimals: float_format % x)
    groups = group_table(results)
    for name, cells in ([("Groups", groups)] if len(groups) else []) + blocks:
        smry.add_df(cells.reset_index(names=name), index=False, align="l" + "r" * cells.shape[1])
    for note in footnotes(results):
        smry.add_text("* " + note)
    smry.add_title(TITLE if title is None else title)
    return smry
