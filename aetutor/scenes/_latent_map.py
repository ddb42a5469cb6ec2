"""The plane of a code of two numbers: where the training images lie, and what is in between."""

from functools import partial

import torch
from torch import nn

from aetutor.checks import whole_number
from aetutor.scenes import _glyphs
from aetutor.scenes._pixels import Images, choose, picture, pixels
from aetutor.scenes._scene import Scene
from aetutor.scenes.parts import Choice, Number, Picture, Point, Words

SIDE = 160  # pixels of the map
SHOWN = 1000  # images whose codes are on it
WITHIN = 2.448  # radius of the circle that holds 95 % of the draws from N(0, I) in a plane
MARGIN = 0.04  # of the plane, around what has to be seen
MESSAGES = (
    "Digits were here: the nearest training code is {distance} away.",
    "Here was no digit: the nearest training code is {distance} away, farther than the nearest of "
    "95% of the test digits. Nothing in training said what to draw.",
)


class LatentMap(Scene):
    """A point to move in the plane of a code of two numbers, decoded as it moves.

    Controls: ``plane``, which network's; ``point``, the place. Pictures: ``map``, the training
    codes, those that have room as their label, on a ground that is darker the farther the nearest
    code is, with the circle that holds 95 % of the draws from N(0, I); ``decoded``, from the code
    at the point; ``nearest``, the training image whose code is nearest. ``x`` and ``y`` are that
    code, ``distance`` says how far the nearest is, ``inside`` which share of the codes lie in the
    circle.

    Parameters
    ----------
    networks : dict of str to Autoencoder
        By name, each with a code of two numbers.
    train, test : Split
        The images on the map are the first of ``train``; how far the codes of those of ``test``
        lie from them says what is near. Their labels are digits.
    shown : int
        How many of each at most, 2 or more.

    Raises
    ------
    ValueError
        If there is no network, a code has not two numbers, the images do not fit, or there are too
        few.
    """

    name = "latent_map"

    def __init__(self, networks, train, test, *, shown=SHOWN):
        super().__init__()
        if not networks:
            raise ValueError("a map of codes needs a network, got none")
        for name, model in networks.items():
            if model.latent_dim != 2:
                raise ValueError(f"a map needs codes of length 2, {name!r} has {model.latent_dim}")
        shown = min(whole_number("shown", shown, 2), len(train), len(test))
        images, labels = train[:shown]
        if labels.min() < 0 or labels.max() > 9:
            raise ValueError(f"the labels must be from 0 to 9, got one of {labels.max().item()}")
        self.value_range = train.value_range
        self.images = Images(train.images[:shown], train.value_range)
        self.register_buffer("labels", labels, persistent=False)
        self.networks = nn.ModuleList(networks.values())
        with torch.no_grad():
            planes = [_Plane(model, images, test[:shown][0]) for model in networks.values()]
        for name in ("codes", "lowest", "extent", "near", "within"):
            values = torch.stack([getattr(plane, name) for plane in planes])
            self.register_buffer(name, values, persistent=False)
        self.register_buffer(
            "grounds", torch.stack([plane.drawn(labels) for plane in planes]), persistent=False
        )
        self.controls = (
            Choice("plane", "Network", tuple(networks)),
            Point("point", "Place", "map", 0.02, (0.5, 0.5), _spiral(), 60),
        )
        shape = tuple(train.images.shape[1:])
        self.outputs = (
            Picture(
                "map",
                "ringed: the place; the dashed circle holds 95% of N(0, I)",
                "The codes of {plane}: the ring is at ({x}, {y}). {message} The circle that holds "
                "95% of the draws from N(0, I) holds {inside} of the training codes.",
                *(SIDE, SIDE, 2),
            ),
            picture(
                "decoded", "decoded here", "Decoded from the code ({x}, {y}).", shape, side=140
            ),
            picture(
                "nearest",
                "nearest training digit: {label}",
                "The training digit whose code is nearest, a {label}, {distance} away.",
                shape,
                side=140,
            ),
            Words("message", MESSAGES),
            Words("label", tuple(map(str, range(10)))),
            *(Number(name, decimals=1) for name in ("x", "y")),
            Number("distance", decimals=2),
            Number("inside", percent=True),
        )
        self.rows = (("plane", "point"), ("map",), ("decoded", "nearest"), ("message",))

    def forward(self, plane, point):
        plane = plane.reshape(1)
        extent = self.extent.index_select(0, plane)[0]
        code = self.lowest.index_select(0, plane)[0] + point * extent  # (2,)
        decoded = choose(plane, *(partial(each.decode, code[None]) for each in self.networks))
        distances = (self.codes.index_select(0, plane)[0] - code).square().sum(dim=1)
        nearest = distances.argmin()
        distance = distances.amin(dim=0).sqrt()
        near = self.near.index_select(0, plane)[0]
        return (
            self._ringed(self.grounds.index_select(0, plane)[0], point),
            pixels(decoded, self.value_range),
            pixels(self.images(nearest), self.value_range),
            (distance > near).long(),
            self.labels.index_select(0, nearest.reshape(1))[0],
            *code,
            distance,
            self.within.index_select(0, plane)[0],
        )

    def _ringed(self, ground, point):
        """The ground, uint8 (SIDE, SIDE, 3), with a ring around the point."""
        places = torch.arange(SIDE, dtype=torch.float32, device="cpu").to(point) + 0.5
        across, down = SIDE * point[0], SIDE * (1 - point[1])
        distance = ((places - across).square() + (places[:, None] - down).square()).sqrt()
        dark, light = (distance - 6).abs() < 1.1, (distance - 6).abs() < 2.2
        # Colours come first: engines take ten times as long for conditions that come before them.
        shown = torch.where(light, 255, ground.permute(2, 0, 1).float())
        shown = torch.where(dark | (distance < 1.1), 0, shown).permute(1, 2, 0)
        return nn.functional.pad(shown, (0, 1), value=255).to(torch.uint8)


class _Plane:
    """The codes of a network's plane, and what is drawn of them."""

    def __init__(self, model, images, others):
        self.codes = model.encode(images)
        self.near = self._to_nearest(model.encode(others)).quantile(0.95)
        self.within = (self.codes.norm(dim=1) < WITHIN).float().mean()
        ends = torch.tensor([0.005, 0.995], device="cpu")
        lowest, highest = self.codes.quantile(ends, dim=0)
        lowest, highest = lowest.clamp(max=-WITHIN), highest.clamp(min=WITHIN)
        # As far in one direction as in the other, so that a circle is one.
        reach = (highest - lowest).max() * (0.5 + MARGIN)
        self.lowest = (lowest + highest) / 2 - reach
        self.extent = (2 * reach).expand(2).clone()

    def drawn(self, labels):
        """The map without the ring, uint8 (SIDE, SIDE, 3)."""
        shares = (torch.arange(SIDE, device="cpu") + 0.5) / SIDE
        places = torch.cartesian_prod(shares.flip(0), shares).flip(1)  # row by row, from the top
        places = self.lowest + places * self.extent
        far = (self._to_nearest(places) / (6 * self.near)).clamp(max=1)
        shown = (255 - 120 * far).reshape(SIDE, SIDE, 1).repeat(1, 1, 3)
        pixel = self.extent[0] / SIDE
        dashed = torch.atan2(places[:, 1], places[:, 0]) * (8 / torch.pi) % 1 < 0.6
        circle = ((places.norm(dim=1) - WITHIN).abs() < 0.8 * pixel) & dashed
        shown[circle.reshape(SIDE, SIDE)] = 0
        _write(shown, (self.codes - self.lowest) / self.extent, labels)
        return shown.round().to(torch.uint8)

    def _to_nearest(self, places):
        parts = [torch.cdist(part, self.codes).amin(dim=1) for part in places.split(2000)]
        return torch.cat(parts)


def _write(shown, places, labels):
    """Put labels at places, in shares of the map; where there is no room, a dot."""
    from seaborn import color_palette  # here: it takes as long to import as all the rest

    colours = 255 * torch.tensor(color_palette("colorblind", 10), device="cpu")
    taken = torch.zeros(SIDE, SIDE, dtype=torch.bool, device="cpu")
    columns = (SIDE * places[:, 0]).long()
    rows = (SIDE * (1 - places[:, 1])).long()
    on_it = (columns >= 3) & (columns < SIDE - 3) & (rows >= 4) & (rows < SIDE - 4)
    columns, rows, labels = (each[on_it].tolist() for each in (columns, rows, labels))
    for column, row, label in zip(columns, rows, labels, strict=True):
        shown[row, column] = colours[label]
    for column, row, label in zip(columns, rows, labels, strict=True):
        tile = slice(row - 3, row + 4), slice(column - 2, column + 3)
        if not taken[tile].any():
            taken[tile] = True
            shown[tile] = 25
            glyph = shown[row - 2 : row + 3, column - 1 : column + 2]
            glyph[_glyphs.digit(label)] = colours[label]


def _spiral():
    """A way from the middle outwards, which meets dense places and empty ones."""
    turns = torch.linspace(0, 4 * torch.pi, 120, device="cpu")
    reach = 0.45 * turns / turns[-1]
    places = torch.stack([0.5 + reach * turns.cos(), 0.5 + reach * turns.sin()], dim=1)
    return tuple((round(x, 3), round(y, 3)) for x, y in places.tolist())
