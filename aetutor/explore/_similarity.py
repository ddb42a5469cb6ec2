"""An image and those most like it; a click on one asks for those most like that."""

import ipywidgets as widgets
import torch

from aetutor.explore._parts import Explorer, column, number_of, picture, picture_grid
from aetutor.search import METRICS

FOUND, COLUMNS = 8, 4


class Similarity(Explorer):
    """An image, and the nearest others in one of several spaces.

    Parameters
    ----------
    indices : dict of str to ImageIndex
        By name, such as "codes" or "pixels": indices of the same images.
    split : Split
        These images.
    class_names : sequence of str, optional
        Of the labels; the labels themselves if left out.
    index : int
        The first query's number in the split.

    Attributes
    ----------
    image : ipywidgets.BoundedIntText
        The number of the query.
    space, metric : ipywidgets.Dropdown
        Which index, and how it measures.
    query : ipywidgets.Image
    found : list of ipywidgets.Image
        The nearest eight, nearest first.
    buttons : list of ipywidgets.Button
        One below each of them; a click makes it the query.
    widget : ipywidgets.Widget
        All of it.

    Raises
    ------
    ValueError
        If there is no index, one has another number of images than the split or less than
        nine, or none has the first query's number.
    """

    def __init__(self, indices, split, *, class_names=None, index=0):
        super().__init__(split.value_range)
        self._indices, self._split, self._names = indices, split, class_names
        self.image = number_of(split, index)
        _check_indices(indices, split)
        self.space = widgets.Dropdown(options=list(indices), description="Compare")
        self.metric = widgets.Dropdown(options=METRICS, description="Distance")
        self.query = picture()
        self._title = widgets.Label()
        self.found = [picture_grid(split.images.shape[1:], 1, side=100) for _ in range(FOUND)]
        self.buttons = [
            widgets.Button(layout=widgets.Layout(width=f"{found.width}px")) for found in self.found
        ]
        self.widget = self._arranged()
        self._when_changed(self._search, self.image, self.space, self.metric)
        for place, button in enumerate(self.buttons):
            self._when_clicked(lambda place=place: self._go_to(place), button)
        self._search()

    def _arranged(self):
        pairs = [widgets.VBox(pair) for pair in zip(self.found, self.buttons, strict=True)]
        grid = [widgets.HBox(pairs[row : row + COLUMNS]) for row in range(0, FOUND, COLUMNS)]
        query = widgets.VBox([self.query, self._title])
        return column(
            self.image,
            widgets.HBox([self.space, self.metric]),
            widgets.HBox([query, widgets.VBox(grid)]),
        )

    def _search(self):
        query = self.image.value
        index = self._indices[self.space.value]
        with torch.inference_mode():
            _, near = index.nearest(index.latents[[query]], FOUND + 1, self.metric.value)
        near = near[0].tolist()
        near.remove(query if query in near else near[-1])  # not the image itself
        self._near = near
        images, labels = self._split[[query, *near]]
        self.query.value = self._bmp(images[:1])
        self._title.value = self._name(labels[0])
        for place, (shown, button) in enumerate(zip(self.found, self.buttons, strict=True), 1):
            shown.value = self._bmp(images[place : place + 1])
            button.description = self._name(labels[place])

    def _go_to(self, place):
        self.image.value = self._near[place]

    def _name(self, label):
        return str(label.item()) if self._names is None else self._names[label]


def _check_indices(indices, split):
    if not indices:
        raise ValueError("an explorer of similarity needs at least one index, got none")
    for name, index in indices.items():
        if len(index) != len(split):
            raise ValueError(
                f"an index must hold the {len(split)} images of the split, "
                f"{name!r} holds {len(index)}"
            )
    if len(split) <= FOUND:
        raise ValueError(f"at least {FOUND + 1} images are needed, got {len(split)}")
