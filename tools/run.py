"""Run lessons from top to bottom and store their outputs: ``python tools/run.py [LESSON …]``.

Without arguments all lessons are run. One that fails, warns or leaves a progress bar is not
stored.
"""

import base64
import io
import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

FOLDER = Path(__file__).parents[1] / "notebooks"
WIDGET = "application/vnd.jupyter.widget-view+json"


def run(path):
    """Execute one notebook and write it back with its outputs, if they are clean."""
    print(f"{path.name} …", end=" ", flush=True)
    start = time.monotonic()
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": path.parent}},
    ).execute()
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                sys.exit(f"{path.name}, cell {number} wrote to stderr:\n{output['text']}")
            if "STAND-IN" in str(output):
                sys.exit(f"{path.name} ran on a stand-in; outputs are stored of real images only")
        if "outputs" in cell:  # a widget is nothing without its kernel
            cell.outputs = [
                output for output in cell.outputs if WIDGET not in output.get("data", {})
            ]
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = smaller(output.data["image/png"])
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    nbformat.write(notebook, path)
    print(f"{time.monotonic() - start:.0f} s, {path.stat().st_size / 1000:.0f} kB")


def smaller(picture):
    """Return a PNG in base64, reduced to 256 colours: half the bytes, and hardly a difference."""
    file, content = io.BytesIO(), io.BytesIO(base64.b64decode(picture))
    picture = Image.open(content).convert("RGB").quantize(256, kmeans=4)  # truer colours
    picture.save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


if __name__ == "__main__":
    os.environ["TQDM_DISABLE"] = "1"  # a progress bar is for the eyes, not for the file
    for name in sys.argv[1:] or sorted(FOLDER.glob("[0-9]*.ipynb")):
        run(Path(name).resolve())
