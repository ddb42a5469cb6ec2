"""An image's tokens, and what becomes of it when one is changed."""

import math

import torch

from aetutor.scenes._pixels import Images, picture, pixels
from aetutor.scenes._scene import Scene
from aetutor.scenes.parts import Number, Picker, Picture, Reset, Slider, Words

PLACES, SIDE = 16, 4  # tokens of an image, and in a row
TILE = 7  # pixels a side of the tile that shows a token
COLUMNS = 16  # of the table of all entries


class Tokens(Scene):
    """The grid of an image's tokens beside its picture; one of them can be replaced.

    Controls: ``image``; ``place``, which token; ``other``, what it is replaced by: 0 leaves it,
    1 is the entry nearest to it, and so on to the farthest; ``reset``. Pictures: ``original``;
    ``grid``, a tile for each token, entries that are near each other in similar colours, a click
    on one of which makes it the place; ``reconstruction``; ``changed``, decoded from the changed
    tokens; ``entries``, a tile for each entry, nearest first, a click on one of which puts it
    there. ``token`` is the number of the entry that stands at the place, ``away`` the squared
    error between the two pictures.

    Parameters
    ----------
    model : VQAutoencoder or FSQAutoencoder
    split : Split
        Where the images come from.
    index : int
        The first image's number in the split.
    shown : int, optional
        Only the first so many images can be chosen; all if left out.

    Raises
    ------
    ValueError
        If the model has no tokens, the images do not fit it, or none has this number.
    """

    name = "tokens"

    def __init__(self, model, split, *, index=0, shown=None):
        super().__init__()
        if not hasattr(model, "tokens"):
            raise ValueError(f"a {type(model).__name__} has no tokens; take a VQAutoencoder")
        self.model = model
        self.images = Images(split.images[:shown], split.value_range)
        with torch.no_grad():
            model.tokens(split[:1][0])  # raises if the images do not fit
            entries = model.entries
        self.rows_of_entries = math.ceil(len(entries) / COLUMNS)
        order = torch.cdist(entries, entries).argsort(dim=1, stable=True)
        self.register_buffer("order", order, persistent=False)
        self.register_buffer("colours", _colours(entries), persistent=False)
        self.controls = (
            Picker("image", "Image", len(self.images), index),
            Slider("place", "Place", 1, PLACES, 1, 6.0, decimals=0),
            Slider("other", "Another entry", 0, len(entries) - 1, 1, 0.0, decimals=0),
            Reset("reset", "Back to its own", ("other",)),
        )
        self.controls[0].checked(index)
        changed = "with entry {token} at place {place}"
        shape = model.image_shape
        self.outputs = (
            picture("original", "image", "Image {image} of the data set.", shape),
            Picture(
                "grid",
                "tokens",
                f"Image {{image}} as 4 by 4 tokens, {changed}, which is framed.",
                height=SIDE * TILE,
                width=SIDE * TILE,
                times=8,
                cells=("place", SIDE, SIDE),
            ),
            picture("reconstruction", "its tokens decoded", "Image {image}, decoded.", shape),
            picture("changed", "one token changed", f"Image {{image}}, decoded {changed}.", shape),
            Picture(
                "entries",
                "all entries, nearest to the token first",
                "All entries by their distance from the token at place {place}, nearest first, "
                "row by row; framed is the one that is there now, number {other}.",
                height=self.rows_of_entries * TILE,
                width=COLUMNS * TILE,
                times=3,
                cells=("other", self.rows_of_entries, COLUMNS),
            ),
            Number("token", dtype="int64"),
            Number("away", decimals=2),
            Words(
                "sentence",
                ("Entry {token} stands at place {place}: squared error {away} from the picture of "
                 "the image's own tokens.",),
            ),
        )  # fmt: skip
        self.rows = (
            ("image", "reset"),
            ("place",),
            ("other",),
            ("original", "grid", "reconstruction", "changed"),
            ("entries",),
            ("sentence",),
        )

    def forward(self, image, place, other):
        shown = self.images(image)  # (1, 1, 28, 28)
        own = self.model.tokens(shown)  # (1, 16)
        numbers = torch.arange(PLACES, device="cpu").to(own)
        here = numbers == place.round().long() - 1  # (16,)
        # The row of the order that belongs to the token at the place.
        token = (own[0] * here).sum()
        nearest = self.order.index_select(0, token.reshape(1))[0]  # (entries,)
        token = nearest.index_select(0, other.round().long().reshape(1))  # (1,)
        tokens = torch.where(here, token, own)
        before, after = self.model.decode(self.model.latents(torch.cat([own, tokens]))).split(1)
        limits = self.model.value_range
        return (
            pixels(shown, limits),
            self._grid(tokens[0], here, SIDE),
            pixels(before, limits),
            pixels(after, limits),
            self._grid(nearest, nearest == token, COLUMNS),
            token[0],
            (after - before).square().sum(),
            torch.zeros_like(token[0]),
        )

    def _grid(self, tokens, here, columns):
        """A tile for each token in its colour, row by row, those that are ``here`` framed in black.

        The last row is filled up with white.
        """
        tiles = self.colours.index_select(0, tokens)[:, :, None, None]  # (tokens, 3, 1, 1)
        tiles = tiles.expand(-1, -1, TILE - 2, TILE - 2)
        frames = torch.where(here, 0.0, 1.0)[:, None, None, None].expand(-1, 3, TILE, TILE)
        inner = torch.nn.functional.pad(torch.ones_like(tiles), (1, 1, 1, 1))
        tiles = torch.where(inner > 0, torch.nn.functional.pad(tiles, (1, 1, 1, 1)), frames)
        rows = math.ceil(len(tokens) / columns)
        missing = rows * columns - len(tokens)
        tiles = torch.nn.functional.pad(tiles, (0, 0, 0, 0, 0, 0, 0, missing), value=1.0)
        grid = tiles.reshape(rows, columns, 3, TILE, TILE).permute(2, 0, 3, 1, 4)
        return pixels(grid.reshape(1, 3, rows * TILE, columns * TILE), (0, 1))


def _colours(entries):
    """A colour for each entry, (entries, 3), from 0 to 1, by its place along three directions.

    These are the ones in which entries vary most; of entries of less than three numbers the last
    colours stay the same.
    """
    centred = entries - entries.mean(dim=0)
    directions = torch.linalg.svd(centred, full_matrices=False).Vh[:3]
    places = torch.nn.functional.pad(centred @ directions.T, (0, 3 - len(directions)))
    ranks = places.argsort(dim=0, stable=True).argsort(dim=0).float()
    return 0.1 + 0.85 * ranks / max(1, len(entries) - 1)
