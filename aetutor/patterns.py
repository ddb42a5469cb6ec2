"""Images unlike any training data: noise, colours, checkerboards, corrupted photographs.

Those that start from nothing take a count, the shape (C, H, W) of one image and a value range, and
return (count, C, H, W) float32; those that corrupt images return images of the same shape. What is
random depends on ``seed`` alone.
"""

import math

import torch
from torch.nn import functional as F

from aetutor.checks import whole_number

COLOUR = (3, 32, 32)
RANGE = (-1.0, 1.0)


def noise(count, *, image_shape=COLOUR, value_range=RANGE, seed=0):
    """Return images of which every value is drawn uniformly from the range.

    Parameters
    ----------
    count : int
        At least 1.
    image_shape : tuple of int
        (C, H, W).
    value_range : tuple of float
        Lowest and highest value.
    seed : int

    Returns
    -------
    torch.Tensor
        (count, C, H, W).
    """
    return _uniform((whole_number("count", count, 1), *image_shape), value_range, seed)


def constant(count, *, image_shape=COLOUR, value_range=RANGE, seed=0):
    """Return images of one random colour each; parameters as for :func:`noise`."""
    return _colours(count, image_shape, value_range, seed).expand(-1, *image_shape).clone()


def single_channel(count, *, image_shape=COLOUR, value_range=RANGE, seed=0):
    """Return plain images of which one channel has a random value, the others the lowest.

    The channels take turns. Parameters as for :func:`noise`.
    """
    plain = constant(count, image_shape=image_shape, value_range=value_range, seed=seed)
    turn = torch.arange(count, device="cpu") % image_shape[0]
    others = F.one_hot(turn, image_shape[0]) == 0  # (count, C)
    return plain.masked_fill_(others[:, :, None, None], value_range[0])


def checkerboard(count, *, cell=4, image_shape=COLOUR, value_range=RANGE, seed=0):
    """Return checkerboards of two random colours each.

    Parameters
    ----------
    count, image_shape, value_range, seed
        As for :func:`noise`.
    cell : int
        Side of a cell in pixels, at least 1.

    Raises
    ------
    ValueError
        If ``count`` or ``cell`` is below 1.
    """
    cell = whole_number("cell", cell, 1)
    one, other = _colours(
        2 * whole_number("count", count, 1), image_shape, value_range, seed
    ).chunk(2)
    row, column = (torch.arange(side, device="cpu") // cell for side in image_shape[1:])
    return torch.where((row[:, None] + column) % 2 == 0, one, other)


def ramp(count, *, image_shape=COLOUR, value_range=RANGE, seed=0):
    """Return colour ramps: each channel rises from lowest to highest in a random direction.

    Parameters as for :func:`noise`.
    """
    angle = _uniform(
        (whole_number("count", count, 1), image_shape[0], 1, 1), (0, 2 * math.pi), seed
    )
    y, x = (
        torch.linspace(-1, 1, side, dtype=torch.float32, device="cpu") for side in image_shape[1:]
    )
    height = torch.cos(angle) * x + torch.sin(angle) * y[:, None]
    low, high = value_range
    steepest = height.abs().amax(dim=(2, 3), keepdim=True)
    return (height / steepest + 1) / 2 * (high - low) + low


def grating(count, frequency, *, image_shape=COLOUR, value_range=RANGE, seed=0):
    """Return grey sine waves over the whole range, of random direction and phase.

    Parameters
    ----------
    count, image_shape, value_range, seed
        As for :func:`noise`.
    frequency : float
        Cycles per width of the image, above 0; above half the width they would look coarser
        than they are.

    Raises
    ------
    ValueError
        If ``count`` is below 1, or ``frequency`` outside these bounds.
    """
    height, width = image_shape[1:]
    if not 0 < frequency <= width / 2:
        raise ValueError(f"frequency must be above 0 and at most {width / 2:g}, got {frequency!r}")
    angle, phase = _uniform((2, whole_number("count", count, 1), 1, 1, 1), (0, 2 * math.pi), seed)
    turn = 2 * math.pi * frequency / width  # from pixel to pixel
    y, x = (turn * torch.arange(side, device="cpu") for side in (height, width))
    wave = torch.sin(torch.cos(angle) * x + torch.sin(angle) * y[:, None] + phase)
    low, high = value_range
    return ((wave + 1) / 2 * (high - low) + low).expand(-1, *image_shape).clone()


def shift(images, pixels=1):
    """Return images moved to the right and down; the first column and row are repeated.

    Parameters
    ----------
    images : torch.Tensor
        (B, C, H, W).
    pixels : int
        From 0 to below the smaller side.

    Raises
    ------
    ValueError
        If the images have another number of dimensions, or ``pixels`` is out of range.
    """
    _check_images(images)
    height, width = images.shape[2:]
    pixels = whole_number("pixels", pixels, 0, min(height, width) - 1)
    return F.pad(images, (pixels, 0, pixels, 0), mode="replicate")[..., :height, :width]


def mask(images, *, value_range=RANGE):
    """Return images (B, C, H, W) whose lower half is grey, in the middle of the range."""
    _check_images(images)
    masked = images.clone()
    masked[:, :, images.shape[2] // 2 :] = sum(value_range) / 2
    return masked


def noisy(images, strength, *, value_range=RANGE, seed=0):
    """Return images mixed with uniform noise.

    Parameters
    ----------
    images : torch.Tensor
        (B, C, H, W).
    strength : float
        Share of the noise, from 0, the image, to 1, noise alone.
    value_range : tuple of float
        Of the images, and of the noise.
    seed : int

    Raises
    ------
    ValueError
        If the images have another number of dimensions, or ``strength`` is out of range.
    """
    _check_images(images)
    if not 0 <= strength <= 1:
        raise ValueError(f"strength must be from 0 to 1, got {strength!r}")
    return images.lerp(_uniform(images.shape, value_range, seed).to(images.device), strength)


def scrambled(images, *, cell=4, seed=0):
    """Return images cut into square tiles and shuffled, each image in another order.

    Parameters
    ----------
    images : torch.Tensor
        (B, C, H, W).
    cell : int
        Side of a tile in pixels; it must divide both sides of the images.
    seed : int

    Raises
    ------
    ValueError
        If the images have another number of dimensions, or ``cell`` does not divide them.
    """
    _check_images(images)
    height, width = images.shape[2:]
    cell = whole_number("cell", cell, 1)
    if height % cell or width % cell:
        raise ValueError(f"cell must divide {height} and {width}, got {cell!r}")
    tiles = F.unfold(images, cell, stride=cell)  # (B, C x cell x cell, tiles)
    generator = torch.Generator().manual_seed(seed)
    order = torch.rand(len(images), 1, tiles.shape[2], generator=generator, device="cpu").argsort(
        dim=2
    )
    tiles = tiles.gather(2, order.to(images.device).expand_as(tiles))
    return F.fold(tiles, (height, width), cell, stride=cell)


def _uniform(shape, value_range, seed):
    low, high = value_range
    generator = torch.Generator().manual_seed(seed)
    shares = torch.rand(shape, generator=generator, dtype=torch.float32, device="cpu")
    return shares * (high - low) + low


def _colours(count, image_shape, value_range, seed):
    return _uniform((whole_number("count", count, 1), image_shape[0], 1, 1), value_range, seed)


def _check_images(images):
    if images.ndim != 4:
        raise ValueError(f"images must have the shape (B, C, H, W), got {tuple(images.shape)}")
