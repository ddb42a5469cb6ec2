"""The nearest images: ours beside what people do.

Random codes of 384 numbers, and the nearest eight of one query and of 10,000. "cdist and sort"
computes all distances and sorts them; scikit-learn searches by brute force, and so does faiss. All
are exact; recall is the share of the nearest that they find.
"""

import torch
from sklearn.neighbors import NearestNeighbors

from aetutor import search
from benchmarks.measure import OURS, Row, in_turns

LATENT_DIM, QUERIES, NEAREST = 384, 10_000, 8
IMAGES = 45_000
SIZES = (5_000, 45_000)
MORE_SIZES = (5_000, 15_000, 45_000, 100_000, 200_000)


def cdist_and_sort(latents):
    return lambda queries: torch.cdist(queries, latents).argsort(dim=1)[:, :NEAREST]


def scikit_learn(latents):
    fitted = NearestNeighbors(n_neighbors=NEAREST, algorithm="brute").fit(latents.numpy())
    return lambda queries: torch.from_numpy(fitted.kneighbors(queries.numpy())[1])


def faiss_flat(latents):
    import faiss

    index = faiss.IndexFlatL2(latents.shape[1])
    index.add(latents.numpy())
    return lambda queries: torch.from_numpy(index.search(queries.numpy(), NEAREST)[1])


def image_index(latents):
    index = search.ImageIndex(latents)
    return lambda queries: index.nearest(queries, NEAREST)[1]


def finders(latents):
    """By name, what takes queries (Q, latent_dim) and gives indices (Q, 8)."""
    return {
        "cdist and sort": cdist_and_sort(latents),
        "scikit-learn": scikit_learn(latents),
        "faiss-cpu flat": faiss_flat(latents),
        OURS: image_index(latents),
    }


def exact(queries, latents):
    """The nearest by distances in double precision, from differences and not from products."""
    rows = []
    for query in queries.double():
        distances = (latents.double() - query).square().sum(dim=1)
        rows.append(distances.topk(NEAREST, largest=False).indices)
    return torch.stack(rows)


def recall(found, right):
    """Share of the nearest that were found, whatever their order."""
    return (found[:, :, None] == right[:, None, :]).any(dim=2).double().mean().item()


def random_codes(count, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, LATENT_DIM, generator=generator)


def searching(full):
    """Milliseconds of one query by number of images, and seconds of 10,000 queries."""
    rows, queries = [], random_codes(QUERIES, 1)
    for size in MORE_SIZES if full else SIZES:
        latents = random_codes(size, 0)
        found = finders(latents)
        right = exact(queries[:10], latents)
        recalls = {name: recall(find(queries[:10]), right) for name, find in found.items()}
        turns = {name: lambda find=find: find(queries[:1]) for name, find in found.items()}
        for name, seconds in in_turns(turns, 20, warm_up=3).items():
            values, note = [1000 * value for value in seconds], f"recall {recalls[name]:.3f}"
            rows.append(Row(f"Search: one query among {size:,}", name, values, "ms", note))
        if size == IMAGES:
            # all distances of the first at once would be 1.8 GB
            many = {name: lambda find=find: find(queries) for name, find in found.items()
                    if name != "cdist and sort"}  # fmt: skip
            question = f"Search: {QUERIES:,} queries among {size:,}"
            for name, seconds in in_turns(many, 2, warm_up=0).items():
                rows.append(Row(question, name, seconds, "s"))
    return rows
