"""A sheet that somebody has drawn on: the pen, MNIST's way to centre a digit, some drawings."""

import math

import torch

SIDE = 28
RADIUS = 1.2  # of the pen, in cells
BOX = 20  # the longer side of a digit in MNIST
MIDDLE = SIDE / 2 + 0.5  # MNIST's digits have their centre of mass less than half a pixel from here


def drawn(strokes):
    """Return strokes on a sheet; aetutor/explore/surface.js has the same pen.

    Parameters
    ----------
    strokes : sequence of sequence of (float, float)
        Points, in cells from the left and from the top; straight lines join those of a stroke.

    Returns
    -------
    torch.Tensor
        uint8, (28, 28), from 0, nothing, to 255.
    """
    lines = [
        line for stroke in strokes for line in zip(stroke, [*stroke[1:], stroke[-1]], strict=True)
    ]
    starts, ends = torch.tensor(lines, dtype=torch.float32, device="cpu").unbind(dim=1)
    centres = torch.arange(SIDE, dtype=torch.float32, device="cpu") + 0.5
    cells = torch.cartesian_prod(centres, centres).flip(1)[:, None]  # row by row
    ways = ends - starts
    lengths = ways.square().sum(dim=1).clamp(min=1e-9)
    shares = (((cells - starts) * ways).sum(dim=2) / lengths).clamp(0, 1)
    distances = (cells - starts - shares[..., None] * ways).norm(dim=2).amin(dim=1)
    ink = (RADIUS + 0.5 - distances).clamp(0, 1)
    return (255 * ink).round().to(torch.uint8).reshape(SIDE, SIDE)


def centred(sheet):
    """Return a drawing as MNIST would have it.

    As its authors did (LeCun, Cortes and Burges, "The MNIST database"): the smallest box around
    the ink is scaled to a longer side of 20 pixels, with its proportions kept, and shifted by
    whole pixels so that its centre of mass lies in the middle. Ink beyond the field is lost. An
    empty sheet stays empty.

    Parameters
    ----------
    sheet : torch.Tensor
        (28, 28), from 0 to 1.

    Returns
    -------
    torch.Tensor
        (28, 28).
    """
    top, height = _extent(sheet.amax(dim=1) > 0)
    left, width = _extent(sheet.amax(dim=0) > 0)
    scale = BOX / torch.maximum(height, width).float()
    down = _resampling(sheet.sum(dim=1), top, scale)
    right = _resampling(sheet.sum(dim=0), left, scale)
    return (down @ sheet @ right.T).clamp(0, 1)


def _extent(inked):
    """The first of the inked places, and how many there are from it to the last, at least 1."""
    places = torch.arange(SIDE, device="cpu").to(inked.device)
    first = torch.where(inked, places, SIDE).amin(dim=0)
    return first, (torch.where(inked, places, -1).amax(dim=0) - first + 1).clamp(min=1)


def _resampling(ink, start, scale):
    """Weights of old places in new ones, (28, 28), along one side.

    Each new pixel is a mean of the old ones under a triangle as wide as two of the coarser
    pixels, which neither leaves out a thin line nor adds to the ink.
    """
    places = torch.arange(-SIDE, 2 * SIDE, dtype=torch.float32, device="cpu").to(ink)
    old = places[SIDE : 2 * SIDE]
    mass = ((old + 0.5 - start) * ink).sum() / ink.sum().clamp(min=1e-6)
    shift = torch.round(MIDDLE - scale * mass)
    sources = (old[:, None] + 0.5 - shift) / scale + start - 0.5  # (28, 1), in old places
    reach = (1 / scale).clamp(min=1)
    weights = (1 - (sources - places).abs() / reach).clamp(min=0)  # (28, 84)
    weights = weights / weights.sum(dim=1, keepdim=True).clamp(min=1e-6)
    return weights[:, SIDE : 2 * SIDE]


def _arc(x, y, across, along, start, end):
    """Points of an arc around (x, y), angles in degrees, clockwise from the right."""
    steps = max(2, round(abs(end - start) / 12))
    angles = (math.radians(start + (end - start) * step / steps) for step in range(steps + 1))
    return [(x + across * math.cos(angle), y + along * math.sin(angle)) for angle in angles]


# What to start from: a digit, and strangers.
DRAWINGS = {
    "a three": [[*_arc(13.5, 8.5, 5, 4.5, -160, 90), *_arc(13.5, 18.5, 6, 5.5, -90, 150)]],
    "a face": [
        _arc(14, 14, 11, 11, 0, 360),
        [(10, 10.5), (10, 11)],
        [(18, 10.5), (18, 11)],
        _arc(14, 14.5, 5.5, 4.5, 20, 160),
    ],
    "the letter A": [[(6, 24), (14, 4), (22, 24)], [(9.5, 17), (18.5, 17)]],
    "a spiral": [
        [
            (14 + turn * math.cos(turn * 1.6), 14 + turn * math.sin(turn * 1.6))
            for turn in (step / 8 for step in range(4, 89))
        ]
    ],
}
