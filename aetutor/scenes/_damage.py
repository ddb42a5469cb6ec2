"""An image, damaged, and what three ways make of it."""

import torch

from aetutor.models import DAMAGES, PATCH, PCAAutoencoder, check_images
from aetutor.scenes._pixels import Images, picture, pixels
from aetutor.scenes._scene import Scene
from aetutor.scenes.parts import Choice, Counter, Number, Picker, Reset, Slider

DRAWS = 10  # of each damage
COMPONENTS = 200  # of the linear filter; what it leaves out is hardly seen
SIDE = 168  # of a picture on the page: five of them fit beside each other
HIDDEN = (0.35, 0.45, 0.75)  # red, green, blue of a pixel that is masked
NAMES = ("noise", "masked pixels", "masked patches")


class Damage(Scene):
    """A digit with noise added or parts of it masked, and three attempts to undo that.

    Controls: ``image``; ``damage``, its kind, and ``again`` for another draw of it; ``strength``,
    the noise's standard deviation or the share masked; ``left``, ``top``, ``width`` and
    ``height`` of a rectangle that is masked besides, in pixels, cut off at the edges. Pictures:
    ``original``; ``input``, with masked pixels in blue; ``plain``, ``denoising`` and ``wiener``,
    the reconstructions. Numbers: their errors, the mean squared error per pixel.

    The linear filter is the Wiener filter in PCA's basis. What masking does it takes for noise of
    as much variance.

    Parameters
    ----------
    plain : DenoisingAutoencoder
        Trained without damage.
    denoising : dict of str to DenoisingAutoencoder
        By the damage that they undo: "noise", "pixels" and "patches".
    split : Split
        Where the images come from.
    known : Split
        To whose images the filter is fitted, some hundreds or more.
    index : int
        The first image's number in the split.
    shown : int, optional
        Only the first so many images can be chosen; all if left out.

    Raises
    ------
    ValueError
        If the images do not fit the networks, none has this number, or a damage has no network.
    """

    name = "damage"

    def __init__(self, plain, denoising, split, known, *, index=0, shown=None):
        super().__init__()
        missing = [damage for damage in DAMAGES if damage not in denoising]
        if missing:
            raise ValueError(f"each damage needs a network, there is none for {missing[0]!r}")
        check_images(split[:1][0], plain.image_shape, plain.value_range)
        self.plain = plain
        self.networks = torch.nn.ModuleList(denoising[damage] for damage in DAMAGES)
        self.images = Images(split.images[:shown], split.value_range)
        self._fit_filter(known)
        self._draw(plain.image_shape)
        _, height, width = plain.image_shape
        self.controls = (
            Picker("image", "Image", len(self.images), index),
            Choice("damage", "Damage", NAMES),
            Counter("again", "Another draw", DRAWS),
            Slider("strength", "Strength", 0, 0.95, 0.05, 0.5, decimals=2),
            Slider("left", "Rectangle: left", 0, width, 1, 8, decimals=0, unit=" pixels"),
            Slider("top", "top", 0, height, 1, 8, decimals=0, unit=" pixels"),
            Slider("width", "width", 0, width, 1, 0, decimals=0, unit=" pixels"),
            Slider("height", "height", 0, height, 1, 12, decimals=0, unit=" pixels"),
            Reset("whole", "No rectangle", ("width",)),
        )
        self.controls[0].checked(index)
        self._declare(plain.image_shape)

    def _declare(self, shape):
        """Say what is shown."""
        self.outputs = (
            picture("original", "original", "Image {image}.", shape, side=SIDE),
            picture("input", "input", "Image {image} with {damage}, {strength}.", shape, side=SIDE),
            *(
                picture(
                    name,
                    f"{title}, error {{{name}_error}}",
                    f"Reconstruction by {words}, mean squared error {{{name}_error}}.",
                    shape,
                    side=SIDE,
                )
                for name, title, words in (
                    ("plain", "plain", "the plain network"),
                    ("denoising", "denoising", "the denoising network"),
                    ("wiener", "Wiener", "the Wiener filter"),
                )
            ),
            *(Number(f"{name}_error", decimals=3) for name in ("plain", "denoising", "wiener")),
        )
        self.rows = (
            ("image",),
            ("damage", "again"),
            ("strength",),
            ("left", "width"),
            ("top", "height"),
            ("whole",),
            ("original", "input", "plain", "denoising", "wiener"),
        )

    def _fit_filter(self, known):
        pca = PCAAutoencoder.fit(known, min(COMPONENTS, len(known)))
        with torch.no_grad():
            images = known[:][0]
            variances = pca.encode(images).var(dim=0)
        self.register_buffer("mean", pca.mean, persistent=False)
        # In half precision, which halves the file of the exported scene.
        self.register_buffer("components", pca.components.half().float(), persistent=False)
        self.register_buffer("variances", variances, persistent=False)
        self.register_buffer("power", images.square().mean(), persistent=False)

    def _draw(self, shape):
        """Draw the noise, and a number from 0 to 1 for each pixel and each patch."""
        dice = torch.Generator().manual_seed(0)
        _, height, width = shape
        drawn = {"generator": dice, "dtype": torch.float32, "device": "cpu"}
        noise = torch.randn(DRAWS, height, width, **drawn).half().float()
        each = torch.rand(DRAWS, height, width, **drawn)
        patches = torch.rand(DRAWS, height // PATCH, width // PATCH, **drawn)
        patches = patches.repeat_interleave(PATCH, dim=1).repeat_interleave(PATCH, dim=2)
        self.register_buffer("noise", noise, persistent=False)
        # With noise no pixel is masked: no number is below 0 however strong it is.
        self.register_buffer(
            "levels", torch.stack([torch.ones_like(each), each, patches]), persistent=False
        )

    def forward(self, image, damage, again, strength, left, top, width, height):
        original = self.images(image)  # (1, 1, H, W)
        number = again.reshape(1)
        noisy = (damage == 0).float()
        share = strength * (1 - noisy)
        levels = self.levels.index_select(0, damage.reshape(1))[0].index_select(0, number)[0]
        hidden = self._rectangle(left, top, width, height)
        kept = (1 - share) * (1 - hidden.float().mean())
        hidden = hidden | (levels < share)
        seen = original + noisy * strength * self.noise.index_select(0, number)
        seen = seen * (~hidden).float()
        # As in training, so that a unit sees the same sum on average.
        given = torch.where(damage == 0, seen, seen / kept.clamp(min=0.02))
        spread = (noisy * strength).square() + self.power * (1 / kept.clamp(min=0.02) - 1)
        found = (
            self.plain.denoise(given),
            torch.stack([network.denoise(given) for network in self.networks]).index_select(
                0, damage.reshape(1)
            )[0],
            self._filtered(given, spread),
        )
        colour = torch.tensor(HIDDEN, dtype=torch.float32, device="cpu").reshape(1, 3, 1, 1)
        shown = torch.where(hidden, colour, seen.clamp(0, 1).expand(-1, 3, -1, -1))
        value_range = self.plain.value_range
        return (
            pixels(original, value_range),
            pixels(shown, value_range),
            *(pixels(each, value_range) for each in found),
            *((each - original).square().mean() for each in found),
        )

    def _rectangle(self, left, top, width, height):
        """Which pixels lie in it, booleans (H, W)."""
        rows, columns = (
            torch.arange(side, dtype=torch.float32, device=left.device)
            for side in self.plain.image_shape[1:]
        )
        across = (columns >= left) & (columns < left + width)
        down = (rows >= top) & (rows < top + height)
        return down[:, None] & across

    def _filtered(self, given, variance):
        """The Wiener filter: along each principal direction, as much as its variance deserves."""
        codes = (given.flatten(1) - self.mean) @ self.components.T
        codes = codes * (self.variances / (self.variances + variance))
        found = (codes @ self.components + self.mean).clamp(0, 1)
        return found.unflatten(1, self.plain.image_shape)
