"""Figures for the lessons. Each function takes data and returns the figure, nothing else.

Images are shown in the range of their data set: [0, 1] for one channel, [-1, 1] for three,
unless ``value_range`` says otherwise.
"""

import functools
import itertools

import matplotlib.pyplot as plt
import seaborn as sns
import torch
from matplotlib.colors import PowerNorm
from matplotlib.ticker import MaxNLocator, NullFormatter, StrMethodFormatter

from aetutor.history import to_bytes

CELL = 0.95  # inches for one small image


def _styled(draw):
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


@_styled
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


@_styled
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


@_styled
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


@_styled
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
    title = f"held-out images; error: {unit or _error_unit(history)}"
    labels = ["original", *labels]
    return reconstructions(*rows, labels=labels, title=title, value_range=history.value_range)


@_styled
def learning_curves(histories, *, scale=1.0, unit=None, references=None):
    """Draw the errors of training runs over their epochs: held-out as lines, training dotted.

    Parameters
    ----------
    histories : dict of str to History
        By the name that the legend shows.
    scale : float
        Factor on the errors: 3072 for the squared error per image of CIFAR-10.
    unit : str, optional
        What the errors are; the mean squared error per pixel if not given.
    references : dict of str to float, optional
        Errors, scaled already, to be drawn as labelled horizontal lines.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(7.5, 4), layout="constrained")
    for name, history in histories.items():
        epochs = range(1, len(history) + 1)
        held_out = [error * scale for error in history.val_error]
        (line,) = axis.plot(epochs, held_out, marker="o", markersize=4, label=f"{name}, held out")
        axis.plot(
            epochs,
            [error * scale for error in history.train_error],
            linestyle=":",
            color=line.get_color(),
            label=f"{name}, training",
        )
    _reference_lines(axis, references)
    unit = unit or _error_unit(next(iter(histories.values())))
    axis.set(xlabel="epoch", ylabel=unit, yscale="log")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    _plain_numbers(axis.yaxis)
    axis.legend(fontsize=10)
    return figure


@_styled
def curves(series, *, xlabel, ylabel, scale="linear", xticks=None):
    """Draw one line with markers for each series.

    Parameters
    ----------
    series : dict of str to dict of float to float
        By the name that the legend shows: y by x.
    xlabel, ylabel : str
        With units.
    scale : {"linear", "log"}
        Of both axes.
    xticks : sequence of float, optional
        Where the x-axis is labelled, if not where matplotlib would.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no series, or one of them is empty.
    """
    if not series or not all(series.values()):
        raise ValueError(f"curves need a series with a point each at least, got {series}")
    figure, axis = plt.subplots(figsize=(7.5, 4), layout="constrained")
    for (name, points), marker in zip(series.items(), itertools.cycle("os^Dv")):
        axis.plot(*zip(*points.items(), strict=True), marker=marker, markersize=6, label=name)
    axis.set(xlabel=xlabel, ylabel=ylabel, xscale=scale, yscale=scale)
    if xticks is not None:
        axis.set_xticks(xticks)
        axis.set_xticks([], minor=True)
    if scale == "log":
        _plain_numbers(axis.xaxis)
        _plain_numbers(axis.yaxis)
    axis.legend(fontsize=10)
    return figure


@_styled
def error_bars(errors, *, unit="mean squared error per pixel, [0, 1]", references=None):
    """Draw errors as groups of bars; several seeds give a bar at their mean, with their range.

    Parameters
    ----------
    errors : dict of str to dict of str to float or sequence of float
        By series (a colour and a hatch each), then by group (a place on the axis each).
    unit : str
    references : dict of str to float, optional
        Errors to be drawn as labelled horizontal lines.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = [
        (series, group, error)
        for series, groups in errors.items()
        for group, values in groups.items()
        for error in (values if hasattr(values, "__len__") else [values])
    ]
    series, groups, values = zip(*rows, strict=True)
    figure, axis = plt.subplots(figsize=(7.5, 4), layout="constrained")
    # "pi", 100: the whole range of the seeds, not a guess at an interval from three of them.
    sns.barplot(
        x=list(groups),
        y=list(values),
        hue=list(series),
        ax=axis,
        errorbar=("pi", 100),
        capsize=0.15,
        err_kws={"color": "0.2"},
    )
    for bars, hatch in zip(axis.containers, ("", "//", "..", "xx", "--"), strict=False):
        for bar in bars:
            bar.set_hatch(hatch)
        axis.bar_label(bars, fmt="%.3g", fontsize=9, padding=8)
    _reference_lines(axis, references)
    axis.margins(y=0.12)
    axis.set(ylabel=unit, xlabel=None)
    axis.legend(fontsize=10)
    return figure


@_styled
def intervals(values, *, xlabel):
    """Draw where each set of numbers lies, on a logarithmic axis.

    A dot is the median, the thick line spans the middle half and the thin one the middle 90 per
    cent. The first set is the one to compare with: its middle 90 per cent are shaded behind all.

    Parameters
    ----------
    values : dict of str to torch.Tensor
        (N,) each, above 0, by name, from top to bottom.
    xlabel : str
        What the numbers are, with units.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(7.5, 0.9 + 0.32 * len(values)), layout="constrained")
    shares = torch.tensor([0.05, 0.25, 0.5, 0.75, 0.95])
    for row, numbers in enumerate(values.values()):
        lowest, low, median, high, highest = numbers.float().quantile(shares.to(numbers.device))
        color = sns.color_palette()[1 if row else 0]
        axis.hlines(row, lowest, highest, color=color, linewidth=1.5)
        axis.hlines(row, low, high, color=color, linewidth=6)
        axis.plot(median, row, "o", color="white", markeredgecolor=color, markersize=7)
        if not row:
            axis.axvspan(lowest, highest, color=color, alpha=0.12, zorder=0)
    axis.set(xscale="log", xlabel=xlabel)
    axis.set_yticks(range(len(values)), list(values))
    axis.set_ylim(len(values) - 0.5, -0.5)  # the first on top
    axis.grid(axis="y", visible=False)
    _plain_numbers(axis.xaxis)
    return figure


@_styled
def scatter(
    points,
    labels,
    class_names=None,
    *,
    xlabel="first number of the code",
    ylabel="second number of the code",
):
    """Draw points in the plane, coloured by class, with each class's name at its median.

    Parameters
    ----------
    points : torch.Tensor
        (N, 2).
    labels : torch.Tensor
        (N,), whole numbers.
    class_names : sequence of str, optional
        Of the labels; the labels themselves if left out.
    xlabel, ylabel : str

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the points are not in the plane, or there are not as many labels.
    """
    if points.ndim != 2 or points.shape[1] != 2 or len(points) != len(labels):
        raise ValueError(
            "points and labels must have the shapes (N, 2) and (N,), "
            f"got {tuple(points.shape)} and {tuple(labels.shape)}"
        )
    points = points.detach().cpu()
    figure, axis = plt.subplots(figsize=(7, 6), layout="constrained")
    for label, color in zip(labels.unique().tolist(), itertools.cycle(sns.color_palette())):
        own = points[labels == label]
        axis.scatter(*own.T, s=5, color=color, alpha=0.6, linewidths=0)
        name = str(label) if class_names is None else class_names[label]
        frame = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": color}
        place = own.median(dim=0).values.tolist()
        axis.annotate(name, place, ha="center", va="center", fontweight="bold", bbox=frame)
    axis.set(xlabel=xlabel, ylabel=ylabel)
    return figure


@_styled
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


@_styled
def heatmap(values, *, label, xlabel=None, center=None, lowest=None, highest=None):
    """Draw a table of numbers as coloured fields with the numbers in them.

    Parameters
    ----------
    values : dict of str to dict of str to float
        By row, then by column.
    label : str
        What the numbers are.
    xlabel : str, optional
        What the columns are.
    center, lowest, highest : float, optional
        Which numbers have the middle and the ends of the colours.

    Returns
    -------
    matplotlib.figure.Figure
    """
    columns = list(next(iter(values.values())))
    table = [[row[column] for column in columns] for row in values.values()]
    size = (2.6 + 1.15 * len(columns), 0.9 + 0.42 * len(table))
    figure, axis = plt.subplots(figsize=size, layout="constrained")
    sns.heatmap(
        table,
        ax=axis,
        annot=True,
        fmt=".2f",
        cmap="vlag" if center is not None else "crest",
        center=center,
        vmin=lowest,
        vmax=highest,
        xticklabels=columns,
        yticklabels=list(values),
        cbar_kws={"label": label},
    )
    axis.set_xlabel(xlabel)
    axis.tick_params(axis="y", labelrotation=0)
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


def _reference_lines(axis, references):
    for name, error in (references or {}).items():
        axis.axhline(error, color="0.35", linestyle="--", linewidth=1)
        axis.annotate(
            f"{name}: {error:.4g}",
            (1, error),
            xycoords=("axes fraction", "data"),
            xytext=(-4, 3),
            textcoords="offset points",
            ha="right",
            fontsize=9,
            bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "linewidth": 0, "alpha": 0.8},
        )


def _error_unit(history):
    low, high = history.value_range
    return f"mean squared error per pixel, [{low:g}, {high:g}]"


def _plain(error):
    """Four decimals for an error per pixel, one for the error of an image."""
    return f"{error:.4f}" if error < 1 else f"{error:.1f}"


def _plain_numbers(axis):
    """Label a logarithmic axis 0.02, not 2 x 10^-2; between powers of ten where there is room."""
    axis.set_tick_params(which="both", labelsize=10)
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    low, high = axis.get_view_interval()
    axis.set_minor_formatter(StrMethodFormatter("{x:g}") if high < 20 * low else NullFormatter())
