"""Run every lesson as in Colab: ``make colab-check``.

The environment has the versions of tests/colab-constraints.txt, but not this package. Each lesson
lies in an empty folder and begins with the line of ``make publish``, here with this checkout in
the place of the repository's address. Nothing but the package may be installed by it. Without
AETUTOR_DATA the rest of each lesson runs with no network, on the stand-ins.
"""

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
OFFLINE = """import os

for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
    os.environ[name] = "http://127.0.0.1:9"  # where nobody answers
os.environ["no_proxy"] = os.environ["NO_PROXY"] = "127.0.0.1,localhost"
os.environ["XDG_CACHE_HOME"] = os.getcwd()  # an empty folder"""


def load_script(name):
    """A module of tools/, which is not a package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pip(*arguments):
    """Run pip in this environment and return the lines that it prints."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def check(path):
    """Run a lesson in an empty folder, and print how long that took."""
    start = time.monotonic()
    lesson = nbformat.read(path, as_version=4)
    load_script("publish").add_head(lesson, ROOT)
    if "AETUTOR_DATA" not in os.environ:
        head = next(place for place, cell in enumerate(lesson.cells) if cell.id == "head")
        lesson.cells.insert(head + 1, nbformat.v4.new_code_cell(OFFLINE))
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            lesson,
            timeout=600,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
        )
        client.execute()
    print(f"{path.name}: passed in {time.monotonic() - start:.0f} s", flush=True)


def main():
    pip("uninstall", "--yes", "aetutor")
    before = set(pip("freeze"))
    os.environ["TQDM_DISABLE"] = "1"
    os.environ["OMP_NUM_THREADS"] = "1"  # as many lessons at once as there are cores
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # or each kernel warns of its debugger
    offline = "AETUTOR_DATA" not in os.environ
    print("Offline, on the stand-ins." if offline else "With the images of AETUTOR_DATA.")
    first, *others = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
    check(first)  # alone, since it installs the package
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(check, others))
    after = set(pip("freeze"))
    changed = [line for line in before ^ after if not line.startswith("aetutor")]
    if changed or before == after:
        sys.exit(f"the lessons' first line changed more, or less, than the package: {changed}")
    print("Of what Colab has, nothing was changed.")


if __name__ == "__main__":
    main()
