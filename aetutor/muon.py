"""Muon, the optimiser that makes these small networks learn in minutes."""

import torch


class Muon(torch.optim.Optimizer):
    """Momentum whose update, as a matrix, is made orthogonal (Jordan et al., 2024).

    The update of a weight is the orthogonal factor of its momentum: every direction in which
    the weight can move gets a step of the same size, the weak ones too. With default settings,
    a 2-D weight moves as under ``torch.optim.Muon`` without weight decay, up to rounding. This
    one takes convolutions as well, and stays in float32: bfloat16 products, torch's way, are
    fast only on processors with instructions for them, and take three to four times as long on
    others, most laptops among them.

    Parameters
    ----------
    weights : iterable of torch.Tensor
        Of two or more dimensions; one of more than two is treated as the matrix
        ``weight.flatten(1)``.
    lr : float
        Step size: about the change of a weight's largest singular value in one step.
    momentum : float
    """

    def __init__(self, weights, lr=0.02, momentum=0.95):
        super().__init__(weights, {"lr": lr, "momentum": momentum})
        for weight in (weight for group in self.param_groups for weight in group["params"]):
            if weight.ndim < 2:
                raise ValueError(
                    "Muon takes weights of two or more dimensions, "
                    f"got the shape {tuple(weight.shape)}"
                )

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(weight)
                buffer = state["momentum_buffer"]
                buffer.lerp_(weight.grad, 1 - group["momentum"])
                update = orthogonalized(weight.grad.lerp(buffer, group["momentum"]).flatten(1))
                # A tall matrix has few rows' worth of directions, so each may go further.
                tall = max(1, update.shape[0] / update.shape[1]) ** 0.5
                weight.add_(update.view(weight.shape), alpha=-group["lr"] * tall)


def orthogonalized(matrix, steps=5):
    """Return nearly the orthogonal factor U V^T of a matrix U S V^T, without its SVD.

    Each Newton-Schulz step applies one odd polynomial, p(s) = a s + b s^3 + c s^5, to all singular
    values at once; five bring every one that is not tiny to between about 0.7 and 1.2. As
    p(X) = (a + b G + c G^2) X with G = X X^T, the steps are taken on the small square G, and X
    is multiplied once at the end.

    Parameters
    ----------
    matrix : torch.Tensor
        (M, N).
    steps : int

    Returns
    -------
    torch.Tensor
        (M, N).
    """
    a, b, c = 3.4445, -4.7750, 2.0315  # Jordan's, steep at zero
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / x.norm().clamp(min=1e-7)  # the largest singular value is now at most 1
    gram = x @ x.T
    polynomial = product = None
    for _ in range(steps):
        if polynomial is not None:
            gram = polynomial @ gram @ polynomial  # of the matrix after the step before
        polynomial = torch.addmm(gram, gram, gram, beta=b, alpha=c)
        polynomial.diagonal().add_(a)
        product = polynomial if product is None else polynomial @ product
    x = product @ x
    return x.T if tall else x
