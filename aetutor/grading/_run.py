"""Grades the notebooks of a class, each in a process of its own with limits."""

import json
import multiprocessing
import os
import queue
import re
import secrets
import signal
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

import nbformat
from jupyter_client import BlockingKernelClient, write_connection_file

from aetutor.grading import _verdict
from aetutor.grading._cells import Cell, needed_cells

PATIENCE = 10  # times the limit of computing that a cell may take on the clock
# A notebook's process is forked from a server that has done all imports, and its kernels from it.
FORKS = sys.platform == "linux"  # macOS can too, but libraries there do not stand it
OF_NOTEBOOKS = multiprocessing.get_context("forkserver" if FORKS else "spawn")
OF_KERNELS = multiprocessing.get_context("fork" if FORKS else "spawn")


class StoppedError(Exception):
    """A kernel has ended, or has to be ended."""


class Kernel:
    """A kernel that runs some of a notebook's cells.

    Parameters
    ----------
    cells : list of Cell
    seconds : int
        Of computing, for all that it runs; of waiting, ten times as many for each cell.
    gigabytes : float
        Of memory.
    """

    def __init__(self, cells, seconds, gigabytes):
        from aetutor.grading import _kernel  # here: the class's own process does without

        self.cells, self.stopped = cells, {}  # how cells stopped that were run, by number
        self._seconds = seconds
        self._folder = tempfile.TemporaryDirectory()
        self._file = str(Path(self._folder.name, "connection.json"))
        where = {"transport": "ipc", "ip": str(Path(self._folder.name, "kernel"))}
        where = {} if sys.platform == "win32" else where  # sockets that are closed to other users
        write_connection_file(self._file, key=secrets.token_hex().encode(), **where)
        limits = self._file, seconds, gigabytes
        self._process = OF_KERNELS.Process(target=_kernel.run, args=limits)

    def __enter__(self):
        self._process.start()
        self._client = BlockingKernelClient(connection_file=self._file)
        self._client.load_connection_file()
        self._client.start_channels(hb=False)  # the process is asked whether it lives
        while True:
            try:
                self._client.wait_for_ready(timeout=5)
                return self
            except RuntimeError:  # not yet, or never
                if not self._process.is_alive():
                    raise

    def __exit__(self, *error):
        self._client.stop_channels()
        self._client.context.destroy()  # and its threads, before another kernel is forked
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)  # and what it has started
        self._process.kill()
        self._process.join()
        self._folder.cleanup()

    def run(self, source):
        """Run a cell; return what it displays and raises, each by its content.

        Raises
        ------
        StoppedError
            If the kernel ends, or the cell does not.
        """
        request = self._client.execute(source, allow_stdin=False, stop_on_error=False)
        outputs, end = [], time.monotonic() + PATIENCE * self._seconds
        while True:
            with suppress(queue.Empty):
                message = self._client.get_iopub_msg(timeout=1)
                if message["parent_header"].get("msg_id") == request:
                    if message["msg_type"] in ("display_data", "error"):
                        outputs.append(message["content"])
                    elif message["content"].get("execution_state") == "idle":
                        return outputs
            if not self._process.is_alive():
                raise StoppedError(self._death())
            if time.monotonic() > end:
                raise StoppedError(f"It is not done after {PATIENCE * self._seconds} s.")

    def _death(self):
        status = self._process.exitcode
        if status == -getattr(signal, "SIGXCPU", 0):
            return f"It is not done after {self._seconds} s of computing."
        by = signal.Signals(-status).name if status < 0 else "by itself"
        return f"It ends the kernel ({by})."

    def run_once(self, number):
        """Run one of the notebook's cells, if it has not been run."""
        if number not in self.stopped:
            outputs = self.run(self.cells[number].source)
            errors = [output for output in outputs if "ename" in output]
            self.stopped[number] = errors[0] if errors else None


def grades(cells, lesson, answers, seconds, gigabytes):
    """Yield (exercise, state, sentence) for each exercise; a kernel that dies is replaced.

    Parameters
    ----------
    cells : list of Cell
    lesson : str
    answers : dict of str to str
        The names of answers in the notebook, by exercise.
    seconds, gigabytes : int, float
        The kernel's limits.
    """
    waiting = [name for name in answers if _cell_of(cells, answers[name]) is not None]
    for name in answers.keys() - set(waiting):
        yield name, "not found", f"No cell makes {answers[name]}.{_other_lesson(cells, lesson)}"
    while waiting:
        with Kernel(cells, seconds, gigabytes) as kernel:
            while waiting:
                name = waiting.pop(0)
                try:
                    yield name, *_checked(kernel, lesson, name, answers[name])
                except StoppedError as error:
                    yield name, "wrong", str(error)
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
    errors = "; ".join(_said(output) for output in outputs if "ename" in output)
    return "not checked", f"The check itself stops: {errors or 'it says nothing'}"


def _said(error):
    return f"{error['ename']}: {error['evalue']}"


def _other_lesson(cells, lesson):
    """A sentence about a notebook that speaks of other lessons only."""
    spoken = set(re.findall(r"\blesson_\d+\b", "\n".join(cell.source for cell in cells)))
    if not spoken or lesson in spoken:
        return ""
    return f" The notebook is of {' and '.join(sorted(spoken)).replace('_', ' ')}."


def grade(path, results, lesson, answers, seconds, gigabytes):
    """Grade one notebook and write each exercise's line as it comes."""
    from aetutor.grading import _kernel

    _kernel.limit(seconds, gigabytes)
    with open(results, "w", encoding="utf-8") as file:
        try:
            notebook = nbformat.read(path, as_version=4)
            cells = [Cell(cell.source) for cell in notebook.cells if cell.cell_type == "code"]
        except Exception as error:  # there are many ways not to be a notebook
            reason = str(error).splitlines()[0]
            found = [(name, "not found", f"It is no notebook: {reason}") for name in answers]
        else:
            found = grades(cells, lesson, answers, seconds, gigabytes)
        for line in found:
            print(json.dumps(line), file=file, flush=True)


def _in_a_process(pair, arguments):
    process = OF_NOTEBOOKS.Process(target=grade, args=(*pair, *arguments))
    process.start()
    process.join()


def main(task):
    """Grade the notebooks of a task, several at once."""
    pairs, workers, *arguments = json.loads(Path(task).read_text())
    if FORKS:
        OF_NOTEBOOKS.set_forkserver_preload(["aetutor.grading._kernel"])
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(partial(_in_a_process, arguments=arguments), pairs))


if __name__ == "__main__":
    main(*sys.argv[1:])
