"""A lesson in JupyterLab in a real browser, worked by mouse and keyboard."""

import io
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from importlib.metadata import version
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import sync_playwright

from aetutor import data, explore, weights

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
FAILURES = ROOT / "browser-failures"  # screenshots, ignored by git
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# The other explorers, each in a cell of a notebook; the tests run the same lines.
SETUP = """
import torch
from aetutor import data, explore, latent, models, search, weights

model, mnist = weights.trained("mnist-conv-10"), data.load_mnist()
some = mnist.test.subset(0, 500)
with torch.no_grad():
    latents = model.encode(some[:][0])
"""
EXPLORERS = {
    "latent_axes": "explore.latent_axes(model, some)",
    "out_of_distribution": "explore.out_of_distribution(model, some)",
    "samples": 'explore.samples(model, {"fitted": latent.Gaussian.fit(latents)})',
    "similarity": 'explore.similarity({"codes": search.ImageIndex(latents)}, some)',
    "drawing": (
        'explore.drawing({"PCA": {2: models.PCAAutoencoder.fit(mnist.train[:1000][0], 2)}}, some)'
    ),
    "flow": 'explore.flow(model, weights.trained("mnist-conv-10-flow"), latents)',
}
SETTINGS = {
    "apputils-extension/notification": '{"fetchNews": "false", "checkForUpdates": false}',
    "notebook-extension/tracker": '{"windowingMode": "none"}',  # every cell is on the page
}


@pytest.fixture(scope="module")
def executable():
    if version("ipywidgets").startswith("7."):
        pytest.skip("ipywidgets 7 is for Colab; JupyterLab 4 shows widgets from 8 on")
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(
            "no Chrome or Chromium found; on Debian and Ubuntu `apt-get install chromium` gets one"
        )
    return found


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab on a copy of the lessons; gives its address, with a place for the path."""
    folder = tmp_path_factory.mktemp("lab")
    for name in ("notebooks", "images"):
        shutil.copytree(ROOT / name, folder / name)
    lines = [SETUP, *(f"{line}.widget" for line in EXPLORERS.values())]
    cells = [nbformat.v4.new_code_cell(line) for line in lines]
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, folder / "notebooks" / "explorers.ipynb")
    for name, settings in SETTINGS.items():
        file = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(settings)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {f"JUPYTER_{kind}_DIR": str(folder / kind) for kind in ("CONFIG", "DATA", "RUNTIME")}
    own["JUPYTERLAB_SETTINGS_DIR"] = str(folder / "settings")
    own["JUPYTERLAB_WORKSPACES_DIR"] = str(folder / "workspaces")
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1",
         f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token=lesson",
         f"--ServerApp.root_dir={folder}"],
        env=os.environ | own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}/{{}}?token=lesson"
    try:
        _wait_for(lambda: _answers(address.format("api/status")), "JupyterLab to start")
        yield address
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def page(executable, request):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        failed_before = request.session.testsfailed
        yield page
        if request.session.testsfailed > failed_before:
            FAILURES.mkdir(exist_ok=True)
            page.screenshot(path=FAILURES / f"{request.node.name}.png")
        browser.close()


@pytest.fixture
def morph():
    """The explorer of lesson 2, to say what its pictures have to be."""
    return explore.interpolation(
        weights.trained("mnist-conv-10"), data.load_mnist().test, start=3, end=8
    )


def test_the_picture_follows_the_slider(page, lab, morph):
    run_all_cells(page, lab, "02_interpolation.ipynb")
    picture = page.locator("img.widget-image").first
    assert len(frames_of_a_drag(page, page, picture)) > 5
    morph.position.value = 1.0
    assert_shows(picture, morph.picture)

    handle = page.locator(".noUi-handle").first
    handle.focus()
    for _ in range(10):
        page.keyboard.press("ArrowLeft")
    morph.position.value = 0.9
    assert_shows(picture, morph.picture)
    page.keyboard.press("Home")
    morph.position.value = 0.0
    assert_shows(picture, morph.picture)
    assert_no_errors(page)


@pytest.fixture(scope="module")
def twins():
    """The explorers of the notebook, here, to say what their pictures have to be."""
    names = {}
    exec(SETUP, names)
    return {name: eval(line, names) for name, line in EXPLORERS.items()}


def test_the_other_explorers_follow_the_hand_too(page, lab, twins):
    run_all_cells(page, lab, "explorers.ipynb")
    cells = page.locator(".jp-Notebook .jp-CodeCell")
    axes, stranger, drawn, neighbours, sheet, flowing = twins.values()
    for number, slider, last, twin in (
        (1, axes.direction_1, 2, axes.moved),
        (2, stranger.strength, 0, stranger.picture),
        (3, drawn.temperature, 0, drawn.picture),
        (6, flowing.guidance, 0, flowing.now),
    ):
        picture = cells.nth(number).locator("img.widget-image").nth(last)
        assert len(frames_of_a_drag(page, cells.nth(number), picture)) > 5
        slider.value = slider.max
        assert_shows(picture, twin)
        assert picture.get_attribute("title") == twin.tooltip  # what a screen reader says

    pictures, buttons = (
        cells.nth(4).locator(part) for part in ("img.widget-image", ".widget-button")
    )
    neighbours.found_3_button.click()
    buttons.nth(2).click()
    assert_shows(pictures.first, neighbours.query)
    assert_shows(pictures.nth(3), neighbours.found_3)
    assert_can_be_drawn_on(page, cells.nth(5), sheet)
    assert_no_errors(page)


def assert_can_be_drawn_on(page, cell, twin):
    """By mouse, by the list of drawings, by the button that clears the sheet, by keyboard."""
    canvas, made = cell.locator(".surface canvas"), cell.locator("img.widget-image")
    canvas.scroll_into_view_if_needed()
    box, before = canvas.bounding_box(), twin.drawing.value
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    for step in range(1, 21):
        page.mouse.move(box["x"] + 60 + 7 * step, box["y"] + 60 + 5 * step)
        page.wait_for_timeout(1000 / 60)
    page.mouse.up()
    twin.drawing.value = ink(canvas)
    assert sum(map(bool, twin.drawing.value)) > 20
    assert twin.drawing.value != before
    for place, picture in enumerate((twin.row_1, twin.centred)):
        assert_shows(made.nth(place), picture)
    for choose, number in (
        (lambda: cell.locator("select").select_option(index=2), 2),
        (cell.get_by_role("button", name="Clear").click, None),
    ):
        choose()
        if number is None:
            twin.drawing.clear.click()
        else:
            twin.drawing.drawings.index = number
        assert_shows(made.last, twin.centred)
        assert ink(canvas) == twin.drawing.value
    canvas.focus()
    for key in ("Space", "ArrowDown", "ArrowDown", "ArrowRight", "Space", "ArrowUp"):
        canvas.press(key)  # is the sheet's, not the notebook's, which would go to another cell
    assert "pen up" in cell.locator(".word").inner_text()
    assert sum(map(bool, ink(canvas))) > 10
    twin.drawing.value = ink(canvas)
    assert_shows(made.last, twin.centred)


def ink(canvas):
    """What is on a sheet, row by row."""
    return canvas.evaluate(
        "canvas => Array.from(canvas.getContext('2d').getImageData(0, 0, canvas.width, "
        "canvas.height).data).filter((_, place) => place % 4 === 0)"
    )


def frames_of_a_drag(page, part, picture):
    """Drag the first slider of a part of the page to its right end; give the pictures seen."""
    handle, track = (part.locator(f".noUi-{name}").first for name in ("handle", "base"))
    handle.scroll_into_view_if_needed()
    box, start = track.bounding_box(), handle.bounding_box()
    middle = start["y"] + start["height"] / 2
    page.mouse.move(start["x"] + start["width"] / 2, middle)
    page.mouse.down()
    frames = set()
    for step in range(1, 61):
        page.mouse.move(box["x"] + box["width"] * step / 60, middle)
        page.wait_for_timeout(1000 / 60)
        frames.add(picture.get_attribute("src"))
    page.mouse.up()
    print(f"{len(frames)} different frames in a drag of 60 moves")
    return frames


def run_all_cells(page, lab, name):
    """Open a lesson, run it from the menu, and wait until its kernel has nothing left to do."""
    page.goto(lab.format(f"lab/tree/notebooks/{name}") + "&reset")
    cells = page.locator(".jp-Notebook .jp-CodeCell")
    cells.first.wait_for(timeout=60_000)
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.locator(".jp-InputPrompt", has_text="[*]").first.wait_for()
    waiting = page.locator(".jp-InputPrompt", has_text="[*]")
    _wait_for(lambda: waiting.count() == 0, "all cells to run", seconds=400)


def assert_shows(picture, twin):
    """The picture on the page becomes that of a widget here."""
    expected = _pixels(twin.value)
    fetch = (
        "async image => Array.from(new Uint8Array(await (await fetch(image.src)).arrayBuffer()))"
    )

    def arrived():
        shown = _pixels(bytes(picture.evaluate(fetch)))
        return np.abs(shown - expected).max() <= 2  # of 255

    start = time.monotonic()
    _wait_for(arrived, "the last picture", seconds=10, pause=0.01)
    print(f"the last picture is there after {time.monotonic() - start:.2f} s")


def assert_no_errors(page):
    for kind in ("stderr", "error"):
        assert page.locator(f"[data-mime-type='application/vnd.jupyter.{kind}']").count() == 0


def _pixels(content):
    return np.asarray(Image.open(io.BytesIO(content))).astype(int)


def _answers(address):
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, ConnectionError):
        return False


def _wait_for(condition, what, seconds=60, pause=0.1):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(pause)
