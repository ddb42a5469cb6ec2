"""Exercises of lesson 6: searching, and judging a search."""

import io
from contextlib import redirect_stdout
from functools import cache

import torch
from torch.nn import functional as F

from aetutor import data
from aetutor.exercises._exercise import (
    DICE,
    Answer,
    WrongError,
    call,
    compare,
    exercise,
    number,
    refuse_blank,
    tensor,
)
from aetutor.exercises._guess import Guess

ALIKE = 0.95  # correlation of pixels from which two images are called near-copies

right_class = Guess(
    "Of the eight images that are found by the angle of their codes, what share has the query's "
    "class, in per cent?",
    "Chance alone gives 10 per cent. Most people guess too high, because in a gallery one sees "
    "the rows that make sense.",
    answer=26.5,
    unit="per cent",
    low=0,
    high=100,
)
largest_hub = Guess(
    "If all 5,000 images were found equally often, each would be among the nearest eight of 3.2 of "
    "the 2,000 queries. How many queries find the image that is found most often, by distance?",
    "Most people guess too low: a code near the middle is nearer to most queries than nine in ten "
    "of the other codes.",
    answer=225,
    unit="queries",
    low=3,
    high=500,
)


@cache
def _cifar10():
    with redirect_stdout(io.StringIO()):  # the lesson has said already where its images are from
        return data.load_cifar10()


@exercise(
    hint="Divide both by their norms (`torch.nn.functional.normalize` does it). The product of the "
    "queries with the transposed codes then holds all cosines; take its `topk`.",
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
        result = call(answer, queries, latents, k)
        if isinstance(result, tuple):
            raise WrongError("`topk` gives the values and their places; return the `.indices`.")
        result = tensor(result, (count, k), dtype=torch.float64)
        right = cosines.topk(k, dim=1)
        if torch.allclose(result, right.values.double(), atol=1e-4):
            raise WrongError("Those are the cosines; return their places, `.indices`.")
        mistakes = {
            "The codes are not normalised: long ones win just by being long.": queries @ latents.T,
            "Those are the farthest: the cosine is largest where the angle is smallest.": -cosines,
            "Those are the nearest by distance, not by angle.": -torch.cdist(queries, latents),
            "Measure the angle as seen from zero: do not subtract a mean.": (
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
    hint="Compare each found label with that of its query, which needs one more dimension: "
    "`query_labels[:, None]`.",
    code="""
    def precision(query_labels, found_labels):
        return (found_labels == query_labels[:, None]).float().mean(dim=1)
    """,
    reason="Comparing (Q, 1) with (Q, k) compares each query's label with all those found for "
    "it; the mean of true and false is a share.",
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
                "Those are the hits; divide by how many images were found.": own.sum(dim=1),
                "Divide by how many images were found, which is not always 8.": own.sum(dim=1) / 8,
                "That says whether there is any hit; give the share of hits.": own.amax(dim=1),
                "That is the share of misses.": 1 - own.mean(dim=1),
            },
            given=f"{count} queries with {k} found images each",
        )


@exercise(
    hint="Draw an image at random: what is the probability that it is of class c? And that the "
    "query is, and that both are? Sum over the classes.",
    code="""
    def chance(labels):
        shares = labels.bincount() / len(labels)
        return (shares**2).sum().item()
    """,
    reason="If p is the share of a class, the query is of this class with probability $p$, and "
    "so is the found image; both are with $p^2$. For ten equal classes the sum is 0.1; the more "
    "unequal the classes, the larger it is.",
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
                "That is right for classes of equal size; these are not equal.": 1 / classes,
                "Here a query may find itself: do not take it out of the images.": (
                    (sizes * (sizes - 1)).sum().item() / (sizes.sum() * (sizes.sum() - 1)).item()
                ),
                "That is the share of the largest class.": shares.max().item(),
                "That is the sum of all shares: square each one first.": 1.0,
            },
            given=f"classes of {', '.join(map(str, sizes.tolist()))} images",
        )


@exercise(
    hint="Use `bincount` on all found numbers together, with `minlength`, so that images that were "
    "never found get a 0.",
    code="""
    def times_found(neighbours, size):
        return neighbours.flatten().bincount(minlength=size)
    """,
    reason="Without `minlength` the counts would end at the largest number that was found.",
)
def times_found(answer):
    """How often each image is found: the hubs."""
    for count, k, size in ((20, 4, 15), (6, 8, 50)):
        chances = torch.rand(count, size - 3, generator=DICE)  # the last three are never found
        neighbours = chances.topk(k, dim=1).indices  # no image twice for one query
        counts = neighbours.flatten().bincount(minlength=size).double()
        result = call(answer, neighbours, size)
        if isinstance(result, torch.Tensor) and len(result.shape) == 1 and len(result) < size:
            raise WrongError("Images that were never found are missing; they count 0.")
        compare(
            tensor(result, (size,), dtype=torch.float64),
            counts,
            {
                "Those are shares; give counts.": counts / neighbours.numel(),
                "That says whether it was found at all; count how often.": counts.clamp(max=1),
            },
            given=f"{count} queries with {k} found images each",
        )


@exercise(
    hint="`closest` holds the numbers of test images whose nearest training image is very near, "
    "`partners` the number of that training image, and `alike` the correlation of their pixels.",
    code="""
    def without_colour(images):
        small = torch.nn.functional.avg_pool2d(images, 2)
        return (small - small.mean(dim=(2, 3), keepdim=True)).flatten(1)


    def vectors_of(split):
        return torch.cat([without_colour(images) for images, _ in split.batches(1000)])


    train, test = vectors_of(cifar10.train), vectors_of(cifar10.test)
    away, found = search.ImageIndex(train).nearest(test, k=1, metric="cosine")
    best = away[:, 0].argsort()[:2].tolist()
    copies = [(place, found[place, 0].item()) for place in best]
    """,
    reason="Any search that puts near-copies first will do. This one compares the pixels of images "
    "shrunk to half their size, without their mean colours.",
    prepare=_cifar10,
)
def copies(answer):
    """Two test images with a near-copy in the training set."""
    refuse_blank(answer)
    try:
        pairs = [tuple(_whole(place) for place in pair) for pair in answer]
    except TypeError:
        pairs = []
    if [len(pair) for pair in pairs] != [2, 2]:
        raise WrongError("Give two pairs of numbers: [(test, train), (test, train)].")
    if pairs[0][0] == pairs[1][0]:
        raise WrongError("Both pairs have the same test image; find two different ones.")
    cifar10 = _cifar10()
    for test, train in pairs:
        if not (0 <= test < len(cifar10.test) and 0 <= train < len(cifar10.train)):
            raise WrongError(
                f"There is no pair {(test, train)}: the numbers go up to {len(cifar10.test) - 1} "
                f"and {len(cifar10.train) - 1}. The test image comes first."
            )
        alike = _correlation(cifar10, test, train)
        turnable = alike < ALIKE and train < len(cifar10.test)
        if turnable and _correlation(cifar10, train, test) >= ALIKE:
            raise WrongError("The numbers are the wrong way round: the test image comes first.")
        if alike < ALIKE:
            raise WrongError(
                f"The pixels of test image {test} and training image {train} have a correlation "
                f"of {alike:.3f}; a near-copy needs at least {ALIKE}."
            )


def _whole(place):
    place = number(place)
    if place != int(place):
        raise WrongError(f"Images have whole numbers; {place:g} is not one.")
    return int(place)


def _correlation(cifar10, test, train):
    """Of the pixels of two images, without their mean colours."""
    one, other = cifar10.test[[test]][0], cifar10.train[[train]][0]
    one, other = (image - image.mean(dim=(2, 3), keepdim=True) for image in (one, other))
    return torch.cosine_similarity(one.flatten(), other.flatten(), dim=0).item()


ON_YOUR_OWN = [
    Answer(
        "The distance is 0, or as good as 0 after rounding, and each image finds itself. By "
        "$q \\cdot z$ alone many do not: a longer code in a similar direction has a larger "
        "product.",
        code="""
        network = weights.trained("cifar10-384")
        thousand = search.embed(network, cifar10.train.subset(0, 1000))
        distances, places = search.ImageIndex(thousand).nearest(thousand, k=1)
        by_product = (thousand @ thousand.T).argmax(dim=1)
        numbers = torch.arange(len(thousand))
        print(f"largest distance to the nearest: {distances.max():.1e}")
        print(f"finds itself: {(places[:, 0] == numbers).float().mean():.1%}")
        print(f"finds itself by the product alone: {(by_product == numbers).float().mean():.1%}")
        """,
    ),
    Answer(
        "What is around the centre finds the class a little better than the centre does, though "
        "they share no pixel. It has three times as many pixels, most things reach into it, and "
        "the network was never trained on images with a grey part. So the search does not depend "
        "on the middle alone; whether water or ship brings the ships, this does not tell.",
        code="""
        def precision_by(encode):
            asked, among = cifar10.test[:2000], cifar10.train[:5000]
            with torch.no_grad():
                of_asked = torch.cat([encode(images) for images in asked[0].split(500)])
                of_among = torch.cat([encode(images) for images in among[0].split(500)])
            middle = of_among.mean(dim=0)
            _, places = search.ImageIndex(of_among - middle).nearest(
                of_asked - middle, k=8, metric="cosine"
            )
            return search.precision(asked[1], among[1][places]).mean().item()


        centre = torch.zeros(32, 32)
        centre[8:24, 8:24] = 1
        for part, mask in {"centre": centre, "surroundings": 1 - centre}.items():
            by_codes = precision_by(lambda images, mask=mask: network.encode(images * mask))
            by_pixels = precision_by(lambda images, mask=mask: (images * mask).flatten(1))
            print(f"{part:>12}: codes {by_codes:.3f}, pixels {by_pixels:.3f}")
        """,
    ),
    Answer(
        "A shift of one pixel hardly matters to either. With two and four pixels the image drops "
        "in both lists. Nobody told the network that a shifted image is the same.",
        code="""
        still, _ = cifar10.test[:1000]
        for name, encode in {"codes": network.encode, "pixels": lambda x: x.flatten(1)}.items():
            with torch.no_grad():
                at_rest = encode(still)
                for pixels in (1, 2, 4):
                    moved = encode(still.roll(pixels, dims=3)) - at_rest.mean(dim=0)
                    alike = F.normalize(moved) @ F.normalize(at_rest - at_rest.mean(dim=0)).T
                    ranks = (alike > alike.diagonal()[:, None]).sum(dim=1) + 1
                    print(
                        f"{name}, shifted by {pixels}: median rank {ranks.median()}, "
                        f"first in {(ranks == 1).float().mean():.0%}"
                    )
        """,
    ),
]
