"""Reading and writing the images of a data set, as arrays."""

import zipfile
import zlib
from importlib.metadata import version

import numpy as np

from aetutor.files import replacing

ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")
# How a damaged .npz shows itself depends on where it is damaged.
DAMAGED = (
    *(ValueError, TypeError, EOFError, OSError, RuntimeError, MemoryError),
    *(zipfile.BadZipFile, zlib.error),
)


def read_npz(path, image_shape):
    """Read a data set's four arrays, without unpickling anything.

    Parameters
    ----------
    path : path
        An .npz with uint8 arrays ``train_images``, ``train_labels``, ``test_images``,
        ``test_labels``.
    image_shape : tuple of int
        Shape of one image: (28, 28) or (32, 32, 3).

    Returns
    -------
    dict of str to numpy.ndarray

    Raises
    ------
    ValueError
        Naming the file and what is wrong with it.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = [name for name in ARRAYS if name not in archive]
            if missing:
                raise ValueError(f"it lacks {', '.join(missing)}")
            arrays = {name: np.ascontiguousarray(archive[name]) for name in ARRAYS}
        for split in ("train", "test"):
            _check_arrays(split, arrays[f"{split}_images"], arrays[f"{split}_labels"], image_shape)
    except DAMAGED as error:
        raise ValueError(f"{path} cannot be used: {error}") from error
    return arrays


def write_npz(path, arrays):
    """Write arrays to an .npz that appears under its name only when it is whole."""
    with replacing(path) as file:
        np.savez(file, **arrays)


def parsed(source, root):
    kind = getattr(torchvision_datasets(), source.torchvision_name)
    arrays = {}
    for split, train in (("train", True), ("test", False)):
        # download=True: it finds the verified files in place, unpacks them and fetches nothing.
        dataset = kind(root, train=train, download=True)
        arrays[f"{split}_images"] = np.ascontiguousarray(dataset.data)
        arrays[f"{split}_labels"] = np.asarray(dataset.targets, dtype=np.uint8)
    return arrays


def torchvision_datasets():
    try:
        from torchvision import datasets
    except RuntimeError as error:  # «operator torchvision::nms does not exist»
        raise ImportError(
            f"torch {version('torch')} and torchvision {version('torchvision')} come from "
            "different builds; install both again from one place: "
            "pip install --force-reinstall torch torchvision"
        ) from error
    return datasets


def _check_arrays(split, images, labels, image_shape):
    for array, kind in ((images, "images"), (labels, "labels")):
        if array.dtype != np.uint8:
            raise ValueError(f"{split}_{kind} must be uint8, got {array.dtype}")
    if images.shape[1:] != image_shape or len(images) == 0:
        expected = ", ".join(str(n) for n in image_shape)
        raise ValueError(f"{split}_images must be (N, {expected}) with N > 0, got {images.shape}")
    if labels.size and labels.max() > 9:
        raise ValueError(f"{split}_labels must be 0 to 9, got {labels.max()}")
    if labels.shape != images.shape[:1]:
        raise ValueError(f"{len(images)} {split}_images come with labels of shape {labels.shape}")
