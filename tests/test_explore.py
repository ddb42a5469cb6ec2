import io
import threading
import tracemalloc

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image

from aetutor import explore, latent, models
from aetutor.history import to_bytes


@pytest.fixture(scope="module")
def model(digits):
    return models.PCAAutoencoder.fit(digits.train[:][0], 20)


@pytest.fixture
def morph(model, digits):
    return explore.interpolation(model, digits.test, start=3, end=8)


def opened(widget):
    return np.asarray(Image.open(io.BytesIO(widget.value)))


def shrunk(picture, pixels=28):
    """One pixel for each square of an enlarged picture."""
    side = picture.shape[0] // pixels
    return torch.from_numpy(picture[side // 2 :: side, side // 2 :: side].copy())


def first_and_last(morph):
    """The two images, as the strip's second row shows them."""
    strip = shrunk(opened(morph.strip), 56)
    return strip[28:, :28], strip[28:, -28:]


def test_the_picture_is_the_decoded_code_at_the_slider(morph, model):
    images = [image[None, None] / 255 for image in first_and_last(morph)]
    codes = model.encode(torch.cat(images))
    for method in latent.METHODS:
        morph.method.value = method
        path = to_bytes(model.decode(latent.interpolate(*codes, 101, method)), (0.0, 1.0))
        for position in (0.0, 0.25, 0.5, 1.0):
            morph.slider.value = position
            expected = path[round(100 * position), 0].int()
            assert (shrunk(opened(morph.picture)).int() - expected).abs().max() <= 1


def test_the_crossfade_goes_from_one_image_to_the_other(morph):
    start, end = (image.int() for image in first_and_last(morph))
    for position in (0.0, 0.3, 1.0):
        morph.slider.value = position
        mixture = (1 - position) * start + position * end
        assert (shrunk(opened(morph.crossfade)) - mixture).abs().max() <= 1


def test_the_strip_has_ten_steps_above_the_two_images(morph):
    strip = opened(morph.strip)
    assert strip.shape == (112, 560)
    steps = shrunk(strip, 56)[:28]
    for position, step in ((0.0, steps[:, :28]), (1.0, steps[:, -28:])):
        morph.slider.value = position
        assert torch.equal(shrunk(opened(morph.picture)), step)


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
        assert torch.equal(shrunk(opened(morph.crossfade)), image)


def test_names_stand_for_labels(model, digits):
    names = [f"digit {label}" for label in range(10)]
    morph = explore.interpolation(model, digits.test, class_names=names)
    assert (morph.start.label, morph.end.label) == ("digit 0", "digit 9")
    assert all(part.description for part in (morph.start, morph.end, morph.slider, morph.method))


def test_a_colour_model_gives_colour_pictures(patches):
    model = models.ColorConvAutoencoder(4, base_channels=4)
    assert opened(explore.interpolation(model, patches.test).picture).shape == (224, 224, 3)


def test_a_thousand_moves_leave_nothing_behind(morph):
    def moves(count):
        for number in range(count):
            morph.slider.value = number * 37 % 101 / 100

    moves(101)
    threads, figures = threading.active_count(), plt.get_fignums()
    tracemalloc.start()
    moves(1000)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 1_000_000
    assert threading.active_count() == threads
    assert plt.get_fignums() == figures


def test_it_works_on_another_thread_while_figures_are_drawn(morph):
    """As in JupyterLab, where a slider's messages come on a thread of their own."""
    seen, errors = set(), []

    def drag():
        try:
            for number in range(101):
                morph.slider.value = number / 100
                seen.add(morph.picture.value)
            morph.other_end.click()
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
    assert len(seen) > 50


def test_what_cannot_be_explored_is_refused(model, digits, patches):
    with pytest.raises(ValueError, match=r"there is no image of 10; the labels are \[0, 1"):
        explore.interpolation(model, digits.test, end=10)
    with pytest.raises(ValueError, match=r"shape \(B, 1, 28, 28\)"):
        explore.interpolation(model, patches.test)
