"""Exercises of lesson 6: searching, and judging a search."""

import io
from contextlib import redirect_stdout
from functools import cache

import torch
from torch.nn import functional as F

from aetutor import data
from aetutor.exercises._exercise import (
    DICE,
    WrongError,
    call,
    compare,
    exercise,
    number,
    refuse_blank,
    tensor,
)

ALIKE = 0.95  # correlation of pixels from which two images are called near-copies


@exercise(
    hint="Divide both by their norms (`torch.nn.functional.normalize` does it). Then one product "
    "of the queries with the transposed codes holds all cosines; `topk`.",
    code="""
    def topk_by_cosine(queries, latents, k):
        queries = queries / queries.norm(dim=1, keepdim=True)
        latents = latents / latents.norm(dim=1, keepdim=True)
        return (queries @ latents.T).topk(k, dim=1).indices
    """,
    reason="The scalar product of two vectors of norm 1 is the cosine of the angle between them. "
    "The nearest by angle has the *largest* cosine.",
)
def topk_by_cosine(answer):
    """The nearest by angle, with one matrix product."""
    for count, size, k in ((6, 5, 3), (4, 12, 8), (3, 2, 1)):
        latents = torch.randn(90, size, generator=DICE)
        latents = latents * (0.2 + 4 * torch.rand(90, 1, generator=DICE))
        queries = torch.randn(count, size, generator=DICE)
        cosines = F.normalize(queries) @ F.normalize(latents).T
        result = tensor(call(answer, queries, latents, k), (count, k), dtype=torch.float64)
        right = cosines.topk(k, dim=1)
        if torch.allclose(result, right.values.double(), atol=1e-4):
            raise WrongError("Those are the cosines; the places are asked for, `.indices`.")
        mistakes = {
            "The codes are not normalised: long ones win by their length.": queries @ latents.T,
            "Those are the farthest: the cosine is largest where the angle is smallest.": -cosines,
            "Those are the nearest by distance, not by angle.": -torch.cdist(queries, latents),
            "The angle is asked for as seen from zero: subtract no mean.": (
                F.normalize(queries - latents.mean(dim=0))
                @ F.normalize(latents - latents.mean(dim=0)).T
            ),
        }
        mistakes = {
            sentence: scores.topk(k, dim=1).indices.double()
            for sentence, scores in mistakes.items()
        }
        given = f"{count} queries, 90 codes of {size} numbers, k = {k}"
        compare(result, right.indices.double(), mistakes, given=given, tolerance=1e-9)


@exercise(
    hint="Compare each found label with the query's own, which needs one more dimension: "
    "`query_labels[:, None]`.",
    code="""
    def precision(query_labels, found_labels):
        return (found_labels == query_labels[:, None]).float().mean(dim=1)
    """,
    reason="(Q, 1) against (Q, k) compares each query's label with all that were found for it; the "
    "mean of true and false is a share.",
)
def precision(answer):
    """Precision at k."""
    for count, k in ((7, 8), (5, 3), (8, 8)):
        labels = torch.randint(4, (count,), generator=DICE)
        found = torch.randint(4, (count, k), generator=DICE)
        found[:, 0] = labels  # a hit at least
        own = (found == labels[:, None]).double()
        result = call(answer, labels, found)
        if getattr(result, "shape", None) == ():
            raise WrongError("That is one number for all queries; give one for each.")
        compare(
            tensor(result, (count,)).double(),
            own.mean(dim=1),
            {
                "Those are the hits; divide by how many were found.": own.sum(dim=1),
                "Divide by how many were found, which is not always 8.": own.sum(dim=1) / 8,
                "That says whether there is any hit; which share are hits?": own.amax(dim=1),
                "Those are the misses.": 1 - own.mean(dim=1),
            },
            given=f"{count} queries with {k} found images each",
        )


@exercise(
    hint="Draw an image at random: with which probability is it of class c? And the query, and "
    "both? Sum over the classes.",
    code="""
    def chance(labels):
        shares = labels.bincount() / len(labels)
        return (shares**2).sum().item()
    """,
    reason="A query is of class c with the class's share p, and so is a found image: both, with "
    "$p^2$. For ten equal classes the sum is 0.1; the more unequal they are, the larger it is.",
)
def chance(answer):
    """Precision by chance."""
    for classes in (10, 3, 5):
        sizes = torch.randint(1, 60, (classes,), generator=DICE)
        labels = torch.arange(classes).repeat_interleave(sizes)
        labels = labels[torch.randperm(len(labels), generator=DICE)]
        shares = sizes.double() / sizes.sum()
        compare(
            number(call(answer, labels)),
            shares.square().sum().item(),
            {
                "So it is for classes of equal size; these are not.": 1 / classes,
                "That is the share of the largest class.": shares.max().item(),
                "That is the sum of all shares: square each of them.": 1.0,
            },
            given=f"classes of {', '.join(map(str, sizes.tolist()))} images",
        )


@exercise(
    hint="`bincount` of all found numbers together, with `minlength`, so that images that were "
    "never found are counted, too.",
    code="""
    def times_found(neighbours, size):
        return neighbours.flatten().bincount(minlength=size)
    """,
    reason="Without `minlength` the counts would end at the largest number that was found.",
)
def times_found(answer):
    """How often each image is found: the hubs."""
    for count, k, size in ((20, 4, 15), (6, 8, 50)):
        neighbours = torch.randint(size - 3, (count, k), generator=DICE)  # the last are never found
        counts = neighbours.flatten().bincount(minlength=size).double()
        result = call(answer, neighbours, size)
        if isinstance(result, torch.Tensor) and len(result.shape) == 1 and len(result) < size:
            raise WrongError("Images that were never found are missing; count 0 for them.")
        compare(
            tensor(result, (size,), dtype=torch.float64),
            counts,
            {
                "That is the share; count.": counts / neighbours.numel(),
                "That says whether it was found at all; how often?": counts.clamp(max=1),
            },
            given=f"{count} queries with {k} found images each",
        )


@exercise(
    hint="`closest` are test images whose nearest training image is very near, `partners` has its "
    "number, and `alike` the correlation of their pixels.",
    code="""
    def without_colour(images):
        small = torch.nn.functional.avg_pool2d(images, 2)
        return (small - small.mean(dim=(2, 3), keepdim=True)).flatten(1)


    train, test = (
        torch.cat([without_colour(images) for images, _ in split.batches(1000)])
        for split in (cifar10.train, cifar10.test)
    )
    away, found = search.ImageIndex(train).nearest(test, k=1, metric="cosine")
    best = away[:, 0].argsort()[:2].tolist()
    copies = [(place, found[place, 0].item()) for place in best]
    """,
    reason="Any search will do that puts near-copies first: here one by the pixels of images half "
    "as large, without their mean colours.",
)
def copies(answer):
    """Two test images with a near-copy in the training set."""
    refuse_blank(answer)
    try:
        pairs = [tuple(int(number(place)) for place in pair) for pair in answer]
    except TypeError:
        pairs = []
    if [len(pair) for pair in pairs] != [2, 2]:
        raise WrongError("Give two pairs of numbers: [(test, train), (test, train)].")
    if pairs[0][0] == pairs[1][0]:
        raise WrongError("The two pairs have the same test image.")
    cifar10 = _cifar10()
    for test, train in pairs:
        if not (0 <= test < len(cifar10.test) and 0 <= train < len(cifar10.train)):
            raise WrongError(
                f"There is no pair {(test, train)}: the numbers run to {len(cifar10.test) - 1} "
                f"and {len(cifar10.train) - 1}. The test image comes first."
            )
        one, other = cifar10.test[[test]][0], cifar10.train[[train]][0]
        one, other = (image - image.mean(dim=(2, 3), keepdim=True) for image in (one, other))
        alike = torch.cosine_similarity(one.flatten(), other.flatten(), dim=0).item()
        if alike < ALIKE:
            raise WrongError(
                f"The pixels of test image {test} and training image {train} have a correlation "
                f"of {alike:.3f}; from {ALIKE} on we call it a near-copy."
            )


@cache
def _cifar10():
    with redirect_stdout(io.StringIO()):  # the lesson has said already where its images are from
        return data.load_cifar10()
