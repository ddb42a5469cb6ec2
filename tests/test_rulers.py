import dataclasses

import pytest
import torch

from aetutor import data, latent, patterns, rulers


@pytest.fixture(scope="module")
def judge(digits):
    known = digits.train.subset(0, 90)
    return rulers.Judge(digits, known, digits.train.subset(90, 180), digits.val[:][0])


def test_a_distance_is_that_of_the_fitted_gaussians_in_units_of_the_variance(judge, digits):
    ruler, images = judge.rulers["with places"], digits.test[:100][0]
    fitted = latent.Gaussian.fit(ruler.features(images))
    found, margin = ruler.measured(images)
    assert found == pytest.approx(latent.frechet_distance(ruler.real, fitted), rel=1e-6)
    assert 0 < margin < found
    assert ruler.real.covariance.trace() == pytest.approx(1)
    # All at the mean: the distance is the variance itself.
    still = ruler.real.mean.expand(5, -1)
    assert ruler._distances(still[None]).item() == pytest.approx(1)


@pytest.mark.parametrize("kind", rulers.KINDS)
def test_more_noise_is_farther(judge, digits, kind):
    images = digits.test[:][0]
    noisy = [patterns.noisy(images, share, value_range=(0.0, 1.0)) for share in (0.2, 0.5)]
    distances = [judge.rulers[kind].measured(each)[0] for each in (images, *noisy)]
    assert distances == sorted(distances)


def test_training_images_are_near_copies_and_held_out_ones_are_not(judge, digits):
    assert judge.row(digits.train[:90][0])["near-copies"] == 1
    assert judge.row(digits.val[:][0])["near-copies"] < 0.051
    assert judge.row(digits.train[90:][0])["near-copies"] < 0.5


def repeated(split, times):
    """A split whose images come several times, so that one epoch of it is long enough."""
    images = split.images.repeat(times, 1, 1, 1)
    return data.Split(images, split.labels.repeat(times), split.value_range)


def test_a_classifier_learns_the_same_from_the_same_seed(digits):
    images = digits.test[:][0]
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    twice = dataclasses.replace(digits, train=repeated(digits.train, 10))
    networks = [rulers.classifier(twice, "with places", batch_size=20) for _ in range(2)]
    found = [network.labels(images) for network in networks]
    assert torch.equal(*found)
    assert (found[0] == digits.test.labels).float().mean() > 0.3  # by chance a tenth
    assert torch.equal(before, torch.random.get_rng_state())


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="kind must be one of pooled, with places"):
        rulers.Classifier(1, "flat")
