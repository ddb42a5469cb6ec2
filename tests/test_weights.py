import json
import struct

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from aetutor import data, models, training, weights, zoo
from aetutor.history import History
from aetutor.recipes import recipe


@pytest.fixture
def saved(tmp_path, digits):
    model = models.ConvAutoencoder(3, batch_norm=True)
    history = training.fit(model, digits, epochs=1)
    card = weights.Card(
        name="digits-conv-3",
        model=model.config,
        data={"name": "mnist"},
        recipe={"optimizer": "adam"},
        epochs=1,
        seeds=[0, 1],
        curves=[history.curves()] * 2,
        val_error=history.val_error,
        test_error=[0.5],
        versions=weights.versions(),
        command="python -m aetutor train",
    )
    path = tmp_path / "digits-conv-3.safetensors"
    weights.save(path, model, card, history)
    return path, model, card, history


def test_a_saved_model_comes_back_in_half_precision(saved):
    path, model, _, _ = saved
    again = weights.load(path)
    assert not again.training
    assert {parameter.dtype for parameter in again.parameters()} == {torch.float32}
    for ours, theirs in zip(again.parameters(), model.parameters(), strict=True):
        assert torch.equal(ours, theirs.half().float())


def test_card_and_histories_come_back_the_same(saved):
    path, _, card, history = saved
    assert weights.card(path) == card
    first, second = weights.histories(path)
    assert first.curves() == second.curves() == history.curves()
    assert torch.equal(first.pictures[1], history.pictures[1])
    assert isinstance(second, History)
    assert second.pictures == {}


@pytest.mark.parametrize("kept", [0, 5, 100, 0.5, 0.99])
def test_a_truncated_file_is_refused_by_name(saved, kept):
    path = saved[0]
    content = path.read_bytes()
    path.write_bytes(content[: kept if isinstance(kept, int) else int(kept * len(content))])
    with pytest.raises(ValueError, match=r"digits-conv-3\.safetensors cannot be used"):
        weights.load(path)


@pytest.mark.parametrize("place", [0.3, 0.6, 0.99])
def test_an_altered_file_is_refused(saved, place):
    path = saved[0]
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="match its SHA-256: it was damaged or altered"):
        weights.load(path)


def test_an_altered_card_is_refused(saved):
    path = saved[0]
    content = path.read_bytes()
    assert content.count(b"digits-conv-3") == 1
    path.write_bytes(content.replace(b"digits-conv-3", b"digits-conv-4"))
    with pytest.raises(ValueError, match="damaged or altered"):
        weights.load(path)


def test_a_tensor_of_another_shape_is_refused(saved):
    """The same bytes under the same name and card, read in other rows."""
    path = saved[0]
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    images = tensors["history.images"]
    save_file(tensors | {"history.images": images.reshape(1, -1)}, path, metadata)
    with pytest.raises(ValueError, match="damaged or altered"):
        weights.load(path)
    save_file(tensors, path, metadata)
    assert torch.equal(weights.histories(path)[0].images, images)


def test_a_file_that_others_wrote_is_refused(tmp_path):
    path = tmp_path / "theirs.safetensors"
    save_file({"weight": torch.zeros(2)}, path)
    with pytest.raises(ValueError, match="it lacks aetutor's card and sha256"):
        weights.load(path)
    torch.save({"weight": torch.zeros(2)}, path)
    with pytest.raises(ValueError, match=r"theirs\.safetensors cannot be used"):
        weights.load(path)


def test_a_header_that_claims_too_much_is_refused(tmp_path):
    path = tmp_path / "huge.safetensors"
    header = json.dumps({"w": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}})
    path.write_bytes(struct.pack("<Q", len(header)) + header.encode())
    with pytest.raises(ValueError, match="cannot be used"):
        weights.load(path)


def test_tensors_of_another_model_are_refused(saved):
    import dataclasses

    path, model, card, history = saved
    other = dataclasses.replace(card, model=models.ConvAutoencoder(4).config)
    weights.save(path, model, other, history)
    with pytest.raises(ValueError, match=r"cannot be used: Error.* in loading"):
        weights.load(path)


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(ValueError, match="'mnist-cov-64'; did you mean 'mnist-conv-64'"):
        weights.trained("mnist-cov-64")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        weights.load("nowhere.safetensors")


def test_what_ships_is_what_the_zoo_has():
    assert {path.stem for path in weights.FOLDER.iterdir()} == set(zoo.ENTRIES)


@pytest.mark.parametrize("name", zoo.NAMES)
def test_what_ships_was_made_as_the_zoo_says(name):
    model, card, entry = weights.trained(name), weights.card(name), zoo.entry(name)
    assert card.name == name
    assert card.model == model.config
    assert (card.model["kind"], card.model["latent_dim"]) == (entry.kind, entry.latent_dim)
    assert (card.data["name"], card.data["is_standin"]) == (entry.data, False)
    assert (card.epochs, tuple(card.seeds)) == (entry.epochs, entry.seeds)
    assert card.recipe["description"] == recipe(entry.optimizer).description
    for setting in ("optimizer", "learning_rate", "batch_size", "flip"):
        assert card.recipe[setting] == getattr(entry, setting), setting
    assert card.command == entry.command
    runs = weights.histories(name)
    assert len(runs) == len(card.seeds)
    assert all(len(run) == card.epochs for run in runs)
    assert runs[0].pictures


@pytest.mark.slow
@pytest.mark.parametrize("name", zoo.NAMES)
def test_what_ships_has_the_error_on_its_card(name, real_data):
    images = real_data(weights.card(name).data["name"])
    assert images.fingerprint == weights.card(name).data["fingerprint"]
    error = training.evaluate(weights.trained(name), images.test)
    assert error == pytest.approx(weights.card(name).test_error[0], rel=1e-3)


@pytest.fixture(scope="module")
def real_data():
    loaded = {}

    def load(name):
        if name not in loaded:
            loaded[name] = data.load(name)
        if loaded[name].is_standin:
            pytest.skip(f"needs the real {name} images")
        return loaded[name]

    return load
