"""A training run as it goes: errors, learning rate, network and pictures."""

import warnings
from contextlib import suppress

import torch


class Board:
    """Writes a run's errors, learning rate, network and pictures where TensorBoard finds them.

    Parameters
    ----------
    folder : path
        One folder a run; TensorBoard is given the folder above.
    model : Autoencoder
    images : torch.Tensor
        (N, C, H, W), for the drawing of the network.
    done : int
        Epochs that were completed before; what was logged after them is discarded.
    """

    def __init__(self, folder, model, images, done=0):
        from torch.utils.tensorboard import SummaryWriter  # here: it takes seconds to import

        self.writer = SummaryWriter(folder, purge_step=done + 1)
        if not done:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the tracer's notes on our checks of shapes
                self.writer.add_graph(model, images[:1])

    def log(self, history):
        """Write the last epoch of a history."""
        try:
            self._log(history)
        except OSError as error:
            warnings.warn(f"TensorBoard's file cannot be written: {error}", stacklevel=3)

    def _log(self, history):
        epoch = len(history)
        self.writer.add_scalar("error/train", history.train_error[-1], epoch)
        self.writer.add_scalar("error/validation", history.val_error[-1], epoch)
        for name, values in history.terms.items():
            self.writer.add_scalar(f"loss/{name}", values[-1], epoch)
        self.writer.add_scalar("learning rate", history.learning_rate[-1], epoch)
        if epoch in history.pictures:
            pairs = torch.cat([history.images, history.pictures[epoch]], dim=2)  # (N, C, 2H, W)
            self.writer.add_images("originals above reconstructions", pairs, epoch)
        self.writer.flush()

    def close(self):
        """Finish the file."""
        with suppress(OSError):  # log() has warned of it
            self.writer.close()
