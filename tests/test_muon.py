import pytest
import torch

from aetutor import muon
from aetutor.muon import Muon, orthogonalized


@pytest.mark.parametrize("shape", [(20, 30), (30, 20), (16, 16)])
def test_with_jordans_polynomials_a_matrix_moves_as_under_torch_optim_muon(shape, monkeypatch):
    monkeypatch.setattr(muon, "COEFFICIENTS", [(3.4445, -4.7750, 2.0315)] * 5)
    generator = torch.Generator().manual_seed(0)
    ours = torch.nn.Parameter(torch.randn(shape, generator=generator))
    theirs = torch.nn.Parameter(ours.detach().clone())
    start = ours.detach().clone()
    optimizers = Muon([ours], lr=0.02), torch.optim.Muon([theirs], lr=0.02, weight_decay=0)
    for _ in range(5):
        ours.grad = torch.randn(shape, generator=generator)
        theirs.grad = ours.grad.clone()
        for optimizer in optimizers:
            optimizer.step()
    # torch rounds its products to bfloat16, which has three significant digits.
    moved = (ours - start).norm()
    assert (ours - theirs).norm() < 0.03 * moved


def test_every_singular_value_above_a_thousandth_ends_near_one():
    values = torch.logspace(-3, 0, 1000, dtype=torch.float64)
    for a, b, c in muon.COEFFICIENTS:
        values = a * values + b * values**3 + c * values**5
    assert 0.87 < values.min() <= values.max() < 1.13


@pytest.mark.parametrize("shape", [(16, 8, 3, 3), (64, 16, 3, 3), (8, 4, 7, 7)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_convolutions_update_is_nearly_the_orthogonal_factor_of_its_svd(shape, layout):
    generator = torch.Generator().manual_seed(0)
    weight = torch.nn.Parameter(torch.zeros(shape).to(memory_format=layout))
    weight.grad = torch.randn(shape, generator=generator).to(memory_format=layout)
    Muon([weight], lr=1.0).step()
    u, _, vh = torch.linalg.svd(weight.grad.flatten(1), full_matrices=False)
    update = -weight.detach().flatten(1) / max(1, u.shape[0] / vh.shape[1]) ** 0.5
    cosine = (update * (u @ vh)).sum() / update.norm() / (u @ vh).norm()
    assert cosine > 0.99
    values = torch.linalg.svdvals(update)
    assert 0.86 < values.min() <= values.max() < 1.14


def test_orthogonalizing_keeps_the_directions_of_a_badly_conditioned_matrix():
    generator = torch.Generator().manual_seed(0)
    u = torch.linalg.qr(torch.randn(40, 8, generator=generator)).Q
    v = torch.linalg.qr(torch.randn(60, 8, generator=generator)).Q
    matrix = u @ torch.diag(torch.logspace(0, -2, 8)) @ v.T
    values = torch.diagonal(u.T @ orthogonalized(matrix) @ v)
    assert 0.86 < values.min() <= values.max() < 1.14


def test_a_vector_is_refused():
    with pytest.raises(ValueError, match=r"two or more dimensions, got the shape \(5,\)"):
        Muon([torch.nn.Parameter(torch.zeros(5))])


def test_a_weight_without_gradient_stays():
    weight = torch.nn.Parameter(torch.ones(3, 3))
    Muon([weight]).step()
    assert torch.equal(weight, torch.ones(3, 3))
