"""Train an autoencoder and measure its error."""

import math
import sys
import time
from contextlib import contextmanager
from itertools import chain

import torch
from torch.nn import functional as F
from tqdm import tqdm

from aetutor import together, zoo
from aetutor.board import Board
from aetutor.checkpoint import Checkpoint
from aetutor.checks import whole_number
from aetutor.history import History, to_bytes
from aetutor.models import build
from aetutor.recipes import recipe

PICTURE_EPOCHS = (1, 5, 10, 15, 20)
PICTURES = 8
CHECK_EVERY = 50  # batches between two looks at the loss, each of which waits for the GPU


class DivergedError(FloatingPointError):
    """The loss became infinite or NaN; ``history`` holds the epochs before."""

    def __init__(self, message, history):
        super().__init__(message)
        self.history = history


def fit(
    model,
    data,
    *,
    epochs=5,
    optimizer="adam",
    learning_rate=None,
    batch_size=None,
    flip=False,
    seed=0,
    picture_epochs=PICTURE_EPOCHS,
    checkpoint=None,
    log_dir=None,
):
    """Train an autoencoder on ``data.train`` by its own ``loss``, watching ``data.val``.

    A GPU is used if there is one; the model comes back to where it was, in evaluation mode.
    If training is interrupted, the model keeps what it has learnt so far.

    Where torchrun has started several processes, which all call this within
    :func:`aetutor.together.joined`, each takes its share of every batch; the first one writes.

    Parameters
    ----------
    model : Autoencoder
        Trained in place; it may have been trained before.
    data : ImageData
    epochs : int
    optimizer : {"adam", "muon"}
        With its schedule: the textbook's recipe, or the fast one; see :mod:`aetutor.recipes`.
    learning_rate : float, optional
        The highest of the schedule, for the weights. If left out, the recipe's own.
    batch_size : int, optional
        If left out, the recipe's own.
    flip : bool
        Mirror each image at random, anew in each epoch: twice as many. Not for digits.
    seed : int
        Of the order of the images; the initial weights have the model's own.
    picture_epochs : iterable of int
        Epochs after which the first validation images' reconstructions are kept.
    checkpoint, log_dir : path, optional
        Folders: for the state after each epoch, from which the same call continues (see
        :mod:`aetutor.checkpoint`), and for TensorBoard.

    Returns
    -------
    History

    Raises
    ------
    ValueError
        If an argument is out of range, or the data or the checkpoint do not fit the model.
    DivergedError
        If the loss is no longer finite; the model is back at the last good epoch.
    """
    run = _described(model, data, epochs, optimizer, learning_rate, batch_size, flip, seed)
    together.check_batch(model, run["batch_size"])
    with _on_best_device(model) as device, _Records(run, checkpoint, log_dir) as records:
        steps = run["epochs"] * _steps(run)
        stepper = recipe(optimizer).prepare(model, run["learning_rate"], steps)
        history = records.begin(model, stepper, data.val, picture_epochs)
        _train(model, data.train.to(device), data.val.to(device), stepper, history, records, run)
    return history


def _train(model, train, val, stepper, history, records, run):
    """Train epoch by epoch, until the last one or an interrupt."""
    loss_of = together.loss_of(model)
    try:
        for epoch in range(len(history) + 1, run["epochs"] + 1):
            start, before = time.perf_counter(), _copied(model.state_dict())
            terms = _train_once(model, loss_of, _shuffled(train, epoch, run), stepper)
            val_error = _held_out_error(model, val)
            if not math.isfinite(terms["loss"] + val_error):
                model.load_state_dict(before)
                raise DivergedError(
                    f"the loss is no longer finite in epoch {epoch}; the model is back at its "
                    f"state before it; try a learning_rate below {run['learning_rate']:g}",
                    history,
                )
            stepper.end_epoch(val_error)
            seconds = time.perf_counter() - start
            history.append(terms, val_error, stepper.learning_rate(), seconds)
            records.write(model, stepper, val, history)
    except KeyboardInterrupt:
        print(
            f"Interrupted in epoch {len(history) + 1} of {run['epochs']}: the model keeps what it "
            f"has learnt so far, the history the epochs completed, {len(history)}."
        )


@torch.enable_grad()  # even if the reader has switched gradients off
def _train_once(model, loss_of, batches, stepper):
    """Train on each batch once; return the terms of the loss by name, means over all images.

    It ends early if the loss is no longer finite, and returns that.
    """
    model.train()
    device = _device_of(model)
    bfloat16 = model.prefers_bfloat16 and _has_bfloat16(device)
    totals, count = {}, 0
    for step, (images, _) in enumerate(batches, start=1):
        own, weight = together.share(images)  # alone: all of them, and 1
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            loss = loss_of(own)
        terms = loss if isinstance(loss, dict) else {"loss": loss}
        (weight * terms["loss"]).backward()
        stepper.step()
        for name, term in terms.items():
            totals[name] = totals.get(name, 0) + term.detach() * (weight * len(images))
        count += len(images)
        if step % CHECK_EVERY == 0:
            stepper.flush()
            mean = together.mean(totals["loss"])[0] / count
            if not math.isfinite(mean):
                break
            batches.set_postfix_str(f"loss {mean:.4f}", refresh=False)
    sums = together.mean(*totals.values())
    return {name: total / count for name, total in zip(totals, sums, strict=True)}


def _held_out_error(model, val):
    """The error of :func:`evaluate`, each process measuring its part of the images."""
    own = together.part(val)
    error, count = together.mean(evaluate(model, own) * len(own), len(own))
    return error / count


def reproduce(name, data, *, seed=None, checkpoint=None, log_dir=None):
    """Train a network that ships with the package, in the way that it was trained.

    Parameters
    ----------
    name : str or zoo.Entry
        One of :data:`aetutor.zoo.NAMES`, or an entry of your own.
    data : ImageData
        The data set that the entry names, or its stand-in.
    seed : int, optional
        The first of the entry's own if left out.
    checkpoint, log_dir : path, optional
        As for :func:`fit`.

    Returns
    -------
    tuple of (Autoencoder, History)

    Raises
    ------
    ValueError
        If there is no network of this name, or it takes other images.
    """
    entry = zoo.entry(name) if isinstance(name, str) else name
    if data.name != entry.data:
        raise ValueError(f"{entry.name} is trained on {entry.data}, got {data.name}")
    seed = entry.seeds[0] if seed is None else seed
    model = build(entry.config(seed))
    places = {"checkpoint": checkpoint, "log_dir": log_dir}
    history = fit(model, data, epochs=entry.epochs, seed=seed, **entry.recipe, **places)
    return model, history


def evaluate(model, split, *, batch_size=500):
    """Return the mean squared error per pixel of a model's reconstructions.

    Parameters
    ----------
    model : Autoencoder
    split : Split
        The images, in the model's value range; the error is in that range squared.
    batch_size : int

    Returns
    -------
    float
        The error per image is this times C x H x W: times 3072 for CIFAR-10.
    """
    device = _device_of(model)
    was_training = model.training
    model.eval()
    total = torch.zeros((), dtype=torch.float64, device="cpu")
    try:
        with torch.inference_mode():
            for images, _ in split.batches(batch_size):
                images = images.to(device)
                total += F.mse_loss(model(images), images).cpu() * len(images)
    finally:
        model.train(was_training)
    return total.item() / len(split)


def best_device():
    """Return the device to train on: a CUDA or Apple GPU if one works, else the CPU."""
    if torch.cuda.is_available():
        try:
            torch.ones(1, device="cuda").add_(1).item()
            return torch.device("cuda")
        except RuntimeError:  # older than any that this torch was built for
            return torch.device("cpu")
    if torch.backends.mps.is_available() and together.count() == 1:  # they cannot share its memory
        return torch.device("mps")
    return torch.device("cpu")


def _described(model, data, epochs, optimizer, learning_rate, batch_size, flip, seed):
    """Check the arguments of a run; return its settings, and what else distinguishes it."""
    usual = recipe(optimizer)
    learning_rate = usual.learning_rate if learning_rate is None else learning_rate
    batch_size = usual.batch_size if batch_size is None else batch_size
    if not 0 < learning_rate < math.inf:
        raise ValueError(f"learning_rate must be above 0, got {learning_rate!r}")
    if not list(model.parameters()):
        raise ValueError(f"{type(model).__name__} has no weights to train; use its own fit")
    if data.image_shape != model.image_shape or data.value_range != model.value_range:
        raise ValueError(
            f"{type(model).__name__} takes images of shape {model.image_shape} in "
            f"{model.value_range}, {data.name} has {data.image_shape} in {data.value_range}"
        )
    return {
        "model": model.config,
        "data": data.name,
        "fingerprint": data.fingerprint,
        "images": len(data.train),
        "optimizer": optimizer,
        "learning_rate": float(learning_rate),
        "batch_size": whole_number("batch_size", batch_size, 1),
        "flip": bool(flip),
        "epochs": whole_number("epochs", epochs, 1),
        "seed": whole_number("seed", seed, 0),
    }


def _steps(run):
    """Batches in an epoch."""
    return math.ceil(run["images"] / run["batch_size"])


def _shuffled(train, epoch, run):
    """The batches of one epoch, in an order of its own, with a progress bar."""
    order = torch.Generator().manual_seed(run["seed"] * 1_000_003 + epoch)
    batches = train.batches(run["batch_size"], shuffle=True, flip=run["flip"], generator=order)
    # Plain text: a widget would leave its state in the notebook. And to stdout: in a notebook
    # stderr has a red ground, as if something were wrong.
    title, settings = f"epoch {epoch}/{run['epochs']}", {"leave": False, "mininterval": 0.2}
    return tqdm(batches, title, _steps(run), file=sys.stdout, **settings)


class _Records:
    """What is stored after each epoch: pictures, a checkpoint, TensorBoard's files."""

    def __init__(self, run, checkpoint, log_dir):
        self.checkpoint = None if checkpoint is None else Checkpoint(checkpoint, run)
        self.log_dir, self.board = log_dir, None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.board is not None:
            self.board.close()

    def begin(self, model, stepper, val, picture_epochs):
        """Return the history to continue: an empty one, or that of the checkpoint."""
        self.picture_epochs = set(picture_epochs)
        history = History(value_range=val.value_range, images=val.images[:PICTURES].contiguous())
        if self.checkpoint is not None:
            history = self.checkpoint.restore(model, stepper, history)
        together.check_same(len(history), "the epochs that their checkpoints have")
        if self.log_dir is not None and together.is_first():
            image = val[:1][0].to(_device_of(model))
            self.board = Board(self.log_dir, model, image, done=len(history))
        return history

    def write(self, model, stepper, val, history):
        """Record the epoch that history ends with, in one process only."""
        if not together.is_first():
            return
        if len(history) in self.picture_epochs:
            with torch.inference_mode():
                pictures = model.eval()(val[:PICTURES][0])
            history.pictures[len(history)] = to_bytes(pictures, val.value_range)
        if self.checkpoint is not None:
            self.checkpoint.save(model, stepper, history)
        if self.board is not None:
            self.board.log(history)


def _copied(state):
    return {name: tensor.clone() for name, tensor in state.items()}


@contextmanager
def _on_best_device(model):
    """Move a model to the fastest device, and back again; it keeps the fastest memory layout."""
    home, device = _device_of(model), best_device()
    try:
        # channels_last: colour images take an eighth less time to train on and a third less to
        # reconstruct, and nothing else is slower.
        model.to(device, memory_format=torch.channels_last)
        yield device
    finally:
        model.eval().to(home)


def _device_of(model):
    return next(chain(model.parameters(), model.buffers())).device


def _has_bfloat16(device):
    """Whether a device multiplies bfloat16 faster than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):
        return torch.cpu.get_capabilities().get("avx512_bf16", False)
    return False
