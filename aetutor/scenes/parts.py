"""The controls and outputs of a scene, as data that a stage turns into what a hand can move."""

import itertools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from aetutor.checks import whole_number


def in_words(value, decimals, percent, unit):
    """Return a number as it is shown: 0.5 as "0.5", "50%" or "0.5 standard deviations"."""
    return f"{100 * value:.{decimals}f}%" if percent else f"{value:.{decimals}f}{unit}"


@dataclass(frozen=True)
class Slider:
    """A number from ``low`` to ``high`` in steps, a float32.

    ``decimals``, ``percent`` and ``unit`` say how it is written, ``note`` stands beside it. With
    ``play``, a button moves it to its end by itself, so many milliseconds a step. ``until`` names
    an output whose value is the end instead of ``high``.
    """

    dtype: ClassVar[str] = "float32"
    shape: ClassVar[tuple] = ()
    name: str
    label: str
    low: float
    high: float
    step: float
    value: float
    decimals: int = 1
    percent: bool = False
    unit: str = ""
    note: str = ""
    play: int | None = None
    until: str | None = None

    @property
    def steps(self):
        return self.step_of(self.high)

    def step_of(self, value):
        """The number of steps from ``low`` to a value."""
        return round((value - self.low) / self.step)

    def checked(self, value):
        if not self.low <= value <= self.high:
            raise ValueError(f"{self.name} must be from {self.low} to {self.high}, got {value!r}")
        return float(value)

    def words(self, value):
        return in_words(value, self.decimals, self.percent, self.unit)


@dataclass(frozen=True)
class Whole:
    """What the controls have in common whose value is an int64 from 0 to below ``count``."""

    dtype: ClassVar[str] = "int64"
    shape: ClassVar[tuple] = ()
    name: str
    label: str

    def checked(self, value):
        return whole_number(self.name, value, 0, self.count - 1)

    def words(self, value):
        return str(value)


@dataclass(frozen=True)
class Picker(Whole):
    """The number of one of ``count`` images."""

    count: int
    value: int = 0


@dataclass(frozen=True)
class Choice(Whole):
    """One of several options, by its number."""

    options: tuple[str, ...]
    value: int = 0

    @property
    def count(self):
        return len(self.options)

    def words(self, value):
        return self.options[value]


@dataclass(frozen=True)
class Counter(Whole):
    """A button that counts from 0 to below ``count`` and begins anew: "another image"."""

    count: int
    value: int = 0


@dataclass(frozen=True)
class Surface:
    """A sheet to draw on: uint8, (side, side), from 0, nothing, to 255.

    The value is a sheet, or the number of one of ``sheets``, the drawings to start from, which
    ``options`` names. A stage that has no pen offers these alone, and says ``note``.
    """

    dtype: ClassVar[str] = "uint8"
    name: str
    label: str
    side: int
    options: tuple[str, ...]
    sheets: tuple[tuple[int, ...], ...]  # side * side numbers each, row by row
    note: str
    value: int = 0

    @property
    def shape(self):
        return self.side, self.side

    def checked(self, value):
        if not hasattr(value, "__len__"):
            value = self.sheets[whole_number(self.name, value, 0, len(self.sheets) - 1)]
        sheet = np.asarray(value)
        if sheet.size != self.side**2 or not ((sheet >= 0) & (sheet <= 255)).all():
            raise ValueError(
                f"{self.name} must be the number of a drawing or {self.side} x {self.side} numbers "
                f"from 0 to 255, got {sheet.size} numbers"
                + (f" from {sheet.min()} to {sheet.max()}" if sheet.size else "")
            )
        return sheet.reshape(self.shape).tolist()

    def words(self, value):
        sheet = tuple(itertools.chain(*self.checked(value)))
        return self.options[self.sheets.index(sheet)] if sheet in self.sheets else "your drawing"


@dataclass(frozen=True)
class Point:
    """A place on the output ``picture``, a float32 of two numbers from 0 to 1.

    They are shares of its width, from the left, and of its height, from the bottom; arrow keys
    move it by ``step``. A button plays the way along which a hand has drawn it, and before that
    the places of ``path``, so many milliseconds (``play``) each.
    """

    dtype: ClassVar[str] = "float32"
    shape: ClassVar[tuple] = (2,)
    name: str
    label: str
    picture: str
    step: float
    value: tuple[float, float]
    path: tuple[tuple[float, float], ...]
    play: int

    def checked(self, value):
        if len(value) != 2 or not all(0 <= share <= 1 for share in value):
            raise ValueError(f"{self.name} must be two numbers from 0 to 1, got {value!r}")
        return [float(share) for share in value]

    def words(self, value):
        right, up = (in_words(share, 0, True, "") for share in value)
        return f"{right} from the left, {up} from the bottom"


@dataclass(frozen=True)
class Reset:
    """A button that sets other controls, by name, back to their first values. No input."""

    dtype: ClassVar[None] = None
    name: str
    label: str
    controls: tuple[str, ...]


@dataclass(frozen=True)
class Picture:
    """Pixels, RGBA, uint8 (height, width, 4), each drawn ``times`` as large on the page.

    ``title`` stands above it; ``alt`` says what it shows. A click sets the control ``click[0]``
    to the value of the output ``click[1]``. With ``cells``, a slider's name, rows and columns, a
    click on one of its cells sets the slider to the number of the cell, which are counted row by
    row from the slider's lowest value; a stage that cannot tell the cells apart has the slider.
    """

    dtype: ClassVar[str] = "uint8"
    name: str
    title: str
    alt: str
    height: int
    width: int
    times: int
    click: tuple[str, str] | None = None
    cells: tuple[str, int, int] | None = None


@dataclass(frozen=True)
class Number:
    """A number, float32 or int64, for words and clicks; shown by itself if it is in a row."""

    name: str
    dtype: str = "float32"
    decimals: int = 0
    percent: bool = False
    unit: str = ""

    def words(self, value):
        return in_words(value, self.decimals, self.percent, self.unit)


@dataclass(frozen=True)
class Words:
    """One of several texts, by its number, an int64."""

    dtype: ClassVar[str] = "int64"
    name: str
    texts: tuple[str, ...]

    def words(self, value):
        return self.texts[value]


@dataclass(frozen=True)
class Bar:
    """A share, a float32 from 0 to 1, as the length of a bar, ``label`` beside it."""

    dtype: ClassVar[str] = "float32"
    name: str
    label: str

    def words(self, value):
        return in_words(value, 0, True, "")
