"""Several readers on one machine: copies of a lesson at once, with and without our settings.

Beside other busy processes, a thread of OpenMP that waits by spinning takes the time of the thread
that it waits for. How long it spins, and how many threads there are, is read when the library is
loaded, so it stands in the environment of the kernel.
"""

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from subprocess import PIPE

from benchmarks.measure import OURS, Row

LESSON = next((Path(__file__).parents[1] / "notebooks").glob("05_*.ipynb"))
SETTINGS = {
    "default": {},
    OURS: {"GOMP_SPINCOUNT": "2000"},  # as in the Makefile
    f"{OURS}, one thread each": {"OMP_NUM_THREADS": "1"},  # as for a class on one server
}
COPIES = (1, 2, 4, 8)
PATIENCE = 4  # times as long as would be fair: then copies are stopped
RUN = """
import sys, nbformat
from nbclient import NotebookClient
lesson = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(lesson, timeout=None, resources={"metadata": {"path": sys.argv[2]}}).execute()
"""


def load():
    """Rows of seconds until the last of some copies is done, by setting."""
    seconds = {name: together(1, own) for name, own in SETTINGS.items()}
    alone = seconds["default"]
    rows = [Row(question(1), name, [taken], "s") for name, taken in seconds.items()]
    for copies in COPIES[1:]:
        fair = copies * alone
        for name, own in SETTINGS.items():
            taken = together(copies, own, limit=PATIENCE * fair)
            note = f"{taken / fair:.2f} of {copies} times one by default"
            stopped = ", and then stopped" if taken >= PATIENCE * fair else ""
            rows.append(Row(question(copies), name, [taken], "s", note + stopped))
    return rows


def question(copies):
    """What rows for so many copies are compared by."""
    return "Lesson 5, one copy" if copies == 1 else f"Lesson 5, {copies} copies at once"


def together(copies, settings, *, limit=None, command=(sys.executable, "-c", RUN)):
    """Seconds until all copies of a command are done, or the limit if they are not by then.

    Raises
    ------
    RuntimeError
        If a copy fails.
    """
    known = {name for setting in SETTINGS.values() for name in setting}
    others = {name: value for name, value in os.environ.items() if name not in known}
    own = {"env": others | settings, "stderr": PIPE, "text": True}
    arguments = [*command, str(LESSON), str(LESSON.parent)]
    start = time.perf_counter()
    with ExitStack() as stack:
        running = []
        for _ in range(copies):
            process = subprocess.Popen(arguments, **own)
            running.append(stack.enter_context(process))
            stack.callback(process.terminate)  # a kernel ends by itself when its parent is gone
        for process in running:
            left = None if limit is None else start + limit - time.perf_counter()
            try:
                _, errors = process.communicate(timeout=left)
            except subprocess.TimeoutExpired:
                return limit
            if process.returncode:
                raise RuntimeError(f"{LESSON.name} fails: {errors.strip().splitlines()[-1]}")
    return time.perf_counter() - start
