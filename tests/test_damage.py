"""Random damage to files that may come from outside: refused in one sentence, or loaded right.

500 damaged files; ``AETUTOR_DAMAGED_FILES=10000`` for the slow form.
"""

import os
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from aetutor import models, sources, training, weights
from aetutor.checkpoint import Checkpoint
from aetutor.history import History
from aetutor.recipes import recipe

FILES = int(os.environ.get("AETUTOR_DAMAGED_FILES", 500)) // 3
GIGABYTE = 2**30


def truncate(content, rng):
    return content[: rng.integers(len(content))]


def flip(content, rng):
    damaged = bytearray(content)
    for place in rng.integers(0, 8 * len(content), rng.integers(1, 9)):
        damaged[place // 8] ^= 1 << place % 8
    return bytes(damaged)


def overwrite(content, rng, filling=None):
    start = rng.integers(len(content))
    length = min(int(rng.integers(1, 300)), len(content) - start)
    return content[:start] + (filling or rng.bytes(1)) * length + content[start + length :]


def claim_much(content, rng):
    """Where a size stands, a huge one: sizes stand near the beginning and the end."""
    near = min(200, len(content) - 8)
    start = (
        int(rng.integers(near))
        if rng.random() < 0.5
        else len(content) - 8 - int(rng.integers(near))
    )
    return content[:start] + b"\xff" * 8 + content[start + 8 :]


def cut_out(content, rng):
    start, end = sorted(rng.integers(0, len(content), 2))
    return content[:start] + content[end:]


def insert(content, rng):
    start = rng.integers(len(content))
    return content[:start] + rng.bytes(rng.integers(1, 300)) + content[start:]


def swap(content, rng):
    a, b, c = sorted(rng.integers(0, len(content), 3))
    return content[:a] + content[b:c] + content[a:b] + content[c:]


def append(content, rng):
    return content + rng.bytes(rng.integers(1, 300))


DAMAGES = (truncate, flip, overwrite, claim_much, cut_out, insert, swap, append)


@pytest.fixture(scope="module")
def weights_file(tmp_path_factory, digits):
    path = tmp_path_factory.mktemp("damage") / "some.safetensors"
    model = models.ConvAutoencoder(2)
    history = training.fit(model, digits, epochs=1)
    fields = dict.fromkeys(weights.Card.__dataclass_fields__, "x")
    card = weights.Card(**fields | {"model": model.config, "curves": [history.curves()]})
    weights.save(path, model, card, history)

    def load():
        return list(weights.load(path).state_dict().values())

    return path, load


@pytest.fixture(scope="module")
def npz_file(tmp_path_factory):
    path, rng = tmp_path_factory.mktemp("damage") / "some.npz", np.random.default_rng(1)
    sources.write_npz(path, {
        f"{split}_{kind}": rng.integers(0, 10, (3, 28, 28) if kind == "images" else 3, np.uint8)
        for split in ("train", "test") for kind in ("images", "labels")
    })  # fmt: skip

    def load():
        arrays = sources.read_npz(path, (28, 28))
        return [torch.from_numpy(arrays[name]) for name in sources.ARRAYS]

    return path, load


@pytest.fixture(scope="module")
def checkpoint_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("damage")
    model, history = models.ConvAutoencoder(2), History()
    stepper = recipe("adam").prepare(model, 1e-3, 10)
    history.train_error.append(0.1)
    history.val_error.append(0.1)
    saver = Checkpoint(folder, {"model": model.config})
    saver.save(model, stepper, history)

    def load():
        other = models.ConvAutoencoder(2, seed=1)
        saver.restore(other, recipe("adam").prepare(other, 1e-3, 10), History())
        return list(other.state_dict().values())

    return folder / "last.pt", load


@contextmanager
def one_more_gigabyte():
    """The process may take a gigabyte more than it has."""
    resource = pytest.importorskip("resource", reason="needs a Unix system")
    statm = Path("/proc/self/statm")
    if not statm.exists():
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    now = int(statm.read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + GIGABYTE, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.parametrize("kind", ["weights_file", "npz_file", "checkpoint_file"])
def test_a_damaged_file_is_refused_in_a_sentence_or_right(kind, request):
    path, load = request.getfixturevalue(kind)
    content, right = path.read_bytes(), load()
    rng, refused = np.random.default_rng(0), 0
    try:
        with one_more_gigabyte():
            for number in range(FILES):
                path.write_bytes(DAMAGES[number % len(DAMAGES)](content, rng))
                try:
                    found = load()
                except ValueError as error:
                    refused += 1
                    assert path.name in str(error)
                    assert "\n" not in str(error)
                    assert "allocate" not in str(error)
                else:
                    assert all(map(torch.equal, found, right)), DAMAGES[number % len(DAMAGES)]
    finally:
        path.write_bytes(content)
    assert refused > 0.8 * FILES
