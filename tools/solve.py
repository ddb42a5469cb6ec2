"""Write the solutions of all lessons' exercises: ``python tools/solve.py``.

Each notebook in notebooks/solutions has the exercises of a lesson with the answers and reasons
that ``.solution()`` shows, and the answers to the questions "On your own". To be executed by
tools/run.py afterwards.
"""

import copy
import importlib
import itertools
import re
import textwrap
from pathlib import Path

import nbformat

FOLDER = Path(__file__).parents[1] / "notebooks"
OWN = "### On your own"
CHECK = re.compile(r"^(lesson_\d+)\.(\w+)\.check\((\w+)\)", re.MULTILINE)


def task_of(cell):
    """The exercise that a cell of a lesson checks, or None."""
    found = CHECK.search(cell.source) if cell.cell_type == "code" else None
    if found:
        lesson, name, _ = found.groups()
        return getattr(importlib.import_module(f"aetutor.exercises.{lesson}"), name)


def solved(lesson):
    """Return a lesson, as a notebook, with all its exercises answered."""
    lesson = copy.deepcopy(lesson)
    for cell in lesson.cells:
        task = task_of(cell)
        if task:
            gap = "\n\n\n" if task.code.startswith("def ") else "\n"
            cell.source = f"{task.code}{gap}{CHECK.search(cell.source).group()}"
    return lesson


def solutions(lesson, name):
    """Return the exercises of a lesson with answers and reasons, as a notebook of its own."""
    cells = solved(lesson).cells
    title, setup = cells[0].source.splitlines()[0], first_import(cells)
    written = [
        markdown(
            f"{title}, solutions\n\nThe exercises of [the lesson](../{name}), answered. There are "
            "other right answers; `check` accepts whatever does the same."
        ),
        code(re.sub(r"TRAIN_FROM_SCRATCH.*\n+", "", setup)),
    ]
    for text, cell in itertools.pairwise(cells):
        task = task_of(cell)
        if task:
            question = "##" + text.source[text.source.rindex("### ") + 3 :]
            written += [markdown(question), code(cell.source), markdown(task.reason)]
    written += on_your_own(cells)
    written += [markdown("## All done"), code("progress()")]
    for number, cell in enumerate(written):
        cell.id = f"cell-{number:02d}"
    return nbformat.v4.new_notebook(cells=written, metadata=lesson.metadata)


def on_your_own(cells):
    """The questions without a checker and their answers, as cells."""
    lesson = next(task.lesson for task in map(task_of, cells) if task)
    answers = importlib.import_module(f"aetutor.exercises.{lesson}").ON_YOUR_OWN
    written = [markdown("## On your own")] if answers else []
    for question, answer in zip(questions(cells) if answers else (), answers, strict=True):
        written.append(markdown(question))
        written += [code(answer.code)] if answer.code else []
        written.append(markdown(answer.text))
    return written


def questions(cells):
    """The questions of the section "On your own": the points of its list."""
    text = next(cell.source for cell in cells if cell.source.startswith(OWN))
    section = re.split(r"^#", text.removeprefix(OWN), flags=re.MULTILINE)[0]
    return [point.strip() for point in re.split(r"^- ", section, flags=re.MULTILINE)[1:]]


def markdown(source):
    return nbformat.v4.new_markdown_cell(source)


def code(source):
    return nbformat.v4.new_code_cell(textwrap.dedent(source).strip())


def first_import(cells):
    """The source of the set-up cell, in a published lesson that below the installation."""
    sources = [cell.source for cell in cells if cell.cell_type == "code"]
    return next(source for source in sources if "\nfrom aetutor import" in source)


if __name__ == "__main__":
    (FOLDER / "solutions").mkdir(exist_ok=True)
    for path in sorted(FOLDER.glob("[0-9]*.ipynb")):
        notebook = solutions(nbformat.read(path, as_version=4), path.name)
        nbformat.write(notebook, FOLDER / "solutions" / path.name)
