"""Stand-ins for MNIST and CIFAR-10 when there is no network: images that scikit-learn has.

They have the shapes and the pixel types of the originals, so that every lesson runs; they
are fewer and simpler, so the lessons' numbers differ.
"""

import numpy as np
from PIL import Image

DIGITS_TEST = 297  # of the 1,797 digits; the other 1,500 are for training
# Standard deviation of a patch's bytes in a channel, below which there is nothing to see.
LEAST_CONTRAST = 15
COPIES = 6  # shifted copies of each training digit, so that there is enough to train on


def digits():
    """Return scikit-learn's 8x8 handwritten digits, enlarged to 28x28 as MNIST lays them out.

    A digit is enlarged to 20x20 and placed in a 28x28 field, up to two pixels off the centre;
    each training digit comes several times, each time placed differently.

    Returns
    -------
    dict of str to numpy.ndarray
        ``train_images`` (9000, 28, 28) and ``test_images`` (297, 28, 28), uint8, with
        ``train_labels`` and ``test_labels``, uint8, 0 to 9.
    """
    from sklearn.datasets import load_digits  # here: nobody with the real images has to wait for it

    small = load_digits()
    images = np.stack([_enlarged(image) for image in small.images])
    labels = small.target.astype(np.uint8)
    rng = np.random.default_rng(0)
    return {
        "train_images": _shifted(np.repeat(images[DIGITS_TEST:], COPIES, axis=0), rng),
        "train_labels": np.repeat(labels[DIGITS_TEST:], COPIES),
        "test_images": _shifted(images[:DIGITS_TEST], rng),
        "test_labels": labels[:DIGITS_TEST],
    }


def patches():
    """Return 32x32 patches of scikit-learn's two photographs, a temple and a flower.

    A band in the middle of each photograph is kept for testing: no training patch overlaps it.
    Bare sky and bare background are left out.

    Returns
    -------
    dict of str to numpy.ndarray
        ``train_images`` (N, 32, 32, 3) and ``test_images`` (M, 32, 32, 3), uint8, with
        ``train_labels`` and ``test_labels``, uint8: 0 temple, 1 flower.
    """
    from sklearn.datasets import load_sample_images

    parts = {"train_images": [], "train_labels": [], "test_images": [], "test_labels": []}
    for label, photograph in enumerate(load_sample_images().images):
        # Half size first: 32 pixels then hold a roof or a petal, not a bare surface.
        half = photograph[: photograph.shape[0] // 2 * 2, : photograph.shape[1] // 2 * 2]
        half = half.reshape(half.shape[0] // 2, 2, half.shape[1] // 2, 2, 3).mean(axis=(1, 3))
        left, right = half.shape[1] * 9 // 20, half.shape[1] * 13 // 20
        fields = (
            ("train", half[:, :left]),
            ("train", half[:, right:]),
            ("test", half[:, left:right]),
        )
        for split, field in fields:
            images = _windows(field.round().astype(np.uint8), step=3)
            images = images[images.std(axis=(1, 2)).mean(axis=1) > LEAST_CONTRAST]
            parts[f"{split}_images"].append(images)
            parts[f"{split}_labels"].append(np.full(len(images), label, np.uint8))
    return {name: np.concatenate(arrays) for name, arrays in parts.items()}


def _enlarged(image):
    """(8, 8) values from 0 to 16 as (20, 20) bytes."""
    pixels = Image.fromarray((image * (255 / 16)).astype(np.uint8))
    return np.asarray(pixels.resize((20, 20), Image.Resampling.BICUBIC))


def _shifted(images, rng):
    """(N, 20, 20) images, each placed at random near the centre of a (28, 28) field."""
    fields = np.zeros((len(images), 28, 28), np.uint8)
    for field, image, (row, column) in zip(
        fields, images, rng.integers(2, 7, (len(images), 2)), strict=True
    ):
        field[row : row + 20, column : column + 20] = image
    return fields


def _windows(field, step):
    """All (32, 32, 3) windows of a (H, W, 3) field at every ``step`` pixels."""
    windows = np.lib.stride_tricks.sliding_window_view(field, (32, 32), axis=(0, 1))
    return np.moveaxis(windows[::step, ::step], 2, -1).reshape(-1, 32, 32, 3)
