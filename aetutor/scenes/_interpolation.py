"""From one image to another through the space of codes."""

import torch

from aetutor.latent import METHODS, walk
from aetutor.scenes._pixels import Images, picture, pixels
from aetutor.scenes._scene import Scene
from aetutor.scenes.parts import Choice, Counter, Slider, Words

STRIP = 10  # images
PER_LABEL = 100  # images of each label that can be chosen, at most
MESSAGES = (
    "",
    "A code of zeros has no direction to start an arc from; this is the straight line.",
    "The codes point in opposite directions, so no arc between them is shorter than others; "
    "this is the straight line.",
)


class Interpolation(Scene):
    """From one image to another through the space of codes.

    Controls: ``start`` and ``end``, the labels of the two images; ``other_start`` and
    ``other_end``, another image of the same label; ``method``, "linear" or "spherical";
    ``position``, from 0, the first image, to 1, the second. Pictures: ``picture``, decoded from
    the code at that position; ``crossfade``, the mixture of the pixels there; ``strip``, ten
    steps on the way, decoded and, below, mixed. ``message`` says why an arc is not defined, if so.

    Parameters
    ----------
    model : Autoencoder
    split : Split
        Where the images come from.
    class_names : sequence of str, optional
        Of the labels; the labels themselves if left out.
    start, end : int, optional
        The first pair's labels; the first and the last if left out.
    shown : int, optional
        Only the first so many images are used; all if left out.

    Raises
    ------
    ValueError
        If the images do not fit the model, or a label has none.
    """

    name = "interpolation"

    def __init__(self, model, split, *, class_names=None, start=None, end=None, shown=None):
        super().__init__()
        self.model = model
        self.images = Images(split.images[:shown], split.value_range)
        model.encode(split[:1][0])  # raises if they do not fit
        labels = split.labels[:shown]
        self.register_buffer("numbers", _numbers_by_label(labels), persistent=False)
        known = labels.unique().tolist()
        names = tuple(str(label) if class_names is None else class_names[label] for label in known)
        count = self.numbers.shape[1]
        self.controls = (
            Choice("start", "From", names, _place(known, start, 0)),
            Counter("other_start", "Another first image", count),
            Choice("end", "To", names, _place(known, end, -1)),
            Counter("other_end", "Another last image", count),
            Choice("method", "Path", METHODS),
            Slider("position", "Position", 0, 1, 0.01, 0.0, decimals=0, percent=True, play=40),
        )
        shape = model.image_shape
        ends = "{start} and {end}, {position} of the way"
        self.outputs = (
            Words("message", MESSAGES),
            picture("picture", "decoded from the code", f"Decoded between {ends}.", shape),
            picture("crossfade", "mixture of the pixels", f"The pixels of {ends}, mixed.", shape),
            picture(
                "strip",
                "ten steps, decoded and, below, mixed",
                "Ten steps from {start} to {end}, decoded; below, the two images mixed.",
                shape,
                columns=STRIP,
                rows=2,
                side=64,
            ),
        )
        self.rows = (
            ("start", "other_start"),
            ("end", "other_end"),
            ("method", "message"),
            ("position",),
            ("picture", "crossfade"),
            ("strip",),
        )

    def forward(self, start, other_start, end, other_end, method, position):
        last = self.numbers.shape[1] - 1  # counted from there, so that two of one label differ
        pair = self.images(
            torch.stack([self._number(start, other_start), self._number(end, last - other_end)])
        )
        codes = self.model.encode(pair)
        steps = torch.linspace(0, 1, STRIP, dtype=torch.float32, device="cpu").to(position)
        # Apart: the steps are the same at every position, so that a stage may make them once.
        here, message = walk(*codes, position.reshape(1), method == 1)
        path, _ = walk(*codes, steps, method == 1)
        decoded = self.model.decode(here)
        first, second = pair.split(1)
        mixed = first + position * (second - first)
        faded = first + steps.reshape(-1, 1, 1, 1) * (second - first)
        strip = torch.cat([self.model.decode(path), faded])
        limits = self.model.value_range
        return (
            message,
            pixels(decoded, limits),
            pixels(mixed, limits),
            pixels(strip, limits, STRIP),
        )

    def _number(self, label, place):
        of_label = self.numbers.index_select(0, label.reshape(1))[0]
        return of_label.index_select(0, place.reshape(1))[0]


def _numbers_by_label(labels):
    """Numbers of images in random order, a row for each label, (labels, most of one label)."""
    generator = torch.Generator().manual_seed(4)  # the first 3 and 8 of MNIST are clear ones
    order = torch.randperm(len(labels), generator=generator, device="cpu")
    of_each = [order[labels[order] == label] for label in labels.unique()]
    most = min(PER_LABEL, max(map(len, of_each)))
    places = torch.arange(most, device="cpu")
    return torch.stack([numbers[places % len(numbers)] for numbers in of_each])


def _place(labels, label, default):
    if label is None:
        return default % len(labels)
    if label not in labels:
        raise ValueError(f"there is no image of {label!r}; the labels are {labels}")
    return labels.index(label)
