"""Measuring side by side: contenders in turns, and what to say of their times."""

import platform
import statistics
import time
from dataclasses import asdict, dataclass

import torch

OURS = "aetutor"


@dataclass(frozen=True)
class Row:
    """What one contender took.

    Attributes
    ----------
    question : str
        What is measured; rows of one question are compared.
    contender : str
        ``OURS`` or a name that says what is done.
    values : list of float
        One of each repetition.
    unit : str
    note : str
    """

    question: str
    contender: str
    values: list
    unit: str
    note: str = ""

    @property
    def median(self):
        return statistics.median(self.values)


def in_turns(contenders, repeats, *, warm_up=1, clock=time.perf_counter):
    """Call contenders in turns, so that a busy minute hits all of them.

    Parameters
    ----------
    contenders : dict of str to callable
        Called without arguments.
    repeats, warm_up : int
        Rounds that count, and rounds before them that do not.

    Returns
    -------
    dict of str to list of float
        Seconds of each call that counts.
    """
    seconds = {name: [] for name in contenders}
    for number in range(warm_up + repeats):
        for name, contender in contenders.items():
            start = clock()
            contender()
            if number >= warm_up:
                seconds[name].append(clock() - start)
    return seconds


def late(values):
    """The 95th percentile: of twenty values, the second largest."""
    return sorted(values)[max(0, -(-95 * len(values) // 100) - 1)]


def ratio(row, rows):
    """How many times as much a row's median is as that of ours, for the same question."""
    ours = [r for r in rows if (r.question, r.contender) == (row.question, OURS)]
    return row.median / ours[0].median if ours else None


def table(rows):
    """Rows as lines of text, question by question."""
    lines = []
    for question in dict.fromkeys(row.question for row in rows):
        lines.append(question)
        for row in (row for row in rows if row.question == question):
            spread = f"({plain(min(row.values))} to {plain(max(row.values))})"
            times = ratio(row, rows)
            beside = "" if times is None or row.contender == OURS else f"x {plain(times)}"
            line = f"  {row.contender:<34}{plain(row.median):>9} {row.unit:<9}{spread:<24}{beside}"
            lines.append(f"{line.rstrip():<78} {row.note}".rstrip())
    return "\n".join(lines)


def plain(value):
    """Three digits that count, never as a power of ten."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def machine():
    """What the times depend on."""
    return {
        "processor": platform.processor() or platform.machine(),
        "system": platform.system(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def to_json(rows):
    """Rows and machine as plain dictionaries."""
    return {"machine": machine(), "rows": [asdict(row) | {"median": row.median} for row in rows]}
