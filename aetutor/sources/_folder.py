"""A folder of the reader's own photographs."""

import hashlib
import json
import math
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL

from aetutor import photos
from aetutor.sources._cache import cache_folder
from aetutor.sources._prepared import Ordered, image_key, ordered, read_copy, write_copy

SPLITS = ("test", "train")
FEWEST = 3  # one for each split


@dataclass(frozen=True)
class Folder:
    """The photographs of a folder, of those that could be read.

    Attributes
    ----------
    name : str
        The folder's own.
    value_range : tuple of float
        The values that bytes 0 and 255 become: those of CIFAR-10.
    images : Ordered
        With a tenth as test images, unless the folder says which they are.
    class_names : tuple of str
        The names of its subfolders; its own for what is in none.
    left_out : dict of str to str
        For each file that could not be read, why.
    """

    name: str
    value_range: tuple[float, float]
    images: Ordered
    class_names: tuple[str, ...]
    left_out: dict[str, str]


def read_folder(folder, size):
    """Read the photographs of a folder, or the copy of an earlier call if nothing has changed.

    Parameters
    ----------
    folder : path
    size : int

    Returns
    -------
    Folder

    Raises
    ------
    ValueError
        If there are fewer than three photographs in it.
    OSError
        If it is no folder, or a process that reads it is killed.
    """
    folder = Path(folder).expanduser().resolve()
    listed, unopened = _listed(folder)
    contents = _contents(folder, listed, size)
    found = read_copy(_places(folder, size), contents)
    if found is not None:
        images, about = found
        class_names, left_out = json.loads(about["class_names"]), json.loads(about["left_out"])
        return _described(folder, images, class_names, unopened | left_out)
    read = photos.read_all([folder / name for name in listed], size)
    pairs = list(zip(listed, read, strict=True))
    left_out = {name: reason for name, reason in pairs if isinstance(reason, str)}
    kept = {name: image for name, image in pairs if not isinstance(image, str)}
    _check_count(folder, kept, unopened | left_out)
    arrays, class_names = _as_arrays(kept, folder.name)
    images = ordered(arrays)
    about = {"class_names": json.dumps(class_names), "left_out": json.dumps(left_out)}
    write_copy(_places(folder, size), contents, images, about)
    return _described(folder, images, class_names, unopened | left_out)


def _described(folder, images, class_names, left_out):
    return Folder(folder.name, (-1.0, 1.0), images, tuple(class_names), left_out)


def _listed(folder):
    """Names of the files below a folder, and why others cannot be opened. No hidden ones."""
    errors, listed, unopened = [], [], {}
    if not folder.is_dir():
        raise NotADirectoryError(f"there is no folder {folder}")
    for place, folders, files in os.walk(folder, onerror=errors.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (Path(place, name) for name in files if not name.startswith(".")):
            name = path.relative_to(folder).as_posix()
            if path.is_file():
                listed.append(name)
            else:
                unopened[name] = "it is a link to nothing, or no file"
    for error in errors:
        unopened[Path(error.filename).relative_to(folder).as_posix()] = error.strerror
    return sorted(listed), unopened


def _contents(folder, listed, size):
    """What an image depends on: its file, as far as one can tell without opening it, and Pillow."""
    states = [(name, (folder / name).stat()) for name in listed]
    rows = [(name, state.st_size, state.st_mtime_ns) for name, state in states]
    return hashlib.sha256(repr((PIL.__version__, size, rows)).encode()).hexdigest()


def _places(folder, size):
    """Where the copy may be: in the cache, if this user has one; beside photographs it is not."""
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    name = f"{folder.name}-{size}-{digest}.prepared.safetensors"
    with suppress(OSError):
        return [cache_folder() / "folders" / name]
    return []


def _check_count(folder, kept, left_out):
    if len(kept) < FEWEST:
        name, reason = next(iter(left_out.items()), ("", ""))
        but = f"; {len(left_out)} files cannot be read, {name} for instance: {reason}"
        raise ValueError(
            f"at least {FEWEST} images are needed, one each to train with, to validate and to "
            f"test; {folder} has {len(kept)}{but if left_out else ''}"
        )


def _as_arrays(kept, own_name):
    """The four arrays of a data set, and the names of its classes."""
    places = [name.split("/") for name in kept]
    images, split_of = np.stack(list(kept.values())), None
    if {place[0] for place in places} == set(SPLITS):
        split_of = np.array([place.pop(0) for place in places])
    classes = [place[0] if len(place) > 1 else own_name for place in places]
    class_names, labels = np.unique(classes, return_inverse=True)
    if split_of is None:
        split_of = _drawn(images)
    arrays = {}
    for split in SPLITS:
        arrays[f"{split}_images"] = images[split_of == split]
        arrays[f"{split}_labels"] = labels[split_of == split]
    return arrays, class_names.tolist()


def _drawn(images):
    """A tenth of the images to test with, the same whatever the names of their files."""
    first = np.argsort([image_key(image) for image in images], kind="stable")
    split_of = np.full(len(images), "train")
    split_of[first[: math.ceil(len(images) / 10)]] = "test"
    return split_of
