"""Noise on its way to codes, along a learnt velocity, decoded."""

import torch

from aetutor.scenes._pixels import picture, pixels
from aetutor.scenes._scene import Scene
from aetutor.scenes.parts import Choice, Counter, Picture, Slider

SHOWN = 6  # codes
STARTS = 20  # draws of their noise
STEPS = (1, 2, 5, 10, 20)
PLANE, REACH = 112, 3.2  # the map's side in pixels, and how far it goes to each side
SCATTERED = 2000  # codes behind the paths


class Flow(Scene):
    """Six starts of noise that follow the velocity of a flow to codes.

    Controls: ``wanted``, a class or any; ``guidance``; ``steps``, how many Euler's method takes;
    ``time``, how far they have come, from 0, noise, to 1, codes; ``again``, other noise. Pictures:
    ``now``, what the codes on their way decode to; ``aim``, what they would decode to if they kept
    their present velocity to the end; ``plane``, their paths in the two directions in which codes
    vary most.

    Parameters
    ----------
    model : Autoencoder
    flow : latent.Flow
        Of codes of the model's length, with classes.
    latents : torch.Tensor
        (N, latent_dim): codes of real images, of which the map shows the first 2000.
    class_names : sequence of str, optional
        Of the flow's classes; their numbers if left out.

    Raises
    ------
    ValueError
        If the flow or the codes have another length than the model's codes, or the flow has no
        classes, or not as many as there are names.
    """

    name = "flow"

    def __init__(self, model, flow, latents, *, class_names=None):
        super().__init__()
        names = tuple(class_names or (str(label) for label in range(flow.classes)))
        if not flow.latent_dim == model.latent_dim == latents.shape[-1]:
            raise ValueError(
                f"the model needs codes of length {model.latent_dim}, the flow gives "
                f"{flow.latent_dim}, the codes have {latents.shape[-1]}"
            )
        if not flow.classes or len(names) != flow.classes:
            raise ValueError(
                f"the flow must have a class for each name, got {flow.classes} and {len(names)}"
            )
        self.model, self.flow = model, flow
        noise = [
            torch.randn(
                SHOWN, flow.latent_dim, generator=torch.Generator().manual_seed(n), device="cpu"
            )
            for n in range(STARTS)
        ]
        self.register_buffer("noise", torch.stack(noise), persistent=False)
        self.register_buffer("counts", torch.tensor(STEPS, dtype=torch.float32), persistent=False)
        self.register_buffer("scattered", self._density(latents[:SCATTERED]), persistent=False)
        self.controls = (
            Choice("wanted", "Class", ("any", *names)),
            Slider("guidance", "Guidance", 0, 4, 0.5, 1.0),
            Choice("steps", "Steps", tuple(map(str, STEPS)), len(STEPS) - 1),
            Counter("again", "Other noise", STARTS),
            Slider("time", "Time", 0, 1, 0.02, 0.4, decimals=2, play=100),
        )
        row = {"columns": SHOWN, "side": 84}
        of = "class {wanted}, guidance {guidance}, {steps} steps, time {time}"
        self.outputs = (
            picture(
                "now", "on their way", f"Six codes on their way, {of}.", model.image_shape, **row
            ),
            picture(
                "aim",
                "if they kept this velocity to the end",
                f"What the six codes aim at, {of}.",
                model.image_shape,
                **row,
            ),
            Picture(
                "plane",
                "their paths, where codes vary most (grey: codes of real images)",
                f"The paths of the six codes in the two leading directions, {of}.",
                height=PLANE,
                width=PLANE,
                times=3,
            ),
        )
        self.rows = (
            ("wanted", "steps", "again"),
            ("guidance", "time"),
            ("now",),
            ("aim",),
            ("plane",),
        )

    def forward(self, wanted, guidance, steps, again, time):
        classes = self.flow.classes
        labels = ((wanted + classes) % (classes + 1)).expand(SHOWN)  # 0 is any: the flow's last
        length = 1 / self.counts.index_select(0, steps.reshape(1))[0]
        x = self.noise.index_select(0, again.reshape(1))[0]
        path = [x]
        for step in range(max(STEPS)):
            start = (step * length).clamp(max=1)
            velocity = self.flow.guided(x, start.reshape(1), labels, guidance)
            # All of the step, a part of it, or none: where the time is in it, or before it.
            x = x + torch.minimum((time - start).clamp(min=0), length) * velocity
            path.append(x)
        aim = x + (1 - time) * self.flow.guided(x, time.reshape(1), labels, guidance)
        images = self.model.decode(self.flow.unwhiten(torch.cat([x, aim])))
        limits = self.model.value_range
        rows = (pixels(each, limits, SHOWN) for each in images.chunk(2))
        return (*rows, self._map(torch.stack(path)))

    def _map(self, path):
        """The paths (S, SHOWN, latent_dim) drawn over the density, where they are now as dots."""
        points = path[..., :2].flatten(0, 1)  # (S x SHOWN, 2)
        trail = (2 * _spots(points, 0.9)).clamp(0, 1)
        dots = (2 * _spots(points[-SHOWN:], 2.0)).clamp(0, 1)
        picture = self.scattered[..., None]
        for ink, color in ((trail, (86, 180, 233)), (dots, (213, 94, 0))):
            color = torch.tensor(color, dtype=torch.float32, device="cpu")
            picture = picture + ink[..., None] * (color - picture)  # lerp exports to much more
        return torch.nn.functional.pad(picture, (0, 1), value=255).round().to(torch.uint8)

    def _density(self, latents):
        """Grey where codes of real images lie, white elsewhere, (PLANE, PLANE)."""
        with torch.no_grad():
            density = _spots(self.flow.whiten(latents)[:, :2], 1.4)
        return 255 - 110 * (density / density.max()).sqrt()


def _spots(points, width):
    """Round spots at points (N, 2), added up, (PLANE, PLANE).

    Each is 1 in its middle and falls off like a normal density whose standard deviation is
    ``width`` pixels. It is a product of two matrices, because to compare all points with all
    pixels would make a frame a third longer.
    """
    pixel = 2 * REACH / PLANE
    centres = (torch.arange(PLANE, device="cpu") + 0.5) * pixel - REACH
    columns = torch.exp(-((points[:, :1] - centres) / pixel).square() / (2 * width**2))
    rows = torch.exp(-((points[:, 1:] + centres) / pixel).square() / (2 * width**2))
    return rows.T @ columns
