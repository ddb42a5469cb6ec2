"""Exercises of lesson 2: paths between codes."""

import torch

from aetutor import latent
from aetutor.exercises._exercise import DICE, WrongError, call, compare, exercise, number, tensor


@exercise(
    hint="Draw it: the two codes are two sides of a square that begins at 0. Where in the square "
    "is the point half-way between their ends?",
    code="norm = 6 / 2**0.5",
    reason="The middle is half of the sum. The sum of two codes at a right angle is the diagonal "
    "of a square of side 6, $6 \\sqrt 2$ long; half of it is $6 / \\sqrt 2 \\approx 4.24$.",
)
def halfway_norm(answer):
    """The norm half-way between two codes."""
    compare(
        number(answer),
        6 / 2**0.5,
        {
            "So it would be on the arc; the straight path takes a short cut.": 6.0,
            "That is the norm of their sum; half-way is half of it.": 6 * 2**0.5,
            "So it would be if one of the two codes were 0.": 3.0,
            "So it would be if they pointed in opposite directions.": 0.0,
        },
        tolerance=0.01,
    )


@exercise(
    hint="First the norms of the two codes, then their directions u = code / norm. The cosine of "
    "the angle is u_0 . u_1. In the end multiply the directions on the way by norms on the way.",
    code="""
    def spherical(start, end, steps):
        t = torch.linspace(0, 1, steps)[:, None]
        u_0, u_1 = start / start.norm(), end / end.norm()
        omega = torch.arccos((u_0 * u_1).sum())
        turned = torch.sin((1 - t) * omega) * u_0 + torch.sin(t * omega) * u_1
        return turned / torch.sin(omega) * ((1 - t) * start.norm() + t * end.norm())
    """,
    reason="The formula turns directions, so the codes are divided by their norms first; and the "
    "directions on the way, all of norm 1, get norms that change evenly.",
)
def spherical(answer):
    """Spherical interpolation."""
    for size in (2, 3, 11):
        start, end = _two_codes(size)
        steps = int(torch.randint(4, 12, (), generator=DICE))
        right = latent.interpolate(start, end, steps, "spherical")
        norms = right.norm(dim=1, keepdim=True)
        one, other = start / start.norm(), end / end.norm()
        angle = torch.arccos((one * other).sum())
        t = torch.linspace(0, 1, steps)[:, None]
        unscaled = torch.sin((1 - t) * angle) * start + torch.sin(t * angle) * end
        compare(
            tensor(call(answer, start, end, steps), (steps, size)),
            right,
            {
                "That is the straight path.": latent.interpolate(start, end, steps),
                "Those are the directions, of norm 1; let the norm change evenly.": right / norms,
                "The norms are right, but the direction does not turn evenly: that is the straight "
                "path, made longer.": (
                    torch.nn.functional.normalize(latent.interpolate(start, end, steps)) * norms
                ),
                "The norm stays that of the start; let it change evenly.": (
                    right / norms * start.norm()
                ),
                "The formula is for directions: divide both codes by their norms before, and "
                "multiply by norms that change evenly afterwards.": unscaled / torch.sin(angle),
            },
            given=f"codes of {size} numbers with different norms",
        )


@exercise(
    hint="`latent.interpolate` makes each piece. Where two pieces meet, one code comes twice; "
    "drop it from one of the two.",
    code="""
    def through(stops, steps):
        pieces = [latent.interpolate(a, b, steps)[:-1] for a, b in zip(stops, stops[1:])]
        return torch.cat([*pieces, stops[-1:]])
    """,
    reason="Every piece but the last leaves its end to the piece that follows, so each stop comes "
    "once: $(n - 1)(s - 1) + 1$ codes for $n$ stops and $s$ steps.",
)
def through(answer):
    """A path through several codes."""
    for count in (2, 3, 5):
        steps = int(torch.randint(3, 7, (), generator=DICE))
        stops = torch.randn(count, 4, generator=DICE)
        result = call(answer, stops, steps)
        shape, given = getattr(result, "shape", None), f"{count} stops and {steps} steps"
        pieces = [latent.interpolate(*stops[i : i + 2], steps) for i in range(count - 1)]
        if count > 2 and shape == ((count - 1) * steps, 4):
            raise WrongError("Where two pieces meet, the stop comes twice: the path would halt.")
        if count > 2 and shape == (steps, 4):
            raise WrongError(
                "Those are the steps of one piece; there is one between any two stops."
            )
        if shape == ((count - 1) * (steps - 1), 4):
            raise WrongError("The last stop is missing, or the first.")
        right = torch.cat([*(piece[:-1] for piece in pieces), stops[-1:]])
        straight = latent.interpolate(stops[0], stops[-1], len(right))
        compare(
            tensor(result, right.shape),
            right,
            {"That goes straight from the first to the last stop.": straight},
            given=given,
        )


@exercise(
    hint="`codes[labels == 3]` are the codes of all 3s. Take their mean, digit by digit, and "
    "`torch.stack` the ten.",
    code="""
    def mean_codes(codes, labels):
        return torch.stack([codes[labels == digit].mean(dim=0) for digit in range(10)])
    """,
    reason="A comparison with the labels picks the rows of one digit, however many there are; "
    "`dim=0` takes the mean over the images and keeps the dimensions of the code.",
)
def mean_codes(answer):
    """The mean code of each digit."""
    for size in (2, 5):
        labels = torch.cat([torch.arange(10), torch.randint(10, (70,), generator=DICE)])
        labels = labels[torch.randperm(len(labels), generator=DICE)]
        codes = torch.randn(len(labels), size, generator=DICE) + labels[:, None]
        own = torch.nn.functional.one_hot(labels, 10).float()  # (N, 10)
        counts = own.sum(dim=0)[:, None]
        result = call(answer, codes, labels)
        if getattr(result, "shape", None) == (10,):
            raise WrongError("That is one number for each digit; `mean(dim=0)` keeps the code.")
        compare(
            tensor(result, (10, size)),
            own.T @ codes / counts,
            {
                "Those are the sums; divide by how many images of the digit there are.": (
                    own.T @ codes
                ),
                "You divide by the number of all images, not by that of the digit.": (
                    own.T @ codes / len(codes)
                ),
                "That is the mean of all codes, ten times.": codes.mean(dim=0).expand(10, size),
            },
            given="codes in random order, not equally many of each digit",
        )


def _two_codes(size):
    """Of different norms, and neither parallel nor opposite, where rounding would decide."""
    while True:
        start, end = torch.randn(2, size, generator=DICE) * torch.tensor([[2.0], [5.0]])
        if torch.cosine_similarity(start, end, dim=0).abs() < 0.95:
            return start, end
