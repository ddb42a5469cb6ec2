"""The process that a kernel is: forked from one that has imported what students import.

So a class waits for the imports once, where a system can fork; on Windows each kernel imports anew.
"""

import os
import sys
from pathlib import Path

os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"  # as in any kernel

import matplotlib.pyplot  # noqa: F401
import pandas  # noqa: F401
import scipy.stats  # noqa: F401
import sklearn.linear_model
import sklearn.manifold
import sklearn.metrics  # noqa: F401
from ipykernel.kernelapp import IPKernelApp

from aetutor import data, exercises, explore, patterns, plotting, search  # noqa: F401


def limit(seconds, gigabytes):
    """Limit this process and its children, where the system can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    memory = int(gigabytes * 2**30)
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))


def run(connection, seconds, gigabytes):
    """Be a kernel until the end.

    Parameters
    ----------
    connection : str
        A connection file; what else is made is made in a folder beside it.
    seconds : int
        Of computing.
    gigabytes : float
        Of memory.
    """
    if hasattr(os, "setsid"):
        os.setsid()  # so that it ends with all that it has started, and nothing else
    os.environ["JPY_PARENT_PID"] = str(os.getppid())  # it ends when its parent does
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    empty = Path(connection).with_name("empty")  # beside the notebook may lie a torch.py
    empty.mkdir()
    os.chdir(empty)
    limit(seconds, gigabytes)
    sys.argv = ["ipykernel_launcher"]
    IPKernelApp.launch_instance(["-f", connection])
