"""Exercises of lesson 3: counting, stamping, and three measures."""

import math

import numpy as np
import torch
from torch.nn import functional as F

from aetutor.exercises._exercise import DICE, WrongError, call, compare, exercise, number, tensor

ALL_384 = 992_771  # weights of the network with a code of 384
FLAT = 64 * 4 * 4  # numbers before and after the code


@exercise(
    hint="Only the two linear layers around the code depend on its length: 1,024 numbers to the "
    "code, and the code to 1,024 numbers. By how many weights do they shrink?",
    code="weights_128 = 992_771 - (384 - 128) * (1024 + 1 + 1024)",
    reason="Each number of the code costs 1,024 weights and a bias in the encoder, and 1,024 "
    "weights in the decoder. The decoder's 1,024 biases stay.",
)
def weights_of_128(answer):
    """The number of weights with a code of 128."""
    gone = 384 - 128
    compare(
        number(answer),
        float(ALL_384 - gone * (2 * FLAT + 1)),
        {
            "The biases of the code are forgotten: 256 of them go, too.": (
                float(ALL_384 - gone * 2 * FLAT)
            ),
            "The decoder's biases stay: they belong to the 1,024 numbers that come out.": (
                float(ALL_384 - gone * (2 * FLAT + 2))
            ),
            "There are two such layers, one before the code and one behind it.": (
                float(ALL_384 - gone * (FLAT + 1))
            ),
            "Those are the two linear layers alone; the others are there as before.": (
                float(128 * (2 * FLAT + 1) + FLAT)
            ),
        },
        tolerance=1e-7,
    )


@exercise(
    hint="The lesson does it for 2 x 2 pixels and stride 2. The field has (n - 1) s + k pixels a "
    "side, and the stamp of pixel (row, column) begins at (row s, column s).",
    code="""
    def stamped(pixels, kernel, stride):
        n, k = len(pixels), len(kernel)
        field = torch.zeros((n - 1) * stride + k, (n - 1) * stride + k)
        for row in range(n):
            for column in range(n):
                top, left = row * stride, column * stride
                field[top : top + k, left : left + k] += pixels[row, column] * kernel
        return field
    """,
    reason="The last stamp begins $(n - 1) s$ pixels after the first and is $k$ wide. With a "
    "stride smaller than the kernel stamps overlap, and there they are added.",
)
def stamped(answer):
    """A transposed convolution by stamping."""
    for n, k, stride in ((2, 3, 2), (4, 3, 1), (3, 5, 3), (3, 2, 4)):
        pixels, kernel = torch.randn(n, n, generator=DICE), torch.randn(k, k, generator=DICE)
        right = F.conv_transpose2d(pixels[None, None], kernel[None, None], stride=stride)[0, 0]
        over = torch.zeros_like(right)
        for row in range(n):
            for column in range(n):
                place = (
                    slice(row * stride, row * stride + k),
                    slice(column * stride, column * stride + k),
                )
                over[place] = pixels[row, column] * kernel
        flipped = F.conv_transpose2d(
            pixels[None, None], kernel.flip(0, 1)[None, None], stride=stride
        )[0, 0]
        result = call(answer, pixels, kernel, stride)
        if getattr(result, "shape", None) == (n * stride + k,) * 2:
            raise WrongError("Off by one stride: n stamps have n - 1 steps between them.")
        compare(
            tensor(result, right.shape),
            right,
            {
                "Where stamps overlap, yours replaces the one before; they are added.": over,
                "The kernel is upside down: a transposed convolution stamps it as it is.": flipped,
            },
            given=f"{n} x {n} pixels, a kernel of {k} and stride {stride}",
        )


@exercise(
    hint="Find the two measured lengths around the target. Between them go the same share of the "
    "way in the logarithm of the length as in the logarithm of the error.",
    code="""
    def length_for(target, errors):
        measured = list(errors.items())
        for (short, more), (long, less) in zip(measured, measured[1:]):
            if less <= target <= more:
                share = math.log(more / target) / math.log(more / less)
                return short * (long / short) ** share
    """,
    reason="On logarithmic axes equal steps are equal ratios: a share of the way from *short* to "
    "*long* is *short* times that power of their ratio.",
)
def length_for(answer):
    """The code length for an error that you can live with."""
    for sizes in ((64, 128, 256, 384), (10, 30, 50), (16, 256)):
        steps = 0.3 + 0.5 * torch.rand(len(sizes), generator=DICE)
        values = (200 * steps.cumprod(dim=0)).tolist()
        at = int(torch.randint(len(sizes) - 1, (), generator=DICE))
        more, less = values[at : at + 2]
        short, long = sizes[at : at + 2]
        target = less + (more - less) * (0.2 + 0.5 * torch.rand((), generator=DICE).item())
        plain = (more - target) / (more - less)
        share = math.log(more / target) / math.log(more / less)
        errors = dict(zip(sizes, values, strict=True))
        compare(
            number(call(answer, target, errors)),
            short * (long / short) ** share,
            {
                "That is a straight line on plain axes; both axes are logarithmic.": (
                    short + plain * (long - short)
                ),
                "The error is on a logarithmic axis, but the length is not.": (
                    short + share * (long - short)
                ),
                "The length is on a logarithmic axis, but the error is not.": (
                    short * (long / short) ** plain
                ),
                "That is the shortest measured length that is good enough; go between them. (If "
                "you used np.interp: it needs rising numbers, and errors fall.)": float(long),
                "That length is measured, but its error is too large.": float(short),
                "np.interp needs rising numbers, and errors fall: turn both lists round.": (
                    float(np.interp(target, values, sizes))
                ),
            },
            given=f"a target of {target:.1f} and errors {{{_row(errors)}}}",
        )


@exercise(
    hint="The mean squared error per pixel of each image, as in lesson 1's exercise; the range is "
    "2 wide; the logarithm has base 10.",
    code="""
    def psnr(reconstructions, images):
        error = (reconstructions - images).square().flatten(1).mean(dim=1)
        return 10 * torch.log10(2**2 / error)
    """,
    reason="The peak is the width of the range, from -1 to 1. The logarithm comes after the mean "
    "over the pixels: a mean of logarithms would be another number.",
)
def psnr(answer):
    """The peak signal-to-noise ratio of each image."""
    for count in (4, 2):
        images = 2 * torch.rand(count, 3, 32, 32, generator=DICE) - 1
        drawn = images + torch.randn(images.shape, generator=DICE) * torch.rand(
            count, 1, 1, 1, generator=DICE
        )
        error = (drawn - images).square().flatten(1).mean(dim=1)
        right = 10 * torch.log10(4 / error)
        result = call(answer, drawn, images)
        if getattr(result, "shape", None) == ():
            raise WrongError("That is one number for the whole batch; give one for each image.")
        compare(
            tensor(result, (count,)),
            right,
            {
                "The range is from -1 to 1, so it is 2 wide: 6 dB more.": -10 * torch.log10(error),
                "The width of the range is squared, as the error is.": 10 * torch.log10(2 / error),
                "The logarithm has base 10; `torch.log` is the natural one.": (
                    10 * torch.log(4 / error)
                ),
                "That takes the squared error per image; take it per pixel.": (
                    10 * torch.log10(4 / (error * images[0].numel()))
                ),
                "It is upside down: a smaller error makes a larger ratio.": -right,
                "A decibel is a tenth: 10 times the logarithm.": right / 10,
            },
        )


@exercise(
    hint="Scale the codes so that `low` becomes 0 and `high` becomes levels - 1. Then cut off, "
    "round, and scale back.",
    code="""
    def quantised(codes, low, high, levels):
        step = (high - low) / (levels - 1)
        steps = ((codes - low) / step).round().clamp(0, levels - 1)
        return low + steps * step
    """,
    reason="The lowest level is `low` and the highest is `high`, so there are levels - 1 steps "
    "between them. What lies outside goes to the nearest level, as everything does.",
)
def quantised(answer):
    """Codes in a few bits."""
    for levels, size in ((4, 3), (16, 2), (2, 5)):
        codes = 3 * torch.randn(40, size, generator=DICE)
        low = -2 - torch.rand(size, generator=DICE)
        high = 1 + 2 * torch.rand(size, generator=DICE)

        def levelled(count, steps, low=low, high=high, codes=codes, keep=torch.round):
            step = (high - low) / count
            return low + keep((codes - low) / step).clamp(*steps) * step

        apart = (codes - low).remainder((high - low) / (levels - 1)) * (levels - 1) / (high - low)
        clear = (apart - 0.5).abs() > 0.01  # half-way between two levels both are right
        compare(
            torch.where(clear, tensor(call(answer, codes, low, high, levels), codes.shape), 0),
            torch.where(clear, levelled(levels - 1, (0, levels - 1)), 0),
            {
                sentence: torch.where(clear, wrong, 0)
                for sentence, wrong in {
                    "Off by one: n levels have n - 1 steps between them.": (
                        levelled(levels, (0, levels))
                    ),
                    "That makes one level too few: the highest is `high` itself.": (
                        levelled(levels, (0, levels - 1))
                    ),
                    "Take the nearest level, not the one below.": (
                        levelled(levels - 1, (0, levels - 1), keep=torch.floor)
                    ),
                    "Those are the numbers of the levels; their values are asked for.": (
                        ((codes - low) / (high - low) * (levels - 1)).round().clamp(0, levels - 1)
                    ),
                    "Numbers below `low` and above `high` must become these.": (
                        levelled(levels - 1, (-math.inf, math.inf))
                    ),
                }.items()
            },
            given=f"{levels} levels",
        )


def _row(errors):
    return ", ".join(f"{size}: {error:.1f}" for size, error in errors.items())
