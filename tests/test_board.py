import io
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from aetutor import board, models, training


@pytest.fixture(scope="module")
def logged(patches, tmp_path_factory):
    """A folder with a training run and a set of codes, and the run's history."""
    folder = tmp_path_factory.mktemp("tensorboard")
    model = models.ColorConvAutoencoder(4, base_channels=4)
    history = training.fit(model, patches, epochs=2, log_dir=folder / "run", picture_epochs=[2])
    images, labels = patches.test[:10]
    names = [patches.class_names[label] for label in labels]
    latents = torch.arange(40.0).reshape(10, 4)
    board.projector(folder / "codes", latents, images, names, value_range=patches.value_range)
    return folder, history


@contextmanager
def server(folder):
    """TensorBoard on a folder; gives a function that fetches what a plugin serves."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tensorboard.main", "--logdir", folder, "--port", "0",
         "--load_fast=false"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        address = next(line for line in process.stderr if "http://" in line)
        address = address[address.index("http://") :].split()[0].replace("localhost", "127.0.0.1")

        def get(path, **query):
            url = f"{address}data/plugin/{path}?{urllib.parse.urlencode(query)}"
            with urllib.request.urlopen(url, timeout=20) as answer:
                return answer.read()

        yield get
    finally:
        process.terminate()
        process.wait()


def until(condition):
    """Wait for TensorBoard, which reads its folder in the background."""
    for _ in range(100):
        if condition():
            return True
        time.sleep(0.2)
    return False


def test_tensorboard_reads_what_was_logged(logged):
    folder, history = logged
    events = EventAccumulator(str(folder / "run")).Reload()
    for tag, expected in (
        ("error/train", history.train_error),
        ("error/validation", history.val_error),
        ("learning rate", history.learning_rate),
    ):
        scalars = events.Scalars(tag)
        assert [scalar.step for scalar in scalars] == [1, 2]
        assert [scalar.value for scalar in scalars] == pytest.approx(expected)
    (picture,) = events.Images("originals above reconstructions")
    assert picture.step == 2
    shown = np.asarray(Image.open(io.BytesIO(picture.encoded_image_string)))
    pairs = torch.cat([history.images, history.pictures[2]], dim=2)  # (8, 3, 64, 32)
    assert np.array_equal(shown, torch.cat(list(pairs), dim=2).permute(1, 2, 0))
    assert events.Tags()["graph"]


def test_the_terms_of_a_loss_are_logged_by_name(digits, tmp_path):
    class Two(models.LinearAutoencoder):
        def loss(self, images):
            error = super().loss(images)
            return {"loss": 2 * error, "once": error, "again": error}

    history = training.fit(Two(2), digits, epochs=2, log_dir=tmp_path)
    events = EventAccumulator(str(tmp_path)).Reload()
    for name in ("once", "again"):
        scalars = events.Scalars(f"loss/{name}")
        assert [scalar.value for scalar in scalars] == pytest.approx(history.terms[name])
    assert "loss/loss" not in events.Tags()["scalars"]


def test_the_projectors_files_hold_codes_names_and_thumbnails(logged, patches):
    codes = logged[0] / "codes" / "00000" / "default"
    assert torch.equal(
        torch.from_numpy(np.loadtxt(codes / "tensors.tsv")), torch.arange(40.0).reshape(10, 4)
    )
    labels = patches.test.labels[:10]
    names = (codes / "metadata.tsv").read_text().split()
    assert names == [patches.class_names[label] for label in labels]
    sprite = np.asarray(Image.open(codes / "sprite.png"))
    assert sprite.shape == (128, 128, 3)  # 4 x 4 places for 10 images
    original = patches.test.images[6].permute(1, 2, 0).numpy().astype(int)
    assert np.abs(sprite[32:64, 64:96].astype(int) - original).max() <= 1


def test_grey_thumbnails_are_shown_and_an_earlier_set_is_replaced(digits, tmp_path, capsys):
    images, labels = digits.test[:9]
    for count in (9, 4):
        few = images[:count], labels[:count].tolist()
        board.projector(tmp_path, torch.rand(count, 2), *few, value_range=(0.0, 1.0))
    codes = tmp_path / "00000" / "default"
    assert len((codes / "tensors.tsv").read_text().splitlines()) == 4
    assert Image.open(codes / "sprite.png").size == (56, 56)
    assert capsys.readouterr() == ("", "")


def test_as_many_images_and_names_as_codes_are_needed(digits, tmp_path):
    images, labels = digits.test[:9]
    with pytest.raises(ValueError, match="8 codes need as many images and names, got 9 and 9"):
        board.projector(tmp_path, torch.rand(8, 2), images, labels, value_range=(0.0, 1.0))


def test_tensorboards_server_shows_what_was_written(logged):
    with server(logged[0]) as get:
        assert until(lambda: b"error/validation" in get("scalars/tags"))
        assert until(lambda: b"originals above reconstructions" in get("images/tags"))
        assert until(lambda: b"codes" in get("projector/runs"))
        assert b"sprite.png" in get("projector/info", run="codes")
        tensor = np.frombuffer(
            get("projector/tensor", run="codes", name="default:00000"), np.float32
        )
        assert tensor.tolist() == list(range(40))
