"""Figures of where points would go."""

from aetutor.plotting import _words
from aetutor.plotting._style import palette, styled, subplots


@styled
def arrows(places, steps, points):
    """Draw points in the plane, and above them steps as arrows, each from its place.

    Parameters
    ----------
    places, steps : torch.Tensor
        (N, 2) each: where the arrows begin, and how far they go, in data units.
    points : torch.Tensor
        (M, 2).

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If they are not in the plane, or there are not as many steps as places.
    """
    shapes = [tuple(each.shape) for each in (places, steps, points)]
    if shapes[0] != shapes[1] or any(len(s) != 2 or s[1] != 2 for s in shapes):
        raise ValueError(
            "places, steps and points must have the shapes (N, 2), (N, 2) and (M, 2), "
            f"got {_words.listed(shapes)}"
        )
    blue, orange = palette()[:2]
    figure, axis = subplots(figsize=(6, 6))
    axis.scatter(*points.T, s=4, color=orange, alpha=0.5, linewidths=0)
    exact = {"angles": "xy", "scale_units": "xy", "scale": 1}  # in data units
    axis.quiver(*places.T, *steps.T, color=blue, width=0.004, **exact)
    axis.set(aspect="equal")
    figure.description = (
        f"{len(points)} points in the plane, and {len(places)} arrows, "
        f"{steps.norm(dim=1).mean():.3g} long on average."
    )
    return figure
