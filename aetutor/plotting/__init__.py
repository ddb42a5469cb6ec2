"""Figures for the lessons. Each function takes data and returns the figure, nothing else.

Images are shown in the range of their data set: [0, 1] for one channel, [-1, 1] for three,
unless ``value_range`` says otherwise.
"""

from aetutor.plotting._charts import (
    curves,
    error_bars,
    heatmap,
    intervals,
    learning_curves,
    scatter,
)
from aetutor.plotting._checklist import checklist
from aetutor.plotting._drawings import drawing
from aetutor.plotting._fields import arrows
from aetutor.plotting._images import (
    error_maps,
    images,
    mosaic,
    progress,
    reconstructions,
    thumbnail_map,
)
from aetutor.plotting._paths import paths

__all__ = [
    "arrows",
    "checklist",
    "curves",
    "drawing",
    "error_bars",
    "error_maps",
    "heatmap",
    "images",
    "intervals",
    "learning_curves",
    "mosaic",
    "paths",
    "progress",
    "reconstructions",
    "scatter",
    "thumbnail_map",
]
