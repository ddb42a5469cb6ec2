"""Autoencoders: images in, images out, and a flat code in between.

Every kind takes images (B, C, H, W) and has ``encode``, ``decode``, ``latent_dim`` and
``config``, so whatever works with one works with all.
"""

import math
from contextlib import contextmanager
from itertools import pairwise

import torch
from scipy.linalg import eigh
from torch import nn
from torch.nn import functional as F

from aetutor.checks import known_name, whole_number

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


class LinearAutoencoder(Autoencoder):
    """Fully connected layers only: 784-128-64-12-10 and its mirror image.

    Parameters
    ----------
    latent_dim : int
    hidden_sizes : tuple of int
        Widths of the layers between image and code. One that is no wider than the code is left
        out: it would be the real bottleneck. So a 64-d code gives 784-128-64.
    seed : int
        Of the initial weights.
    """

    def __init__(self, latent_dim=10, *, hidden_sizes=(128, 64, 12), seed=0):
        super().__init__(latent_dim, image_shape=(1, 28, 28), value_range=(0.0, 1.0))
        self.config["hidden_sizes"] = list(hidden_sizes)
        sizes = [784, *(size for size in hidden_sizes if size > latent_dim), latent_dim]
        with _seeded(seed):
            self.encoder = nn.Sequential(nn.Flatten(), *_dense(sizes))  # (B, latent_dim)
            self.decoder = nn.Sequential(
                *_dense(sizes[::-1]),  # (B, 784)
                nn.Sigmoid(),
                nn.Unflatten(1, self.image_shape),  # (B, 1, 28, 28)
            )


class ConvAutoencoder(Autoencoder):
    """Three convolutions and their mirror image; the last one, 7x7, makes the code.

    Parameters
    ----------
    latent_dim : int
        Channels of the last convolution: its output is 1x1 large.
    batch_norm : bool
        Normalise each channel over the batch before every ReLU but the code's.
    seed : int
        Of the initial weights.
    """

    def __init__(self, latent_dim=64, *, batch_norm=False, seed=0):
        super().__init__(latent_dim, image_shape=(1, 28, 28), value_range=(0.0, 1.0))
        self.config["batch_norm"] = batch_norm

        def activation(channels):
            norm = [nn.BatchNorm2d(channels)] if batch_norm else []
            return [*norm, nn.ReLU()]

        up = {"stride": 2, "padding": 1, "output_padding": 1}
        with _seeded(seed):
            self.encoder = nn.Sequential(
                nn.Conv2d(1, 16, kernel_size=3, stride=2, padding=1),  # (B, 16, 14, 14)
                *activation(16),
                nn.Conv2d(16, 32, kernel_size=3, stride=2, padding=1),  # (B, 32, 7, 7)
                *activation(32),
                nn.Conv2d(32, latent_dim, kernel_size=7),  # (B, latent_dim, 1, 1)
                nn.Flatten(),  # (B, latent_dim)
            )
            self.decoder = nn.Sequential(
                nn.Unflatten(1, (latent_dim, 1, 1)),  # (B, latent_dim, 1, 1)
                nn.ConvTranspose2d(latent_dim, 32, kernel_size=7),  # (B, 32, 7, 7)
                *activation(32),
                nn.ConvTranspose2d(32, 16, kernel_size=3, **up),  # (B, 16, 14, 14)
                *activation(16),
                nn.ConvTranspose2d(16, 1, kernel_size=3, **up),  # (B, 1, 28, 28)
                nn.Sigmoid(),
            )


class ColorConvAutoencoder(Autoencoder):
    """Strided convolutions 32-16-8-4 and a linear code, for 32x32 colour images.

    The network of the UvA deep-learning course, tutorial 9 (Lippe, 2020).

    Parameters
    ----------
    latent_dim : int
    base_channels : int
        Channels of the first convolutions; the later ones have twice as many.
    activation : type
        A class of ``torch.nn``, put after every layer but the code and the image.
    seed : int
        Of the initial weights.
    """

    prefers_bfloat16 = True

    def __init__(self, latent_dim=384, *, base_channels=32, activation=nn.GELU, seed=0):
        super().__init__(latent_dim, image_shape=(3, 32, 32), value_range=(-1.0, 1.0))
        if base_channels < 1:
            raise ValueError(f"base_channels must be at least 1, got {base_channels}")
        self.config |= {"base_channels": base_channels, "activation": activation.__name__}
        c, act = base_channels, activation
        down = {"kernel_size": 3, "stride": 2, "padding": 1}
        same = {"kernel_size": 3, "padding": 1}
        up = {"kernel_size": 3, "stride": 2, "padding": 1, "output_padding": 1}
        with _seeded(seed):
            self.encoder = nn.Sequential(
                *(nn.Conv2d(3, c, **down), act()),  # (B, c, 16, 16)
                *(nn.Conv2d(c, c, **same), act()),
                *(nn.Conv2d(c, 2 * c, **down), act()),  # (B, 2c, 8, 8)
                *(nn.Conv2d(2 * c, 2 * c, **same), act()),
                *(nn.Conv2d(2 * c, 2 * c, **down), act()),  # (B, 2c, 4, 4)
                nn.Flatten(),  # (B, 32c)
                nn.Linear(32 * c, latent_dim),  # (B, latent_dim)
            )
            self.decoder = nn.Sequential(
                *(nn.Linear(latent_dim, 32 * c), act()),  # (B, 32c)
                nn.Unflatten(1, (2 * c, 4, 4)),  # (B, 2c, 4, 4)
                *(nn.ConvTranspose2d(2 * c, 2 * c, **up), act()),  # (B, 2c, 8, 8)
                *(nn.Conv2d(2 * c, 2 * c, **same), act()),
                *(nn.ConvTranspose2d(2 * c, c, **up), act()),  # (B, c, 16, 16)
                *(nn.Conv2d(c, c, **same), act()),
                nn.ConvTranspose2d(c, 3, **up),  # (B, 3, 32, 32)
                nn.Tanh(),
            )


class PCAAutoencoder(Autoencoder):
    """Principal components as an autoencoder: the best linear code there is, in closed form.

    Made by :meth:`fit`; an unfitted one decodes everything to black.

    Parameters
    ----------
    latent_dim : int
        Number of components.
    image_shape : tuple of int
        (C, H, W).
    value_range : tuple of float
    """

    def __init__(self, latent_dim=10, *, image_shape=(1, 28, 28), value_range=(0.0, 1.0)):
        super().__init__(latent_dim, image_shape, value_range)
        self.config |= {"image_shape": list(image_shape), "value_range": list(value_range)}
        pixels = math.prod(self.image_shape)
        if latent_dim > pixels:
            raise ValueError(
                f"latent_dim must be at most the {pixels} values of an image, got {latent_dim}"
            )
        self.register_buffer("mean", torch.zeros(pixels, dtype=torch.float32, device="cpu"))
        self.register_buffer(
            "components", torch.zeros(latent_dim, pixels, dtype=torch.float32, device="cpu")
        )

    @classmethod
    @torch.no_grad()
    def fit(cls, images, latent_dim):
        """Return the autoencoder of the leading principal components of images.

        Parameters
        ----------
        images : torch.Tensor or Split
            (N, C, H, W), N at least ``latent_dim``. A split has its range, and becomes floats
            batch by batch. A tensor is taken to be in [0, 1], or in [-1, 1] if any value is
            negative.
        latent_dim : int

        Raises
        ------
        ValueError
            If the images are neither a split nor (N, C, H, W) in one of these ranges, or fewer
            than ``latent_dim``.
        """
        image_shape, value_range = _shape_and_range(images)
        if len(images) < latent_dim:
            raise ValueError(f"{latent_dim} components need as many images, got {len(images)}")
        model = cls(latent_dim, image_shape=image_shape, value_range=value_range)
        total = sum(batch.flatten(1).sum(dim=0) for batch in in_batches(images, 1000))
        mean = total / len(images)
        directions = _leading_directions(_covariance(images, mean), latent_dim).to(mean)
        # A component and its opposite are equally good; this is always the same one of the two.
        largest = directions.gather(0, directions.abs().argmax(dim=0, keepdim=True))
        model.mean.copy_(mean)
        model.components.copy_((directions * largest.sign()).T)
        return model.to(mean.device).eval()

    def leading(self, latent_dim):
        """Return the autoencoder of the first ``latent_dim`` of these components.

        It is the one that :meth:`fit` would give: principal components do not depend on how many
        are asked for.

        Raises
        ------
        ValueError
            If this model has fewer components.
        """
        if latent_dim > self.latent_dim:
            raise ValueError(
                f"latent_dim must be at most this model's {self.latent_dim}, got {latent_dim}"
            )
        settings = {"image_shape": self.image_shape, "value_range": self.value_range}
        model = type(self)(latent_dim, **settings).to(self.mean.device)
        model.mean.copy_(self.mean)
        model.components.copy_(self.components[:latent_dim])
        return model.eval()

    def encoder(self, images):
        return (images.flatten(1) - self.mean) @ self.components.T

    def decoder(self, latents):
        return (latents @ self.components + self.mean).unflatten(1, self.image_shape)


KINDS = {
    kind.__name__: kind
    for kind in (LinearAutoencoder, ConvAutoencoder, ColorConvAutoencoder, PCAAutoencoder)
}


def build(config):
    """Make the network that a ``config`` describes, with fresh weights.

    Parameters
    ----------
    config : dict
        As in :attr:`Autoencoder.config`.

    Raises
    ------
    ValueError
        If the kind is unknown, or its arguments do not fit it.
    """
    arguments = dict(config)
    kind = known_name("kind", arguments.pop("kind", None), KINDS)
    if "activation" in arguments:
        name = arguments["activation"]
        if name not in nn.modules.activation.__all__:
            raise ValueError(f"activation must be the name of one of torch.nn's, got {name!r}")
        arguments["activation"] = getattr(nn, name)
    try:
        return KINDS[kind](**arguments)
    except TypeError as error:
        raise ValueError(f"{kind} cannot be built from {config}: {error}") from error


def _shape_and_range(images):
    """Shape of one image and range of values, of a split or of a tensor that is checked."""
    if not isinstance(images, torch.Tensor):
        if not hasattr(images, "batches"):
            raise ValueError(f"images must be a tensor or a split, got {type(images).__name__}")
        return tuple(images.images.shape[1:]), images.value_range
    if images.ndim != 4:
        raise ValueError(f"images must have the shape (N, C, H, W), got {tuple(images.shape)}")
    value_range = (-1.0, 1.0) if images.amin() < 0 else (0.0, 1.0)
    check_images(images, images.shape[1:], value_range)
    return tuple(images.shape[1:]), value_range


def _covariance(images, mean):
    """Covariance (D, D) of the D values of images with a given mean (D,)."""
    covariance = mean.new_zeros(len(mean), len(mean))
    for batch in in_batches(images, 1000):
        centred = batch.flatten(1) - mean
        covariance.addmm_(centred.T, centred, alpha=1 / len(images))
    return covariance


def _leading_directions(covariance, count):
    """The eigenvectors (D, count) of the largest eigenvalues, the largest first."""
    # float64: with fewer images than pixels, eigh may not converge in float32. SciPy's computes
    # no more than are wanted, here in the memory of the (symmetric) matrix itself.
    square = covariance.cpu().double().numpy().T
    del covariance
    leading = len(square) - count, len(square) - 1  # the largest eigenvalues come last
    _, directions = eigh(square, subset_by_index=leading, overwrite_a=True)
    return torch.from_numpy(directions).flip(1)


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


def _dense(sizes):
    """Linear layers from each size to the next, with a ReLU between two of them."""
    layers = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    for hidden in layers[:-2:2]:
        # So hardly any ReLU starts dead, closed for every image: narrow layers need every unit.
        nn.init.constant_(hidden.bias, 0.3)
    return layers[:-1]


@contextmanager
def _seeded(seed):
    """Draw initial weights from a seed, in float32 on the CPU, whatever the reader's settings."""
    dtype = torch.get_default_dtype()
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        torch.manual_seed(seed)
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)
