"""Words for what a figure shows."""

FEW = 8  # points of a line that are all read out; of a longer one its ends and extremes


def listed(parts):
    """``["a", "b", "c"]`` as "a, b, c"; a part of several lines becomes one."""
    return ", ".join(" ".join(str(part).split()) for part in parts)


def by_name(described):
    """``{"PCA": "0.1 at 2"}`` as "PCA: 0.1 at 2"; several names are parted by semicolons."""
    return "; ".join(f"{listed([name])}: {words}" for name, words in described.items())


def line(points):
    """Describe the points of a line.

    Parameters
    ----------
    points : list of tuple of float
        x and y of each.
    """
    if len(points) <= FEW:
        return listed(f"{y:.3g} at {x:g}" for x, y in points)
    (first_x, first), (last_x, last) = points[0], points[-1]
    ys = [y for _, y in points]
    return (
        f"from {first:.3g} at {first_x:g} to {last:.3g} at {last_x:g}, "
        f"lowest {min(ys):.3g}, highest {max(ys):.3g}"
    )


def bar(values):
    """Describe one number, or several by their mean and their range."""
    mean = f"{sum(values) / len(values):.3g}"
    spread = f" ({min(values):.3g} to {max(values):.3g})" if len(values) > 1 else ""
    return mean + spread


def references(numbers):
    """Describe the dashed lines of a figure; an empty text if it has none."""
    if not numbers:
        return ""
    return f" Dashed: {listed(f'{name} {number:.4g}' for name, number in numbers.items())}."
