"""Ways to train: the textbook's, the fast one, and one for flows."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from aetutor import together
from aetutor.checks import known_name
from aetutor.muon import Muon

FAINT = 1e-30  # float32 becomes denormal below 1e-38
WARM_UP = 0.03  # share of all steps in which the fast recipe's learning rate rises


@dataclass
class Stepper:
    """Changes the weights step by step: optimisers, and schedules of their learning rates.

    Attributes
    ----------
    optimizers : list of torch.optim.Optimizer
    step_schedules : list
        To be stepped after every batch.
    epoch_schedules : list
        To be stepped after every epoch, with the held-out error.
    """

    optimizers: list
    step_schedules: list
    epoch_schedules: list

    def learning_rate(self):
        """Return the present learning rate of the weights."""
        return self.optimizers[0].param_groups[0]["lr"]

    def step(self):
        """Update the weights from their gradients, and clear these."""
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        for schedule in self.step_schedules:
            schedule.step()

    def end_epoch(self, val_error):
        """Update the learning rates after an epoch, where the schedule asks for it."""
        for schedule in self.epoch_schedules:
            schedule.step(val_error)

    @torch.no_grad()
    def flush(self):
        """Set weights and momenta to zero once they have decayed to almost nothing.

        Those of a pixel that is hardly ever lit shrink by the same factor at every step, until they
        are denormal numbers, with which processors are many times slower.
        """
        for optimizer in self.optimizers:
            for weight, state in optimizer.state.items():
                for tensor in (weight, *(v for v in state.values() if v.ndim)):
                    tensor.masked_fill_(tensor.abs() < FAINT, 0.0)

    def state_dict(self):
        """Return the state of every part, as lists in a dictionary."""
        return {name: [part.state_dict() for part in parts] for name, parts in vars(self).items()}

    def load_state_dict(self, state):
        """Restore every part from a state that :meth:`state_dict` returned."""
        for name, parts in vars(self).items():
            for part, part_state in zip(parts, state[name], strict=True):
                part.load_state_dict(part_state)


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes
    ----------
    learning_rate : float
    batch_size : int
    description : str
        In words, for the card of a trained model.
    prepare : callable
        ``prepare(model, learning_rate, steps)`` gives the :class:`Stepper` for that many steps.
    """

    learning_rate: float
    batch_size: int
    description: str
    prepare: Callable


def _textbook(model, learning_rate, steps):
    adam = torch.optim.Adam(model.parameters(), lr=learning_rate, weight_decay=1e-5, fused=True)
    plateau = ReduceLROnPlateau(adam, factor=0.2, patience=20, min_lr=5e-5)
    return Stepper([adam], [], [plateau])


def _fast(model, learning_rate, steps):
    parameters = list(model.parameters())
    optimizers = [
        Muon([p for p in parameters if p.ndim >= 2], lr=learning_rate, each=together.each),
        torch.optim.Adam(
            [p for p in parameters if p.ndim < 2], lr=3e-3, betas=(0.9, 0.98), fused=True
        ),
    ]

    return _up_and_down(optimizers, steps)


def _to_zero(model, learning_rate, steps):
    return _up_and_down([torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True)], steps)


def _up_and_down(optimizers, steps):
    """The learning rates from nearly nothing up, then down to 0 at the last step."""

    def share(step):
        done = (step + 1) / (steps + 1)
        return min(done / WARM_UP, (1 - done) / (1 - WARM_UP))

    return Stepper(optimizers, [LambdaLR(optimizer, share) for optimizer in optimizers], [])


RECIPES = {
    "adam": Recipe(
        1e-3,
        64,
        "Adam, weight decay 1e-5, learning rate x 0.2 after 20 epochs of no gain",
        _textbook,
    ),
    "muon": Recipe(
        0.02,
        128,
        "Muon, Adam 3e-3 on the biases, learning rate up for 3 % of the steps, then to 0",
        _fast,
    ),
    "adam-to-zero": Recipe(
        1e-3,
        256,
        "Adam, learning rate up for 3 % of the steps, then to 0",
        _to_zero,
    ),
}


def recipe(name):
    """Return the recipe ``"adam"`` (the textbook's), ``"muon"`` or ``"adam-to-zero"``.

    Raises
    ------
    ValueError
        If there is no recipe of that name.
    """
    return RECIPES[known_name("optimizer", name, RECIPES)]
