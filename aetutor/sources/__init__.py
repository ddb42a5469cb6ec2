"""The published data sets: what they are, and where they are found or downloaded from."""

from aetutor.sources._cache import cache_folder, find
from aetutor.sources._catalogue import CIFAR10, MNIST, SOURCES, Source
from aetutor.sources._parsing import ARRAYS, read_npz, write_npz

__all__ = [
    "ARRAYS",
    "CIFAR10",
    "MNIST",
    "SOURCES",
    "Source",
    "cache_folder",
    "find",
    "read_npz",
    "write_npz",
]
