"""Training: how long to the textbook's error, and how fast an epoch is.

The usual way is a ``DataLoader`` over a data set that applies ``ToTensor`` to each image, Adam,
and batches of 64, as most tutorials have it.
"""

import math
import time
from dataclasses import replace

import torch
from PIL import Image
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode
from torchvision.transforms import ToTensor

from aetutor import data, models, training, weights
from benchmarks.measure import OURS, Row, in_turns

EPOCHS = 20  # of the textbook
MNIST = {
    "mnist-linear-10-textbook": ("fully connected, code of 10", models.LinearAutoencoder),
    "mnist-conv-64-textbook": ("convolutional, code of 64", models.ConvAutoencoder),
}
# Squared error per image on test images, 3072 times the error per pixel (UvA tutorial 9).
PUBLISHED = {64: 87.1, 384: 15.8}
CIFAR10 = {
    64: {"epochs": 4, "learning_rate": 0.010, "batch_size": 48},
    384: {"epochs": 5, "learning_rate": 0.02, "batch_size": 64},
}


class Transformed(Dataset):
    """Images as torchvision's data sets keep and hand them out."""

    def __init__(self, split):
        self.arrays, self.labels = split.images.squeeze(1).numpy(), split.labels
        self.transform = ToTensor()

    def __len__(self):
        return len(self.arrays)

    def __getitem__(self, index):
        return self.transform(Image.fromarray(self.arrays[index])), self.labels[index]


class Usual:
    """Training as most tutorials write it."""

    def __init__(self, dataset):
        self.train = DataLoader(Transformed(dataset.train), batch_size=64, shuffle=True)
        self.val = DataLoader(Transformed(dataset.val), batch_size=500)

    def epoch(self, model, optimizer):
        for images, _ in self.train:
            loss = F.mse_loss(model(images), images)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    def error(self, model):
        with torch.no_grad():
            errors = [F.mse_loss(model(x), x).item() * len(x) for x, _ in self.val]
        return sum(errors) / len(self.val.dataset)

    def run(self, model, epochs):
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-5)
        for _ in range(epochs):
            self.epoch(model, optimizer)
            error = self.error(model)
        return error


def textbook_error(name):
    """The held-out error of the textbook's recipe after 20 epochs, mean of three runs."""
    runs = weights.histories(name)
    return sum(run.val_error[EPOCHS - 1] for run in runs) / len(runs)


def fast_run(kind, mnist, target):
    """Seconds and epochs of the shortest fast run that reaches an error; each starts anew."""
    for epochs in range(1, 6):
        start = time.perf_counter()
        history = training.fit(
            kind(), mnist, epochs=epochs, optimizer="muon", batch_size=64, picture_epochs=[]
        )
        seconds = time.perf_counter() - start
        if history.val_error[-1] <= target:
            return seconds, epochs
    raise RuntimeError(f"the fast recipe did not reach {target:.5f} in five epochs")


def time_to_quality(full):
    """Seconds to the held-out error of the textbook's 20 epochs, on MNIST.

    The quick form measures the 20 epochs by a fifth of one, the fast recipe in any case to the end.
    """
    mnist, rows = data.load_mnist(offline="error"), []
    part, epochs = (1, EPOCHS) if full else (5, 1)
    some = replace(
        mnist,
        train=mnist.train.subset(0, len(mnist.train) // part),
        val=mnist.val.subset(0, len(mnist.val) // part),
    )
    usual, share = Usual(some), part * EPOCHS / epochs
    note = "" if full else f"{share:.0f} times a measured fifth of an epoch"
    for name, (title, kind) in MNIST.items():
        target = textbook_error(name)
        question = f"MNIST, {title}: to a held-out error of {target:.5f}"
        contenders = {
            "DataLoader, ToTensor, Adam": lambda kind=kind: usual.run(kind(), epochs),
            "textbook recipe in fit": lambda kind=kind: training.fit(kind(), some, epochs=epochs),
        }
        seconds = in_turns(contenders, 1 if full else 2, warm_up=0)
        for contender, found in seconds.items():
            rows.append(Row(question, contender, [share * value for value in found], "s", note))
        took, needed = fast_run(kind, mnist, target)
        rows.append(Row(question, OURS, [took], "s", f"{needed} epochs"))
    return rows


def published_quality():
    """Seconds to the published errors on CIFAR-10, test images."""
    cifar10, rows = data.load_cifar10(offline="error"), []
    # 500 images are enough to watch it by: the error that counts is that of the test images.
    watched = replace(cifar10, val=cifar10.val.subset(0, 500))
    for size, settings in CIFAR10.items():
        model = models.ColorConvAutoencoder(size)
        start = time.perf_counter()
        training.fit(model, watched, optimizer="muon", picture_epochs=[], **settings)
        seconds = time.perf_counter() - start
        error = math.prod(cifar10.image_shape) * training.evaluate(model, cifar10.test)
        question = f"CIFAR-10, code of {size}: published {PUBLISHED[size]}, 500 epochs on a GPU"
        note = f"error {error:.2f} after {settings['epochs']} epochs"
        rows.append(Row(question, OURS, [seconds], "s", note))
    return rows


def operations(model):
    """Multiplications and additions of a step of training, for each image."""
    images = torch.rand(8, *model.image_shape)
    with FlopCounterMode(display=False) as counter:
        F.mse_loss(model(images), images).backward()
    return counter.get_total_flops() / len(images)


def epochs():
    """Images per second of a textbook epoch, and its share of the machine's matrix products."""
    rows, square = [], torch.rand(1024, 1024)
    sets = {
        "MNIST": data.load_mnist(offline="error"),
        "CIFAR-10": data.load_cifar10(offline="error"),
    }
    for name, model, count in (
        ("MNIST", models.LinearAutoencoder(), 55_000),
        ("MNIST", models.ConvAutoencoder(), 20_000),
        ("CIFAR-10", models.ColorConvAutoencoder(384), 4_000),
    ):
        whole = sets[name]
        some = replace(whole, train=whole.train.subset(0, count), val=whole.val.subset(0, 500))
        contenders = {
            "fit": lambda model=model, some=some: training.fit(model, some, epochs=1),
            "product": lambda: [square @ square for _ in range(40)],
        }
        seconds = in_turns(contenders, 3)
        rate = [count / value for value in seconds["fit"]]
        peak = 40 * 2 * 1024**3 / min(seconds["product"])
        share = max(rate) * operations(model) / peak
        question = f"Training, {type(model).__name__}, batches of 64"
        note = f"{share:.0%} of the rate of matrix products, {peak / 1e9:.0f} GFLOP/s"
        rows.append(Row(question, OURS, rate, "images/s", note))
    return rows
