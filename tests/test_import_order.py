"""The structure that the architecture promises, read off the syntax trees of the package.

Every part imports only what stands before it; the formula engines are known to ``formula/`` only;
matplotlib is imported inside functions only; nothing changes process-wide state.
"""

import ast
from pathlib import Path

import pytest

PACKAGE = "statsmodels_gllamm"
ROOT = Path(__file__).parents[1] / PACKAGE
ORDER = [
    "datasets",
    "exceptions",
    "spec",
    "formula",
    "parameters",
    "responses",
    "families",
    "latent",
    "integration",
    "estimation",
    "results",
    "likelihood",
    "fitting",
    "wide_models",
    "model",
    "__init__",
]
FORMULA_ENGINES = ("patsy", "formulaic", "statsmodels.formula")
PROCESS_WIDE = {
    "warnings.filterwarnings",
    "warnings.simplefilter",
    "warnings.resetwarnings",
    "np.seterr",
    "numpy.seterr",
    "np.random.seed",
    "numpy.random.seed",
}


def part_of(module):
    """``statsmodels_gllamm.latent.loadings`` -> ``latent``; the package itself is ``__init__``."""
    names = module.split(".")
    return names[1] if len(names) > 1 else "__init__"


def imports(tree, module, is_package):
    """Pairs (absolute dotted name, node) of everything imported, one per imported name."""
    here = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else []
            base = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield f"{base}.{alias.name}", node


def dotted(node):
    """``np.random.seed`` of an attribute chain, or None."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        value = dotted(node.value)
        return value and f"{value}.{node.attr}"
    return None


def inside(tree, types, keep=lambda node: True):
    """Ids of all nodes below a node of these types."""
    return {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, types) and keep(node)
        for child in ast.walk(node)
        if child is not node
    }


def catches_warnings(node):
    """Whether a ``with`` statement restores the warning filters at its end."""
    calls = [item.context_expr for item in node.items if isinstance(item.context_expr, ast.Call)]
    return any((dotted(call.func) or "").endswith("catch_warnings") for call in calls)


def violations(source, module, is_package=False):
    """Sentences on what a module's source does that its place does not allow."""
    tree = ast.parse(source)
    part = part_of(module)
    if part not in ORDER:
        return [f"{module}: {part} has no place in the import order"]
    found = []
    in_function = inside(tree, (ast.FunctionDef, ast.AsyncFunctionDef))
    in_catch = inside(tree, ast.With, catches_warnings)
    for name, node in imports(tree, module, is_package):
        where = f"{module}:{node.lineno}"
        if name.split(".")[0] == PACKAGE:
            other = part_of(name)
            if other not in ORDER:
                found.append(f"{where}: import {other} from the module where it is defined")
            elif ORDER.index(other) > ORDER.index(part):
                found.append(f"{where}: {part} imports {other}, which comes later")
        if part != "formula" and any(
            name == engine or name.startswith(engine + ".") for engine in FORMULA_ENGINES
        ):
            found.append(f"{where}: only formula/ imports {name}")
        if name.split(".")[0] == "matplotlib" and id(node) not in in_function:
            found.append(f"{where}: {name} is imported outside of a function")
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = dotted(node.func)
        if name in PROCESS_WIDE and id(node) not in in_catch:
            found.append(f"{module}:{node.lineno}: {name} changes the whole process")
    return found


def modules():
    for path in sorted(ROOT.rglob("*.py")):
        names = [PACKAGE, *path.relative_to(ROOT).with_suffix("").parts]
        is_package = names[-1] == "__init__"
        yield pytest.param(
            path, ".".join(names[:-1] if is_package else names), is_package, id="/".join(names[1:])
        )


@pytest.mark.parametrize(("path", "module", "is_package"), list(modules()))
def test_package_keeps_its_structure(path, module, is_package):
    assert violations(path.read_text(encoding="utf-8"), module, is_package) == []


@pytest.mark.parametrize(
    ("module", "source", "word"),
    [
        ("latent.loadings", "from statsmodels_gllamm.integration import rules", "later"),
        ("latent.loadings", "from ..integration.rules import product_rule", "later"),
        ("latent.loadings", "from .. import model", "later"),
        ("latent.loadings", "def f():\n    import statsmodels_gllamm.results", "later"),
        ("formula.sample", "from statsmodels_gllamm import GLLAMM", "where it is defined"),
        ("model", "import patsy", "only formula/"),
        ("model", "from formulaic.parser import x", "only formula/"),
        ("model", "from statsmodels.formula._manager import FormulaManager", "only formula/"),
        ("results.plots", "import matplotlib.pyplot as plt", "outside"),
        ("results.plots", "from matplotlib import pyplot", "outside"),
        ("model", "import warnings\nwarnings.simplefilter('ignore')", "process"),
        ("model", "np.seterr(all='ignore')", "process"),
        ("newpart", "", "no place"),
    ],
)
def test_breach_is_seen(module, source, word):
    (sentence,) = violations(source, f"{PACKAGE}.{module}")
    assert word in sentence


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("integration.nodes", "from .rules import x\nfrom . import arrow\nfrom ..latent import y"),
        ("families", "from .responses.binomial import Binomial"),
        ("formula.design", "from statsmodels.formula._manager import FormulaManager"),
        ("results.plots", "def plot():\n    import matplotlib.pyplot as plt"),
        ("model", "with warnings.catch_warnings():\n    warnings.simplefilter('ignore')"),
        ("model", "with np.errstate(all='ignore'):\n    pass"),
    ],
)
def test_what_is_allowed_passes(module, source):
    assert violations(source, f"{PACKAGE}.{module}") == []


def test_package_init_sees_everything():
    source = "from .model import GLLAMM\nfrom . import families, datasets\n"
    assert violations(source, PACKAGE, is_package=True) == []
    source = "from .loadings import x\n"
    assert violations(source, f"{PACKAGE}.latent", is_package=True) == []
