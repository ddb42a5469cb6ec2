"""Figures of paths through the plane."""

import torch

from aetutor.plotting import _words
from aetutor.plotting._style import styled, subplots


@styled
def paths(routes, points, *, xlabel="", ylabel=""):
    """Draw paths through the plane over a cloud of points, a panel for each way of going.

    An open circle is where a path begins, a filled one where it ends; small dots are its steps.

    Parameters
    ----------
    routes : dict of str to torch.Tensor
        (S, B, 2) each: B paths of S places, by the panel's title.
    points : torch.Tensor
        (N, 2), drawn in grey behind.
    xlabel, ylabel : str

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no panel, or the places are not in the plane.
    """
    if not routes or any(route.ndim != 3 or route.shape[2] != 2 for route in routes.values()):
        raise ValueError("paths need tensors (S, B, 2), a panel each, and at least one")
    size = (3.1 * len(routes), 3.5)
    figure, axes = subplots(
        ncols=len(routes), sharex=True, sharey=True, squeeze=False, figsize=size
    )
    described = {}
    for axis, (name, route) in zip(axes[0], routes.items(), strict=True):
        route = route.detach().cpu()
        axis.scatter(*points.detach().cpu().T, s=3, color="0.75", linewidths=0)
        axis.plot(*route.unbind(-1), color="C0", linewidth=0.8, alpha=0.7, marker=".", markersize=2)
        axis.plot(*route[0].T, "o", color="white", markeredgecolor="C0", markersize=4.5)
        axis.plot(*route[-1].T, "o", color="C1", markersize=4.5)
        axis.set(title=name, xlabel=xlabel, aspect="equal")
        begin, end = (torch.linalg.norm(route[k].std(dim=0)) for k in (0, -1))
        described[name] = f"spread {begin:.3g} at the start, {end:.3g} at the end"
    axes[0, 0].set_ylabel(ylabel)
    words = _words.by_name(described)
    figure.description = f"Panels of {routes[name].shape[1]} paths each. {words}."
    return figure
