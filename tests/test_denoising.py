"""What damage does to images, and the network that learns to undo it."""

import pytest
import torch
from torch.nn import functional as F

from aetutor import models


def dice(seed=0):
    return torch.Generator().manual_seed(seed)


def test_noise_has_the_standard_deviation_asked_for_and_hides_nothing():
    images = torch.rand(50, 1, 28, 28, generator=dice(1))
    damaged, hidden = models.damaged(images, "noise", 0.5, dice())
    noise = damaged - images
    assert noise.std().item() == pytest.approx(0.5, rel=0.02)
    assert abs(noise.mean().item()) < 0.01
    assert (noise / 0.5).pow(4).mean().item() == pytest.approx(3, abs=0.2)  # normal
    assert not hidden.any()


@pytest.mark.parametrize(("damage", "side"), [("pixels", 1), ("patches", 4)])
def test_what_is_masked_is_0_and_the_rest_is_divided_by_what_is_left(damage, side):
    images = 0.1 + torch.rand(200, 3, 32, 32, generator=dice(1))
    damaged, hidden = models.damaged(images, damage, 0.75, dice())
    assert hidden.shape == (200, 1, 32, 32)
    assert hidden.float().mean().item() == pytest.approx(0.75, abs=0.01)
    everywhere = hidden.expand_as(images)
    assert (damaged[everywhere] == 0).all()
    torch.testing.assert_close(damaged[~everywhere], 4 * images[~everywhere])
    assert damaged.mean().item() == pytest.approx(images.mean().item(), rel=0.03)
    squares = F.avg_pool2d(hidden.float(), side)
    assert set(squares.unique().tolist()) == {0.0, 1.0}  # a square is hidden whole or not at all
    within = squares.var(dim=(1, 2, 3))  # each square by itself, not all of an image together
    assert within.min() > 0.05


def test_each_image_can_have_its_own_amount():
    images = torch.ones(3, 1, 28, 28)
    amounts = torch.tensor([0.0, 0.5, 0.9]).reshape(3, 1, 1, 1)
    damaged, hidden = models.damaged(images, "pixels", amounts, dice())
    shares = hidden.float().mean(dim=(1, 2, 3)).tolist()
    assert shares == pytest.approx([0, 0.5, 0.9], abs=0.05)
    assert [image.max().item() for image in damaged] == pytest.approx([1, 2, 10])


def test_damage_depends_on_the_generator_alone():
    images = torch.rand(2, 1, 28, 28)
    for damage in models.DAMAGES:
        one, again, other = (models.damaged(images, damage, 0.5, dice(n))[0] for n in (0, 0, 1))
        assert torch.equal(one, again)
        assert not torch.equal(one, other)


@pytest.mark.parametrize(
    ("damage", "amount", "message"),
    [
        ("pixels", 1, "share masked must be from 0 to below 1, got 1"),
        ("pixels", -0.1, "share masked must be from 0 to below 1"),
        ("patches", 1.5, "share masked must be from 0 to below 1"),
        ("patches", float("nan"), "share masked must be"),
        ("noise", -1, "standard deviation must be at least 0, got -1"),
        ("noise", float("inf"), "standard deviation must be at least 0"),
        ("blur", 0.5, "damage must be one of noise, pixels, patches, got 'blur'"),
    ],
)
def test_no_such_damage(damage, amount, message):
    with pytest.raises(ValueError, match=message):
        models.damaged(torch.rand(1, 1, 28, 28), damage, amount)
    with pytest.raises(ValueError, match=message):
        models.DenoisingAutoencoder(damage=damage, amount=amount)


def test_amounts_out_of_order_and_images_that_patches_do_not_fill():
    with pytest.raises(ValueError, match="the lowest amount must come first"):
        models.DenoisingAutoencoder(amount=(1, 0.5))
    for amount in ((1, 2, 3), "much", None):
        with pytest.raises(ValueError, match="amount must be a number or two"):
            models.DenoisingAutoencoder(amount=amount)
    with pytest.raises(ValueError, match="patches of 4 x 4 pixels do not fill 30 x 28"):
        models.damaged(torch.rand(1, 1, 30, 28), "patches", 0.5)


def test_the_loss_compares_with_the_whole_image_what_became_of_the_damaged_one():
    images = torch.rand(4, 1, 28, 28, generator=dice())
    for damage in models.DAMAGES:
        model = models.DenoisingAutoencoder(30, damage=damage, amount=0.5, seed=3)
        twin = models.DenoisingAutoencoder(30, damage=damage, amount=0.5, seed=3)
        damaged, _ = twin.damaged(images)
        assert not torch.equal(damaged, images)
        expected = (model.decode(model.encoder(damaged)) - images).square().mean()
        torch.testing.assert_close(model.loss(images), expected)
        assert not torch.equal(twin.damaged(images)[0], damaged)  # anew with every call


def test_without_damage_it_is_a_plain_autoencoder():
    images = torch.rand(4, 1, 28, 28)
    model = models.DenoisingAutoencoder(30, amount=0)
    torch.testing.assert_close(model.loss(images), F.mse_loss(model(images), images))


def test_amounts_are_drawn_from_between_the_two():
    model = models.DenoisingAutoencoder(5, damage="pixels", amount=(0.2, 0.8))
    hidden = model.damaged(torch.ones(300, 1, 28, 28))[1].float().mean(dim=(1, 2, 3))
    assert 0.14 < hidden.min() < 0.3
    assert 0.7 < hidden.max() < 0.86
    assert hidden.mean().item() == pytest.approx(0.5, abs=0.03)


def test_tied_layers_share_one_matrix():
    tied, untied = (models.DenoisingAutoencoder(40, tied=each) for each in (True, False))
    count = [sum(p.numel() for p in model.parameters()) for model in (tied, untied)]
    assert count == [784 * 40 + 40 + 784, 2 * 784 * 40 + 40 + 784]
    codes = torch.rand(2, 40)
    expected = (codes @ tied.encoder[1].weight + tied.bias).sigmoid()
    torch.testing.assert_close(tied.decode(codes).flatten(1), expected)


def test_noisy_images_are_denoised_and_not_taken_for_images():
    model = models.DenoisingAutoencoder(30)
    noisy = torch.randn(2, 1, 28, 28)
    assert model.denoise(noisy).shape == noisy.shape
    with pytest.raises(ValueError, match="values from 0 to 1"):
        model(noisy)
