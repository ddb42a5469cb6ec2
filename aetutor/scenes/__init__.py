"""Scenes: what a model makes of the values of some controls, as pictures.

``SCENES`` lists them by name. Each is a ``torch.nn.Module`` with all that it needs in it, so that
it can be played by :mod:`aetutor.explore` in a notebook, and, exported, on a web page.
"""

from aetutor.scenes._damage import Damage
from aetutor.scenes._drawing import Drawing
from aetutor.scenes._examples import examples
from aetutor.scenes._export import export
from aetutor.scenes._flow import Flow
from aetutor.scenes._interpolation import Interpolation
from aetutor.scenes._latent_axes import LatentAxes
from aetutor.scenes._latent_map import LatentMap
from aetutor.scenes._out_of_distribution import OutOfDistribution
from aetutor.scenes._rounded_code import RoundedCode
from aetutor.scenes._samples import Samples
from aetutor.scenes._scene import Scene, describe, fill
from aetutor.scenes._sheet import DRAWINGS, centred, drawn
from aetutor.scenes._similarity import Similarity
from aetutor.scenes._sparse_units import SparseUnits
from aetutor.scenes._stamp import Stamp
from aetutor.scenes._tokens import Tokens

SCENES = {
    scene.name: scene
    for scene in (
        Damage,
        Drawing,
        Flow,
        Interpolation,
        LatentAxes,
        LatentMap,
        OutOfDistribution,
        RoundedCode,
        Samples,
        Similarity,
        SparseUnits,
        Stamp,
        Tokens,
    )
}

__all__ = [
    "DRAWINGS",
    "SCENES",
    "Damage",
    "Drawing",
    "Flow",
    "Interpolation",
    "LatentAxes",
    "LatentMap",
    "OutOfDistribution",
    "RoundedCode",
    "Samples",
    "Scene",
    "Similarity",
    "SparseUnits",
    "Stamp",
    "Tokens",
    "centred",
    "describe",
    "drawn",
    "examples",
    "export",
    "fill",
]
