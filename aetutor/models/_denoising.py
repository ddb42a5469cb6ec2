"""Autoencoders that learn to undo damage."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from aetutor.checks import known_name
from aetutor.models._autoencoder import Autoencoder, seeded

DAMAGES = ("noise", "pixels", "patches")
PATCH = 4  # pixels a side; it divides 28 and 32


class DenoisingAutoencoder(Autoencoder):
    """One wide layer, 784-800-784, that sees damaged digits and is asked for the whole ones.

    After Vincent et al. (2008). Nothing is squeezed, so without damage it may learn to copy.

    Parameters
    ----------
    latent_dim : int
        Units of the layer; what they give is the code.
    damage : {"noise", "pixels", "patches"}
        What is done to an image before the network sees it; see :func:`damaged`.
    amount : float or sequence of float
        How much of it: the noise's standard deviation, or the share masked. Two numbers are the
        lowest and the highest: each image gets its own from between them. With 0, a plain
        autoencoder.
    tied : bool
        Whether the decoder's matrix is the encoder's, transposed, and not one of its own.
    seed : int
        Of the initial weights, and of the damage during training.

    Raises
    ------
    ValueError
        If there is no such damage, or no such amount of it.
    """

    def __init__(self, latent_dim=800, *, damage="noise", amount=0.5, tied=False, seed=0):
        super().__init__(latent_dim, image_shape=(1, 28, 28), value_range=(0.0, 1.0))
        self.damage, self.amounts = damage, _lowest_and_highest(damage, amount)
        amount = amount if isinstance(amount, int | float) else list(amount)
        self.config |= {"damage": damage, "amount": amount, "tied": tied}
        with seeded(seed):
            self.encoder = nn.Sequential(
                nn.Flatten(),
                nn.Linear(784, latent_dim),  # (B, latent_dim)
                nn.ReLU(),
            )
            back = nn.Linear(latent_dim, 784)
        self.weight = None if tied else back.weight
        self.bias = back.bias
        self._dice = torch.Generator().manual_seed(seed)

    def decoder(self, latents):
        weight = self.encoder[1].weight.T if self.weight is None else self.weight
        pixels = F.linear(latents, weight, self.bias).sigmoid()  # (B, 784)
        return pixels.unflatten(1, self.image_shape)  # (B, 1, 28, 28)

    def denoise(self, damaged):
        """Return what the network makes of images that may leave the range, as noisy ones do."""
        return self.decoder(self.encoder(damaged))

    def damaged(self, images):
        """Return images as the network sees them in training, and which pixels are hidden.

        They are damaged anew with every call; see :func:`damaged`.
        """
        lowest, highest = self.amounts
        drawn = {"generator": self._dice, "dtype": torch.float32, "device": "cpu"}
        amounts = lowest + (highest - lowest) * torch.rand(len(images), 1, 1, 1, **drawn)
        return damaged(images, self.damage, amounts, self._dice)

    def loss(self, images):
        """Return the mean squared error between whole images and what damaged ones became."""
        seen, _ = self.damaged(images)
        return F.mse_loss(self.denoise(seen).float(), images)


def damaged(images, damage, amount, generator=None):
    """Return images with some damage, and which pixels it hides.

    Parameters
    ----------
    images : torch.Tensor
        (B, C, H, W). With "patches" both sides must be multiples of 4.
    damage : {"noise", "pixels", "patches"}
        Normally distributed noise is added; or each pixel, or each square of 4 x 4 pixels, is
        masked with the same probability. What is masked becomes 0, and the rest is divided by the
        share that is left, so that a unit sees the same sum on average (as in dropout).
    amount : float or torch.Tensor
        The noise's standard deviation, at least 0; or the share masked, in [0, 1). A tensor
        (B, 1, 1, 1) has one for each image.
    generator : torch.Generator, optional
        On the CPU; torch's global one if left out.

    Returns
    -------
    tuple of torch.Tensor
        The damaged images, (B, C, H, W), and the hidden pixels, booleans (B, 1, H, W): none with
        noise.

    Raises
    ------
    ValueError
        If there is no such damage, or no such amount of it.
    """
    amounts = torch.as_tensor(amount, dtype=torch.float32, device=images.device)
    for each in amounts.aminmax():
        _check_damage(damage, each.item())
    count, _, height, width = images.shape
    if damage == "noise":
        drawn = torch.randn(images.shape, generator=generator, dtype=torch.float32, device="cpu")
        hidden = torch.zeros(count, 1, height, width, dtype=torch.bool, device=images.device)
        return images + amounts * drawn.to(images.device), hidden
    side = PATCH if damage == "patches" else 1
    if height % side or width % side:
        raise ValueError(f"patches of {side} x {side} pixels do not fill {height} x {width}")
    shape = (count, 1, height // side, width // side)
    drawn = torch.rand(shape, generator=generator, dtype=torch.float32, device="cpu")
    hidden = drawn.to(images.device) < amounts
    hidden = hidden.repeat_interleave(side, dim=2).repeat_interleave(side, dim=3)
    return images.masked_fill(hidden, 0.0) / (1 - amounts), hidden


def _lowest_and_highest(damage, amount):
    """The two ends of an amount, which may be a single number; both checked."""
    try:
        lowest, highest = (amount, amount) if isinstance(amount, int | float) else amount
    except (TypeError, ValueError):
        raise ValueError(f"amount must be a number or two, got {amount!r}") from None
    for each in (lowest, highest):
        _check_damage(damage, each)
    if lowest > highest:
        raise ValueError(f"the lowest amount must come first, got {amount!r}")
    return float(lowest), float(highest)


def _check_damage(damage, amount):
    known_name("damage", damage, DAMAGES)
    if damage == "noise" and not 0 <= amount < math.inf:
        raise ValueError(f"the noise's standard deviation must be at least 0, got {amount!r}")
    if damage != "noise" and not 0 <= amount < 1:
        raise ValueError(f"the share masked must be from 0 to below 1, got {amount!r}")
