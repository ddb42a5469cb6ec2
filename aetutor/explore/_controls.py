"""The controls of a scene as widgets."""

import importlib.util
import sys

import ipywidgets as widgets
from traitlets import List, Tuple, link

from aetutor.scenes.parts import Choice, Counter, Picker, Point, Reset, Slider, Surface

# The part of a control's widget that has its value, to be read, set and observed.
VALUE = {Slider: "value", Picker: "value", Choice: "index", Surface: "value", Point: "value"}
LABELLED = {"description_width": "110px"}


def widget_of(control):
    """Return a control's widget; :data:`VALUE` says which of its attributes has the value."""
    named = {"description": control.label}
    if isinstance(control, Counter | Reset):
        return widgets.Button(**named)
    named["style"] = LABELLED
    if isinstance(control, Picker):
        layout = widgets.Layout(width="220px")
        return widgets.BoundedIntText(control.value, max=control.count - 1, layout=layout, **named)
    if isinstance(control, Choice):
        return widgets.Dropdown(options=control.options, index=control.value, **named)
    if isinstance(control, Surface):
        return Sheet(control)
    if isinstance(control, Point):
        return Place(control)
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
        style=LABELLED,
        layout=widgets.Layout(width="448px"),
    )


class Place(widgets.VBox):
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


class Sheet(widgets.VBox):
    """Drawings to start from, above a sheet to draw on; ``value`` is what is on it.

    The drawings alone where anywidget is missing, and in Colab, which by itself shows no widgets
    but those of ipywidgets.
    """

    value = List()

    def __init__(self, control):
        self.description = control.label
        self._control, first = control, list(control.sheets[control.value])
        self.drawings = widgets.Dropdown(
            options=control.options, index=control.value, description=control.label, style=LABELLED
        )
        super().__init__([self.drawings], value=first)
        self.drawings.observe(self._chosen, "index")
        self.observe(self._changed, "value")
        if "google.colab" in sys.modules or not importlib.util.find_spec("anywidget"):
            self.children += (widgets.Label(control.note),)
            return
        from aetutor.explore import _surface  # imports anywidget

        self.surface = _surface.Surface(value=first)
        link((self, "value"), (self.surface, "value"))
        self.clear = widgets.Button(description="Clear")
        self.clear.on_click(lambda _: self.set_trait("value", len(first) * [0]))
        self.children = (widgets.HBox([self.drawings, self.clear]), self.surface)

    def _chosen(self, change):
        if change["new"] is not None:
            self.value = list(self._control.sheets[change["new"]])

    def _changed(self, change):
        """What is drawn is none of the drawings any more."""
        sheet, sheets = tuple(change["new"]), self._control.sheets
        self.drawings.index = sheets.index(sheet) if sheet in sheets else None
