import math

import pytest
import torch

from aetutor import coding


@pytest.fixture
def codes():
    """Codes whose numbers vary very differently, some around a mean far from 0."""
    noise = torch.randn(400, 5, generator=torch.Generator().manual_seed(0))
    return noise * torch.tensor([1.0, 0.1, 3.0, 1.0, 0.0]) + torch.tensor([0.0, 5, -7, 0.2, 1])


def test_a_rounded_code_is_off_by_half_a_step_at_most(codes):
    rounding = coding.Rounding(codes, 0.5)
    again = rounding.latents(rounding.symbols(codes))
    assert (again - codes).abs().max() <= 0.25 + 1e-6
    assert torch.equal(again, (codes / 0.5).round() * 0.5)


def test_bits_are_those_of_a_table_counted_by_hand():
    codes = torch.tensor([[0.0], [0.1], [0.9], [3.2]])  # multiples 0, 0, 1, 3 of 1
    rounding = coding.Rounding(codes, 1.0)
    assert rounding.counts.tolist() == [[3, 2, 1, 2]]
    symbols = rounding.symbols(torch.tensor([[0.0], [2.0], [3.0], [9.0], [-9.0]]))
    assert symbols[:, 0].tolist() == [0, 2, 3, 3, 0]  # what lies outside becomes the nearest
    expected = [math.log2(8 / count) for count in (3, 1, 2, 2, 3)]
    assert rounding.bits(symbols).tolist() == pytest.approx(expected)


def test_every_number_has_a_table_of_its_own(codes):
    rounding = coding.Rounding(codes, 0.5)
    lengths = rounding.lengths
    assert (2.0**-lengths).sum(dim=1).tolist() == pytest.approx([1] * 5)  # probabilities
    symbols = rounding.symbols(codes)
    by_hand = sum(lengths[place, symbols[7, place]] for place in range(5))
    assert rounding.bits(symbols)[7].item() == pytest.approx(by_hand.item())
    assert rounding.bits(symbols)[7] > 0
    assert lengths[4].isfinite().sum() == 1  # never varies: no bit at all
    assert lengths[4, 0] == 0


@pytest.fixture
def photograph(patches):
    return coding.tiled(patches.test.images[:120], 12)


@pytest.mark.parametrize("form", coding.FORMATS)
def test_a_file_is_decoded_to_the_image_and_finer_ones_are_larger(photograph, form):
    sizes, errors = [], []
    for quality in (5, 40, 90):
        file, decoded = coding.compress(photograph, form, quality)
        assert decoded.dtype == torch.uint8
        assert decoded.shape == photograph.shape
        sizes.append(len(file))
        errors.append((decoded.double() - photograph.double()).square().mean().item())
        assert 0 < coding.payload(file, form) < len(file)
    assert sizes == sorted(sizes)
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 60 < photograph.double().var()


@pytest.mark.parametrize(("form", "least"), [("JPEG", 250), ("WebP", 30), ("AVIF", 200)])
def test_what_is_no_payload_is_about_the_same_in_every_file(patches, form, least):
    """A header's length hardly depends on the image, and an empty image has little else."""
    files = [coding.compress(image, form, 30)[0] for image in patches.test.images[:5]]
    headers = [len(file) - coding.payload(file, form) for file in files]
    assert least <= min(headers) <= max(headers) < 700
    grey, _ = coding.compress(torch.full((3, 32, 32), 128, dtype=torch.uint8), form, 30)
    assert coding.payload(grey, form) < 40


def test_tiles_are_put_together_row_by_row_and_taken_apart_again():
    images = torch.arange(6)[:, None, None, None].expand(6, 3, 2, 2).to(torch.uint8)
    large = coding.tiled(images, 3)
    assert large.shape == (3, 4, 6)
    assert large[0, 0].tolist() == [0, 0, 1, 1, 2, 2]
    assert large[2, 3].tolist() == [3, 3, 4, 4, 5, 5]
    assert torch.equal(coding.untiled(large, 3), images)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda x: coding.compress(x, "PNG", 5), "form must be one of JPEG, WebP, AVIF, got 'PNG'"),
        (lambda x: coding.compress(x, "JPEG", 101), "whole number from 0 to 100, got 101"),
        (lambda x: coding.compress(x[0], "JPEG", 5), r"uint8 of the shape \(3, H, W\), got"),
        (lambda x: coding.compress(x.float(), "JPEG", 5), r"got torch\.float32"),
        (
            lambda x: coding.compress(x[:, :1, :1].expand(3, 1, 16_384), "WebP", 5),
            "WebP allows 16383 pixels a side at most, got 16384",
        ),
        (lambda x: coding.Rounding(torch.zeros(3, 2), 0), "step must be a number above 0, got 0"),
        (lambda x: coding.Rounding(torch.zeros(3), 1), r"shape \(N, latent_dim\), got \(3,\)"),
    ],
)
def test_what_cannot_be_coded_gets_a_sentence(ask, message):
    with pytest.raises(ValueError, match=message):
        ask(torch.zeros(3, 8, 8, dtype=torch.uint8))
