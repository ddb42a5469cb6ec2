"""What TensorBoard shows: a training run as it goes, and codes in its projector."""

import shutil
import warnings
from contextlib import suppress
from pathlib import Path

import torch

from aetutor.history import to_bytes


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

    def log(self, model, setup, history):
        """Write the last epoch of a history."""
        try:
            self._log(history)
        except OSError as error:
            warnings.warn(f"TensorBoard's file cannot be written: {error}", stacklevel=4)

    def _log(self, history):
        epoch = len(history)
        self.writer.add_scalar("error/train", history.train_error[-1], epoch)
        self.writer.add_scalar("error/validation", history.val_error[-1], epoch)
        self.writer.add_scalar("learning rate", history.learning_rate[-1], epoch)
        if epoch in history.pictures:
            pairs = torch.cat([history.images, history.pictures[epoch]], dim=2)  # (N, C, 2H, W)
            self.writer.add_images("originals above reconstructions", pairs, epoch)
        self.writer.flush()

    def close(self):
        """Finish the file."""
        with suppress(OSError):  # log() has warned of it
            self.writer.close()


def projector(folder, latents, images, names, *, value_range):
    """Write codes where TensorBoard's projector finds them, each with a thumbnail and a name.

    What an earlier call wrote into the folder is replaced.

    Parameters
    ----------
    folder : path
        One folder a set of codes; TensorBoard is given this one or the one above.
    latents : torch.Tensor
        (N, latent_dim).
    images : torch.Tensor
        (N, C, H, W), C 1 or 3. All thumbnails together make a square picture, which browsers
        show up to 8192 pixels a side: 65,536 images of 32x32.
    names : sequence of str
        One for each image: what points can be coloured by and searched for.
    value_range : tuple of float
        Of the images.

    Raises
    ------
    ValueError
        If there are not as many images and names as codes.
    """
    from torch.utils.tensorboard import SummaryWriter  # here: it takes seconds to import

    if not len(latents) == len(images) == len(names):
        raise ValueError(
            f"{len(latents)} codes need as many images and names, "
            f"got {len(images)} and {len(names)}"
        )
    shutil.rmtree(Path(folder) / "00000", ignore_errors=True)  # where add_embedding writes
    thumbnails = to_bytes(images, value_range).expand(-1, 3, -1, -1).float() / 255
    with SummaryWriter(folder) as writer:
        writer.add_embedding(latents, list(names), thumbnails)
