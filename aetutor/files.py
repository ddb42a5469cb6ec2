"""Atomic writes: nobody ever sees half a file."""

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
