"""The stage: plays any scene with ipywidgets, and knows none by name.

Pictures are written here, never by pyplot: in JupyterLab a slider's callback runs on a thread of
its own, where pyplot mixes up figures.
"""

import struct
import threading
import zlib
from functools import partial

import ipywidgets as widgets
from traitlets import Unicode

from aetutor.explore._controls import VALUE, widget_of
from aetutor.scenes import fill
from aetutor.scenes.parts import Bar, Counter, Picture, Point, Reset, Slider

PIXELS, WORDS = "aetutor-pixels", "aetutor-words"  # classes of what is on the page


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
        part = self.parts[control.name] = widget_of(control)
        if isinstance(control, Counter):
            part.on_click(partial(self._count, control))
        elif isinstance(control, Reset):
            part.on_click(partial(self._reset, control))
        else:
            part.observe(partial(self._moved, control), VALUE[type(control)])
        beside = []
        if isinstance(control, Slider) and control.note:
            beside.append(widgets.Label(control.note))
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
                part.title = _words(output.title, layout=layout)
                return widgets.VBox([part.title, part])
            button = self.parts[f"{output.name}_button"] = widgets.Button(layout=layout)
            button.on_click(partial(self._click, output))
            return widgets.VBox([part, button])
        if isinstance(output, Bar):
            part = self.parts[output.name] = widgets.FloatProgress(max=1)
            part.label = _words()
            return _row([part, part.label])
        return self.parts.setdefault(output.name, _words())

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


def _row(parts):
    return widgets.HBox(parts, layout=widgets.Layout(flex_flow="row wrap"))


def _words(text="", **settings):
    """A label that breaks its lines instead of cutting them off."""
    label = widgets.Label(text, **settings)
    label.add_class(WORDS)
    return label


def _style():
    """What leaves the pixels of enlarged pictures square, and lets labels have several lines."""
    return widgets.HTML(
        f"<style>.{PIXELS} {{ image-rendering: pixelated; }} .widget-label.{WORDS} "
        "{ height: auto; white-space: normal; line-height: 1.4; }</style>",
        layout=widgets.Layout(display="none"),
    )
