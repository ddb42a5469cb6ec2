"""requirements.lock belongs to the requirements, and all of it can be checked."""

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
ENTRIES = re.findall(r"^(\S+)==(\S+)([^\n]*\n(?:[ ]+[^\n]*\n)*)", LOCK, flags=re.MULTILINE)


def pinned():
    """Each requirement of the requirements' files: its name, its version, its file."""
    for path in sorted(ROOT.glob("requirements*.txt")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                name, version = line.partition(";")[0].split("==")
                yield canonicalize_name(name), version, path.name


def test_the_lock_is_what_make_lock_makes_of_the_requirements():
    """Not resolved again, which takes a network: the same names, versions and files."""
    asked = {(name, file): version for name, version, file in pinned()}
    locked = {
        (name, file): version
        for name, version, rest in ENTRIES
        for file in re.findall(r"-r (requirements\S*\.txt)", rest)
    }
    assert locked == asked, "run make lock"


def test_every_package_in_the_lock_has_hashes_and_comes_from_no_particular_host():
    assert len(ENTRIES) > 150
    for name, _, rest in ENTRIES:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", rest), name
    assert not re.search(r"https?://|file:|^-", LOCK, flags=re.MULTILINE)


def test_binder_and_codespaces_use_what_is_here():
    versions = {name: version for name, version, _ in pinned()}
    binder = ROOT / ".binder"
    for name in ("anywidget", "ipywidgets"):
        assert f"{name}=={versions[name]}\n" in (binder / "requirements.txt").read_text()
    for script in (binder / "postBuild", binder / "start"):
        assert os.access(script, os.X_OK)
        subprocess.run(["bash", "-n", script], check=True)
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    for command in ((binder / "postBuild").read_text(), container["postCreateCommand"]):
        assert "python3 tools/install.py" in command
        assert ".venv/bin/python -m aetutor download" in command
    for lesson in container["customizations"]["codespaces"]["openFiles"]:
        assert (ROOT / lesson).exists()


def test_what_the_package_needs_is_required_in_a_version_that_it_allows():
    versions = {name: version for name, version, _ in pinned()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for one in map(Requirement, project["dependencies"]):
        assert one.specifier.contains(versions[canonicalize_name(one.name)]), one.name
