"""Scenes as files for a browser, and as markup: it says something before any script runs."""

import base64
import gzip
import hashlib
import html
import itertools
import json
import tempfile
from pathlib import Path

import numpy as np
import onnx
from PIL import Image

from aetutor import scenes

FEW = 1000  # numbers: below that a tensor stays as it is
NO_SCRIPT = "Its controls need JavaScript, which is switched off here; the picture shows one case."

SHEET = 280  # pixels of a sheet to draw on, at most
TO_MOVE = "Drag anywhere on the map, or use its arrow keys. Play repeats your way."


def export(name, scene, folder):
    """Write what a page needs to play a scene: its network, its first pictures, its description.

    Parameters
    ----------
    name : str
        The example's.
    scene : aetutor.scenes.Scene
    folder : Path
    """
    described, shown = scenes.describe(scene), scene.show()
    described["file"] = pack(network_of(scene), name, folder)
    for control in described["controls"]:
        if control["kind"] == "surface":
            sheet = np.array(control["sheets"][control["value"]], dtype=np.uint8)
            sheet = Image.fromarray(sheet.reshape(control["shape"]))
            sheet.save(folder / f"{name}-{control['name']}.png", optimize=True)
    for output in described["outputs"]:
        if output["kind"] == "picture":
            picture = Image.fromarray(shown[output["name"]].numpy()).convert("RGB")
            picture.save(folder / f"{name}-{output['name']}.png", optimize=True)
        else:
            output["value"] = shown[output["name"]].item()
    if hasattr(scene, "model"):
        described["latent_dim"] = scene.model.latent_dim
    words = scene.in_words(scene.defaults(), shown)
    (folder / f"{name}.json").write_text(json.dumps([described, words]), "utf-8")


def network_of(scene):
    """A scene as the bytes of an ONNX file, without the places in this machine's source files."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scene.onnx"
        scenes.export(scene, file)
        model = onnx.load(file)
    graph = model.graph
    parts = graph.node, graph.value_info, graph.input, graph.output, graph.initializer
    for part in (model, graph, *itertools.chain(*parts)):
        part.ClearField("metadata_props")
    halve(graph)
    return model.SerializeToString(deterministic=True)


def halve(graph):
    """Store in half precision what it holds exactly, which is how weights ship.

    The engine turns it back once, when it loads the network.
    """
    single = onnx.TensorProto.FLOAT
    for tensor in graph.initializer:
        if tensor.data_type != single:
            continue
        values, name = onnx.numpy_helper.to_array(tensor), tensor.name
        with np.errstate(over="ignore"):
            halved = values.astype(np.float16)
        if values.size < FEW or not np.array_equal(halved, values):
            continue
        tensor.CopyFrom(onnx.numpy_helper.from_array(halved, f"{name}.half"))
        graph.node.insert(0, onnx.helper.make_node("Cast", [tensor.name], [name], to=single))


class Explorer:
    """An exported scene on a page.

    Parameters
    ----------
    name : str
        The example's.
    folder : Path
        Where it was exported to.
    """

    def __init__(self, name, folder):
        self.name = name
        self._described, self._words = json.loads((folder / f"{name}.json").read_text("utf-8"))

    def markup(self, root, first=()):
        """Return the explorer as HTML: controls that keep what is set, and the first pictures.

        Parameters
        ----------
        root : str
            The way from the page to the site's start.
        first : sequence of str
            Rows that begin with one of these names stand above all others.
        """
        both = self._described["controls"] + self._described["outputs"]
        parts = {part["name"]: part for part in both}
        rows = "".join(
            f'<div class="parts">{"".join(self._part(parts[name], root) for name in row)}</div>'
            for row in sorted(self._described["rows"], key=lambda row: row[0] not in first)
        )
        data = html.escape(json.dumps(self._described, separators=(",", ":")))
        title = self.name.replace("_", " ")
        return (
            f'<section class="explorer" id="explorer-{self.name}" data-scene="{data}" '
            f'aria-label="Explorer: {title}">{rows}'
            f'{self._here()}<p class="said" aria-live="polite"></p>'
            '<p class="state" role="status"></p>'
            f"<noscript><p>{NO_SCRIPT}</p></noscript></section>"
        )

    def _here(self):
        """What plays here: a page has fewer images than the lesson, so that it stays small."""
        length = self._described.get("latent_dim")
        counts = [part["count"] for part in self._described["controls"] if part["kind"] == "picker"]
        said = [f"the network has a code of {length} numbers"] if length else []
        said += [f"{count} images can be chosen" for count in counts[:1]]
        return f'<p class="note">On this page {" and ".join(said)}.</p>' if said else ""

    def _part(self, part, root):
        """One control or output."""
        identity = f"{self.name}-{part['name']}"
        text = {key: html.escape(str(value)) for key, value in part.items()}
        named = f'id="{identity}" data-name="{part["name"]}"'
        label = f'<label for="{identity}">{self._filled(part.get("label", ""))}</label>'
        said = html.escape(self._words.get(part["name"], ""))
        match part["kind"]:
            case "slider":
                play = (
                    f'<button type="button" data-play="{part["name"]}">Play</button>'
                    if part["play"]
                    else ""
                )
                return (
                    f'<div class="control">{label}<input type="range" {named} '
                    f'min="{part["low"]}" max="{self._end(part)}" step="{part["step"]}" '
                    f'value="{part["value"]}" aria-valuetext="{said}" autocomplete="off">'
                    f'<output for="{identity}">{said}</output>{play}'
                    f'<span class="note">{text["note"]}</span></div>'
                )
            case "picker":
                return (
                    f'<div class="control">{label}<input type="number" {named} min="0" '
                    f'max="{part["count"] - 1}" value="{part["value"]}" autocomplete="off"> '
                    f'<span class="note">0 to {part["count"] - 1}</span></div>'
                )
            case "choice":
                return f'<div class="control">{label}{_select(part, named)}</div>'
            case "surface":
                return self._surface(part, identity, label, root)
            case "point":
                return (
                    f'<div class="control" data-name="{part["name"]}"><button type="button" '
                    f'data-play="{part["name"]}">Play</button>'
                    f'<span class="note">{TO_MOVE}</span></div>'
                )
            case "counter" | "reset":
                return f'<button type="button" {named}>{text["label"]}</button>'
            case "picture":
                return self._picture(part, named, root)
            case "number":
                return f"<output {named}>{said}</output>"
            case "words":
                return f"<p {named}>{said}</p>"
            case "bar":
                return (
                    f'<div class="control">{label}<progress {named} max="1" '
                    f'value="{part["value"]:.3f}"></progress></div>'
                )
        raise ValueError(f"a page cannot show {part['kind']!r}")

    def _surface(self, part, identity, label, root):
        """What a sheet begins with; the script puts a sheet to draw on in its place."""
        side = SHEET // part["side"] * part["side"]
        words = html.escape(self._words[part["name"]])
        select = _select(part, f'id="{identity}"')
        return (
            f'<div class="surface" data-name="{part["name"]}"><div class="control">{label}{select}'
            f'<button type="button">Clear</button></div><p class="note"></p><div class="sheet">'
            f'<img src="{root}_static/files/{identity}.png" width="{side}" height="{side}" '
            f'alt="A sheet to draw on; on it is {words}."></div>'
            f'<p class="word" role="status"></p></div>'
        )

    def _end(self, slider):
        """The highest value of a slider, to begin with."""
        ends = (o["value"] for o in self._described["outputs"] if o["name"] == slider["until"])
        return next(ends, slider["high"])

    def _picture(self, part, named, root):
        width, height = part["width"] * part["times"], part["height"] * part["times"]
        image = (
            f'<img src="{root}_static/files/{self.name}-{part["name"]}.png" '
            f'width="{width}" height="{height}" '
            f'alt="{html.escape(scenes.fill(part["alt"], self._words))}">'
        )
        if part["click"]:
            image = f'<button type="button" {named}>{image}</button>'
        else:
            hand = ' class="cells"' if part["cells"] else ""
            image = f"<div {named}{hand}>{image}</div>"
        title = self._filled(part["title"])
        return f'<figure class="picture"><figcaption>{title}</figcaption>{image}</figure>'

    def _filled(self, template):
        """A text that the script fills anew when values change, if it names any."""
        text = html.escape(scenes.fill(template, self._words))
        if "{" not in template:
            return text
        return f'<span data-template="{html.escape(template)}">{text}</span>'


def _select(part, named):
    """A list of the options of a control."""
    options = "".join(
        f'<option value="{number}"{" selected" * (number == part["value"])}>'
        f"{html.escape(option)}</option>"
        for number, option in enumerate(part["options"])
    )
    return f'<select {named} autocomplete="off">{options}</select>'


def pack(content, name, folder):
    """Write bytes compressed, and once more as a script; return the name without the suffixes.

    The script is for pages that are opened from a disk: from there a browser lets a page load
    scripts and nothing else. The name changes with the content, so that no page meets another
    build's file.
    """
    name = f"{name}-{hashlib.sha256(content).hexdigest()[:8]}"
    packed = gzip.compress(content, 9, mtime=0)
    (folder / f"{name}.gz").write_bytes(packed)
    text = base64.b64encode(packed).decode()
    (folder / f"{name}.js").write_text(f'(self.aetutorFiles??={{}})["{name}"]="{text}";\n', "utf-8")
    return name
