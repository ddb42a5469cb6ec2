"""The pages in a real browser: what explorers show, faults, accessibility, no foreign host."""

import base64
import functools
import gzip
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from fontTools import ttLib
from playwright.sync_api import sync_playwright

from aetutor import scenes
from aetutor.exercises import lesson_1
from benchmarks.pages import weigh
from web.__main__ import NO_PACKAGES
from web.trained import examples

ROOT = Path(__file__).parents[1]
LESSONS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
FAILURES = ROOT / "browser-failures"  # screenshots, ignored by git
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PHONE, ZOOMED, DESKTOP = 360, 320, 1280  # CSS pixels; a window of 1280 at 400 per cent has 320
PATIENCE = 180_000  # milliseconds, on a busy machine
ALLOWED = 1  # of 255: engines round differently

pytestmark = pytest.mark.slow


def needed(found, sentence):
    """Skip where something is missing, but not in CI, which has to notice."""
    if not found:
        assert not os.environ.get("CI"), sentence
        pytest.skip(sentence)
    return found


@pytest.fixture(scope="module")
def executable():
    browsers = filter(None, map(shutil.which, BROWSERS))
    return needed(next(browsers, None), "no Chrome or Chromium found to test the pages with")


@pytest.fixture(scope="module")
def site(executable, tmp_path_factory):
    """The folder of the pages, built as `make site` does."""
    needed(shutil.which("node"), "no Node found to build the pages with: https://nodejs.org")
    pytest.importorskip("myst_nb", reason="requirements-site.txt is not installed")
    built = subprocess.run(
        [sys.executable, "-m", "web"], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    needed(NO_PACKAGES not in built.stderr, NO_PACKAGES)
    assert not built.returncode, built.stderr
    return ROOT / "site"


@pytest.fixture(scope="module")
def address(site):
    """Where a local server offers the pages."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=site)
    )
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser(executable):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, request):
    """``visit(address, **context)`` opens a page for a new visitor; faults in it fail the test."""
    opened, problems = [], []
    failed_before = request.session.testsfailed

    def open_page(address, prepare=None, **context):
        context = {"viewport": {"width": DESKTOP, "height": 900}} | context
        page = browser.new_context(**context).new_page()
        page.set_default_timeout(PATIENCE)
        opened.append(page)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda asked: problems.extend(foreign(asked.url, address)))
        if prepare:
            prepare(page)
        page.goto(address)
        return page

    yield open_page
    if request.session.testsfailed > failed_before:
        FAILURES.mkdir(exist_ok=True)
        for number, page in enumerate(opened):
            page.screenshot(path=FAILURES / f"{request.node.name}-{number}.png")
    for page in opened:
        page.context.close()
    assert not problems


def foreign(url, address):
    """The URL, in a list, if it belongs to another host than an address does."""
    own = address.split("/")[:3]
    return [] if url.startswith(("data:", "blob:")) or url.split("/")[:3] == own else [url]


def page_of(site, name):
    """The lesson's page that plays a scene."""
    pages = sorted((site / "notebooks").glob("*.html"))
    found = [page for page in pages if f'id="explorer-{name}"' in page.read_text("utf-8")]
    assert found, f"no lesson shows {name}"
    return found[0].relative_to(site).as_posix()


def awake(page, name=None):
    """The explorer of a page, once it is alive."""
    explorer = page.locator(f"#explorer-{name}" if name else ".explorer").first
    explorer.scroll_into_view_if_needed()
    page.wait_for_function(
        "e => e.dataset.state === 'alive' && e.dataset.shown || e.dataset.state === 'failed'",
        arg=explorer.element_handle(),
    )
    assert explorer.get_attribute("data-state") == "alive"
    return explorer


def settled(page, explorer, wanted=None):
    """The values that an explorer shows once it has caught up with its controls."""
    page.wait_for_function(
        """([e, wanted]) => {
            const shown = JSON.parse(e.dataset.shown);
            const same = ([name, value]) => [value].flat().every(
                (each, place) => Math.abs([shown[name]].flat()[place] - each) < 1e-6);
            const set = [...e.querySelectorAll("[data-name]:is(input, select)")].map(
                (input) => [input.dataset.name, Number(input.value)]);
            return set.every(same) && Object.entries(wanted).every(same);
        }""",
        arg=[explorer.element_handle(), wanted or {}],
    )
    return json.loads(explorer.get_attribute("data-shown"))


def assert_shows(page, explorer, scene, wanted=None):
    """Every picture is what torch makes of the values, and is labelled so."""
    values = settled(page, explorer, wanted)
    shown = scene.show(**values)
    words = scene.in_words(values, shown)
    for output in scene.outputs:
        if not hasattr(output, "alt"):
            continue
        canvas = explorer.locator(f'[data-name="{output.name}"] canvas')
        pixels = canvas.evaluate(
            """c => [...c.getContext("2d").getImageData(0, 0, c.width, c.height).data]"""
        )
        expected = shown[output.name].numpy().astype(int)
        difference = np.abs(np.array(pixels).reshape(expected.shape) - expected)
        assert difference.max() <= ALLOWED, (output.name, values)
        assert canvas.get_attribute("aria-label") == scenes.fill(output.alt, words)
    return values


@pytest.mark.parametrize("name", examples())
def test_pictures_follow_every_control_by_mouse_and_keyboard(name, visit, site, address):
    scene = examples()[name]()
    page = visit(address + page_of(site, name))
    explorer = awake(page, name)
    assert_shows(page, explorer, scene)
    for control in scene.controls:
        element = explorer.locator(f'[data-name="{control.name}"]')
        element.scroll_into_view_if_needed()
        KINDS[type(control).__name__](page, explorer, scene, control, element)
    for output in scene.outputs:
        if getattr(output, "click", None):
            assert_click_chooses(page, explorer, scene, output)
        if getattr(output, "cells", None):
            assert_a_cell_chooses(page, explorer, scene, output)


@pytest.mark.parametrize("menu", ["primary", "secondary"])  # the lessons, the lesson's contents
def test_the_menus_open_on_a_phone(menu, visit, site, address):
    page = visit(address + page_of(site, "interpolation"), viewport={"width": PHONE, "height": 740})
    page.locator(f".{menu}-toggle:visible").click()
    page.locator(f"#pst-{menu}-sidebar-modal[open]").wait_for()


def work_slider(page, explorer, scene, control, element):
    box = element.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    seen = set()
    for share in (0.5, 0.7, 0.3, 0.9):
        page.mouse.move(box["x"] + box["width"] * share, middle, steps=3)
        seen.add(assert_shows(page, explorer, scene)[control.name])
    page.mouse.up()
    assert len(seen) >= min(4, control.steps)
    element.focus()
    for key, expected in (("Home", control.low), ("ArrowRight", control.low + control.step)):
        page.keyboard.press(key)
        values = assert_shows(page, explorer, scene, {control.name: expected})
        assert element.get_attribute("aria-valuetext") == control.words(values[control.name])
    page.keyboard.press("End")
    assert_shows(page, explorer, scene, {control.name: float(element.get_attribute("max"))})
    if not control.until:
        assert float(element.get_attribute("max")) == control.high


def work_choice(page, explorer, scene, control, element):
    element.focus()
    for key, expected in (("Home", 0), ("ArrowDown", 1 % control.count)):
        page.keyboard.press(key)  # one at a time: the two may end where the explorer started
        assert_shows(page, explorer, scene, {control.name: expected})
    element.select_option(index=control.count - 1)
    assert_shows(page, explorer, scene, {control.name: control.count - 1})


def work_picker(page, explorer, scene, control, element):
    element.fill(str(control.count - 1))
    assert_shows(page, explorer, scene, {control.name: control.count - 1})
    page.keyboard.press("ArrowDown")
    assert_shows(page, explorer, scene, {control.name: control.count - 2})
    element.fill(str(control.count))  # there is none: the picture stays
    element.blur()
    assert_shows(page, explorer, scene, {control.name: control.count - 2})


def work_counter(page, explorer, scene, control, element):
    element.click()
    assert_shows(page, explorer, scene, {control.name: 1 % control.count})
    element.press("Enter")
    assert_shows(page, explorer, scene, {control.name: 2 % control.count})


def work_reset(page, explorer, scene, control, element):
    other = next(c for c in scene.inputs if c.name in control.controls)
    explorer.locator(f'[data-name="{other.name}"]').press("End")
    element.click()
    first = {c.name: c.value for c in scene.inputs if c.name in control.controls}
    assert_shows(page, explorer, scene, first)


def work_surface(page, explorer, scene, control, element):
    assert_shows(page, explorer, scene, {control.name: control.sheets[0]})
    canvas = element.locator("canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    stroke = [(6, 6), (20, 8), (9, 22)]
    for number, (x, y) in enumerate(stroke):
        cell = box["width"] / control.side
        page.mouse.move(box["x"] + x * cell, box["y"] + y * cell)
        if not number:
            page.mouse.down()
    page.mouse.up()
    # The example that nobody has chosen has made room; a browser may round where the mouse is.
    assert_drawn(page, explorer, scene, [stroke], tolerance=32)
    canvas.focus()
    for key in ("ArrowRight", " ", *3 * ["ArrowRight"], *2 * ["ArrowUp"], " ", "ArrowLeft"):
        canvas.press("Space" if key == " " else key)
    corner = [(10.5, 22.5), (13.5, 22.5), (13.5, 20.5)]
    assert_drawn(page, explorer, scene, [stroke, corner], tolerance=32)
    assert element.locator(".word").inner_text() == "Row 21, column 13, pen up."
    element.get_by_role("button", name="Clear").click()
    assert_shows(page, explorer, scene, {control.name: 28 * 28 * [0]})
    for key in ("Space", "ArrowDown", "Space"):
        canvas.press(key)
    corner = [(12.5, 20.5), (12.5, 21.5)]
    assert_drawn(page, explorer, scene, [corner], tolerance=1)
    element.locator("select").select_option(index=len(control.sheets) - 1)
    assert_shows(page, explorer, scene, {control.name: control.sheets[-1]})


def assert_drawn(page, explorer, scene, strokes, tolerance):
    """The sheet has these strokes, as Python's pen draws them, and the pictures are of it."""
    expected = scenes.drawn(strokes).int()
    (name,) = (c.name for c in scene.controls if isinstance(c, scenes.parts.Surface))
    deadline = time.monotonic() + PATIENCE / 1000
    while True:
        sheet = torch.tensor(json.loads(explorer.get_attribute("data-shown"))[name])
        if (sheet.reshape(28, 28) - expected).abs().max() <= tolerance:
            break
        assert time.monotonic() < deadline, sheet.reshape(28, 28).tolist()
        page.wait_for_timeout(50)
    assert_shows(page, explorer, scene)


def work_point(page, explorer, scene, control, element):
    layer = explorer.locator(".place")
    layer.scroll_into_view_if_needed()
    box = layer.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    for right, up in ((0.25, 0.5), (0.75, 0.75), (1.5, 0.25)):  # in the end beside the picture
        page.mouse.move(box["x"] + right * box["width"], box["y"] + (1 - up) * box["height"])
        page.wait_for_timeout(50)
        found = assert_shows(page, explorer, scene)[control.name]
        assert found == pytest.approx([min(1, right), up], abs=0.01)
        words = scene.in_words(scene.defaults() | {control.name: found}, scene.show())
        assert words[control.name] in layer.get_attribute("aria-label")
    page.mouse.up()
    button = explorer.locator(f'[data-play="{control.name}"]')
    way = layer.locator("polyline").get_attribute("points")
    button.click()  # goes the way again, to its end, and adds nothing to it
    button.filter(has_text="Play").wait_for()
    assert_shows(page, explorer, scene, {control.name: found})
    assert layer.locator("polyline").get_attribute("points") == way
    layer.focus()
    x, y = found
    for key, right, up in (("ArrowLeft", -1, 0), ("Shift+ArrowUp", 0, 5), ("ArrowDown", 0, -1)):
        layer.press(key)
        x, y = x + right * control.step, y + up * control.step
        assert_shows(page, explorer, scene, {control.name: [x, y]})


KINDS = {
    "Surface": work_surface,
    "Point": work_point,
    "Slider": work_slider,
    "Choice": work_choice,
    "Picker": work_picker,
    "Counter": work_counter,
    "Reset": work_reset,
}


def assert_click_chooses(page, explorer, scene, output):
    control, source = output.click
    picture = explorer.locator(f'button[data-name="{output.name}"]')
    for choose in (picture.click, lambda: picture.press("Enter")):
        values = settled(page, explorer)
        choose()
        chosen = int(scene.show(**values)[source])
        assert_shows(page, explorer, scene, {control: chosen})


def assert_a_cell_chooses(page, explorer, scene, output):
    name, rows, columns = output.cells
    (control,) = (c for c in scene.controls if c.name == name)
    picture = explorer.locator(f'[data-name="{output.name}"] canvas')
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    for row, column in ((0, 0), (rows - 1, columns - 1), (1, 2), (rows // 2, 1)):
        x = box["x"] + (column + 0.5) / columns * box["width"]
        page.mouse.click(x, box["y"] + (row + 0.9) / rows * box["height"])
        assert_shows(page, explorer, scene, {name: control.low + row * columns + column})


def at_drawing(visit, address, **context):
    """The start page's sheet to draw on, with its scene."""
    page = visit(address, **context)
    explorer = awake(page, "drawing")
    scene = scenes.examples()["drawing"]()
    surface = explorer.locator(".surface")
    surface.locator("canvas").scroll_into_view_if_needed()
    return page, explorer, scene, surface


PEN = """async (canvas, strokes) => {
    const box = canvas.getBoundingClientRect();
    const send = (kind, [x, y]) => canvas.dispatchEvent(new PointerEvent(kind, {
        pointerId: 1, bubbles: true, isPrimary: true, clientX: box.left + x * box.width / 28,
        clientY: box.top + y * box.height / 28 }));
    canvas.setPointerCapture = () => {};  // only for a pointer that is really down
    for (const [first, ...others] of strokes) {
        send("pointerdown", first);
        for (const place of others) send("pointermove", place);
        send("pointerup", first);
    }
}"""


def test_the_pages_pen_draws_as_pythons_does(visit, address):
    page, explorer, scene, surface = at_drawing(visit, address)
    for strokes in scenes.DRAWINGS.values():
        surface.get_by_role("button", name="Clear").click()
        surface.locator("canvas").evaluate(PEN, strokes)
        assert_drawn(page, explorer, scene, strokes, tolerance=1)


def touch(page, canvas):
    """A function that touches the sheet with fingers at places in cells, or lets go."""
    session, box = page.context.new_cdp_session(page), canvas.bounding_box()

    def send(kind, *fingers):
        points = [{"id": number, "x": box["x"] + x * box["width"] / 28,
                   "y": box["y"] + y * box["height"] / 28} for number, x, y in fingers]  # fmt: skip
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    return send


def test_a_finger_draws_on_a_phone_and_does_not_scroll_the_page(visit, address):
    phone = {"viewport": {"width": PHONE, "height": 740}, "has_touch": True, "is_mobile": True}
    page, explorer, scene, surface = at_drawing(visit, address, **phone)
    send, before = touch(page, surface.locator("canvas")), page.evaluate("scrollY")
    send("touchStart", (0, 6, 6))
    for x, y in ((8, 10), (14, 20), (14, 22)):
        send("touchMove", (0, x, y))
    assert surface.locator(".word").inner_text() == ""
    send("touchStart", (0, 14, 22), (1, 20, 6))  # a second finger
    surface.locator(".word").filter(has_text="One finger draws at a time").wait_for()
    send("touchMove", (0, 14, 22), (1, 24, 12))
    send("touchEnd", (0, 14, 22))
    send("touchEnd")
    strokes = [[(6, 6), (8, 10), (14, 20), (14, 22)]]
    assert_drawn(page, explorer, scene, strokes, tolerance=64)
    assert page.evaluate("scrollY") == before
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE


def test_what_cannot_be_drawn_gets_a_sentence_in_its_place(visit, address):
    page, explorer, scene, surface = at_drawing(visit, address)
    message, word = explorer.locator('[data-name="message"]'), surface.locator(".word")
    surface.get_by_role("button", name="Clear").click()
    message.filter(has_text="The sheet is empty").wait_for()
    assert_shows(page, explorer, scene, {"drawing": 784 * [0]})
    canvas = surface.locator("canvas")
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] - 60, box["y"] + 60)
    page.mouse.move(box["x"] + 60, box["y"] + 90)
    page.mouse.up()
    word.filter(has_text="outside the sheet is left out").wait_for()
    canvas.evaluate(PEN, [[(0, row), (28, row)] for row in range(0, 29, 2)])
    message.filter(has_text="The whole sheet is full").wait_for()
    assert_shows(page, explorer, scene)


def test_a_stamp_without_an_output_says_why(visit, site, address):
    page = visit(address + page_of(site, "stamp"))
    explorer, scene = awake(page, "stamp"), scenes.examples()["stamp"]()
    explorer.locator('[data-name="way"]').select_option(index=0)
    for name, key in (("size", "Home"), ("kernel", "End"), ("padding", "Home")):
        explorer.locator(f'[data-name="{name}"]').press(key)
    explorer.locator('[data-name="message"]').filter(has_text="There is no output").wait_for()
    assert_shows(page, explorer, scene, {"way": 0, "size": 1, "kernel": 4, "padding": 0})
    explorer.locator('[data-name="padding"]').press("End")
    explorer.locator('[data-name="message"]').filter(has_text="Step").wait_for()


def test_pages_open_from_a_disk_with_living_explorers(visit, site):
    page = visit((site / "index.html").as_uri())
    explorer = awake(page)
    slider = explorer.locator('input[type="range"]').first
    slider.press("End")
    settled(page, explorer, {slider.get_attribute("data-name"): 1})


def test_a_visited_page_works_without_a_network(visit, address):
    page = visit(address)
    awake(page)
    page.wait_for_function(
        """async () => {
            const [name] = await caches.keys();
            const kept = name ? await (await caches.open(name)).keys() : [];
            const kinds = [
                "/", "player.js", "compute.js", "engine-", "interpolation-", "style.css"];
            return kinds.every((kind) => kept.some(({ url }) => url.includes(kind)));
        }"""
    )
    page.context.set_offline(True)
    page.reload()
    explorer = awake(page)
    explorer.locator('input[type="range"]').first.press("End")
    settled(page, explorer, {"position": 1})


def test_a_browser_without_service_workers_plays_too(visit, address):
    awake(visit(address, service_workers="block"))


def test_a_control_moved_before_the_engine_is_there_counts(visit, address):
    asked, go_on = threading.Event(), []

    def hold(page):
        def keep(route):
            go_on.append(route)
            asked.set()

        page.route("**/engine-*.gz", keep)

    page = visit(address, prepare=hold, service_workers="block")
    explorer = page.locator(".explorer").first
    explorer.locator('input[type="range"]').first.press("End")
    explorer.locator("select").first.select_option(index=0)
    while not asked.is_set():
        page.wait_for_timeout(50)
    assert explorer.locator("img").count()  # the first picture is still there
    go_on[0].continue_()
    scene = scenes.examples()["interpolation"]()
    assert_shows(page, awake(page), scene, {"position": 1, "start": 0})


def test_a_browser_without_webassembly_gets_a_sentence_and_keeps_the_picture(visit, address):
    page = visit(address, prepare=lambda page: page.add_init_script("delete self.WebAssembly"))
    state = page.locator(".explorer .state").first
    state.filter(has_text="WebAssembly is switched off").wait_for()
    assert page.locator(".explorer img").first.is_visible()


@pytest.mark.parametrize("file", ["compute.js", "files/engine-*.gz", "files/interpolation-*.gz"])
@pytest.mark.parametrize("fault", ["cut off", "missing", "no network"])
def test_a_file_that_fails_can_be_asked_for_again(file, fault, visit, site, address):
    (path,) = (site / "_static").glob(file)
    half = path.read_bytes()[: path.stat().st_size // 2]
    faults = {
        "cut off": lambda route: route.fulfill(body=half),
        "missing": lambda route: route.fulfill(status=404),
        "no network": lambda route: route.abort(),
    }
    page = visit(
        address,
        prepare=lambda page: page.route(f"**/{file}*", faults[fault]),
        service_workers="block",
    )
    explorer = page.locator(".explorer").first
    retry = explorer.get_by_role("button", name="Try again")
    retry.wait_for()
    assert explorer.locator("img").first.is_visible()
    page.unroute(f"**/{file}*")
    retry.press("Enter")
    awake(page)
    assert explorer.locator(".state").inner_text() == ""


def test_a_thousand_quick_moves_end_where_the_hand_does_and_queue_nothing(visit, address):
    page = visit(address)
    explorer = awake(page)
    frames = explorer.evaluate(
        """async (explorer) => {
            let frames = 0;
            new MutationObserver(() => frames++).observe(
                explorer, { attributeFilter: ["data-shown"] });
            const slider = explorer.querySelector('input[type="range"]');
            for (let move = 0; move <= 1000; move++) {
                slider.value = String((move % 101) / 100);
                slider.dispatchEvent(new Event("input", { bubbles: true }));
            }
            while (JSON.parse(explorer.dataset.shown).position !== Number(slider.value)) {
                await new Promise(requestAnimationFrame);
            }
            await new Promise((done) => setTimeout(done, 300));
            return frames;
        }"""
    )
    assert frames <= 2
    assert_shows(page, explorer, scenes.examples()["interpolation"]())


DRAW = """async ([explorer, frames]) => {
    const slider = explorer.querySelector('input[type="range"]');
    for (let frame = 0; frame < frames; frame++) {
        const shown = new Promise((done) => new MutationObserver((_, observer) => {
            observer.disconnect();
            done();
        }).observe(explorer, { attributeFilter: ["data-shown"] }));
        slider.value = String((frame % 100 + 1) / 100);
        slider.dispatchEvent(new Event("input", { bubbles: true }));
        await shown;
    }
}"""
WATCH_MEMORY = """() => {
    self.memories = [];
    WebAssembly.Memory = class extends WebAssembly.Memory {
        constructor(...size) {
            super(...size);
            self.memories.push(this);
        }
    };
}"""


def test_many_pictures_take_no_more_memory_than_a_few(visit, address):
    held = []
    page = visit(
        address,
        prepare=lambda page: page.route("**/engine-*.gz", lambda route: held.append(route)),
        service_workers="block",
    )
    while not (held and page.workers):
        page.wait_for_timeout(50)
    (worker,) = page.workers
    worker.evaluate(WATCH_MEMORY)
    held[0].continue_()
    explorer = awake(page).element_handle()
    devtools = page.context.new_cdp_session(page)
    found = []
    for frames in (100, 400):
        page.evaluate(DRAW, [explorer, frames])
        devtools.send("HeapProfiler.collectGarbage")
        engine = worker.evaluate("self.memories.map(({ buffer }) => buffer.byteLength)")
        found.append((engine, devtools.send("Runtime.getHeapUsage")["usedSize"]))
    (engine, heap), (engine_later, heap_later) = found
    assert engine
    assert engine_later == engine
    assert heap_later - heap < 1_000_000  # the pictures of one frame have 90,000 bytes


def test_play_stands_still_while_its_tab_is_in_the_background(visit, address):
    page = visit(address)
    explorer = awake(page)
    explorer.evaluate(
        """explorer => {
            const slider = explorer.querySelector('input[type="range"]');
            self.seen = [Number(slider.value)];
            new MutationObserver(() => self.seen.push(Number(slider.value))).observe(
                slider, { attributeFilter: ["aria-valuetext"] });
        }"""
    )
    explorer.get_by_role("button", name="Play").press("Enter")
    page.wait_for_function("self.seen.length > 2")
    devtools = page.context.new_cdp_session(page)
    devtools.send("Page.setWebLifecycleState", {"state": "frozen"})
    time.sleep(2)
    devtools.send("Page.setWebLifecycleState", {"state": "active"})
    settled(page, explorer, {"position": 1})
    seen = page.evaluate("self.seen")
    assert max(np.diff(seen)) < 0.051  # five steps at once at most


def test_two_explorers_on_a_page_play_at_once(visit, site, address):
    other = (site / page_of(site, "latent_axes")).read_text("utf-8")
    start = other.index('<section class="explorer"')
    section = other[start : other.index("</section>", start) + len("</section>")]

    def with_two(route):
        text = (site / "index.html").read_text("utf-8")
        route.fulfill(body=text.replace("<section class", section + "<section class", 1),
                      content_type="text/html")  # fmt: skip

    page = visit(address, prepare=lambda page: page.route(address, with_two))
    for name in ("latent_axes", "interpolation"):
        awake(page, name)
    page.evaluate(
        """for (const slider of document.querySelectorAll('.explorer input[type="range"]')) {
            slider.value = slider.max;
            slider.dispatchEvent(new Event("input", { bubbles: true }));
        }"""
    )
    for name in ("latent_axes", "interpolation"):
        assert_shows(page, page.locator(f"#explorer-{name}"), scenes.examples()[name]())


def test_play_goes_to_the_end_and_calmly_where_less_motion_is_wanted(visit, address):
    for motion, fewest, most in (("no-preference", 12, 101), ("reduce", 3, 11)):
        page = visit(address, reduced_motion=motion)
        explorer = awake(page)
        explorer.evaluate(
            """explorer => {
                self.seen = new Set();
                new MutationObserver(() => self.seen.add(explorer.dataset.shown)).observe(
                    explorer, { attributeFilter: ["data-shown"] });
            }"""
        )
        explorer.get_by_role("button", name="Play").press("Enter")
        settled(page, explorer, {"position": 1})
        explorer.get_by_role("button", name="Play").wait_for()
        assert fewest <= page.evaluate("self.seen.size") <= most


def test_what_changed_is_read_out_when_the_hand_rests(visit, address):
    page = visit(address)
    explorer = awake(page)
    explorer.locator('input[type="range"]').first.press("End")
    said = explorer.locator('.said[aria-live="polite"]')
    said.filter(has_text="Decoded between 3 and 8, 100% of the way.").wait_for()
    assert "Ten steps" not in said.inner_text()  # that picture is as it was


def test_a_dark_page_is_printed_in_dark_letters_without_controls(visit, site, address, tmp_path):
    page = visit(address, color_scheme="dark")
    explorer = awake(page)
    page.evaluate(
        """addEventListener("beforeprint", () => {
            self.printed = getComputedStyle(document.body).color;
        })"""
    )
    page.pdf(path=tmp_path / "page.pdf")
    on_screen = page.evaluate("getComputedStyle(document.body).color")
    assert max(map(int, re.findall(r"\d+", page.evaluate("self.printed")))) < 100
    assert min(map(int, re.findall(r"\d+", on_screen))) > 150
    page.emulate_media(media="print")
    assert explorer.locator("canvas").first.is_visible()
    assert not explorer.locator("input").first.is_visible()


def test_every_exercise_has_its_hint_and_solution_folded(site):
    for path in LESSONS:
        page = (site / "notebooks" / f"{path.stem}.html").read_text("utf-8")
        cells = path.read_text("utf-8")
        for summary, call in (("Hint", "hint"), ("Solution", "check")):
            count = len(re.findall(rf"lesson_\d+\.\w+\.{call}\(", cells))
            assert page.count(f"<details><summary>{summary}</summary>") == count > 0, path.name
        assert page.count('class="guess"') == len(re.findall(r"\.guess\(", cells)), path.name


def test_the_networks_are_whole_and_name_no_place_on_this_machine(site):
    files = sorted((site / "_static" / "files").glob("*.gz"))
    assert len(files) == 2 + len(examples())  # the engine, its worker
    for file in files:
        content = gzip.decompress(file.read_bytes())
        assert str(ROOT).encode() not in content, file.name
        script = file.with_suffix(".js").read_text("utf-8")
        assert base64.b64decode(script.split('"')[3]) == file.read_bytes()


def test_a_guess_is_answered_on_the_page(visit, address):
    page = visit(address + "notebooks/01_linear_vs_conv.html")
    tenfold = lesson_1.tenfold
    form = page.locator("form.guess").first
    assert tenfold.question in form.inner_text()
    assert tenfold.why not in form.inner_text()
    for guess, verdict in ((tenfold.high, "Too high."), (tenfold.answer, "Close.")):
        form.locator("input").fill(str(guess))
        page.keyboard.press("Enter")
        form.locator(".verdict").filter(has_text=verdict).wait_for()
    assert tenfold.why in form.inner_text()


def test_the_font_of_icons_has_those_in_use_and_few_others(site):
    font = ttLib.TTFont(site / "_static/vendor/fontawesome/webfonts/fa-solid-900.woff2")
    in_use = {0xF0C9, 0xF002, 0xF186, 0xF185, 0xF00D}  # bars, magnifying glass, moon, sun, x mark
    assert in_use <= font.getBestCmap().keys()
    assert len(font.getBestCmap()) < 60


def test_the_scripts_pass_type_check_and_lint(site):
    subprocess.run(["npm", "run", "--silent", "check"], cwd=ROOT / "web", check=True)


def test_every_explorer_of_a_lesson_is_on_its_page(site):
    for path in LESSONS:
        cells = json.loads(path.read_text("utf-8"))["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        page = (site / "notebooks" / f"{path.stem}.html").read_text("utf-8")
        explored = sum(len(re.findall(r"\bexplore\.\w+\(", source)) for source in code)
        assert page.count('<section class="explorer"') == explored, path.name


def test_the_start_page_shows_every_lesson_with_a_picture(site):
    start = (site / "index.html").read_text("utf-8")
    for path in LESSONS:
        assert f'href="notebooks/{path.stem}.html"' in start
        assert re.search(rf'<img[^>]* src="_static/figures/{path.stem}.webp"', start), path.name


def test_pages_and_their_scenes_are_small(visit, site, address):
    for path in LESSONS:
        asked = []

        def listen(page, asked=asked):
            page.on("request", lambda request: asked.append(request.url))

        name = f"notebooks/{path.stem}.html"
        page = visit(address + name, prepare=listen, service_workers="block")
        page.evaluate("for (const each of document.images) each.loading = 'eager'")
        page.wait_for_load_state("networkidle")
        own, _, _ = weigh(asked, address)
        assert own <= 700_000, name
        files = re.findall(
            r"&quot;file&quot;:&quot;([\w-]+)&quot;", (site / name).read_text("utf-8")
        )
        sizes = [(site / "_static/files" / f"{file}.gz").stat().st_size for file in files]
        assert sum(sizes) <= 3_000_000, name


def every_page(site):
    return sorted(page.relative_to(site).as_posix() for page in site.rglob("*.html"))


def test_no_page_asks_another_host_or_is_wider_than_a_phone(visit, site, address):
    page = visit(address, viewport={"width": PHONE, "height": 740})
    for name in every_page(site):
        page.goto(address + name)
        for width in (PHONE, ZOOMED):
            page.set_viewport_size({"width": width, "height": 740})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)


def test_no_page_names_another_host_but_in_links(site):
    for name in every_page(site):
        text = (site / name).read_text("utf-8")
        loaded = re.findall(r"<(?:script|img|iframe|source)[^>]* src=\"(\w+:|//)[^\"]*", text)
        loaded += re.findall(r"<link (?![^>]*canonical)[^>]* href=\"(\w+:|//)[^\"]*", text)
        assert not loaded, name


STILL = "*, ::before, ::after { animation: none !important; transition: none !important }"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_axe_finds_nothing(scheme, width, visit, site, address):
    axe = (ROOT / "web/node_modules/axe-core/axe.min.js").read_text("utf-8")
    page = visit(address, viewport={"width": width, "height": 900}, color_scheme=scheme)
    found = {}
    for name in every_page(site):
        alike = name.startswith("reference/") and name != "reference/models.html"
        if alike and (scheme == "light") != (width == DESKTOP):
            continue  # these in two of the four ways
        page.goto(address + name)
        page.add_style_tag(content=STILL)  # a cell that fades in has no contrast yet
        page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
        page.evaluate(axe)
        result = page.evaluate("axe.run({ resultTypes: ['violations'] })")
        for violation in result["violations"]:
            places = [node["html"][:160] for node in violation["nodes"][:3]]
            found[name, violation["id"]] = [violation["help"], *places]
    assert not found, json.dumps({" ".join(key): value for key, value in found.items()}, indent=1)


def test_every_picture_of_every_page_has_alt_text(site):
    for name in every_page(site):
        for picture in re.findall(r"<img[^>]*>", (site / name).read_text("utf-8")):
            alt = re.search(r'alt="([^"]*)"', picture)
            assert alt and alt[1] and not alt[1].startswith(("&lt;Figure", "../")), (name, picture)


def test_figures_of_lessons_are_described_by_sentences_with_numbers(site):
    for path in LESSONS:
        page = (site / "notebooks" / f"{path.stem}.html").read_text("utf-8")
        for alt in re.findall(r'<img src="../_static/figures/[^>]* alt="([^"]*)"', page):
            assert re.search(r"\d", alt) and alt.endswith(".") and len(alt) > 30, (path.name, alt)
