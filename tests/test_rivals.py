"""The study that ships with lesson 10: flows beside mixtures, on codes of photographs."""

import json

import pytest
import torch

from aetutor import data, flows, models, rivals, weights, zoo
from aetutor.latent import Flow


def test_the_table_that_ships_is_complete():
    table = rivals.stored()
    assert table["command"] == "python -m aetutor rivals"
    assert table["seeds"] == list(rivals.SEEDS)
    assert list(table["rows"]) == list(rivals.FLOWS)
    for name, rows in table["rows"].items():
        mixtures = [f"mixture of {count}" for count in rivals.FLOWS[name][1:]]
        drawn = [f"flow, {steps} steps" for steps in rivals.STEPS]
        assert list(rows) == ["real codes", "fitted Gaussian", *mixtures, *drawn]
        for contender, row in rows.items():
            assert (row.pop("loss") is None) == (contender == "real codes")
            assert all(len(values) == len(rivals.SEEDS) for values in row.values())


def test_the_table_that_ships_is_of_the_flow_that_ships():
    cifar10 = data.load_cifar10()
    if cifar10.is_standin:
        pytest.skip("needs the real photographs")
    name = "cifar10-128-flow"
    table, flow = rivals.stored(), weights.trained(name)
    assert table["fingerprint"] == cifar10.fingerprint
    model = weights.trained(name.removesuffix("-flow"))
    val = flow.whiten(flows.codes(model, cifar10.val)[0])
    loss = rivals._loss(rivals._of_flow(flow, 1)[0], val)
    for steps in rivals.STEPS:
        row = table["rows"][name][f"flow, {steps} steps"]
        assert loss == pytest.approx(row["loss"], abs=1e-3)


def test_a_study_continues_where_it_was_stopped(patches, tmp_path, monkeypatch):
    model = models.PCAAutoencoder.fit(patches.train, 4)
    flow = Flow(4, width=8, blocks=1)
    flow.start_from(flows.codes(model, patches.train)[0])
    ready = {"small-flow": flow, "small": model}
    monkeypatch.setattr(weights, "trained", ready.get)
    monkeypatch.setattr(zoo, "FLOWS", ("small-flow",))
    small = {"FLOWS": {"small-flow": (1, 2)}, "STEPS": (2,), "SEEDS": (0, 1)}
    for name, value in (small | {"DRAWN": 20, "HALF": 50}).items():
        monkeypatch.setattr(rivals, name, value)
    judged = []

    class Judge:
        def __init__(self, images, known, others, reconstructions, *, seed):
            assert (len(known), len(others), len(reconstructions)) == (50, 50, 20)
            self.seed = seed

        def row(self, images):
            if len(judged) == 5:
                raise KeyboardInterrupt
            judged.append(self.seed)
            return {"pooled": images.mean().item()}

    monkeypatch.setattr(rivals.rulers, "Judge", Judge)
    path = tmp_path / "rivals.json"
    with pytest.raises(KeyboardInterrupt):
        rivals.study(patches, path)
    before = json.loads(path.read_text())["rows"]["small-flow"]
    assert list(before) == ["real codes", "fitted Gaussian"]
    judged[:] = [None]
    rivals.study(patches, path)
    assert judged == [None, 0, 1, 0, 1]
    rows = json.loads(path.read_text())["rows"]["small-flow"]
    assert list(rows) == ["real codes", "fitted Gaussian", "mixture of 2", "flow, 2 steps"]
    # Untrained, a flow is the Gaussian: in its loss, too.
    assert rows["flow, 2 steps"]["loss"] == pytest.approx(rows["fitted Gaussian"]["loss"], abs=0.05)
    path.write_text(path.read_text().replace(patches.fingerprint, "another"))
    with pytest.raises(ValueError, match="made from other images"):
        rivals.study(patches, path)


def test_a_mixture_has_no_higher_loss_than_a_gaussian_on_codes_in_two_clouds():
    sides = torch.randint(2, (2000, 1), generator=torch.Generator().manual_seed(0))
    codes = 2.0 * sides - 1 + 0.1 * torch.randn(2000, 3)
    codes = (codes - codes.mean(dim=0)) / codes.std(dim=0)
    one, two = (rivals._loss(rivals.Mixture(codes, n).velocity, codes) for n in (1, 2))
    assert two < one - 0.1
