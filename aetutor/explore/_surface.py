"""A sheet to draw on in a notebook: the script of the pages, as a widget."""

from pathlib import Path

import anywidget
from traitlets import List

HERE = Path(__file__).parent


class Surface(anywidget.AnyWidget):
    """The sheet, by its pen; ``value`` is its ink from 0 to 255, row by row."""

    _esm = HERE / "surface.js"
    _css = HERE / "surface.css"
    value = List().tag(sync=True)
