"""The design's own rules: imports only downwards, and a light package."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import aetutor

FOLDER = Path(aetutor.__file__).parent
FLOORS = (
    {"checks", "download", "files", "history", "muon", "photos", "standins", "together"},
    {"coding", "latent", "models", "patterns", "zoo"},
    {"board", "checkpoint", "plotting", "recipes", "search", "sources"},
    {"data", "disk_search", "rulers", "training", "weights"},
    {"flows", "probe", "scenes"},
    {"exercises", "explore", "rivals"},
    {"grading"},
    {"__main__"},
)


def module_of(path):
    """The module, or for a file of a package in the package, that package."""
    return path.relative_to(FOLDER).with_suffix("").parts[0]


def floor_of(module):
    return next(number for number, modules in enumerate(FLOORS) if module in modules)


def modules_imported_by(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "aetutor":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("aetutor."):
            yield node.module.split(".")[1]


def packages_loaded_by(module):
    """Top-level names in a fresh interpreter that has imported one module."""
    code = f"import sys, {module}; print(*{{name.split('.')[0] for name in sys.modules}})"
    command = [sys.executable, "-c", code]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.parametrize(
    "path", sorted(FOLDER.rglob("*.py")), ids=lambda path: str(path.relative_to(FOLDER))
)
def test_a_module_imports_only_from_floors_below(path):
    module = module_of(path)
    imported = set(modules_imported_by(path)) - {module}
    if module == "__init__":
        assert not imported
    else:
        assert all(floor_of(other) < floor_of(module) for other in imported)


@pytest.mark.parametrize("module", ["aetutor", "aetutor.__main__"])
def test_importing_the_package_alone_imports_nothing_heavy(module):
    code = f"import sys, {module}; print(*{{name.split('.')[0] for name in sys.modules}})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "aetutor" in loaded.stdout.split()
    assert not {"torch", "matplotlib", "numpy", "sklearn"} & set(loaded.stdout.split())


def test_data_alone_imports_neither_scikit_learn_nor_torchvision():
    assert not {"sklearn", "torchvision", "matplotlib"} & packages_loaded_by("aetutor.data")


def test_plotting_waits_with_seaborn_until_a_figure_needs_it():
    assert not {"seaborn", "pandas", "scipy", "sklearn"} & packages_loaded_by("aetutor.plotting")
