"""Which cells of a notebook an answer needs."""

import builtins
import re
import symtable

from IPython.core.inputtransformer2 import TransformerManager

KERNELS_OWN = {"get_ipython", "display", "In", "Out", "_", "__", "___", "__name__", "__file__"}
CHECKS = re.compile(r"lesson_\d+$")  # only check cells need it, and the grader has its own
BINDS = re.compile(r"^(?:(?:def|class) +)?(\w+) *[(:=]", re.MULTILINE)


class Cell:
    """A cell of code, with the names that it binds and those that it takes from others."""

    def __init__(self, source):
        self.source = source
        self.bound, self.needed, self.takes_all = set(), set(), False
        try:
            python = TransformerManager().transform_cell(source)
            self.takes_all = bool(re.search(r"\bimport +\*", python))
            self._look_into(symtable.symtable(python, "a cell", "exec"), outermost=True)
        except SyntaxError:  # when it is run, the student's sentence comes from Python
            self.bound = set(BINDS.findall(source))

    def _look_into(self, scope, *, outermost=False):
        for symbol in scope.get_symbols():
            if outermost or symbol.is_global():
                if symbol.is_assigned() or symbol.is_imported():
                    self.bound.add(symbol.get_name())
                if symbol.is_referenced():
                    self.needed.add(symbol.get_name())
        for inner in scope.get_children():
            self._look_into(inner)


def needed_cells(cells, last):
    """Return the numbers of the cells that one needs, itself included, and names that none binds.

    A name is taken from the nearest cell above that binds it, or else from the nearest below.
    """
    found, undefined = {number for number, cell in enumerate(cells) if cell.takes_all}, set()
    names_all = bool(found)
    waiting = [last, *found]
    found.add(last)
    while waiting:
        number = waiting.pop()
        for name in cells[number].needed - set(dir(builtins)) - KERNELS_OWN:
            binders = [other for other, cell in enumerate(cells) if name in cell.bound]
            above = [other for other in binders if other < number]
            nearest = max(above, default=min(binders, default=None))
            if nearest is None and not CHECKS.match(name):
                undefined.add(name)
            elif nearest is not None and nearest not in found:
                found.add(nearest)
                waiting.append(nearest)
    return sorted(found), set() if names_all else undefined
