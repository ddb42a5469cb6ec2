import math

import pytest
import torch

from aetutor import patterns

MADE = {
    "noise": patterns.noise,
    "constant": patterns.constant,
    "single_channel": patterns.single_channel,
    "checkerboard": patterns.checkerboard,
    "ramp": patterns.ramp,
    "grating": lambda count, **settings: patterns.grating(count, 3, **settings),
}


@pytest.fixture
def photographs():
    return torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
@pytest.mark.parametrize(
    "space",
    [
        {"image_shape": (3, 32, 32), "value_range": (-1.0, 1.0)},
        {"image_shape": (1, 28, 28), "value_range": (0.0, 1.0)},
    ],
)
def test_patterns_have_the_datas_shape_and_range_and_depend_on_the_seed_alone(make, space):
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    images = make(40, **space)
    assert images.shape == (40, *space["image_shape"])
    assert images.dtype == torch.float32
    low, high = space["value_range"]
    assert low - 1e-6 <= images.min() <= low + 0.3
    assert high - 0.3 <= images.max() <= high + 1e-6
    assert torch.equal(images, make(40, **space))
    assert not torch.equal(images, make(40, **space, seed=1))
    assert not torch.equal(images[0], images[1])
    assert torch.equal(before, torch.random.get_rng_state())


def test_noise_is_uniform():
    values = patterns.noise(50).flatten()
    assert torch.histc(values, 10, -1, 1).sub(len(values) / 10).abs().max() < 500


def test_a_constant_image_has_one_colour_and_a_single_channel_one_channel():
    assert torch.equal(*(patterns.constant(5).flatten(2).amin(2), patterns.constant(5)[..., 0, 0]))
    single = patterns.single_channel(6)
    assert torch.equal((single > -1).any(dim=3).any(dim=2).int(), torch.eye(3).int().repeat(2, 1))


def test_checkerboards_alternate_from_cell_to_cell():
    board = patterns.checkerboard(2, cell=5)
    assert torch.equal(board[..., 5:, :-5], board[..., :-5, 5:])
    assert not torch.isclose(board[..., :-5], board[..., 5:]).all(dim=1).any()
    assert torch.equal(board[..., 0, 0], board[..., 4, 4])
    fine = patterns.checkerboard(1, cell=1)
    assert torch.equal(fine[..., ::2, ::2], fine[..., 1::2, 1::2])


def test_a_ramp_is_straight_and_spans_the_range():
    ramp = patterns.ramp(10)
    for dim in (2, 3):
        assert ramp.diff(n=2, dim=dim).abs().max() < 1e-5
    torch.testing.assert_close(ramp.amax(dim=(2, 3)), torch.ones(10, 3))
    torch.testing.assert_close(ramp.amin(dim=(2, 3)), -torch.ones(10, 3))


@pytest.mark.parametrize("frequency", [1, 4, 16])
def test_a_grating_has_its_frequency(frequency):
    power = torch.fft.fft2(patterns.grating(20, frequency)[:, 0]).abs()
    cycles = torch.fft.fftfreq(32, 1 / 32)
    radius = torch.hypot(cycles[:, None], cycles)
    radius_of_peak = radius.flatten()[power.flatten(1).argmax(dim=1)]
    assert (radius_of_peak - frequency).abs().max() < 1.2


def test_a_shifted_image_is_the_image_moved(photographs):
    shifted = patterns.shift(photographs, 2)
    assert torch.equal(shifted[..., 2:, 2:], photographs[..., :-2, :-2])
    assert torch.equal(shifted[..., 0, 2:], photographs[..., 0, :-2])
    assert torch.equal(patterns.shift(photographs, 0), photographs)


def test_a_mask_covers_the_lower_half_with_grey(photographs):
    masked = patterns.mask(photographs)
    assert torch.equal(masked[:, :, :16], photographs[:, :, :16])
    assert (masked[:, :, 16:] == 0).all()
    assert (patterns.mask(photographs, value_range=(0.0, 1.0))[:, :, 16:] == 0.5).all()


def test_noise_grows_with_its_strength(photographs):
    assert torch.equal(patterns.noisy(photographs, 0), photographs)
    torch.testing.assert_close(patterns.noisy(photographs, 1), patterns.noise(6))
    half = patterns.noisy(photographs, 0.5)
    torch.testing.assert_close(half, (photographs + patterns.noise(6)) / 2)


def test_scrambling_keeps_every_tile(photographs):
    scrambled = patterns.scrambled(photographs, cell=8)

    def tiles(image):
        cut = image.unfold(1, 8, 8).unfold(2, 8, 8).permute(1, 2, 0, 3, 4).reshape(16, -1)
        return sorted(cut.tolist())

    assert all(
        tiles(before) == tiles(after) for before, after in zip(photographs, scrambled, strict=True)
    )
    assert not torch.equal(scrambled, photographs)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda x: patterns.noise(0), "count must be a whole number of at least 1, got 0"),
        (
            lambda x: patterns.checkerboard(1, cell=0),
            "cell must be a whole number of at least 1, got 0",
        ),
        (lambda x: patterns.checkerboard(2, cell=2.5), "got 2.5"),
        (lambda x: patterns.grating(1, 17), "above 0 and at most 16, got 17"),
        (lambda x: patterns.grating(1, 0), "above 0 and at most 16, got 0"),
        (lambda x: patterns.shift(x, 32), "from 0 to 31, got 32"),
        (lambda x: patterns.shift(x[0]), r"\(B, C, H, W\), got \(3, 32, 32\)"),
        (lambda x: patterns.mask(x[0]), r"got \(3, 32, 32\)"),
        (lambda x: patterns.noisy(x, 1.5), "from 0 to 1, got 1.5"),
        (lambda x: patterns.noisy(x, float("nan")), "from 0 to 1, got nan"),
        (lambda x: patterns.scrambled(x, cell=5), "cell must divide 32 and 32, got 5"),
    ],
)
def test_what_cannot_be_made_is_refused(photographs, make, message):
    with pytest.raises(ValueError, match=message):
        make(photographs)


def test_a_ramp_rises_in_another_direction_in_each_image_and_channel():
    ramps = patterns.ramp(5)
    right, down = ramps[..., 16, 17] - ramps[..., 16, 16], ramps[..., 17, 16] - ramps[..., 16, 16]
    angles = torch.atan2(down, right).flatten().sort().values  # (5 x 3,)
    assert angles.diff().min() > 1e-4
    assert angles[-1] - angles[0] > math.pi


def test_each_image_is_scrambled_in_another_order_and_all_its_channels_alike():
    place = torch.arange(64.0).reshape(8, 8).repeat_interleave(4, 0).repeat_interleave(4, 1)
    scrambled = patterns.scrambled((place / 64).expand(4, 3, 32, 32))
    orders = scrambled[:, :, ::4, ::4].flatten(2) * 64  # (4, 3, 64)
    assert torch.equal(orders.sort(dim=2).values, torch.arange(64.0).expand(4, 3, 64))
    assert torch.equal(orders, orders[:, :1].expand(-1, 3, -1))
    assert len({tuple(order.tolist()) for order in orders[:, 0]}) == 4


def test_gratings_begin_at_any_phase():
    corners = patterns.grating(20, 3)[:, 0, 0, 0]  # the sine of the phase
    assert corners.min() < -0.5
    assert corners.max() > 0.5
