"""Flow matching: a network that moves noise to codes, step by step."""

import math

import torch
from torch import nn

from aetutor.checks import whole_number
from aetutor.latent._samplers import Gaussian, check_draw

FREQUENCIES = 16  # of the cosines that tell the network the time
DROPPED = 0.15  # share of the labels that are hidden in training


class Flow(nn.Module):
    """Codes drawn by following a learnt velocity from noise, at time 0, to codes, at time 1.

    Flow matching (Lipman et al., 2023; Liu et al., 2023): on the straight path from noise e to a
    code z, ``x = (1 - t) e + t z``, the velocity is z - e. The network learns its mean over all
    paths that pass through x at the time t, and :meth:`path` follows that mean in Euler's steps.

    Everything happens in whitened codes (mean 0, covariance I), so that noise already has the mean
    and covariance of the codes. If codes were normally distributed, x would have the variance
    ``v = (1 - t)^2 + t^2`` and the velocity would be ``(2 t - 1) / v x``. The network gives two
    numbers for each direction, by which that factor and the velocity itself are raised: so an
    untrained flow is the fitted :class:`Gaussian`, and what is learnt is how codes differ from it.
    Codes of photographs differ much in their length, which layers that normalise would lose. So
    the network is told the length of x as well.

    Parameters
    ----------
    latent_dim : int
    width, blocks : int
        Size of the network: residual blocks of ``width`` units.
    classes : int
        Number of classes that can be asked for; with 0, codes are learnt without labels.
    seed : int
        Of the initial weights.

    Attributes
    ----------
    config : dict
        ``kind`` and the arguments that make this network again.
    """

    def __init__(self, latent_dim, *, width=256, blocks=3, classes=0, seed=0):
        super().__init__()
        self.latent_dim = whole_number("latent_dim", latent_dim, 1)
        self.classes = whole_number("classes", classes, 0)
        sizes = {"width": whole_number("width", width, 1)}
        sizes["blocks"] = whole_number("blocks", blocks, 1)
        self.config = {"kind": "Flow", "latent_dim": latent_dim, **sizes, "classes": classes}
        standard = Gaussian.standard(latent_dim)
        for part in ("mean", "axes", "scales"):
            self.register_buffer(part, getattr(standard, part))
        frequencies = math.pi * torch.arange(FREQUENCIES, device="cpu")
        self.register_buffer("frequencies", frequencies, persistent=False)
        with torch.random.fork_rng(devices=[]), torch.device("cpu"):
            torch.manual_seed(seed)
            self.enter = nn.Linear(latent_dim + 1, width)
            self.label = nn.Embedding(classes + 1, width)  # the last stands for "no class"
            self.blocks = nn.ModuleList(_Block(width) for _ in range(blocks))
            self.leave = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * latent_dim))
        for parameter in self.leave[1].parameters():
            nn.init.zeros_(parameter)  # at first the velocity is the Gaussian's

    def start_from(self, latents):
        """Take mean and covariance of codes (N, latent_dim) as those of the noise."""
        fitted = Gaussian.fit(latents)
        for part in ("mean", "axes", "scales"):
            getattr(self, part).copy_(getattr(fitted, part))

    def whiten(self, latents):
        """Return codes (B, latent_dim) in the directions and the scale of the noise."""
        return (latents - self.mean) @ self.axes / self.scales

    def unwhiten(self, x):
        """Return the codes of whitened ones."""
        return self.mean + (x * self.scales) @ self.axes.T

    def loss(self, latents, labels=None, *, generator=None):
        """Return the mean squared error of the velocity, at random times on paths from noise.

        Parameters
        ----------
        latents : torch.Tensor
            (B, latent_dim).
        labels : torch.Tensor, optional
            (B,) int64. In training, a share of them is hidden at random, so that the network learns
            codes without a class too (Ho and Salimans, 2022).
        generator : torch.Generator, optional
            On the CPU.
        """
        z, draw = self.whiten(latents), {"generator": generator, "device": "cpu"}
        noise = torch.randn(z.shape, **draw)
        times = torch.rand(len(z), **draw)
        hidden = torch.rand(len(z), **draw) < (DROPPED if self.training else 0)
        if labels is None:
            labels = torch.full((len(z),), self.classes, device="cpu")
        x = torch.lerp(noise, z, times[:, None])
        velocity = self.velocity(x, times, labels.masked_fill(hidden, self.classes))
        return nn.functional.mse_loss(velocity, z - noise)

    def velocity(self, x, times, labels):
        """Return the velocity at whitened codes.

        Parameters
        ----------
        x : torch.Tensor
            (B, latent_dim).
        times : torch.Tensor
            (B,) or (1,), from 0, noise, to 1, codes.
        labels : torch.Tensor
            (B,) int64, from 0 to ``classes``; the last means no class.

        Returns
        -------
        torch.Tensor
            (B, latent_dim).
        """
        t = times[:, None]
        clock, variance = torch.cos(t * self.frequencies), (1 - t) ** 2 + t**2
        normal = x / variance.sqrt()  # what would be N(0, I) if codes were normally distributed
        length = normal.square().mean(dim=1, keepdim=True).sqrt() - 1
        length = (2 * self.latent_dim) ** 0.5 * length  # about 0, and of variance 1
        hidden = self.enter(torch.cat([normal, length], dim=1)) + self.label(labels)
        for block in self.blocks:
            hidden = block(hidden, clock)
        scale, shift = self.leave(hidden).chunk(2, dim=1)
        return ((2 * t - 1) / variance + scale) * x + shift

    def guided(self, x, time, labels, guidance):
        """Return the velocity with a class, made stronger or weaker.

        It starts from the velocity without a class and goes ``guidance`` times as far as to the one
        with it (Ho and Salimans, 2022; Zheng et al., 2023).

        Parameters
        ----------
        x, labels
            As for :meth:`velocity`.
        time : torch.Tensor
            (1,), the same for all.
        guidance : float or torch.Tensor
            0 gives the velocity without a class, 1 that with it.

        Returns
        -------
        torch.Tensor
            (B, latent_dim).
        """
        nobody = torch.full_like(labels, self.classes)
        both = self.velocity(x.repeat(2, 1), time, torch.cat([labels, nobody]))
        with_class, without = both.chunk(2)
        return without + guidance * (with_class - without)

    @torch.no_grad()
    def path(self, noise, *, steps=20, labels=None, guidance=1.0):
        """Follow the velocity from noise to codes, in Euler's steps of equal length.

        Parameters
        ----------
        noise : torch.Tensor
            (B, latent_dim), as of N(0, I).
        steps : int
            At least 1.
        labels : torch.Tensor, optional
            (B,) int64, the classes asked for; none if left out.
        guidance : float
            At least 0; see :meth:`guided`. Without labels it changes nothing.

        Returns
        -------
        torch.Tensor
            (steps + 1, B, latent_dim): codes at the times 0, 1 / steps, and so on to 1.

        Raises
        ------
        ValueError
            If an argument is out of range.
        """
        steps = whole_number("steps", steps, 1)
        if not 0 <= guidance < math.inf:
            raise ValueError(f"guidance must be a number of at least 0, got {guidance!r}")
        if labels is not None and not ((labels >= 0) & (labels < self.classes)).all():
            has = f"from 0 to {self.classes - 1}" if self.classes else "none: it has no classes"
            raise ValueError(f"the classes of this flow are {has}, got {labels.unique().tolist()}")
        x, path = noise, [noise]
        nobody = torch.full((len(x),), self.classes, device="cpu")
        for step in range(steps):
            time = torch.full((1,), step / steps, device="cpu")
            if labels is None or guidance == 1:
                velocity = self.velocity(x, time, nobody if labels is None else labels)
            else:
                velocity = self.guided(x, time, labels, guidance)
            x = x + velocity / steps
            path.append(x)
        return torch.stack([self.unwhiten(x) for x in path])

    def sample(self, count, *, temperature=1.0, seed=0, steps=20, label=None, guidance=1.0):
        """Draw codes; as :meth:`Gaussian.sample`, the temperature as a factor on the noise.

        Parameters
        ----------
        count, temperature, seed
            As for :meth:`Gaussian.sample`.
        steps, guidance
            As for :meth:`path`.
        label : int, optional
            The class of all codes; any class if left out.
        """
        check_draw(count, temperature)
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn(count, self.latent_dim, generator=generator, device="cpu")
        labels = None if label is None else torch.full((count,), label, device="cpu")
        return self.path(temperature * noise, steps=steps, labels=labels, guidance=guidance)[-1]


class _Block(nn.Module):
    """Adds to its input what a layer makes of it and of the time."""

    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.time = nn.Linear(FREQUENCIES, width)
        self.layer = nn.Linear(width, width)

    def forward(self, hidden, clock):
        return hidden + self.layer(nn.functional.silu(self.norm(hidden) + self.time(clock)))
