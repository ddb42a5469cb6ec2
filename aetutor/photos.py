"""Photographs in files of any format, as small square images: read by several processes."""

import os
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from tqdm import tqdm

# Nothing heavy is imported here, since each process that reads imports this file.

FEW = 200  # files that are read before other processes would have started
AT_ONCE = 16  # files that a process takes at a time


def read_all(paths, size, *, processes=None):
    """Read photographs, with a progress bar; of those that cannot be read, say why.

    Parameters
    ----------
    paths : list of path
    size : int
        Height and width of the images that they become.
    processes : int, optional
        As many as this process may use cores, if left out.

    Returns
    -------
    list of numpy.ndarray or str
        For each path (size, size, 3) uint8, or what is wrong with the file.

    Raises
    ------
    OSError
        If a process that reads is killed, for instance for want of memory.
    """
    attempt = partial(_attempt, size=size)
    processes = _cores() if processes is None else processes
    several = processes > 1 and len(paths) > FEW
    found = _in_processes(attempt, paths, processes) if several else map(attempt, paths)
    # As in training: plain text, and to stdout.
    return list(tqdm(found, "reading images", len(paths), leave=False, file=sys.stdout))


def read(path, size):
    """Read one photograph, turned as its camera was held, and cut to its central square.

    Of an animation it is the first frame; what is transparent becomes white.

    Parameters
    ----------
    path : path
        Its ending does not matter.
    size : int

    Returns
    -------
    numpy.ndarray
        (size, size, 3) uint8. A square image of that size keeps every byte.

    Raises
    ------
    Exception
        Of many kinds: Pillow's readers raise whatever a damaged file makes them raise.
    """
    with warnings.catch_warnings(), Image.open(path) as image:
        warnings.simplefilter("ignore")  # odd metadata, or large; what is too large raises
        # A JPEG can be decoded at a half, a quarter or an eighth of its size, and faster.
        image.draft(None, (2 * size, 2 * size))
        upright = _in_colour(ImageOps.exif_transpose(image))
        return np.asarray(ImageOps.fit(upright, (size, size), Image.Resampling.LANCZOS))


def _in_colour(image):
    """An image of any mode as red, green and blue, 8 bits each."""
    if image.mode.startswith("I"):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65_535:
            raise ValueError("its pixels have more than 16 bits")
        image = Image.fromarray((values >> 8).astype(np.uint8))  # convert would clip at 255
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers, whose range is not known")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _attempt(path, size):
    """The image of a file, or in words why there is none."""
    try:
        return read(path, size)
    except UnidentifiedImageError:
        return "it is no image that Pillow can read" if os.path.getsize(path) else "it is empty"
    except Exception as error:  # see read
        return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _in_processes(attempt, paths, processes):
    # Not forked: torch's threads, if there are any, would not survive that.
    context = get_context("forkserver" if sys.platform == "linux" else "spawn")
    pool = ProcessPoolExecutor(processes, context)
    try:
        yield from pool.map(attempt, paths, chunksize=AT_ONCE)
    except BrokenProcessPool as error:
        raise OSError(
            "a process that was reading images ended early: there may be too little memory for "
            "the largest of them. (A script needs its own work below if __name__ == '__main__'.)"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _cores():
    """The cores that this process may use, where the system says so."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
