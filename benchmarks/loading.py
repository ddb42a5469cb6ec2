"""From disk to tensors: our .npz beside torchvision's own files, and what an import costs."""

import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from torchvision import datasets
from torchvision.datasets.utils import calculate_md5

from aetutor import data
from benchmarks.measure import OURS, Row, in_turns

MODULES = ("aetutor", "aetutor.training", "aetutor.plotting", "aetutor.explore")
MORE_MODULES = (*MODULES, "aetutor.models", "aetutor.data", "aetutor.latent", "aetutor.search",
                "aetutor.weights", "aetutor.patterns", "aetutor.exercises")  # fmt: skip


class FreshCIFAR10(datasets.CIFAR10):
    """Files that were written just now do not have the published hashes; all else is the same."""

    def _check_integrity(self):
        for name, _ in self.train_list + self.test_list:
            calculate_md5(Path(self.root) / self.base_folder / name)  # torchvision's work
        return True

    def _load_meta(self):
        self.classes = []


def write_mnist(folder, arrays):
    """Write torchvision's four files of MNIST."""
    raw = Path(folder) / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for split, prefix in (("train", "train"), ("test", "t10k")):
        images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
        header = np.array([0x803, *images.shape], dtype=">i4").tobytes()
        (raw / f"{prefix}-images-idx3-ubyte").write_bytes(header + images.tobytes())
        header = np.array([0x801, len(labels)], dtype=">i4").tobytes()
        (raw / f"{prefix}-labels-idx1-ubyte").write_bytes(header + labels.tobytes())


def write_cifar10(folder, arrays):
    """Write torchvision's six files of CIFAR-10."""
    base = Path(folder) / datasets.CIFAR10.base_folder
    base.mkdir(parents=True)
    parts = zip(
        np.array_split(arrays["train_images"], 5),
        np.array_split(arrays["train_labels"], 5),
        strict=True,
    )
    names = [name for name, _ in datasets.CIFAR10.train_list + datasets.CIFAR10.test_list]
    for name, (images, labels) in zip(
        names, [*parts, (arrays["test_images"], arrays["test_labels"])], strict=True
    ):
        rows = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
        (base / name).write_bytes(pickle.dumps({"data": rows, "labels": labels.tolist()}))


def arrays_of(source):
    """The .npz's arrays again, from what the package loaded."""
    arrays = {}
    for split in ("train", "test"):
        arrays[f"{split}_images"], arrays[f"{split}_labels"] = (
            getattr(source, split).images.permute(0, 2, 3, 1).squeeze(-1).contiguous().numpy(),
            getattr(source, split).labels.numpy().astype(np.uint8),
        )
    return arrays


def splits_of(source):
    return source.train, source.val, source.test


def loading():
    """Seconds to have both splits of each data set in memory."""
    rows = []
    for name, load, write, theirs in (
        ("MNIST", data.load_mnist, write_mnist, datasets.MNIST),
        ("CIFAR-10", data.load_cifar10, write_cifar10, FreshCIFAR10),
    ):
        ours = load(offline="error")
        with tempfile.TemporaryDirectory() as folder:
            write(folder, arrays_of(ours))
            contenders = {
                "torchvision's files": lambda theirs=theirs, folder=folder: [
                    theirs(folder, train=train) for train in (True, False)
                ],
                OURS: lambda load=load: load(offline="error"),
                f"{OURS}, every byte read once": lambda load=load: [
                    split.images.sum() for split in splits_of(load(offline="error"))
                ],
            }
            test = contenders["torchvision's files"]()[1].data
            assert np.array_equal(np.asarray(test), arrays_of(ours)["test_images"])
            seconds = in_turns(contenders, 3)
        for contender, values in seconds.items():
            note = "its prepared copy mapped" if contender == OURS else ""
            rows.append(Row(f"Loading {name}", contender, values, "s", note))
    return rows


def imports(full):
    """Seconds of a fresh interpreter that imports a module, the interpreter's own left out."""

    def start(code):
        return lambda: subprocess.run([sys.executable, "-c", code], check=True)

    contenders = {"nothing": start("pass"), "import torch": start("import torch")}
    contenders |= {
        f"import {module}": start(f"import {module}")
        for module in (MORE_MODULES if full else MODULES)
    }
    seconds = in_turns(contenders, 2)
    bare = min(seconds.pop("nothing"))
    return [
        Row("A fresh interpreter", name, [value - bare for value in values], "s")
        for name, values in seconds.items()
    ]
