"""One address in all places, or in none."""

import re
import shutil
import tomllib
from pathlib import Path

import nbformat
import pytest
from colab_check import load_script

ROOT = Path(__file__).parents[1]
publish, with_badges = load_script("publish").publish, load_script("publish").with_badges


@pytest.fixture
def project(tmp_path):
    (tmp_path / "notebooks").mkdir()
    for path in (ROOT / "README.md", ROOT / "pyproject.toml", *ROOT.glob("notebooks/[0-9]*.ipynb")):
        shutil.copy(path, tmp_path / path.relative_to(ROOT))
    return tmp_path


def contents(project):
    paths = sorted(path for path in project.rglob("*") if path.is_file())
    return {path.name: path.read_text(encoding="utf-8") for path in paths}


def address_of(text):
    return tomllib.loads(text)["project"].get("urls", {}).get("Repository")


def test_it_writes_the_address_into_every_place(project):
    publish(project, "some-one/lessons")
    written = contents(project)
    assert address_of(written["pyproject.toml"]) == "https://github.com/some-one/lessons"
    pages = "https://some-one.github.io/lessons/"
    assert f'Documentation = "{pages}"' in written["pyproject.toml"]
    assert re.findall(r"\]\((http.*?)\)", written["README.md"])[0] == pages
    for place in ("mybinder.org/v2/gh/some-one/lessons/main", "codespaces.new/some-one/lessons"):
        assert place in written["README.md"]
    lessons = [name for name in written if name.endswith(".ipynb")]
    assert len(lessons) >= 2
    for name in lessons:
        link = f"github/some-one/lessons/blob/main/notebooks/{name})"
        assert link in written["README.md"]
        lesson = nbformat.reads(written[name], as_version=4)
        nbformat.validate(lesson)
        assert link in lesson.cells[0].source
        assert "](../images/" not in written[name]
        code = [cell for cell in lesson.cells if cell.cell_type == "code"]
        assert "%pip install --quiet git+https://github.com/some-one/lessons" in code[0].source
        assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))


def test_a_copy_of_a_lesson_shows_its_pictures_too(project):
    publish(project, "some-one/lessons")
    lesson = contents(project)["03_latent_dimensionality.ipynb"]
    picture = "https://raw.githubusercontent.com/some-one/lessons/main/images/tensorboard.png"
    assert f"]({picture})" in lesson


def test_it_can_be_run_again_with_another_address(project):
    publish(project, "c/d")
    once = contents(project)
    publish(project, "a/b")
    assert contents(project) != once
    publish(project, "c/d")
    assert contents(project) == once


def test_a_tenth_lesson_gets_its_badge_too():
    readme = (
        "[](notebooks/09_a.ipynb) [](notebooks/10_b.ipynb)\n<!-- make publish -->\n\n<!-- end -->"
    )
    assert "blob/main/notebooks/10_b.ipynb) | 10_b.ipynb |" in with_badges(readme, "a/b")


def test_what_is_no_address_is_refused_and_nothing_is_changed(project):
    before = contents(project)
    for address in ("", "owner", "https://github.com/owner/name", "a/b c"):
        with pytest.raises(ValueError, match="REPO must be owner/name"):
            publish(project, address)
    assert contents(project) == before


def test_all_places_of_this_project_agree(project):
    before = contents(project)
    address = address_of(before["pyproject.toml"])
    if address:
        publish(project, address.removeprefix("https://github.com/"))
        assert contents(project) == before
    else:
        assert not re.search(
            r"colab-badge|github\.com/[\w.-]+/[\w.-]+/blob", "".join(before.values())
        )
        assert "`make publish REPO=owner/name`" in before["README.md"]
