"""Principal components, as an autoencoder."""

import math

import torch
from scipy.linalg import eigh

from aetutor.models._autoencoder import Autoencoder, check_images, in_batches


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
