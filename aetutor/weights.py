"""Trained models as files: tensors with a card that says what they are and how they were made."""

import hashlib
import json
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_safetensors

from aetutor import zoo
from aetutor.files import replacing
from aetutor.history import History
from aetutor.latent import Flow
from aetutor.models import build

FOLDER = Path(__file__).parent / "weights"
SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Card:
    """What is known about a trained model.

    Attributes
    ----------
    name : str
    model : dict
        ``config`` of the network.
    data : dict
        Name and fingerprint of the data set, and whether it was a stand-in; of a flow also the
        autoencoder on whose codes it was trained.
    recipe : dict
        Optimiser, learning rate, batch size, and the schedule in words.
    epochs : int
    seeds : list of int
        One run each; the weights are those of the first.
    curves : list of dict
        Of each run, as :meth:`History.curves` gives them.
    val_error, test_error : list of float
        Mean squared error per pixel of each run's final model, in the data's value range squared;
        of a flow, its loss on held-out codes.
    versions : dict of str to str
    command : str
        The command that reproduces the file.
    """

    name: str
    model: dict
    data: dict
    recipe: dict
    epochs: int
    seeds: list
    curves: list
    val_error: list
    test_error: list
    versions: dict
    command: str


def versions():
    """Return the versions that a result may depend on."""
    return {"python": platform.python_version(), "torch": torch.__version__}


def save(path, model, card, history):
    """Write a trained model, its card and the pictures of its training.

    Parameters
    ----------
    path : path
        Usually ``.safetensors``. Written atomically.
    model : Autoencoder
        Its parameters are stored in half precision, which halves the file and changes no error
        in its first four digits.
    card : Card
    history : History
        Of the run that made ``model``.
    """
    state = model.state_dict()
    tensors = {f"model.{name}": _half(tensor) for name, tensor in state.items()}
    tensors |= {f"history.{name}": tensor for name, tensor in history.tensors().items()}
    tensors = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    text = json.dumps(asdict(card))
    with replacing(path) as file:
        file.write(to_safetensors(tensors, {"card": text, "sha256": _digest(text, tensors)}))


def load(path):
    """Return the model of a file, in evaluation mode. Nothing is unpickled.

    Parameters
    ----------
    path : path

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is damaged, altered or of another kind; the message has the file and the reason.
    """
    card, tensors = _read(path)
    try:
        arguments = dict(card.model)
        flow = arguments.pop("kind", None) == "Flow"
        model = Flow(**arguments) if flow else build(card.model)
        model.load_state_dict(_below("model.", tensors))
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"{path} cannot be used: {error}") from error
    # The layout in which convolutions are fastest, as after training.
    return model.eval().to(memory_format=torch.channels_last)


def trained(name):
    """Return a model that ships with the package, in evaluation mode; needs no network.

    Parameters
    ----------
    name : str
        One of :data:`aetutor.zoo.NAMES` or :data:`aetutor.zoo.FLOWS`.

    Raises
    ------
    ValueError
        If no model of that name ships; the message has the nearest name that does.
    """
    return load(_path(name))


def card(name):
    """Return the :class:`Card` of a model that ships with the package, or of a file."""
    return _read(_path(name))[0]


def histories(name):
    """Return the training runs of a model that ships, or of a file: one for each seed.

    Only the first run, whose weights are stored, has pictures.

    Returns
    -------
    list of History
    """
    found, tensors = _read(_path(name))
    pictures = [_below("history.", tensors)] + [{}] * (len(found.curves) - 1)
    return [History.restore(*pair) for pair in zip(found.curves, pictures, strict=True)]


def _path(name):
    """The file of a model that ships; the path of any other file is left as it is."""
    if str(name).endswith(SUFFIX):
        return Path(name)
    return FOLDER / f"{zoo.entry(name).name}{SUFFIX}"


def _read(path):
    """Card and tensors of a file, its digest checked."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        # On the CPU by name: with older releases it would be torch's default device.
        with torch.device("cpu"), safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            missing = {"card", "sha256"} - metadata.keys()
            if missing:
                raise ValueError(f"it lacks aetutor's {' and '.join(sorted(missing))}")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if _digest(metadata["card"], tensors) != metadata["sha256"]:
            raise ValueError("its contents do not match its SHA-256: it was damaged or altered")
        return Card(**json.loads(metadata["card"])), tensors
    except (SafetensorError, ValueError, TypeError, OSError) as error:
        raise ValueError(f"{path} cannot be used: {error}") from error


def _digest(card_text, tensors):
    """SHA-256 over a card and all tensors, with their names, types and shapes."""
    digest = hashlib.sha256(card_text.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _half(tensor):
    return tensor.half() if tensor.is_floating_point() else tensor


def _below(prefix, tensors):
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }
