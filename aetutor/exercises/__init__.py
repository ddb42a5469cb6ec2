"""Exercises that check themselves.

Each lesson has a module of them, :mod:`aetutor.exercises.lesson_1` and so on. An exercise has
``check(answer)``, ``hint()`` and ``solution()``, which print; a guess has ``guess(value)``, asked
before a result is shown, and ``reveal(measured)`` after it. ``____`` stands where an answer is
missing. Nothing is stored or sent: what is done is known as long as the kernel runs.
"""

from aetutor.exercises._exercise import Answer, ____
from aetutor.exercises._progress import progress

__all__ = ["Answer", "____", "progress"]
