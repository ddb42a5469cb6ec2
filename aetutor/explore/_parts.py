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

from aetutor.history import to_bytes

LARGE = 224  # pixels a side on the page; a multiple of 28 and of 32
PIXELS = "aetutor-pixels"  # class of the pictures on the page
MAGMA = torch.tensor(colormaps["magma"].colors)  # (256, 3), from black to bright


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

    def _png(self, images, columns=1):
        return png(images, self._value_range, columns=columns)


def png(images, value_range, *, columns=1):
    """Return images side by side as the bytes of a PNG file, in their own size.

    The page enlarges them: to send every pixel fifty times would take most of a frame's time.

    Parameters
    ----------
    images : torch.Tensor
        (N, C, H, W), C 1 or 3.
    value_range : tuple of float
    columns : int
        Divides N.
    """
    pixels = to_bytes(images, value_range)
    rows = torch.cat([torch.cat(list(row), dim=2) for row in pixels.split(columns)], dim=1)
    file = io.BytesIO()
    picture = Image.fromarray(rows.permute(1, 2, 0).squeeze(2).numpy())
    picture.save(file, "PNG", compress_level=0)  # so small that packing costs more than it saves
    return file.getvalue()


def small_side(image_shape, limit=100):
    """Return a multiple of an image's own side, so that all of its pixels are drawn alike."""
    return max(1, limit // image_shape[-1]) * image_shape[-1]


def heat(values):
    """Return numbers from 0, black, to 1, bright, (H, W), as an image (1, 3, H, W) in [0, 1]."""
    colours = MAGMA[(255 * values.clamp(0, 1)).round().long()]  # (H, W, 3)
    return colours.permute(2, 0, 1)[None]


def picture(width=LARGE, height=None):
    """Return an empty picture, so large on the page; its own pixels stay squares."""
    shown = widgets.Image(format="png", width=width, height=height or width)
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
    heading = widgets.Label(title, layout=widgets.Layout(width=f"{picture.width}px"))
    return widgets.VBox([heading, picture])


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
