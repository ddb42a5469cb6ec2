"""Figures of numbers."""

import itertools
import math

import torch
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from aetutor.plotting import _words
from aetutor.plotting._style import error_unit, palette, styled, subplots

MARKERS = 20  # of one line at most; more of them would hide it


@styled
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
    figure, axis = subplots(figsize=(7.5, 4))
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
    unit = unit or error_unit(next(iter(histories.values())))
    axis.set(xlabel="epoch", ylabel=unit, yscale="log")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    _plain_numbers(axis.yaxis)
    axis.legend(fontsize=10)
    described = {
        name: " and ".join(
            f"{kind} from {errors[0] * scale:.3g} to {errors[-1] * scale:.3g}"
            for kind, errors in (("held out", run.val_error), ("training", run.train_error))
        )
        + f" in {len(run)} epochs"
        for name, run in histories.items()
    }
    figure.description = (
        f"Lines of the {unit}, over epochs. {_words.by_name(described)}."
        f"{_words.references(references)}"
    )
    return figure


@styled
def curves(
    series,
    *,
    xlabel,
    ylabel,
    scale="linear",
    xticks=None,
    margins=None,
    from_zero=False,
    dashed=None,
    references=None,
):
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
    margins : dict of str to dict of float to float, optional
        For each series: by how much y is uncertain in both directions, by x; drawn as error bars.
    from_zero : bool
        Let the y-axis begin at 0, so that heights can be compared.
    dashed : dict of str to str, optional
        The series that are drawn dashed, and for each an earlier one whose colour and marker it
        takes.
    references : dict of str to float, optional
        Values of y to be drawn as labelled horizontal lines.

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
    figure, axis = subplots(figsize=(7.5, 4))
    lines, dashed = {}, dashed or {}
    for (name, points), marker in zip(series.items(), itertools.cycle("os^Dv")):
        xs, ys = zip(*points.items(), strict=True)
        look = {"marker": marker}
        if name in dashed:
            like = lines[dashed[name]]
            look = {"marker": like.get_marker(), "color": like.get_color(), "linestyle": "--"}
        every = math.ceil(len(xs) / MARKERS)
        (line,) = axis.plot(xs, ys, markersize=6, markevery=every, label=name, **look)
        lines[name] = line
        if margins:
            heights = [margins[name][x] for x in xs]
            axis.errorbar(xs, ys, heights, fmt="none", ecolor=line.get_color(), capsize=4)
    axis.set(xlabel=xlabel, ylabel=ylabel, xscale=scale, yscale=scale)
    if from_zero:
        axis.set_ylim(0, 1.05 * axis.get_ylim()[1])
    _reference_lines(axis, references)
    if scale == "log":
        _plain_numbers(axis.xaxis)
        _plain_numbers(axis.yaxis)
    if xticks is not None:
        axis.set_xticks(xticks)
        axis.set_xticks([], minor=True)
    _legend_above(axis)
    described = {name: _words.line(list(points.items())) for name, points in series.items()}
    figure.description = f"Lines of {ylabel} over {xlabel}. {_words.by_name(described)}."
    figure.description += _words.references(references)
    if margins:
        widest = max(max(margins[name].values()) for name in series)
        figure.description += f" Uncertain by {widest:.2g} at most."
    return figure


@styled
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
    import seaborn as sns  # here: it takes longer to import than all that other figures need

    figure, axis = subplots(figsize=(7.5, 4))
    # "pi", 100: the whole range of the seeds, not a guess at an interval from three of them.
    whiskers = {"errorbar": ("pi", 100), "capsize": 0.15, "err_kws": {"color": "0.2"}}
    sns.barplot(x=list(groups), y=list(values), hue=list(series), ax=axis, **whiskers)
    highest = {(series, group): 0.0 for series, group, _ in rows}
    for series, group, error in rows:
        highest[series, group] = max(highest[series, group], error)
    places = list(dict.fromkeys(groups))
    hatches = itertools.cycle(("", "//", "..", "xx", "--"))
    for name, bars, hatch in zip(errors, axis.containers, hatches, strict=False):
        for bar in bars:
            bar.set_hatch(hatch)
            center = bar.get_x() + bar.get_width() / 2
            top = center, highest[name, places[round(center)]]
            above = {"textcoords": "offset points", "ha": "center", "fontsize": 9}
            axis.annotate(f"{bar.get_height():.3g}", top, (0, 4), **above)
    _reference_lines(axis, references)
    axis.margins(y=0.12)
    axis.set(ylabel=unit, xlabel=None)
    _legend_above(axis)
    described = {
        name: _words.listed(
            f"{_words.bar(values if hasattr(values, '__len__') else [values])} for {group}"
            for group, values in by_group.items()
        )
        for name, by_group in errors.items()
    }
    figure.description = (
        f"Bars of the {unit}. {_words.by_name(described)}.{_words.references(references)}"
    )
    return figure


@styled
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
    figure, axis = subplots(figsize=(7.5, 0.9 + 0.32 * len(values)))
    shares = torch.tensor([0.05, 0.25, 0.5, 0.75, 0.95], dtype=torch.float32, device="cpu")
    described = {}
    for row, (name, numbers) in enumerate(values.items()):
        lowest, low, median, high, highest = numbers.float().quantile(shares.to(numbers.device))
        color = palette()[1 if row else 0]
        axis.hlines(row, lowest, highest, color=color, linewidth=1.5)
        axis.hlines(row, low, high, color=color, linewidth=6)
        axis.plot(median, row, "o", color="white", markeredgecolor=color, markersize=7)
        if not row:
            axis.axvspan(lowest, highest, color=color, alpha=0.12, zorder=0)
        described[name] = f"{median:.3g} ({lowest:.3g} to {highest:.3g})"
    axis.set(xscale="log", xlabel=xlabel)
    axis.set_yticks(range(len(values)), list(values))
    axis.set_ylim(len(values) - 0.5, -0.5)  # the first on top
    axis.grid(axis="y", visible=False)
    _plain_numbers(axis.xaxis)
    figure.description = (
        f"Intervals of {xlabel}: medians, and in brackets the middle 90 per cent. "
        f"{_words.by_name(described)}."
    )
    return figure


@styled
def scatter(
    points,
    labels,
    class_names=None,
    *,
    xlabel="first number of the code",
    ylabel="second number of the code",
):
    """Draw points in the plane, coloured by class, with each class's name at its median.

    Where a name would hide another it stands beside its median, joined to it by a line.

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
    figure, axis = subplots(figsize=(7, 6))
    names = []
    for label, color in zip(labels.unique().tolist(), itertools.cycle(palette())):
        own = points[labels == label]
        axis.scatter(*own.T, s=5, color=color, alpha=0.6, linewidths=0)
        name = str(label) if class_names is None else class_names[label]
        frame = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": color}
        place = own.median(dim=0).values.tolist()
        style = {"ha": "center", "va": "center", "fontweight": "bold", "bbox": frame}
        names.append(axis.annotate(name, place, (0, 0), textcoords="offset pixels", **style))
    axis.set(xlabel=xlabel, ylabel=ylabel)
    _set_apart(axis, names)
    medians = (f"{name.get_text()} at ({name.xy[0]:.3g}, {name.xy[1]:.3g})" for name in names)
    figure.description = (
        f"{len(points)} points in the plane of {xlabel} and {ylabel}, coloured by class. "
        f"Medians of the classes: {_words.listed(medians)}."
    )
    return figure


@styled
def heatmap(values, *, label, xlabel=None, ylabel=None, center=None, lowest=None, highest=None):
    """Draw a table of numbers as coloured fields with the numbers in them.

    Parameters
    ----------
    values : dict of str to dict of str to float
        By row, then by column.
    label : str
        What the numbers are.
    xlabel, ylabel : str, optional
        What the columns and the rows are.
    center, lowest, highest : float, optional
        Which numbers have the middle and the ends of the colours.

    Returns
    -------
    matplotlib.figure.Figure
    """
    import seaborn as sns  # here, as above

    columns = list(next(iter(values.values())))
    table = [[row[column] for column in columns] for row in values.values()]
    wide = 1.15 if len(columns) <= 5 else 0.8  # long names are turned upright where they collide
    size = (2.6 + wide * len(columns), 0.9 + 0.42 * len(table))
    figure, axis = subplots(figsize=size)
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
    axis.set(xlabel=xlabel, ylabel=ylabel)
    axis.tick_params(axis="y", labelrotation=0)
    described = {
        name: _words.listed(f"{number:.2f} for {column}" for column, number in row.items())
        for name, row in values.items()
    }
    over = f" by {xlabel}" if xlabel else ""
    figure.description = f"A table of {label}{over}. {_words.by_name(described)}."
    return figure


def _legend_above(axis):
    """Not within the axis, where a legend hides bars, error bars or their numbers."""
    place = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "frameon": False}
    names = axis.get_legend_handles_labels()[1]
    columns = 3 if max(map(len, names), default=0) < 20 else 2
    axis.legend(fontsize=10, ncols=columns, **place)


def _set_apart(axis, names):
    """Move annotations so far that none hides another or the place of another.

    Each one in turn takes the first free spot on circles around its place; a line joins the two.
    """
    taken = []
    axis.autoscale(False)  # the lines must not change the limits
    axis.figure.draw_without_rendering()  # settles the layout, and with it where the names are
    places = [axis.transData.transform(name.xy) for name in names]
    for number, name in enumerate(names):
        place = places[number]
        others = places[:number] + places[number + 1 :]
        box = name.get_bbox_patch().get_window_extent().padded(2)
        for shift in _circles(radius=200):
            moved = box.translated(*shift)
            inside = axis.bbox.count_contains(moved.corners()) == 4
            if inside and not moved.count_overlaps(taken) and not moved.count_contains(others):
                break
        else:
            continue  # more names than the map has room for
        taken.append(moved)
        name.set_position(shift)
        if any(shift):
            ends = axis.transData.inverted().transform([place, place + shift])
            color = name.get_bbox_patch().get_edgecolor()
            axis.plot(*ends.T, color=color, linewidth=1.2, marker="o", markersize=4, markevery=[0])


def _circles(radius):
    """Steps from a place, in pixels: none, and then to points on wider and wider circles."""
    yield 0.0, 0.0
    for reach in range(4, radius, 4):
        for turn in range(24):
            angle = turn * math.tau / 24
            yield reach * math.cos(angle), reach * math.sin(angle)


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


def _plain_numbers(axis):
    """Label a logarithmic axis 0.02, not 2 x 10^-2; between powers of ten where there is room."""
    axis.set_tick_params(which="both", labelsize=10)
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(StrMethodFormatter("{x:g}"))
    low, high = axis.get_view_interval()
    if high > 1000 * low:
        axis.set_minor_formatter(NullFormatter())
    elif high > 10 * low:
        axis.set_minor_locator(LogLocator(subs=(2, 5)))
