"""Exercises of lesson 1: shapes, weights, errors, and a step of training."""

import copy
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

from aetutor.exercises._exercise import DICE, WrongError, call, compare, exercise, number, tensor


@exercise(
    hint="Each pixel stamps its kernel 3 pixels further. Where does the last stamp begin, where "
    "does it end? Then the padding cuts something off, on both sides.",
    code="pixels = (10 - 1) * 3 - 2 * 2 + 5",
    reason="$(n - 1)\\,s - 2p + k + o$ with $n = 10$, $s = 3$, $p = 2$, $k = 5$ and no output "
    "padding: the last of 10 stamps begins 27 pixels after the first and is 5 wide, which makes "
    "32; the padding cuts 2 off each side. That is 28, not 29: both shrink to 10, and only an "
    "output padding of 1 brings the 29 back.",
)
def transposed_size(answer):
    """The size that a transposed convolution makes."""
    compare(
        number(answer),
        28.0,
        {
            "The padding is forgotten: it cuts pixels off.": 32.0,
            "Two too many. If you took 10 x 3: the last stamp needs no step after it. If you took "
            "the formula: the padding cuts 2 pixels off each of the two sides.": 30.0,
            "Not every size comes back: 28 and 29 pixels both shrink to 10.": 29.0,
            "Off by one stride: 10 stamps have 9 steps between them.": 31.0,
            "That is what the convolution makes of 10 pixels; the transposed one grows.": 4.0,
            "The kernel is forgotten: the last stamp is 5 pixels wide.": 23.0,
        },
    )


@exercise(
    hint="A layer from a to b numbers has a x b weights, and one bias for each of the b. The "
    "decoder has the same layers the other way round.",
    code="""
    def count_weights(sizes):
        total = 0
        for a, b in zip(sizes, sizes[1:]):
            total += a * b + b  # encoder
            total += b * a + a  # decoder
        return total
    """,
    reason="The decoder's matrices are as large as the encoder's, but its biases are not: a layer "
    "has one bias for each number that comes *out*.",
)
def count_weights(answer):
    """The number of weights of a fully connected autoencoder."""
    for _ in range(4):
        sizes = torch.randint(
            2, 99, (int(torch.randint(2, 6, (), generator=DICE)),), generator=DICE
        )
        sizes = tuple(sizes.tolist())
        pairs = list(pairwise(sizes))
        matrices = sum(a * b for a, b in pairs)
        outputs, inputs = sum(sizes[1:]), sum(sizes[:-1])
        compare(
            number(call(answer, sizes)),
            float(2 * matrices + outputs + inputs),
            {
                "The biases are forgotten: one for each number that a layer puts out.": (
                    2.0 * matrices
                ),
                "That is the encoder alone; the decoder has weights, too.": (
                    float(matrices + outputs)
                ),
                "The decoder's biases are not as many as the encoder's: count the numbers that "
                "come out of each of its layers.": 2.0 * (matrices + outputs),
            },
            given=f"sizes = {sizes}",
            tolerance=1e-9,
        )


@exercise(
    hint="`flatten(1)` makes one row of each image. Over which dimension do you take the mean?",
    code="""
    def error_of_each(reconstructions, images):
        return (reconstructions - images).square().flatten(1).mean(dim=1)
    """,
    reason="`flatten(1)` keeps the first dimension, the images, and makes one of all others. Over "
    "that the mean is taken, so that one number per image is left.",
)
def error_of_each(answer):
    """The error of each image by itself."""
    for count, channels in ((5, 1), (3, 2), (1, 3)):
        images, drawn = torch.rand(2, count, channels, 6, 4, generator=DICE)
        result = call(answer, drawn, images)
        if getattr(result, "shape", None) == () and count > 1:
            raise WrongError("That is one number for all images: leave the first dimension alone.")
        squares = (drawn - images).square().flatten(1)
        compare(
            tensor(result, (count,)),
            squares.mean(dim=1),
            {
                "That is the error per image: over the pixels take the mean, not the sum.": (
                    squares.sum(dim=1)
                ),
                "Divide by as many pixels as there are: not all images have 784.": (
                    squares.sum(dim=1) / 784
                ),
                "The difference is not squared.": (drawn - images).flatten(1).mean(dim=1),
                "That is the absolute difference; the error is the squared one.": (
                    (drawn - images).abs().flatten(1).mean(dim=1)
                ),
                "That is the root of the error.": squares.mean(dim=1).sqrt(),
            },
            given=f"images of the shape {tuple(images.shape)}",
        )


@exercise(
    hint="Write down what the convolution (kernel 3, stride 2, padding 1) makes of 5, 6, 7 and 8 "
    "pixels, and what the transposed one makes of that with o = 0.",
    code="""
    def output_padding(n):
        return 1 - n % 2
    """,
    reason="The convolution makes $m = \\lfloor (n - 1) / 2 \\rfloor + 1$ pixels, the transposed "
    "one $2m - 1 + o$. For an odd $n$ that is $n + o$, for an even one $n - 1 + o$.",
)
def output_padding(answer):
    """The output padding that brings a size back."""
    found = {}
    for n in range(5, 40):
        result = call(answer, n)
        found[n] = number(int(result) if isinstance(result, bool) else result)
    wrong = [n for n in found if found[n] != 1 - n % 2]
    if all(found[n] == n % 2 for n in found):
        raise WrongError("It is the other way round: 7 pixels come back with o = 0.")
    if wrong:
        raise WrongError(
            f"For n = {wrong[0]} the output padding {found[wrong[0]]:g} does not bring {wrong[0]} "
            "pixels back."
        )


@exercise(
    hint="The five points of *One step of training, by hand*, in their order. `.item()` makes a "
    "plain number of a tensor.",
    code="""
    def train_step(model, optimizer, images):
        loss = F.mse_loss(model(images), images)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()
    """,
    reason="`backward` adds to the gradients that are there, so they must be forgotten before the "
    "next one. `.item()` gives the number without the graph of operations behind it, which would "
    "keep the whole batch in memory.",
)
def train_step(answer):
    """A step of training."""
    images = torch.rand(8, 1, 3, 3, generator=DICE)
    theirs = nn.Sequential(nn.Flatten(), nn.Linear(9, 9), nn.Unflatten(1, (1, 3, 3)))
    with torch.no_grad():
        for weight in theirs.parameters():
            weight.copy_(torch.rand(weight.shape, generator=DICE) - 0.5)
    ours, hoarding = copy.deepcopy(theirs), copy.deepcopy(theirs)
    start = theirs[1].weight.detach().clone()
    optimizers = [torch.optim.SGD(model.parameters(), lr=0.5) for model in (theirs, ours, hoarding)]
    for number_of_step in (1, 2, 3):
        with torch.enable_grad():
            result = call(answer, theirs, optimizers[0], images)
        for model, optimizer in zip((ours, hoarding), optimizers[1:], strict=True):
            loss = F.mse_loss(model(images), images)
            loss.backward()
            optimizer.step()
            if model is ours:
                error, after = loss.item(), F.mse_loss(model(images), images).item()
                optimizer.zero_grad()
        now, right, hoarded = (m[1].weight.detach().clone() for m in (theirs, ours, hoarding))
        if torch.equal(now, start):
            raise WrongError(
                "The weights have not moved: `backward` computes the gradients, `step` moves the "
                "weights by them, and only then `zero_grad` forgets them."
            )
        if number_of_step > 1 and torch.allclose(now, hoarded) and not torch.allclose(now, right):
            raise WrongError(
                "The first step is right, the second is not: the old gradient is not forgotten, "
                "and the new one is added to it."
            )
        if not torch.allclose(now, right, atol=1e-6):
            raise WrongError(
                f"The weights move, but after step {number_of_step} they are not where one step "
                "by the mean squared error puts them."
            )
        if isinstance(result, torch.Tensor) and result.requires_grad:
            raise WrongError("What you return still carries its gradient: use `.item()`.")
        compare(
            number(result),
            error,
            {"That is the error after the step; the one before it is asked for.": after},
            given=f"step {number_of_step}",
        )
