"""Figures of words."""

from aetutor.plotting import _words
from aetutor.plotting._style import styled, subplots


@styled
def checklist(lists):
    """Write lists of things below their headings, with the state of each to the right.

    Parameters
    ----------
    lists : dict of str to dict of str to str
        By heading: thing and state.

    Returns
    -------
    matplotlib.figure.Figure
    """
    lines = [
        line
        for heading, things in lists.items()
        for line in ((heading, ""), *((f"    {thing}", state) for thing, state in things.items()))
    ]
    figure, axis = subplots(figsize=(7, 0.3 * len(lines) + 0.1))
    axis.set_axis_off()
    axis.set(xlim=(0, 1), ylim=(len(lines) - 0.5, -0.5))
    for row, (thing, state) in enumerate(lines):
        weight = "normal" if state else "bold"
        axis.text(0, row, thing, weight=weight, va="center", fontsize=11)
        axis.text(1, row, state, va="center", ha="right", fontsize=11)
    described = {
        heading: _words.listed(f"{thing} {state}" for thing, state in things.items())
        for heading, things in lists.items()
    }
    figure.description = f"A list. {_words.by_name(described)}."
    return figure
