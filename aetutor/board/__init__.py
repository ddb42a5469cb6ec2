"""What TensorBoard shows: a training run as it goes, and codes in its projector."""

from aetutor.board._projector import projector
from aetutor.board._run import Board

__all__ = ["Board", "projector"]
