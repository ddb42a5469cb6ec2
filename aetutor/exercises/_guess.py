"""A guess: what a reader commits to before a cell shows the result."""

from aetutor.exercises._exercise import (
    Blank,
    NotYetError,
    WrongError,
    described,
    number,
    say,
)

CLOSE = 0.1  # of the range of guesses: nearer than this is called close


class Guess:
    """A question to be answered by a guess, before the lesson shows the result.

    Parameters
    ----------
    question : str
        With what is asked for and its unit, as the page asks it.
    why : str
        Why the result is what it is, and why most people miss it.
    answer : float or str
        What the lesson prints on the real images; one of the choices if there are any.
    unit : str
        Behind the numbers, such as "times" or "%".
    low, high : float, optional
        Lowest and highest guess of a number.
    choices : sequence of str, optional
        The answers to choose from, in place of a number.

    Raises
    ------
    ValueError
        If there are neither limits nor choices, or the answer is not among them.
    """

    def __init__(self, question, why, *, answer, unit="", low=None, high=None, choices=None):
        if choices is None and (low is None or high is None):
            raise ValueError("a guess needs low and high, or choices")
        allowed = low <= answer <= high if choices is None else answer in choices
        if not allowed:
            raise ValueError(f"the answer must be a guess that is allowed, got {answer!r}")
        self.question, self.why, self.answer, self.unit = question, why, answer, unit
        self.low, self.high, self.choices = low, high, choices
        self.guessed = None

    def guess(self, value):
        """Keep a guess, and say that it is kept; nothing is raised.

        Parameters
        ----------
        value : float, str or ____
            From ``low`` to ``high``, or one of the ``choices``.
        """
        try:
            self.guessed = self._checked(value)
        except NotYetError:
            say(f"Guess first: put {self._allowed()} in the place of ____. Nobody sees it but you.")
        except WrongError as error:
            say(f"{error} A guess here is {self._allowed()}.")
        else:
            say(f"Your guess is {self._in_words(self.guessed)}. The cells below show the result.")

    def reveal(self, measured=None):
        """Print how far the guess was from the result, and why most people miss it.

        Parameters
        ----------
        measured : float or str, optional
            The result of this run; the ``answer`` if left out.
        """
        result = self.answer if measured is None else measured
        parts = [f"It is {self._in_words(result)}.", self.why]
        if self.guessed is not None:
            parts[:1] = [
                f"You guessed {self._in_words(self.guessed)}; it is {self._in_words(result)}.",
                self._verdict(result),
            ]
        say(" ".join(parts))

    def _checked(self, value):
        if self.choices is None:
            value = number(value)
            if not self.low <= value <= self.high:
                raise WrongError(f"{value:g} is outside the range.")
            return value
        if isinstance(value, Blank):
            raise NotYetError
        if not isinstance(value, str) or value not in self.choices:
            raise WrongError(f"{described(value)} is not one of the answers.")
        return value

    def _verdict(self, result):
        if self.choices is not None:
            return "Right." if self.guessed == result else "Not what happens."
        distance = self.guessed - result
        if abs(distance) <= CLOSE * (self.high - self.low):
            return "Close."
        return "Too high." if distance > 0 else "Too low."

    def _allowed(self):
        if self.choices is None:
            return f"a number from {self.low:g} to {self.high:g}{self._unit()}"
        return "one of " + ", ".join(repr(choice) for choice in self.choices)

    def _in_words(self, value):
        return f'"{value}"' if self.choices is not None else f"{value:.3g}{self._unit()}"

    def _unit(self):
        return f" {self.unit}" if self.unit else ""
