"""Exercises of lesson 7: damage, the best linear denoiser, and what a denoiser knows."""

import torch

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

random_layer = Guess(
    "A linear probe of the raw pixels puts 83 of 100 test digits in their class, fitted to 1,000 "
    "labelled digits. How many of 100 does it get right from 800 random features: a layer with "
    "random weights that was never trained?",
    "Most people guess fewer than from the pixels, because the layer has learnt nothing. But a "
    "straight line between two classes is easier to draw among 800 bent copies of the pixels than "
    "among the pixels themselves. So a code has to beat this, not the pixels.",
    answer=89,
    unit="of 100",
    low=0,
    high=100,
)
best_share = Guess(
    "Which share of the pixels, masked in training, gives the code from which a probe with 100 "
    "labels tells the digits best?",
    "Most people guess about 30, as if damage were a nuisance that one should keep small. But as "
    "long as most pixels are there, a hidden one can be copied from its neighbours.",
    answer=90,
    unit="%",
    low=0,
    high=100,
)


@exercise(
    hint="What is the difference between what the network gives back and the clean image?",
    code="error = 0.3**2",
    reason="The difference is the noise itself, and the mean of its square is the variance, "
    "$\\sigma^2$.",
)
def copied_error(answer):
    """The error of a copy."""
    compare(
        number(answer),
        0.09,
        {
            "That is the standard deviation; the squared error has its square.": 0.3,
            "It copies the noise as well, and is compared with the clean image.": 0.0,
            "That is the error for noise of 0.5.": 0.25,
            "The two differ by the noise alone: there is no factor of two.": 0.18,
            "Square it, do not double it.": 0.6,
        },
    )


@exercise(
    hint="`drawn < share` is true with the probability `share`. Afterwards, by what factor is the "
    "sum of the pixels smaller on average?",
    code="""
    def masked_images(images, drawn, share):
        return images * (drawn >= share) / (1 - share)
    """,
    reason="A number from 0 to 1 is below the share with just that probability. What is left is "
    "divided by the share that is left, so that a unit sees the same sum on average.",
)
def masked_images(answer):
    """Masked, and the same on average."""
    for share, shape in ((0.75, (3, 1, 8, 8)), (0.2, (2, 3, 6, 6))):
        images = 0.1 + torch.rand(shape, generator=DICE)
        drawn = torch.rand(shape[0], 1, *shape[2:], generator=DICE)
        kept = images * (drawn >= share)
        result = tensor(call(answer, images, drawn, share), shape)
        compare(
            result,
            kept / (1 - share),
            {
                "The pixels that are left must be divided by the share that is left.": kept,
                "You multiply by the share that is left; divide by it.": kept * (1 - share),
                "You divide by the share that is masked; divide by the share that is left.": (
                    kept / share
                ),
                "You keep the pixels that should be masked.": (
                    images * (drawn < share) / (1 - share)
                ),
                "You keep the pixels that should be masked, and do not divide.": (
                    images * (drawn < share)
                ),
                "Each pixel is divided, but none is masked.": images / (1 - share),
            },
            given=f"a share of {share:g}",
        )


@exercise(
    hint="It must be 1 without noise, and nearly 0 where the noise is far stronger than the images "
    "vary. The lesson's `wiener` has it.",
    code="""
    def gains(variances, sigma):
        return variances / (variances + sigma**2)
    """,
    reason="Of what varies along the direction, $v + \\sigma^2$ in all, this share is the images' "
    "and not the noise's.",
)
def gains(answer):
    """The Wiener filter's gains."""
    for sigma, count in ((0.3, 5), (2.0, 3)):
        variances = 0.05 + torch.rand(count, generator=DICE)
        result = tensor(call(answer, variances, sigma), (count,))
        compare(
            result,
            variances / (variances + sigma**2),
            {
                "sigma is a standard deviation; its square is the noise's variance.": (
                    variances / (variances + sigma)
                ),
                "The variances are squares already; do not square them.": (
                    variances**2 / (variances**2 + sigma**2)
                ),
                "That is what is taken away; the gain is what stays.": (
                    sigma**2 / (variances + sigma**2)
                ),
                "That grows beyond 1 where there is little noise; divide by the sum of both.": (
                    variances / sigma**2
                ),
                "The gain is a ratio of variances, not of standard deviations.": (
                    variances.sqrt() / (variances.sqrt() + sigma)
                ),
                "That is the root of the gain.": (variances / (variances + sigma**2)).sqrt(),
            },
            given=f"noise of {sigma:g}",
        )


@exercise(
    hint="A tensor of booleans picks values: `images[hidden]` has the hidden pixels, in a row.",
    code="""
    def hidden_error(reconstructions, images, hidden):
        return (reconstructions - images)[hidden].square().mean()
    """,
    reason="The mean is over the hidden pixels, as many as there are, and not over all pixels.",
)
def hidden_error(answer):
    """The error of what was hidden."""
    for share, shape in ((0.6, (3, 1, 7, 7)), (0.2, (2, 1, 9, 9))):
        one, other = torch.rand(2, *shape, generator=DICE)
        hidden = torch.rand(shape, generator=DICE) < share
        hidden[0, 0, 0, :2] = torch.tensor([True, False])  # there are some of both
        squares = (one - other).square()
        result = call(answer, one, other, hidden)
        if isinstance(result, torch.Tensor) and result.ndim:
            raise WrongError("One number is asked for: the mean over all the hidden pixels.")
        compare(
            number(result),
            squares[hidden].mean().item(),
            {
                "That is the error of the pixels that were not hidden.": (
                    squares[~hidden].mean().item()
                ),
                "That is the error of all pixels.": squares.mean().item(),
                "You add up the hidden pixels only, but divide by the number of all.": (
                    (squares * hidden).mean().item()
                ),
                "That is the sum; the mean is asked for.": squares[hidden].sum().item(),
                "That is the root; the squared error is asked for.": (
                    squares[hidden].mean().sqrt().item()
                ),
                "That is the mean of the absolute differences.": (
                    (one - other)[hidden].abs().mean().item()
                ),
            },
            given=f"{hidden.double().mean():.0%} hidden",
        )


@exercise(
    hint="The denoiser's step is what it gives back minus what it was given. By what does the "
    "lesson divide it?",
    code="""
    def score_of(denoise, noisy, sigma):
        return (denoise(noisy) - noisy) / sigma**2
    """,
    reason="For the best denoiser $r$ this is the gradient of the logarithm of the density of "
    "noisy images: $(r(x) - x) / \\sigma^2$. It points from the noisy image to the clean ones.",
)
def score_of(answer):
    """The score, from a denoiser."""
    for sigma, shape in ((0.5, (4, 1, 5, 5)), (2.0, (3, 1, 4, 4))):
        noisy = 1 + torch.rand(shape, generator=DICE)
        factor = 0.2 + torch.rand(shape, generator=DICE)

        def denoise(images, factor=factor):
            return factor * images

        step = denoise(noisy) - noisy
        compare(
            tensor(call(answer, denoise, noisy, sigma), shape),
            step / sigma**2,
            {
                "The sign is wrong: the step goes from the noisy image to the clean one.": (
                    -step / sigma**2
                ),
                "Divide by the square of sigma.": step / sigma,
                "That is the step itself; divide it by the square of sigma.": step,
                "Multiply and divide are mixed up: the step is divided by the square of sigma.": (
                    step * sigma**2
                ),
                "That is what the denoiser gives back; the step is the difference to what it was "
                "given.": denoise(noisy) / sigma**2,
            },
            given=f"noise of {sigma:g}",
        )


ON_YOUR_OWN = [
    Answer(
        "The more random features, the better. Training buys that fewer numbers are enough: "
        "compare with the lesson's table, where the networks have 800.",
        code="""
        def right_of_random(width, count=1000):
            features = models.DenoisingAutoencoder(width).encoder
            images, labels = mnist.train[:count]
            held_out, right = mnist.test[:]
            with torch.inference_mode():
                known, asked = features(images), features(held_out)
            return probe.accuracy(known, labels, asked, right)


        for width in (200, 800, 1600):
            print(f"{width:>5} random features: {right_of_random(width):.1%}")
        """,
    ),
    Answer(
        "Too much is worse: told twice the truth, the filter errs more than told half of it. It "
        "then takes strokes for noise, and gives a blur on the way to the mean of all digits.",
        code="""
        known = mnist.train[:10_000][0].flatten(1)
        average = known.mean(dim=0)
        variances, directions = torch.linalg.eigh(torch.cov(known.T))
        clean = mnist.test[:2000][0].flatten(1)
        noisy = clean + 0.5 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
        for told in (0.1, 0.25, 0.5, 1.0, 2.0):
            codes = (noisy - average) @ directions * (variances / (variances + told**2))
            found = (codes @ directions.T + average).clamp(0, 1)
            print(f"told {told:g}: error {F.mse_loss(found, clean):.4f}")
        """,
    ),
    Answer(
        "It does not: the error rises with every turn. What the network gives back is no longer a "
        "noisy image, and its own errors add up.",
        code="""
        denoiser = weights.trained("mnist-noise-512")
        images = mnist.test[:2000][0]
        random = torch.Generator().manual_seed(0)
        found = images + 0.5 * torch.randn(images.shape, generator=random)
        with torch.inference_mode():
            for times in range(1, 5):
                found = denoiser.denoise(found)
                print(f"{times} times: error {F.mse_loss(found, images):.4f}")
        """,
    ),
]
