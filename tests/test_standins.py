from types import SimpleNamespace

import numpy as np
import pytest

from aetutor import standins


@pytest.mark.parametrize(
    ("make", "shape", "labels"),
    [(standins.digits, (28, 28), 10), (standins.patches, (32, 32, 3), 2)],
)
def test_standins_have_the_shape_and_type_of_the_real_images(make, shape, labels):
    arrays = make()
    for split in ("train", "test"):
        images, classes = arrays[f"{split}_images"], arrays[f"{split}_labels"]
        assert images.shape == (len(classes), *shape)
        assert images.dtype == classes.dtype == np.uint8
        assert set(classes) == set(range(labels))
        assert images.min() < 20
        assert images.max() > 230
        assert images.std(axis=(1, 2)).mean(axis=-1).min() > 5  # nothing flat


def ink(image):
    """The part of a digit's field that is not empty, wherever the digit was placed."""
    rows, columns = np.nonzero(image)
    return image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].tobytes()


def test_no_test_digit_is_among_the_training_digits():
    arrays = standins.digits()
    train = {ink(image) for image in arrays["train_images"]}
    assert len(train) == 1500  # each comes several times, placed differently
    assert not any(ink(image) in train for image in arrays["test_images"])


def test_no_training_patch_overlaps_a_test_patch(monkeypatch):
    """Of photographs whose red says in which column a pixel is."""
    column, rng = np.arange(640), np.random.default_rng(0)
    photograph = rng.integers(0, 256, (427, 640, 3), np.uint8)
    photograph[..., 0] = column // 4 + 50
    photographs = SimpleNamespace(images=[photograph, photograph])
    monkeypatch.setattr("sklearn.datasets.load_sample_images", lambda: photographs)
    monkeypatch.setattr(standins, "LEAST_CONTRAST", 0)
    arrays = standins.patches()
    train, test = (set(arrays[f"{split}_images"][..., 0].flat) for split in ("train", "test"))
    assert train
    assert test
    assert not train & test


def test_standins_are_the_same_every_time():
    for make in (standins.digits, standins.patches):
        first, second = make(), make()
        assert all(np.array_equal(first[name], second[name]) for name in first)
