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


def test_no_test_image_is_among_the_training_images():
    for make in (standins.digits, standins.patches):
        arrays = make()
        train = {image.tobytes() for image in arrays["train_images"]}
        assert not any(image.tobytes() in train for image in arrays["test_images"])


def test_standins_are_the_same_every_time():
    for make in (standins.digits, standins.patches):
        first, second = make(), make()
        assert all(np.array_equal(first[name], second[name]) for name in first)
