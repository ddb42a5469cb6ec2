"""From slider value to picture bytes: ours beside pyplot.

Each contender decodes a code of MNIST and makes a picture file of it. "Ten subplots" is what most
notebooks do with ``interact``: the whole strip is drawn again. "One figure kept" changes the data
of one image in a figure that stays. The explorer makes all its pictures at the first move after a
pair of images is chosen; how long that choice takes is a row, too. The other explorers, on CIFAR-10
with a code of 384, compute each picture when the hand asks for it.
"""

import io
import itertools

import matplotlib.pyplot as plt
import torch

from aetutor import data, explore, latent, search, weights
from benchmarks.measure import OURS, Row, in_turns, late, plain

REPEATS = 100
MNIST = "Slider, MNIST: from value to picture"


def ten_subplots(model, path):
    def draw(position):
        figure, axes = plt.subplots(1, 10, figsize=(10, 1.2))
        with torch.no_grad():
            steps = model.decode(path[[int(position * 100)] * 10])
        for axis, picture in zip(axes, steps, strict=True):
            axis.imshow(picture[0], cmap="gray", vmin=0, vmax=1)
            axis.axis("off")
        return saved(figure)

    return draw


def one_figure_kept(model, path):
    figure, axis = plt.subplots(figsize=(2.24, 2.24))
    shown = axis.imshow(torch.zeros(28, 28), cmap="gray", vmin=0, vmax=1)
    axis.axis("off")

    def draw(position):
        with torch.no_grad():
            shown.set_data(model.decode(path[[int(position * 100)]])[0, 0])
        return saved(figure, close=False)

    return draw


def explorer(morph):
    def draw(position):
        morph.position.value = position
        return morph.picture.value

    return draw


def saved(figure, close=True):
    file = io.BytesIO()
    figure.savefig(file, format="png")
    if close:
        plt.close(figure)
    return file.getvalue()


def moving(draw, positions):
    """A contender: draw at the next position."""
    turns = itertools.cycle(positions)
    return lambda: draw(next(turns))


def on_digits():
    """Milliseconds of a frame on MNIST."""
    plt.switch_backend("agg")
    model, test = weights.trained("mnist-conv-64"), data.load_mnist(offline="error").test
    with torch.no_grad():
        path = latent.interpolate(*model.encode(test[:2][0]), 101)
    morph = explore.interpolation(model, test)
    contenders = {
        "ten pyplot subplots": ten_subplots(model, path),
        "one pyplot figure kept": one_figure_kept(model, path),
        OURS: explorer(morph),
    }
    positions = [number * 37 % 101 / 100 for number in range(101)]
    turns = {name: moving(draw, positions) for name, draw in contenders.items()}
    rows = frames(MNIST, in_turns(turns, REPEATS, warm_up=5))
    clicks = in_turns({OURS: morph.other_end.click}, 10)
    return rows + frames("Slider, MNIST: another pair of images", clicks)


def on_photographs():
    """Milliseconds of a frame of the other explorers on CIFAR-10."""
    model, cifar10 = weights.trained("cifar10-384"), data.load_cifar10(offline="error")
    codes = search.embed(model, cifar10.train)
    axes = explore.latent_axes(model, cifar10.test)
    stranger = explore.out_of_distribution(model, cifar10.test)
    drawn = explore.samples(model, {"fitted": latent.Gaussian.fit(codes)})
    alike = explore.similarity({"codes": search.ImageIndex(codes)}, cifar10.train)
    neighbours = [alike.parts[f"found_{place}_button"] for place in range(1, 9)]
    moves = {
        "latent axes": moving(
            lambda value: setattr(axes.direction_1, "value", value),
            [n * 37 % 60 / 10 - 3 for n in range(60)],
        ),
        "out of distribution": moving(
            lambda value: setattr(stranger.strength, "value", value),
            [n * 37 % 101 / 100 for n in range(101)],
        ),
        "samples": moving(
            lambda value: setattr(drawn.temperature, "value", value),
            [0.05 * (1 + n * 7 % 40) for n in range(40)],
        ),
        "similarity among 45,000": moving(lambda button: button.click(), neighbours),
    }
    return frames("Slider, CIFAR-10, by explorer", in_turns(moves, REPEATS, warm_up=5))


def frames(question, seconds):
    rows = []
    for name, values in seconds.items():
        values = [1000 * value for value in values]
        note = f"95th percentile {plain(late(values))}"
        rows.append(Row(question, name, values, "ms", note))
    return rows
