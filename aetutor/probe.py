"""What codes know of the labels: a linear probe, and lesson 7's study of damaged images with it.

The study takes some ten minutes, so that its result ships: ``python -m aetutor probe`` makes it
again.
"""

import json
import math
import statistics
from functools import partial
from pathlib import Path

import torch
from torch.nn import functional as F

from aetutor import training, weights
from aetutor.files import table_so_far, write_table
from aetutor.models import DenoisingAutoencoder, PCAAutoencoder

FILE = Path(__file__).with_name("probe.json")
RECIPE = {"epochs": 1, "optimizer": "adam", "learning_rate": 2e-3, "batch_size": 128}
LABELS = {100: 10, 1000: 2, 10_000: 1}  # of how many images, and how many draws of these
STRENGTHS = [10 ** (exponent / 2) for exponent in range(-12, 1)]  # of the codes' variance
SEEDS = (0, 1, 2)
NETWORKS = {
    "plain": {"amount": 0},
    "noise 0.5": {"damage": "noise", "amount": 0.5},
    **{f"pixels {s:.0%}": {"damage": "pixels", "amount": s} for s in (0.25, 0.5, 0.75, 0.9, 0.95)},
    **{f"patches {s:.0%}": {"damage": "patches", "amount": s} for s in (0.25, 0.5, 0.75, 0.9)},
    "plain, tied": {"amount": 0, "tied": True},
}


def accuracy(codes, labels, held_out_codes, held_out_labels):
    """Return the share of held-out images that a linear probe of their codes puts in their class.

    The probe is a ridge regression to the classes (Hoerl and Kennard, 1970). How strong its penalty
    is the labelled codes decide: with that strength it is least wrong about each of them when
    fitted without it, which needs no fit but the one. Scikit-learn's RidgeClassifierCV is the
    same, and takes three times as long.

    Parameters
    ----------
    codes, held_out_codes : torch.Tensor
        (N, D) and (M, D).
    labels, held_out_labels : torch.Tensor
        (N,) and (M,), of at least two classes.

    Returns
    -------
    float
    """
    mean, classes = codes.mean(dim=0), F.one_hot(labels).to(codes)
    targets = classes - classes.mean(dim=0)
    left, sizes, right = torch.linalg.svd(codes - mean, full_matrices=False)
    along = left.T @ targets
    least, weight = math.inf, None
    for strength in STRENGTHS:
        penalty = strength * sizes.square().sum().clamp(min=1e-12)
        kept = sizes.square() / (sizes.square() + penalty)  # of each direction
        leverages = left.square() @ kept + 1 / len(codes)
        missed = (targets - left @ (kept[:, None] * along)) / (1 - leverages)[:, None]
        error = missed.square().mean().item()
        if error < least:
            factors = sizes / (sizes.square() + penalty)
            least, weight = error, right.T @ (factors[:, None] * along)
    answers = (held_out_codes - mean) @ weight + classes.mean(dim=0)
    return (answers.argmax(dim=1) == held_out_labels).double().mean().item()


def study(mnist, path):
    """Train every network of ``NETWORKS``, and probe it beside pixels, PCA and random features.

    Parameters
    ----------
    mnist : ImageData
    path : path
        The table, written after every network. If it is there already, what it has is kept, so
        that the same call continues after an interrupt.

    Raises
    ------
    ValueError
        If the file was made from other images.
    """
    table = {"command": "python -m aetutor probe", "fingerprint": mnist.fingerprint}
    table |= {"recipe": RECIPE, "versions": weights.versions(), "seeds": list(SEEDS), "rows": {}}
    table = table_so_far(path, table)
    for run, seed in enumerate(SEEDS):
        for name, prepare in _contenders(mnist, seed).items():
            row = table["rows"].setdefault(name, {"error": []} | {str(n): [] for n in LABELS})
            if len(row["error"]) > run:
                continue
            encode, error = prepare()
            row["error"].append(error)
            for count, share in _probed(mnist, encode, seed).items():
                row[str(count)].append(share)
            write_table(path, table)
            print(f"seed {seed}, {name}", flush=True)


def stored(path=FILE):
    """Return the study that ships, or another one.

    Parameters
    ----------
    path : path, optional
        A file that :func:`study` wrote.

    Returns
    -------
    dict
        ``rows``: by contender and by the number of labels, a string, the shares right, one a seed,
        and ``error``, the reconstruction error of undamaged test images or None; ``seeds``,
        ``recipe``, ``versions``, ``fingerprint`` and the ``command`` that makes it.
    """
    return json.loads(Path(path).read_text(encoding="utf-8"))


def _contenders(mnist, seed):
    """What is probed, by name: functions that give the encoder and the reconstruction error."""

    def trained(**arguments):
        model = DenoisingAutoencoder(**arguments, seed=seed)
        training.fit(model, mnist, seed=seed, **RECIPE)
        return model.encoder, training.evaluate(model, mnist.test)

    return {
        "raw pixels": lambda: (torch.nn.Flatten(), None),
        "PCA, 64 numbers": lambda: (PCAAutoencoder.fit(mnist.train, 64).encode, None),
        "random features": lambda: (DenoisingAutoencoder(seed=seed).encoder, None),
        **{name: partial(trained, **arguments) for name, arguments in NETWORKS.items()},
    }


@torch.no_grad()
def _probed(mnist, encode, seed):
    """Shares right by the number of labels, means over draws of the images that have them."""
    order = torch.randperm(len(mnist.train), generator=torch.Generator().manual_seed(seed))
    images, labels = mnist.train[order[: max(LABELS)]]
    known, held_out = encode(images), encode(mnist.test[:][0])
    shares = {}
    for count, draws in LABELS.items():
        drawn = list(zip(known.split(count), labels.split(count), strict=True))[:draws]
        found = [accuracy(*each, held_out, mnist.test.labels) for each in drawn]
        shares[count] = statistics.mean(found)
    return shares
