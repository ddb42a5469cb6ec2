"""Grades one notebook, in a process of its own with limits; light, for it runs once for each."""

import json
import os
import re
import secrets
import signal
import sys
import tempfile
from pathlib import Path
from subprocess import DEVNULL

from aetutor.grading import _verdict
from aetutor.grading._cells import Cell, needed_cells

PATIENCE = 10  # times the limit of computing that a cell may take on the clock


class Kernel:
    """A kernel of this Python that runs some of a notebook's cells.

    Parameters
    ----------
    cells : list of Cell
    seconds : int
        That a cell may take on the clock.
    """

    def __init__(self, cells, seconds):
        import nbformat
        from nbclient import NotebookClient

        self.cells, self.stopped = cells, {}  # how cells stopped that were run, by number
        self._notebook = nbformat.v4.new_notebook()
        self._client = NotebookClient(
            self._notebook, timeout=seconds, kernel_name="grader", allow_errors=True
        )
        self._running = self._client.setup_kernel(stdout=DEVNULL, stderr=DEVNULL)

    def __enter__(self):
        self._running.__enter__()
        return self

    def __exit__(self, *error):
        self._client.km.shutdown_kernel(now=True)
        self._running.__exit__(None, None, None)

    def run(self, source):
        """Run a cell; return its outputs."""
        import nbformat

        cell = nbformat.v4.new_code_cell(source)
        self._notebook.cells.append(cell)
        return self._client.execute_cell(cell, len(self._notebook.cells) - 1).outputs

    def run_once(self, number):
        """Run one of the notebook's cells, if it has not been run."""
        if number not in self.stopped:
            outputs = self.run(self.cells[number].source)
            errors = [output for output in outputs if output.output_type == "error"]
            self.stopped[number] = errors[0] if errors else None

    @property
    def ended_by(self):
        """The signal that ended the kernel, or None."""
        status = self._client.km.provisioner.process.poll()
        return signal.Signals(-status) if status is not None and status < 0 else None


def grades(cells, lesson, answers, seconds):
    """Yield (exercise, state, sentence) for each exercise; a kernel that dies is replaced.

    Parameters
    ----------
    cells : list of Cell
    lesson : str
    answers : dict of str to str
        The names of answers in the notebook, by exercise.
    seconds : int
    """
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    waiting = [name for name in answers if _cell_of(cells, answers[name]) is not None]
    for name in answers.keys() - set(waiting):
        yield name, "not found", f"No cell makes {answers[name]}.{_other_lesson(cells, lesson)}"
    while waiting:
        with Kernel(cells, PATIENCE * seconds) as kernel:
            while waiting:
                name = waiting.pop(0)
                try:
                    yield name, *_checked(kernel, lesson, name, answers[name])
                except CellTimeoutError:
                    yield name, "wrong", f"It is not done after {PATIENCE * seconds} s."
                    break
                except DeadKernelError:
                    yield name, "wrong", _death(kernel, seconds)
                    break


def _cell_of(cells, name):
    """The number of the last cell that binds a name."""
    numbers = [number for number, cell in enumerate(cells) if name in cell.bound]
    return numbers[-1] if numbers else None


def _checked(kernel, lesson, exercise, name):
    """State and sentence of an answer, by the check in the kernel where it is."""
    needed, undefined = needed_cells(kernel.cells, _cell_of(kernel.cells, name))
    if undefined:
        names = ", ".join(sorted(undefined))
        return "wrong", f"No cell defines {names}, which it needs. Is a cell missing?"
    for number in needed:
        kernel.run_once(number)
    token = secrets.token_hex()
    given = f"'lesson': {lesson!r}, 'exercise': {exercise!r}, 'token': {token!r}"
    outputs = kernel.run(
        "from runpy import run_path as _run\n"
        f"_run({_verdict.__file__!r}, {{'answer': {name}, {given}, "
        "'blank': globals().get('____')}, '__main__')"
    )
    for output in outputs:
        verdict = output.get("data", {}).get(_verdict.MIME, {})
        if verdict.get("token") == token:
            return verdict["state"], verdict["sentence"]
    stopped = next((kernel.stopped[number] for number in needed if kernel.stopped[number]), None)
    if stopped:
        return "wrong", f"A cell stops before it is there, with {_said(stopped)}"
    errors = "; ".join(_said(output) for output in outputs if output.output_type == "error")
    return "not checked", f"The check itself stops: {errors or 'it says nothing'}"


def _death(kernel, seconds):
    if kernel.ended_by == getattr(signal, "SIGXCPU", None):
        return f"It is not done after {seconds} s of computing."
    return f"It ends the kernel ({kernel.ended_by.name if kernel.ended_by else 'by itself'})."


def _said(error):
    return f"{error.ename}: {error.evalue}"


def _other_lesson(cells, lesson):
    """A sentence about a notebook that speaks of other lessons only."""
    spoken = set(re.findall(r"\blesson_\d+\b", "\n".join(cell.source for cell in cells)))
    if not spoken or lesson in spoken:
        return ""
    return f" The notebook is of {' and '.join(sorted(spoken)).replace('_', ' ')}."


def _limit(seconds, gigabytes):
    """Limit this process and its children, where the system can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    memory = int(gigabytes * 2**30)
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))


def _use_kernel(folder):
    """Make a kernel specification of this Python; another may be installed under any name."""
    spec = {"argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]}
    spec |= {"display_name": "Grader", "language": "python"}
    kernel = Path(folder, "kernels", "grader")
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text(json.dumps(spec))
    os.environ["JUPYTER_PATH"] = folder


def main(path, task, results):
    """Grade one notebook and write each exercise's line as it comes."""
    import nbformat

    lesson, answers, seconds, gigabytes = json.loads(Path(task).read_text())
    _limit(seconds, gigabytes)
    with tempfile.TemporaryDirectory() as folder, open(results, "w", encoding="utf-8") as file:
        _use_kernel(folder)
        empty = Path(folder, "empty")  # beside the notebook may lie a torch.py
        empty.mkdir()
        os.chdir(empty)
        try:
            notebook = nbformat.read(path, as_version=4)
            cells = [Cell(cell.source) for cell in notebook.cells if cell.cell_type == "code"]
        except Exception as error:  # there are many ways not to be a notebook
            reason = str(error).splitlines()[0]
            found = [(name, "not found", f"It is no notebook: {reason}") for name in answers]
        else:
            found = grades(cells, lesson, answers, seconds)
        for grade in found:
            print(json.dumps(grade), file=file, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
