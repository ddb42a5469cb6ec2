"""What the grader runs in a student's kernel, as a script, after the student's cells.

The package is imported anew, so that what those cells did to it, to ``check`` or to a ``state``,
is without effect. Given as globals: ``answer``, ``lesson``, ``exercise``, ``blank`` and ``token``.
"""

import importlib
import sys

from IPython.display import display

MIME = "application/vnd.aetutor.verdict+json"

if __name__ == "__main__":
    for name in [name for name in sys.modules if name.partition(".")[0] == "aetutor"]:
        del sys.modules[name]
    tasks = importlib.import_module(f"aetutor.exercises.{lesson}")  # noqa: F821
    if blank is not None:  # noqa: F821, what the student's cells call ____ stays a blank
        importlib.import_module("aetutor.exercises._exercise").Blank = type(blank)  # noqa: F821
    state, sentence = getattr(tasks, exercise).verdict(answer)  # noqa: F821
    display({MIME: {"token": token, "state": state, "sentence": sentence}}, raw=True)  # noqa: F821
