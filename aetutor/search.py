"""The nearest images: exact search among codes."""

import sys

import torch
from tqdm import tqdm

from aetutor.checks import known_name, whole_number
from aetutor.models import in_batches

METRICS = ("euclidean", "cosine")
BLOCK = 10_000_000  # numbers computed at a time: 40 MB, and as much again while they are used
SHORTEST = 1e-12  # a code that is shorter counts as one of zeros, which has no angle
SPARE = 8  # candidates beyond k, for what rounding may have put in the wrong place


class ImageIndex:
    """Finds the images whose codes are nearest to those of others.

    The search is exact: each query is compared with every code, by one matrix product.

    Parameters
    ----------
    latents : torch.Tensor
        (N, latent_dim): what :func:`embed` returns, or any other vectors.
    model : Autoencoder, optional
        What encodes queries that are images; without it queries must be codes too.

    Attributes
    ----------
    latents : torch.Tensor
    model : Autoencoder or None

    Raises
    ------
    ValueError
        If there are no codes, or one is not finite.
    """

    def __init__(self, latents, model=None):
        self.latents = _checked(latents, "latents")
        self.model = model
        self._lengths = latents.norm(dim=1)  # (N,)
        self._half_norms = self._lengths.square() / 2

    def __len__(self):
        return len(self.latents)

    def nearest(self, queries, k=8, metric="euclidean"):
        """Return the k nearest images of each query, nearest first.

        Parameters
        ----------
        queries : torch.Tensor
            Images (Q, C, H, W) or codes (Q, latent_dim).
        k : int
            From 1 to the number of images in the index.
        metric : {"euclidean", "cosine"}
            The distance of the codes, or 1 minus the cosine of their angle (1 for a code of
            zeros, or shorter than 1e-12, which has none).

        Returns
        -------
        distances : torch.Tensor
            (Q, k), in rising order.
        indices : torch.Tensor
            (Q, k), of images in the index.

        Raises
        ------
        ValueError
            If ``k`` or ``metric`` is none of these, or the queries have another shape or are
            not finite.
        """
        k = whole_number("k", k, 1, len(self))
        known_name("metric", metric, METRICS)
        queries = self._codes(queries)
        # For each query a score of every image, and the codes of the candidates.
        numbers = max(len(self), (k + SPARE) * queries.shape[1])
        blocks = queries.split(max(1, BLOCK // numbers))
        found = [self._nearest(block, k, metric) for block in blocks]
        distances, indices = zip(*found, strict=True)
        return torch.cat(distances), torch.cat(indices)

    def _codes(self, queries):
        if queries.ndim == 4:
            if self.model is None:
                raise ValueError("this index has no model to encode images with; give it codes")
            with torch.no_grad():
                queries = self.model.encode(queries)
        queries = _checked(queries, "queries")
        if queries.shape[1] != self.latents.shape[1]:
            raise ValueError(
                f"queries must have codes of length {self.latents.shape[1]}, got {queries.shape[1]}"
            )
        return queries

    def _nearest(self, queries, k, metric):
        scores = queries @ self.latents.T  # (Q, N)
        if metric == "euclidean":
            scores -= self._half_norms  # |q - x|^2 = |q|^2 - 2 (q x - |x|^2 / 2)
        else:
            scores /= self._lengths.clamp(min=SHORTEST)
        candidates = scores.topk(min(k + SPARE, len(self)), dim=1).indices  # (Q, k + spare)
        del scores
        near = self.latents[candidates]  # (Q, k + spare, latent_dim)
        if metric == "euclidean":
            distances = near.sub_(queries[:, None]).norm(dim=2)
        else:
            lengths = near.norm(dim=2).clamp(min=SHORTEST)
            directions = queries / queries.norm(dim=1, keepdim=True).clamp(min=SHORTEST)
            cosines = near.mul_(directions[:, None]).sum(dim=2) / lengths
            distances = (1 - cosines).clamp(0, 2)  # for rounding may go beyond
        distances, order = distances.sort(dim=1, stable=True)
        return distances[:, :k], candidates.gather(1, order[:, :k])


def embed(model, images, *, batch_size=500):
    """Return the codes of many images, with a progress bar.

    Parameters
    ----------
    model : Autoencoder
    images : torch.Tensor or Split
        (N, C, H, W).
    batch_size : int

    Returns
    -------
    torch.Tensor
        (N, latent_dim), on the CPU.

    Raises
    ------
    ValueError
        If there are no images, or they do not fit the model.
    """
    if not len(images):
        raise ValueError("at least one image is needed, got none")
    steps = -(-len(images) // batch_size)
    batches = in_batches(images, batch_size)
    progress = tqdm(batches, "embedding", steps, leave=False, file=sys.stdout)
    with torch.no_grad():  # not inference_mode: a probe may learn from these codes
        return torch.cat([model.encode(batch).cpu() for batch in progress])


def precision(labels, neighbour_labels):
    """Return the share of each query's neighbours that have its label: precision at k.

    Parameters
    ----------
    labels : torch.Tensor
        (Q,), of the queries.
    neighbour_labels : torch.Tensor
        (Q, k).

    Returns
    -------
    torch.Tensor
        (Q,), from 0 to 1. By chance it would be the share of the label in the index.
    """
    if neighbour_labels.ndim != 2 or labels.shape != neighbour_labels.shape[:1]:
        raise ValueError(
            "labels and neighbour_labels must have the shapes (Q,) and (Q, k), "
            f"got {tuple(labels.shape)} and {tuple(neighbour_labels.shape)}"
        )
    return (neighbour_labels == labels[:, None]).float().mean(dim=1)


def _checked(vectors, name):
    if vectors.ndim != 2 or not vectors.numel():
        raise ValueError(
            f"{name} must have the shape (N, latent_dim) with N > 0, got {tuple(vectors.shape)}"
        )
    # Not isfinite of all: it takes as much memory as they do.
    if not torch.stack(vectors.aminmax()).isfinite().all():
        raise ValueError(f"{name} must be finite numbers, got infinite ones or NaN")
    return vectors
