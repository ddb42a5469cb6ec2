"""A sparse autoencoder: many units, of which only a few are used for each image."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from aetutor.checks import whole_number
from aetutor.models._autoencoder import Autoencoder, check_images, seeded


class SparseAutoencoder(Autoencoder):
    """A dictionary of units; an image is the sum of the k that answer most strongly (TopK).

    Each unit is a picture of norm 1. The code has a strength for each unit: positive for at most
    ``k`` of them, 0 for all others. The image is the bias plus each unit's picture times its
    strength (Makhzani and Frey, 2014; as written in Gao and others, 2025).

    Parameters
    ----------
    latent_dim : int
        Number of units.
    k : int
        How many of them an image may use, from 1 to ``latent_dim``. With ``latent_dim`` nothing is
        left out, and the code is that of a ReLU.
    tied_start : bool
        Let each unit's weights in the encoder start as its picture. Otherwise they are drawn
        independently.
    auxiliary : float
        Weight of a second term in the loss, at least 0: the units that no image of a batch has
        used, as many as 64 of them for each image, reconstruct what is left of it (Gao and others'
        AuxK). That gives them something to learn.
    image_shape : tuple of int
        (C, H, W).
    value_range : tuple of float
    seed : int
        Of the initial weights.

    Raises
    ------
    ValueError
        If ``k`` is below 1 or above the number of units, or ``auxiliary`` below 0.
    """

    RESERVES = 64  # unused units that the auxiliary loss calls on for an image

    def __init__(
        self,
        latent_dim=1024,
        *,
        k=25,
        tied_start=True,
        auxiliary=0.0,
        image_shape=(1, 28, 28),
        value_range=(0.0, 1.0),
        seed=0,
    ):
        super().__init__(latent_dim, image_shape, value_range)
        self.k = whole_number("k", k, 1, self.latent_dim)
        if not 0 <= auxiliary < math.inf:
            raise ValueError(f"auxiliary must be at least 0, got {auxiliary!r}")
        self.auxiliary = float(auxiliary)
        self.config |= {
            "k": self.k,
            "tied_start": bool(tied_start),
            "auxiliary": self.auxiliary,
            "image_shape": list(image_shape),
            "value_range": list(value_range),
        }
        pixels = math.prod(self.image_shape)
        with seeded(seed):
            self.atoms = nn.Parameter(F.normalize(torch.randn(self.latent_dim, pixels), dim=1))
            self.detectors = nn.Linear(pixels, self.latent_dim)
            nn.init.zeros_(self.detectors.bias)
            if tied_start:
                self.detectors.weight.data.copy_(self.atoms)
            else:
                nn.init.normal_(self.detectors.weight, std=pixels**-0.5)
        self.bias = nn.Parameter(torch.zeros(pixels, dtype=torch.float32, device="cpu"))

    @property
    def dictionary(self):
        """The units' pictures, each of norm 1, (latent_dim, C x H x W)."""
        return F.normalize(self.atoms, dim=1)

    def answers(self, images):
        """Return how strongly every unit answers to images, from 0 up: (B, latent_dim)."""
        # Detached: a gradient through here too would make training a third slower.
        return F.relu(self.detectors(images.flatten(1) - self.bias.detach()))

    def encoder(self, images):
        answers = self.answers(images)
        values, places = answers.topk(self.k, dim=1)
        return torch.zeros_like(answers).scatter(1, places, values)

    def decoder(self, latents):
        return (latents @ self.dictionary + self.bias).unflatten(1, self.image_shape)

    def loss(self, images):
        """Return the mean squared error, with the auxiliary term if there is one.

        Returns
        -------
        torch.Tensor or dict of str to torch.Tensor
            With ``auxiliary`` a dict: "loss", and the two terms that it is the weighted sum of,
            "error" and "reserves".
        """
        check_images(images, self.image_shape, self.value_range)
        answers = self.answers(images)
        values, places = answers.topk(self.k, dim=1)
        left = images.flatten(1) - self.bias - self._sums(values, places)
        error = left.square().mean()
        if not self.auxiliary:
            return error
        unused = ~torch.zeros_like(answers, dtype=torch.bool).scatter(1, places, values > 0).any(0)
        reserves = (answers * unused).topk(min(self.RESERVES, self.latent_dim), dim=1)
        of_reserves = F.mse_loss(self._sums(*reserves), left.detach())
        loss = error + self.auxiliary * of_reserves
        return {"loss": loss, "error": error, "reserves": of_reserves}

    def _sums(self, values, places):
        """For each row the sum of the pictures at its places (B, n) times its values (B, n).

        The same as a product with the dictionary, and quicker: only n pictures are added up, and
        it is the values that are divided by the norms.
        """
        weights = values / self.atoms.norm(dim=1)[places]
        return F.embedding_bag(places, self.atoms, per_sample_weights=weights, mode="sum")
