"""Lesson 10's study: flows beside mixtures of Gaussians, on codes of photographs.

It takes most of an hour, so that its result ships: ``python -m aetutor rivals`` makes it again.
"""

import json
from functools import partial
from pathlib import Path

import torch
from torch.nn import functional as F

from aetutor import flows, rulers, weights, zoo
from aetutor.files import table_so_far, write_table
from aetutor.latent import Mixture

FILE = Path(__file__).with_name("rivals.json")
# How many components the rivals have; one is the fitted Gaussian. In 384 directions a mixture of
# 50 would take as long as all else together.
FLOWS = {"cifar10-128-flow": (1, 5, 10, 50), zoo.LARGE_FLOW.name: (1, 5, 10)}
STEPS = (20, 100, 300)  # of Euler's
SEEDS = (0, 1, 2)  # of the draws, and of the classifiers that judge them
DRAWN = 2000
HALF = 10_000  # training images in which near-copies are looked for, and as many others


def study(cifar10, path):
    """Measure every flow of ``FLOWS`` and its rivals.

    Parameters
    ----------
    cifar10 : ImageData
    path : path
        The table, written after every row. If it is there already, what it has is kept, so that
        the same call continues after an interrupt.

    Raises
    ------
    ValueError
        If the file was made from other images.
    """
    table = {"command": "python -m aetutor rivals", "fingerprint": cifar10.fingerprint}
    table |= {"versions": weights.versions(), "seeds": list(SEEDS), "rows": {}}
    table = table_so_far(path, table)
    for name in FLOWS:
        rows = table["rows"].setdefault(name, {})
        for contender, row in _missing(cifar10, name, rows):
            rows[contender] = row
            write_table(path, table)
            print(f"{name}, {contender}", flush=True)


def stored(path=FILE):
    """Return the study that ships, or another one.

    Parameters
    ----------
    path : path, optional
        A file that :func:`study` wrote.

    Returns
    -------
    dict
        ``rows``: by flow and by contender, the ``loss`` on validation codes, and for each seed
        what :meth:`aetutor.rulers.Judge.row` finds; ``seeds``, ``versions``, ``fingerprint`` and
        the ``command`` that makes it.
    """
    return json.loads(Path(path).read_text(encoding="utf-8"))


def _missing(cifar10, name, done):
    """Yield the rows of a flow and its rivals, by contender, that are not done yet."""
    if name in zoo.FLOWS:
        flow = weights.trained(name)
    else:
        flow, _ = flows.reproduce(zoo.LARGE_FLOW, cifar10)
    model = weights.trained(name.removesuffix("-flow"))
    train = flow.whiten(flows.codes(model, cifar10.train, flip=True)[0])
    test, val = (flow.whiten(flows.codes(model, split)[0]) for split in (cifar10.test, cifar10.val))

    def decoded(white):
        with torch.inference_mode():
            return torch.cat([model.decode(batch) for batch in flow.unwhiten(white).split(250)])

    known, others = cifar10.train.subset(0, HALF), cifar10.train.subset(HALF, 2 * HALF)
    real = decoded(test[:DRAWN])
    judges = [rulers.Judge(cifar10, known, others, real, seed=seed) for seed in SEEDS]
    contenders = {"real codes": lambda: (None, lambda seed: test[:DRAWN])}
    for count in FLOWS[name]:
        contender = "fitted Gaussian" if count == 1 else f"mixture of {count}"
        contenders[contender] = partial(_of_mixture, train, count)
    for steps in STEPS:
        contenders[f"flow, {steps} steps"] = partial(_of_flow, flow, steps)
    for contender, prepare in contenders.items():
        if contender in done:
            continue
        velocity, draw = prepare()
        found = [judge.row(decoded(draw(seed))) for seed, judge in zip(SEEDS, judges, strict=True)]
        row = {kind: [each[kind] for each in found] for kind in found[0]}
        yield contender, {"loss": velocity and _loss(velocity, val), **row}


def _of_mixture(white, components):
    """The exact velocity of a mixture fitted to whitened codes, and what draws from it."""
    mixture = Mixture(white, components)
    return mixture.velocity, lambda seed: mixture.sample(DRAWN, seed=seed)


def _of_flow(flow, steps):
    """The velocity of a flow in whitened codes, and what draws from it."""
    nobody = torch.full((1,), flow.classes, device="cpu")
    return (
        lambda x, times: flow.velocity(x, times, nobody),
        lambda seed: flow.whiten(flow.sample(DRAWN, steps=steps, seed=seed)),
    )


@torch.no_grad()
def _loss(velocity, white, repeats=5):
    """The loss of a velocity on whitened codes, each with several noises and times."""
    random, losses = torch.Generator().manual_seed(0), []
    for _ in range(repeats):
        for z in white.split(1000):
            noise = torch.randn(z.shape, generator=random, device="cpu")
            times = torch.rand(len(z), generator=random, device="cpu")
            x = torch.lerp(noise, z, times[:, None])
            losses.append(F.mse_loss(velocity(x, times), z - noise).item())
    return sum(losses) / len(losses)
