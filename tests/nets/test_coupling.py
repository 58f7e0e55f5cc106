"""Coupling flows: exact inverse and determinant, gradients, members and the halves that every pair of blocks moves."""

from __future__ import annotations

import pytest
import torch

from workbench.nets.coupling import Flow, mixings, random_rotation
from workbench.nets.splines import CURVES, SPLINES

CASES = {
    "one dimension": {"dimension": 1, "blocks": 3},
    "one dimension, conditioned": {"dimension": 1, "conditions": 2, "blocks": 2},
    "plane": {"dimension": 2, "blocks": 4, "rotate": False},
    "odd, conditioned": {"dimension": 5, "conditions": 3, "blocks": 4},
    "twelve": {"dimension": 12, "conditions": 1, "blocks": 6, "activation": "relu"},
}


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(7)


@pytest.fixture(params=[(case, spline) for case in CASES for spline in CURVES], ids=lambda p: f"{p[0]}-{p[1]}")
def flow(request):
    case, spline = request.param
    return Flow(**CASES[case], hidden=(12, 9), spline=CURVES[spline](5, 3.0), seed=4)


def a_population(flow, generator, members=3, events=11):
    """Rows away from the identity, points and conditions, in float64."""
    rows = flow.initial(members, generator).double()
    rows += 0.1 * torch.randn(rows.shape, generator=generator, dtype=torch.float64)
    x = torch.randn(members, events, flow.dimension, generator=generator, dtype=torch.float64)
    return rows, x, torch.randn(members, events, flow.conditions, generator=generator, dtype=torch.float64)


def test_a_fresh_flow_mixes_and_changes_nothing_else(flow, generator):
    x = torch.randn(2, 9, flow.dimension, generator=generator)
    condition = torch.randn(2, 9, flow.conditions, generator=generator)
    z, log_det, _ = flow.forward(flow.initial(2, generator), x, condition)
    torch.testing.assert_close(log_det, torch.zeros(2, 9), rtol=0, atol=2e-5)
    torch.testing.assert_close(z.square().sum(2), x.square().sum(2), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 1e-4), (torch.float64, 1e-8)])
def test_inverse_undoes_forward(flow, generator, dtype, error):
    rows, z, condition = (each.to(dtype) for each in a_population(flow, generator, events=200))
    rows *= 0.7
    x = flow.inverse(rows, z, condition)
    assert (flow.forward(rows, x, condition)[0] - z).abs().max() < error


def test_log_determinant_is_that_of_the_jacobian(flow, generator):
    rows, x, condition = a_population(flow, generator, members=1, events=4)
    _, log_det, _ = flow.forward(rows, x, condition)
    for event in range(4):

        def image(point, event=event):
            return flow.forward(rows, point.view(1, 1, -1), condition[:, event : event + 1])[0].flatten()

        jacobian = torch.autograd.functional.jacobian(image, x[0, event])
        torch.testing.assert_close(torch.linalg.slogdet(jacobian).logabsdet, log_det[0, event], rtol=1e-8, atol=1e-8)


def test_written_out_gradient_equals_autograd(flow, generator):
    rows, x, condition = a_population(flow, generator)
    z, log_det, tape = flow.forward(rows, x, condition)
    dz, dlog_det = (torch.randn(each.shape, generator=generator, dtype=torch.float64) for each in (z, log_det))
    gradient = flow.backward(tape, dz, dlog_det)
    leaf = rows.clone().requires_grad_()
    z, log_det, _ = flow.forward(leaf, x, condition)
    (expected,) = torch.autograd.grad((z * dz).sum() + (log_det * dlog_det).sum(), leaf)
    torch.testing.assert_close(gradient, expected, rtol=1e-8, atol=1e-9 * float(expected.abs().max()))


def test_a_member_is_the_same_flow_alone_and_members_differ(flow, generator):
    rows, x, condition = a_population(flow, generator)
    x, condition = (each[:1].expand(3, -1, -1) for each in (x, condition))
    together, back = flow.log_density(rows, x, condition), flow.inverse(rows, x, condition)
    for member in range(3):
        own = slice(member, member + 1)
        torch.testing.assert_close(together[own], flow.log_density(rows[own], x[own], condition[own]))
        torch.testing.assert_close(back[own], flow.inverse(rows[own], x[own], condition[own]))
    assert not torch.allclose(together[0], together[1])


def test_conditions_matter(generator):
    flow = Flow(3, conditions=2, blocks=2, hidden=(8,))
    rows, x, condition = a_population(flow, generator)
    assert not torch.allclose(flow.log_density(rows, x, condition), flow.log_density(rows, x, condition + 1.0))


@pytest.mark.parametrize("rotate", [False, True])
@pytest.mark.parametrize("dimension", [1, 2, 3, 6, 7])
def test_every_component_is_moved_by_each_pair_of_blocks(dimension, rotate, generator):
    matrices = mixings(dimension, 6, rotate, generator)
    torch.testing.assert_close(matrices @ matrices.mT, torch.eye(dimension, dtype=torch.float64).expand(6, -1, -1))
    kept = dimension // 2
    for swap in matrices[1::2]:
        assert not swap[:kept, :kept].any()  # what the first block of a pair keeps, the second does not keep


def test_permutations_change_from_pair_to_pair_and_rotations_have_determinant_one(generator):
    matrices = mixings(8, 6, False, generator)
    assert torch.equal(matrices.sum(1), torch.ones(6, 8, dtype=torch.float64)) and not torch.equal(matrices[2], matrices[4])
    for dimension in (1, 2, 5):
        assert torch.linalg.det(random_rotation(dimension, generator)) == pytest.approx(1.0)


def test_parameters_are_counted_as_in_the_benchmark():
    assert Flow(12, spline=SPLINES["rational_quadratic"]()).parameters == 422_520
