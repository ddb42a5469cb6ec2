"""An image from its rounded code, beside a JPEG of as many bytes."""

import torch

from aetutor.coding import Rounding, compress, tiled, untiled
from aetutor.scenes._pixels import Images, picture, pixels
from aetutor.scenes._scene import Scene
from aetutor.scenes.parts import Choice, Number, Picker, Words

STEPS = (0.12, 0.18, 0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0)  # standard deviations of a code's number
QUALITIES = (1, 3, 5, 8, 12, 18, 25, 35, 50, 70, 85, 93)
COLUMNS = 8  # of the mosaic that the JPEGs are cut from


class RoundedCode(Scene):
    """An image decoded from its code, rounded more and more coarsely, and as a JPEG.

    Controls: ``image``; ``step``, to multiples of which each number is rounded. Pictures:
    ``original``; ``rounded``, decoded from the rounded code, ``bytes`` long by the tables of the
    training codes; ``jpeg``, cut from one JPEG of all images that can be chosen, whose share of
    the file, ``jpeg_bytes``, is nearest to the mean length of their rounded codes. Each with its
    squared error, ``error`` and ``jpeg_error``.

    Parameters
    ----------
    model : Autoencoder
        Of colour images.
    latents : torch.Tensor
        Codes of training images, (N, latent_dim), whose shares say how long rounded codes are.
    split : Split
        Where the images come from.
    shown : int
        Only the first so many images can be chosen, a multiple of 8.

    Raises
    ------
    ValueError
        If the images do not fit the model, or ``shown`` is no multiple of 8 or more than there
        are.
    """

    name = "rounded_code"

    def __init__(self, model, latents, split, *, shown=48):
        super().__init__()
        if shown % COLUMNS or not 0 < shown <= len(split):
            raise ValueError(
                f"shown must be a multiple of {COLUMNS} up to {len(split)}, got {shown}"
            )
        self.model = model
        self.images = Images(split.images[:shown], split.value_range)
        deviation = latents.std().item()
        tables = [Rounding(latents, factor * deviation) for factor in STEPS]
        with torch.no_grad():
            codes = model.encode(split[:shown][0])
        means = [table.bits(table.symbols(codes)).mean().item() / 8 for table in tables]
        jpegs, shares = _jpegs(split.images[:shown], means)
        self.jpegs = Images(jpegs, split.value_range)
        self.register_buffer("jpeg_shares", shares, persistent=False)
        for name in ("step", "low", "high"):
            values = torch.stack([torch.as_tensor(getattr(table, name)) for table in tables])
            self.register_buffer(f"{name}s", values, persistent=False)
        size = max(table.counts.shape[1] for table in tables)
        lengths = [_wide(table.lengths, size) for table in tables]
        self.register_buffer("lengths", torch.stack(lengths), persistent=False)
        options = tuple(
            f"{factor:g} standard deviations, {mean:.0f} bytes on average"
            for factor, mean in zip(STEPS, means, strict=True)
        )
        self.controls = (
            Picker("image", "Image", shown),
            Choice("step", "Step", options, STEPS.index(1.0)),
        )
        shape = model.image_shape
        self.outputs = (
            picture("original", "image", "Image {image} of the data set.", shape),
            picture(
                "rounded",
                "rounded code",
                "Image {image} from its code in {bytes} bytes, squared error {error}.",
                shape,
            ),
            picture(
                "jpeg",
                "JPEG",
                "Image {image} as a JPEG of {jpeg_bytes} bytes, squared error {jpeg_error}.",
                shape,
            ),
            *(Number(name, decimals=0) for name in ("bytes", "error", "jpeg_bytes", "jpeg_error")),
            Words(
                "sentence",
                ("Rounded code: {bytes} bytes, squared error {error}. JPEG: {jpeg_bytes} bytes, "
                 "squared error {jpeg_error}.",),
            ),
        )  # fmt: skip
        self.rows = (("image",), ("step",), ("original", "rounded", "jpeg"), ("sentence",))

    def forward(self, image, step):
        chosen = step.reshape(1)
        size, low, high = (
            values.index_select(0, chosen)[0] for values in (self.steps, self.lows, self.highs)
        )
        shown = self.images(image)
        multiples = (self.model.encode(shown)[0] / size).round().long()
        multiples = torch.minimum(torch.maximum(multiples, low), high)  # (latent_dim,)
        lengths = self.lengths.index_select(0, chosen)[0]  # (latent_dim, symbols)
        bits = lengths.gather(1, (multiples - low)[:, None]).sum()
        rounded = self.model.decode((multiples * size)[None])
        jpeg = self.jpegs(chosen[0] * len(self.images) + image)
        limits = self.model.value_range
        return (
            *(pixels(each, limits) for each in (shown, rounded, jpeg)),
            bits / 8,
            (rounded - shown).square().sum(),
            self.jpeg_shares.index_select(0, chosen)[0],
            (jpeg - shown).square().sum(),
            torch.zeros_like(step),
        )


def _wide(lengths, size):
    """Tables of one width, (latent_dim, size); what is no symbol has the length 0."""
    lengths = torch.where(lengths.isfinite(), lengths, 0.0)
    return torch.nn.functional.pad(lengths, (0, size - lengths.shape[1]))


def _jpegs(images, wanted):
    """For each wanted number of bytes an image, the images as JPEGs of about so many.

    Returns
    -------
    tuple of torch.Tensor
        uint8, (wanted x N, 3, H, W); and each file's bytes per image, (wanted,).
    """
    large = tiled(images, COLUMNS)
    files = [compress(large, "JPEG", quality) for quality in QUALITIES]
    shares = torch.tensor([len(file) / len(images) for file, _ in files])
    nearest = [(shares.log() - torch.tensor(mean).log()).abs().argmin().item() for mean in wanted]
    pictures = torch.cat([untiled(files[number][1], COLUMNS) for number in nearest])
    return pictures, shares[nearest]
