"""Sphinx's settings. The sources that it reads are written by pages.py."""

import hashlib
import html
import json
import os
import tomllib
from pathlib import Path

from sphinxcontrib import katex

katex.STARTUP_TIMEOUT = katex.RENDER_TIMEOUT = 120  # seconds: 5 are too few on a busy machine

ROOT = Path(__file__).parents[1]
WORK = Path(os.environ["AETUTOR_SITE_WORK"])
URLS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"].get("urls", {})
DESCRIPTION = (
    "Jupyter lessons on autoencoders, to be read here with every slider alive, and a small "
    "package to go on with."
)
FOOTER = (
    "<p>Code and texts under the MIT licence; the images and where they come from: "
    '<a href="{}">sources and licences</a>.</p>'
)
# Once something is to be seen, which the engine's megabytes would delay.
PRELOAD = """new PerformanceObserver((list, observer) => {
  if (!list.getEntriesByName("first-contentful-paint").length) return;
  observer.disconnect();
  for (const href of %s) {
    const link = document.createElement("link");
    Object.assign(link, { rel: "preload", as: "fetch", crossOrigin: "", href });
    document.head.append(link);
  }
}).observe({ type: "paint", buffered: true });"""
STANDINS = (
    "The explorers on these pages show stand-in images, because MNIST and CIFAR-10 were not at "
    "hand when the pages were built. Their pictures differ from what the text says."
)

project = "Autoencoders, step by step"
author = "its authors"
language = "en"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinxcontrib.katex",
]

nb_execution_mode = "off"
nb_ipywidgets_js = {}  # by default from another host
myst_enable_extensions = ["dollarmath", "attrs_inline"]
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_google_docstring = False
napoleon_use_rtype = False
copybutton_selector = "div.cell_input pre, div.highlight-python pre"

html_math_renderer = "katex"
katex_prerender = True
katex_css_path = "katex/katex.min.css"  # npm's, of the version that the extension renders with

html_theme = "sphinx_book_theme"
html_title = project
html_static_path = [str(WORK / "static")]
html_css_files = ["style.css", "surface.css"]
html_js_files = [("player.js", {"defer": "defer"})]
html_baseurl = URLS.get("Documentation", "")
html_copy_source = False
html_favicon = "favicon.svg"
html_context = {
    "default_mode": "auto",
    # Sphinx writes all pages again when a setting changes; this makes all of this file one.
    "settings": hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
}
html_theme_options = {
    "repository_url": URLS.get("Repository", ""),
    "show_toc_level": 2,
    "toc_title": "On this page",
    "search_bar_text": "Search",
    "use_download_button": False,  # it would give the page's source, not the lesson
    "use_fullscreen_button": False,
    "announcement": STANDINS if os.environ["AETUTOR_SITE_STANDINS"] else "",
    "footer_content_items": "extra-footer.html",
}


def setup(app):
    app.connect("html-page-context", add_metadata)


def add_metadata(app, name, template, context, doctree):
    """What a chat shows of a link to the page, and where the images come from."""
    title = project if name == "index" else f"{context.get('title', '')} · {project}"
    picture = f"{html_baseurl}_static/preview.png"
    tags = {"og:title": title, "og:description": DESCRIPTION, "og:type": "website"}
    if html_baseurl:
        tags |= {
            "og:url": f"{html_baseurl}{name}.html",
            "og:image": picture,
            "og:image:alt": "A handwritten 3 turns into an 8 in ten steps.",
        }
    context["metatags"] = context.get("metatags", "") + "".join(
        f'<meta property="{key}" content="{html.escape(value)}">\n' for key, value in tags.items()
    )
    context["metatags"] += f'<meta name="description" content="{html.escape(DESCRIPTION)}">\n'
    if name == "index":
        # Its explorer is in view at once: ask for its files as soon as the page is painted.
        files = sorted((WORK / "static/files").glob("*.gz"))
        needed = [
            f"_static/files/{file.name}"
            for file in files
            if file.name.startswith(("engine-", "interpolation-"))
        ]
        context["metatags"] += f"<script>{PRELOAD % json.dumps(needed)}</script>\n"
    context["theme_extra_footer"] = FOOTER.format(context["pathto"]("sources"))
