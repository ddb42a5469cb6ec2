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
        parts += [training.published_quality, lessons.lessons, load.load, memory.memory]
    rows = []
    for part in parts:
        found = part()
        rows += found
        print(table(found), flush=True)
    return rows


def figure(rows):
    """Bars: how many times as long as ours the others take, where there are others."""
    bars = [(row, ratio(row, rows)) for row in rows]
    bars = [(row, times) for row, times in bars if times and row.contender != OURS]
    names = [f"{row.question}\n{row.contender}" for row, _ in bars]
    figure, axis = plt.subplots(figsize=(9, 0.45 * len(bars) + 1), layout="constrained")
    drawn = axis.barh(names, [times - 1 for _, times in bars], left=1, color="#0173b2")
    axis.bar_label(drawn, [plain(times) for _, times in bars], padding=3)
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
