"""Every lesson under nbval: how long it takes, and how much memory."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.measure import OURS, Row

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
