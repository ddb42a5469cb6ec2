"""Atomic writes: nobody ever sees half a file."""

import json
import os
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replacing(path):
    """Open a temporary binary file beside ``path`` that takes its place when all went well.

    If the process is killed at any moment, an earlier file of that name is still intact.

    Parameters
    ----------
    path : path
        Its folder is made if needed.

    Raises
    ------
    OSError
        If the folder or the file cannot be written; the temporary file is gone by then.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    names = {"prefix": f"{path.name}.", "suffix": ".part"}
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False, **names) as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            file.close()
            with suppress(OSError):  # some USB sticks and network drives have no permissions
                os.chmod(file.name, 0o644)  # a temporary file is private; a classroom's is not
            os.replace(file.name, path)
        except BaseException:
            with suppress(OSError):  # on a full disk, closing tries to write once more
                file.close()
            os.unlink(file.name)
            raise


def table_so_far(path, begun):
    """Return the table that an earlier call of a study has written, or the one it begins with.

    Parameters
    ----------
    path : path
        A JSON file, which need not exist.
    begun : dict
        With the ``fingerprint`` of the images that the study is of.

    Raises
    ------
    ValueError
        If the file was made from other images.
    """
    path = Path(path)
    if not path.exists():
        return begun
    table = json.loads(path.read_text(encoding="utf-8"))
    if table["fingerprint"] != begun["fingerprint"]:
        raise ValueError(f"{path} was made from other images")
    return table


def write_table(path, table):
    """Write a table as JSON, whole or not at all."""
    with replacing(path) as file:
        file.write((json.dumps(table, indent=1) + "\n").encode())
