"""Build the pages into site/: ``python -m web``, or ``make site``."""

import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import torch
from fontTools import subset, ttLib

from aetutor import data
from web import explorers, pages, trained

ROOT = Path(__file__).parents[1]
HERE, SITE, WORK = ROOT / "web", ROOT / "site", ROOT / "build" / "site"
NODE = 20
NO_PACKAGES = "npm could not install the packages that the pages need: is there no network?"
# 538 of a page's 853 kB; the icons come from the style sheet's fonts all the same.
FONTAWESOME = re.compile(r"<(script|link)[^>]*fontawesome\.js[^>]*>(</script>)?\s*")
ICON = re.compile(r"\bfa-[\w-]+")
# What axe finds: names that leave out what is to be read, a switch without a name, contents outside
# of all landmarks, headings of tables without words.
MENDED = {
    r'(search-button-field[^>]*) aria-label="Search"': r"\1",
    r'<th class="head"><p></p></th>': "<td></td>",
    r' aria-label="Toggle hidden content"': "",
    r'<summary>(<span class="toctree-toggle")': r'<summary aria-label="Show its pages">\1',
    r'(<\w+ id="pst-primary-sidebar")': r'\1 role="complementary" aria-label="Contents"',
}
ENGINE = HERE / "node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm"


def main():
    check_node()
    install()
    static = WORK / "static"
    shutil.rmtree(static, ignore_errors=True)
    static.mkdir(parents=True)
    katex = HERE / "node_modules/katex/dist"
    shutil.copytree(
        katex / "fonts", static / "katex/fonts", ignore=shutil.ignore_patterns("*.ttf", "*.woff")
    )
    shutil.copy(katex / "katex.min.css", static / "katex")
    pages.write(WORK / "source", static, exported(static / "files"), repository())
    shutil.copy(HERE / "style.css", static)
    shutil.copy(ROOT / "aetutor/explore/surface.css", static)
    shutil.copy(ROOT / "images/02_interpolation.png", static / "preview.png")
    bundle(static)
    render()
    finish()
    print(f"The pages are in {SITE.relative_to(ROOT)}/; start at index.html.")


def check_node():
    """End with a sentence if Node is missing or old."""
    try:
        version = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout
    except OSError:
        version = ""
    if not version or int(version.removeprefix("v").split(".")[0]) < NODE:
        found = f"found {version.strip()}" if version else "found none"
        sys.exit(f"The pages need Node {NODE} or newer, {found}: https://nodejs.org")


def install():
    """Install npm's packages, as the lock has them, if that has not been done."""
    lock, stamp = HERE / "package-lock.json", HERE / "node_modules/.installed"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print("Installing what the pages need from npm into web/node_modules.")
    if subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=HERE).returncode:
        sys.exit(NO_PACKAGES)
    stamp.write_text(wanted)


def repository():
    """ "owner/name" of the published repository, or None."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    address = project.get("urls", {}).get("Repository", "")
    return address.removeprefix("https://github.com/") or None


def exported(folder):
    """Export every scene into a folder, unless an earlier build has; return explorers by name."""
    kept = WORK / "scenes" / fingerprint()
    if not kept.exists():
        shutil.rmtree(kept.parent, ignore_errors=True)
        writing = kept.parent / "unfinished"
        writing.mkdir(parents=True)
        for name, make in trained.examples().items():
            print(f"Exporting the explorer {name}.")
            explorers.export(name, make(), writing)
        writing.rename(kept)
    shutil.copytree(kept, folder, ignore=shutil.ignore_patterns("*.json"))
    return {path.stem: explorers.Explorer(path.stem, kept) for path in sorted(kept.glob("*.json"))}


def fingerprint():
    """What the exported scenes depend on: the package, its weights, the images, this export."""
    files = [*(ROOT / "aetutor").rglob("*.py"), *(ROOT / "aetutor/weights").iterdir()]
    hashed = hashlib.sha256(f"{torch.__version__} {standins()} {trained.cells()}".encode())
    for file in [*sorted(files), HERE / "explorers.py", HERE / "trained.py"]:
        hashed.update(file.read_bytes())
    return hashed.hexdigest()[:16]


@functools.cache
def standins():
    """Whether the images are stand-ins, because the real ones cannot be had."""
    return data.load_mnist().is_standin or data.load_cifar10().is_standin


def bundle(static):
    """Make the scripts: the player's, and the worker's with the engine's own; pack the engine."""
    files = static / "files"
    # Chromium complains of a mention of SharedArrayBuffer, which one thread does without.
    worker = {"SharedArrayBuffer": "undefined", "globalThis.SharedArrayBuffer": "undefined"}
    esbuild("compute.js", static, worker)
    compute = explorers.pack((static / "compute.js").read_bytes(), "compute", files)
    engine = explorers.pack(ENGINE.read_bytes(), "engine", files)
    esbuild("player.js", static, {"COMPUTE": f'"{compute}"', "ENGINE": f'"{engine}"'})


def esbuild(script, static, constants):
    """Bundle a script with all that it imports; constants are replaced by their values."""
    defined = [f"--define:{name}={value}" for name, value in constants.items()]
    subprocess.run(
        ["node_modules/.bin/esbuild", script, "--bundle", "--minify", "--format=iife",
         "--target=es2022", "--log-level=warning", f"--outfile={static / script}", *defined],
        cwd=HERE, check=True,
    )  # fmt: skip


def render():
    """Let Sphinx build the pages."""
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-j", "1", "-b", "html", "-c", str(HERE),
               "-d", str(WORK / "doctrees"), str(WORK / "source"), str(WORK / "html")]  # fmt: skip
    environment = os.environ | {
        "AETUTOR_SITE_WORK": str(WORK),
        "AETUTOR_SITE_STANDINS": "yes" if standins() else "",
        "PYTHONHASHSEED": "0",
    }
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


def finish():
    """Take over what the pages need, and write the service worker."""
    shutil.rmtree(SITE, ignore_errors=True)
    unneeded = "_sources", ".buildinfo", "fontawesome.js*", "locales", "*.map", "*macros.html"
    earlier = "files", "figures"  # Sphinx keeps those of earlier builds
    shutil.copytree(WORK / "html", SITE, ignore=shutil.ignore_patterns(*unneeded, *earlier))
    shutil.copytree(WORK / "static", SITE / "_static", dirs_exist_ok=True)
    (SITE / ".nojekyll").touch()  # else GitHub leaves out folders that begin with _
    for page in SITE.rglob("*.html"):
        text = FONTAWESOME.sub("", page.read_text("utf-8"))
        for pattern, better in MENDED.items():
            text = re.sub(pattern, better, text)
        page.write_text(text, "utf-8")
    keep_icons_in_use()
    everything = hashlib.sha256()
    for file in sorted(SITE.rglob("*")):
        if file.is_file() and file.name != "sw.js":
            everything.update(file.read_bytes())
    worker = (HERE / "worker.js").read_text("utf-8")
    version = f'const VERSION = "{everything.hexdigest()[:12]}";\n'
    (SITE / "sw.js").write_text(version + worker, "utf-8")


def keep_icons_in_use():
    """Leave in the theme's fonts and style sheet the some ten icons that pages show, of 1,900."""
    path = SITE / "_static/styles/pydata-sphinx-theme.css"
    sheet = path.read_text("utf-8")
    shown = [*SITE.rglob("*.html"), *(SITE / "_static/scripts").glob("*.js")]
    names = {name for file in shown for name in ICON.findall(file.read_text("utf-8"))}
    icons = re.findall(r'--pst-icon-[\w-]+:"(.)"', sheet)  # those that the style sheet itself sets
    rules = []
    for rule in sheet.split("}"):
        selectors, _, code = rule.partition('{--fa:"\\')
        if not code:
            rules.append(rule)
        elif names & set(ICON.findall(selectors)):
            rules.append(rule)
            icons.append(chr(int(code.rstrip('" '), 16)))
    path.write_text("}".join(rules), "utf-8")
    for file in (SITE / "_static/vendor/fontawesome/webfonts").glob("*.woff2"):
        font = ttLib.TTFont(file, recalcTimestamp=False)
        subsetter = subset.Subsetter()
        subsetter.populate(text="".join(icons))
        subsetter.subset(font)
        font.save(file)


if __name__ == "__main__":
    main()
