"""An image that turns into a stranger, and what the error says of it."""

from functools import partial

import torch

from aetutor import patterns
from aetutor.history import to_bytes
from aetutor.scenes._pixels import Images, picture, pixels
from aetutor.scenes._scene import Scene
from aetutor.scenes.parts import Bar, Choice, Counter, Number, Picker, Slider

COMPARED = 500  # images that the error is compared with
DRAWS = 10  # patterns of a kind
PATTERNS = {
    "uniform noise": patterns.noise,
    "plain colour": patterns.constant,
    "colour ramp": patterns.ramp,
    "checkerboard, cells of 1": partial(patterns.checkerboard, cell=1),
    "checkerboard, cells of 4": partial(patterns.checkerboard, cell=4),
    "grating, 3 cycles": partial(patterns.grating, frequency=3),
    "grating, 12 cycles": partial(patterns.grating, frequency=12),
}


class OutOfDistribution(Scene):
    """An image mixed with a pattern: its reconstruction, where it is wrong, and how much.

    Controls: ``image``; ``pattern``, and ``other`` for another one of the kind; ``strength``, the
    share of the pattern, from 0, the image, to 1, the pattern alone. Pictures: ``picture``, the
    mixture; ``reconstruction``; ``error``, the squared error of each pixel, white where every
    channel is wrong by half the range of values or more. ``rank`` is the share of the compared
    images that have a smaller error.

    Parameters
    ----------
    model : Autoencoder
    split : Split
        Where the images come from; the error is compared with those of its first 500.
    index : int
        The first image's number in the split.
    shown : int, optional
        Only the first so many images can be chosen; all if left out.

    Raises
    ------
    ValueError
        If the images do not fit the model, or none has this number.
    """

    name = "out_of_distribution"

    def __init__(self, model, split, *, index=0, shown=None):
        super().__init__()
        self.model = model
        self.images = Images(split.images[:shown], split.value_range)
        compared, _ = split[:COMPARED]
        with torch.no_grad():
            errors = (model(compared) - compared).square().flatten(1).sum(dim=1)
        self.register_buffer("errors", errors, persistent=False)
        drawn = [
            draw(1, image_shape=model.image_shape, value_range=model.value_range, seed=seed)
            for draw in PATTERNS.values()
            for seed in range(DRAWS)
        ]
        self.patterns = Images(to_bytes(torch.cat(drawn), model.value_range), model.value_range)
        self.register_buffer("magma", _magma(), persistent=False)
        self.controls = (
            Picker("image", "Image", len(self.images), index),
            Choice("pattern", "Pattern", tuple(PATTERNS)),
            Counter("other", "Another pattern", DRAWS),
            Slider("strength", "Share of it", 0, 1, 0.01, 0.0, decimals=0, percent=True),
        )
        self.controls[0].checked(index)
        mixture = "image {image} with {strength} of {pattern}"
        wrong = (
            f"squared error {{squared_error}}, larger than that of {{rank}} of {len(errors)} images"
        )
        shape = model.image_shape
        self.outputs = (
            picture("picture", "input", f"The input, {mixture}.", shape),
            picture("reconstruction", "reconstruction", f"Reconstruction of {mixture}.", shape),
            picture("error", "squared error", f"Where it is wrong: {wrong}.", shape),
            Number("squared_error", decimals=1),
            Bar("rank", wrong),
        )
        self.rows = (
            ("image",),
            ("pattern", "other"),
            ("strength",),
            ("picture", "reconstruction", "error"),
            ("rank",),
        )

    def forward(self, image, pattern, other, strength):
        given, drawn = self.images(image), self.patterns(pattern * DRAWS + other)
        mixed = given + strength * (drawn - given)
        reconstruction = self.model(mixed)
        error = (reconstruction - mixed).square().sum(dim=1)  # (1, H, W)
        low, high = self.model.value_range
        scaled = (error / (mixed.shape[1] * (high - low) ** 2 / 4)).sqrt().clamp(0, 1)
        total = error.sum()
        return (
            pixels(mixed, (low, high)),
            pixels(reconstruction, (low, high)),
            pixels(self._coloured(scaled), (0, 1)),
            total,
            (self.errors < total).float().mean(),
        )

    def _coloured(self, values):
        """Colours of numbers from 0 to 1, (1, H, W) to (1, 3, H, W), without steps."""
        places = 255 * values.reshape(-1, 1)
        before = places.floor().clamp(max=254)
        one, other = (self.magma.index_select(0, (before[:, 0] + n).long()) for n in (0, 1))
        return (one + (places - before) * (other - one)).T.reshape(1, 3, *values.shape[1:])


def _magma():
    """Matplotlib's colours from black to bright, (256, 3), from 0 to 1."""
    from matplotlib import colormaps  # here: it takes as long to import as all the rest

    return torch.tensor(colormaps["magma"].colors, dtype=torch.float32, device="cpu")
