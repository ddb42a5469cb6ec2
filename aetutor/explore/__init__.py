"""Explorers: move a slider, and see at once what a model makes of it.

Each has named parts (``.slider``, ``.picture``, …) and a ``.widget`` that holds them all.
"""

from aetutor.explore._interpolation import Interpolation
from aetutor.explore._latent_axes import LatentAxes
from aetutor.explore._out_of_distribution import OutOfDistribution
from aetutor.explore._samples import Samples
from aetutor.explore._similarity import Similarity

# As the lessons call them: explore.interpolation(model, split).widget
interpolation = Interpolation
latent_axes = LatentAxes
out_of_distribution = OutOfDistribution
samples = Samples
similarity = Similarity
