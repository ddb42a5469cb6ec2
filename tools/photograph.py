"""Photograph TensorBoard for lesson 3: ``python tools/photograph.py RUNS``.

RUNS is the folder of the runs to show. Needs a Chromium, as the browser tests do.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).parents[1] / "images" / "tensorboard.png"
ADDRESS = "http://127.0.0.1:6106/?smoothing=0#timeseries"


def photograph(runs):
    """Start TensorBoard on a folder of runs, and store what a browser shows of it."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    server = subprocess.Popen(
        [sys.executable, "-m", "tensorboard.main", "--logdir", runs, "--port", "6106"]
    )
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1240, "height": 760})
            page.wait_for_timeout(10_000)  # until the server has read the runs
            page.goto(ADDRESS)
            page.get_by_role("button", name="Settings").first.click()  # more room for the curves
            page.get_by_text("learning rate").first.wait_for()
            page.wait_for_timeout(3_000)
            page.screenshot(path=PICTURE)
            browser.close()
    finally:
        server.terminate()


if __name__ == "__main__":
    photograph(sys.argv[1])
