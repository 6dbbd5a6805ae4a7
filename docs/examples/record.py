"""Run the examples and record what each section prints, for the pages that include it.

A section of ``name.py`` goes from a line ``# section`` to the line ``# end``; what it prints, warns
and raises is written to ``name_section.txt``, and the figure that it leaves open to
``name_section.png``. Run ``python docs/examples/record.py`` when the output changes, with names of
examples for some of them.
"""

import contextlib
import io
from pathlib import Path
import re
import sys
import textwrap
import warnings

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import pandas as pd

HERE = Path(__file__).parent
SECTION = re.compile(r"^# (\w+)\n(.*?)^# end$", re.MULTILINE | re.DOTALL)
CLOCK = re.compile(r"(Date|Time): .*")
WIDTH = 96


def say(kind, message):
    """Print a warning or an error in lines of a page's width."""
    print(textwrap.fill(f"{kind.__name__}: {message}", WIDTH, subsequent_indent="    ",
                        break_long_words=False, break_on_hyphens=False))


def show_warning(message, category, *args):
    """What ``warnings.showwarning`` is replaced by."""
    say(category, message)


def run(code, namespace):
    """Run a section; its errors are part of what it prints."""
    try:
        exec(code, namespace)
    except (ImportError, NameError):  # the example itself is wrong, or the package not installed
        raise
    except Exception as error:
        say(type(error), error)


def write(path, text):
    """Write what a section prints, unless only the clock has moved."""
    text = "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    if CLOCK.sub("", text) != CLOCK.sub("", old):
        path.write_text(text, encoding="utf-8")


def save_figure(path):
    """Save the figure that a section has left open."""
    numbers = plt.get_fignums()
    if numbers:
        plt.figure(numbers[-1]).savefig(path, dpi=100, metadata={"Software": None})
        plt.close("all")


def record(path):
    """Run one example and write the output of its sections."""
    namespace = {}
    for section, code in SECTION.findall(path.read_text(encoding="utf-8")):
        target = HERE / f"{path.stem}_{section}"
        with contextlib.redirect_stdout(io.StringIO()) as out, warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning = show_warning
            run(compile(code, f"{path.name}: {section}", "exec"), namespace)
        if out.getvalue():
            write(target.with_suffix(".txt"), out.getvalue())
        save_figure(target.with_suffix(".png"))


if __name__ == "__main__":
    pd.set_option("display.width", WIDTH, "display.max_columns", 20)
    for example in sorted(HERE.glob("*.py")):
        if example.name != Path(__file__).name and (
                len(sys.argv) == 1 or example.stem in sys.argv[1:]):
            record(example)
