"""What a scene is: a function from the values of controls to pictures, with both described as data.

A stage shows the controls, calls the scene with their values, and shows what comes back. All that
it has to know stands in :func:`describe`; so one stage plays every scene, here and on a web page.
"""

import operator
import re
from dataclasses import asdict, dataclass
from typing import ClassVar

import torch
from torch import nn

LARGE = 224  # about so many pixels a side of a picture on the page; a multiple of 28 and of 32


def in_words(value, decimals, percent, unit):
    """Return a number as it is shown: 0.5 as "0.5", "50%" or "0.5 standard deviations"."""
    return f"{100 * value:.{decimals}f}%" if percent else f"{value:.{decimals}f}{unit}"


@dataclass(frozen=True)
class Slider:
    """A number from ``low`` to ``high`` in steps, a float32.

    ``decimals``, ``percent`` and ``unit`` say how it is written, ``note`` stands beside it. With
    ``play``, a button moves it to its end by itself, so many milliseconds a step.
    """

    dtype: ClassVar[str] = "float32"
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
    name: str
    label: str

    def checked(self, value):
        try:
            number = operator.index(value)
        except TypeError:
            number = -1
        if not 0 <= number < self.count:
            raise ValueError(
                f"{self.name} must be a whole number from 0 to {self.count - 1}, got {value!r}"
            )
        return number

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
    to the value of the output ``click[1]``.
    """

    dtype: ClassVar[str] = "uint8"
    name: str
    title: str
    alt: str
    height: int
    width: int
    times: int
    click: tuple[str, str] | None = None


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


class Scene(nn.Module):
    """What all scenes share; each has ``controls``, ``outputs`` and ``rows``, and a ``forward``.

    ``forward`` takes a tensor of no dimensions for each control that has a value, in their order,
    and returns a tensor for each output, in theirs. It is pure: the same values give the same
    pictures. So that it can be exported, nothing in it depends on a tensor's value but through
    ``torch.where`` and the like; what is random is drawn beforehand.

    Texts of outputs may hold ``{name}``, which stands for the value in words of the control or
    output of this name.

    Attributes
    ----------
    name : str
    controls : tuple of Slider, Picker, Choice, Counter or Reset
    outputs : tuple of Picture, Number, Words or Bar
    rows : tuple of tuple of str
        Names of controls and outputs, as they stand beside and below each other. An output that
        is in none is not shown by itself.
    """

    name = ""
    controls = outputs = rows = ()

    @property
    def inputs(self):
        """The controls that have a value."""
        return [control for control in self.controls if control.dtype]

    def defaults(self):
        """Return the first value of each control, by name."""
        return {control.name: control.value for control in self.inputs}

    def arguments(self, values):
        """Return the tensors that ``forward`` takes.

        Parameters
        ----------
        values : dict of str to number
            By the controls' names; those left out have their first value.

        Raises
        ------
        ValueError
            If there is no control of a name, or its value is out of range.
        """
        unknown = values.keys() - self.defaults().keys()
        if unknown:
            raise ValueError(
                f"there is no control {', '.join(sorted(unknown))}; "
                f"the controls are {', '.join(self.defaults())}"
            )
        values = self.defaults() | values
        return tuple(
            torch.tensor(
                control.checked(values[control.name]),
                dtype=getattr(torch, control.dtype),
                device="cpu",
            )
            for control in self.inputs
        )

    def show(self, **values):
        """Return what is shown for values of controls, by the outputs' names.

        Raises
        ------
        ValueError
            If there is no control of a name, or its value is out of range.
        """
        with torch.inference_mode():
            shown = self(*self.arguments(values))
        return dict(zip((output.name for output in self.outputs), shown, strict=True))

    def in_words(self, values, shown):
        """Return every control's and output's value as text, by name.

        Parameters
        ----------
        values : dict of str to number
            Of all controls.
        shown : dict of str to torch.Tensor
            As :meth:`show` returns it.
        """
        words = {control.name: control.words(values[control.name]) for control in self.inputs}
        spoken = [output for output in self.outputs if not isinstance(output, Picture)]
        words |= {output.name: output.words(shown[output.name].item()) for output in spoken}
        return {name: fill(text, words) for name, text in words.items()}

    def frames(self, name, values):
        """Return what is shown at every step of a slider, computed at once.

        Parameters
        ----------
        name : str
            Of the slider.
        values : dict of str to number
            Of the other controls.

        Returns
        -------
        list of dict
            One a step, each as :meth:`show` returns it.
        """
        place = [control.name for control in self.inputs].index(name)
        slider = self.inputs[place]
        steps = round((slider.high - slider.low) / slider.step) + 1
        arguments = list(self.arguments(values))
        arguments[place] = torch.linspace(
            slider.low, slider.high, steps, dtype=torch.float32, device="cpu"
        )
        over = tuple(0 if number == place else None for number in range(len(arguments)))
        with torch.inference_mode():
            shown = torch.vmap(self, over)(*arguments)
        names = [output.name for output in self.outputs]
        return [dict(zip(names, frame, strict=True)) for frame in zip(*shown, strict=True)]


def fill(template, words):
    """Return a text in which each ``{name}`` that is known is replaced by its words."""
    return re.sub(r"\{(\w+)\}", lambda found: words.get(found[1], found[0]), template)


def describe(scene):
    """Return all that a stage must know of a scene, as JSON can hold it.

    Returns
    -------
    dict
        ``name``; ``controls`` and ``outputs``, each a dict of its fields with its ``kind`` (the
        class's name in small letters) and ``dtype`` (None without an input); ``rows``. The
        inputs of the exported scene are the controls with a dtype, all without dimensions; its
        outputs are ``outputs``.
    """

    def fields(part):
        return {"kind": type(part).__name__.lower(), "dtype": part.dtype} | asdict(part)

    return {
        "name": scene.name,
        "controls": [fields(control) for control in scene.controls],
        "outputs": [fields(output) for output in scene.outputs],
        "rows": [list(row) for row in scene.rows],
    }


def picture(name, title, alt, image_shape, *, columns=1, rows=1, side=LARGE, click=None):
    """Declare a picture of images (C, H, W) in a grid, a white line between two.

    Each is enlarged to about ``side`` pixels, a whole number of times, so that all pixels are
    drawn alike.
    """
    _, height, width = image_shape
    return Picture(
        name,
        title,
        alt,
        height=rows * (height + 1) - 1,
        width=columns * (width + 1) - 1,
        times=max(1, side // width),
        click=click,
    )


def pixels(images, value_range, columns=1):
    """Return images, (N, C, H, W) with C 1 or 3, as one picture, uint8 (height, width, 4).

    They stand in a grid, so many in a row (``columns`` divides N), a white line between two.
    """
    low, high = value_range
    scaled = ((images - low) * (255 / (high - low))).clamp(0, 255).round()
    tiles = nn.functional.pad(scaled.expand(-1, 3, -1, -1), (0, 1, 0, 1), value=255)
    rows, side = len(images) // columns, tiles.shape[2:]
    grid = tiles.reshape(rows, columns, 3, *side).permute(0, 3, 1, 4, 2)
    grid = grid.reshape(rows * side[0], columns * side[1], 3)[:-1, :-1]
    return nn.functional.pad(grid, (0, 1), value=255).to(torch.uint8)


class Images(nn.Module):
    """The images that a scene can show, kept as bytes, handed out by number.

    Parameters
    ----------
    images : torch.Tensor
        uint8, (N, C, H, W).
    value_range : tuple of float
        What the bytes 0 and 255 become.
    """

    def __init__(self, images, value_range):
        super().__init__()
        low, high = value_range
        self.low, self.step = low, (high - low) / 255
        self.register_buffer("bytes", images, persistent=False)

    def __len__(self):
        return len(self.bytes)

    def forward(self, numbers):
        """Return the images of numbers (B,), or of one without dimensions: (B, C, H, W)."""
        return self.bytes.index_select(0, numbers.reshape(-1)).float() * self.step + self.low


def choose(number, *ways):
    """Return what one of several functions without arguments gives, by its number.

    Here only that one is called. An exported scene has no branches: there all are computed, so
    they must give tensors of one shape.
    """
    if torch.compiler.is_compiling():
        return torch.stack([way() for way in ways]).index_select(0, number.reshape(1))[0]
    return ways[number.item()]()


def text_of_labels(labels, class_names=None):
    """Return the names of labels from 0 to the largest; the labels themselves without names."""
    return tuple(map(str, class_names or range(labels.max().item() + 1)))
