"""Checkpoints: how a training run survives a crash."""

import hashlib
import io
import json
import pickle
import warnings
from pathlib import Path

import torch

from aetutor.files import replacing
from aetutor.history import History

LAST, BEST = "last.pt", "best.pt"
DIGEST = 32  # bytes before torch's own
# What torch.load raises depends on where a file is damaged.
UNREADABLE = (
    *(ValueError, TypeError, LookupError, EOFError, OSError, RuntimeError),
    pickle.UnpicklingError,
)


class Checkpoint:
    """A folder that holds a run's last state and its best model.

    Parameters
    ----------
    folder : path
    run : dict
        What distinguishes this run from others; plain JSON values. A checkpoint of another run
        is refused, not overwritten.
    """

    def __init__(self, folder, run):
        self.folder = Path(folder)
        self.run = json.loads(json.dumps(run))  # tuples become lists, as they will be read

    def save(self, model, stepper, history):
        """Write the state after an epoch; if the disk is full, training continues without it."""
        state = {
            "run": self.run,
            "model": model.state_dict(),
            "stepper": stepper.state_dict(),
            "curves": history.curves(),
            "tensors": history.tensors(),
        }
        try:
            if history.val_error[-1] <= min(history.val_error):
                self._write(BEST, {"run": self.run, "model": model.state_dict()})
            self._write(LAST, state)
        except OSError as error:
            warnings.warn(
                f"no checkpoint was written to {self.folder}: {error}; training continues, and the "
                "previous checkpoint, if any, is still good",
                stacklevel=3,
            )

    def restore(self, model, stepper, history):
        """Put model and stepper into the saved state and return its History.

        Without a saved state all stay as they are, and ``history`` is returned.

        Raises
        ------
        ValueError
            If the checkpoint is damaged or of another run.
        """
        path = self.folder / LAST
        if not path.exists():
            return history
        state = _read(path, {"run", "model", "stepper", "curves", "tensors"})
        if state["run"] != self.run:
            raise ValueError(
                f"{path} belongs to another run: {_difference(state['run'], self.run)}; "
                "name another folder, or remove it to train from the beginning"
            )
        stepper.load_state_dict(state["stepper"])
        model.load_state_dict(state["model"])
        return History.restore(state["curves"], state["tensors"])

    def _write(self, name, state):
        # By way of memory: on a full disk torch.save itself fails with errors of many kinds.
        buffer = io.BytesIO()
        torch.save(state, buffer)
        with replacing(self.folder / name) as file:
            file.write(hashlib.sha256(buffer.getbuffer()).digest())
            file.write(buffer.getbuffer())


def load_best(folder, model):
    """Give a model the weights of the epoch with the lowest held-out error.

    Parameters
    ----------
    folder : path
        As given to :func:`aetutor.training.fit` as its ``checkpoint``.
    model : Autoencoder
        Like the one that was trained.

    Raises
    ------
    FileNotFoundError
        If no epoch was completed yet.
    ValueError
        If the checkpoint is damaged or of another model.
    """
    path = Path(folder) / BEST
    if not path.exists():
        raise FileNotFoundError(f"there is no checkpoint in {folder}")
    state = _read(path, {"run", "model"})
    if state["run"]["model"] != model.config:
        raise ValueError(f"{path} is of the model {state['run']['model']}, not {model.config}")
    model.load_state_dict(state["model"])


def _read(path, names):
    try:
        content = path.read_bytes()
        # torch.load itself would take other numbers for weights without a word.
        if hashlib.sha256(content[DIGEST:]).digest() != content[:DIGEST]:
            raise ValueError("its contents do not match its SHA-256: it was damaged or altered")
        # weights_only: a checkpoint may come from somebody else, so it must not run code.
        state = torch.load(io.BytesIO(content[DIGEST:]), map_location="cpu", weights_only=True)
        if not isinstance(state, dict) or names - state.keys():
            raise ValueError("it is not an aetutor checkpoint")
    except UNREADABLE as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"{path} cannot be read ({reason}); remove it to train from the beginning"
        ) from error
    return state


def _difference(there, here):
    differing = [key for key in here | there if there.get(key) != here.get(key)]
    return ", ".join(
        f"{key} is {there.get(key)!r} there, {here.get(key)!r} here" for key in differing
    )
