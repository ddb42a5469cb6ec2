"""Muon, the optimiser that makes these small networks learn in minutes."""

import torch

# a, b, c of each step's polynomial: Amsel et al. (2025), for singular values from 0.001 to 1.
COEFFICIENTS = (
    (8.28721201814563, -23.595886519098837, 17.300387312530933),
    (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
    (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
    (3.3184196573706015, -2.488488024314874, 0.51004894012372),
    (2.300652019954817, -1.6689039845747493, 0.4188073119525673),
)


class Muon(torch.optim.Optimizer):
    """Momentum whose update, as a matrix, is made orthogonal (Jordan et al., 2024).

    The update of a weight is the orthogonal factor of its momentum: every direction in which
    the weight can move gets a step of the same size, the weak ones too.

    ``torch.optim.Muon`` differs in three ways. It takes matrices only, this one convolutions as
    well. Its factor is less exact (see :func:`orthogonalized`), and on CIFAR-10 exactness pays. And
    it computes in bfloat16, which is fast only on processors with instructions for it, and takes
    three to four times as long as float32 on others, most laptops among them.

    Parameters
    ----------
    weights : iterable of torch.Tensor
        Of two or more dimensions; one of more than two is treated as the matrix
        ``weight.flatten(1)``.
    lr : float
        Step size: about the change of a weight's largest singular value in one step.
    momentum : float
    each : callable
        Like ``map``; one that shares its work among processes saves time if there are several.
    """

    def __init__(self, weights, lr=0.02, momentum=0.95, each=map):
        super().__init__(weights, {"lr": lr, "momentum": momentum})
        self.each = each
        for weight in (weight for group in self.param_groups for weight in group["params"]):
            if weight.ndim < 2:
                raise ValueError(
                    "Muon takes weights of two or more dimensions, "
                    f"got the shape {tuple(weight.shape)}"
                )

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            directions = (self._direction(weight, group["momentum"]) for weight in weights)
            updates = self.each(orthogonalized, directions)
            for weight, update in zip(weights, updates, strict=True):
                # A tall matrix has few rows' worth of directions, so each may go further.
                tall = max(1, update.shape[0] / update.shape[1]) ** 0.5
                weight.add_(update.view(weight.shape), alpha=-group["lr"] * tall)

    def _direction(self, weight, momentum):
        """Update the momentum of a weight; return, as a matrix, where it leads."""
        state = self.state[weight]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(weight)
        buffer = state["momentum_buffer"]
        buffer.lerp_(weight.grad, 1 - momentum)
        return weight.grad.lerp(buffer, momentum).flatten(1)


def orthogonalized(matrix):
    """Return nearly the orthogonal factor U V^T of a matrix U S V^T, without its SVD.

    Each of five Newton-Schulz steps applies an odd polynomial, p(s) = a s + b s^3 + c s^5, to all
    singular values at once. With the coefficients of the Polar Express (Amsel et al., 2025), the
    best for each step after those before it, every one that is at least a thousandth of the
    matrix's norm ends between 0.87 and 1.13. As p(X) = (a + b G + c G^2) X with G = X X^T, the
    steps are taken on the small square G, and X is multiplied once at the end.

    Parameters
    ----------
    matrix : torch.Tensor
        (M, N).

    Returns
    -------
    torch.Tensor
        (M, N).
    """
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / x.norm().clamp(min=1e-7)  # the largest singular value is now at most 1
    gram = x @ x.T
    polynomial = product = None
    for a, b, c in COEFFICIENTS:
        if polynomial is not None:
            gram = polynomial @ gram @ polynomial  # of the matrix after the step before
        polynomial = torch.addmm(gram, gram, gram, beta=b, alpha=c)
        polynomial.diagonal().add_(a)
        product = polynomial if product is None else polynomial @ product
    x = product @ x
    return x.T if tall else x
