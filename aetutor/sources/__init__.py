"""The published data sets: what they are, and where they are found or downloaded from."""

from aetutor.sources._cache import cache_folder, find, located
from aetutor.sources._catalogue import CIFAR10, MNIST, SOURCES, Source
from aetutor.sources._folder import Folder, read_folder
from aetutor.sources._parsing import ARRAYS, read_npz, write_npz
from aetutor.sources._prepared import Ordered, ordered, read_prepared, write_prepared

__all__ = [
    "ARRAYS",
    "CIFAR10",
    "MNIST",
    "SOURCES",
    "Folder",
    "Ordered",
    "Source",
    "cache_folder",
    "find",
    "located",
    "ordered",
    "read_folder",
    "read_npz",
    "read_prepared",
    "write_npz",
    "write_prepared",
]
