"""Guesses and exercises of lesson 1: shapes, weights, errors, and a step of training."""

import copy
from itertools import pairwise

import torch
from torch import nn
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

# The first optimiser of a session imports half of torch. In an exercise, on a busy machine, that
# might take longer than an answer may, and an import that is cut off half-way stays broken.
torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)

tenfold = Guess(
    "The usual comparison makes the error of the convolutional network about ten times lower. If "
    "both networks have a code of 64, how many times lower is it?",
    "Most people stay near ten, because the table says so. But most of the ten comes from the "
    "longer code, which the table gave to one of the two networks only.",
    answer=1.45,
    unit="times",
    low=0.2,
    high=15,
)
head_start = Guess(
    "How many of the textbook's 20 epochs does one epoch of the fast recipe overtake, for the "
    "fully connected network?",
    "Most people guess two or three: a better recipe sounds like a detail. But how the weights "
    "are moved can matter more than which layers they are in.",
    answer=17,
    unit="epochs",
    low=0,
    high=20,
)


@exercise(
    hint="Each pixel stamps its kernel 3 pixels further on. Where does the last stamp begin, and "
    "where does it end? Then the padding cuts something off, on both sides.",
    code="pixels = (10 - 1) * 3 - 2 * 2 + 5",
    reason="$(n - 1)\\,s - 2p + k + o$ with $n = 10$, $s = 3$, $p = 2$, $k = 5$ and no output "
    "padding: the last of 10 stamps begins 27 pixels after the first and is 5 wide, which makes "
    "32; the padding cuts 2 off each side. That is 28, not 29: both shrink to 10, and you only "
    "get the 29 back with an output padding of 1.",
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
            "That is what the convolution makes of 10 pixels; the transposed one enlarges.": 4.0,
            "The kernel is forgotten: the last stamp is 5 pixels wide.": 23.0,
        },
        tolerance=1e-9,
    )


@exercise(
    hint="A layer from a to b numbers has a x b weights, and one bias for each of the b. The "
    "decoder has the same layers in reverse.",
    code="""
    def count_weights(sizes):
        total = 0
        for a, b in zip(sizes, sizes[1:]):
            total += a * b + b  # encoder
            total += b * a + a  # decoder
        return total
    """,
    reason="The decoder's matrices are as large as the encoder's, but its biases are not: a layer "
    "has one bias for each number it puts *out*.",
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
                "The decoder does not have as many biases as the encoder: count the numbers "
                "that each of its layers puts out.": 2.0 * (matrices + outputs),
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
    reason="`flatten(1)` keeps the first dimension, the images, and merges all others into one. "
    "The mean over that one leaves one number for each image.",
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
                "That is the error per image: take the mean over the pixels, not the sum.": (
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
        found[n] = number(call(answer, n), booleans=True)  # n % 2 == 0 is right
    wrong = [n for n in found if found[n] != 1 - n % 2]
    if all(found[n] == n % 2 for n in found):
        raise WrongError("It is the other way round: you get 7 pixels back with o = 0.")
    if wrong:
        raise WrongError(
            f"For n = {wrong[0]}, an output padding of {found[wrong[0]]:g} does not give you "
            f"{wrong[0]} pixels again."
        )


@exercise(
    hint="The five points of *One step of training, by hand*, in that order. `.item()` turns a "
    "tensor of one value into a plain number.",
    code="""
    def train_step(model, optimizer, images):
        loss = F.mse_loss(model(images), images)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()
    """,
    reason="`backward` adds to the gradients that are already there, so they have to be cleared "
    "before the next one. `.item()` gives you the number without the graph of operations behind "
    "it, which would keep the whole batch in memory.",
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
                "weights by them, and only then `zero_grad` clears them."
            )
        if number_of_step > 1 and torch.allclose(now, hoarded) and not torch.allclose(now, right):
            raise WrongError(
                "The first step is right, the second is not: the old gradient is not cleared, "
                "and the new one is added to it."
            )
        if not torch.allclose(now, right, atol=1e-6):
            raise WrongError(
                f"The weights move, but after step {number_of_step} they are not where a step "
                "on the mean squared error takes them."
            )
        if isinstance(result, torch.Tensor):
            kept = ", and it still carries its gradient" if result.requires_grad else ""
            raise WrongError(f"You return a tensor{kept}; for a plain number use `.item()`.")
        compare(
            number(result),
            error,
            {"That is the error after the step; return the one before it.": after},
            given=f"step {number_of_step}",
        )


ON_YOUR_OWN = (
    Answer(
        "The falling rate helps it, too, and the same rate does not, but the gain is smaller. The "
        "convolutional network had stopped getting better at a constant rate; this one had not.",
        code="""
        held_out = mnist.val[:2000][0]
        for falling in (False, True):
            network = weights.trained("mnist-linear-10-textbook").train()
            adam = torch.optim.Adam(network.parameters(), lr=1e-3, weight_decay=1e-5)
            order = torch.Generator().manual_seed(1)
            batches = mnist.train.batches(64, shuffle=True, generator=order)
            before = F.mse_loss(network(held_out), held_out).item()
            for step, (batch, _) in zip(range(215), batches):
                if falling:
                    adam.param_groups[0]["lr"] = 1e-3 * (1 - step / 215)
                F.mse_loss(network(batch), batch).backward()
                adam.step()
                adam.zero_grad()
            after = F.mse_loss(network(held_out), held_out).item()
            print(f"falling rate: {falling}; error before {before:.5f}, after {after:.5f}")
        """,
    ),
    Answer(
        "Batch norm wins with each of these seeds, but by very different amounts: the seeds alone "
        "make nearly as much of a difference. After 100 batches the plain network is still no "
        "better than the average image (about 0.067), so this is about who gets going first. It "
        "says nothing yet about the end of training, or about another recipe.",
        code="""
        for seed in range(3):
            for batch_norm in (False, True):
                network = models.ConvAutoencoder(64, batch_norm=batch_norm, seed=seed)
                adam = torch.optim.Adam(network.parameters(), lr=1e-3, weight_decay=1e-5)
                order = torch.Generator().manual_seed(seed)
                batches = mnist.train.batches(64, shuffle=True, generator=order)
                for _, (batch, _) in zip(range(100), batches):
                    F.mse_loss(network(batch), batch).backward()
                    adam.step()
                    adam.zero_grad()
                error = training.evaluate(network, mnist.val)
                print(f"seed {seed}, batch norm {batch_norm}: held-out error {error:.4f}")
        """,
    ),
    Answer(
        "The 1 is the easiest, for the network by far and for the average image too: it has the "
        "least ink, and two 1s differ mainly in their slant. For the other digits the two orders "
        "are not the same. The 0 is the farthest from the average, but not the hardest to draw.",
        code="""
        model = weights.trained("mnist-conv-10")
        images, labels = mnist.test[:]
        average = mnist.train[:][0].mean(dim=0)
        per_digit = {}
        for digit in range(10):
            own = images[labels == digit]
            with torch.inference_mode():
                of_network = F.mse_loss(model(own), own).item()
            of_average = F.mse_loss(average.expand_as(own), own).item()
            per_digit[digit] = {"network": of_network, "average image": of_average}
        pd.DataFrame(per_digit).T.rename_axis("digit").style.format("{:.4f}")
        """,
    ),
    Answer(
        "PCA needs four to five times as many numbers as the network. Clipping saves it a few.",
        code="""
        some = mnist.test[:2000][0]
        pca = models.PCAAutoencoder.fit(mnist.train, 100)
        with torch.inference_mode():
            goal = F.mse_loss(weights.trained("mnist-linear-10")(some), some).item()
            for clip in (False, True):
                size, error = 10, goal + 1
                while error > goal and size < 100:
                    size += 1
                    copies = pca.leading(size)(some)
                    error = F.mse_loss(copies.clamp(0, 1) if clip else copies, some).item()
                print(f"clipped: {clip}; with {size} numbers PCA reaches {error:.4f}", end=" ")
                print(f"on 2,000 images, the network {goal:.4f} with 10")
        """,
    ),
)
