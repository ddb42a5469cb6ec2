import importlib
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from aetutor import __main__ as main_module
from aetutor import data, sources, standins, training, weights, zoo
from aetutor.__main__ import main
from aetutor.download import DownloadError


@pytest.fixture(autouse=True)
def small_data(digits, patches, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    small = {"mnist": digits, "cifar10": patches}
    monkeypatch.setattr(data, "load", lambda name, offline="stand-in": small[name])


def test_download_prepares_a_classrooms_folder(tmp_path, monkeypatch, capsys):
    arrays = {name: array[:20] for name, array in standins.digits().items()}
    sources.write_npz(tmp_path / "here" / "mnist.npz", arrays)
    monkeypatch.setenv("AETUTOR_DATA", str(tmp_path / "here"))
    main(["download", "mnist", "--to", str(tmp_path / "stick")])
    stored = sources.read_npz(tmp_path / "stick" / "mnist.npz", (28, 28))
    assert all(np.array_equal(stored[name], arrays[name]) for name in arrays)
    assert str(tmp_path / "stick" / "mnist.npz") in capsys.readouterr().out


LIKE = ("mnist-linear-10", "mnist-conv-64-textbook", "cifar10-384")


@pytest.mark.parametrize("like", LIKE)
def test_train_writes_a_model_that_its_own_command_makes_again(tmp_path, like, capsys):
    settings = ["--latent-dim", "3", "--epochs", "2", "--batch-size", "50", "--seeds", "4"]
    main(["train", "mine", "--like", like, *settings, "--learning-rate", "0.001", "--no-flip"])
    card, model = weights.card("mine.safetensors"), weights.load("mine.safetensors")
    assert (card.name, card.epochs, card.seeds) == ("mine", 2, [4])
    assert card.model["kind"] == zoo.entry(like).kind
    assert card.recipe["optimizer"] == zoo.entry(like).optimizer
    assert (card.recipe["batch_size"], card.recipe["learning_rate"]) == (50, 0.001)
    assert card.recipe["flip"] is False
    command = card.command.removeprefix("python -m aetutor ").split()
    main([*command, "--to", "again"])
    again = weights.load(tmp_path / "again" / "mine.safetensors")
    for tensor, other in zip(model.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(tensor, other)
    capsys.readouterr()
    main(["evaluate", "mine.safetensors"])
    said = capsys.readouterr().out
    values = 3072 if like == "cifar10-384" else 784
    per_pixel, per_image = re.search(
        rf"(\S+) mean squared error per pixel.* (\S+) squared error per image \(x {values}\)", said
    ).groups()
    assert float(per_pixel) == pytest.approx(card.test_error[0], rel=1e-3)  # half precision
    assert float(per_image) == pytest.approx(card.test_error[0] * values, rel=1e-3)


def test_what_ships_is_trained_by_its_name(digits, monkeypatch):
    quick = replace(zoo.entry("mnist-linear-2"), epochs=2)
    monkeypatch.setitem(zoo.ENTRIES, quick.name, quick)
    main(["train", "mnist-linear-2", "--to", "here"])
    card = weights.card("here/mnist-linear-2.safetensors")
    assert card.command == "python -m aetutor train mnist-linear-2"
    model, history = training.reproduce("mnist-linear-2", digits)
    stored = weights.load("here/mnist-linear-2.safetensors")
    assert torch.equal(model.encoder[1].weight.half(), stored.encoder[1].weight.half())
    assert card.curves[0]["val_error"] == history.val_error


def test_a_flow_is_trained_and_measured_on_the_codes_of_its_autoencoder(capsys):
    settings = ["--epochs", "2", "--batch-size", "50", "--learning-rate", "0.001", "--flip"]
    main(["train", "mine", "--like", "mnist-conv-10-flow", *settings, "--seeds", "4"])
    card, flow = weights.card("mine.safetensors"), weights.load("mine.safetensors")
    assert card.model == flow.config
    assert flow.config.items() >= zoo.entry("mnist-conv-10-flow").arguments.items()
    assert card.data == {
        "name": "mnist",
        "fingerprint": data.load("mnist").fingerprint,
        "is_standin": True,
        "autoencoder": "mnist-conv-10",
    }
    main([*card.command.removeprefix("python -m aetutor ").split(), "--to", "again"])
    again = weights.load("again/mine.safetensors")
    assert torch.equal(flow.enter.weight, again.enter.weight)
    capsys.readouterr()
    main(["evaluate", "mine.safetensors"])
    said = capsys.readouterr().out
    found = re.search(r"(\S+) loss of the flow on the codes of mnist-conv-10", said)[1]
    assert float(found) == pytest.approx(card.test_error[0], rel=2e-3)  # half precision


def test_of_several_runs_all_errors_are_kept_and_the_first_ones_weights(tmp_path, digits):
    settings = ["--latent-dim", "2", "--epochs", "1", "--seeds", "1", "0"]
    main(["train", "mine", "--like", "mnist-conv-64-textbook", *settings])
    card = weights.card("mine.safetensors")
    assert card.seeds == [1, 0]
    assert len(set(card.test_error)) == len(set(card.val_error)) == len(card.curves) == 2
    model = weights.load("mine.safetensors")
    assert training.evaluate(model, digits.test) == pytest.approx(card.test_error[0], rel=1e-4)
    first = training.reproduce(replace(zoo.entry("mnist-conv-64-textbook"), **ONE), digits)[0]
    assert torch.equal(first.encoder[0].weight.half(), model.encoder[0].weight.half())
    run = tmp_path / "runs" / "mine-seed1"
    assert list((run / "tensorboard").glob("events*"))
    assert not (run / "checkpoint").exists()


ONE = {"latent_dim": 2, "epochs": 1, "seeds": (1,)}


def test_an_interrupted_training_goes_on_with_the_same_command(stop_after):
    settings = ["--latent-dim", "3", "--epochs", "3", "--batch-size", "60"]
    command = ["train", "mine", "--like", "mnist-linear-10", *settings]
    undo = stop_after(8, KeyboardInterrupt)  # in the third epoch
    with pytest.raises(SystemExit, match="the same command continues"):
        main(command)
    undo()
    assert not Path("mine.safetensors").exists()
    trained = stop_after(4, RuntimeError("more than the three batches that are left"))
    main(command)
    trained()
    assert weights.card("mine.safetensors").epochs == 3


def test_nothing_is_trained_on_a_standin(monkeypatch):
    def load(name, offline):
        assert (name, offline) == ("mnist", "error")
        raise DownloadError("mnist could not be downloaded")

    monkeypatch.setattr(data, "load", load)
    with pytest.raises(SystemExit, match="could not be downloaded"):
        main(["train", "mnist-conv-2"])


@pytest.fixture
def trained(monkeypatch):
    """The entries given to train_one, which then trains nothing."""
    entries = []
    monkeypatch.setattr(main_module, "train_one", lambda entry, to, runs: entries.append(entry))
    return entries


def test_settings_left_out_are_those_of_the_model_it_is_like(trained):
    main(["train", "mine", "--like", "cifar10-384", "--latent-dim", "100", "--seeds", "4", "5"])
    changed = {"name": "mine", "latent_dim": 100, "seeds": [4, 5]}
    assert trained == [replace(zoo.entry("cifar10-384"), **changed)]


def test_train_all_trains_what_ships(trained):
    main(["train", "all"])
    assert [entry.name for entry in trained] == list(zoo.ENTRIES)


LIKE_2 = ("--like", "mnist-conv-2")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "mnist-conv-63"], "did you mean 'mnist-conv-64'"),
        (["train", "mine", "--like", "mnist-conv"], "did you mean 'mnist-conv-2'"),
        (["train", "mnist-conv-2", "--like", "mnist-conv-64"], "give yours another name"),
        (["train", "mine", *LIKE_2, "--latent-dim", "0"], "latent_dim must be"),
        (["train", "mine", *LIKE_2, "--epochs", "0"], "epochs must be"),
        (["train", "mine", *LIKE_2, "--learning-rate", "1e30"], "no longer finite in epoch 1"),
        (["train", "all", "--epochs", "3"], "all has its own settings"),
        (["train", "mnist-conv-2", "--seeds", "3"], "mnist-conv-2 has its own settings"),
        (["evaluate", "mnist-conv-63"], "did you mean 'mnist-conv-64'"),
        (["evaluate", "nowhere.safetensors"], "there is no file nowhere.safetensors"),
        (["download", "minst"], "name must be one of mnist, cifar10, got 'minst'"),
    ],
)
def test_a_mistake_gets_one_sentence(arguments, message):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("command", "load"), [("probe", "load_mnist"), ("rivals", "load_cifar10")])
def test_a_study_is_of_the_real_images(command, load, monkeypatch, tmp_path, digits, capsys):
    calls, module = [], importlib.import_module(f"aetutor.{command}")
    monkeypatch.setattr(data, load, lambda offline: calls.append(offline) or digits)
    monkeypatch.setattr(module, "study", lambda images, path: calls.append((images, path)))
    main([command, "--to", str(tmp_path / "table.json")])
    assert calls == ["error", (digits, str(tmp_path / "table.json"))]
    assert "table.json" in capsys.readouterr().out
