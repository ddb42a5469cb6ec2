"""Explorers: move a slider, and see at once what a model makes of it.

Each has named parts (``.slider``, ``.picture``, …) and a ``.widget`` that holds them all. Pictures
are drawn by Pillow, never by pyplot: in JupyterLab a slider's callback runs on a thread of its own,
where pyplot mixes up figures.
"""

import io
import threading

import ipywidgets as widgets
import torch
from PIL import Image

from aetutor.history import to_bytes
from aetutor.latent import METHODS, interpolate

FRAMES = 101  # one for each position of the slider
STRIP = 10
LARGE, SMALL = 224, 56  # pixels a side on the page


class Interpolation:
    """From one image to another through the space of codes, with a slider.

    All pictures between two images are made when the images are chosen, so that a move of the
    slider only has to show one.

    Parameters
    ----------
    model : Autoencoder
    split : Split
        Where the images come from.
    class_names : sequence of str, optional
        Of the labels; the labels themselves if left out.
    start, end : int, optional
        The first pair's labels; the first and the last if left out.

    Attributes
    ----------
    slider : ipywidgets.FloatSlider
        0, the first image, to 1, the second.
    start, end, method : ipywidgets.Dropdown
        Labels of the two images; "linear" or "spherical".
    other_start, other_end : ipywidgets.Button
        Another image of the same label.
    play : ipywidgets.Play
    picture, crossfade, strip : ipywidgets.Image
        The decoded image at the slider, the mixture of the pixels there, and ten steps on the
        way above the two images.
    message : ipywidgets.Label
        Why a path cannot be walked, if it cannot; the pictures then stay as they are.
    widget : ipywidgets.Widget
        All of it.

    Raises
    ------
    ValueError
        If the images do not fit the model, or a label has none.
    """

    def __init__(self, model, split, *, class_names=None, start=None, end=None):
        self._model, self._split = model, split
        self._random = torch.Generator().manual_seed(0)
        self._lock = threading.RLock()  # callbacks may come on several threads
        labels = split.labels.unique().tolist()
        names = [str(label) if class_names is None else class_names[label] for label in labels]
        options = list(zip(names, labels, strict=True))
        first, last = (
            _one_of(labels, label, default) for label, default in ((start, 0), (end, -1))
        )
        self.start = widgets.Dropdown(options=options, value=first, description="From")
        self.end = widgets.Dropdown(options=options, value=last, description="To")
        self.other_start = widgets.Button(description="Another first image")
        self.other_end = widgets.Button(description="Another last image")
        self.method = widgets.Dropdown(options=METHODS, description="Path")
        self.slider = widgets.FloatSlider(
            max=1,
            step=1 / (FRAMES - 1),
            description="Position",
            layout=widgets.Layout(width=f"{2 * LARGE}px"),
        )
        self.play = widgets.Play(max=FRAMES - 1, interval=40, description="Play")
        self.message = widgets.Label()
        self.picture, self.crossfade = _image(LARGE), _image(LARGE)
        self.strip = _image(SMALL * STRIP, 2 * SMALL)
        self.widget = self._arranged()
        for end_number, choice in enumerate((self.start, self.end)):
            choice.observe(lambda _, n=end_number: self._choose(n), "value")
        self.other_start.on_click(lambda _: self._choose(0))
        self.other_end.on_click(lambda _: self._choose(1))
        self.method.observe(lambda _: self._walk(self._images), "value")
        self.slider.observe(lambda _: self._show(), "value")
        self.play.observe(lambda change: self._go_to(change["new"]), "value")
        self._walk([self._another(first), self._another(last)])

    def _arranged(self):
        title = {"layout": widgets.Layout(width=f"{LARGE}px")}
        return widgets.VBox(
            [
                widgets.HBox([self.start, self.other_start]),
                widgets.HBox([self.end, self.other_end]),
                widgets.HBox([self.method, self.message]),
                widgets.HBox([self.slider, self.play]),
                widgets.HBox(
                    [
                        widgets.VBox(
                            [widgets.Label("decoded from the code", **title), self.picture]
                        ),
                        widgets.VBox(
                            [widgets.Label("mixture of the pixels", **title), self.crossfade]
                        ),
                    ]
                ),
                self.strip,
            ]
        )

    def _another(self, label):
        """A random image of a label, (1, C, H, W)."""
        candidates = (self._split.labels == label).nonzero()[:, 0]
        pick = torch.randint(len(candidates), (1,), generator=self._random)
        return self._split[candidates[pick]][0]

    def _choose(self, end_number):
        with self._lock:
            images = list(self._images)
            images[end_number] = self._another((self.start, self.end)[end_number].value)
            self._walk(images)

    def _walk(self, images):
        """Make every picture between two images, or say why not and keep those there are."""
        with self._lock:
            with torch.inference_mode():
                codes = self._model.encode(torch.cat(images))
                try:
                    path = interpolate(*codes, FRAMES, self.method.value)
                    steps = interpolate(*codes, STRIP, self.method.value)
                except ValueError as error:
                    self.message.value = str(error)
                    return
                decoded, steps = self._model.decode(path), self._model.decode(steps)
            self.message.value = ""
            self._images = images
            mixed = torch.lerp(*images, torch.linspace(0, 1, FRAMES)[:, None, None, None])
            self._decoded, self._mixed = (
                [self._png(frame, LARGE) for frame in frames.split(1)]
                for frames in (decoded, mixed)
            )
            blank = torch.full_like(steps, self._model.value_range[1])
            blank[0], blank[-1] = images[0][0], images[1][0]
            self.strip.value = self._png(torch.cat([steps, blank]), SMALL, STRIP)
            self._show()

    def _show(self):
        with self._lock:
            frame = round(self.slider.value * (FRAMES - 1))
            self.picture.value, self.crossfade.value = self._decoded[frame], self._mixed[frame]
            self.play.value = frame  # to play on from where the hand left the slider

    def _go_to(self, frame):
        self.slider.value = frame / (FRAMES - 1)

    def _png(self, images, side, columns=1):
        return png(images, self._model.value_range, side=side, columns=columns)


def interpolation(model, split, **settings):
    """Return the explorer :class:`Interpolation`."""
    return Interpolation(model, split, **settings)


def png(images, value_range, *, side, columns=1):
    """Return images side by side as the bytes of a PNG file.

    Parameters
    ----------
    images : torch.Tensor
        (N, C, H, W), C 1 or 3.
    value_range : tuple of float
    side : int
        Of each image in pixels.
    columns : int
        Divides N.
    """
    pixels = to_bytes(images, value_range)
    rows = torch.cat([torch.cat(list(row), dim=2) for row in pixels.split(columns)], dim=1)
    picture = Image.fromarray(rows.permute(1, 2, 0).squeeze(2).numpy())
    size = columns * side, len(pixels) // columns * side
    file = io.BytesIO()
    picture.resize(size, Image.Resampling.NEAREST).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _image(width, height=None):
    return widgets.Image(format="png", width=width, height=height or width)


def _one_of(labels, label, default):
    if label is None:
        return labels[default]
    if label not in labels:
        raise ValueError(f"there is no image of {label!r}; the labels are {labels}")
    return label
