"""Build the pages into site/: ``python -m web``, or ``make site``."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from web import pages
from web.explorers import Explorer, pack

ROOT = Path(__file__).parents[1]
HERE, SITE, WORK = ROOT / "web", ROOT / "site", ROOT / "build" / "site"
NODE = 20
# 538 of a page's 853 kB; the icons come from the style sheet's fonts all the same.
FONTAWESOME = re.compile(r"<(script|link)[^>]*fontawesome\.js[^>]*>(</script>)?\s*")
ENGINE = HERE / "node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm"


def main():
    check_node()
    install()
    static = WORK / "static"
    shutil.rmtree(static, ignore_errors=True)
    (static / "files").mkdir(parents=True)
    shutil.copytree(
        HERE / "node_modules/katex/dist", static / "katex",
        ignore=lambda _, names: [n for n in names if not re.search(r"\.min\.css$|fonts$|woff2$", n)],
    )  # fmt: skip
    explorers = exported(static / "files")
    pages.write(WORK / "source", static, explorers, repository())
    shutil.copy(HERE / "style.css", static)
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
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=HERE, check=True)
    stamp.write_text(wanted)


def repository():
    """ "owner/name" of the published repository, or None."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    address = project.get("urls", {}).get("Repository", "")
    return address.removeprefix("https://github.com/") or None


def exported(folder):
    """Export every scene into a folder; return explorers by their names."""
    from aetutor import scenes

    explorers = {}
    for name, make in scenes.examples().items():
        explorers[name] = Explorer(make())
        explorers[name].export(folder)
    return explorers


def bundle(static):
    """Make one script of the player and the engine's own, and pack the engine."""
    engine = pack(ENGINE.read_bytes(), "engine", static / "files")
    subprocess.run(
        ["node_modules/.bin/esbuild", "player.js", "--bundle", "--minify", "--format=iife",
         "--target=es2022", f'--define:ENGINE="{engine}"', "--log-level=warning",
         f"--outfile={static / 'player.js'}"],
        cwd=HERE, check=True,
    )  # fmt: skip


def render():
    """Let Sphinx build the pages; a warning ends it."""
    command = [sys.executable, "-m", "sphinx", "-q", "-j", "1", "-b", "html", "-c", str(HERE),
               "-d", str(WORK / "doctrees"), str(WORK / "source"), str(SITE)]  # fmt: skip
    environment = os.environ | {"AETUTOR_SITE_WORK": str(WORK), "PYTHONHASHSEED": "0"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


def finish():
    """Take out what the pages load and do not need, and write the service worker."""
    shutil.rmtree(SITE / "_sources", ignore_errors=True)
    (SITE / ".buildinfo").unlink(missing_ok=True)
    (SITE / ".nojekyll").touch()  # else GitHub leaves out folders that begin with _
    for page in SITE.rglob("*.html"):
        text = page.read_text("utf-8")
        page.write_text(FONTAWESOME.sub("", text), "utf-8")
    for script in SITE.glob("_static/scripts/fontawesome.js*"):
        script.unlink()
    everything = hashlib.sha256()
    for file in sorted(SITE.rglob("*")):
        if file.is_file() and file.name != "sw.js":
            everything.update(file.read_bytes())
    worker = (HERE / "worker.js").read_text("utf-8")
    version = f'const VERSION = "{everything.hexdigest()[:12]}";\n'
    (SITE / "sw.js").write_text(version + worker, "utf-8")


if __name__ == "__main__":
    main()
