"""Figures of images."""

import matplotlib.pyplot as plt
import torch
from matplotlib.colors import PowerNorm

from aetutor.history import to_bytes
from aetutor.plotting._style import error_unit, styled

CELL = 0.95  # inches for one small image


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
    height = CELL + (0.25 if titles is not None else 0)
    figure, axes = _blank_axes(rows, columns, height)
    for index, (picture, axis) in enumerate(zip(pictures, axes.flat, strict=False)):
        _show(axis, picture)
        if titles is not None:
            axis.set_title(titles[index], fontsize=10)
    return figure


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
    figure, axis = plt.subplots(figsize=(5, 5 * len(rows) / columns), layout="constrained")
    axis.set_axis_off()
    _show(axis, torch.cat(rows).numpy())
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
    figure, axes = _blank_axes(len(rows), len(images), CELL)
    for axis_row, row, label in zip(axes, rows, labels, strict=True):
        for axis, picture in zip(axis_row, _pictures(row, value_range), strict=True):
            _show(axis, picture)
        _row_label(axis_row[0], label)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


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
    figure, axes = _blank_axes(3, len(images), CELL + (0.08 if titles is not None else 0))
    for column, axis_column in enumerate(axes.T):
        for axis, row in zip(axis_column, pictures, strict=False):
            _show(axis, row[column])
        shown = axis_column[2].imshow(maps[column], cmap="magma", norm=scale)
        if titles is not None:
            axis_column[0].set_title(titles[column], fontsize=10)
    for axis, label in zip(axes[:, 0], ("original", "reconstruction", "error"), strict=True):
        _row_label(axis, label)
    figure.colorbar(shown, ax=axes[:, -1], aspect=30, label="squared error, all channels")
    return figure


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
def thumbnail_map(points, images, *, size=0.04, value_range=None):
    """Draw each image at its place in the plane; later ones cover earlier ones.

    Parameters
    ----------
    points : torch.Tensor
        (N, 2).
    images : torch.Tensor
        (N, C, H, W).
    size : float
        Side of an image, as a share of the map's.
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
    figure, axis = plt.subplots(figsize=(7, 7), layout="constrained")
    for (x, y), picture in zip(places, _pictures(images, value_range), strict=True):
        axis.imshow(picture, cmap="gray", vmin=0, vmax=255, extent=(x, x + size, y, y + size))
    axis.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axis.set_axis_off()
    return figure


def _blank_axes(rows, columns, height):
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(CELL * columns, height * rows),
        squeeze=False,
        layout="constrained",
    )
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0.02, hspace=0.02)
    for axis in axes.flat:
        axis.set_axis_off()
    return figure, axes


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


def _show(axis, picture):
    axis.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")


def _row_label(axis, label):
    position = {"x": -0.12, "y": 0.5, "ha": "right", "va": "center"}
    axis.text(s=label, transform=axis.transAxes, fontsize=10, **position)


def _plain(error):
    """Four decimals for an error per pixel, one for the error of an image."""
    return f"{error:.4f}" if error < 1 else f"{error:.1f}"
