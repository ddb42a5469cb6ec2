"""The few units that a sparse autoencoder uses for an image, each to be turned up or down."""

import torch

from aetutor.checks import whole_number
from aetutor.scenes._pixels import Images, picture, pixels
from aetutor.scenes._scene import Scene
from aetutor.scenes.parts import Number, Picker, Reset, Slider

ACTIVE = 6  # of an image's units have a slider, the strongest
LIT = 8  # images are shown for a unit


class SparseUnits(Scene):
    """An image as the sum of a few units, and a closer look at any unit.

    Controls: ``image``; ``times_1`` to ``times_6``, by what the image's strongest units are
    multiplied; ``unit``, the number of any unit, and ``added``, how much of it is added to the
    image; ``reset``. Pictures: ``original``; ``reconstruction``; ``turned``, the reconstruction
    with the sliders' changes; ``unit_1`` to ``unit_6``, the strongest units, a click on one looks
    at it; ``picture``, the unit that is looked at; ``lit``, the images that light it most, black
    where there are no more. In a unit's picture grey is 0.

    Parameters
    ----------
    model : SparseAutoencoder
    split : Split
        Where the images come from.
    index : int
        The first image's number in the split.
    shown : int, optional
        Only the first so many images can be chosen and are searched for those that light a unit;
        all if left out.

    Raises
    ------
    ValueError
        If the images do not fit the model, there are fewer than eight, or none has this number.
    """

    name = "sparse_units"

    def __init__(self, model, split, *, index=0, shown=None):
        super().__init__()
        split = split.subset(0, len(split) if shown is None else shown)
        whole_number("the number of images", len(split), LIT)
        self.value_range = split.value_range
        self.images = Images(split.images, split.value_range)
        with torch.no_grad():
            codes = torch.cat([model.encode(images) for images, _ in split.batches(500)])
            dictionary, bias = model.dictionary.detach(), model.bias.detach()
        strengths, units = codes.topk(model.k, dim=1)
        most = codes.topk(LIT, dim=0)
        for name, buffer in {
            "dictionary": dictionary.half(),  # half the bytes of a file that a page loads
            "bias": bias,
            "strengths": strengths,  # (N, k), the strongest first
            "units": units,  # (N, k)
            "brightest": most.indices.T.contiguous(),  # (latent_dim, 8)
            "is_lit": most.values.T > 0,
            "counts": (codes > 0).sum(dim=0),
        }.items():
            self.register_buffer(name, buffer, persistent=False)
        self.active = min(ACTIVE, model.k)
        self.image_shape = model.image_shape
        whole_number("index", index, 0, len(split) - 1)
        self._describe(index, units[index, 0].item())

    def _describe(self, image, unit):
        places = range(1, self.active + 1)
        sliders = [
            Slider(f"times_{place}", f"Unit {place} times", 0, 3, 0.1, 1.0) for place in places
        ]
        names = tuple(slider.name for slider in sliders)
        self.controls = (
            Picker("image", "Image", len(self.images), image),
            Reset("reset", "As encoded", (*names, "added")),
            *sliders,
            Picker("unit", "Look at unit", len(self.dictionary), unit),
            Slider("added", "Add of it", 0, 6, 0.1, 0.0),
        )
        shape = self.image_shape
        self.outputs = (
            picture("original", "image", "Image {image} of the data set.", shape, side=168),
            picture(
                "reconstruction", "its units' sum", "Image {image}, reconstructed.", shape, side=168
            ),
            picture("turned", "turned", "The same with units turned.", shape, side=168),
            *(
                picture(
                    f"unit_{place}",
                    f"{place}: {{strength_{place}}}",
                    f"The picture of unit {{number_{place}}}, strength {{strength_{place}}}.",
                    shape,
                    side=112,
                    click=("unit", f"number_{place}"),
                )
                for place in places
            ),
            *(Number(f"strength_{place}", decimals=1) for place in places),
            *(Number(f"number_{place}", dtype="int64") for place in places),
            picture("picture", "unit {unit}", "The picture of unit {unit}.", shape, side=112),
            picture(
                "lit",
                f"lit by {{count}} of {len(self.images)} images, most by these",
                "The images that light unit {unit} most.",
                shape,
                columns=LIT,
                side=84,
            ),
            Number("count", dtype="int64"),
        )
        halves = names[:3], names[3:]
        self.rows = (
            ("image", "reset"),
            ("original", "reconstruction", "turned"),
            tuple(f"unit_{place}" for place in places),
            *(half for half in halves if half),
            ("unit", "added"),
            ("picture", "lit"),
        )

    def forward(self, image, *values):
        *times, unit, added = values
        image, unit = image.reshape(1), unit.reshape(1)
        strengths, units = (t.index_select(0, image)[0] for t in (self.strengths, self.units))
        atoms = self.dictionary.index_select(0, units).float()  # (k, C x H x W)
        looked_at = self.dictionary.index_select(0, unit).float()
        rest = strengths[self.active :]
        turned = torch.cat([strengths[: self.active] * torch.stack(times), rest])
        sums = torch.stack([strengths @ atoms, turned @ atoms + added * looked_at[0]]) + self.bias
        pictures = (*sums.unsqueeze(1).unbind(), *atoms[: self.active].split(1), looked_at)
        reconstruction, changed, *shown, looked_at = (
            each.unflatten(1, self.image_shape) for each in pictures
        )
        lit = self.images(self.brightest.index_select(0, unit)[0])
        is_lit = self.is_lit.index_select(0, unit)[0][:, None, None, None]
        return (
            pixels(self.images(image), self.value_range),
            pixels(reconstruction, self.value_range),
            pixels(changed, self.value_range),
            *(signed(each) for each in shown),
            *strengths[: self.active],
            *units[: self.active],
            signed(looked_at),
            pixels(torch.where(is_lit, lit, self.value_range[0]), self.value_range, LIT),
            self.counts.index_select(0, unit)[0],
        )


def signed(images):
    """Images of positive and negative values as one picture, their largest value white or black."""
    largest = images.abs().amax(dim=(1, 2, 3), keepdim=True).clamp(min=1e-6)
    return pixels(images / largest, (-1.0, 1.0))
