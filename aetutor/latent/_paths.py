"""Paths from one code to another."""

import math

import torch

from aetutor.checks import known_name, whole_number

METHODS = ("linear", "spherical")
REASONS = (
    "a code of zeros has no direction to start an arc from; use 'linear'",
    "start and end point in opposite directions, so no arc between them is shorter than others; "
    "use 'linear'",
)
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
    shares = torch.linspace(0, 1, steps, dtype=start.dtype, device=start.device)
    spherical = torch.tensor(method == "spherical", device=start.device)
    codes, message = walk(start, end, shares, spherical)
    if message:
        raise ValueError(REASONS[message - 1])
    return torch.cat([codes[:-1], end[None]])  # to the last digit


def walk(start, end, shares, spherical):
    """Return codes on a path as :func:`interpolate` has them, without a branch or an error.

    So it can be exported for a browser.

    Parameters
    ----------
    start, end : torch.Tensor
        (latent_dim,).
    shares : torch.Tensor
        (steps,), from 0 to 1.
    spherical : torch.Tensor
        bool, (): along the arc, where there is one, in place of the straight line.

    Returns
    -------
    codes : torch.Tensor
        (steps, latent_dim).
    message : torch.Tensor
        int64, (): 0, or why there is no arc: 1, a code is zero; 2, they point in opposite
        directions. The codes are then those of the straight line.
    """
    shares = shares[:, None]
    straight = start + shares * (end - start)
    lengths = torch.stack([start.norm(), end.norm()])
    none = (lengths == 0).any()
    one, other = start / lengths[0], end / lengths[1]
    # atan2, because acos loses half of the digits near 0 and 180 degrees.
    angle = 2 * torch.atan2((one - other).norm(), (one + other).norm())
    parallel = torch.sin(angle) < PARALLEL
    opposite = parallel & (angle > math.pi / 2)
    directions = (torch.sin((1 - shares) * angle) * one + torch.sin(shares * angle) * other) / (
        torch.sin(angle)
    )
    arc = directions * ((1 - shares) * lengths[0] + shares * lengths[1])
    codes = torch.where(spherical & ~none & ~parallel, arc, straight)
    return codes, torch.where(spherical, torch.where(none, 1, torch.where(opposite, 2, 0)), 0)
