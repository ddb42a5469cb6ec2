"""The wheel alone brings all of the package: ``pip install`` needs no checkout beside it."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from aetutor import zoo

ROOT = Path(__file__).parents[1]
# Run where there is no checkout: what a lesson uses of the package's own files.
USE = """
from pathlib import Path
import aetutor
from aetutor import exercises, explore, plotting, weights, zoo

assert Path(aetutor.__file__).is_relative_to(Path.cwd()), aetutor.__file__
for name in zoo.ENTRIES:
    weights.trained(name)
    weights.card(name)
    weights.histories(name)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--wheel-dir", folder, ROOT]
    subprocess.run(command, check=True)
    return next(folder.glob("aetutor-*.whl"))


@pytest.mark.slow
def test_it_holds_every_file_of_the_package_and_is_small(wheel):
    assert wheel.stat().st_size < 15e6
    kinds = {".py", ".json", ".svg", ".mplstyle"}
    here = {path for path in (ROOT / "aetutor").rglob("*") if path.suffix in kinds}
    here |= {ROOT / "aetutor" / "weights" / f"{name}.safetensors" for name in zoo.ENTRIES}
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {path.relative_to(ROOT).as_posix() for path in here} <= names


@pytest.mark.slow
def test_what_it_holds_works_without_the_checkout(wheel, tmp_path):
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run([*command, "--target", tmp_path / "site", wheel], check=True)
    # -I: neither this folder nor PYTHONPATH; so the package can come from the wheel only.
    code = f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n{USE}"
    subprocess.run([sys.executable, "-I", "-c", code], check=True, cwd=tmp_path)
