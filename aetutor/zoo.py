"""The trained models that ship with the package, and how each is made."""

from dataclasses import dataclass, field

from aetutor.checks import known_name


@dataclass(frozen=True)
class Entry:
    """A network and its training.

    Attributes
    ----------
    name : str
    kind : str
        A class of :mod:`aetutor.models`, or ``"Flow"``.
    latent_dim : int
        Length of the code.
    data : str
        ``"mnist"`` or ``"cifar10"``.
    optimizer : str
        See :mod:`aetutor.recipes`.
    epochs : int
    learning_rate : float
    batch_size : int
    flip : bool
        Whether images are mirrored at random.
    seeds : tuple of int
        One run each, of initial weights and of the order of the images. What is stored are the
        weights of the first.
    arguments : dict
        What else the kind is built with.
    autoencoder : str
        The entry on whose codes it is trained, if it is a flow.
    """

    name: str
    kind: str
    latent_dim: int
    data: str
    optimizer: str
    epochs: int
    learning_rate: float
    batch_size: int
    flip: bool = False
    seeds: tuple[int, ...] = (0,)
    arguments: dict = field(default_factory=dict)
    autoencoder: str = ""

    def config(self, seed):
        """The untrained network, as :func:`aetutor.models.build` takes it."""
        return {"kind": self.kind, "latent_dim": self.latent_dim, "seed": seed, **self.arguments}

    @property
    def recipe(self):
        """The settings of its training, as :func:`aetutor.training.fit` takes them."""
        names = ("optimizer", "learning_rate", "batch_size", "flip")
        return {name: getattr(self, name) for name in names}

    @property
    def command(self):
        """What trains it on the command line."""
        if ENTRIES.get(self.name) == self:
            return f"python -m aetutor train {self.name}"
        # What no option of the command sets.
        names = ("kind", "arguments", "data", "optimizer", "autoencoder")
        fixed = [getattr(self, name) for name in names]
        entries = ENTRIES.values()
        like = next(e.name for e in entries if [getattr(e, name) for name in names] == fixed)
        return (
            f"python -m aetutor train {self.name} --like {like} --latent-dim {self.latent_dim} "
            f"--epochs {self.epochs} --learning-rate {self.learning_rate!r} "
            f"--batch-size {self.batch_size} {'--flip' if self.flip else '--no-flip'} "
            f"--seeds {' '.join(str(seed) for seed in self.seeds)}"
        )


FAST = {"optimizer": "muon", "epochs": 30, "batch_size": 64}
MNIST = {"data": "mnist", "learning_rate": 0.02, **FAST}
MNIST_SHORT = MNIST | {"epochs": 10, "seeds": (0, 1, 2)}
CIFAR10 = {"data": "cifar10", "learning_rate": 0.01, "flip": True, **FAST}
# The settings of the blog that lesson 1 follows, which are the textbook's.
TEXTBOOK = {"optimizer": "adam", "learning_rate": 1e-3, "batch_size": 64}
MNIST_TEXTBOOK = {"data": "mnist", "epochs": 20, "seeds": (0, 1, 2), **TEXTBOOK}
CIFAR10_TEXTBOOK = {"data": "cifar10", "epochs": 15, **TEXTBOOK}
FLOW = {"optimizer": "adam-to-zero", "batch_size": 256}
CIFAR10_FLOW = {"data": "cifar10", "learning_rate": 1e-3, "flip": True, **FLOW}
# Lesson 7: a wide layer that undoes damage of all strengths. One matrix, so half the bytes.
MNIST_WIDE = {"data": "mnist", "epochs": 12, "optimizer": "adam", "learning_rate": 1e-3}
MNIST_WIDE |= {"batch_size": 128}


def _wide(name, damage, amount):
    arguments = {"damage": damage, "amount": amount, "tied": True}
    return Entry(name, "DenoisingAutoencoder", 512, **MNIST_WIDE, arguments=arguments)


def _photo_flow(dim, width, seeds):
    own = {"autoencoder": f"cifar10-{dim}", "arguments": {"width": width, "blocks": 3}}
    return Entry(f"cifar10-{dim}-flow", "Flow", dim, epochs=90, seeds=seeds, **own, **CIFAR10_FLOW)


ENTRIES = {
    entry.name: entry
    for entry in (
        Entry("mnist-linear-2", "LinearAutoencoder", 2, **MNIST),
        Entry("mnist-linear-10", "LinearAutoencoder", 10, **MNIST),
        Entry("mnist-linear-64", "LinearAutoencoder", 64, **MNIST),
        Entry("mnist-conv-2", "ConvAutoencoder", 2, **MNIST),
        Entry("mnist-conv-10", "ConvAutoencoder", 10, **MNIST),
        Entry("mnist-conv-32", "ConvAutoencoder", 32, **MNIST_SHORT),
        Entry("mnist-conv-64", "ConvAutoencoder", 64, **MNIST),
        Entry("mnist-fsq-48", "FSQAutoencoder", 48, **MNIST_SHORT),
        Entry("mnist-vq-64", "VQAutoencoder", 64, **MNIST_SHORT),
        Entry("mnist-vae-2", "VariationalAutoencoder", 2, **MNIST),
        Entry("mnist-linear-10-textbook", "LinearAutoencoder", 10, **MNIST_TEXTBOOK),
        Entry("mnist-conv-64-textbook", "ConvAutoencoder", 64, **MNIST_TEXTBOOK),
        _wide("mnist-plain-512", "noise", 0),
        _wide("mnist-noise-512", "noise", [0, 1]),
        _wide("mnist-pixels-512", "pixels", [0, 0.9]),
        Entry("cifar10-64", "ColorConvAutoencoder", 64, **CIFAR10),
        Entry("cifar10-128", "ColorConvAutoencoder", 128, **CIFAR10),
        Entry("cifar10-256", "ColorConvAutoencoder", 256, **CIFAR10),
        Entry("cifar10-384", "ColorConvAutoencoder", 384, **CIFAR10),
        Entry("cifar10-384-textbook", "ColorConvAutoencoder", 384, **CIFAR10_TEXTBOOK),
        Entry(
            "mnist-conv-10-flow",
            "Flow",
            10,
            "mnist",
            epochs=60,
            learning_rate=2e-3,
            arguments={"width": 128, "blocks": 4, "classes": 10},
            autoencoder="mnist-conv-10",
            **FLOW,
        ),
        _photo_flow(128, width=256, seeds=(0, 1, 2)),
    )
}
NAMES = tuple(name for name, entry in ENTRIES.items() if not entry.autoencoder)
FLOWS = tuple(name for name, entry in ENTRIES.items() if entry.autoencoder)
# Does not ship, for its size: lesson 10's study of rivals trains it.
LARGE_FLOW = _photo_flow(384, width=384, seeds=(0,))


def entry(name):
    """Return the :class:`Entry` of a trained model that ships with the package.

    Raises
    ------
    ValueError
        If there is none of this name; the message has the nearest.
    """
    return ENTRIES[known_name("name", name, ENTRIES)]
