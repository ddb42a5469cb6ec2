"""The committed notebooks: run once, clean, readable, and true to the package.

Each check is a function that raises AssertionError for a notebook with a fault; for each there is
a fault below, planted to see that it is found.
"""

import ast
import builtins
import copy
import dis
import re
import types
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
import torch
from colab_check import load_script
from torch import nn
from torch.nn import functional as F

from aetutor import exercises, models
from aetutor.exercises import lesson_1

FOLDER = Path(__file__).parents[1] / "notebooks"
LESSONS = sorted(FOLDER.glob("*.ipynb"))
SOLUTIONS = sorted((FOLDER / "solutions").glob("*.ipynb"))
LONG = {  # cells of more than 30 lines, with the reason
}
HEAD, BADGE = "importlib.util.find_spec", "[![Open in Colab]"


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook):
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def lines(cell):
    return len(cell.source.splitlines())


def was_run_once_from_top_to_bottom(notebook, path):
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))


def has_no_errors_warnings_or_progress_bars(notebook, path):
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    assert {o.output_type for o in outputs} <= {"stream", "display_data", "execute_result"}
    assert "stderr" not in {output.get("name") for output in outputs}
    assert not re.search(r"\d+%\||\bit/s\b|Warning:", str(outputs))


def has_no_widget_state(notebook, path):
    assert "jupyter.widget" not in nbformat.writes(notebook)
    assert notebook.metadata.keys() == {"kernelspec", "language_info"}


def has_nothing_of_the_machine_it_ran_on(notebook, path):
    text = nbformat.writes(notebook)
    assert not re.search(r"/(home|root|Users|tmp|work)/|[A-Z]:\\\\", text)


def was_run_on_the_real_images(notebook, path):
    outputs = str([cell.outputs for cell in code_cells(notebook)])
    assert "STAND-IN" not in outputs
    assert ".npz in the folder AETUTOR_DATA" in outputs


def is_small(notebook, path):
    assert len(nbformat.writes(notebook).encode()) < 500_000


def has_its_headings_in_order(notebook, path):
    levels = [len(marks) for marks in re.findall(r"^(#+) ", prose(notebook), flags=re.MULTILINE)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def describes_its_pictures(notebook, path):
    for alt, target in re.findall(r"!\[(.*?)\]\((.*?)\)", prose(notebook), flags=re.DOTALL):
        assert target.startswith("https://colab") or len(alt) > 20


def links_to_what_exists(notebook, path):
    for target, _, heading in re.findall(
        r"\]\(((?!https?://)[^)#]*)(#([^)]*))?\)", prose(notebook)
    ):
        assert (path.parent / target).exists(), target
        if heading:
            there = prose(nbformat.read(path.parent / target, as_version=4))
            assert re.search(rf"^#+ {heading.replace('-', ' ')}$", there, flags=re.MULTILINE)


def has_short_cells(notebook, path):
    setup = next(cell for cell in code_cells(notebook) if "\nfrom aetutor import" in cell.source)
    assert lines(setup) <= 15
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and (path.stem, number) not in LONG:
            assert lines(cell) <= 30, number


def imports_in_one_cell_only(notebook, path):
    setup = next(cell for cell in code_cells(notebook) if "\nfrom aetutor import" in cell.source)
    for cell in code_cells(notebook):
        if cell is not setup and HEAD not in cell.source:
            found = re.findall(r"^(?:import|from) (\w+)", cell.source, flags=re.MULTILINE)
            assert set(found) <= {"tensorboard"}  # shown where TensorBoard is


def can_be_run_twice_and_in_another_order(notebook, path):
    """What a cell or its functions read is bound in one cell only, and before it is read.

    So a cell gives the same when it is run again, after whichever others, once the cells that it
    needs have been run. (It sees names only, not what is changed in place: a network that a cell
    trains goes on learning.)
    """
    cells = [bound_and_read(cell.source) for cell in code_cells(notebook)]
    for bound, needed, by_functions in cells:
        for name in (needed | by_functions) - set(dir(builtins)) - {"display", "__name__"}:
            assert name not in bound or name not in needed, f"{name} is read and then bound anew"
            assert sum(name in others for others, *_ in cells) == 1, name


def bound_and_read(source):
    """The names that a cell binds; that it reads before it binds them; that its functions read."""
    bound, needed, by_functions, inner = set(), set(), set(), []
    for step in dis.get_instructions(compile(source, "cell", "exec")):
        if step.opname in ("STORE_NAME", "STORE_GLOBAL"):
            bound.add(step.argval)
        elif step.opname == "LOAD_NAME" and step.argval not in bound:
            needed.add(step.argval)
        elif isinstance(step.argval, types.CodeType):
            inner.append(step.argval)
    for code in inner:
        own = set()
        at_once = code.co_name.startswith("<")  # a comprehension, or a lambda as good as one
        for step in dis.get_instructions(code):
            if step.opname == "STORE_NAME":
                own.add(step.argval)
            elif step.opname == "STORE_GLOBAL":
                bound.add(step.argval)
            elif step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                if not (at_once and step.argval in bound):
                    by_functions |= {step.argval} - own
            elif isinstance(step.argval, types.CodeType):
                inner.append(step.argval)
    return bound, needed, by_functions


def has_the_same_networks_as_the_package(notebook, path):
    """A class that a lesson writes out behaves like the package's class of the same name."""
    space = {"torch": torch, "nn": nn, "F": F, "models": models, "____": exercises.____}
    for cell in code_cells(notebook):
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


def has_exercises_that_are_not_answered(notebook, path):
    cells = [cell for cell in code_cells(notebook) if solve.task_of(cell)]
    assert 4 <= len(cells) <= 6
    for cell in cells:
        assert "____" in cell.source
        assert str(cell.outputs).count("Not yet") == 1
        name = f"{solve.task_of(cell).lesson}.{solve.task_of(cell).name}"
        assert f"# {name}.hint()\n# {name}.solution()" in cell.source


def is_answered_rightly(notebook, path):
    cells = [cell for cell in code_cells(notebook) if ".check(" in cell.source]
    assert len(cells) >= 4
    assert all([output.text for output in cell.outputs] == ["Right.\n"] for cell in cells)


solve = load_script("solve")
EVERYWHERE = (
    was_run_once_from_top_to_bottom,
    has_no_errors_warnings_or_progress_bars,
    has_no_widget_state,
    has_nothing_of_the_machine_it_ran_on,
    was_run_on_the_real_images,
    is_small,
    has_its_headings_in_order,
    describes_its_pictures,
    links_to_what_exists,
    has_short_cells,
    imports_in_one_cell_only,
    can_be_run_twice_and_in_another_order,
)
OF_LESSONS = (
    *EVERYWHERE,
    has_the_same_networks_as_the_package,
    has_exercises_that_are_not_answered,
)
OF_SOLUTIONS = (*EVERYWHERE, is_answered_rightly)


def named(value):
    return value.__name__ if callable(value) else f"{value.parent.name}-{value.stem}"


@pytest.mark.parametrize(
    ("path", "check"),
    [(path, check) for path in LESSONS for check in OF_LESSONS]
    + [(path, check) for path in SOLUTIONS for check in OF_SOLUTIONS],
    ids=named,
)
def test_a_notebook(path, check):
    check(nbformat.read(path, as_version=4), path)


def same_badge_and_first_cell_everywhere(notebooks):
    """All or none; and alike but for the lesson's own name."""
    badges = {re.sub(r"\w+\.ipynb", "", line) for n in notebooks for line in badge_lines(n)}
    heads = [cell.source for n in notebooks for cell in code_cells(n)[:1] if HEAD in cell.source]
    assert len(badges) == len(set(heads)) <= 1
    assert len(heads) in (0, len(notebooks))
    assert sum(len(badge_lines(n)) for n in notebooks) == len(heads)


def badge_lines(notebook):
    return [line for line in prose(notebook).splitlines() if line.startswith(BADGE)]


def test_badge_and_first_cell_are_the_same_everywhere():
    same_badge_and_first_cell_everywhere([nbformat.read(path, as_version=4) for path in LESSONS])


def test_solutions_are_those_of_the_exercises():
    """tools/solve.py would write the same cells again."""
    assert [path.name for path in SOLUTIONS] == [path.name for path in LESSONS]
    for lesson, path in zip(LESSONS, SOLUTIONS, strict=True):
        made = solve.solutions(nbformat.read(lesson, as_version=4), lesson.name)
        kept = nbformat.read(path, as_version=4)
        assert [cell.source for cell in kept.cells] == [cell.source for cell in made.cells]


def test_questions_on_your_own_stand_above_their_answers(monkeypatch):
    lesson = nbformat.read(LESSONS[0], as_version=4)
    asked = solve.questions(lesson.cells)
    assert len(asked) >= 2
    answers = [exercises.Answer(f"It is {n}.", code=f"print({n})") for n in range(len(asked) - 1)]
    answers.append(exercises.Answer("Nobody knows."))
    monkeypatch.setattr(lesson_1, "ON_YOUR_OWN", answers)
    sources = [cell.source for cell in solve.solutions(lesson, LESSONS[0].name).cells]
    place = sources.index("## On your own")
    assert sources[place + 1 : place + 4] == [asked[0], "print(0)", "It is 0."]
    assert sources[-4:-2] == [asked[-1], "Nobody knows."]
    answers.pop()
    with pytest.raises(ValueError, match="shorter"):
        solve.solutions(lesson, LESSONS[0].name)


def test_solved_lessons_have_nothing_left_to_answer():
    for path in LESSONS:
        lesson = nbformat.read(path, as_version=4)
        answered = solve.solved(lesson)
        assert len(answered.cells) == len(lesson.cells)
        blanks = [cell for cell in code_cells(answered) if "= ____" in cell.source]
        assert not blanks
        assert "return ____" not in str([cell.source for cell in code_cells(answered)])


# Planted faults: what each does to a good lesson.


def prints(text, name="stdout"):
    def plant(lesson):
        code_cells(lesson)[3].outputs.append(nbformat.v4.new_output("stream", name=name, text=text))

    return plant


def says(text, place=2):
    def plant(lesson):
        lesson.cells[place].source += f"\n\n{text}"

    return plant


def computes(source, place=3):
    def plant(lesson):
        code_cells(lesson)[place].source = source

    return plant


def skip_a_number(lesson):
    code_cells(lesson)[4].execution_count += 1


def fail(lesson):
    error = nbformat.v4.new_output("error", ename="E", evalue="", traceback=[])
    code_cells(lesson)[3].outputs.append(error)


def keep_the_widgets(lesson):
    lesson.metadata["widgets"] = {}


def show_a_widget(lesson):
    data = {"application/vnd.jupyter.widget-view+json": {}}
    code_cells(lesson)[3].outputs.append(nbformat.v4.new_output("display_data", data))


def forget_where_images_come_from(lesson):
    code_cells(lesson)[0].outputs = []


def lengthen_the_setup(lesson):
    code_cells(lesson)[0].source += "\n" * 15 + "done = True"


def change_a_layer(lesson):
    for cell in lesson.cells:
        cell.source = cell.source.replace("nn.Sigmoid()", "nn.Hardsigmoid()")


def answer_an_exercise(lesson):
    for cell in lesson.cells:
        cell.source = cell.source.replace("pixels = ____", "pixels = 28")


PLANTED = [
    (was_run_once_from_top_to_bottom, skip_a_number),
    (has_no_errors_warnings_or_progress_bars, fail),
    (has_no_errors_warnings_or_progress_bars, prints("careful", name="stderr")),
    (has_no_errors_warnings_or_progress_bars, prints("UserWarning: old")),
    (has_no_errors_warnings_or_progress_bars, prints("epoch 1/3:  40%|####      | 12/30")),
    (has_no_widget_state, keep_the_widgets),
    (has_no_widget_state, show_a_widget),
    (has_nothing_of_the_machine_it_ran_on, prints("saved in /home/ada/lesson")),
    (has_nothing_of_the_machine_it_ran_on, says(r"Look in C:\\data.")),
    (was_run_on_the_real_images, prints("STAND-IN")),
    (was_run_on_the_real_images, forget_where_images_come_from),
    (is_small, prints("x" * 500_000)),
    (has_its_headings_in_order, says("# A second title")),
    (has_its_headings_in_order, says("#### Too deep")),
    (describes_its_pictures, says("![short](../images/autoencoder.svg)")),
    (links_to_what_exists, says("![A picture that nobody has drawn](../images/none.svg)")),
    (links_to_what_exists, says("See [the next lesson](99_none.ipynb).")),
    (links_to_what_exists, says("See [there](01_linear_vs_conv.ipynb#No-such-heading).")),
    (has_short_cells, computes("x = 1\n" * 31)),
    (has_short_cells, lengthen_the_setup),
    (imports_in_one_cell_only, computes("import math\nmath.pi")),
    (can_be_run_twice_and_in_another_order, computes("mnist = mnist.val")),
    (can_be_run_twice_and_in_another_order, computes("for mnist in range(3):\n    print(mnist)")),
    (can_be_run_twice_and_in_another_order, computes("print(bound_nowhere)")),
    (can_be_run_twice_and_in_another_order, computes("def f():\n    return bound_nowhere")),
    (can_be_run_twice_and_in_another_order, computes("images = 1\ndef f():\n    return images")),
    (
        can_be_run_twice_and_in_another_order,
        computes("n = 1\ndef f():\n    global n, mnist\n    mnist = n"),
    ),
    (has_the_same_networks_as_the_package, change_a_layer),
    (has_exercises_that_are_not_answered, answer_an_exercise),
    (is_answered_rightly, lambda lesson: None),  # a lesson is not
]


@pytest.mark.parametrize(("check", "plant"), PLANTED)
def test_a_planted_fault_is_found(check, plant):
    lesson = nbformat.read(LESSONS[0], as_version=4)
    plant(lesson)
    with pytest.raises(AssertionError):
        check(lesson, LESSONS[0])


def test_every_check_has_a_planted_fault():
    assert {check for check, _ in PLANTED} == {*OF_LESSONS, *OF_SOLUTIONS}


def test_an_exercise_of_lesson_10_is_recognised():
    assert solve.CHECK.search("lesson_10.steps.check(steps)").group(1) == "lesson_10"


def test_a_badge_or_a_first_cell_that_differs_is_found():
    lessons = [nbformat.read(path, as_version=4) for path in LESSONS]
    publish = load_script("publish")
    for path, lesson in zip(LESSONS, lessons, strict=True):
        publish.add_badge(lesson, f"{publish.BADGE}({publish.colab('ada/lessons', path.name)})")
        publish.add_head(lesson, "git+https://example.org/ada/lessons")
    same_badge_and_first_cell_everywhere(lessons)
    for plant in (
        lambda lesson: publish.add_head(lesson, "git+https://example.org/bob/lessons"),
        lambda lesson: publish.add_badge(lesson, f"{publish.BADGE}(https://example.org/b.ipynb)"),
        lambda lesson: lesson.cells.remove(code_cells(lesson)[0]),
    ):
        damaged = copy.deepcopy(lessons)
        plant(damaged[2])
        with pytest.raises(AssertionError):
            same_badge_and_first_cell_everywhere(damaged)
