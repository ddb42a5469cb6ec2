"""Seconds for one epoch of MNIST: the usual DataLoader against ``training.fit``, in one run.

The usual way is a ``DataLoader`` over a data set that applies ``ToTensor`` to each image. Both
train the same network with Adam and batches of 64, and measure the held-out error at the end.
"""

import statistics
import time

import torch
from PIL import Image
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import ToTensor

from aetutor import data, models, training

REPEATS = 3


class Transformed(Dataset):
    """Images as torchvision's data sets keep and hand them out."""

    def __init__(self, split):
        self.arrays, self.labels = split.images.squeeze(1).numpy(), split.labels
        self.transform = ToTensor()

    def __len__(self):
        return len(self.arrays)

    def __getitem__(self, index):
        return self.transform(Image.fromarray(self.arrays[index])), self.labels[index]


def usual(model, train, val):
    """One epoch as most tutorials write it."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-5)
    for images, _ in train:
        loss = F.mse_loss(model(images), images)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return statistics.mean(F.mse_loss(model(images), images).item() for images, _ in val)


def main():
    mnist = data.load_mnist()
    train = DataLoader(Transformed(mnist.train), batch_size=64, shuffle=True)
    val = DataLoader(Transformed(mnist.val), batch_size=500)
    print(f"one epoch of {len(mnist.train):,} images, {torch.get_num_threads()} threads, ", end="")
    print(f"torch {torch.__version__}, median of {REPEATS} (least to most)")
    for kind in (models.LinearAutoencoder, models.ConvAutoencoder):
        contenders = {
            "DataLoader, ToTensor": lambda kind=kind: usual(kind(), train, val),
            "training.fit": lambda kind=kind: training.fit(kind(), mnist, epochs=1),
        }
        seconds = {name: [] for name in contenders}
        for _ in range(REPEATS):  # in turns, so that a busy minute hits both
            for name, contender in contenders.items():
                start = time.perf_counter()
                contender()
                seconds[name].append(time.perf_counter() - start)
        medians = {name: statistics.median(times) for name, times in seconds.items()}
        for name, times in seconds.items():
            spread = f"({min(times):.2f} to {max(times):.2f})"
            print(f"{kind.__name__:>18}  {name:<21} {medians[name]:6.2f} s {spread}")
        slow, fast = medians.values()
        print(f"{kind.__name__:>18}  ratio {slow / fast:.2f}")


if __name__ == "__main__":
    main()
