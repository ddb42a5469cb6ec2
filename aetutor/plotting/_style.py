"""The look of all figures."""

import functools

import matplotlib.pyplot as plt
import seaborn as sns


def styled(draw):
    """Draw in the lessons' style without changing the reader's, and outside pyplot's list.

    A figure that pyplot still held would be shown a second time at the end of the cell.
    """

    @functools.wraps(draw)
    def styled(*arguments, **settings):
        style = sns.axes_style("whitegrid") | sns.plotting_context("notebook")
        style |= {"figure.dpi": 80, "axes.titlesize": 12}
        with plt.rc_context(style), sns.color_palette("colorblind"):
            figure = draw(*arguments, **settings)
        plt.close(figure)
        return figure

    return styled


def error_unit(history):
    low, high = history.value_range
    return f"mean squared error per pixel, [{low:g}, {high:g}]"
