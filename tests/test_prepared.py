"""Prepared copies of the images: the same images, and never those of another file."""

import errno
import json
import multiprocessing
import shutil
import struct
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch

from aetutor import data, sources
from aetutor.sources import _prepared

SPLITS = ("train", "val", "test")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A classroom's folder, and an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("AETUTOR_DATA", str(tmp_path / "images"))
    return tmp_path / "images"


@pytest.fixture
def write(folder, rng):
    """``write()`` puts other images into the folder each time; it returns the .npz."""

    def written(name="mnist", shape=(28, 28)):
        arrays = {
            f"{split}_{kind}": rng.integers(0, high, (count, *more), np.uint8)
            for split, count in (("train", 200), ("test", 30))
            for kind, high, more in (("images", 256, shape), ("labels", 10, ()))
        }
        sources.write_npz(folder / f"{name}.npz", arrays)
        return folder / f"{name}.npz"

    return written


@pytest.fixture
def no_reading(monkeypatch):
    """``no_reading()``: from now on the .npz must not be read."""

    def forbid():
        monkeypatch.setattr("aetutor.sources._cache.read_npz", lambda *arguments: pytest.fail())

    return forbid


def prepared_of(npz):
    return npz.with_suffix(".prepared.safetensors")


def same(one, other):
    return one.fingerprint == other.fingerprint and all(
        torch.equal(getattr(one, split).images, getattr(other, split).images)
        and torch.equal(getattr(one, split).labels, getattr(other, split).labels)
        for split in SPLITS
    )


def unprepared(npz, name="mnist"):
    """What is loaded from the .npz alone."""
    source = sources.SOURCES[name]
    images = sources.ordered(sources.read_npz(npz, source.image_shape))
    return data._image_data(source, images, "", source.class_names, is_standin=False)


@pytest.mark.parametrize(
    ("name", "shape", "load"),
    [("mnist", (28, 28), data.load_mnist), ("cifar10", (32, 32, 3), data.load_cifar10)],
)
def test_the_second_time_the_images_are_mapped(write, no_reading, name, shape, load):
    npz = write(name, shape)
    first = load(offline="error")
    no_reading()
    second = load(offline="error")
    assert first.source == second.source == f"{name}.npz in the folder AETUTOR_DATA"
    assert same(first, unprepared(npz, name))
    assert same(second, first)
    mapped = Path("/proc/self/maps")
    if mapped.exists():
        assert str(prepared_of(npz)) in mapped.read_text()


def test_writing_to_an_image_changes_no_file(write):
    npz = write()
    data.load_mnist(offline="error").test.images.zero_()
    assert same(data.load_mnist(offline="error"), unprepared(npz))


def test_a_copy_of_an_earlier_file_is_made_again(write):
    write()
    before = data.load_mnist(offline="error")
    npz = write()
    assert not same(data.load_mnist(offline="error"), before)
    assert same(data.load_mnist(offline="error"), unprepared(npz))
    assert _prepared.read_prepared(npz) is not None


def test_a_folder_may_be_copied_with_its_prepared_copies(write, no_reading, folder, monkeypatch):
    write()
    data.load_mnist(offline="error")
    shutil.copytree(folder, folder.with_name("stick"))
    monkeypatch.setenv("AETUTOR_DATA", str(folder.with_name("stick")))
    no_reading()
    assert len(data.load_mnist(offline="error").test) == 30


def cut(content):
    return content[: len(content) // 2]


def emptied(content):
    return b""


def spoilt_images(content):
    header = struct.unpack("<Q", content[:8])[0]
    offset = json.loads(content[8 : 8 + header])["train_images"]["data_offsets"][0]
    start = 8 + header + offset
    return content[:start] + bytes(784) + content[start + 784 :]


def spoilt_labels(content):
    header = struct.unpack("<Q", content[:8])[0]
    offset = json.loads(content[8 : 8 + header])["test_labels"]["data_offsets"][0]
    start = 8 + header + offset
    return content[:start] + bytes([10]) + content[start + 1 :]


def huge_header(content):
    return struct.pack("<Q", 2**60) + content[8:]


@pytest.mark.parametrize("spoil", [cut, emptied, spoilt_images, spoilt_labels, huge_header])
def test_a_damaged_copy_is_made_again(write, spoil):
    npz = write()
    right = data.load_mnist(offline="error")
    whole = prepared_of(npz).read_bytes()
    prepared_of(npz).unlink()  # it is mapped: cut in its place, it would end this process
    prepared_of(npz).write_bytes(spoil(whole))
    assert _prepared.read_prepared(npz) is None
    assert same(data.load_mnist(offline="error"), right)
    assert _prepared.read_prepared(npz) is not None


def test_a_copy_of_another_data_set_is_made_again(write):
    digits, photographs = write(), write("cifar10", (32, 32, 3))
    data.load_mnist(offline="error")
    data.load_cifar10(offline="error")
    prepared_of(digits).unlink()
    shutil.copy(prepared_of(photographs), prepared_of(digits))
    assert same(data.load_mnist(offline="error"), unprepared(digits))


def test_the_copy_of_a_read_only_folder_is_kept_in_the_cache(
    write, no_reading, read_only_folder, monkeypatch
):
    npz = write()
    with tempfile.TemporaryDirectory() as cache:  # pytest's own are closed to other users
        Path(cache).chmod(0o777)
        monkeypatch.setenv("XDG_CACHE_HOME", cache)
        with read_only_folder(npz) as closed:
            monkeypatch.setenv("AETUTOR_DATA", str(closed))
            first = data.load_mnist(offline="error")
            no_reading()
            assert same(data.load_mnist(offline="error"), first)
            assert [path.name for path in closed.iterdir()] == ["mnist.npz"]


def test_with_no_place_at_all_the_images_are_used_in_silence(
    write, read_only_folder, monkeypatch, recwarn
):
    npz = write()
    with read_only_folder(npz) as closed:
        monkeypatch.setenv("AETUTOR_DATA", str(closed))
        monkeypatch.setenv("XDG_CACHE_HOME", str(closed))
        assert len(data.load_mnist(offline="error").test) == 30
    assert not recwarn.list


def test_where_files_may_not_grow_the_images_are_used_with_a_warning(write):
    npz, resource = write(), pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.warns(UserWarning, match="no prepared copy of the images is kept"):
            found = data.load_mnist(offline="error")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert same(found, unprepared(npz))
    assert not prepared_of(npz).exists()


def test_a_full_disk_is_said(write, monkeypatch):
    npz = write()

    def full(path):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(_prepared, "replacing", full)
    with pytest.warns(UserWarning, match="no prepared copy of the images is kept.*No space left"):
        assert same(data.load_mnist(offline="error"), unprepared(npz))


def load_and_put(queue):
    queue.put(data.load_mnist(offline="error").fingerprint)


def test_kernels_that_prepare_at_once_all_have_it(write, forked, folder):
    npz = write()
    queue = multiprocessing.get_context("fork").Queue()
    processes = [forked(load_and_put, queue) for _ in range(6)]
    found = {queue.get(timeout=120) for _ in processes}
    assert found == {unprepared(npz).fingerprint}
    assert {path.name for path in folder.iterdir()} == {npz.name, prepared_of(npz).name}


def test_download_prepares_a_classrooms_folder(write, tmp_path, no_reading, monkeypatch):
    write()
    path = data.prepare("mnist", tmp_path / "stick")
    assert prepared_of(path).exists()
    monkeypatch.setenv("AETUTOR_DATA", str(tmp_path / "stick"))
    no_reading()
    assert len(data.load_mnist(offline="error").test) == 30
