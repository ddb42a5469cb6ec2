"""Several processes learn what one learns; one writes; what dies goes on."""

import os
import re
import socket
import subprocess
import sys
from datetime import timedelta

import numpy as np
import pytest
import torch

from aetutor import data, models, muon, sources, together, training, weights

EPOCHS = 4
SETTINGS = ("--latent-dim", "6", "--epochs", str(EPOCHS), "--batch-size", "50")
# Its second process dies once, in the second epoch.
DIES = """
import os, signal, sys
from aetutor import __main__, training

life, rank = os.environ["TORCHELASTIC_RESTART_COUNT"], os.environ["RANK"]
write = training._Records.write

def watched(records, model, stepper, val, history):
    sys.stderr.write(f"life {life} epoch {len(history)}\\n")  # at once: two of them write
    if (life, rank, len(history)) == ("0", "1", 2):
        os.kill(os.getpid(), signal.SIGKILL)
    write(records, model, stepper, val, history)

training._Records.write = watched
__main__.main()
"""


def pretend(monkeypatch, rank, count):
    monkeypatch.setattr(together, "_rank", lambda: rank)
    monkeypatch.setattr(together, "count", lambda: count)


@pytest.mark.parametrize(("count", "images"), [(1, 5), (2, 5), (3, 9), (4, 2)])
def test_the_shares_of_a_batch_add_up_to_its_mean(monkeypatch, count, images):
    batch = torch.arange(float(images))
    means = []
    for rank in range(count):
        pretend(monkeypatch, rank, count)
        own, weight = together.share(batch)
        assert len(own)
        means.append(weight * own.mean().item())
    assert sum(means) / count == pytest.approx(batch.mean().item())


@pytest.mark.parametrize(("count", "images"), [(1, 7), (3, 10), (4, 2)])
def test_the_parts_of_a_split_add_up_to_its_error(monkeypatch, digits, count, images):
    split, errors, sizes = digits.val.subset(0, images), 0, 0
    for rank in range(count):
        pretend(monkeypatch, rank, count)
        part = together.part(split)
        errors += part.images.double().mean().item() * len(part)
        sizes += len(part)
    assert errors / sizes == pytest.approx(split.images.double().mean().item())


def test_alone_nothing_is_shared(digits):
    model = models.LinearAutoencoder(3)
    images = digits.val[:4][0]
    own, weight = together.share(images)
    assert torch.equal(own, images)
    assert weight == 1
    assert together.loss_of(model) == model.loss
    assert together.part(digits.val).images.data_ptr() == digits.val.images.data_ptr()
    assert together.mean(1, torch.tensor(2)) == [1.0, 2.0]
    assert (together.count(), together.is_first()) == (1, True)
    with together.joined():
        assert together.count() == 1


def test_more_processes_than_images_in_a_batch_are_refused(digits, monkeypatch):
    pretend(monkeypatch, 0, 8)
    with pytest.raises(ValueError, match=r"8 processes need batches of at least as many.* got 7"):
        training.fit(models.LinearAutoencoder(3), digits, batch_size=7)


def test_batch_normalisation_is_not_shared(digits, monkeypatch):
    pretend(monkeypatch, 0, 2)
    with pytest.raises(ValueError, match="batch normalisation can be trained by one process only"):
        training.fit(models.ConvAutoencoder(3, batch_norm=True), digits)


def test_a_process_that_never_comes_is_not_waited_for(monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    there = {"RANK": 0, "LOCAL_RANK": 0, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1"}
    for name, value in (there | {"MASTER_PORT": port, "TORCHELASTIC_RUN_ID": "test"}).items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr(together, "PATIENCE", timedelta(seconds=1))
    reason = "the 2 processes did not find each other within 1 seconds"
    with pytest.raises(TimeoutError, match=reason), together.joined():
        pass


def torchrun(folder, *arguments, processes=2, restarts=0):
    """Run what torchrun runs, in a folder; return its exit code and what it said."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += [f"--nproc-per-node={processes}", f"--max-restarts={restarts}", *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return ended.returncode, ended.stdout + ended.stderr


def curves(folder):
    (found,) = weights.card(folder / "mine.safetensors").curves
    return found


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What one process of one thread makes of a few digits; ``like`` names the recipe."""
    random, folder = np.random.default_rng(0), tmp_path_factory.mktemp("images")
    arrays = {}
    for split, count in (("train", 345), ("test", 20)):
        ramps = np.linspace(0, 255, 28) * random.random((count, 28, 1))
        arrays[f"{split}_images"] = ramps.astype(np.uint8)
        arrays[f"{split}_labels"] = np.zeros(count, np.uint8)
    sources.write_npz(folder / "mnist.npz", arrays)
    before = os.environ.get("AETUTOR_DATA")
    os.environ["AETUTOR_DATA"] = str(folder)
    digits = data.load_mnist(offline="error")
    yield lambda like: _alone(like, digits)
    os.environ.pop("AETUTOR_DATA")
    if before is not None:
        os.environ["AETUTOR_DATA"] = before


def _alone(like, digits):
    """One process. With Muon, which enlarges rounding errors, it adds up halves of batches, too."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    entry = training.zoo.entry(like)
    model = models.build(entry.config(0) | {"latent_dim": 6})
    if entry.optimizer == "muon":
        whole = model.loss
        model.loss = lambda images: sum(
            whole(half) * len(half) / len(images) for half in images.tensor_split(2)
        )
    history = training.fit(model, digits, epochs=EPOCHS, **entry.recipe | {"batch_size": 50})
    torch.set_num_threads(threads)
    return history


def assert_same(found, expected):
    assert len(found["train_error"]) == EPOCHS
    assert found["train_error"] == pytest.approx(expected.train_error, rel=1e-5)
    assert found["val_error"] == pytest.approx(expected.val_error, rel=1e-5)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="torchrun is tried on Linux")
@pytest.mark.parametrize("like", ["mnist-linear-10", "mnist-conv-64-textbook"])
def test_two_processes_have_the_errors_of_one(tmp_path, alone, like):
    """The last of seven batches has 10 images more than nothing: 310 are trained on."""
    command = ("-m", "aetutor", "train", "mine", "--like", like, *SETTINGS, "--seeds", "0")
    code, said = torchrun(tmp_path, *command)
    assert code == 0, said
    assert_same(curves(tmp_path), alone(like))
    assert said.count("test images:") == 1  # one of them speaks
    assert len(list((tmp_path / "runs" / "mine-seed0" / "tensorboard").iterdir())) == 1


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="torchrun is tried on Linux")
def test_one_killed_the_run_goes_on_from_its_last_epoch(tmp_path, alone):
    like = "mnist-linear-10"
    (tmp_path / "dies.py").write_text(DIES)
    command = ("dies.py", "train", "mine", "--like", like, *SETTINGS, "--seeds", "0")
    code, said = torchrun(tmp_path, *command, restarts=1)
    assert code == 0, said
    assert_same(curves(tmp_path), alone(like))
    lives = set(re.findall(r"life (\d) epoch (\d)", said))
    assert {("0", "1"), ("0", "2"), ("1", "3"), ("1", "4")} <= lives
    assert ("1", "1") not in lives  # it went on


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="torchrun is tried on Linux")
def test_a_checkpoint_of_another_run_is_refused_and_kept(tmp_path, alone):
    from aetutor.checkpoint import Checkpoint

    folder = tmp_path / "runs" / "mine-seed0" / "checkpoint"
    history = alone("mnist-linear-10")
    stepper = training.recipe("adam").prepare(models.LinearAutoencoder(6), 1e-3, 1)
    Checkpoint(folder, {"model": "another"}).save(models.LinearAutoencoder(6), stepper, history)
    kept = (folder / "last.pt").read_bytes()
    code, said = torchrun(
        tmp_path, "-m", "aetutor", "train", "mine", "--like", "mnist-linear-10", *SETTINGS
    )
    assert code != 0
    assert "belongs to another run: model is 'another' there" in said
    assert (folder / "last.pt").read_bytes() == kept


def test_the_work_of_muon_is_done_once_each():
    """``each`` gets all weights' directions, and its results are the updates."""
    random = torch.Generator().manual_seed(0)
    shapes = ((6, 4), (3, 8), (5, 2, 3, 3))
    steps = []
    for each in (map, lambda function, matrices: [function(matrix) for matrix in matrices]):
        chosen = [torch.nn.Parameter(torch.ones(shape)) for shape in shapes]
        optimizer = muon.Muon(chosen, each=each)
        for weight in chosen:
            weight.grad = torch.rand(weight.shape, generator=random.manual_seed(weight.ndim))
        optimizer.step()
        steps.append(chosen)
    for one, other in zip(*steps, strict=True):
        assert torch.equal(one, other)
        assert not torch.equal(one, torch.ones_like(one))
