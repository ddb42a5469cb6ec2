import dataclasses
import gzip
import hashlib
import io
import multiprocessing
import os
import pickle
import signal
import struct
import sys
import tarfile
import types
import zipfile
import zlib

import numpy as np
import pooch
import pytest
import torch
from filelock import FileLock
from torch.utils.data import DataLoader

from aetutor import data, sources
from aetutor.download import DownloadError, RemoteFile
from aetutor.sources import _cache, _parsing


@pytest.fixture
def places(tmp_path, monkeypatch):
    """An empty cache and an empty AETUTOR_DATA, not this machine's own."""
    cache, classroom = tmp_path / "cache", tmp_path / "classroom"
    classroom.mkdir()
    monkeypatch.setattr(pooch, "os_cache", lambda name: cache)
    monkeypatch.setenv("AETUTOR_DATA", str(classroom))
    return types.SimpleNamespace(cache=cache, classroom=classroom)


@pytest.fixture
def arrays(rng):
    """Twenty training and five test images in MNIST's shape."""
    return {
        "train_images": rng.integers(0, 256, (20, 28, 28), np.uint8),
        "train_labels": rng.integers(0, 10, 20).astype(np.uint8),
        "test_images": rng.integers(0, 256, (5, 28, 28), np.uint8),
        "test_labels": rng.integers(0, 10, 5).astype(np.uint8),
    }


def idx(array):
    """Bytes of an array in the gzipped format that MNIST is published in."""
    header = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(header + array.tobytes())


def mnist_files(arrays):
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    return {
        f"{name}-ubyte.gz": idx(arrays[key])
        for name, key in zip(names, sources.ARRAYS, strict=True)
    }


def publish(monkeypatch, source, contents, serve, behaviours=("good",)):
    """Let a source be downloaded from local servers, and torchvision expect what they serve."""
    from torchvision import datasets

    files = []
    for name, content in contents.items():
        server = serve(content)
        digest = hashlib.sha256(content).hexdigest()
        urls = tuple(server.url(behaviour) for behaviour in behaviours)
        files.append((server, RemoteFile(name, digest, len(content), urls)))
    published = dataclasses.replace(source, files=tuple(file for _, file in files))
    md5 = {name: hashlib.md5(content).hexdigest() for name, content in contents.items()}
    if source.name == "mnist":
        monkeypatch.setattr(datasets.MNIST, "resources", list(md5.items()))
        monkeypatch.setattr(sources, "MNIST", published)
    else:
        monkeypatch.setattr(datasets.CIFAR10, "tgz_md5", md5[datasets.CIFAR10.filename])
        monkeypatch.setattr(sources, "CIFAR10", published)
    monkeypatch.setitem(sources.SOURCES, source.name, published)
    return [server for server, _ in files]


def test_a_split_hands_out_floats_in_its_range():
    images = torch.tensor([0, 51, 255], dtype=torch.uint8).reshape(3, 1, 1, 1)
    labels = torch.tensor([7, 8, 9])
    unit = data.Split(images, labels, (0.0, 1.0))[:]
    assert unit[0].dtype == torch.float32
    torch.testing.assert_close(unit[0].flatten(), torch.tensor([0.0, 0.2, 1.0]))
    signed = data.Split(images, labels, (-1.0, 1.0))[1:]
    torch.testing.assert_close(signed[0].flatten(), torch.tensor([-0.6, 1.0]))
    assert signed[1].tolist() == [8, 9]


def test_batches_cover_every_image_once(digits):
    split = digits.train
    sizes = [len(images) for images, _ in split.batches(64)]
    assert sizes == [64, 64, 52]
    generator = torch.Generator().manual_seed(1)
    shuffled = torch.cat(
        [images for images, _ in split.batches(64, shuffle=True, generator=generator)]
    )
    assert not torch.equal(shuffled, split[:][0])
    key = shuffled.flatten(1).double() @ torch.arange(784.0).double()
    expected = split[:][0].flatten(1).double() @ torch.arange(784.0).double()
    torch.testing.assert_close(key.sort().values, expected.sort().values)


def test_half_of_the_images_are_mirrored_where_asked(patches):
    split, seed = patches.train, torch.Generator().manual_seed
    plain = torch.cat([images for images, _ in split.batches(40)])
    mirrored = torch.cat([images for images, _ in split.batches(40, flip=True, generator=seed(0))])
    turned = (mirrored != plain).flatten(1).any(dim=1)
    assert 0.3 < turned.float().mean() < 0.7
    assert torch.equal(mirrored[turned], plain[turned].flip(-1))
    again = torch.cat([images for images, _ in split.batches(40, flip=True, generator=seed(0))])
    assert torch.equal(mirrored, again)
    order, turned_order = (
        torch.cat([labels for _, labels in batches])
        for batches in (
            split.batches(40, shuffle=True, generator=seed(1)),
            split.batches(108, shuffle=True, flip=True, generator=seed(1)),
        )
    )
    assert torch.equal(order, turned_order)


def test_a_subset_is_a_split_of_the_same_bytes(digits):
    subset = digits.train.subset(10, 25)
    assert len(subset) == 15
    for whole, part in zip(digits.train[10:25], subset[:], strict=True):
        assert torch.equal(whole, part)
    assert subset.images.data_ptr() == digits.train.images[10:].data_ptr()
    assert subset.value_range == digits.train.value_range
    with pytest.raises(ValueError, match="at least one image, got none"):
        digits.train.subset(len(digits.train), len(digits.train) + 5)


def test_a_split_is_a_dataset_for_a_dataloader(digits):
    images, labels = next(iter(DataLoader(digits.train, batch_size=16)))
    assert torch.equal(images, digits.train[:16][0])
    assert torch.equal(labels, digits.train[:16][1])


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (torch.zeros(2, 1, 28, 28), torch.zeros(2), "must be uint8.*float32"),
        (torch.zeros(2, 28, 28, dtype=torch.uint8), torch.zeros(2), r"\(N, C, H, W\)"),
        (torch.zeros(0, 1, 28, 28, dtype=torch.uint8), torch.zeros(0), "at least one image"),
        (torch.zeros(2, 1, 28, 28, dtype=torch.uint8), torch.zeros(3), "2 images need as many"),
    ],
)
def test_a_split_refuses_what_is_none(images, labels, message):
    with pytest.raises(ValueError, match=message):
        data.Split(images, labels, (0.0, 1.0))


def test_a_batch_size_below_one_is_refused_at_the_call(digits):
    with pytest.raises(ValueError, match="of at least 1, got 0"):
        digits.train.batches(0)
    with pytest.raises(ValueError, match=r"a whole number .* got 2\.5"):
        digits.train.batches(2.5)


def test_the_classrooms_folder_comes_first(places, arrays):
    sources.write_npz(places.classroom / "mnist.npz", arrays)
    mnist = data.load_mnist()
    assert mnist.source == "mnist.npz in the folder AETUTOR_DATA"
    assert not mnist.is_standin
    assert (len(mnist.train), len(mnist.val), len(mnist.test)) == (18, 2, 5)
    assert mnist.image_shape == (1, 28, 28)
    assert mnist.value_range == (0.0, 1.0)


def test_splits_and_fingerprint_do_not_depend_on_the_order_in_the_file(places, arrays, rng):
    sources.write_npz(places.classroom / "mnist.npz", arrays)
    first = data.load_mnist()
    order = rng.permutation(20)
    shuffled = arrays | {name: arrays[name][order] for name in ("train_images", "train_labels")}
    sources.write_npz(places.classroom / "mnist.npz", shuffled)
    second = data.load_mnist()
    assert first.fingerprint == second.fingerprint
    for name in ("train", "val", "test"):
        assert torch.equal(getattr(first, name).images, getattr(second, name).images)
        assert torch.equal(getattr(first, name).labels, getattr(second, name).labels)
    altered = arrays | {"test_labels": (arrays["test_labels"] + 1) % 10}
    sources.write_npz(places.classroom / "mnist.npz", altered)
    assert data.load_mnist().fingerprint != first.fingerprint


def test_the_order_is_the_one_in_which_what_ships_was_trained():
    """In another, images that a network has learnt would be held out."""
    images = np.arange(10, dtype=np.uint8)[:, None, None].repeat(2, axis=1).repeat(2, axis=2)
    arrays = {"train_images": images, "train_labels": np.arange(10, dtype=np.uint8)}
    arrays |= {"test_images": images[:2], "test_labels": np.arange(2, dtype=np.uint8)}
    found = sources.ordered(arrays).tensors
    assert found["train_labels"].tolist() == [6, 3, 9, 1, 4, 8, 0, 5, 7, 2]
    assert found["train_keys"].tolist() == sorted(zlib.crc32(image, 2026) for image in images)


@pytest.mark.parametrize(("count", "held_out"), [(60_000, 5_000), (50_000, 5_000), (95, 10)])
def test_of_the_published_training_images_5000_are_held_out(rng, count, held_out):
    arrays = {
        "train_images": rng.integers(0, 256, (count, 4, 4), np.uint8),
        "train_labels": np.zeros(count, np.uint8),
        "test_images": rng.integers(0, 256, (7, 4, 4), np.uint8),
        "test_labels": np.zeros(7, np.uint8),
    }
    before = {image.tobytes() for image in arrays["train_images"]}
    images = sources.ordered(arrays)
    made = data._image_data(sources.MNIST, images, "a test", ("zero",), is_standin=True)
    assert (len(made.train), len(made.val), len(made.test)) == (count - held_out, held_out, 7)
    split = {image.numpy().tobytes() for image in torch.cat([made.train.images, made.val.images])}
    assert split == before


def test_a_download_is_parsed_and_kept_in_the_cache(places, arrays, serve, monkeypatch):
    monkeypatch.delenv("AETUTOR_DATA")
    servers = publish(monkeypatch, sources.MNIST, mnist_files(arrays), serve, ("forbidden", "good"))
    mnist = data.load_mnist(offline="error")
    assert mnist.source.startswith("downloaded from 127.0.0.1")
    again = data.load_mnist(offline="error")
    assert again.source == "cache of an earlier download"
    assert again.fingerprint == mnist.fingerprint
    assert [server.requests for server in servers] == [["/forbidden/file", "/good/file"]] * 4
    assert {path.name for path in places.cache.iterdir()} <= {
        "mnist.npz",
        "mnist.lock",
        "mnist.prepared.safetensors",
    }
    stored = sources.read_npz(places.cache / "mnist.npz", (28, 28))
    assert all(np.array_equal(stored[name], arrays[name]) for name in arrays)


def test_cifar10_is_parsed_by_torchvision(places, rng, serve, monkeypatch):
    from torchvision import datasets

    monkeypatch.delenv("AETUTOR_DATA")
    pixels = rng.integers(0, 256, (6, 3072), np.uint8)  # channels first, as published
    batches = [f"data_batch_{n}" for n in range(1, 6)] + ["test_batch"]
    members = {
        name: pickle.dumps({"data": pixels[i : i + 1], "labels": [i]})
        for i, name in enumerate(batches)
    }
    members["batches.meta"] = pickle.dumps({"label_names": list(sources.CIFAR10.class_names)})
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    md5 = {name: hashlib.md5(content).hexdigest() for name, content in members.items()}
    kind = datasets.CIFAR10
    monkeypatch.setattr(kind, "train_list", [[name, md5[name]] for name in batches[:5]])
    monkeypatch.setattr(kind, "test_list", [["test_batch", md5["test_batch"]]])
    monkeypatch.setattr(kind, "meta", kind.meta | {"md5": md5["batches.meta"]})
    publish(monkeypatch, sources.CIFAR10, {kind.filename: buffer.getvalue()}, serve)

    cifar10 = data.load_cifar10(offline="error")
    assert cifar10.value_range == (-1.0, 1.0)
    assert torch.equal(cifar10.test.images, torch.from_numpy(pixels[5:]).reshape(1, 3, 32, 32))
    assert cifar10.test.labels.tolist() == [5]
    assert len(cifar10.train) + len(cifar10.val) == 5


def test_without_network_a_standin_comes_under_a_banner(places, arrays, serve, monkeypatch, capsys):
    monkeypatch.delenv("AETUTOR_DATA")
    publish(monkeypatch, sources.MNIST, mnist_files(arrays), serve, ("unavailable",))
    mnist = data.load_mnist()
    assert mnist.is_standin
    assert mnist.source.startswith("stand-in: ")
    assert (len(mnist.train), len(mnist.val), len(mnist.test)) == (8100, 900, 297)
    printed = capsys.readouterr().out
    assert "THIS IS NOT MNIST" in printed
    assert "answered 503" in printed
    with pytest.raises(DownloadError, match=r"train-images-idx3-ubyte\.gz.*answered 503"):
        data.load_mnist(offline="error")
    with pytest.raises(ValueError, match="stand-in, error, got 'never'"):
        data.load_mnist(offline="never")


def test_a_missing_file_in_the_classrooms_folder_is_mentioned(places, arrays):
    sources.write_npz(places.cache / "mnist.npz", arrays)
    with pytest.warns(UserWarning, match="there is no file .*mnist.npz"):
        assert data.load_mnist().source == "cache of an earlier download"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda a: a.pop("test_labels"), "it lacks test_labels"),
        (lambda a: a.update(train_images=a["train_images"] / 255), "uint8, got float64"),
        (lambda a: a.update(test_labels=a["test_labels"][:3]), "5 test_images come with labels"),
        (lambda a: a.update(test_images=a["test_images"][:0]), "with N > 0"),
        (lambda a: a.update(test_images=a["test_images"][:, :27]), r"must be \(N, 28, 28\)"),
        (lambda a: a.update(test_labels=np.array([None] * 5)), "allow_pickle=False"),
        (lambda a: a.update(test_labels=a["test_labels"] + 100), "test_labels must be 0 to 9"),
    ],
)
def test_an_npz_that_is_no_mnist_is_refused_by_name(places, arrays, damage, message):
    damage(arrays)
    np.savez(places.classroom / "mnist.npz", **arrays)
    with pytest.raises(ValueError, match=rf"mnist\.npz cannot be used: .*{message}"):
        data.load_mnist()


def test_an_array_in_another_memory_order_is_the_same(places, arrays):
    sources.write_npz(places.classroom / "mnist.npz", arrays)
    fingerprint = data.load_mnist().fingerprint
    turned = {name: np.asfortranarray(array) for name, array in arrays.items()}
    np.savez(places.classroom / "mnist.npz", **turned)
    assert data.load_mnist().fingerprint == fingerprint


def test_whatever_bit_is_flipped_the_file_is_refused_or_right(places, arrays, rng):
    path = places.classroom / "mnist.npz"
    small = {name: array[:2] for name, array in arrays.items()}
    sources.write_npz(path, small)
    content = path.read_bytes()
    for place in rng.integers(0, 8 * len(content), 500):
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        try:
            found = sources.read_npz(path, (28, 28))
        except ValueError as error:
            assert "mnist.npz cannot be used" in str(error)
        else:
            assert all(np.array_equal(found[name], small[name]) for name in small)


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.999])
def test_a_truncated_npz_is_refused_by_name(places, arrays, kept):
    path = places.classroom / "mnist.npz"
    sources.write_npz(path, arrays)
    content = path.read_bytes()
    path.write_bytes(content[: kept if isinstance(kept, int) else int(kept * len(content))])
    with pytest.raises(ValueError, match=r"mnist\.npz cannot be used"):
        data.load_mnist()


def test_a_flipped_bit_in_an_npz_is_noticed(places, arrays):
    path = places.classroom / "mnist.npz"
    sources.write_npz(path, arrays)
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        content[archive.infolist()[0].header_offset + 2000] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="cannot be used"):
        data.load_mnist()


def test_a_damaged_cache_is_downloaded_again(places, arrays, serve, monkeypatch):
    monkeypatch.delenv("AETUTOR_DATA")
    publish(monkeypatch, sources.MNIST, mnist_files(arrays), serve)
    places.cache.mkdir()
    (places.cache / "mnist.npz").write_bytes(b"PK half a file")
    (places.cache / "mnist.npz.abc.part").write_bytes(b"left by a kill")
    (places.cache / "mnist-download-abc").mkdir()
    with pytest.warns(UserWarning, match="downloaded again"):
        assert data.load_mnist(offline="error").source.startswith("downloaded")
    assert {path.name for path in places.cache.iterdir()} <= {
        "mnist.npz",
        "mnist.lock",
        "mnist.prepared.safetensors",
    }
    assert data.load_mnist().source == "cache of an earlier download"


def test_a_full_disk_costs_the_cache_but_not_the_images(
    places, arrays, serve, monkeypatch, no_room
):
    monkeypatch.delenv("AETUTOR_DATA")
    servers = publish(monkeypatch, sources.MNIST, mnist_files(arrays), serve)
    with no_room(places.cache):
        with pytest.warns(UserWarning, match="cannot be (kept in the cache|used)"):
            mnist = data.load_mnist(offline="error")
        assert not list(places.cache.glob("mnist.npz"))
        assert not list(places.cache.glob("*.part"))
    assert len(mnist.test) == 5
    requests = {len(server.requests) for server in servers}
    # Where the download found no room either, once more into the system's temporary folder.
    assert requests == {1} or (no_room.__name__ == "mounted" and requests <= {1, 2})


def test_a_cache_that_is_no_folder_costs_nothing_but_a_warning(places, arrays, serve, monkeypatch):
    monkeypatch.delenv("AETUTOR_DATA")
    publish(monkeypatch, sources.MNIST, mnist_files(arrays), serve)
    places.cache.write_text("in the way")
    with pytest.warns(UserWarning, match="cannot be used"):
        assert len(data.load_mnist(offline="error").test) == 5


@pytest.mark.parametrize("mode", [0o555, 0o000])
def test_a_read_only_or_closed_cache_costs_nothing_but_a_warning(
    places, arrays, serve, monkeypatch, read_only_folder, mode
):
    monkeypatch.delenv("AETUTOR_DATA")
    publish(monkeypatch, sources.MNIST, mnist_files(arrays), serve)
    with read_only_folder(mode=mode) as folder:
        monkeypatch.setattr(pooch, "os_cache", lambda name: folder)
        with pytest.warns(UserWarning, match="cannot be used"):
            found = data.load_mnist(offline="error")
    assert len(found.test) == 5


def test_a_teachers_read_only_cache_is_read(places, arrays, monkeypatch, read_only_folder):
    monkeypatch.delenv("AETUTOR_DATA")
    sources.write_npz(places.cache / "mnist.npz", arrays)
    with read_only_folder(places.cache / "mnist.npz") as folder:
        monkeypatch.setattr(pooch, "os_cache", lambda name: folder)
        assert data.load_mnist(offline="error").source == "cache of an earlier download"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows asks the system for the home folder")
def test_without_a_home_folder_there_is_no_cache_and_no_folder_named_tilde(
    arrays, serve, monkeypatch, tmp_path
):
    for name in ("AETUTOR_DATA", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)  # a user whom the system does not know
    monkeypatch.chdir(tmp_path)
    publish(monkeypatch, sources.MNIST, mnist_files(arrays), serve)
    with pytest.warns(UserWarning, match="cannot be used: this user has no home folder"):
        assert len(data.load_mnist(offline="error").test) == 5
    assert list(tmp_path.iterdir()) == []


def put_images(queue):
    arrays, source = sources.find(sources.MNIST)
    queue.put((source, int(arrays["train_images"].sum())))


def test_of_eight_processes_one_downloads_and_all_have_it(
    places, arrays, serve, monkeypatch, forked
):
    monkeypatch.delenv("AETUTOR_DATA")
    servers = publish(monkeypatch, sources.MNIST, mnist_files(arrays), serve, ("late",))
    queue = multiprocessing.get_context("fork").Queue()
    processes = [forked(put_images, queue) for _ in range(8)]
    found = sorted(queue.get(timeout=60) for _ in processes)
    total = int(arrays["train_images"].sum())
    assert found[:7] == 7 * [("cache of an earlier download", total)]
    assert found[7][0].startswith("downloaded from")
    assert found[7][1] == total
    assert [len(server.requests) for server in servers] == [1, 1, 1, 1]


def test_whenever_a_download_is_killed_the_next_one_is_whole(
    places, arrays, serve, monkeypatch, forked, rng
):
    monkeypatch.delenv("AETUTOR_DATA")
    servers = publish(monkeypatch, sources.MNIST, mnist_files(arrays), serve, ("late",))
    for _ in range(8):
        process = forked(sources.find, sources.MNIST)
        process.join(rng.uniform(0, 2.2))  # four files, half a second each
        process.kill()
        process.join()
    assert sum(len(server.requests) for server in servers) > 4  # some were killed on the way
    assert np.array_equal(sources.find(sources.MNIST)[0]["train_images"], arrays["train_images"])
    assert {path.name for path in places.cache.iterdir()} <= {
        "mnist.npz",
        "mnist.lock",
        "mnist.prepared.safetensors",
    }


def test_ctrl_c_ends_the_wait_for_another_process(places, monkeypatch, forked):
    monkeypatch.delenv("AETUTOR_DATA")
    places.cache.mkdir()
    waits = multiprocessing.get_context("fork").Event()
    monkeypatch.setattr(_cache, "print", lambda *said, **settings: waits.set(), raising=False)
    with FileLock(places.cache / "mnist.lock"):
        process = forked(sources.find, sources.MNIST)
        assert waits.wait(timeout=30)
        os.kill(process.pid, signal.SIGINT)
        process.join(timeout=30)
        assert process.exitcode == 128 + signal.SIGINT


def test_a_cache_that_cannot_be_locked_is_read_all_the_same(places, arrays, monkeypatch):
    monkeypatch.delenv("AETUTOR_DATA")
    sources.write_npz(places.cache / "mnist.npz", arrays)

    def refuse(*arguments, **settings):
        raise OSError("no locks on this drive")

    monkeypatch.setattr(FileLock, "acquire", refuse)
    assert data.load_mnist(offline="error").source == "cache of an earlier download"


def test_prepare_writes_a_classrooms_file(places, arrays, tmp_path):
    sources.write_npz(places.classroom / "mnist.npz", arrays)
    path = data.prepare("mnist", tmp_path / "stick")
    stored = sources.read_npz(path, (28, 28))
    assert all(np.array_equal(stored[name], arrays[name]) for name in arrays)
    path.write_bytes(b"half")
    with pytest.raises(ValueError, match="cannot be used"):
        data.prepare("mnist", tmp_path / "stick")
    with pytest.raises(ValueError, match="got 'minst'; did you mean 'mnist'"):
        data.prepare("minst")


def test_torch_and_torchvision_of_different_builds_are_explained(monkeypatch):
    class Broken:
        def find_spec(self, name, path=None, target=None):
            if name == "torchvision":
                raise RuntimeError("operator torchvision::nms does not exist")

    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(ImportError, match="different builds; install both again"):
        _parsing.torchvision_datasets()
