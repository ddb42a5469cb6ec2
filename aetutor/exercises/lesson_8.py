"""Exercises of lesson 8: sparse codes, and how to look into a dictionary."""

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

share_unused = Guess(
    "The network has 1,024 units and uses 25 of them for each image. Of all its units, which share "
    "does no training image use at all after training, in per cent?",
    "Most people guess a few, because a unit that is used by nobody seems a waste. But a unit that "
    "is never among the strongest gets no gradient, so it stays as it is.",
    answer=58,
    unit="%",
    low=0,
    high=100,
)
random_purity = Guess(
    "Of all test images that use a unit, take the share of the most frequent class. What is the "
    "mean over the units of a random dictionary, with 25 of 1,024 in use, in per cent?",
    "Most people guess little more than 10, because nothing has been learnt. But digits of one "
    "class look alike, so they light the same units, whatever these are.",
    answer=39,
    unit="%",
    low=0,
    high=100,
)


@exercise(
    hint="`answers.topk(k, dim=1)` gives the k largest values of each row and their places. Then "
    "`torch.zeros_like(answers).scatter(1, places, values)` puts them back.",
    code="""
    def sparse(answers, k):
        values, places = answers.topk(k, dim=1)
        return torch.zeros_like(answers).scatter(1, places, values.clamp(min=0))
    """,
    reason="Each image keeps its own k strongest answers. A negative answer is never used: a unit "
    "adds its picture or leaves it out.",
)
def sparse(answer):
    """The k strongest answers of each image."""
    for shape, k in (((5, 12), 3), ((7, 20), 6)):
        answers = torch.randn(shape, generator=DICE)
        answers[0] -= 3  # hardly any above 0
        kept = answers.topk(k, dim=1)
        zeros = torch.zeros_like(answers)
        right = zeros.scatter(1, kept.indices, kept.values.clamp(min=0))
        small = answers.topk(k, dim=1, largest=False)
        result = call(answer, answers, k)
        if getattr(result, "shape", None) == (shape[0], k):
            raise WrongError(
                "Those are the k largest values themselves; put them back in their places, with 0 "
                "everywhere else."
            )
        compare(
            tensor(result, shape),
            right,
            {
                "Negative answers must become 0.": zeros.scatter(1, kept.indices, kept.values),
                "You keep everything above 0; only the k largest are kept.": answers.clamp(min=0),
                "You keep the k smallest; the k largest are wanted.": (
                    zeros.scatter(1, small.indices, small.values.clamp(min=0))
                ),
                "The k units must be chosen for each image (row), not once for all images.": (
                    answers.clamp(min=0) * (answers >= answers.flatten().topk(k).values[-1])
                ),
                "Keep the answers themselves, not 1 for each that is kept.": (right > 0).float(),
            },
            given=f"{shape[0]} images, {shape[1]} units and k = {k}",
        )


@exercise(
    hint="A unit is used if its number is above 0 for at least one image: look down the columns "
    "with `.any(dim=0)`.",
    code="""
    def unused(codes):
        return 1 - (codes > 0).any(dim=0).float().mean().item()
    """,
    reason="A column of zeros is a unit that no image has used.",
)
def unused(answer):
    """The share of units that no image uses."""
    for count, width in ((9, 40), (30, 50)):
        codes = torch.rand(count, width, generator=DICE)
        codes *= torch.rand(count, width, generator=DICE) < 3 / count
        codes[:, :5], codes[:, 5:15] = 1.0, 0.0  # used by all, and by none
        lit = codes > 0
        dead = (~lit.any(dim=0)).float().mean().item()
        result = number(call(answer, codes))
        compare(
            result,
            dead,
            {
                "That is the share of the units that are used.": 1 - dead,
                "That is their number; a share is asked for.": dead * width,
                "That is the share of zeros in the codes. A unit is unused only if it is 0 for "
                "every image.": (~lit).float().mean().item(),
                "That is the share of images that use no unit: look down the columns, not along "
                "the rows.": (~lit.any(dim=1)).float().mean().item(),
                "That is the share of units that some image does not use; none may use it.": (
                    (~lit).any(dim=0).float().mean().item()
                ),
                "That is a percentage; a share, from 0 to 1, is asked for.": 100 * dead,
            },
            given=f"{count} images and {width} units",
        )


@exercise(
    hint="`F.one_hot(labels, 10).float()` has a row for each image. Its product with "
    "`(codes > 0).float()` counts the images of each class that use each unit.",
    code="""
    def purity(codes, labels):
        counts = F.one_hot(labels, 10).float().T @ (codes > 0).float()
        return counts.max(dim=0).values / counts.sum(dim=0)
    """,
    reason="The product has the shape (10, units). Each column, divided by its sum, is how the "
    "images that use the unit are divided among the classes.",
)
def purity(answer):
    """The share of each unit's best class."""
    for count, width in ((60, 5), (90, 8)):
        labels = torch.randint(10, (count,), generator=DICE)
        labels[10:20] = torch.arange(10)  # every class has an image
        codes = torch.rand(count, width, generator=DICE)
        codes *= torch.rand(count, width, generator=DICE) < 0.3
        codes[labels == 3, 0] = 1.0
        codes[0] = 2.0  # no unit is unused
        classes = F.one_hot(labels, 10).float()
        counts = classes.T @ (codes > 0).float()
        best = counts.max(dim=0).values
        result = call(answer, codes, labels)
        if isinstance(result, torch.Tensor) and result.shape == (10, width):
            raise WrongError("That is a value for each class; take the largest for each unit.")
        if getattr(result, "shape", None) == ():
            raise WrongError("That is one number; give one for each unit.")
        weighted = classes.T @ codes
        compare(
            tensor(result, (width,)),
            best / counts.sum(dim=0),
            {
                "Those are counts; divide by the number of images that use the unit.": best,
                "Divide by the number of images that use the unit, not by that of all images.": (
                    best / count
                ),
                "That is the class, not its share.": counts.argmax(dim=0).float(),
                "You divide by the size of the class. Ask which share of the images that use the "
                "unit belongs to it.": (counts / classes.sum(dim=0)[:, None].clamp(min=1))
                .max(dim=0)
                .values,
                "You add up strengths; here every image that uses the unit counts as one.": (
                    weighted.max(dim=0).values / weighted.sum(dim=0)
                ),
            },
            given=f"{count} images and {width} units",
        )


@exercise(
    hint="Write the error as a function of s, |t - s r|², and set its derivative to 0.",
    code="""
    def best_factor(targets, sums):
        return ((targets * sums).sum() / sums.square().sum()).item()
    """,
    reason="The derivative of $|t - s r|^2$ is $-2\\,t \\cdot r + 2 s\\,r \\cdot r$, and it is 0 "
    "for $s = t \\cdot r / r \\cdot r$.",
)
def best_factor(answer):
    """The factor by which all strengths together are too small."""
    for factor in (1.6, 0.7):
        sums = torch.rand(20, 6, generator=DICE) + 0.2
        targets = factor * sums + 0.3 * torch.randn(20, 6, generator=DICE)
        products = (targets * sums).sum()
        compare(
            number(call(answer, targets, sums)),
            (products / sums.square().sum()).item(),
            {
                "Divide by the squares of the sums, not of the targets.": (
                    products / targets.square().sum()
                ).item(),
                "That is 1 over the factor: by it the targets would be multiplied.": (
                    sums.square().sum() / products
                ).item(),
                "That makes both equally long, which is not where the error is least.": (
                    targets.norm() / sums.norm()
                ).item(),
                "That is the mean of the quotients, in which small numbers count as much as large "
                "ones.": (targets / sums).mean().item(),
                "That is the quotient of the means; the squared error asks for squares.": (
                    targets.mean() / sums.mean()
                ).item(),
                "Divide by the sum of the squares.": products.item(),
            },
            given="20 images of 6 pixels",
            tolerance=1e-4,
        )


@exercise(
    hint="`F.normalize` makes the rows of norm 1; then one matrix product has the cosines of all "
    "pairs. For each true one take the best of the learnt.",
    code="""
    def recovered(true, learnt, limit):
        cosines = F.normalize(true) @ F.normalize(learnt).T
        return (cosines.max(dim=1).values > limit).float().mean().item()
    """,
    reason="A true vector is found if some learnt one points nearly the same way, however long "
    "it is. How many learnt ones are superfluous is another question.",
)
def recovered(answer):
    """The share of true vectors that some learnt one points along."""
    for count, width, limit in ((30, 50, 0.9), (40, 25, 0.7)):
        true = torch.randn(count, 12, generator=DICE)
        learnt = true[torch.arange(width) % (count // 2)]
        noise, lengths = torch.rand(2, width, 1, generator=DICE)
        noise[1:8:2] = 0  # four are found for certain, so that a number cannot pass for a share
        learnt = learnt + 2 * noise * torch.randn(width, 12, generator=DICE)
        learnt *= 0.3 + 3 * lengths
        learnt[::2] *= -1
        cosines = F.normalize(true) @ F.normalize(learnt).T
        products = true @ learnt.T
        right = (cosines.max(dim=1).values > limit).float().mean().item()
        compare(
            number(call(answer, true, learnt, limit)),
            right,
            {
                "That is the share of learnt vectors that are true; the share of true ones that "
                "are found is asked for.": (
                    (cosines.max(dim=0).values > limit).float().mean().item()
                ),
                "The vectors have other norms than 1: divide by them.": (
                    (products.max(dim=1).values > limit).float().mean().item()
                ),
                "A vector that points the opposite way does not count: no absolute values.": (
                    (cosines.abs().max(dim=1).values > limit).float().mean().item()
                ),
                "That is the mean of the best cosines; count those above the limit.": (
                    cosines.max(dim=1).values.mean().item()
                ),
                "That is a number of vectors; a share is asked for.": right * count,
                "That is the share of all pairs.": (cosines > limit).float().mean().item(),
            },
            given=f"{count} true and {width} learnt vectors",
        )


ON_YOUR_OWN = [
    Answer(
        "166 bits, where 25 numbers of 8 bits take 200. So nearly half of such a code would be the "
        "list of the units in use. PCA's 25 numbers need no such list.",
        code="""
        whole, used, rest = torch.lgamma(torch.tensor([1024.0, 25.0, 999.0]).double() + 1)
        print(f"{(whole - used - rest) / torch.log(torch.tensor(2.0)):.0f} bits")
        """,
    ),
    Answer(
        "Hardly. Each time that it is four times as large the error falls by a twentieth. The "
        "mean image alone is not much worse. Random pictures are nearly orthogonal to any digit, "
        "and there are far too many ways to be random.",
        code="""
        some, mean = mnist.test[::20][0], mnist.train[:5000][0].mean(dim=0).flatten()
        print(f"    the mean image: error {(some.flatten(1) - mean).square().mean():.4f}")
        with torch.no_grad():
            for units in (256, 1024, 4096):
                network = models.SparseAutoencoder(units, k=25)
                network.bias.copy_(mean)
                print(f"{units:5} random units: error {F.mse_loss(network(some), some):.4f}")
        """,
    ),
]
