import io
import threading
import tracemalloc

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image

from aetutor import data, explore, latent, models, search
from aetutor.history import to_bytes


@pytest.fixture(scope="module")
def model(digits):
    return models.PCAAutoencoder.fit(digits.train[:][0], 20)


@pytest.fixture
def morph(model, digits):
    return explore.interpolation(model, digits.test, start=3, end=8)


def opened(widget):
    """The pixels of a picture, in its own size."""
    return torch.from_numpy(np.array(Image.open(io.BytesIO(widget.value))))


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
    expected = to_bytes(image.reshape(1, 1, 28, 28), (0.0, 1.0))[0, 0]
    assert (pixels.int() - expected.int()).abs().max() <= 1


def assert_draws(widget, image):
    assert_equal(opened(widget), image)


def pairwise_cosine(vectors):
    directions = vectors / vectors.norm(dim=1, keepdim=True)
    return directions @ directions.T


def first_and_last(morph):
    """The two images, as the strip's second row shows them."""
    images = parts(morph.strip, 2, 10)[1]
    return images[0], images[-1]


def test_the_picture_is_the_decoded_code_at_the_slider(morph, model):
    images = [image[None, None] / 255 for image in first_and_last(morph)]
    codes = model.encode(torch.cat(images))
    for method in latent.METHODS:
        morph.method.value = method
        path = to_bytes(model.decode(latent.interpolate(*codes, 101, method)), (0.0, 1.0))
        for position in (0.0, 0.25, 0.5, 1.0):
            morph.slider.value = position
            expected = path[round(100 * position), 0].int()
            assert (opened(morph.picture).int() - expected).abs().max() <= 1


def test_the_crossfade_goes_from_one_image_to_the_other(morph):
    start, end = (image.int() for image in first_and_last(morph))
    for position in (0.0, 0.3, 1.0):
        morph.slider.value = position
        mixture = (1 - position) * start + position * end
        assert (opened(morph.crossfade) - mixture).abs().max() <= 1


def test_the_strip_has_ten_steps_above_the_two_images(morph):
    steps = parts(morph.strip, 2, 10)[0]
    assert steps.shape == (10, 28, 28)
    for position, step in ((0.0, steps[0]), (1.0, steps[-1])):
        morph.slider.value = position
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
    morph.end.value = 5
    fives = digits.test.images[digits.test.labels == 5][:, 0]
    assert (fives == first_and_last(morph)[1]).flatten(1).all(dim=1).any()
    morph.play.value = 100
    assert morph.slider.value == 1.0


def test_the_player_goes_on_from_where_the_hand_left_the_slider(morph):
    morph.play.value = 30
    morph.slider.value = 0.9
    assert morph.play.value == 90


def test_a_path_that_is_not_defined_is_explained_and_nothing_else_changes(digits):
    model = models.PCAAutoencoder.fit(digits.train[:][0], 1)  # a code of one number: + or -
    morph = explore.interpolation(model, digits.test, start=0, end=1)
    morph.slider.value = 0.5
    before = morph.picture.value, morph.strip.value
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
        morph.slider.value = position
        assert torch.equal(opened(morph.crossfade), image)


def test_names_stand_for_labels(model, digits):
    names = [f"digit {label}" for label in range(10)]
    morph = explore.interpolation(model, digits.test, class_names=names)
    assert (morph.start.label, morph.end.label) == ("digit 0", "digit 9")


def test_pictures_are_enlarged_on_the_page_with_their_pixels_left_square(morph):
    (style,) = [part for part in morph.widget.children if isinstance(part, widgets.HTML)]
    assert "image-rendering: pixelated" in style.value
    for picture in (morph.picture, morph.crossfade, morph.strip):
        assert all(name in style.value for name in picture._dom_classes)
        assert int(picture.width) >= 200


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
def neighbours(model, digits):
    images = digits.test[:][0]
    indices = {
        "codes": search.ImageIndex(search.embed(model, images), model),
        "pixels": search.ImageIndex(images.flatten(1)),
    }
    return explore.similarity(indices, digits.test)


def test_a_direction_moves_the_code_by_standard_deviations(axes, model, digits, codes):
    fitted = latent.Gaussian.fit(model.encode(digits.test[:][0]))
    axes.image.value = 7
    code = model.encode(digits.test[[7]][0])
    assert_draws(axes.reconstruction, model.decode(code))
    axes.sliders[1].value = -1.5
    moved = code - 1.5 * fitted.scales[1] * fitted.axes[:, 1]
    assert_draws(axes.picture, model.decode(moved))
    axes.reset.click()
    assert [slider.value for slider in axes.sliders] == [0, 0, 0]
    assert axes.picture.value == axes.reconstruction.value


def test_a_stranger_is_the_image_mixed_with_the_pattern(stranger, model, digits):
    def shown():  # grey images, in colour beside the coloured error
        mixed, reconstruction, _ = parts(stranger.picture, 1, 3)[0]
        assert_equal(reconstruction[..., 0], model(mixed[None, None, ..., 0] / 255))
        return mixed[..., 0]

    stranger.image.value = 4
    image = digits.test[[4]][0]
    assert_equal(shown(), image)
    stranger.pattern.value = "checkerboard, cells of 4"
    stranger.strength.value = 1.0
    board = shown()
    assert len(board.unique()) == 2
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
    assert f"squared error {errors.max():.1f}: larger than that of 100%" in stranger.message.value
    before = stranger.picture.value
    stranger.strength.value = 0.5
    mixed = stranger.picture.value
    stranger.other.click()
    assert len({before, mixed, stranger.picture.value}) == 3


def test_the_error_map_is_bright_where_the_reconstruction_is_wrong(stranger):
    given, made, wrong = parts(stranger.picture, 1, 3)[0].sum(dim=3).float()
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
        for place, number in enumerate(expected.tolist()):
            assert_draws(neighbours.found[place], images[number])
            assert neighbours.buttons[place].description == str(labels[number].item())


def test_a_click_on_a_neighbour_makes_it_the_query(neighbours):
    near = opened(neighbours.found[2])
    neighbours.buttons[2].click()
    assert torch.equal(opened(neighbours.query), near)


def test_a_copy_of_the_query_is_found_and_not_taken_for_it(model, digits):
    images = digits.test.images[:20].clone()
    images[1:12] = images[0]  # more copies than there are places
    copies = data.Split(images, digits.test.labels[:20], (0.0, 1.0))
    index = search.ImageIndex(search.embed(model, copies[:][0]), model)
    explorer = explore.similarity({"codes": index}, copies, index=11)
    for found in explorer.found:
        assert_draws(found, copies[[0]][0])


def moves(explorer):
    """What a hand does with each explorer's main control, again and again."""
    controls = {
        "Interpolation": lambda e, n: setattr(e.slider, "value", n * 37 % 101 / 100),
        "LatentAxes": lambda e, n: setattr(e.sliders[n % 3], "value", n * 37 % 60 / 10 - 3),
        "OutOfDistribution": lambda e, n: setattr(e.strength, "value", n * 37 % 101 / 100),
        "Samples": lambda e, n: setattr(e.temperature, "value", 0.05 + n * 7 % 40 / 20),
        "Similarity": lambda e, n: e.buttons[n % 8].click(),
    }
    move = controls[type(explorer).__name__]
    return lambda count: [move(explorer, number) for number in range(count)]


EXPLORERS = ("morph", "axes", "stranger", "drawn", "neighbours")


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


@pytest.mark.parametrize("name", EXPLORERS)
def test_it_works_on_another_thread_while_figures_are_drawn(name, request):
    """As in JupyterLab, where a slider's messages come on a thread of their own."""
    explorer = request.getfixturevalue(name)
    shown = explorer.query if name == "neighbours" else explorer.picture
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
            "no image 200; the numbers are 0 to 199",
        ),
        (lambda: explore.latent_axes(model, patches.test), r"shape \(B, 1, 28, 28\)"),
        (lambda: explore.out_of_distribution(model, test, index=-1), "no image -1"),
        (lambda: explore.samples(model, {}), "at least one source, got none"),
        (
            lambda: explore.samples(model, {"wide": latent.Gaussian.standard(21)}),
            "codes of length 20, 'wide' gives 21",
        ),
        (lambda: explore.similarity({}, test), "at least one index, got none"),
        (lambda: explore.similarity({"codes": index}, digits.val), "'codes' holds 200"),
        (lambda: explore.similarity({"codes": index}, test, index=200), "no image 200"),
    ):
        with pytest.raises(ValueError, match=message):
            ask()


def test_every_control_has_a_name(morph, axes, stranger, drawn, neighbours):
    controls = (
        *(morph.start, morph.end, morph.slider, morph.method, morph.other_start, morph.other_end),
        *(axes.image, *axes.sliders, axes.reset),
        *(stranger.image, stranger.pattern, stranger.strength, stranger.other),
        *(drawn.source, drawn.temperature, drawn.again),
        *(neighbours.image, neighbours.space, neighbours.metric, *neighbours.buttons),
    )
    assert all(control.description for control in controls)
