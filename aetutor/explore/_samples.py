"""Images decoded from codes that were drawn at random."""

import ipywidgets as widgets
import torch

from aetutor.explore._parts import Explorer, column, picture_grid, slider

COLUMNS, ROWS = 4, 2


class Samples(Explorer):
    """Eight codes drawn at random, decoded.

    Parameters
    ----------
    model : Autoencoder
    sources : dict of str to Gaussian, Mixture or Jitter
        By name: what codes are drawn from.

    Attributes
    ----------
    source : ipywidgets.Dropdown
    temperature : ipywidgets.FloatSlider
        Factor on how far codes scatter; the draw stays the same while it moves.
    again : ipywidgets.Button
        Another draw.
    picture : ipywidgets.Image
    widget : ipywidgets.Widget
        All of it.

    Raises
    ------
    ValueError
        If there is no source, or one gives codes of another length than the model's.
    """

    def __init__(self, model, sources):
        super().__init__(model.value_range)
        if not sources:
            raise ValueError("an explorer of samples needs at least one source, got none")
        for name, source in sources.items():
            length = source.sample(1).shape[1]
            if length != model.latent_dim:
                raise ValueError(
                    f"the model needs codes of length {model.latent_dim}, {name!r} gives {length}"
                )
        self._model, self._sources, self._seed = model, sources, 0
        self.source = widgets.Dropdown(
            options=list(sources), description="Source", style={"description_width": "110px"}
        )
        self.temperature = slider("Temperature", 0.05, 2, 1, 0.05)
        self.again = widgets.Button(description="Draw again")
        self.picture = picture_grid(model.image_shape, COLUMNS, ROWS, side=128)
        self.widget = column(
            widgets.HBox([self.source, self.again]), self.temperature, self.picture
        )
        self._when_changed(self._draw, self.source, self.temperature)
        self._when_clicked(self._draw_another, self.again)
        self._draw()

    def _draw_another(self):
        self._seed += 1
        self._draw()

    def _draw(self):
        source = self._sources[self.source.value]
        with torch.inference_mode():
            latents = source.sample(
                COLUMNS * ROWS, temperature=self.temperature.value, seed=self._seed
            )
            self.picture.value = self._bmp(self._model.decode(latents), COLUMNS)
