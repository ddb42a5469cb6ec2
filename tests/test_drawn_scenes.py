"""The scenes that are worked by a pen, by a place to drag, and step by step."""

import itertools

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch.nn import functional as F

from aetutor import data, models, scenes, weights
from aetutor.scenes import DRAWINGS, _glyphs, _sheet, _stamp, centred, drawn
from aetutor.scenes._latent_map import WITHIN

FINE = 4  # a machine sees a digit so many times as finely as its pixels


@pytest.fixture(scope="module")
def mnist():
    images = data.load_mnist()
    if images.is_standin:
        pytest.skip("needs the real mnist images")
    return images


def test_the_pen_is_round_and_as_wide_as_it_says():
    dot = drawn([[(10.5, 6.5)]]).float() / 255
    rows, columns = torch.meshgrid(torch.arange(28), torch.arange(28), indexing="ij")
    distance = ((rows - 6.0) ** 2 + (columns - 10.0) ** 2).sqrt()
    assert (dot[distance <= _sheet.RADIUS - 0.5] == 1).all()
    assert (dot[distance >= _sheet.RADIUS + 0.5] == 0).all()
    line = drawn([[(5, 14), (23, 14)]]).float() / 255  # along a line between two rows
    assert line[:, 14].sum().item() == pytest.approx(2 * _sheet.RADIUS, abs=0.05)


def test_digits_of_mnist_are_centred_already(mnist):
    images = mnist.test[:100][0][:, 0]
    for image in images:
        assert torch.allclose(centred(image), image, atol=1e-3)


def test_a_drawing_is_centred_wherever_it_stands():
    small = [[(4, 3), (9, 3), (6, 11)], [(5, 7), (8, 7)]]
    first = centred(drawn(small).float() / 255)
    for right, down in ((13, 0), (0, 14), (11, 12)):
        moved = [[(x + right, y + down) for x, y in stroke] for stroke in small]
        torch.testing.assert_close(centred(drawn(moved).float() / 255), first)


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_fills_the_box_around_its_centre_of_mass(name):
    image = centred(drawn(DRAWINGS[name]).float() / 255)
    places = torch.arange(28) + 0.5
    for ink in (image.sum(dim=0), image.sum(dim=1)):
        assert (places * ink).sum() / ink.sum() == pytest.approx(14.5, abs=0.6)
    sides = [(image.amax(dim=dim) > 0.1).sum().item() for dim in (0, 1)]
    assert 19 <= max(sides) <= 21


def strokes_of(image, grown, right, down):
    """How a machine draws a digit, larger and elsewhere: it follows the outline from inside.

    It keeps the pen's radius away from the outline, or in the middle where a line is thinner, and
    goes along all that is left, row by row.
    """
    fine = F.interpolate(image[None], scale_factor=FINE, mode="bilinear")[0, 0].numpy() > 0.5
    deep = ndimage.distance_transform_edt(fine) * grown / FINE
    middle = (deep > 0) & (deep >= ndimage.maximum_filter(deep, 3) - 1e-6)
    strokes = []
    for row, inside in enumerate((deep >= _sheet.RADIUS) | middle):
        columns = inside.nonzero()[0]
        for run in np.split(columns, (np.diff(columns) > 1).nonzero()[0] + 1):
            if len(run):
                y = 14 + ((row + 0.5) / FINE - 14) * grown + down
                x = (14 + ((run[[0, -1]] + 0.5) / FINE - 14) * grown + right).tolist()
                strokes.append([(x[0], y), (x[1], y)])
    return strokes


def test_digits_that_are_drawn_have_the_codes_of_their_originals(mnist):
    images, dice = mnist.test[:200][0], torch.Generator().manual_seed(0)
    sheets = []
    for image in images:
        shift = torch.rand(2, generator=dice) - 0.5
        sheets.append(drawn(strokes_of(image, 1.35, *shift.tolist())))
    again = torch.stack([centred(sheet.float() / 255) for sheet in sheets])[:, None]
    for name in ("mnist-conv-10", "mnist-conv-64", "mnist-linear-10", "mnist-linear-64"):
        model = weights.trained(name)
        with torch.inference_mode():
            nearest = torch.cdist(model.encode(again), model.encode(images)).argmin(dim=1)
        assert (nearest == torch.arange(200)).float().mean() >= 0.9, name


@pytest.fixture(scope="module")
def drawing(digits):
    images = digits.train[:][0]
    networks = {
        "PCA": {size: models.PCAAutoencoder.fit(images, size) for size in (2, 10)},
        "network": {size: models.LinearAutoencoder(size) for size in (2, 10)},
    }
    return scenes.Drawing(networks, digits.test)


def test_each_network_gets_the_centred_drawing_and_its_error_is_ranked(drawing, digits):
    shown = drawing.show(drawing=1)
    image = centred(drawn(DRAWINGS["a face"]).float() / 255)[None, None]
    compared = digits.test[:][0]
    assert (shown["centred"][..., 0] - 255 * image[0, 0]).abs().max() <= 1
    for row, by_size in enumerate(drawing.networks, 1):
        for column, model in enumerate(by_size, 1):
            made = model(image)
            tile = shown[f"row_{row}"][:, 29 * (column - 1) : 29 * column - 1, 0]
            assert (tile - 255 * made[0, 0].clamp(0, 1)).abs().max() <= 1
            error = (made - image).square().mean().item()
            assert shown[f"error_{row}_{column}"].item() == pytest.approx(error, rel=1e-4)
            errors = (model(compared) - compared).square().mean(dim=(1, 2, 3))
            rank = (errors < error).float().mean().item()
            assert shown[f"rank_{row}_{column}"].item() == pytest.approx(rank, abs=0.01)
    words = drawing.in_words({"drawing": 1}, shown)
    assert words["drawing"] == "a face"
    assert "through 2 and 10 numbers" in words["message"]


def test_a_drawing_may_be_a_sheet_of_ones_own_empty_or_full(drawing):
    own = drawn([[(8, 8), (20, 20)]])
    assert drawing.in_words({"drawing": own}, drawing.show(drawing=own))["drawing"] == (
        "your drawing"
    )
    for sheet, word in ((torch.zeros(28, 28), "is empty"), (torch.full((784,), 255), "is full")):
        shown = drawing.show(drawing=sheet)
        assert word in drawing.in_words({"drawing": sheet}, shown)["message"]
        assert shown["row_1"][..., :3].float().std() > 1  # no blank picture
    for sheet in (torch.zeros(27, 28), torch.full((28, 28), 256), [], 4, -1):
        with pytest.raises(ValueError, match="drawing must be"):
            drawing.show(drawing=sheet)


def test_what_no_drawing_can_be_shown_with_is_refused(drawing, digits, patches):
    linear = {2: models.LinearAutoencoder(2)}
    for networks, settings, message in (
        ({}, {}, "needs networks and a drawing, got none"),
        ({"a": linear}, {"drawings": {}}, "needs networks and a drawing, got none"),
        ({"a": linear, "b": {}}, {}, r"of the same lengths, got \[\(2,\), \(\)\]"),
        ({"a": {2: models.ColorConvAutoencoder(2)}}, {}, r"got one for \(3, 32, 32\)"),
    ):
        with pytest.raises(ValueError, match=message):
            scenes.Drawing(networks, digits.test, **settings)


class Plane(models.Autoencoder):
    """Codes at (-8, -4) for an image of a 0, and so on along a line, and whatever decodes them."""

    def __init__(self):
        super().__init__(2, (1, 28, 28), (0.0, 1.0))

    def encoder(self, images):
        place = images[:, 0, 0, :1] * 255
        return torch.cat([2 * place - 8, place - 4], dim=1)

    def decoder(self, latents):
        return latents[:, :1, None, None].expand(-1, 1, 28, 28) / 20 + 0.5


@pytest.fixture
def plane():
    """A map of ten digits along a line; all others lie at (12, 6), 5 ** 0.5 from the nearest."""
    pixels, labels = torch.arange(10), torch.arange(10)
    train, test = (
        data.Split(
            values.to(torch.uint8)[:, None, None, None].repeat(1, 1, 28, 28), labels, (0.0, 1.0)
        )
        for values in (pixels, torch.full_like(pixels, 10))
    )
    return scenes.LatentMap({"line": Plane()}, train, test)  # which would show more


def place_of(scene, x, y):
    code = torch.tensor([x, y])
    return ((code - scene.lowest[0]) / scene.extent[0]).tolist()


def test_a_place_on_the_map_is_decoded_and_the_nearest_code_is_found(plane):
    for x, y, label, distance in ((-8, -4, 0, 0), (10, 5, 9, 0), (2.2, 1.1, 5, 0.05**0.5)):
        shown = plane.show(point=place_of(plane, x, y))
        assert shown["label"] == label
        assert shown["distance"].item() == pytest.approx(distance, abs=1e-4)
        assert (shown["x"].item(), shown["y"].item()) == pytest.approx((x, y), abs=1e-4)
        assert (shown["decoded"][..., 0] - 255 * (x / 20 + 0.5)).abs().max() <= 1
        assert (shown["nearest"][..., 0] == label).all()
    near = plane.in_words(plane.defaults(), plane.show(point=place_of(plane, 2, 2.9)))
    assert near["message"].startswith("Digits were here")
    far = plane.in_words(plane.defaults(), plane.show(point=place_of(plane, 8, -6)))
    assert far["message"].startswith("Here was no digit")
    inside = sum(5 * (n - 4) ** 2 < WITHIN**2 for n in range(10)) / 10
    assert near["inside"] == f"{inside:.0%}"


def test_labels_on_the_map_stand_where_their_codes_are_and_never_on_each_other(plane, digits):
    ground = plane.grounds[0]
    for label in range(10):
        x, y = place_of(plane, 2 * label - 8, label - 4)
        row, column = int(160 * (1 - y)), int(160 * x)
        tile = ground[row - 3 : row + 4, column - 2 : column + 3]
        inked = (tile != 25).any(dim=2)[1:6, 1:4]
        assert torch.equal(inked, _glyphs.digit(label))
    crowded = models.PCAAutoencoder.fit(digits.train[:][0], 2)
    ground = scenes.LatentMap({"PCA": crowded}, digits.train, digits.test, shown=150).grounds[0]
    tiles, frame = [], torch.ones(7, 5, dtype=torch.bool)
    frame[1:6, 1:4] = False
    for row, column in itertools.product(range(154), range(156)):
        tile = (ground[row : row + 7, column : column + 5] == 25).all(dim=2)
        tiles += [(row, column)] if tile[frame].all() else []
    assert len(tiles) > 20
    for (row, column), (other, beside) in itertools.combinations(tiles, 2):
        assert abs(row - other) >= 7 or abs(column - beside) >= 5


def test_the_ring_is_where_the_place_is(plane):
    for right, up in ((0.25, 0.75), (0.9, 0.1)):
        shown = plane.show(point=(right, up))["map"][..., :3].float()
        changed = (shown != plane.grounds[0].float()).any(dim=2).nonzero().float()
        middle = (changed.amax(dim=0) + changed.amin(dim=0) + 1) / 2
        assert middle.tolist() == pytest.approx([160 * (1 - up), 160 * right], abs=1)


def test_what_no_map_can_be_drawn_of_is_refused(digits, patches):
    pca = models.PCAAutoencoder.fit(digits.train[:][0], 3)
    for ask, message in (
        (lambda: scenes.LatentMap({}, digits.train, digits.test), "needs a network, got none"),
        (lambda: scenes.LatentMap({"a": pca}, digits.train, digits.test), "'a' has 3"),
        (
            lambda: scenes.LatentMap({"a": pca.leading(2)}, digits.train, digits.test, shown=1),
            "shown must be a whole number of at least 2, got 1",
        ),
        (
            lambda: scenes.LatentMap({"a": pca.leading(2)}, patches.train, patches.test, shown=9),
            r"shape \(B, 1, 28, 28\), got",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            ask()


REACH = {
    "size": range(1, 6),
    "kernel": range(1, 5),
    "stride": range(1, 4),
    "padding": range(3),
    "output_padding": range(3),
}


def test_the_stamp_computes_what_torch_does_wherever_its_sliders_stand():
    scene = scenes.Stamp()
    sliders = {control.name: control for control in scene.controls if control.name in REACH}
    for name, values in REACH.items():
        assert (sliders[name].low, sliders[name].high) == (min(values), max(values))
    computed = scene_numbers(scene)
    for values in itertools.product(*REACH.values()):
        settings = dict(zip(REACH, values, strict=True))
        for way, numbers in itertools.product((0, 1), (0, 1)):
            result, shown = computed(way, numbers, settings)
            expected = by_torch(scene, way, numbers, settings)
            counted, formula = shown["counted"].item(), shown["formula"].item()
            if expected is None:
                assert (counted, shown["steps"].item()) == (0, 0), (way, settings)
                continue
            assert counted == formula == len(expected), (way, settings)
            assert torch.equal(result[: len(expected), : len(expected)], expected), (way, settings)
            assert result.max() <= 99


def scene_numbers(scene):
    """A function that gives the output's numbers after the last step, and what is shown."""
    seen = []

    def keep(numbers, colours, count, cell, side, there=None):
        seen.append(numbers)
        return torch.zeros(side, side, 4, dtype=torch.uint8)  # to draw them takes longer

    scene._drawn = keep

    def computed(way, numbers, settings):
        seen.clear()
        shown = scene.show(way=way, values=numbers, step=float(_stamp.PADDED**2), **settings)
        return next(each for each in seen if len(each) == _stamp.GROWN), shown

    return computed


def by_torch(scene, way, numbers, settings):
    """What torch makes of the same numbers, or None where it refuses."""
    size, kernel, stride, padding, more = settings.values()
    pixels = scene.pixels[:size, :size] if numbers else torch.ones(size, size)
    window = scene.kernels[:kernel, :kernel] if numbers else torch.ones(kernel, kernel)
    try:
        if way:
            settings = {"stride": stride, "padding": padding, "output_padding": more}
            return F.conv_transpose2d(pixels[None, None], window[None, None], **settings)[0, 0]
        settings = {"stride": stride, "padding": padding}
        return F.conv2d(pixels[None, None], window[None, None], **settings)[0, 0]
    except RuntimeError:
        return None


def test_each_step_reads_and_writes_the_cells_that_belong_together():
    scene = scenes.Stamp()
    settings = {"size": 4, "kernel": 2, "stride": 2, "padding": 1, "values": 1}
    # A convolution of 4 + 2 cells in steps of 2: 3 x 3 windows; the fifth is the middle one.
    shown = scene.show(way=0, step=5.0, **settings)
    assert cells_of(shown["input"], _stamp.READ, 6) == [(2, 2), (2, 3), (3, 2), (3, 3)]
    assert cells_of(shown["output"], _stamp.WRITTEN, 3) == [(1, 1)]
    # The transposed one makes 3 * 2 - 2 + 2 = 6 cells, and cuts off the first row of stamps.
    shown = scene.show(way=1, step=2.0, output_padding=0, **settings)
    assert cells_of(shown["input"], _stamp.READ, 4) == [(0, 1)]
    assert cells_of(shown["output"], _stamp.WRITTEN, 6) == [(0, 1), (0, 2)]


def cells_of(picture, colour, count):
    """The cells of a grid whose corner has a colour."""
    lines = (picture[2, :, :3] == torch.tensor(_stamp.LINE)).all(dim=1).nonzero()[:, 0]
    cell = (lines[1] - lines[0]).item()
    corners = picture[1 : 1 + count * cell : cell, 1 : 1 + count * cell : cell, :3]
    return [tuple(c) for c in (corners == torch.tensor(colour)).all(dim=2).nonzero().tolist()]


def test_numbers_can_be_read_in_their_cells_and_overlaps_have_a_darker_ground():
    scene = scenes.Stamp()
    # Kernel 3, stride 2, all ones: the checkerboard of overlaps, 1 2 1 2 1 in each direction.
    shown = scene.show(size=2, kernel=3, stride=2, padding=0, output_padding=0, step=81.0)
    cell = _stamp.CELL
    scale = (cell - 2) // _glyphs.WIDTH
    stamps = torch.tensor([1, 1, 2, 1, 1])
    for row, column in itertools.product(range(5), repeat=2):
        tile = shown["output"][row * cell : (row + 1) * cell, column * cell : (column + 1) * cell]
        top, left = ((cell - scale * side) // 2 for side in (_glyphs.HEIGHT, _glyphs.WIDTH))
        inked = (tile[top::scale, left::scale, :3] == 0).all(dim=2)[: _glyphs.HEIGHT, :7]
        number = stamps[row] * stamps[column]
        assert torch.equal(inked, _glyphs.numbers()[number])
        if row < 2 or column < 2:  # not written last
            expected = torch.tensor(_stamp.SUMS[min(number, 3)])
            assert torch.equal(tile[1, 1, :3].int(), expected.int())


def test_settings_without_an_output_are_explained_and_the_picture_is_crossed_out():
    scene = scenes.Stamp()
    for values, words in (
        ({"way": 0, "size": 1, "kernel": 4, "padding": 1}, "kernel (4) is larger than the input"),
        ({"way": 1, "stride": 2, "output_padding": 2}, "must be smaller than the stride (2)"),
        ({"way": 1, "size": 1, "kernel": 2, "padding": 2, "output_padding": 0}, "cuts off all"),
    ):
        shown = scene.show(**values)
        said = scene.in_words(scene.defaults() | values, shown)
        assert words in said["message"]
        assert said["sizes"] == ""
        assert torch.equal(shown["output"], scene.crossed)
