"""Training history: errors per epoch, and pictures along the way."""

from dataclasses import dataclass, field

import torch


@dataclass
class History:
    """Record of a training run, one entry per epoch.

    Attributes
    ----------
    value_range : tuple of float
        The range of pixel values to which the errors refer.
    train_error : list of float
        The loss of the training images, averaged while they were learnt from: by default their mean
        squared error per pixel.
    val_error : list of float
        Mean squared error per pixel on the validation images, after the epoch.
    learning_rate : list of float
        At the end of the epoch.
    seconds : list of float
        Wall time of the epoch, validation included.
    images : torch.Tensor or None
        (N, C, H, W), the held-out images that the pictures show, as bytes.
    pictures : dict of int to torch.Tensor
        Their reconstructions by epoch, like ``images``.
    terms : dict of str to list of float
        What the loss is made of, averaged likewise, if the model's ``loss`` names its terms.
    """

    value_range: tuple[float, float] = (0.0, 1.0)
    train_error: list[float] = field(default_factory=list)
    val_error: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    images: torch.Tensor | None = None
    pictures: dict[int, torch.Tensor] = field(default_factory=dict)
    terms: dict[str, list[float]] = field(default_factory=dict)

    def __len__(self):
        return len(self.train_error)

    def append(self, terms, val_error, learning_rate, seconds):
        """Record an epoch; ``terms`` has "loss", and what it is made of, by name."""
        self.train_error.append(terms["loss"])
        self.val_error.append(val_error)
        self.learning_rate.append(learning_rate)
        self.seconds.append(seconds)
        for name in terms.keys() - {"loss"}:
            self.terms.setdefault(name, []).append(terms[name])

    def curves(self):
        """Return everything but the pictures, as plain lists that JSON can hold."""
        names = ("value_range", "train_error", "val_error", "learning_rate", "seconds")
        curves = {name: list(getattr(self, name)) for name in names}
        return curves | {"terms": {name: list(values) for name, values in self.terms.items()}}

    def tensors(self):
        """Return the pictures by name, as bytes: what :meth:`restore` takes beside the curves."""
        if self.images is None:
            return {}
        return {"images": self.images} | {
            f"pictures.{epoch}": picture for epoch, picture in self.pictures.items()
        }

    @classmethod
    def restore(cls, curves, tensors):
        """Rebuild a history from its :meth:`curves` and :meth:`tensors`."""
        history = cls(**curves | {"value_range": tuple(curves["value_range"])})
        history.images = tensors.get("images")
        pictures = {
            int(name.removeprefix("pictures.")): tensor
            for name, tensor in tensors.items()
            if name.startswith("pictures.")
        }
        history.pictures = dict(sorted(pictures.items()))  # files have them in another order
        return history


def to_bytes(images, value_range):
    """Return images, of any shape, in a value range as uint8, what lies outside it clipped."""
    low, high = value_range
    scaled = (images.detach().to("cpu", torch.float32) - low) * (255 / (high - low))
    return scaled.clamp(0, 255).round().to(torch.uint8).contiguous()
