"""Paths from one code to another."""

import math

import torch

from aetutor.checks import known_name, whole_number

METHODS = ("linear", "spherical")
PARALLEL = 1e-4  # sine of the angle below which two directions count as one, or as opposite


def interpolate(start, end, steps=10, method="linear"):
    """Return codes on a path from one to another, both ends included.

    Parameters
    ----------
    start, end : torch.Tensor
        (latent_dim,).
    steps : int
        Number of codes, at least 2.
    method : {"linear", "spherical"}
        Along the straight line; or along the arc between the two directions, while the length
        changes evenly (Shoemake, 1985; White, 2016).

    Returns
    -------
    torch.Tensor
        (steps, latent_dim).

    Raises
    ------
    ValueError
        If the codes have different shapes, ``steps`` is below 2, ``method`` is none of these, or
        the arc is not defined because a code is zero or they point in opposite directions.
    """
    if start.ndim != 1 or start.shape != end.shape:
        raise ValueError(
            "start and end must both have the shape (latent_dim,), "
            f"got {tuple(start.shape)} and {tuple(end.shape)}"
        )
    steps = whole_number("steps", steps, 2)
    known_name("method", method, METHODS)
    share = torch.linspace(0, 1, steps, dtype=start.dtype, device=start.device)[:, None]
    straight = start + share * (end - start)
    straight[-1] = end  # to the last digit
    return straight if method == "linear" else _arc(start, end, share, straight)


def _arc(start, end, share, straight):
    lengths = start.norm(), end.norm()
    if not all(lengths):
        raise ValueError("a code of zeros has no direction to start an arc from; use 'linear'")
    one, other = start / lengths[0], end / lengths[1]
    # atan2, because acos loses half of the digits near 0 and 180 degrees.
    angle = 2 * torch.atan2((one - other).norm(), (one + other).norm())
    if torch.sin(angle) < PARALLEL:
        if angle > math.pi / 2:
            raise ValueError(
                "start and end point in opposite directions, so no arc between them is shorter "
                "than others; use 'linear'"
            )
        return straight
    directions = (torch.sin((1 - share) * angle) * one + torch.sin(share * angle) * other) / (
        torch.sin(angle)
    )
    return directions * ((1 - share) * lengths[0] + share * lengths[1])
