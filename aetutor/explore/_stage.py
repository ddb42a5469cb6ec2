"""The stage: plays any scene with ipywidgets, and knows none by name.

Pictures are written here, never by pyplot: in JupyterLab a slider's callback runs on a thread of
its own, where pyplot mixes up figures.
"""

import struct
import threading
import zlib
from functools import partial

import ipywidgets as widgets
from traitlets import Tuple, Unicode

from aetutor.scenes import fill
from aetutor.scenes.parts import (
    Bar,
    Choice,
    Counter,
    Picker,
    Picture,
    Point,
    Reset,
    Slider,
    Surface,
)

PIXELS = "aetutor-pixels"  # class of the pictures on the page
# The part of a control's widget that has its value, to be read, set and observed.
VALUE = {Slider: "value", Picker: "value", Choice: "index", Surface: "index", Point: "value"}


class Stage:
    """A scene's controls and what they show.

    Every control and every output that the scene shows is a widget, and an attribute by its name
    in the scene; beside these ``<slider>_play``, the player of a slider that has one, and
    ``<picture>_button``, the button below a picture that can be clicked.

    Parameters
    ----------
    scene : Scene

    Attributes
    ----------
    scene : Scene
    parts : dict of str to ipywidgets.Widget
        The widgets by name.
    widget : ipywidgets.Widget
        All of it.
    """

    def __init__(self, scene):
        self.scene, self.parts = scene, {}
        self._lock = threading.RLock()  # callbacks come on several threads: one at a time
        self._counts = {c.name: c.value for c in scene.controls if isinstance(c, Counter)}
        self._frames = None  # of the slider that plays, at each of its steps
        named = {name for row in scene.rows for name in row}
        self._outputs = [output for output in scene.outputs if output.name in named]
        boxes = {control.name: self._add_control(control) for control in scene.controls}
        boxes |= {output.name: self._add_output(output) for output in self._outputs}
        rows = [_row([boxes[name] for name in row]) for row in scene.rows]
        self.widget = widgets.VBox([*rows, _style()])
        self._show()

    def __getattr__(self, name):
        parts = self.__dict__.get("parts", {})
        if name not in parts:
            raise AttributeError(f"there is no part {name!r}; the parts are {', '.join(parts)}")
        return parts[name]

    def __dir__(self):
        return [*super().__dir__(), *self.parts]

    def _add_control(self, control):
        part = self.parts[control.name] = _widget_of(control)
        if isinstance(control, Counter):
            part.on_click(partial(self._count, control))
        elif isinstance(control, Reset):
            part.on_click(partial(self._reset, control))
        else:
            part.observe(partial(self._moved, control), VALUE[type(control)])
        beside = [widgets.Label(control.note)] if getattr(control, "note", "") else []
        if getattr(control, "play", None):
            last = len(control.path) - 1 if isinstance(control, Point) else control.steps
            player = widgets.Play(max=last, interval=control.play, description="Play")
            self.parts[f"{control.name}_play"] = player
            player.observe(partial(self._play, control), "value")
            beside.append(player)
        return _row([part, *beside])

    def _add_output(self, output):
        if isinstance(output, Picture):
            part = self.parts[output.name] = _Image(output)
            layout = widgets.Layout(width=f"{part.width}px")
            if not output.click:
                part.title = widgets.Label(output.title, layout=layout)
                return widgets.VBox([part.title, part])
            button = self.parts[f"{output.name}_button"] = widgets.Button(layout=layout)
            button.on_click(partial(self._click, output))
            return widgets.VBox([part, button])
        if isinstance(output, Bar):
            part = self.parts[output.name] = widgets.FloatProgress(max=1)
            part.label = widgets.Label()
            return _row([part, part.label])
        return self.parts.setdefault(output.name, widgets.Label())

    def _moved(self, control, _):
        with self._lock:
            self._show(control)

    def _count(self, control, _):
        with self._lock:
            self._counts[control.name] = (self._counts[control.name] + 1) % control.count
            self._show()

    def _reset(self, reset, _):
        with self._lock:
            for control in self.scene.controls:
                if control.name in reset.controls:
                    self._set(control, control.value)

    def _play(self, control, _):
        with self._lock:
            step = self.parts[f"{control.name}_play"].value
            if isinstance(control, Point):
                return self._set(control, control.path[step])
            # Not after a hand's move, which has set the player: 57 * 0.01 is not quite 0.57, and to
            # send that back would undo what the hand has done since.
            if step != control.step_of(self.parts[control.name].value):
                self._set(control, control.low + step * control.step)

    def _click(self, output, _):
        with self._lock:
            target, value = output.click
            (control,) = (c for c in self.scene.controls if c.name == target)
            self._set(control, self._shown[value].item())

    def _set(self, control, value):
        setattr(self.parts[control.name], VALUE[type(control)], value)

    def _values(self):
        return self._counts | {
            control.name: getattr(self.parts[control.name], VALUE[type(control)])
            for control in self.scene.controls
            if type(control) in VALUE
        }

    def _show(self, moved=None):
        """Compute what the controls ask for, and show it; ``moved`` is the slider that moved."""
        values = self._values()
        if isinstance(moved, Slider) and moved.play:
            step = moved.step_of(values[moved.name])
            self.parts[f"{moved.name}_play"].value = step  # to play on from there
            if moved.until:
                self._shown = self.scene.show(**values)
            else:
                # All frames of an animation are computed at its first move, which takes less than
                # one by one; a new pair of images need not wait for them.
                self._frames = self._frames or self.scene.frames(moved.name, values)
                self._shown = self._frames[step]
        else:
            self._frames, self._shown = None, self.scene.show(**values)
        words = self.scene.in_words(values, self._shown)
        for output in self._outputs:
            part, value = self.parts[output.name], self._shown[output.name]
            if isinstance(output, Picture):
                part.draw(value, fill(output.alt, words))
                if output.click:
                    self.parts[f"{output.name}_button"].description = fill(output.title, words)
                else:
                    part.title.value = fill(output.title, words)
            elif isinstance(output, Bar):
                part.value, part.label.value = value.item(), fill(output.label, words)
            else:
                part.value = words[output.name]
        for control in self.scene.controls:
            if getattr(control, "until", None):
                end = max(control.low + control.step, self._shown[control.until].item())
                self.parts[control.name].max = self.parts[f"{control.name}_play"].max = end


class _Place(widgets.VBox):
    """Two sliders for a place on a picture; ``value`` is both."""

    value = Tuple()

    def __init__(self, control):
        self.description = control.label
        ways = zip(("right", "up"), control.value, strict=True)
        self._sliders = [
            _slider(f"{control.label}, {way}", value, 0, 1, control.step, ".2f")
            for way, value in ways
        ]
        super().__init__(self._sliders, value=tuple(control.value))
        for slider in self._sliders:
            slider.observe(self._slid, "value")
        self.observe(self._moved, "value")

    def _slid(self, _):
        self.value = tuple(slider.value for slider in self._sliders)

    def _moved(self, change):
        with self.hold_trait_notifications():
            for slider, value in zip(self._sliders, change["new"], strict=True):
                slider.value = value


class _Image(widgets.Image):
    """A picture with a title, and words for those who do not see it.

    ipywidgets 8 makes ``tooltip`` the image's title on the page, if it has a description, too.
    """

    tooltip = Unicode().tag(sync=True)
    description = Unicode().tag(sync=True)

    def __init__(self, output):
        width, height = (output.times * side for side in (output.width, output.height))
        super().__init__(format="bmp", width=width, height=height)
        self.add_class(PIXELS)
        self._pixels = self._data = None

    def draw(self, pixels, words):
        if pixels is self._pixels and words == self.tooltip:
            return
        self._pixels, data = pixels, bmp(pixels)
        with self.hold_sync():
            if data != self._data:  # traitlets would compare, too, but in Python
                self.value = self._data = data
            self.tooltip = words


def bmp(pixels):
    """Return RGBA pixels, uint8 (height, width, 4), as the bytes of a BMP file.

    In their own size: the page enlarges them, for to send every pixel fifty times would take most
    of a frame's time. Every browser shows BMP, and a PNG takes seven times as long to make.
    """
    height, width, _ = pixels.shape
    data = pixels.numpy().tobytes()
    # The fourth version of the header says which byte is which colour, red first. A negative
    # height: the first row is the top one.
    masks = (0xFF, 0xFF00, 0xFF0000, 0xFF000000)
    header = struct.pack(
        "<IiiHHIIiiII4I52x", *(108, width, -height, 1, 32, 3, len(data), 0, 0, 0, 0), *masks
    )
    start = 14 + len(header)
    # The third field is free: a checksum in it lets traitlets, which compares pictures byte by
    # byte, see soon that two differ.
    first = struct.pack("<2sIII", b"BM", start + len(data), zlib.crc32(data), start)
    return first + header + data


def _widget_of(control):
    named = {"description": control.label}
    if isinstance(control, Counter | Reset):
        return widgets.Button(**named)
    named["style"] = {"description_width": "110px"}
    if isinstance(control, Picker):
        layout = widgets.Layout(width="220px")
        return widgets.BoundedIntText(control.value, max=control.count - 1, layout=layout, **named)
    if isinstance(control, Choice | Surface):
        return widgets.Dropdown(options=control.options, index=control.value, **named)
    if isinstance(control, Point):
        return _Place(control)
    written = f".{control.decimals}{'%' if control.percent else 'f'}"
    ends = control.low, control.high
    return _slider(control.label, control.value, *ends, control.step, written)


def _slider(label, value, low, high, step, written):
    return widgets.FloatSlider(
        value,
        min=low,
        max=high,
        step=step,
        readout_format=written,
        description=label,
        style={"description_width": "110px"},
        layout=widgets.Layout(width="448px"),
    )


def _row(parts):
    return widgets.HBox(parts, layout=widgets.Layout(flex_flow="row wrap"))


def _style():
    """What leaves the pixels of enlarged pictures square."""
    return widgets.HTML(
        f"<style>.{PIXELS} {{ image-rendering: pixelated; }}</style>",
        layout=widgets.Layout(display="none"),
    )
