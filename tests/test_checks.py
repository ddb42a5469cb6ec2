import numpy as np
import pytest
import torch

from aetutor.checks import known_name, whole_number


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3), torch.tensor(3)])
def test_whole_numbers_may_be_numpys_or_torchs(value):
    number = whole_number("k", value, 3, 3)
    assert type(number) is int
    assert number == 3


@pytest.mark.parametrize("value", [0, 5, 2.0, np.float64(2), "2", None])
def test_other_numbers_are_refused(value):
    with pytest.raises(ValueError, match="k must be a whole number from 1 to 4, got "):
        whole_number("k", value, 1, 4)


def test_without_a_highest_number_there_is_none():
    assert whole_number("k", 10**9, 1) == 10**9
    with pytest.raises(ValueError, match="k must be a whole number of at least 1, got 0"):
        whole_number("k", 0, 1)


def test_an_unknown_name_gets_the_nearest():
    assert known_name("method", "linear", ("linear", "spherical")) == "linear"
    message = "method must be one of linear, spherical, got 'sperical'; did you mean 'spherical'?"
    with pytest.raises(ValueError) as caught:
        known_name("method", "sperical", ("linear", "spherical"))
    assert str(caught.value) == message
    for odd in (None, 3, ["linear"]):
        with pytest.raises(ValueError, match="method must be one of"):
            known_name("method", odd, {"linear": 1})
