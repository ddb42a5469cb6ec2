"""The look of all figures, and the words for those who cannot see them."""

import functools

import matplotlib.pyplot as plt
from matplotlib.figure import Figure


class DescribedFigure(Figure):
    """A figure whose text says what it shows.

    Jupyter stores the text beside the picture; the pages take it as the picture's alt text.

    Attributes
    ----------
    description : str
        A sentence or two, with the numbers that are drawn.
    """

    description = ""

    def __repr__(self):
        return self.description or super().__repr__()


def styled(draw):
    """Draw in the lessons' style without changing the reader's, and outside pyplot's list.

    A figure that pyplot still held would be shown a second time at the end of the cell.
    """

    @functools.wraps(draw)
    def styled(*arguments, **settings):
        # After a reset, or a dark style of the reader's would show through.
        with plt.style.context("aetutor.plotting.lessons", after_reset=True):
            figure = draw(*arguments, **settings)
        plt.close(figure)
        return figure

    return styled


def palette():
    """The style's colours; "C0" would be looked up when the figure is shown, in the reader's."""
    return plt.rcParams["axes.prop_cycle"].by_key()["color"]


def subplots(**settings):
    """Make a figure that can be described, with one axis."""
    return plt.subplots(FigureClass=DescribedFigure, layout="constrained", **settings)


def error_unit(history):
    low, high = history.value_range
    return f"mean squared error per pixel, [{low:g}, {high:g}]"
