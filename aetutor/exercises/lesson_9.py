"""Exercises of lesson 9: bits, codebooks, levels, and draws from a prior."""

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

bits_a_number = Guess(
    "How many bits does a number of the code need on average, if the squared error may rise by a "
    "tenth and no more?",
    "Most people guess 8 or more, because a byte seems little for a number that had 32 bits. But "
    "the decoder hardly notices a small change of a number, and most numbers are near their mean.",
    answer=3.5,
    low=0,
    high=32,
    unit="bits",
)
different_digits = Guess(
    "Always take the most probable token in place of drawing one: how many different images come "
    "out of 1000 tries?",
    "Did you guess ten, one for each digit? But the first token is the same each time, so the "
    "second is, too, and so on: nothing is left to chance.",
    answer=1,
    low=1,
    high=1000,
)


@exercise(
    hint="512 is a power of two: which? A token has that many bits. There are 7 x 7 of them.",
    code="size_in_bytes = 7 * 7 * 9 / 8",
    reason="One of 512 entries takes $\\log_2 512 = 9$ bits, 49 of them 441 bits, and a byte has "
    "8.",
)
def bytes_of_a_grid(answer):
    """The bytes of a grid of tokens."""
    compare(
        number(answer),
        55.125,
        {
            "Those are bits; a byte has 8 of them.": 441.0,
            "A token that is one of 512 does not need 512 bits.": 49 * 512 / 8,
            "A token that is one of 512 needs more than one byte's 8 bits.": 49.0,
            "Use the logarithm to the base 2, not the natural one.": 49 * 6.2383 / 8,
            "That is for a row of 7 tokens; the grid has 7 rows.": 63 / 8,
            "55 bytes are 440 bits, one too few. Do not round.": 55.0,
            "A file would take 56. Give the exact number, with its fraction.": 56.0,
        },
        tolerance=1e-3,
    )


@exercise(
    hint="Count each value (torch.bincount or unique), divide by the number of all, and leave out "
    "what never comes up.",
    code="""
    def entropy_of(symbols):
        shares = symbols.unique(return_counts=True)[1] / len(symbols)
        return -(shares * shares.log2()).sum()
    """,
    reason="A symbol with the share $p$ has the ideal length $-\\log_2 p$, and it comes up in a "
    "share $p$ of all places: the mean length is $-\\sum_p p \\log_2 p$.",
)
def entropy_of(answer):
    """The entropy of symbols in bits."""
    for size in (3, 5, 40):
        chances = torch.rand(size, generator=DICE) ** 2 + 0.01
        symbols = torch.multinomial(chances, 300, replacement=True, generator=DICE)
        symbols = torch.where(symbols == 1, 0, symbols)  # one value never comes up
        counts = symbols.bincount()
        shares = counts[counts > 0] / len(symbols)
        right = -(shares * shares.log2()).sum()
        result = call(answer, symbols)
        if isinstance(result, torch.Tensor) and result.shape == () and result.isnan():
            raise WrongError(
                "That is NaN: 0 times the logarithm of 0. Leave out values that never come up."
            )
        compare(
            number(result),
            right.item(),
            {
                "That is in nats: take the logarithm to the base 2.": (
                    -(shares * shares.log()).sum().item()
                ),
                "The sign is wrong: an entropy is never negative.": -right.item(),
                "That is the length without any table; not all values come up equally often.": (
                    torch.tensor(float(symbols.max() + 1)).log2().item()
                ),
                "That is for values that all come up equally often; weigh each by its share.": (
                    torch.tensor(float(len(shares))).log2().item()
                ),
                "That is the sum over all symbols; give the mean for one.": (
                    right.item() * len(symbols)
                ),
                "Weigh each length by its share; the plain mean counts rare values like common "
                "ones.": -shares.log2().mean().item(),
            },
            given=f"{len(symbols)} symbols of {len(shares)} values",
        )


@exercise(
    hint="`torch.zeros_like(entries).index_add_(0, tokens, vectors)` adds up the vectors of each "
    "entry, `tokens.bincount(minlength=len(entries))` counts them. What must not be divided by 0?",
    code="""
    def moved(entries, vectors, tokens):
        counts = tokens.bincount(minlength=len(entries))[:, None]
        sums = torch.zeros_like(entries).index_add_(0, tokens, vectors)
        return torch.where(counts > 0, sums / counts.clamp(min=1), entries)
    """,
    reason="The mean is the place from which the sum of squared distances to these vectors is "
    "smallest. Finding the nearest entries and moving them to the means, by turns, is the method "
    "called k-means.",
)
def moved(answer):
    """A step of the codebook."""
    for size, width in ((6, 3), (9, 2)):
        entries = torch.randn(size, width, generator=DICE)
        vectors = torch.randn(40, width, generator=DICE)
        tokens = torch.randint(size - 2, (40,), generator=DICE)  # nobody chooses the last two
        tokens[: size - 2] = torch.arange(size - 2)
        sums = torch.zeros(size, width).index_add_(0, tokens, vectors)
        counts = tokens.bincount(minlength=size)[:, None]
        result = call(answer, entries, vectors, tokens)
        if isinstance(result, torch.Tensor) and result.isnan().any():
            raise WrongError(
                "There is NaN: an entry that no vector chose has no mean. Leave it where it is."
            )
        means = sums / counts.clamp(min=1)
        compare(
            tensor(result, (size, width)),
            torch.where(counts > 0, means, entries),
            {
                "An entry that no vector chose must stay where it is; yours goes to 0.": means,
                "Those are the sums; divide each by how many vectors chose the entry.": (
                    torch.where(counts > 0, sums, entries)
                ),
                "Divide by how many vectors chose the entry, not by how many there are.": (
                    torch.where(counts > 0, sums / len(vectors), entries)
                ),
                "Nothing has moved.": entries,
                "That is half of the way; move each entry to the mean itself.": (
                    torch.where(counts > 0, (means + entries) / 2, entries)
                ),
            },
        )


@exercise(
    hint="torch.tanh gives -1 to 1. Move and stretch that to 0 to levels - 1, then round.",
    code="""
    def level_of(numbers, levels):
        return ((torch.tanh(numbers) + 1) / 2 * (levels - 1)).round().long()
    """,
    reason="$\\tanh$ gives $-1$ to $1$, so $(\\tanh z + 1) / 2 \\cdot (L - 1)$ lies from 0 to "
    "$L - 1$, and rounding leaves $L$ whole numbers.",
)
def level_of(answer):
    """The levels of finite scalar quantisation."""
    for levels in (8, 5, 2):
        numbers = 2 * torch.randn(60, generator=DICE)
        shares = (numbers.tanh() + 1) / 2
        result = tensor(call(answer, numbers, levels), (60,), dtype=torch.float64)
        if result.max() > levels - 1:
            raise WrongError(
                f"There is a level {result.max():g}; {levels} levels go from 0 to {levels - 1}."
            )
        if result.min() < 0:
            raise WrongError(f"There is a level {result.min():g}; the lowest is 0.")
        compare(
            result,
            (shares * (levels - 1)).round().double(),
            {
                "Round, do not cut off: floor and long() take all numbers down.": (
                    (shares * (levels - 1)).floor().double()
                ),
                "Nothing is rounded.": (shares * (levels - 1)).double(),
                "That is the share times the levels, cut off; the outermost levels should be half "
                "as wide.": (shares * levels).floor().clamp(max=levels - 1).double(),
                "The lesson takes tanh, not the sigmoid, which is half as steep.": (
                    (numbers.sigmoid() * (levels - 1)).round().double()
                ),
            },
            given=f"{levels} levels",
            tolerance=1e-6,
        )


@exercise(
    hint="Divide the logits by the temperature, take the softmax, and draw with torch.multinomial.",
    code="""
    def drawn_tokens(logits, temperature):
        chances = torch.softmax(logits / temperature, dim=1)
        return torch.multinomial(chances, 1)[:, 0]
    """,
    reason="A temperature below 1 makes large logits larger against the small ones, so the "
    "probable becomes more probable; near 0 only the most probable is left, and above 1 all come "
    "closer together.",
)
def drawn_tokens(answer):
    """Draws at a temperature."""
    count = 20_000
    for temperature in (0.5, 2.0):
        logits = 1.5 * torch.randn(5, generator=DICE)
        rows = logits.expand(count, 5)
        draws = tensor(call(answer, rows, temperature), (count,), dtype=torch.int64)
        if draws.min() < 0 or draws.max() > 4:
            raise WrongError("Give the number of an entry for each row, from 0 to 4 here.")
        if (draws == draws[0]).all():
            raise WrongError(
                "All draws are the same: draw (torch.multinomial), do not take the largest."
            )

        def shares(values):
            return torch.softmax(values, dim=0)

        compare(
            draws.bincount(minlength=5) / count,
            shares(logits / temperature),
            {
                "You multiply by the temperature; divide by it.": shares(logits * temperature),
                "The temperature is not used.": shares(logits),
                "You draw all entries alike; the logits are not used.": torch.full((5,), 0.2),
                "Divide the logits by the temperature, not the probabilities.": (
                    shares(shares(logits) / temperature)
                ),
            },
            given=f"20,000 draws at temperature {temperature}",
            tolerance=0.05,
        )
    if torch.equal(draws, call(answer, rows, temperature)):
        raise WrongError("These are the same draws every time: do not set a seed.")


ON_YOUR_OWN = [
    Answer(
        "Some six bytes of 45, at the same error: after the turn each table has to describe what "
        "its number has of its own, and the common part is written once. JPEG's waves do the same "
        "for neighbouring pixels.",
        code="""
        model = weights.trained("cifar10-128")
        known = search.embed(model, cifar10.train.subset(0, 5000))
        photos, _ = cifar10.test[:250]
        codes, fitted = search.embed(model, photos), latent.Gaussian.fit(known)
        for name, axes in {"as they are": torch.eye(128), "turned": fitted.axes}.items():
            rounding = coding.Rounding((known - fitted.mean) @ axes, 0.5 * known.std().item())
            symbols = rounding.symbols((codes - fitted.mean) @ axes)
            with torch.inference_mode():
                decoded = model.decode(rounding.latents(symbols) @ axes.T + fitted.mean)
            error = (decoded - photos).square().sum(dim=(1, 2, 3)).mean()
            print(f"{name}: {rounding.bits(symbols).mean() / 8:.1f} bytes, error {error:.1f}")
        """,
    ),
    Answer(
        "Six places need more than seven bits each: the four in the middle, where the strokes are, "
        "and two beside them. The upper left corner needs little more than one: it is black in "
        "nearly every digit.",
        code="""
        vq = weights.trained("mnist-vq-64")
        with torch.inference_mode():
            tokens = vq.tokens(mnist.train[:5000][0])
        tables = coding.Rounding(tokens.float(), 1.0)
        lengths = tables.lengths.gather(1, tables.symbols(tokens.float()).T).mean(dim=1)
        print(lengths.reshape(4, 4))
        """,
    ),
    Answer(
        "They take more bits: the tables expect tokens where digits have them. But it is no safe "
        "test for strangers. A blank image, of which there is none in MNIST, takes fewer than the "
        "average digit, as in lesson 4 a plain colour has a small error.",
        code="""
        digits, _ = mnist.test[:2000]
        kinds = {"digits": digits, "upside down": digits.flip(2, 3), "blank": 0 * digits}
        for name, images in kinds.items():
            with torch.inference_mode():
                found = vq.tokens(images)
            print(f"{name}: {tables.bits(tables.symbols(found.float())).mean():.0f} bits")
        """,
    ),
]
