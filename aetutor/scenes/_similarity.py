"""An image and those most like it; a click on one asks for those most like that."""

from functools import partial

import torch

from aetutor.scenes._scene import (
    Choice,
    Images,
    Number,
    Picker,
    Scene,
    Words,
    choose,
    picture,
    pixels,
    text_of_labels,
)
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
        self.spaces = [_compact(index.latents) for index in indices.values()]
        for number, vectors in enumerate(self.spaces):
            self.register_buffer(f"space_{number}", vectors, persistent=False)
        self.controls = (
            Picker("image", "Image", len(split), index),
            Choice("space", "Compare", tuple(indices)),
            Choice("metric", "Distance", METRICS),
        )
        self.controls[0].checked(index)
        names = text_of_labels(split.labels, class_names)
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
        near = choose(
            space,
            *(
                partial(self._nearest, getattr(self, f"space_{number}"), image, metric)
                for number in range(len(self.spaces))
            ),
        )
        numbers = torch.cat([image.reshape(1), near])
        query, *found = (pixels(each, self.value_range) for each in self.images(numbers).split(1))
        label, *labels = self.labels.index_select(0, numbers)
        return query, label, *found, *labels, *near

    def _nearest(self, vectors, image, metric):
        """The numbers of the nearest, nearest first, without the image itself, (8,)."""
        query = vectors.index_select(0, image.reshape(1))[0]
        products = vectors @ query
        scores = choose(
            metric,
            lambda: products - vectors.square().sum(dim=1) / 2,  # falls with the distance
            lambda: products / vectors.norm(dim=1).clamp(min=SHORTEST),
        )
        others = torch.arange(len(vectors), device="cpu").to(image) != image
        scores = torch.where(others, scores, -torch.inf)
        candidates = scores.topk(min(FOUND + SPARE, len(vectors) - 1)).indices
        near = vectors.index_select(0, candidates)
        distances = choose(
            metric,
            lambda: (near - query).norm(dim=1),
            lambda: -(near @ query) / near.norm(dim=1).clamp(min=SHORTEST),
        )
        return candidates.index_select(0, distances.topk(FOUND, largest=False).indices)


def _compact(vectors):
    """The same vectors in as many dimensions as there are vectors, if they have more.

    Turned, so that distances and angles stay: X = R' Q', and Q' has orthonormal rows.
    """
    if len(vectors) >= vectors.shape[1]:
        return vectors
    return torch.linalg.qr(vectors.T, mode="r").R.T.contiguous()


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
