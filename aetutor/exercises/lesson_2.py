"""Guesses and exercises of lesson 2: paths between codes."""

import torch

from aetutor import latent
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

least_often = Guess(
    "Half-way between two digits, on which path is the most similar real image least often a "
    "third digit?",
    "Most people trust the straight path or the arc, because the fade looks worst. But a fade "
    "contains both digits, so what it resembles most is usually one of the two.",
    answer="fade",
    choices=("straight", "arc", "fade"),
)
pca_gain = Guess(
    "By how many per cent is the straight path of PCA, with 10 numbers, nearer to real digits "
    "than a fade of its reconstructions?",
    "Most people expect a few per cent, since a code is a code. But PCA's decoder is linear, so "
    "its straight path and its fade are the same pictures.",
    answer=0,
    unit="%",
    low=0,
    high=50,
)


@exercise(
    hint="Draw it: the two codes are two sides of a square with a corner at 0. Where in the square "
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
            "That would be right on the arc; the straight path takes a short cut.": 6.0,
            "That is the norm of their sum; half-way is half of it.": 6 * 2**0.5,
            "That would be right if one of the two codes were 0.": 3.0,
            "That would be right if they pointed in opposite directions.": 0.0,
        },
        tolerance=0.0013,  # rounded to two decimals
    )


@exercise(
    hint="First the norms of the two codes, then their directions u = code / norm. The cosine of "
    "the angle is u_0 . u_1. At the end multiply the directions on the way by the norms there.",
    code="""
    def spherical(start, end, steps):
        t = torch.linspace(0, 1, steps)[:, None]
        u_0, u_1 = start / start.norm(), end / end.norm()
        omega = torch.arccos((u_0 * u_1).sum())
        turned = torch.sin((1 - t) * omega) * u_0 + torch.sin(t * omega) * u_1
        return turned / torch.sin(omega) * ((1 - t) * start.norm() + t * end.norm())
    """,
    reason="The formula turns directions, so the codes are divided by their norms first; and the "
    "directions on the way, all of norm 1, are then given norms that change evenly.",
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
                "The norm stays what it was at the start; let it change evenly.": (
                    right / norms * start.norm()
                ),
                "The formula is for directions: first divide both codes by their norms, and "
                "afterwards multiply by norms that change evenly.": unscaled / torch.sin(angle),
            },
            given=f"codes of {size} numbers with different norms",
        )


@exercise(
    hint="`latent.interpolate` makes each piece. Where two pieces meet, one code appears twice; "
    "drop it from one of the two.",
    code="""
    def through(stops, steps):
        pieces = [latent.interpolate(a, b, steps)[:-1] for a, b in zip(stops, stops[1:])]
        return torch.cat([*pieces, stops[-1:]])
    """,
    reason="Every piece leaves its end to the piece that follows, and the last stop is added at "
    "the end, so each stop appears once: $(n - 1)(s - 1) + 1$ codes for $n$ stops and $s$ steps.",
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
            raise WrongError(
                "Where two pieces meet, the stop appears twice: the path would halt there."
            )
        if count > 2 and shape == (steps, 4):
            raise WrongError(
                "Those are the steps of one piece; there is a piece between any two stops."
            )
        if shape == ((count - 1) * (steps - 1), 4):
            raise WrongError("The last stop is missing, or the first.")
        right = torch.cat([*(piece[:-1] for piece in pieces), stops[-1:]])
        straight = latent.interpolate(stops[0], stops[-1], len(right))
        compare(
            tensor(result, right.shape),
            right,
            {"That goes straight from the first stop to the last.": straight},
            given=given,
        )


@exercise(
    hint="`codes[labels == 3]` are the codes of all 3s. Take their mean, digit by digit, and "
    "`torch.stack` the ten.",
    code="""
    def mean_codes(codes, labels):
        return torch.stack([codes[labels == digit].mean(dim=0) for digit in range(10)])
    """,
    reason="The comparison with the labels picks the rows of one digit, however many there are; "
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
                "You divide by the number of all images, not by the number of this digit.": (
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


ON_YOUR_OWN = (
    Answer(
        "Before the 3 and beyond the 8 the change simply goes on: the strokes get bolder, what "
        "closed the loops of the 8 now bends them out of shape, and you may end at another digit. "
        "No image was ever encoded there, so the decoder was never taught what to draw.",
        code="""
        model = weights.trained("mnist-conv-10")
        images, labels = mnist.test[:500]
        pair = torch.stack([images[labels == 3][0], images[labels == 8][0]])
        share = torch.linspace(-0.5, 1.5, 20)[:, None]
        with torch.inference_mode():
            z_3, z_8 = model.encode(pair)
            beyond = model.decode((1 - share) * z_3 + share * z_8)
        plotting.images(beyond, [f"t = {t:.2f}" for t in share[:, 0].tolist()], columns=10)
        """,
    ),
    Answer(
        "The path goes by way of a typical 4 and a typical 9. The decoded mean code of all 4s is "
        "one digit with sharp strokes; their mean image is a grey blur, because every 4 is "
        "somewhere else.",
        code="""
        model = weights.trained("mnist-conv-10")
        images, labels = mnist.test[:]
        fours, nines = images[labels == 4], images[labels == 9]
        with torch.inference_mode():
            z_4, z_9 = model.encode(fours), model.encode(nines)
            stops = torch.stack([z_4[0], z_4.mean(dim=0), z_9.mean(dim=0), z_9[0]])
            pieces = [latent.interpolate(a, b, 4)[:-1] for a, b in zip(stops, stops[1:])]
            display(plotting.images(model.decode(torch.cat([*pieces, stops[-1:]])), columns=10))
            of_mean_code = model.decode(z_4.mean(dim=0)[None])
        both = torch.cat([of_mean_code, fours.mean(dim=0)[None]])
        grey = ((both > 0.25) & (both < 0.75)).float().flatten(1).mean(dim=1).tolist()
        titles = [f"mean code\\n{grey[0]:.0%} grey", f"mean image\\n{grey[1]:.0%} grey"]
        plotting.images(both, titles)
        """,
    ),
    Answer(
        "The 7 leans over as well, although the direction was found with 1s only: slant is to "
        "some extent a direction of its own in this space. Go too far, and other things change "
        "with it.",
        code="""
        model = weights.trained("mnist-conv-10")
        images, labels = mnist.test[:]
        rows = torch.arange(28.0)[:, None].expand(28, 28)
        columns = rows.T


        def slant(pictures):
            ink = pictures[:, 0] / pictures[:, 0].sum(dim=(1, 2), keepdim=True)
            y = rows - (ink * rows).sum(dim=(1, 2), keepdim=True)
            x = columns - (ink * columns).sum(dim=(1, 2), keepdim=True)
            return -(ink * x * y).sum(dim=(1, 2)) / (ink * y * y).sum(dim=(1, 2))


        ones = images[labels == 1]
        upright, slanted = slant(ones).abs().argsort()[:50], slant(ones).argsort()[-50:]
        with torch.inference_mode():
            direction = (model.encode(ones[slanted]) - model.encode(ones[upright])).mean(dim=0)
            seven = model.encode(images[labels == 7][:1])
            leaning = model.decode(seven + torch.linspace(0, 1.5, 8)[:, None] * direction)
        plotting.images(leaning, [f"slant {value:.2f}" for value in slant(leaning).tolist()])
        """,
    ),
    Answer(
        "Yes. Between two images of the same digit the pictures half-way are about as near to "
        "real digits as the ends, or nearer: an average 3 is still a 3, and a smooth one. Between "
        "different digits the distance rises.",
        code="""
        model = weights.trained("mnist-conv-10")
        images, labels = mnist.test[:3000]
        index = search.ImageIndex(mnist.train[:20_000][0].flatten(1))
        firsts = torch.arange(300)
        for same in (True, False):
            is_same = labels[firsts][:, None] == labels[1000:]
            lasts = 1000 + (is_same == same).float().argmax(dim=1)  # the first that fits
            with torch.inference_mode():
                z_firsts, z_lasts = model.encode(images[firsts]), model.encode(images[lasts])
                ends, middles = model.decode(z_firsts), model.decode((z_firsts + z_lasts) / 2)
            at_ends = index.nearest(ends.flatten(1), k=1)[0].mean()
            half_way = index.nearest(middles.flatten(1), k=1)[0].mean()
            print(f"same digit: {same}; at the ends {at_ends:.2f}, half-way {half_way:.2f}")
        """,
    ),
)
