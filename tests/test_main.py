import numpy as np
import pytest
import torch

from aetutor import __main__ as main_module
from aetutor import data, sources, standins, weights
from aetutor.__main__ import SHIPPED, USUAL, main
from aetutor.download import DownloadError


@pytest.fixture(autouse=True)
def small_data(digits, patches, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(data, "load_mnist", lambda offline: digits)
    monkeypatch.setattr(data, "load_cifar10", lambda offline: patches)


def test_download_prepares_a_classrooms_folder(tmp_path, monkeypatch, capsys):
    arrays = {name: array[:20] for name, array in standins.digits().items()}
    sources.write_npz(tmp_path / "here" / "mnist.npz", arrays)
    monkeypatch.setenv("AETUTOR_DATA", str(tmp_path / "here"))
    main(["download", "mnist", "--to", str(tmp_path / "stick")])
    stored = sources.read_npz(tmp_path / "stick" / "mnist.npz", (28, 28))
    assert all(np.array_equal(stored[name], arrays[name]) for name in arrays)
    assert str(tmp_path / "stick" / "mnist.npz") in capsys.readouterr().out


@pytest.mark.parametrize("network", ["mnist-linear", "mnist-conv", "cifar10"])
def test_train_writes_a_model_that_its_own_command_makes_again(
    tmp_path, monkeypatch, network, capsys
):
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    settings = ["--latent-dim", "3", "--epochs", "2", "--batch-size", "50"]
    main(["train", network, *settings, "--to", str(tmp_path)])
    name = f"{network}-3"
    card, model = weights.card(name), weights.trained(name)
    assert (card.name, card.epochs, card.seeds) == (name, 2, [0])
    assert card.recipe["batch_size"] == 50
    command = card.command.removeprefix("python -m aetutor ").split()
    main([*command, "--to", str(tmp_path / "again")])
    again = weights.load(tmp_path / "again" / f"{name}.safetensors")
    for tensor, other in zip(model.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(tensor, other)
    capsys.readouterr()
    main(["evaluate", name])
    assert f"{card.test_error[0]:.6f} mean squared error per pixel" in capsys.readouterr().out


def test_the_textbooks_runs_are_kept_seed_by_seed(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    settings = ["--latent-dim", "2", "--epochs", "1", "--optimizer", "adam", "--seeds", "0", "1"]
    main(["train", "mnist-conv", *settings, "--to", str(tmp_path)])
    card = weights.card("mnist-conv-2-textbook")
    assert card.seeds == [0, 1]
    assert len(set(card.test_error)) == 2
    run = tmp_path / "runs" / "mnist-conv-2-textbook-seed1"
    assert list((run / "tensorboard").glob("events*"))
    assert not (run / "checkpoint").exists()


def test_an_interrupted_training_goes_on_with_the_same_command(tmp_path, monkeypatch, stop_after):
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    command = ["train", "mnist-linear", "--latent-dim", "3", "--epochs", "3", "--batch-size", "60"]
    undo = stop_after(8, KeyboardInterrupt)  # in the third epoch
    with pytest.raises(SystemExit, match="the same command goes on"):
        main(command)
    undo()
    assert weights.names() == []
    trained = stop_after(4, RuntimeError("more than the three batches that are left"))
    main(command)
    trained()
    assert weights.card("mnist-linear-3").epochs == 3


def test_nothing_is_trained_on_a_standin(tmp_path, monkeypatch):
    def load(offline):
        assert offline == "error"
        raise DownloadError("mnist could not be downloaded")

    monkeypatch.setattr(data, "load_mnist", load)
    with pytest.raises(SystemExit, match="could not be downloaded"):
        main(["train", "mnist-conv", "--latent-dim", "2"])


@pytest.fixture
def trained(monkeypatch):
    """The calls of train_one, which then trains nothing."""
    calls = []
    monkeypatch.setattr(
        main_module,
        "train_one",
        lambda name, to, runs, **settings: calls.append((name, settings)),
    )
    return calls


def test_settings_left_out_are_those_of_what_ships(trained):
    main(["train", "cifar10", "--latent-dim", "64"])
    main(["train", "cifar10", "--latent-dim", "100", "--epochs", "5"])
    main(["train", "mnist-conv", "--latent-dim", "64", "--optimizer", "adam", "--seeds", "4"])
    usual = USUAL["cifar10", "muon"] | {"optimizer": "muon"}
    assert trained == [
        ("cifar10", usual | {"latent_dim": 64}),
        ("cifar10", usual | {"latent_dim": 100, "epochs": 5}),
        (
            "mnist-conv",
            USUAL["mnist-conv", "adam"] | {"latent_dim": 64, "optimizer": "adam", "seeds": [4]},
        ),
    ]


def test_train_all_trains_what_ships(trained):
    main(["train", "all"])
    assert [(network, settings["latent_dim"]) for network, settings in trained] == [
        (network, latent_dim) for network, _, latent_dims in SHIPPED for latent_dim in latent_dims
    ]


def test_what_train_all_makes_is_what_ships():
    names = {
        f"{network}-{latent_dim}" + ("-textbook" if optimizer == "adam" else "")
        for network, optimizer, latent_dims in SHIPPED
        for latent_dim in latent_dims
    }
    assert names == set(weights.names())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "mnist-conv"], "--latent-dim is needed to train mnist-conv"),
        (["train", "mnist-conv", "--latent-dim", "0"], "latent_dim must be"),
        (["train", "mnist-conv", "--latent-dim", "2", "--epochs", "0"], "epochs must be"),
        (["train", "mnist-conv", "--latent-dim", "2", "--optimizer", "muno"], "mean 'muon'"),
        (["train", "all", "--epochs", "3"], "train all has its own settings; leave out epochs"),
        (
            ["train", "mnist-conv", "--latent-dim", "2", "--learning-rate", "1e30"],
            "no longer finite in epoch 1",
        ),
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
