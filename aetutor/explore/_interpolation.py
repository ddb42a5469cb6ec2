"""From one image to another through the space of codes."""

import ipywidgets as widgets
import torch

from aetutor.explore._parts import Explorer, column, picture, picture_grid, slider, titled
from aetutor.latent import METHODS, interpolate

FRAMES = 101  # one for each position of the slider
STRIP = 10  # images


class Interpolation(Explorer):
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
        super().__init__(model.value_range)
        self._model, self._split = model, split
        self._random = torch.Generator().manual_seed(0)
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
        self.slider = slider("Position", 0, 1, 0, 1 / (FRAMES - 1))
        self.play = widgets.Play(max=FRAMES - 1, interval=40, description="Play")
        self.message = widgets.Label()
        self.picture, self.crossfade = picture(), picture()
        self.strip = picture_grid(model.image_shape, STRIP, 2, side=64)
        self.widget = self._arranged()
        self._when_changed(lambda: self._choose(0), self.start)
        self._when_changed(lambda: self._choose(1), self.end)
        self._when_clicked(lambda: self._choose(0), self.other_start)
        self._when_clicked(lambda: self._choose(1), self.other_end)
        self._when_changed(lambda: self._walk(self._images), self.method)
        self._when_changed(self._show, self.slider)
        self._when_changed(self._play_on, self.play)
        self._walk([self._another(first), self._another(last)])

    def _arranged(self):
        pictures = [
            titled("decoded from the code", self.picture),
            titled("mixture of the pixels", self.crossfade),
        ]
        return column(
            widgets.HBox([self.start, self.other_start]),
            widgets.HBox([self.end, self.other_end]),
            widgets.HBox([self.method, self.message]),
            widgets.HBox([self.slider, self.play]),
            widgets.HBox(pictures),
            self.strip,
        )

    def _another(self, label):
        """A random image of a label, (1, C, H, W)."""
        candidates = (self._split.labels == label).nonzero()[:, 0]
        pick = torch.randint(len(candidates), (1,), generator=self._random, device="cpu")
        return self._split[candidates[pick]][0]

    def _choose(self, end_number):
        images = list(self._images)
        images[end_number] = self._another((self.start, self.end)[end_number].value)
        self._walk(images)

    def _walk(self, images):
        """Make every picture between two images, or say why not and keep those there are."""
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
        mixed = torch.lerp(
            *images,
            torch.linspace(0, 1, FRAMES, dtype=torch.float32, device="cpu")[:, None, None, None],
        )
        self._decoded, self._mixed = (
            [self._bmp(frame) for frame in frames.split(1)] for frames in (decoded, mixed)
        )
        blank = torch.full_like(steps, self._value_range[1])
        blank[0], blank[-1] = images[0][0], images[1][0]
        self.strip.value = self._bmp(torch.cat([steps, blank]), STRIP)
        self._show()

    def _show(self):
        frame = round(self.slider.value * (FRAMES - 1))
        self.picture.value, self.crossfade.value = self._decoded[frame], self._mixed[frame]
        self.play.value = frame  # to play on from where the hand left the slider

    def _play_on(self):
        self.slider.value = self.play.value / (FRAMES - 1)


def _one_of(labels, label, default):
    if label is None:
        return labels[default]
    if label not in labels:
        raise ValueError(f"there is no image of {label!r}; the labels are {labels}")
    return label
