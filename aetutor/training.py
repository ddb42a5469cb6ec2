"""Train an autoencoder and measure its error."""

import math
import sys
import time
from contextlib import ExitStack, contextmanager
from itertools import chain

import torch
from torch.nn import functional as F
from tqdm import tqdm

from aetutor import zoo
from aetutor.board import Board
from aetutor.checkpoint import Checkpoint
from aetutor.checks import whole_number
from aetutor.history import History, to_bytes
from aetutor.models import build
from aetutor.recipes import recipe

PICTURE_EPOCHS = (1, 5, 10, 15, 20)
PICTURES = 8
CHECK_EVERY = 50  # batches between two looks at the loss, for each of which a GPU is waited for


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
    """Train an autoencoder to reproduce ``data.train``, watching ``data.val``.

    A GPU is used if there is one; the model comes back to where it was, in evaluation mode.
    Interrupted, it keeps what it has learnt so far.

    Parameters
    ----------
    model : Autoencoder
        Trained in place; it may have been trained before.
    data : ImageData
    epochs : int
        At least 1.
    optimizer : {"adam", "muon"}
        The textbook's recipe, or the fast one; see :mod:`aetutor.recipes`.
    learning_rate, batch_size : optional
        In place of the recipe's own.
    flip : bool
        Mirror each training image left to right with probability one half, anew in each epoch:
        twice as many photographs. Not for digits.
    seed : int
        Of the order of the training images. The initial weights have the model's own seed.
    picture_epochs : iterable of int
        Epochs after which the first validation images' reconstructions are kept.
    checkpoint : path, optional
        Folder in which the state after every epoch is kept. If it holds one, training goes on
        from there; :func:`aetutor.checkpoint.load_best` has the best epoch's model.
    log_dir : path, optional
        Folder for TensorBoard: errors, learning rate, the network, reconstructions.

    Returns
    -------
    History

    Raises
    ------
    ValueError
        If an argument is out of range, the data do not fit the model, or the checkpoint is
        damaged or of another run.
    DivergedError
        If the loss is no longer finite. The model is back at its state after the last good epoch.
    """
    chosen, picture_epochs = recipe(optimizer), set(picture_epochs)
    learning_rate = chosen.learning_rate if learning_rate is None else learning_rate
    batch_size = chosen.batch_size if batch_size is None else batch_size
    _check(model, data, epochs, learning_rate, batch_size)
    run = {
        "model": model.config,
        "data": data.name,
        "fingerprint": data.fingerprint,
        "images": len(data.train),
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "flip": flip,
        "epochs": epochs,
        "seed": seed,
    }
    with _at_work(model) as device, ExitStack() as afterwards:
        train, val = data.train.to(device), data.val.to(device)
        steps = math.ceil(len(train) / batch_size)
        setup = chosen.prepare(model, learning_rate, epochs * steps)
        keeper = None if checkpoint is None else Checkpoint(checkpoint, run)
        history = keeper.restore(model, setup, device) if keeper else None
        if history is None:
            images = data.val.images[:PICTURES].contiguous()
            history = History(value_range=data.value_range, images=images)
        keep = [keeper.save] if keeper else []
        if log_dir is not None:
            board = Board(log_dir, model, val[:1][0], done=len(history))
            afterwards.callback(board.close)
            keep.append(board.log)
        try:
            for epoch in range(len(history) + 1, epochs + 1):
                order = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
                batches = train.batches(batch_size, shuffle=True, flip=flip, generator=order)
                # Plain text: a widget would leave its state in the notebook. And to stdout:
                # in a notebook stderr has a red ground, as if something were wrong.
                title, settings = f"epoch {epoch}/{epochs}", {"leave": False, "mininterval": 0.2}
                progress = tqdm(batches, title, steps, file=sys.stdout, **settings)
                try:
                    _epoch(model, progress, val, setup, history)
                except FloatingPointError as error:
                    raise DivergedError(
                        f"the loss is no longer finite in epoch {epoch}; the model is back at its "
                        f"state before it; try a learning_rate below {learning_rate:g}",
                        history,
                    ) from error
                if epoch in picture_epochs:
                    history.pictures[epoch] = to_bytes(_reconstructed(model, val), data.value_range)
                for save in keep:
                    save(model, setup, history)
        except KeyboardInterrupt:
            print(
                f"Interrupted in epoch {len(history) + 1} of {epochs}: the model keeps what it "
                f"has learnt so far, the history the epochs completed, {len(history)}."
            )
    return history


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
    model = build({"kind": entry.kind, "latent_dim": entry.latent_dim, "seed": seed})
    history = fit(
        model,
        data,
        epochs=entry.epochs,
        optimizer=entry.optimizer,
        learning_rate=entry.learning_rate,
        batch_size=entry.batch_size,
        flip=entry.flip,
        seed=seed,
        checkpoint=checkpoint,
        log_dir=log_dir,
    )
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
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def _epoch(model, progress, val, setup, history):
    """Train for one epoch and write its line into the history; undo it if the loss diverges."""
    start = time.perf_counter()
    good = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    train_error = _train(model, progress, setup)
    val_error = evaluate(model, val) if math.isfinite(train_error) else math.nan
    if not math.isfinite(val_error):
        model.load_state_dict(good)
        raise FloatingPointError(f"training error {train_error}, held-out error {val_error}")
    for schedule in setup.epoch_schedules:
        schedule.step(val_error)
    history.train_error.append(train_error)
    history.val_error.append(val_error)
    history.learning_rate.append(setup.learning_rate())
    history.seconds.append(time.perf_counter() - start)


@torch.enable_grad()  # even if the reader has switched gradients off
def _train(model, progress, setup):
    """One pass over the batches; the mean of their errors, not finite if one was not."""
    model.train()
    device = _device_of(model)
    bfloat16 = model.prefers_bfloat16 and _has_bfloat16(device)
    total, count = torch.zeros((), device=device), 0
    for step, (images, _) in enumerate(progress, start=1):
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            reconstructions = model(images)
        loss = F.mse_loss(reconstructions.float(), images)
        loss.backward()
        for optimizer in setup.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        for schedule in setup.step_schedules:
            schedule.step()
        total += loss.detach() * len(images)
        count += len(images)
        if step % CHECK_EVERY == 0:
            setup.flush()
            error = total.item() / count
            if not math.isfinite(error):
                break
            progress.set_postfix_str(f"error {error:.4f}", refresh=False)
    return total.item() / count


def _reconstructed(model, val):
    """The held-out images that the pictures show, reconstructed."""
    model.eval()
    with torch.inference_mode():
        return model(val[:PICTURES][0])


@contextmanager
def _at_work(model):
    """Lend a model to the fastest device, and bring it back; it keeps the fastest layout."""
    home, device = _device_of(model), best_device()
    try:
        # channels_last: colour images take an eighth less time to train on and a third less to
        # reconstruct, and nothing else is slower.
        yield model.to(device, memory_format=torch.channels_last) and device
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


def _check(model, data, epochs, learning_rate, batch_size):
    whole_number("epochs", epochs, 1)
    whole_number("batch_size", batch_size, 1)
    if not learning_rate > 0:
        raise ValueError(f"learning_rate must be above 0, got {learning_rate!r}")
    if not list(model.parameters()):
        raise ValueError(f"{type(model).__name__} has no weights to train; use its own fit")
    if data.image_shape != model.image_shape or data.value_range != model.value_range:
        raise ValueError(
            f"{type(model).__name__} takes images of shape {model.image_shape} in "
            f"{model.value_range}, {data.name} has {data.image_shape} in {data.value_range}"
        )
