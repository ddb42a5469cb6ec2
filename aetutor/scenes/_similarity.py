"""An image and those most like it; a click on one asks for those most like that."""

from functools import partial

import torch
from torch import nn

from aetutor.scenes._pixels import Images, choose, picture, pixels
from aetutor.scenes._scene import Scene
from aetutor.scenes.parts import Choice, Number, Picker, Words
from aetutor.search import METRICS

FOUND, COLUMNS = 8, 4
SPARE = 8  # candidates beyond these, for what rounding may have put in the wrong place
SHORTEST = 1e-12  # a vector that is shorter counts as one of zeros, which has no angle


class Similarity(Scene):
    """An image, and the nearest others in one of several spaces.

    Controls: ``image``, the query; ``space``, which index; ``metric``, how it measures. Pictures:
    ``query``; ``found_1`` to ``found_8``, nearest first; a click on one makes it the query.

    Parameters
    ----------
    indices : dict of str to ImageIndex
        By name, such as "codes" or "pixels": indices of the same images.
    split : Split
        These images.
    class_names : sequence of str, optional
        Of the labels; the labels themselves if left out.
    index : int
        The first query's number in the split.

    Raises
    ------
    ValueError
        If there is no index, one has another number of images than the split or less than
        nine, or none has the first query's number.
    """

    name = "similarity"

    def __init__(self, indices, split, *, class_names=None, index=0):
        super().__init__()
        _check_indices(indices, split)
        self.images = Images(split.images, split.value_range)
        self.value_range = split.value_range
        self.register_buffer("labels", split.labels, persistent=False)
        self.spaces = nn.ModuleList(_Space(index.latents) for index in indices.values())
        self.controls = (
            Picker("image", "Image", len(split), index),
            Choice("space", "Compare", tuple(indices)),
            Choice("metric", "Distance", METRICS),
        )
        self.controls[0].checked(index)
        names = tuple(map(str, class_names or range(split.labels.max().item() + 1)))
        places = range(1, FOUND + 1)
        shape = split.images.shape[1:]
        self.outputs = (
            picture("query", "{label}", "The query, image {image}: {label}.", shape),
            Words("label", names),
            *(
                picture(
                    f"found_{place}",
                    f"{{label_{place}}}",
                    f"Number {place} of the nearest, image {{near_{place}}}: {{label_{place}}}.",
                    shape,
                    side=100,
                    click=("image", f"near_{place}"),
                )
                for place in places
            ),
            *(Words(f"label_{place}", names) for place in places),
            *(Number(f"near_{place}", dtype="int64") for place in places),
        )
        found = [f"found_{place}" for place in places]
        self.rows = (
            ("image",),
            ("space", "metric"),
            ("query",),
            *(tuple(found[row : row + COLUMNS]) for row in range(0, FOUND, COLUMNS)),
        )

    def forward(self, image, space, metric):
        near = choose(space, *(partial(each, image, metric) for each in self.spaces))
        numbers = torch.cat([image.reshape(1), near])
        query, *found = (pixels(each, self.value_range) for each in self.images(numbers).split(1))
        label, *labels = self.labels.index_select(0, numbers)
        return query, label, *found, *labels, *near


class _Space(nn.Module):
    """The vectors of images, (N, D), and which are nearest to one of them."""

    def __init__(self, vectors):
        super().__init__()
        if len(vectors) < vectors.shape[1]:
            # Turned into as many dimensions as there are vectors; distances and angles stay, for
            # X = R' Q', where Q' has orthonormal rows.
            vectors = torch.linalg.qr(vectors.T, mode="r").R.T.contiguous()
        self.register_buffer("vectors", vectors, persistent=False)
        self.register_buffer("lengths", vectors.norm(dim=1), persistent=False)

    def forward(self, image, metric):
        """Return the numbers of the nearest, nearest first, without the image itself, (8,)."""
        query = self.vectors.index_select(0, image.reshape(1))[0]
        products = self.vectors @ query
        scores = choose(
            metric,
            lambda: products - self.lengths.square() / 2,  # falls with the distance
            lambda: products / self.lengths.clamp(min=SHORTEST),
        )
        others = torch.arange(len(scores), device="cpu").to(image) != image
        scores = torch.where(others, scores, -torch.inf)
        candidates = scores.topk(min(FOUND + SPARE, len(scores) - 1)).indices
        near = self.vectors.index_select(0, candidates)
        distances = choose(
            metric,
            lambda: (near - query).norm(dim=1),
            lambda: -(near @ query) / near.norm(dim=1).clamp(min=SHORTEST),
        )
        return candidates.index_select(0, distances.topk(FOUND, largest=False).indices)


def _check_indices(indices, split):
    if not indices:
        raise ValueError("an explorer of similarity needs at least one index, got none")
    for name, index in indices.items():
        if len(index) != len(split):
            raise ValueError(
                f"an index must hold the {len(split)} images of the split, "
                f"{name!r} holds {len(index)}"
            )
    if len(split) <= FOUND:
        raise ValueError(f"at least {FOUND + 1} images are needed, got {len(split)}")
