"""Every lesson: under nbval how long it takes, and how much memory; and how long its first cell."""

import json
import subprocess
import sys
import time
from pathlib import Path

import nbformat
from jupyter_client.manager import start_new_kernel

from benchmarks.measure import OURS, Row, table

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
# A process of its own for each lesson: of its kernel's memory the system tells the peak.
RUN = """
import json, pytest, resource, sys, time
start = time.perf_counter()
status = pytest.main(["-q", "-p", "no:cacheprovider", sys.argv[1]])
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(json.dumps([int(status), time.perf_counter() - start, peak]))
"""


def lessons():
    """Seconds and peak memory of each lesson."""
    rows = []
    for path in sorted(NOTEBOOKS.glob("[0-9]*.ipynb")):
        command = [sys.executable, "-c", RUN, str(path)]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        status, seconds, mebibytes = json.loads(printed.splitlines()[-1])
        if status:
            raise RuntimeError(f"{path.name} fails under nbval")
        rows.append(Row("Lessons under nbval", path.stem, [seconds], "s", f"{mebibytes:,.0f} MiB"))
    total = sum(row.median for row in rows)
    return [*rows, Row("Lessons under nbval", f"{OURS}, all together", [total], "s")]


def first_cells(repeats=2):
    """Seconds of each lesson's first cell, in a new kernel each time.

    One round before those that count brings the files from the disk.
    """
    rows = []
    for path in sorted(NOTEBOOKS.glob("[0-9]*.ipynb")):
        seconds = [_first_cell(path) for _ in range(1 + repeats)][1:]
        rows.append(Row("A lesson's first cell, warm disk", path.stem, seconds, "s"))
    return rows


def setup_cell(path):
    """What a lesson's first cell has: its imports and its images."""
    cells = nbformat.read(path, as_version=4).cells
    return next(cell.source for cell in cells if "\nfrom aetutor import" in cell.source)


def _first_cell(path):
    manager, client = start_new_kernel(startup_timeout=300, cwd=str(path.parent))
    try:
        start = time.perf_counter()
        reply = client.execute_interactive(setup_cell(path), output_hook=lambda message: None)
        seconds = time.perf_counter() - start
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    if reply["content"]["status"] != "ok":
        raise RuntimeError(f"{path.name} fails: {reply['content']['evalue']}")
    return seconds


if __name__ == "__main__":
    print(table(first_cells()))
