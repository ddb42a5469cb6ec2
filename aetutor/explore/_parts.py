"""What the explorers share.

Pictures are drawn by Pillow, never by pyplot: in JupyterLab a slider's callback runs on a thread
of its own, where pyplot mixes up figures.
"""

import io
import threading

import ipywidgets as widgets
import torch
from matplotlib import colormaps
from PIL import Image
from torch.nn import functional as F

from aetutor.history import to_bytes

LARGE = 224  # pixels a side on the page; a multiple of 28 and of 32
PIXELS = "aetutor-pixels"  # class of the pictures on the page
# From black to bright, uint8 (256, 3).
MAGMA = to_bytes(torch.tensor(colormaps["magma"].colors, device="cpu"), (0, 1))


class Explorer:
    """Callbacks one at a time, for they may come on several threads, and pictures in one range."""

    def __init__(self, value_range):
        self._value_range = value_range
        self._lock = threading.RLock()

    def _when_changed(self, update, *controls):
        """Call a function without arguments, one call at a time, when a control's value changes."""

        def locked(_):
            with self._lock:
                update()

        for control in controls:
            control.observe(locked, "value")

    def _when_clicked(self, update, button):
        def locked(_):
            with self._lock:
                update()

        button.on_click(locked)

    def _bmp(self, images, columns=1):
        return bmp(to_bytes(images, self._value_range), columns)


def bmp(pixels, columns=1):
    """Return images as the bytes of a BMP file, in their own size, a white line between two.

    The page enlarges them: to send every pixel fifty times would take most of a frame's time.
    Every browser shows BMP, and a PNG of eight small images takes seven times as long to make.

    Parameters
    ----------
    pixels : torch.Tensor
        uint8, (N, C, H, W), C 1 or 3.
    columns : int
        Divides N.
    """
    tiles = F.pad(pixels, (0, 1, 0, 1), value=255).unflatten(0, (-1, columns))
    grid = tiles.permute(0, 3, 1, 4, 2).flatten(2, 3).flatten(0, 1)[:-1, :-1]  # (height, width, C)
    file = io.BytesIO()
    Image.fromarray(grid.squeeze(2).numpy()).save(file, "BMP")
    return file.getvalue()


def heat(values):
    """Return numbers from 0, black, to 1, bright, (H, W), as pixels, uint8 (1, 3, H, W)."""
    return MAGMA[(255 * values.clamp(0, 1)).round().long()].permute(2, 0, 1)[None]


def picture_grid(image_shape, columns, rows=1, side=LARGE):
    """Return an empty picture for images (C, H, W), enlarged to about this side each.

    A whole number of times, so that all of their pixels are drawn alike.
    """
    _, height, width = image_shape
    times = max(1, side // width)
    return picture(times * (columns * (width + 1) - 1), times * (rows * (height + 1) - 1))


def picture(width=LARGE, height=None):
    """Return an empty picture, so large on the page; its own pixels stay squares."""
    shown = widgets.Image(format="bmp", width=width, height=height or width)
    return shown.add_class(PIXELS)


def column(*rows):
    """Return widgets below each other, and the style that pictures need."""
    style = widgets.HTML(
        f"<style>.{PIXELS} {{ image-rendering: pixelated; }}</style>",
        layout=widgets.Layout(display="none"),
    )
    return widgets.VBox([*rows, style])


def titled(title, picture):
    """Return a picture below its title."""
    return widgets.VBox([heading(title, picture.width), picture])


def heading(title, width):
    """Return a title, so many pixels wide on the page."""
    return widgets.Label(title, layout=widgets.Layout(width=f"{width}px"))


def slider(description, low, high, value, step):
    """Return a wide slider."""
    return widgets.FloatSlider(
        min=low,
        max=high,
        value=value,
        step=step,
        description=description,
        style={"description_width": "110px"},
        layout=widgets.Layout(width=f"{2 * LARGE}px"),
    )


def number_of(split, index):
    """Return the control that chooses an image by its number.

    Raises
    ------
    ValueError
        If there is none of this number.
    """
    if not isinstance(index, int) or not 0 <= index < len(split):
        raise ValueError(f"there is no image {index!r}; the numbers are 0 to {len(split) - 1}")
    return widgets.BoundedIntText(
        value=index,
        max=len(split) - 1,
        description="Image",
        style={"description_width": "110px"},
        layout=widgets.Layout(width="220px"),
    )
