"""A variational autoencoder of digits."""

import torch
from torch import nn
from torch.nn import functional as F

from aetutor.models._autoencoder import Autoencoder, seeded
from aetutor.models._linear import dense


class VariationalAutoencoder(Autoencoder):
    """Fully connected, and trained so that its codes are spread like draws from N(0, I).

    Kingma and Welling (2014), arXiv:1312.6114; lesson 5 writes it out. The encoder gives a normal
    distribution of codes for each image. ``encode`` returns its mean; in training, the decoder
    gets a draw from it.

    Parameters
    ----------
    latent_dim : int
    hidden_sizes : tuple of int
        Widths of the layers between image and code.
    seed : int
        Of the initial weights. The draws in training come from torch's global generator.
    """

    def __init__(self, latent_dim=10, *, hidden_sizes=(128, 64), seed=0):
        super().__init__(latent_dim, image_shape=(1, 28, 28), value_range=(0.0, 1.0))
        self.config["hidden_sizes"] = list(hidden_sizes)
        sizes = [784, *hidden_sizes]
        with seeded(seed):
            self.moments = nn.Sequential(nn.Flatten(), *dense([*sizes, 2 * latent_dim]))
            self.logits = nn.Sequential(
                *dense([latent_dim, *sizes[::-1]]),  # (B, 784)
                nn.Unflatten(1, self.image_shape),  # (B, 1, 28, 28)
            )

    def distribution(self, images):
        """Return the means and the logarithms of the variances, (B, latent_dim) each."""
        return self.moments(images).chunk(2, dim=1)

    def encoder(self, images):
        return self.distribution(images)[0]

    def decoder(self, latents):
        return torch.sigmoid(self.logits(latents))

    def loss(self, images):
        """Return the bound of -log p(image) that is minimised, in nats, and its two terms."""
        mean, log_variance = self.distribution(images)
        drawn = mean + torch.exp(log_variance / 2) * torch.randn_like(mean)
        logits = self.logits(drawn).float()
        entropy = F.binary_cross_entropy_with_logits(logits, images, reduction="sum") / len(images)
        divergence = (mean**2 + log_variance.exp() - log_variance - 1).sum(dim=1).mean() / 2
        return {
            "loss": entropy + divergence,
            "reconstruction": entropy,
            "divergence": divergence,
        }
