"""From slider value to picture bytes: ours beside pyplot, ``python benchmarks/slider.py``.

Each contender decodes a code of MNIST and makes a PNG of it. "Ten subplots" is what most
notebooks do with ``interact``: the whole strip is drawn again. "One figure kept" changes the data
of one image in a figure that stays. The explorer makes all its pictures when a pair of images is
chosen; how long that takes is printed too. Below, the other explorers, on CIFAR-10 with a code of
384: they compute each picture when the hand asks for it.
"""

import io
import statistics
import time

import matplotlib.pyplot as plt
import torch

from aetutor import data, explore, latent, search, weights

REPEATS = 100


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
        morph.slider.value = position
        return morph.picture.value

    return draw


def saved(figure, close=True):
    file = io.BytesIO()
    figure.savefig(file, format="png")
    if close:
        plt.close(figure)
    return file.getvalue()


def main():
    plt.switch_backend("agg")
    model, test = weights.trained("mnist-conv-64"), data.load_mnist().test
    with torch.no_grad():
        path = latent.interpolate(*model.encode(test[:2][0]), 101)
    morph = explore.interpolation(model, test)
    contenders = {
        "ten subplots": ten_subplots(model, path),
        "one figure kept": one_figure_kept(model, path),
        "explorer": explorer(morph),
    }
    times = {name: [] for name in contenders}
    for repeat in range(REPEATS + 5):  # the first five warm up; contenders take turns
        for name, draw in contenders.items():
            start = time.perf_counter()
            assert draw(repeat * 37 % 101 / 100)
            if repeat >= 5:
                times[name].append(1000 * (time.perf_counter() - start))
    ours = statistics.median(times["explorer"])
    print(f"{REPEATS} frames each, {torch.get_num_threads()} threads, milliseconds a frame:")
    for name, some in times.items():
        print(f"{summary(name, some)}, x {statistics.median(some) / ours:.0f}")
    start = time.perf_counter()
    for _ in range(10):
        morph.other_end.click()
    print(f"explorer, another pair: {100 * (time.perf_counter() - start):.0f}")
    print("CIFAR-10:")
    for name, move in moves_of_the_others().items():
        print(summary(name, timed(move)))


def summary(name, times):
    median, late = statistics.median(times), sorted(times)[int(0.95 * len(times))]
    return f"{name:>20}: median {median:7.3f}, 95th percentile {late:7.3f}"


def timed(move):
    """Milliseconds of each move but the first five."""
    times = []
    for number in range(REPEATS + 5):
        start = time.perf_counter()
        move(number)
        times.append(1000 * (time.perf_counter() - start))
    return times[5:]


def moves_of_the_others():
    """By explorer, what moves its main control to another place for each number."""
    model, cifar10 = weights.trained("cifar10-384"), data.load_cifar10()
    codes = search.embed(model, cifar10.train)
    axes = explore.latent_axes(model, cifar10.test)
    stranger = explore.out_of_distribution(model, cifar10.test)
    drawn = explore.samples(model, {"fitted": latent.Gaussian.fit(codes)})
    index = {"codes": search.ImageIndex.of_latents(codes)}
    alike = explore.similarity(index, cifar10.train)
    return {
        "latent axes": lambda n: setattr(axes.sliders[0], "value", n * 37 % 60 / 10 - 3),
        "out of distribution": lambda n: setattr(stranger.strength, "value", n * 37 % 101 / 100),
        "samples": lambda n: setattr(drawn.temperature, "value", 0.05 * (1 + n * 7 % 40)),
        f"similarity, {len(codes):,}": lambda n: alike.buttons[n % 8].click(),
    }


if __name__ == "__main__":
    main()
