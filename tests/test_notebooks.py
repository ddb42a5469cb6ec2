"""The committed lessons: run once, clean, readable, and true to the package."""

import ast
import re
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
import torch

from aetutor import models

FOLDER = Path(__file__).parents[1] / "notebooks"
LESSONS = sorted(FOLDER.glob("*.ipynb"))


@pytest.fixture(params=LESSONS, ids=lambda path: path.stem)
def lesson(request):
    return request.param, nbformat.read(request.param, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook):
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def test_it_was_run_once_from_top_to_bottom_without_errors_or_warnings(lesson):
    cells = code_cells(lesson[1])
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    kinds = {output.output_type for cell in cells for output in cell.outputs}
    assert kinds <= {"stream", "display_data", "execute_result"}
    streams = {output.get("name") for cell in cells for output in cell.outputs}
    assert "stderr" not in streams


def test_its_outputs_come_from_the_real_data(lesson):
    outputs = str([cell.outputs for cell in code_cells(lesson[1])])
    assert "STAND-IN" not in outputs
    assert ".npz in the folder AETUTOR_DATA" in outputs


def test_it_is_small_and_carries_nothing_of_the_machine_it_ran_on(lesson):
    path, notebook = lesson
    text = path.read_text(encoding="utf-8")
    assert path.stat().st_size < 500_000
    assert "widgets" not in notebook.metadata
    assert "jupyter.widget" not in text
    assert notebook.metadata.keys() == {"kernelspec", "language_info"}
    assert not re.search(r"/(home|root|Users|tmp|work)/|[A-Z]:\\\\", text)


def test_its_headings_are_in_order(lesson):
    levels = [len(marks) for marks in re.findall(r"^(#+) ", prose(lesson[1]), flags=re.MULTILINE)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_its_pictures_exist_and_have_alt_text(lesson):
    for alt, target in re.findall(r"!\[(.*?)\]\((.*?)\)", prose(lesson[1]), flags=re.DOTALL):
        if not target.startswith("https://"):  # Colab's badge
            assert len(alt) > 20
            assert (FOLDER / target).exists()


def test_its_cells_are_short(lesson):
    lengths = [len(cell.source.splitlines()) for cell in code_cells(lesson[1])]
    assert lengths[0] <= 15  # the set-up
    assert max(lengths) <= 30


def test_its_own_networks_are_the_packages(lesson):
    """A class that a lesson writes out behaves like the package's class of the same name."""
    space = {"torch": torch, "nn": torch.nn, "models": models}
    for cell in code_cells(lesson[1]):
        if not any(line.startswith(("def ", "class ")) for line in cell.source.splitlines()):
            continue
        for node in ast.parse(cell.source).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                exec(ast.unparse(node), space)
    for name in [name for name in space if name.endswith("Autoencoder")]:
        torch.manual_seed(0)
        theirs, ours = space[name](), models.KINDS[name](seed=0)
        images = torch.rand(2, *ours.image_shape)
        assert torch.equal(theirs(images), ours(images))
