"""Autoencoders of digits whose code is a grid of tokens: whole numbers, one for each place."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from aetutor.checks import whole_number
from aetutor.models._autoencoder import Autoencoder, check_images, seeded

PLACES = 16  # 4x4
DECAY = 0.99  # of the running means that an entry of a codebook is made of
DEAD = 0.5  # an entry chosen less often a batch than this, on average, is replaced


class TokenAutoencoder(Autoencoder):
    """What the two kinds below share: convolutions to 4x4 vectors, each replaced by a listed one.

    An image's **tokens** are the numbers of these entries. Its code is the entries themselves, one
    after the other. A kind supplies ``entries``, the list as a tensor, and ``quantise``.

    Parameters
    ----------
    latent_dim : int
        16 times the length of an entry.
    seed : int
        Of the initial weights.
    """

    def __init__(self, latent_dim, seed):
        super().__init__(latent_dim, image_shape=(1, 28, 28), value_range=(0.0, 1.0))
        width, rest = divmod(self.latent_dim, PLACES)
        if rest:
            raise ValueError(
                f"latent_dim must be a multiple of the {PLACES} places, got {latent_dim}"
            )
        self.width = width
        half = {"kernel_size": 3, "stride": 2, "padding": 1}
        with seeded(seed):
            self.features = nn.Sequential(
                *(nn.Conv2d(1, 16, **half), nn.ReLU()),  # (B, 16, 14, 14)
                *(nn.Conv2d(16, 32, **half), nn.ReLU()),  # (B, 32, 7, 7)
                *(nn.Conv2d(32, 64, **half), nn.ReLU()),  # (B, 64, 4, 4)
                nn.Conv2d(64, width, kernel_size=1),  # (B, width, 4, 4)
            )
            self.decoder = nn.Sequential(
                nn.Unflatten(1, (4, 4, width)),
                _ChannelsFirst(),  # (B, width, 4, 4)
                *(nn.Conv2d(width, 64, kernel_size=3, padding=1), nn.ReLU()),
                *(nn.ConvTranspose2d(64, 32, **half), nn.ReLU()),  # (B, 32, 7, 7)
                *(nn.ConvTranspose2d(32, 16, **half, output_padding=1), nn.ReLU()),
                nn.ConvTranspose2d(16, 1, **half, output_padding=1),  # (B, 1, 28, 28)
                nn.Sigmoid(),
            )

    def vectors(self, images):
        """Return the encoder's vectors before they are replaced: (B, 16, width)."""
        check_images(images, self.image_shape, self.value_range)
        return self.features(images).flatten(2).mT

    def encoder(self, images):
        return self.quantise(self.vectors(images))[0].flatten(1)

    def tokens(self, images):
        """Return the tokens of images (B, C, H, W): int64, (B, 16), row by row."""
        return self.quantise(self.vectors(images))[1]

    def latents(self, tokens):
        """Return the codes of tokens, which ``decode`` takes.

        Parameters
        ----------
        tokens : torch.Tensor
            int64, (B, 16), from 0 to below the number of entries.

        Returns
        -------
        torch.Tensor
            (B, latent_dim).

        Raises
        ------
        ValueError
            If there are not 16, or one is no entry's number (these are looked at on the CPU only).
        """
        if tokens.ndim != 2 or tokens.shape[1] != PLACES:
            raise ValueError(f"tokens must have the shape (B, {PLACES}), got {tuple(tokens.shape)}")
        entries = self.entries
        if not torch.compiler.is_compiling() and len(tokens) and tokens.device.type == "cpu":
            lowest, highest = (value.item() for value in tokens.aminmax())
            if lowest < 0 or highest >= len(entries):
                raise ValueError(
                    f"tokens must be from 0 to {len(entries) - 1}, got {lowest} to {highest}"
                )
        return entries[tokens].flatten(1)


class VQAutoencoder(TokenAutoencoder):
    """Vector quantisation: each vector is replaced by the nearest entry of a learnt codebook.

    Van den Oord and others (2017): gradients go straight through, a *commitment* term keeps the
    vectors near their entries, and an entry is a running mean of the vectors that choose it. An
    entry that is hardly ever chosen is set to a vector of the batch (Dhariwal and others, 2020).

    Parameters
    ----------
    latent_dim : int
        16 times the length of an entry.
    entries : int
        Size of the codebook, at least 2.
    commitment : float
        Weight of that term, beside the mean squared error of a pixel.
    seed : int
        Of the initial weights.
    """

    def __init__(self, latent_dim=64, *, entries=256, commitment=0.02, seed=0):
        super().__init__(latent_dim, seed)
        entries = whole_number("entries", entries, 2)
        if not commitment >= 0:
            raise ValueError(f"commitment must be at least 0, got {commitment!r}")
        self.config |= {"entries": entries, "commitment": commitment}
        self.commitment = commitment
        with seeded(seed):
            vectors = torch.randn(entries, self.width)
        self.register_buffer("sums", vectors)
        self.register_buffer("counts", torch.ones(entries, dtype=torch.float32, device="cpu"))

    @property
    def entries(self):
        """The codebook, (entries, width)."""
        return self.sums / self.counts[:, None]

    def quantise(self, vectors):
        """Return the nearest entries to vectors (..., width), and their numbers (...).

        The gradient of an entry goes to the vector that it replaces.
        """
        entries = self.entries
        # |v - e|^2 without |v|^2, which is the same for all entries.
        tokens = (entries.square().sum(dim=1) - 2 * vectors @ entries.T).argmin(dim=-1)
        return vectors + (entries[tokens] - vectors).detach(), tokens

    def loss(self, images):
        """Return the reconstruction's error and the commitment, and move the codebook."""
        vectors = self.vectors(images)
        quantised, tokens = self.quantise(vectors)
        reconstruction = F.mse_loss(self.decode(quantised.flatten(1)).float(), images)
        commitment = F.mse_loss(vectors, quantised.detach())
        if self.training:
            self._learn(vectors.detach().flatten(0, 1), tokens.flatten())
        return {
            "loss": reconstruction + self.commitment * commitment,
            "reconstruction": reconstruction,
            "commitment": commitment,
        }

    @torch.no_grad()
    def _learn(self, vectors, tokens):
        """Move the entries towards the vectors (N, width) that chose them, and revive dead ones."""
        chosen = F.one_hot(tokens, len(self.counts)).to(vectors)  # (N, entries)
        self.counts.lerp_(chosen.sum(dim=0), 1 - DECAY)
        self.sums.lerp_(chosen.T @ vectors, 1 - DECAY)
        dead = (self.counts < DEAD).nonzero().flatten()[: len(vectors)]
        # Spread over the batch, which is in random order: no two neighbours of one image.
        fresh = vectors[:: len(vectors) // max(1, len(dead))][: len(dead)]
        self.sums[dead], self.counts[dead] = fresh, 1.0


class FSQAutoencoder(TokenAutoencoder):
    """Finite scalar quantisation: each number of a vector is rounded to one of a few levels.

    Mentzer and others (2024), here with levels that lie evenly from -1 to 1. The list of entries
    is all combinations of levels; nothing of it is learnt.

    Parameters
    ----------
    latent_dim : int
        16 times the number of levels.
    levels : tuple of int
        How many levels each number of a vector has, 2 or more each.
    seed : int
        Of the initial weights.
    """

    def __init__(self, latent_dim=48, *, levels=(8, 8, 4), seed=0):
        super().__init__(latent_dim, seed)
        levels = [whole_number("levels", count, 2) for count in levels]
        if len(levels) != self.width:
            raise ValueError(
                f"latent_dim must be {PLACES} times the {len(levels)} levels, got {latent_dim}"
            )
        self.config["levels"] = levels
        strides = [math.prod(levels[:place]) for place in range(len(levels))]
        kept = {"persistent": False}
        self.register_buffer("steps", torch.tensor(levels, device="cpu") - 1, **kept)
        self.register_buffer("strides", torch.tensor(strides, device="cpu"), **kept)
        numbers = torch.arange(math.prod(levels), device="cpu")[:, None]
        digits = numbers // self.strides % (self.steps + 1)
        self.register_buffer("entries", 2 * digits / self.steps - 1, **kept)

    def quantise(self, vectors):
        """Return vectors (..., width) with rounded numbers, and the numbers of the entries (...).

        The gradient of a rounded number goes to the number before rounding.
        """
        digits = self.steps * (vectors.tanh() + 1) / 2  # from 0 to the number of steps
        rounded = digits.round()
        tokens = (rounded.long() * self.strides).sum(dim=-1)
        return 2 * (digits + (rounded - digits).detach()) / self.steps - 1, tokens


class _ChannelsFirst(nn.Module):
    def forward(self, vectors):
        return vectors.permute(0, 3, 1, 2)
