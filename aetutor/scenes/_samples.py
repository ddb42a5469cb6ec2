"""Images decoded from codes that were drawn at random."""

import torch

from aetutor.scenes._pixels import picture, pixels
from aetutor.scenes._scene import Scene
from aetutor.scenes.parts import Choice, Counter, Slider

COLUMNS, ROWS = 4, 2
DRAWS = 20  # of each source


class Samples(Scene):
    """Eight codes drawn at random, decoded.

    Controls: ``source``; ``again``, another draw; ``temperature``, a factor on how far codes
    scatter, while the draw stays the same. Picture: ``picture``.

    Parameters
    ----------
    model : Autoencoder
    sources : dict of str to Gaussian, Mixture or Jitter
        By name: what codes are drawn from. A code must be a centre plus the temperature times a
        deviation, as it is with these.

    Raises
    ------
    ValueError
        If there is no source, or one gives codes of another length than the model's.
    """

    name = "samples"

    def __init__(self, model, sources):
        super().__init__()
        if not sources:
            raise ValueError("an explorer of samples needs at least one source, got none")
        for name, source in sources.items():
            length = source.sample(1).shape[1]
            if length != model.latent_dim:
                raise ValueError(
                    f"the model needs codes of length {model.latent_dim}, {name!r} gives {length}"
                )
        self.model = model
        once, twice = (_drawn(sources, temperature) for temperature in (1, 2))
        self.register_buffer("centres", 2 * once - twice, persistent=False)
        self.register_buffer("deviations", twice - once, persistent=False)
        self.controls = (
            Choice("source", "Source", tuple(sources)),
            Counter("again", "Draw again", DRAWS),
            Slider("temperature", "Temperature", 0.05, 2, 0.05, 1.0, decimals=2),
        )
        self.outputs = (
            picture(
                "picture",
                "eight codes, decoded",
                "Eight codes drawn from {source} at temperature {temperature}, decoded.",
                model.image_shape,
                columns=COLUMNS,
                rows=ROWS,
                side=128,
            ),
        )
        self.rows = (("source", "again"), ("temperature",), ("picture",))

    def forward(self, source, again, temperature):
        draw = (source * DRAWS + again).reshape(1)
        centres, deviations = (
            codes.index_select(0, draw)[0] for codes in (self.centres, self.deviations)
        )
        images = self.model.decode(centres + temperature * deviations)
        return (pixels(images, self.model.value_range, COLUMNS),)


def _drawn(sources, temperature):
    """Draws of every source, the n-th with the seed n, (sources x DRAWS, 8, latent_dim)."""
    return torch.stack(
        [
            source.sample(COLUMNS * ROWS, temperature=temperature, seed=seed).float()
            for source in sources.values()
            for seed in range(DRAWS)
        ]
    )
