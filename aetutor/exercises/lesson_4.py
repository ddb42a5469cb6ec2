"""Exercises of lesson 4: ranks, thresholds, and an image that fools the error."""

from functools import cache

import torch

from aetutor import weights
from aetutor.exercises._exercise import DICE, WrongError, call, compare, exercise, number, tensor

LEAST = 1.91  # squared error of cifar10-384 that 1 in 100 test images stays below


@exercise(
    hint="There are 3 x 4 pairs of a stranger and a familiar image. In how many does the stranger "
    "have the larger error?",
    code="by_hand = (1 + 3 + 4) / 12",
    reason="The error 2 is larger than 1 familiar error, 6 than 3, and 9 than all 4: 8 of the 12 "
    "pairs. The AUROC is that share, 0.67.",
)
def auroc_by_hand(answer):
    """An AUROC by hand."""
    compare(
        number(answer),
        8 / 12,
        {
            "The other way round: count pairs in which the *stranger* has the larger error.": 4
            / 12,
            "That is the number of pairs; the AUROC is their share.": 8.0,
        },
        tolerance=0.01,
    )


@exercise(
    hint="Sort the familiar errors. `torch.searchsorted(ordered, strange)` gives for each stranger "
    "how many of them are smaller, with `right=True` how many are not larger.",
    code="""
    def area(strange, familiar):
        ordered, _ = familiar.sort()
        smaller = torch.searchsorted(ordered, strange)
        not_larger = torch.searchsorted(ordered, strange, right=True)
        return (smaller + not_larger).double().mean().item() / 2 / len(familiar)
    """,
    reason="For each stranger, the pairs that it wins are the familiar errors below its own. Of "
    "equal ones neither is larger, so they count half: the mean of *smaller* and *not larger*.",
)
def area(answer):
    """The AUROC, written by yourself."""
    for count, values in ((30, 1000), (25, 12), (40, 3)):
        strange = torch.randint(values, (count,), generator=DICE) + values / 4
        familiar = torch.randint(values, (2 * count,), generator=DICE).float()
        familiar[: count // 2] = strange[: count // 2]  # some are equal
        pairs = strange[:, None], familiar
        won, even = ((pairs[0] > pairs[1]), (pairs[0] == pairs[1]))
        share, tied = won.double().mean().item(), even.double().mean().item()
        compare(
            number(call(answer, strange, familiar)),
            share + tied / 2,
            {
                "The other way round: strangers should have the larger error.": (
                    1 - share - tied / 2
                ),
                "Equal errors count nothing in yours; they count half.": share,
                "Equal errors count fully in yours; they count half.": share + tied,
                "That is the number of pairs; divide by how many there are.": (
                    (share + tied / 2) * won.numel()
                ),
            },
            given="errors of which some are equal",
        )


@exercise(
    hint="Sort the errors in your mind: 5 in 100 lie above the one you look for. `quantile` finds "
    "the value below which a given share lies.",
    code="""
    def threshold(familiar, rate):
        return familiar.quantile(1 - rate).item()
    """,
    reason="Above the 0.95 quantile lie 5 in 100 values, whatever their distribution is.",
)
def threshold(answer):
    """A threshold for a given rate of false alarms."""
    for rate, power in ((0.05, 1), (0.2, 3), (0.01, 0.5)):
        familiar = 50 * torch.rand(2000, generator=DICE) ** power
        chosen = number(call(answer, familiar, rate))
        normal = familiar.mean() + familiar.std() * torch.tensor([1.645, 1.96, 2.0, 3.0])
        if ((chosen - normal).abs() < 1e-3).any():
            raise WrongError("Errors need not follow a normal distribution; sort them instead.")
        if abs(chosen - familiar.quantile((1 - rate) / 100)) < 1e-4:
            raise WrongError("That is a quantile for less than 1 %: np.percentile takes per cent.")
        found = (familiar > chosen).double().mean().item()
        if abs(found - (1 - rate)) < 0.005:
            raise WrongError(
                f"That is the other end: {found:.0%} of the familiar images would raise an alarm."
            )
        if abs(found - rate) > 0.0021:
            raise WrongError(
                f"For a rate of {rate:.0%} your threshold lets {found:.1%} of the familiar images "
                "raise an alarm."
            )


@exercise(
    hint="Imagine 100,000 images. How many are strange, and raise an alarm? How many are "
    "familiar, and raise one all the same?",
    code="share = 100 / (100 + 0.05 * 99_900)",
    reason="Of 100,000 images 100 are strange, and all are found; of the other 99,900 five in a "
    "hundred raise a false alarm, 4,995. So of 5,095 alarms 100 are true: 2 in 100.",
)
def true_alarms(answer):
    """The share of true alarms when strangers are rare."""
    compare(
        number(answer),
        100 / 5095,
        {
            "That is the share of familiar images that raise no alarm. Of the images that do, "
            "which share is strange?": 0.95,
            "That is the share of false alarms among familiar images, not among alarms.": 0.05,
            "That is the share of strangers among all images, not among alarms.": 0.001,
            "Those are the false alarms among the alarms; the rest is asked for.": 4995 / 5095,
            "That is per cent; a share lies between 0 and 1.": 100 * 100 / 5095,
        },
        tolerance=0.02,
    )


@exercise(
    hint="What does the error measure? Then think of something large, soft and grey.",
    code="""
    side = torch.linspace(-1, 1, 32)
    distance = torch.hypot(side[:, None], side)
    image = (0.5 - distance).expand(3, 32, 32)
    """,
    reason="A soft grey spot: no edge, no fine detail, no colour. The error sees nothing strange "
    "in it, for it measures contrast in fine detail.",
)
def fooling_image(answer):
    """An image that fools the error."""
    image = tensor(answer, (3, 32, 32))
    if image.abs().max() > 1.001:
        raise WrongError("The values must lie between -1 and 1, as those of all images here.")
    left_by_ramp = _left_by_ramp(image)
    if left_by_ramp < 0.1:
        raise WrongError(
            "Too near to a plain image or a ramp: with the best ramp taken away, a root mean "
            f"square of {left_by_ramp:.2f} is left; it should be 0.1 at least."
        )
    with torch.inference_mode():
        error = (_network()(image[None]) - image).square().sum().item()
    if error > LEAST:
        raise WrongError(
            f"Its error is {error:.1f}; only 1 in 100 test images of CIFAR-10 has one below "
            f"{LEAST:.1f}."
        )


def _left_by_ramp(image):
    """Root mean square of what no plane explains, per channel, in the range's units."""
    side = torch.linspace(-1, 1, 32)
    plane = torch.stack([torch.ones(32, 32), side.expand(32, 32), side[:, None].expand(32, 32)])
    axes, _ = torch.linalg.qr(plane.flatten(1).T)  # (1024, 3)
    pixels = image.flatten(1).T  # (1024, 3)
    return (pixels - axes @ (axes.T @ pixels)).square().mean().sqrt().item()


@cache
def _network():
    return weights.trained("cifar10-384")
