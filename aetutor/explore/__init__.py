"""Explorers: move a slider, and see at once what a model makes of it.

Each plays a scene of :mod:`aetutor.scenes`, whose arguments it takes, and is a :class:`Stage`: it
has the scene's parts as widgets by name, and a ``.widget`` that holds them all.
"""

from aetutor import scenes
from aetutor.explore._stage import Stage


def damage(plain, denoising, split, known, **settings):
    """A digit, damaged, and three attempts to undo it; :class:`scenes.Damage`."""
    return Stage(scenes.Damage(plain, denoising, split, known, **settings))


def drawing(networks, split, **settings):
    """A drawing, and what networks that know only digits make of it; :class:`scenes.Drawing`."""
    return Stage(scenes.Drawing(networks, split, **settings))


def flow(model, flow, latents, **settings):
    """Noise on its way to codes; :class:`scenes.Flow`."""
    return Stage(scenes.Flow(model, flow, latents, **settings))


def interpolation(model, split, **settings):
    """From one image to another through the space of codes; :class:`scenes.Interpolation`."""
    return Stage(scenes.Interpolation(model, split, **settings))


def latent_axes(model, split, **settings):
    """An image's code, moved along its principal directions; :class:`scenes.LatentAxes`."""
    return Stage(scenes.LatentAxes(model, split, **settings))


def latent_map(networks, train, test, **settings):
    """A point to move in the plane of a code of two numbers; :class:`scenes.LatentMap`."""
    return Stage(scenes.LatentMap(networks, train, test, **settings))


def out_of_distribution(model, split, **settings):
    """An image mixed with a pattern, and its error; :class:`scenes.OutOfDistribution`."""
    return Stage(scenes.OutOfDistribution(model, split, **settings))


def rounded_code(model, latents, split, **settings):
    """An image from its rounded code, beside a JPEG; :class:`scenes.RoundedCode`."""
    return Stage(scenes.RoundedCode(model, latents, split, **settings))


def samples(model, sources):
    """Images decoded from codes that were drawn at random; :class:`scenes.Samples`."""
    return Stage(scenes.Samples(model, sources))


def similarity(indices, split, **settings):
    """An image, and those most like it; :class:`scenes.Similarity`."""
    return Stage(scenes.Similarity(indices, split, **settings))


def sparse_units(model, split, **settings):
    """The units of an image, each to be turned up or down; :class:`scenes.SparseUnits`."""
    return Stage(scenes.SparseUnits(model, split, **settings))


def stamp():
    """A convolution and its transposed one, step by step; :class:`scenes.Stamp`."""
    return Stage(scenes.Stamp())


def tokens(model, split, **settings):
    """An image's tokens, one of which can be replaced; :class:`scenes.Tokens`."""
    return Stage(scenes.Tokens(model, split, **settings))
