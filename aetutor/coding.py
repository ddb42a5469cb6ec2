"""Images in bytes: rounded codes and the bits they take, and the usual image formats."""

import io

import numpy as np
import torch
from PIL import Image, features

from aetutor.checks import known_name, whole_number

# Pillow's names, and the most pixels a side that each format allows.
FORMATS = {"JPEG": 65_500, "WebP": 16_383, "AVIF": 65_536}
# What makes files small, at the price of time.
THOROUGH = {"JPEG": {"optimize": True}, "WebP": {"method": 6}, "AVIF": {}}


class Rounding:
    """Codes rounded to whole multiples of a step, and how many bits they take.

    Each number of a code has a table of its own: how often each multiple comes up in training
    codes, plus one, so that none in between is impossible. The ideal length of a symbol that has
    the share p of its table is ``-log2(p)`` bits (Shannon, 1948).

    Parameters
    ----------
    latents : torch.Tensor
        Training codes, (N, latent_dim).
    step : float
        Above 0.

    Attributes
    ----------
    low : torch.Tensor
        int64, (latent_dim,): the multiple that is symbol 0 of each number.
    counts : torch.Tensor
        int64, (latent_dim, symbols): the tables; 0 behind the last symbol of a number.

    Raises
    ------
    ValueError
        If the step is not above 0, or the latents are not of two dimensions.
    """

    def __init__(self, latents, step):
        if not 0 < step < float("inf"):
            raise ValueError(f"step must be a number above 0, got {step!r}")
        if latents.ndim != 2 or not len(latents):
            raise ValueError(
                f"latents must have the shape (N, latent_dim), got {tuple(latents.shape)}"
            )
        self.step = step
        multiples = (latents / step).round().long()
        self.low, self.high = multiples.amin(dim=0), multiples.amax(dim=0)
        size = (self.high - self.low).max().item() + 1
        self.counts = torch.zeros(latents.shape[1], size, dtype=torch.int64)
        self.counts.scatter_add_(1, (multiples - self.low).T, torch.ones_like(multiples.T))
        self.counts += torch.arange(size) <= (self.high - self.low)[:, None]

    def symbols(self, latents):
        """Return the symbols of codes (N, latent_dim): int64, from 0.

        A multiple that no training code has, below the least or above the largest, becomes the
        nearest of these.
        """
        multiples = (latents / self.step).round().long()
        return torch.minimum(torch.maximum(multiples, self.low), self.high) - self.low

    def latents(self, symbols):
        """Return the codes that symbols (N, latent_dim) stand for."""
        return (symbols + self.low) * self.step

    @property
    def lengths(self):
        """The ideal length of each symbol in bits, (latent_dim, symbols); infinite for none."""
        return (self.counts.sum(dim=1, keepdim=True) / self.counts).log2()

    def bits(self, symbols):
        """Return the ideal length of each code (N, latent_dim) in bits, (N,)."""
        return self.lengths.gather(1, symbols.T).sum(dim=0)


def compress(image, form, quality):
    """Return an image as the bytes of a file, and what they are decoded to.

    Parameters
    ----------
    image : torch.Tensor
        uint8, (3, H, W).
    form : {"JPEG", "WebP", "AVIF"}
    quality : int
        From 0 to 100, by the format's own scale.

    Returns
    -------
    tuple of (bytes, torch.Tensor)
        The image again as uint8, (3, H, W).

    Raises
    ------
    ValueError
        If the image has another shape or type, is too large for the format, or Pillow was built
        without it.
    """
    form = known_name("form", form, FORMATS)
    quality = whole_number("quality", quality, 0, 100)
    if image.dtype != torch.uint8 or image.ndim != 3 or len(image) != 3:
        raise ValueError(
            f"image must be uint8 of the shape (3, H, W), got {image.dtype} of {tuple(image.shape)}"
        )
    if max(image.shape) > FORMATS[form]:
        raise ValueError(
            f"{form} allows {FORMATS[form]} pixels a side at most, got {max(image.shape)}"
        )
    if not features.check(form.lower() if form != "JPEG" else "jpg"):
        raise ValueError(f"this Pillow cannot write {form}; install one from pypi.org")
    file = io.BytesIO()
    pixels = np.ascontiguousarray(image.permute(1, 2, 0).numpy())
    Image.fromarray(pixels).save(file, form, quality=quality, **THOROUGH[form])
    decoded = np.array(Image.open(io.BytesIO(file.getvalue())).convert("RGB"))
    return file.getvalue(), torch.from_numpy(decoded).permute(2, 0, 1)


def payload(file, form):
    """Return how many bytes of a file are the image itself, without header and tables.

    For JPEG the entropy-coded scan, for WebP what follows the frame's header, for AVIF the box of
    media data.

    Parameters
    ----------
    file : bytes
        As :func:`compress` returns it.
    form : {"JPEG", "WebP", "AVIF"}
    """
    form = known_name("form", form, FORMATS)
    if form == "JPEG":
        start = file.index(b"\xff\xda")  # start of scan; its header's length follows
        return len(file) - start - 2 - int.from_bytes(file[start + 2 : start + 4]) - 2
    if form == "WebP":
        return len(file) - 30  # RIFF 12, chunk 8, frame 10
    start = file.index(b"mdat") - 4
    return int.from_bytes(file[start : start + 4]) - 8


def tiled(images, columns):
    """Return images, (N, C, H, W), as one large image, so many in a row.

    ``columns`` divides N; :func:`untiled` takes them apart again.
    """
    count, channels, height, width = images.shape
    rows = images.reshape(count // columns, columns, channels, height, width)
    return rows.permute(2, 0, 3, 1, 4).reshape(channels, count // columns * height, columns * width)


def untiled(image, columns):
    """Return the square images of a large one, (C, H, W), so many in a row: (N, C, side, side)."""
    channels, height, width = image.shape
    side = width // columns
    tiles = image.reshape(channels, height // side, side, columns, side)
    return tiles.permute(1, 3, 0, 2, 4).reshape(-1, channels, side, side)
