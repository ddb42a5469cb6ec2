import math

import numpy as np
import pytest
import scipy.linalg
import torch

from aetutor import latent


@pytest.fixture
def codes():
    """Correlated, off-centre, 4000 x 3."""
    mixing = torch.tensor([[2.0, 0.0, 0.0], [1.0, 0.5, 0.0], [0.0, 0.0, 0.1]])
    noise = torch.randn(4000, 3, generator=torch.Generator().manual_seed(0))
    return noise @ mixing.T + torch.tensor([1.0, -2.0, 3.0])


SOURCES = {
    "standard": lambda codes: latent.Gaussian.standard(3),
    "gaussian": latent.Gaussian.fit,
    "mixture": lambda codes: latent.Mixture(codes, 2),
    "jitter": latent.Jitter,
}


def test_a_straight_path_has_equal_steps_and_both_ends():
    start, end = torch.tensor([0.1, 2.0]), torch.tensor([3.3, -1.0])
    path = latent.interpolate(start, end, 4)
    assert path.shape == (4, 2)
    assert torch.equal(path[0], start)
    assert torch.equal(path[-1], end)
    torch.testing.assert_close(path.diff(dim=0), ((end - start) / 3).expand(3, 2))


def test_an_arc_has_equal_angles_and_evenly_changing_lengths():
    start, end = torch.tensor([2.0, 0.0, 0.0]), torch.tensor([0.0, 4.0, 0.0])
    path = latent.interpolate(start, end, 5, method="spherical")
    torch.testing.assert_close(path.norm(dim=1), torch.tensor([2.0, 2.5, 3.0, 3.5, 4.0]))
    angles = torch.atan2(path[:, 1], path[:, 0])
    torch.testing.assert_close(angles, torch.linspace(0, math.pi / 2, 5))
    torch.testing.assert_close(path[[0, -1]], torch.stack([start, end]))


def test_an_arc_between_near_directions_is_still_an_arc():
    start, end = torch.tensor([1.0, 0.0]), torch.tensor([math.cos(0.02), math.sin(0.02)])
    path = latent.interpolate(start, end, 3, method="spherical")
    assert path[1].norm() == pytest.approx(1, abs=1e-6)  # of the straight line: 0.99995


def test_an_arc_between_nearly_equal_directions_is_finite():
    start = torch.tensor([1.0, 2.0])
    for end in (start, 3 * start, start + 1e-6):
        path = latent.interpolate(start, end, 3, method="spherical")
        torch.testing.assert_close(path[1], (start + end) / 2)


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_samples_depend_on_the_seed_alone(source, codes):
    source = source(codes)
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    assert source.sample(50).shape == (50, 3)
    assert torch.equal(source.sample(50), source.sample(50))
    assert not torch.equal(source.sample(50), source.sample(50, seed=1))
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("name", ["gaussian", "mixture", "jitter"])
def test_fitted_sources_have_the_mean_and_covariance_of_the_codes(name, codes):
    drawn = SOURCES[name](codes).sample(20_000)
    torch.testing.assert_close(drawn.mean(0), codes.mean(0), atol=0.1, rtol=0)
    covariance = torch.cov(codes.T)
    if name == "jitter":  # moving the codes by 0.3 standard deviations widens them
        covariance += 0.09 * torch.diag(codes.var(0))
    torch.testing.assert_close(torch.cov(drawn.T), covariance, atol=0.25, rtol=0.03)


def test_standard_normal_codes_are_standard_normal():
    drawn = latent.Gaussian.standard(3).sample(20_000)
    torch.testing.assert_close(drawn.mean(0), torch.zeros(3), atol=0.03, rtol=0)
    torch.testing.assert_close(torch.cov(drawn.T), torch.eye(3), atol=0.05, rtol=0)


def test_a_mixture_finds_two_clusters_and_draws_from_both():
    noise = torch.randn(900, 2, generator=torch.Generator().manual_seed(0)) / 10
    codes = noise + torch.where(torch.arange(900) < 300, -5.0, 5.0)[:, None]
    drawn = latent.Mixture(codes, 2).sample(3000)
    assert abs((drawn[:, 0] < 0).float().mean() - 1 / 3) < 0.03
    assert (drawn.abs() - 5).abs().max() < 1
    cold = latent.Mixture(codes, 2).sample(3000, temperature=0.01)
    assert (cold.abs() - 5).abs().max() < 0.1


def test_the_components_of_a_mixture_are_drawn_apart():
    """Two clusters of one shape: their codes must not have the same places within them."""
    noise = torch.randn(900, 2, generator=torch.Generator().manual_seed(0)) / 10
    codes = noise + torch.where(torch.arange(900) < 450, -5.0, 5.0)[:, None]
    drawn = latent.Mixture(codes, 2).sample(400)
    one, other = drawn[drawn[:, 0] < 0][:150], drawn[drawn[:, 0] > 0][:150]
    away = [(cluster - cluster.mean(dim=0)).norm(dim=1) for cluster in (one, other)]
    assert abs(np.corrcoef(*away)[0, 1]) < 0.3


@pytest.mark.parametrize("name", ["standard", "gaussian"])
def test_temperature_scales_the_distance_from_the_mean(name, codes):
    source = SOURCES[name](codes)
    warm, cold = source.sample(10), source.sample(10, temperature=0.5)
    torch.testing.assert_close(cold - source.mean, (warm - source.mean) / 2)


def test_jitter_of_no_width_to_speak_of_gives_real_codes(codes):
    drawn = latent.Jitter(codes).sample(20, temperature=1e-6)
    assert torch.cdist(drawn.double(), codes.double()).amin(dim=1).max() < 1e-4


def test_a_flat_covariance_can_be_drawn_from():
    line = torch.randn(100, 1, generator=torch.Generator().manual_seed(0)) * torch.ones(1, 4)
    drawn = latent.Gaussian.fit(line).sample(50)
    torch.testing.assert_close(drawn, drawn[:, :1].expand(-1, 4), atol=1e-3, rtol=0)


def test_few_long_codes_can_be_fitted():
    """Half of the directions flat, the others fewer than the codes: hard for eigh in float32."""
    random = torch.Generator().manual_seed(1)
    codes = torch.rand(30, 784, generator=random) * (torch.rand(784, generator=random) < 0.5)
    fitted = latent.Gaussian.fit(codes)
    assert (fitted.scales[:29] > 0.1).all()
    assert (fitted.scales[29:] < 1e-2).all()


def test_the_frechet_distance_of_two_known_gaussians():
    white = latent.Gaussian(torch.zeros(3).double(), torch.eye(3).double())
    assert latent.frechet_distance(white, white) == pytest.approx(0, abs=1e-9)
    # Means apart by (1, 2, 0), standard deviations 1 against (3, 1, 2): 5 + 2^2 + 0 + 1^2.
    variances = torch.tensor([9.0, 1.0, 4.0]).double()
    other = latent.Gaussian(torch.tensor([1.0, 2.0, 0.0]).double(), torch.diag(variances))
    assert latent.frechet_distance(white, other) == pytest.approx(10)
    assert latent.frechet_distance(other, white) == pytest.approx(10)


def test_the_frechet_distance_of_correlated_gaussians_is_that_of_scipy():
    generator = torch.Generator().manual_seed(0)
    one, other = (
        latent.Gaussian.fit(
            torch.randn(50, 4, generator=generator).double()
            @ torch.randn(4, 4, generator=generator).double()
        )
        for _ in range(2)
    )
    mixed = scipy.linalg.sqrtm((one.covariance @ other.covariance).numpy()).trace().real
    expected = (one.mean - other.mean).square().sum() + (one.covariance + other.covariance).trace()
    assert latent.frechet_distance(one, other) == pytest.approx(expected.item() - 2 * mixed)


def test_the_frechet_distance_of_few_long_codes_in_different_precision():
    codes = torch.rand(30, 784, generator=torch.Generator().manual_seed(1))
    one, other = latent.Gaussian.fit(codes), latent.Gaussian.fit(codes.double() + 0.1)
    assert latent.frechet_distance(one, other) == pytest.approx(784 * 0.1**2, rel=1e-3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda z: latent.interpolate(z[0], z[1], 1), "at least 2, got 1"),
        (lambda z: latent.interpolate(z[0], z[1, :2]), r"got \(3,\) and \(2,\)"),
        (lambda z: latent.interpolate(z[:1], z[:1]), r"\(latent_dim,\), got \(1, 3\)"),
        (lambda z: latent.interpolate(z[0], z[1], method="cubic"), "linear, spherical, got 'cub"),
        (lambda z: latent.interpolate(z[0], -z[0], method="spherical"), "opposite directions"),
        (lambda z: latent.interpolate(z[0], 0 * z[0], method="spherical"), "code of zeros"),
        (lambda z: latent.Gaussian.fit(z[:1]), r"N of at least 2, got \(1, 3\)"),
        (lambda z: latent.Gaussian.fit(z / 0), "finite numbers"),
        (lambda z: latent.Gaussian.fit(z).sample(0), "count must be a whole number"),
        (lambda z: latent.Gaussian.fit(z).sample(2, temperature=0), "above 0, got 0"),
        (lambda z: latent.Jitter(z).sample(2, temperature=math.nan), "above 0, got nan"),
        (lambda z: latent.Jitter(z, 0), "width must be above 0, got 0"),
        (lambda z: latent.Mixture(z, 0), "from 1 to 4000, got 0"),
        (lambda z: latent.Mixture(z, 2).sample(3, temperature=-1), "above 0, got -1"),
        (
            lambda z: latent.frechet_distance(*map(latent.Gaussian.fit, (z, z[:, :2]))),
            "one length, got 3 and 2",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(codes, call, message):
    with pytest.raises(ValueError, match=message):
        call(codes)


@pytest.mark.parametrize(("rows", "threads"), [(2, 1), (256, 1), (257, 2)])
def test_small_matrices_are_solved_on_one_thread_and_the_setting_comes_back(
    monkeypatch, rows, threads
):
    before, used = torch.get_num_threads(), []
    torch.set_num_threads(2)
    solve = torch.linalg.eigh

    def watched(matrix):
        used.append(torch.get_num_threads())
        return solve(matrix)

    monkeypatch.setattr(torch.linalg, "eigh", watched)
    try:
        latent.Gaussian(torch.zeros(rows), torch.eye(rows))
        assert used == [threads]
        assert torch.get_num_threads() == 2
        with pytest.raises(RuntimeError):
            latent.Gaussian(torch.zeros(2), torch.full((2, 3), 1.0))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
