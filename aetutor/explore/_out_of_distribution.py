"""An image that turns into a stranger, and what the error says of it."""

from functools import partial

import ipywidgets as widgets
import torch

from aetutor import patterns
from aetutor.explore._parts import (
    LARGE,
    Explorer,
    bmp,
    column,
    heading,
    heat,
    number_of,
    picture_grid,
    slider,
)
from aetutor.history import to_bytes

PARTS = ("input", "reconstruction", "squared error")
COMPARED = 500  # images that the error is compared with
PATTERNS = {
    "uniform noise": patterns.noise,
    "plain colour": patterns.constant,
    "colour ramp": patterns.ramp,
    "checkerboard, cells of 1": partial(patterns.checkerboard, cell=1),
    "checkerboard, cells of 4": partial(patterns.checkerboard, cell=4),
    "grating, 3 cycles": partial(patterns.grating, frequency=3),
    "grating, 12 cycles": partial(patterns.grating, frequency=12),
}


class OutOfDistribution(Explorer):
    """An image mixed with a pattern: its reconstruction, where it is wrong, and how much.

    Parameters
    ----------
    model : Autoencoder
    split : Split
        Where the images come from; the error is compared with those of its first 500.
    index : int
        The first image's number in the split.

    Attributes
    ----------
    image : ipywidgets.BoundedIntText
        The number of the image.
    pattern : ipywidgets.Dropdown
    strength : ipywidgets.FloatSlider
        Share of the pattern, from 0, the image, to 1, the pattern alone.
    other : ipywidgets.Button
        Another pattern of the kind.
    picture : ipywidgets.Image
        The mixed image, its reconstruction, and the squared error of each pixel, side by side.
        Where the error is white, every channel is wrong by half the range of values.
    rank : ipywidgets.FloatProgress
        The share of the compared images that have a smaller error.
    message : ipywidgets.Label
        The squared error and the rank, in words.
    widget : ipywidgets.Widget
        All of it.

    Raises
    ------
    ValueError
        If the images do not fit the model, or none has this number.
    """

    def __init__(self, model, split, *, index=0):
        super().__init__(model.value_range)
        self._model, self._split, self._seed = model, split, 0
        self.image = number_of(split, index)
        with torch.inference_mode():
            images, _ = split[:COMPARED]
            self._errors = self._squared_error(images, model(images)).sum(dim=(1, 2))
        self.pattern = widgets.Dropdown(
            options=list(PATTERNS), description="Pattern", style={"description_width": "110px"}
        )
        self.other = widgets.Button(description="Another pattern")
        self.strength = slider("Share of it", 0, 1, 0, 0.01)
        self.rank = widgets.FloatProgress(max=1, layout=widgets.Layout(width=f"{LARGE}px"))
        self.message = widgets.Label()
        self.picture = picture_grid(model.image_shape, len(PARTS))
        headings = [heading(part, int(self.picture.width) // len(PARTS)) for part in PARTS]
        self.widget = column(
            self.image,
            widgets.HBox([self.pattern, self.other]),
            self.strength,
            widgets.VBox([widgets.HBox(headings), self.picture]),
            widgets.HBox([self.rank, self.message]),
        )
        self._when_changed(self._choose, self.image, self.pattern)
        self._when_changed(self._mix, self.strength)
        self._when_clicked(self._choose_another, self.other)
        self._choose()

    def _choose_another(self):
        self._seed += 1
        self._choose()

    def _choose(self):
        self._picked, _ = self._split[[self.image.value]]
        self._drawn = PATTERNS[self.pattern.value](
            1,
            image_shape=self._model.image_shape,
            value_range=self._value_range,
            seed=self._seed,
        )
        self._mix()

    def _mix(self):
        with torch.inference_mode():
            mixed = self._picked.lerp(self._drawn, self.strength.value)
            reconstruction = self._model(mixed)
        error = self._squared_error(mixed, reconstruction)[0]  # (H, W)
        low, high = self._value_range
        scaled = error / (len(mixed[0]) * (high - low) ** 2 / 4)
        shown = to_bytes(torch.cat([mixed, reconstruction]), self._value_range)
        parts = torch.cat([shown.expand(-1, 3, -1, -1), heat(scaled.sqrt())])
        self.picture.value = bmp(parts, len(PARTS))
        rank = (self._errors < error.sum()).float().mean().item()
        self.rank.value = rank
        self.message.value = (
            f"squared error {error.sum():.1f}: larger than that of {rank:.0%} "
            f"of {len(self._errors)} images"
        )

    @staticmethod
    def _squared_error(images, reconstructions):
        return (reconstructions - images).square().sum(dim=1)  # (B, H, W)
