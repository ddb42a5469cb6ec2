"""Drawings made by hand, which come with the package and show wherever a lesson is opened."""

from importlib.resources import files
from xml.etree import ElementTree

from aetutor.checks import known_name

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
    known_name("name", name, NAMES)
    return Drawing((FOLDER / f"{name}.svg").read_text(encoding="utf-8"))
