"""MNIST, CIFAR-10 and your own photographs as the lessons use them: three splits each."""

import math
from dataclasses import dataclass
from pathlib import Path

import torch

from aetutor import sources
from aetutor.checks import known_name, whole_number
from aetutor.download import DownloadError

NAMED = 10  # files that a message names


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

    def batches(self, batch_size, *, shuffle=False, flip=False, generator=None):
        """Yield ``(images, labels)``, ``batch_size`` at a time; the last may be smaller.

        Parameters
        ----------
        batch_size : int
            At least 1.
        shuffle : bool
            In random order, from ``generator`` or else from torch's global one.
        flip : bool
            Mirror each image left to right with probability one half, drawn likewise.
        generator : torch.Generator, optional
            On the CPU.

        Raises
        ------
        ValueError
            If ``batch_size`` is below 1 or not whole.
        """
        batch_size = whole_number("batch_size", batch_size, 1)
        # Checked above, not in the generator, so that the error comes at the call.
        return self._batches(batch_size, shuffle, flip, generator)

    def _batches(self, batch_size, shuffle, flip, generator):
        if shuffle:
            order = torch.randperm(len(self), generator=generator, device="cpu").to(
                self.images.device
            )
            batches = order.split(batch_size)
        else:
            batches = (slice(n, n + batch_size) for n in range(0, len(self), batch_size))
        for batch in batches:
            images, labels = self[batch]
            if flip:
                mirrored = torch.rand(len(images), 1, 1, 1, generator=generator, device="cpu") < 0.5
                images = torch.where(mirrored.to(images.device), images.flip(-1), images)
            yield images, labels

    def subset(self, start, stop):
        """Return the images from ``start`` up to but not including ``stop`` as a split."""
        return Split(self.images[start:stop], self.labels[start:stop], self.value_range)

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
        ``"mnist"`` or ``"cifar10"``, or that of your folder.
    source : str
        Where these bytes came from, in words.
    is_standin : bool
        True if these are other images, used because the real ones were not available.
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
    return load("mnist", offline=offline)


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
    return load("cifar10", offline=offline)


def load(name, *, offline="stand-in"):
    """Load a data set by name: ``"mnist"`` as :func:`load_mnist` does, or ``"cifar10"``."""
    source = sources.SOURCES[known_name("name", name, sources.SOURCES)]
    known_name("offline", offline, ("stand-in", "error"))
    path, origin = sources.located(source)
    images = sources.read_prepared(path) if path else None
    if images is not None:
        return _image_data(source, images, origin, source.class_names, is_standin=False)
    try:
        arrays, origin = sources.find(source)
    except DownloadError as error:
        if offline == "error":
            raise
        images, origin = sources.ordered(source.standin()), f"stand-in: {source.standin_title}"
        print(_banner(source, error))
        return _image_data(source, images, origin, source.standin_class_names, is_standin=True)
    images = sources.ordered(arrays)
    path, _ = sources.located(source)
    if path and sources.write_prepared(path, images):
        images = sources.read_prepared(path) or images  # mapped, and the others given back
    return _image_data(source, images, origin, source.class_names, is_standin=False)


def load_folder(folder, size=32):
    """Load your own photographs: in colour, square, values in [-1, 1].

    Whatever Pillow reads is found, in subfolders too. Each image is turned as its camera was held,
    cut to its central square and reduced. Files that cannot be read are named and left out, hidden
    ones are not looked at. The result is kept in the cache until a file changes.

    Parameters
    ----------
    folder : path
        Its subfolders, if any, are the classes. With exactly two, ``train`` and ``test``, their
        subfolders are, and the test images are those in ``test``; else they are a tenth of all.
        The validation images are a tenth of what remains.
    size : int
        Height and width of the images.

    Returns
    -------
    ImageData
        (3, size, size). The same photographs have the same ``fingerprint`` whatever the names of
        their files, if their classes are the same.

    Raises
    ------
    ValueError
        If there are fewer than three images.
    OSError
        If there is no such folder, or memory was too short for its images.

    Examples
    --------
    >>> photos = data.load_folder("~/Pictures", size=64)  # doctest: +SKIP
    >>> model = models.ColorConvAutoencoder(128, image_size=64)  # doctest: +SKIP
    """
    found = sources.read_folder(folder, whole_number("size", size, 1))
    if found.left_out:
        print(_left_out(found.left_out))
    count = sum(len(found.images.tensors[f"{split}_images"]) for split in ("train", "test"))
    origin = f"{count:,} images in the folder {found.name}"
    return _image_data(found, found.images, origin, found.class_names, is_standin=False)


def prepare(name, folder=None):
    """Write ``<name>.npz``, the real images, into a folder: a classroom's shared drive, say.

    Beside it comes a copy in the lessons' order, which loads at once; who cannot write the folder
    uses it all the same.

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
        If there is no data set of that name, or the folder's file is damaged.
    DownloadError
        If the images are not on this machine and no host served them.
    OSError
        If the folder cannot be written, or none is named and this user has no home folder.
    """
    source = sources.SOURCES[known_name("name", name, sources.SOURCES)]
    path = Path(folder or sources.cache_folder()) / f"{name}.npz"
    if path.exists():
        arrays = sources.read_npz(path, source.image_shape)
    else:
        arrays, _ = sources.find(source)
        if not path.exists():  # the cache may have been filled just now
            sources.write_npz(path, arrays)
    sources.write_prepared(path, sources.ordered(arrays))
    return path


def _image_data(source, images, origin, class_names, *, is_standin):
    """Set the validation images aside.

    Copies of CIFAR-10 in circulation differ in their order. In the order of ``images`` the same
    are always held out, and ``test[:8]`` shows everybody the same eight.
    """
    tensors = images.tensors
    held_out = min(5_000, math.ceil(len(tensors["train_images"]) / 10))
    splits = {
        "val": (tensors["train_images"][:held_out], tensors["train_labels"][:held_out]),
        "train": (tensors["train_images"][held_out:], tensors["train_labels"][held_out:]),
        "test": (tensors["test_images"], tensors["test_labels"]),
    }
    return ImageData(
        name=source.name,
        source=origin,
        is_standin=is_standin,
        class_names=class_names,
        value_range=source.value_range,
        fingerprint=images.fingerprint,
        **{name: _split(*pair, source.value_range) for name, pair in splits.items()},
    )


def _split(images, labels, value_range):
    # Colour images keep the memory layout of their file, which is torch's channels_last.
    images = images[:, None] if images.ndim == 3 else images.permute(0, 3, 1, 2)
    return Split(images, labels.long(), value_range)


def _left_out(reasons):
    """Name the files that could not be read, the first ten of them."""
    lines = [f"  {name}: {reason}" for name, reason in list(reasons.items())[:NAMED]]
    more = [f"  and {len(reasons) - NAMED:,} more"] if len(reasons) > NAMED else []
    return "\n".join([f"Left out, files that cannot be read: {len(reasons):,}", *lines, *more])


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
    edge = f"+{'=' * width}+"  # plain characters: not every console has others
    box = [f"|{line.center(width)}|" for line in lines]
    return "\n".join([edge, *box, edge, f"({error})"])
