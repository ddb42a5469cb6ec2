"""Measure everything side by side: ``python -m benchmarks``, or with ``--full`` for an hour.

Prints a table, and writes it to benchmarks/results.json and as a figure to images/benchmarks.png.
Needs the real images. Leave the machine alone meanwhile; TQDM_DISABLE=1 leaves progress bars out.
"""

import argparse
import json
from pathlib import Path

import matplotlib.pyplot as plt

from benchmarks import lessons, load, loading, memory, search, slider, training
from benchmarks.measure import OURS, machine, plain, ratio, table, to_json

FOLDER = Path(__file__).parent
# The README's figure, one where we are behind included: how a question begins, who else answers
# it, and what the bar says.
SHOWN = (
    ("Slider, MNIST: from value to picture", "ten pyplot subplots", "A slider's picture"),
    ("Slider, MNIST: from value to picture", "one pyplot figure kept", "A slider's picture"),
    ("MNIST, convolutional", "DataLoader, ToTensor, Adam", "Training to the textbook's error"),
    ("Search: one query among 45,000", "cdist and sort", "One query among 45,000 codes"),
    ("Search: one query among 45,000", "faiss-cpu flat", "One query among 45,000 codes"),
    ("Search: 10,000 queries among 45,000", "faiss-cpu flat", "10,000 queries among 45,000"),
)


def measured(full):
    """All rows, printed as they come."""
    parts = [
        slider.on_digits,
        slider.on_photographs,
        lambda: search.searching(full),
        loading.loading,
        lambda: loading.imports(full),
        training.epochs,
        lambda: training.time_to_quality(full),
    ]
    if full:
        parts += [training.published_quality, lessons.first_cells, lessons.lessons]
        parts += [load.load, memory.memory]
    rows = []
    for part in parts:
        found = part()
        rows += found
        print(table(found), flush=True)
    return rows


def figure(rows):
    """Bars for the rows in ``SHOWN``: how many times as long as ours the others take."""
    bars = [
        (f"{title}\n{contender}", ratio(row, rows))
        for start, contender, title in SHOWN
        for row in rows
        if row.question.startswith(start) and row.contender == contender
    ]
    names, times = zip(*bars, strict=True)
    figure, axis = plt.subplots(figsize=(8, 0.6 * len(bars) + 1), layout="constrained")
    drawn = axis.barh(names, [time - 1 for time in times], left=1, color="#0173b2")
    axis.bar_label(drawn, [plain(time) for time in times], padding=3)
    axis.axvline(1, color="black")
    axis.invert_yaxis()
    axis.margins(x=0.15, y=0.01)
    axis.set(xscale="log", xlabel=f"times as long as {OURS}, in the same run")
    axis.xaxis.set_major_formatter("{x:g}")
    return figure


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="the long form, an hour or so")
    full = parser.parse_args().full
    print(", ".join(f"{name} {value}" for name, value in machine().items()))
    rows = measured(full)
    (FOLDER / "results.json").write_text(json.dumps(to_json(rows), indent=1) + "\n")
    figure(rows).savefig(FOLDER.parent / "images" / "benchmarks.png", dpi=110)


if __name__ == "__main__":
    main()
