"""The reader's own photographs: every kind of file is read right, or named."""

import errno
import importlib
import os
import re
import struct
import sys
import zlib
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image
from tqdm import tqdm

from aetutor import data, explore, models, photos, plotting, scenes, search, sources, training


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "album"
    path.mkdir()
    return path


@pytest.fixture
def noise(rng):
    """``noise(height, width)`` gives a random colour image."""
    return lambda height=32, width=32: Image.fromarray(
        rng.integers(0, 256, (height, width, 3), np.uint8)
    )


@pytest.fixture
def album(folder, noise):
    """A folder with thirty PNG files, 32x32."""
    for number in range(30):
        noise().save(folder / f"{number:02}.png")
    return folder


def halves(mode="RGB", size=(64, 64)):
    """An image whose upper half is red and whose lower half is blue."""
    image = Image.new("RGB", size, (230, 20, 20))
    image.paste((20, 20, 230), (0, size[1] // 2, size[0], size[1]))
    return image.convert(mode)


def is_red_above_blue(image, tolerance=30):
    top, bottom = image[:12].reshape(-1, 3), image[-12:].reshape(-1, 3)
    return (
        abs(top.mean(axis=0) - (230, 20, 20)).max() < tolerance
        and abs(bottom.mean(axis=0) - (20, 20, 230)).max() < tolerance
    )


def test_a_data_set_written_as_png_is_the_same_data_set(folder, rng):
    arrays = {}
    for split, count in (("train", 60), ("test", 20)):
        arrays[f"{split}_images"] = rng.integers(0, 256, (count, 32, 32, 3), np.uint8)
        arrays[f"{split}_labels"] = np.arange(count) % 3
        for number, image in enumerate(arrays[f"{split}_images"]):
            place = folder / split / f"class {number % 3}"
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(place / f"{number}.png")
    images = sources.ordered(arrays)
    expected = data._image_data(sources.CIFAR10, images, "", ("0", "1", "2"), is_standin=False)
    ours = data.load_folder(folder)
    assert ours.fingerprint == expected.fingerprint
    for split in ("train", "val", "test"):
        one, other = getattr(ours, split), getattr(expected, split)
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.labels, other.labels)
    assert (ours.name, ours.value_range) == ("album", expected.value_range)
    assert ours.class_names == ("class 0", "class 1", "class 2")
    assert not ours.is_standin


def test_splits_do_not_depend_on_names_and_leave_a_tenth_each(album, tmp_path):
    first = data.load_folder(album)
    assert [len(split) for split in (first.train, first.val, first.test)] == [24, 3, 3]
    assert first.source == "30 images in the folder album"
    for number, path in enumerate(sorted(album.iterdir())):
        path.rename(album / f"{97 * number % 31}.jpeg")
    second = data.load_folder(album)
    assert second.fingerprint == first.fingerprint
    assert torch.equal(second.test.images, first.test.images)


def test_classes_are_the_subfolders(folder, noise):
    places = ("birds/a.png", "birds/more/b.png", "cats/c.png", "d.png", ".hidden/e.png", ".f.png")
    for place in places:
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        noise().save(folder / place)
    found = data.load_folder(folder)
    assert found.class_names == ("album", "birds", "cats")
    labels = torch.cat([found.train.labels, found.val.labels, found.test.labels])
    assert labels.bincount().tolist() == [1, 2, 1]


def test_a_photograph_is_cut_to_its_middle_and_reduced(folder):
    wide = Image.new("RGB", (200, 80), "green")
    wide.paste("white", (60, 0, 140, 80))  # the central square
    wide.save(folder / "wide.png")
    assert (photos.read(folder / "wide.png", 16)[:, 1:-1] >= 250).all()
    smooth = Image.linear_gradient("L").resize((640, 480)).convert("RGB")
    smooth.save(folder / "smooth.jpg", quality=95)  # decoded at an eighth of its size
    rows = photos.read(folder / "smooth.jpg", 16).mean(axis=(1, 2))
    assert abs(rows - np.linspace(8, 247, 16)).max() < 4


def test_a_photograph_stands_upright_as_the_camera_was_held(folder):
    exif = Image.Exif()
    for orientation, turn in ((1, 0), (3, 180), (6, 90), (8, -90)):
        exif[0x0112] = orientation
        path = folder / f"{orientation}.jpg"
        halves().rotate(turn).save(path, exif=exif, quality=95)
        assert is_red_above_blue(photos.read(path, 32)), orientation


@pytest.mark.parametrize(
    ("name", "mode", "settings"),
    [
        ("photo.jpg", "RGB", {"quality": 95}),
        ("print.jpg", "CMYK", {"quality": 95}),
        ("print.tif", "CMYK", {}),
        ("drawing.gif", "P", {}),
        ("drawing.bmp", "RGB", {}),
        ("photo.webp", "RGB", {}),
        ("photo.png", "RGBA", {}),
    ],
)
def test_every_kind_of_colour_is_read(folder, name, mode, settings):
    halves(mode).save(folder / name, **settings)
    assert is_red_above_blue(photos.read(folder / name, 32))


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bits_keep_their_shades(folder, suffix):
    ramp = np.linspace(0, 65_535, 32 * 32).reshape(32, 32).astype(np.uint16)
    Image.fromarray(ramp).save(folder / f"ramp.{suffix}")
    image = photos.read(folder / f"ramp.{suffix}", 32)
    assert np.array_equal(image, np.repeat((ramp >> 8).astype(np.uint8)[..., None], 3, axis=2))


def test_grey_and_black_and_white_become_colour(folder):
    Image.linear_gradient("L").resize((32, 32)).save(folder / "grey.png")
    grey = photos.read(folder / "grey.png", 32)
    assert (grey == grey[..., :1]).all()
    assert np.ptp(grey) > 200
    Image.new("1", (32, 32), 1).save(folder / "fax.png")
    assert (photos.read(folder / "fax.png", 32) == 255).all()


def test_what_is_transparent_becomes_white(folder):
    image = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
    image.paste((230, 20, 20, 255), (0, 0, 32, 16))
    image.save(folder / "logo.png")
    read = photos.read(folder / "logo.png", 32)
    assert (read[:16] == (230, 20, 20)).all()
    assert (read[16:] == 255).all()


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_of_an_animation_the_first_frame_is_taken(folder, suffix):
    frames = [halves(), Image.new("RGB", (64, 64), "green"), Image.new("RGB", (64, 64), "white")]
    path = folder / f"film.{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
    with Image.open(path) as film:
        assert film.n_frames == 3
    assert is_red_above_blue(photos.read(path, 32))


def bomb():
    """A PNG of a few hundred bytes that says it has 50,000 x 50,000 pixels."""

    def chunk(kind, content):
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 1, 0, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(bytes(10_000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


def test_files_that_cannot_be_read_are_named_and_left_out(album, noise, capsys):
    whole = (album / "00.png").read_bytes()
    (album / "cut.png").write_bytes(whole[:1500])
    halves(size=(300, 300)).save(album / "cut.jpg")
    (album / "cut.jpg").write_bytes((album / "cut.jpg").read_bytes()[:1200])
    (album / "empty.jpg").touch()
    (album / "text.jpg").write_text("Dear diary")
    (album / "bomb.png").write_bytes(bomb())
    Image.fromarray(np.zeros((32, 32), np.float32)).save(album / "depth.tif")
    noise().save(album / "misnamed", format="JPEG")  # read, as any other
    reasons = {
        "cut.png": r"truncated|broken",
        "cut.jpg": r"truncated|broken",
        "empty.jpg": "it is empty",
        "text.jpg": "it is no image that Pillow can read",
        "bomb.png": "exceeds limit .* decompression bomb",
        "depth.tif": "floating-point numbers, whose range is not known",
    }
    if sys.platform != "win32":
        (album / "gone.png").symlink_to(album / "nowhere.png")
        os.mkfifo(album / "pipe")  # to open it would wait for ever
        reasons |= dict.fromkeys(("gone.png", "pipe"), "it is a link to nothing, or no file")
    for _ in range(2):  # the second time they are not read again
        found = data.load_folder(album)
        assert found.source == "31 images in the folder album"
        said = capsys.readouterr().out
        assert f"cannot be read: {len(reasons)}" in said
        for name, reason in reasons.items():
            assert re.search(rf"^  {re.escape(name)}: .*{reason}", said, flags=re.MULTILINE), name


def test_no_more_than_ten_are_named(album, capsys):
    for number in range(13):
        (album / f"{number:02}.txt").write_text("no image")
    data.load_folder(album)
    said = capsys.readouterr().out
    assert said.count(".txt: ") == 10
    assert said.endswith("  and 3 more\n")


@pytest.mark.parametrize("count", [0, 2])
def test_a_folder_with_too_few_images_is_refused(folder, noise, count):
    for number in range(count):
        noise().save(folder / f"{number}.png")
    (folder / "diary.txt").write_text("no image")
    reason = rf"at least 3 images .* has {count}; 1 files cannot be read, diary.txt for instance"
    with pytest.raises(ValueError, match=reason):
        data.load_folder(folder)


def test_what_is_no_folder_is_refused(folder):
    for path in (folder / "nowhere", folder / "file"):
        (folder / "file").touch()
        with pytest.raises(OSError, match="there is no folder"):
            data.load_folder(path)
    with pytest.raises(ValueError, match="size must be a whole number of at least 1, got 0"):
        data.load_folder(folder, size=0)


def test_a_folder_that_is_closed_is_named(album, monkeypatch, capsys):
    walk = os.walk

    def closed(folder, onerror):
        onerror(PermissionError(errno.EACCES, "Permission denied", str(folder / "private")))
        return walk(folder)

    monkeypatch.setattr(os, "walk", closed)
    data.load_folder(album)
    assert "  private: Permission denied" in capsys.readouterr().out


@pytest.mark.slow
def test_several_processes_read_what_one_reads(album, monkeypatch):
    (album / "broken.jpg").write_text("no image")
    paths = sorted(album.iterdir())
    alone = photos.read_all(paths, 24, processes=1)
    monkeypatch.setattr(photos, "FEW", 3)
    monkeypatch.setattr(photos, "AT_ONCE", 4)
    together = photos.read_all(paths, 24, processes=2)
    assert len(together) == len(paths)
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one, other)


def test_a_process_that_is_killed_is_told_of(album, tmp_path, monkeypatch):
    (tmp_path / "killer.py").write_text("import os\ndef die(path, size):\n    os._exit(1)\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(photos, "FEW", 3)
    monkeypatch.setattr(photos, "_attempt", importlib.import_module("killer").die)
    with pytest.raises(OSError, match="ended early: there may be too little memory"):
        photos.read_all(sorted(album.iterdir()), 32, processes=2)


def test_reading_shows_a_progress_bar_and_leaves_nothing_behind(album, monkeypatch, capsys):
    monkeypatch.setattr(photos, "tqdm", partial(tqdm, disable=False))
    data.load_folder(album)
    captured = capsys.readouterr()
    assert "reading images" in captured.out
    assert captured.err == ""


@pytest.fixture
def no_reading(monkeypatch):
    def refuse(*arguments):
        raise AssertionError("the photographs are read again")

    return lambda: monkeypatch.setattr(photos, "read_all", refuse)


def test_photographs_are_read_once(album, cache, no_reading):
    first = data.load_folder(album)
    no_reading()
    second = data.load_folder(album)
    assert second.fingerprint == first.fingerprint
    assert second.class_names == first.class_names
    assert torch.equal(second.train.images, first.train.images)
    assert not list(album.glob("*.safetensors"))
    with pytest.raises(AssertionError):
        data.load_folder(album, size=16)


def test_a_changed_folder_is_read_again(album, cache, noise):
    before = data.load_folder(album)
    noise().save(album / "00.png")
    changed = data.load_folder(album)
    assert changed.fingerprint != before.fingerprint
    (album / "01.png").unlink()
    assert len(data.load_folder(album).train) == 23
    assert len(list(cache.rglob("*.safetensors"))) == 1  # of one folder, one copy


def test_a_damaged_copy_is_made_again(album, cache):
    before = data.load_folder(album)
    (copy,) = cache.rglob("*.safetensors")
    content = bytearray(copy.read_bytes())
    for damaged in (content[:5000], content[:-30_000] + bytes(30_000), b""):
        copy.write_bytes(damaged)
        assert data.load_folder(album).fingerprint == before.fingerprint
        assert copy.stat().st_size == len(content)


def test_without_a_cache_photographs_are_read_all_the_same(album, monkeypatch):
    def homeless():
        raise OSError("this user has no home folder")

    monkeypatch.setattr(sources._folder, "cache_folder", homeless)
    assert len(data.load_folder(album).test) == 3


def test_fit_figures_scenes_and_search_take_them_at_another_size(folder, noise):
    for kind in ("cats", "dogs"):
        (folder / kind).mkdir()
        for number in range(12):
            noise(48, 64).save(folder / kind / f"{number}.jpg")
    own = data.load_folder(folder, size=40)
    assert own.image_shape == (3, 40, 40)
    model = models.ColorConvAutoencoder(6, base_channels=4, image_size=40)
    history = training.fit(model, own, epochs=2, batch_size=8, flip=True)
    assert len(history) == 2
    images = own.test[:][0]
    plotting.reconstructions(images, model(images))
    index = search.ImageIndex(search.embed(model, own.train), model)
    assert index.nearest(own.train[:2][0], k=1)[1].tolist() == [[0], [1]]
    shown = (
        explore.interpolation(model, own.test),
        explore.latent_axes(model, own.test),
        explore.similarity({"codes": index}, own.train, class_names=own.class_names),
    )
    assert all(isinstance(stage.scene, scenes.Scene) for stage in shown)
