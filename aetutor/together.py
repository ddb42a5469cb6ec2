"""Several processes that train one model: those that torchrun starts. Alone, nothing is shared.

Each process takes its share of every batch, so the batches are those of one process, and all
processes hold the same weights after every step.
"""

import os
import sys
from contextlib import contextmanager, redirect_stdout
from datetime import timedelta

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

PATIENCE = timedelta(minutes=5)  # for a process that does not come, or does not go on


@contextmanager
def joined():
    """Join the processes that torchrun has started beside this one; without torchrun, do nothing.

    All but the first are silent meanwhile.

    Raises
    ------
    TimeoutError
        If another process does not come within five minutes.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    try:
        store, rank, size = next(distributed.rendezvous("env://", timeout=PATIENCE))
        # torchrun keeps its store when it starts all again, with the addresses of the dead.
        store = distributed.PrefixStore(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"), store)
        settings = {"rank": rank, "world_size": size, "timeout": PATIENCE}
        distributed.init_process_group(store=store, **settings)  # gloo, and nccl for GPUs
    except RuntimeError as error:
        raise TimeoutError(
            f"the {os.environ['WORLD_SIZE']} processes did not find each other within "
            f"{PATIENCE.total_seconds():g} seconds: {error}"
        ) from error
    try:
        with open(os.devnull, "w") as nowhere:  # noqa: SIM117
            with redirect_stdout(sys.stdout if is_first() else nowhere):
                yield
    finally:
        distributed.destroy_process_group()


def count():
    """Return how many processes train together; 1 for one that is alone."""
    return distributed.get_world_size() if _several() else 1


def is_first():
    """Return whether this is the one process that writes files."""
    return _rank() == 0


def check_batch(model, batch_size):
    """Raise a ValueError unless batches can be shared among the processes."""
    if batch_size < count():
        raise ValueError(
            f"{count()} processes need batches of at least as many images, got {batch_size}"
        )
    norms = nn.modules.batchnorm._BatchNorm
    if count() > 1 and any(isinstance(module, norms) for module in model.modules()):
        # Each process would normalise by its own share.
        raise ValueError("a network with batch normalisation can be trained by one process only")


def check_same(value, what):
    """Raise a ValueError unless all processes have the same value."""
    values = [value] * count()
    if _several():
        distributed.all_gather_object(values, value)
    if len(set(values)) > 1:
        raise ValueError(f"the processes differ in {what}: {', '.join(map(str, values))}")


def loss_of(model):
    """Return the model's ``loss``, whose gradients become the mean of those of all processes."""
    return DistributedDataParallel(_Loss(model)) if _several() else model.loss


class _Loss(nn.Module):
    """A model that is called for its loss: DistributedDataParallel calls modules."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, images):
        return self.model.loss(images)


def share(images):
    """Return this process's share of a batch, and the weight of its mean loss.

    The mean over the processes of weight times loss is the mean loss of the batch. If there are
    more processes than images, those without a share get one with the weight 0.
    """
    own = images.tensor_split(count())[_rank()]
    weight = len(own) * count() / len(images)
    return (own, weight) if len(own) else (images[:1], weight)


def part(split):
    """Return the part of a split that this process evaluates: all of it if it is small."""
    if len(split) < count():
        return split
    return split.subset(len(split) * _rank() // count(), len(split) * (_rank() + 1) // count())


def mean(*numbers):
    """Return the means over all processes of some numbers, as floats."""
    if not _several():
        return [float(number) for number in numbers]
    sums = torch.tensor([float(number) for number in numbers], dtype=torch.float64, device="cpu")
    distributed.all_reduce(sums)
    return (sums / count()).tolist()


def each(function, matrices):
    """Apply a function to all matrices, as ``map`` does, each in one process only.

    Parameters
    ----------
    function : callable
        From a matrix to one of the same shape.
    matrices : iterable of torch.Tensor
        The same in all processes.

    Returns
    -------
    iterable of torch.Tensor
    """
    if not _several():
        return map(function, matrices)
    matrices = list(matrices)
    results = [torch.zeros_like(matrix) for matrix in matrices]
    # The largest are dealt first, so that nobody gets all of them.
    order = sorted(range(len(matrices)), key=lambda n: -matrices[n].numel())
    for n in order[_rank() :: count()]:
        results[n] = function(matrices[n])
    flat = torch.cat([result.flatten() for result in results])
    distributed.all_reduce(flat)  # what the others have is zero here
    sizes = [matrix.numel() for matrix in matrices]
    return [one.view(m.shape) for one, m in zip(flat.split(sizes), matrices, strict=True)]


def wait():
    """Wait until all processes are here."""
    if _several():
        distributed.barrier()


def _rank():
    return distributed.get_rank() if _several() else 0


def _several():
    return distributed.is_available() and distributed.is_initialized()
