"""Figures of images."""

import matplotlib.pyplot as plt
import torch
from matplotlib.colors import PowerNorm

from aetutor.history import to_bytes
from aetutor.plotting import _words
from aetutor.plotting._style import DescribedFigure, error_unit, styled, subplots

CELL, GAP = 0.91, 0.04  # inches: a small image, and what lies between two
LINE, LETTER = 0.22, 0.085  # inches that a line of text is high, and a letter wide, at most
PLAIN = {"cmap": "gray", "vmin": 0, "vmax": 255, "interpolation": "nearest"}


@styled
def images(images, titles=None, *, columns=8, value_range=None):
    """Draw images in a grid.

    Parameters
    ----------
    images : torch.Tensor
        (N, C, H, W), C 1 or 3.
    titles : sequence of str, optional
        One for each image.
    columns : int
    value_range : tuple of float, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the images have another shape, or the titles another number.
    """
    _check_titles(titles, images)
    pictures = _pictures(images, value_range)
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    lines = 0 if titles is None else max(title.count("\n") + 1 for title in titles)
    grid = _Grid(rows, columns, lines=lines)
    for index, picture in enumerate(pictures):
        grid.show(*divmod(index, columns), picture)
        if titles is not None:
            grid.title(*divmod(index, columns), titles[index])
    named = "" if titles is None else f": {_words.listed(titles)}"
    grid.figure.description = f"{_counted(len(pictures), rows)}{named}."
    return grid.figure


@styled
def mosaic(images, *, columns, value_range=None):
    """Draw many images without gaps, row by row.

    Parameters
    ----------
    images : torch.Tensor
        (N, C, H, W), N a multiple of ``columns``.
    columns : int
    value_range : tuple of float, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the images do not fill the rows.
    """
    if columns < 1 or len(images) % columns:
        raise ValueError(f"{len(images)} images do not fill rows of {columns}")
    pictures = torch.from_numpy(_pictures(images, value_range))
    rows = [torch.cat(list(row), dim=1) for row in pictures.split(columns)]
    figure, axis = subplots(figsize=(5, 5 * len(rows) / columns))
    axis.set_axis_off()
    axis.imshow(torch.cat(rows).numpy(), **PLAIN)
    figure.description = f"{_counted(len(images), len(rows))}, without gaps."
    return figure


@styled
def reconstructions(images, *reconstructions, labels=None, title=None, value_range=None):
    """Draw originals in a row, with a row of their reconstructions for each model below.

    Parameters
    ----------
    images : torch.Tensor
        (N, C, H, W).
    *reconstructions : torch.Tensor
        Each like ``images``.
    labels : sequence of str, optional
        One for each row, the originals' included.
    title : str, optional
    value_range : tuple of float, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the shapes differ, or the number of labels is not the number of rows.
    """
    for other in reconstructions:
        if other.shape != images.shape:
            raise ValueError(
                f"reconstructions must have the images' shape {tuple(images.shape)}, "
                f"got {tuple(other.shape)}"
            )
    rows = [images, *reconstructions]
    if labels is None:
        labels = ["original", *["reconstruction"] * len(reconstructions)]
    if len(labels) != len(rows):
        raise ValueError(f"{len(rows)} rows need as many labels, got {len(labels)}")
    grid = _Grid(len(rows), len(images), labels=labels, heading=bool(title))
    for number, images_of_row in enumerate(rows):
        for column, picture in enumerate(_pictures(images_of_row, value_range)):
            grid.show(number, column, picture)
    if title:
        grid.figure.suptitle(title, fontsize=11, y=0.99, va="top")
    columns = "1 image" if len(images) == 1 else f"{len(images)} images side by side"
    heading = f" ({title})" if title else ""
    grid.figure.description = f"{columns}, in rows from the top{heading}: {_words.listed(labels)}."
    return grid.figure


@styled
def error_maps(images, reconstructions, *, titles=None, value_range=None):
    """Draw images, their reconstructions, and below them where they differ.

    A map shows the squared error summed over the channels, with one scale for all maps.

    Parameters
    ----------
    images, reconstructions : torch.Tensor
        (N, C, H, W).
    titles : sequence of str, optional
        One for each image.
    value_range : tuple of float, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the shapes differ, or the number of titles is not that of the images.
    """
    if images.shape != reconstructions.shape:
        raise ValueError(
            f"reconstructions must have the images' shape {tuple(images.shape)}, "
            f"got {tuple(reconstructions.shape)}"
        )
    _check_titles(titles, images)
    pictures = [_pictures(row, value_range) for row in (images, reconstructions)]
    maps = (reconstructions - images).detach().square().sum(dim=1).cpu().numpy()
    scale = PowerNorm(0.5, vmin=0, vmax=maps.max())  # small errors stay visible beside large ones
    labels = ("original", "reconstruction", "error")
    grid = _Grid(3, len(images), labels=labels, heading=titles is not None, bar=True)
    for column in range(len(images)):
        for row in (0, 1):
            grid.show(row, column, pictures[row][column])
        shown = grid.show(2, column, maps[column], cmap="magma", norm=scale)
        if titles is not None:
            grid.title(0, column, titles[column])
    grid.bar(shown, "squared error, all channels")
    names = range(1, len(images) + 1) if titles is None else titles
    sums = (f"{name} {each.sum():.3g}" for name, each in zip(names, maps, strict=True))
    grid.figure.description = (
        f"{len(images)} images, below them their reconstructions and maps of the squared error, "
        f"which is at most {maps.max():.3g} in a pixel. Sums of the maps: {_words.listed(sums)}."
    )
    return grid.figure


def progress(history, *, scale=1.0, unit=None):
    """Draw the held-out images of a training run above their reconstructions, epoch by epoch.

    Parameters
    ----------
    history : History
        With pictures.
    scale : float
        Factor on the errors: 3072 for the squared error per image of CIFAR-10.
    unit : str, optional
        What the errors are; the mean squared error per pixel if not given.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the history has no pictures.
    """
    if not history.pictures:
        raise ValueError("this history has no pictures; give fit picture_epochs it reaches")
    errors = {epoch: history.val_error[epoch - 1] * scale for epoch in history.pictures}
    labels = [f"epoch {epoch}\nerror {_plain(error)}" for epoch, error in errors.items()]
    low, high = history.value_range
    rows = [
        stored.float() / 255 * (high - low) + low
        for stored in (history.images, *history.pictures.values())
    ]
    title = f"held-out images; error: {unit or error_unit(history)}"
    labels = ["original", *labels]
    return reconstructions(*rows, labels=labels, title=title, value_range=history.value_range)


@styled
def thumbnail_map(points, images, *, size=0.04, xlabel=None, ylabel=None, value_range=None):
    """Draw each image at its place in the plane; later ones cover earlier ones.

    Parameters
    ----------
    points : torch.Tensor
        (N, 2).
    images : torch.Tensor
        (N, C, H, W).
    size : float
        Side of an image, as a share of the map's.
    xlabel, ylabel : str, optional
        What the directions mean; none if they mean nothing.
    value_range : tuple of float, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there are not as many points as images, or they are not in the plane.
    """
    if points.shape != (len(images), 2):
        raise ValueError(
            f"{len(images)} images need points of shape ({len(images)}, 2), "
            f"got {tuple(points.shape)}"
        )
    low, high = points.amin(dim=0), points.amax(dim=0)
    places = ((points - low) / (high - low).clamp(min=1e-9) * (1 - size)).tolist()
    figure, axis = subplots(figsize=(7, 7))
    for (x, y), picture in zip(places, _pictures(images, value_range), strict=True):
        axis.imshow(picture, **PLAIN, extent=(x, x + size, y, y + size))
    axis.set(xlim=(0, 1), ylim=(0, 1), xticks=[], yticks=[], aspect="equal")
    axis.set(xlabel=xlabel, ylabel=ylabel)
    figure.description = f"{len(images)} small images, each at its own place in the plane."
    if xlabel and ylabel:
        figure.description += f" To the right: {xlabel}; upwards: {ylabel}."
    return figure


class _Grid:
    """Square images in rows, in one axis whose unit is an inch.

    An axis for each image, and a layout engine to place them, would take seconds for some seventy.

    Parameters
    ----------
    rows, columns : int
    lines : int
        Of titles above each row.
    labels : sequence of str
        To the left of each row.
    heading, bar : bool
        Whether to leave room for a line above all, and for a colour bar to the right.
    """

    def __init__(self, rows, columns, *, lines=0, labels=(), heading=False, bar=False):
        self._rows, self._above = rows, GAP + LINE * lines
        lengths = [len(line) for label in labels for line in label.split("\n")]
        self._left = GAP + LETTER * max(lengths, default=0)
        self._width = self._left + columns * (CELL + GAP) + (CELL if bar else 0)
        self._height = GAP + rows * (CELL + self._above) + (LINE if heading else 0)
        self.figure = plt.figure(FigureClass=DescribedFigure, figsize=(self._width, self._height))
        self._axis = self.figure.add_axes((0, 0, 1, 1))
        self._axis.set_axis_off()
        for row, label in enumerate(labels):
            x, y = self._place(row, 0)
            aligned = {"ha": "right", "va": "center", "fontsize": 10}
            self._axis.text(x - 2 * GAP, y + CELL / 2, label, **aligned)

    def show(self, row, column, picture, **settings):
        """Draw an array as an image, in matplotlib's own way if there are settings."""
        x, y = self._place(row, column)
        extent = (x, x + CELL, y, y + CELL)
        shown = self._axis.imshow(picture, **(settings or PLAIN), extent=extent)
        self._axis.set(xlim=(0, self._width), ylim=(0, self._height), aspect="auto")
        return shown

    def title(self, row, column, title):
        x, y = self._place(row, column)
        aligned = {"ha": "center", "va": "bottom", "fontsize": 10}
        self._axis.text(x + CELL / 2, y + CELL + GAP, title, **aligned)

    def bar(self, shown, label):
        """Draw the scale of an image's colours to the right, as high as the grid."""
        high = self._rows * (CELL + self._above) - self._above
        left, bottom = (self._width - CELL + GAP) / self._width, GAP / self._height
        beside = self.figure.add_axes((left, bottom, 0.1 / self._width, high / self._height))
        self.figure.colorbar(shown, cax=beside, label=label)

    def _place(self, row, column):
        """Left and lower edge of an image."""
        return (
            self._left + column * (CELL + GAP),
            GAP + (self._rows - 1 - row) * (CELL + self._above),
        )


def _counted(images, rows):
    """ "16 images in 2 rows", in the singular where there is one."""
    words = f"{images} images" if images > 1 else "1 image"
    return f"{words} in {rows} rows" if rows > 1 else words


def _check_titles(titles, images):
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"{len(images)} images need as many titles, got {len(titles)}")


def _pictures(images, value_range):
    """(N, H, W) or (N, H, W, 3) bytes that matplotlib shows as they are."""
    if images.ndim != 4 or images.shape[1] not in (1, 3) or not len(images):
        raise ValueError(
            "images must have the shape (N, 1, H, W) or (N, 3, H, W) with N > 0, "
            f"got {tuple(images.shape)}"
        )
    if not torch.isfinite(images).all():
        raise ValueError("images must be finite numbers, got infinite ones or NaN")
    if value_range is None:
        value_range = (0.0, 1.0) if images.shape[1] == 1 else (-1.0, 1.0)
    return to_bytes(images, value_range).permute(0, 2, 3, 1).squeeze(-1).numpy()


def _plain(error):
    """Four decimals for an error per pixel, one for the error of an image."""
    return f"{error:.4f}" if error < 1 else f"{error:.1f}"
