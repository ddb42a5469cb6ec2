"""A data set in its final order, kept in a file that is mapped instead of read.

Such a file is ready in milliseconds, whatever its size, and all kernels of a machine share its
pages. It is written beside the .npz that it was made of, or in the cache where that folder cannot
be written. A mapped page that somebody writes to becomes their own; the file stays as it is.
"""

import errno
import hashlib
import warnings
import zipfile
import zlib
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from aetutor.files import replacing
from aetutor.sources._cache import cache_folder
from aetutor.sources._parsing import ARRAYS, DAMAGED

ORDER_SEED = 2026  # starts the checksums by which images are ordered
SAMPLE = 50  # images of each split that are held against their checksums when a file is opened
NOT_WRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS)


@dataclass(frozen=True)
class Ordered:
    """The images of a data set in an order of their own, whatever the order in their file.

    Attributes
    ----------
    tensors : dict of str to torch.Tensor
        ``train_images``, ``train_labels``, ``test_images`` and ``test_labels``, uint8, as the
        .npz has them; ``train_keys`` and ``test_keys``, int64, the images' checksums, rising.
    fingerprint : str
        16 hexadecimal digits of the checksums and the labels.
    """

    tensors: dict[str, torch.Tensor]
    fingerprint: str


def ordered(arrays):
    """Put the images into the order of a checksum of their bytes.

    Parameters
    ----------
    arrays : dict of str to numpy.ndarray
        The four arrays; they are taken out, so that only one split at a time is in memory twice.

    Returns
    -------
    Ordered
    """
    tensors = {}
    for split in ("train", "test"):
        images, labels = arrays.pop(f"{split}_images"), arrays.pop(f"{split}_labels")
        keys = np.array([image_key(image) for image in images], dtype=np.int64)
        order = np.argsort(keys, kind="stable")
        for name, array in (("images", images), ("labels", labels), ("keys", keys)):
            tensors[f"{split}_{name}"] = torch.from_numpy(array[order])
    return Ordered(tensors, _fingerprint(tensors))


def read_prepared(npz):
    """Open the prepared copy of an .npz.

    Parameters
    ----------
    npz : pathlib.Path

    Returns
    -------
    Ordered or None
        None if there is no copy, or it is damaged or was made of other images.
    """
    try:
        contents = _contents(npz)
    except DAMAGED:
        return None
    found = read_copy(_places(npz), contents)
    return found and found[0]


def write_prepared(npz, images):
    """Keep a prepared copy of an .npz, where there is a place for it.

    Parameters
    ----------
    npz : pathlib.Path
    images : Ordered

    Returns
    -------
    bool
        Whether there is one now. If there is not, for another reason than that nobody may write
        there, a warning says why.
    """
    return write_copy(_places(npz), _contents(npz), images)


def read_copy(places, contents):
    """Open the first copy that is whole and was made of the same contents.

    Parameters
    ----------
    places : iterable of path
        Files that may be it.
    contents : str
        As given to :func:`write_copy`.

    Returns
    -------
    tuple of (Ordered, dict of str to str) or None
        The images, and what else was noted.
    """
    for path in places:
        try:
            with safe_open(path, framework="pt") as file:
                about = file.metadata() or {}
                if about.get("contents") != contents:
                    continue
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if _is_whole(tensors, about):
                return Ordered(tensors, about["fingerprint"]), about
        except (*DAMAGED, KeyError, SafetensorError):
            continue
    return None


def write_copy(places, contents, images, notes=None):
    """Keep a copy of images in the first place where files can be written.

    Parameters
    ----------
    places : iterable of path
    contents : str
        What it was made of, in a word: the copy is good as long as this is the same.
    images : Ordered
    notes : dict of str to str, optional

    Returns
    -------
    bool
        As of :func:`write_prepared`.
    """
    about = {"contents": contents, "fingerprint": images.fingerprint, **(notes or {})}
    content = save(images.tensors, about)
    for path in places:
        try:
            with replacing(path) as file:
                file.write(content)
            return True
        except OSError as error:
            if error.errno not in NOT_WRITABLE:
                warnings.warn(f"no prepared copy of the images is kept: {error}", stacklevel=5)
                return False
    return False


def _places(npz):
    """Where a prepared copy may be: beside the .npz, or in the cache."""
    places = [npz.with_suffix(".prepared.safetensors")]
    with suppress(OSError):  # a user without a home folder has no cache
        places.append(cache_folder() / places[0].name)
    return dict.fromkeys(places)


def _contents(npz):
    """What is in an .npz, by the checksums that a zip file has at its end."""
    with zipfile.ZipFile(npz) as archive:
        members = [(member.filename, member.CRC, member.file_size) for member in archive.filelist]
    return hashlib.sha256(repr(members).encode()).hexdigest()


def image_key(image):
    """Return the checksum by which images are ordered."""
    return zlib.crc32(image, ORDER_SEED)


def _fingerprint(tensors):
    rows = [
        np.stack([tensors[f"{split}_keys"].numpy(), tensors[f"{split}_labels"].numpy()])
        for split in ("train", "test")
    ]
    return hashlib.sha256(np.concatenate(rows, axis=1).tobytes()).hexdigest()[:16]


def _is_whole(tensors, about):
    """Whether labels and checksums have the file's fingerprint, and some images their checksum."""
    if about["fingerprint"] != _fingerprint(tensors) or not tensors.keys() >= set(ARRAYS):
        return False
    for split in ("train", "test"):
        images, keys = tensors[f"{split}_images"], tensors[f"{split}_keys"]
        sample = range(0, len(keys), max(1, len(keys) // SAMPLE))
        if any(image_key(images[n].numpy()) != keys[n] for n in sample):
            return False
    return True
