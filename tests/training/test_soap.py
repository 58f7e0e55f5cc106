"""SOAP moves as the paper's formulas say, each network of a population as if it were alone."""

from __future__ import annotations

import math

import pytest
import torch

from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.methods.base import Point
from workbench.methods.mean_field import MeanField
from workbench.methods.regression import GaussianRegression
from workbench.nets.network import Matrix
from workbench.nets.population import PopulationMLP
from workbench.training.optimiser import optimiser
from workbench.training.soap import BETA, TURNS, Soap


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(3)


def plain_soap(start, gradients, rates, bases=None):
    """One matrix as in the paper: every quantity by itself, m in the original basis; from `bases`, where it is more than numbers."""
    theta, m, v = start.clone(), torch.zeros_like(start), torch.zeros_like(start)
    matrix, left, right = bases is not None, torch.zeros(()), torch.zeros(())
    q_left, q_right = bases or (None, None)
    for step, (g, rate) in enumerate(zip(gradients, rates, strict=True), 1):
        if matrix:
            if step % TURNS == 0:
                q_left, q_right = torch.linalg.qr(left @ q_left)[0], torch.linalg.qr(right @ q_right)[0]
                v = torch.maximum(v, (q_left.T @ m @ q_right) ** 2 / (1 - BETA ** (step - 2)))
            left, right = BETA * left + (1 - BETA) * g @ g.T, BETA * right + (1 - BETA) * g.T @ g
        if step == 1:
            continue
        m = BETA * m + (1 - BETA) * g
        turned, turned_m = (q_left.T @ g @ q_right, q_left.T @ m @ q_right) if matrix else (g, m)
        v = BETA * v + (1 - BETA) * turned**2
        lacking = 1 - BETA ** (step - 1)
        move = (turned_m / lacking) / (torch.sqrt(v / lacking) + 1e-8)
        theta = theta - rate * (q_left @ move @ q_right.T if matrix else move)
    return theta


def test_soap_is_what_the_formulas_say(generator):
    network, steps, members = PopulationMLP(5, (7, 4), 2), 34, 3
    rows = network.initial(members, generator).double()
    gradients = [torch.randn(members, network.parameters, generator=generator, dtype=torch.float64) for _ in range(steps)]
    rates = [1e-2 * (1 - step / steps) for step in range(steps)]
    moved = rows.clone()
    soap = Soap([moved], [(members, network.matrices)])
    for gradient, rate in zip(gradients, rates, strict=True):
        moved.grad = gradient
        soap.step(rate)
        if gradient is gradients[0]:  # where G has a null space, its basis is anybody's choice
            torch.testing.assert_close(moved, rows)
            bases = [[each.clone() for each in basis.bases] for basis in soap.bases[0]]
    for own, matrix in zip(bases, network.matrices, strict=True):
        g = matrix.of(gradients[0])
        for q, square in zip(own, (g @ g.mT, g.mT @ g), strict=True):
            turned = q.mT @ square @ q
            torch.testing.assert_close(turned, torch.diag_embed(turned.diagonal(dim1=1, dim2=2)), rtol=0, atol=1e-10)
            torch.testing.assert_close(q.mT @ q, torch.eye(q.shape[1], dtype=torch.float64).expand_as(q))
    start = 0
    for number, size in enumerate(network.sizes):
        part = slice(start, start + size)
        shape = network.shapes[number // 2] if number % 2 == 0 else (size,)
        for member in range(members):
            own = [gradient[member, part].view(shape) for gradient in gradients]
            turned = [q[member] for q in bases[number // 2]] if number % 2 == 0 else None
            expected = plain_soap(rows[member, part].view(shape), own, rates, turned)
            torch.testing.assert_close(moved[member, part].view(shape), expected, rtol=1e-9, atol=1e-12)
        start += size


def test_a_network_moves_among_others_as_it_does_alone(generator):
    network = PopulationMLP(5, (5, 5), 5)  # square matrices, so that no eigenvector is arbitrary
    rows = network.initial(3, generator).double()
    gradients = [torch.randn(rows.shape, generator=generator, dtype=torch.float64) for _ in range(24)]
    together, alone = rows.clone(), rows[1:2].clone()
    for tensor, pick in ((together, slice(None)), (alone, slice(1, 2))):
        soap = Soap([tensor], [(len(tensor), network.matrices)])
        for gradient in gradients:
            tensor.grad = gradient[pick].clone()
            soap.step(1e-2)
    torch.testing.assert_close(together[1:2], alone, rtol=1e-10, atol=1e-12)


def test_a_lost_network_leaves_the_others_alone(generator):
    network = PopulationMLP(3, (4,), 2)
    sound, lost = (network.initial(2, torch.Generator().manual_seed(1)) for _ in range(2))
    for tensor in (sound, lost):
        soap, numbers = Soap([tensor], [(2, network.matrices)]), torch.Generator().manual_seed(2)
        for _ in range(23):
            tensor.grad = torch.randn(tensor.shape, generator=numbers)
            if tensor is lost:
                tensor.grad[0] = math.nan
            soap.step(1e-2)
    assert lost[0].isnan().all()
    torch.testing.assert_close(lost[1], sound[1], rtol=0, atol=0)


def test_widths_of_a_posterior_move_by_adam_and_means_by_soap(generator):
    network = PopulationMLP(3, (4,), 2)
    method = MeanField(GaussianRegression(network), [Point(0), Point(1)], training_points=100, device=torch.device("cpu"), seed=0)
    soap = optimiser("soap", method)
    before = method.posterior.clone()
    gradients = [torch.randn(before.shape, generator=generator) for _ in range(15)]
    for gradient in gradients:
        method.posterior.grad = gradient.clone()
        soap.step(1e-2)
    widths = plain_soap(before[1].double(), [each[1].double() for each in gradients], [1e-2] * 15)
    torch.testing.assert_close(method.posterior[1].double(), widths, rtol=1e-4, atol=1e-5)
    means = plain_soap(before[0].double(), [each[0].double() for each in gradients], [1e-2] * 15)
    weight = network.matrices[0]
    assert not torch.allclose(weight.of(method.posterior[0]).double(), weight.of(means), rtol=1e-2, atol=1e-3)


def test_soap_solves_what_is_stretched_along_turned_axes(generator):
    """L = |B W C|²/2 with B and C of condition 30 in random bases: two hundred steps of the same length, many times below Adam's loss."""
    weights = Matrix(0, 12, 9)

    def stretched(size):
        turn = torch.linalg.qr(torch.randn(size, size, generator=generator, dtype=torch.float64))[0]
        return turn @ torch.diag(torch.logspace(0, -1.5, size, dtype=torch.float64)) @ turn.T

    b, c, start = stretched(12), stretched(9), torch.randn(1, 108, generator=generator, dtype=torch.float64)
    reached = {}
    for name in ("turned", "plain"):
        theta = start.clone()
        soap = Soap([theta], [(1, [weights] if name == "turned" else [])])
        for step in range(200):
            w = weights.of(theta)
            theta.grad = (b.T @ b @ w @ c @ c.T).flatten(1)
            soap.step(0.05 * (1 - step / 200))
        reached[name] = float((b @ weights.of(theta) @ c).square().sum())
    assert reached["turned"] < 0.1 * reached["plain"]


def test_recipes_choose_it():
    assert AmplitudeRecipe(optimiser="soap").hash != AmplitudeRecipe().hash
