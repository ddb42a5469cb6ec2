"""An example of every scene: the one that a lesson shows, with fewer images where it has many."""

import torch
from torch.nn import functional as F

from aetutor import data, models, search, training, weights
from aetutor.latent import Gaussian, Jitter, Mixture
from aetutor.scenes._damage import Damage
from aetutor.scenes._drawing import Drawing
from aetutor.scenes._flow import Flow
from aetutor.scenes._interpolation import Interpolation
from aetutor.scenes._latent_axes import LatentAxes
from aetutor.scenes._latent_map import LatentMap
from aetutor.scenes._out_of_distribution import OutOfDistribution
from aetutor.scenes._rounded_code import RoundedCode
from aetutor.scenes._samples import Samples
from aetutor.scenes._similarity import Similarity
from aetutor.scenes._sparse_units import SparseUnits
from aetutor.scenes._stamp import Stamp
from aetutor.scenes._tokens import Tokens

SHOWN = 300  # images a scene: few, so that its file stays small
MAPPED = 1000  # images on a map, or as many as there are
BESIDE_384 = 200  # beside a network with a code of 384, which is large itself
FITTED = 2000  # images to which a source of samples and the like are fitted


def examples():
    """Return functions without arguments, by the scene's name; each makes the scene."""
    return {
        "damage": _damage,
        "drawing": _drawing,
        "flow": _flow,
        "interpolation": _interpolation,
        "latent_axes": _latent_axes,
        "latent_map": _latent_map,
        "out_of_distribution": _out_of_distribution,
        "rounded_code": _rounded_code,
        "samples": _samples,
        "similarity": _similarity,
        "sparse_units": _sparse_units,
        "stamp": Stamp,
        "tokens": _tokens,
    }


def _damage():
    mnist = data.load_mnist()
    plain, noise, pixels = (
        weights.trained(f"mnist-{name}-512") for name in ("plain", "noise", "pixels")
    )
    denoising = {"noise": noise, "pixels": pixels, "patches": pixels}
    return Damage(plain, denoising, mnist.test, mnist.train.subset(0, FITTED), shown=SHOWN)


def _drawing():
    mnist, sizes = data.load_mnist(), (2, 10, 64)
    pca = models.PCAAutoencoder.fit(mnist.train.subset(0, 10_000), max(sizes))
    networks = {
        "fully connected": {size: weights.trained(f"mnist-linear-{size}") for size in sizes},
        "convolutional": {size: weights.trained(f"mnist-conv-{size}") for size in sizes},
        "PCA": {size: pca.leading(size) for size in sizes},
    }
    return Drawing(networks, mnist.test)


def _flow():
    model, images = weights.trained("mnist-conv-10"), data.load_mnist().train[:FITTED][0]
    with torch.no_grad():
        codes = model.encode(images)
    return Flow(model, weights.trained("mnist-conv-10-flow"), codes)


def _interpolation():
    model, test = weights.trained("mnist-conv-10"), data.load_mnist().test
    return Interpolation(model, test, start=3, end=8, shown=SHOWN)


def _latent_axes():
    model, test = weights.trained("cifar10-384"), data.load_cifar10().test
    return LatentAxes(model, test, index=1, shown=BESIDE_384)


def _latent_map():
    mnist = data.load_mnist()
    networks = {
        "convolutional": weights.trained("mnist-conv-2"),
        "fully connected": weights.trained("mnist-linear-2"),
        "variational": weights.trained("mnist-vae-2"),
    }
    return LatentMap(networks, mnist.train, mnist.test, shown=MAPPED)


def _out_of_distribution():
    model, test = weights.trained("cifar10-384"), data.load_cifar10().test
    return OutOfDistribution(model, test, index=8, shown=BESIDE_384)


def _rounded_code():
    model, cifar10 = weights.trained("cifar10-128"), data.load_cifar10()
    codes = search.embed(model, cifar10.train.subset(0, FITTED))
    return RoundedCode(model, codes, cifar10.test)


def _samples():
    model, images = weights.trained("cifar10-128"), data.load_cifar10().train.subset(0, FITTED)
    codes, size = search.embed(model, images), model.latent_dim
    variance = codes.square().mean()
    sources = {
        "N(0, I)": Gaussian.standard(size),
        "scaled N(0, I)": Gaussian(torch.zeros(size), variance * torch.eye(size)),
        "fitted Gaussian": Gaussian.fit(codes),
        "mixture of five": Mixture(codes, 5),
        "jitter, 0.5": Jitter(codes, 0.5),
        "jitter, 0.2": Jitter(codes, 0.2),
    }
    return Samples(model, sources)


def _similarity():
    cifar10 = data.load_cifar10()
    corpus = cifar10.train.subset(0, SHOWN)
    images, _ = corpus[:]
    fitted = cifar10.train.subset(0, FITTED)
    pca = models.PCAAutoencoder.fit(fitted, min(384, len(fitted)))
    with torch.no_grad():
        vectors = {
            "codes": weights.trained("cifar10-384").encode(images),
            "untrained": models.ColorConvAutoencoder(384).encode(images),
            "PCA": pca.encode(images),
            "pixels": images.flatten(1),
            "thumbnails": F.avg_pool2d(images, 4).flatten(1),
        }
    spaces = {name: search.ImageIndex(of - of.mean(dim=0)) for name, of in vectors.items()}
    return Similarity(spaces, corpus, class_names=cifar10.class_names)


def _sparse_units():
    mnist, model = data.load_mnist(), models.SparseAutoencoder(1024, k=25)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # so that it is the same network every time on one machine
    try:
        training.fit(model, mnist, epochs=1, learning_rate=3e-3, batch_size=128)
    finally:
        torch.set_num_threads(threads)
    return SparseUnits(model, mnist.test, shown=1000)


def _tokens():
    return Tokens(weights.trained("mnist-vq-64"), data.load_mnist().test, index=7, shown=SHOWN)
