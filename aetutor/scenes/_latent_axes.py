"""An image's code, moved along the directions in which codes vary most."""

import torch

from aetutor.checks import whole_number
from aetutor.latent import Gaussian
from aetutor.scenes._pixels import Images, Remembering, picture, pixels
from aetutor.scenes._scene import Scene
from aetutor.scenes.parts import Picker, Reset, Slider

FITTED = 2000  # images whose codes say which directions these are
REACH = 3  # standard deviations to either side


class LatentAxes(Scene):
    """An image, and sliders that move its code along the leading principal directions.

    Controls: ``image``; ``direction_1`` and so on, in standard deviations; ``reset``, back to
    the image's own code. Pictures: ``original``; ``reconstruction``, what its own code decodes
    to; ``moved``, what the moved one does.

    Parameters
    ----------
    model : Autoencoder
    split : Split
        Where the images come from; the codes of its first 2000 give the directions.
    axes : int
        Number of directions, from 1 to the length of the code.
    index : int
        The first image's number in the split.
    shown : int, optional
        Only the first so many images can be chosen; all if left out.

    Raises
    ------
    ValueError
        If the images do not fit the model, there are fewer than two, none has this number, or
        ``axes`` is out of range.
    """

    name = "latent_axes"

    def __init__(self, model, split, *, axes=5, index=0, shown=None):
        super().__init__()
        axes = whole_number("axes", axes, 1, model.latent_dim)
        self.model = model
        self.images = Images(split.images[:shown], split.value_range)
        self.chosen = Remembering(self._chosen)
        with torch.no_grad():
            batches = split.subset(0, FITTED).batches(500)
            codes = Gaussian.fit(torch.cat([model.encode(images) for images, _ in batches]))
        moves = (codes.axes * codes.scales)[:, :axes].T  # (axes, latent_dim)
        self.register_buffer("moves", moves.contiguous(), persistent=False)
        shares = codes.scales.square() / codes.scales.square().sum()
        sliders = [
            Slider(
                f"direction_{number}",
                f"Direction {number}",
                *(-REACH, REACH, 0.1, 0.0),
                unit=" standard deviations",
                note=f"{share:.0%} of the variance of the codes",
            )
            for number, share in enumerate(shares[:axes].tolist(), 1)
        ]
        names = tuple(slider.name for slider in sliders)
        self.controls = (
            Picker("image", "Image", len(self.images), index),
            Reset("reset", "Back to the image", names),
            *sliders,
        )
        self.controls[0].checked(index)
        alts = {
            "original": ("image", "Image {image} of the data set."),
            "reconstruction": ("reconstruction", "Image {image} decoded from its own code."),
            "moved": (
                "code moved",
                "Image {image} with its code moved: "
                + ", ".join(f"direction {n} by {{{name}}}" for n, name in enumerate(names, 1))
                + ".",
            ),
        }
        self.outputs = tuple(
            picture(name, *texts, model.image_shape) for name, texts in alts.items()
        )
        self.rows = (("image", "reset"), *((name,) for name in names), tuple(alts))

    def forward(self, image, *amounts):
        code, *pictures = self.chosen(image)
        moved = self.model.decode(code + torch.stack(amounts) @ self.moves)
        return *pictures, pixels(moved, self.model.value_range)

    def _chosen(self, image):
        """The code of an image, its picture, and that of what the code decodes to."""
        shown = self.images(image)  # (1, C, H, W)
        code = self.model.encode(shown)
        limits = self.model.value_range
        return code, pixels(shown, limits), pixels(self.model.decode(code), limits)
