"""A drawing, and what networks that know only digits make of it."""

import torch
from torch import nn

from aetutor.scenes._pixels import picture, pixels
from aetutor.scenes._scene import Scene
from aetutor.scenes._sheet import DRAWINGS, SIDE, centred, drawn
from aetutor.scenes.parts import Number, Surface, Words

COMPARED = 1000  # images that the errors are compared with
NOTE = (
    "Choose a drawing. To draw your own, open this lesson's page, or JupyterLab where anywidget is "
    "installed."
)
MESSAGES = (
    "The networks see it centred. In each row, what is made of it through {sizes} numbers; above "
    "the row, the error of each, and in brackets the share of test digits with a smaller one.",
    "The sheet is empty: draw a digit on it. This is what each network makes of black.",
    "The whole sheet is full: nothing of a stroke can be seen. Clear it and draw a thinner line.",
)


class Drawing(Scene):
    """A drawing, centred as MNIST's digits are, and the reconstructions by several networks.

    Control: ``drawing``. Pictures: ``centred``, what the networks get; ``row_1`` and so on, the
    reconstructions by the networks of a row. ``error_1_2`` is the mean squared error of the first
    row's second network, ``rank_1_2`` the share of the compared images that have a smaller one.

    Parameters
    ----------
    networks : dict of str to dict of int to Autoencoder
        For each row, by its name, the networks by the length of their code, the same lengths in
        each row.
    split : Split
        The errors are compared with those of its first 1000 images.
    drawings : dict of str to strokes, optional
        What to start from, by name: each a list of strokes, which are lists of points (x, y) in
        cells from the left and from the top, from 0 to 28. Some of the scene's own if left out.

    Raises
    ------
    ValueError
        If there are no networks or drawings, the lengths differ from row to row, or the networks
        do not take images of 28 x 28 from 0 to 1.
    """

    name = "drawing"

    def __init__(self, networks, split, *, drawings=None):
        super().__init__()
        drawings = DRAWINGS if drawings is None else drawings
        sizes = _check(networks, drawings)
        self.networks = nn.ModuleList(
            nn.ModuleList(by_size.values()) for by_size in networks.values()
        )
        compared, _ = split[:COMPARED]
        with torch.no_grad():
            errors = torch.stack(
                [
                    torch.stack([(each(compared) - compared).square().flatten(1).mean(dim=1)
                                 for each in row])
                    for row in self.networks
                ]
            )  # fmt: skip
        self.register_buffer("errors", errors, persistent=False)  # (rows, sizes, N)
        sheets = tuple(tuple(drawn(strokes).flatten().tolist()) for strokes in drawings.values())
        self.controls = (Surface("drawing", "Start from", SIDE, tuple(drawings), sheets, NOTE),)
        listed = ", ".join(map(str, sizes[:-1])) + f" and {sizes[-1]}" if sizes[1:] else sizes[0]
        shape, places = (1, SIDE, SIDE), range(1, len(sizes) + 1)
        rows = list(enumerate(networks, 1))
        self.outputs = (
            Words("message", tuple(text.replace("{sizes}", str(listed)) for text in MESSAGES)),
            picture(
                "centred",
                "centred, as MNIST has it",
                "{drawing}, scaled and centred as the digits of MNIST are.",
                shape,
                side=84,
            ),
            *(
                picture(
                    f"row_{row}",
                    f"{name}: "
                    + " · ".join(f"{{error_{row}_{n}}} ({{rank_{row}_{n}}})" for n in places),
                    f"What the {name} networks make of {{drawing}}: errors of "
                    + ", ".join(f"{{error_{row}_{n}}}" for n in places)
                    + f" with {listed} numbers.",
                    shape,
                    columns=len(sizes),
                    side=112,
                )
                for row, name in rows
            ),
            *(Number(f"error_{row}_{n}", decimals=4) for row, _ in rows for n in places),
            *(Number(f"rank_{row}_{n}", percent=True) for row, _ in rows for n in places),
        )
        self.rows = (
            ("drawing",),
            *((f"row_{row}",) for row, _ in rows),
            ("centred", "message"),
        )

    def forward(self, drawing):
        sheet = drawing.float() / 255
        image = centred(sheet)[None, None]
        made = torch.stack([torch.cat([each(image) for each in row]) for row in self.networks])
        errors = (made - image).square().mean(dim=(2, 3, 4))  # (rows, sizes)
        ranks = (self.errors < errors[..., None]).float().mean(dim=2)
        cells = sheet.flatten()
        message = torch.where((cells == 0).all(), 1, torch.where((cells > 0).all(), 2, 0))
        return (
            message,
            pixels(image, (0, 1)),
            *(pixels(row, (0, 1), made.shape[1]) for row in made),
            *errors.flatten(),
            *ranks.flatten(),
        )


def _check(networks, drawings):
    """Return the lengths of the codes, the same in every row."""
    if not networks or not drawings:
        raise ValueError("an explorer of drawings needs networks and a drawing, got none")
    sizes, *others = [tuple(by_size) for by_size in networks.values()]
    if not sizes or any(other != sizes for other in others):
        raise ValueError(f"each row needs networks of the same lengths, got {[sizes, *others]}")
    for by_size in networks.values():
        for model in by_size.values():
            if (model.image_shape, model.value_range) != ((1, SIDE, SIDE), (0, 1)):
                raise ValueError(
                    "the networks must take images of shape (1, 28, 28) from 0 to 1, "
                    f"got one for {model.image_shape} in {model.value_range}"
                )
    return sizes
