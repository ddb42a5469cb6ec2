"""Checks of arguments that many functions share."""

import difflib
import operator


def whole_number(name, value, low, high=None):
    """Return a whole number as an ``int``; it may come as NumPy's or torch's.

    Parameters
    ----------
    name : str
        What the number is called in the message.
    value : object
    low, high : int
        Lowest and highest number allowed; without ``high`` there is no highest.

    Raises
    ------
    ValueError
        If the value is no whole number or lies outside these limits.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or number < low or (high is not None and number > high):
        allowed = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise ValueError(f"{name} must be a whole number {allowed}, got {value!r}")
    return number


def known_name(name, value, known):
    """Return a value that is one of the known names.

    Parameters
    ----------
    name : str
        What the value is called in the message.
    value : object
    known : iterable of str

    Raises
    ------
    ValueError
        If it is none of them; the message names them all, and the nearest.
    """
    known = list(known)
    if value not in known:
        (nearest,) = difflib.get_close_matches(str(value), known, n=1, cutoff=0)
        raise ValueError(
            f"{name} must be one of {', '.join(known)}, got {value!r}; did you mean {nearest!r}?"
        )
    return value
