"""A convolution and its transposed one, step by step on a small grid."""

import torch
from torch import nn

from aetutor.scenes import _glyphs
from aetutor.scenes._scene import Scene
from aetutor.scenes.parts import Choice, Number, Picture, Slider, Words

LARGEST, KERNEL, STRIDE, PADDING, OUTPUT_PADDING = 5, 4, 3, 2, 2  # as far as the sliders reach
PADDED = LARGEST + 2 * PADDING  # cells of the largest input, and output, of a convolution
GROWN = (LARGEST - 1) * STRIDE + KERNEL + OUTPUT_PADDING  # and of the largest transposed output
CELL = 32  # pixels of a cell, at most; fewer if there are many cells
INPUT, WEIGHTS, OUTPUT = 20 * PADDED + 1, 24 * KERNEL + 1, 16 * GROWN + 1  # pixels of pictures
# The numbers of the input and of the kernel, small, so that no sum has three digits.
PIXELS = ((1, 2, 0, 1, 3), (0, 1, 3, 2, 1), (2, 1, 1, 0, 2), (1, 0, 2, 3, 1), (3, 1, 0, 1, 2))
KERNELS = ((1, 2, 1, 0), (2, 0, 1, 1), (1, 1, 2, 0), (0, 1, 0, 2))
LINE, PAPER = (150, 150, 150), (228, 228, 228)
READ, WRITTEN = (255, 221, 110), (250, 160, 90)
SUMS = ((255, 255, 255), (222, 235, 247), (170, 206, 232), (120, 176, 220))  # by stamps so far
MESSAGES = (
    "Step {now} of {steps}: the yellow cells times the kernel, added up, give the orange cell.",
    "Step {now} of {steps}: the yellow cell times the kernel is stamped onto the orange cells. "
    "Where stamps overlap they add up: the more of them, the darker the blue.",
    "Nothing is computed yet: move the slider of steps, or let it play.",
    "There is no output: the kernel ({kernel}) is larger than the input with its padding "
    "({padded}).",
    "There is no output: the output padding ({output_padding}) must be smaller than the stride "
    "({stride}).",
    "There is no output: the padding cuts off all that is stamped.",
)
SIZES = (
    "Size by the formula: ({size} + 2 · {padding} - {kernel}) / {stride}, rounded down, + 1 = "
    "{formula}. Counted: {counted}.",
    "Size by the formula: ({size} - 1) · {stride} - 2 · {padding} + {kernel} + {output_padding} = "
    "{formula}. Counted: {counted}.",
    "",
)


class Stamp(Scene):
    """A convolution or a transposed one, one step after the other.

    Controls: ``way``, which of the two; ``values``, all ones or various numbers; ``size`` of the
    input, ``kernel``, ``stride``, ``padding``, ``output_padding`` of the transposed one; ``step``.
    A step of the convolution computes a cell of the output, one of the transposed convolution
    stamps a cell of the input. Pictures: ``input``, ``weights`` and ``output``. ``formula`` and
    ``counted`` are the output's size, by the formula and by counting its rows.
    """

    name = "stamp"

    def __init__(self):
        super().__init__()
        numbers = {"pixels": PIXELS, "kernels": KERNELS, "line": LINE, "paper": PAPER}
        numbers |= {"read": READ, "written": WRITTEN, "sums": SUMS}
        for name, given in numbers.items():
            tensor = torch.tensor(given, dtype=torch.float32, device="cpu")
            self.register_buffer(name, tensor, persistent=False)
        self.register_buffer("glyphs", _glyphs.numbers().flatten(), persistent=False)
        self.register_buffer("crossed", _crossed(), persistent=False)
        rooms = torch.tensor([INPUT, WEIGHTS, OUTPUT], device="cpu")
        self.register_buffer("rooms", rooms, persistent=False)

        def whole(name, label, low, high, value, **settings):
            return Slider(name, label, low, high, 1, float(value), decimals=0, **settings)

        self.controls = (
            Choice("way", "Operation", ("convolution", "transposed convolution"), 1),
            Choice("values", "Numbers", ("all ones", "various numbers")),
            whole("size", "Input", 1, LARGEST, 3),
            whole("kernel", "Kernel", 1, KERNEL, 3),
            whole("stride", "Stride", 1, STRIDE, 2),
            whole("padding", "Padding", 0, PADDING, 1),
            whole("output_padding", "Output padding", 0, OUTPUT_PADDING, 1),
            whole("step", "Step", 0, PADDED**2, 5, play=500, until="steps"),
        )
        what = (
            "of the {way} with an input of {size}, a kernel of {kernel}, stride {stride} and "
            "padding {padding}. {message}"
        )
        self.outputs = (
            Picture("input", "input", f"The input {what}", INPUT, INPUT, 1),
            Picture("weights", "kernel", "The kernel, {kernel} by {kernel}, {values}.",
                    WEIGHTS, WEIGHTS, 1),
            Picture("output", "output, {counted} by {counted}", f"The output {what} {{sizes}}",
                    OUTPUT, OUTPUT, 1),
            Words("message", MESSAGES),
            Words("sizes", SIZES),
            *(Number(name) for name in ("formula", "counted", "now", "steps", "padded")),
        )  # fmt: skip
        sliders = ("size", "kernel", "stride", "padding", "output_padding", "step")
        self.rows = (
            ("way", "values"),
            *((name,) for name in sliders),
            ("message",),
            ("input", "weights"),
            ("output",),
            ("sizes",),
        )

    def forward(self, way, values, *numbers):
        size, kernel, stride, padding, more, step = (each.round().long() for each in numbers)
        transposed = way == 1
        more = torch.where(transposed, more, 0)
        padded = size + 2 * padding
        counted = _counted(transposed, size, kernel, stride, padding, more)
        wrong = torch.where(
            transposed,
            torch.where(more >= stride, 4, torch.where(counted == 0, 5, 0)),
            torch.where(kernel > padded, 3, 0),
        )
        counted = torch.where(wrong > 0, 0, counted)
        formula = _formula(transposed, size, kernel, stride, padding, more)
        across = torch.where(transposed, size, counted)  # steps in a row
        steps = torch.where(wrong > 0, 0, across**2)
        now = torch.minimum(step, steps)
        pixels, weights = self.given(values, size, kernel)
        grids = _Grids(stride, padding, kernel, across, now)
        read, written = grids.touched(transposed)
        result, stamps, there = grids.computed(transposed, pixels, weights)
        inputs = torch.where(transposed, size, padded)
        counts = torch.stack([inputs, kernel, counted.clamp(min=1)])
        cell = (self.rooms // counts).amin(dim=0).clamp(max=CELL)
        blue = self.sums.index_select(0, stamps.clamp(max=3).flatten()).unflatten(0, (GROWN, GROWN))
        colours = torch.where(written[..., None], self.written, blue)
        output = self._drawn(result, colours, counted, cell, OUTPUT, there)
        message = torch.where(wrong > 0, wrong, torch.where(now == 0, 2, transposed.long()))
        return (
            self._input(pixels, torch.where(transposed, 0, padding), size, read, inputs, cell),
            self._kernel(weights, kernel, cell),
            torch.where(wrong > 0, self.crossed, output),
            message,
            torch.where(wrong > 0, 2, way),
            *(each.float() for each in (formula, counted, now, steps, padded)),
        )

    def given(self, values, size, kernel):
        """Return the numbers of the input, (5, 5), and of the kernel, (4, 4), 0 beyond them."""

        def cut(numbers, count):
            inside = torch.arange(len(numbers), device="cpu").to(count) < count
            numbers = torch.where(values == 0, 1.0, numbers)
            return torch.where(inside & inside[:, None], numbers, 0)

        return cut(self.pixels, size), cut(self.kernels, kernel)

    def _input(self, pixels, padding, size, read, count, cell):
        """The input as a picture, in its padding."""
        places = torch.arange(PADDED, device="cpu").to(padding) - padding
        inside = (places >= 0) & (places < size)
        inside = inside & inside[:, None]
        places = places.clamp(0, LARGEST - 1)
        shown = pixels.index_select(0, places).index_select(1, places) * inside
        ground = torch.where(inside[..., None], self.sums[0], self.paper)
        ground = torch.where(read[:PADDED, :PADDED, None], self.read, ground)
        return self._drawn(shown, ground, count, cell, INPUT)

    def _kernel(self, weights, kernel, cell):
        ground = self.sums[0].expand(KERNEL, KERNEL, 3)
        return self._drawn(weights, ground, kernel, cell, WEIGHTS)

    def _drawn(self, numbers, colours, count, cell, side, there=None):
        """The first ``count`` rows and columns as cells, those that are there with their number.

        Without ``there``, all are.
        """
        places = torch.arange(side, device="cpu").to(cell)
        row, within = (places // cell).clamp(max=len(numbers) - 1), places % cell
        inside = places <= count * cell  # with the line that ends the last cell
        scale = ((cell - 2) // _glyphs.WIDTH).clamp(min=1)
        down = _in_glyph(within, cell, scale, _glyphs.HEIGHT)
        right = _in_glyph(within, cell, scale, _glyphs.WIDTH)
        value = (numbers + 0.5).long().index_select(0, row).index_select(1, row)
        glyph = (value * _glyphs.HEIGHT + down[:, None].clamp(min=0)) * _glyphs.WIDTH
        inked = self.glyphs.index_select(0, (glyph + right.clamp(min=0)).flatten())
        inked = inked.reshape(side, side) & (down[:, None] >= 0) & (right >= 0)
        if there is not None:
            inked = inked & there.index_select(0, row).index_select(1, row)
        # Colours come first: engines take ten times as long for conditions that come before them.
        shown = colours.permute(2, 0, 1).index_select(1, row).index_select(2, row)
        border = (within == 0) | (within == 0)[:, None]
        shown = torch.where(border, self.line[:, None, None], shown)
        shown = torch.where(inked, 0, shown)
        shown = torch.where(inside & inside[:, None], shown, 255)
        return nn.functional.pad(shown.permute(1, 2, 0), (0, 1), value=255).to(torch.uint8)


class _Grids:
    """Which cells of a small grid and of a large one belong together, and what they hold.

    The i-th window begins at the place ``i * stride - padding`` of the large grid. A convolution
    reads there, and writes the small grid; a transposed convolution reads the small grid, and
    writes there.
    """

    def __init__(self, stride, padding, kernel, across, now):
        self.kernel, self.padding = kernel, padding
        small, self.large, beside = (
            torch.arange(count, device="cpu").to(stride) for count in (PADDED, GROWN, KERNEL)
        )
        starts = small * stride
        table = starts[:, None, None] + beside[:, None] - padding == self.large
        self.table = table.float().flatten(0, 1)  # (9 windows x 4 cells, 18 places)
        self.done = (small < across) & (small[:, None] * across + small < now)  # (9, 9)
        last, across = (now - 1).clamp(min=0), across.clamp(min=1)
        row, column = last // across, last % across
        self.begun = now > 0
        self.cell = _wider(self.begun & (small == row)[:, None] & (small == column), GROWN)
        self.starts = row * stride, column * stride

    def touched(self, transposed):
        """Cells that the step reads, counted in the padding, and that it writes; (18, 18) each."""
        shift = torch.where(transposed, self.padding, 0)
        down, right = (
            (self.large >= start - shift) & (self.large < start - shift + self.kernel)
            for start in self.starts
        )
        window = self.begun & down[:, None] & right
        return _either(transposed, self.cell, window), _either(transposed, window, self.cell)

    def computed(self, transposed, pixels, weights):
        """The output's numbers after the steps so far, how many stamps each has, which are there.

        Each (18, 18). In a convolution a cell is there once it has been computed.
        """
        done = self.done.float()
        patches = self.table @ _wider(pixels, GROWN) @ self.table.T
        patches = patches.unflatten(1, (PADDED, KERNEL)).unflatten(0, (PADDED, KERNEL))
        read = (patches * weights[:, None]).sum(dim=(1, 3)) * done
        beside = torch.arange(KERNEL, device="cpu").to(self.kernel) < self.kernel
        stamps = self._stamped(done, (beside & beside[:, None]).float())
        stamped = self._stamped(_wider(pixels, PADDED) * done, weights)
        return (
            torch.where(transposed, stamped, _wider(read, GROWN)),
            torch.where(transposed, stamps, 0).round().long(),
            transposed | _wider(self.done, GROWN),
        )

    def _stamped(self, small, weights):
        """Every cell of a small grid times the weights, added up in the large one."""
        spread = small[:, None, :, None] * weights[:, None]  # (9, 4, 9, 4)
        spread = spread.flatten(2).flatten(0, 1)  # (36, 36)
        return self.table.T @ spread @ self.table


def _either(condition, one, other):
    """What torch.where gives, for truth values: the engine of the pages has no Where for them."""
    return (condition & one) | (~condition & other)


def _wider(grid, side):
    """A square grid with zeros added on the right and at the bottom."""
    more = side - len(grid)
    return nn.functional.pad(grid.float(), (0, more, 0, more)).to(grid.dtype)


def _formula(transposed, size, kernel, stride, padding, more):
    shrunk = (size + 2 * padding - kernel) // stride + 1
    return torch.where(transposed, (size - 1) * stride - 2 * padding + kernel + more, shrunk)


def _counted(transposed, size, kernel, stride, padding, more):
    """Rows of the output, one by one: windows that fit, or rows that are not cut off."""
    places = torch.arange(GROWN, device="cpu").to(size)
    fit = places * stride + kernel <= size + 2 * padding
    uncut = (size - 1) * stride + kernel + more
    kept = (places >= padding) & (places < uncut - padding)
    return _either(transposed, kept, fit).sum()


def _in_glyph(within, cell, scale, length):
    """Which pixel of a glyph those of a cell show, and -1 beside it."""
    place = (within - (cell - scale * length) // 2) // scale
    return torch.where((place >= 0) & (place < length), place, -1)


def _crossed():
    """A crossed-out box, for an output that does not exist, uint8 (OUTPUT, OUTPUT, 4)."""
    places = torch.arange(OUTPUT, device="cpu")
    across, down = places, places[:, None]
    lines = ((across - down).abs() < 2) | ((across + down - OUTPUT + 1).abs() < 2)
    edges = [(each < 3) | (each >= OUTPUT - 3) for each in (across, down)]
    shown = torch.full((OUTPUT, OUTPUT, 4), 255, dtype=torch.uint8, device="cpu")
    shown[lines | edges[0] | edges[1]] = torch.tensor([150, 150, 150, 255], dtype=torch.uint8)
    return shown
