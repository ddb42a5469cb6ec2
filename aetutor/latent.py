"""Paths through the space of codes, and codes drawn at random."""

import math

import torch

from aetutor.checks import known_name, whole_number

METHODS = ("linear", "spherical")
PARALLEL = 1e-4  # sine of the angle below which two directions count as one, or as opposite


def interpolate(start, end, steps=10, method="linear"):
    """Return codes on a path from one to another, both ends included.

    Parameters
    ----------
    start, end : torch.Tensor
        (latent_dim,).
    steps : int
        Number of codes, at least 2.
    method : {"linear", "spherical"}
        Along the straight line; or along the arc between the two directions, while the length
        changes evenly (Shoemake, 1985; White, 2016).

    Returns
    -------
    torch.Tensor
        (steps, latent_dim).

    Raises
    ------
    ValueError
        If the codes have different shapes, ``steps`` is below 2, ``method`` is none of these, or
        the arc is not defined because a code is zero or they point in opposite directions.
    """
    if start.ndim != 1 or start.shape != end.shape:
        raise ValueError(
            "start and end must both have the shape (latent_dim,), "
            f"got {tuple(start.shape)} and {tuple(end.shape)}"
        )
    steps = whole_number("steps", steps, 2)
    known_name("method", method, METHODS)
    share = torch.linspace(0, 1, steps, dtype=start.dtype, device=start.device)[:, None]
    straight = start + share * (end - start)
    straight[-1] = end  # to the last digit
    return straight if method == "linear" else _arc(start, end, share, straight)


def _arc(start, end, share, straight):
    lengths = start.norm(), end.norm()
    if not all(lengths):
        raise ValueError("a code of zeros has no direction to start an arc from; use 'linear'")
    one, other = start / lengths[0], end / lengths[1]
    # atan2, because acos loses half of the digits near 0 and 180 degrees.
    angle = 2 * torch.atan2((one - other).norm(), (one + other).norm())
    if torch.sin(angle) < PARALLEL:
        if angle > math.pi / 2:
            raise ValueError(
                "start and end point in opposite directions, so no arc between them is shorter "
                "than others; use 'linear'"
            )
        return straight
    directions = (torch.sin((1 - share) * angle) * one + torch.sin(share * angle) * other) / (
        torch.sin(angle)
    )
    return directions * ((1 - share) * lengths[0] + share * lengths[1])


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
        # Also for a covariance with directions in which nothing varies, unlike Cholesky; with
        # many of these eigh in float32 may find no end. (An Apple GPU has no float64.)
        values, vectors = torch.linalg.eigh(covariance.cpu().double())
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
        _check_draw(count, temperature)
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
        _check_draw(count, temperature)
        generator = torch.Generator().manual_seed(seed)
        part = torch.multinomial(self.weights, count, replacement=True, generator=generator)
        latents = self.parts[0].mean.new_empty(count, len(self.parts[0].mean))
        for number in part.unique().tolist():
            chosen = part == number
            latents[chosen] = self.parts[number].sample(
                int(chosen.sum()), temperature=temperature, seed=seed + 1 + number
            )
        return latents


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
        _check_draw(count, temperature)
        generator = torch.Generator().manual_seed(seed)
        chosen = torch.randint(len(self.latents), (count,), generator=generator, device="cpu")
        move = torch.randn(
            count, len(self.scale), generator=generator, dtype=self.scale.dtype, device="cpu"
        )
        return self.latents[chosen] + temperature * self.scale * move


def frechet_distance(one, other):
    """Return the squared Fréchet distance of two normal distributions.

    ``|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))``, with means m and covariances C (Dowson and
    Landau, 1982): the number that is called FID when they are fitted to features of the
    Inception network (Heusel et al., 2017). 0 for equal means and covariances.

    Parameters
    ----------
    one, other : Gaussian
        Best fitted in float64: distances far below the variances are lost in float32.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the vectors that they describe differ in length.
    """
    if len(one.mean) != len(other.mean):
        raise ValueError(
            f"both must describe vectors of one length, got {len(one.mean)} and {len(other.mean)}"
        )
    # tr (C1 C2)^(1/2) = tr (S C2 S)^(1/2) with S = C1^(1/2), which is symmetric.
    axes, covariance = one.axes.double(), other.covariance.double()
    root = axes * one.scales.double() @ axes.T
    mixed = torch.linalg.eigvalsh(root @ covariance @ root).clamp(min=0).sqrt().sum()
    spread = one.covariance.double().trace() + covariance.trace() - 2 * mixed
    return ((one.mean.double() - other.mean.double()).square().sum() + spread).item()


def _check_latents(latents):
    if latents.ndim != 2 or len(latents) < 2 or not latents.shape[1]:
        raise ValueError(
            "latents must have the shape (N, latent_dim) with N of at least 2, "
            f"got {tuple(latents.shape)}"
        )
    if not torch.isfinite(latents).all():
        raise ValueError("latents must be finite numbers, got infinite ones or NaN")


def _check_draw(count, temperature):
    whole_number("count", count, 1)
    if not 0 < temperature < math.inf:
        raise ValueError(f"temperature must be a number above 0, got {temperature!r}")
