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
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import sync_playwright

from aetutor import data, explore, weights

ROOT = Path(__file__).parents[1]
FAILURES = ROOT / "browser-failures"  # screenshots, ignored by git
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SETTINGS = {
    "apputils-extension/notification": '{"fetchNews": "false", "checkForUpdates": false}',
    "notebook-extension/tracker": '{"windowingMode": "none"}',  # every cell is on the page
}


@pytest.fixture(scope="module")
def executable():
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
    handle = page.locator(".widget-slider .noUi-handle").first
    track = page.locator(".widget-slider .noUi-base").first
    picture = page.locator("img.widget-image").first
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
    assert len(frames) > 5
    assert_shows(picture, morph, position=1.0)

    handle.focus()
    for _ in range(10):
        page.keyboard.press("ArrowLeft")
    assert_shows(picture, morph, position=0.9)
    page.keyboard.press("Home")
    assert_shows(picture, morph, position=0.0)
    assert_no_errors(page)


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


def assert_shows(picture, morph, position):
    """The picture on the page becomes the one of this position."""
    morph.slider.value = position
    expected = _pixels(morph.picture.value)
    fetch = (
        "async image => Array.from(new Uint8Array(await (await fetch(image.src)).arrayBuffer()))"
    )

    def arrived():
        shown = _pixels(bytes(picture.evaluate(fetch)))
        return np.abs(shown - expected).max() <= 2  # of 255

    _wait_for(arrived, f"the picture of position {position}", seconds=10)


def assert_no_errors(page):
    for kind in ("stderr", "error"):
        assert page.locator(f"[data-mime-type='application/vnd.jupyter.{kind}']").count() == 0


def _pixels(png):
    return np.asarray(Image.open(io.BytesIO(png))).astype(int)


def _answers(address):
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, ConnectionError):
        return False


def _wait_for(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.1)
