"""Drawings made by hand, which come with the package and show wherever a lesson is opened."""

import difflib
from importlib.resources import files
from xml.etree import ElementTree

FOLDER = files("aetutor.plotting") / "drawings"
NAMES = tuple(sorted(entry.name.removesuffix(".svg") for entry in FOLDER.iterdir()))
SVG = "{http://www.w3.org/2000/svg}"


class Drawing:
    """A drawing as a cell's output: a picture where that can be shown, else its description.

    Attributes
    ----------
    svg : str
    description : str
        What is to be seen, in words: the drawing's own ``<desc>``.
    """

    def __init__(self, svg):
        self.svg = svg
        self.description = ElementTree.fromstring(svg).findtext(f"{SVG}desc")

    def __repr__(self):
        return self.description

    def _repr_svg_(self):
        return self.svg


def drawing(name):
    """Return a drawing of an idea.

    A picture beside the notebook would be lost once the notebook is opened in Colab or copied.

    Parameters
    ----------
    name : {"autoencoder", "transposed_convolution"}

    Returns
    -------
    Drawing

    Raises
    ------
    ValueError
        If there is none of this name.
    """
    if name not in NAMES:
        nearest = difflib.get_close_matches(str(name), NAMES, n=1, cutoff=0)[0]
        raise ValueError(
            f"name must be one of {', '.join(NAMES)}, got {name!r}; did you mean {nearest}?"
        )
    return Drawing((FOLDER / f"{name}.svg").read_text(encoding="utf-8"))
