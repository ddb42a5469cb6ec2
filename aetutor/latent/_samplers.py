"""Codes drawn at random."""

import math

import torch

from aetutor.checks import whole_number
from aetutor.latent._eigen import eigh


class Gaussian:
    """A normal distribution of codes.

    Parameters
    ----------
    mean : torch.Tensor
        (latent_dim,).
    covariance : torch.Tensor
        (latent_dim, latent_dim).

    Attributes
    ----------
    axes : torch.Tensor
        (latent_dim, latent_dim): in each column a principal direction, of length 1, the one in
        which codes vary most first.
    scales : torch.Tensor
        (latent_dim,): standard deviations in these directions.
    """

    def __init__(self, mean, covariance):
        self.mean, self.covariance = mean, covariance
        # Unlike Cholesky it allows directions in which nothing varies; with many of these eigh
        # may not converge in float32. (An Apple GPU has no float64.)
        values, vectors = eigh(covariance.cpu().double())
        self.scales = values.clamp(min=0).sqrt().flip(0).to(covariance)
        self.axes = vectors.flip(1).to(covariance)

    @classmethod
    def standard(cls, latent_dim):
        """Return N(0, I): means 0, variances 1, no correlations."""
        return cls(
            torch.zeros(latent_dim, dtype=torch.float32, device="cpu"),
            torch.eye(latent_dim, dtype=torch.float32, device="cpu"),
        )

    @classmethod
    def fit(cls, latents):
        """Return the one with the mean and covariance of codes (N, latent_dim), N at least 2."""
        _check_latents(latents)
        centred = latents - latents.mean(dim=0)
        return cls(latents.mean(dim=0), centred.T @ centred / (len(latents) - 1))

    def sample(self, count, *, temperature=1.0, seed=0):
        """Draw codes.

        Parameters
        ----------
        count : int
            At least 1.
        temperature : float
            Above 0: factor on the standard deviations. Below 1 codes lie nearer to the mean.
        seed : int

        Returns
        -------
        torch.Tensor
            (count, latent_dim).

        Raises
        ------
        ValueError
            If ``count`` or ``temperature`` is out of range.
        """
        check_draw(count, temperature)
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn(
            count, len(self.scales), generator=generator, dtype=self.mean.dtype, device="cpu"
        )
        return self.mean + temperature * (noise * self.scales) @ self.axes.T


class Mixture:
    """A mixture of normal distributions, for codes that form clusters.

    Fitted by scikit-learn's ``GaussianMixture``.

    Parameters
    ----------
    latents : torch.Tensor
        (N, latent_dim).
    components : int
        Number of normal distributions, from 1 to N.
    seed : int
        Of the fit.
    """

    def __init__(self, latents, components=10, *, seed=0):
        from sklearn.mixture import GaussianMixture  # here: it takes a second, and few need it

        _check_latents(latents)
        components = whole_number("components", components, 1, len(latents))
        # A tolerance of 0.01 nats per code, in place of 0.001: a third less time, as good a fit.
        fitted = GaussianMixture(components, random_state=seed, reg_covar=1e-4, tol=0.01)
        fitted.fit(latents.numpy())
        self.weights = torch.from_numpy(fitted.weights_)
        self.parts = [
            Gaussian(torch.from_numpy(mean).float(), torch.from_numpy(covariance).float())
            for mean, covariance in zip(fitted.means_, fitted.covariances_, strict=True)
        ]

    def sample(self, count, *, temperature=1.0, seed=0):
        """Draw codes; as :meth:`Gaussian.sample`, the temperature within each component."""
        check_draw(count, temperature)
        generator = torch.Generator().manual_seed(seed)
        part = torch.multinomial(self.weights, count, replacement=True, generator=generator)
        latents = self.parts[0].mean.new_empty(count, len(self.parts[0].mean))
        for number in part.unique().tolist():
            chosen = part == number
            latents[chosen] = self.parts[number].sample(
                int(chosen.sum()), temperature=temperature, seed=seed + 1 + number
            )
        return latents

    def velocity(self, x, times):
        """Return the exact mean velocity on straight paths from N(0, I) to the mixture.

        Each part's own velocity is linear in x, and they are weighed by how likely each part is to
        have led to x. What a :class:`Flow` has to learn; it knows its codes in whitened form, so
        compare the two in the same coordinates.

        Parameters
        ----------
        x : torch.Tensor
            (B, latent_dim).
        times : torch.Tensor
            (B,) or (1,), from 0, noise, to 1, codes.

        Returns
        -------
        torch.Tensor
            (B, latent_dim).
        """
        t, scores, velocities = times[:, None], [], []
        for weight, part in zip(self.weights.to(x.dtype), self.parts, strict=True):
            away = (x - t * part.mean) @ part.axes
            variances = (1 - t) ** 2 + (t * part.scales) ** 2
            slopes = (t * part.scales**2 - (1 - t)) / variances
            scores.append(weight.log() - (away**2 / variances + variances.log()).sum(dim=1) / 2)
            velocities.append(part.mean + (slopes * away) @ part.axes.T)
        shares = torch.softmax(torch.stack(scores), dim=0)  # (K, B)
        return torch.einsum("kb,kbd->bd", shares, torch.stack(velocities))


class Jitter:
    """Real codes, each moved a little at random: a kernel density estimate.

    Parameters
    ----------
    latents : torch.Tensor
        (N, latent_dim).
    width : float
        Standard deviation of the move, as a share of each dimension's own. Above 0.
    """

    def __init__(self, latents, width=0.3):
        _check_latents(latents)
        if not width > 0:
            raise ValueError(f"width must be above 0, got {width!r}")
        self.latents, self.scale = latents, width * latents.std(dim=0)

    def sample(self, count, *, temperature=1.0, seed=0):
        """Draw codes; as :meth:`Gaussian.sample`, the temperature as a factor on the move."""
        check_draw(count, temperature)
        generator = torch.Generator().manual_seed(seed)
        chosen = torch.randint(len(self.latents), (count,), generator=generator, device="cpu")
        move = torch.randn(
            count, len(self.scale), generator=generator, dtype=self.scale.dtype, device="cpu"
        )
        return self.latents[chosen] + temperature * self.scale * move


def _check_latents(latents):
    if latents.ndim != 2 or len(latents) < 2 or not latents.shape[1]:
        raise ValueError(
            "latents must have the shape (N, latent_dim) with N of at least 2, "
            f"got {tuple(latents.shape)}"
        )
    if not torch.isfinite(latents).all():
        raise ValueError("latents must be finite numbers, got infinite ones or NaN")


def check_draw(count, temperature):
    """Raise a ValueError unless so many codes can be drawn at this temperature."""
    whole_number("count", count, 1)
    if not 0 < temperature < math.inf:
        raise ValueError(f"temperature must be a number above 0, got {temperature!r}")
