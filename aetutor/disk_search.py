"""The nearest images among more codes than one would hold in memory: faiss, and codes on disk.

:class:`aetutor.search.ImageIndex` compares each query with every code. Here faiss proposes some
candidates, and only these are compared. faiss is not installed with the package: it takes
``pip install faiss-cpu``.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from aetutor.checks import known_name, whole_number
from aetutor.files import replacing
from aetutor.search import check_codes, codes_of

KINDS = ("flat", "ivf-pq", "hnsw")
ABOUT, CODES, INDEX = "about.json", "codes.f32", "index.faiss"
BLOCK = 50_000  # codes in memory at a time while an index is built
PER_LIST = 40  # codes from which each list's centre is learnt; faiss asks for 39 at least
LINKS = 16  # of each code to others in HNSW
LISTS, BREADTH = 80, 256  # that a query looks into (IVF), and that it keeps in view (HNSW)
CANDIDATES = {"flat": 1, "ivf-pq": 8, "hnsw": 1}  # times k: those of IVF-PQ are known roughly
SPARE = 8  # candidates beyond that, for what rounding may have put in the wrong place


class DiskIndex:
    """Finds the images whose codes are nearest to those of others, among codes on disk.

    Made by :func:`build`. What faiss proposes is compared by the codes themselves, so distances
    are exact; a neighbour may be missing, unless the kind is flat.

    Parameters
    ----------
    folder : path
    model : Autoencoder, optional
        What encodes queries that are images; the one that the codes are from.

    Attributes
    ----------
    kind : {"flat", "ivf-pq", "hnsw"}
    latents : numpy.ndarray
        (N, latent_dim) float32, mapped from the disk.
    model : Autoencoder or None

    Raises
    ------
    FileNotFoundError
        If there is no index in the folder, or it was not built to its end.
    ValueError
        If a file is cut off or damaged, or the codes are from another model.
    ImportError
        If faiss is not installed.
    """

    def __init__(self, folder, model=None):
        faiss, folder = _faiss(), Path(folder)
        about = _read_about(folder)
        _check_model(folder, about, model)
        for name, size in about["bytes"].items():
            path = folder / name
            there = path.stat().st_size if path.exists() else 0
            if there != size:
                raise ValueError(f"{path} has {there:,} of {size:,} bytes; build the index again")
        try:
            self.index = faiss.read_index(str(folder / INDEX))
        except RuntimeError as error:
            raise ValueError(f"{folder / INDEX} is damaged; build the index again") from error
        shape = (about["count"], about["latent_dim"])
        self.latents = np.memmap(folder / CODES, np.float32, "r", shape=shape)
        self.kind, self.model = about["kind"], model

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
        metric : {"euclidean"}
            For angles, build the index of codes of length 1.

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
        known_name("metric", metric, ("euclidean",))
        queries = codes_of(queries, self.model, self.latents.shape[1]).to("cpu", torch.float32)
        count = min(len(self), CANDIDATES[self.kind] * k + SPARE)
        blocks = queries.split(max(1, BLOCK // count))
        found = [self._nearest(block, k, count) for block in blocks]
        distances, indices = zip(*found, strict=True)
        return torch.cat(distances), torch.cat(indices)

    def _nearest(self, queries, k, count):
        vectors = queries.contiguous().numpy()
        _, proposed = self.index.search(vectors, count, params=_effort(self, count))
        if (proposed[:, :k] < 0).any():  # fewer than k where it looked: then everywhere
            _, proposed = self.index.search(vectors, count, params=_effort(self, len(self)))
        candidates = torch.from_numpy(proposed)  # (Q, count)
        near = torch.from_numpy(self.latents[proposed])  # (Q, count, latent_dim)
        distances = near.sub_(queries[:, None]).norm(dim=2).masked_fill_(candidates < 0, torch.inf)
        distances, order = distances.sort(dim=1, stable=True)
        return distances[:, :k], candidates.gather(1, order[:, :k])


def build(folder, batches, kind="ivf-pq", model=None):
    """Write codes to a folder as they come, and build an index of them.

    Parameters
    ----------
    folder : path
        An index that is there is replaced.
    batches : iterable of torch.Tensor
        (B, latent_dim) each; for instance ``(model.encode(images) for images in ...)``. No more
        than a few are in memory at a time.
    kind : {"flat", "ivf-pq", "hnsw"}
        Exact, in memory; short approximations of the codes, in lists of near ones; or a graph of
        near codes, which takes most memory.
    model : Autoencoder, optional
        What the codes are from.

    Returns
    -------
    DiskIndex

    Raises
    ------
    ValueError
        If there are no codes, or one is not finite, or their lengths differ.
    OSError
        If the disk is full.
    ImportError
        If faiss is not installed.
    """
    faiss, folder = _faiss(), Path(folder)
    known_name("kind", kind, KINDS)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ABOUT).unlink(missing_ok=True)  # from now on there is no index, until it is whole
    count, length = _write_codes(folder / CODES, batches)
    index = _empty(faiss, kind, count, length)
    starts = range(0, count, BLOCK)
    if not index.is_trained:
        chosen = np.sort(np.random.default_rng(0).permutation(count)[: PER_LIST * _lists(count)])
        parts = zip(starts, np.split(chosen, np.searchsorted(chosen, starts[1:])), strict=True)
        sample = [_read_codes(folder / CODES, start, length)[part - start] for start, part in parts]
        index.train(np.concatenate(sample))
    for start in tqdm(starts, "indexing", leave=False, file=sys.stdout):
        index.add(_read_codes(folder / CODES, start, length))
    try:
        faiss.write_index(index, str(folder / INDEX))
    except RuntimeError as error:
        raise OSError(f"{folder / INDEX} cannot be written: {error}") from error
    sizes = {name: (folder / name).stat().st_size for name in (CODES, INDEX)}
    about = {"kind": kind, "count": count, "latent_dim": length, "bytes": sizes}
    about |= {"model": model and model.config, "weights": model and _digest(model)}
    with replacing(folder / ABOUT) as file:
        file.write(json.dumps(about).encode())
    return DiskIndex(folder, model)


def _write_codes(path, batches):
    """Write codes to a file as they come; return how many there are, and their length."""
    count, length = 0, None
    with open(path, "wb") as file:
        for batch in batches:
            codes = check_codes(batch.detach().to("cpu", torch.float32), "codes")
            if length not in (None, codes.shape[1]):
                raise ValueError(f"codes of length {length} are followed by {codes.shape[1]}")
            count, length = count + len(codes), codes.shape[1]
            codes.contiguous().numpy().tofile(file)
    if not count:
        raise ValueError("at least one code is needed, got none")
    return count, length


def _read_codes(path, start, length):
    # Read and not mapped: mapped pages count as memory in use.
    values = np.fromfile(path, np.float32, BLOCK * length, offset=4 * start * length)
    return values.reshape(-1, length)


def _lists(count):
    """How many lists the codes are sorted into, where each has its share to learn from."""
    return max(1, min(count // PER_LIST, int(4 * count**0.5)))


def _empty(faiss, kind, count, length):
    """faiss' own index of this kind, with nothing in it."""
    if kind == "flat":
        return faiss.IndexFlatL2(length)
    if kind == "hnsw":
        return faiss.IndexHNSWFlat(length, LINKS)
    # A byte, if there are codes enough, for each part of a code: two numbers of 64.
    lists, parts = _lists(count), max(n for n in range(1, 33) if length % n == 0)
    learnt_from = min(count, PER_LIST * lists)
    bits = min(8, max(1, int(np.log2(learnt_from / 39))))
    index = faiss.IndexIVFPQ(faiss.IndexFlatL2(length), length, lists, parts, bits)
    # Codes are shortened as they are, not their differences from the centre of their list: those
    # find no more here, and faiss keeps a table for each list (131 MB with a million codes).
    index.by_residual = False
    return index


def _effort(found, count):
    """How far faiss looks for a number of candidates."""
    faiss = _faiss()
    if found.kind == "ivf-pq":
        lists = found.index.nlist
        everywhere = count == len(found)
        return faiss.SearchParametersIVF(nprobe=lists if everywhere else min(lists, LISTS))
    if found.kind == "hnsw":
        return faiss.SearchParametersHNSW(efSearch=max(BREADTH, count))
    return None


def _read_about(folder):
    try:
        about = json.loads((folder / ABOUT).read_bytes())
        if {"kind", "count", "latent_dim", "bytes", "model", "weights"} - about.keys():
            raise ValueError("something is missing")
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no index in {folder}, or it is not whole") from None
    except (ValueError, AttributeError) as error:
        raise ValueError(f"{folder / ABOUT} is damaged; build the index again") from error
    return about


def _check_model(folder, about, model):
    if model is None:
        return
    if model.latent_dim != about["latent_dim"]:
        raise ValueError(
            f"{folder} has codes of length {about['latent_dim']}, "
            f"the model's have length {model.latent_dim}"
        )
    if about["weights"] not in (None, _digest(model)):
        raise ValueError(
            f"{folder} has the codes of another model: {about['model']} with other weights"
        )


def _digest(model):
    """A fingerprint of a model's weights."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _faiss():
    try:
        import faiss
    except ImportError as error:
        raise ImportError("this search needs faiss: pip install faiss-cpu") from error
    return faiss
