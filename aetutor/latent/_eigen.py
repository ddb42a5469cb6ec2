"""Eigenvalues of symmetric matrices, small ones on one thread."""

from contextlib import contextmanager

import torch

SMALL = 256  # rows; up to there, threads cost more than they save even on an idle machine


def eigh(matrix):
    """Return eigenvalues, in rising order, and eigenvectors, as :func:`torch.linalg.eigh`."""
    with _threads_for(matrix):
        return torch.linalg.eigh(matrix)


def eigvalsh(matrix):
    """Return eigenvalues in rising order, as :func:`torch.linalg.eigvalsh`."""
    with _threads_for(matrix):
        return torch.linalg.eigvalsh(matrix)


@contextmanager
def _threads_for(matrix):
    """Beside other busy processes a thread waits for another that has no core, again and again."""
    before = torch.get_num_threads()
    if len(matrix) <= SMALL:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
