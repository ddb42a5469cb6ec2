"""A guess: kept, refused or left blank, and what is said of it once the result is there."""

import numpy as np
import pytest
import torch

from aetutor.exercises import ____
from aetutor.exercises._guess import Guess


@pytest.fixture
def said(capsys):
    """What a call prints, as one line."""

    def of(call, *arguments):
        capsys.readouterr()
        call(*arguments)
        return " ".join(capsys.readouterr().out.split())

    return of


@pytest.fixture
def times():
    return Guess("How many times?", "Pixels repeat.", answer=4, unit="times", low=1, high=21)


@pytest.fixture
def which():
    return Guess("Which is lower?", "It bends.", answer="conv", choices=("linear", "conv"))


@pytest.mark.parametrize("value", [3, 3.0, np.float64(3), np.array(3), torch.tensor(3.0)])
def test_any_kind_of_number_is_kept(times, said, value):
    assert "Your guess is 3 times" in said(times.guess, value)
    assert times.guessed == 3


def test_the_ends_of_the_range_are_guesses(times):
    for value in (1, 21):
        times.guess(value)
        assert times.guessed == value


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (0.9, "0.9 is outside the range. A guess here is a number from 1 to 21 times."),
        (22, "22 is outside the range."),
        (float("nan"), "A finite number is asked for"),
        ("four", "A number is asked for, not 'four' (str). A guess here is a number from 1"),
        (torch.zeros(2), "not an array of the shape (2,)"),
        (None, "A number is asked for"),
    ],
)
def test_no_guess_gets_a_sentence_and_is_not_kept(times, said, value, sentence):
    assert sentence in said(times.guess, value)
    assert times.guessed is None


def test_a_later_slip_does_not_lose_an_earlier_guess(times, said):
    times.guess(3)
    said(times.guess, "x")
    assert times.guessed == 3


def test_a_blank_is_asked_for_and_stops_nothing(times, which, said):
    assert "put a number from 1 to 21 times in the place of ____" in said(times.guess, ____)
    assert "put one of 'linear', 'conv' in the place" in said(which.guess, ____)
    assert said(times.reveal, 6.24) == "It is 6.24 times. Pixels repeat."


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(2, "Too low."), (20, "Too high."), (4.3, "Close."), (8.1, "Close."), (8.3, "Too high.")],
)
def test_how_far_a_number_was_is_said(times, said, value, verdict):
    times.guess(value)
    expected = f"You guessed {value:g} times; it is 6.2 times. {verdict} Pixels repeat."
    assert said(times.reveal, 6.2) == expected


def test_without_a_measurement_it_is_the_answer(times, which, said):
    assert "It is 4 times." in said(times.reveal)
    assert 'It is "conv".' in said(which.reveal)


def test_a_choice_is_right_or_not(which, said):
    which.guess("linear")
    assert said(which.reveal, "conv") == (
        'You guessed "linear"; it is "conv". Not what happens. It bends.'
    )
    assert "Right." in said(which.reveal, "linear")  # as measured, on a stand-in perhaps


@pytest.mark.parametrize("value", ["Conv", 1, torch.zeros(2), None])
def test_no_choice_names_the_choices(which, said, value):
    assert "is not one of the answers. A guess here is one of 'linear', 'conv'." in said(
        which.guess, value
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"answer": 1},
        {"answer": 1, "low": 2, "high": 3},
        {"answer": "c", "choices": ("a", "b")},
    ],
)
def test_a_guess_without_a_right_one_is_refused(settings):
    with pytest.raises(ValueError, match="guess"):
        Guess("?", "So.", **settings)
