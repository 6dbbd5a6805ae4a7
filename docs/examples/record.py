"""Run the examples and record what each section prints, for the pages that include it.

A section of ``name.py`` goes from a line ``# section`` to the line ``# end``; what it prints is
written to ``name_section.txt``. Run ``python docs/examples/record.py`` when the output changes.
"""

import contextlib
import io
from pathlib import Path
import re

HERE = Path(__file__).parent
SECTION = re.compile(r"^# (\w+)\n(.*?)^# end$", re.MULTILINE | re.DOTALL)


def record(path):
    """Run one example and write the output of its sections."""
    namespace = {}
    for section, code in SECTION.findall(path.read_text(encoding="utf-8")):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(compile(code, f"{path.name}: {section}", "exec"), namespace)
        if out.getvalue():
            text = "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"
            (HERE / f"{path.stem}_{section}.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    for example in sorted(HERE.glob("*.py")):
        if example.name != Path(__file__).name:
            record(example)
