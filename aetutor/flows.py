"""Train a flow on the codes of an autoencoder, and measure it on codes that were held out."""

import math
import sys
import time

import torch
from tqdm import tqdm

from aetutor import training, weights, zoo
from aetutor.checkpoint import Checkpoint
from aetutor.checks import whole_number
from aetutor.history import History
from aetutor.latent import Flow
from aetutor.recipes import recipe


def codes(model, split, *, flip=False):
    """Return the codes of a split's images with their labels.

    Parameters
    ----------
    model : Autoencoder
    split : Split
    flip : bool
        Also the codes of the mirrored images, after the others.

    Returns
    -------
    tuple of torch.Tensor
        (N, latent_dim) and (N,), or 2 N of each.
    """
    views = (lambda images: images, lambda images: images.flip(-1))[: 2 if flip else 1]
    with torch.no_grad():
        found = [
            (model.encode(view(images)), labels)
            for view in views
            for images, labels in split.batches(500)
        ]
    latents, labels = zip(*found, strict=True)
    return torch.cat(latents), torch.cat(labels)


def fit(
    flow,
    train,
    val,
    *,
    epochs=10,
    optimizer="adam-to-zero",
    learning_rate=None,
    batch_size=None,
    seed=0,
    checkpoint=None,
):
    """Train a flow on codes, on the CPU, and leave it in evaluation mode.

    Parameters
    ----------
    flow : latent.Flow
        Trained in place. Its noise gets the mean and covariance of the codes.
    train, val : tuple of torch.Tensor
        Codes (N, latent_dim) and their labels (N,), as :func:`codes` gives them. The labels are
        looked at only by a flow with classes.
    epochs : int
    optimizer : str
        See :mod:`aetutor.recipes`.
    learning_rate, batch_size : optional
        If left out, the recipe's own.
    seed : int
        Of the order of the codes, the noise and the times.
    checkpoint : path, optional
        A folder for the state after each epoch, from which the same call continues.

    Returns
    -------
    History
        Its errors are the loss of the flow.

    Raises
    ------
    ValueError
        If an argument is out of range, or the codes or the checkpoint do not fit the flow.
    DivergedError
        If the loss is no longer finite.
    """
    usual = recipe(optimizer)
    run = {
        "model": flow.config,
        "codes": len(train[0]),
        "optimizer": optimizer,
        "epochs": whole_number("epochs", epochs, 1),
        "learning_rate": learning_rate or usual.learning_rate,
        "batch_size": whole_number("batch_size", batch_size or usual.batch_size, 1),
        "seed": whole_number("seed", seed, 0),
    }
    if len(train[0]) != len(train[1]) or train[0].shape[1] != flow.latent_dim:
        raise ValueError(
            f"the flow takes codes (N, {flow.latent_dim}) with N labels, "
            f"got {tuple(train[0].shape)} with {len(train[1])}"
        )
    flow.start_from(train[0])
    steps = epochs * math.ceil(len(train[0]) / run["batch_size"])
    stepper = usual.prepare(flow, run["learning_rate"], steps)
    history = History()
    saved = None if checkpoint is None else Checkpoint(checkpoint, run)
    if saved is not None:
        history = saved.restore(flow, stepper, history)
    left = range(len(history) + 1, epochs + 1)
    for epoch in tqdm(left, "epochs", file=sys.stdout, leave=False, mininterval=0.2):
        start = time.perf_counter()
        loss = _train_once(flow, *train, stepper, run, epoch)
        val_loss = evaluate(flow, *val)
        if not math.isfinite(loss + val_loss):
            raise training.DivergedError(
                f"the loss is no longer finite in epoch {epoch}; "
                f"try a learning_rate below {run['learning_rate']:g}",
                history,
            )
        history.append(
            {"loss": loss}, val_loss, stepper.learning_rate(), time.perf_counter() - start
        )
        if saved is not None:
            saved.save(flow, stepper, history)
    flow.eval()
    return history


@torch.enable_grad()
def _train_once(flow, latents, labels, stepper, run, epoch):
    """Train on each code once; return the mean loss."""
    flow.train()
    generator = torch.Generator().manual_seed(run["seed"] * 1_000_003 + epoch)
    total = torch.zeros((), device="cpu")
    order = torch.randperm(len(latents), generator=generator, device="cpu")
    for batch in order.split(run["batch_size"]):
        loss = flow.loss(
            latents[batch], labels[batch] if flow.classes else None, generator=generator
        )
        loss.backward()
        stepper.step()
        total += loss.detach() * len(batch)
    return total.item() / len(latents)


def evaluate(flow, latents, labels=None, *, seed=0):
    """Return the loss of a flow on codes; the noise and the times depend on the seed alone."""
    flow.eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        return flow.loss(latents, labels if flow.classes else None, generator=generator).item()


def reproduce(name, data, *, seed=None, checkpoint=None):
    """Train a flow that ships with the package, in the way that it was trained.

    Parameters
    ----------
    name : str or zoo.Entry
        One of :data:`aetutor.zoo.FLOWS`, or an entry of your own.
    data : ImageData
        The data set that the entry names, or its stand-in.
    seed : int, optional
        The first of the entry's own if left out.
    checkpoint : path, optional
        As for :func:`fit`.

    Returns
    -------
    tuple of (latent.Flow, History)

    Raises
    ------
    ValueError
        If there is no flow of this name, or it takes codes of other images.
    """
    entry = zoo.entry(name) if isinstance(name, str) else name
    if data.name != entry.data:
        raise ValueError(f"{entry.name} is trained on {entry.data}, got {data.name}")
    model = weights.trained(entry.autoencoder)
    seed = entry.seeds[0] if seed is None else seed
    flow = Flow(entry.latent_dim, **entry.arguments, seed=seed)
    settings = {"epochs": entry.epochs, "seed": seed, "checkpoint": checkpoint, **entry.recipe}
    train = codes(model, data.train, flip=settings.pop("flip"))
    return flow, fit(flow, train, codes(model, data.val), **settings)
