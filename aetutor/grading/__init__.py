"""Grade notebooks that students hand in: ``python -m aetutor grade FOLDER --lesson 3``.

Whoever grades runs strangers' code, with the rights of the one who grades. docs/classroom.md says
how to do it in the class's image.

A student's notebook is not believed. Of each answer only the cells are run that it needs, in a
kernel with limits, and the check comes from a copy of the package that is imported after them: so
an edited ``check`` cell, a printed "Right." and a changed state count for nothing. But the answer
and its check are in one process: code written to deceive this very grader can do so, by replacing
what torch computes or by reading the right answer in the frames of its caller.
"""

import ast
import csv
import importlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from subprocess import DEVNULL, PIPE

STATES = {"right": "✓", "wrong": "✗", "blank": "–", "not found": "?", "not checked": "!"}


@dataclass(frozen=True)
class Grade:
    """What became of one exercise in one notebook.

    Attributes
    ----------
    notebook : str
        Its path in the folder.
    exercise : str
    state : str
        A key of ``STATES``.
    sentence : str
        Why; empty for what is right or blank.
    """

    notebook: str
    exercise: str
    state: str
    sentence: str = ""


def exercises_of(lesson):
    """Return the exercises of a lesson by name.

    Raises
    ------
    ValueError
        If there is no such lesson, or it has no exercises.
    """
    from aetutor.exercises._exercise import Exercise  # torch, which each notebook's process spares

    module = f"aetutor.exercises.lesson_{lesson}"
    if importlib.util.find_spec(module) is None:
        raise ValueError(f"there is no lesson {lesson} with exercises")
    found = vars(importlib.import_module(module)).values()
    return {task.name: task for task in found if isinstance(task, Exercise)}


def answers_name(task):
    """Return the name that an exercise's answer has in its lesson."""
    names = []
    for statement in ast.parse(task.code).body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            names.append(statement.name)
        elif isinstance(statement, ast.Assign):
            names += [target.id for target in statement.targets if isinstance(target, ast.Name)]
    return names[-1]


def grade_folder(folder, lesson, *, seconds=120, gigabytes=4.0, workers=None):
    """Grade every notebook below a folder.

    Parameters
    ----------
    folder : path
    lesson : int
    seconds : int
        Of computing, for each notebook; of waiting, ten times as many.
    gigabytes : float
        Of memory, for each notebook. Linux keeps to it; macOS and Windows do not.
    workers : int, optional
        Notebooks at once; one for each core if not given.

    Returns
    -------
    list of Grade
        By notebook, in the order of the lesson's exercises.

    Raises
    ------
    ValueError
        If there is no such lesson, or no notebook.
    ImportError
        If ipykernel or nbformat is not installed.
    """
    missing = [name for name in ("ipykernel", "nbformat") if not _installed(name)]
    if missing:
        raise ImportError(f"grading needs {' and '.join(missing)}: pip install {' '.join(missing)}")
    answers = {name: answers_name(task) for name, task in exercises_of(lesson).items()}
    paths = sorted(Path(folder).rglob("*.ipynb"))
    paths = [path for path in paths if ".ipynb_checkpoints" not in path.parts]
    if not paths:
        raise ValueError(f"there is no notebook in {folder}")
    limits = f"lesson_{lesson}", answers, seconds, gigabytes
    found = _graded([path.resolve() for path in paths], workers or os.cpu_count(), *limits)
    return [
        Grade(str(path.relative_to(folder)), exercise, *by_exercise[exercise])
        for path, by_exercise in zip(paths, found, strict=True)
        for exercise in answers
    ]


def _graded(paths, workers, *arguments):
    """State and sentence of each exercise in each notebook, graded in processes of their own."""
    with tempfile.TemporaryDirectory() as scratch:
        results = [Path(scratch, f"{number}.jsonl") for number in range(len(paths))]
        pairs = [[str(path), str(result)] for path, result in zip(paths, results, strict=True)]
        task = Path(scratch, "task.json")
        task.write_text(json.dumps([pairs, workers, *arguments]))
        ended = subprocess.run(
            [sys.executable, "-m", "aetutor.grading._run", task],
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=PIPE,
            text=True,
            cwd=scratch,  # beside the notebooks may lie a torch.py
            env=os.environ | {"OMP_NUM_THREADS": "1"},  # one notebook a core
            check=False,
        )
        lines = [path.read_text(encoding="utf-8") if path.exists() else "" for path in results]
    reason = (ended.stderr.strip().splitlines() or [f"exit status {ended.returncode}"])[-1]
    lost = ["not checked", f"The grader's own process failed: {reason}"]
    graded = [map(json.loads, text.splitlines()) for text in lines]
    return [defaultdict(lambda: lost, {name: rest for name, *rest in own}) for own in graded]


def table(grades):
    """Return grades as lines of text: a row for each notebook, and below what is said of it."""
    exercises = list(dict.fromkeys(grade.exercise for grade in grades))
    by_notebook = {}
    for each in grades:
        by_notebook.setdefault(each.notebook, []).append(each)
    width = max(map(len, by_notebook))
    lines = [f"{number}  {exercise}" for number, exercise in enumerate(exercises, 1)]
    lines += [f"{mark}  {state}" for state, mark in STATES.items()]
    lines += ["", " ".join([" " * width, *map(str, range(1, len(exercises) + 1))])]
    for notebook, own in by_notebook.items():
        right = sum(each.state == "right" for each in own)
        marks = " ".join(STATES[each.state] for each in own)
        lines.append(f"{notebook:<{width}} {marks}  {right} of {len(own)} right")
    for notebook, own in by_notebook.items():
        said = [each for each in own if each.sentence]
        lines += ["", notebook] if said else []
        lines += [f"  {each.exercise}, {each.state}: {each.sentence}" for each in said]
    counts = Counter(each.state for each in grades)
    total = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
    return "\n".join([*lines, "", f"{len(by_notebook)} notebooks: {total}"])


def write_csv(path, grades):
    """Write grades as a table that a spreadsheet opens."""
    with open(path, "w", newline="", encoding="utf-8-sig") as file:  # as Excel wants it
        rows = csv.writer(file)
        rows.writerow(field.name for field in fields(Grade))
        rows.writerows(map(_harmless, map(astuple, grades)))


def _harmless(row):
    """What a student has written must not become a formula in the teacher's spreadsheet."""
    return [f"'{text}" if text.startswith(("=", "+", "-", "@", "\t")) else text for text in row]


def _installed(name):
    return importlib.util.find_spec(name) is not None
