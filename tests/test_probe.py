"""The linear probe, and the table that ships with lesson 7."""

import json

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from aetutor import data, models, probe, training


def blobs(count, seed, spread=1.0):
    random = torch.Generator().manual_seed(seed)
    labels = torch.randint(3, (count,), generator=random)
    centres = torch.tensor([[0.0, 3.0], [3.0, 0.0], [-3.0, -3.0]])
    return centres[labels] + spread * torch.randn(count, 2, generator=random), labels


def test_the_probe_is_a_ridge_regression_to_the_classes():
    (codes, labels), (others, right) = blobs(60, 0, spread=2.0), blobs(500, 1, spread=2.0)
    found = probe.accuracy(codes, labels, others, right)
    centred, targets = codes - codes.mean(dim=0), 2 * F.one_hot(labels).float() - 1
    targets = targets - targets.mean(dim=0)
    weight = torch.linalg.solve(centred.T @ centred + 0.1 * torch.eye(2), centred.T @ targets)
    scores = (others - codes.mean(dim=0)) @ weight + F.one_hot(labels).float().mul(2).mean(dim=0)
    expected = (scores.argmax(dim=1) == right).float().mean().item()
    assert found == pytest.approx(expected, abs=0.01)
    assert 0.6 < found < 1


def test_the_probe_does_not_depend_on_the_scale_of_the_codes():
    (codes, labels), (others, right) = blobs(30, 0), blobs(300, 1)
    shares = {probe.accuracy(s * codes, labels, s * others, right) for s in (1e-3, 1.0, 1e3)}
    assert np.ptp(list(shares)) < 0.01


def test_codes_without_any_difference_know_nothing():
    labels = torch.arange(40) % 4
    found = probe.accuracy(torch.ones(40, 3), labels, torch.ones(40, 3), labels)
    assert found == pytest.approx(0.25)


def test_the_table_that_ships_is_complete():
    table = probe.stored()
    assert table["command"] == "python -m aetutor probe"
    assert table["recipe"] == probe.RECIPE
    assert table["seeds"] == list(probe.SEEDS)
    plain_rivals = ["raw pixels", "PCA, 64 numbers", "random features"]
    assert list(table["rows"]) == plain_rivals + list(probe.NETWORKS)
    for row in table["rows"].values():
        assert all(len(values) == len(probe.SEEDS) for values in row.values())
        assert list(row) == ["error", *map(str, probe.LABELS)]


def test_the_table_that_ships_is_made_of_the_real_digits():
    mnist = data.load_mnist()
    if mnist.is_standin:
        pytest.skip("needs the real digits")
    table = probe.stored()
    assert table["fingerprint"] == mnist.fingerprint
    order = torch.randperm(len(mnist.train), generator=torch.Generator().manual_seed(1))
    images, labels = mnist.train[order[:1000]]
    held_out, right = mnist.test[:]
    features = models.DenoisingAutoencoder(seed=1).encoder
    with torch.no_grad():
        found = probe.accuracy(features(images), labels, features(held_out), right)
    assert found == pytest.approx(table["rows"]["random features"]["1000"][1], abs=0.01)


def test_a_study_continues_where_it_was_stopped(digits, tmp_path, monkeypatch):
    monkeypatch.setattr(probe, "LABELS", {40: 2, 100: 1})
    monkeypatch.setattr(probe, "SEEDS", (0, 1))
    monkeypatch.setattr(probe, "NETWORKS", {"plain": {"amount": 0}, "noise": {"amount": 0.5}})
    path, fit, seeds = tmp_path / "probe.json", training.fit, []

    def fit_or_stop(*arguments, **settings):
        if len(seeds) == 3:
            raise KeyboardInterrupt
        seeds.append(settings["seed"])
        return fit(*arguments, **settings)

    monkeypatch.setattr(training, "fit", fit_or_stop)
    with pytest.raises(KeyboardInterrupt):
        probe.study(digits, path)
    before = json.loads(path.read_text())["rows"]
    assert (seeds, len(before["plain"]["error"]), len(before["noise"]["error"])) == (
        [0, 0, 1],
        2,
        1,
    )
    monkeypatch.setattr(training, "fit", fit)
    probe.study(digits, path)
    table = json.loads(path.read_text())
    for name, row in table["rows"].items():
        for column, values in row.items():
            assert len(values) == 2
            assert values[: len(before[name][column])] == before[name][column]
    assert table["rows"]["raw pixels"]["error"] == [None, None]
    path.write_text(path.read_text().replace(digits.fingerprint, "another"))
    with pytest.raises(ValueError, match="made from other images"):
        probe.study(digits, path)
