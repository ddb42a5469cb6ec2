"""An image's code, moved along the directions in which codes vary most."""

import ipywidgets as widgets
import torch

from aetutor.explore._parts import Explorer, column, number_of, picture, slider, titled
from aetutor.latent import Gaussian

FITTED = 2000  # images whose codes say which directions these are
REACH = 3  # standard deviations to either side


class LatentAxes(Explorer):
    """An image, and sliders that move its code along the leading principal directions.

    Parameters
    ----------
    model : Autoencoder
    split : Split
        Where the images come from; the codes of its first 2000 give the directions.
    axes : int
        Number of directions, from 1 to the length of the code.
    index : int
        The first image's number in the split.

    Attributes
    ----------
    image : ipywidgets.BoundedIntText
        The number of the image.
    sliders : list of ipywidgets.FloatSlider
        How far the code is moved in each direction, in standard deviations.
    reset : ipywidgets.Button
        Back to the image's own code.
    original, reconstruction, picture : ipywidgets.Image
        The image; what its own code decodes to, and what the moved one does.
    widget : ipywidgets.Widget
        All of it.

    Raises
    ------
    ValueError
        If the images do not fit the model, there are fewer than two, none has this number, or
        ``axes`` is out of range.
    """

    def __init__(self, model, split, *, axes=5, index=0):
        super().__init__(model.value_range)
        if not isinstance(axes, int) or not 1 <= axes <= model.latent_dim:
            raise ValueError(
                f"axes must be a whole number from 1 to {model.latent_dim}, got {axes!r}"
            )
        self._model, self._split = model, split
        self.image = number_of(split, index)
        with torch.inference_mode():
            batches = split.subset(0, FITTED).batches(500)
            codes = Gaussian.fit(torch.cat([model.encode(images) for images, _ in batches]))
        self._moves = (codes.axes * codes.scales)[:, :axes].T  # (axes, latent_dim)
        shares = codes.scales.square() / codes.scales.square().sum()
        self.sliders = [
            slider(f"Direction {number}", -REACH, REACH, 0, 0.1) for number in range(1, axes + 1)
        ]
        self.reset = widgets.Button(description="Back to the image")
        self.original, self.reconstruction, self.picture = picture(), picture(), picture()
        self.widget = self._arranged(shares)
        self._when_changed(self._choose, self.image)
        self._when_changed(self._move, *self.sliders)
        self._when_clicked(self._back, self.reset)
        self._choose()

    def _arranged(self, shares):
        rows = [
            widgets.HBox([control, widgets.Label(f"{share:.0%} of the variance of the codes")])
            for control, share in zip(self.sliders, shares.tolist(), strict=False)
        ]
        pictures = [
            titled("image", self.original),
            titled("reconstruction", self.reconstruction),
            titled("code moved", self.picture),
        ]
        choice = widgets.HBox([self.image, self.reset])
        return column(choice, *rows, widgets.HBox(pictures))

    def _choose(self):
        with torch.inference_mode():
            image, _ = self._split[[self.image.value]]
            self._code = self._model.encode(image)
            self.original.value = self._bmp(image)
            self.reconstruction.value = self._bmp(self._model.decode(self._code))
        self._move()

    def _move(self):
        with torch.inference_mode():
            amounts = torch.tensor(
                [c.value for c in self.sliders], dtype=torch.float32, device="cpu"
            )
            moved = self._model.decode(self._code + amounts @ self._moves)
            self.picture.value = self._bmp(moved)

    def _back(self):
        for control in self.sliders:
            control.value = 0
