"""What a scene is: a function from the values of controls to pictures, with both described as data.

A stage shows the controls, calls the scene with their values, and shows what comes back. All that
it has to know stands in :func:`describe`; so one stage plays every scene, here and on a web page.
"""

import re
from dataclasses import asdict

import torch
from torch import nn

from aetutor.scenes.parts import Picture, Words


class Scene(nn.Module):
    """What all scenes share; each has ``controls``, ``outputs`` and ``rows``, and a ``forward``.

    ``forward`` takes a tensor for each control that has a value, in their order and of their
    ``shape``, which is () for all but a :class:`Surface` and a :class:`Point`. It returns a tensor
    for each output, in theirs. It is pure: the same values give the same pictures. So that it can
    be exported, nothing in it depends on a tensor's value but through ``torch.where`` and the
    like; what is random is drawn beforehand.

    Texts of outputs may hold ``{name}``, which stands for the value in words of the control or
    output of this name.

    Attributes
    ----------
    name : str
    controls : tuple of Slider, Picker, Choice, Counter, Surface, Point or Reset
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
        values : dict
            By the controls' names: a number, a sheet or a place each; those left out have their
            first value.

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
        for output in sorted(spoken, key=lambda output: isinstance(output, Words)):
            words[output.name] = fill(output.words(shown[output.name].item()), words)
        return words

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
        arguments = list(self.arguments(values))
        arguments[place] = torch.linspace(
            slider.low, slider.high, slider.steps + 1, dtype=torch.float32, device="cpu"
        )
        over = tuple(0 if number == place else None for number in range(len(arguments)))
        with torch.inference_mode():
            shown = torch.vmap(self, over)(*arguments)
        # What is the same in all frames is one tensor, so that a stage need not look at it again.
        shown = [
            each.unbind() if each.stride(0) else [each[0]] * (slider.steps + 1) for each in shown
        ]
        names = [output.name for output in self.outputs]
        return [dict(zip(names, frame, strict=True)) for frame in zip(*shown, strict=True)]


def fill(template, words):
    """Return a text in which each ``{name}`` that is known is replaced by its words."""
    if "{" not in template:
        return template
    return re.sub(r"\{(\w+)\}", lambda found: words.get(found[1], found[0]), template)


def describe(scene):
    """Return all that a stage must know of a scene, as JSON can hold it.

    Returns
    -------
    dict
        ``name``; ``controls`` and ``outputs``, each a dict of its fields with its ``kind`` (the
        class's name in small letters) and ``dtype`` (None without an input), a control with its
        ``shape`` besides; ``rows``. The inputs of the exported scene are the controls with a
        dtype; its outputs are ``outputs``.
    """

    def fields(part):
        shape = {"shape": part.shape} if hasattr(part, "shape") else {}
        return {"kind": type(part).__name__.lower(), "dtype": part.dtype} | shape | asdict(part)

    return {
        "name": scene.name,
        "controls": [fields(control) for control in scene.controls],
        "outputs": [fields(output) for output in scene.outputs],
        "rows": [list(row) for row in scene.rows],
    }
