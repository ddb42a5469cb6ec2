"""The nearest images: exact search among codes."""

import math
import sys

import torch
from tqdm import tqdm

from aetutor.checks import known_name, whole_number
from aetutor.models import in_batches

METRICS = ("euclidean", "cosine")
BLOCK = 20_000_000  # numbers computed at a time: 80 MB
SHORTEST = 1e-12  # a code that is shorter counts as one of zeros, which has no angle
SPARE = 8  # candidates beyond k, for what rounding may have put in the wrong place
GROUP = 32  # images of which only those with the best score are looked at first


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
        self.latents = check_codes(latents, "latents")
        self.model = model
        self._lengths = latents.norm(dim=1)  # (N,)
        self._half_norms = self._lengths.square() / 2

    def __len__(self):
        return len(self.latents)

    @torch.no_grad()
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
        queries = codes_of(queries, self.model, self.latents.shape[1])
        # For each query a score of every image, and the codes of the candidates; of as many queries
        # at a time as BLOCK allows, and in the same memory: new memory costs time.
        numbers = max(len(self), (k + SPARE) * queries.shape[1])
        rows = min(len(queries), max(1, BLOCK // numbers))
        scores = queries.new_empty(rows, len(self))
        if rows == len(queries):
            return self._nearest(queries, k, metric, scores)
        blocks = queries.split(rows)
        found = [self._nearest(block, k, metric, scores[: len(block)]) for block in blocks]
        distances, indices = zip(*found, strict=True)
        return torch.cat(distances), torch.cat(indices)

    def _nearest(self, queries, k, metric, scores):
        if metric == "euclidean":  # |q - x|^2 = |q|^2 - 2 (q x - |x|^2 / 2)
            torch.addmm(self._half_norms, queries, self.latents.T, beta=-1, out=scores)  # (Q, N)
        else:
            torch.mm(queries, self.latents.T, out=scores)
            scores /= self._lengths.clamp(min=SHORTEST)
        candidates = _highest(scores, min(k + SPARE, len(self)))  # (Q, k + spare)
        near = self.latents[candidates]  # (Q, k + spare, latent_dim)
        if metric == "euclidean":
            exactly = "donot_use_mm_for_euclid_dist"
            distances = torch.cdist(queries[:, None], near, compute_mode=exactly)[:, 0]
        else:
            lengths = near.norm(dim=2).clamp(min=SHORTEST)
            directions = queries / queries.norm(dim=1, keepdim=True).clamp(min=SHORTEST)
            cosines = near.mul_(directions[:, None]).sum(dim=2) / lengths
            distances = (1 - cosines).clamp(0, 2)  # for rounding may go beyond
        distances, order = distances.topk(k, largest=False)
        return distances, candidates.gather(1, order)


def _highest(scores, count):
    """Where the highest scores of each row are: (Q, count), in any order.

    They lie in the groups with the highest maxima, and of groups there are fewer to choose from.
    """
    groups = scores.shape[1] // GROUP
    if groups < 16 * count:  # so few that it would take longer
        return scores.topk(count, sorted=False).indices
    grouped = GROUP * groups
    maxima = scores[:, :grouped].unflatten(1, (GROUP, groups)).amax(dim=1)
    chosen = _highest(maxima, count)  # (Q, count)
    places = torch.arange(scores.shape[1], device=scores.device)
    members = (chosen[:, None] + places[:grouped:groups, None]).flatten(1)  # (Q, GROUP * count)
    members = torch.cat([members, places[grouped:].expand(len(scores), -1)], dim=1)
    best = scores.gather(1, members).topk(count, sorted=False).indices
    return members.gather(1, best)


def codes_of(queries, model, length):
    """Return the codes of queries, which may be images.

    Parameters
    ----------
    queries : torch.Tensor
        Images (Q, C, H, W), or codes (Q, latent_dim), which are only checked.
    model : Autoencoder or None
        What encodes images.
    length : int
        Of the codes in the index.

    Returns
    -------
    torch.Tensor
        (Q, length).

    Raises
    ------
    ValueError
        If they are images and there is no model, or the codes are not finite or of another length.
    """
    if queries.ndim == 4:
        if model is None:
            raise ValueError("this index has no model to encode images with; give it codes")
        with torch.no_grad():
            queries = model.encode(queries)
    queries = check_codes(queries, "queries")
    if queries.shape[1] != length:
        raise ValueError(f"queries must have codes of length {length}, got {queries.shape[1]}")
    return queries


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


def check_codes(vectors, name):
    """Return vectors, or raise a ValueError unless they are (N, latent_dim) and finite."""
    if vectors.ndim != 2 or not vectors.numel():
        raise ValueError(
            f"{name} must have the shape (N, latent_dim) with N > 0, got {tuple(vectors.shape)}"
        )
    # Not isfinite of all: it takes as much memory as they do. A sum is quicker still, but of large
    # numbers it may be infinite.
    if not math.isfinite(vectors.sum()) and not torch.stack(vectors.aminmax()).isfinite().all():
        raise ValueError(f"{name} must be finite numbers, got infinite ones or NaN")
    return vectors
