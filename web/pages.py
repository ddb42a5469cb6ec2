"""Write what Sphinx reads: the lessons as they were run, with explorers, hints and solutions."""

import base64
import contextlib
import html
import importlib
import inspect
import io
import pkgutil
import re
import shutil
import sys
from pathlib import Path

import nbformat
from PIL import Image

import aetutor
from aetutor.exercises._guess import CLOSE

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))
import publish  # noqa: E402
import solve  # noqa: E402

BADGE = re.compile(r"^\[!\[Open in Colab\].*\n+", re.MULTILINE)
EXPLORER = re.compile(r"\bexplore\.(\w+)\(")
GUESS = re.compile(r"^(lesson_\d+)\.(\w+)\.guess\(", re.MULTILINE)
FIRST = "position", "picture", "strip"  # what stands above the other controls on the start page
WIDTH = 820  # pixels of a picture on the start page


def write(source, static, explorers, repository):
    """Write all pages.

    Parameters
    ----------
    source, static : Path
        Folders for Sphinx's sources and for what is served as it is.
    explorers : dict of str to web.explorers.Explorer
        By the names by which lessons call them.
    repository : str or None
        "owner/name", once it is published.
    """
    figures = static / "figures"
    figures.mkdir()
    texts = {}
    paths = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
    for path in paths:
        lesson = nbformat.read(path, as_version=4)
        page = Lesson(lesson, path, figures, explorers, repository).page()
        texts[f"notebooks/{path.name}"] = nbformat.writes(page)
    readme = (ROOT / "README.md").read_text("utf-8")
    for path in (ROOT / "docs").glob("*.md"):
        texts[f"docs/{path.name}"] = linked(path.read_text("utf-8"), repository)
    speed = section(readme, "How fast").replace("](", "](../")
    texts["docs/speed.md"] = f"# How fast\n\n{speed}"
    texts["glossary.md"] = glossary(paths[0])
    for path in (Path(__file__).parent / "texts").glob("*.md"):
        texts[path.name] = path.read_text("utf-8")
    texts["index.md"] = (
        texts["index.md"]
        .replace("{{ lessons }}", cards_of(paths, readme, figures))
        .replace("{{ explorer }}", explorers["interpolation"].markup("", first=FIRST))
        .replace("{{ drawing }}", explorers["drawing"].markup(""))
    )
    replace(source, texts | reference())
    shutil.copytree(ROOT / "images", source / "images", dirs_exist_ok=True)


def linked(text, repository):
    """A text of docs/, its links to what is no page leading to the repository, if anywhere."""

    def lead(link):
        words, path = link.groups()
        if re.match(r"notebooks/\d+\w+\.ipynb", path):
            return link[0]
        at = f"https://github.com/{repository}/blob/main/{path}"
        return f"[{words}]({at})" if repository else words

    return re.sub(r"(?<!!)\[([^\]]+)\]\(\.\./([^)]+)\)", lead, text)


def replace(folder, texts):
    """Let a folder's texts be these; one that is the same already is not touched.

    So Sphinx reads again what has changed, and no more.
    """
    for path in folder.rglob("*"):
        if path.suffix in (".md", ".ipynb") and path.relative_to(folder).as_posix() not in texts:
            path.unlink()
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")


class Lesson:
    """A stored lesson that becomes a page."""

    def __init__(self, lesson, path, figures, explorers, repository):
        self._lesson, self._path, self._figures = lesson, path, figures
        self._explorers, self._repository = explorers, repository
        self._seen = []  # explorers on this page
        self._tables = 0

    def page(self):
        """Return the page as a notebook."""
        cells = []
        for number, cell in enumerate(self._lesson.cells):
            if cell.id == "head":  # installs the package in Colab
                continue
            if cell.source == "progress()":  # of exercises done in a kernel, and a line before it
                if "\n" not in cells[-1].source:
                    cells.pop()
            elif cell.cell_type == "code":
                cells += self._code(cell, number)
            else:
                cell.source = self._text(cell.source, first=not cells)
                cells.append(cell)
        page = nbformat.v4.new_notebook(cells=cells, metadata=self._lesson.metadata)
        for number, cell in enumerate(page.cells):
            cell.id = f"cell-{number:03d}"
        return page

    def _text(self, source, first):
        source = BADGE.sub("", source)
        source = publish.PICTURES.sub("](../images/", source)  # from the site itself
        source = re.sub(r"(\.ipynb#)([\w-]+)", lambda m: m[1] + m[2].lower(), source)
        source = source.replace(f"](solutions/{self._path.name})", "](#exercises)")
        if first and self._repository:
            title, _, rest = source.partition("\n")
            source = f"{title}\n\n{self._links()}\n{rest}"
        if solve.OWN in source:
            source = self._answered(source)
        return source

    def _links(self):
        name, at = self._path.name, f"https://github.com/{self._repository}"
        return (
            f"[Open in Colab]({publish.colab(self._repository, name)}) · "
            f"[Binder](https://mybinder.org/v2/gh/{self._repository}/main?labpath=notebooks/{name})"
            f" · [Download]({at}/raw/main/notebooks/{name})"
        )

    def _answered(self, source):
        """Fold an answer below each question without a checker."""
        task = next(filter(None, map(solve.task_of, self._lesson.cells)))
        module = importlib.import_module(f"aetutor.exercises.{task.lesson}")
        answers = module.ON_YOUR_OWN
        questions = solve.questions(self._lesson.cells)
        for question, answer in zip(questions, answers, strict=False):
            written = f"```python\n{answer.code.strip()}\n```\n\n" if answer.code else ""
            text = folded("Answer", inspect.cleandoc(written) + "\n\n" + answer.text)
            indented = text.replace("\n", "\n  ")
            source = source.replace(question, f"{question}\n\n  {indented}\n", 1)
        return source

    def _code(self, cell, number):
        """The cells that a cell of code becomes."""
        tags = cell.metadata.setdefault("tags", [])
        if "check" in tags and "hide-input" not in tags:
            tags.append("hide-input")
        alts = iter(cell.metadata.get("alt", []))  # where a figure's own words say too little
        for place, output in enumerate(cell.outputs):
            name = f"{self._path.stem[:2]}-{number:02d}-{place}"
            if "data" in output:
                output.data = self._shown(output.data, name, alts)
        cell.outputs = [output for output in cell.outputs if output.get("data", True)]
        cells = [cell]
        explored = EXPLORER.search(cell.source)
        if explored:
            cells.append(self._explorer(cell, explored[1]))
        guessed = GUESS.search(cell.source)
        if guessed:
            lesson = importlib.import_module(f"aetutor.exercises.{guessed[1]}")
            cells.append(solve.markdown(question(getattr(lesson, guessed[2]), number)))
            cell.outputs = []  # "Guess first: ..."
        task = solve.task_of(cell)
        if task:
            solution = f"```python\n{task.code}\n```\n\n{task.reason}"
            cells.append(solve.markdown(folded("Hint", hint_of(task))))
            cells.append(solve.markdown(folded("Solution", solution)))
            cell.outputs = []  # "Not yet: put your answer ..."
        return cells

    def _shown(self, data, name, alts):
        """An output as the page shows it: pictures as files, with their words as alt text."""
        size = ""
        if "image/png" in data:
            file = self._figures / f"{name}.webp"
            picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("RGB")
            picture.save(file, lossless=True)  # a quarter less than the PNG
            size = f' width="{picture.width}" height="{picture.height}" loading="lazy"'
        elif "image/svg+xml" in data:
            file = self._figures / f"{name}.svg"
            file.write_text(data["image/svg+xml"], "utf-8")
        else:
            file = None
        if file:
            alt = html.escape(next(alts, data.get("text/plain", "")))
            return {"text/html": f'<img src="../_static/figures/{file.name}" alt="{alt}"{size}>'}
        if "application/vnd.jupyter.widget-view+json" in data:
            return {}
        if "text/html" in data:
            # A table's empty corner is no heading; and what is wide scrolls by itself.
            self._tables += 1
            table = re.sub(r"<th class=\"blank[^>]*>&nbsp;</th>", "<td></td>", data["text/html"])
            table = table.replace("<th></th>", "<td></td>")
            label = f'tabindex="0" role="region" aria-label="Table {self._tables}"'
            return {"text/html": f'<div class="wide" {label}>{table}</div>'}
        return data

    def _explorer(self, cell, name):
        explorer = self._explorers.get(cell.metadata.get("scene", name))
        if explorer is None or explorer in self._seen:
            return solve.markdown(
                "*This explorer plays a network that the cells above have just trained: it is "
                "alive in the notebook only.*"
            )
        self._seen.append(explorer)
        return solve.markdown(explorer.markup("../"))


def folded(summary, text):
    """Markdown behind a click."""
    return f"<details><summary>{summary}</summary>\n\n{text.strip()}\n\n</details>"


def question(guess, number):
    """A guess as the page asks it; without a script only the answer can be opened."""
    identity, unit = f"guess-{number}", f" {html.escape(guess.unit)}" if guess.unit else ""
    if guess.choices is None:
        answer = f"{guess.answer:.3g}{unit}"
        field = (
            f'<input id="{identity}" type="number" step="any" required '
            f'min="{guess.low}" max="{guess.high}">{unit}'
        )
        close = CLOSE * (guess.high - guess.low)
        known = f'data-answer="{guess.answer}" data-close="{close}" data-unit="{unit}"'
    else:
        answer = html.escape(guess.answer)
        options = "".join(f"<option>{html.escape(choice)}</option>" for choice in guess.choices)
        field = f'<select id="{identity}">{options}</select>'
        known = f'data-answer="{answer}"'
    return (
        f'<form class="guess" {known}><label for="{identity}">{html.escape(guess.question)}'
        f"</label> {field} <button>Guess</button>"
        f'<p class="verdict" role="status"></p>'
        f"<details><summary>The answer</summary><p>It is {answer}. {html.escape(guess.why)}</p>"
        "</details></form>"
    )


def hint_of(task):
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        task.hint()
    return printed.getvalue()


def section(text, heading):
    """What stands below a heading of the second level."""
    found = re.search(rf"^## {re.escape(heading)}\n+(.*?)(?=^## |\Z)", text, re.S | re.M)
    if not found:
        raise ValueError(f"README.md has no section {heading!r}")
    return found[1]


def glossary(path):
    """The words that all lessons use, from the lesson that explains them."""
    for cell in nbformat.read(path, as_version=4).cells:
        if "## Glossary" in cell.source:
            words = section(cell.source, "Glossary")
            return "# Glossary\n\n" + re.sub(r"\]\((?=\d\d_)", "](notebooks/", words)
    raise ValueError(f"{path.name} has no section 'Glossary'")


def cards_of(paths, readme, figures):
    """A card for each lesson: README's picture, smaller, with its alt text, and what one learns."""
    cards = []
    for path in paths:
        title = nbformat.read(path, as_version=4).cells[0].source.splitlines()[0]
        number, title = int(path.stem[:2]), html.escape(title.partition(": ")[2])
        card = f'<h3><a href="notebooks/{path.stem}.html">{number}. {title}</a></h3>'
        if learnt := re.search(rf"\(notebooks/{path.name}\) \| ([^|]+) \|", readme):
            card += f"<p>You learn {html.escape(learnt[1])}.</p>"
        if alt := re.search(rf"!\[([^\]]*)\]\(images/{path.stem}\.png\)", readme):
            picture = Image.open(ROOT / "images" / f"{path.stem}.png").convert("RGB")
            picture.thumbnail((WIDTH, WIDTH))
            picture.save(figures / f"{path.stem}.webp", quality=80)
            card += (
                f'<div><img src="_static/figures/{path.stem}.webp" width="{picture.width}" '
                f'height="{picture.height}" loading="lazy" alt="{html.escape(alt[1])}"></div>'
            )
        cards.append(f"<li>{card}</li>")
    return f'<ul class="lessons">{"".join(cards)}</ul>'


def reference():
    """A page for each public module of the package, from its docstrings, by the file's name."""
    modules = (module.name for module in pkgutil.iter_modules(aetutor.__path__))
    names = sorted(name for name in modules if not name.startswith("_"))
    texts, rows = {}, []
    for name in names:
        summary = inspect.getdoc(importlib.import_module(f"aetutor.{name}")).splitlines()[0]
        rows.append(f"- [aetutor.{name}]({name}.md): {summary}")
        texts[f"reference/{name}.md"] = (
            f"# aetutor.{name}\n\n```{{eval-rst}}\n.. automodule:: aetutor.{name}\n"
            "   :members:\n   :show-inheritance:\n```\n"
        )
    contents = "\n".join(rows), "\n".join(names)
    texts["reference/index.md"] = (
        "# Reference\n\nWhat `aetutor` has, from its docstrings.\n\n{}\n\n"
        "```{{toctree}}\n:hidden:\n\n{}\n```\n"
    ).format(*contents)
    return texts
