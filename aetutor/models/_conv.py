"""Convolutional autoencoders, of digits and of colour images."""

from torch import nn

from aetutor.checks import whole_number
from aetutor.models._autoencoder import Autoencoder, seeded


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
        with seeded(seed):
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

    The network of the UvA deep-learning course, tutorial 9 (Lippe, 2020). It takes images of other
    sizes too, each convolution as large in proportion.

    Parameters
    ----------
    latent_dim : int
    base_channels : int
        Channels of the first convolutions; the later ones have twice as many.
    activation : type
        A class of ``torch.nn``, put after every layer but the code and the image.
    image_size : int
        Height and width of the images: a multiple of 8 up to 128.
    seed : int
        Of the initial weights.
    """

    prefers_bfloat16 = True

    def __init__(
        self, latent_dim=384, *, base_channels=32, activation=nn.GELU, image_size=32, seed=0
    ):
        size = whole_number("image_size", image_size, 8, 128)
        if size % 8:
            raise ValueError(f"image_size must be a multiple of 8, got {size}")
        super().__init__(latent_dim, image_shape=(3, size, size), value_range=(-1.0, 1.0))
        if base_channels < 1:
            raise ValueError(f"base_channels must be at least 1, got {base_channels}")
        self.config |= {"base_channels": base_channels, "activation": activation.__name__}
        if size != 32:  # so that the cards of what was trained before stay true
            self.config["image_size"] = size
        low, features = size // 8, 2 * base_channels * (size // 8) ** 2
        c, act = base_channels, activation
        down = {"kernel_size": 3, "stride": 2, "padding": 1}
        same = {"kernel_size": 3, "padding": 1}
        up = {"kernel_size": 3, "stride": 2, "padding": 1, "output_padding": 1}
        with seeded(seed):
            self.encoder = nn.Sequential(
                *(nn.Conv2d(3, c, **down), act()),  # (B, c, size/2, size/2)
                *(nn.Conv2d(c, c, **same), act()),
                *(nn.Conv2d(c, 2 * c, **down), act()),  # (B, 2c, size/4, size/4)
                *(nn.Conv2d(2 * c, 2 * c, **same), act()),
                *(nn.Conv2d(2 * c, 2 * c, **down), act()),  # (B, 2c, size/8, size/8)
                nn.Flatten(),  # (B, features): for 32x32 images, 32c
                nn.Linear(features, latent_dim),  # (B, latent_dim)
            )
            self.decoder = nn.Sequential(
                *(nn.Linear(latent_dim, features), act()),  # (B, features)
                nn.Unflatten(1, (2 * c, low, low)),  # (B, 2c, size/8, size/8)
                *(nn.ConvTranspose2d(2 * c, 2 * c, **up), act()),  # (B, 2c, size/4, size/4)
                *(nn.Conv2d(2 * c, 2 * c, **same), act()),
                *(nn.ConvTranspose2d(2 * c, c, **up), act()),  # (B, c, size/2, size/2)
                *(nn.Conv2d(c, c, **same), act()),
                nn.ConvTranspose2d(c, 3, **up),  # (B, 3, size, size)
                nn.Tanh(),
            )
