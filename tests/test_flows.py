"""Flows: the velocity against cases with a known answer, Euler's steps, training that continues."""

import math

import pytest
import torch

from aetutor import data, flows, models, weights, zoo
from aetutor.latent import Flow, Gaussian, Mixture

APART, NARROW = 0.9, math.sqrt(1 - 0.9**2)  # two Gaussians at ±0.9: mean 0, variance 1


def single(x, times):
    """The velocity from N(0, I) to N(0, I): the two ends of a path are independent."""
    return (2 * times - 1) / ((1 - times) ** 2 + times**2) * x


def double(x, times):
    """The velocity from N(0, 1) to two Gaussians at ±APART, each NARROW, by hand."""
    variance = (1 - times) ** 2 + (times * NARROW) ** 2
    slope = (times * NARROW**2 - (1 - times)) / variance
    likely = torch.softmax(
        torch.stack([-((x - times * m) ** 2) / (2 * variance) for m in (-APART, APART)]), dim=0
    )
    each = torch.stack([m + slope * (x - times * m) for m in (-APART, APART)])
    return (likely * each).sum(dim=0)


class Known(Flow):
    """A flow whose velocity is given."""

    def __init__(self, latent_dim, function):
        super().__init__(latent_dim, width=1, blocks=1)
        self.function = function

    def velocity(self, x, times, labels):
        return self.function(x, times[:, None])


def two_clusters(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    sides = torch.randint(2, (count, 1), generator=generator)
    return APART * (2.0 * sides - 1) + NARROW * torch.randn(count, 1, generator=generator), sides


def test_a_trained_flow_has_the_velocity_of_two_gaussians():
    codes, sides = two_clusters(6400)
    flow, held_out = Flow(1, width=32, blocks=2), (codes[:500], sides[:500, 0])
    flows.fit(flow, (codes, sides[:, 0]), held_out, epochs=40, learning_rate=0.01)
    flow.start_from(torch.tensor([[-1.0], [1.0]]) * 0.5**0.5)  # mean 0, variance 1 exactly
    x = torch.linspace(-1.5, 1.5, 31)[:, None]
    for time in (0.0, 0.3, 0.6, 0.9):
        with torch.no_grad():
            learnt = flow.velocity(x, torch.tensor([time]), torch.zeros(31, dtype=torch.long))
        known = double(x, torch.tensor(time))
        assert (learnt - known).abs().mean() < 0.1, time


def test_a_flow_learns_that_codes_are_long_or_short():
    """Of two lengths, with the same mean and covariance in all directions: no Gaussian knows."""
    generator = torch.Generator().manual_seed(0)
    lengths = torch.tensor([0.3, 1.38])[torch.randint(2, (6400, 1), generator=generator)]
    codes = lengths * torch.randn(6400, 16, generator=generator)
    train, held_out = codes[500:], codes[:500]
    flow, labels = Flow(16, width=32, blocks=1), torch.zeros(6400, dtype=torch.long)
    settings = {"epochs": 10, "learning_rate": 0.01}
    flows.fit(flow, (train, labels[500:]), (held_out, labels[:500]), **settings)
    mixture, nobody = Mixture(train, 2), torch.zeros(1, dtype=torch.long)
    noise, times = torch.randn(500, 16, generator=generator), torch.rand(500, generator=generator)
    x = torch.lerp(noise, held_out, times[:, None])
    with torch.no_grad():
        learnt = flow.velocity(x, times, nobody) - (held_out - noise)
    known = mixture.velocity(x, times) - (held_out - noise)
    assert learnt.square().mean() < known.square().mean() + 0.045


def test_a_mixtures_velocity_is_that_of_two_gaussians():
    mixture = Mixture(two_clusters(50)[0], 2)
    mixture.weights = torch.tensor([0.5, 0.5], dtype=torch.float64)
    narrow = torch.tensor([[NARROW**2]])
    mixture.parts = [Gaussian(torch.tensor([side]), narrow) for side in (-APART, APART)]
    x = torch.linspace(-1.5, 1.5, 31)[:, None]
    for time in (0.0, 0.3, 0.9):
        times = torch.tensor([time])
        torch.testing.assert_close(mixture.velocity(x, times), double(x, times[:, None]))


def test_the_least_loss_between_equal_gaussians_is_half_of_pi():
    """At the time t it is 1 / ((1 - t)^2 + t^2), whose integral is pi / 2; no flow has less."""
    codes = torch.randn(50_000, 4, generator=torch.Generator().manual_seed(0))
    flow = Known(4, single)
    assert flows.evaluate(flow, codes) == pytest.approx(math.pi / 2, rel=0.01)
    still = Known(4, lambda x, times: 0 * x)
    assert flows.evaluate(still, codes) == pytest.approx(2, rel=0.01)


def test_eulers_steps_follow_the_velocity():
    """From N(0, I) to itself x shrinks to sqrt(1/2) of its length half-way, and comes back."""
    flow, noise = Known(3, single), torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    path = flow.path(noise, steps=400)
    codes = flow.unwhiten(noise)
    torch.testing.assert_close(path[0], codes)
    torch.testing.assert_close(path[200], codes * 0.5**0.5, atol=0.01, rtol=0)
    torch.testing.assert_close(path[400], codes, atol=0.02, rtol=0)
    # By hand, two steps of 1/2: the velocities are -x at 0 and 0 at 1/2.
    torch.testing.assert_close(
        flow.path(noise, steps=2), torch.stack([codes, codes / 2, codes / 2])
    )


def test_many_steps_draw_two_gaussians():
    drawn = Known(1, double).sample(20_000, steps=100)
    assert abs((drawn < 0).float().mean() - 0.5) < 0.02
    assert abs(drawn.abs().mean() - APART) < 0.03
    assert drawn.abs().std() == pytest.approx(NARROW, abs=0.05)


def test_one_step_of_the_true_velocity_is_the_mean():
    """At the start nothing is known of the end: E[z - e | e] = mean - e."""
    assert Known(1, double).sample(100, steps=1).abs().max() < 1e-6
    assert Known(1, double).sample(100, steps=2).abs().max() > 0.1


def test_codes_are_whitened_and_come_back():
    generator = torch.Generator().manual_seed(0)
    codes = torch.randn(5000, 3, generator=generator) @ torch.randn(3, 3, generator=generator) + 4
    flow = Flow(3, width=4, blocks=1)
    flow.start_from(codes)
    white = flow.whiten(codes)
    torch.testing.assert_close(torch.cov(white.T), torch.eye(3), atol=1e-3, rtol=0)
    torch.testing.assert_close(flow.unwhiten(white), codes, atol=1e-3, rtol=0)


def test_an_untrained_flow_is_the_fitted_gaussian():
    codes = two_clusters(500)[0] * torch.tensor([1.0, 2.0, 3.0]) + torch.randn(500, 3)
    flow = Flow(3, width=4, blocks=1)
    flow.start_from(codes)
    drawn = flow.sample(9, temperature=0.5, seed=3, steps=1000)
    expected = Gaussian.fit(codes).sample(9, temperature=0.5, seed=3)
    torch.testing.assert_close(drawn, expected, atol=0.01, rtol=0.01)


def test_guidance_goes_on_from_no_class_through_the_class():
    flow = Flow(2, width=8, blocks=1, classes=3, seed=1)
    torch.nn.init.normal_(flow.leave[1].weight, generator=torch.Generator().manual_seed(0))
    x, time = torch.ones(4, 2), torch.tensor([0.3])
    labels, nobody = torch.tensor([0, 1, 2, 0]), torch.full((4,), 3)
    with torch.no_grad():
        without, with_class = (flow.velocity(x, time, each) for each in (nobody, labels))
        assert (with_class - without).abs().min() > 1e-3
        for guidance, expected in (
            (0, without),
            (1, with_class),
            (3, 3 * with_class - 2 * without),
        ):
            torch.testing.assert_close(flow.guided(x, time, labels, guidance), expected)
    by_path = flow.path(x, steps=1, labels=labels, guidance=2.0)[-1]
    with torch.no_grad():
        end = flow.unwhiten(x + flow.guided(x, torch.zeros(1), labels, 2.0))
    torch.testing.assert_close(by_path, end)


def test_a_share_of_the_labels_is_hidden_in_training_only():
    seen = []

    class Watched(Flow):
        def velocity(self, x, times, labels):
            seen.append((labels == self.classes).float().mean().item())
            return super().velocity(x, times, labels)

    flow, codes = Watched(2, width=4, blocks=1, classes=2), torch.randn(10_000, 2)
    labels = torch.zeros(10_000, dtype=torch.long)
    flow.train().loss(codes, labels)
    flow.eval().loss(codes, labels)
    flow.eval().loss(codes)
    assert seen[0] == pytest.approx(0.15, abs=0.02)
    assert seen[1:] == [0, 1]


def test_each_class_is_drawn_where_it_is():
    codes, sides = two_clusters(6400)
    flow, held_out = Flow(1, width=32, blocks=2, classes=2), (codes[:500], sides[:500, 0])
    flows.fit(flow, (codes, sides[:, 0]), held_out, epochs=20, learning_rate=0.01)
    for label, side in enumerate((-1, 1)):
        assert (flow.sample(200, label=label).sign() == side).float().mean() > 0.9


def test_training_continues_where_it_stopped(tmp_path, monkeypatch):
    codes, sides = two_clusters(600)
    both, held_out = (codes, sides[:, 0]), (codes[:50], sides[:50, 0])
    whole = Flow(1, width=8, blocks=1)
    expected = flows.fit(whole, both, held_out, epochs=3)
    train_once = flows._train_once

    def stops(flow, latents, labels, stepper, run, epoch):
        if epoch == 3:
            raise KeyboardInterrupt
        return train_once(flow, latents, labels, stepper, run, epoch)

    monkeypatch.setattr(flows, "_train_once", stops)
    with pytest.raises(KeyboardInterrupt):
        flows.fit(Flow(1, width=8, blocks=1), both, held_out, epochs=3, checkpoint=tmp_path)
    monkeypatch.undo()
    again = Flow(1, width=8, blocks=1, seed=5)
    history = flows.fit(again, both, held_out, epochs=3, checkpoint=tmp_path)
    assert history.val_error == expected.val_error
    assert torch.equal(again.enter.weight, whole.enter.weight)
    assert history.learning_rate[-1] < 1e-5  # down to 0


def test_codes_of_mirrored_images_come_after_the_others(digits):
    model = models.PCAAutoencoder.fit(digits.train[:][0], 3)
    latents, labels = flows.codes(model, digits.val, flip=True)
    images = digits.val[:][0]
    assert torch.allclose(latents, torch.cat([model.encode(images), model.encode(images.flip(-1))]))
    assert torch.equal(labels, digits.val.labels.repeat(2))


@pytest.mark.parametrize("name", zoo.FLOWS)
def test_what_ships_has_the_loss_on_its_card(name):
    flow, card, entry = weights.trained(name), weights.card(name), zoo.entry(name)
    assert (
        card.model
        == flow.config
        == {"kind": "Flow", "latent_dim": entry.latent_dim} | ({"classes": 0} | entry.arguments)
    )
    assert (card.name, card.command, card.epochs) == (name, entry.command, entry.epochs)
    assert card.data["autoencoder"] == entry.autoencoder
    assert entry.latent_dim == zoo.entry(entry.autoencoder).latent_dim
    assert entry.data == zoo.entry(entry.autoencoder).data == card.data["name"]
    settings = ("optimizer", "learning_rate", "batch_size", "flip")
    assert all(card.recipe[setting] == getattr(entry, setting) for setting in settings)
    assert len(weights.histories(name)[0]) == entry.epochs
    images = data.load(entry.data)
    if images.is_standin:
        pytest.skip(f"needs the real {entry.data} images")
    found = flows.evaluate(flow, *flows.codes(weights.trained(entry.autoencoder), images.test))
    assert found == pytest.approx(card.test_error[0], rel=2e-3)
    assert found < math.pi / 2  # what the fitted Gaussian has


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda flow: flow.sample(2, steps=0), "steps must be a whole number of at least 1, got 0"),
        (lambda flow: flow.sample(2, label=2), r"from 0 to 1, got \[2\]"),
        (lambda flow: flow.sample(2, label=-1), r"from 0 to 1, got \[-1\]"),
        (lambda flow: flow.sample(2, label=0, guidance=-0.5), "guidance must be a number of at le"),
        (lambda flow: flow.sample(0), "count must be a whole number"),
        (lambda flow: flow.sample(2, temperature=0), "temperature must be a number above 0"),
        (lambda flow: Flow(2, width=4, blocks=1).sample(2, label=0), "it has no classes"),
        (lambda flow: Flow(0), "latent_dim must be"),
        (lambda flow: Flow(2, blocks=0), "blocks must be"),
        (
            lambda flow: flows.fit(flow, *[(torch.zeros(9, 3), torch.zeros(9).long())] * 2),
            r"takes codes \(N, 2\) with N labels, got \(9, 3\) with 9",
        ),
        (lambda flow: flows.reproduce("mnist-conv-10-flo", None), "did you mean 'mnist-conv-10-f"),
    ],
)
def test_what_a_flow_cannot_do_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(Flow(2, width=4, blocks=1, classes=2))


def test_a_flow_is_trained_on_codes_of_its_own_images(patches):
    with pytest.raises(ValueError, match="is trained on mnist, got cifar10"):
        flows.reproduce("mnist-conv-10-flow", patches)
