"""The space of codes: paths through it, codes drawn at random, distances of distributions."""

from aetutor.latent._distances import frechet_distance
from aetutor.latent._flow import Flow
from aetutor.latent._paths import METHODS, interpolate, walk
from aetutor.latent._samplers import Gaussian, Jitter, Mixture

__all__ = [
    "METHODS",
    "Flow",
    "Gaussian",
    "Jitter",
    "Mixture",
    "frechet_distance",
    "interpolate",
    "walk",
]
