"""Exercises of lesson 4: ranks, thresholds, and an image that fools the error; two guesses."""

from functools import cache

import torch

from aetutor import weights
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

LEAST = 1.91  # squared error of cifar10-384 that 1 in 100 test images stays below
# Root mean square beside the best ramp that no image of CIFAR-10 with so small an error reaches.
STRONGEST = 0.6

auroc_of_digits = Guess(
    "What is the AUROC of the squared error, with a code of 384, for digits against photographs?",
    "Most people guess 0.9 or more, since nothing could be less like a photograph of a frog than a "
    "digit. But the error does not compare an image with those of the training. It says how well "
    "the network can draw it, and strokes before a plain ground are easy to draw.",
    answer=0.42,
    low=0,
    high=1,
)

error_of_magenta = Guess(
    "With a code of 256, how many times the error of the median photograph does pure magenta have?",
    "Most people guess near 0, because plain colours came back so well. But no photograph is full "
    "of so strong a colour, and where a network has never been it may do anything. The other "
    "networks, trained in the same way, do better.",
    answer=30.2,
    unit="times",
    low=0,
    high=50,
)


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
            "Turn it round: count pairs in which the *stranger* has the larger error.": 4 / 12,
            "That is the number of pairs; the AUROC is their share.": 8.0,
        },
        tolerance=0.006,  # 0.67 is right, 0.66 is not
    )


@exercise(
    hint="Sort the familiar errors. `torch.searchsorted(ordered, strange)` tells you for each "
    "stranger how many of them are smaller; with `right=True`, how many are not larger.",
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
                "Turn it round: strangers should have the larger error.": (1 - share - tied / 2),
                "Equal errors count nothing in yours; they should count half.": share,
                "Equal errors count fully in yours; they should count half.": share + tied,
                "That is the number of pairs; divide by how many there are.": (
                    (share + tied / 2) * won.numel()
                ),
            },
            given="errors of which some are equal",
        )


@exercise(
    hint="Imagine the errors in order: 5 in 100 lie above the one you are looking for. `quantile` "
    "finds the value below which a given share lies.",
    code="""
    def threshold(familiar, rate):
        return familiar.quantile(1 - rate).item()
    """,
    reason="5 in 100 values lie above the 0.95 quantile, whatever their distribution is.",
)
def threshold(answer):
    """A threshold for a given rate of false alarms."""
    for rate, power in ((0.05, 1), (0.2, 3), (0.01, 0.5)):
        familiar = 50 * torch.rand(2000, generator=DICE) ** power
        chosen = number(call(answer, familiar, rate))
        normal = familiar.mean() + familiar.std() * torch.tensor([1.645, 1.96, 2.0, 3.0])
        if ((chosen - normal).abs() < 1e-3).any():
            raise WrongError("Errors need not follow a normal distribution. Sort them instead.")
        if abs(chosen - familiar.quantile((1 - rate) / 100)) < 1e-4:
            raise WrongError("That is a quantile below 1 %: np.percentile expects per cent.")
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
            "what share is strange?": 0.95,
            "That is the share of false alarms among familiar images, not among alarms.": 0.05,
            "That is the share of strangers among all images, not among alarms.": 0.001,
            "That is the share of false alarms among the alarms; the rest are true.": 4995 / 5095,
            "That is per cent; a share lies between 0 and 1.": 100 * 100 / 5095,
        },
        tolerance=0.02,
    )


@exercise(
    hint="What does the error measure? Think of something large, soft and grey, from black to "
    "white and back. Or start from that and let an optimiser lower the error of the image.",
    code="""
    wave = 0.9 * torch.cos(torch.pi * torch.linspace(-1, 1, 32))
    image = wave.expand(3, 32, 32)
    """,
    reason="One soft grey wave, dark, light and dark again: strong, but no edge, no fine detail, "
    "no colour. The error sees nothing strange in it, because it measures fine detail. A "
    "photograph as strong as that has edges, and with them an error.",
)
def fooling_image(answer):
    """An image that fools the error."""
    image = tensor(answer, (3, 32, 32), gradient=True)  # an optimiser may have made it
    if image.abs().max() > 1.001:
        raise WrongError(
            "The values must lie between -1 and 1, like those of all images here. (After an "
            "optimiser's step, `clamp` brings them back.)"
        )
    left = left_by_ramp(image)
    if left < STRONGEST:
        raise WrongError(
            "Its differences are too weak: without the best plain colour or ramp, a root mean "
            f"square of {left:.2f} is left; it should be {STRONGEST} at least. Some "
            "photographs are as smooth as yours."
        )
    with torch.inference_mode():
        error = (_network()(image[None]) - image).square().sum().item()
    if error > LEAST:
        raise WrongError(
            f"Its error is {error:.1f}; only 1 in 100 test images of CIFAR-10 has one below "
            f"{LEAST:.1f}."
        )


def left_by_ramp(image):
    """Root mean square of what no plane explains, per channel, in the range's units."""
    side = torch.linspace(-1, 1, 32)
    plane = torch.stack([torch.ones(32, 32), side.expand(32, 32), side[:, None].expand(32, 32)])
    axes, _ = torch.linalg.qr(plane.flatten(1).T)  # (1024, 3)
    pixels = image.flatten(1).T  # (1024, 3)
    return (pixels - axes @ (axes.T @ pixels)).square().mean().sqrt().item()


@cache
def _network():
    return weights.trained("cifar10-384")


ON_YOUR_OWN = [
    Answer(
        "No photograph has a smaller error than the light grey. Than magenta, most of them have, "
        "whatever the code length, and with a code of 256 all of them.",
        code="""
        def error_of(network, images):
            with torch.inference_mode():
                return (network(images) - images).square().flatten(1).sum(dim=1)


        thousand, _ = cifar10.test[:1000]
        for length in (64, 128, 256, 384):
            network = weights.trained(f"cifar10-{length}")
            by_photograph = error_of(network, thousand)
            print(f"code of {length:3}, smaller than that of", end=" ")
            for name, values in (("light grey", (0.9, 0.9, 0.9)), ("magenta", (0.9, -0.9, 0.9))):
                image = torch.tensor(values).view(1, 3, 1, 1).expand(1, 3, 32, 32).contiguous()
                easier = (by_photograph < error_of(network, image)).float().mean().item()
                print(f"{name}: {easier:.0%}", end="; ")
            print()
        """,
    ),
    Answer(
        "The larger the cells, the less surely it finds them, because there are fewer edges. Grey "
        "boards are easier throughout, but the finest are still found: they are beyond what the "
        "code can hold.",
        code="""
        longest = weights.trained("cifar10-384")
        by_test_image = error_of(longest, cifar10.test[:1000][0])


        def area_of(strange, familiar):
            truth = [1] * len(strange) + [0] * len(familiar)
            return roc_auc_score(truth, torch.cat([strange, familiar]))


        for cell in (1, 2, 4, 8, 16):
            boards = patterns.checkerboard(300, cell=cell)
            for name, some_boards in (
                ("colour", boards),
                ("grey", boards[:, :1].expand(-1, 3, -1, -1).contiguous()),
            ):
                found = area_of(error_of(longest, some_boards), by_test_image)
                print(f"cells of {cell:2}, {name}: AUROC {found:.2f}")
        """,
    ),
    Answer(
        "Far below 0.5: nearly every photograph is easier in grey than in colour. Without colour "
        "there is less to get wrong, though what is left, in grey, is most of the error.",
        code="""
        coloured, _ = cifar10.test[:1000]
        greyed = coloured.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1).contiguous()
        in_grey, in_colour = error_of(longest, greyed), error_of(longest, coloured)
        print(f"AUROC {area_of(in_grey, in_colour):.2f};", end=" ")
        print(f"easier in grey: {(in_grey < in_colour).float().mean():.0%}")
        """,
    ),
    Answer(
        "It finds digits and plain colours almost without a mistake: the network is "
        "far better at digits than PCA, and far worse at plain colours. But tiles look like any "
        "photograph to it, because they make both errors larger.",
        code="""
        linear = models.PCAAutoencoder.fit(cifar10.train.subset(0, 10_000), 384)


        def log_ratio(images):
            return (error_of(longest, images) / error_of(linear, images)).log()


        of_photographs = log_ratio(cifar10.test[:1000][0])
        center = log_ratio(cifar10.val[:1000][0]).median()
        digits = 2 * F.pad(mnist.test[:300][0], (2, 2, 2, 2)).expand(-1, 3, -1, -1) - 1
        for name, strange in (
            ("digits", digits),
            ("plain colour", patterns.constant(300)),
            ("tiles", patterns.scrambled(cifar10.test[:300][0], cell=8)),
        ):
            odd, usual = (log_ratio(strange) - center).abs(), (of_photographs - center).abs()
            print(f"{name}: AUROC {area_of(odd, usual):.2f}")
        """,
    ),
]
