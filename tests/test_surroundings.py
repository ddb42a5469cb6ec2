"""What a student may have changed, and what must be left as it was found."""

import os
import subprocess
import sys
import threading
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from aetutor import (
    data,
    explore,
    latent,
    models,
    patterns,
    plotting,
    search,
    sources,
    training,
    weights,
)
from aetutor.exercises import lesson_2

NO_NETWORK = """
import socket

def refuse(*arguments):
    raise AssertionError(f"a connection at import: {arguments}")

socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
"""


def use_everything(digits):
    """A little of each module that a lesson uses."""
    model = models.ConvAutoencoder(4)
    history = training.fit(model, digits, epochs=1, optimizer="muon")
    training.fit(models.LinearAutoencoder(4), digits, epochs=1, optimizer="adam")
    training.evaluate(model, digits.test)
    plotting.learning_curves({"net": history})
    plotting.reconstructions(digits.test[:2][0], history.images[:2].float() / 255)
    codes = search.embed(model, digits.test[:][0])
    search.ImageIndex(codes).nearest(codes[:2], 3)
    for source in (latent.Gaussian.standard(4), latent.Jitter(codes), latent.Mixture(codes, 2)):
        source.sample(3)
    for kind in (patterns.noise, patterns.single_channel, patterns.checkerboard, patterns.ramp):
        kind(2)
    patterns.grating(2, 3)
    patterns.scrambled(digits.test[:2][0], cell=7)
    plotting.intervals({"norms": codes.norm(dim=1)}, xlabel="norm")
    models.PCAAutoencoder.fit(digits.test[:][0], 4)
    wide = models.DenoisingAutoencoder(20)
    undoing = dict.fromkeys(models.DAMAGES, wide)
    explore.damage(wide, undoing, digits.test, digits.train).strength.value = 0.2
    explore.interpolation(model, digits.test).position.value = 0.5
    explore.latent_axes(model, digits.test, axes=2).reset.click()
    explore.out_of_distribution(model, digits.test).strength.value = 0.5
    explore.samples(model, {"fitted": latent.Gaussian.fit(codes)}).again.click()
    index = search.ImageIndex(codes)
    explore.similarity({"codes": index}, digits.test).found_1_button.click()
    sparse = models.SparseAutoencoder(30, k=3, auxiliary=0.1)
    training.fit(sparse, digits, epochs=1)
    explore.sparse_units(sparse, digits.test).reset.click()
    weights.trained("mnist-conv-2")
    return model, history


def test_what_belongs_to_the_student_is_left_as_it_was(digits):
    use_everything(digits)  # what torch itself sets when parts of it are first used
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002

    def state():
        return {
            "torch's random numbers": torch.random.get_rng_state().tolist(),
            "numpy's": np.random.get_state()[1].tolist(),  # noqa: NPY002
            "dtype": torch.get_default_dtype(),
            "device": torch.get_default_device(),
            "gradients": torch.is_grad_enabled(),
            "threads": torch.get_num_threads(),
            "style": dict(plt.rcParams),
            "figures": plt.get_fignums(),
            "warnings": list(warnings.filters),
            "environment": dict(os.environ),
            "folder": os.getcwd(),
        }

    before = state()
    use_everything(digits)
    lesson_2.mean_codes.check(lambda codes, labels: codes)
    after = state()
    assert {name for name in before if before[name] != after[name]} == set()


def test_another_default_dtype_changes_nothing(digits):
    _, right = use_everything(digits)
    torch.set_default_dtype(torch.float64)
    try:
        model, history = use_everything(digits)
    finally:
        torch.set_default_dtype(torch.float32)
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert history.val_error == pytest.approx(right.val_error, rel=1e-4)


def test_another_default_device_changes_nothing(digits):
    _, right = use_everything(digits)
    torch.set_default_device("meta")  # as if it were a GPU: nothing may stray there
    try:
        model, history = use_everything(digits)
    finally:
        torch.set_default_device(None)
    assert {p.device.type for p in model.parameters()} == {"cpu"}
    assert history.val_error == pytest.approx(right.val_error, rel=1e-4)


def test_gradients_switched_off_do_not_stop_the_training(digits):
    _, right = use_everything(digits)
    with torch.no_grad():
        _, history = use_everything(digits)
    assert history.val_error == pytest.approx(right.val_error, rel=1e-4)


def test_one_thread_is_enough(digits):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        use_everything(digits)
    finally:
        torch.set_num_threads(threads)


def test_a_slider_moved_while_a_model_trains_disturbs_neither(digits):
    def run(moving):
        model, shown = models.ConvAutoencoder(4), models.ConvAutoencoder(4, seed=1).eval()
        morph, stop = explore.interpolation(shown, digits.test), threading.Event()
        morph.position.value = 0.5
        right, failures = morph.picture.value, []

        def move():
            while not stop.wait(0.001):
                try:
                    morph.position.value = 0.0
                    morph.position.value = 0.5
                    assert morph.picture.value == right
                except Exception as error:
                    failures.append(error)
                    return

        hand = threading.Thread(target=move)
        if moving:
            hand.start()
        try:
            history = training.fit(model, digits, epochs=3, batch_size=20)
        finally:
            stop.set()
            if moving:
                hand.join()
        assert failures == []
        return history.val_error

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert run(moving=True) == run(moving=False)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize(
    "name",
    [
        "Ümläute und Leerzeichen (1)",
        pytest.param(
            r"C:\Users\Zoë\Daten [neu]",
            marks=pytest.mark.skipif(os.name == "nt", reason="not a name there, but a path"),
        ),
    ],
)
def test_a_folder_with_an_unusual_name_holds_images(tmp_path, monkeypatch, rng, name):
    folder = tmp_path / name
    folder.mkdir()
    arrays = {
        f"{split}_{kind}": rng.integers(0, 10, (20, 28, 28) if kind == "images" else 20, np.uint8)
        for split in ("train", "test")
        for kind in ("images", "labels")
    }
    sources.write_npz(folder / "mnist.npz", arrays)
    monkeypatch.setenv("AETUTOR_DATA", str(folder))
    found = data.load_mnist()
    assert found.source.startswith("mnist.npz in the folder")
    assert len(found.test) == 20


def run_python(code, **environment):
    # Old versions of matplotlib use what pyparsing has deprecated; its warning is of both kinds.
    filters = ["-W", "error::UserWarning", "-W", "ignore::DeprecationWarning"]
    command = [sys.executable, *filters, "-c", code]
    found = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)
    assert found.returncode == 0, found.stderr
    return found.stdout


def test_an_import_needs_no_network():
    names = "board data explore exercises.lesson_6 plotting search training weights __main__"
    modules = ", ".join(f"aetutor.{name}" for name in names.split())
    run_python(f"{NO_NETWORK}\nimport {modules}")


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["svg", "pdf", "agg"])
def test_another_backend_and_no_display_do_for_figures(backend):
    code = """
import io, torch
from aetutor import explore, models, plotting
file = io.BytesIO()
plotting.images(torch.rand(3, 1, 28, 28)).savefig(file)
assert len(file.getvalue()) > 500
"""
    run_python(code, MPLBACKEND=backend, DISPLAY="")
