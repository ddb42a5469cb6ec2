"""What goes past one process and past memory: ``python -m benchmarks.scale PART …``.

photos      10,000 photographs of one megapixel, read by one process and by two
processes   training by one process with two threads, and by two that torchrun starts
million     a million codes on disk: faiss beside the exact search

Each prints a table, puts it into docs/scale.md and keeps its rows in benchmarks/scale.json;
``million`` also draws images/scale.png. Needs the real images; leave the machine alone meanwhile.
``--folder`` keeps what takes long to make, for the next call.
"""

import argparse
import json
import math
import multiprocessing
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from aetutor import data, disk_search, search, weights
from benchmarks.measure import OURS, Row, in_turns, machine, table, to_json
from benchmarks.search import recall

# matplotlib and scikit-learn are imported where they are used: the processes whose memory is
# measured import this file.

ROOT = Path(__file__).parents[1]
RESULTS, FIGURE = Path(__file__).parent / "scale.json", ROOT / "images" / "scale.png"
ALT = "For each way to search, the time of one query on a logarithmic axis, against recall at 8."
TEXT = ROOT / "docs" / "scale.md"  # has the tables, each where its part is
DISTINCT, SIDE = 100, 1000
EPOCHS = 2
MODEL, NEAREST, QUERIES = "cifar10-64", 8, 1000


def reading(folder, options):
    """Seconds to read photographs, by one process and by two."""
    count = options.photos
    paths = write_photos(folder / "photos", count)
    contenders = {
        "one process": lambda: read_as_a_notebook(paths, 1),
        "two processes": lambda: read_as_a_notebook(paths, 2),
    }
    seconds = in_turns(contenders, 3, warm_up=1)
    one, two = (statistics.median(values) for values in seconds.values())
    note = f"{one / two:.2f} times as fast"
    question = f"Reading {count:,} photographs of {SIDE * SIDE / 1e6:g} megapixel"
    return [
        Row(question, "one process", seconds["one process"], "s"),
        Row(question, "two processes", seconds["two processes"], "s", note),
    ]


def read_as_a_notebook(paths, processes):
    """Read photographs in a new Python, where no script is imported again by each process."""
    places, size = json.dumps([str(path) for path in paths]), 32
    lines = "import json, sys; from aetutor import photos; paths = json.load(sys.stdin); "
    lines += f"found = photos.read_all(paths, {size}, processes={processes}); "
    lines += f"assert {{image.shape for image in found}} == {{({size}, {size}, 3)}}"
    command = [sys.executable, "-c", lines]
    subprocess.run(command, input=places, text=True, stdout=subprocess.DEVNULL, check=True)


def write_photos(folder, count):
    """JPEGs of random parts of scikit-learn's two photographs, each under many names."""
    from sklearn.datasets import load_sample_images

    folder.mkdir(parents=True, exist_ok=True)
    random, views = np.random.default_rng(0), load_sample_images().images
    paths = [folder / f"{number:05}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        path.unlink(missing_ok=True)
        if number < DISTINCT:
            view = views[number % 2]
            top, left = random.integers(0, 200), random.integers(0, 400)
            part = Image.fromarray(view[top : top + 200, left : left + 200])
            part.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(path, quality=90)
        else:
            os.link(paths[number % DISTINCT], path)
    return paths


def processes(folder, options):
    """Images a second of one process with two threads and of two with one; their errors."""
    alone = [sys.executable, "-m", "aetutor"]
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    contenders = {
        "one process, two threads": (alone, 2),
        "two processes, a thread each": ([*run, "-m", "aetutor"], 1),
        "one process, one thread": (alone, 1),
    }
    curves = {
        name: trained(command, threads, folder / f"run-{number}")
        for number, (name, (command, threads)) in enumerate(contenders.items())
    }
    rows, rates, images = [], {}, len(data.load_cifar10(offline="error").train)
    for name, curve in curves.items():
        rates[name] = [images / seconds for seconds in curve["seconds"]]
        rows.append(Row("Training cifar10-64", name, rates[name], "images/s"))
    base, ours, single = rates
    ratio = max(rates[ours]) / max(rates[base])
    rows[1] = replace(rows[1], note=f"{ratio:.2f} of one process with two threads")
    for kind in ("train_error", "val_error"):
        question = f"Relative difference of {kind} from one process with one thread, by epoch"
        for name in (base, ours):
            pairs = zip(curves[name][kind], curves[single][kind], strict=True)
            apart = [100 * abs(one / other - 1) for one, other in pairs]
            rows.append(Row(question, name, apart, "%"))
    return rows


def trained(command, threads, folder):
    """The curves of a run on the command line."""
    settings = ["--epochs", str(EPOCHS), "--to", str(folder), "--runs", str(folder / "runs")]
    subprocess.run(
        [*command, "train", "mine", "--like", MODEL, *settings],
        env=os.environ | {"OMP_NUM_THREADS": str(threads)},
        check=True,
    )
    return weights.card(folder / "mine.safetensors").curves[0]


def variants(images):
    """CIFAR-10's images, mirrored, shifted and mixed: twenty of each, (B, 3, 32, 32) at a time."""
    shifts = [(down, right) for down in (-2, 0, 2) for right in (-2, 0, 2)]
    for down, right in shifts:
        for side in (images, images.flip(-1)):
            yield torch.roll(side, (down, right), (-2, -1))
    for step in (1, 2):
        yield (images + images.roll(step, 0)) / 2


def stream(model, splits, count):
    """The codes of so many variants, a thousand at a time."""
    with torch.inference_mode():
        for split in splits:
            for images, _ in split.batches(1000):
                for batch in variants(images):
                    if count <= 0:
                        return
                    yield model.encode(batch)[:count]
                    count -= len(batch)


def built(folder, kind, count):
    """Build an index in a process of its own; its seconds and its highest memory."""
    queue = multiprocessing.get_context("spawn").SimpleQueue()
    arguments = (str(folder), kind, count, queue)
    process = multiprocessing.get_context("spawn").Process(target=_build, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"building {kind} failed")
    return queue.get()


def _build(folder, kind, count, queue):
    start, model = time.perf_counter(), weights.trained(MODEL)
    to = Path(folder) / f"{kind}-{count}"
    codes = Path(folder) / "codes.f32"
    if kind == "codes":
        cifar10 = data.load_cifar10(offline="error")
        disk_search._write_codes(codes, stream(model, (cifar10.train, cifar10.val), count))
    else:
        disk_search.build(to, stored(codes, count), kind, model)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    queue.put((time.perf_counter() - start, memory))


def stored(path, count):
    """Codes that were written before, in blocks."""
    length = weights.card(MODEL).model["latent_dim"]
    for start in range(0, count, disk_search.BLOCK):
        some = min(disk_search.BLOCK, count - start) * length
        values = np.fromfile(path, np.float32, some, offset=4 * start * length)
        yield torch.from_numpy(values).view(-1, length)


def million(folder, options):
    """Build time, memory, bytes, recall at 8 and time of a query, of a million codes."""
    count, rows = options.codes, building(folder, "codes", options.codes)
    for kind, size in (("ivf-pq", count // 4), *((kind, count) for kind in disk_search.KINDS)):
        rows += building(folder, kind, size)
    rows.append(on_paper(rows, folder, count))
    model, images = weights.trained(MODEL), data.load_cifar10(offline="error").test[:QUERIES][0]
    with torch.inference_mode():
        queries = model.encode(images)
    codes = torch.cat(list(stored(folder / "codes.f32", count)))
    contenders, notes = {OURS: search.ImageIndex(codes)}, {OURS: in_memory(codes.nbytes)}
    for kind in disk_search.KINDS:
        place = folder / f"{kind}-{count}"
        contenders[f"faiss {kind}"] = disk_search.DiskIndex(place, model)
        notes[f"faiss {kind}"] = in_memory((place / disk_search.INDEX).stat().st_size)
    right = contenders[OURS].nearest(queries, NEAREST)[1]
    for name, index in contenders.items():
        share = recall(index.nearest(queries, NEAREST)[1], right)
        notes[name] = f"recall {share:.3f}, {notes[name]}"
    for asked, repeats in ((queries[:1], 20), (queries, 1)):
        turns = {name: lambda i=i, asked=asked: i.nearest(asked) for name, i in contenders.items()}
        for name, seconds in in_turns(turns, repeats, warm_up=1).items():
            values = [1000 * value for value in seconds]
            question = f"Search: {len(asked):,} at a time, among {count:,} codes"
            rows.append(Row(question, name, values, "ms", notes[name]))
    return rows


def in_memory(size):
    return f"{size / 1e6:,.0f} MB in memory"


def on_paper(rows, folder, count):
    """Ten times the codes: what grows as it did from a quarter of them to all."""
    quarter, whole = (row.median for row in rows if row.contender == "faiss ivf-pq")
    grown = whole * 10 ** math.log(whole / quarter, 4)
    sizes = [path.stat().st_size for path in (folder / f"ivf-pq-{count}").iterdir()]
    memory = (folder / f"ivf-pq-{count}" / disk_search.INDEX).stat().st_size
    note = f"{in_memory(10 * memory)}, {10 * sum(sizes) / 1e9:.1f} GB on disk"
    return Row(f"On paper: {10 * count:,} codes", "faiss ivf-pq", [grown], "s", note)


def building(folder, kind, count):
    """Rows of the time and memory that it takes to build an index."""
    seconds, memory = built(folder, kind, count)
    question, note = f"Building: {count:,} codes", f"{memory:.2f} GB at most"
    what = "encoding the images" if kind == "codes" else f"faiss {kind}"
    return [Row(question, what, [seconds], "s", note)]


def figure(rows):
    """Recall, time and bytes of each way to search, a point each."""
    import matplotlib.pyplot as plt

    chosen = [row for row in rows if row.question.startswith("Search: 1 ")]
    drawn, axis = plt.subplots(figsize=(7, 4), layout="constrained")
    for row, marker in zip(chosen, "osD^", strict=True):
        share, memory = row.note.split(", ")
        name = "ImageIndex, exact" if row.contender == OURS else row.contender
        label = f"{name}: {memory}"
        axis.plot(row.median, float(share.split()[1]), marker, markersize=10, label=label)
    axis.set(xscale="log", xlabel="milliseconds for one query", ylabel="recall at 8")
    axis.margins(0.15)
    tenth = chosen[0].median / 10
    axis.axvline(tenth, color="grey", linestyle=":")
    words, offset = "a tenth of the exact search's time", {"textcoords": "offset points"}
    axis.annotate(words, (tenth, axis.get_ylim()[0]), xytext=(4, 6), **offset)
    axis.legend(loc="center right")
    return drawn


def fill_in(part, rows):
    """Put a table into docs/scale.md, in the place of the one that is there."""
    place = re.compile(rf"(<!-- {part} -->\n).*?(<!-- end -->)", re.DOTALL)
    words = f"```text\n{table(rows)}\n```\n"
    if part == "million":
        words = f"![{ALT}](../images/{FIGURE.name})\n\n{words}"
    TEXT.write_text(place.sub(lambda m: m[1] + words + m[2], TEXT.read_text("utf-8")), "utf-8")


PARTS = {"photos": reading, "processes": processes, "million": million}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="+", choices=PARTS)
    parser.add_argument("--folder", help="what is made is kept here; else it is thrown away")
    parser.add_argument("--photos", type=int, default=10_000, help="default: 10,000")
    parser.add_argument("--codes", type=int, default=1_000_000, help="default: 1,000,000")
    options = parser.parse_args()
    print(", ".join(f"{name} {value}" for name, value in machine().items()))
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(options.folder or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for part in options.parts:
            rows = PARTS[part](folder, options)
            print(table(rows), flush=True)
            kept[part] = to_json(rows)
            fill_in(part, rows)
            RESULTS.write_text(json.dumps(kept, indent=1) + "\n")
            if part == "million":
                figure(rows).savefig(FIGURE, dpi=110)


if __name__ == "__main__":
    main()
