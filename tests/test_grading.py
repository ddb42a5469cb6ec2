"""A class of twenty hands in lesson 3; and what a notebook's cells need of each other."""

import csv
import re
from pathlib import Path

import nbformat
import pytest

from aetutor import grading
from aetutor.__main__ import main
from aetutor.grading._cells import Cell, needed_cells

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
TASKS = grading.exercises_of(3)
RIGHT = {name: task.code for name, task in TASKS.items()}
STUBS = {
    name: code.split("\n")[0] + "\n    return ____" if code.startswith("def") else f"{name} = ____"
    for name, code in RIGHT.items()
} | {"weights_of_128": "weights_128 = ____"}
SETUP = """
import math
import torch
from aetutor.exercises import ____, lesson_3, progress
"""
NATURAL = RIGHT["psnr"].replace("log10", "log")
CHEAT = """
def psnr(reconstructions, images):
    return torch.zeros(len(images))

from aetutor.exercises import _exercise
_exercise.compare = _exercise.tensor = lambda *anything, **more: None
type(lesson_3.psnr).check = lambda self, answer: print("Right.")
type(lesson_3.psnr).verdict = lambda self, answer: ("right", "")
lesson_3.psnr._examine = lambda answer: None
lesson_3.psnr.state = "right"
lesson_3.psnr.check(psnr)
from IPython.display import display
for token in ("", None):
    verdict = {"token": token, "state": "right", "sentence": ""}
    display({"application/vnd.aetutor.verdict+json": verdict}, raw=True)
"""


def answered(setup=SETUP, *, checks=True, **answers):
    """Sources of cells: these answers, and stubs for the others; None leaves a cell out."""
    cells = [setup] if setup else []
    for name, code in (STUBS | answers).items():
        if code is not None:
            check = f"lesson_3.{name}.check({grading.answers_name(TASKS[name])})"
            cells.append(f"{code}\n\n{check}" if checks else code)
    return cells


# Cells, and what is expected of the five exercises in order.
CLASS = {
    **{f"right-{n}": (answered(**RIGHT), "✓✓✓✓✓") for n in range(4)},
    "right-no-checks": (answered(checks=False, **RIGHT), "✓✓✓✓✓"),
    "right-no-blank": (answered(SETUP.replace("____, ", ""), **RIGHT), "✓✓✓✓✓"),
    "untouched": (answered(), "–––––"),
    "half-way": (answered(weights_of_128=RIGHT["weights_of_128"]), "✓––––"),
    "wrong-log": (answered(**RIGHT | {"psnr": NATURAL}), "✓✓✓✗✓"),
    "wrong-number": (answered(weights_of_128="weights_128 = 7"), "✗––––"),
    "returns-nothing": (answered(psnr="def psnr(reconstructions, images):\n    pass"), "–––✗–"),
    "raises": (answered(weights_of_128="weights_128 = 1 / 0"), "✗––––"),
    "misspelt": (answered(stamped="def stamped(pixels, kernel, stride) return 0"), "–✗–––"),
    "helper-elsewhere": (
        [*answered(psnr="def psnr(a, b):\n    return decibels(a, b)"),
         "%config InlineBackend.figure_format = 'png'",
         RIGHT["psnr"].replace("psnr", "decibels")],
        "–––✓–",
    ),
    "cheats": (answered(psnr=CHEAT), "–––✗–"),
    "loops": (answered(weights_of_128="while True:\n    weights_128 = 1", psnr=RIGHT["psnr"]),
              "✗––✓–"),
    "takes-all-memory": (
        answered(weights_of_128="weights_128 = bytearray(10**11)", psnr=RIGHT["psnr"]), "✗––✓–"
    ),
    "ends-its-kernel": (
        answered(weights_of_128="import os\nos._exit(0)\nweights_128 = 1", psnr=RIGHT["psnr"]),
        "✗––✓–",
    ),
    "cells-removed": (answered(None, psnr=None, stamped=RIGHT["stamped"]), "✗✗✗?✗"),
    "of-another-lesson": (["from aetutor.exercises import lesson_2", "norm = 5"], "?????"),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("handed-in")
    for student, (cells, _) in CLASS.items():
        notebook = nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, cells)])
        (folder / student).mkdir()
        nbformat.write(notebook, folder / student / "lesson.ipynb")
    (folder / "right-0" / "torch.py").write_text("raise SystemExit")
    return folder


@pytest.fixture(scope="module")
def grades(folder):
    return grading.grade_folder(folder, 3, seconds=10, gigabytes=4)


@pytest.mark.slow
def test_a_class_is_graded(grades):
    assert len(CLASS) == 20
    found = {}
    for grade in grades:
        student = Path(grade.notebook).parts[0]
        found[student] = found.get(student, "") + grading.STATES[grade.state]
    assert found == {student: expected for student, (_, expected) in CLASS.items()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("student", "exercise", "sentence"),
    [
        ("wrong-log", "psnr", r"The logarithm has base 10"),
        ("returns-nothing", "psnr", r"is there a `return`\?"),
        ("raises", "weights_of_128", r"ZeroDivisionError: division by zero"),
        ("misspelt", "stamped", r"SyntaxError"),
        ("loops", "weights_of_128", r"not done after 10 s of computing"),
        ("takes-all-memory", "weights_of_128", r"MemoryError"),
        ("ends-its-kernel", "weights_of_128", r"ends the kernel"),
        ("cells-removed", "stamped", r"No cell defines torch, which it needs"),
        ("cells-removed", "psnr", r"No cell makes psnr\.$"),
        ("of-another-lesson", "psnr", r"The notebook is of lesson 2\."),
    ],
)
def test_each_fault_has_its_sentence(grades, student, exercise, sentence):
    said = {(Path(grade.notebook).parts[0], grade.exercise): grade.sentence for grade in grades}
    assert re.search(sentence, said[student, exercise]), said[student, exercise]


@pytest.mark.slow
def test_the_command_writes_a_table_that_no_spreadsheet_runs(tmp_path, monkeypatch, capsys):
    (tmp_path / "=1+1.ipynb").write_text("no notebook")
    monkeypatch.chdir(tmp_path)
    main(["grade", str(tmp_path), "--lesson", "3"])
    assert "1 notebooks: 5 not found" in capsys.readouterr().out
    with open("grades_lesson_3.csv", encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["exercise"] for row in rows] == list(TASKS)
    assert {row["notebook"] for row in rows} == {"'=1+1.ipynb"}
    assert all("no notebook" in row["sentence"] for row in rows)


def test_what_is_not_checked_is_loud(tmp_path, monkeypatch):
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "a.ipynb")
    monkeypatch.setattr(grading.sys, "executable", "/bin/false")
    with pytest.raises(SystemExit, match="5 answers were not checked"):
        main(["grade", str(tmp_path), "--lesson", "3", "--to", str(tmp_path / "grades.csv")])


@pytest.mark.parametrize(
    ("lesson", "sentence"), [(99, "no lesson 99"), (3, "there is no notebook in")]
)
def test_nothing_to_grade(tmp_path, lesson, sentence):
    with pytest.raises(ValueError, match=sentence):
        grading.grade_folder(tmp_path, lesson)


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    find = grading.importlib.util.find_spec
    monkeypatch.setattr(
        grading.importlib.util, "find_spec", lambda name: None if name == "nbformat" else find(name)
    )
    with pytest.raises(ImportError, match="pip install nbformat"):
        grading.grade_folder(tmp_path, 3)


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("[0-9]*.ipynb")), ids=lambda path: path.stem)
def test_every_answer_of_a_lesson_is_found_in_its_cell(path):
    cells = [
        Cell(cell.source)
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "code"
    ]
    for task in grading.exercises_of(int(path.stem[:2])).values():
        name = grading.answers_name(task)
        # Not in the lesson itself: that would be graded once the student's cell is deleted.
        (last,) = (number for number, cell in enumerate(cells) if name in cell.bound)
        assert f"{task.lesson}.{task.name}.check({name})" in cells[last].source
        assert needed_cells(cells, last)[1] == set()


def test_cells_that_are_needed():
    cells = [
        Cell(source)
        for source in (
            "import math\nsize = 3",  # 0
            "size = size + 1",  # 1
            "unrelated = size",  # 2
            "def answer(size):\n    return helper(size) + math.pi",  # 3
            "def helper(n):\n    return n * size",  # 4
            "%matplotlib inline\nlater = unknown",  # 5
        )
    ]
    assert needed_cells(cells, 3) == ([0, 1, 3, 4], set())
    assert needed_cells(cells, 5) == ([5], {"unknown"})
