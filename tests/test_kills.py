"""Training killed at any moment, and twice at once, ends as if nothing had happened."""

import multiprocessing
import os
import sys
import time
from types import SimpleNamespace

import pytest
import torch

from aetutor import data, models, training
from aetutor.checkpoint import load_best

pytestmark = pytest.mark.slow

KILLS = 30
EPOCHS = 12
# A server that has imported what a run needs (torch imports _dynamo when an optimiser first steps),
# and used no threads, makes a process in no time.
PROCESSES = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
if sys.platform == "linux":
    PROCESSES.set_forkserver_preload(["aetutor.training", "pytest", "torch._dynamo"])


def small_digits():
    random = torch.Generator().manual_seed(0)
    images = torch.randint(256, (300, 1, 28, 28), dtype=torch.uint8, generator=random)
    split = data.Split(images, torch.zeros(300, dtype=torch.long), (0.0, 1.0))
    return SimpleNamespace(
        name="noise",
        train=split,
        val=split,
        image_shape=(1, 28, 28),
        value_range=(0.0, 1.0),
        fingerprint="300",
    )


def train(folder, to):
    """One run, whole or what is left of it; its weights and errors are written at its end."""
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - no progress bars
    torch.set_num_threads(1)
    model = models.LinearAutoencoder(4)
    settings = {"epochs": EPOCHS, "optimizer": "muon", "batch_size": 50, "checkpoint": folder}
    history = training.fit(model, small_digits(), **settings)
    torch.save((model.state_dict(), history.train_error, history.val_error), to)


def begun(folder, to):
    process = PROCESSES.Process(target=train, args=(folder, to), daemon=True)
    process.start()
    return process


def assert_same(to, unbroken):
    weights, *errors = torch.load(to)
    expected, *expected_errors = torch.load(unbroken)
    assert errors == expected_errors
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """The result of a run that nobody disturbs, and the seconds that it takes."""
    for name in ("first", "second"):  # the first one also starts the server
        folder, start = tmp_path_factory.mktemp(name), time.perf_counter()
        process = begun(folder / "run", folder / "result")
        process.join()
        assert process.exitcode == 0
    return folder / "result", time.perf_counter() - start


def test_killed_at_thirty_moments_it_goes_on_to_the_same_end(tmp_path, unbroken, rng):
    expected, seconds = unbroken
    kills = resumed = runs = 0
    while kills < KILLS:
        runs += 1
        assert runs <= 5 * KILLS, "the runs end before they can be killed"
        folder, to = tmp_path / f"run-{runs}", tmp_path / f"result-{runs}"
        finished = False
        while not finished:
            process = begun(folder, to)
            process.join(rng.uniform(0, seconds) if kills < KILLS else None)
            finished = process.exitcode is not None
            if finished:
                assert process.exitcode == 0
            else:
                process.kill()
                process.join()
                kills += 1
                resumed += (folder / "last.pt").exists()
        assert_same(to, expected)
    print(
        f"{kills} kills in {runs} runs, {resumed} after a first epoch; a run takes {seconds:.1f} s"
    )
    assert resumed


def test_two_processes_with_one_checkpoint_do_not_harm_each_other(tmp_path, unbroken):
    results = [tmp_path / "one", tmp_path / "other"]
    processes = [begun(tmp_path / "run", to) for to in results]
    for process, to in zip(processes, results, strict=True):
        process.join()
        assert process.exitcode == 0
        assert_same(to, unbroken[0])
    load_best(tmp_path / "run", models.LinearAutoencoder(4))
