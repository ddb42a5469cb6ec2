"""Write the repository's address where it is needed: ``make publish REPO=owner/name``.

pyproject.toml holds it, and that of the pages on GitHub. README.md gets a link to them, README.md
and every lesson get a badge that opens the lesson in Colab, and each lesson begins with the line
that installs the package there. A lesson's pictures get an address, since a copy of it has no
folder beside it. To be run again whenever the address changes or a lesson is added.
"""

import re
import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[1]
BADGE = "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
PICTURES = re.compile(
    r"\]\((\.\./|https://raw\.githubusercontent\.com/[\w.-]+/[\w.-]+/main/)images/"
)
HEAD = """import importlib.util

if not importlib.util.find_spec("aetutor"):  # as in Colab
    %pip install --quiet {source}"""


def publish(root, repository):
    """Write an address, "owner/name", into the project in a folder.

    Raises
    ------
    ValueError
        If it is no "owner/name".
    """
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise ValueError(f"REPO must be owner/name, as on GitHub, got {repository!r}")
    project = root / "pyproject.toml"
    project.write_text(with_address(project.read_text(encoding="utf-8"), repository), "utf-8")
    for path in sorted((root / "notebooks").glob("[0-9]*.ipynb")):
        lesson = nbformat.read(path, as_version=4)
        add_badge(lesson, f"{BADGE}({colab(repository, path.name)})")
        add_head(lesson, f"git+https://github.com/{repository}")
        for cell in lesson.cells:
            if cell.cell_type == "markdown":
                cell.source = PICTURES.sub(f"]({images(repository)}", cell.source)
        nbformat.write(lesson, path)
    readme = root / "README.md"
    text = with_badges(readme.read_text(encoding="utf-8"), repository)
    readme.write_text(with_pages(text, repository), "utf-8")


def colab(repository, name):
    """Return where Colab opens a lesson."""
    return f"https://colab.research.google.com/github/{repository}/blob/main/notebooks/{name}"


def images(repository):
    """Return where GitHub serves the pictures of images/."""
    return f"https://raw.githubusercontent.com/{repository}/main/images/"


def pages(repository):
    """Return where GitHub serves the pages."""
    owner, name = repository.split("/")
    path = "" if name.lower() == f"{owner.lower()}.github.io" else f"{name}/"
    return f"https://{owner.lower()}.github.io/{path}"


def with_pages(readme, repository):
    """Return the README's text with the link to the pages."""
    link = (
        f"**[Read the lessons]({pages(repository)})**: every slider runs in your browser, and "
        "there is nothing to install."
    )
    return re.sub(
        r"(<!-- make publish: pages -->\n).*?(\n<!-- end -->)",
        rf"\1{link}\2",
        readme,
        flags=re.DOTALL,
    )


def with_address(project, repository):
    """Return pyproject.toml's text with the addresses of the repository and of the pages."""
    project = re.sub(r"\[project\.urls\]\n(.+\n)*\n", "", project)
    address = (
        f'[project.urls]\nRepository = "https://github.com/{repository}"\n'
        f'Documentation = "{pages(repository)}"\n\n'
    )
    return project.replace("[tool.setuptools]\n", f"{address}[tool.setuptools]\n", 1)


def add_badge(lesson, badge):
    """Put a badge below a lesson's title, in the place of an earlier one."""
    title, _, rest = lesson.cells[0].source.partition("\n")
    if rest.strip().startswith("[![Open in Colab]"):
        rest = rest.strip().partition("\n")[2]
    lesson.cells[0].source = f"{title}\n\n{badge}\n\n{rest.strip()}"


def add_head(lesson, source):
    """Let a lesson begin with the line that installs the package from a source."""
    heads = [cell for cell in lesson.cells if cell.id == "head"]
    if not heads:
        for cell in lesson.cells:
            if cell.get("execution_count"):  # as if it had run with the others: it prints nothing
                cell.execution_count += 1
        first = next(n for n, cell in enumerate(lesson.cells) if cell.cell_type == "code")
        heads = [nbformat.v4.new_code_cell(id="head", execution_count=1)]
        lesson.cells[first:first] = heads
    heads[0].source = HEAD.format(source=source)


def badges(repository):
    """Return the badges that open all lessons, in Binder and in Codespaces."""
    binder = f"https://mybinder.org/v2/gh/{repository}/main?urlpath=lab/tree/notebooks"
    codespaces = f"https://codespaces.new/{repository}"
    return (
        f"[![Open in Binder](https://mybinder.org/badge_logo.svg)]({binder}) "
        f"[![Open in GitHub Codespaces](https://github.com/codespaces/badge.svg)]({codespaces})"
    )


def with_badges(readme, repository):
    """Return the README's text with badges: for the project, and for each lesson it links."""
    names = re.findall(r"\]\(notebooks/([0-9].*?\.ipynb)\)", readme)
    rows = [f"| {BADGE}({colab(repository, name)}) | {name} |" for name in names]
    table = "\n".join([badges(repository), "", "| | |", "| --- | --- |", *rows])
    return re.sub(
        r"(<!-- make publish -->\n).*?(\n<!-- end -->)", rf"\1{table}\2", readme, flags=re.DOTALL
    )


if __name__ == "__main__":
    try:
        publish(ROOT, *sys.argv[1:2] or [""])
    except ValueError as error:
        sys.exit(str(error))
    print("Now, on GitHub, choose Settings, Pages, Source: GitHub Actions; then push. The pages")
    print(f"will be at {pages(sys.argv[1])} after some minutes.")
