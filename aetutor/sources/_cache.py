"""Finding a data set: in a folder that the reader names, in the cache, or on the internet."""

import os
import shutil
import tempfile
import warnings
from pathlib import Path

import pooch
from filelock import FileLock, Timeout

from aetutor.download import DownloadError, fetch
from aetutor.sources._parsing import parsed, read_npz, torchvision_datasets, write_npz

CACHED = "cache of an earlier download"


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


def located(source):
    """Return a data set's .npz on this machine, unread, and in words where it is.

    Returns
    -------
    tuple of (pathlib.Path or None, str)
        None if there is none, or none where the reader says that there is one.
    """
    folder = os.environ.get("AETUTOR_DATA")
    if folder:
        path = Path(folder).expanduser() / f"{source.name}.npz"
        return (path, f"{path.name} in the folder AETUTOR_DATA") if path.exists() else (None, "")
    try:
        path = cache_folder() / f"{source.name}.npz"
        return (path, CACHED) if path.exists() else (None, "")
    except OSError:  # a folder that is closed, or no home; find says so
        return None, ""


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
        path, origin = located(source)
        if path is not None:
            return read_npz(path, source.image_shape), origin
        missing = Path(folder).expanduser() / f"{source.name}.npz"
        warnings.warn(f"AETUTOR_DATA is set, but there is no file {missing}", stacklevel=4)
    return _cached(source)


def _cached(source):
    try:
        path = cache_folder() / f"{source.name}.npz"
        arrays = _read_cached(path, source)
        if arrays is not None:
            return arrays, CACHED
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_suffix(".lock"))
        # One process downloads, the others wait for it and then find the cache filled.
        with _announced(lock, source):
            arrays = _read_cached(path, source)
            if arrays is not None:
                return arrays, CACHED
            _tidy(path)
            arrays, origin = _download(source, path.parent)
            _store(path, arrays)
            return arrays, origin
    except DownloadError:
        raise
    except OSError as error:
        # A full disk or a read-only home must not cost anybody the lesson.
        warnings.warn(f"the cache of images cannot be used: {error}", stacklevel=5)
        return _download(source, None)


def _read_cached(path, source):
    """The arrays of an earlier download; None if there was none, or it is damaged."""
    try:
        return read_npz(path, source.image_shape) if path.exists() else None
    except ValueError as error:
        warnings.warn(f"{error}; it is downloaded again", stacklevel=6)
        return None


def _announced(lock, source):
    """Acquire a lock, and say so if that means waiting."""
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        print(f"Waiting for another process that is downloading {source.title}", flush=True)
        return lock.acquire()


def _tidy(path):
    """Remove what a killed download has left behind; its lock is ours now."""
    for leftover in path.parent.glob(f"{path.stem}-download-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    for leftover in path.parent.glob(f"{path.name}.*.part"):
        leftover.unlink(missing_ok=True)


def _store(path, arrays):
    try:
        write_npz(path, arrays)
    except OSError as error:
        warnings.warn(f"the images cannot be kept in the cache: {error}", stacklevel=6)


def _download(source, folder):
    """Fetch the published files and have torchvision read them, leaving nothing but the arrays."""
    torchvision_datasets()  # before the wait, not after it
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=f"{source.name}-download-") as root:
            hosts = [fetch(file, Path(root, source.folder))[1] for file in source.files]
            return parsed(source, root), f"downloaded from {hosts[0]}"
    except DownloadError:
        raise
    except OSError as error:
        if folder is not None:
            raise
        raise DownloadError(f"{source.title} could not be stored for reading: {error}") from error
