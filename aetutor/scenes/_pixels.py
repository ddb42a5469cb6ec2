"""What scenes compute with: images by number, pictures as pixels, a choice without a branch."""

import torch
from torch import nn

from aetutor.scenes.parts import Picture

LARGE = 224  # about so many pixels a side of a picture on the page; a multiple of 28 and of 32


def picture(name, title, alt, image_shape, *, columns=1, rows=1, side=LARGE, click=None):
    """Declare a picture of images (C, H, W) in a grid, a white line between two.

    Each is enlarged to about ``side`` pixels, a whole number of times, so that all pixels are
    drawn alike.
    """
    _, height, width = image_shape
    return Picture(
        name,
        title,
        alt,
        height=rows * (height + 1) - 1,
        width=columns * (width + 1) - 1,
        times=max(1, side // width),
        click=click,
    )


def pixels(images, value_range, columns=1):
    """Return images, (N, C, H, W) with C 1 or 3, as one picture, uint8 (height, width, 4).

    They stand in a grid, so many in a row (``columns`` divides N), a white line between two.
    """
    low, high = value_range
    scaled = ((images - low) * (255 / (high - low))).clamp(0, 255).round()
    tiles = nn.functional.pad(scaled.expand(-1, 3, -1, -1), (0, 1, 0, 1), value=255)
    rows, side = len(images) // columns, tiles.shape[2:]
    grid = tiles.reshape(rows, columns, 3, *side).permute(0, 3, 1, 4, 2)
    grid = grid.reshape(rows * side[0], columns * side[1], 3)[:-1, :-1]
    return nn.functional.pad(grid, (0, 1), value=255).to(torch.uint8)


class Images(nn.Module):
    """The images that a scene can show, kept as bytes, handed out by number.

    Parameters
    ----------
    images : torch.Tensor
        uint8, (N, C, H, W).
    value_range : tuple of float
        What the bytes 0 and 255 become.
    """

    def __init__(self, images, value_range):
        super().__init__()
        low, high = value_range
        self.low, self.step = low, (high - low) / 255
        self.register_buffer("bytes", images, persistent=False)

    def __len__(self):
        return len(self.bytes)

    def forward(self, numbers):
        """Return the images of numbers (B,), or of one without dimensions: (B, C, H, W)."""
        return self.bytes.index_select(0, numbers.reshape(-1)).float() * self.step + self.low


def choose(number, *ways):
    """Return what one of several functions without arguments gives, by its number.

    Here only that one is called. An exported scene has no branches: there all are computed, so
    they must give tensors of one shape.
    """
    if torch.compiler.is_compiling():
        return torch.stack([way() for way in ways]).index_select(0, number.reshape(1))[0]
    return ways[number.item()]()


class Remembering(nn.Module):
    """A function of one number that is not computed again while the number stays the same.

    An exported scene computes it every time.

    Parameters
    ----------
    function : callable
        From a tensor without dimensions to one or several tensors.
    """

    def __init__(self, function):
        super().__init__()
        self._function, self._last = function, (None, None)

    def forward(self, number):
        if torch.compiler.is_compiling():
            return self._function(number)
        if self._last[0] != number.item():
            self._last = number.item(), self._function(number)
        return self._last[1]
