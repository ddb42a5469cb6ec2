import hashlib
import io
import math
import re
from functools import partial

import pytest
import torch
from tqdm import tqdm

from aetutor import models, training, weights
from aetutor.checkpoint import Checkpoint, load_best
from aetutor.history import History, to_bytes
from aetutor.recipes import Stepper, recipe


def weights_of(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first | second)


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_the_error_of_a_black_image_is_its_mean_square(digits):
    black = models.PCAAutoencoder(1)  # unfitted: it decodes to zeros
    expected = digits.test[:][0].double().square().mean().item()
    assert training.evaluate(black, digits.test, batch_size=7) == pytest.approx(expected)


def test_evaluate_leaves_the_mode_alone(digits):
    model = models.ConvAutoencoder(2, batch_norm=True)
    before = weights_of(model)
    training.evaluate(model, digits.val)
    assert model.training
    assert same(before, weights_of(model))


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
@pytest.mark.parametrize("kind", [models.LinearAutoencoder, models.ConvAutoencoder])
def test_training_lowers_the_held_out_error(digits, kind, optimizer):
    model = kind(8)
    before = training.evaluate(model, digits.val)
    history = training.fit(model, digits, epochs=3, optimizer=optimizer, batch_size=4)
    assert len(history) == len(history.seconds) == len(history.learning_rate) == 3
    assert history.val_error[-1] < 0.8 * before
    assert history.val_error[-1] == pytest.approx(training.evaluate(model, digits.val))
    assert not model.training
    assert sorted(history.pictures) == [1]
    images = digits.val[: training.PICTURES][0]
    assert torch.equal(history.images, digits.val.images[: training.PICTURES])
    last = training.fit(kind(8), digits, epochs=2, picture_epochs=[2]).pictures[2]
    assert last.shape == images.shape


class Sparse(models.LinearAutoencoder):
    """Its loss has a second term, which pulls the codes to zero."""

    def loss(self, images):
        latents = self.encode(images)
        error, size = (self.decode(latents) - images).square().mean(), latents.abs().mean()
        return {"loss": error + 10 * size, "error": error, "size": size}


def test_a_kind_is_trained_by_its_own_loss(digits, tmp_path):
    plain, sparse = models.LinearAutoencoder(4), Sparse(4)
    training.fit(plain, digits, epochs=2, optimizer="muon")
    settings = {"optimizer": "muon", "batch_size": 50, "checkpoint": tmp_path}
    history = training.fit(sparse, digits, epochs=2, **settings)
    images = digits.val[:][0]
    assert sparse.encode(images).abs().mean() < 0.1 * plain.encode(images).abs().mean()
    assert history.terms.keys() == {"error", "size"}
    for total, *parts in zip(history.train_error, *history.terms.values(), strict=True):
        by_name = dict(zip(history.terms, parts, strict=True))
        assert total == pytest.approx(by_name["error"] + 10 * by_name["size"])
    assert history.val_error[-1] == pytest.approx(training.evaluate(sparse, digits.val))
    again = training.fit(Sparse(4), digits, epochs=2, **settings)  # from the checkpoint
    assert again.curves() == history.curves()


def test_the_usual_loss_is_the_error_of_the_reconstructions(digits):
    model, images = models.ConvAutoencoder(3), digits.val[:][0]
    expected = (model(images) - images).double().square().mean().item()
    assert model.loss(images).item() == pytest.approx(expected)


def test_the_training_error_counts_every_image_once(digits):
    """Also with a last batch that is smaller, and with weights that hardly move."""
    model = models.LinearAutoencoder(4)
    expected = training.evaluate(model, digits.train)
    history = training.fit(model, digits, epochs=1, learning_rate=1e-12, batch_size=179)
    assert history.train_error[0] == pytest.approx(expected, rel=1e-5)


def test_every_epoch_has_another_order(digits, monkeypatch):
    seen = []

    class Watched(models.LinearAutoencoder):
        def loss(self, images):
            seen.append(images[0].clone())
            return super().loss(images)

    training.fit(Watched(4), digits, epochs=3, batch_size=180)
    assert not torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[1], seen[2])
    assert not torch.equal(seen[0], seen[2])


def test_colour_images_are_trained_in_their_own_range(patches):
    model = models.ColorConvAutoencoder(16, base_channels=8)
    before = training.evaluate(model, patches.val)
    history = training.fit(model, patches, epochs=3, optimizer="muon", batch_size=16)
    assert history.value_range == (-1.0, 1.0)
    assert history.val_error[-1] < before
    assert all(
        p.is_contiguous(memory_format=torch.channels_last)
        for p in model.parameters()
        if p.ndim == 4
    )


def test_bfloat16_does_not_hurt_the_error(patches, monkeypatch):
    def trained():
        model = models.ColorConvAutoencoder(16, base_channels=8)
        return training.fit(model, patches, epochs=2, optimizer="muon", batch_size=16).val_error[-1]

    plain = trained()
    monkeypatch.setattr(training, "_has_bfloat16", lambda device: True)
    assert trained() == pytest.approx(plain, rel=0.15)


BFLOAT16 = {
    models.LinearAutoencoder: False,
    models.ConvAutoencoder: False,
    models.ColorConvAutoencoder: True,
}


@pytest.mark.parametrize(("kind", "expected"), BFLOAT16.items())
def test_bfloat16_is_used_where_it_pays_and_nowhere_else(
    digits, patches, monkeypatch, kind, expected
):
    def note(model, *_):
        seen.add((model.training, torch.is_autocast_enabled("cpu")))

    monkeypatch.setattr(training, "_has_bfloat16", lambda device: True)
    model, seen = kind(4), set()
    model.register_forward_hook(note)
    training.fit(model, patches if expected else digits, epochs=1)
    assert seen == {(True, expected), (False, False)}


def test_the_same_seed_gives_the_same_weights_whatever_ran_before(digits):
    def trained(seed):
        torch.rand(seed + 1)
        model = models.LinearAutoencoder(4)
        training.fit(model, digits, epochs=1, optimizer="muon", seed=seed)
        return weights_of(model)

    assert same(trained(0), trained(0))
    assert not same(trained(0), trained(1))


def test_training_leaves_the_readers_random_numbers_alone(digits):
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    training.fit(models.LinearAutoencoder(4), digits, epochs=1)
    assert torch.equal(before, torch.random.get_rng_state())


def test_the_fast_recipe_ends_at_rate_zero_and_the_textbooks_stays(digits):
    fast = training.fit(models.LinearAutoencoder(4), digits, epochs=4, optimizer="muon")
    assert fast.learning_rate == sorted(fast.learning_rate, reverse=True)
    assert fast.learning_rate[-1] == pytest.approx(0, abs=1e-9)
    textbook = training.fit(models.LinearAutoencoder(4), digits, epochs=2)
    assert textbook.learning_rate == [1e-3, 1e-3]


def test_the_textbooks_recipe_is_adam_as_the_lesson_writes_it(digits):
    """Rate and weight decay are the blog's, as cell 14 of lesson 1 has them."""
    ours, theirs = models.LinearAutoencoder(4), models.LinearAutoencoder(4)
    training.fit(ours, digits, epochs=1, batch_size=60)
    adam = torch.optim.Adam(theirs.parameters(), lr=1e-3, weight_decay=1e-5)
    order = torch.Generator().manual_seed(1)  # of the first epoch of seed 0
    for images, _ in digits.train.batches(60, shuffle=True, generator=order):
        (theirs(images) - images).square().mean().backward()
        adam.step()
        adam.zero_grad()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=2e-6, rtol=0)


def test_the_textbooks_rate_falls_to_a_fifth_after_20_epochs_of_no_gain(digits, monkeypatch):
    """As in the UvA course's tutorial 9, which never goes below 5e-5."""
    monkeypatch.setattr(training, "evaluate", lambda *_: 0.5)
    history = training.fit(models.LinearAutoencoder(2), digits, epochs=66, batch_size=180)
    expected = [1e-3] * 21 + [2e-4] * 21 + [5e-5] * 24
    assert history.learning_rate == pytest.approx(expected)


def test_the_fast_recipe_is_the_one_on_the_card():
    description = weights.card("cifar10-384").recipe["description"]
    biases = float(re.search(r"Adam (\S+) on the biases", description)[1])
    share = int(re.search(r"up for (\d+) %", description)[1]) / 100
    model = models.ConvAutoencoder(4)
    stepper = recipe("muon").prepare(model, 0.01, 1000)
    weights_of_muon, of_adam = (optimizer.param_groups[0] for optimizer in stepper.optimizers)
    assert all(weight.ndim > 1 for weight in weights_of_muon["params"])
    assert all(bias.ndim == 1 for bias in of_adam["params"])
    rates = []
    for _ in range(1000):
        rates.append((weights_of_muon["lr"], of_adam["lr"]))
        stepper.step()
    highest = max(rates)
    assert highest == pytest.approx((0.01, biases), rel=0.02)
    assert rates.index(highest) == pytest.approx(1000 * share, abs=2)
    assert rates[0][0] < 0.001
    assert rates[515][0] == pytest.approx(0.005, rel=0.01)  # half-way down
    assert rates[-1][0] < 2e-5


def test_the_fast_recipe_moves_biases_as_adam_with_betas_of_9_and_98_hundredths(digits):
    """By Kingma and Ba's formulas (2015), for gradients that change."""
    model = models.LinearAutoencoder(4)
    stepper = recipe("muon").prepare(model, 0.01, 1000)
    bias, adam = next(p for p in model.parameters() if p.ndim == 1), stepper.optimizers[1]
    first = second = moved = 0.0
    torch.nn.init.zeros_(bias)
    for step, gradient in enumerate((1.0, -0.1, 4.0), start=1):
        first = 0.9 * first + 0.1 * gradient
        second = 0.98 * second + 0.02 * gradient**2
        update = first / (1 - 0.9**step) / (second / (1 - 0.98**step)) ** 0.5
        moved -= adam.param_groups[0]["lr"] * update
        bias.grad = torch.full_like(bias, gradient)
        stepper.step()
        torch.testing.assert_close(bias.detach(), torch.full_like(bias, moved), atol=0, rtol=1e-4)


@pytest.mark.parametrize(("optimizer", "sizes"), [("adam", [64, 64, 52]), ("muon", [128, 52])])
def test_a_recipe_has_its_own_batches(digits, monkeypatch, optimizer, sizes):
    loss, found = models.LinearAutoencoder.loss, []

    def noted(self, images):
        found.append(len(images))
        return loss(self, images)

    monkeypatch.setattr(models.LinearAutoencoder, "loss", noted)
    training.fit(models.LinearAutoencoder(4), digits, epochs=1, optimizer=optimizer)
    assert found == sizes


def test_what_has_faded_is_set_to_zero_before_it_becomes_denormal(digits):
    model = models.LinearAutoencoder(4)
    for name in ("adam", "muon"):
        stepper = recipe(name).prepare(model, 1e-3, 10)
        model(digits.train[:8][0]).mean().backward()
        for optimizer in stepper.optimizers:
            optimizer.step()
        weight = model.encoder[1].weight
        state = stepper.optimizers[0].state[weight]
        with torch.no_grad():
            weight[0, 0], weight[0, 1] = 1e-35, 1e-3
            for tensor in (tensor for tensor in state.values() if tensor.ndim):
                tensor[0, 0] = -1e-40
        stepper.flush()
        assert weight[0, 0] == 0
        assert weight[0, 1] == 1e-3
        assert all(tensor[0, 0] == 0 for tensor in state.values() if tensor.ndim)


def test_fit_sets_it_to_zero_as_often_as_it_looks_at_the_loss(digits, monkeypatch):
    flushed = []
    monkeypatch.setattr(Stepper, "flush", lambda stepper: flushed.append(stepper))
    monkeypatch.setattr(training, "CHECK_EVERY", 2)
    training.fit(models.LinearAutoencoder(4), digits, epochs=2, batch_size=60)  # 2 x 3 batches
    assert len(flushed) == 2


def test_an_interrupt_keeps_what_was_learnt(digits, stop_after, capsys):
    model = models.LinearAutoencoder(4)
    training.fit(model, digits, epochs=1, batch_size=60)
    after_one_epoch = weights_of(model)
    model = models.LinearAutoencoder(4)
    stop_after(6, KeyboardInterrupt)  # the third of three batches in the second epoch
    history = training.fit(model, digits, epochs=5, batch_size=60)
    assert len(history) == 1
    assert not same(after_one_epoch, weights_of(model))  # two batches further
    assert "Interrupted in epoch 2 of 5" in capsys.readouterr().out


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
@pytest.mark.parametrize("disable", [False, True])
def test_a_diverging_loss_stops_with_the_last_good_state(digits, monkeypatch, optimizer, disable):
    monkeypatch.setattr(training, "tqdm", partial(tqdm, disable=disable))
    model = models.LinearAutoencoder(4)
    before = weights_of(model)
    settings = {"optimizer": optimizer, "learning_rate": 1e30, "batch_size": 4}
    with pytest.raises(training.DivergedError, match=r"a learning_rate below 1e\+30") as caught:
        training.fit(model, digits, epochs=1, **settings)
    assert same(before, weights_of(model))
    assert len(caught.value.history) == 0
    assert math.isfinite(training.evaluate(model, digits.val))


def test_mirrored_images_are_learnt_where_asked(patches):
    seen = []

    class Watched(models.ColorConvAutoencoder):
        def forward(self, images):
            if self.training:
                seen.append(images.clone())
            return super().forward(images)

    for flip in (False, True):
        training.fit(Watched(4, base_channels=4), patches, epochs=1, batch_size=108, flip=flip)
    plain, mirrored = seen
    turned = (plain != mirrored).flatten(1).any(dim=1)
    assert 0.3 < turned.float().mean() < 0.7
    assert torch.equal(mirrored[turned], plain[turned].flip(-1))


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_a_crashed_run_goes_on_to_the_same_end(digits, tmp_path, stop_after, one_thread, optimizer):
    settings = {"epochs": 3, "optimizer": optimizer, "batch_size": 60, "picture_epochs": [1, 3]}
    unbroken = models.ConvAutoencoder(4)
    expected = training.fit(unbroken, digits, **settings)
    undo = stop_after(8, RuntimeError("power cut"))  # in the third epoch
    with pytest.raises(RuntimeError, match="power cut"):
        training.fit(models.ConvAutoencoder(4), digits, checkpoint=tmp_path / "run", **settings)
    undo()
    resumed = models.ConvAutoencoder(4, seed=9)
    history = training.fit(resumed, digits, checkpoint=tmp_path / "run", **settings)
    assert same(weights_of(unbroken), weights_of(resumed))
    assert history.train_error == expected.train_error
    assert history.val_error == expected.val_error
    assert history.pictures.keys() == expected.pictures.keys()
    again = training.fit(models.ConvAutoencoder(4), digits, checkpoint=tmp_path / "run", **settings)
    assert len(again) == 3


def test_the_best_epochs_model_can_be_had_back(tmp_path):
    model = models.LinearAutoencoder(4)
    saver, history = Checkpoint(tmp_path, {"model": model.config}), History()
    stepper = recipe("adam").prepare(model, 1e-3, 10)
    states = []
    for error in (0.3, 0.1, 0.2):
        with torch.no_grad():
            model.encoder[1].weight.fill_(error)
        history.train_error.append(error)
        history.val_error.append(error)
        saver.save(model, stepper, history)
        states.append(weights_of(model))
    other = models.LinearAutoencoder(4, seed=1)
    load_best(tmp_path, other)
    assert same(weights_of(other), states[1])
    with pytest.raises(ValueError, match="is of the model"):
        load_best(tmp_path, models.LinearAutoencoder(5))
    with pytest.raises(FileNotFoundError, match="no checkpoint in"):
        load_best(tmp_path / "nothing", other)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"latent_dim": 5}, "another run: model is .*'latent_dim': 4.* there, .*5.* here"),
        ({"optimizer": "muon", "learning_rate": 1e-3}, "optimizer is 'adam' there, 'muon' here"),
        ({"epochs": 2}, "epochs is 1 there, 2 here"),
        ({"seed": 1}, "seed is 0 there, 1 here"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused_and_kept(digits, tmp_path, change, message):
    training.fit(models.LinearAutoencoder(4), digits, epochs=1, batch_size=64, checkpoint=tmp_path)
    before = (tmp_path / "last.pt").read_bytes()
    settings = {"epochs": 1, "batch_size": 64} | change
    model = models.LinearAutoencoder(settings.pop("latent_dim", 4))
    with pytest.raises(ValueError, match=message):
        training.fit(model, digits, checkpoint=tmp_path, **settings)
    assert (tmp_path / "last.pt").read_bytes() == before


def test_a_checkpoint_of_other_data_is_refused(digits, tmp_path):
    import dataclasses

    training.fit(models.LinearAutoencoder(4), digits, epochs=1, checkpoint=tmp_path)
    other = dataclasses.replace(digits, fingerprint="0" * 16)
    with pytest.raises(ValueError, match="fingerprint is"):
        training.fit(models.LinearAutoencoder(4), other, epochs=1, checkpoint=tmp_path)
    part = dataclasses.replace(digits, train=digits.train.subset(0, 100))
    with pytest.raises(ValueError, match="images is 180 there, 100 here"):
        training.fit(models.LinearAutoencoder(4), part, epochs=1, checkpoint=tmp_path)


def test_a_damaged_checkpoint_is_refused_by_name(digits, tmp_path):
    training.fit(models.LinearAutoencoder(4), digits, epochs=1, checkpoint=tmp_path)
    path = tmp_path / "last.pt"
    content = path.read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    for damaged in (b"", flipped, content[:100], content[: len(content) // 2], b"not a checkpoint"):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"last\.pt cannot be read .*remove it"):
            training.fit(models.LinearAutoencoder(4), digits, epochs=1, checkpoint=tmp_path)


def test_a_checkpoint_cannot_run_code(digits, tmp_path, capsys):
    class Trap:
        def __reduce__(self):
            return (print, ("the trap went off",))

    def plant(state):  # with a hash that is right, as whoever means harm would
        buffer = io.BytesIO()
        torch.save(state, buffer)
        digest = hashlib.sha256(buffer.getvalue()).digest()
        (tmp_path / "last.pt").write_bytes(digest + buffer.getvalue())

    plant({"no": "checkpoint"})
    with pytest.raises(ValueError, match="not an aetutor checkpoint"):
        training.fit(models.LinearAutoencoder(4), digits, epochs=1, checkpoint=tmp_path)
    plant({"run": Trap()})
    with pytest.raises(ValueError, match="cannot be read"):
        training.fit(models.LinearAutoencoder(4), digits, epochs=1, checkpoint=tmp_path)
    assert "the trap went off" not in capsys.readouterr().out


def test_a_full_disk_costs_the_checkpoint_not_the_run(digits, tmp_path, no_room):
    model = models.LinearAutoencoder(4)
    with no_room(tmp_path):
        with pytest.warns(UserWarning, match="no checkpoint was written"):
            history = training.fit(model, digits, epochs=2, checkpoint=tmp_path)
        assert list(tmp_path.iterdir()) == []
    assert len(history) == 2


# TensorBoard's own thread fails too, before the next call in ours is told.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_full_disk_costs_tensorboards_file_not_the_run(digits, tmp_path, no_room):
    model = models.LinearAutoencoder(4)
    settings = {"epochs": 3, "picture_epochs": [1, 2, 3], "log_dir": tmp_path}
    with pytest.warns(UserWarning, match="TensorBoard's file cannot be written"), no_room(tmp_path):
        assert len(training.fit(model, digits, **settings)) == 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs must be a whole number of at least 1, got 0"),
        ({"epochs": 1.5}, "epochs must be .* got 1.5"),
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1, got 0"),
        ({"learning_rate": -1.0}, "learning_rate must be above 0"),
        ({"learning_rate": math.nan}, "learning_rate must be above 0"),
        ({"learning_rate": math.inf}, "learning_rate must be above 0"),
        ({"seed": 0.5}, "seed must be a whole number of at least 0, got 0.5"),
        ({"optimizer": "moun"}, "one of adam, muon, adam-to-zero, got 'moun'; did you mean 'muon'"),
    ],
)
def test_impossible_settings_are_refused(digits, settings, message):
    model = models.LinearAutoencoder(4)
    before = weights_of(model)
    with pytest.raises(ValueError, match=message):
        training.fit(model, digits, **settings)
    assert same(before, weights_of(model))


def test_a_model_for_other_images_is_refused(digits, patches):
    with pytest.raises(ValueError, match=r"takes images of shape \(3, 32, 32\)"):
        training.fit(models.ColorConvAutoencoder(4), digits)
    with pytest.raises(ValueError, match="PCAAutoencoder has no weights to train"):
        training.fit(models.PCAAutoencoder(4), digits)


def test_a_history_survives_json_and_tensors():
    history = History((-1.0, 1.0), [0.5], [0.4], [0.1], [2.0], torch.zeros(1, 3, 2, 2))
    history.pictures = {5: torch.ones(1, 3, 2, 2), 10: torch.zeros(1, 3, 2, 2)}
    by_name = dict(sorted(history.tensors().items()))  # as a file hands them back: 10 before 5
    again = History.restore(history.curves(), by_name)
    assert list(again.pictures) == [5, 10]
    assert again.curves() == history.curves()
    assert torch.equal(again.pictures[5], history.pictures[5])
    assert again.value_range == (-1.0, 1.0)


def test_bytes_clip_what_is_out_of_range():
    images = torch.tensor([-2.0, -1.0, 0.0, 1.0, 5.0])
    assert to_bytes(images, (-1.0, 1.0)).tolist() == [0, 0, 128, 255, 255]
