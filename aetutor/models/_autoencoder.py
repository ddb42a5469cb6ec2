"""What all autoencoders share, and the checks of the images that they are given."""

from contextlib import contextmanager

import torch
from torch import nn
from torch.nn import functional as F

from aetutor.checks import whole_number

# Interpolated or rounded images may leave the range by a rounding error.
TOLERANCE = 1e-3


class Autoencoder(nn.Module):
    """What all kinds share; a kind supplies ``encoder`` and ``decoder``.

    Parameters
    ----------
    latent_dim : int
        Length of the code, at least 1.
    image_shape : tuple of int
        (C, H, W) of one image.
    value_range : tuple of float
        Lowest and highest value of a pixel.

    Attributes
    ----------
    config : dict
        ``kind`` and the arguments that :func:`build` needs to make this network again.
    """

    # Whether the network is large enough to gain from bfloat16, where the processor has it.
    prefers_bfloat16 = False

    def __init__(self, latent_dim, image_shape, value_range):
        super().__init__()
        self.latent_dim = whole_number("latent_dim", latent_dim, 1)
        self.image_shape = tuple(image_shape)
        self.value_range = tuple(value_range)
        self.config = {"kind": type(self).__name__, "latent_dim": self.latent_dim}

    def encode(self, images):
        """Return the codes of images.

        Parameters
        ----------
        images : torch.Tensor
            (B, C, H, W), values in ``value_range``.

        Returns
        -------
        torch.Tensor
            (B, latent_dim).

        Raises
        ------
        ValueError
            If the images have another shape or values outside the range (the values are looked
            at on the CPU only).
        """
        check_images(images, self.image_shape, self.value_range)
        return self.encoder(images)

    def decode(self, latents):
        """Return the images of codes.

        Parameters
        ----------
        latents : torch.Tensor
            (B, latent_dim).

        Returns
        -------
        torch.Tensor
            (B, C, H, W).

        Raises
        ------
        ValueError
            If the latents have another shape.
        """
        if latents.ndim != 2 or latents.shape[1] != self.latent_dim:
            raise ValueError(
                f"latents must have the shape (B, {self.latent_dim}), got {tuple(latents.shape)}"
            )
        return self.decoder(latents)

    def forward(self, images):
        """Return the reconstructions of images: ``decode(encode(images))``."""
        return self.decode(self.encode(images))

    def loss(self, images):
        """Return what training minimises: here the mean squared error of the reconstructions.

        A kind that learns something else overrides it.

        Parameters
        ----------
        images : torch.Tensor
            (B, C, H, W), values in ``value_range``.

        Returns
        -------
        torch.Tensor or dict of str to torch.Tensor
            One number; or, by name, the terms that it is made of, of which "loss" is minimised and
            the others are recorded.
        """
        return F.mse_loss(self(images).float(), images)


def in_batches(images, batch_size):
    """The images of a tensor or a split, ``batch_size`` at a time."""
    if isinstance(images, torch.Tensor):
        return images.split(batch_size)
    return (batch for batch, _ in images.batches(batch_size))


def check_images(images, image_shape, value_range):
    """Raise a ValueError unless images are ``(B, *image_shape)`` with values in the range."""
    if images.ndim != 4 or tuple(images.shape[1:]) != tuple(image_shape):
        expected = ", ".join(str(n) for n in image_shape)
        raise ValueError(f"images must have the shape (B, {expected}), got {tuple(images.shape)}")
    if not images.is_floating_point():
        raise ValueError(f"images must be floating-point numbers, got {images.dtype}")
    if torch.jit.is_tracing() or torch.compiler.is_compiling():
        return  # there are no values
    if not len(images) or images.device.type != "cpu":
        return  # to look at values on a GPU would make every step wait for it
    # Not aminmax: it copies images whose channels come last in memory.
    lowest, highest = images.detach().amin().item(), images.detach().amax().item()
    low, high = value_range
    # Written so that NaN fails it too.
    if not (lowest >= low - TOLERANCE and highest <= high + TOLERANCE):
        raise ValueError(
            f"images must have values from {low:g} to {high:g}, "
            f"got values from {lowest:g} to {highest:g}"
        )


@contextmanager
def seeded(seed):
    """Draw initial weights from a seed, in float32 on the CPU, whatever the reader's settings."""
    dtype = torch.get_default_dtype()
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        torch.manual_seed(seed)
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)
