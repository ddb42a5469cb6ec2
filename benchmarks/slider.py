"""From slider value to picture bytes: ours beside pyplot, ``python benchmarks/slider.py``.

Each contender decodes a code of MNIST and makes a PNG of it. "Ten subplots" is what most
notebooks do with ``interact``: the whole strip is drawn again. "One figure kept" changes the data
of one image in a figure that stays. The explorer makes all its pictures when a pair of images is
chosen; how long that takes is printed too.
"""

import io
import statistics
import time

import matplotlib.pyplot as plt
import torch

from aetutor import data, explore, latent, weights

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
        median, late = statistics.median(some), sorted(some)[int(0.95 * REPEATS)]
        print(
            f"{name:>16}: median {median:7.3f}, 95th percentile {late:7.3f}, x {median / ours:.0f}"
        )
    start = time.perf_counter()
    for _ in range(10):
        morph.other_end.click()
    print(f"explorer, another pair: {100 * (time.perf_counter() - start):.0f}")


if __name__ == "__main__":
    main()
