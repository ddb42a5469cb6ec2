"""Measure the pages: ``python -m benchmarks.pages``, after ``make site``, on an idle machine.

Prints sizes, times of frames, and the first living frame on an emulated phone; with ``--twice``
also builds the site a second time from nothing and compares every byte.
"""

import functools
import gzip
import hashlib
import http.server
import shutil
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
SITE = ROOT / "site"
TEXT = {".html", ".css", ".js", ".json", ".svg"}
PHONE = {"viewport": {"width": 360, "height": 740}, "device_scale_factor": 3, "is_mobile": True}
MBIT = 1_000_000 / 8  # bytes a second
FRAMES = 100
PATIENCE = 180_000  # milliseconds that the browser may take to start

FRAME_TIMES = """async ([explorer, frames]) => {
    const slider = explorer.querySelector('input[type="range"]');
    const control = slider ?? explorer.querySelector("select");  // the drawing has its examples
    const [low, high] = slider ? [Number(slider.min), Number(slider.max)] : [0, 0];
    const times = [];
    for (let frame = 0; frame < frames; frame++) {
        const shown = new Promise((done) => new MutationObserver((_, observer) => {
            observer.disconnect();
            done(performance.now());
        }).observe(explorer, { attributeFilter: ["data-shown"] }));
        let start;  // the explorer's own frame begins right after this one
        requestAnimationFrame(() => { start = performance.now(); });
        if (slider) slider.value = String(low + ((17 * frame) % 41 + 1) / 42 * (high - low));
        else control.selectedIndex = (control.selectedIndex + 1) % control.options.length;
        for (const type of ["input", "change"])
            control.dispatchEvent(new Event(type, { bubbles: true }));
        times.push(await shown - start);
    }
    return times;
}"""
FIRST_FRAME = """() => new Promise((done) => {
    const explorer = document.querySelector(".explorer");
    const look = () => explorer.dataset.shown ? done(performance.now()) : setTimeout(look, 5);
    look();
})"""


class Host(http.server.SimpleHTTPRequestHandler):
    """Compresses texts, as GitHub Pages does."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() else path
        if not path.exists():
            return self.send_error(404)
        content = path.read_bytes()
        self.send_response(200)
        if path.suffix in TEXT:
            content = compressed(path)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        pass


@functools.cache
def compressed(path):
    return gzip.compress(path.read_bytes(), 9, mtime=0)


def on_the_wire(path):
    return len(compressed(path)) if path.suffix in TEXT else path.stat().st_size


def main():
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Host, directory=SITE)
    )
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/"
    with sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
        browser = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox"], timeout=PATIENCE
        )
        print_pages(browser, address)
        for megabits in (9, 30):
            times = [first_frame(browser, address, megabits) for _ in range(3)]
            print(f"first living frame, phone, {megabits} Mbit/s: {min(times):.1f} s (best of 3),",
                  ", ".join(f"{each:.1f}" for each in times))  # fmt: skip
        browser.close()
    if "--twice" in sys.argv:
        print("built twice, the same to the byte:", built_twice())


def print_pages(browser, address):
    """What each page weighs without the engine and its scenes, with them, and a frame's time."""
    names = ["index.html", *(f"notebooks/{path.name}" for path in SITE.glob("notebooks/*.html"))]
    for name in sorted(names):
        page = browser.new_context(service_workers="block").new_page()
        asked = []
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.goto(address + name)
        page.evaluate("for (const i of document.images) i.loading = 'eager'")
        explorers = page.locator(".explorer").all()
        times = []
        for explorer in explorers:
            explorer.scroll_into_view_if_needed()
            page.wait_for_function("e => e.dataset.shown", arg=explorer.element_handle())
            measured = page.evaluate(FRAME_TIMES, [explorer.element_handle(), FRAMES])
            times.append(f"{explorer.get_attribute('id')} {statistics.median(measured):.1f} ms")
        page.wait_for_load_state("networkidle")
        own, scenes, engine = (each / 1000 for each in weigh(asked, address))
        print(f"{name}: {own:.0f} kB, scenes {scenes:.0f} kB, engine {engine:.0f} kB; "
              f"a frame: {', '.join(times)}", flush=True)  # fmt: skip
        page.context.close()


def weigh(urls, address):
    """Return the bytes, compressed, of all that was asked for: the page's, its scenes', the engine.

    Parameters
    ----------
    urls : iterable of str
        One may be there several times: it is fetched once.
    address : str
        Of the site's start.
    """
    asked = {url.removeprefix(address).partition("?")[0] or "index.html" for url in urls}
    sizes = {"page": 0, "scenes": 0, "engine": 0}
    for path in (SITE / each for each in asked):
        if path.is_file():
            packed = "engine" if path.name.startswith("engine-") else "scenes"
            sizes[packed if path.suffix == ".gz" else "page"] += on_the_wire(path)
    return tuple(sizes.values())


def first_frame(browser, address, megabits):
    """Seconds from the start of a first visit to a living explorer, a slow phone emulated."""
    context = browser.new_context(**PHONE)
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    devtools.send("Network.enable")
    devtools.send("Network.emulateNetworkConditions", {
        "offline": False, "latency": 40,
        "downloadThroughput": megabits * MBIT, "uploadThroughput": megabits * MBIT,
    })  # fmt: skip
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.goto(address, wait_until="commit")
    page.locator(".explorer").first.wait_for()
    seconds = page.evaluate(FIRST_FRAME) / 1000
    context.close()
    return seconds


def built_twice():
    """Whether a second build, from nothing, gives the same files."""
    before = digests()
    shutil.rmtree(ROOT / "build" / "site")
    shutil.rmtree(SITE)
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "web"], cwd=ROOT, check=True)
    print(f"built in {time.perf_counter() - start:.0f} s")
    after = digests()
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            print("differs:", name)
    return before == after


def digests():
    files = (path for path in SITE.rglob("*") if path.is_file())
    return {str(p.relative_to(SITE)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


if __name__ == "__main__":
    main()
