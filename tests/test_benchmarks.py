"""The benchmarks' arithmetic, and that contenders do the same work. No test asserts a time."""

import io
import json
import os
import sys

import nbformat
import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import datasets

from aetutor import explore, latent, models, training
from benchmarks import __main__ as command
from benchmarks import lessons, load, loading, measure, scale, search, slider
from benchmarks import training as training_benchmark
from benchmarks.measure import OURS, Row


class Clock:
    """Moves only when a contender works."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def work(self, name, log, *seconds):
        seconds = iter(seconds)

        def call():
            log.append(name)
            self.now += next(seconds)

        return call


def test_contenders_take_turns_and_warm_up():
    clock, log = Clock(), []
    contenders = {
        "slow": clock.work("slow", log, 100, 4, 6),
        "fast": clock.work("fast", log, 50, 1, 3),
    }
    seconds = measure.in_turns(contenders, 2, clock=clock)
    assert log == ["slow", "fast"] * 3
    assert seconds == {"slow": [4, 6], "fast": [1, 3]}


def test_ratios_are_of_medians_to_ours_of_the_same_question():
    rows = [
        Row("a", "theirs", [1.0, 30.0, 2.0], "s"),
        Row("a", OURS, [0.1, 0.5, 9.0], "s"),
        Row("b", "alone", [3.0, 5.0], "s", "by itself"),
    ]
    assert [row.median for row in rows] == [2.0, 0.5, 4.0]
    assert [measure.ratio(row, rows) for row in rows] == [4.0, 1.0, None]
    lines = measure.table(rows).splitlines()
    assert lines[0] == "a"
    assert lines[1].split() == ["theirs", "2", "s", "(1", "to", "30)", "x", "4"]
    assert lines[2].split() == [OURS, "0.5", "s", "(0.1", "to", "9)"]
    assert lines[4].split() == ["alone", "4", "s", "(3", "to", "5)", "by", "itself"]


def test_the_95th_percentile_leaves_one_in_twenty_above():
    assert measure.late(list(range(1, 21))) == 19
    assert measure.late(list(range(1, 101))) == 95
    assert measure.late([7.0]) == 7.0


def test_results_are_plain_json():
    rows = [Row("a", OURS, [0.5, 1.5], "s", "note")]
    found = json.loads(json.dumps(measure.to_json(rows)))
    assert found["rows"] == [
        {"question": "a", "contender": OURS, "values": [0.5, 1.5], "unit": "s", "note": "note",
         "median": 1.0}
    ]  # fmt: skip
    assert found["machine"]["torch"] == torch.__version__


def test_the_figure_has_a_bar_for_each_rival_that_is_shown():
    start, contender, title = command.SHOWN[0]
    rows = [
        Row(f"{start} of today", contender, [4.0], "s"),
        Row(f"{start} of today", "somebody else", [5.0], "s"),
        Row(f"{start} of today", OURS, [2.0], "s"),
        Row("b", "alone", [1.0], "s"),
    ]
    axis = command.figure(rows).axes[0]
    assert [(bar.get_x(), bar.get_width()) for bar in axis.patches] == [(1, 1.0)]  # from 1 to 2
    assert [label.get_text() for label in axis.get_yticklabels()] == [f"{title}\n{contender}"]


@pytest.mark.skipif(sys.platform == "darwin", reason="torch's OpenMP and faiss's end each other")
def test_all_ways_to_search_find_the_same():
    pytest.importorskip("faiss")
    latents, queries = search.random_codes(300, 0), search.random_codes(7, 1)
    right = search.exact(queries, latents)
    found = {name: find(queries) for name, find in search.finders(latents).items()}
    assert len(found) == 4
    for name, indices in found.items():
        assert torch.equal(indices, right), name
        assert search.recall(indices, right) == 1.0
    assert search.recall(right.flip(1), right) == 1.0
    assert search.recall(right + 1000, right) == 0.0
    half = torch.cat([right[:, :4], right[:, 4:] + 1000], dim=1)
    assert search.recall(half, right) == 0.5


def test_all_ways_to_draw_follow_the_slider(digits):
    model = models.ConvAutoencoder(8).eval()
    with torch.no_grad():
        path = latent.interpolate(*model.encode(digits.test[:2][0]), 101)
    morph = explore.interpolation(model, digits.test)
    for draw, size in (
        (slider.ten_subplots(model, path), (1000, 120)),
        (slider.one_figure_kept(model, path), (224, 224)),
        (slider.explorer(morph), (28, 28)),
    ):
        first, last = draw(0.0), draw(1.0)
        assert Image.open(io.BytesIO(first)).size == size
        assert first != last
        assert draw(0.0) == first
    turns = slider.moving(lambda position: position, [1, 2])
    assert [turns(), turns(), turns()] == [1, 2, 1]


def test_torchvision_reads_the_files_that_are_written_for_it(tmp_path, digits, patches):
    for ours, write, theirs in (
        (digits, loading.write_mnist, datasets.MNIST),
        (patches, loading.write_cifar10, loading.FreshCIFAR10),
    ):
        arrays = loading.arrays_of(ours)
        write(tmp_path, arrays)
        for train in (True, False):
            split = "train" if train else "test"
            read = theirs(tmp_path, train=train)
            assert np.array_equal(np.asarray(read.data), arrays[f"{split}_images"])
            assert list(map(int, read.targets)) == arrays[f"{split}_labels"].tolist()


def test_the_usual_loop_learns_what_fit_learns(digits):
    usual = training_benchmark.Usual(digits)
    model = models.LinearAutoencoder(10, seed=0)
    assert usual.error(model) == pytest.approx(training.evaluate(model, digits.val), rel=1e-4)
    before = usual.error(model)
    error = usual.run(model, 3)
    theirs = training.fit(models.LinearAutoencoder(10, seed=0), digits, epochs=3).val_error[-1]
    assert error < before
    assert error == pytest.approx(theirs, rel=0.1)


def test_operations_are_those_of_a_step():
    model = models.LinearAutoencoder(10, hidden_sizes=())
    weights = 2 * 784 * 10
    # a product forward, and backward two: for the weights, and for the input of all but the first
    assert training_benchmark.operations(model) == 2 * (3 * weights - 784 * 10)


def python(code):
    return sys.executable, "-c", code


def test_copies_run_at_once_in_an_environment_of_their_setting(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")  # not what a setting says
    # Each waits for the other: one after the other they would never end.
    code = f"""
import os, pathlib, time
folder = pathlib.Path({str(tmp_path)!r})
(folder / str(os.getpid())).write_text(os.environ.get("OMP_NUM_THREADS", "none"))
while len(list(folder.iterdir())) < 2: time.sleep(0.01)
"""
    assert load.together(2, {"OMP_NUM_THREADS": "1"}, command=python(code)) > 0
    assert [path.read_text() for path in tmp_path.iterdir()] == ["1", "1"]
    for path in tmp_path.iterdir():
        path.unlink()
    load.together(2, {}, command=python(code))
    assert [path.read_text() for path in tmp_path.iterdir()] == ["none", "none"]


def test_a_copy_that_fails_is_not_counted():
    with pytest.raises(RuntimeError, match=r"fails: ValueError: no images"):
        load.together(2, {}, command=python("raise ValueError('no images')"))


@pytest.mark.slow
def test_copies_that_take_too_long_are_stopped(tmp_path):
    code = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
    assert load.together(1, {}, limit=5, command=python(code + "time.sleep(600)")) == 5
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_copies_are_compared_with_as_many_times_one_by_default(monkeypatch):
    taken = {"default": 10, OURS: 11, f"{OURS}, one thread each": 12}

    def together(copies, settings, *, limit=None):
        name = next(name for name, own in load.SETTINGS.items() if own == settings)
        return min(copies * taken[name] * (9 if name == "default" else 1), limit or 10)

    monkeypatch.setattr(load, "together", together)
    rows = {(row.question, row.contender): row for row in load.load()}
    four = "Lesson 5, 4 copies at once"
    assert rows[four, OURS].note == "1.10 of 4 times one by default"
    assert rows[four, "default"].note == "4.00 of 4 times one by default, and then stopped"
    assert len(rows) == 12


def test_each_image_has_twenty_variants(patches):
    images = patches.train[:6][0]
    made = list(scale.variants(images))
    assert len(made) == 20
    assert len({tuple(one.flatten().tolist()) for one in made}) == 20
    assert all(one.shape == images.shape for one in made)
    model = models.ColorConvAutoencoder(3, base_channels=4)
    codes = torch.cat(list(scale.stream(model, (patches.train, patches.val), 1000)))
    assert codes.shape == (1000, 3)


def test_ten_times_the_codes_are_counted_from_measured_growth(tmp_path):
    folder = tmp_path / "ivf-pq-400"
    folder.mkdir()
    (folder / "index.faiss").write_bytes(bytes(2_000_000))
    (folder / "codes.f32").write_bytes(bytes(8_000_000))
    rows = [Row("100", "faiss ivf-pq", [1.0], "s"), Row("400", "faiss ivf-pq", [8.0], "s")]
    counted = scale.on_paper(rows, tmp_path, 400)
    assert counted.values == [pytest.approx(8 * 10**1.5)]  # as it grew from 100 to 400
    assert counted.note == "20 MB in memory, 0.1 GB on disk"


def test_a_table_takes_the_place_of_the_one_before(tmp_path, monkeypatch):
    text = tmp_path / "scale.md"
    monkeypatch.setattr(scale, "TEXT", text)
    text.write_text("A\n<!-- photos -->\nold\n<!-- end -->\nB\n<!-- million -->\n<!-- end -->\nC\n")
    scale.fill_in("photos", [Row("a", "alone", [2.0], "s")])
    scale.fill_in("photos", [Row("b", "alone", [3.0], "s")])
    said = text.read_text()
    assert "old" not in said
    assert "\na\n" not in said
    assert said.count("alone") == 1
    assert said.endswith("B\n<!-- million -->\n<!-- end -->\nC\n")


@pytest.mark.parametrize(("line", "fails"), [("", False), ("raise ValueError('no disk')", True)])
def test_a_lessons_first_cell_is_run_in_a_new_kernel(tmp_path, monkeypatch, line, fails):
    cell = f"import builtins\nfrom aetutor import zoo\nassert not hasattr(builtins, 'seen')\n{line}"
    sources = ["# no lesson without a title", f"{cell}\nbuiltins.seen = True", "raise SystemExit"]
    notebook = nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, sources)])
    nbformat.write(notebook, tmp_path / "01_short.ipynb")
    monkeypatch.setattr(lessons, "NOTEBOOKS", tmp_path)
    if fails:
        with pytest.raises(RuntimeError, match=r"01_short\.ipynb fails: no disk"):
            lessons.first_cells(repeats=1)
    else:
        (row,) = lessons.first_cells(repeats=1)
        assert (row.contender, row.unit) == ("01_short", "s")
        assert len(row.values) == 1
