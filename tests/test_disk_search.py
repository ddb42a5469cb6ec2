"""Search by faiss among codes on disk: what it finds, and what it says of damaged files."""

import builtins
import json
from pathlib import Path

import pytest
import torch

from aetutor import disk_search, models, search
from aetutor.search import ImageIndex

COUNT, LENGTH = 3000, 16


@pytest.fixture(scope="module")
def latents():
    random = torch.Generator().manual_seed(0)
    centres = torch.randn(30, LENGTH, generator=random)
    noise = 0.3 * torch.randn(COUNT, LENGTH, generator=random)
    return centres.repeat_interleave(COUNT // 30, dim=0) + noise


@pytest.fixture(scope="module")
def queries(latents):
    return latents[::50] + 0.05 * torch.randn(
        60, LENGTH, generator=torch.Generator().manual_seed(1)
    )


@pytest.fixture
def faiss():
    return pytest.importorskip("faiss")


@pytest.fixture
def build(tmp_path, faiss, latents):
    def built(kind="ivf-pq", **settings):
        return disk_search.build(tmp_path / "index", latents.split(700), kind, **settings)

    return built


@pytest.mark.parametrize(("kind", "least"), [("flat", 1.0), ("ivf-pq", 0.95), ("hnsw", 0.95)])
def test_it_finds_what_the_exact_search_finds(build, latents, queries, kind, least):
    index = build(kind)
    distances, indices = index.nearest(queries, k=8)
    expected, right = ImageIndex(latents).nearest(queries, k=8)
    assert len(index) == COUNT
    assert (distances.diff(dim=1) >= 0).all()
    there = (indices[:, :, None] == right[:, None, :]).any(dim=2)
    assert there.float().mean() >= least
    # Whatever is found, its distance is the true one.
    true = (latents[indices] - queries[:, None]).norm(dim=2)
    torch.testing.assert_close(distances, true)
    if kind == "flat":
        torch.testing.assert_close(distances, expected)


@pytest.mark.parametrize("kind", disk_search.KINDS)
def test_all_can_be_asked_for(faiss, tmp_path, latents, kind):
    few = latents[::10]
    index = disk_search.build(tmp_path, [few], kind)
    distances, indices = index.nearest(few[:3], k=len(few))
    if kind == "hnsw":  # a graph may have parts that nothing leads to
        assert indices.min() >= 0
        assert (indices[:, 0] == torch.arange(3)).all()
        return
    assert torch.equal(indices.sort(dim=1).values, torch.arange(len(few)).expand(3, -1))
    assert distances.isfinite().all()


def test_where_too_few_are_near_it_looks_everywhere(build, monkeypatch):
    index = build()
    monkeypatch.setattr(disk_search, "LISTS", 1)
    _, indices = index.nearest(torch.from_numpy(index.latents[:2].copy()), k=500)
    assert (indices >= 0).all()
    assert all(len(row.unique()) == 500 for row in indices)


def test_blocks_do_not_change_the_answer(build, queries, monkeypatch):
    index = build()
    whole = index.nearest(queries)
    monkeypatch.setattr(disk_search, "BLOCK", 500)  # three queries at a time
    for part, expected in zip(index.nearest(queries), whole, strict=True):
        torch.testing.assert_close(part, expected)


def test_nothing_is_in_memory_beyond_what_the_file_has(build):
    """With residuals, faiss adds a table for each list when it reads the file."""
    assert build("ivf-pq").index.precomputed_table.size() == 0


def test_the_lists_are_learnt_from_the_same_codes_whatever_a_block_is(build, monkeypatch):
    monkeypatch.setattr(disk_search, "_lists", lambda count: 20)  # so from 800 of 3,000 codes
    whole = centres(build())
    monkeypatch.setattr(disk_search, "BLOCK", 700)
    assert (centres(build()) == whole).all()


def centres(found):
    return found.index.quantizer.reconstruct_n(0, found.index.nlist)


def test_codes_without_clusters_are_found_too(faiss, tmp_path):
    latents = torch.randn(COUNT, LENGTH, generator=torch.Generator().manual_seed(2))
    queries = torch.randn(100, LENGTH, generator=torch.Generator().manual_seed(3))
    _, indices = disk_search.build(tmp_path, [latents]).nearest(queries)
    _, right = ImageIndex(latents).nearest(queries)
    assert (indices[:, :, None] == right[:, None]).any(dim=2).float().mean() > 0.95


def test_it_is_built_in_a_stream_and_opened_again(faiss, tmp_path, latents, monkeypatch, digits):
    monkeypatch.setattr(disk_search, "BLOCK", 64)
    model = models.LinearAutoencoder(4)
    batches = (model.encode(images) for images, _ in digits.train.batches(50))  # nothing but once
    disk_search.build(tmp_path, batches, model=model)
    index = disk_search.DiskIndex(tmp_path, model)
    images = digits.train[5:9][0]
    distances, indices = index.nearest(images, k=1)
    assert distances.max() < 1e-5
    torch.testing.assert_close(digits.train[indices[:, 0]][0], images)
    codes = torch.from_numpy(index.latents.copy())
    torch.testing.assert_close(codes, search.embed(model, digits.train))


def test_an_index_of_another_model_or_length_is_refused(faiss, tmp_path, digits):
    model = models.LinearAutoencoder(4)
    disk_search.build(tmp_path, [search.embed(model, digits.train)], model=model)
    with pytest.raises(ValueError, match="codes of length 4, the model's have length 5"):
        disk_search.DiskIndex(tmp_path, models.LinearAutoencoder(5))
    with pytest.raises(ValueError, match=r"codes of another model: .*'latent_dim': 4.* with other"):
        disk_search.DiskIndex(tmp_path, models.LinearAutoencoder(4, seed=1))
    disk_search.DiskIndex(tmp_path, models.LinearAutoencoder(4))


@pytest.mark.parametrize("name", ["codes.f32", "index.faiss"])
def test_a_file_that_is_cut_off_or_gone_is_named(build, tmp_path, name):
    build()
    path = tmp_path / "index" / name
    content = path.read_bytes()
    path.write_bytes(content[:-100])
    reason = rf"{name} has [\d,]+ of {len(content):,} bytes; build the index again"
    with pytest.raises(ValueError, match=reason):
        disk_search.DiskIndex(tmp_path / "index")
    path.unlink()
    with pytest.raises(ValueError, match=f"{name} has 0 of"):
        disk_search.DiskIndex(tmp_path / "index")


def test_files_that_are_damaged_are_named(build, tmp_path):
    build()
    path = tmp_path / "index" / "index.faiss"
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(ValueError, match=r"index.faiss is damaged"):
        disk_search.DiskIndex(tmp_path / "index")
    for content in (b"", b"[1]", b"{}", json.dumps({"kind": "flat"}).encode()):
        (tmp_path / "index" / "about.json").write_bytes(content)
        with pytest.raises(ValueError, match=r"about.json is damaged"):
            disk_search.DiskIndex(tmp_path / "index")


def test_a_build_that_is_interrupted_leaves_no_index(build, tmp_path, latents):
    build()

    def interrupted():
        yield latents[:100]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        disk_search.build(tmp_path / "index", interrupted())
    with pytest.raises(FileNotFoundError, match=r"no index in .*, or it is not whole"):
        disk_search.DiskIndex(tmp_path / "index")


def test_without_faiss_a_sentence_says_how_to_get_it(tmp_path, monkeypatch, latents):
    original = builtins.__import__

    def without(name, *arguments, **settings):
        if name == "faiss":
            raise ModuleNotFoundError("No module named 'faiss'")
        return original(name, *arguments, **settings)

    monkeypatch.setattr(builtins, "__import__", without)
    for call in (
        lambda: disk_search.build(tmp_path, [latents]),
        lambda: disk_search.DiskIndex("x"),
    ):
        with pytest.raises(ImportError, match="pip install faiss-cpu"):
            call()
    assert not list(Path(tmp_path).iterdir())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda i: i.nearest(torch.rand(2, LENGTH), 0), "from 1 to 3000, got 0"),
        (lambda i: i.nearest(torch.rand(2, LENGTH), metric="cosine"), "euclidean, got 'cosine'"),
        (lambda i: i.nearest(torch.rand(2, 5)), f"codes of length {LENGTH}, got 5"),
        (lambda i: i.nearest(torch.rand(2, 1, 28, 28)), "no model to encode images"),
        (lambda i: i.nearest(torch.full((1, LENGTH), torch.nan)), "queries must be finite"),
        (lambda i: disk_search.build("none", [], "flat"), "at least one code is needed"),
        (lambda i: disk_search.build("none", [], "tree"), "kind must be one of flat, ivf-pq, hnsw"),
        (lambda i: disk_search.build("none", [torch.rand(2, 3) / 0]), "codes must be finite"),
        (
            lambda i: disk_search.build("none", [torch.rand(2, 3), torch.rand(2, 4)]),
            "codes of length 3 are followed by 4",
        ),
    ],
)
def test_what_cannot_be_searched_or_built_is_refused(build, tmp_path, monkeypatch, call, message):
    monkeypatch.chdir(tmp_path)
    index = build("flat")
    with pytest.raises(ValueError, match=message):
        call(index)
