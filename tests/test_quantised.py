"""The two kinds of autoencoder with tokens, against another implementation of the papers."""

import pytest
import torch
from vector_quantize_pytorch import FSQ, VectorQuantize

from aetutor import models, training
from aetutor.models import _quantised

BOTH = [models.VQAutoencoder(32, entries=9), models.FSQAutoencoder(32, levels=(3, 4))]


@pytest.fixture
def vectors():
    return torch.randn(30, 16, 3, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("levels", [(8, 8, 4), (5, 5, 5), (2, 3, 7)])
def test_levels_are_those_of_another_implementation(vectors, levels):
    """Its levels are even with ``preserve_symmetry``; its numbering is ours."""
    theirs = FSQ(list(levels), preserve_symmetry=True)
    with torch.no_grad():
        quantised, tokens = models.FSQAutoencoder(48, levels=levels).quantise(2 * vectors)
        expected, numbers = theirs(2 * vectors)
    assert (tokens == numbers).double().mean() > 0.999  # half-way numbers may fall to either side
    same = tokens == numbers
    torch.testing.assert_close(quantised[same], expected[same], atol=1e-6, rtol=0)


def test_nearest_entries_losses_and_gradients_are_those_of_another_implementation(vectors):
    ours = models.VQAutoencoder(48, entries=20)
    theirs = VectorQuantize(
        3,
        codebook_size=20,
        commitment_weight=1.0,
        decay=_quantised.DECAY,
        rotation_trick=False,  # straight-through, as in the paper
    )
    theirs._codebook.embed.data.copy_(ours.entries[None])
    theirs._codebook.embed_avg.data.copy_(ours.sums[None])
    theirs._codebook.cluster_size.data.copy_(ours.counts[None])
    inputs = [vectors.clone().requires_grad_() for _ in range(2)]
    quantised, tokens = ours.quantise(inputs[0])
    expected, numbers, commitment = theirs(inputs[1])
    assert torch.equal(tokens, numbers)
    torch.testing.assert_close(quantised, expected)
    ours_is = (inputs[0] - quantised.detach()).square().mean()
    torch.testing.assert_close(ours_is, commitment.squeeze())
    quantised.square().sum().backward()
    expected.square().sum().backward()
    torch.testing.assert_close(inputs[0].grad, inputs[1].grad)
    # In training mode it has moved its codebook by this batch; so do we.
    ours._learn(vectors.flatten(0, 1), tokens.flatten())
    torch.testing.assert_close(ours.entries, theirs.codebook, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("model", BOTH, ids=lambda model: type(model).__name__)
def test_tokens_stand_for_the_code(model, digits):
    images = digits.test[:40][0]
    with torch.inference_mode():
        tokens = model.tokens(images)
        assert tokens.shape == (40, 16)
        assert tokens.dtype == torch.int64
        torch.testing.assert_close(model.latents(tokens), model.encode(images))
        everything = torch.arange(len(model.entries))[:, None].expand(-1, 16)
        entries = model.latents(everything).unflatten(1, (16, -1))
        assert torch.equal(model.quantise(entries)[1], everything)  # each is nearest to itself
    assert len(model.entries.unique(dim=0)) == len(model.entries)


def test_the_first_number_of_a_token_counts_fastest():
    entries = models.FSQAutoencoder(32, levels=(3, 2)).entries
    assert entries.tolist() == [[-1, -1], [0, -1], [1, -1], [-1, 1], [0, 1], [1, 1]]


@pytest.mark.parametrize("model", BOTH, ids=lambda model: type(model).__name__)
def test_the_encoder_learns_although_rounding_has_no_gradient(model, digits):
    images = digits.test[:8][0]
    loss = model.loss(images)
    (loss["loss"] if isinstance(loss, dict) else loss).backward()
    assert all(p.grad.abs().sum() > 0 for p in model.features.parameters())


def test_the_loss_is_the_sum_of_its_terms(digits):
    model = models.VQAutoencoder(32, commitment=0.5).eval()
    images = digits.test[:8][0]
    terms = model.loss(images)
    vectors = model.vectors(images)
    entries = model.entries[torch.cdist(vectors, model.entries).argmin(dim=-1)]
    expected = (vectors - entries).square().mean()
    torch.testing.assert_close(terms["commitment"], expected)
    torch.testing.assert_close(terms["reconstruction"], (model(images) - images).square().mean())
    torch.testing.assert_close(terms["loss"], terms["reconstruction"] + 0.5 * expected)


def test_entries_become_the_means_of_the_vectors_that_choose_them():
    model = models.VQAutoencoder(32, entries=2)
    model.sums.copy_(torch.tensor([[-1.0, 0.0], [1.0, 0.0]]))
    vectors = torch.tensor([[-3.0, 1.0], [-5.0, 3.0], [2.0, 2.0], [4.0, 4.0]])
    for _ in range(2000):
        model._learn(vectors, model.quantise(vectors)[1])
    torch.testing.assert_close(model.entries, torch.tensor([[-4.0, 2.0], [3.0, 3.0]]))


def test_a_dead_entry_is_revived_by_a_vector_of_the_batch():
    model = models.VQAutoencoder(32, entries=2)
    model.sums.copy_(torch.tensor([[0.0, 0.0], [100.0, 100.0]]))
    vectors = torch.tensor([[0.5, 1.0], [1.0, 0.0]])
    for _ in range(68):
        model._learn(vectors, model.quantise(vectors)[1])
    assert model.entries[1].tolist() == pytest.approx([100, 100])  # 0.99^68 is above a half
    model._learn(vectors, model.quantise(vectors)[1])
    assert model.entries[1].tolist() == [0.5, 1.0]
    assert set(model.quantise(vectors)[1].tolist()) == {0, 1}


def test_measuring_does_not_move_the_codebook(digits):
    model = models.VQAutoencoder(32).eval()
    before = model.entries.clone()
    training.evaluate(model, digits.test)
    model.loss(digits.test[:8][0])
    assert torch.equal(model.entries, before)


def test_training_uses_more_of_the_codebook_and_lowers_the_error(digits):
    model = models.VQAutoencoder(32, entries=16)
    history = training.fit(model, digits, epochs=12, optimizer="muon", batch_size=16)
    assert history.val_error[-1] < 0.8 * history.val_error[0]
    assert len(model.tokens(digits.train[:][0]).unique()) >= 12


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: models.VQAutoencoder(30), "latent_dim must be a multiple of the 16 places"),
        (lambda: models.VQAutoencoder(entries=1), "entries must be a whole number of at least 2"),
        (lambda: models.VQAutoencoder(commitment=-1), "commitment must be at least 0, got -1"),
        (lambda: models.FSQAutoencoder(32), "16 times the 3 levels, got 32"),
        (lambda: models.FSQAutoencoder(32, levels=(8, 1)), "levels must be a whole number of at"),
        (lambda: BOTH[0].latents(torch.zeros(1, 15).long()), r"shape \(B, 16\), got \(1, 15\)"),
        (lambda: BOTH[0].latents(torch.full((1, 16), 9)), "from 0 to 8, got 9 to 9"),
        (lambda: BOTH[1].latents(torch.full((1, 16), -1)), "from 0 to 11, got -1 to -1"),
    ],
)
def test_what_has_no_tokens_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
