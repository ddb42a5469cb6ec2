"""An example of every scene, made from the data sets and the weights that ship."""

from aetutor import data, weights
from aetutor.scenes._latent_axes import LatentAxes

SHOWN = 300  # images a scene: few, so that its file stays small


def examples():
    """Return functions without arguments, by the scene's name; each makes the scene."""
    return {"latent_axes": _latent_axes}


def _latent_axes():
    return LatentAxes(
        weights.trained("cifar10-128"), data.load_cifar10().test, index=1, shown=SHOWN
    )
