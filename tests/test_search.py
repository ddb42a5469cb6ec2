from functools import partial

import pytest
import torch
from tqdm import tqdm

from aetutor import models, search
from aetutor.search import ImageIndex


@pytest.fixture
def latents():
    return torch.randn(500, 12, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def index(latents):
    return ImageIndex(latents)


@pytest.fixture
def queries():
    return torch.randn(40, 12, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("k", [1, 8])
def test_the_nearest_are_those_of_cdist_and_a_full_sort(index, latents, queries, k):
    distances, indices = index.nearest(queries, k)
    expected, order = torch.cdist(queries.double(), latents.double()).sort(dim=1)
    assert torch.equal(indices, order[:, :k])
    torch.testing.assert_close(distances.double(), expected[:, :k], atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("k", [1, 8])
def test_the_nearest_by_angle_are_those_of_the_normalised_codes(index, latents, queries, k):
    distances, indices = index.nearest(queries, k, metric="cosine")
    unit, unit_queries = (torch.nn.functional.normalize(z.double()) for z in (latents, queries))
    expected, order = (1 - unit_queries @ unit.T).sort(dim=1)
    assert torch.equal(indices, order[:, :k])
    torch.testing.assert_close(distances.double(), expected[:, :k], atol=1e-6, rtol=1e-6)


def test_all_can_be_asked_for(index, queries):
    distances, indices = index.nearest(queries, k=500)
    assert torch.equal(indices.sort(dim=1).values, torch.arange(500).expand(40, -1))
    assert (distances.diff(dim=1) >= 0).all()


def test_rounding_does_not_put_a_farther_code_first():
    # Far from zero the difference of large squares has no digits left for small distances.
    offsets = torch.tensor([0.3, 0.1, 0.0, 0.2])
    latents = torch.full((4, 3), 1000.0) + offsets[:, None]
    distances, indices = ImageIndex(latents).nearest(torch.full((1, 3), 1000.0), k=4)
    assert indices.tolist() == [[2, 1, 3, 0]]
    torch.testing.assert_close(distances, offsets.sort().values[None] * 3**0.5, atol=1e-3, rtol=0)


def test_near_ties_far_from_zero_are_told_apart():
    """The products of such codes round by more than their distances differ."""
    latents = 1000 + 50 * torch.randn(200, 3, generator=torch.Generator().manual_seed(0)).sign()
    latents[::20] = 1000 + torch.linspace(0.02, 0.001, 10)[:, None] * torch.tensor([1, -1, 0])
    distances, found = ImageIndex(latents).nearest(torch.full((1, 3), 1000.0), k=3)
    assert found.tolist() == [[180, 160, 140]]
    torch.testing.assert_close(
        distances, torch.tensor([[1.0, 3.1, 5.2]]) * 2**0.5 / 1000, atol=2e-4, rtol=0
    )


@pytest.mark.parametrize("step", [1, 312, 500])
def test_groups_find_near_ties_wherever_they_lie(rng, step):
    """Sixteen codes that differ by a millionth: in groups of their own, in one, or in some."""
    latents = torch.from_numpy(rng.standard_normal((10_001, 12))).float()
    groups = len(latents) // search.GROUP
    assert groups == 312 >= 16 * (8 + search.SPARE)
    nearest = 10_000 - step * torch.arange(16)
    latents[nearest] = query = torch.full((1, 12), 0.5)
    latents[nearest, 0] += torch.arange(1, 17) * 1e-6
    _, found = ImageIndex(latents).nearest(query.repeat(3, 1), k=8)
    assert torch.equal(found, nearest[:8].expand(3, -1))


def test_of_groups_the_highest_are_found(rng):
    scores = torch.from_numpy(rng.permutation(3 * 9601).reshape(3, 9601)).float()
    for count in (1, 16):  # of groups of groups, and of groups
        found = search._highest(scores, count).sort(dim=1).values
        assert torch.equal(found, scores.topk(count).indices.sort(dim=1).values)
    assert search._highest(scores.sort().values, 16).min() == 9601 - 16  # the last, of no group


def test_blocks_do_not_change_the_answer(index, queries, monkeypatch):
    whole = index.nearest(queries, 5)
    monkeypatch.setattr(search, "BLOCK", 1500)  # three queries at a time
    for part, expected in zip(index.nearest(queries, 5), whole, strict=True):
        torch.testing.assert_close(part, expected)


@pytest.mark.parametrize(("images", "length"), [(500, 2), (20, 100)])
def test_neither_many_images_nor_long_codes_make_large_blocks(monkeypatch, rng, images, length):
    monkeypatch.setattr(search, "BLOCK", 10_000)
    index = ImageIndex(torch.from_numpy(rng.random((images, length))))
    nearest, sizes = index._nearest, []

    def noted(queries, k, metric, scores):
        sizes.append(len(queries) * max(images, (k + search.SPARE) * length))
        assert len(scores) == len(queries)
        return nearest(queries, k, metric, scores)

    monkeypatch.setattr(index, "_nearest", noted)
    index.nearest(torch.from_numpy(rng.random((100, length))), 5)
    assert max(sizes) <= 10_000


def test_a_code_of_zeros_is_no_neighbour_by_angle():
    index = ImageIndex(torch.tensor([[0.0, 0.0], [-1.0, 0.1], [2.0, 0.0]]))
    distances, indices = index.nearest(torch.tensor([[1.0, 0.0]]), 3, metric="cosine")
    assert indices.tolist() == [[2, 0, 1]]
    torch.testing.assert_close(distances[0, :2], torch.tensor([0.0, 1.0]))


def test_images_find_themselves_whether_tensor_or_split(digits):
    images = digits.train[:][0]
    model = models.PCAAutoencoder.fit(images, 6)
    index = ImageIndex(search.embed(model, digits.train), model)
    distances, indices = index.nearest(images[20:30], k=2)
    torch.testing.assert_close(images[indices[:, 0]], images[20:30])  # the stand-in repeats some
    assert distances[:, 0].max() < 1e-3
    torch.testing.assert_close(index.latents, search.embed(model, images))
    probe = torch.nn.Linear(6, 10)
    probe(index.latents).sum().backward()  # the codes can be learnt from


def test_embedding_shows_a_progress_bar_and_leaves_nothing_behind(digits, monkeypatch, capsys):
    monkeypatch.setattr(search, "tqdm", partial(tqdm, disable=False))
    search.embed(models.LinearAutoencoder(2), digits.test)
    captured = capsys.readouterr()
    assert "embedding" in captured.out
    assert captured.err == ""


def test_precision_of_perfect_mixed_and_wrong_neighbours():
    labels = torch.tensor([0, 1, 2])
    found = torch.tensor([[0, 0, 0, 0], [1, 2, 1, 0], [0, 1, 0, 1]])
    assert search.precision(labels, found).tolist() == [1.0, 0.5, 0.0]


def test_precision_of_random_codes_is_chance(rng):
    codes = torch.from_numpy(rng.standard_normal((3000, 10))).float()
    labels = torch.from_numpy(rng.integers(0, 5, 3000))
    _, indices = ImageIndex(codes[:2000]).nearest(codes[2000:], k=8)
    mean = search.precision(labels[2000:], labels[indices]).mean()
    assert abs(mean - 0.2) < 0.02


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda i: i.nearest(i.latents, 0), "from 1 to 500, got 0"),
        (lambda i: i.nearest(i.latents, 501), "from 1 to 500, got 501"),
        (lambda i: i.nearest(i.latents, 2.0), "whole number from 1 to 500, got 2.0"),
        (lambda i: i.nearest(i.latents, 3, "manhattan"), "euclidean, cosine, got 'manhattan'"),
        (lambda i: i.nearest(i.latents[:, :5]), "codes of length 12, got 5"),
        (lambda i: i.nearest(i.latents[0]), r"\(N, latent_dim\) with N > 0, got \(12,\)"),
        (lambda i: i.nearest(i.latents * torch.nan), "queries must be finite"),
        (lambda i: i.nearest(torch.rand(2, 1, 28, 28)), "no model to encode images"),
        (lambda i: ImageIndex(torch.empty(0, 5)), r"N > 0, got \(0, 5\)"),
        (lambda i: ImageIndex(i.latents / 0), "latents must be finite"),
        (
            lambda i: search.embed(models.LinearAutoencoder(), torch.empty(0, 1, 28, 28)),
            "at least one image is needed, got none",
        ),
        (
            lambda i: search.embed(models.LinearAutoencoder(), torch.rand(2, 3, 32, 32)),
            r"shape \(B, 1, 28, 28\), got \(2, 3, 32, 32\)",
        ),
        (
            lambda i: search.precision(torch.zeros(2), torch.zeros(3, 4)),
            r"\(Q,\) and \(Q, k\), got \(2,\) and \(3, 4\)",
        ),
    ],
)
def test_what_cannot_be_searched_is_refused(index, call, message):
    with pytest.raises(ValueError, match=message):
        call(index)


def test_a_code_that_is_next_to_nothing_has_no_angle():
    latents = torch.tensor([[1e-25, 1e-25], [1.0, 0.0], [-1.0, 0.1]])
    distances, found = ImageIndex(latents).nearest(latents[:2], k=3, metric="cosine")
    assert found[1].tolist() == [1, 0, 2]
    torch.testing.assert_close(distances[:, :2], torch.tensor([[1.0, 1.0], [0.0, 1.0]]))
    assert ((distances >= 0) & (distances <= 2)).all()
