"""Explorers of networks that a lesson trains itself: its own cells are run again for them."""

from pathlib import Path

import nbformat
import torch

from aetutor import data, scenes
from aetutor.latent import Gaussian, Mixture

LESSON = Path(__file__).parents[1] / "notebooks" / "05_random_latent_sampling.ipynb"
NEEDED = "TRAIN_FROM_SCRATCH = ", "class VAE(", "def train("  # in the cells that make the network
FITTED = 10_000  # digits to whose codes a source of samples is fitted


def examples():
    """Return functions that make the scenes of all pages, by the scene's name."""
    return scenes.examples() | {"digits_of_a_vae": _digits_of_a_vae}


def cells():
    """Return the code of the cells of lesson 5 that make its variational autoencoder."""
    sources = [cell.source for cell in nbformat.read(LESSON, as_version=4).cells]
    return [next(source for source in sources if needed in source) for needed in NEEDED]


def _digits_of_a_vae():
    names = {"__name__": LESSON.stem}
    for cell in cells():
        exec(compile(cell, LESSON.name, "exec"), names)
    network, _ = names["train"](variational=True)
    network.requires_grad_(False)
    codes = network.draw(data.load_mnist().train[:FITTED][0], torch.Generator().manual_seed(0))
    sources = {
        "N(0, I)": Gaussian.standard(network.latent_dim),
        "fitted Gaussian": Gaussian.fit(codes),
        "mixture of ten": Mixture(codes[: FITTED // 2], 10),
    }
    return scenes.Samples(network, sources)
