"""What is installed is what the project says it is."""

from pathlib import Path
import shutil
import subprocess
import sys
import tomllib
import zipfile

import pytest

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory):
    """Names of the files in a wheel built from a copy of the source, without network."""
    pytest.importorskip("setuptools", minversion="77")
    tmp = tmp_path_factory.mktemp("wheel")
    source = tmp / "source"
    source.mkdir()
    for name in ["pyproject.toml", "setup.cfg", "README.rst", "LICENSE"]:
        shutil.copy(ROOT / name, source)
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "statsmodels_gllamm", source / "statsmodels_gllamm", ignore=ignore)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--wheel-dir", str(tmp), str(source)]
    subprocess.run(command, check=True)
    (wheel,) = tmp.glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def test_wheel_holds_the_package_and_nothing_else(wheel_names):
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "statsmodels_gllamm").rglob("*")
        if path.suffix in {".py", ".csv", ".rst"}
    }
    assert package <= wheel_names
    assert {name.split("/")[0].split("-")[0] for name in wheel_names} == {"statsmodels_gllamm"}


def test_wheel_holds_the_licences(wheel_names):
    licences = {name.split("/licenses/")[1] for name in wheel_names if "/licenses/" in name}
    assert licences == {"LICENSE", "statsmodels_gllamm/datasets/SOURCES.rst"}


def test_version_is_the_one_of_pyproject():
    import statsmodels_gllamm

    assert statsmodels_gllamm.__version__ == PYPROJECT["project"]["version"]


def test_import_needs_no_extra():
    code = (
        "import sys; import statsmodels_gllamm; "
        "assert not {'matplotlib', 'hypothesis', 'pytest'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
