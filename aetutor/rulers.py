"""How near drawn images are to real ones, and how many are copies; lesson 5 writes it out."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from aetutor.checks import known_name
from aetutor.latent import Gaussian
from aetutor.models import in_batches
from aetutor.search import ImageIndex

KINDS = ("pooled", "with places")
FEATURES = 64
LOOKED_AT = 500  # images of each kind, for near-copies


class Classifier(nn.Module):
    """A small convolutional network for ten classes, whose last layer but one is a ruler's.

    Parameters
    ----------
    channels : int
        Of the images, which are 28x28 or 32x32.
    kind : {"pooled", "with places"}
        Whether each channel is averaged over the places, or a linear layer has a weight for each.
    """

    def __init__(self, channels, kind):
        super().__init__()
        known_name("kind", kind, KINDS)
        stride = {"kernel_size": 3, "stride": 2, "padding": 1}
        if kind == "pooled":
            last = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        else:
            last = [nn.Flatten(), nn.Linear(64 * 4 * 4, FEATURES), nn.ReLU()]
        self.body = nn.Sequential(
            *(nn.Conv2d(channels, 16, **stride), nn.ReLU()),
            *(nn.Conv2d(16, 32, **stride), nn.ReLU()),
            *(nn.Conv2d(32, 64, **stride), nn.ReLU()),  # (B, 64, 4, 4)
            *last,  # (B, 64)
        )
        self.head = nn.Linear(FEATURES, 10)

    def forward(self, images):
        return self.head(self.body(images))

    @torch.no_grad()
    def labels(self, images):
        """Return what the images (N, C, H, W) are taken for, (N,)."""
        return torch.cat([self(batch).argmax(dim=1) for batch in images.split(500)])


@torch.enable_grad()
def classifier(data, kind, *, count=20_000, batch_size=100, seed=0):
    """Train a classifier for one epoch: enough for a ruler.

    Parameters
    ----------
    data : ImageData
    kind : {"pooled", "with places"}
    count : int
        Of the first training images, or as many as there are.
    batch_size : int
    seed : int
        Of the initial weights and the order of the images.

    Returns
    -------
    Classifier
    """
    split = data.train.subset(0, count)
    order = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        torch.manual_seed(seed)
        network = Classifier(data.image_shape[0], kind)
    optimizer = torch.optim.Adam(network.parameters())
    steps = math.ceil(len(split) / batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.008, total_steps=steps)
    for images, labels in split.batches(batch_size, shuffle=True, generator=order):
        loss = F.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval()


class Ruler:
    """Squared Fréchet distances of images from real ones, by the features of a classifier.

    As unit serves the total variance of the real features.

    Parameters
    ----------
    network : Classifier
    real : Split or torch.Tensor
        Real images.
    """

    def __init__(self, network, real):
        self.network, self._unit = network, 1.0
        self._unit = self.features(real).var(dim=0).sum().sqrt()
        self.real = Gaussian.fit(self.features(real))
        self._root = self.real.axes * self.real.scales @ self.real.axes.T  # its square: covariance

    @torch.no_grad()
    def features(self, images):
        """Return the features of a split or a tensor of images, (N, 64)."""
        found = torch.cat([self.network.body(batch) for batch in in_batches(images, 500)])
        return found.double() / self._unit

    def measured(self, images, draws=20):
        """Return the distance, and twice its standard deviation by a bootstrap of so many draws."""
        found, random = self.features(images), torch.Generator().manual_seed(0)
        picks = torch.randint(len(found), (draws, len(found)), generator=random, device="cpu")
        return self._distances(found[None]).item(), 2 * self._distances(found[picks]).std().item()

    def _distances(self, sets):
        """The distances of sets of features (S, N, 64), all at once: (S,)."""
        means = sets.mean(dim=1)
        centred = sets - means[:, None]
        covariances = centred.mT @ centred / (sets.shape[1] - 1)  # (S, 64, 64)
        mixed = torch.linalg.eigvalsh(self._root @ covariances @ self._root).clamp(min=0)
        variances = (self.real.covariance + covariances).diagonal(dim1=1, dim2=2)
        between = (means - self.real.mean).square().sum(dim=1)
        return between + variances.sum(dim=1) - 2 * mixed.sqrt().sum(dim=1)


class Judge:
    """Both rulers and the share of near-copies, as one row of a table.

    Parameters
    ----------
    data : ImageData
        On whose training images the classifiers are trained.
    known : Split
        The images of which copies are looked for: those that a source was fitted to.
    real : Split
        Other real images, to be near to.
    reconstructions : torch.Tensor
        (N, C, H, W), of held-out images: one in twenty of them counts as a near-copy.
    seed : int
        Of the classifiers.
    """

    def __init__(self, data, known, real, reconstructions, *, seed=0):
        networks = {kind: classifier(data, kind, seed=seed) for kind in KINDS}
        self.rulers = {kind: Ruler(network, real) for kind, network in networks.items()}
        small = torch.cat([_shrunk(images) for images in in_batches(known, 500)])
        self._mean = small.mean(dim=0)
        self._index = ImageIndex(small.sub_(self._mean))
        self._limit = self._to_nearest(reconstructions).quantile(0.05)

    def row(self, images):
        """Return the distances by both rulers, their margins, and the share of near-copies."""
        row = {}
        for kind, ruler in self.rulers.items():
            row[kind], row[f"± ({kind})"] = ruler.measured(images)
        copies = self._to_nearest(images) < self._limit
        return row | {"near-copies": copies.float().mean().item()}

    def _to_nearest(self, images):
        """1 minus the cosine with the nearest known image, of the first images."""
        some = _shrunk(images[:LOOKED_AT]) - self._mean
        return self._index.nearest(some, k=1, metric="cosine")[0][:, 0]


def _shrunk(images):
    return F.avg_pool2d(images, 2).flatten(1)
