"""The nearest images: ours beside what people do, ``python benchmarks/search.py``.

45,000 random codes of 384 numbers, and the nearest eight of one query and of 10,000. "cdist and
sort" computes all distances and sorts them; scikit-learn searches by brute force, and so does
faiss, where faiss-cpu is installed. All are exact: their answers are compared with the first.
"""

import resource
import statistics
import time

import torch
from sklearn.neighbors import NearestNeighbors

from aetutor import search

IMAGES, LATENT_DIM, QUERIES, NEAREST = 45_000, 384, 10_000, 8
REPEATS = 20  # of a single query


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
    index = search.ImageIndex.of_latents(latents)
    return lambda queries: index.nearest(queries, NEAREST)[1]


def finders(latents):
    """By name, what takes queries (Q, latent_dim) and gives indices (Q, 8)."""
    contenders = {
        "cdist and sort": cdist_and_sort,
        "scikit-learn": scikit_learn,
        "faiss flat": faiss_flat,
        "ImageIndex": image_index,
    }
    made = {}
    for name, make in contenders.items():
        try:
            made[name] = make(latents)
        except ModuleNotFoundError as error:
            print(f"{name} is left out: {error}")
    return made


def single_queries(found, queries):
    """Milliseconds of each query by contender, in turns; the first five warm up."""
    times = {name: [] for name in found}
    for number in range(REPEATS + 5):
        query = queries[number : number + 1]
        expected = found["cdist and sort"](query)
        for name, find in found.items():
            start = time.perf_counter()
            answer = find(query)
            if number >= 5:
                times[name].append(1000 * (time.perf_counter() - start))
            assert torch.equal(answer, expected), name
    return times


def many_queries(found, queries):
    """Seconds by contender, but for the first: all distances at once would be 1.8 GB."""
    seconds, answers = {}, {}
    for name in [name for name in found if name != "cdist and sort"]:
        start = time.perf_counter()
        answers[name] = found[name](queries)
        seconds[name] = time.perf_counter() - start
    for answer in answers.values():  # equal distances may come in either order
        assert (answer == answers["ImageIndex"]).float().mean() > 0.9999
    return seconds


def peak_memory():
    """Megabytes this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(IMAGES, LATENT_DIM, generator=generator)
    queries = torch.randn(QUERIES, LATENT_DIM, generator=generator)
    ours = image_index(latents)
    before = peak_memory()
    ours(queries)
    print(f"{torch.get_num_threads()} threads, {IMAGES:,} codes of {LATENT_DIM} numbers")
    print(f"ImageIndex, {QUERIES:,} queries: {peak_memory() - before:.0f} MB beyond the index")

    found = finders(latents)
    times = {name: statistics.median(some) for name, some in single_queries(found, queries).items()}
    for name, median in times.items():
        print(f"{name:>16}, one query: {median:6.1f} ms, x {median / times['ImageIndex']:.2f}")
    seconds = many_queries(found, queries)
    for name, some in seconds.items():
        ratio = some / seconds["ImageIndex"]
        print(f"{name:>16}, {QUERIES:,} queries: {some:5.1f} s, x {ratio:.2f}")


if __name__ == "__main__":
    main()
