"""Autoencoders: images in, images out, and a flat code in between.

Every kind takes images (B, C, H, W) and has ``encode``, ``decode``, ``latent_dim`` and
``config``, so whatever works with one works with all. A file a family; ``KINDS`` lists them.
"""

from torch import nn

from aetutor.checks import known_name
from aetutor.models._autoencoder import TOLERANCE, Autoencoder, check_images, in_batches
from aetutor.models._conv import ColorConvAutoencoder, ConvAutoencoder
from aetutor.models._denoising import DAMAGES, PATCH, DenoisingAutoencoder, damaged
from aetutor.models._linear import LinearAutoencoder
from aetutor.models._pca import PCAAutoencoder
from aetutor.models._quantised import FSQAutoencoder, VQAutoencoder
from aetutor.models._sparse import SparseAutoencoder
from aetutor.models._variational import VariationalAutoencoder

KINDS = {
    kind.__name__: kind
    for kind in (
        LinearAutoencoder,
        ConvAutoencoder,
        ColorConvAutoencoder,
        DenoisingAutoencoder,
        FSQAutoencoder,
        PCAAutoencoder,
        SparseAutoencoder,
        VQAutoencoder,
        VariationalAutoencoder,
    )
}

__all__ = [
    "DAMAGES",
    "KINDS",
    "PATCH",
    "TOLERANCE",
    "Autoencoder",
    "ColorConvAutoencoder",
    "ConvAutoencoder",
    "DenoisingAutoencoder",
    "FSQAutoencoder",
    "LinearAutoencoder",
    "PCAAutoencoder",
    "SparseAutoencoder",
    "VQAutoencoder",
    "VariationalAutoencoder",
    "build",
    "check_images",
    "damaged",
    "in_batches",
]


def build(config):
    """Make the network that a ``config`` describes, with fresh weights.

    Parameters
    ----------
    config : dict
        As in :attr:`Autoencoder.config`.

    Raises
    ------
    ValueError
        If the kind is unknown, or its arguments do not fit it.
    """
    arguments = dict(config)
    kind = known_name("kind", arguments.pop("kind", None), KINDS)
    if "activation" in arguments:
        name = arguments["activation"]
        if name not in nn.modules.activation.__all__:
            raise ValueError(f"activation must be the name of one of torch.nn's, got {name!r}")
        arguments["activation"] = getattr(nn, name)
    try:
        return KINDS[kind](**arguments)
    except TypeError as error:
        raise ValueError(f"{kind} cannot be built from {config}: {error}") from error
