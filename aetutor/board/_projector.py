"""Codes in TensorBoard's projector."""

import shutil
from pathlib import Path

from aetutor.history import to_bytes


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
