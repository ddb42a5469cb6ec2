"""An exercise: checks an answer by what it does, and says what is probably wrong with it."""

import ctypes
import math
import numbers
import textwrap
import threading
from dataclasses import dataclass

import numpy as np
import torch
from IPython.display import display

TIME_LIMIT = 10  # seconds that an answer may take
WIDTH = 88  # characters of a printed line


class Blank:
    """What stands where an answer is missing: ``____``."""

    def __repr__(self):
        return "____"


____ = Blank()
DICE = torch.Generator()  # of the inputs that answers are tried with
DICE.seed()  # others in every session
ALL = []  # every exercise of the lessons that were imported, in order


class WrongError(Exception):
    """An answer is not right; the message says why, to the student."""


class NotYetError(Exception):
    """There is no answer yet."""


class _TimeUp(BaseException):
    """Raised within an answer that takes too long."""


class Exercise:
    """A question of a lesson; made by :func:`exercise`.

    Attributes
    ----------
    lesson, name, title : str
    code : str
        A right answer, as it would stand in the lesson.
    reason : str
        Why it is right, in Markdown.
    state : {"open", "tried", "right"}
    """

    def __init__(self, examine, hint, code, reason, prepare=None):
        self.lesson = examine.__module__.rpartition(".")[2]
        self.name, self.title = examine.__name__, examine.__doc__
        self.code, self.state = textwrap.dedent(code).strip(), "open"
        self.reason, self._examine, self._hint, self._prepare = reason, examine, hint, prepare

    def check(self, answer):
        """Print whether an answer is right, and if not, what may be wrong.

        Parameters
        ----------
        answer : object
            Anything; nothing is raised.
        """
        state, sentence = self.verdict(answer)
        if state == "blank":
            say("Not yet: put your answer in the place of ____, and run the cell again.")
        elif state == "wrong":
            self.state = "tried" if self.state == "open" else self.state
            say(f"Not right. {sentence}")
        else:
            self.state = "right"
            say("Right.")

    def verdict(self, answer):
        """Return whether an answer is right, and if not, what may be wrong.

        Parameters
        ----------
        answer : object
            Anything; nothing is raised.

        Returns
        -------
        tuple of str
            ``"right"``, ``"wrong"`` or ``"blank"``, and a sentence, empty but for wrong answers.
        """
        try:
            if self._prepare:
                refuse_blank(answer)
                self._prepare()
            _in_time(self._examine, answer)
        except NotYetError:
            return "blank", ""
        except WrongError as error:
            return "wrong", str(error)
        return "right", ""

    def hint(self):
        """Print what helps to begin."""
        say(self._hint)

    def solution(self):
        """Show a right answer and its reason."""
        display(_Solution(self.code, self.reason))


class _Solution:
    """Formatted in a notebook, plain text elsewhere."""

    def __init__(self, code, reason):
        self._code, self._reason = code, reason

    def __repr__(self):
        return f"{self._code}\n\n{self._reason}"

    def _repr_markdown_(self):
        return f"```python\n{self._code}\n```\n\n{self._reason}"


@dataclass(frozen=True)
class Answer:
    """An answer to a question under "On your own", which has no checker; for the solutions.

    A lesson's module has one for each of its questions, in order, in ``ON_YOUR_OWN``.

    Attributes
    ----------
    text : str
        In Markdown.
    code : str
        A cell that shows it; it needs nothing but the lesson's first cell. Empty for none.
    """

    text: str
    code: str = ""


def exercise(*, hint, code, reason, prepare=None):
    """Make an exercise of a function that examines an answer.

    The function's name and docstring are the exercise's name and title. Called with an answer, it
    raises :class:`WrongError` if that is not right.

    Parameters
    ----------
    hint : str
    code : str
        A right answer, as it would stand in the lesson.
    reason : str
        Why it is right, in Markdown.
    prepare : callable, optional
        Called before an answer is examined: what takes time that is not the answer's.
    """

    def make(examine):
        ALL.append(Exercise(examine, hint, code, reason, prepare))
        return ALL[-1]

    return make


def number(answer, *, booleans=False):
    """Return an answer as a float; refuse what is not a number.

    With ``booleans``, True and False count as 1 and 0, whether Python's, NumPy's or torch's.
    """
    refuse_blank(answer)
    if isinstance(answer, torch.Tensor | np.ndarray | np.generic) and math.prod(answer.shape) == 1:
        answer = answer.item()
    refused = isinstance(answer, bool) and not booleans
    if refused or not isinstance(answer, numbers.Real):
        raise WrongError(f"A number is asked for, not {described(answer)}.")
    if not math.isfinite(answer):
        raise WrongError(f"A finite number is asked for, not {answer}.")
    return float(answer)


def call(function, *inputs):
    """Return what a student's function makes of copies of some inputs."""
    refuse_blank(function)
    if not callable(function):
        raise WrongError(
            f"A function is asked for, not {described(function)}. Give its name, without brackets."
        )
    try:
        result = function(*(i.clone() if isinstance(i, torch.Tensor) else i for i in inputs))
    except Exception as error:
        raise WrongError(f"Your function raises {type(error).__name__}: {error}") from error
    if result is None:
        raise WrongError("Your function returns nothing: is there a `return`?")
    refuse_blank(result)
    return result


def tensor(result, shape, *, dtype=torch.float32, gradient=False):
    """Return a result as a tensor of this shape; refuse what is none, or not finite."""
    refuse_blank(result)
    if not isinstance(result, torch.Tensor):
        raise WrongError(f"A tensor is asked for, not {described(result)}.")
    if result.requires_grad and not gradient:
        raise WrongError(
            "The result still carries a gradient: compute it under torch.inference_mode()."
        )
    if result.shape != torch.Size(shape):
        raise WrongError(f"The shape should be {tuple(shape)}, and is {tuple(result.shape)}.")
    if result.is_complex() or not result.detach().to(torch.float64).isfinite().all():
        raise WrongError("There are values that are not finite real numbers (NaN or infinite).")
    return result.detach().to("cpu", dtype)


def compare(result, right, mistakes=None, *, given="", tolerance=1e-3):
    """Refuse a result that is not the right one, and name the mistake that it looks like.

    Parameters
    ----------
    result, right : float or torch.Tensor
        Of one shape.
    mistakes : dict of str to float or torch.Tensor, optional
        What comes out after a likely mistake, by the sentence that names it.
    given : str
        The inputs, in words.
    tolerance : float
        Allowed difference, as a share of the largest right value.
    """
    if _near(result, right, tolerance):
        return
    for sentence, wrong in (mistakes or {}).items():
        if _near(result, wrong, tolerance):
            raise WrongError(sentence)
    inputs = f" for {given}" if given else ""
    if isinstance(right, torch.Tensor):
        wrong = (result - right).abs() > tolerance * right.abs().max()
        raise WrongError(f"{wrong.double().mean():.0%} of the values are wrong{inputs}.")
    raise WrongError(f"{result:.6g} is not the right value{inputs}.")


def _near(result, right, tolerance):
    result, right = (torch.as_tensor(v, dtype=torch.float64) for v in (result, right))
    if result.shape != right.shape:
        return False
    return bool((result - right).abs().max() <= tolerance * right.abs().max().clamp(min=1e-6))


def refuse_blank(answer):
    """Stop here if there is no answer yet."""
    if isinstance(answer, Blank):
        raise NotYetError


def described(answer):
    if isinstance(answer, torch.Tensor | np.ndarray):
        return f"an array of the shape {tuple(answer.shape)}"
    text = repr(answer)
    return f"{text if len(text) <= 40 else text[:37] + '...'} ({type(answer).__name__})"


def _in_time(examine, answer):
    """Call a function in a thread that is given up, if need be, after the time limit."""
    outcome = []

    def work():
        try:
            examine(answer)
        except (NotYetError, WrongError) as error:
            outcome.append(error)
        except BaseException as error:  # whatever an answer does, it must not stop the lesson
            outcome.append(WrongError(f"It cannot be checked: {type(error).__name__}: {error}"))
        else:
            outcome.append(None)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    try:
        worker.join(TIME_LIMIT)
    finally:
        if worker.is_alive():
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(worker.ident), ctypes.py_object(_TimeUp)
            )
    if not outcome:
        raise WrongError(
            f"It is not done after {TIME_LIMIT} seconds: is there a loop that never ends?"
        )
    if outcome[0]:
        raise outcome[0]


def say(sentence):
    print(textwrap.fill(" ".join(sentence.split()), WIDTH))
