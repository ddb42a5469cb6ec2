import io
import sys
import threading
import tracemalloc
import types

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image

from aetutor import data, explore, latent, models, patterns, scenes, search
from aetutor.history import to_bytes
from aetutor.scenes import parts as parts_of_scenes


@pytest.fixture(scope="module")
def model(digits):
    return models.PCAAutoencoder.fit(digits.train[:][0], 20)


@pytest.fixture
def morph(model, digits):
    return explore.interpolation(model, digits.test, start=3, end=8)


def opened(widget):
    """The pixels of a picture, in its own size: (H, W) if they are grey, else (H, W, 3)."""
    image = np.array(Image.open(io.BytesIO(widget.value)).convert("RGB"))
    grey = (image == image[..., :1]).all()
    return torch.from_numpy(image[..., 0] if grey else image)


def parts(widget, rows, columns):
    """The images of a grid, a white line between two: (rows, columns, H, W) or (…, H, W, C)."""
    pixels = opened(widget)
    height, width = (pixels.shape[0] + 1) // rows - 1, (pixels.shape[1] + 1) // columns - 1
    tops, lefts = range(0, len(pixels), height + 1), range(0, pixels.shape[1], width + 1)
    return torch.stack(
        [
            torch.stack([pixels[top : top + height, left : left + width] for left in lefts])
            for top in tops
        ]
    )


def assert_equal(pixels, image):
    expected = to_bytes(image.reshape(28, 28), (0.0, 1.0))
    assert (pixels.int() - expected.int()).abs().max() <= 1


def assert_draws(widget, image):
    assert_equal(opened(widget), image)


def pairwise_cosine(vectors):
    directions = vectors / vectors.norm(dim=1, keepdim=True)
    return directions @ directions.T


def first_and_last(morph):
    """The two images: the ends of the strip's second row."""
    images = parts(morph.strip, 2, 10)[1]
    return images[0], images[-1]


def test_the_picture_is_the_decoded_code_at_the_slider(morph, model):
    images = [image[None, None] / 255 for image in first_and_last(morph)]
    codes = model.encode(torch.cat(images))
    for method in latent.METHODS:
        morph.method.value = method
        path = to_bytes(model.decode(latent.interpolate(*codes, 101, method)), (0.0, 1.0))
        for position in (0.0, 0.25, 0.5, 1.0):
            morph.position.value = position
            expected = path[round(100 * position), 0].int()
            assert (opened(morph.picture).int() - expected).abs().max() <= 1


def test_the_crossfade_goes_from_one_image_to_the_other(morph):
    start, end = (image.int() for image in first_and_last(morph))
    for position in (0.0, 0.3, 1.0):
        morph.position.value = position
        mixture = (1 - position) * start + position * end
        assert (opened(morph.crossfade) - mixture).abs().max() <= 1


def test_the_strip_has_ten_steps_decoded_above_ten_mixed(morph):
    steps, mixed = parts(morph.strip, 2, 10)
    assert steps.shape == (10, 28, 28)
    third = mixed[0] + (mixed[-1].int() - mixed[0].int()) / 3
    assert (mixed[3] - third).abs().max() <= 1
    for position, step in ((0.0, steps[0]), (1.0, steps[-1])):
        morph.position.value = position
        assert torch.equal(opened(morph.picture), step)


def test_a_button_gives_another_image_of_the_same_digit(morph, digits):
    before = first_and_last(morph)
    morph.other_start.click()
    after = first_and_last(morph)
    assert not torch.equal(before[0], after[0])
    assert torch.equal(before[1], after[1])
    threes = digits.test.images[digits.test.labels == 3][:, 0]
    assert (threes == after[0]).flatten(1).all(dim=1).any()


def test_another_digit_can_be_chosen_and_played(morph, digits):
    morph.end.value = "5"
    fives = digits.test.images[digits.test.labels == 5][:, 0]
    assert (fives == first_and_last(morph)[1]).flatten(1).all(dim=1).any()
    morph.position_play.value = 100
    assert morph.position.value == 1.0


def test_the_player_leaves_the_slider_where_the_hand_puts_it(morph):
    for step in range(101):
        morph.position.value = step / 100
        assert morph.position.value == step / 100


def test_the_player_goes_on_from_where_the_hand_left_the_slider(morph):
    morph.position_play.value = 30
    morph.position.value = 0.9
    assert morph.position_play.value == 90


def test_a_path_that_is_not_defined_is_explained_and_the_straight_line_stays(digits):
    model = models.PCAAutoencoder.fit(digits.train[:][0], 1)  # a code of one number: + or -
    morph = explore.interpolation(model, digits.test, start=0, end=1)
    morph.method.value = "spherical"
    while not morph.message.value:  # until the two codes have opposite signs, as most pairs have
        morph.other_end.click()
    morph.method.value = "linear"
    morph.position.value = 0.5
    before = morph.picture.value, morph.strip.value
    assert morph.message.value == ""
    morph.method.value = "spherical"
    assert "opposite directions" in morph.message.value
    assert (morph.picture.value, morph.strip.value) == before
    morph.method.value = "linear"
    assert morph.message.value == ""


def test_pictures_belong_together_whatever_comes_at_the_same_time(morph):
    """Two threads choose images at once; in the end all pictures are of the same pair."""

    def choose(button):
        for _ in range(5):
            button.click()

    threads = [
        threading.Thread(target=choose, args=[button])
        for button in (morph.other_start, morph.other_end)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for position, image in zip((0.0, 1.0), first_and_last(morph), strict=True):
        morph.position.value = position
        assert torch.equal(opened(morph.crossfade), image)


def test_names_stand_for_labels(model, digits):
    names = [f"digit {label}" for label in range(10)]
    morph = explore.interpolation(model, digits.test, class_names=names)
    assert (morph.start.value, morph.end.value) == ("digit 0", "digit 9")


def test_pictures_are_enlarged_on_the_page_with_their_pixels_left_square(morph):
    (style,) = [part for part in morph.widget.children if isinstance(part, widgets.HTML)]
    assert "image-rendering: pixelated" in style.value
    for picture in (morph.picture, morph.crossfade, morph.strip):
        assert all(name in style.value for name in picture._dom_classes)
        assert int(picture.width) >= 200
        assert int(picture.width) % opened(picture).shape[1] == 0


def test_a_colour_model_gives_colour_pictures(patches):
    model = models.ColorConvAutoencoder(4, base_channels=4)
    assert opened(explore.interpolation(model, patches.test).picture).shape == (32, 32, 3)


@pytest.fixture
def axes(model, digits):
    return explore.latent_axes(model, digits.test, axes=3)


@pytest.fixture
def stranger(model, digits):
    return explore.out_of_distribution(model, digits.test)


@pytest.fixture(scope="module")
def codes(model, digits):
    return model.encode(digits.train[:][0])


@pytest.fixture
def drawn(model, codes):
    sources = {"N(0, I)": latent.Gaussian.standard(20), "fitted": latent.Gaussian.fit(codes)}
    return explore.samples(model, sources)


@pytest.fixture
def flowing(model, codes):
    return explore.flow(model, latent.Flow(20, width=8, blocks=1, classes=10), codes)


@pytest.fixture
def neighbours(model, digits):
    images = digits.test[:][0]
    indices = {
        "codes": search.ImageIndex(search.embed(model, images), model),
        "pixels": search.ImageIndex(images.flatten(1)),
    }
    return explore.similarity(indices, digits.test)


@pytest.fixture
def units(digits):
    return explore.sparse_units(models.SparseAutoencoder(60, k=8), digits.test)


@pytest.fixture
def tokens(digits):
    return explore.tokens(models.VQAutoencoder(32, entries=9).eval(), digits.test)


@pytest.fixture
def rounded(patches):
    model = models.ColorConvAutoencoder(6, base_channels=2).eval()
    with torch.no_grad():
        latents = model.encode(patches.train[:100][0])
    return explore.rounded_code(model, latents, patches.test)


@pytest.fixture(scope="module")
def drawing(digits):
    networks = {"PCA": {2: models.PCAAutoencoder.fit(digits.train[:][0], 2)}}
    return explore.drawing(networks, digits.test)


@pytest.fixture
def latent_map(digits):
    plane = models.PCAAutoencoder.fit(digits.train[:][0], 2)
    networks = {"PCA": plane, "again": plane}
    return explore.latent_map(networks, digits.train, digits.test, shown=100)


@pytest.fixture
def stamp():
    stamp = explore.stamp()
    stamp.size.value = 5  # 25 steps
    return stamp


def test_a_direction_moves_the_code_by_standard_deviations(axes, model, digits, codes):
    fitted = latent.Gaussian.fit(model.encode(digits.test[:][0]))
    axes.image.value = 7
    code = model.encode(digits.test[[7]][0])
    assert_draws(axes.reconstruction, model.decode(code))
    axes.direction_2.value = -1.5
    moved = code - 1.5 * fitted.scales[1] * fitted.axes[:, 1]
    assert_draws(axes.moved, model.decode(moved))
    axes.reset.click()
    assert [axes.parts[f"direction_{n}"].value for n in (1, 2, 3)] == [0, 0, 0]
    assert axes.moved.value == axes.reconstruction.value


def test_a_stranger_is_the_image_mixed_with_the_pattern(stranger, model, digits):
    def shown():
        mixed = opened(stranger.picture)
        assert_draws(stranger.reconstruction, model(mixed[None, None] / 255))
        return mixed

    stranger.image.value = 4
    image = digits.test[[4]][0]
    assert_equal(shown(), image)
    stranger.pattern.value = "checkerboard, cells of 4"
    stranger.strength.value = 1.0
    board = shown()
    assert_equal(
        board, patterns.checkerboard(1, cell=4, image_shape=(1, 28, 28), value_range=(0, 1))
    )
    stranger.strength.value = 0.5
    assert_equal(shown(), (image + board / 255) / 2)


def test_a_stranger_is_ranked_among_the_images(stranger, model, digits):
    images = digits.test[:][0]
    errors = (model(images) - images).square().flatten(1).sum(dim=1)
    stranger.image.value = errors.argmin().item()
    one = 1 / len(images)  # its own error may be rounded differently
    assert stranger.rank.value <= one
    stranger.image.value = errors.argmax().item()
    assert stranger.rank.value >= 1 - one
    said = f"squared error {errors.max():.1f}, larger than that of {stranger.rank.value:.0%} of 200"
    assert said in stranger.rank.label.value
    assert said in stranger.error.tooltip
    for share in (0.25, 0.5):
        number = errors.argsort()[round(share * len(errors))].item()
        stranger.image.value = number
        assert stranger.rank.value == pytest.approx(share, abs=2 * one)
    before = stranger.picture.value
    stranger.strength.value = 0.5
    mixed = stranger.picture.value
    stranger.other.click()
    assert len({before, mixed, stranger.picture.value}) == 3


def test_the_error_map_is_bright_where_the_reconstruction_is_wrong(stranger):
    given, made = (opened(part).float() for part in (stranger.picture, stranger.reconstruction))
    wrong = opened(stranger.error).float().sum(dim=2)
    assert torch.corrcoef(torch.stack([wrong, (given - made).abs()]).flatten(1))[0, 1] > 0.9


def test_samples_are_the_sources_decoded(drawn, model, codes):
    drawn.source.value = "fitted"
    drawn.temperature.value = 0.5
    latents = latent.Gaussian.fit(codes).sample(8, temperature=0.5)
    for shown, image in zip(
        parts(drawn.picture, 2, 4).flatten(0, 1), model.decode(latents), strict=True
    ):
        assert_equal(shown, image)
    before = drawn.picture.value
    drawn.again.click()
    assert drawn.picture.value != before


def test_the_images_found_are_the_nearest_without_the_query(neighbours, digits):
    images, labels = digits.test[:]
    for space, metric, distance in (
        ("pixels", "euclidean", torch.cdist(images.flatten(1), images.flatten(1))),
        ("pixels", "cosine", -pairwise_cosine(images.flatten(1))),
    ):
        neighbours.space.value, neighbours.metric.value = space, metric
        neighbours.image.value = 11
        distance[11, 11] = float("inf")
        expected = distance[11].argsort()[:8]
        for place, number in enumerate(expected.tolist(), 1):
            assert_draws(neighbours.parts[f"found_{place}"], images[number])
            assert neighbours.parts[f"found_{place}_button"].description == str(
                labels[number].item()
            )


def test_a_click_on_a_neighbour_makes_it_the_query(neighbours):
    near = opened(neighbours.found_3)
    neighbours.found_3_button.click()
    assert torch.equal(opened(neighbours.query), near)


def test_a_click_on_a_unit_looks_at_it(units):
    units.unit_3_button.click()
    assert torch.equal(opened(units.picture), opened(units.unit_3))
    assert not torch.equal(opened(units.picture), opened(units.unit_1))


def test_units_go_back_to_the_strengths_of_the_image(units):
    before = opened(units.reconstruction)
    units.times_1.value, units.added.value = 3.0, 2.0
    assert not torch.equal(opened(units.turned), before)
    units.reset.click()
    assert torch.equal(opened(units.turned), before)


def test_a_copy_of_the_query_is_found_and_not_taken_for_it(model, digits):
    images = digits.test.images[:20].clone()
    images[1:12] = images[0]  # more copies than there are places
    copies = data.Split(images, digits.test.labels[:20], (0.0, 1.0))
    index = search.ImageIndex(search.embed(model, copies[:][0]), model)
    explorer = explore.similarity({"codes": index}, copies, index=11)
    for place in range(1, 9):
        assert_draws(explorer.parts[f"found_{place}"], copies[[0]][0])


def moves(explorer):
    """What a hand does with each explorer's main control, again and again."""
    moves = {
        "flow": lambda e, n: setattr(e.time, "value", n * 37 % 51 / 50),
        "interpolation": lambda e, n: setattr(e.position, "value", n * 37 % 101 / 100),
        "latent_axes": lambda e, n: setattr(
            e.parts[f"direction_{1 + n % 3}"], "value", n * 37 % 60 / 10 - 3
        ),
        "out_of_distribution": lambda e, n: setattr(e.strength, "value", n * 37 % 101 / 100),
        "rounded_code": lambda e, n: setattr(e.image, "value", n * 7 % 48),
        "samples": lambda e, n: setattr(e.temperature, "value", 0.05 + n * 7 % 40 / 20),
        "similarity": lambda e, n: e.parts[f"found_{1 + n % 8}_button"].click(),
        "sparse_units": lambda e, n: setattr(e.times_2, "value", n * 7 % 30 / 10),
        "tokens": lambda e, n: setattr(e.image, "value", n * 37 % 200),
        "drawing": lambda e, n: setattr(e.drawing.drawings, "index", n % 4),
        "latent_map": lambda e, n: setattr(e.point.children[0], "value", n * 37 % 51 / 50),
        "stamp": lambda e, n: setattr(e.step, "value", n % 26),
    }
    move = moves[explorer.scene.name]
    return lambda count: [move(explorer, number) for number in range(count)]


EXPLORERS = (
    "flowing",
    "morph",
    "axes",
    "stranger",
    "drawn",
    "neighbours",
    "rounded",
    "tokens",
    "units",
    "drawing",
    "latent_map",
    "stamp",
)
MAIN = {  # of each explorer, the picture to look at
    "axes": "moved",
    "flowing": "now",
    "latent_map": "map",
    "neighbours": "query",
    "rounded": "jpeg",
    "stamp": "output",
    "tokens": "original",
    "units": "turned",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPLORERS)
def test_a_thousand_moves_leave_nothing_behind(name, request):
    move = moves(request.getfixturevalue(name))
    move(101)
    threads, figures = threading.active_count(), plt.get_fignums()
    tracemalloc.start()
    move(1000)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 1_000_000
    assert threading.active_count() <= threads  # a server of an earlier test may have ended
    assert plt.get_fignums() == figures


def test_an_interrupted_move_leaves_the_explorer_usable(drawn, model, monkeypatch):
    def interrupted(latents):
        raise KeyboardInterrupt

    before = drawn.picture.value
    with monkeypatch.context() as patch:
        patch.setattr(model, "decode", interrupted)
        with pytest.raises(KeyboardInterrupt):
            drawn.temperature.value = 0.5
    assert drawn.picture.value == before
    from_another_thread = threading.Thread(target=drawn.again.click, daemon=True)
    from_another_thread.start()  # comes to an end only if the lock is free
    from_another_thread.join(timeout=30)
    assert not from_another_thread.is_alive()
    assert drawn.picture.value != before


@pytest.mark.parametrize("name", [name for name in EXPLORERS if name != "drawing"])
def test_it_works_on_another_thread_while_figures_are_drawn(name, request):
    """As in JupyterLab, where a slider's messages come on a thread of their own."""
    explorer = request.getfixturevalue(name)
    shown = explorer.parts[MAIN.get(name, "picture")]
    seen, errors = set(), []
    shown.observe(lambda change: seen.add(change["new"]), "value")

    def drag():
        try:
            moves(explorer)(101)
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=drag)
    thread.start()
    for _ in range(5):
        figure, axis = plt.subplots()
        axis.plot([1, 2])
        figure.canvas.draw()
        assert len(figure.axes) == 1
        plt.close(figure)
    thread.join()
    assert not errors
    assert len(seen) > 10


def test_what_cannot_be_explored_is_refused(model, digits, patches):
    test = digits.test
    index = search.ImageIndex(search.embed(model, test[:][0]), model)
    for ask, message in (
        (
            lambda: explore.interpolation(model, test, end=10),
            r"no image of 10; the labels are \[0, 1",
        ),
        (lambda: explore.interpolation(model, patches.test), r"shape \(B, 1, 28, 28\)"),
        (lambda: explore.latent_axes(model, test, axes=21), "from 1 to 20, got 21"),
        (
            lambda: explore.latent_axes(model, test, index=200),
            "image must be a whole number from 0 to 199, got 200",
        ),
        (lambda: explore.latent_axes(model, patches.test), r"shape \(B, 1, 28, 28\)"),
        (lambda: explore.out_of_distribution(model, test, index=-1), "from 0 to 199, got -1"),
        (
            lambda: explore.flow(model, latent.Flow(19, classes=2), torch.zeros(9, 20)),
            "codes of length 20, the flow gives 19",
        ),
        (lambda: explore.samples(model, {}), "at least one source, got none"),
        (
            lambda: explore.samples(model, {"wide": latent.Gaussian.standard(21)}),
            "codes of length 20, 'wide' gives 21",
        ),
        (lambda: explore.similarity({}, test), "at least one index, got none"),
        (lambda: explore.similarity({"codes": index}, digits.val), "'codes' holds 200"),
        (lambda: explore.similarity({"codes": index}, test, index=200), "got 200"),
    ):
        with pytest.raises(ValueError, match=message):
            ask()


@pytest.mark.parametrize("name", EXPLORERS)
def test_every_part_has_a_name_or_words(name, request):
    explorer = request.getfixturevalue(name)
    for control in explorer.scene.controls:
        assert explorer.parts[control.name].description
    pictures = [part for part in explorer.parts.values() if isinstance(part, widgets.Image)]
    for picture in pictures:
        assert len(picture.tooltip) > 10
        assert "{" not in picture.tooltip


def test_what_a_picture_shows_is_said_with_the_values_of_the_controls(morph):
    morph.position.value = 0.25
    assert morph.picture.tooltip == "Decoded between 3 and 8, 25% of the way."


def test_a_part_that_does_not_exist_is_named_with_those_that_do(morph):
    with pytest.raises(AttributeError, match="no part 'slider'; the parts are start, other_start"):
        _ = morph.slider
    assert "position" in dir(morph)


class Square(scenes.Scene):
    """A new scene takes one class: a grey square, as bright as its slider says."""

    name = "square"
    controls = (
        parts_of_scenes.Slider("grey", "Grey", 0, 255, 1, 0.0, decimals=0, play=10),
        parts_of_scenes.Counter("turn", "Another", 3),
    )
    outputs = (
        parts_of_scenes.Picture("shown", "square", "Grey {grey}, {word}.", 2, 3, times=4),
        parts_of_scenes.Words("word", ("none", "one", "two")),
        parts_of_scenes.Number("twice", decimals=1, unit=" units"),
    )
    rows = (("grey", "turn"), ("shown", "word", "twice"))

    def forward(self, grey, turn):
        return grey.expand(2, 3, 4).to(torch.uint8), turn, 2 * grey


def test_the_stage_plays_a_scene_that_it_has_never_seen():
    stage = explore.Stage(Square())
    for value in (7, 200):  # alone, and from the frames made ahead
        stage.grey.value = value
        assert (opened(stage.shown) == value).all()
        assert stage.twice.value == f"{2 * value}.0 units"
    assert (stage.shown.width, stage.shown.height) == ("12", "8")
    for word in ("one", "two", "none"):
        stage.turn.click()
        assert stage.word.value == word
        assert stage.shown.tooltip == f"Grey 200, {word}."
    stage.grey_play.value = 255
    assert (opened(stage.shown) == 255).all()


def test_a_scene_names_the_control_whose_value_is_out_of_range():
    for values, message in (
        ({"grey": 256}, "grey must be from 0 to 255, got 256"),
        ({"grey": float("nan")}, "grey must be from 0 to 255, got nan"),
        ({"turn": 3}, "turn must be a whole number from 0 to 2, got 3"),
        ({"turn": 1.5}, "turn must be a whole number from 0 to 2, got 1.5"),
        ({"gray": 1}, "no control gray; the controls are grey, turn"),
    ):
        with pytest.raises(ValueError, match=message):
            Square().show(**values)


def assert_a_drawing_can_be_chosen(drawing):
    assert drawing.drawing.drawings.options == tuple(scenes.DRAWINGS)
    for number, (name, strokes) in enumerate(scenes.DRAWINGS.items()):
        drawing.drawing.drawings.index = number
        assert_draws(drawing.centred, scenes.centred(scenes.drawn(strokes) / 255))
        assert f"of {name}" in drawing.row_1.tooltip


def test_a_sheet_shows_the_drawing_that_is_chosen_and_is_drawn_on_and_cleared(drawing):
    pytest.importorskip("anywidget")
    assert_a_drawing_can_be_chosen(drawing)
    sheet = drawing.drawing
    assert sheet.surface.value == list(sheet.value)
    own = scenes.drawn([[(4, 4), (24, 20)]])
    sheet.surface.value = own.flatten().tolist()  # as the pen's script sends it
    assert_draws(drawing.centred, scenes.centred(own / 255))
    assert sheet.drawings.index is None
    assert "of your drawing" in drawing.row_1.tooltip
    sheet.clear.click()
    assert sheet.surface.value == 28 * 28 * [0]
    assert "The sheet is empty" in drawing.message.value
    sheet.drawings.index = 1
    assert "of a face" in drawing.row_1.tooltip


@pytest.mark.parametrize("module", ["google.colab", "anywidget"])
def test_without_a_sheet_there_are_the_drawings_and_a_word(module, drawing, monkeypatch):
    """In Colab, or where anywidget is missing."""
    colab = types.ModuleType("google.colab")
    monkeypatch.setitem(sys.modules, module, colab if module == "google.colab" else None)
    there = explore.Stage(drawing.scene)
    assert_a_drawing_can_be_chosen(there)
    assert "To draw your own, open this lesson's page" in there.drawing.children[-1].value


def test_a_place_is_moved_by_two_sliders_or_along_its_path(latent_map):
    scene, point = latent_map.scene, latent_map.point
    for slider, value in zip(point.children, (0.2, 0.9), strict=True):
        slider.value = value
    assert point.value == (0.2, 0.9)
    expected = scene.show(point=(0.2, 0.9))
    assert torch.equal(opened(latent_map.decoded), expected["decoded"][..., 0])
    (control,) = (c for c in scene.controls if isinstance(c, parts_of_scenes.Point))
    for step in (1, len(control.path) - 1):
        latent_map.point_play.value = step
        assert point.value == control.path[step]
        assert tuple(slider.value for slider in point.children) == control.path[step]
        expected = scene.show(point=control.path[step])["map"]
        assert torch.equal(opened(latent_map.parts["map"]), expected[..., :3])


def test_a_place_outside_the_picture_is_refused(latent_map):
    for place in ((1.1, 0), (0, -0.1), (0.5,), (float("nan"), 0)):
        with pytest.raises(ValueError, match="point must be two numbers from 0 to 1, got"):
            latent_map.scene.show(point=place)


def test_a_slider_ends_where_the_scene_says():
    stamp = explore.stamp()
    assert stamp.step.max == stamp.step_play.max == 9
    stamp.step.value = 9
    stamp.size.value = 2  # four steps, and so no ninth
    assert (stamp.step.max, stamp.step.value) == (4, 4)
    assert "Step 4 of 4" in stamp.message.value
    stamp.step_play.value = 2
    assert stamp.step.value == 2
    stamp.step.value = 3
    assert stamp.step_play.value == 3
    stamp.output_padding.value = 2  # no output, and no step
    assert "must be smaller than the stride" in stamp.message.value
    assert stamp.step.max == 1
