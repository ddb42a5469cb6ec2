"""Fully connected autoencoders of digits."""

from itertools import pairwise

from torch import nn

from aetutor.models._autoencoder import Autoencoder, seeded


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
        with seeded(seed):
            self.encoder = nn.Sequential(nn.Flatten(), *dense(sizes))  # (B, latent_dim)
            self.decoder = nn.Sequential(
                *dense(sizes[::-1]),  # (B, 784)
                nn.Sigmoid(),
                nn.Unflatten(1, self.image_shape),  # (B, 1, 28, 28)
            )


def dense(sizes):
    """Linear layers from each size to the next, with a ReLU between two of them."""
    layers = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    for hidden in layers[:-2:2]:
        # So hardly any ReLU starts dead, closed for every image: narrow layers need every unit.
        nn.init.constant_(hidden.bias, 0.3)
    return layers[:-1]
