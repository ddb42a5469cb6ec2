"""Exercises of lesson 3: counting, stamping, and three measures; two guesses."""

import math

import numpy as np
import torch
from torch.nn import functional as F

from aetutor.exercises._exercise import (
    DICE,
    Answer,
    WrongError,
    call,
    compare,
    exercise,
    number,
    tensor,
)
from aetutor.exercises._guess import Guess

ALL_384 = 992_771  # weights of the network with a code of 384
FLAT = 64 * 4 * 4  # numbers before and after the code

shift_or_mask = Guess(
    "For what percentage of photographs does a shift by one pixel cost more squared error than "
    "losing the upper half?",
    "Most people guess far less, because the shift is hardly visible and half an image is a lot. "
    "But the error looks at one pixel at a time, and at an edge a step of one pixel is a large "
    "difference; and where a region is smooth, the mean colour in its place costs little.",
    answer=39,
    unit="%",
    low=0,
    high=100,
)

coarse_error = Guess(
    "With a code of 64, what percentage of the squared error lies in waves of up to 6 cycles per "
    "image?",
    "Most people guess less, because what you miss in the pictures is fine detail. But fine waves "
    "have so little power in photographs that there is not much to lose; and a small share of a "
    "strong coarse wave is as large an error as the whole of a weak fine one.",
    answer=51,
    unit="%",
    low=0,
    high=100,
)


@exercise(
    hint="Only the two linear layers around the code depend on its length: one goes from 1,024 "
    "numbers to the code, the other from the code to 1,024 numbers. How many weights do they "
    "lose?",
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
            "You forgot the biases of the code: 256 of them go, too.": (
                float(ALL_384 - gone * 2 * FLAT)
            ),
            "The decoder's biases stay: they belong to the 1,024 numbers that come out.": (
                float(ALL_384 - gone * (2 * FLAT + 2))
            ),
            "There are two such layers, one before the code and one after it.": (
                float(ALL_384 - gone * (FLAT + 1))
            ),
            "Those are the two linear layers alone; count the others, too.": (
                float(128 * (2 * FLAT + 1) + FLAT)
            ),
        },
        tolerance=1e-9,  # a count is exact
    )


@exercise(
    hint="The lesson does it for 2 x 2 pixels and stride 2. The field has (n - 1) s + k pixels a "
    "side, and the stamp of pixel (row, column) starts at (row s, column s).",
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
            raise WrongError(
                "Your field is one stride too large: n stamps have n - 1 steps between them."
            )
        compare(
            tensor(result, right.shape),
            right,
            {
                "Where stamps overlap, yours replaces the earlier one; add them.": over,
                "The kernel is upside down: a transposed convolution stamps it as it is.": flipped,
            },
            given=f"{n} x {n} pixels, a kernel of {k} and stride {stride}",
        )


@exercise(
    hint="Find the two measured lengths around the target. Between them, go the same share of "
    "the way in the logarithm of the length as in the logarithm of the error.",
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
        errors = dict(zip(sizes, values, strict=True))
        for at in range(len(sizes) - 1):  # a target on each piece of the line
            _length_on_piece(answer, errors, at)


def _length_on_piece(answer, errors, at):
    sizes, values = list(errors), list(errors.values())
    more, less = values[at : at + 2]
    short, long = sizes[at : at + 2]
    target = less + (more - less) * (0.2 + 0.5 * torch.rand((), generator=DICE).item())
    plain = (more - target) / (more - less)
    share = math.log(more / target) / math.log(more / less)
    compare(
        number(call(answer, target, errors)),
        short * (long / short) ** share,
        {
            "That is a straight line on plain axes; make both axes logarithmic.": (
                short + plain * (long - short)
            ),
            "Your error is on a logarithmic axis, but your length is not.": (
                short + share * (long - short)
            ),
            "Your length is on a logarithmic axis, but your error is not.": (
                short * (long / short) ** plain
            ),
            "That is the shortest measured length that is good enough; go between the two. (If "
            "you used np.interp: it needs rising numbers, and errors fall.)": float(long),
            "That length was measured, but its error is too large.": float(short),
            "np.interp needs rising numbers, and errors fall: reverse both lists.": (
                float(np.interp(target, values, sizes))
            ),
        },
        given=f"a target of {target:.1f} and errors {{{_row(errors)}}}",
    )


@exercise(
    hint="Take the mean squared error per pixel of each image, as in lesson 1's exercise. The "
    "range is 2 wide, and the logarithm has base 10.",
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
        # No image uses the whole range, so that its own is not mistaken for that of all.
        dull = 0.3 + 0.3 * torch.rand(count, 1, 1, 1, generator=DICE)
        images = dull * (2 * torch.rand(count, 3, 32, 32, generator=DICE) - 1)
        drawn = images + torch.randn(images.shape, generator=DICE) * torch.rand(
            count, 1, 1, 1, generator=DICE
        )
        error = (drawn - images).square().flatten(1).mean(dim=1)
        right = 10 * torch.log10(4 / error)
        own = images.flatten(1).amax(dim=1) - images.flatten(1).amin(dim=1)
        result = call(answer, drawn, images)
        if getattr(result, "shape", None) == ():
            raise WrongError("That is one number for the whole batch; give one for each image.")
        compare(
            tensor(result, (count,)),
            right,
            {
                "The range is from -1 to 1, so it is 2 wide: 6 dB more.": -10 * torch.log10(error),
                "Yours takes the range of each image; the peak is the width of the range that all "
                "images have, 2.": 10 * torch.log10(own.square() / error),
                "Yours takes the largest value of each image as the peak; it is the width of the "
                "whole range, 2.": 10 * torch.log10(images.flatten(1).amax(dim=1) ** 2 / error),
                "Yours takes the range of the whole batch; the peak is the width of the range "
                "that all images have, 2.": (
                    10 * torch.log10((images.max() - images.min()) ** 2 / error)
                ),
                "Square the width of the range: the error is squared, too.": 10
                * torch.log10(2 / error),
                "The logarithm has base 10; `torch.log` is the natural one.": (
                    10 * torch.log(4 / error)
                ),
                "Yours takes the squared error per image; take it per pixel.": (
                    10 * torch.log10(4 / (error * images[0].numel()))
                ),
                "Your ratio is upside down: a smaller error should make it larger.": -right,
                "A decibel is a tenth: 10 times the logarithm.": right / 10,
            },
        )


@exercise(
    hint="Scale the codes so that `low` becomes 0 and `high` becomes levels - 1. Then round, cut "
    "off what lies outside, and scale back.",
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
                    "Your highest level lies below `high`; it should be `high` itself.": (
                        levelled(levels, (0, levels - 1))
                    ),
                    "Take the nearest level, not the one below.": (
                        levelled(levels - 1, (0, levels - 1), keep=torch.floor)
                    ),
                    "Those are the numbers of the levels; return their values.": (
                        ((codes - low) / (high - low) * (levels - 1)).round().clamp(0, levels - 1)
                    ),
                    "Numbers below `low` must become `low`, and those above `high` `high`.": (
                        levelled(levels - 1, (-math.inf, math.inf))
                    ),
                }.items()
            },
            given=f"{levels} levels",
        )


def _row(errors):
    return ", ".join(f"{size}: {error:.1f}" for size, error in errors.items())


ON_YOUR_OWN = [
    Answer(
        "With a byte for each number the error hardly rises. With four bits it rises by more than "
        "a tenth. For the same 64 bytes an image, the longer code in four bits is by far the "
        "better one: many rough numbers beat few fine ones.",
        code="""
        def with_levels(model, levels):
            with torch.inference_mode():
                training_images = cifar10.train[:3000][0].split(500)
                codes = torch.cat([model.encode(batch) for batch in training_images])
                x, _ = cifar10.test[:1000]
                z = model.encode(x)
                if levels:
                    z = quantised(z, codes.amin(dim=0), codes.amax(dim=0), levels)
                return (model.decode(z) - x).square().flatten(1).sum(dim=1).mean()


        for length, bits in ((64, 32), (64, 8), (64, 4), (128, 32), (128, 4)):
            level_count = 0 if bits == 32 else 2**bits
            error = with_levels(weights.trained(f"cifar10-{length}"), level_count)
            print(f"code of {length:3} with {bits:2} bits a number: squared error {error:6.1f}")
        """,
    ),
    Answer(
        "None: $(n - 1) \\cdot 2 - 2 + 4 + o = 2n + o$, so it is 0. A kernel of 4 with stride 2 "
        "doubles the size by itself, and every pixel but those at the edges gets as many stamps as "
        "every other, which a kernel of 3 does not give.",
        code="""
        by_four = nn.ConvTranspose2d(1, 1, kernel_size=4, stride=2, padding=1)
        print(tuple(by_four(torch.zeros(1, 1, 16, 16)).shape))
        """,
    ),
    Answer(
        "With 64 numbers the residual is a drawing of the image in lines: edges, outlines and "
        "texture, so you recognise what it shows. With 384 fine texture is left, with traces of "
        "the strongest edges.",
        code="""
        eight, _ = cifar10.test[:8]
        residuals = []
        for length in (64, 384):
            with torch.inference_mode():
                residual = weights.trained(f"cifar10-{length}")(eight) - eight
            residuals.append(residual.clamp(-0.3, 0.3))
        plotting.images(torch.cat(residuals), value_range=(-0.3, 0.3))
        """,
    ),
    Answer(
        "No. Codes of 64 give soft patches of colour, codes of 384 patches with more structure in "
        "them, but no objects. The normal distribution knows only how the numbers of a code vary "
        "in pairs, and an object is more than that.",
        code="""
        drawn_rows = []
        for length in (64, 384):
            network = weights.trained(f"cifar10-{length}")
            with torch.inference_mode():
                real = torch.cat([network.encode(x) for x, _ in cifar10.val.batches(500)])
                drawn_rows.append(network.decode(latent.Gaussian.fit(real).sample(8)))
        plotting.reconstructions(*drawn_rows, labels=["code of 64", "code of 384"])
        """,
    ),
]
